/**
 * Page tables of a live process, read by an eBPF program: raw tables, no lock, nothing changed.
 *
 * The program (src/bpf/walk.bpf.c) starts at mm->pgd and copies whole tables (512 entries) into shared memory; what
 * they mean is decided here, above it.  It needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), BTF of
 * the running kernel, and lockdown no higher than integrity.
 */
#ifndef VM_SOURCE_WALKER_H
#define VM_SOURCE_WALKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/pgtable.h"

struct vm_err;
struct vm_session;
struct vm_walker;

/** A table as it was read.  Valid until the callback returns. */
struct vm_walk_table {
	/** Address that entry[0] translates. */
	uint64_t start;
	/** Frame of the table itself. */
	uint64_t frame;
	const uint64_t *entry;     /* 512 */
	/** Entries [lo, hi) touch the range that was asked for; if `again`, what is left of it. */
	unsigned lo, hi;
	unsigned level;            /* 0: PTE */
	/** It was handed over before, and is again, as it is now, because more of what is below it follows.  What entries
	    before `lo` say by now is no part of this walk, which is past them. */
	bool again;
};

struct vm_walk_stats {
	/** Runs of the program, and the longest: while it runs, RCU grace periods wait for it, and nothing else. */
	unsigned runs;
	uint64_t longest_ns, took_ns;
	/** Tables that were unlinked or replaced while they were copied, and were looked up again. */
	uint64_t retried;
	/** Some could not be read, or the address space went away or was replaced: the answer isn't whole. */
	bool partial;
};

/**
 * The walker of this session, loaded, calibrated and proven when it is first asked for (about 20 ms).
 * 0, or a negative errno with the reason in words (remembered): no BTF, no capability, lockdown ...
 */
int vm_walker_get(struct vm_session *s, struct vm_walker **out, struct vm_err *err);

/** Levels, frames and swap types of this kernel. */
const struct vm_pt_geometry *vm_walker_geometry(const struct vm_walker *w);

/** Kernel address of physical address 0, as it was found, and the first physical address that is no memory. */
uint64_t vm_walker_direct_map(const struct vm_walker *w, uint64_t *end);

/** Frame of the page of zeros; VM_PFN_NONE: not found. */
uint64_t vm_walker_zero_pfn(const struct vm_walker *w);

/**
 * Hand over the tables that translate what the user half has of [from, to) (0, 0: all of it), each before those below
 * it, ascending.  take() may return another value than 0 to end it.
 * 0, take()'s value, -ESRCH if the process has no address space (any more).
 */
int vm_walk(struct vm_walker *w, pid_t pid, uint64_t from, uint64_t to,
	    int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx, struct vm_walk_stats *stats,
	    struct vm_err *err);

/** The entries on the way to one address, top first. */
struct vm_walk_path {
	unsigned n;                          /* levels that there are, up to the one that ends it */
	struct {
		unsigned level;
		uint64_t table;              /* frame of the table */
		uint64_t entry;
	} step[VM_PT_LEVELS];
};

/** Any canonical address, of the kernel's half too.  0; -ESRCH; -EOPNOTSUPP: the process's tables don't hold it. */
int vm_walk_one(struct vm_walker *w, pid_t pid, uint64_t addr, struct vm_walk_path *out, struct vm_err *err);

#endif
