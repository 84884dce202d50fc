/**
 * The kernel's own counters of page faults, of chosen processes, since they are looked at: /proc/PID/stat and those of
 * threads.
 *
 * Processes come, go and wait for their children; what is summed up is told by whose counters hold it at the end.
 */
#ifndef VM_SOURCE_FAULTS_OWN_H
#define VM_SOURCE_FAULTS_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/map.h"
#include "core/base/vec.h"

struct vm_err;
struct vm_session;

/** Counters at one moment; those of children: of all that were waited for, and theirs. */
struct vm_own_counts {
	uint64_t minor, major, cpu_ns;
	uint64_t children_minor, children_major, children_cpu_ns;
};

struct vm_own_task {
	pid_t pid, tid, parent;
	uint64_t start;            /* ticks since boot: pid and start identify a process */
	char comm[16];
	struct vm_own_counts base, now;
	bool ended;
	/** Its counters are in those of its parent, which waited for it. */
	bool absorbed;
	uint32_t seen;             /* vm_owns.passes of the last one that met it; threads only */
};

/** Zeroed, but for the first three members, it is empty and valid. */
struct vm_owns {
	struct vm_session *s;
	/** Processes that they fork are watched, too; with threads each thread is, besides the process. */
	bool children, threads;
	VM_VEC(struct vm_own_task) process;
	VM_VEC(struct vm_own_task) thread;
	/** Indices of those that haven't ended. */
	struct vm_map by_pid, by_tid;
	/** The pass before saw these, and they aren't ours. */
	struct vm_map strangers;
	uint32_t passes;
};

/**
 * Watch one more process: from now on, or (fresh) from its beginning.  Already watched is fine.  -ESRCH: it isn't there;
 * -EACCES: it may not be read.
 */
int vm_owns_add(struct vm_owns *o, pid_t pid, bool fresh, struct vm_err *err);

/** Take those that exist and that aren't watched for strangers: what they fork isn't ours.  With children. */
int vm_owns_know_strangers(struct vm_owns *o, struct vm_err *err);

/** Look for new children and read all counters.  0 or -ENOMEM. */
int vm_owns_update(struct vm_owns *o, struct vm_err *err);

/** Of all processes since they are watched, as last read; children_ members are 0. */
struct vm_own_counts vm_owns_sum(const struct vm_owns *o);

/** Did none of them end in a way that its last counters were lost? */
bool vm_owns_complete(const struct vm_owns *o);

/** Of one task since it is watched, without children. */
struct vm_own_counts vm_own_since(const struct vm_own_task *t);

/** The thread that has this number now; NULL: it isn't watched. */
const struct vm_own_task *vm_owns_thread(const struct vm_owns *o, pid_t tid);

void vm_owns_free(struct vm_owns *o);

#endif
