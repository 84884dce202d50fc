#include "core/source/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/kernel.h"
#include "core/source/session.h"

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	return r < 0 ? -errno : (int)r;
}

int vm_bpf_session(const struct vm_session *s, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s holds files only", vm_session_kind(s));
	/* What is shown while a capture is written must be what the capture can show. */
	if (vm_session_copies(s))
		return vm_fail(err, EOPNOTSUPP, "a capture holds files only");
	return 0;
}

int vm_bpf_allowed(struct vm_session *s, bool reads_memory, struct vm_err *err)
{
	int btf = vm_session_open_file(s, 0, "sys/kernel/btf/vmlinux");
	if (btf < 0)
		return vm_fail(err, EOPNOTSUPP, "the kernel has no BTF (/sys/kernel/btf/vmlinux)");
	close(btf);
	long n = vm_session_slurp(s, &s->scratch, "sys/kernel/security/lockdown");
	if (reads_memory && n > 0 && strstr(s->scratch.s, "[confidentiality]"))
		return vm_fail(err, EPERM, "lockdown=confidentiality forbids reading kernel memory");
	return 0;
}

/** Numbers of the first namespaces (include/linux/proc_ns.h): what the kernel's structures say holds there. */
static bool in_first_namespace(struct vm_session *s, const char *kind, unsigned long number)
{
	char link[64], first[64];
	if (vm_session_readlink(s, link, sizeof(link), "proc/self/ns/%s", kind) < 0)
		return strcmp(kind, "time") == 0;       /* Linux 5.6 */
	snprintf(first, sizeof(first), "%s:[%lu]", kind, number);
	return strcmp(link, first) == 0;
}

int vm_bpf_first_namespaces(struct vm_session *s, struct vm_err *err)
{
	/* Of another namespace's /proc we are another process, or none. */
	char self[32];
	long n = vm_session_readlink(s, self, sizeof(self), "proc/self");
	if (n > 0 && strtol(self, NULL, 10) == getpid() && in_first_namespace(s, "pid", 0xEFFFFFFC) &&
	    in_first_namespace(s, "user", 0xEFFFFFFD) && in_first_namespace(s, "time", 0xEFFFFFFA))
		return 0;
	return vm_fail(err, EOPNOTSUPP, "tasks are told apart in the initial namespaces only");
}

/** The kernel says EINVAL and EACCES, too, to who has only some of the capabilities. */
static bool has_capabilities(void)
{
	return vm_kernel_permits(VM_CAP(BPF) | VM_CAP(PERFMON));
}

int vm_bpf_fail(struct vm_err *err, int code, const char *what)
{
	if (code == EACCES && has_capabilities())
		return vm_fail(err, EACCES, "the kernel's verifier refuses %s", what);
	if (code == EPERM && has_capabilities())
		return vm_fail(err, EPERM, "the kernel doesn't permit %s; before Linux 5.11 it needs CAP_SYS_RESOURCE or a higher "
			       "ulimit -l", what);
	if (!has_capabilities()) {
		vm_fail(err, EPERM, "%s needs CAP_BPF and CAP_PERFMON", what);
		vm_hint(err, "run with sudo");
		return -EPERM;
	}
	/* What bpf(2) says to a request that is longer than it knows of. */
	if (code == E2BIG)
		return vm_fail(err, EOPNOTSUPP, "the kernel is too old for %s", what);
	return vm_fail_os(err, code, "the kernel doesn't take %s", what);
}

int vm_bpf_map_get(int map_fd, const void *key, void *value)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uint64_t)(uintptr_t)key;
	attr.value = (uint64_t)(uintptr_t)value;
	return sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static int create_link(const struct vm_bpf_iter *it, bool threads, bool choose)
{
	union bpf_iter_link_info info;
	union bpf_attr attr;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)it->prog_fd;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	if (choose) {
		*(threads ? &info.task.pid : &info.task.tid) = (uint32_t)it->pid;
		attr.link_create.iter_info = (uint64_t)(uintptr_t)&info;
		attr.link_create.iter_info_len = sizeof(info);
	}
	return sys_bpf(BPF_LINK_CREATE, &attr);
}

