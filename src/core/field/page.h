/** Rows about pages, and their columns. */
#ifndef VM_FIELD_PAGE_H
#define VM_FIELD_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/analysis/census.h"
#include "core/field/field.h"
#include "core/model/page.h"
#include "core/model/pgtable.h"

struct vm_mapping;

/** How much is in one state. */
struct vm_state_row {
	const char *name, *help;
	uint64_t bytes;
	bool known;
	/** Share of what is in memory; NAN: it isn't a part of that. */
	double share;
};

/** Page tables of one level. */
struct vm_level_row {
	const char *name;
	unsigned level;
	struct vm_table_level t;
};

/** A run of pages. */
struct vm_run_row {
	struct vm_page_run run;
	/** NULL: outside of all mappings. */
	const struct vm_mapping *m;
	/** Flags of the frames, if they were read. */
	uint64_t flags;
	bool have_flags;
};

/** One level of the translation of an address. */
struct vm_step_row {
	const char *level;
	uint64_t address;
	unsigned index;
	bool have_entry;
	uint64_t table, entry;
	struct vm_pte pte;
	/** "P RW US A D NX" */
	const char *bits;
};

/** One part of an address. */
struct vm_split_row {
	uint64_t address;
	unsigned levels;           /* 4 or 5 */
	const char *part;          /* "PUD", "offset" */
	unsigned high, low;        /* its bits */
	uint64_t value;
	/** Where what the part selects begins, and how much it is. */
	uint64_t base, covers;
};

/** Frames that have the same flags, or belong to the same cgroup or zone. */
struct vm_frames_row {
	uint64_t flags, frames;
	const char *name;          /* of a cgroup or zone; NULL: rows are by flags */
};

/** Who maps a frame, and where. */
struct vm_rmap_row {
	uint64_t pfn, address;
	int pid;
	const char *comm, *mapping;
	unsigned shift;
	uint32_t state, known;
};

/** A file's pages in the page cache: neighbours that are alike. */
struct vm_cached_row {
	const char *file;
	/** Bytes of the file. */
	uint64_t offset, bytes;
	uint64_t pfn;              /* VM_PFN_NONE: not known */
	uint64_t flags, mapped;    /* times that each is mapped */
	bool have_flags;
};

extern const struct vm_fieldset vm_state_fields, vm_level_fields, vm_run_fields, vm_page_sum_fields, vm_step_fields, vm_split_fields,
	vm_frames_fields, vm_rmap_fields, vm_cached_fields;

#endif
