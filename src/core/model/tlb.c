#include "core/model/tlb.h"

#include <math.h>

#include "core/base/buf.h"

unsigned vm_tlb_size_shift(enum vm_tlb_size size)
{
	static const unsigned shift[] = { [VM_TLB_4K] = 12, [VM_TLB_2M] = 21, [VM_TLB_1G] = 30 };
	return shift[size];
}

/** As a Golden Cove core was measured (16x6 and 128x16, hashed), and its manual says of the others. */
struct vm_tlb_geometry vm_tlb_geometry_default(void)
{
	return (struct vm_tlb_geometry){
		.l1d = { { .sets = 16, .ways = 6 }, { .sets = 8, .ways = 4 }, { .sets = 1, .ways = 8 } },
		.l1i = { { .sets = 32, .ways = 8 }, { .sets = 4, .ways = 8 }, { .sets = 0, .ways = 0 } },
		.stlb = { .sets = 128, .ways = 16, .hashed = true }, .stlb_1g = { .sets = 128, .ways = 8 },
		.pmd_cache = 32, .pud_cache = 8, .pgd_cache = 4,
	};
}

double vm_tlb_cost_ns(const struct vm_tlb_known *k, uint64_t bytes, bool pages_2m)
{
	const struct vm_tlb_cost *before = NULL;
	for (size_t i = 0; i < k->ncosts; i++) {
		const struct vm_tlb_cost *c = &k->cost[i];
		const double ns = pages_2m ? c->ns_2m : c->ns_4k;
		if (isnan(ns))
			continue;
		if (c->bytes >= bytes && !before)
			return ns;
		if (c->bytes >= bytes) {
			const double from = pages_2m ? before->ns_2m : before->ns_4k;
			const double at = (log2((double)bytes) - log2((double)before->bytes)) /
					  (log2((double)c->bytes) - log2((double)before->bytes));
			return from + at * (ns - from);
		}
		before = c;
	}
	return before ? (pages_2m ? before->ns_2m : before->ns_4k) : (double)NAN;
}

uint64_t vm_tlb_reach(const struct vm_tlb_known *k, enum vm_tlb_size size)
{
	const bool split = k->huge_pages_split == VM_TLB_SPLIT_YES;
	const uint64_t page = UINT64_C(1) << vm_tlb_size_shift(split ? VM_TLB_4K : size);
	const struct vm_tlb_geometry *g = &k->geometry;
	const unsigned own = vm_tlb_entries(g->stlb_1g) ? vm_tlb_entries(g->stlb_1g) : vm_tlb_entries(g->l1d[VM_TLB_1G]);
	return (size == VM_TLB_1G && !split ? own : vm_tlb_entries(g->stlb)) * page;
}

struct vm_tlb_capacity vm_tlb_capacity_of(const struct vm_tlb_known *k)
{
	const struct vm_tlb_geometry *g = &k->geometry;
	const unsigned own = vm_tlb_entries(g->stlb_1g);
	/* The default is for models. */
	if (k->by == VM_TLB_BY_DEFAULT || (k->by == VM_TLB_BY_PROBE && !k->stlb_entries))
		return (struct vm_tlb_capacity){ 0 };
	return (struct vm_tlb_capacity){
		.entries = vm_tlb_entries(g->stlb), .entries_1g = own ? own : vm_tlb_entries(g->l1d[VM_TLB_1G]),
		.split = k->huge_pages_split == VM_TLB_SPLIT_YES,
	};
}
