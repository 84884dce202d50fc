/**
 * What our eBPF programs have in common: may they run here, and task iterators.
 *
 * bpf(2) itself, so that commands which only load programs in their light form need not link libbpf.
 */
#ifndef VM_SOURCE_BPF_H
#define VM_SOURCE_BPF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_buf;
struct vm_err;
struct vm_session;

/** 0 if what programs see may be shown in this session; -EOPNOTSUPP: it is of files, or a capture is written of it. */
int vm_bpf_session(const struct vm_session *s, struct vm_err *err);

/**
 * 0, or a negative errno and the reason in words: no BTF of the running kernel; a lockdown that forbids reading
 * kernel memory, if `reads_memory`.  Capabilities are found by trying.
 */
int vm_bpf_allowed(struct vm_session *s, bool reads_memory, struct vm_err *err);

/** 0 if numbers of processes and times are those of the first namespaces, as our programs see them; else -EOPNOTSUPP. */
int vm_bpf_first_namespaces(struct vm_session *s, struct vm_err *err);

/** Describe a failed load or attachment of `what`: which capability, or what else was missing.  Returns -EPERM, -EOPNOTSUPP or -code. */
int vm_bpf_fail(struct vm_err *err, int code, const char *what);

/** The value of `key` in a hash or array.  0; -ENOENT: there is none. */
int vm_bpf_map_get(int map_fd, const void *key, void *value);

/** A program of type iter/task or iter/task_vma, by its descriptor, on one process or all. */
struct vm_bpf_iter {
	int link_fd;
	int prog_fd;
	pid_t pid;
	/** What the program must compare task->tgid with; 0: the kernel chose the process (Linux 6.1). */
	int tgid;
	/** All threads are visited: the first one has no address space any more. */
	bool threads;
};

/** pid 0: all tasks.  `threads`: all of the process, not only its first one. */
int vm_bpf_iter_open(struct vm_bpf_iter *it, int prog_fd, pid_t pid, bool threads, struct vm_err *err);
void vm_bpf_iter_close(struct vm_bpf_iter *it);
#define vm_bpf_auto_iter __attribute__((cleanup(vm_bpf_iter_close)))

/** Visit all threads from now on: the first one may have ended before the others.  0 or a negative errno. */
int vm_bpf_iter_all_threads(struct vm_bpf_iter *it);

/**
 * Run it once over its tasks; what the program writes goes into `out` (emptied first; NULL: it writes nothing).
 * 0 or a negative errno; -ESRCH: there is no such process.
 */
int vm_bpf_iter_run(struct vm_bpf_iter *it, struct vm_buf *out);

/** Open, run and close one on all threads of a process, or with pid 0 on all tasks.  *tgid is the program's, as in the struct. */
int vm_bpf_iter_run_on(int prog_fd, pid_t pid, int *tgid, struct vm_buf *out, struct vm_err *err);

#endif
