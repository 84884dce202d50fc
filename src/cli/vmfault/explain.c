/**
 * vmfault --explain: how a page fault travels through Linux on x86-64.
 *
 * The way is that of arch/x86/mm/fault.c (exc_page_fault() to do_sigbus()), and of mm/memory.c (handle_mm_fault() and
 * what it calls), mm/huge_memory.c, mm/filemap.c and mm/userfaultfd.c, as of Linux 6.18.
 */

#include "cli/vmfault/explain.h"

#include <string.h>

#include "cli/render/report.h"
#include "cli/render/text.h"
#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/model/fault.h"

/** Columns: of the tree where a count stands beside it, and of what is bold, in per cent of all faults. */
enum { TREE = 53, NO_KIND = -1, MUCH = 10 };

/** What the count beside a step is that isn't a kind's. */
enum sum {
	SUM_NONE,
	SUM_BELOW,                 /* of the kinds of the steps below it */
	SUM_ALL, SUM_HANDLED,      /* of all kinds, and of those that ended with a page */
};

struct step {
	uint8_t depth;
	int8_t kind;               /* whose faults end here, or NO_KIND */
	uint8_t sum;
	const char *what;          /* the kind's name follows */
};

#define SAY(depth, what) { depth, NO_KIND, SUM_NONE, what }
#define SUM(depth, what, which) { depth, NO_KIND, SUM_##which, what }
#define END(depth, what, kind) { depth, VM_FAULT_##kind, SUM_NONE, what }

static const struct step steps[] = {
	SUM(0, "#PF: the page table doesn't permit the access", ALL),
	SAY(1, "CR2 holds the address; the error code tells: was there a page? a write?"),
	SAY(1, "from user mode? a fetch? a protection key?"),
	SAY(0, "exc_page_fault(): tracepoint page_fault_user or page_fault_kernel"),
	SAY(1, "the clock of vmfault starts"),
	SAY(0, "do_user_addr_fault(): the mapping, and whether it permits the access"),
	SAY(1, "from user mode: lock_vma_under_rcu(), the lock of the one mapping"),
	SAY(1, "else, or if that is held: mmap_lock, lock_mm_and_find_vma()"),
	END(2, "nothing there: SIGSEGV", UNMAPPED),
	END(2, "below a stack: expand_stack()", STACK_GROWTH),
	SAY(1, "access_error(): the mapping doesn't permit it: SIGSEGV"),
	END(2, "", PERMISSION),
	END(2, "", PKEY),
	SAY(0, "handle_mm_fault(): down the page table, which is filled on the way"),
	END(1, "hugetlb_fault()", HUGETLB),
	SUM(1, "PMD empty: do_huge_pmd_anonymous_page()", BELOW),
	END(2, "write", THP_ANON),
	END(2, "read", THP_ZERO),
	END(2, "none to be had: a PTE", THP_FALLBACK),
	SUM(1, "PMD read-only, write: do_huge_pmd_wp_page()", BELOW),
	END(2, "", THP_COW),
	SUM(1, "PTE empty, private memory: do_anonymous_page()", BELOW),
	END(2, "write", ANON_FIRST),
	END(2, "read", ZERO_PAGE),
	SUM(1, "PTE empty, file or shared memory: do_fault()", BELOW),
	END(2, "do_fault_around()", FILE_CACHE),
	END(2, "filemap_fault() waits", FILE_DISK),
	END(2, "page_mkwrite()", FILE_MKWRITE),
	END(2, "do_set_pmd()", THP_FILE),
	END(2, "shmem_fault()", SHMEM),
	END(2, "a driver's fault()", DEVICE),
	END(2, "SIGBUS", BEYOND_EOF),
	SUM(1, "PTE not empty, not present: do_swap_page()", BELOW),
	END(2, "swapin_readahead()", SWAP_IN),
	END(2, "in the swap cache", SWAP_CACHE),
	END(2, "migration_entry_wait()", MIGRATION),
	END(2, "a marker: SIGSEGV", GUARD),
	END(2, "poisoned: SIGBUS", HWPOISON),
	END(1, "PTE without access: do_numa_page()", NUMA_HINT),
	SUM(1, "PTE read-only, write: do_wp_page()", BELOW),
	END(2, "wp_page_copy(), do_cow_fault()", COW),
	END(2, "wp_page_copy() of zeros", ZERO_WRITE),
	END(2, "wp_page_reuse()", COW_REUSE),
	END(2, "wp_page_reuse()", SOFT_DIRTY),
	END(1, "PTE permits it by now", SPURIOUS),
	END(1, "at any of these: handle_userfault()", UFFD),
	SUM(1, "with a page in the end, whichever way:", BELOW),
	END(2, "", UNKNOWN),
	END(2, "", MINOR_ANON),
	END(2, "", MINOR_FILE),
	END(2, "", MINOR_SHMEM),
	END(2, "", MINOR),
	END(2, "", MAJOR),
	SAY(0, "VM_FAULT_RETRY, after a wait without locks: again from the mapping on"),
	SUM(0, "mm_account_fault(): min_flt, maj_flt, perf's event", HANDLED),
	SAY(1, "the clock of vmfault stops"),
	SAY(0, "back to the instruction, which is executed again; or instead of that"),
	END(1, "fixup_exception(), EFAULT", UNRESOLVED),
	END(1, "other signals", INVALID),
};

