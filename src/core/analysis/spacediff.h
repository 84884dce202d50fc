/**
 * What changed between two address spaces: which mappings of the one are which of the other, and what they grew by.
 *
 * Of one address space (the same process, or a fork of it) mappings are the same where they overlap and hold the same
 * object: a file, or anonymous memory.  A mapping that was split, merged or partly unmapped keeps its row that way.
 * What is left was moved (mremap(2)) if the other side has exactly one like it.  Between other processes, whose addresses
 * are random, mappings are the same by name, offset, permissions and kind; those of which there are several alike, such
 * as anonymous ones of the same permissions, are compared by size first, and what is left of them as a sum.
 *
 * Nobody tells for certain whether memory that is gone here and new there was moved: the kernel doesn't keep it.
 */
#ifndef VM_ANALYSIS_SPACEDIFF_H
#define VM_ANALYSIS_SPACEDIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/analysis/group.h"
#include "core/base/arena.h"
#include "core/base/vec.h"

struct vm_aspace;
struct vm_mapping;
struct vm_sum;

enum vm_diff_state {
	VM_DIFF_SAME,      /* nothing that a row says has changed, but for shares of others (PSS) and marks (Referenced) */
	VM_DIFF_CHANGED,   /* neither grown nor shrunk */
	VM_DIFF_GROWN, VM_DIFF_SHRUNK,   /* by memory in use; where that is equal or not known, by size */
	VM_DIFF_NEW, VM_DIFF_GONE,
	VM_DIFF_STATES,
};
extern const char *const vm_diff_state_words[VM_DIFF_STATES];

/** What else happened: bits of vm_diff_row.how, by their words. */
enum vm_diff_how {
	VM_DIFF_SPLIT, VM_DIFF_MERGED, VM_DIFF_MOVED, VM_DIFF_PERM, VM_DIFF_FLAGS, VM_DIFF_RENAMED, VM_DIFF_OFFSET,
	VM_DIFF_CONTENT,   /* as much memory as before, but other pages: where the state is CHANGED */
	VM_DIFF_HOWS,
};
extern const char *const vm_diff_how_words[VM_DIFF_HOWS];
#define VM_DIFF_HOW(x) (1u << VM_DIFF_##x)

struct vm_diff_row {
	/** One mapping, or a sum of several; NULL: there is none on that side.  Owned by the spaces or the diff. */
	const struct vm_mapping *a, *b;
	/** Seconds from a to b; NAN: not known, or of different processes. */
	double seconds;
	/** Of memory in use, bytes, where it is known: kept, since rows are sorted by it. */
	int64_t growth;
	bool has_growth;
	uint16_t how;              /* VM_DIFF_HOW() bits */
	uint8_t state;             /* enum vm_diff_state */
};

struct vm_diff {
	VM_VEC(struct vm_diff_row) rows;
	struct vm_arena sums;
};

/**
 * Memory that a mapping has: resident, hugetlb pages included, and swapped out; bytes.  False if it isn't known.  What
 * isn't there (NULL) has none.
 */
bool vm_mapping_in_use(const struct vm_mapping *m, uint64_t *bytes);

/** Whether both have one layout of addresses: one process between two of its execve(2), or forks of it. */
bool vm_diff_same_layout(const struct vm_aspace *a, const struct vm_aspace *b);

/**
 * Compare: a row for each mapping, or for those that belong together, in the order of `b`, what is gone where it was.
 * Names of mappings are borrowed from the spaces.  0 or -ENOMEM; free with vm_diff_free() either way.
 */
int vm_diff_spaces(const struct vm_aspace *a, const struct vm_aspace *b, double seconds, struct vm_diff *out);

/** The same of sums over mappings that have something in common. */
int vm_diff_groups(const struct vm_aspace *a, const struct vm_aspace *b, enum vm_group_by by, double seconds,
		   struct vm_diff *out);

void vm_diff_free(struct vm_diff *d);

/** Total of some rows, which a table may show; in `a` and `b`, which are the caller's. */
void vm_diff_sum(const struct vm_diff_row *const *rows, size_t n, struct vm_sum *a, struct vm_sum *b, struct vm_diff_row *out);

#endif
