/** The source of time in page faults. */

#include "core/model/process.h"
#include "core/source/faulttime.h"
#include "core/source/session.h"
#include "core/source/snap.h"

static int probe(struct vm_session *s, struct vm_err *err)
{
	struct vm_faulttime *ft;
	return vm_faulttime_get(s, &ft, err);
}

static int fill(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	struct vm_faulttime *ft;
	struct vm_fault_time t;
	(void)want;
	int r = vm_faulttime_get(sn->s, &ft, err);
	if (r == 0)
		r = vm_faulttime_read(ft, sn->pid, &t, err);
	if (r == 0)
		vm_proc_set(sn->proc, VM_P_FAULT_NS, t.ns);
	return r;
}

const struct vm_source vm_src_faulttime = {
	.name = "fault-time", .help = "eBPF at the beginning and end of each page fault: time in faults (vmtop)",
	.provides = VM_NEED(FAULTTIME), .primary = VM_NEED(FAULTTIME), .flags = VM_SRC_LIVE, .probe = probe, .fill = fill,
};
