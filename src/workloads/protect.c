/** Pages that are there and may not be used: guard pages, PROT_NONE, protection keys. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* Linux 6.13; missing from older headers. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

struct protect {
	struct vm_region r;
	int pkey;                  /* 0: none */
};

/** All of a region of that size, written to. */
static int protect_begin(const struct vm_lab *lab, uint64_t size, void **state, struct vm_err *err)
{
	struct protect *p = *state = calloc(1, sizeof(*p));
	if (!p)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = vm_region_map(&p->r, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		vm_touch(lab, p->r.p, p->r.size);
	return r;
}

static void protect_done(void *state)
{
	struct protect *p = state;
	vm_region_unmap(&p->r);
	if (p->pkey > 0)
		pkey_free(p->pkey);
	free(p);
}

/** A whole object of "mappings" for a part of the region, all of which is resident. */
static void truth_part(struct vm_truth *t, const char *label, const char *p, uint64_t size, const char *perm)
{
	if (!size)
		return;
	vm_truth_mapping_begin(t, label, p, size);
	vm_truth_str(t, "perm", perm);
	vm_truth_u64(t, "rss_bytes", size);
	vm_truth_u64(t, "anon_bytes", size);
	vm_truth_object_end(t);
}

/* guard */

enum { GUARD_SIZE, GUARD_EVERY, GUARD_COUNT };

static const struct vm_param guard_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "2M", .min = 1 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "8", .min = 1, .max = 1u << 20 },
	{ "guards", "pages of it that become guards, from its start", VM_P_U64, .def = "1", .min = 1, .max = 1u << 20 },
	{ .name = NULL }
};

static int install_guards(const struct vm_lab *lab, const struct vm_region *r, uint64_t every, uint64_t count,
                          uint64_t *guards, struct vm_err *err)
{
	const uint64_t pages = r->size / lab->page;
	*guards = 0;
	for (uint64_t i = 0; i < pages; i += every) {
		const uint64_t n = pages - i < count ? pages - i : count;
		if (madvise(r->p + i * lab->page, n * lab->page, MADV_GUARD_INSTALL) == 0)
			*guards += n;
		else if (errno == EINVAL)
			return vm_fail(err, ENOSYS, "this kernel has no MADV_GUARD_INSTALL (Linux 6.13)");
		else
			return vm_fail_os(err, errno, "cannot install guard pages");
	}
	return 0;
}

static int guard_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t every = lab->arg[GUARD_EVERY].u64, count = lab->arg[GUARD_COUNT].u64;
	uint64_t guards = 0;
	if (count > every)
		return vm_fail(err, EINVAL, "--guards must fit into --every");
	int res = protect_begin(lab, lab->arg[GUARD_SIZE].u64, state, err);
	const struct vm_region *r = *state ? &((struct protect *)*state)->r : NULL;
	if (res == 0)
		res = install_guards(lab, r, every, count, &guards, err);
	if (res < 0)
		return res;
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "guarded", r, "rw-p", r->size - guards * lab->page);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "guards", .p = r->p, .size = r->size, .every = every,
	               .count = count, .state = "guard", .without = "present swap marker" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "others", .p = r->p, .size = r->size, .every = every,
	               .first = count, .count = every - count, VM_PAGES_OWN });
	vm_truth_array_end(t);
	vm_truth_u64(t, "guard_bytes", guards * lab->page);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s, of which %s are guard pages: one mapping still", vm_format_size(r->size, a),
	             vm_format_size(guards * lab->page, b));
	return 0;
}

const struct vm_workload vm_workload_guard = {
	.name = "guard",
	.help = "guard pages inside one mapping (MADV_GUARD_INSTALL)",
	.shows = "vmpage",
	.lesson = "A guard page used to be a mapping of its own, of about 200 bytes of the kernel's memory and a seam "
	          "in the list.  Since Linux 6.13 it is a mark in a page-table entry: what was there is gone, any "
	          "access is a SIGSEGV, and the mapping stays one.  vmmap shows nothing of it, vmpage does.",
	.params = guard_params,
	.make = guard_make,
	.done = protect_done,
};

