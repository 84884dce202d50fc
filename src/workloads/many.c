/** Address spaces with many mappings, and with much room and little in it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/** An object of "areas": what the kernel's mappings inside it add up to. */
static void truth_area(struct vm_truth *t, const struct vm_region *r, uint64_t count, uint64_t rss)
{
	vm_truth_array_begin(t, "areas");
	vm_truth_mapping_begin(t, "area", r->p, r->size);
	vm_truth_u64(t, "count", count);
	vm_truth_u64(t, "rss_bytes", rss);
	vm_truth_u64(t, "pss_bytes", rss);
	vm_truth_u64(t, "anon_bytes", rss);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
}

static int protect(char *p, uint64_t size, int prot, struct vm_err *err)
{
	if (mprotect(p, size, prot) == 0)
		return 0;
	if (errno != ENOMEM)
		return vm_fail_os(err, errno, "cannot change the protection of pages");
	vm_fail(err, EPERM, "the kernel allows a process no more mappings (vm.max_map_count)");
	vm_hint(err, "ask for fewer, or raise the limit with sysctl");
	return -EPERM;
}

static void region_done(void *state)
{
	struct vm_region *r = state;
	vm_region_unmap(r);
	free(r);
}

/* many-mappings */

enum { MANY_COUNT, MANY_EACH, MANY_TOUCH };

static const struct vm_param many_params[] = {
	{ "count", "how many mappings", VM_P_U64, .def = "1000", .min = 1, .max = 1u << 30 },
	{ "each", "bytes of each mapping", VM_P_SIZE, .def = "4K", .min = 1, .max = 1u << 30 },
	{ "touch", "share of each to write to", VM_P_RATIO, .def = "100%" },
	{ .name = NULL }
};

static int many_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	uint64_t count = lab->arg[MANY_COUNT].u64, each = vm_pages_up(lab, lab->arg[MANY_EACH].u64);
	uint64_t touched = vm_pages_share(lab, each, lab->arg[MANY_TOUCH].ratio);
	int res = vm_region_map(r, lab, count * each, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, err);
	if (res < 0)
		return res;
	/* Neighbours with other permissions can't be merged: every second one becomes read-only. */
	for (uint64_t i = 0; i < count; i++) {
		char *p = r->p + i * each;
		vm_touch(lab, p, touched);
		res = i % 2 ? protect(p, each, PROT_READ, err) : 0;
		if (res < 0)
			return res;
	}
	truth_area(t, r, count, count * touched);
	char a[VM_NUMBUF];
	vm_truth_say(t, "%llu mappings side by side, %s resident", (unsigned long long)count,
	             vm_format_size(count * touched, a));
	return 0;
}

const struct vm_workload vm_workload_many_mappings = {
	.name = "many-mappings",
	.help = "many small mappings that the kernel can't merge",
	.shows = "vmmap,vmlock",
	.lesson = "Each mapping costs the kernel a few hundred bytes and every reader of smaps a line of "
	          "work; vm.max_map_count bounds them.  Neighbours with equal attributes would be one "
	          "mapping: only the alternating permissions keep these apart.",
	.params = many_params,
	.make = many_make,
	.done = region_done,
};

/* sparse */

enum { SPARSE_SIZE, SPARSE_PAGES, SPARSE_MODE };
enum { MODE_NORESERVE, MODE_NONE };

static const char *const sparse_modes[] = { "noreserve", "none", NULL };

static const struct vm_param sparse_params[] = {
	{ "size", "bytes of address space", VM_P_SIZE, .def = "1T", .min = 1 },
	{ "pages", "how many pages to touch, spread evenly", VM_P_U64, .def = "16", .min = 1,
	  .max = 1u << 20 },
	{ "mode", "noreserve: readable and writable; none: PROT_NONE but for the touched pages",
	  VM_P_WORD, .def = "noreserve", sparse_modes },
	{ .name = NULL }
};

static int sparse_map(struct vm_region *r, const struct vm_lab *lab, bool none, struct vm_err *err)
{
	int res = vm_region_map(r, lab, lab->arg[SPARSE_SIZE].u64,
	                        none ? PROT_NONE : PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, err);
	if (res != -ENOMEM)
		return res;
	/* Too big for this machine or its policy; the size is right, the place is wrong. */
	vm_fail(err, EPERM, "no room for %s of addresses here", lab->arg[SPARSE_SIZE].text);
	vm_hint(err, "ask for less; vm.overcommit_memory=2 and ulimit -v forbid it too");
	return -EPERM;
}

static int sparse_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                       struct vm_err *err)
{
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	bool none = lab->arg[SPARSE_MODE].u64 == MODE_NONE;
	int res = sparse_map(r, lab, none, err);
	if (res < 0)
		return res;
	uint64_t pages = lab->arg[SPARSE_PAGES].u64, total = r->size / lab->page, mappings = 1;
	/* In mode none a touched page must have untouched ones on both sides to be on its own. */
	if (pages * (none ? 3 : 1) > total)
		return vm_fail(err, EINVAL, "--pages: too many for --size");
	uint64_t stride = total / pages, first = stride / 2;
	for (uint64_t i = 0; i < pages; i++) {
		char *p = r->p + (first + i * stride) * lab->page;
		res = none ? protect(p, lab->page, PROT_READ | PROT_WRITE, err) : 0;
		if (res < 0)
			return res;
		vm_touch(lab, p, lab->page);
		mappings += none ? 2 : 0;
	}
	truth_area(t, r, mappings, pages * lab->page);
	vm_truth_addr(t, "first_touched", (uintptr_t)r->p + first * lab->page);
	vm_truth_u64(t, "stride_bytes", stride * lab->page);
	vm_truth_u64(t, "touched_pages", pages);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s of addresses, %s of memory", vm_format_size(r->size, a),
	             vm_format_size(pages * lab->page, b));
	return 0;
}

const struct vm_workload vm_workload_sparse = {
	.name = "sparse",
	.help = "a huge range of addresses, a few pages touched",
	.shows = "vmmap,vmtop,vmpage",
	.lesson = "Address space isn't memory: VSZ may exceed the machine many times over.  What such a "
	          "range does cost is page tables, since pages far apart share none of them: compare "
	          "PAGE TABLES with RSS.",
	.params = sparse_params,
	.make = sparse_make,
	.done = region_done,
};
