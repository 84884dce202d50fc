/** A parent and its children, of which each writes to a known share of what they have in common. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { FAMILY_SIZE, FAMILY_CHILDREN, FAMILY_WRITE, FAMILY_PARENT, FAMILY_SHM, FAMILY_FILE };

static const struct vm_param family_params[] = {
	{ "size", "bytes that the parent writes to before it forks", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "children", "how many", VM_P_U64, .def = "4", .min = 1, .max = 256 },
	{ "write", "share of them that each child writes to, each from another page on", VM_P_RATIO, .def = "25%" },
	{ "parent", "share of them that the parent writes to after that, from the first page on", VM_P_RATIO, .def = "10%" },
	{ "shm", "bytes of shared memory that all of them touch", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "file", "bytes of a file that all of them read, and children write to their share of, mapped privately", VM_P_SIZE,
	  .def = "256K", .min = 1 },
	{ .name = NULL }
};

enum phase { FORKED, CHILDREN_WROTE, PARENT_WROTE };

static const char *const phase_name[] = {
	[FORKED] = "after fork", [CHILDREN_WROTE] = "after the children wrote", [PARENT_WROTE] = "after the parent wrote",
};

/** Page by page this would be too much to go through for every pair. */
#define WORK_MOST (UINT64_C(1) << 30)

struct family {
	const struct vm_lab *lab;
	struct vm_region anon, shm, mapped;
	struct vm_tmpfile file;
	uint64_t children;
	struct member {
		const struct family *of;
		uint64_t number;           /* 0: the parent */
		struct vm_child child;
	} *member;                         /* the parent first */
	enum phase phase;
};

/** Pages that a member writes to: `n` from `first` on, and from the beginning again behind the end. */
static void written_part(const struct member *m, const struct vm_region *r, uint64_t *first, uint64_t *n)
{
	const struct family *f = m->of;
	const uint64_t pages = r->size / f->lab->page;
	const bool child = m->number > 0;
	const double share = f->lab->arg[child ? FAMILY_WRITE : FAMILY_PARENT].ratio;
	*n = vm_pages_share(f->lab, r->size, share) / f->lab->page;
	*first = child ? (m->number - 1) * pages / f->children : 0;
}

static bool wrote(const struct member *m, const struct vm_region *r, uint64_t page)
{
	const struct family *f = m->of;
	const uint64_t pages = r->size / f->lab->page;
	uint64_t first, n;
	if (f->phase < (m->number ? CHILDREN_WROTE : PARENT_WROTE) || (r == &f->mapped && !m->number))
		return false;
	written_part(m, r, &first, &n);
	return (page + pages - first) % pages < n;
}

/** Runs in the child: touch what fork() doesn't pass on, or write. */
static int act(char order, void *arg)
{
	struct member *m = arg;
	const struct family *f = m->of;
	const uint64_t page = f->lab->page;
	const struct vm_region *const regions[] = { &f->anon, &f->mapped };
	if (order == 'r') {
		vm_peek(f->lab, f->shm.p, f->shm.size);
		vm_peek(f->lab, f->mapped.p, f->mapped.size);
		return 0;
	}
	for (unsigned k = 0; k < 2; k++) {
		uint64_t first, n;
		written_part(m, regions[k], &first, &n);
		for (uint64_t i = 0; i < n; i++)
			vm_touch(f->lab, regions[k]->p + (first + i) % (regions[k]->size / page) * page, page);
	}
	return 0;
}

