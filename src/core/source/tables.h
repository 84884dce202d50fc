/**
 * From page tables to runs of pages: what walker.h hands over becomes what pages.h promises.
 *
 * Reads nothing itself, so that recorded tables do as well: pagemap, which is asked where entries and mappings don't
 * tell enough, is a function of the caller's.
 */
#ifndef VM_SOURCE_TABLES_H
#define VM_SOURCE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "core/source/pages.h"
#include "core/source/walker.h"

struct vm_tables;

/** What it works with; all of it is borrowed until vm_tables_end(). */
struct vm_tables_setup {
	const struct vm_pt_geometry *geometry;
	const struct vm_pages_query *query;
	/** Frame of the page of zeros, or VM_PFN_NONE. */
	uint64_t zero_pfn;
	/** The kernel keeps soft-dirty bits; otherwise the entry's bit is somebody else's. */
	bool soft_dirty;
	vm_pages_take *take;
	void *ctx;
	/** Entries of pagemap from the page `at` on; how many, 0 if it can't be read.  NULL: there is none. */
	size_t (*pagemap)(void *of, uint64_t at, size_t n, uint64_t *entry);
	void *of;
	/** Counts tables and entries; tells whether pagemap was read, and what can't be known. */
	struct vm_pages_info *info;
};

/** NULL when memory is out. */
struct vm_tables *vm_tables_begin(const struct vm_tables_setup *setup);

/** A table, as vm_walk() hands it over.  0, or what take() returned. */
int vm_tables_take(void *tables, const struct vm_walk_table *t);

/** Hand over what is left, if `r` is 0, and free.  `r`, or what take() returned. */
int vm_tables_end(struct vm_tables *tables, int r);

#endif
