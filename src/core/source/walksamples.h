/**
 * Sampling page walks, or other events, of processes: where the instructions are that cause them, and where their data.
 *
 * Which events: of Intel CPUs those of retired instructions that needed a walk (STLB_MISS_LOADS, STLB_MISS_STORES), which the
 * CPU records itself with the address of the data (PEBS: Software Developer's Manual, volume 3, "Processor Event Based
 * Sampling"); of AMD CPUs all operations by IBS, of which those count that missed the second-level dTLB; else completed walks,
 * whose samples are taken some instructions later and know no address.  Arm's SPE isn't used.
 */
#ifndef VM_SOURCE_WALKSAMPLES_H
#define VM_SOURCE_WALKSAMPLES_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/walkset.h"
#include "core/model/whom.h"
#include "core/source/pmu.h"

struct vm_err;
struct vm_session;
struct vm_walks;

/** An event to sample. */
struct vm_walk_pick {
	struct vm_pmu_event event;
	enum vm_tc_side side;      /* VM_TC_SIDES: it says nothing of translation */
	/** It samples all accesses, those without a walk are to be passed over. */
	bool filtered;
};

/** What this machine can sample of page walks, into pick[VM_WALK_EVENTS]; how many. */
size_t vm_walks_choose(struct vm_session *s, const struct vm_pmu *pmu, struct vm_walk_pick *pick);

/** Events by name, "A,B": as vm_pmu_encode().  How many, or -EINVAL. */
int vm_walks_named(const struct vm_pmu *pmu, const char *names, struct vm_walk_pick *pick, struct vm_err *err);

/** Do the samples' own words (union perf_mem_data_src) say that the second level of the dTLB was missed? */
static inline bool vm_walks_missed(uint64_t data_source)
{
	const union perf_mem_data_src src = { .val = data_source };
	const uint64_t walk = PERF_MEM_TLB_MISS | PERF_MEM_TLB_L2;
	return (src.mem_dtlb & walk) == walk;
}

/** What is wanted. */
struct vm_walk_ask {
	enum vm_whom whom;
	const pid_t *pids;         /* OF_PIDS; OF_COMMAND: one, stopped before its execve(2) */
	size_t npids;
	const char *cgroup;        /* OF_CGROUP */
	bool children;             /* processes that they fork, too */
	bool stacks;
	const struct vm_pmu *pmu;
	const struct vm_walk_pick *pick;
	size_t npicks;
	/** All of them or nothing; else those that can be had. */
	bool all;
	/** A sample each `period` events, or `frequency` a second, of each thread or CPU; 0 both: as suits the event. */
	uint64_t period, frequency;
	/** Called for each mapping of code that is met for the first time, while its process most likely lives.  May be NULL. */
	void (*code)(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m);
	void *ctx;
};

/**
 * Begin to sample, as precisely as each event can be: see vm_walk_event.skid.  -EOPNOTSUPP: none of the events can be
 * sampled here; -EPERM, -EACCES, -ESRCH.
 */
int vm_walks_open(struct vm_session *s, const struct vm_walk_ask *ask, struct vm_walks **out, struct vm_err *err);
void vm_walks_close(struct vm_walks *w);

/** Take what has come; to be called at least every 50 ms or so.  0 or a negative errno. */
int vm_walks_poll(struct vm_walks *w, struct vm_err *err);

/** All up to date; the set lives as long as `w`, and changes with the next call. */
int vm_walks_read(struct vm_walks *w, const struct vm_walkset **out, struct vm_err *err);

/** Forget what was sampled and counted so far, for a new interval. */
void vm_walks_restart(struct vm_walks *w);

/** Sample no more; what was sampled can still be read. */
void vm_walks_stop(struct vm_walks *w);

#endif
