/**
 * vmfault --explain: how a page fault travels through Linux on x86-64.
 *
 * The way is that of exc_page_fault() and do_user_addr_fault() in arch/x86/mm/fault.c, handle_mm_fault() and what it
 * calls in mm/memory.c, mm/huge_memory.c, mm/filemap.c; checked with Linux 6.18.
 */

#include "cli/vmfault_explain.h"

#include <string.h>

#include "cli/render/report.h"
#include "core/base/str.h"
#include "core/model/fault.h"

enum { MOST_KINDS = 6, COUNT_AT = 56 };

/** A step: how deep, where it is in the kernel, and the kinds that end there. */
struct step {
	unsigned depth;
	const char *what;
	uint8_t n;
	uint8_t kinds[MOST_KINDS];
};

#define KINDS(...) .n = sizeof((uint8_t[]){ __VA_ARGS__ }), .kinds = { __VA_ARGS__ }
#define K(x) VM_FAULT_##x

static const struct step steps[] = {
	{ 0, "the CPU finds no entry that permits the access: #PF", .n = 0 },
	{ 1, "address in CR2; error code: present? write? user? fetch?", .n = 0 },
	{ 0, "exc_page_fault(): interrupts are off, CR2 is read", .n = 0 },
	{ 1, "tracepoint page_fault_user / _kernel: vmfault's clock starts", .n = 0 },
	{ 0, "do_user_addr_fault()", .n = 0 },
	{ 1, "kernel mode, faults disabled or a bad pointer: -EFAULT", KINDS(K(UNRESOLVED)) },
	{ 1, "protection key forbids it: SIGSEGV, SEGV_PKUERR", KINDS(K(PKEY)) },
	{ 1, "lock_vma_under_rcu(): the mapping, under its own lock", .n = 0 },
	{ 2, "else mmap_lock: lock_mm_and_find_vma()", .n = 0 },
	{ 3, "just below a stack: expand_stack()", KINDS(K(STACK_GROWTH)) },
	{ 3, "none there: SIGSEGV, SEGV_MAPERR", KINDS(K(UNMAPPED)) },
	{ 1, "access_error(): not permitted: SIGSEGV, SEGV_ACCERR", KINDS(K(PERMISSION)) },
	{ 0, "handle_mm_fault(): down the page table, PGD to PTE", .n = 0 },
	{ 1, "hugetlb_fault(): a page of the pool", KINDS(K(HUGETLB)) },
	{ 1, "PMD empty, huge page allowed", .n = 0 },
	{ 2, "do_huge_pmd_anonymous_page(): write", KINDS(K(THP_ANON)) },
	{ 2, "read: the huge page of zeros", KINDS(K(THP_ZERO)) },
	{ 2, "none free: a small page", KINDS(K(THP_FALLBACK)) },
	{ 2, "of a file or shared memory", KINDS(K(THP_FILE)) },
	{ 1, "PMD huge, write: do_huge_pmd_wp_page()", KINDS(K(THP_COW)) },
	{ 1, "PTE empty, anonymous: do_anonymous_page()", .n = 0 },
	{ 2, "write: a zeroed page", KINDS(K(ANON_FIRST)) },
	{ 2, "read: the page of zeros", KINDS(K(ZERO_PAGE)) },
	{ 1, "PTE empty, file or shared: do_fault()", .n = 0 },
	{ 2, "filemap_fault(), in the page cache (with neighbours)", KINDS(K(FILE_CACHE)) },
	{ 2, "not there: readahead, wait for the disk", KINDS(K(FILE_DISK)) },
	{ 2, "shared, write: page_mkwrite(), dirty", KINDS(K(FILE_MKWRITE)) },
	{ 2, "shmem_fault(): tmpfs, memfd, SysV", KINDS(K(SHMEM)) },
	{ 2, "a device's or special mapping's page", KINDS(K(DEVICE)) },
	{ 2, "beyond the file's end: SIGBUS, BUS_ADRERR", KINDS(K(BEYOND_EOF)) },
	{ 1, "PTE not present: do_swap_page()", .n = 0 },
	{ 2, "read from swap: wait for the disk", KINDS(K(SWAP_IN)) },
	{ 2, "still or already in memory", KINDS(K(SWAP_CACHE)) },
	{ 2, "the page is being moved: wait", KINDS(K(MIGRATION)) },
	{ 2, "guard marker: SIGSEGV", KINDS(K(GUARD)) },
	{ 2, "broken memory: SIGBUS, BUS_MCEERR_AR", KINDS(K(HWPOISON)) },
	{ 1, "PTE hidden by NUMA balancing: do_numa_page()", KINDS(K(NUMA_HINT)) },
	{ 1, "missing, or write-protected: handle_userfault()", KINDS(K(UFFD)) },
	{ 1, "PTE read-only, write: do_wp_page()", .n = 0 },
	{ 2, "others have it, or a file's: wp_page_copy()", KINDS(K(COW)) },
	{ 2, "nobody else has it: wp_page_reuse()", KINDS(K(COW_REUSE)) },
	{ 2, "the page of zeros: a page of one's own", KINDS(K(ZERO_WRITE)) },
	{ 2, "only write-protected to see the write (soft-dirty)", KINDS(K(SOFT_DIRTY)) },
	{ 1, "PTE permits it by now: set A and D, no more", KINDS(K(SPURIOUS)) },
	{ 1, "what could not be told apart", KINDS(K(UNKNOWN), K(MINOR_ANON), K(MINOR_FILE), K(MINOR_SHMEM), K(MINOR), K(MAJOR)) },
	{ 1, "other signals", KINDS(K(INVALID)) },
	{ 0, "mm_account_fault(): min_flt or maj_flt, perf event: clock stops", .n = 0 },
	{ 0, "back to the instruction, which is executed again", .n = 0 },
};

