/**
 * Two ways of doing the same, compared by pairs of runs: one of each way, next to each other in time.
 *
 * What is estimated is by how much the second way's figure differs from the first one's.  The estimate is the median of
 * the means of all pairs of differences, d[i] with itself and with each other (Walsh averages; Hodges and Lehmann,
 * "Estimates of location based on rank tests", 1963); the interval is the one that belongs to Wilcoxon's signed-rank
 * test: from the k-th smallest to the k-th biggest of these means, k by the test's exact distribution (Hollander, Wolfe
 * and Chicken, "Nonparametric Statistical Methods", section 3.3).  Nothing is assumed of how runs vary, but that
 * differences vary as much upwards as downwards, which those of two runs do whose order is changed from pair to pair.
 * Of 12 pairs or more a wild one leaves the interval alone.
 */
#ifndef VM_ANALYSIS_PAIRS_H
#define VM_ANALYSIS_PAIRS_H

#include <stddef.h>

/** The most pairs: beyond, 2^-n is no double. */
enum { VM_PAIRS_MAX = 1000 };

/** What n pairs say.  NAN: not known. */
struct vm_pairs {
	size_t n;                  /* pairs of which both figures are known */
	double a, b;               /* medians */
	double difference;         /* of b - a */
	double low, high;          /* it is in between with ... */
	double confidence;         /* ... this probability; 0: there is no interval, n is below 2 */
	/** The same of b / a - 1, by the logarithms of the ratios: what disturbs a run makes it longer by a factor rather
	    than by a time.  NAN where a figure is 0 or below. */
	double share, share_low, share_high;
};

/**
 * The probability that is reached where `wanted` is asked for: as little above as can be, or below, if n is too small to
 * reach it (the interval then is from the smallest to the biggest difference: 1 - 2^(1-n)).  Sets *rank to k.
 * n from 1 to VM_PAIRS_MAX.  -1 when memory is out.
 */
double vm_pairs_confidence(size_t n, double wanted, size_t *rank);

/** Compare a[0..n) and b[0..n); pairs with a NAN are left out.  0 or -ENOMEM. */
int vm_pairs_compare(const double *a, const double *b, size_t n, double wanted, struct vm_pairs *out);

/** The middle one of v[0..n), or the mean of the middle two; NAN: n is 0.  Sorts v. */
double vm_median(double *v, size_t n);

enum vm_pairs_verdict {
	VM_PAIRS_UNDECIDED,        /* too few pairs for an interval of `least` confidence */
	VM_PAIRS_SAME,             /* no difference was seen: the interval holds 0 */
	VM_PAIRS_LESS, VM_PAIRS_MORE,   /* the second way's figure is surely smaller, bigger */
};

/** By the share where it is known, else by the difference. */
enum vm_pairs_verdict vm_pairs_verdict(const struct vm_pairs *p, double least);

/** The smallest share that this many pairs, varying like these, can tell from none: half of its interval. */
double vm_pairs_resolution(const struct vm_pairs *p);

#endif
