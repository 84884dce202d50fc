/** Curves of access times over pages, and the knees in them. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/model/tlbfit.h"
#include "core/source/tlbprobe_part.h"

enum { PAGES_FIRST = 8, PAGES_LAST = 16384, ACCESSES = 4096, COARSE_REPEATS = 3 };

/** Distances of points: a coarse grid over all, and a fine one around each knee. */
static const double COARSE = 1.4142136, FINE = 1.08, FINE_FROM = 0.7, FINE_TO = 1.6;

/** With aliases of pages that are elsewhere in the cache an access must not take longer than so much. */
static const double ALIAS_MOST = 1.25;

/** Where code misses the TLB, times rise slowly from its capacity on: the knee is near the lower level. */
static const double CODE_RISE = 0.25, DATA_RISE = 0.5;

struct data {
	struct vm_tlb_watch *w;
	struct vm_tlb_area area;
	struct vm_tlb_order order;
	size_t page;
	unsigned last;             /* pages at most */
	double hit_ns;             /* of pages of their own: what is added to the difference */
};

/* ---- Loads -------------------------------------------------------------------------------------------------------- */

/** An access to each of `pages` pages; of distinct ones without what their lines cost beyond the L1 cache. */
static double sample(struct data *d, unsigned pages)
{
	vm_tlb_order_spread(&d->order, pages, d->page, &d->w->random);
	const double spread = vm_tlb_chain_ns(d->w, &d->area, &d->order, pages, ACCESSES);
	if (d->area.memory == VM_TLB_ALIAS || pages <= PAGES_FIRST)
		return spread;
	vm_tlb_order_pack(&d->order, pages, d->page);
	const double packed = vm_tlb_chain_ns(d->w, &d->area, &d->order, pages, ACCESSES);
	/* Less than nothing is noise. */
	return spread < packed ? d->hit_ns : d->hit_ns + spread - packed;
}

/**
 * Some L1 caches look up lines by their virtual addresses first (AMD's micro-tags, "Software Optimization Guide"), and miss
 * when the same line comes by another one.  Two chains over as few pages, without aliases and with: the first page's lines
 * come again 64 pages later.
 */
static bool aliases_are_free(struct data *d)
{
	enum { FEW = 8, TRIES = 5 };
	double plain[TRIES], alias[TRIES];
	for (unsigned i = 0; i < TRIES; i++) {
		vm_tlb_order_spread(&d->order, 2 * FEW, d->page, &d->w->random);
		plain[i] = vm_tlb_chain_ns(d->w, &d->area, &d->order, 2 * FEW, ACCESSES);
		for (unsigned k = 0; k < 2 * FEW; k++)
			d->order.at[k] = (uint32_t)((k / 2 + k % 2 * 64) * d->page + k / 2 * 64);
		alias[i] = vm_tlb_chain_ns(d->w, &d->area, &d->order, 2 * FEW, ACCESSES);
	}
	return !(vm_tlb_quantile(alias, TRIES, 0) > ALIAS_MOST * vm_tlb_quantile(plain, TRIES, 0));
}

static double few_pages_ns(struct data *d)
{
	double v[VM_TLB_REPEATS];
	unsigned n = 0;
	vm_tlb_order_spread(&d->order, PAGES_FIRST, d->page, &d->w->random);
	for (unsigned i = 0; i < VM_TLB_REPEATS; i++) {
		v[n] = vm_tlb_chain_ns(d->w, &d->area, &d->order, PAGES_FIRST, ACCESSES);
		n += isfinite(v[n]);
	}
	return vm_tlb_quantile(v, n, 0.5);
}

static int open_data(struct data *d, size_t most_bytes)
{
	int r = vm_tlb_order_open(&d->order, PAGES_LAST);
	d->last = PAGES_LAST;
	if (r == 0)
		r = vm_tlb_area_open(&d->area, VM_TLB_ALIAS, PAGES_LAST * d->page);
	if (r == 0)
		r = vm_tlb_area_populate(&d->area, PAGES_LAST * d->page, UINT64_MAX);
	if (r == 0 && aliases_are_free(d))
		return 0;
	/* No memfd, too few mappings allowed, or such a cache. */
	vm_tlb_area_close(&d->area);
	if (!d->order.at)
		return r;
	d->last = most_bytes / d->page < PAGES_LAST ? (unsigned)(most_bytes / d->page) : PAGES_LAST;
	r = vm_tlb_area_open(&d->area, VM_TLB_SMALL, d->last * d->page);
	if (r == 0)
		r = vm_tlb_area_populate(&d->area, d->last * d->page, UINT64_MAX);
	return r;
}

static void add_points(struct vm_tlb_set *set, double from, double to, double step, unsigned last)
{
	for (double at = from; at <= to * 1.001 && set->n < VM_TLB_POINTS_MAX; at *= step) {
		const unsigned pages = (unsigned)lround(at);
		size_t i = 0;
		while (i < set->n && set->v[i].pages < pages)
			i++;
		if (pages < PAGES_FIRST || pages > last || (i < set->n && set->v[i].pages == pages))
			continue;
		for (size_t k = set->n++; k > i; k--)
			set->v[k] = set->v[k - 1];
		set->v[i] = (struct vm_tlb_series){ .pages = pages };
	}
}

