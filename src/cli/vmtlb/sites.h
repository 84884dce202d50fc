/** Parts of vmtlb --sites and --stacks. */
#ifndef VM_CLI_VMTLB_SITES_H
#define VM_CLI_VMTLB_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/sitenames.h"
#include "cli/vmtlb/vmtlb.h"
#include "core/base/err.h"
#include "core/source/walksamples.h"

/** One run of it. */
struct vmtlb_samples {
	struct vmtlb *v;
	const struct vmtlb_mode *mode;
	struct vm_pmu pmu;
	struct vm_walk_pick pick[VM_WALK_EVENTS];
	size_t npicks;
	struct vm_walks *walks;    /* NULL: nothing can be sampled */
	/** Why not, if so; code 0: it is sampled.  `refused`: the kernel said so when it was tried. */
	struct vm_err why;
	bool refused;
	struct vm_sitenames names;
};

/** What came, or why nothing did (`set` is NULL then).  0 or a negative errno. */
int vmtlb_samples_show(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_err *err);

#endif
