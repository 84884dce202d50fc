/** Readings of the machine for vmtop's screens. */
#ifndef VM_CLI_VMTOP_MACHINE_H
#define VM_CLI_VMTOP_MACHINE_H

#include <stdbool.h>

#include "core/model/hugesys.h"
#include "core/model/machine.h"
#include "core/model/nodes.h"

struct vm_err;
struct vm_frame;
struct vm_session;
struct vm_want;

/** The last reading, with rates against the one before.  Zero-initialised is valid; vmtop_machine_free() it. */
struct vmtop_machine {
	struct vm_machine now;
	struct vm_machine_rates rates;
	bool begun;
	struct vm_nodes nodes;
	struct vm_hugesys huge;
};

/** Read what is wanted of the machine, and let the frame point to it.  0 or -ENOMEM. */
int vmtop_machine_refresh(struct vmtop_machine *m, struct vm_session *s, const struct vm_want *want, struct vm_frame *frame,
			  struct vm_err *err);

/** What comes next doesn't follow what was read last: rates are counted anew. */
void vmtop_machine_restart(struct vmtop_machine *m);

void vmtop_machine_free(struct vmtop_machine *m);

#endif
