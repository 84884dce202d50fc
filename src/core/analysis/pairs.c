#include "core/analysis/pairs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/cleanup.h"

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double middle(const double *sorted, size_t n)
{
	return n ? (sorted[(n - 1) / 2] + sorted[n / 2]) / 2 : (double)NAN;
}

double vm_median(double *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), compare);
	return middle(v, n);
}

/**
 * Where there is no difference each rank 1..n counts towards the sum with probability 1/2: one rank after the other is
 * added to the distribution p[0..half] of the sum's lower half.
 */
static void add_ranks(double *p, size_t half, size_t n)
{
	size_t most = 0;
	p[0] = 1;
	for (size_t rank = 1; rank <= n; rank++) {
		most = most + rank < half ? most + rank : half;
		for (size_t w = most + 1; w-- > 0;)
			p[w] = (p[w] + (w >= rank ? p[w - rank] : 0)) / 2;
	}
}

double vm_pairs_confidence(size_t n, double wanted, size_t *rank)
{
	const size_t half = n * (n + 1) / 4;
	vm_auto_free double *p = calloc(half + 1, sizeof(*p));
	if (!p)
		return -1;
	add_ranks(p, half, n);
	/* `below` is the probability of a sum below k. */
	double below = p[0];
	size_t k = 1;
	while (k <= half && 2 * (below + p[k]) <= 1 - wanted)
		below += p[k++];
	*rank = k;
	return 1 - 2 * below;
}

/** An estimate with its interval. */
struct estimate {
	double v, low, high;
};

/** Of the differences d[0..n), whose interval reaches to the means of this rank; 0: there is none. */
static int estimate(const double *d, size_t n, size_t rank, struct estimate *out)
{
	const size_t means = n * (n + 1) / 2;
	size_t at = 0;
	vm_auto_free double *mean = malloc(means * sizeof(*mean));
	if (!mean)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			mean[at++] = (d[i] + d[j]) / 2;
	out->v = vm_median(mean, means);
	out->low = rank ? mean[rank - 1] : (double)NAN;
	out->high = rank ? mean[means - rank] : (double)NAN;
	return 0;
}

static int estimate_difference(const double *d, size_t rank, struct vm_pairs *out)
{
	struct estimate e;
	const int r = estimate(d, out->n, rank, &e);
	if (r == 0) {
		out->difference = e.v;
		out->low = e.low;
		out->high = e.high;
	}
	return r;
}

static int estimate_share(const double *logs, size_t rank, struct vm_pairs *out)
{
	struct estimate e;
	for (size_t i = 0; i < out->n; i++)
		if (!isfinite(logs[i]))
			return 0;
	const int r = estimate(logs, out->n, rank, &e);
	if (r == 0) {
		out->share = expm1(e.v);
		out->share_low = expm1(e.low);
		out->share_high = expm1(e.high);
	}
	return r;
}

int vm_pairs_compare(const double *a, const double *b, size_t n, double wanted, struct vm_pairs *out)
{
	*out = (struct vm_pairs){
		.a = NAN, .b = NAN, .difference = NAN, .low = NAN, .high = NAN, .share = NAN, .share_low = NAN, .share_high = NAN,
	};
	vm_auto_free double *v = malloc((4 * n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	double *x = v, *y = v + n, *d = v + 2 * n, *logs = v + 3 * n;
	for (size_t i = 0; i < n; i++) {
		if (isnan(a[i]) || isnan(b[i]))
			continue;
		x[out->n] = a[i];
		y[out->n] = b[i];
		logs[out->n] = a[i] > 0 && b[i] > 0 ? log(b[i] / a[i]) : (double)NAN;
		d[out->n++] = b[i] - a[i];
	}
	if (!out->n)
		return 0;
	size_t rank;
	out->a = vm_median(x, out->n);
	out->b = vm_median(y, out->n);
	out->confidence = vm_pairs_confidence(out->n, wanted, &rank);
	if (out->confidence < 0)
		return -ENOMEM;
	rank = out->confidence > 0 ? rank : 0;
	const int r = estimate_difference(d, rank, out);
	return r == 0 ? estimate_share(logs, rank, out) : r;
}

enum vm_pairs_verdict vm_pairs_verdict(const struct vm_pairs *p, double least)
{
	const double low = isnan(p->share) ? p->low : p->share_low, high = isnan(p->share) ? p->high : p->share_high;
	if (!(p->confidence >= least))
		return VM_PAIRS_UNDECIDED;
	return high < 0 ? VM_PAIRS_LESS : low > 0 ? VM_PAIRS_MORE : VM_PAIRS_SAME;
}

double vm_pairs_resolution(const struct vm_pairs *p)
{
	return (p->share_high - p->share_low) / 2;
}
