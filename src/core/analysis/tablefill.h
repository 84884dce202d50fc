/** What page tables could be saved by larger pages. */
#ifndef VM_ANALYSIS_TABLEFILL_H
#define VM_ANALYSIS_TABLEFILL_H

#include <stdbool.h>
#include <stdint.h>

struct vm_mapping;
struct vm_page_run;

/** Zeroed it is empty. */
struct vm_table_fill {
	/** Aligned ranges of 2M that one mapping holds whole and whose 4K pages are all anonymous and there: each could be
	    one huge page, and a page table less. */
	uint64_t full;
	/** The range that is being filled, and its pages so far. */
	uint64_t range, pages;
};

/** `pages` pages of the run, all of them or some of an aligned piece of 2M; ascending.  `m`: their mapping, or NULL. */
void vm_table_fill_add(struct vm_table_fill *f, const struct vm_page_run *r, uint64_t pages, const struct vm_mapping *m);

#endif
