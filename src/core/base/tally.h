/** Counts by a 64-bit key: a hash table that only grows. */
#ifndef VM_BASE_TALLY_H
#define VM_BASE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_tally_slot {
	uint64_t key, count;       /* a slot with count 0 is free */
};

/** Zeroed it is empty. */
struct vm_tally {
	struct vm_tally_slot *slot;
	size_t n, size;            /* in use, and all: a power of two, or 0 */
	/** The slot that was used last: neighbours often have the same key. */
	size_t last;
};

/** Add `n` (not 0) to the count of `key`.  False when memory is out. */
bool vm_tally_add(struct vm_tally *t, uint64_t key, uint64_t n);
void vm_tally_free(struct vm_tally *t);

#endif
