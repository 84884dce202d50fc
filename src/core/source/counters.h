/**
 * Counting events of address translation: of processes with all their threads and what they fork, of a control group, of
 * all CPUs, of a program from its execve(2) on.
 *
 * Events of one side (loads, stores, fetches) are in one group with cycles and instructions, so that their ratios are of
 * the same time.  Groups that the CPU has no counters for take turns (multiplexing); what each event ran of the time comes
 * with its count.  The kernel's own events (page faults, context switches ...) are counted always.
 */
#ifndef VM_SOURCE_COUNTERS_H
#define VM_SOURCE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/model/tlbcount.h"
#include "core/model/whom.h"

struct vm_counters;
struct vm_err;
struct vm_pmu;
struct vm_pmu_event;
struct vm_session;

struct vm_counters_ask {
	enum vm_whom whom;
	const pid_t *pids;         /* OF_PIDS, OF_COMMAND: one; read by vm_counters_open() and vm_counters_enable() only */
	size_t npids;
	const char *cgroup;        /* OF_CGROUP */
	bool children;             /* what they fork meanwhile, too */
	const struct vm_pmu *pmu;  /* outlives the counters */
	/** Count these instead of what the CPU tells of its TLBs. */
	const struct vm_pmu_event *event;
	size_t nevents;
};

/**
 * Open all that can be opened, not yet enabled.  Hardware events are left out where pmu->state isn't VM_PMU_READY; an event
 * that can't be had is an entry with its reason.
 * 0; -ESRCH: there are no such processes; -EACCES: they may not be counted; -EMFILE, -ENOMEM ...
 */
int vm_counters_open(struct vm_session *s, const struct vm_counters_ask *ask, struct vm_counters **out, struct vm_err *err);

/** Begin; of a command by its execve(2).  0 or a negative errno. */
int vm_counters_enable(struct vm_counters *c, struct vm_err *err);

/** Count no more; readings stay what they are. */
void vm_counters_disable(struct vm_counters *c);

/** What was counted so far. */
void vm_counters_read(const struct vm_counters *c, struct vm_tc_set *out);

/** NULL is accepted. */
void vm_counters_close(struct vm_counters *c);

#endif
