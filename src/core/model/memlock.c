#include "core/model/memlock.h"

#include "core/model/process.h"

enum vm_answer vm_proc_lock_capable(const struct vm_proc *p)
{
	if (!vm_proc_has(p, VM_P_CAPS))
		return VM_UNSURE;
	if (!(p->q[VM_P_CAPS] >> VM_CAP_IPC_LOCK & 1))
		return VM_NO;
	if (!vm_proc_has(p, VM_P_FIRST_USER_NS))
		return VM_UNSURE;
	return p->q[VM_P_FIRST_USER_NS] ? VM_YES : VM_NO;
}

bool vm_proc_lock_headroom(const struct vm_proc *p, uint64_t *bytes)
{
	const enum vm_answer capable = vm_proc_lock_capable(p);
	const bool limited = vm_proc_has(p, VM_P_MEMLOCK_PAGES);
	*bytes = UINT64_MAX;
	if (capable == VM_YES || (limited && p->q[VM_P_MEMLOCK_PAGES] == UINT64_MAX))
		return true;
	if (capable == VM_UNSURE || !limited || !vm_proc_has(p, VM_P_LOCKED))
		return false;
	const uint64_t limit = p->q[VM_P_MEMLOCK_PAGES], locked = p->q[VM_P_LOCKED];
	*bytes = limit > locked ? limit - locked : 0;
	return true;
}

enum vm_mlockall vm_proc_mlockall(const struct vm_proc *p)
{
	if (!vm_proc_has(p, VM_P_DEF_FLAGS))
		return VM_MLOCKALL_UNKNOWN;
	if (!(p->q[VM_P_DEF_FLAGS] & VM_RAW_LOCKED))
		return VM_MLOCKALL_NO;
	return p->q[VM_P_DEF_FLAGS] & VM_RAW_LOCKONFAULT ? VM_MLOCKALL_ONFAULT : VM_MLOCKALL_FUTURE;
}
