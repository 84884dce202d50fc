/** Ranges that could be huge and aren't: touched in part, or given back in part. */
#include "workloads/hugepages.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "core/base/str.h"
#include "workloads/keeper.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* ---- Shared ------------------------------------------------------------------------------------------------------- */

void vm_truth_huge(struct vm_truth *t, const struct vm_huge_fact *f)
{
	vm_truth_object_begin(t);
	vm_truth_str(t, "label", f->label);
	vm_truth_addr(t, "start", (uint64_t)(uintptr_t)f->p);
	vm_truth_addr(t, "end", (uint64_t)(uintptr_t)f->p + f->size);
	vm_truth_u64(t, "resident_bytes", f->resident);
	vm_truth_u64(t, "huge_bytes", f->huge);
	vm_truth_u64(t, "aligned_bytes", f->aligned);
	vm_truth_u64(t, "unaligned_bytes", f->unaligned);
	if (f->page_bytes)
		vm_truth_u64(t, "page_bytes", f->page_bytes);
	vm_truth_u64(t, "partly_bytes", f->partly);
	if (f->ranges) {
		vm_truth_u64(t, "ranges", f->ranges);
		vm_truth_u64(t, "present_pages", f->present);
	}
	vm_truth_object_end(t);
}

uint64_t vm_thp_bytes(const struct vm_lab *lab, struct vm_err *err)
{
	unsigned long long bytes = 0;
	if (vm_setting_read("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &bytes) == 0 && bytes >= 4 * lab->page)
		return bytes;
	vm_fail(err, ENOSYS, "this kernel has no transparent huge pages");
	return 0;
}

int vm_reserve_map(struct vm_reserve *r, uint64_t size, uint64_t align, struct vm_err *err)
{
	char text[VM_NUMBUF];
	const uint64_t whole = size + 2 * align;
	char *p = size < SIZE_MAX / 2 ? mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : MAP_FAILED;
	if (p == MAP_FAILED)
		return vm_fail_os(err, ENOMEM, "cannot map %s", vm_format_size(size, text));
	*r = (struct vm_reserve){ .base = p, .p = p + align - (uintptr_t)p % align, .whole = whole };
	return 0;
}

void vm_reserve_unmap(struct vm_reserve *r)
{
	if (r->base)
		munmap(r->base, r->whole);
	*r = (struct vm_reserve){ 0 };
}

void vm_touch_small(const struct vm_lab *lab, void *p, uint64_t bytes, uint64_t step)
{
	/* Advice against huge pages could only be taken back by advice for them. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (uint64_t at = 0; at < bytes; at += step)
		vm_touch(lab, (char *)p + at, lab->page);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

bool vm_comes_whole(const struct vm_lab *lab, char *p, uint64_t bytes, bool write)
{
	if (write)
		vm_touch(lab, p, lab->page);
	else
		vm_peek(lab, p, lab->page);
	return vm_own_pages(lab, p, bytes / lab->page, VM_OWN_PRESENT) == (long)(bytes / lab->page);
}

static int map_at(char *p, uint64_t size, struct vm_err *err)
{
	char text[VM_NUMBUF];
	if (mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s", vm_format_size(size, text));
	madvise(p, size, MADV_UNMERGEABLE);
	return 0;
}

/* ---- huge-holes --------------------------------------------------------------------------------------------------- */

enum { HOLES_RANGES, HOLES_TOUCH, HOLES_WHERE, HOLES_ADVICE, HOLES_PROTECT };
enum { ADVICE_NONE, ADVICE_HUGE, ADVICE_NOHUGE };

static const char *const where_words[] = { "first", "spread", NULL };
static const char *const advice_words[] = { "none", "huge", "nohuge", NULL };

static const char *const protect_words[] = { "no", "yes", NULL };

static const struct vm_param holes_params[] = {
	{ "ranges", "ranges of a huge page each", VM_P_U64, .def = "4", .min = 1, .max = 4096 },
	{ "touch", "base pages that are written in each", VM_P_U64, .def = "100", .min = 1, .max = 512 },
	{ "where", "the first ones, or evenly spread", VM_P_WORD, .def = "first", where_words },
	{ "advice", "madvise(2) for or against huge pages, once they are written", VM_P_WORD, .def = "none", advice_words },
	{ "protect", "make all of it read-only then", VM_P_WORD, .def = "no", protect_words },
	{ .name = NULL }
};

struct holes {
	struct vm_reserve reserve;
};

static void holes_truth(struct vm_truth *t, const char *p, const char *perm, uint64_t huge, uint64_t ranges, uint64_t touched,
                        uint64_t page)
{
	const uint64_t size = ranges * huge, resident = ranges * touched * page;
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "holes", p, size);
	vm_truth_str(t, "perm", perm);
	vm_truth_u64(t, "rss_bytes", resident);
	vm_truth_u64(t, "anon_bytes", resident);
	vm_truth_u64(t, "private_dirty_bytes", resident);
	vm_truth_u64(t, "thp_bytes", 0);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "huge");
	vm_truth_huge(t, &(struct vm_huge_fact){ .label = "holes", .p = p, .size = size, .resident = resident, .ranges = ranges,
	              .present = touched });
	vm_truth_array_end(t);
	char text[VM_NUMBUF];
	vm_truth_say(t, "wrote to %llu of %llu pages in each of %llu ranges of %s", (unsigned long long)touched,
	             (unsigned long long)(huge / page), (unsigned long long)ranges, vm_format_size(huge, text));
}

static int holes_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t huge = vm_thp_bytes(lab, err), ranges = lab->arg[HOLES_RANGES].u64;
	if (!huge)
		return -ENOSYS;
	const uint64_t full = huge / lab->page;
	const uint64_t touched = lab->arg[HOLES_TOUCH].u64 < full ? lab->arg[HOLES_TOUCH].u64 : full;
	const uint64_t step = lab->arg[HOLES_WHERE].u64 ? full / touched * lab->page : lab->page;
	struct holes *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = vm_reserve_map(&s->reserve, ranges * huge, huge, err);
	if (r == 0)
		r = map_at(s->reserve.p, ranges * huge, err);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < ranges; i++)
		vm_touch_small(lab, s->reserve.p + i * huge, touched * step, step);
	if (lab->arg[HOLES_ADVICE].u64 != ADVICE_NONE)
		madvise(s->reserve.p, ranges * huge, lab->arg[HOLES_ADVICE].u64 == ADVICE_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	const bool protect = lab->arg[HOLES_PROTECT].u64;
	if (protect && mprotect(s->reserve.p, ranges * huge, PROT_READ) < 0)
		return vm_fail_os(err, errno, "cannot protect memory");
	vm_truth_str(t, "advice", advice_words[lab->arg[HOLES_ADVICE].u64]);
	holes_truth(t, s->reserve.p, protect ? "r--p" : "rw-p", huge, ranges, touched, lab->page);
	return 0;
}

