/** The heap: the program break by hand, and where malloc puts blocks of which size. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/* brk */

enum { BRK_SIZE, BRK_TOUCH };

static const struct vm_param brk_params[] = {
	{ "size", "bytes to move the program break up by", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "touch", "share of them to write to", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

struct heap {
	char *old, *now;      /* the break before and after */
};

static int brk_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct heap *h = *state = calloc(1, sizeof(*h));
	if (!h)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	vm_no_huge_pages();
	uint64_t size = vm_pages_up(lab, lab->arg[BRK_SIZE].u64);
	h->old = sbrk(0);
	char *from = (char *)vm_pages_up(lab, (uintptr_t)h->old);
	if (size > PTRDIFF_MAX / 2 || brk(from + size) < 0)
		return vm_fail_os(err, ENOMEM, "cannot move the program break");
	h->now = from + size;
	uint64_t touched = vm_pages_share(lab, size, lab->arg[BRK_TOUCH].ratio);
	vm_touch(lab, from, touched);

	uint64_t start, end;
	int r = vm_own_mapping("[heap]", &start, &end);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot find [heap] in /proc/self/maps");
	uint64_t before = (uintptr_t)from - start;
	vm_truth_addr(t, "break_before", (uintptr_t)h->old);
	vm_truth_addr(t, "break_now", (uintptr_t)h->now);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "heap", (void *)(uintptr_t)start, before + size);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_str(t, "name", "[heap]");
	/* malloc had a part of the heap already, and may use it at any time. */
	vm_truth_u64(t, "rss_bytes_min", touched);
	vm_truth_u64(t, "rss_bytes_max", touched + before);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "ranges");
	vm_truth_range(t, "touched", from, touched, touched);
	vm_truth_range(t, "untouched", from + touched, size - touched, 0);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "moved the program break up by %s and wrote to %s of that",
	             vm_format_size(size, a), vm_format_size(touched, b));
	return 0;
}

static void brk_done(void *state)
{
	struct heap *h = state;
	/* Somebody else's break, if it moved on: then the end of the process gives it back. */
	if (h->now && sbrk(0) == h->now && brk(h->old) < 0)
		h->now = NULL;
	free(h);
}

const struct vm_workload vm_workload_brk = {
	.name = "brk",
	.help = "the heap grown by moving the program break",
	.shows = "vmmap",
	.lesson = "The heap is one mapping that ends at the program break.  Moving the break is cheap: "
	          "SIZE of [heap] grows at once, RSS only where something is written.",
	.params = brk_params,
	.make = brk_make,
	.done = brk_done,
};

/* malloc-threshold */

enum { MALLOC_THRESHOLD };
enum { FILLERS = 64 };

static const struct vm_param malloc_params[] = {
	{ "threshold", "M_MMAP_THRESHOLD: from this size on malloc asks for a mapping", VM_P_SIZE,
	  .def = "128K", .min = 4096, .max = 32 << 20 },
	{ .name = NULL }
};

struct block {
	char *p;
	size_t bytes;
	bool in_heap;
};

struct blocks {
	const struct vm_lab *lab;
	struct block v[4];
	void *filler[FILLERS];
	size_t fillers;
};

/**
 * malloc asks the kernel only if no free block is big enough, so first use up the free end of the
 * heap; and let that end not grow beyond what a request needs.
 */
static int use_up_top(struct blocks *b, size_t threshold)
{
	mallopt(M_TOP_PAD, 0);
	while (b->fillers < FILLERS) {
		size_t top = mallinfo2().keepcost;
		if (top < threshold / 2)
			return 0;
		size_t n = top - 64 < threshold - 64 ? top - 64 : threshold - 64;
		void *p = malloc(n);
		if (!p)
			return -ENOMEM;
		b->filler[b->fillers++] = p;
	}
	return 0;
}

static int threshold_alloc(struct blocks *b, size_t threshold, struct vm_err *err)
{
	/* The boundary counts malloc's own header: 64 bytes keep clear of it. */
	const size_t want[] = { threshold / 2, threshold - 64, threshold, threshold * 2 };
	for (size_t i = 0; i < vm_countof(want); i++) {
		if (use_up_top(b, threshold) < 0)
			return vm_fail_os(err, ENOMEM, "cannot use up the free heap");
		char *p = malloc(want[i]);
		if (!p)
			return vm_fail_os(err, ENOMEM, "cannot allocate");
		b->v[i] = (struct block){ .p = p, .bytes = want[i], .in_heap = i < 2 };
		memset(p, 0x5a, want[i]);
	}
	return 0;
}

