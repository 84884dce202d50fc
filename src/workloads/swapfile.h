/** Swap for as long as a workload needs some, and pages that go there. */
#ifndef VM_WORKLOADS_SWAPFILE_H
#define VM_WORKLOADS_SWAPFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/keeper.h"
#include "workloads/kit.h"

/** A swap file of our own, used before all other swap by the whole machine.  Zero-initialised: none. */
struct vm_swapfile {
	struct vm_keeper keeper;
	/** For the keeper. */
	const struct vm_lab *lab;
	struct vm_tmpfile file;
	uint64_t size;
	bool on;
};

/**
 * Make it, with room for `bytes` and some more, and swap to it.  To be called before there is memory whose pages must
 * not be shared.  0 or a negative errno; -EPERM and -ENOSYS where that isn't to be had.
 */
int vm_swapfile_start(struct vm_swapfile *s, const struct vm_lab *lab, uint64_t bytes, struct vm_err *err);
/** Pages that are still there are read back by the kernel first.  Harmless when there is none. */
void vm_swapfile_end(struct vm_swapfile *s);

/** Of each `every` pages the first `out`. */
struct vm_swap_pattern {
	uint64_t every, out;
};

/** How many of the region's pages are of the pattern. */
uint64_t vm_swap_pattern_pages(const struct vm_region *r, const struct vm_swap_pattern *p);
/** Have these pages swapped out, and wait until all of them are.  0 or a negative errno. */
int vm_swap_out(const struct vm_lab *lab, const struct vm_region *r, const struct vm_swap_pattern *p, struct vm_err *err);

#endif
