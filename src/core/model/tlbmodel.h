/**
 * What a program's memory accesses did in a model of TLBs: one pass, several answers to "what size are the pages?".
 *
 * A model, not a measurement: exact about the addresses that user code touched, ideal about the hardware (strict LRU, no
 * prefetching of translations, no other programs, no kernel).
 */
#ifndef VM_MODEL_TLBMODEL_H
#define VM_MODEL_TLBMODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What page sizes are assumed.  Their order is that of figures in result files. */
enum vm_tlb_policy {
	/** As the kernel has them at that moment. */
	VM_TLB_AS_IS,
	VM_TLB_ALL_4K,
	/** 2M wherever an aligned block of 2M lies inside one mapping of anonymous or shared memory, else as 4K. */
	VM_TLB_ALL_2M,
	/** The same where a 2M page takes one entry, although this machine's host splits them; only modelled if it does. */
	VM_TLB_ALL_2M_WHOLE,
	VM_TLB_POLICIES
};

/** What missed under one policy. */
struct vm_tlb_tally {
	uint64_t l1;               /* the first level */
	uint64_t walks;            /* both levels: the page tables were walked */
	uint64_t walks_2m;         /* of these, to pages of 2M or 1G */
	/** Of walks, and of walks_2m: their last entry was in one of the lines of page tables that were read last. */
	uint64_t near, near_2m;
	uint64_t refs;             /* entries of page tables that were read */
};

struct vm_tlb_tallies {
	struct vm_tlb_tally policy[VM_TLB_POLICIES];
};

#endif
