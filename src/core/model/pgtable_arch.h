/** What pgtable.c knows of an architecture; each has a file of its own. */
#ifndef VM_MODEL_PGTABLE_ARCH_H
#define VM_MODEL_PGTABLE_ARCH_H

#include "core/model/pgtable.h"

/** Where a swap entry keeps what. */
struct vm_pt_swap_layout {
	uint8_t type_shift, type_bits;
	uint8_t offset_shift, offset_bits;
	/** Of the offset, those that are the frame of a migration entry, with 4 and 5 levels (SWP_PFN_BITS). */
	uint8_t pfn_bits, pfn_bits_5;
	/** The offset is stored inverted (x86: against L1TF). */
	bool inverted;
	uint64_t exclusive, uffd_wp, soft_dirty;
};

struct vm_pt_arch {
	const char *name;
	uint64_t (*frame_mask)(unsigned level);
	uint64_t (*plain_page)(unsigned level);
	/** An entry that is neither zero nor swap-like; false: it is swap-like. */
	bool (*decode_present)(const struct vm_pt_geometry *g, struct vm_pte *p);
	struct vm_pt_swap_layout swap;
	const struct vm_pte_bit *bits;
	/** VM_PG() bits that entries tell. */
	uint32_t known;
	/** Each half has tables of its own, and all translated bits (arm64: TTBR0 and TTBR1); else they share one table. */
	bool own_tables;
};

#endif
