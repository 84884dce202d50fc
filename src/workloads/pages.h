/** Facts about single pages: what each page of a range is, and in which pattern. */
#ifndef VM_WORKLOADS_PAGES_H
#define VM_WORKLOADS_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "workloads/workload.h"

/**
 * What pages of [p, p+size) have in common.  With `every` these are of each `every` pages `count`, beginning with the
 * `first`; without, all of them.
 */
struct vm_pages_fact {
	const char *label;
	pid_t pid;               /* 0: this process */
	const void *p;
	uint64_t size;           /* bytes, whole pages */
	uint64_t every, first, count;
	const char *state;       /* words of vmpage's column STATE that each of them has, separated by blanks */
	const char *without;     /* words that none of them has; NULL: not stated */
	uint64_t page_bytes;     /* of the page-table entry that maps it; 0: not stated */
	int pkey;                /* protection key; 0: not stated */
	const char *frames;      /* facts of one name map the same frames, page by page, in all processes and steps */
	bool one_frame;          /* all of them are one and the same frame */
};

/** Nothing is there: neither memory, swap nor a marker. */
#define VM_PAGES_NONE .state = "", .without = "present swap guard marker migration"
/** Anonymous memory of this process alone. */
#define VM_PAGES_OWN .state = "present exclusive", .without = "file zero swap guard prot-none"

/** A whole object of the array "pages"; nothing where the range is empty. */
void vm_truth_pages(struct vm_truth *t, const struct vm_pages_fact *f);

/** Bits of /proc/self/pagemap that need no privilege. */
#define VM_OWN_PRESENT    (UINT64_C(1) << 63)
#define VM_OWN_SWAPPED    (UINT64_C(1) << 62)
#define VM_OWN_EXCLUSIVE  (UINT64_C(1) << 56)
#define VM_OWN_SOFT_DIRTY (UINT64_C(1) << 55)

/** How many of the `n` pages from `p` on have one of these bits; -1 if pagemap can't be read. */
long vm_own_pages(const struct vm_lab *lab, const void *p, uint64_t n, uint64_t bits);

#endif
