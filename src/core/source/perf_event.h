/**
 * Opening perf events; those that run an eBPF program on every CPU.
 *
 * Of the latter only software events, every single one (sample_period 1), of all processes: the program is called with
 * the registers and the address, and nothing is written to a ring.  They end with their descriptors, whatever ends us.
 */
#ifndef VM_SOURCE_PERF_EVENT_H
#define VM_SOURCE_PERF_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

struct perf_event_attr;
struct vm_err;
struct vm_session;

/** The CPUs that are online. */
struct vm_perf_online {
	unsigned *v;
	size_t n, cap;
};

/** Behind what `out` holds.  0 or a negative errno. */
int vm_perf_online(struct vm_session *s, struct vm_perf_online *out, struct vm_err *err);

/**
 * perf_event_open(2) without a group, closed on exec.  Where the descriptors don't suffice, our soft RLIMIT_NOFILE is
 * raised as far as the hard one allows, which programs that are started afterwards inherit.  A descriptor or a negative
 * errno.
 */
int vm_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, unsigned flags);

/** The same in the group that the event `group` leads, or of which it is the leader: -1. */
int vm_perf_event_open_in(struct perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned flags);

/** Whose events were wanted. */
enum vm_perf_of { VM_PERF_OF_OURS, VM_PERF_OF_OTHERS, VM_PERF_OF_ALL };

/** Say why vm_perf_event_open() failed with `code`, a negative errno: which capability or sysctl is in the way. */
int vm_perf_event_fail(struct vm_session *s, int code, enum vm_perf_of of, struct vm_err *err);


/** One event on each CPU that was online.  Zero-initialised is empty and valid. */
struct vm_perf_cpus {
	int *fd;
	size_t n;
};

/**
 * Open the software event `config` (PERF_COUNT_SW_*) on every online CPU, and let it run the program `prog_fd`, of type
 * perf_event.  Not enabled: see vm_perf_cpus_enable().  CPUs that leave meanwhile are skipped; those that come later
 * have no event.
 * 0, or a negative errno with the reason in words: which capability or sysctl is in the way.
 */
int vm_perf_cpus_open(struct vm_session *s, uint64_t config, int prog_fd, struct vm_perf_cpus *out, struct vm_err *err);

/** Let it happen, or not any more.  0 or a negative errno. */
int vm_perf_cpus_enable(const struct vm_perf_cpus *p, bool on, struct vm_err *err);

void vm_perf_cpus_close(struct vm_perf_cpus *p);

#endif
