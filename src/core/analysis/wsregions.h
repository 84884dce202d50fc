/**
 * A working set from regions that are sampled (core/model/damon.h).
 *
 * Of a region one page is looked at in each sample, chosen at random.  If it was used in x of n samples, the share of the
 * region that is used within such an interval is x/n, with an error: the 95 % interval of Wilson (E. B. Wilson, "Probable
 * inference, the law of succession, and statistical inference", JASA 22, 1927),
 * (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.96.  `low` is its lower end times the region; `high` all of a
 * region that was seen in use, since other pages may have been used in between, and of others its upper end, n being
 * the samples since it was so.
 */
#ifndef VM_ANALYSIS_WSREGIONS_H
#define VM_ANALYSIS_WSREGIONS_H

#include "core/analysis/wset.h"
#include "core/model/damon.h"

/** The interval, as shares of 1.  n 0: nothing is known, 0 to 1. */
void vm_wilson(uint64_t x, uint64_t n, double *low, double *high);

/**
 * A round has ended: `samples` of each region were taken in it, and `rounds` rounds are over, with this one.  Mappings of `as`
 * have figures of smaps.  False: out of memory.
 */
bool vm_wset_add_regions(struct vm_wset *w, const struct vm_aspace *as, const struct vm_damon_region *region, size_t n,
			 uint64_t samples, uint64_t rounds, struct vm_ws_round *round);

#endif
