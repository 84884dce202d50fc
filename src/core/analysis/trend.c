#include "core/analysis/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"

enum { EXACT_MAX = 10 };

/* ---- Normal distribution --------------------------------------------------------------------------------------------- */

double vm_normal_above(double z)
{
	return erfc(z / sqrt(2)) / 2;
}

/** By bisection: it is asked for once a fit. */
double vm_normal_quantile(double p)
{
	double low = -40, high = 40;
	for (int i = 0; i < 100; i++) {
		const double middle = (low + high) / 2;
		if (vm_normal_above(middle) > 1 - p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* ---- Mann-Kendall ----------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int sign(double v)
{
	return (v > 0) - (v < 0);
}

static double score(const double *y, size_t n)
{
	double s = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			s += sign(y[k] - y[i]);
	return s;
}

/** Sum over groups of equal figures, `sorted`: each of t of them takes t (t-1) (2t+5) from the variance. */
static double tied_part(const double *sorted, size_t n, bool *any)
{
	double sum = 0;
	*any = false;
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && sorted[to] == sorted[from]; to++)
			*any = true;
		const double t = (double)(to - from);
		sum += t * (t - 1) * (2 * t + 5);
	}
	return sum;
}

/** Numbers of permutations of n with each number of inversions, by Mahonian numbers. */
double vm_trend_exact(size_t n, double s)
{
	enum { PAIRS = EXACT_MAX * (EXACT_MAX - 1) / 2 };
	double count[PAIRS + 1] = { 1 }, all = 0, above = 0;
	for (size_t m = 2; m <= n; m++) {
		double next[PAIRS + 1] = { 0 };
		for (size_t i = 0; i <= m * (m - 1) / 2; i++)
			for (size_t k = 0; k < m && k <= i; k++)
				next[i] += count[i - k];
		memcpy(count, next, sizeof(count));
	}
	const size_t pairs = n * (n - 1) / 2;
	for (size_t inversions = 0; inversions <= pairs; inversions++) {
		all += count[inversions];
		if ((double)pairs - 2 * (double)inversions >= s)
			above += count[inversions];
	}
	return above / all;
}

/* ---- Autocorrelation --------------------------------------------------------------------------------------------------- */

struct ranked {
	double v;
	size_t at;
};

static int compare_ranked(const void *a, const void *b)
{
	return compare(&((const struct ranked *)a)->v, &((const struct ranked *)b)->v);
}

/** Ranks of v[], less their mean, in its place; equal ones share theirs. */
static int rank(double *v, size_t n)
{
	vm_auto_free struct ranked *r = malloc(n * sizeof(*r));
	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ v[i], i };
	qsort(r, n, sizeof(*r), compare_ranked);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && r[to].v == r[from].v; to++)
			continue;
		for (size_t i = from; i < to; i++)
			v[r[i].at] = (double)(from + to - 1) / 2 - (double)(n - 1) / 2;
	}
	return 0;
}

/** What the variance of S is to be multiplied with, by the ranks of what the slope leaves over. */
static double inflation(const double *rank, size_t n)
{
	const double significant = 1.959964 / sqrt((double)n);   /* of 5 %, as in the paper */
	double all = 0, sum = 0;
	for (size_t i = 0; i < n; i++)
		all += rank[i] * rank[i];
	if (all == 0)
		return 1;
	for (size_t lag = 1; lag + 2 < n; lag++) {
		double r = 0;
		for (size_t i = 0; i + lag < n; i++)
			r += rank[i] * rank[i + lag];
		r /= all;
		const double m = (double)(n - lag);
		if (fabs(r) > significant)
			sum += m * (m - 1) * (m - 2) * r;
	}
	const double d = (double)n, factor = 1 + 2 * sum / (d * (d - 1) * (d - 2));
	/* Figures that alternate would make a test surer than independent ones. */
	return factor > 1 ? factor : 1;
}

/* ---- Theil-Sen ------------------------------------------------------------------------------------------------------------ */

