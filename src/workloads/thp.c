/** Transparent huge pages: whole ones, and ones of which parts were given back or changed. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/hugepages.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* Linux 6.1; missing from older headers. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { THP_COUNT };

static const struct vm_param thp_params[] = {
	{ "count", "huge pages that are written as a whole", VM_P_U64, .def = "4", .min = 1, .max = 4096 },
	{ .name = NULL }
};

enum deed { WRITE, READ, DROP, UNMAP, PROTECT, SHARE };

static const struct area_kind {
	const char *label;
	enum deed deed;
	const char *why;
} kinds[] = {
	{ "whole", WRITE, "written, and left alone" },
	{ "dropped", DROP, "its second quarter given back with MADV_DONTNEED: the entry was split, the rest of the huge "
	  "page stays, and so does its unused quarter until the kernel needs memory" },
	{ "unmapped", UNMAP, "its last quarter unmapped: split as well" },
	{ "protected", PROTECT, "its first half made read-only: split into entries of base pages, all of it there" },
	{ "only read", READ, "read, never written: the huge page of zeros, which all processes share" },
	{ "shared", SHARE, "shared memory, which MADV_COLLAPSE made huge, whatever the policy" },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct area {
	char *p;
	bool huge;                 /* the kernel gave a huge page (at first) */
};

struct thp {
	const struct vm_lab *lab;
	struct vm_reserve reserve;
	uint64_t huge;             /* bytes of a huge page */
	struct area area[KINDS];
	uint64_t given;            /* of the whole ones: how many are huge */
};

/** Bytes of an area: several huge pages of those that are left alone. */
static uint64_t size_of(const struct thp *s, unsigned i)
{
	return kinds[i].deed == WRITE ? s->huge * s->lab->arg[THP_COUNT].u64 : s->huge;
}

/** A file of the kernel's own mount of shared memory. */
static int map_shared(const struct thp *s, char *at, struct vm_err *err)
{
	vm_auto_close int fd = memfd_create("vmlab-thp", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)s->huge) < 0 ||
	    mmap(at, s->huge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map shared memory");
	return 0;
}

/** Each area begins where a huge page may, and an inaccessible one lies in between. */
static int reserve(struct thp *s, struct vm_err *err)
{
	char text[VM_NUMBUF];
	uint64_t all = 0;
	for (unsigned i = 0; i < KINDS; i++)
		all += size_of(s, i) + s->huge;
	int r = vm_reserve_map(&s->reserve, all, s->huge, err);
	if (r < 0)
		return r;
	char *at = s->reserve.p;
	for (unsigned i = 0; i < KINDS; i++) {
		const uint64_t size = size_of(s, i);
		s->area[i].p = at;
		if (kinds[i].deed == SHARE) {
			r = map_shared(s, at, err);
			if (r < 0)
				return r;
		} else if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return vm_fail_os(err, errno, "cannot map %s", vm_format_size(size, text));
		if (kinds[i].deed != SHARE && madvise(at, size, MADV_HUGEPAGE) < 0)
			return vm_fail(err, ENOSYS, "this kernel has no transparent huge pages");
		at += size + s->huge;
	}
	return 0;
}

/** Touch all of a huge page; whether it came as one. */
static bool fill(const struct thp *s, char *p, bool write)
{
	const bool huge = vm_comes_whole(s->lab, p, s->huge, write);
	if (write)
		vm_touch(s->lab, p, s->huge);
	else
		vm_peek(s->lab, p, s->huge);
	return huge;
}

/** The kernel maps what it collapsed at the next touch, or already has. */
static bool collapse(const struct thp *s, char *p)
{
	vm_touch(s->lab, p, s->huge);
	if (madvise(p, s->huge, MADV_COLLAPSE) < 0)
		return false;
	vm_touch(s->lab, p, s->huge);
	return true;
}

static int do_deed(const struct thp *s, enum deed deed, char *p)
{
	const uint64_t quarter = s->huge / 4;
	switch (deed) {
	case DROP:
		return madvise(p + quarter, quarter, MADV_DONTNEED);
	case UNMAP:
		return munmap(p + 3 * quarter, quarter);
	case PROTECT:
		return mprotect(p, 2 * quarter, PROT_READ);
	default:
		return 0;
	}
}

