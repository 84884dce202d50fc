#include "core/model/tlbcpu.h"

/** Sets are a power of two: if they don't come out as one, some more ways make up for it. */
static struct vm_tlb_shape shape(unsigned entries, unsigned ways)
{
	if (!entries || !ways)
		return (struct vm_tlb_shape){ 0 };
	unsigned sets = 1;
	while (sets * 2 <= entries / (ways < entries ? ways : entries))
		sets *= 2;
	/* Indexes of big buffers are hashed (as Gras et al. found for Intel's). */
	return (struct vm_tlb_shape){ .sets = sets, .ways = entries / sets, .hashed = entries >= 1024 };
}

static unsigned take(struct vm_tlb_shape from, struct vm_tlb_shape *to)
{
	if (vm_tlb_entries(from))
		*to = from;
	return vm_tlb_entries(from) != 0;
}

/* ---- Intel -------------------------------------------------------------------------------------------------------- */

enum { TYPE_DATA = 1, TYPE_CODE = 2, TYPE_UNIFIED = 3, TYPE_LOADS = 4 };

/** Of several buffers the largest is it; small ones stand before it. */
static void put_larger(struct vm_tlb_shape t, struct vm_tlb_shape *to)
{
	if (vm_tlb_entries(t) > vm_tlb_entries(*to))
		*to = t;
}

static void put(const struct vm_cpuid *r, struct vm_tlb_shape t, struct vm_tlb_geometry *g)
{
	const unsigned type = r->edx & 0x1f, level = r->edx >> 5 & 7;
	const bool size[VM_TLB_SIZES] = { r->ebx & 1, r->ebx & 2, r->ebx & 8 };
	for (unsigned i = 0; level == 1 && i < VM_TLB_SIZES; i++) {
		if (size[i] && (type == TYPE_DATA || type == TYPE_LOADS || type == TYPE_UNIFIED))
			put_larger(t, &g->l1d[i]);
		if (size[i] && (type == TYPE_CODE || type == TYPE_UNIFIED))
			put_larger(t, &g->l1i[i]);
	}
	if (level != 2)
		return;
	if (size[VM_TLB_1G])
		put_larger(t, &g->stlb_1g);
	/* Sunny Cove and its successors tell of two halves: for 4K and 2M, for 4K and 1G. */
	if (size[VM_TLB_4K] && g->stlb.sets == t.sets)
		g->stlb = shape(vm_tlb_entries(g->stlb) + vm_tlb_entries(t), g->stlb.ways + t.ways);
	else if (size[VM_TLB_4K])
		put_larger(t, &g->stlb);
}

unsigned vm_tlb_from_leaf18(const struct vm_cpuid *subleaf, size_t n, struct vm_tlb_geometry *g)
{
	struct vm_tlb_geometry told = { 0 };
	unsigned found = 0;
	for (size_t i = 0; i < n; i++) {
		const struct vm_cpuid *r = &subleaf[i];
		const unsigned ways = r->ebx >> 16, sets = r->ecx;
		if (!(r->edx & 0x1f) || !ways || !sets || sets > 65536)
			continue;
		put(r, shape(sets * ways, ways), &told);
		found++;
	}
	for (unsigned i = 0; i < VM_TLB_SIZES; i++) {
		take(told.l1d[i], &g->l1d[i]);
		take(told.l1i[i], &g->l1i[i]);
	}
	take(told.stlb, &g->stlb);
	take(told.stlb_1g, &g->stlb_1g);
	return found;
}

/* ---- AMD ---------------------------------------------------------------------------------------------------------- */

/** Of first-level buffers the byte is the ways itself, 0xff: all. */
static struct vm_tlb_shape l1_shape(uint32_t size_and_ways)
{
	const unsigned entries = size_and_ways & 0xff, ways = size_and_ways >> 8 & 0xff;
	return shape(entries, ways == 0xff ? entries : ways);
}

/** Of others it is a code; of 9, which refers to another leaf, it is taken to be 16. */
static struct vm_tlb_shape coded_shape(uint32_t size_and_code)
{
	static const unsigned char ways[] = { 0, 1, 2, 3, 4, 6, 8, 0, 16, 16, 32, 48, 64, 96, 128, 0 };
	const unsigned entries = size_and_code & 0xfff, code = size_and_code >> 12 & 0xf;
	return shape(entries, code == 0xf ? entries : ways[code]);
}

unsigned vm_tlb_from_amd(const struct vm_cpuid *l1, const struct vm_cpuid *l2, const struct vm_cpuid *huge,
			 struct vm_tlb_geometry *g)
{
	return take(l1_shape(l1->ebx), &g->l1i[VM_TLB_4K]) + take(l1_shape(l1->ebx >> 16), &g->l1d[VM_TLB_4K]) +
	       take(l1_shape(l1->eax), &g->l1i[VM_TLB_2M]) + take(l1_shape(l1->eax >> 16), &g->l1d[VM_TLB_2M]) +
	       take(coded_shape(huge->eax), &g->l1i[VM_TLB_1G]) + take(coded_shape(huge->eax >> 16), &g->l1d[VM_TLB_1G]) +
	       take(coded_shape(l2->ebx >> 16), &g->stlb) + take(coded_shape(huge->ebx >> 16), &g->stlb_1g);
}
