#include "core/analysis/wsregions.h"

#include <math.h>

#include "core/model/aspace.h"

void vm_wilson(uint64_t x, uint64_t n, double *low, double *high)
{
	const double z2 = 1.96 * 1.96;
	*low = 0;
	*high = 1;
	if (!n)
		return;
	const double k = (double)n, p = x < n ? (double)x / k : 1;
	const double middle = p + z2 / (2 * k), half = sqrt(z2) * sqrt(p * (1 - p) / k + z2 / (4 * k * k));
	*low = fmax(0, (middle - half) / (1 + z2 / k));
	*high = fmin(1, (middle + half) / (1 + z2 / k));
}

/** Shares of a region that were used within windows of so many rounds. */
static void shares_of(const struct vm_damon_region *r, uint64_t samples, uint64_t rounds, double *low, double *high)
{
	const uint64_t idle = r->age < 1 ? 1 : r->age, looked = idle < rounds ? idle : rounds;
	if (r->accesses) {
		vm_wilson(r->accesses, samples, low, high);
		*high = 1;
	} else {
		vm_wilson(0, samples * looked, low, high);
		*low = 0;
		/* Before it became idle, it may have been used. */
		if (r->age < rounds)
			*high = 1;
	}
}

static uint64_t overlap(const struct vm_damon_region *r, const struct vm_ws_figures *f)
{
	const uint64_t from = r->start > f->start ? r->start : f->start, to = r->end < f->end ? r->end : f->end;
	return to > from ? to - from : 0;
}

static uint64_t limited(double bytes, uint64_t most)
{
	return bytes < (double)most ? (uint64_t)bytes : most;
}

/** Of one mapping; *at: the first region that may touch it. */
static void add_mapping(struct vm_ws_figures *f, const struct vm_damon_region *region, size_t n, size_t *at, uint64_t samples,
			uint64_t rounds)
{
	while (*at < n && region[*at].end <= f->start)
		++*at;
	for (unsigned k = 0; k < VM_AGE_WINDOWS && UINT64_C(1) << k <= rounds; k++) {
		double low = 0, high = 0;
		for (size_t i = *at; i < n && region[i].start < f->end; i++) {
			double l, h;
			shares_of(&region[i], samples, UINT64_C(1) << k, &l, &h);
			low += l * (double)overlap(&region[i], f);
			high += h * (double)overlap(&region[i], f);
		}
		f->used[k] = (struct vm_age_band){ limited(low, f->resident), limited(high, f->resident) };
	}
}

bool vm_wset_add_regions(struct vm_wset *w, const struct vm_aspace *as, const struct vm_damon_region *region, size_t n,
			 uint64_t samples, uint64_t rounds, struct vm_ws_round *round)
{
	struct vm_age_band sum[VM_AGE_WINDOWS] = { { 0 } };
	uint64_t resident = 0;
	size_t at = 0;
	w->figures.n = 0;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		struct vm_ws_figures f = { .start = m->start, .end = m->end };
		if (!(m->have & VM_HAVE(VM_Q_RSS)) || !m->q[VM_Q_RSS])
			continue;
		f.resident = m->q[VM_Q_RSS];
		add_mapping(&f, region, n, &at, samples, rounds);
		resident += f.resident;
		for (unsigned k = 0; k < VM_AGE_WINDOWS; k++) {
			sum[k].low += f.used[k].low;
			sum[k].high += f.used[k].high;
		}
		if (!vm_vec_push(&w->figures, f))
			return false;
	}
	for (unsigned k = 0; k < VM_AGE_WINDOWS && UINT64_C(1) << k <= rounds; k++)
		vm_ws_point_add(&w->use[k], UINT64_C(1) << k, sum[k]);
	w->figure_rounds = rounds;
	w->resident_bytes = resident;
	*round = (struct vm_ws_round){
		.number = rounds, .resident_bytes = resident, .used_bytes = sum[0].low, .used_most_bytes = sum[0].high,
		.written_bytes = VM_WS_UNKNOWN, .written_most_bytes = VM_WS_UNKNOWN,
	};
	return true;
}
