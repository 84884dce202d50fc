/** Pages in a pattern: written, only read, never touched; written since soft-dirty bits were cleared. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/** Of each `every` pages: touch `count` from the `first` on. */
struct part {
	uint64_t every, first, count;
};

static void touch_part(const struct vm_lab *lab, const struct vm_region *r, const struct part *part, bool write)
{
	const uint64_t pages = r->size / lab->page;
	for (uint64_t i = 0; i < pages; i++) {
		const uint64_t at = i % part->every;
		if (at < part->first || at - part->first >= part->count)
			continue;
		if (write)
			vm_touch(lab, r->p + i * lab->page, lab->page);
		else
			vm_peek(lab, r->p + i * lab->page, lab->page);
	}
}

/** How many pages that is. */
static uint64_t pages_of(const struct vm_lab *lab, const struct vm_region *r, const struct part *part)
{
	const uint64_t pages = r->size / lab->page, rest = pages % part->every;
	uint64_t n = pages / part->every * part->count;
	if (rest > part->first)
		n += rest - part->first < part->count ? rest - part->first : part->count;
	return n;
}

static int map_private(struct vm_region *r, const struct vm_lab *lab, uint64_t size, struct vm_err *err)
{
	return vm_region_map(r, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
}

static void region_done(void *state)
{
	struct vm_region *r = state;
	vm_region_unmap(r);
	free(r);
}

/* page-pattern */

enum { PATTERN_SIZE, PATTERN_EVERY, PATTERN_WRITE, PATTERN_READ };

static const struct vm_param pattern_params[] = {
	{ "size", "bytes to map", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "7", .min = 1, .max = 1u << 20 },
	{ "write", "pages of it to write to, from its start", VM_P_U64, .def = "2", .max = 1u << 20 },
	{ "read", "pages behind these that are only read", VM_P_U64, .def = "1", .max = 1u << 20 },
	{ .name = NULL }
};

static void truth_part(struct vm_truth *t, const struct vm_region *r, const struct part *part, struct vm_pages_fact fact)
{
	fact.p = r->p;
	fact.size = r->size;
	fact.every = part->every;
	fact.first = part->first;
	fact.count = part->count;
	vm_truth_pages(t, &fact);
}

static int pattern_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	const uint64_t every = arg[PATTERN_EVERY].u64, used = arg[PATTERN_WRITE].u64 + arg[PATTERN_READ].u64;
	if (used > every)
		return vm_fail(err, EINVAL, "--write and --read must fit into --every");
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int res = map_private(r, lab, arg[PATTERN_SIZE].u64, err);
	if (res < 0)
		return res;
	const struct part written = { every, 0, arg[PATTERN_WRITE].u64 };
	const struct part zero = { every, written.count, arg[PATTERN_READ].u64 };
	const struct part none = { every, used, every - used };
	touch_part(lab, r, &written, true);
	touch_part(lab, r, &zero, false);
	const uint64_t own = pages_of(lab, r, &written) * lab->page, read = pages_of(lab, r, &zero) * lab->page;

	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "pattern", r, "rw-p", own);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "ranges");
	vm_truth_range(t, "pattern", r->p, r->size, own + read);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	truth_part(t, r, &written, (struct vm_pages_fact){ .label = "written", VM_PAGES_OWN });
	truth_part(t, r, &zero, (struct vm_pages_fact){ .label = "read", .state = "present zero",
	           .without = "file exclusive swap", .one_frame = true });
	truth_part(t, r, &none, (struct vm_pages_fact){ .label = "never touched", VM_PAGES_NONE });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF], c[VM_NUMBUF];
	vm_truth_say(t, "of %s, %s are written to and %s only read", vm_format_size(r->size, a), vm_format_size(own, b),
	             vm_format_size(read, c));
	return 0;
}

