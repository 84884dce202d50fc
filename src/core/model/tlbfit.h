/**
 * What a curve of access times says of TLBs: times over numbers of pages rise in steps, and a step is where a TLB's entries
 * end.  Pure functions.
 *
 * A step isn't sharp: what replaces the oldest entry misses everything just beyond the capacity, what replaces some entry
 * misses ever more.  So a knee is where the curve is half-way between two levels, which is at most some per cent off.
 */
#ifndef VM_MODEL_TLBFIT_H
#define VM_MODEL_TLBFIT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/model/tlb.h"

/** One measured point. */
struct vm_tlb_point {
	unsigned pages;
	double ns;                 /* an access: median of the repeats */
	double low, high;          /* quartiles */
};

enum { VM_TLB_POINTS_MAX = 64 };

struct vm_tlb_curve {
	struct vm_tlb_point v[VM_TLB_POINTS_MAX];   /* ascending by pages */
	size_t n;
};

/** The value that a share `q` (0..1) of n values doesn't exceed, interpolated; sorts v[].  NAN of none. */
double vm_tlb_quantile(double *v, size_t n, double q);

enum { VM_TLB_LEVELS_MAX = 3 };

/** Levels and the knees between them. */
struct vm_tlb_steps {
	unsigned n;                        /* levels found; 0: there are no points */
	double ns[VM_TLB_LEVELS_MAX];      /* of each, the median of its points */
	double knee[VM_TLB_LEVELS_MAX - 1];   /* pages: where times have risen from level i towards level i + 1 */
};

/**
 * The `most` (1 to 3) levels that fit best by their logarithms, each point weighted by its share of the axis of log(pages);
 * a level that isn't 15 % above the one before is none, and there are fewer.  A knee is where the curve has risen by a
 * share `rise` of the difference: 0.5 is half-way.
 */
void vm_tlb_fit(const struct vm_tlb_curve *c, unsigned most, double rise, struct vm_tlb_steps *out);

/** A knee of the curve of medians, and the quartiles of those of the repeats.  at == 0: there is none. */
struct vm_tlb_knee {
	double at, low, high;
};

/** Half of the repeats lie within this share of the knee. */
static inline double vm_tlb_knee_spread(const struct vm_tlb_knee *k)
{
	return k->at > 0 ? (k->high - k->low) / k->at : 0;
}

/** The knee `at` with what the n repeats found, those that are 0 left out.  Sorts v[]. */
struct vm_tlb_knee vm_tlb_knee_of(double at, double *v, size_t n);

/** Share that huge pages save of what translation costs; NAN: not known, or too little to tell (3 ns). */
static inline double vm_tlb_cost_saved(const struct vm_tlb_cost *c)
{
	return c->ns_4k >= 3 ? 1 - c->ns_2m / c->ns_4k : (double)NAN;
}

/** Which buffer. */
enum vm_tlb_buffer { VM_TLB_L1D, VM_TLB_L1I, VM_TLB_STLB };

/**
 * The nearest size that buffers of this kind are known to have (Intel's optimization manual, AMD's software optimization
 * guides, Arm's core manuals), if it is at most 20 % away: a hint, not a measurement.  What else runs takes entries away
 * and moves knees down, so it is the upper quartile that is looked at.
 */
bool vm_tlb_shape_near(enum vm_tlb_buffer which, const struct vm_tlb_knee *knee, struct vm_tlb_shape *out);

/** That, else some shape of about as many entries, for models. */
struct vm_tlb_shape vm_tlb_shape_of(enum vm_tlb_buffer which, const struct vm_tlb_knee *knee);

/**
 * Does a huge page take entries for base pages?  `few` and `many` are times of an access to that many of its lines, of
 * which many are more than the first level has entries; `step` is what a miss of that level adds, and what its hit takes.
 * Unknown where neither is near.
 */
enum vm_tlb_split vm_tlb_split_of(double few, double many, double hit_ns, double step_ns);

#endif
