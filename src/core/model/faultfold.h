/** Single faults to the sums of a vm_faultset: for sources that are told of each. */
#ifndef VM_MODEL_FAULTFOLD_H
#define VM_MODEL_FAULTFOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/model/faultset.h"

/** Zeroed, but for `set`, it is empty and valid. */
struct vm_fault_fold {
	struct vm_faultset *set;
	/** Indices in the set, by what identifies each. */
	struct vm_map groups, stacks, blocks;
};

/**
 * Count a fault, which was untimed: by kind, by everything that groups have (g->count is ignored), and by the block of
 * addresses where the set wants that.  `bytes`: of its page.  False when memory is out.
 */
bool vm_fault_fold(struct vm_fault_fold *f, const struct vm_fault_group *g, bool major, uint64_t address, uint64_t bytes);

/** The index of a stack of `n` addresses, kept once; VM_FAULT_NONE if it is empty, or (counted as lost) without memory. */
uint32_t vm_fault_fold_stack(struct vm_fault_fold *f, const uint64_t *ip, unsigned n);

/** All but the set. */
void vm_fault_fold_free(struct vm_fault_fold *f);

#endif