const struct vm_workload vm_workload_page_pattern = {
	.name = "page-pattern",
	.help = "pages in a pattern: written, only read, never touched",
	.shows = "vmpage,vmmap",
	.lesson = "One mapping, three kinds of pages: those that were written to are the process's own, those that "
	          "were only read are all the one page of zeros, and of the others there is nothing at all.  vmmap "
	          "counts them; vmpage --runs and --grid show which is which.",
	.params = pattern_params,
	.make = pattern_make,
	.done = region_done,
};

/* soft-dirty */

enum { DIRTY_SIZE, DIRTY_EVERY, DIRTY_WRITE };

static const struct vm_param dirty_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "4M", .min = 1 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "5", .min = 1, .max = 1u << 20 },
	{ "write", "pages of it to write to after the bits were cleared", VM_P_U64, .def = "2", .min = 1,
	  .max = 1u << 20 },
	{ .name = NULL }
};

/** Clear the soft-dirty bits of this process (Documentation/admin-guide/mm/soft-dirty.rst). */
static int clear_soft_dirty(struct vm_err *err)
{
	vm_auto_close int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "4", 1) != 1)
		return vm_fail_os(err, errno == ENOENT ? ENOSYS : errno, "cannot write /proc/self/clear_refs");
	return 0;
}

static int dirty_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct part written = { lab->arg[DIRTY_EVERY].u64, 0, lab->arg[DIRTY_WRITE].u64 };
	const struct part other = { written.every, written.count, written.every - written.count };
	if (written.count > written.every)
		return vm_fail(err, EINVAL, "--write must fit into --every");
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int res = map_private(r, lab, lab->arg[DIRTY_SIZE].u64, err);
	if (res < 0)
		return res;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	vm_touch(lab, r->p, r->size);
	res = clear_soft_dirty(err);
	if (res < 0)
		return res;
	touch_part(lab, r, &written, true);
	vm_meter_end(&m, RUSAGE_SELF);
	const long dirty = vm_own_pages(lab, r->p, r->size / lab->page, VM_OWN_SOFT_DIRTY);
	if (dirty < (long)pages_of(lab, r, &written))
		return vm_fail(err, ENOSYS, "this kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)");
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "soft-dirty", r, "rw-p", r->size);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	truth_part(t, r, &written, (struct vm_pages_fact){ .label = "written since", .state = "present exclusive soft-dirty" });
	truth_part(t, r, &other, (struct vm_pages_fact){ .label = "not written since", .state = "present exclusive",
	           .without = "soft-dirty swap" });
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "made", VM_FAULTS_IN(r), .kind = "anon-first",
	               .count = r->size / lab->page });
	/* One that still is in its CPU's list of new pages (struct pagevec, later folio_batch) may be copied. */
	const uint64_t again = pages_of(lab, r, &written), listed = 31;
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written since", VM_FAULTS_IN(r), .kind = "soft-dirty",
	               .count = again > listed ? again - listed : 0, .most = again });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written since", VM_FAULTS_IN(r), .kind = "cow", .count = 0,
	               .most = again > listed ? listed : again });
	vm_truth_array_end(t);
	vm_truth_u64(t, "soft_dirty_bytes", pages_of(lab, r, &written) * lab->page);
	vm_truth_say(t, "cleared the soft-dirty bits, then wrote to %llu of each %llu pages",
	             (unsigned long long)written.count, (unsigned long long)written.every);
	return 0;
}

const struct vm_workload vm_workload_soft_dirty = {
	.name = "soft-dirty",
	.help = "pages written since their soft-dirty bits were cleared",
	.shows = "vmpage,vmfault",
	.lesson = "The kernel can remember which pages were written since somebody asked it to forget: \"4\" in "
	          "/proc/PID/clear_refs clears the bits, and the first write to each page faults once and sets its "
	          "bit again.  Checkpointing lives on that.  vmpage --runs shows it as soft-dirty.",
	.params = dirty_params,
	.make = dirty_make,
	.done = region_done,
};
