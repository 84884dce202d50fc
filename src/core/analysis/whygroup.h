/** Reasons of a whole address space, summed up where they are the same. */
#ifndef VM_ANALYSIS_WHYGROUP_H
#define VM_ANALYSIS_WHYGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/analysis/whynot.h"
#include "core/base/vec.h"

/** Ranges and edges that have reasons and remedies in common. */
struct vm_why_group {
	uint32_t why, now, later;  /* as in struct vm_whynot */
	uint32_t mappings;
	size_t mapping;            /* index of the first one */
	uint64_t start, end;       /* from the first range's beginning to the last one's end, within one mapping */
	uint64_t ranges;           /* whole ranges; 0: edges only, or it isn't known which */
	uint64_t bytes;            /* resident in them, not huge */
	uint64_t could_bytes, costs_bytes;
	/** Over the ranges, the least and the most: pages with memory; the most that are in swap, shared, merged. */
	uint16_t present_min, present_max, swapped_max, shared_max, merged_max;
};

struct vm_why_space {
	/** Of each mapping its groups, neighbours: from[i] to from[i + 1]. */
	VM_VEC(struct vm_why_group) of_mapping;
	uint32_t *from;
	/** Of each mapping: enum vm_tri, as in struct vm_whynot_mapping. */
	uint8_t *large_folios;
	/** Of the whole space, most bytes that could be first, then most bytes. */
	VM_VEC(struct vm_why_group) of_space;
	/** Sums: could be huge at all; of this, by MADV_COLLAPSE at once; what that takes beyond; the next time, if it were aligned. */
	uint64_t could_bytes, now_bytes, costs_bytes, aligned_bytes;
};

/** What is known of a mapping, as vm_whynot_*() take it.  `disabled`: of its process; `large_folios`: of its file system. */
struct vm_whynot_mapping vm_whynot_facts(const struct vm_huge_space *h, size_t i, bool disabled, enum vm_tri large_folios);

/** Does it matter whether the kernel wants a writable entry?  There are ranges without. */
bool vm_why_needs_writable(const struct vm_huge_space *h);

/** 0 or -ENOMEM; free in either case. */
int vm_why_space_make(const struct vm_whynot_machine *w, const struct vm_huge_space *h, bool disabled, struct vm_why_space *out);
void vm_why_space_free(struct vm_why_space *y);

#endif
