/** vmtlb --model: what its files share. */
#ifndef VM_CLI_VMTLB_MODEL_H
#define VM_CLI_VMTLB_MODEL_H

#include "cli/vmtlb/vmtlb.h"
#include "core/analysis/tlbestimate.h"
#include "core/base/buf.h"
#include "core/model/tlb.h"
#include "core/model/tlbresult.h"
#include "core/source/symbols.h"

/** One run of the model. */
struct vmtlb_model_run {
	struct vmtlb *v;
	/** This machine, by which misses are priced; and what is modelled, with the user's geometry if one was given. */
	struct vm_tlb_known machine, known;
	struct vm_tlb_result result;
	const char *engine;        /* "valgrind" */
	struct vm_buf notes;       /* what the engine complained of */
	uint64_t took_ns;          /* the program, under the engine */
	struct vm_tlb_policy_row policy[VM_TLB_POLICIES];
	struct vm_tlb_places mappings, sites;
	struct vm_symbols *symbols;
};

/** Sites with the same name are one row.  0 or a negative errno.  model_sites.c */
int vmtlb_model_sites(struct vmtlb_model_run *r, struct vm_err *err);

/** The report.  0 or a negative errno.  model_show.c */
int vmtlb_model_show(struct vmtlb_model_run *r, struct vm_err *err);

#endif
