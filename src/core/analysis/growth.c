#include "core/analysis/growth.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/cleanup.h"

enum { LEAST_FIGURES = 10, LEAST_MINIMA = 5, LEAST_STEPS = 5, LEAST_LATE_STEPS = 2 };

static const double confidence = 0.95, drop_share = 0.2, late_share = 0.05, p_all = 0.001, p_late = 0.05, p_floor = 0.001, drift = 2.326348;

const struct vm_growth_word vm_growth_words[VM_GROWTH_VERDICTS] = {
	[VM_GROWTH_FEW] = { "too few", "was looked at too few times to tell: ten are needed" },
	[VM_GROWTH_CONSTANT] = { "constant", "has never changed" },
	[VM_GROWTH_STEADY] = { "steady", "changes, without a trend" },
	[VM_GROWTH_RISING] = { "rising", "has risen; that it goes on isn't certain yet" },
	[VM_GROWTH_LEVELLED] = { "levelled", "has risen, and stopped" },
	[VM_GROWTH_SAWTOOTH] = { "sawtooth", "rises and drops; what remains after the drops doesn't grow" },
	[VM_GROWTH_UNSURE] = { "up and down", "rises and drops, too few times to tell what remains" },
	[VM_GROWTH_FALLING] = { "falling", "keeps falling" },
	[VM_GROWTH_GROWING] = { "growing", "keeps growing" },
};

static void measure(const double *y, size_t n, struct vm_growth *g)
{
	g->first = g->least = g->most = n ? y[0] : 0;
	for (size_t i = 0; i < n; i++) {
		g->least = fmin(g->least, y[i]);
		g->most = fmax(g->most, y[i]);
		g->steps += i && y[i] > y[i - 1];
	}
	g->last = n ? y[n - 1] : 0;
}

/**
 * Minima between a drop of at least `least` and a rise of as much: their indexes; how many drops there were.  The last
 * one counts as a drop even where no rise followed; its minimum isn't known yet.
 */
static size_t find_minima(const double *y, size_t n, double least, size_t *at, size_t *minima)
{
	size_t drops = 0, high = 0, low = 0;
	bool down = false;
	*minima = 0;
	for (size_t i = 1; i < n; i++) {
		if (down) {
			if (y[i] < y[low])
				low = i;
			if (y[i] - y[low] < least)
				continue;
			at[(*minima)++] = low;
			high = i;
			down = false;
		} else {
			if (y[i] > y[high])
				high = i;
			if (y[high] - y[i] < least)
				continue;
			drops++;
			low = i;
			down = true;
		}
	}
	return drops;
}

static void take_rate(struct vm_growth *g, const struct vm_trend *from)
{
	g->rate = from->slope;
	g->low = from->low;
	g->high = from->high;
}

/** It falls to something again and again: does that rise? */
static int judge_floor(const double *t, const double *y, const size_t *at, size_t n, struct vm_growth *g)
{
	vm_auto_free double *ft = malloc(n * sizeof(*ft)), *fy = malloc(n * sizeof(*fy));
	if (!ft || !fy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ft[i] = t[at[i]];
		fy[i] = y[at[i]];
	}
	int r = vm_trend_fit(ft, fy, n, confidence, &g->floor);
	if (r < 0)
		return r;
	take_rate(g, &g->floor);
	if (g->floor.p_up < p_floor)
		g->verdict = VM_GROWTH_GROWING;
	else if (g->floor.p_down < p_floor)
		g->verdict = VM_GROWTH_FALLING;
	else
		/* Where only more drops would tell, no all-clear is given. */
		g->verdict = g->floor.low > 0 ? VM_GROWTH_UNSURE : VM_GROWTH_SAWTOOTH;
	return 0;
}

static size_t late_steps(const double *y, size_t from, size_t n)
{
	size_t steps = 0;
	for (size_t i = from + 1; i < n; i++)
		steps += y[i] > y[i - 1];
	return steps;
}

/** Without drops: does it rise, and go on? */
static int judge_rise(const double *t, const double *y, size_t n, struct vm_growth *g)
{
	const size_t half = n / 2;
	int r = vm_trend_fit(t + half, y + half, n - half, confidence, &g->late);
	if (r < 0)
		return r;
	take_rate(g, &g->all);
	if (g->all.p_down < p_all && g->late.p_down < p_late)
		g->verdict = VM_GROWTH_FALLING;
	else if (g->all.p_up >= p_all)
		g->verdict = VM_GROWTH_STEADY;
	else if (g->late.p_up >= p_late || g->late.slope * (t[n - 1] - t[half]) < late_share * (g->most - g->least))
		g->verdict = VM_GROWTH_LEVELLED;
	else if (g->steps < LEAST_STEPS || late_steps(y, half, n) < LEAST_LATE_STEPS || vm_trend_drift(t, y, n, g->all.slope) < drift)
		g->verdict = VM_GROWTH_RISING;
	else
		g->verdict = VM_GROWTH_GROWING;
	/* Where it has changed its pace, the later one is what goes on. */
	if (g->verdict == VM_GROWTH_GROWING && (g->late.high < g->all.low || g->late.low > g->all.high))
		take_rate(g, &g->late);
	return 0;
}

int vm_growth_judge(const double *t, const double *y, size_t n, struct vm_growth *out)
{
	*out = (struct vm_growth){ .verdict = VM_GROWTH_FEW };
	measure(y, n, out);
	const double range = out->most - out->least;
	/* Most mappings of a process: no pair need be looked at. */
	if (range == 0) {
		out->verdict = n < LEAST_FIGURES ? VM_GROWTH_FEW : VM_GROWTH_CONSTANT;
		out->all = (struct vm_trend){ .n = n, .p_up = 1, .p_down = 1 };
		return 0;
	}
	if (n >= 3) {
		int r = vm_trend_fit(t, y, n, confidence, &out->all);
		if (r < 0)
			return r;
		take_rate(out, &out->all);
	}
	if (n < LEAST_FIGURES)
		return 0;
	vm_auto_free size_t *at = malloc(n * sizeof(*at));
	size_t minima;
	if (!at)
		return -ENOMEM;
	out->drops = find_minima(y, n, drop_share * range, at, &minima);
	if (minima >= LEAST_MINIMA)
		return judge_floor(t, y, at, minima, out);
	int r = judge_rise(t, y, n, out);
	if (r == 0 && out->drops && !(out->verdict == VM_GROWTH_GROWING) && out->verdict != VM_GROWTH_FALLING)
		out->verdict = VM_GROWTH_UNSURE;
	return r;
}
