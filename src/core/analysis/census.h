/** How much memory is in which state: runs of pages, added up. */
#ifndef VM_ANALYSIS_CENSUS_H
#define VM_ANALYSIS_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/page.h"

struct vm_mapping;

/** States that are counted; those from VM_C_ANON on are parts of PRESENT, until SWAP. */
enum vm_census_bit {
	VM_C_PRESENT, VM_C_ANON, VM_C_FILE, VM_C_ZERO, VM_C_EXCLUSIVE, VM_C_SHARED, VM_C_KSM,
	VM_C_4K, VM_C_2M, VM_C_1G,
	VM_C_WRITE, VM_C_EXEC, VM_C_ACCESSED, VM_C_DIRTY, VM_C_SOFT_DIRTY, VM_C_UFFD_WP, VM_C_NONE, VM_C_SPECIAL,
	VM_C_SWAP, VM_C_GUARD, VM_C_MARKER, VM_C_MIGRATION, VM_C_HWPOISON, VM_C_DEVICE,
	VM_C_UNTOUCHED,            /* mapped, and nothing of the above: set by vm_page_sum_end() */
	VM_C_NR,
};

struct vm_census_info {
	const char *name;    /* "soft-dirty" */
	const char *help;    /* one line */
	/** VM_PG() bits that it takes to tell. */
	uint32_t takes;
};
extern const struct vm_census_info vm_census_info[VM_C_NR];

/** A sum over pages: of one mapping, of several, or of all. */
struct vm_page_sum {
	/** The mapping, if it is one; else NULL. */
	const struct vm_mapping *m;
	/** What the members of a group have in common; "" for one mapping or all. */
	const char *name;
	/** Address space, and mappings; bytes that were added. */
	uint64_t mapped, count, seen;
	uint64_t bytes[VM_C_NR];
	/** Bit n: vm_census_bit n isn't known of all pages. */
	uint32_t unknown;
};

/** Add `bytes` that are in the state of the run. */
void vm_page_sum_add(struct vm_page_sum *s, const struct vm_page_run *r, uint64_t bytes);
/** All that is mapped was added. */
void vm_page_sum_end(struct vm_page_sum *s);
void vm_page_sum_join(struct vm_page_sum *to, const struct vm_page_sum *from);

#endif
