/**
 * Watching processes by perf events that sample: who they are, what they have mapped where, and each sample with the
 * process, thread and mappings that it belongs to.
 *
 * Events are opened on every CPU, since rings can't be shared by several, and for every thread, since only those that a
 * thread makes later inherit its events.  Records of mappings, forks and programs come along, so that short-lived
 * processes are known too.
 */
#ifndef VM_SOURCE_PERF_WATCH_H
#define VM_SOURCE_PERF_WATCH_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultset.h"
#include "core/model/spacemaps.h"
#include "core/model/whom.h"
#include "core/source/backing.h"
#include "core/source/perf_event.h"
#include "core/source/perf_ring.h"
#include "core/source/perf_threads.h"

struct vm_err;
struct vm_perf_watch;
struct vm_session;

/** An event on one CPU: of a thread and those that it makes, of a control group, or of all. */
struct vm_perf_watch_event {
	int fd;
	pid_t tid;                 /* -1: not of one thread */
	uint8_t which;             /* of the kinds that are watched: index in vm_perf_watch.attr */
};

/** A process that has the number now. */
struct vm_perf_watch_process {
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
struct vm_perf_watch_thread {
	/** The one whose events count what it does: itself, or whom it has them from; 0: its first sample tells. */
	pid_t owner;
	/** Its last sample, by what two of the same moment have in common. */
	uint64_t time_ns, address, ip;
	uint8_t which;
};

enum { VM_PERF_WATCH_KINDS = 8 };

/** A sample of a process that is watched: its space, its thread's index in set->thread, which kind of event.  0, or what
    vm_perf_watch_take() shall return. */
typedef int vm_perf_watch_sample(void *ctx, const struct vm_perf_record *r, uint32_t space, uint32_t thread, size_t which);

/** Zero-initialised, but for what the caller sets, it is empty and valid. */
struct vm_perf_watch {
	/* Set by the caller. */
	struct vm_session *s;
	enum vm_whom whom;
	const char *cgroup;
	bool children;             /* processes that they fork, too */
	/** Gets spaces, threads and mappings, the latter with vm_spacemaps_put(&w->maps, ...). */
	struct vm_faultset *set;
	/** Events of each kind, without what says of whom and from when on; what samples hold is that of `form`. */
	struct perf_event_attr attr[VM_PERF_WATCH_KINDS];
	size_t kinds;
	struct vm_perf_form form;
	/** Events of threads alone can be had (Linux 5.13). */
	bool inherit_thread;
	/** Some CPUs don't have some of the kinds: hybrid machines. */
	bool some_cpus;
	vm_perf_watch_sample *sample;
	void *ctx;
	/** Called for each mapping of code that is met for the first time.  May be NULL. */
	void (*code)(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m);
	void *code_ctx;

	/* Its own. */
	struct vm_spacemaps maps;
	struct vm_backings backings;
	struct vm_perf_online cpu;
	struct vm_perf_rings *rings;
	VM_VEC(struct vm_perf_watch_event) event;
	struct vm_perf_threads threads;
	/** Indices in `event` by the kernel's number. */
	struct vm_map by_id;
	bool enabled;
	VM_VEC(struct vm_perf_watch_process) process;
	/** As many as in set->thread. */
	VM_VEC(struct vm_perf_watch_thread) thread;
	/** Indices in `process` and in set->thread. */
	struct vm_map by_pid, by_tid;
	/** Samples that came, of whomever; what perf said was lost, and how often it held an event back for a while. */
	uint64_t seen[VM_PERF_WATCH_KINDS], told_lost, throttled;
	/** Events that samples stand for which weren't handed on: of us, of strangers, told a second time. */
	uint64_t passed[VM_PERF_WATCH_KINDS];
};

/** Would an event of this kind be allowed on ourselves?  0 or a negative errno. */
int vm_perf_watch_try(const struct vm_perf_watch *w, size_t which);

/** Open all events, not yet enabled.  `pids` as in vm_fault_ask.  0 or a negative errno. */
int vm_perf_watch_open(struct vm_perf_watch *w, const pid_t *pids, size_t npids, struct vm_err *err);

/** Let them happen, those of a command from its execve(2) on; open events for threads that came meanwhile, and read what
    processes have mapped.  0 or a negative errno. */
int vm_perf_watch_enable(struct vm_perf_watch *w, struct vm_err *err);
void vm_perf_watch_disable(struct vm_perf_watch *w);

/** Take the records that have come; as vm_perf_rings_read(), with the reason in words. */
int vm_perf_watch_take(struct vm_perf_watch *w, bool all, struct vm_err *err);

/** Events of a kind so far, whatever became of their samples.  Of all CPUs together. */
struct vm_perf_watch_count {
	uint64_t n;
	/** read_format has PERF_FORMAT_TOTAL_TIME_ENABLED and _RUNNING; `running_ns` of `enabled_ns` it had a counter. */
	uint64_t enabled_ns, running_ns;
};
struct vm_perf_watch_count vm_perf_watch_counted(const struct vm_perf_watch *w, size_t which);

/** As vm_spacemaps_hit(); where nothing is known, what the process has mapped may be read again. */
const struct vm_fault_mapping *vm_perf_watch_mapping(struct vm_perf_watch *w, uint32_t space, uint64_t address, uint64_t *key);

/** All but the set. */
void vm_perf_watch_close(struct vm_perf_watch *w);

/* Between its parts. */

/** A thread that exists has events of its own now.  0 or -ENOMEM. */
int vm_perf_watch_attached(struct vm_perf_watch *w, pid_t pid, pid_t tid);
void vm_perf_watch_close_events(struct vm_perf_watch *w);
/** Until no thread without events comes any more.  As vm_perf_event_open(). */
int vm_perf_watch_late(struct vm_perf_watch *w);

#endif
