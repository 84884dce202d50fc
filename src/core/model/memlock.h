/**
 * What a process may lock, as mm/mlock.c decides it (Linux 5.10 to 7.x): pure rules over the row of a process.
 *
 * capable(CAP_IPC_LOCK) asks in the first user namespace, so a capability that a container's root has in a namespace of
 * its own doesn't count.  The limit is compared in whole pages with the size of all locked mappings (VmLck), of this
 * process alone: neither other processes of the user nor pinned pages (VmPin) are added to it.
 */
#ifndef VM_MODEL_MEMLOCK_H
#define VM_MODEL_MEMLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/answer.h"

struct vm_proc;

/** VM_LOCKED and VM_LOCKONFAULT in include/linux/mm.h, the same bits since Linux 4.4. */
#define VM_RAW_LOCKED      UINT64_C(0x2000)
#define VM_RAW_LOCKONFAULT UINT64_C(0x80000)

/** CAP_IPC_LOCK in include/uapi/linux/capability.h. */
enum { VM_CAP_IPC_LOCK = 14 };

/** Of new mappings, from mlockall(2) with MCL_FUTURE; what MCL_CURRENT did is seen on the mappings only. */
enum vm_mlockall { VM_MLOCKALL_UNKNOWN, VM_MLOCKALL_NO, VM_MLOCKALL_FUTURE, VM_MLOCKALL_ONFAULT };

/** Whether the limit doesn't hold for it.  Security modules may refuse yet, which can't be seen. */
enum vm_answer vm_proc_lock_capable(const struct vm_proc *p);

/** How much more it may lock now, in bytes; UINT64_MAX: as much as it likes.  False: not known. */
bool vm_proc_lock_headroom(const struct vm_proc *p, uint64_t *bytes);

enum vm_mlockall vm_proc_mlockall(const struct vm_proc *p);

#endif