struct counts {
	const uint64_t *count, *ns;
	uint64_t all, handled;
};

/* ---- The tree ------------------------------------------------------------------------------------------------------ */

/** Does a step of this depth follow before a shallower one? */
static bool goes_on(size_t i, unsigned depth)
{
	for (i++; i < vm_countof(steps) && steps[i].depth >= depth; i++)
		if (steps[i].depth == depth)
			return true;
	return false;
}

static void put_tree(struct vm_buf *b, size_t i, bool utf8)
{
	const struct step *s = &steps[i];
	for (unsigned d = 1; d < s->depth; d++)
		vm_buf_add_str(b, goes_on(i, d) ? (utf8 ? "│ " : "| ") : "  ");
	if (s->depth)
		vm_buf_add_str(b, goes_on(i, s->depth) ? (utf8 ? "├ " : "|-") : (utf8 ? "└ " : "`-"));
	vm_buf_add_str(b, s->what);
	if (s->kind != NO_KIND && s->what[0])
		vm_buf_add_str(b, utf8 ? " → " : " > ");
	if (s->kind != NO_KIND)
		vm_buf_add_str(b, vm_fault_kinds[s->kind].name);
}

/* ---- What was counted ---------------------------------------------------------------------------------------------- */

struct figures {
	uint64_t n, timed, ns;     /* faults; those of kinds that were timed, and their time */
};

static void add_kind(struct figures *f, const struct counts *c, int kind)
{
	f->n += c->count[kind];
	f->timed += c->ns[kind] ? c->count[kind] : 0;
	f->ns += c->ns[kind];
}

/** What stands beside a step. */
static struct figures sum_up(const struct counts *c, size_t i)
{
	const struct step *s = &steps[i];
	struct figures f = { 0 };
	if (s->kind != NO_KIND)
		add_kind(&f, c, s->kind);
	else if (s->sum != SUM_BELOW)
		f.n = s->sum == SUM_ALL ? c->all : c->handled;
	else
		for (size_t k = i + 1; k < vm_countof(steps) && steps[k].depth > s->depth; k++)
			add_kind(&f, c, steps[k].kind);
	return f;
}

static void put_figures(struct vm_buf *b, const struct counts *c, const struct figures *f)
{
	char count[VM_NUMBUF], time[VM_NUMBUF];
	const size_t width = vm_text_width(b->s, b->n);
	if (width < TREE)
		vm_buf_add_fill(b, ' ', TREE - width);
	if (f->n)
		vm_buf_addf(b, " %10s %5.1f %%", vm_format_u64(f->n, count), 100.0 * (double)f->n / (double)c->all);
	else
		vm_buf_addf(b, " %10s", "-");
	if (f->timed)
		vm_buf_addf(b, " %7s", vm_format_duration(f->ns / f->timed, time));
}

static void say_step(struct vm_report *r, size_t i, const struct counts *c)
{
	const bool counted = c && (steps[i].kind != NO_KIND || steps[i].sum != SUM_NONE);
	const char *color = "";
	struct vm_buf b = { 0 };
	put_tree(&b, i, r->style.utf8);
	if (counted) {
		const struct figures f = sum_up(c, i);
		put_figures(&b, c, &f);
		if (r->style.color && steps[i].kind != NO_KIND)
			color = f.n == 0 ? "\033[2m" : (double)f.n >= (double)c->all * MUCH / 100 ? "\033[1m" : "";
	}
	vm_report_say(r, "%s%s%s\n", color, vm_buf_str(&b), color[0] ? "\033[0m" : "");
	vm_buf_free(&b);
}

void vmfault_explain(struct vm_report *r, const uint64_t count[VM_FAULT_KIND_NR], const uint64_t time_ns[VM_FAULT_KIND_NR],
		     bool have_counts)
{
	struct counts c = { .count = count, .ns = time_ns };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++) {
		c.all += count[k];
		c.handled += k < VM_FAULT_FIRST_INVALID ? count[k] : 0;
	}
	if (have_counts)
		vm_report_say(r, "%*s %10s %7s %7s\n", TREE, "", "FAULTS", "%", "MEAN");
	for (size_t i = 0; i < vm_countof(steps); i++)
		say_step(r, i, have_counts ? &c : NULL);
}

unsigned vmfault_explained(unsigned kind)
{
	unsigned n = 0;
	for (size_t i = 0; i < vm_countof(steps); i++)
		n += steps[i].kind == (int)kind;
	return n;
}
