/**
 * A session of the kernel's access monitor (DAMON) of our own, on the addresses of one process: /sys/kernel/mm/damon/admin.
 *
 * There is one such directory for the whole machine.  If somebody has a session there it isn't touched, and there is none of
 * ours.  Ours is removed when it is closed; should we be killed it stays, and whoever is root may remove it.
 */
#ifndef VM_SOURCE_DAMON_H
#define VM_SOURCE_DAMON_H

#include <stdint.h>
#include <sys/types.h>

#include "core/base/vec.h"
#include "core/model/damon.h"

struct vm_damon;
struct vm_err;
struct vm_session;

struct vm_damon_regions {
	VM_VEC(struct vm_damon_region) region;
	uint64_t samples;          /* in an aggregation interval */
};

/**
 * Start one, that sums up each `aggregation_ns`.
 * 0; -EOPNOTSUPP: this kernel has no DAMON, or not for processes, or doesn't tell regions (Linux 6.2); -EBUSY: somebody has a
 * session; -EACCES: not permitted; another negative errno.
 */
int vm_damon_open(struct vm_session *s, pid_t pid, uint64_t aggregation_ns, struct vm_damon **out, struct vm_err *err);

/** Waits for the end of an interval; all regions of it, ascending.  0, -ESRCH: the process has ended, or another one. */
int vm_damon_read(struct vm_damon *d, struct vm_damon_regions *out, struct vm_err *err);

void vm_damon_close(struct vm_damon *d);

#endif