static int make_area(struct thp *s, unsigned i, struct vm_err *err)
{
	const uint64_t size = size_of(s, i);
	char *p = s->area[i].p;
	uint64_t given = 0;
	if (kinds[i].deed == SHARE) {
		s->area[i].huge = collapse(s, p);
		return 0;
	}
	for (uint64_t at = 0; at < size; at += s->huge)
		given += fill(s, p + at, kinds[i].deed != READ);
	s->area[i].huge = given * s->huge == size;
	if (kinds[i].deed == WRITE)
		s->given = given;
	/* khugepaged mends what isn't whole; pages that are huge remain so. */
	madvise(p, size, MADV_NOHUGEPAGE);
	return do_deed(s, kinds[i].deed, p) < 0 ? vm_fail_os(err, errno, "cannot change the area '%s'", kinds[i].label) : 0;
}

static void truth_mapping(struct vm_truth *t, const char *label, const char *p, uint64_t size, uint64_t rss,
                          uint64_t huge, const char *perm)
{
	vm_truth_mapping_begin(t, label, p, size);
	vm_truth_str(t, "perm", perm);
	vm_truth_u64(t, "rss_bytes", rss);
	vm_truth_u64(t, "anon_bytes", rss);
	vm_truth_u64(t, "private_dirty_bytes", rss);
	vm_truth_u64(t, "thp_bytes", huge);
	vm_truth_object_end(t);
}

static void truth_mappings(const struct thp *s, struct vm_truth *t, unsigned i)
{
	const char *p = s->area[i].p, *label = kinds[i].label;
	const uint64_t size = size_of(s, i), quarter = s->huge / 4;
	switch (kinds[i].deed) {
	case DROP:
		truth_mapping(t, label, p, size, 3 * quarter, 0, "rw-p");
		break;
	case UNMAP:
		truth_mapping(t, label, p, 3 * quarter, 3 * quarter, 0, "rw-p");
		break;
	case PROTECT:
		truth_mapping(t, label, p, 2 * quarter, 2 * quarter, 0, "r--p");
		truth_mapping(t, label, p + 2 * quarter, 2 * quarter, 2 * quarter, 0, "rw-p");
		break;
	case READ:
		truth_mapping(t, label, p, size, 0, 0, "rw-p");
		break;
	case WRITE:
		truth_mapping(t, label, p, size, size, s->given * s->huge, "rw-p");
		break;
	case SHARE:
		vm_truth_mapping_begin(t, label, p, size);
		vm_truth_str(t, "perm", "rw-s");
		vm_truth_str(t, "name", "/memfd:vmlab-thp (deleted)");
		vm_truth_u64(t, "rss_bytes", size);
		vm_truth_u64(t, "anon_bytes", 0);
		vm_truth_u64(t, "shmem_thp_bytes", s->area[i].huge ? size : 0);
		vm_truth_object_end(t);
		break;
	}
}

/** What vmhuge shows: of areas that weren't huge at first nothing is stated. */
static void truth_huge(const struct thp *s, struct vm_truth *t, unsigned i)
{
	const uint64_t size = size_of(s, i), quarter = s->huge / 4;
	struct vm_huge_fact f = { .label = kinds[i].label, .p = s->area[i].p, .size = size, .resident = size };
	if (!s->area[i].huge)
		return;
	switch (kinds[i].deed) {
	case WRITE:
	case SHARE:
		f.huge = size;
		break;
	case READ:
		f.resident = 0;
		break;
	case DROP:
	case UNMAP:
		f.resident = f.partly = 3 * quarter;
		break;
	case PROTECT:
		f.partly = size;
		break;
	}
	vm_truth_huge(t, &f);
}

