/** Pages of hugetlbfs, from the machine's pool; what the pool lacks is borrowed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/hugepages.h"
#include "workloads/hugepool.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* Linux 5.14; missing from older headers. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

enum { HUGE_PAGE, HUGE_COUNT, HUGE_TOUCH, HUGE_SHARE };

static const char *const page_words[] = { "2M", "1G", NULL };
static const unsigned page_shift[] = { 21, 30 };
static const char *const share_words[] = { "private", "shared", NULL };

static const struct vm_param huge_params[] = {
	{ "page", "size of the pages", VM_P_WORD, .def = "2M", page_words },
	{ "count", "how many to map", VM_P_U64, .def = "4", .min = 1, .max = 1u << 20 },
	{ "touch", "share of them to write to, from the first", VM_P_RATIO, .def = "50%" },
	{ "share", "kind of mapping", VM_P_WORD, .def = "private", share_words },
	{ .name = NULL }
};

struct huge {
	char *p;
	uint64_t size, page;
	struct vm_hugepool pool;
};

static int huge_map(struct huge *h, const struct vm_arg *arg, struct vm_err *err)
{
	char text[VM_NUMBUF];
	const int flags = arg[HUGE_SHARE].u64 ? MAP_SHARED : MAP_PRIVATE;
	void *p = mmap(NULL, h->size, PROT_READ | PROT_WRITE,
	               flags | MAP_ANONYMOUS | MAP_HUGETLB | (int)(page_shift[arg[HUGE_PAGE].u64] << MAP_HUGE_SHIFT), -1, 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s of huge pages", vm_format_size(h->size, text));
	h->p = p;
	return 0;
}

/** A limit of the cgroup would make a touch a SIGBUS, and this call an error. */
static int huge_touch(const struct vm_lab *lab, const struct huge *h, uint64_t bytes, struct vm_err *err)
{
	if (bytes && madvise(h->p, bytes, MADV_POPULATE_WRITE) < 0 && errno != EINVAL)
		return vm_fail(err, EPERM, "no huge page to touch, though it was reserved: %s", strerror(errno));
	vm_touch(lab, h->p, bytes);
	return 0;
}

static void huge_truth(const struct huge *h, struct vm_truth *t, uint64_t touched, bool shared)
{
	static const char *const states[2][2] = {
		{ "present", "present exclusive" }, { "present file", "present file exclusive" },
	};
	/* Linux 6.18 takes a fresh page of 1G for shared now and then, though it is mapped once. */
	const bool counted = h->page < UINT64_C(1) << 30;
	vm_truth_u64(t, "huge_page_bytes", h->page);
	vm_truth_u64(t, "touched_bytes", touched);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "huge", h->p, h->size);
	vm_truth_str(t, "perm", shared ? "rw-s" : "rw-p");
	vm_truth_str(t, "name", "/anon_hugepage (deleted)");
	/* smaps keeps these pages out of RSS; private ones are those that one process maps, whatever the mapping. */
	vm_truth_u64(t, "rss_bytes", 0);
	if (counted)
		vm_truth_u64(t, "private_hugetlb_bytes", touched);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "touched", .p = h->p, .size = touched, .page_bytes = h->page,
	               .state = states[shared][counted], .without = shared ? "zero swap guard" : "file zero swap guard" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "never touched", .p = h->p + touched, .size = h->size - touched,
	               VM_PAGES_NONE });
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "huge");
	vm_truth_huge(t, &(struct vm_huge_fact){ .label = "huge", .p = h->p, .size = h->size, .resident = touched, .huge = touched });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF], c[VM_NUMBUF];
	vm_truth_say(t, "mapped %s of huge pages of %s, wrote to %s of it", vm_format_size(h->size, a),
	             vm_format_size(h->page, b), vm_format_size(touched, c));
}

static int huge_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	struct huge *h = *state = calloc(1, sizeof(*h));
	if (!h)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	h->page = UINT64_C(1) << page_shift[arg[HUGE_PAGE].u64];
	const uint64_t count = arg[HUGE_COUNT].u64;
	h->size = count * h->page;
	if (!vm_hugepool_exists(h->page))
		return vm_fail(err, ENOSYS, "this machine has no huge pages of %s", page_words[arg[HUGE_PAGE].u64]);
	int r = vm_hugepool_borrow(&h->pool, h->page, count, err);
	if (r == 0)
		r = huge_map(h, arg, err);
	const uint64_t touched = (uint64_t)((double)count * arg[HUGE_TOUCH].ratio + 0.5) * h->page;
	if (r == 0)
		r = huge_touch(lab, h, touched, err);
	if (r == 0)
		huge_truth(h, t, touched, arg[HUGE_SHARE].u64);
	return r;
}

static void huge_done(void *state)
{
	struct huge *h = state;
	/* Before the pool shrinks: what is in use stays in it. */
	if (h->p)
		munmap(h->p, h->size);
	vm_hugepool_end(&h->pool);
	free(h);
}

const struct vm_workload vm_workload_hugetlb = {
	.name = "hugetlb",
	.help = "huge pages of the machine's pool, 2M or 1G",
	.shows = "vmhuge,vmpage,vmmap",
	.lesson = "These pages are set aside in a pool, never swapped and never split, and smaps keeps them out of RSS and PSS: "
	          "a database may hold most of a machine's memory and seem small.  Look at Private_Hugetlb.  What the "
	          "pool lacks is borrowed if that is permitted, and given back at the end.",
	.params = huge_params,
	.make = huge_make,
	.done = huge_done,
};