/** All points in turn, so that what disturbs for a while disturbs few samples of each. */
static void repeat(struct data *d, struct vm_tlb_set *set, unsigned repeats)
{
	for (unsigned r = 0; r < repeats; r++) {
		for (size_t i = 0; i < set->n; i++) {
			struct vm_tlb_series *s = &set->v[i];
			if (vm_tlb_watch_over(d->w, vm_clock_ns()))
				return;
			if (s->n < VM_TLB_REPEATS)
				s->ns[s->n++] = sample(d, s->pages);
		}
	}
}

/** What a fit finds in the medians, and in each repeat. */
static void find_knees(const struct vm_tlb_set *set, unsigned levels, double rise, struct vm_tlb_curve *c,
		       struct vm_tlb_steps *steps, struct vm_tlb_knee knee[VM_TLB_LEVELS_MAX - 1])
{
	double v[VM_TLB_LEVELS_MAX - 1][VM_TLB_REPEATS];
	unsigned n = 0;
	vm_tlb_set_curve(set, c);
	vm_tlb_fit(c, levels, rise, steps);
	for (size_t i = 0; i < set->n; i++)
		n = set->v[i].n > n ? set->v[i].n : n;
	for (unsigned r = 0; r < n; r++) {
		struct vm_tlb_curve one;
		struct vm_tlb_steps found;
		vm_tlb_set_repeat(set, r, &one);
		vm_tlb_fit(&one, steps->n, rise, &found);
		for (unsigned i = 0; i + 1 < VM_TLB_LEVELS_MAX; i++)
			v[i][r] = found.knee[i];
	}
	for (unsigned i = 0; i + 1 < VM_TLB_LEVELS_MAX; i++)
		knee[i] = vm_tlb_knee_of(i + 1 < steps->n ? steps->knee[i] : 0, v[i], n);
}

static void measure_steps(struct data *d, struct vm_tlb_set *set, struct vm_tlb_probe *p)
{
	struct vm_tlb_steps steps;
	struct vm_tlb_knee knee[VM_TLB_LEVELS_MAX - 1];
	add_points(set, PAGES_FIRST, PAGES_LAST, COARSE, d->last);
	repeat(d, set, COARSE_REPEATS);
	vm_tlb_set_curve(set, &p->data);
	vm_tlb_fit(&p->data, VM_TLB_LEVELS_MAX, DATA_RISE, &steps);
	for (unsigned i = 0; i + 1 < steps.n; i++)
		add_points(set, steps.knee[i] * FINE_FROM, steps.knee[i] * FINE_TO, FINE, d->last);
	repeat(d, set, VM_TLB_REPEATS);
	find_knees(set, VM_TLB_LEVELS_MAX, DATA_RISE, &p->data, &steps, knee);
	p->dtlb = knee[0];
	p->stlb = knee[1];
	p->known.hit_ns = steps.n > 0 ? steps.ns[0] : (double)NAN;
	p->known.stlb_hit_ns = steps.n > 1 ? steps.ns[1] - steps.ns[0] : (double)NAN;
	p->known.walk_ns = steps.n > 2 ? steps.ns[2] - steps.ns[0] : (double)NAN;
}

int vm_tlb_measure_data(struct vm_tlb_watch *w, size_t most_bytes, struct vm_tlb_probe *p)
{
	struct vm_tlb_set set = { 0 };
	struct data d = { .w = w, .page = (size_t)sysconf(_SC_PAGESIZE), .area = { .fd = -1 } };
	int r = open_data(&d, most_bytes);
	if (r == 0) {
		d.hit_ns = few_pages_ns(&d);
		p->page_bytes = d.page;
		measure_steps(&d, &set, p);
	}
	vm_tlb_area_close(&d.area);
	vm_tlb_order_close(&d.order);
	return r;
}

/* ---- Jumps -------------------------------------------------------------------------------------------------------- */

void vm_tlb_measure_code(struct vm_tlb_watch *w, struct vm_tlb_probe *p)
{
	struct vm_tlb_set set = { 0 };
	struct vm_tlb_steps steps;
	struct vm_tlb_knee knee[VM_TLB_LEVELS_MAX - 1];
	const int r = vm_tlb_code_measure(w, &set, VM_TLB_REPEATS);
	if (r == -EOPNOTSUPP)
		snprintf(p->no_code, sizeof(p->no_code), "jumps can't be timed on this architecture");
	else if (r == -EACCES || r == -EPERM)
		snprintf(p->no_code, sizeof(p->no_code), "a security module forbids to make code at run time");
	else if (r < 0)
		snprintf(p->no_code, sizeof(p->no_code), "no memory for code is to be had");
	if (r < 0)
		return;
	find_knees(&set, 2, CODE_RISE, &p->code, &steps, knee);
	p->itlb = knee[0];
	if (!(p->itlb.at > 0))
		snprintf(p->no_code, sizeof(p->no_code), "jumps to ever more pages show no step");
}
