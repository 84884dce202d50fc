/** vmtlb --hot: what its files share. */
#ifndef VM_CLI_VMTLB_HOT_H
#define VM_CLI_VMTLB_HOT_H

#include "cli/vmtlb.h"
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
	/** Pages in constant use that are walked again within a short and a usual window, all the same; NAN: not known. */
	double noise_brief, noise;
	/** Of the report under way. */
	struct vm_aspace *as;
	VM_VEC(struct vm_accessed_window) window;
	unsigned samples;
	uint64_t brief_ns;
	bool ended, told;          /* the target; to end, by a signal */
};

/** What is known of windows of this length: the order of walks, and how many there are at least. */
int vmtlb_hot_show(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_err *err);

#endif
