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

#endif
