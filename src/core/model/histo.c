#include "core/model/histo.h"

unsigned vm_histo_bucket(uint64_t value)
{
	if (value < VM_HISTO_PARTS)
		return (unsigned)value;
	if (value >> VM_HISTO_TOP)
		return VM_HISTO_BUCKETS - 1;
	const unsigned log = 63 - (unsigned)__builtin_clzll(value), shift = log - VM_HISTO_PARTS_LOG;
	return (shift << VM_HISTO_PARTS_LOG) + (unsigned)(value >> shift);
}

uint64_t vm_histo_low(unsigned bucket)
{
	if (bucket < VM_HISTO_PARTS)
		return bucket;
	const unsigned shift = (bucket >> VM_HISTO_PARTS_LOG) - 1;
	return (uint64_t)(bucket - (shift << VM_HISTO_PARTS_LOG)) << shift;
}

uint64_t vm_histo_high(unsigned bucket)
{
	return vm_histo_low(bucket + 1);
}

void vm_histo_merge(struct vm_histo *to, const struct vm_histo *from)
{
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++)
		to->count[i] += from->count[i];
}

uint64_t vm_histo_total(const struct vm_histo *h)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++)
		n += h->count[i];
	return n;
}

uint64_t vm_histo_percentile(const struct vm_histo *h, double share)
{
	const uint64_t total = vm_histo_total(h);
	double rank = share * (double)total, before = 0;
	if (total == 0)
		return 0;
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++) {
		const double here = (double)h->count[i];
		if (here > 0 && before + here >= rank) {
			const double low = (double)vm_histo_low(i), high = (double)vm_histo_high(i);
			return (uint64_t)(low + (high - low) * (rank > before ? rank - before : 0) / here);
		}
		before += here;
	}
	return vm_histo_low(VM_HISTO_BUCKETS - 1);
}
