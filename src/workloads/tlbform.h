/**
 * How often accesses of a known order miss in TLBs of a given shape, in closed form: no simulation, so that one can be
 * checked against it.
 *
 * Both levels replace the least recently used entry of a set (LRU).  A set of w ways that n pages take turns in, one after
 * the other and all over again, misses with each access if n > w, and never once it holds them if n <= w.  Of accesses at
 * random it holds min(n, w) of its n pages.
 */
#ifndef VM_WORKLOADS_TLBFORM_H
#define VM_WORKLOADS_TLBFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/workload.h"

/** Pages of 2 MiB: the page-table level above base pages of 4 KiB, on x86-64 and arm64. */
#define VM_TLB_HUGE (UINT64_C(2) << 20)

/** The set of a page: the low bits of its number (in pages of its own size); hashed: XORed with as many next ones. */
struct vm_tlb_form {
	unsigned sets, ways;       /* sets: a power of two */
	bool hashed;
};

/** TLBs that accesses go through: a first level for each page size, a second one for both. */
struct vm_tlb_forms {
	struct vm_tlb_form first, first_2m, second;
};

/** The parameter that tells them. */
#define VM_TLB_GEOMETRY_PARAM                                                                                        \
	{ "geometry", "TLBs that misses are stated for, as vmtlb's --geometry", VM_P_TEXT,                           \
	  .def = "l1d=16x6,l1d-2m=8x4,l1i=32x8,l1i-2m=4x8,stlb=128x16h" }

/** Of data, or of code.  What the text doesn't name is as in the parameter's default.  0 or -EINVAL. */
int vm_tlb_forms_parse(const char *text, bool code, struct vm_tlb_forms *f, struct vm_err *err);

/** Misses of accesses to [p, p+size) since the line before. */
struct vm_tlb_walk {
	const void *p;
	const uint64_t *page;      /* base pages in the order of their accesses, as numbers from p on */
	size_t n;
	/** How often all of them in this order; 0: the first time ever, once. */
	uint64_t passes;
	/** Instead: so many accesses at random, each to each of the n pages alike. */
	uint64_t at_random;
};

/**
 * The array "tlb": misses if all pages are base pages, and if all are of 2 MiB (left out where no form is known).
 * "l1_misses" and "walks" (second-level misses) are exact for a process that does nothing else; what else it does throws out
 * entries, or fewer are there to begin with: then they have bounds, _min and _max.  "_mean" is what is expected of accesses
 * at random.  0 or -ENOMEM.
 */
int vm_truth_tlb(struct vm_truth *t, const struct vm_lab *lab, const struct vm_tlb_forms *f, const struct vm_tlb_walk *w,
                 struct vm_err *err);

#endif
