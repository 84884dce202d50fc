/** Making huge pages of base pages, in another process: process_madvise(2) with MADV_COLLAPSE (Linux 6.1).  It changes the target. */
#ifndef VM_SOURCE_HUGECOLLAPSE_H
#define VM_SOURCE_HUGECOLLAPSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_session;

/** May we do that to others at all (CAP_SYS_NICE)? */
bool vm_huge_collapse_permitted(void);

/**
 * Does the kernel collapse a range only if an entry of it may be written?  Tried on memory of our own, of which a huge page is
 * made: 1 yes, 0 no, or a negative errno: not known.
 */
int vm_huge_collapse_wants_writable(struct vm_session *s, uint64_t bytes);

/** A process to change: bound to it, so that no other one with its number can be hit.  A descriptor, or a negative errno: -ESRCH,
    -EOPNOTSUPP (no such kernel, a captured tree). */
int vm_huge_collapse_open(struct vm_session *s, pid_t pid, struct vm_err *err);

/**
 * Collapse one range.  0; -ENOMEM: no huge page was to be had; -EBUSY: a cgroup's limit; -EAGAIN: pages of it are held by somebody;
 * -EINVAL: not this memory; -EPERM: needs CAP_SYS_NICE and ptrace access; -ESRCH: the process is gone.
 */
int vm_huge_collapse(int process, uint64_t start, uint64_t bytes);

#endif
