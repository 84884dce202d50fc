#include "core/model/tlbfit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a_, const void *b_)
{
	const double a = *(const double *)a_, b = *(const double *)b_;
	return (a > b) - (a < b);
}

double vm_tlb_quantile(double *v, size_t n, double q)
{
	if (!n)
		return (double)NAN;
	qsort(v, n, sizeof(*v), by_value);
	const double at = q * (double)(n - 1);
	const size_t i = (size_t)at;
	return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

/* ---- Steps -------------------------------------------------------------------------------------------------------- */

/** A level is one if it is so much above the one before. */
static const double STEP_LEAST = 1.15;

/** Sums over the points before each: of weights, and of logarithms and their squares times those. */
struct sums {
	double w[VM_TLB_POINTS_MAX + 1], y[VM_TLB_POINTS_MAX + 1], yy[VM_TLB_POINTS_MAX + 1];
};

/** A point stands for the axis half-way to its neighbours. */
static double weight(const struct vm_tlb_curve *c, size_t i)
{
	const size_t before = i ? i - 1 : 0, after = i + 1 < c->n ? i + 1 : i;
	return log(c->v[after].pages) - log(c->v[before].pages) + 1e-6;
}

static void sum_up(const struct vm_tlb_curve *c, struct sums *s)
{
	s->w[0] = s->y[0] = s->yy[0] = 0;
	for (size_t i = 0; i < c->n; i++) {
		const double w = weight(c, i), y = log(c->v[i].ns);
		s->w[i + 1] = s->w[i] + w;
		s->y[i + 1] = s->y[i] + w * y;
		s->yy[i + 1] = s->yy[i] + w * y * y;
	}
}

/** Squared distances of the points [from, to) from their mean. */
static double misfit(const struct sums *s, size_t from, size_t to)
{
	const double w = s->w[to] - s->w[from], y = s->y[to] - s->y[from];
	return s->yy[to] - s->yy[from] - y * y / w;
}

static double median(const struct vm_tlb_curve *c, size_t from, size_t to)
{
	double v[VM_TLB_POINTS_MAX];
	for (size_t i = from; i < to; i++)
		v[i - from] = c->v[i].ns;
	return vm_tlb_quantile(v, to - from, 0.5);
}

/** Where the curve rises through `ns`: of several places, the one nearest to the pages at `near`. */
static double crossing(const struct vm_tlb_curve *c, double ns, size_t near)
{
	double best = 0, best_off = INFINITY;
	for (size_t i = 0; i + 1 < c->n; i++) {
		const struct vm_tlb_point *a = &c->v[i], *b = &c->v[i + 1];
		if (a->ns >= ns || b->ns < ns)
			continue;
		const double from = log(a->pages), share = (ns - a->ns) / (b->ns - a->ns);
		const double at = from + share * (log(b->pages) - from), off = fabs(at - log(c->v[near].pages));
		if (off < best_off) {
			best = exp(at);
			best_off = off;
		}
	}
	return best;
}

/** The best ends of the first levels of n. */
static void find_ends(const struct sums *s, size_t n, unsigned levels, size_t end[VM_TLB_LEVELS_MAX])
{
	double best = INFINITY;
	end[levels - 1] = n;
	for (size_t i = 1; levels == 2 && i < n; i++) {
		const double m = misfit(s, 0, i) + misfit(s, i, n);
		if (m < best) {
			best = m;
			end[0] = i;
		}
	}
	for (size_t i = 1; levels == 3 && i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			const double m = misfit(s, 0, i) + misfit(s, i, k) + misfit(s, k, n);
			if (m < best) {
				best = m;
				end[0] = i;
				end[1] = k;
			}
		}
	}
}

static bool fit(const struct vm_tlb_curve *c, const struct sums *s, unsigned levels, double rise, struct vm_tlb_steps *out)
{
	size_t end[VM_TLB_LEVELS_MAX] = { 0 };
	if (c->n < levels)
		return false;
	find_ends(s, c->n, levels, end);
	*out = (struct vm_tlb_steps){ .n = levels };
	for (unsigned l = 0; l < levels; l++) {
		out->ns[l] = median(c, l ? end[l - 1] : 0, end[l]);
		if (l && !(out->ns[l] >= out->ns[l - 1] * STEP_LEAST))
			return false;
	}
	for (unsigned l = 0; l + 1 < levels; l++)
		out->knee[l] = crossing(c, out->ns[l] + rise * (out->ns[l + 1] - out->ns[l]), end[l]);
	return true;
}

