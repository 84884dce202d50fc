/**
 * The kernel's vm_area_structs by an eBPF iterator: raw flags, page offset, anon_vma.
 *
 * Holds the process's mmap_lock for reading, for a while at a time.  Needs what core/source/tasks.h needs.
 */
#ifndef VM_SOURCE_AREAS_H
#define VM_SOURCE_AREAS_H

#include <stddef.h>
#include <sys/types.h>

#include "bpf/areas.h"

struct vm_areas;
struct vm_err;
struct vm_session;

/**
 * The program of this session, loaded when first asked for, much sooner than those of tasks.h.  0, or a negative errno with
 * the reason.
 */
int vm_areas_get(struct vm_session *s, struct vm_areas **out, struct vm_err *err);

/**
 * Those of a process, ascending; live until the next call.  With pid 0 those of all processes, one process after the other, in the
 * iterator's order.  0 or a negative errno.
 */
int vm_areas_read(struct vm_areas *a, pid_t pid, const struct vm_task_vma **out, size_t *n, struct vm_err *err);

#endif
