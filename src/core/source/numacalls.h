/** Calls that ask for the nodes of single pages, move pages, and tell policies, by libnuma; none without it. */
#ifndef VM_SOURCE_NUMACALLS_H
#define VM_SOURCE_NUMACALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/numa.h"

struct vm_err;
struct vm_source;

/** 0; -EOPNOTSUPP: built without libnuma, or a kernel without these calls. */
int vm_numa_calls_usable(struct vm_err *err);

/**
 * On which node the page of each address is: status[i] is its number, or -ENOENT (not in memory), -EFAULT (zero page, or
 * nothing mapped), or another negative errno.  Nothing is moved.  0, -ESRCH, -EPERM and so on.
 */
int vm_numa_query(pid_t pid, const uint64_t *addr, int *status, size_t n, struct vm_err *err);

/**
 * Move all pages of a process from nodes to nodes, migrate_pages(2): what it shares with others only with CAP_SYS_NICE.
 * Returns how many could not be moved, or a negative errno.
 */
long vm_numa_migrate(pid_t pid, const struct vm_nodemask *from, const struct vm_nodemask *to, struct vm_err *err);

/** The policy of the calling thread, and the nodes that it may allocate on: what a program started now would inherit.  0 or a
    negative errno. */
int vm_numa_own_policy(struct vm_policy *policy, struct vm_nodemask *may_allocate, struct vm_err *err);

/** For --sources. */
extern const struct vm_source vm_src_numa_calls;

#endif
