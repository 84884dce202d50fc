/** In place of numacalls.c where libnuma isn't there. */

#include <errno.h>

#include "core/base/err.h"
#include "core/source/numacalls.h"
#include "core/source/source.h"

int vm_numa_calls_usable(struct vm_err *err)
{
	return vm_fail(err, EOPNOTSUPP, "built without libnuma, which asks for nodes of pages and moves them");
}

int vm_numa_query(pid_t pid, const uint64_t *addr, int *status, size_t n, struct vm_err *err)
{
	(void)pid, (void)addr, (void)status, (void)n;
	return vm_numa_calls_usable(err);
}

long vm_numa_migrate(pid_t pid, const struct vm_nodemask *from, const struct vm_nodemask *to, struct vm_err *err)
{
	(void)pid, (void)from, (void)to;
	return vm_numa_calls_usable(err);
}

int vm_numa_own_policy(struct vm_policy *policy, struct vm_nodemask *may_allocate, struct vm_err *err)
{
	*policy = (struct vm_policy){ 0 };
	*may_allocate = (struct vm_nodemask){ 0 };
	return vm_numa_calls_usable(err);
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
