/**
 * Fork families: processes that came from one another by fork() without a program executed in between, so that they have
 * pages in common until one of them writes.
 */
#ifndef VM_ANALYSIS_SHAREFAMILY_H
#define VM_ANALYSIS_SHAREFAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/vec.h"

struct vm_proc;

/** A member, in the order of the tree: parents before their children. */
struct vm_kin {
	const struct vm_proc *proc;
	/** Index of the parent; SIZE_MAX: the first one, or one whose parent has ended. */
	size_t parent;
	unsigned depth;
	/** Its parent has ended: it is shown below the oldest member that is left. */
	bool orphan;
};

struct vm_family { struct vm_kin *v; size_t n, cap; };

/**
 * The family of process `pid` among all processes p[0..n), ascending by pid, which need STAT and MMADDR.
 *
 * The kernel marks who has forked and executed nothing since (PF_FORKNOEXEC); such a one belongs to its parent.  Where
 * that has ended, where stack and code begin tells: exec() places them at random, fork() leaves them alone.  Addresses that
 * may not be read make a smaller family.  0, -ESRCH: no such process, -ENOMEM.
 */
int vm_family_find(const struct vm_proc *p, size_t n, pid_t pid, struct vm_family *out);

/** Pages side by side of private mappings, as one process has them at an address. */
struct vm_cow_run {
	uint64_t start, end, pfn;
};
struct vm_cow_runs { struct vm_cow_run *v; size_t n, cap; };

/** Append, ascending; grows the last one where that goes on.  False when memory is out. */
bool vm_cow_runs_add(struct vm_cow_runs *r, uint64_t start, uint64_t end, uint64_t pfn);

/** Two processes, address by address; bytes. */
struct vm_cow {
	uint64_t same;             /* the same frame: nothing was copied */
	uint64_t broken;           /* both have a page, and not the same one: one of them has a copy, or both touched it after the fork */
	uint64_t fresh, lost;      /* only the second, only the first has one */
};
void vm_cow_compare(const struct vm_cow_runs *a, const struct vm_cow_runs *b, struct vm_cow *out);

/**
 * How much more will break: `shared` bytes are left, of which `rate` bytes a second broke in the last interval and
 * `before` in the one before, of the same length (NAN: not known).
 */
struct vm_cow_outlook {
	/** Seconds until nothing is shared any more, at this rate; NAN: nothing breaks. */
	double seconds;
	/** Bytes that will have been copied in the end: at this rate everything that is left; where the rate falls, what a
	    geometric series that falls so gives (Aitken's delta-squared method). */
	double most, likely;
	bool slowing;
};
void vm_cow_predict(uint64_t shared, uint64_t broken, double rate, double before, double interval_s, struct vm_cow_outlook *out);

#endif
