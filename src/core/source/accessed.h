/**
 * Clearing the accessed bits of a process's pages, and seeing which come back (core/model/accessed.h).
 *
 * Clearing is writing 1 to /proc/PID/clear_refs: the only thing here that changes the target.  It takes no notice of
 * hugetlb pages, of the page of zeros and of memory of devices.  Bits are read from page tables (walker.h), which tell
 * them page by page; where that doesn't work from smaps, whose Referenced is one figure for a mapping, and counts pages
 * of files that were read or written by system calls, too.
 *
 * What works is found out by doing it, on pages of our own.
 */
#ifndef VM_SOURCE_ACCESSED_H
#define VM_SOURCE_ACCESSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/accessed.h"
#include "core/source/tlbflush.h"

struct vm_accessed;
struct vm_aspace;
struct vm_err;
struct vm_session;

struct vm_accessed_facts {
	/** By page tables; else by smaps, and why. */
	bool by_tables;
	char why_not_tables[160];
	/** The way to flush, or VM_FLUSH_NONE: then windows of the kind USED can't be had, and why. */
	enum vm_flush flush;
	char why_no_flush[200];
	/** The kernel keeps soft-dirty bits. */
	bool soft_dirty;
	/** What the first access to a page takes longer because its bit is set again, as it was for pages of ours; NAN: not
	    known, for want of a way to flush. */
	double set_again_ns;
	/** Clearing alone makes the CPU walk again: WALKED would be what USED is, and isn't known. */
	bool clearing_flushes;
};

/**
 * Find out what works, and open what is needed; `flush` as asked for.  CPU time of ours: some milliseconds.
 * 0; -ESRCH: there is no such process; -EACCES or -EPERM: its bits may not be cleared or read; -EOPNOTSUPP: a captured
 * tree, or the way to flush that was asked for doesn't work.
 */
int vm_accessed_open(struct vm_session *s, pid_t pid, enum vm_flush flush, struct vm_accessed **out, struct vm_err *err);
void vm_accessed_close(struct vm_accessed *a);

const struct vm_accessed_facts *vm_accessed_facts(const struct vm_accessed *a);

/**
 * How many of a few pages of ours that are used all the time are walked again within `ns`, all the same: by the host, by
 * other processes, by the kernel.  A share; this CPU is kept busy meanwhile.  NAN: it couldn't be tried.
 */
double vm_accessed_noise(struct vm_accessed *a, uint64_t ns);

/**
 * Clear the bits, and flush if `flush` and if that works here: for windows of any length, of which the caller reads the bits.
 * *took_ns: time that it took.  0; -ESRCH; -ETIMEDOUT: bits were cleared, but nothing was flushed, as it didn't get its turn on
 * a busy machine; or another negative errno.
 */
int vm_accessed_clear(struct vm_accessed *a, bool flush, uint64_t *took_ns, struct vm_err *err);

/** Clear soft-dirty bits alone, which flushes as well.  As vm_accessed_clear(). */
int vm_accessed_clear_writes(struct vm_accessed *a, uint64_t *took_ns, struct vm_err *err);

/** Begin a window of that kind: clear, and flush if it is to tell what is used.  0, -ESRCH, or another negative errno. */
int vm_accessed_begin(struct vm_accessed *a, enum vm_accessed_kind kind, struct vm_accessed_window *w, struct vm_err *err);

/** End it: read, by the mappings of `as`.  As vm_accessed_begin(); on failure *w is empty. */
int vm_accessed_end(struct vm_accessed *a, const struct vm_aspace *as, struct vm_accessed_window *w, struct vm_err *err);

#endif
