/**
 * Log-linear histogram of times: each power of two in 16 equal parts, so a percentile is right to 1/16 (6.25 %).
 *
 * The layout is shared with src/bpf/fault.bpf.c, which counts into it.  Values from 2^36 ns (69 s) on fall into the last bucket.
 */
#ifndef VM_MODEL_HISTO_H
#define VM_MODEL_HISTO_H

#include <stdint.h>

enum {
	VM_HISTO_PARTS_LOG = 4,                       /* of a power of two: 2^4 parts */
	VM_HISTO_PARTS = 1 << VM_HISTO_PARTS_LOG,
	VM_HISTO_TOP = 36,                            /* log2 of the first value that isn't told apart */
	VM_HISTO_BUCKETS = (VM_HISTO_TOP - VM_HISTO_PARTS_LOG + 1) * VM_HISTO_PARTS,
};

struct vm_histo {
	uint64_t count[VM_HISTO_BUCKETS];
};

/** The bucket of a value. */
unsigned vm_histo_bucket(uint64_t value);

/** Smallest value of a bucket, and of the next one. */
uint64_t vm_histo_low(unsigned bucket);
uint64_t vm_histo_high(unsigned bucket);

/** Add what `from` counted. */
void vm_histo_merge(struct vm_histo *to, const struct vm_histo *from);

/** What was counted in all. */
uint64_t vm_histo_total(const struct vm_histo *h);

/**
 * The value below or at which `share` (0..1) of what was counted lies, by linear interpolation inside its bucket.
 * 0 if nothing was counted.
 */
uint64_t vm_histo_percentile(const struct vm_histo *h, double share);

#endif
