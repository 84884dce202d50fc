/** A build without BPF: there is no walker, and who asks for one is told so. */

#include "core/source/walker.h"

#include <errno.h>

#include "core/base/err.h"
#include "core/source/session.h"

int vm_walker_get(struct vm_session *s, struct vm_walker **out, struct vm_err *err)
{
	*out = NULL;
	return s->live ? vm_fail(err, EOPNOTSUPP, "built without BPF") :
			 vm_fail(err, EOPNOTSUPP, "a %s has no page tables", vm_session_kind(s));
}

const struct vm_pt_geometry *vm_walker_geometry(const struct vm_walker *w)
{
	(void)w;
	return NULL;
}

uint64_t vm_walker_direct_map(const struct vm_walker *w, uint64_t *end)
{
	(void)w;
	return *end = 0;
}

uint64_t vm_walker_zero_pfn(const struct vm_walker *w)
{
	(void)w;
	return VM_PFN_NONE;
}

int vm_walk(struct vm_walker *w, pid_t pid, uint64_t from, uint64_t to,
	    int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx, struct vm_walk_stats *stats,
	    struct vm_err *err)
{
	(void)w, (void)pid, (void)from, (void)to, (void)take, (void)ctx, (void)stats;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

int vm_walk_one(struct vm_walker *w, pid_t pid, uint64_t addr, struct vm_walk_path *out, struct vm_err *err)
{
	(void)w, (void)pid, (void)addr, (void)out;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}