static int tell_all(struct family *f, char order, struct vm_err *err)
{
	for (uint64_t i = 1; i <= f->children; i++) {
		int r = vm_child_order(&f->member[i].child, order, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void parent_writes(struct family *f)
{
	uint64_t first, n;
	written_part(&f->member[0], &f->anon, &first, &n);
	vm_touch(f->lab, f->anon.p, n * f->lab->page);
}

/* ---- Truth: who has which page --------------------------------------------------------------------------------------- */

/** Does this child still have the page that was there at the fork? */
static bool has_original(const struct member *m, const struct vm_region *r, uint64_t page)
{
	const struct family *f = m->of;
	if (m->number || !wrote(m, r, page))
		return !wrote(m, r, page);
	/* The parent keeps it where nobody else is left that has it: then a write needs no copy. */
	for (uint64_t i = 1; i <= f->children; i++)
		if (!wrote(&f->member[i], r, page))
			return false;
	return true;
}

static pid_t pid_of(const struct member *m)
{
	return m->number ? m->child.pid : getpid();
}

static void range(struct vm_truth *t, const struct vm_region *r)
{
	vm_truth_addr(t, "start", (uintptr_t)r->p);
	vm_truth_addr(t, "end", (uintptr_t)r->p + r->size);
}

static uint64_t both_have(const struct member *a, const struct member *b, const struct vm_region *r)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < r->size / a->of->lab->page; i++)
		n += has_original(a, r, i) && has_original(b, r, i);
	return n * a->of->lab->page;
}

static void truth_pair(struct vm_truth *t, const struct member *a, const struct member *b, const struct vm_region *r,
		       const char *kind)
{
	const bool shm = r == &a->of->shm;
	vm_truth_object_begin(t);
	range(t, r);
	vm_truth_u64(t, "pid", (uint64_t)pid_of(a));
	vm_truth_u64(t, "with_pid", (uint64_t)pid_of(b));
	vm_truth_str(t, "kind", kind);
	vm_truth_u64(t, "shared_bytes", shm ? r->size : both_have(a, b, r));
	vm_truth_object_end(t);
}

static void truth_pairs(const struct family *f, struct vm_truth *t)
{
	vm_truth_array_begin(t, "pairs");
	for (uint64_t i = 0; i <= f->children; i++)
		for (uint64_t j = i + 1; j <= f->children; j++) {
			truth_pair(t, &f->member[i], &f->member[j], &f->anon, "anon");
			truth_pair(t, &f->member[i], &f->member[j], &f->shm, "shmem");
			truth_pair(t, &f->member[i], &f->member[j], &f->mapped, f->file.in_memory ? "shmem" : "file");
		}
	vm_truth_array_end(t);
}

/** How many others have the same page. */
static uint64_t others(const struct member *m, const struct vm_region *r, uint64_t page, uint64_t from)
{
	const struct family *f = m->of;
	uint64_t n = 0;
	for (uint64_t i = from; i <= f->children && has_original(m, r, page); i++)
		n += i != m->number && has_original(&f->member[i], r, page);
	return n;
}

/** What vmshare says of the anonymous region. */
static void truth_member(const struct family *f, struct vm_truth *t, const struct member *m)
{
	const uint64_t page = f->lab->page, pages = f->anon.size / page;
	uint64_t shared = 0, parent = 0, siblings = 0;
	for (uint64_t i = 0; i < pages; i++) {
		shared += others(m, &f->anon, i, 0) > 0;
		siblings += m->number && others(m, &f->anon, i, 1) > 0;
		parent += m->number && has_original(m, &f->anon, i) && has_original(&f->member[0], &f->anon, i);
	}
	vm_truth_object_begin(t);
	range(t, &f->anon);
	vm_truth_u64(t, "pid", (uint64_t)pid_of(m));
	if (m->number) {
		vm_truth_u64(t, "parent_pid", (uint64_t)getpid());
		vm_truth_u64(t, "shared_with_parent_bytes", parent * page);
		vm_truth_u64(t, "shared_with_siblings_bytes", siblings * page);
		vm_truth_u64(t, "broken_bytes", (pages - parent) * page);
		vm_truth_u64(t, "fresh_bytes", 0);
	}
	vm_truth_u64(t, "shared_with_family_bytes", shared * page);
	vm_truth_u64(t, "at_risk_bytes", shared * page);
	vm_truth_u64(t, "uss_bytes", (pages - shared) * page);
	vm_truth_u64(t, "many_bytes", shared * page);
	vm_truth_object_end(t);
}

/** Frames that the region has in all processes together. */
static uint64_t physical(const struct family *f)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < f->anon.size / f->lab->page; i++) {
		bool original = false;
		for (uint64_t k = 0; k <= f->children; k++) {
			original |= has_original(&f->member[k], &f->anon, i);
			n += !has_original(&f->member[k], &f->anon, i);
		}
		n += original;
	}
	return n * f->lab->page;
}

static void truth(const struct family *f, struct vm_truth *t)
{
	char a[VM_NUMBUF], b[VM_NUMBUF];
	const uint64_t all = physical(f);
	vm_truth_str(t, "phase", phase_name[f->phase]);
	vm_truth_u64(t, "physical_bytes", all);
	truth_pairs(f, t);
	vm_truth_array_begin(t, "family");
	for (uint64_t i = 0; i <= f->children; i++)
		truth_member(f, t, &f->member[i]);
	vm_truth_array_end(t);
	vm_truth_say(t, "%s: %llu processes have %s each, which are %s of memory", phase_name[f->phase],
	             (unsigned long long)f->children + 1, vm_format_size(f->anon.size, a), vm_format_size(all, b));
}

