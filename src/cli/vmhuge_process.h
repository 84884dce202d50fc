/** vmhuge of processes: what is read of one, and what is said of it. */
#ifndef VM_CLI_VMHUGE_PROCESS_H
#define VM_CLI_VMHUGE_PROCESS_H

#include "cli/vmhuge.h"
#include "core/analysis/whygroup.h"
#include "core/base/buf.h"
#include "core/field/huge_process.h"
#include "core/model/hugesys.h"
#include "core/model/tlb.h"
#include "core/source/hugefs.h"

/** What processes have in common: read once. */
struct vmhuge_world {
	struct vm_hugesys sys;
	struct vm_hugefs fs;
	struct vm_hugescanner *scanner;
	struct vm_whynot_machine machine;
	struct vm_tlb_capacity tlb;
	bool may_collapse;         /* others' memory; else they must do it themselves */
	enum vm_tlb_split split;   /* does the host split huge pages into entries of 4K? */
};

int vmhuge_world_read(struct vmhuge *v, struct vmhuge_world *w, struct vm_err *err);
void vmhuge_world_free(struct vmhuge_world *w);

/** A process that was read. */
struct vmhuge_process {
	struct vm_aspace *as;
	struct vm_huge_space space;
	struct vm_why_space why;
	struct vm_huge_process_row row;
};

/** Read [v->from, v->to) of it.  0, or a negative errno; free it in either case. */
int vmhuge_process_read(struct vmhuge *v, const struct vmhuge_world *w, pid_t pid, struct vmhuge_process *p, struct vm_err *err);
void vmhuge_process_free(struct vmhuge_process *p);

/* ---- In words (vmhuge_why.c) -------------------------------------------------------------------------------------- */

/** A reason with its evidence: a clause. */
void vmhuge_put_why(struct vm_buf *b, const struct vmhuge_world *w, const struct vm_why_group *g, enum vm_why why);

/** A remedy: the exact call, command or setting, for the group's first mapping. */
void vmhuge_put_do(struct vm_buf *b, const struct vmhuge_world *w, const struct vmhuge_process *p, const struct vm_why_group *g,
		   enum vm_do what);

/** Who does that: "in the process: ", "". */
const char *vmhuge_who_does(const struct vmhuge_world *w, enum vm_do what);

#endif
