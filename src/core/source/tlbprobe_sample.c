/** Samples of the TLB probe, and what disturbs them. */

#include <math.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/model/tlbfit.h"
#include "core/source/tlbprobe_part.h"

uint32_t vm_tlb_random(uint64_t *state, uint32_t below)
{
	uint64_t x = *state;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (uint32_t)((((x * UINT64_C(2685821657736338717)) >> 32) * below) >> 32);
}

/** Reading the clock, the cheapest of some times: what comes between isn't part of it. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 64; i++) {
		const uint64_t from = vm_clock_ns(), took = vm_clock_ns() - from;
		least = took < least ? took : least;
	}
	return least;
}

void vm_tlb_watch_begin(struct vm_tlb_watch *w, uint64_t deadline_ns)
{
	*w = (struct vm_tlb_watch){ .clock_ns = clock_cost(), .deadline_ns = deadline_ns, .random = 88172645463325252 };
}

/** The samples that there are; how many. */
static unsigned gather(const struct vm_tlb_series *s, double v[VM_TLB_REPEATS])
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n; i++)
		if (isfinite(s->ns[i]) && s->ns[i] > 0)
			v[n++] = s->ns[i];
	return n;
}

void vm_tlb_set_curve(const struct vm_tlb_set *set, struct vm_tlb_curve *out)
{
	out->n = 0;
	for (size_t i = 0; i < set->n; i++) {
		double v[VM_TLB_REPEATS];
		const unsigned n = gather(&set->v[i], v);
		if (!n)
			continue;
		struct vm_tlb_point *p = &out->v[out->n++];
		p->pages = set->v[i].pages;
		p->ns = vm_tlb_quantile(v, n, 0.5);
		p->low = vm_tlb_quantile(v, n, 0.25);
		p->high = vm_tlb_quantile(v, n, 0.75);
	}
}

void vm_tlb_set_repeat(const struct vm_tlb_set *set, unsigned r, struct vm_tlb_curve *out)
{
	struct vm_tlb_curve all;
	vm_tlb_set_curve(set, &all);
	*out = all;
	for (size_t i = 0, k = 0; i < set->n && k < out->n; i++) {
		const struct vm_tlb_series *s = &set->v[i];
		if (s->pages != out->v[k].pages)
			continue;
		if (r < s->n && isfinite(s->ns[r]) && s->ns[r] > 0)
			out->v[k].ns = s->ns[r];
		k++;
	}
}
