/**
 * This machine's TLBs by timing, without privileges: chains of loads over ever more pages, whose data stay in the L1
 * cache while their translations don't fit any more.
 *
 * Results are kept in a cache file of the user's, by CPU model, hypervisor and boot.
 */
#ifndef VM_SOURCE_TLBPROBE_H
#define VM_SOURCE_TLBPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlb.h"

struct vm_err;
struct vm_session;

/** One measured point. */
struct vm_tlb_point {
	unsigned pages;
	double ns;                 /* an access: median of the repeats */
	double low, high;          /* quartiles */
};

enum { VM_TLB_POINTS_MAX = 64 };

struct vm_tlb_curve {
	struct vm_tlb_point v[VM_TLB_POINTS_MAX];   /* ascending by pages */
	size_t n;
};

/** All that was measured: `known` sums it up. */
struct vm_tlb_probe {
	struct vm_tlb_known known;
	struct vm_tlb_curve data, code;   /* an access to each of so many pages: loads, jumps */
	/** One huge page, few and many of its lines: what the split test saw; NAN: no huge page was to be had. */
	double few_lines_ns, many_lines_ns;
	uint64_t took_ns;
	uint64_t at_s;             /* when, CLOCK_REALTIME */
	bool from_cache;
	/** Why it doesn't trust itself, one line; "" if it does. */
	char doubt[160];
};

/**
 * Measure (about half a second, on the CPU where we are), or take what was measured since boot unless `fresh`.  What was
 * measured is put into the cache; that it can't be is no failure.
 * 0, or -EOPNOTSUPP (no way to time on this architecture), -ENOMEM.
 */
int vm_tlb_probe(struct vm_session *s, bool fresh, struct vm_tlb_probe *out, struct vm_err *err);

/** What is known without measuring: from the cache, else from what the CPU says of itself outside of virtual machines,
    else vm_tlb_geometry_default().  Never fails. */
void vm_tlb_known(struct vm_session *s, struct vm_tlb_known *out);

#endif
