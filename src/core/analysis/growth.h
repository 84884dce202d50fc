/**
 * A leak, or a sawtooth?  What a series of sizes says about whether memory keeps growing.  Pure.
 *
 * Drops of a fifth of the whole range or more cut the series: caches that are emptied, garbage collections, buffers that
 * are given back.  Where there are such, only the minima after them tell whether something stays (the live set after a
 * collection); they are tested for a trend of their own.  As a leak goes on, the drops become small beside the range, and
 * no longer count.
 *
 * Where there are none, growth is
 * - a rise of all figures, by the test of Mann and Kendall with the correction of Hamed and Rao: p < 0.001;
 * - that goes on: their later half rises as well (p < 0.05), so that what fills up and stops is none;
 * - in five steps or more, two of them in the later half: large things that are made once are none;
 * - and more than a random walk would come along (core/analysis/trend.h: drift, 2.33 standard errors, 1 %).
 * Of minima: p < 0.001, which takes seven or more; five are enough to say that they don't grow.  Less than 10 figures say
 * nothing.  The verdict is asked for again and again as figures come, so that a chance of 1 % each time would be too much.
 */
#ifndef VM_ANALYSIS_GROWTH_H
#define VM_ANALYSIS_GROWTH_H

#include <stddef.h>

#include "core/analysis/trend.h"

enum vm_growth_verdict {
	VM_GROWTH_FEW,         /* too few figures */
	VM_GROWTH_CONSTANT,    /* never changed */
	VM_GROWTH_STEADY,      /* changes without a trend */
	VM_GROWTH_RISING,      /* rose, but it isn't certain that it goes on */
	VM_GROWTH_LEVELLED,    /* rose, and stopped */
	VM_GROWTH_SAWTOOTH,    /* rises and drops; what remains after the drops doesn't rise */
	VM_GROWTH_UNSURE,      /* rises and drops, too few times to tell */
	VM_GROWTH_FALLING,
	VM_GROWTH_GROWING,     /* keeps growing */
	VM_GROWTH_VERDICTS,
};

struct vm_growth_word {
	const char *word;      /* "growing" */
	const char *sentence;  /* what it means, lower case, no period */
};
extern const struct vm_growth_word vm_growth_words[VM_GROWTH_VERDICTS];

struct vm_growth {
	enum vm_growth_verdict verdict;
	/** Of all figures, of the later half (n is 0: not looked at), of the minima after drops (likewise). */
	struct vm_trend all, late, floor;
	/** Drops, and steps upwards. */
	size_t drops, steps;
	/** How fast it grows in the long run, by the trend that the verdict rests on, and the interval of 95 %; y by t. */
	double rate, low, high;
	double first, last, least, most;
};

/** Of y[i] at the times t[i], which ascend; n up to VM_TREND_MAX.  0, or -ENOMEM. */
int vm_growth_judge(const double *t, const double *y, size_t n, struct vm_growth *out);

#endif
