/**
 * A process's working set, from rounds of looking (core/model/ws.h): how much was used within windows of 1, 2, 4 ... rounds,
 * in all and by mapping; what is hot, warm and cold; what was written.
 *
 * Each figure is a band.  Where pages are seen one by one a window of n rounds ends with each round from the nth on: of all
 * these windows `low` is the mean of what was used for sure, `high` the mean of what may have been used, `least` and `most`
 * are the extremes.  Of mappings it is the window that ends with the last look.  Where only figures of mappings are known
 * there is one window of each length, from the beginning on.
 *
 * Pages that stay in TLBs are used without being seen.  They are no more than TLBs hold, so that much is added to `high`
 * (vm_wset.hidden_bytes), as far as so much more is there (core/source/accessed.h says when that happens).
 *
 * Others clear accessed bits, too: reclaim, DAMON, another tool.  Of the bits that were set at a look a share f is clear at
 * the next one though nobody here cleared them.  As many are set and cleared unseen: if u are seen, at most about
 * u f / (1 - f) more were used, which is added to `high` likewise.
 */
#ifndef VM_ANALYSIS_WSET_H
#define VM_ANALYSIS_WSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/analysis/pageage.h"
#include "core/base/vec.h"
#include "core/model/page.h"
#include "core/model/ws.h"

struct vm_aspace;
struct vm_mapping;

/** What was used, or written, within windows of one length. */
struct vm_ws_point {
	uint64_t rounds;           /* length of the window */
	uint64_t windows;          /* how many there were */
	double low, high;          /* sums over them; vm_wset_curve() gives means */
	uint64_t least, most;
};

/** Count a window of that length. */
void vm_ws_point_add(struct vm_ws_point *p, uint64_t rounds, struct vm_age_band b);

/** Of one mapping, where no pages are seen: what smaps says. */
struct vm_ws_figures {
	uint64_t start, end;
	uint64_t resident, first, most;   /* Referenced: at the beginning, and the most that was seen */
	struct vm_age_band used[VM_AGE_WINDOWS];
};

/** Zero-initialise, then set the first members. */
struct vm_wset {
	enum vm_ws_method method;
	enum vm_ws_writes writes;
	bool pages;
	uint64_t hidden_bytes;
	/** The mappings, as of the look under way; borrowed. */
	const struct vm_aspace *as;
	size_t at;                 /* of as->map, while runs come */
	struct vm_ages used, written;
	bool looks_at_uses, looks_at_writes;
	/** By length, since the last vm_wset_restart(). */
	struct vm_ws_point use[VM_AGE_WINDOWS], write[VM_AGE_WINDOWS];
	VM_VEC(struct vm_ws_round) round;
	/** Rounds of uses and writes that are in older reports. */
	uint64_t old_uses, old_writes;
	VM_VEC(struct vm_ws_figures) figures;
	uint64_t figure_rounds;
	/** Over all rounds. */
	uint64_t had_bytes, lost_bytes, resident_bytes;
	bool failed;               /* out of memory */
};

/** A look begins, of pages that `as` maps, at uses, writes or both; `ends`: it ends a round. */
void vm_wset_look(struct vm_wset *w, const struct vm_aspace *as, bool uses, bool writes, bool ends);
/** vm_pages_take() of it: runs with ACCESSED, DIRTY and the like.  ctx is the vm_wset. */
int vm_wset_take(void *ctx, const struct vm_page_run *runs, size_t n);
/** Likewise of writes that have a look of their own: SOFT_DIRTY or WRITTEN. */
int vm_wset_take_writes(void *ctx, const struct vm_page_run *runs, size_t n);
/** It is over.  Of one that ended a round: what it was is in *round, but for times and costs.  False: out of memory. */
bool vm_wset_looked(struct vm_wset *w, struct vm_ws_round *round);

/** Instead of a look: mappings with figures of smaps, after so many rounds.  The first one is what others are compared with. */
bool vm_wset_add_figures(struct vm_wset *w, const struct vm_aspace *as, uint64_t rounds, struct vm_ws_round *round);

/** A new report begins: curves begin anew, ages go on. */
void vm_wset_restart(struct vm_wset *w);
void vm_wset_free(struct vm_wset *w);

/** A length of windows, as a row. */
struct vm_ws_window {
	uint64_t ns, rounds, windows, resident_bytes;
	struct vm_age_band used, written;
	uint64_t used_least, used_most, written_most;
	bool writes;               /* are known */
};

/** A mapping, or all (m NULL). */
struct vm_ws_row {
	const struct vm_mapping *m;
	uint64_t resident_bytes;
	/** Within the longest window, and within the others by length. */
	struct vm_age_band used, written;
	struct vm_age_band by_window[VM_AGE_WINDOWS];
	unsigned windows;
	/** By age: used within `hot`, within `warm`, not within `warm`, and what can't be said. */
	uint64_t hot_bytes, warm_bytes, cold_bytes, unsure_bytes;
	/** Bytes a second, of different pages in each round, at least and at most; NAN: not known. */
	double written_per_s, written_per_s_most;
	bool writes;
};

/** A process, as a row. */
struct vm_ws_process {
	int pid;
	const char *comm;
	const struct vm_ws_row *total;
	double cleared_share;
	uint64_t cost_ns, ns;
};

struct vm_ws_sum {
	VM_VEC(struct vm_ws_window) window;
	VM_VEC(struct vm_ws_row) row;      /* of mappings of which something is there */
	struct vm_ws_row total;
	uint64_t ns;               /* the longest window */
	uint64_t hot_ns, warm_ns;  /* as used: whole rounds */
	double cleared_share;      /* of the bits that were set, those that somebody else cleared until the next look */
	uint64_t clear_ns, read_ns, locked_ns, cost_ns, set_again, rounds_ns;   /* sums over the rounds of the report */
	size_t rounds;
};

/** Sum up: `round_ns` is the usual length of a round; hot and warm limits in ns, 0: an eighth, and all of it.  False: out of memory. */
bool vm_wset_sum(struct vm_wset *w, const struct vm_aspace *as, uint64_t round_ns, uint64_t hot_ns, uint64_t warm_ns,
		 struct vm_ws_sum *out);
void vm_ws_sum_free(struct vm_ws_sum *s);

#endif
