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
	/** The top table has no kernel's half: user addresses have one bit more. */
	bool user_only;
	struct vm_pt_swap_layout swap;
	const struct vm_pte_bit *bits;
	/** VM_PG() bits that entries tell. */
	uint32_t known;
};

/** Of an entry that holds a page and isn't valid: whatever its bits say, any access faults. */
static inline uint32_t vm_invalid_state(uint32_t state)
{
	return (state & ~(VM_PG(WRITE) | VM_PG(EXEC))) | VM_PG(NONE);
}

/** A frame that neither memory nor a device can have. */
static inline bool vm_pfn_is_impossible(const struct vm_pt_geometry *g, uint64_t pfn)
{
	return g->phys_bits > 12 && pfn >> (g->phys_bits - 12);
}

/** The frame of a table is in memory. */
static inline enum vm_pte_kind vm_table_kind(const struct vm_pt_geometry *g, uint64_t pfn)
{
	return g->max_pfn && pfn >= g->max_pfn ? VM_PTE_BAD : VM_PTE_TABLE;
}

#endif
