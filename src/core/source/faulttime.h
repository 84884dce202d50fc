/**
 * How much time processes spend in page faults, from eBPF programs at the beginning and at the end of each fault.
 *
 * All processes pay for it while it runs, with a fraction of a microsecond a fault.  It ends with the session, or
 * with us.  Needs CAP_BPF and CAP_PERFMON, BTF, Linux 5.17 on x86-64, and the initial namespaces.
 */
#ifndef VM_SOURCE_FAULTTIME_H
#define VM_SOURCE_FAULTTIME_H

#include <sys/types.h>

#include "bpf/faulttime.h"

struct vm_err;
struct vm_faulttime;
struct vm_session;

/**
 * Faults are looked at from the first call on (a few ms).  0, or a negative errno with the reason, which is remembered.
 * Not to be called by two threads at once.
 */
int vm_faulttime_get(struct vm_session *s, struct vm_faulttime **out, struct vm_err *err);

/** Leave the faults alone until the next vm_faulttime_get(), which begins at 0 again. */
void vm_faulttime_drop(struct vm_session *s);

/**
 * What the process has spent since then, or since it began; of a fault that isn't served yet, nothing.  From any thread.
 * 0; -ENOSPC: it isn't known, there are too many processes.
 */
int vm_faulttime_read(const struct vm_faulttime *ft, pid_t pid, struct vm_fault_time *out, struct vm_err *err);

#endif
