/**
 * All processes by one pass of an eBPF iterator over the kernel's tasks: what stat, status and statm tell of them.
 *
 * Opens no file of /proc and takes no lock: a fraction of a microsecond a process.  Needs CAP_BPF and CAP_PERFMON,
 * BTF, Linux 5.18, lockdown no higher than integrity, and the initial namespaces of PIDs, users and time: what the
 * kernel's structures say is as seen from there.
 */
#ifndef VM_SOURCE_TASKS_H
#define VM_SOURCE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/tasks.h"

struct vm_err;
struct vm_proc;
struct vm_session;
struct vm_tasks;

/** A process, with what is to be added up over its threads. */
struct vm_task_entry {
	const struct vm_task *task;
	pid_t pid;
	unsigned seen;              /* threads */
	uint64_t min_flt, maj_flt, runtime_ns;
	/** Threads came or went during the pass: the sums may miss some, or count some twice. */
	bool unsteady;
};

/** The programs of this session, loaded when first asked for (a few ms).  0, or a negative errno with the reason. */
int vm_tasks_get(struct vm_session *s, struct vm_tasks **out, struct vm_err *err);

/** Look at all tasks now.  What was found before is gone.  0 or a negative errno. */
int vm_tasks_pass(struct vm_tasks *t, struct vm_err *err);

/** What the last pass found, ascending by pid; lives until the next one. */
const struct vm_task_entry *vm_tasks_found(const struct vm_tasks *t, size_t *n);

/** That process of the last pass, or NULL. */
const struct vm_task_entry *vm_tasks_find(const struct vm_tasks *t, pid_t pid);

/** One process.  0; -ESRCH: there is none. */
int vm_tasks_one(struct vm_tasks *t, pid_t pid, struct vm_task_entry *out, struct vm_err *err);

/* ---- Pure: records to processes (tasks_fold.c) ------------------------------------------------------------------- */

/**
 * Make entries of the records that a pass wrote (`len` bytes at `raw`, aligned to 8), ascending.  `cap` entries have
 * room for all if cap >= len / sizeof(struct vm_task_thread).  How many there are; a record that is cut or makes no
 * sense ends them.
 */
size_t vm_tasks_fold(const void *raw, size_t len, struct vm_task_entry *out, size_t cap);

/** The entry of a process among n, ascending; NULL: none. */
const struct vm_task_entry *vm_task_entry_find(const struct vm_task_entry *e, size_t n, pid_t pid);

/** Ticks since boot at which it started, as in stat. */
uint64_t vm_task_start(const struct vm_task *task, uint64_t ticks_per_second);

/**
 * The full name may be longer than the task's: kernel threads have names of more than 15 characters, and workers say
 * what they work on (proc_task_name() in fs/proc/array.c).
 */
bool vm_task_name_is_cut(const struct vm_task *task);

/** What stat (with the addresses), status and statm would say: fill `p`, whose pid is set.  Only the needs in `want`. */
void vm_task_to_proc(const struct vm_task_entry *e, uint32_t want, uint64_t page_bytes, uint64_t ticks_per_second,
		     struct vm_proc *p);

#endif
