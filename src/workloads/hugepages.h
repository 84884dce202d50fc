/** Facts that vmhuge shows, and what workloads of huge pages are made of. */
#ifndef VM_WORKLOADS_HUGEPAGES_H
#define VM_WORKLOADS_HUGEPAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/workload.h"

/** Memory of [p, p+size), as vmhuge sums it up.  A whole object of the array "huge". */
struct vm_huge_fact {
	const char *label;
	const void *p;
	uint64_t size;           /* bytes */
	uint64_t resident;       /* with memory */
	uint64_t huge;           /* of it: one entry of the second level maps it */
	uint64_t aligned, unaligned;   /* of it: whole larger pages by entries of base pages, at a multiple of their size or not */
	uint64_t page_bytes;     /* size of these larger pages */
	uint64_t partly;         /* of it: parts of larger pages */
	uint64_t ranges;         /* whole ranges that hold something, each with so many pages; 0: not stated */
	uint64_t present;
};
void vm_truth_huge(struct vm_truth *t, const struct vm_huge_fact *f);

/** Size of a transparent huge page; 0: this kernel has none, and *err says so. */
uint64_t vm_thp_bytes(const struct vm_lab *lab, struct vm_err *err);

/** Addresses set aside, beginning at a multiple of `align`; inaccessible.  0 or a negative errno. */
struct vm_reserve {
	char *base, *p;
	uint64_t whole;
};
int vm_reserve_map(struct vm_reserve *r, uint64_t size, uint64_t align, struct vm_err *err);
void vm_reserve_unmap(struct vm_reserve *r);

/** Write to every page, as base pages whatever the policy is; what is mapped keeps no advice. */
void vm_touch_small(const struct vm_lab *lab, void *p, uint64_t bytes, uint64_t step);

/** Write to or read one base page at p; whether that made all of [p, p+bytes) present, so that it is one larger page. */
bool vm_comes_whole(const struct vm_lab *lab, char *p, uint64_t bytes, bool write);

#endif
