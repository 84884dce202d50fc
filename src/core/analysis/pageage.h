/**
 * When each page of a process was used last, counted in looks at its bits.
 *
 * A bit that is set says that the page was used since it was cleared.  Whoever clears it at the beginning of each round
 * knows; whoever only watches knows that a page was used when the bit goes from clear to set, and that it may have been as
 * long as it stays set, or when somebody else clears it.  So each page has two ages: rounds since it was used for sure, and
 * since it may have been used.  Of the pages that were used within a window the first gives a lower bound, the second an
 * upper one.
 *
 * Memory: 5 bytes a page that is there.
 */
#ifndef VM_ANALYSIS_PAGEAGE_H
#define VM_ANALYSIS_PAGEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

/** The windows that are told: of 1, 2, 4 ... rounds. */
enum { VM_AGE_WINDOWS = 16 };

struct vm_age_chunk;

/** Zeroed it is empty, and `cleared` false. */
struct vm_ages {
	/** Bits are cleared when a round begins; else they are only watched. */
	bool cleared;
	/** Of 2M each, ascending; of the look before, and of the one under way. */
	VM_VEC(struct vm_age_chunk *) chunk, next;
	size_t at;                 /* in `chunk`: those before it were seen, or are gone */
	/** Looks that ended a round; the very first one is what the others are compared with. */
	uint64_t rounds;
	bool begun, ends;
	/** Of the last look: pages that are there; their bits that are set, and entries that hold these. */
	uint64_t resident_bytes, set_bytes, set_entries;
	/** Pages whose bit was set in the look before, and of them those whose bit somebody else has cleared since. */
	uint64_t had_bytes, lost_bytes;
};

/** What a look says of a run of pages. */
struct vm_age_sign {
	bool now;                  /* the bit is set */
	bool may;                  /* it may have been used, as far as this look tells */
	bool fresh;                /* of a page that wasn't there before, the bit says nothing: it may be set by the kernel */
	uint8_t shift;             /* of the entry */
};

/** A look begins; `ends`: it ends a round, and the next one begins. */
void vm_ages_begin(struct vm_ages *a, bool ends);
/** Pages [start, end), ascending, aligned to 4K.  False: out of memory. */
bool vm_ages_take(struct vm_ages *a, uint64_t start, uint64_t end, const struct vm_age_sign *sign);
/** What wasn't seen isn't there any more. */
void vm_ages_end(struct vm_ages *a);
void vm_ages_free(struct vm_ages *a);

/** Pages used within the last so many rounds: bytes, at least and at most. */
struct vm_age_band {
	uint64_t low, high;
};

/** Of pages in [from, to): what is there, and what was used within the last limit[i] rounds (ascending). */
void vm_ages_count(const struct vm_ages *a, uint64_t from, uint64_t to, const uint64_t *limit, size_t n, uint64_t *resident,
		   struct vm_age_band *band);

/** Pages used for sure in the last round, by blocks of 64 (256K): calls take() for each block that has any pages. */
void vm_ages_blocks(const struct vm_ages *a, void (*take)(void *ctx, uint64_t start, unsigned used), void *ctx);

#endif
