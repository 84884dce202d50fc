/**
 * Totals of many processes over time: the current sample and the one before.
 *
 * Rows are keyed by pid and start time and sorted by pid.  Both samples keep their memory, so that a
 * refresh of thousands of processes allocates next to nothing.  Dear figures (the sums of smaps_rollup)
 * are read for some rows a refresh and carried over, with their age, for the others; who is next is
 * decided here, and read elsewhere (core/source/sweep.h).
 */
#ifndef VM_MODEL_PROCSET_H
#define VM_MODEL_PROCSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/model/process.h"

enum { VM_SWEEP_THREADS = 4 };

/** What tells whether a process is at rest. */
struct vm_procnote {
	/** RSS as stat had it: a quick, slightly late figure (percpu counters, Linux 6.2) that only
	    serves to see changes; the row's own RSS may come from status. */
	uint64_t stat_rss;
	/** CLOCK_MONOTONIC at which it was last seen to have changed. */
	uint64_t active_ns;
};

/** One sample. */
struct vm_proclist {
	VM_VEC(struct vm_proc) rows;
	/** What is remembered beside each row. */
	VM_VEC(struct vm_procnote) notes;
	/** Texts of the rows; one arena a reading thread. */
	struct vm_arena texts[VM_SWEEP_THREADS];
	/** CLOCK_MONOTONIC at which reading began, and how long it took; 0: never read. */
	uint64_t taken_ns, took_ns;
	/** VM_NEED() bits that were wanted of the rows. */
	uint32_t needs;
};

/** Zero-initialised is empty and valid. */
struct vm_procset {
	struct vm_proclist list[2];
	unsigned now;              /* index of the current sample */
	uint64_t ticks;            /* samples taken so far */
	/** Of which run of the machine they are: vm_session_boot(). */
	uint64_t boot;
	/** What one dear reading costs, smoothed; 0: not known yet. */
	uint64_t dear_cost_ns;
	/** Whom the directory had when it was last read, and after which tick. */
	VM_VEC(pid_t) listed;
	uint64_t listed_at;
	/** What was known before that: tasks of the machine, and the number that was given out last; 0: nothing. */
	struct vm_turnover { uint64_t tasks, last; } turnover;
	/** Scratch of the plan. */
	VM_VEC(struct vm_turn { uint64_t key; uint32_t at; }) turns;
	/** For each process of the sample that is being taken. */
	VM_VEC(struct vm_plan { bool dear; bool in_sight; }) plan;
};

static inline bool vm_proc_same(const struct vm_proc *a, const struct vm_proc *b)
{
	return a->pid == b->pid && a->start == b->start;
}

/** How far the dear figures have got. */
struct vm_progress {
	size_t wanted, known;
	size_t refused;            /* not among the wanted: may not be read */
	/** Age of the oldest known figure. */
	uint64_t oldest_ns;
};

static inline struct vm_proclist *vm_procset_now(struct vm_procset *set)
{
	return &set->list[set->now];
}

static inline const struct vm_proclist *vm_procset_prev(const struct vm_procset *set)
{
	return &set->list[!set->now];
}

void vm_procset_free(struct vm_procset *set);

/** Both samples have no rows any more; memory is kept, so that who still holds a row reads what it was. */
void vm_procset_forget(struct vm_procset *set);

/** Begin a new sample: the current one becomes the previous one, that one is emptied and reused. */
struct vm_proclist *vm_procset_begin(struct vm_procset *set);

/** End it: rates of the rows that both samples have. */
void vm_procset_end(struct vm_procset *set);

/** Index of the first row with a pid >= `pid`, searched from `from` on. */
size_t vm_proclist_find(const struct vm_proclist *l, pid_t pid, size_t from);

/** The row of that very process, or NULL. */
const struct vm_proc *vm_proclist_get(const struct vm_proclist *l, pid_t pid, uint64_t start);

/**
 * Whose dear figures are to be read next: sets set->plan.v[i] for pids[i] (ascending).
 *
 * As many as `budget_ns` lets expect (UINT64_MAX: all).  Those never read come first, then the oldest, those in
 * `first` (any order: the rows in sight) a little before their age.  Rows that didn't change since they were
 * read have their turn only every VM_REREAD_NS (in sight: VM_REREAD_SIGHT_NS), because nothing but others that
 * map the same pages can have moved their figures.  Kernel threads have none, and
 * nobody has where nothing dear is wanted.
 * Call it after vm_procset_begin().  0 or -ENOMEM.
 */
int vm_procset_plan(struct vm_procset *set, const pid_t *pids, size_t n, uint64_t budget_ns,
		    const pid_t *first, size_t nfirst);
#define VM_REREAD_NS       UINT64_C(30000000000)
#define VM_REREAD_SIGHT_NS UINT64_C(4000000000)

/** Did the process neither run nor fault between the two rows, as far as stat tells? */
bool vm_proc_is_idle(const struct vm_proc *cur, const struct vm_proc *prev);

/** Take over what status had told of `prev` (same process), the more exact RSS too. */
void vm_proc_keep_status(struct vm_proc *cur, const struct vm_proc *prev);

/** Of the rows of the current sample that have memory of their own; all 0 where nothing dear is wanted. */
struct vm_progress vm_procset_progress(const struct vm_procset *set);

#endif
