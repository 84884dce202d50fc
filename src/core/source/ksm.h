/** Pages of a process that KSM has merged. */
#ifndef VM_SOURCE_KSM_H
#define VM_SOURCE_KSM_H

#include <stdint.h>
#include <sys/types.h>

struct vm_session;

/** Pages from /proc/PID/ksm_merging_pages (Linux 5.19).  0, or a negative errno. */
int vm_ksm_merging(struct vm_session *s, pid_t pid, uint64_t *pages);

#endif
