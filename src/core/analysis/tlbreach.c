#include "core/analysis/tlbreach.h"

#include <math.h>

#include "core/model/process.h"

/** Bytes that so many entries reach; takes those that are used. */
static uint64_t reach(uint64_t bytes, enum vm_tlb_size size, uint64_t *entries)
{
	const unsigned shift = vm_tlb_size_shift(size);
	const uint64_t pages = (bytes >> shift) + ((bytes & ((UINT64_C(1) << shift) - 1)) != 0);
	const uint64_t used = pages < *entries ? pages : *entries, reached = used << shift;
	*entries -= used;
	return reached < bytes ? reached : bytes;
}

bool vm_tlb_resident_of(const struct vm_proc *p, struct vm_tlb_resident *out)
{
	if (!vm_proc_has(p, VM_P_RSS) || !vm_proc_has(p, VM_P_THP) || !vm_proc_has(p, VM_P_HUGETLB))
		return false;
	/* Kernels without one kind of huge pages have none of it, and q[] is 0. */
	const uint64_t thp = p->q[VM_P_THP] + p->q[VM_P_SHMEM_THP] + p->q[VM_P_FILE_THP];
	*out = (struct vm_tlb_resident){ {
		[VM_TLB_4K] = p->q[VM_P_RSS] > thp ? p->q[VM_P_RSS] - thp : 0, [VM_TLB_2M] = thp + p->q[VM_P_HUGETLB],
	} };
	return true;
}

double vm_tlb_reach_share(const struct vm_tlb_capacity *c, const struct vm_tlb_resident *r)
{
	uint64_t small = r->bytes[VM_TLB_4K], large = r->bytes[VM_TLB_2M], huge = r->bytes[VM_TLB_1G];
	const uint64_t all = small + large + huge;
	uint64_t entries = c->entries, own = c->entries_1g;
	if (!all || !entries)
		return (double)NAN;
	if (c->split) {
		small = all;
		large = huge = 0;
	}
	const uint64_t first = reach(huge, VM_TLB_1G, &own), second = reach(large, VM_TLB_2M, &entries);
	return (double)(first + second + reach(small, VM_TLB_4K, &entries)) / (double)all;
}
