/** What the sources share: files of the process that is being photographed. */
#ifndef VM_SOURCE_SNAP_H
#define VM_SOURCE_SNAP_H

#include <stddef.h>

#include "core/source/source.h"

struct vm_buf;
struct vm_tee;

/** Open /proc/PID of sn->pid into sn->dir_fd.  0, or -ESRCH, or another negative errno. */
int vm_snap_open(struct vm_snap *sn);
void vm_snap_close(struct vm_snap *sn);

/**
 * A file of the process.  Returns a descriptor; -ESRCH if the process is gone; -ENOENT if this kernel
 * (or capture) has no such file; else a negative errno.
 */
int vm_snap_file(struct vm_snap *sn, const char *name);

/** The whole file into `to` (emptied first), NUL-terminated; its length, or as vm_snap_file(). */
long vm_snap_slurp(struct vm_snap *sn, struct vm_buf *to, const char *name);

/** The copy of a file of the process, as vm_session_tee(). */
struct vm_tee vm_snap_tee(struct vm_snap *sn, const char *name);

/**
 * Meet `needs` from the sources in order; those already in sn->met are not read again.  What can't be met is
 * noted in sn->proc.  0, or -ESRCH if the process is gone.
 */
int vm_snap_meet(struct vm_snap *sn, uint32_t needs);

/** Set p->user from p->uid, remembering names in the session. */
int vm_proc_find_user(struct vm_session *s, struct vm_proc *p);

/** The sources, each in a file of its own; vm_sources[] in source.c orders them. */
extern const struct vm_source vm_src_procmap, vm_src_smaps, vm_src_maps, vm_src_elf, vm_src_threads,
	vm_src_stat, vm_src_status, vm_src_statm, vm_src_smaps_sums, vm_src_rollup, vm_src_cmdline,
	vm_src_limits, vm_src_auxv, vm_src_cgroup, vm_src_user, vm_src_tasks, vm_src_mm, vm_src_areas,
	vm_src_faulttime, vm_src_caps, vm_src_mapcount, vm_src_tlb, vm_src_cpus, vm_src_numa_maps;

#endif