static void holes_done(void *state)
{
	struct holes *s = state;
	vm_reserve_unmap(&s->reserve);
	free(s);
}

const struct vm_workload vm_workload_huge_holes = {
	.name = "huge-holes",
	.help = "ranges of a huge page of which only some base pages are there",
	.shows = "vmhuge,vmpage",
	.lesson = "A huge page needs memory for all of its range.  khugepaged fills holes up to a limit of its own, max_ptes_none, "
	          "and MADV_COLLAPSE fills any: what is won in translations is paid in memory.  vmhuge says both.  With "
	          "--advice huge khugepaged may come by at any time; what was stated then no longer holds.",
	.params = holes_params,
	.make = holes_make,
	.done = holes_done,
};

/* ---- fragment ----------------------------------------------------------------------------------------------------- */

enum { FRAGMENT_SIZE, FRAGMENT_EVERY };

static const struct vm_param fragment_params[] = {
	{ "size", "memory that is filled at first", VM_P_SIZE, .def = "64M", .min = 1 << 21, .max = UINT64_C(1) << 36 },
	{ "every", "of so many neighbouring pages one is kept, the others are given back", VM_P_U64, .def = "2", .min = 2, .max = 512 },
	{ .name = NULL }
};

/** Give back all but each `every`-th page. */
static void give_back(const struct vm_lab *lab, char *p, uint64_t size, uint64_t every)
{
	for (uint64_t at = 0; at < size; at += every * lab->page) {
		const uint64_t left = size - at - lab->page, n = (every - 1) * lab->page;
		if (left)
			madvise(p + at + lab->page, n < left ? n : left, MADV_DONTNEED);
	}
}

static int fragment_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t huge = vm_thp_bytes(lab, err), every = lab->arg[FRAGMENT_EVERY].u64;
	if (!huge)
		return -ENOSYS;
	const uint64_t full = huge / lab->page, ranges = (lab->arg[FRAGMENT_SIZE].u64 + huge - 1) / huge, size = ranges * huge;
	struct holes *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = vm_reserve_map(&s->reserve, size, huge, err);
	if (r == 0)
		r = map_at(s->reserve.p, size, err);
	if (r < 0)
		return r;
	vm_touch_small(lab, s->reserve.p, size, lab->page);
	/* The pattern is the same in each range where one divides the other. */
	for (uint64_t i = 0; i < ranges; i++)
		give_back(lab, s->reserve.p + i * huge, huge, every);
	vm_truth_u64(t, "filled_bytes", size);
	holes_truth(t, s->reserve.p, "rw-p", huge, ranges, (full + every - 1) / every, lab->page);
	return 0;
}

const struct vm_workload vm_workload_fragment = {
	.name = "fragment",
	.help = "memory of which every other page was given back: free, but in pieces",
	.shows = "vmhuge,vmpage",
	.lesson = "What was given back is free memory, but each free page has a neighbour that is in use, so no huge page fits "
	          "there until the kernel compacts: look at the free blocks of vmhuge before and after.  The ranges "
	          "themselves are full of holes, which is how heaps end up that free at random.",
	.params = fragment_params,
	.make = fragment_make,
	.done = holes_done,
};
