/**
 * Trends of a series of figures, without assumptions about how its noise is distributed.  Pure.
 *
 * - whether there is one: the test of Mann (1945, Econometrica 13, 245-259) and Kendall (1975, Rank Correlation Methods);
 *   up to 10 figures that all differ by the exact distribution of S, else by its normal approximation with the correction
 *   for ties (Gilbert 1987, Statistical Methods for Environmental Pollution Monitoring, 16.4)
 * - neighbours that resemble one another say less than as many independent ones: variance of S as in Hamed and Rao (1998,
 *   J. Hydrology 204, 182-196), from the ranks of what the slope leaves over; never below that of independent ones
 * - how steep: the median slope of all pairs (Theil 1950; Sen 1968, J. Am. Stat. Assoc. 63, 1379-1389), which some outliers
 *   don't move, with Sen's confidence interval
 * - drift: whether the figures would come as far by chance, if every step were one of a random walk (the Mann-Kendall test
 *   alone takes most random walks for trends): the way that the slope makes, against the long-run variance of the steps
 *   of Newey and West (1987, Econometrica 55, 703-708)
 */
#ifndef VM_ANALYSIS_TREND_H
#define VM_ANALYSIS_TREND_H

#include <stdbool.h>
#include <stddef.h>

struct vm_trend {
	size_t n;
	/** Pairs that rise less pairs that fall, and its variance where there is no trend: of independent figures, and of these. */
	double s, var_independent, var;
	/** Standard normal deviate of S, with the correction for continuity. */
	double z;
	/** Probability of an S as high, or as low, without a trend. */
	double p_up, p_down;
	/** Of y by t, its interval of the confidence that was asked for, and y where t is 0. */
	double slope, low, high, intercept;
};

/** No more figures than this are taken: all pairs are looked at. */
enum { VM_TREND_MAX = 1024 };

/**
 * Of y[i] at the times t[i], which ascend.  `confidence`: of the interval, such as 0.95.
 * 0; -EINVAL for fewer than 3 figures, or more than VM_TREND_MAX; -ENOMEM.
 */
int vm_trend_fit(const double *t, const double *y, size_t n, double confidence, struct vm_trend *out);

/** Standard normal deviate of a slope of y, if y is a random walk; 0 if it doesn't move at all. */
double vm_trend_drift(const double *t, const double *y, size_t n, double slope);

/** Probability that S of n figures that all differ is at least s, without a trend: exact.  n is up to 10. */
double vm_trend_exact(size_t n, double s);

/** Value that a standard normal figure is below of with probability p; of 0 < p < 1. */
double vm_normal_quantile(double p);

/** Probability that a standard normal figure is above z. */
double vm_normal_above(double z);

#endif
