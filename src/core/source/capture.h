/** Write a tree that reads back as this machine. */
#ifndef VM_SOURCE_CAPTURE_H
#define VM_SOURCE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_session;

/**
 * Copy everything that the sources read of the processes, and the machine's own figures, into `dir`,
 * which must be empty or not exist.  A process that is gone or may not be read is left out if others remain.
 * 0 or a negative errno; -ESRCH, -EACCES or -EPERM if no process remains.
 */
int vm_capture(struct vm_session *s, const char *dir, const pid_t *pids, size_t n, struct vm_err *err);

/** When the tree was captured, Unix time; 0: it doesn't say. */
uint64_t vm_captured_ns(struct vm_session *s);

/** What vm_capture() reads: of the machine, and of one process (0 or a negative errno).  The session has a capture. */
void vm_capture_machine(struct vm_session *s);
int vm_capture_process(struct vm_session *s, pid_t pid, struct vm_err *err);

/** Whether the machine uses 5-level paging (la57 in /proc/cpuinfo); 0, or -ENODATA if that isn't known. */
int vm_read_paging_levels(struct vm_session *s, bool *five);

/** Name of the machine's architecture, "x86_64"; "" if it isn't known. */
void vm_read_arch(struct vm_session *s, char *to, size_t size);

#endif