/* prot-none */

enum { NONE_SIZE, NONE_SHARE };

static const struct vm_param none_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "2M", .min = 1 },
	{ "protect", "share of it that loses all permissions, from its start", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

static int none_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	int res = protect_begin(lab, lab->arg[NONE_SIZE].u64, state, err);
	if (res < 0)
		return res;
	const struct vm_region *r = &((struct protect *)*state)->r;
	const uint64_t none = vm_pages_share(lab, r->size, lab->arg[NONE_SHARE].ratio);
	if (none && mprotect(r->p, none, PROT_NONE) < 0)
		return vm_fail_os(err, errno, "cannot mprotect");
	vm_truth_array_begin(t, "mappings");
	truth_part(t, "protected", r->p, none, "---p");
	truth_part(t, "others", r->p + none, r->size - none, "rw-p");
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "protected", .p = r->p, .size = none,
	               .state = "present exclusive prot-none", .without = "file zero swap guard" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "others", .p = r->p + none, .size = r->size - none,
	               VM_PAGES_OWN });
	vm_truth_array_end(t);
	vm_truth_u64(t, "prot_none_bytes", none);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "wrote to %s, then took all permissions from %s of it: the memory stays", vm_format_size(r->size, a),
	             vm_format_size(none, b));
	return 0;
}

const struct vm_workload vm_workload_prot_none = {
	.name = "prot-none",
	.help = "memory that was written and may no longer be used",
	.shows = "vmpage,vmmap",
	.lesson = "mprotect(PROT_NONE) frees nothing: RSS stays, and only the entries change.  The CPU sees them as not "
	          "present, the kernel as present; on x86-64 even their frame numbers are inverted, so that no "
	          "speculation can use them.",
	.params = none_params,
	.make = none_make,
	.done = protect_done,
};

/* pkey */

enum { PKEY_SIZE, PKEY_SHARE };

static const struct vm_param pkey_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "protect", "share of it that gets the key, from its start", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

static int pkey_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	int res = protect_begin(lab, lab->arg[PKEY_SIZE].u64, state, err);
	if (res < 0)
		return res;
	struct protect *p = *state;
	const uint64_t keyed = vm_pages_share(lab, p->r.size, lab->arg[PKEY_SHARE].ratio);
	p->pkey = pkey_alloc(0, PKEY_DISABLE_WRITE);
	if (p->pkey < 0)
		return vm_fail(err, ENOSYS, "there are no protection keys here: the CPU or the kernel has none");
	if (keyed && pkey_mprotect(p->r.p, keyed, PROT_READ | PROT_WRITE, p->pkey) < 0)
		return vm_fail_os(err, errno, "cannot give the memory its key");
	vm_truth_array_begin(t, "mappings");
	truth_part(t, "keyed", p->r.p, keyed, "rw-p");
	truth_part(t, "others", p->r.p + keyed, p->r.size - keyed, "rw-p");
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "keyed", .p = p->r.p, .size = keyed, .pkey = p->pkey,
	               VM_PAGES_OWN });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "others", .p = p->r.p + keyed, .size = p->r.size - keyed,
	               VM_PAGES_OWN });
	vm_truth_array_end(t);
	vm_truth_u64(t, "pkey", (uint64_t)p->pkey);
	char a[VM_NUMBUF];
	vm_truth_say(t, "%s may be written to by threads only whose PKRU allows key %d", vm_format_size(keyed, a), p->pkey);
	return 0;
}

const struct vm_workload vm_workload_pkey = {
	.name = "pkey",
	.help = "memory with a protection key",
	.shows = "vmpage,vmmap",
	.lesson = "A protection key is four bits of each entry; what threads may do with memory of a key is in a register "
	          "of theirs (PKRU), which they change without a system call.  PERM says rw though a write is a "
	          "SIGSEGV here: only the entry shows the key.",
	.params = pkey_params,
	.make = pkey_make,
	.done = protect_done,
};
