/** Huge pages: reasons and remedies in words. */

#include "cli/hugelook.h"

#include <string.h>

#include "cli/render/text.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/hugesys.h"

static void put_size(struct vm_buf *b, uint64_t bytes)
{
	char text[VM_NUMBUF];
	vm_buf_add_str(b, vm_format_size(bytes, text));
}

static void put_limit(struct vm_buf *b, const char *name, uint64_t v)
{
	if (v == VM_HUGE_UNKNOWN)
		vm_buf_add_str(b, name);
	else
		vm_buf_addf(b, "%s = %llu", name, (unsigned long long)v);
}

static unsigned full(const struct vm_huge_world *w)
{
	return (unsigned)(w->machine.range_bytes / w->machine.page_bytes);
}

/** "3 to 17", "17": of so many. */
static void put_span(struct vm_buf *b, unsigned least, unsigned most)
{
	if (least == most)
		vm_buf_addf(b, "%u", most);
	else
		vm_buf_addf(b, "%u to %u", least, most);
}

static void put_holes(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g)
{
	vm_buf_add_str(b, "only ");
	put_span(b, g->present_min, g->present_max);
	vm_buf_addf(b, " of %u pages are there: khugepaged fills no more holes than ", full(w));
	put_limit(b, "max_ptes_none", w->sys.khugepaged.max_none);
}

static void put_swapped(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g)
{
	vm_buf_addf(b, "up to %u of %u pages are in swap: khugepaged reads no more than ", g->swapped_max, full(w));
	put_limit(b, "max_ptes_swap", w->sys.khugepaged.max_swap);
}

static void put_shared(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g)
{
	vm_buf_addf(b, "up to %u of %u pages are mapped elsewhere too, as fork(2) leaves them", g->shared_max, full(w));
	if (g->merged_max)
		vm_buf_addf(b, " (up to %u merged by KSM)", g->merged_max);
	vm_buf_add_str(b, ": khugepaged copies no more than ");
	put_limit(b, "max_ptes_shared", w->sys.khugepaged.max_shared);
}

static void put_wait(struct vm_buf *b, const struct vm_huge_world *w)
{
	const struct vm_khugepaged *k = &w->sys.khugepaged;
	char pause[VM_NUMBUF];
	vm_buf_add_str(b, "nothing is in the way; khugepaged hasn't come by, or wasn't told of the process");
	if (k->pages_to_scan != VM_HUGE_UNKNOWN && k->scan_sleep_ms != VM_HUGE_UNKNOWN)
		vm_buf_addf(b, " (%llu pages every %s, of all processes)", (unsigned long long)k->pages_to_scan,
			    vm_format_duration(k->scan_sleep_ms * 1000000, pause));
	if (w->sys.memory.free_blocks < w->machine.range_bytes)
		vm_buf_add_str(b, "; no free memory is in one piece");
}

/** Clauses that need no numbers. */
static const char *const clauses[VM_WHY_NR] = {
	[VM_WHY_NO_THP] = "this kernel has no transparent huge pages",
	[VM_WHY_SPECIAL] = "memory of a device or of the kernel's own, whose pages aren't chosen",
	[VM_WHY_REFUSED] = "huge pages are refused here (VmFlags: nh): by MADV_NOHUGEPAGE, or MAP_STACK as of threads' stacks",
	[VM_WHY_DISABLED] = "switched off for the process (status: THP_enabled 0) by prctl(PR_SET_THP_DISABLE), which is inherited",
	[VM_WHY_UNASKED] = "the policy is madvise, and nobody asked (VmFlags lack hg)",
	[VM_WHY_SHMEM_DENY] = "shared memory is denied huge pages (shmem_enabled: deny)",
	[VM_WHY_SHMEM_NEVER] = "the policy for shared memory is never",
	[VM_WHY_SHMEM_UNASKED] = "the policy for shared memory is advise, and nobody asked (VmFlags lack hg)",
	[VM_WHY_TMPFS_NEVER] = "its tmpfs is mounted without huge=",
	[VM_WHY_TMPFS_UNASKED] = "its tmpfs is mounted with huge=advise, and nobody asked (VmFlags lack hg)",
	[VM_WHY_FILE] = "pages of files are as large as the page cache reads them",
	[VM_WHY_COPY] = "private copies of a file's pages: only mappings without a file are collapsed",
	[VM_WHY_UNKNOWN] = "what decides here could not be read: policy, flags or pages",
	[VM_WHY_GUARD] = "guard pages lie in it (MADV_GUARD_INSTALL), or other markers",
	[VM_WHY_PROTECTED] = "pages in it are write-protected by a userfaultfd",
	[VM_WHY_READONLY] = "none of its pages may be written as it is, as after mprotect(2) or fork(2), and this kernel collapses "
			    "only where one may",
	[VM_WHY_UFFD_HOLES] = "pages are missing, and a userfaultfd wants to hear of each (VmFlags: um or uw)",
};

