/** vmtlb --hot: what its files share. */
#ifndef VM_CLI_VMTLB_HOT_H
#define VM_CLI_VMTLB_HOT_H

#include "cli/vmtlb/vmtlb.h"
#include "core/analysis/tlbhot.h"
#include "core/base/vec.h"
#include "core/source/accessed.h"

struct vm_aspace;

struct vmtlb_hot_run {
	struct vmtlb *v;
	struct vm_accessed *a;
	const struct vm_accessed_facts *facts;
	struct vm_tlb_known known;
	pid_t pid;
	uint64_t brief_ns;         /* length of the short windows */
	/** Of pages in constant use, those that are walked again within a short and a usual window; NAN: not known. */
	double noise_brief, noise;
	uint64_t noise_ns;
	/** Of the report under way. */
	struct vm_aspace *as;
	VM_VEC(struct vm_accessed_window) window;
	unsigned samples;
	bool ended, told;          /* the target has; we were told to, by a signal */
};

/** A sentence or two about a mapping that is worth them, and true; else false. */
bool vmtlb_hot_finding(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, const struct vm_tlb_hot_row *r,
		       struct vm_buf *text);

/** "probe": how the TLB is known, for programs. */
const char *vmtlb_hot_known_by(enum vm_tlb_by by);

/** A report; for people it puts the rows in order.  0 or a negative errno. */
int vmtlb_hot_show(struct vmtlb_hot_run *h, struct vm_tlb_hot *sum, struct vm_err *err);

/** What a document says besides the mappings.  0 or a negative errno. */
int vmtlb_hot_json(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_err *err);

#endif
