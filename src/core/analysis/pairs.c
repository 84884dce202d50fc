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

static int walsh(const double *d, size_t n, double wanted, struct vm_pairs *out)
{
	const size_t means = n * (n + 1) / 2;
	size_t rank, at = 0;
	vm_auto_free double *mean = malloc(means * sizeof(*mean));
	const double confidence = vm_pairs_confidence(n, wanted, &rank);
	if (!mean || confidence < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			mean[at++] = (d[i] + d[j]) / 2;
	out->difference = vm_median(mean, means);
	out->confidence = confidence;
	if (confidence > 0) {
		out->low = mean[rank - 1];
		out->high = mean[means - rank];
	}
	return 0;
}

int vm_pairs_compare(const double *a, const double *b, size_t n, double wanted, struct vm_pairs *out)
{
	*out = (struct vm_pairs){ .a = NAN, .b = NAN, .difference = NAN, .low = NAN, .high = NAN };
	vm_auto_free double *v = malloc((3 * n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	double *x = v, *y = v + n, *d = v + 2 * n;
	for (size_t i = 0; i < n; i++) {
		if (isnan(a[i]) || isnan(b[i]))
			continue;
		x[out->n] = a[i];
		y[out->n] = b[i];
		d[out->n++] = b[i] - a[i];
	}
	if (!out->n)
		return 0;
	out->a = vm_median(x, out->n);
	out->b = vm_median(y, out->n);
	return walsh(d, out->n, wanted, out);
}

enum vm_pairs_verdict vm_pairs_verdict(const struct vm_pairs *p, double least)
{
	if (!(p->confidence >= least))
		return VM_PAIRS_UNDECIDED;
	return p->high < 0 ? VM_PAIRS_LESS : p->low > 0 ? VM_PAIRS_MORE : VM_PAIRS_SAME;
}

double vm_pairs_resolution(const struct vm_pairs *p)
{
	return (p->high - p->low) / 2;
}
