#include "core/source/numacalls.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <string.h>

#include "core/base/err.h"
#include "core/source/source.h"

/** Pages asked for at a time. */
enum { BATCH = 512 };

/** Modes and flags newer than the library's header. */
enum { MODE_LOCAL = 4, MODE_PREFERRED_MANY = 5, MODE_WEIGHTED = 6 };
enum { FLAG_STATIC = 1 << 15, FLAG_RELATIVE = 1 << 14, FLAG_BALANCING = 1 << 13 };

int vm_numa_calls_usable(struct vm_err *err)
{
	if (numa_available() >= 0)
		return 0;
	return vm_fail(err, EOPNOTSUPP, "this kernel has no calls for memory nodes (CONFIG_NUMA)");
}

static int refused(int code, pid_t pid, const char *what, struct vm_err *err)
{
	if (code == ESRCH)
		return vm_fail(err, ESRCH, "there is no process %d", pid);
	vm_fail_os(err, code, "cannot %s of process %d", what, pid);
	if (code == EPERM || code == EACCES)
		vm_hint(err, "needs CAP_SYS_PTRACE or the same user; run with sudo");
	return -code;
}

int vm_numa_query(pid_t pid, const uint64_t *addr, int *status, size_t n, struct vm_err *err)
{
	void *pages[BATCH];
	int r = vm_numa_calls_usable(err);
	for (size_t at = 0; r == 0 && at < n; at += BATCH) {
		const size_t count = n - at < BATCH ? n - at : BATCH;
		for (size_t i = 0; i < count; i++)
			pages[i] = (void *)(uintptr_t)addr[at + i];
		if (numa_move_pages(pid, count, pages, NULL, status + at, 0) < 0)
			r = refused(errno, pid, "ask for the nodes of pages", err);
	}
	return r;
}

static struct bitmask *to_bitmask(const struct vm_nodemask *m)
{
	struct bitmask *b = numa_bitmask_alloc(VM_NODES_MAX);
	for (unsigned id = 0; b && id < VM_NODES_MAX; id++)
		if (vm_nodemask_has(m, id))
			numa_bitmask_setbit(b, id);
	return b;
}

long vm_numa_migrate(pid_t pid, const struct vm_nodemask *from, const struct vm_nodemask *to, struct vm_err *err)
{
	int r = vm_numa_calls_usable(err);
	if (r < 0)
		return r;
	struct bitmask *f = to_bitmask(from), *t = to_bitmask(to);
	long left = -1;
	errno = ENOMEM;
	if (f && t)
		left = numa_migrate_pages(pid, f, t);
	const int code = errno;
	if (f)
		numa_bitmask_free(f);
	if (t)
		numa_bitmask_free(t);
	if (left < 0 && code == EINVAL)
		return vm_fail(err, EOPNOTSUPP, "none of the nodes to move to has memory that process %d may use", pid);
	return left < 0 ? refused(code, pid, "move the pages", err) : left;
}

static enum vm_mpol mode_of(int mode, const struct vm_nodemask *nodes)
{
	switch (mode & ~(FLAG_STATIC | FLAG_RELATIVE | FLAG_BALANCING)) {
	case MPOL_DEFAULT:
		return VM_MPOL_DEFAULT;
	case MPOL_PREFERRED:
		return vm_nodemask_empty(nodes) ? VM_MPOL_LOCAL : VM_MPOL_PREFERRED;
	case MPOL_BIND:
		return VM_MPOL_BIND;
	case MPOL_INTERLEAVE:
		return VM_MPOL_INTERLEAVE;
	case MODE_LOCAL:
		return VM_MPOL_LOCAL;
	case MODE_PREFERRED_MANY:
		return VM_MPOL_PREFERRED_MANY;
	case MODE_WEIGHTED:
		return VM_MPOL_WEIGHTED;
	default:
		return VM_MPOL_UNKNOWN;
	}
}

int vm_numa_own_policy(struct vm_policy *policy, struct vm_nodemask *may_allocate, struct vm_err *err)
{
	int mode, r = vm_numa_calls_usable(err);
	*policy = (struct vm_policy){ 0 };
	*may_allocate = (struct vm_nodemask){ 0 };
	if (r < 0)
		return r;
	if (get_mempolicy(&mode, (unsigned long *)policy->nodes.w, VM_NODES_MAX, NULL, 0) != 0)
		return vm_fail_os(err, errno, "cannot ask for the memory policy");
	policy->mode = mode_of(mode, &policy->nodes);
	policy->flags = (mode & FLAG_STATIC ? VM_MPOL_STATIC : 0u) | (mode & FLAG_RELATIVE ? VM_MPOL_RELATIVE : 0u) |
			(mode & FLAG_BALANCING ? VM_MPOL_BALANCING : 0u);
	struct bitmask *mems = numa_get_mems_allowed();
	for (unsigned id = 0; mems && id < mems->size && id < VM_NODES_MAX; id++)
		if (numa_bitmask_isbitset(mems, id))
			vm_nodemask_add(may_allocate, id);
	if (mems)
		numa_bitmask_free(mems);
	return 0;
}

static int probe(struct vm_session *s, struct vm_err *err)
{
	(void)s;
	return vm_numa_calls_usable(err);
}

const struct vm_source vm_src_numa_calls = {
	.name = "libnuma", .help = "move_pages(2), migrate_pages(2): nodes of single pages, and moving", .flags = VM_SRC_LIVE,
	.probe = probe,
};
