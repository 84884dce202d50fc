/** Parsers of the small files of /proc/PID: text to a process row.  Survive any bytes. */
#ifndef VM_SOURCE_PROCPARSE_H
#define VM_SOURCE_PROCPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_proc;
struct vm_system;

/** All take NUL-terminated text and return false if it makes no sense (the row may then be half-set). */

/**
 * stat: do_task_stat() in fs/proc/array.c, proc_pid_stat(5).  `mm_addresses`: take the addresses of code,
 * stack and so on too, which read as 0 (not known) without permission to ptrace.
 */
bool vm_parse_stat(const char *text, uint64_t page_bytes, uint64_t ticks_per_second, bool mm_addresses,
		   struct vm_proc *p);

/**
 * status: task_mem() in fs/proc/task_mmu.c, and CapEff of task_cap() in fs/proc/array.c.  Kernel threads and zombies
 * have no Vm lines.
 */
bool vm_parse_status(const char *text, struct vm_proc *p);

/** statm, in pages of `page_bytes`. */
bool vm_parse_statm(const char *text, uint64_t page_bytes, struct vm_proc *p);

/** smaps_rollup: the sums over all mappings.  False if there is no Rss line (no address space). */
bool vm_parse_rollup(const char *text, struct vm_proc *p);

/** limits: proc_pid_limits() in fs/proc/base.c. */
bool vm_parse_limits(const char *text, struct vm_proc *p);

/** auxv: pairs of the process's words, as in getauxval(3). */
bool vm_parse_auxv(const void *data, size_t len, struct vm_proc *p);

/** cgroup: the path in the hierarchy of the memory controller, else in that of v2.  In `text`; NULL: none. */
const char *vm_parse_cgroup(char *text);

/** cmdline: make one line of it, arguments separated by blanks.  Returns the new length. */
size_t vm_parse_cmdline(char *text, size_t len);

/**
 * uid_map: user_namespaces(7).  *whole: all users are themselves, as in the first user namespace, and hardly in any
 * other.  False for an empty one, too: nobody is anyone there yet.
 */
bool vm_parse_id_map(const char *text, bool *whole);

/** sys/vm/max_map_count. */
bool vm_parse_max_map_count(const char *text, struct vm_system *sys);

/** meminfo and vmstat; what isn't there stays unknown. */
void vm_parse_meminfo(const char *text, struct vm_system *sys);
void vm_parse_vmstat(const char *text, struct vm_system *sys);

/** pressure/memory: avg10 of "some"; NAN if it isn't there. */
double vm_parse_psi(const char *text);

#endif
