/** Files of a control group, wherever its hierarchy is mounted. */
#ifndef VM_SOURCE_CGROUPFS_H
#define VM_SOURCE_CGROUPFS_H

#include <stdbool.h>
#include <stdint.h>

struct vm_err;
struct vm_pids;
struct vm_session;

/**
 * Page faults of the group and those below it since it was made: memory.stat.  Both pages that were there and those that
 * were read from disk are in *faults; *major are the latter.  0; -ENOENT if the memory controller doesn't know it.
 */
int vm_cgroup_faults(struct vm_session *s, const char *path, uint64_t *faults, uint64_t *major, struct vm_err *err);

struct vm_cgroup_limit {
	/** How much more memory may be had, page cache that the group holds taken as free; UINT64_MAX: no limit. */
	uint64_t room;
	uint64_t limit;            /* memory.max, or memory.limit_in_bytes */
	int path_len;              /* whose: that much of the path */
};

/** Of the group and those above it, the one that leaves the least.  False: no such group is seen from here. */
bool vm_cgroup_memory_limit(struct vm_session *s, const char *path, struct vm_cgroup_limit *out);

/** memory.stat to page cache that can be dropped.  False if it has no such lines. */
bool vm_parse_memory_cache(const char *text, uint64_t *cache);

/**
 * The processes of the group and those below it, ascending; where it isn't live, those that say so themselves.  -ENOENT: there is
 * no such group, or none of it.
 */
int vm_cgroup_pids(struct vm_session *s, const char *path, struct vm_pids *out, struct vm_err *err);

/** Its directory in the hierarchy of version 2, opened for reading.  Or a negative errno. */
int vm_cgroup_open_unified(struct vm_session *s, const char *path);

/** Its directory, opened for perf_event_open(2), which wants the hierarchy of perf_event or v2.  Or a negative errno. */
int vm_cgroup_open_perf(struct vm_session *s, const char *path);

/** Whether /proc/PID/cgroup says that a process is in this group, or one below it, of any hierarchy. */
bool vm_cgroup_holds(const char *text, const char *path);

/** memory.stat to faults and major ones.  False if it has no such lines. */
bool vm_parse_memory_stat(const char *text, uint64_t *faults, uint64_t *major);

#endif
