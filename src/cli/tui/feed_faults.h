/** Page faults of the open process: what the tab Faults gets from the sources (src/cli/vmtop/faults.c). */
#ifndef VM_TUI_FEED_FAULTS_H
#define VM_TUI_FEED_FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_fault_places;
struct vm_faultset;

/** Valid until the next look. */
struct vm_faults_got {
	/** Since they are watched, and since the last look (NULL: this is the first). */
	const struct vm_faultset *all, *since;
	/** Of what watches: "ebpf", what it can't tell (NULL: nothing), what it costs the process. */
	const char *name, *lacks, *costs;
	const char *why_not;       /* why nothing better watches; "" */
	/** CPU time that looking at it took us so far. */
	uint64_t cost_ns;
};

struct vm_faults_feed {
	void *ctx;
	/** Begin to watch a process; that may take seconds, but not of the caller.  0, or why that can't be, with *err. */
	int (*begin)(void *ctx, pid_t pid, struct vm_err *err);
	/** Stop, and leave nothing behind; what was got isn't valid any more. */
	void (*end)(void *ctx);
	/** got->all is NULL as long as it isn't running yet. */
	int (*look)(void *ctx, struct vm_faults_got *got, struct vm_err *err);
	/** A set by what instructions are called; free the places.  False: out of memory. */
	bool (*by_site)(void *ctx, const struct vm_faultset *f, struct vm_fault_places *p);
};

#endif