void vm_tlb_fit(const struct vm_tlb_curve *c, unsigned most, double rise, struct vm_tlb_steps *out)
{
	struct sums s;
	sum_up(c, &s);
	for (unsigned levels = most; levels; levels--)
		if (fit(c, &s, levels, rise, out))
			return;
	*out = (struct vm_tlb_steps){ 0 };
}

struct vm_tlb_knee vm_tlb_knee_of(double at, double *v, size_t n)
{
	struct vm_tlb_knee k = { .at = at, .low = at, .high = at };
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i] > 0)
			v[found++] = v[i];
	if (found && at > 0) {
		k.low = fmin(at, vm_tlb_quantile(v, found, 0.25));
		k.high = fmax(at, vm_tlb_quantile(v, found, 0.75));
	}
	return k;
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------- */

struct known {
	enum vm_tlb_buffer which;
	struct vm_tlb_shape shape;
};

static const struct known known[] = {
	{ VM_TLB_L1D, { 1, 32, false } },      /* Cortex-A72 */
	{ VM_TLB_L1D, { 1, 48, false } },      /* Cortex-A76, Neoverse N1, V1 */
	{ VM_TLB_L1D, { 16, 4, false } },      /* Nehalem to Sunny Cove; Zen 1 to 3: 64, fully associative */
	{ VM_TLB_L1D, { 1, 72, false } },      /* Zen 4 */
	{ VM_TLB_L1D, { 16, 6, false } },      /* Golden Cove; Zen 5: 96, fully associative */
	{ VM_TLB_L1I, { 1, 48, false } },      /* Cortex-A72, A76, Neoverse */
	{ VM_TLB_L1I, { 1, 64, false } },      /* Zen */
	{ VM_TLB_L1I, { 16, 8, false } },      /* Skylake to Sunny Cove */
	{ VM_TLB_L1I, { 32, 8, false } },      /* Golden Cove */
	{ VM_TLB_STLB, { 128, 4, false } },    /* Nehalem to Ivy Bridge */
	{ VM_TLB_STLB, { 256, 4, false } },    /* Cortex-A72 */
	{ VM_TLB_STLB, { 128, 8, false } },    /* Haswell */
	{ VM_TLB_STLB, { 256, 5, false } },    /* Cortex-A76, Neoverse N1 */
	{ VM_TLB_STLB, { 128, 12, true } },    /* Broadwell, Skylake; Zen 1 */
	{ VM_TLB_STLB, { 128, 16, true } },    /* Sunny and Golden Cove; Zen 2 and 3 */
	{ VM_TLB_STLB, { 128, 24, true } },    /* Zen 4 */
	{ VM_TLB_STLB, { 256, 16, true } },    /* Zen 5 */
};

bool vm_tlb_shape_near(enum vm_tlb_buffer which, const struct vm_tlb_knee *knee, struct vm_tlb_shape *out)
{
	double best = log(1.2);
	bool found = false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const double off = fabs(log(knee->high / vm_tlb_entries(known[i].shape)));
		if (known[i].which != which || !(off < best))
			continue;
		best = off;
		*out = known[i].shape;
		found = true;
	}
	return found;
}

struct vm_tlb_shape vm_tlb_shape_of(enum vm_tlb_buffer which, const struct vm_tlb_knee *knee)
{
	struct vm_tlb_shape shape = { .sets = which == VM_TLB_STLB ? 128 : 1 };
	if (vm_tlb_shape_near(which, knee, &shape))
		return shape;
	while (shape.sets > knee->at)
		shape.sets /= 2;
	shape.ways = (unsigned)lround(knee->at / shape.sets);
	return shape.ways ? shape : (struct vm_tlb_shape){ 0 };
}

enum vm_tlb_split vm_tlb_split_of(double few, double many, double hit_ns, double step_ns)
{
	const double added = (many - few) / step_ns;
	if (!(step_ns > 0) || !(hit_ns > 0) || !isfinite(added) || few > hit_ns + step_ns / 2)
		return VM_TLB_SPLIT_UNKNOWN;
	return added > 0.6 ? VM_TLB_SPLIT_YES : added < 0.3 ? VM_TLB_SPLIT_NO : VM_TLB_SPLIT_UNKNOWN;
}
