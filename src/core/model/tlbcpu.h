/** What x86 CPUs say of their TLBs by CPUID, decoded.  Pure functions; virtual machines may make it all up. */
#ifndef VM_MODEL_TLBCPU_H
#define VM_MODEL_TLBCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlb.h"

struct vm_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/**
 * Leaf 0x18, its subleaves in order ("Deterministic Address Translation Parameters", Intel's manual, volume 2A, CPUID).
 * Adds to *g what they tell.  Returns how many buffers those were; 0: the leaf is empty.
 */
unsigned vm_tlb_from_leaf18(const struct vm_cpuid *subleaf, size_t n, struct vm_tlb_geometry *g);

/** Leaves 0x80000005, 0x80000006 and 0x80000019 (AMD's manual, volume 3, appendix E.4).  Likewise. */
unsigned vm_tlb_from_amd(const struct vm_cpuid *l1, const struct vm_cpuid *l2, const struct vm_cpuid *huge,
			 struct vm_tlb_geometry *g);

#endif