void vm_huge_put_why(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g, enum vm_why why)
{
	const uint64_t range = w->machine.range_bytes;
	switch (why) {
	case VM_WHY_SMALL:
		vm_buf_add_str(b, "smaller than ");
		put_size(b, range);
		break;
	case VM_WHY_EDGE:
		vm_buf_add_str(b, "ends of mappings that don't begin or end at a multiple of ");
		put_size(b, range);
		break;
	case VM_WHY_OFFSET:
		vm_buf_add_str(b, "address and file offset differ by no multiple of ");
		put_size(b, range);
		break;
	case VM_WHY_NEVER:
		vm_buf_add_str(b, "the policy for pages of ");
		put_size(b, range);
		vm_buf_add_str(b, " is never");
		break;
	case VM_WHY_SPLIT:
		vm_buf_add_str(b, "is a page of ");
		put_size(b, range);
		vm_buf_add_str(b, " already, but its entry was split, as mprotect(2), munmap(2) and reclaim of a part do");
		break;
	case VM_WHY_HOLES:
		put_holes(b, w, g);
		break;
	case VM_WHY_SWAPPED:
		put_swapped(b, w, g);
		break;
	case VM_WHY_SHARED:
		put_shared(b, w, g);
		break;
	case VM_WHY_WAIT:
		put_wait(b, w);
		break;
	default:
		vm_buf_add_str(b, clauses[why]);
		break;
	}
}

/* ---- Remedies ----------------------------------------------------------------------------------------------------- */

/** Who does that. */
static const char *who_does(const struct vm_huge_world *w, enum vm_remedy what)
{
	return what == VM_DO_PRCTL || (what == VM_DO_COLLAPSE && !w->may_collapse) || what == VM_DO_ADVISE || what == VM_DO_REREAD ? "in the process: " :
	       what == VM_DO_ALIGN ? "in the program: " : "";
}

static void put_setting(struct vm_buf *b, const struct vm_huge_world *w, enum vm_huge_setting which, const char *word, uint64_t number)
{
	const uint64_t bytes = which == VM_HUGE_SET_SIZE ? w->machine.small_bytes : w->machine.range_bytes;
	char path[128];
	if (word)
		vm_buf_addf(b, "echo %s", word);
	else
		vm_buf_addf(b, "echo %llu", (unsigned long long)number);
	vm_buf_addf(b, " > %s", vm_hugesys_path(&w->sys, which, bytes, path, sizeof(path)));
}

/** The whole mapping: advice is kept by mapping, and a part of it would become one of its own. */
static void put_advise(struct vm_buf *b, const struct vm_mapping *m, enum vm_huge_backing backing, uint32_t why)
{
	vm_buf_addf(b, "madvise(0x%llx, 0x%llx, MADV_HUGEPAGE)", (unsigned long long)m->start, (unsigned long long)(m->end - m->start));
	/* At the first call it sees the old flags, and doesn't tell khugepaged of the process (shmem_allowable_huge_orders()). */
	if (backing == VM_HUGE_B_SHMEM || backing == VM_HUGE_B_TMPFS)
		vm_buf_add_str(b, ", twice: at the first call the kernel may not tell khugepaged yet");
	/* The C library asks for pieces of a huge page or more (madvise_thp() in glibc's malloc). */
	if (strcmp(m->name, "[heap]") == 0 && !(why & (VM_WHY(SMALL) | VM_WHY(EDGE))))
		vm_buf_add_str(b, ", or start it with GLIBC_TUNABLES=glibc.malloc.hugetlb=1");
}

static void put_collapse(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g)
{
	const unsigned long long start = g->start, end = g->end;
	if (!w->may_collapse)
		vm_buf_addf(b, "madvise(0x%llx, 0x%llx, MADV_COLLAPSE)", start, end - start);
	else if (g->mappings > 1)
		vm_buf_addf(b, "vmhuge --collapse all %d", p->as->proc.pid);
	else
		vm_buf_addf(b, "vmhuge --collapse %llx-%llx %d", start, end, p->as->proc.pid);
}

static void put_remount(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_mapping *m)
{
	const struct vm_hugefs_mount *mount = vm_hugefs_of(&w->fs, m);
	vm_buf_addf(b, "mount -o remount,huge=advise %s", mount && mount->at[0] ? mount->at : "MOUNTPOINT");
}

