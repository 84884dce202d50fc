/** Faults that bring huge pages: transparent ones, the one of zeros, and those of the pool. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/hugepages.h"
#include "workloads/hugepool.h"
#include "workloads/registry.h"

enum { HUGE_COUNT, HUGE_POOL, HUGE_ROUNDS };

static const struct vm_param huge_params[] = {
	{ "count", "huge pages of each kind", VM_P_U64, .def = "4", .min = 1, .max = 4096 },
	{ "pool", "pages of the hugetlb pool besides; what it lacks is borrowed", VM_P_U64, .def = "2", .max = 4096 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

enum area { WRITTEN, ZEROS, FORKED, SHMEM, AREAS };

struct huge {
	const struct vm_lab *lab;
	struct vm_reserve reserve;
	uint64_t page;             /* bytes of a huge page */
	struct vm_region area[AREAS];  /* each between inaccessible ones; belongs to what is reserved */
	char *pool_p;
	struct vm_hugepool pool;
	struct vm_child child;
	uint64_t rounds;
};

/** How many of each area were given as huge pages in this round. */
struct given {
	uint64_t huge[AREAS];
	uint64_t copied;           /* huge pages of zeros that were written as such */
};

/* Where huge pages may be. */

static int reserve(struct huge *s, struct vm_err *err)
{
	const uint64_t size = s->lab->arg[HUGE_COUNT].u64 * s->page;
	int r = vm_reserve_map(&s->reserve, AREAS * (size + s->page), s->page, err);
	if (r < 0)
		return r;
	char *at = s->reserve.p;
	for (unsigned i = 0; i < AREAS; i++, at += size + s->page)
		s->area[i] = (struct vm_region){ .p = at, .size = size, .page = s->lab->page };
	return 0;
}

/** Mapped anew: page tables of base pages, where a huge page was split, would keep new ones away. */
static int map_area(const struct vm_region *r, int share, struct vm_err *err)
{
	char text[VM_NUMBUF];
	if (mmap(r->p, r->size, PROT_READ | PROT_WRITE, share | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s", vm_format_size(r->size, text));
	return madvise(r->p, r->size, MADV_HUGEPAGE) < 0 ? vm_fail(err, ENOSYS, "this kernel has no transparent huge pages")
	                                                 : 0;
}

static int map_pool(struct huge *s, struct vm_err *err)
{
	const uint64_t count = s->lab->arg[HUGE_POOL].u64;
	int r = vm_hugepool_borrow(&s->pool, s->page, count, err);
	if (r < 0)
		return r;
	void *p = mmap(NULL, count * s->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map pages of the pool");
	s->pool_p = p;
	return 0;
}

/* The faults. */

/** Touch one base page of each huge page; how many of these made all of a huge page present. */
static uint64_t touch_each(const struct huge *s, const struct vm_region *area, bool write)
{
	uint64_t n = 0;
	for (char *p = area->p, *end = p + area->size; p < end; p += s->page)
		n += vm_comes_whole(s->lab, p, s->page, write);
	return n;
}

/** How many huge pages of shared memory the area maps as such, of which pagemap doesn't tell. */
static uint64_t shared_huge(const struct huge *s)
{
	vm_auto_file FILE *f = fopen("/proc/self/smaps", "re");
	vm_auto_free char *line = NULL;
	size_t cap = 0;
	uint64_t start, end, kib;
	bool ours = false;
	while (f && getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			ours = start == (uintptr_t)s->area[SHMEM].p;
		else if (ours && sscanf(line, "ShmemPmdMapped: %" SCNu64, &kib) == 1)
			return kib * 1024 / s->page;
	}
	return 0;
}

/** It is there, and has the pages as well. */
static int sit(char order, void *arg)
{
	(void)order;
	(void)arg;
	return 0;
}

static int touch_all(struct huge *s, struct given *g, struct vm_err *err)
{
	g->huge[WRITTEN] = touch_each(s, &s->area[WRITTEN], true);
	g->huge[ZEROS] = touch_each(s, &s->area[ZEROS], false);
	g->copied = touch_each(s, &s->area[ZEROS], true);
	touch_each(s, &s->area[SHMEM], true);
	g->huge[SHMEM] = shared_huge(s);
	g->huge[FORKED] = touch_each(s, &s->area[FORKED], true);
	int r = vm_child_start(&s->child, sit, NULL, err);
	if (r == 0)
		touch_each(s, &s->area[FORKED], true);
	vm_child_end(&s->child);
	for (uint64_t i = 0; s->pool_p && i < s->lab->arg[HUGE_POOL].u64; i++)
		vm_touch(s->lab, s->pool_p + i * s->page, s->lab->page);
	return r;
}

/* What is said of them. */

/** Where no huge page came, a fault brought a base page. */
static void truth_area(const struct huge *s, struct vm_truth *t, const struct given *g, enum area i, const char *label,
                       const char *kind, const char *else_kind)
{
	const struct vm_region *a = &s->area[i];
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = label, VM_FAULTS_IN(a), .kind = kind, .count = g->huge[i] });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = label, VM_FAULTS_IN(a), .kind = else_kind,
	               .count = s->lab->arg[HUGE_COUNT].u64 - g->huge[i] });
}

