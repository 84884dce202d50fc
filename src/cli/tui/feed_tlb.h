/** What translating the open process's addresses costs: what the tab TLB gets from the sources (src/cli/vmtop/tlb.c). */
#ifndef VM_TUI_FEED_TLB_H
#define VM_TUI_FEED_TLB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_tlb_cost_view;
struct vm_tlb_hot;
struct vm_tlb_known;

/** Valid until the next call. */
struct vm_tlb_got {
	/** What was counted since the last look; NULL: there are no counters, or this is the first one. */
	const struct vm_tlb_cost_view *cost;
	uint64_t cost_of_ns;       /* how long that is */
	/** Hardware counters are there, and count. */
	bool counting;
	/** Why there are none, or not all, and what would help; "". */
	char why[400], fix[400];
	/** Of this machine. */
	const struct vm_tlb_known *known;
};

struct vm_tlb_feed {
	void *ctx;
	/** Begin to count a process, as far as that is possible: got->why says why not.  What can be known without is. */
	void (*begin)(void *ctx, pid_t pid);
	void (*end)(void *ctx);
	void (*look)(void *ctx, struct vm_tlb_got *got);
	/** Time this machine's TLBs: half a second of one CPU.  0, or why not, with *err. */
	int (*probe)(void *ctx, struct vm_err *err);
	/** Sample which pages are walked: clears accessed bits of the process.  *hot is valid until the next sample or end().
	    0, or why not, with *err. */
	int (*sample)(void *ctx, pid_t pid, const struct vm_tlb_hot **hot, struct vm_err *err);
};

#endif
