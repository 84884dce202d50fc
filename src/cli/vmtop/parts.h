/** What the tabs of vmtop's process screen get from the sources: a file for each. */
#ifndef VM_CLI_VMTOP_PARTS_H
#define VM_CLI_VMTOP_PARTS_H

#include "cli/tui/feed_faults.h"
#include "cli/tui/feed_pages.h"
#include "cli/tui/feed_tlb.h"
#include "core/analysis/tlbcost.h"
#include "core/analysis/tlbhot.h"
#include "core/model/tlbcount.h"
#include "core/source/pmu.h"

struct vm_counters;
struct vm_frames;
struct vmtop;

/** pages.c */
struct vmtop_pages {
	struct vmtop *v;
	struct vm_pages_feed feed;
	/** Frames of the machine, for the nodes of pages; NULL: not opened, or they can't be. */
	struct vm_frames *frames;
	bool tried_frames;
};
void vmtop_pages_begin(struct vmtop_pages *p, struct vmtop *v);
void vmtop_pages_end(struct vmtop_pages *p);

/** faults.c */
struct vmtop_watch;
struct vmtop_faults {
	struct vmtop *v;
	struct vm_faults_feed feed;
	struct vmtop_watch *watch; /* NULL: nothing is watched */
	struct vmtop_gate *gate;   /* of its watches; NULL: there was none yet */
};
void vmtop_faults_begin(struct vmtop_faults *f, struct vmtop *v);
void vmtop_faults_end(struct vmtop_faults *f);

/** tlb.c */
struct vmtop_tlb {
	struct vmtop *v;
	struct vm_tlb_feed feed;
	struct vm_pmu pmu;
	bool tried;                /* pmu is filled */
	struct vm_counters *counters;   /* NULL: nothing is counted */
	struct vm_tc_set all, before, part;
	struct vm_tlb_cost_view cost;
	struct vm_tlb_known known;
	/** The last sample, and the space that its rows are of. */
	struct vm_tlb_hot hot;
	struct vm_aspace *space;
};
void vmtop_tlb_begin(struct vmtop_tlb *t, struct vmtop *v);
void vmtop_tlb_end(struct vmtop_tlb *t);

#endif