static void truth_blocks(const struct blocks *b, struct vm_truth *t)
{
	char text[VM_NUMBUF];
	vm_truth_array_begin(t, "ranges");
	for (size_t i = 0; i < vm_countof(b->v); i++) {
		const struct block *k = &b->v[i];
		/* Whole pages within the block. */
		uint64_t from = vm_pages_up(b->lab, (uintptr_t)k->p);
		uint64_t to = ((uintptr_t)k->p + k->bytes) / b->lab->page * b->lab->page;
		vm_truth_mapping_begin(t, "block", (void *)(uintptr_t)from, to > from ? to - from : 0);
		vm_truth_u64(t, "present_bytes", to > from ? to - from : 0);
		vm_truth_u64(t, "asked_bytes", k->bytes);
		vm_truth_addr(t, "address", (uintptr_t)k->p);
		vm_truth_str(t, "where", k->in_heap ? "heap" : "mmap");
		vm_truth_object_end(t);
		vm_truth_say(t, "malloc(%7zu = %s) gave %p: %s", k->bytes, vm_format_size(k->bytes, text),
		             (void *)k->p, k->in_heap ? "inside the heap" : "a mapping of its own");
	}
	vm_truth_array_end(t);
}

/** Whether each block is where its size says; -ENOSYS with a malloc that works otherwise. */
static int check_blocks(const struct blocks *b, struct vm_truth *t, struct vm_err *err)
{
	uint64_t start, end;
	int r = vm_own_mapping("[heap]", &start, &end);
	if (r < 0)
		return vm_fail(err, ENOSYS, "this malloc doesn't use the program break");
	for (size_t i = 0; i < vm_countof(b->v); i++) {
		uintptr_t p = (uintptr_t)b->v[i].p;
		if ((p >= start && p < end) != b->v[i].in_heap)
			return vm_fail(err, ENOSYS, "this malloc doesn't follow M_MMAP_THRESHOLD");
	}
	vm_truth_addr(t, "heap_start", start);
	vm_truth_addr(t, "heap_end", (uintptr_t)sbrk(0));
	return 0;
}

static int threshold_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                          struct vm_err *err)
{
	struct blocks *b = *state = calloc(1, sizeof(*b));
	if (!b)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	b->lab = lab;
	size_t threshold = lab->arg[MALLOC_THRESHOLD].u64;
	vm_no_huge_pages();
	if (!mallopt(M_MMAP_THRESHOLD, (int)threshold))
		return vm_fail(err, ENOSYS, "this malloc refuses M_MMAP_THRESHOLD");
	int r = threshold_alloc(b, threshold, err);
	if (r == 0)
		r = check_blocks(b, t, err);
	if (r < 0)
		return r;
	vm_truth_u64(t, "threshold_bytes", threshold);
	truth_blocks(b, t);
	return 0;
}

/** Freeing a block with a mapping of its own gives it back at once. */
static int threshold_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct blocks *b = state;
	(void)err;
	vm_truth_array_begin(t, "unmapped");
	for (size_t i = 0; i < vm_countof(b->v); i++) {
		struct block *k = &b->v[i];
		if (k->in_heap)
			continue;
		vm_truth_mapping_begin(t, "block", k->p, k->bytes);
		vm_truth_object_end(t);
		free(k->p);
		k->p = NULL;
	}
	vm_truth_array_end(t);
	vm_truth_say(t, "freed the two large blocks: their addresses are unmapped at once, while freed "
	             "small blocks would stay in the heap");
	return 0;
}

static void threshold_done(void *state)
{
	struct blocks *b = state;
	for (size_t i = 0; i < vm_countof(b->v); i++)
		free(b->v[i].p);
	for (size_t i = 0; i < b->fillers; i++)
		free(b->filler[i]);
	free(b);
}

const struct vm_workload vm_workload_malloc_threshold = {
	.name = "malloc-threshold",
	.help = "malloc below and above M_MMAP_THRESHOLD",
	.shows = "vmmap",
	.lesson = "Small blocks are cut from the heap; from M_MMAP_THRESHOLD on malloc maps each block "
	          "by itself, and free() unmaps it at once (the step shows it).  A block that fits into "
	          "free heap is taken from there whatever its size, so the free end is used up first.  "
	          "Note that glibc raises the threshold by itself unless it was set, as it is here.",
	.params = malloc_params,
	.make = threshold_make,
	.step = threshold_step,
	.done = threshold_done,
};