/* ---- The workload ----------------------------------------------------------------------------------------------------- */

static int map_regions(struct family *f, const struct vm_lab *lab, struct vm_err *err)
{
	const uint64_t file = vm_pages_up(lab, lab->arg[FAMILY_FILE].u64);
	const int prot = PROT_READ | PROT_WRITE;
	int r = vm_region_map(&f->anon, lab, vm_pages_up(lab, lab->arg[FAMILY_SIZE].u64), prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = vm_region_map(&f->shm, lab, vm_pages_up(lab, lab->arg[FAMILY_SHM].u64), prot, MAP_SHARED | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = vm_tmpfile_open(&f->file, lab, err);
	if (r == 0)
		r = vm_tmpfile_fill(&f->file, file, 1, err);
	return r < 0 ? r : vm_region_map(&f->mapped, lab, file, prot, MAP_PRIVATE, f->file.fd, err);
}

static int start_children(struct family *f, struct vm_err *err)
{
	for (uint64_t i = 0; i <= f->children; i++) {
		f->member[i] = (struct member){ .of = f, .number = i };
		int r = i ? vm_child_start(&f->member[i].child, act, &f->member[i], err) : 0;
		if (r < 0)
			return r;
	}
	return tell_all(f, 'r', err);
}

static int family_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t n = lab->arg[FAMILY_CHILDREN].u64;
	const uint64_t pages = (vm_pages_up(lab, lab->arg[FAMILY_SIZE].u64) + vm_pages_up(lab, lab->arg[FAMILY_FILE].u64)) / lab->page;
	if (pages > WORK_MOST / ((n + 1) * (n + 1)))
		return vm_fail(err, EINVAL, "--size: too much for %llu children: page by page its truth would take minutes",
			       (unsigned long long)n);
	struct family *f = *state = calloc(1, sizeof(*f));
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	f->lab = lab;
	f->children = n;
	f->file.fd = -1;
	f->member = calloc(n + 1, sizeof(*f->member));
	int r = f->member ? map_regions(f, lab, err) : vm_fail_os(err, ENOMEM, "cannot keep the state");
	if (r < 0)
		return r;
	vm_touch(lab, f->anon.p, f->anon.size);
	vm_touch(lab, f->shm.p, f->shm.size);
	vm_peek(lab, f->mapped.p, f->mapped.size);
	r = start_children(f, err);
	if (r == 0)
		truth(f, t);
	return r;
}

static int family_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct family *f = state;
	int r = 0;
	if (f->phase == FORKED)
		r = tell_all(f, 'w', err);
	else
		parent_writes(f);
	if (r < 0)
		return r;
	f->phase++;
	truth(f, t);
	return f->phase < PARENT_WROTE;
}

static size_t family_others(const void *state, pid_t *pids, size_t max)
{
	const struct family *f = state;
	size_t n = 0;
	for (uint64_t i = 1; i <= f->children && n < max; i++)
		pids[n++] = f->member[i].child.pid;
	return n;
}

static void family_done(void *state)
{
	struct family *f = state;
	for (uint64_t i = f->member ? f->children : 0; i > 0; i--)
		vm_child_end(&f->member[i].child);
	vm_region_unmap(&f->anon);
	vm_region_unmap(&f->shm);
	vm_region_unmap(&f->mapped);
	vm_tmpfile_remove(&f->file);
	free(f->member);
	free(f);
}

const struct vm_workload vm_workload_fork_family = {
	.name = "fork-family",
	.help = "a parent and its children, each of which writes to a share of what they have in common",
	.shows = "vmshare,vmmap",
	.lesson = "fork() copies nothing; every page that is written to is copied then, once for each who writes, but for the "
	          "last one that has the original.  RSS counts all of them in full, PSS divides; neither says with whom a "
	          "process shares.  vmshare does, page by page: with its parent, with its siblings, what is broken, and what "
	          "a write to all of it would cost.",
	.params = family_params,
	.make = family_make,
	.step = family_step,
	.others = family_others,
	.done = family_done,
};
