/** What the parts of the back end that watches by perf events share. */
#ifndef VM_SOURCE_FAULTS_PERF_H
#define VM_SOURCE_FAULTS_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultfold.h"
#include "core/model/spacemaps.h"
#include "core/source/backing.h"
#include "core/source/faults.h"
#include "core/source/perf_event.h"
#include "core/source/perf_ring.h"

/** An event on one CPU: of a thread and those that it makes, of a control group, or of all. */
struct vm_fp_event {
	int fd;
	pid_t tid;                 /* -1: not of one thread */
	bool major;
};

/** A process that has the number now. */
struct vm_fp_process {
	pid_t pid;
	uint32_t space;
	unsigned live;             /* threads that are known and haven't ended */
	bool leader_ended;
	/** It isn't to be watched: a child, where children aren't wanted. */
	bool stranger;
	/** When its mappings were last read from /proc, and how long that took; 0: never. */
	uint64_t looked_ns, look_took_ns;
};

/** What is known of a thread besides. */
struct vm_fp_thread {
	/** The one whose events count its faults: itself, or whom it has them from; 0: its first sample tells. */
	pid_t owner;
	/** Its last sample, by what two of the same fault have in common. */
	uint64_t time_ns, address, ip;
};

struct vm_fp {
	struct vm_session *s;
	struct vm_fault_ask ask;   /* its pids while it is opened only */
	bool children;
	struct vm_faultset set;
	struct vm_fault_fold fold;
	struct vm_spacemaps maps;
	struct vm_backings backings;

	/** What samples hold; events of threads alone can be had (Linux 5.13), and those from kernel mode. */
	struct vm_perf_form form;
	bool inherit_thread, user_only;
	/** vm_kernel_counts_shared_writes(). */
	bool counts_shared_writes;
	struct vm_perf_online cpu;
	struct vm_perf_rings *rings;
	VM_VEC(struct vm_fp_event) event;
	/** Indices in `event` by the kernel's number; threads that were to get events of their own. */
	struct vm_map by_id, tried;
	bool enabled;

	VM_VEC(struct vm_fp_process) process;
	/** As many as in set.thread. */
	VM_VEC(struct vm_fp_thread) thread;
	/** Indices in `process` and in set.thread. */
	struct vm_map by_pid, by_tid;

	/** The back end of counters watches the same: what the kernel's own say is compared. */
	void *own;
	bool stopped;
	/** Samples that came; records that perf said were lost; what lost faults added to the kinds. */
	uint64_t seen_minor, seen_major, told_lost, added_minor, added_major;
};

/** Open all events, not yet enabled.  Threads that get events of their own are handed to vm_fp_attached(). */
int vm_fp_open_events(struct vm_fp *p, struct vm_err *err);
/** Let them happen, those of a command from its execve(2) on; and open events for threads that came meanwhile. */
int vm_fp_enable(struct vm_fp *p, struct vm_err *err);
void vm_fp_disable(struct vm_fp *p);
/** How often they happened, whatever became of their records. */
void vm_fp_counts(const struct vm_fp *p, uint64_t *minor, uint64_t *major);
void vm_fp_close_events(struct vm_fp *p);

/** A thread that exists has events of its own now.  0 or -ENOMEM. */
int vm_fp_attached(struct vm_fp *p, pid_t pid, pid_t tid);

/** Take a record; as vm_perf_take. */
int vm_fp_take(void *ctx, const struct vm_perf_record *r);

/** Read the mappings of the processes that have events, from /proc.  0 or -ENOMEM. */
int vm_fp_read_mappings(struct vm_fp *p);

#endif