struct counts {
	const uint64_t *count, *ns;
	bool have;
	uint64_t all;
};

/** Does a step of this depth follow before a shallower one? */
static bool goes_on(size_t i, unsigned depth)
{
	for (size_t k = i + 1; k < sizeof(steps) / sizeof(steps[0]); k++) {
		if (steps[k].depth == depth)
			return true;
		if (steps[k].depth < depth)
			return false;
	}
	return false;
}

static void put_branches(struct vm_buf *b, size_t i, bool utf8)
{
	const unsigned depth = steps[i].depth;
	for (unsigned d = 1; d < depth; d++)
		vm_buf_add_str(b, goes_on(i, d) ? (utf8 ? "│ " : "| ") : "  ");
	if (depth)
		vm_buf_add_str(b, goes_on(i, depth) ? (utf8 ? "├ " : "|-") : (utf8 ? "└ " : "`-"));
}

static void put_step(struct vm_report *r, size_t i, const struct counts *c)
{
	const struct step *s = &steps[i];
	struct vm_buf b = { 0 };
	char time[VM_NUMBUF];
	uint64_t n = 0, ns = 0;
	for (unsigned k = 0; k < s->n; k++) {
		n += c->count[s->kinds[k]];
		ns += c->ns[s->kinds[k]];
	}
	put_branches(&b, i, r->style.utf8);
	vm_buf_add_str(&b, s->what);
	if (c->have && s->n) {
		for (size_t w = strlen(s->what) + 2 * (size_t)s->depth; w < COUNT_AT; w++)
			vm_buf_add_char(&b, n ? '.' : ' ');
		if (n)
			vm_buf_addf(&b, " %10llu %4.1f %% %s", (unsigned long long)n, c->all ? 100.0 * (double)n / (double)c->all : 0.0,
				    ns ? vm_format_duration(ns, time) : "");
		else
			vm_buf_addf(&b, " %10s", "-");
	}
	const bool mark = r->style.color && n;
	vm_report_say(r, "%s%s%s\n", mark ? "\033[1m" : "", vm_buf_str(&b), mark ? "\033[0m" : "");
	vm_buf_free(&b);
}

void vmfault_explain(struct vm_report *r, const uint64_t count[VM_FAULT_KIND_NR], const uint64_t time_ns[VM_FAULT_KIND_NR],
		     bool have_counts)
{
	struct counts c = { .count = count, .ns = time_ns, .have = have_counts };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		c.all += count[k];
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		put_step(r, i, &c);
}

unsigned vmfault_explained(unsigned kind)
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		for (unsigned k = 0; k < steps[i].n; k++)
			n += steps[i].kinds[k] == kind;
	return n;
}
