/** Parts of counting: what its files share. */
#ifndef VM_CLI_VMTLB_COUNT_H
#define VM_CLI_VMTLB_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/vmtlb/vmtlb.h"
#include "core/analysis/tlbcost.h"
#include "core/base/err.h"
#include "core/field/tlb_count.h"
#include "core/source/counters.h"
#include "core/source/pmu.h"

enum { VMTLB_EVENTS_MAX = 64 };

/** One run of counting. */
struct vmtlb_counting {
	struct vmtlb *v;
	struct vm_pmu pmu;
	/** Those of --event. */
	struct vm_pmu_event event[VMTLB_EVENTS_MAX];
	size_t nevents;
	struct vm_counters *counters;   /* NULL: none could be opened, for `refused` */
	struct vm_err refused;
	/** What was counted at the last sample; before the first: nothing. */
	struct vm_tc_set before;
	uint64_t samples;
	bool interrupted;          /* by ^C */
	unsigned since_heading;    /* lines */
};

/** Names of the kinds of cores: pmu.core[].device. */
void vmtlb_count_cores(const struct vmtlb_counting *c, const char *names[static VM_TLB_CORES_MAX]);

/* Reports: count_show.c, count_lines.c, count_json.c */

/** All that was counted, or of a document's series the part of a sample (sample > 0). */
int vmtlb_count_show(struct vmtlb_counting *c, const struct vm_tc_set *set, uint64_t sample, struct vm_err *err);
/** A line of a series. */
int vmtlb_count_line(struct vmtlb_counting *c, const struct vm_tc_set *part, uint64_t since_begin_ns, struct vm_err *err);
/** The members of the document. */
void vmtlb_count_json(struct vmtlb_counting *c, const struct vm_tc_set *set, const struct vm_tlb_cost_view *cost, uint64_t sample);

/** "counters": what there is to count with, and why not; `refused`: what was refused when it was tried, or NULL. */
void vmtlb_put_counters(struct vm_json *j, const struct vm_pmu *p, const char *refused);

/* Reasons: why.c */

/** On standard error: why hardware isn't counted, or not all of it. */
void vmtlb_why(const struct vmtlb_counting *c);
/** Why nothing at all could be opened of a program. */
void vmtlb_say_refused(const struct vmtlb_counting *c);

#endif