/** The second touch of each huge page of an area. */
static void truth_again(const struct huge *s, struct vm_truth *t, const struct given *g, enum area i, const char *label,
                        const char *else_kind)
{
	const struct vm_region *a = &s->area[i];
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = label, VM_FAULTS_IN(a), .kind = "thp-cow",
	               .count = g->huge[i] });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = label, VM_FAULTS_IN(a), .kind = else_kind,
	               .count = s->lab->arg[HUGE_COUNT].u64 - g->huge[i] });
}

static void huge_truth(const struct huge *s, struct vm_truth *t, const struct given *g)
{
	const uint64_t pool = s->pool_p ? s->lab->arg[HUGE_POOL].u64 : 0;
	vm_truth_u64(t, "huge_page_bytes", s->page);
	vm_truth_array_begin(t, "faults");
	truth_area(s, t, g, WRITTEN, "written", "thp-anon", "thp-fallback");
	truth_area(s, t, g, ZEROS, "read", "thp-zero", "zero-page");
	truth_again(s, t, g, ZEROS, "read, then written", "zero-write");
	truth_area(s, t, g, FORKED, "before fork", "thp-anon", "thp-fallback");
	truth_again(s, t, g, FORKED, "after fork", "cow");
	truth_area(s, t, g, SHMEM, "shared memory", "thp-file", "shmem");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "hugetlb", .p = s->pool_p, .size = pool * s->page,
	               .kind = "hugetlb", .count = pool });
	vm_truth_array_end(t);
	const uint64_t wanted = s->lab->arg[HUGE_COUNT].u64;
	vm_truth_say(t, "of %llu each: %llu huge pages written, %llu of zeros read, %llu of these copied as a whole, %llu shared",
	             (unsigned long long)wanted, (unsigned long long)g->huge[WRITTEN], (unsigned long long)g->huge[ZEROS],
	             (unsigned long long)g->copied, (unsigned long long)g->huge[SHMEM]);
}

static int map_all(const struct huge *s, struct vm_err *err)
{
	int r = 0;
	for (unsigned i = 0; i < AREAS && r == 0; i++)
		r = map_area(&s->area[i], i == SHMEM ? MAP_SHARED : MAP_PRIVATE, err);
	if (r == 0 && s->pool_p)
		madvise(s->pool_p, s->lab->arg[HUGE_POOL].u64 * s->page, MADV_DONTNEED);
	return r;
}

static int huge_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct huge *s = state;
	struct given g = { 0 };
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	int r = map_all(s, err);
	if (r == 0)
		r = touch_all(s, &g, err);
	vm_meter_end(&m, RUSAGE_SELF);
	if (r < 0)
		return r;
	vm_truth_meter(t, &m);
	huge_truth(s, t, &g);
	return ++s->rounds < s->lab->arg[HUGE_ROUNDS].u64;
}

static int huge_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct vm_err no_pool = { 0 };
	struct huge *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->page = vm_thp_bytes(lab, err);
	if (!s->page)
		return -ENOSYS;
	if (lab->arg[HUGE_POOL].u64 && map_pool(s, &no_pool) < 0)
		vm_truth_say(t, "no page of the pool: %s", no_pool.what);
	int r = reserve(s, err);
	if (r == 0)
		r = huge_step(s, t, err);
	return r < 0 ? r : 0;
}

static void huge_done(void *state)
{
	struct huge *s = state;
	vm_child_end(&s->child);
	vm_reserve_unmap(&s->reserve);
	if (s->pool_p)
		munmap(s->pool_p, s->lab->arg[HUGE_POOL].u64 * s->page);
	vm_hugepool_end(&s->pool);
	free(s);
}

const struct vm_workload vm_workload_huge_fault = {
	.name = "huge-fault",
	.help = "faults: a huge page at once, or copied or split later",
	.shows = "vmfault,vmpage",
	.lesson = "One fault brings 2 MiB instead of 4 KiB: 512 faults fewer, and one that takes a hundred times as long, for it "
	          "fills all of that with zeros.  A write to the huge page of zeros, or to one that a child shares, is a "
	          "fault more, and may leave base pages behind.  Where the kernel has no huge page, a small one comes: "
	          "fallback.",
	.params = huge_params,
	.make = huge_make,
	.step = huge_step,
	.done = huge_done,
};