void vm_huge_put_do(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g,
		   enum vm_remedy what)
{
	const struct vm_mapping *m = &p->as->map[g->mapping];
	switch (what) {
	case VM_DO_PRCTL:
		vm_buf_add_str(b, "prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)");
		break;
	case VM_DO_ENABLE:
		put_setting(b, w, VM_HUGE_SET_ANON, "madvise", 0);
		break;
	case VM_DO_SHMEM:
		put_setting(b, w, g->why & VM_WHY(SHMEM_DENY) ? VM_HUGE_SET_SHMEM_ALL : VM_HUGE_SET_SHMEM, "advise", 0);
		break;
	case VM_DO_SMALLER:
		put_setting(b, w, VM_HUGE_SET_SIZE, "madvise", 0);
		break;
	case VM_DO_REMOUNT:
		put_remount(b, w, m);
		break;
	case VM_DO_ADVISE:
		if (g->later & VM_DO(ALIGN))
			vm_buf_add_str(b, "madvise(..., MADV_HUGEPAGE) of it");
		else
			put_advise(b, m, (enum vm_huge_backing)p->space.map[g->mapping].backing, g->why);
		break;
	case VM_DO_COLLAPSE:
		put_collapse(b, w, p, g);
		break;
	case VM_DO_MAX_NONE:
		put_setting(b, w, VM_HUGE_SET_MAX_NONE, NULL, full(w) - g->present_min);
		break;
	case VM_DO_MAX_SWAP:
		put_setting(b, w, VM_HUGE_SET_MAX_SWAP, NULL, g->swapped_max);
		break;
	case VM_DO_MAX_SHARED:
		put_setting(b, w, VM_HUGE_SET_MAX_SHARED, NULL, g->shared_max);
		break;
	case VM_DO_ALIGN:
		vm_buf_addf(b, "map it at a multiple of 0x%llx, as aligned_alloc(3) can", (unsigned long long)w->machine.range_bytes);
		break;
	case VM_DO_REREAD:
		vm_buf_addf(b, "madvise(0x%llx, 0x%llx, MADV_HUGEPAGE) before its pages are read from the disk",
			    (unsigned long long)m->start, (unsigned long long)(m->end - m->start));
		break;
	case VM_DO_NR:
		break;
	}
}

/* ---- All of it ---------------------------------------------------------------------------------------------------- */

/** "612.0M of [heap], in 306 ranges": of what. */
static void put_where(struct vm_buf *b, const struct vm_huge_look *p, const struct vm_why_group *g)
{
	const struct vm_mapping *m = &p->as->map[g->mapping];
	if (g->mappings > 1)
		vm_buf_addf(b, "%u mappings", g->mappings);
	else if (m->name[0])
		vm_text_put(b, m->name);
	else
		vm_buf_addf(b, "%llx-%llx", (unsigned long long)m->start, (unsigned long long)m->end);
}

static void put_remedies(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g,
			 uint32_t what)
{
	const size_t begin = b->n;
	for (unsigned i = 0; i < VM_DO_NR; i++) {
		if (!(what >> i & 1))
			continue;
		vm_buf_addf(b, "%s%s", b->n > begin ? "; then " : "", who_does(w, (enum vm_remedy)i));
		vm_huge_put_do(b, w, p, g, (enum vm_remedy)i);
	}
}

/** What follows from doing what lets it become huge. */
static void put_then(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g)
{
	if (g->later & VM_DO(REREAD))
		return;
	if (!(g->why & (VM_WHY(SMALL) | VM_WHY(EDGE)))) {
		vm_buf_add_str(b, "; khugepaged follows");
	} else if (!(g->later & VM_DO(ALIGN))) {
		vm_buf_add_str(b, "; that gives ");
		put_size(b, w->machine.small_bytes);
		vm_buf_add_str(b, " pages to what is touched from then on");
	}
}

static void put_gain(struct vm_buf *b, const struct vm_why_group *g)
{
	put_size(b, g->could_bytes);
	vm_buf_add_str(b, " more would be huge");
	if (!g->costs_bytes)
		return;
	vm_buf_add_str(b, ", for up to ");
	put_size(b, g->costs_bytes);
	vm_buf_add_str(b, " of memory where there are holes");
}

static void end_line(struct vm_buf *b, enum vm_huge_line line, vm_huge_say *say, void *ctx)
{
	if (b->n)
		say(ctx, line, vm_buf_str(b));
	b->n = 0;
}

void vm_huge_explain(const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g, vm_huge_say *say,
		     void *ctx)
{
	struct vm_buf b = { 0 };
	put_where(&b, p, g);
	for (unsigned i = 0, n = 0; i < VM_WHY_NR; i++)
		if (g->why >> i & 1) {
			vm_buf_add_str(&b, n++ ? "; and " : ": ");
			vm_huge_put_why(&b, w, g, (enum vm_why)i);
		}
	end_line(&b, VM_HUGE_LINE_WHY, say, ctx);
	put_remedies(&b, w, p, g, g->now);
	end_line(&b, VM_HUGE_LINE_NOW, say, ctx);
	if (g->later) {
		put_remedies(&b, w, p, g, g->later);
		put_then(&b, w, g);
	}
	end_line(&b, VM_HUGE_LINE_LATER, say, ctx);
	if (g->could_bytes)
		put_gain(&b, g);
	end_line(&b, VM_HUGE_LINE_WINS, say, ctx);
	vm_buf_free(&b);
}
