/** Which events are counted, in which groups. */
#ifndef VM_SOURCE_COUNTERS_PLAN_H
#define VM_SOURCE_COUNTERS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/model/tlbcount.h"
#include "core/source/pmu.h"

/** An event in a group. */
struct vm_plan_slot {
	const struct vm_pmu_event *event;
	uint8_t core, group;
	int16_t software;          /* enum vm_tc_software, or -1 */
	int why;                   /* 0, or the negative errno that it was refused with on ourselves: it isn't opened */
};

/** Slots of a group stand together; the first that can be opened leads. */
struct vm_plan {
	struct vm_plan_slot v[VM_TC_ENTRIES_MAX];
	size_t n;
	unsigned groups;
	/** The kernel's own events. */
	struct vm_pmu_event software[VM_TC_SOFTWARE];
};

/**
 * Of what the CPU tells about TLBs, or of `event` if that isn't NULL: groups that the kernel can schedule.  Each is tried on
 * ourselves; the kernel refuses those for which the CPU can never have enough counters.
 */
void vm_plan_make(const struct vm_pmu *pmu, const struct vm_pmu_event *event, size_t nevents, struct vm_plan *out);

#endif
