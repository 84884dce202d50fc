/**
 * Which mappings keep the page walker busy: windows of accessed bits (core/model/accessed.h) against what TLBs hold.
 *
 * What it gives are lower bounds.  A page counts once in a window, however often it was walked, and where the same pages
 * are used by several threads each of their TLBs walks for itself.  All figures of a mapping are medians over windows.
 *
 * - used: in windows after a flush, or what others saw walked, if that is more
 * - walked share: entries walked / entries used, in windows of the same length
 * - walks a second, at least: entries walked / length, of the windows that show most: short ones
 * - order: were the pages of a short window neighbours?  Of u pages in use, f of them walked and spread by chance, runs of
 *   neighbours have a mean length of 1 / (1 - f).  Where they are many times as long, and lie elsewhere each time, the
 *   program goes through its memory in order: each page is walked once for all that is read of it, ahead of time.
 */
#ifndef VM_ANALYSIS_TLBHOT_H
#define VM_ANALYSIS_TLBHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"
#include "core/model/accessed.h"
#include "core/model/tlb.h"

struct vm_aspace;
struct vm_mapping;

enum vm_tlb_order { VM_TLB_ORDER_UNKNOWN, VM_TLB_IN_ORDER, VM_TLB_SCATTERED };

enum vm_tlb_verdict {
	VM_TLB_HOT_UNKNOWN,        /* nothing can be said */
	VM_TLB_HOT_IDLE,           /* no page was used */
	VM_TLB_HOT_FITS,           /* all that the process uses fits into the second level */
	/* It doesn't, and this mapping: */
	VM_TLB_HOT_RARE,           /* few walks */
	VM_TLB_HOT_IN_ORDER,       /* gone through in order: cheap */
	VM_TLB_HOT_SPLIT,          /* huge pages that the host splits: walks of them can't be counted */
	VM_TLB_HOT_WALKS,          /* walked all the time */
};
/** "unknown", "idle", "fits", "rare", "in-order", "split", "walks". */
extern const char *const vm_tlb_verdict_words[];
extern const char *const vm_tlb_order_words[];   /* NULL, "in-order", "scattered" */

/** A mapping, or all.  Counts that aren't known are VM_ACCESSED_UNKNOWN, other figures NAN. */
struct vm_tlb_hot_row {
	const struct vm_mapping *m;   /* NULL: the total */
	uint64_t resident_bytes, used_bytes, walked_bytes, huge_bytes;
	uint64_t used_entries, walked_entries;   /* a huge page is one */
	double walked_share;
	double walked_per_ms;      /* entries, in windows of the usual length */
	double walks_per_s;        /* at least */
	double stlb_times;         /* what is used against what the second level holds: 2: twice as much; at least so much
				      where only what is walked is known */
	double time_share;         /* of the time that it ran, at least: walks_per_s at what a walk costs in so much memory, if
				      nothing hides it */
	uint64_t blocks;           /* of 2M that hold used pages of 4K: huge pages would need so many entries for them */
	double density;            /* of the blocks of 2M that hold pages of 4K: how much of them is there */
	enum vm_tlb_order order;
	enum vm_tlb_verdict verdict;
};

struct vm_tlb_hot {
	VM_VEC(struct vm_tlb_hot_row) row;   /* of mappings of which some page is there, in order of address */
	struct vm_tlb_hot_row total;
	/** Medians, by kind of window; 0: there was none. */
	uint64_t window_ns[VM_ACCESSED_KINDS], clear_ns[VM_ACCESSED_KINDS], read_ns;
	unsigned windows[VM_ACCESSED_KINDS];
	/** Windows in which the target hardly ran, or was put onto a CPU anew, are left out if enough others are there: how many
	    were, by kind, and whether those that count are disturbed all the same. */
	unsigned left_out[VM_ACCESSED_KINDS];
	bool disturbed;
	/** Share of the time in which its threads ran, of one CPU, in windows that count; NAN: not known. */
	double cpu_share;
	/** Bits that the target's CPU had to set again, over all windows. */
	uint64_t set_again;
	uint64_t total_ns;         /* of all windows, with clearing and reading */
};

/** Sum up; `clearing_flushes`: walked isn't known.  False: out of memory.  Free with vm_tlb_hot_free(). */
bool vm_tlb_hot_sum(const struct vm_aspace *as, const struct vm_accessed_window *w, size_t n, const struct vm_tlb_known *known,
		    bool clearing_flushes, struct vm_tlb_hot *out);
void vm_tlb_hot_free(struct vm_tlb_hot *h);

#endif
