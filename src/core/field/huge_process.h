/** Rows of vmhuge's view of processes: a mapping, a size of pages, a range, a process. */
#ifndef VM_FIELD_HUGE_PROCESS_H
#define VM_FIELD_HUGE_PROCESS_H

#include "core/analysis/whygroup.h"
#include "core/field/field.h"
#include "core/model/hugespace.h"
#include "core/model/process.h"

/** A mapping of a space; `why` NULL: nothing was asked. */
struct vm_huge_mapping_row {
	const struct vm_huge_space *space;
	const struct vm_why_space *why;
	size_t at;
};

/** Resident memory in pages of one size that are mapped in one way. */
struct vm_huge_cover_row {
	uint64_t page_bytes;       /* 0: parts of folios, of several sizes */
	enum vm_huge_how how;
	uint64_t bytes[VM_HUGE_WHATS];
	uint64_t resident;         /* of the whole space */
};

/** A range that one entry could map. */
struct vm_huge_range_row {
	const struct vm_huge_space *space;
	const struct vm_huge_range *range;
	struct vm_whynot why;
};

/** A process, in sum. */
struct vm_huge_process_row {
	struct vm_proc proc;
	struct vm_huge_map total;
	uint64_t by_entry[3];      /* resident bytes mapped by base pages, entries of the second and the third level */
	uint64_t could_bytes, now_bytes, costs_bytes, aligned_bytes;
	uint32_t why;              /* of what could be huge, or else isn't, the reasons of most of it */
	bool sizes_known, could_known;
	uint64_t since_ns;         /* of samples: since the first one */
};

extern const struct vm_fieldset vm_huge_mapping_fields, vm_huge_cover_fields, vm_huge_range_fields, vm_huge_process_fields;

/** Words of the bits, separated by blanks: "unasked holes".  Returns buf. */
const char *vm_why_text(uint32_t why, char *buf, size_t size);
const char *vm_do_text(uint32_t what, char *buf, size_t size);

#endif
