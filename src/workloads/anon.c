/** Anonymous memory: touched, mapped in several ways, and read without ever being written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* Linux 5.17; missing from older headers. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* anon */

enum { ANON_SIZE, ANON_TOUCH, ANON_LABEL };

static const struct vm_param anon_params[] = {
	{ "size", "bytes to map", VM_P_SIZE, .def = "16M", .min = 1 },
	{ "touch", "share of it to write to, from its start", VM_P_RATIO, .def = "100%" },
	{ "label", "name it for the kernel, shown as [anon:LABEL]", VM_P_TEXT, .def = "" },
	{ .name = NULL }
};

static bool name_region(const struct vm_region *r, const char *label)
{
	return *label && prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, r->p, r->size, label) == 0;
}

static int anon_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int res = vm_region_map(r, lab, lab->arg[ANON_SIZE].u64, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (res < 0)
		return res;
	const char *label = lab->arg[ANON_LABEL].text;
	bool named = name_region(r, label);
	if (*label && !named)
		vm_truth_say(t, "this kernel doesn't name anonymous memory: the label is lost");
	uint64_t touched = vm_pages_share(lab, r->size, lab->arg[ANON_TOUCH].ratio);
	vm_touch(lab, r->p, touched);

	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "anon", r->p, r->size);
	char name[128];
	snprintf(name, sizeof(name), "[anon:%.100s]", label);
	vm_truth_str(t, "name", named ? name : "");
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_u64(t, "rss_bytes", touched);
	vm_truth_u64(t, "pss_bytes", touched);
	vm_truth_u64(t, "uss_bytes", touched);
	vm_truth_u64(t, "anon_bytes", touched);
	vm_truth_u64(t, "private_dirty_bytes", touched);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "mapped %s of anonymous memory, wrote to %s of it", vm_format_size(r->size, a),
	             vm_format_size(touched, b));
	return 0;
}

static void region_done(void *state)
{
	struct vm_region *r = state;
	vm_region_unmap(r);
	free(r);
}

const struct vm_workload vm_workload_anon = {
	.name = "anon",
	.help = "anonymous memory, a share of it touched",
	.shows = "vmmap,vmtop,vmpage",
	.lesson = "Mapping memory costs address space only; the first write to each page costs a page.  "
	          "Compare the size of the mapping with its resident bytes, then try --touch 25%.",
	.params = anon_params,
	.make = anon_make,
	.done = region_done,
};

/* mmap: the same call in several ways, side by side */

static const struct vm_param mmap_params[] = {
	{ "size", "bytes of each mapping", VM_P_SIZE, .def = "1M", .min = 1 },
	{ .name = NULL }
};

static const struct way {
	const char *label, *perm, *name;
	int prot, flags;
	double touch;        /* share written to */
	double drop;         /* share given back with MADV_DONTNEED afterwards */
	bool populate;
	const char *why;
} ways[] = {
	{ "untouched", "rw-p", "", PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, 0, false,
	  "mapped and never touched: no page at all" },
	{ "touched-half", "rw-p", "", PROT_READ | PROT_WRITE, MAP_PRIVATE, 0.5, 0, false,
	  "half of it written to" },
	{ "populated", "rw-p", "", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, 0, 0, true,
	  "MAP_POPULATE: all pages made by mmap itself, without a fault" },
	{ "reserved", "---p", "", PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, 0, 0, false,
	  "PROT_NONE: addresses reserved, nothing behind them" },
	{ "shared", "rw-s", "/dev/zero (deleted)", PROT_READ | PROT_WRITE, MAP_SHARED, 1, 0, false,
	  "MAP_SHARED: the kernel makes an unnamed shmem file" },
	{ "dropped-half", "rw-p", "", PROT_READ | PROT_WRITE, MAP_PRIVATE, 1, 0.5, false,
	  "all written to, then half given back with MADV_DONTNEED" },
};

