/** How much of a process's memory the second-level TLB can translate at once.  An estimate; pure functions. */
#ifndef VM_ANALYSIS_TLBREACH_H
#define VM_ANALYSIS_TLBREACH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/tlb.h"

struct vm_proc;

/** Resident bytes by the size of the pages that map them. */
struct vm_tlb_resident {
	uint64_t bytes[VM_TLB_SIZES];
};

/**
 * Of a process, by its totals.  RSS has no pages of hugetlb pools; of which size those are isn't told: 2M, as nearly all are.
 * False: its totals aren't known.
 */
bool vm_tlb_resident_of(const struct vm_proc *p, struct vm_tlb_resident *out);

/**
 * The share (0..1) of these bytes that the entries reach at best, when all of them serve this process and the largest pages
 * are taken first: entries times page size, as reach is usually defined.  Pages that the host splits count as 4K ones.
 * NAN: nothing is resident, or the entries aren't known.
 */
double vm_tlb_reach_share(const struct vm_tlb_capacity *c, const struct vm_tlb_resident *r);

#endif
