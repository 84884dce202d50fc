/** The machine's pools of hugetlb pages; what one lacks is borrowed. */
#ifndef VM_WORKLOADS_HUGEPOOL_H
#define VM_WORKLOADS_HUGEPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/keeper.h"

/** A claim on pages of one size.  Zero-initialised: none. */
struct vm_hugepool {
	struct vm_keeper keeper;
	/** For the keeper. */
	uint64_t page;             /* bytes of a page */
	unsigned long long wanted, borrowed;
};

/** This kernel and CPU have pages of so many bytes. */
bool vm_hugepool_exists(uint64_t page);
/**
 * See to it that the pool has so many pages for new mappings.  To be called before there is memory whose pages must not
 * be shared.  0 or a negative errno; -EPERM where they aren't to be had.
 */
int vm_hugepool_borrow(struct vm_hugepool *h, uint64_t page, uint64_t count, struct vm_err *err);
/** Give back what was borrowed; to be called when it is no longer mapped.  Harmless when there is none. */
void vm_hugepool_end(struct vm_hugepool *h);

#endif