static void truth_pages(const struct thp *s, struct vm_truth *t, unsigned i)
{
	const uint64_t quarter = s->huge / 4, page = s->lab->page;
	struct vm_pages_fact f = { .label = kinds[i].label, .p = s->area[i].p, .size = size_of(s, i), VM_PAGES_OWN };
	struct vm_pages_fact none = { .label = kinds[i].label, VM_PAGES_NONE };
	switch (kinds[i].deed) {
	case WRITE:
		f.page_bytes = s->area[i].huge ? s->huge : s->given ? 0 : page;
		break;
	case READ:
		f.page_bytes = s->area[i].huge ? s->huge : page;
		f.state = "present zero";
		f.without = "exclusive file swap";
		break;
	case DROP:
		f.page_bytes = page;
		f.size = quarter;
		none.p = s->area[i].p + quarter;
		none.size = quarter;
		vm_truth_pages(t, &f);
		vm_truth_pages(t, &none);
		f.p = s->area[i].p + 2 * quarter;
		f.size = 2 * quarter;
		break;
	case UNMAP:
		f.page_bytes = page;
		f.size = 3 * quarter;
		none.p = s->area[i].p + 3 * quarter;
		none.size = quarter;
		vm_truth_pages(t, &none);
		break;
	case PROTECT:
		f.page_bytes = page;
		break;
	case SHARE:
		f.page_bytes = s->area[i].huge ? s->huge : page;
		f.state = "present file";
		f.without = "zero swap guard";
		break;
	}
	vm_truth_pages(t, &f);
}

static void thp_truth(const struct thp *s, struct vm_truth *t)
{
	const uint64_t wanted = s->lab->arg[THP_COUNT].u64;
	char text[VM_NUMBUF];
	vm_truth_u64(t, "huge_page_bytes", s->huge);
	vm_truth_u64(t, "whole_huge_bytes", s->given * s->huge);
	vm_truth_bool(t, "all_huge", s->given == wanted);
	vm_truth_array_begin(t, "areas_made");
	for (unsigned i = 0; i < KINDS; i++) {
		vm_truth_mapping_begin(t, kinds[i].label, s->area[i].p, size_of(s, i));
		vm_truth_bool(t, "was_huge", s->area[i].huge);
		vm_truth_object_end(t);
	}
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "mappings");
	for (unsigned i = 0; i < KINDS; i++)
		truth_mappings(s, t, i);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	for (unsigned i = 0; i < KINDS; i++)
		truth_pages(s, t, i);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "huge");
	for (unsigned i = 0; i < KINDS; i++)
		truth_huge(s, t, i);
	vm_truth_array_end(t);
	vm_truth_say(t, "asked for %llu huge pages of %s, got %llu", (unsigned long long)wanted, vm_format_size(s->huge, text),
	             (unsigned long long)s->given);
	for (unsigned i = 0; i < KINDS; i++)
		vm_truth_say(t, "%-9s %s %s", kinds[i].label, s->area[i].huge ? "huge;      " : "base pages;", kinds[i].why);
}

static int thp_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct thp *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->huge = vm_thp_bytes(lab, err);
	if (!s->huge)
		return -ENOSYS;
	int r = reserve(s, err);
	bool any = false;
	for (unsigned i = 0; i < KINDS && r == 0; i++) {
		r = make_area(s, i, err);
		any |= s->area[i].huge;
	}
	if (r < 0)
		return r;
	if (!any && !s->given) {
		vm_fail(err, ENOSYS, "the kernel gave no huge page");
		vm_hint(err, "/sys/kernel/mm/transparent_hugepage/enabled may say never, or memory is fragmented");
		return -ENOSYS;
	}
	thp_truth(s, t);
	return 0;
}

static void thp_done(void *state)
{
	struct thp *s = state;
	vm_reserve_unmap(&s->reserve);
	free(s);
}

const struct vm_workload vm_workload_thp = {
	.name = "thp",
	.help = "transparent huge pages, whole and in parts",
	.shows = "vmhuge,vmpage,vmmap",
	.lesson = "A huge page that is written as a whole is one entry.  Whoever gives back, unmaps or protects a part of it "
	          "makes the kernel split the entry into 512, though the memory stays one piece: smaps no longer counts "
	          "it as AnonHugePages, and the part that was given back isn't free.  The huge page of zeros counts "
	          "nowhere.  Whether the kernel gives huge pages at all is its own decision, and stated.",
	.params = thp_params,
	.make = thp_make,
	.done = thp_done,
};
