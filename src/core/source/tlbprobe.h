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
#include "core/model/tlbfit.h"

struct vm_err;
struct vm_session;

/** Reasons, one clause each, in ASCII; "": there is none. */
enum { VM_TLB_REASON = 160 };

/** All that was measured: `known` sums it up. */
struct vm_tlb_probe {
	struct vm_tlb_known known;
	/** Names; "": not known, and no hypervisor that shows itself. */
	char cpu[64], hypervisor[32];
	unsigned on_cpu;           /* number of the CPU that was measured */
	uint64_t page_bytes;       /* of the pages in data and code */
	struct vm_tlb_curve data, code;   /* an access to each of so many pages: loads, jumps */
	struct vm_tlb_knee dtlb, stlb, itlb;
	/** One huge page, few and many of its lines: what the split test saw; NAN: no huge page was to be had. */
	double few_lines_ns, many_lines_ns;
	unsigned few_lines, many_lines;
	uint64_t took_ns;
	uint64_t at_s;             /* when, CLOCK_REALTIME */
	bool from_cache;
	/** Why it doesn't trust itself; "" if it does. */
	char doubt[VM_TLB_REASON];
	/** Why nothing is known of the iTLB, of huge pages, or of more memory than known.cost[] tells. */
	char no_code[VM_TLB_REASON], no_huge[VM_TLB_REASON], no_more[VM_TLB_REASON];
};

/**
 * Measure (about half a second, on the CPU where we are, with at most 512 MiB and a 16th of the available memory), or take
 * what was measured since boot unless `fresh`, or it couldn't be trusted.  What was measured is put into the cache unless
 * that holds something better; that it can't be is no failure.
 * 0, or -EOPNOTSUPP (a captured tree), -ENOMEM.
 */
int vm_tlb_probe(struct vm_session *s, bool fresh, struct vm_tlb_probe *out, struct vm_err *err);

/** What is known without measuring: from the cache, else from what the CPU says of itself outside of virtual machines,
    else vm_tlb_geometry_default().  Never fails. */
void vm_tlb_known(struct vm_session *s, struct vm_tlb_known *out);

#endif