/** Does this kernel choose the task itself?  Older ones take the link, and visit all. */
static bool kernel_chooses(const struct vm_bpf_iter *it)
{
	struct bpf_link_info info;
	union bpf_attr attr;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)it->link_fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
	       (info.iter.task.tid == (uint32_t)it->pid || info.iter.task.pid == (uint32_t)it->pid);
}

static int attach(struct vm_bpf_iter *it, bool threads)
{
	it->link_fd = create_link(it, threads, it->pid != 0);
	/* A kernel before Linux 6.1 refuses what it doesn't know. */
	if (it->pid && (it->link_fd == -E2BIG || it->link_fd == -EINVAL))
		it->link_fd = create_link(it, threads, false);
	if (it->link_fd < 0)
		return it->link_fd;
	it->tgid = !it->pid || kernel_chooses(it) ? 0 : it->pid;
	it->threads = threads;
	return 0;
}

int vm_bpf_iter_open(struct vm_bpf_iter *it, int prog_fd, pid_t pid, bool threads, struct vm_err *err)
{
	*it = (struct vm_bpf_iter){ .link_fd = -1, .prog_fd = prog_fd, .pid = pid };
	int r = attach(it, threads);
	if (r == -ESRCH)
		return vm_fail(err, ESRCH, "there is no process %d", pid);
	return r < 0 ? vm_bpf_fail(err, -r, "a task iterator") : 0;
}

int vm_bpf_iter_all_threads(struct vm_bpf_iter *it)
{
	/* A kernel that visits all tasks has seen them. */
	if (it->tgid)
		return -ESRCH;
	vm_bpf_iter_close(it);
	return attach(it, true);
}

void vm_bpf_iter_close(struct vm_bpf_iter *it)
{
	if (it->link_fd >= 0)
		close(it->link_fd);
	it->link_fd = -1;
}

/** A buffer smaller than the iterator's own cuts records (bpf_seq_read() in kernel/bpf/bpf_iter.c: 8 pages). */
enum { PIECE = 64 * 1024 };

static ssize_t read_piece(int fd, struct vm_buf *out)
{
	char nothing[64];
	if (!out)
		return read(fd, nothing, sizeof(nothing));
	if (out->cap - out->n < PIECE && !vm_buf_reserve(out, PIECE)) {
		errno = ENOMEM;
		return -1;
	}
	ssize_t n = read(fd, out->s + out->n, out->cap - out->n);
	out->n += n > 0 ? (size_t)n : 0;
	return n;
}

int vm_bpf_iter_run(struct vm_bpf_iter *it, struct vm_buf *out)
{
	union bpf_attr attr;
	ssize_t n;
	memset(&attr, 0, sizeof(attr));
	attr.iter_create.link_fd = (uint32_t)it->link_fd;
	int fd = sys_bpf(BPF_ITER_CREATE, &attr);
	if (fd < 0)
		return fd;
	if (out)
		out->n = 0;
	/* EAGAIN: a million tasks were visited, and more are to come (kernel/bpf/bpf_iter.c). */
	do {
		n = read_piece(fd, out);
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}

int vm_bpf_iter_run_on(int prog_fd, pid_t pid, int *tgid, struct vm_buf *out, struct vm_err *err)
{
	vm_bpf_auto_iter struct vm_bpf_iter it;
	int r = vm_bpf_iter_open(&it, prog_fd, pid, pid != 0, err);
	if (r < 0)
		return r;
	*tgid = it.tgid;
	r = vm_bpf_iter_run(&it, out);
	*tgid = 0;
	return r < 0 ? vm_fail_os(err, -r, "cannot look at the tasks of process %d", pid) : 0;
}