static double median(const double *sorted, size_t n)
{
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/** Slopes of all pairs, sorted; how many.  NULL when memory is out. */
static double *all_slopes(const double *t, const double *y, size_t n, size_t *count)
{
	double *slope = malloc(n * (n - 1) / 2 * sizeof(*slope));
	size_t k = 0;
	for (size_t i = 0; slope && i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (t[j] > t[i])
				slope[k++] = (y[j] - y[i]) / (t[j] - t[i]);
	if (slope)
		qsort(slope, k, sizeof(*slope), compare);
	*count = k;
	return slope;
}

/** The ranks of both ends of the interval are rounded outwards. */
static void interval(const double *slope, size_t count, double width, struct vm_trend *out)
{
	const double low = floor(((double)count - width) / 2), high = ceil(((double)count + width) / 2);
	out->low = slope[low < 1 ? 0 : (size_t)low - 1];
	out->high = slope[high >= (double)count ? count - 1 : (size_t)high];
}

/* ---- All of it ------------------------------------------------------------------------------------------------------------ */

static int fit_slope(const double *t, const double *y, size_t n, double confidence, struct vm_trend *out)
{
	size_t count;
	vm_auto_free double *slope = all_slopes(t, y, n, &count), *rest = malloc(n * sizeof(*rest));
	if (!slope || !rest)
		return -ENOMEM;
	if (!count)
		return -EINVAL;
	out->slope = median(slope, count);
	for (size_t i = 0; i < n; i++)
		rest[i] = y[i] - out->slope * t[i];
	int r = rank(rest, n);
	if (r < 0)
		return r;
	out->var = out->var_independent * inflation(rest, n);
	for (size_t i = 0; i < n; i++)
		rest[i] = y[i] - out->slope * t[i];
	qsort(rest, n, sizeof(*rest), compare);
	out->intercept = median(rest, n);
	interval(slope, count, vm_normal_quantile((1 + confidence) / 2) * sqrt(out->var), out);
	return 0;
}

int vm_trend_fit(const double *t, const double *y, size_t n, double confidence, struct vm_trend *out)
{
	*out = (struct vm_trend){ .n = n, .p_up = 1, .p_down = 1 };
	if (n < 3 || n > VM_TREND_MAX)
		return -EINVAL;
	vm_auto_free double *sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, y, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	const double d = (double)n;
	bool ties;
	out->s = score(y, n);
	out->var_independent = (d * (d - 1) * (2 * d + 5) - tied_part(sorted, n, &ties)) / 18;
	int r = fit_slope(t, y, n, confidence, out);
	if (r < 0 || out->var <= 0)
		return r;
	out->z = (out->s - sign(out->s)) / sqrt(out->var);
	if (n <= EXACT_MAX && !ties && out->var == out->var_independent) {
		out->p_up = vm_trend_exact(n, out->s);
		out->p_down = vm_trend_exact(n, -out->s);
	} else {
		/* At least S, and at most S, each by its own half step of continuity. */
		out->p_up = vm_normal_above((out->s - 1) / sqrt(out->var));
		out->p_down = vm_normal_above((-out->s - 1) / sqrt(out->var));
	}
	return 0;
}

double vm_trend_drift(const double *t, const double *y, size_t n, double slope)
{
	if (n < 3 || t[n - 1] <= t[0])
		return 0;
	const size_t steps = n - 1, lags = (size_t)sqrt((double)n);
	const double mean = (y[n - 1] - y[0]) / (t[n - 1] - t[0]), all = slope * (t[n - 1] - t[0]);
	/* What each step has beyond its share of the way. */
	vm_auto_free double *rest = malloc(steps * sizeof(*rest));
	double variance = 0;
	if (!rest)
		return 0;
	for (size_t i = 0; i < steps; i++)
		rest[i] = y[i + 1] - y[i] - mean * (t[i + 1] - t[i]);
	for (size_t lag = 0; lag <= lags && lag < steps; lag++) {
		double sum = 0;
		for (size_t i = 0; i + lag < steps; i++)
			sum += rest[i] * rest[i + lag];
		variance += sum * (lag ? 2 * (1 - (double)lag / (double)(lags + 1)) : 1);
	}
	if (variance <= 0)
		return all == 0 ? 0 : all > 0 ? INFINITY : -INFINITY;
	/* A slope through all of a random walk varies by 6/5 of what its ends do. */
	return all / sqrt(1.2 * variance);
}
