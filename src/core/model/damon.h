/** What the kernel's access monitor tells (Documentation/admin-guide/mm/damon/usage.rst). */
#ifndef VM_MODEL_DAMON_H
#define VM_MODEL_DAMON_H

#include <stdint.h>

/** Neighbouring addresses that it takes for alike: it samples one page of them at a time. */
struct vm_damon_region {
	uint64_t start, end;
	/** Samples in which the page was used, within the last aggregation interval; and for how many of these it was so. */
	uint64_t accesses, age;
};

#endif