static int mmap_one(const struct vm_lab *lab, const struct way *way, struct vm_region *r,
                    struct vm_truth *t, struct vm_err *err)
{
	int res = vm_region_map(r, lab, lab->arg[0].u64, way->prot, way->flags | MAP_ANONYMOUS, -1, err);
	if (res < 0)
		return res;
	uint64_t touched = vm_pages_share(lab, r->size, way->touch);
	uint64_t dropped = vm_pages_share(lab, r->size, way->drop);
	vm_touch(lab, r->p, touched);
	if (dropped && madvise(r->p, dropped, MADV_DONTNEED) < 0)
		return vm_fail_os(err, errno, "cannot drop pages");
	uint64_t rss = way->populate ? r->size : touched - dropped;
	vm_truth_mapping_begin(t, way->label, r->p, r->size);
	vm_truth_str(t, "perm", way->perm);
	vm_truth_str(t, "name", way->name);
	vm_truth_u64(t, "rss_bytes", rss);
	vm_truth_u64(t, "pss_bytes", rss);
	vm_truth_u64(t, "uss_bytes", rss);
	vm_truth_u64(t, "anon_bytes", way->flags & MAP_SHARED ? 0 : rss);
	vm_truth_object_end(t);
	char text[VM_NUMBUF];
	vm_truth_say(t, "%-12s %s resident: %s", way->label, vm_format_size(rss, text), way->why);
	return 0;
}

static int mmap_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct vm_region *r = *state = calloc(vm_countof(ways), sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	vm_truth_array_begin(t, "mappings");
	for (size_t i = 0; i < vm_countof(ways); i++) {
		int res = mmap_one(lab, &ways[i], &r[i], t, err);
		if (res < 0)
			return res;
	}
	vm_truth_array_end(t);
	return 0;
}

static void mmap_done(void *state)
{
	struct vm_region *r = state;
	for (size_t i = 0; i < vm_countof(ways); i++)
		vm_region_unmap(&r[i]);
	free(r);
}

const struct vm_workload vm_workload_mmap = {
	.name = "mmap",
	.help = "the common ways of calling mmap, side by side",
	.shows = "vmmap",
	.lesson = "Six mappings of the same size with quite different costs.  SIZE is the same in all; "
	          "RSS tells who has pages, and PERM and the name tell which call it was.",
	.params = mmap_params,
	.make = mmap_make,
	.done = mmap_done,
};

/* zero-page */

enum { ZERO_SIZE, ZERO_WRITE };

static const struct vm_param zero_params[] = {
	{ "size", "bytes to read", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "write", "share of it that the step writes to", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

struct zero {
	struct vm_region r;
	const struct vm_lab *lab;
};

static void zero_truth(const struct zero *z, struct vm_truth *t, uint64_t written)
{
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "zero", &z->r, "rw-p", written);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "ranges");
	vm_truth_range(t, "zero", z->r.p, z->r.size, z->r.size);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "written", .p = z->r.p, .size = written, VM_PAGES_OWN });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "only read", .p = z->r.p + written, .size = z->r.size - written,
	               .state = "present zero", .without = "file exclusive swap", .one_frame = true });
	vm_truth_array_end(t);
	vm_truth_u64(t, "zero_page_bytes", z->r.size - written);
}

static int zero_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct zero *z = *state = calloc(1, sizeof(*z));
	if (!z)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	z->lab = lab;
	int res = vm_region_map(&z->r, lab, lab->arg[ZERO_SIZE].u64, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (res < 0)
		return res;
	vm_peek(lab, z->r.p, z->r.size);
	zero_truth(z, t, 0);
	char text[VM_NUMBUF];
	vm_truth_say(t, "read %s without writing: every address now translates, to one and the same "
	             "page of zeros, and RSS is 0", vm_format_size(z->r.size, text));
	return 0;
}

static int zero_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct zero *z = state;
	(void)err;
	uint64_t written = vm_pages_share(z->lab, z->r.size, z->lab->arg[ZERO_WRITE].ratio);
	vm_touch(z->lab, z->r.p, written);
	zero_truth(z, t, written);
	char text[VM_NUMBUF];
	vm_truth_say(t, "wrote to %s of it: those pages are real now",
	             vm_format_size(written, text));
	return 0;
}

static void zero_done(void *state)
{
	struct zero *z = state;
	vm_region_unmap(&z->r);
	free(z);
}

const struct vm_workload vm_workload_zero_page = {
	.name = "zero-page",
	.help = "memory that was read but never written to",
	.shows = "vmmap,vmpage",
	.lesson = "A read of untouched anonymous memory maps the kernel's one page of zeros, which is "
	          "counted nowhere: RSS stays 0 although page-table entries are present.  The step "
	          "writes to a share of it, and those pages become the process's own.",
	.params = zero_params,
	.make = zero_make,
	.step = zero_step,
	.done = zero_done,
};
