/** Samples of many processes at once: what vmtop's screen is made of. */
#ifndef VM_SOURCE_SWEEP_H
#define VM_SOURCE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_proc;
struct vm_procset;
struct vm_session;

struct vm_sweep {
	uint32_t needs;            /* VM_NEED() of every process */
	/** CPU time to spend on needs that burden the target (ROLLUP); UINT64_MAX: read them all, on
	    several CPUs if there are.  Rows whose turn it isn't keep what is known, with its age. */
	uint64_t budget_ns;
	/** Carry over command lines, and figures of status of processes that didn't run, for a few
	    refreshes.  For live views; off, everything is read. */
	bool lazy;
	/** Read no more than stat of kernel threads. */
	bool bare_kthreads;
	/** Only these (ascending); NULL: all processes. */
	const pid_t *only;
	size_t nonly;
	/** In sight: read their dear figures first. */
	const pid_t *first;
	size_t nfirst;
	uint64_t mem_total, max_map_count;   /* for shares; 0: not known */
	/** Rows it refuses are left out; it sees what stat tells, and status where needs has it.
	    Called from several threads.  NULL: all. */
	bool (*accepts)(const void *ctx, const struct vm_proc *p);
	const void *ctx;
};

/**
 * Take the next sample into `set`.  Processes that vanish meanwhile are left out; what else could not be
 * read is in each row's `unmet`.  0, or -ENOMEM, or the errno of listing the processes; the set then
 * holds an empty sample.
 */
int vm_sweep(struct vm_session *s, struct vm_procset *set, const struct vm_sweep *o, struct vm_err *err);

#endif
