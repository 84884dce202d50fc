#include "core/source/bpf.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/base/err.h"
#include "core/source/session.h"

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int vm_bpf_allowed(struct vm_session *s, bool reads_memory, struct vm_err *err)
{
	libbpf_set_print(print_nothing);
	int btf = vm_session_open_file(s, 0, "sys/kernel/btf/vmlinux");
	if (btf < 0)
		return vm_fail(err, EOPNOTSUPP, "the kernel has no BTF (/sys/kernel/btf/vmlinux)");
	close(btf);
	long n = vm_session_slurp(s, &s->scratch, "sys/kernel/security/lockdown");
	if (reads_memory && n > 0 && strstr(s->scratch.s, "[confidentiality]"))
		return vm_fail(err, EPERM, "lockdown=confidentiality forbids reading kernel memory");
	return 0;
}

int vm_bpf_fail(struct vm_err *err, int code, const char *what)
{
	if (code == EPERM || code == EACCES) {
		vm_fail(err, EPERM, "%s needs CAP_BPF and CAP_PERFMON", what);
		vm_hint(err, "run with sudo");
		return -EPERM;
	}
	return vm_fail_os(err, code, "the kernel doesn't take %s", what);
}

static int create_link(struct vm_bpf_iter *it, bool threads, bool choose)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	if (choose) {
		*(threads ? &info.task.pid : &info.task.tid) = (uint32_t)it->pid;
		opts.iter_info = &info;
		opts.iter_info_len = sizeof(info);
	}
	int fd = bpf_link_create(it->prog_fd, 0, BPF_TRACE_ITER, &opts);
	return fd < 0 ? -errno : fd;
}

/** Does this kernel choose the task itself?  Older ones take the link, and visit all. */
static bool kernel_chooses(const struct vm_bpf_iter *it)
{
	struct bpf_link_info info;
	__u32 len = sizeof(info);
	memset(&info, 0, sizeof(info));
	return bpf_obj_get_info_by_fd(it->link_fd, &info, &len) == 0 &&
	       (info.iter.task.tid == (uint32_t)it->pid || info.iter.task.pid == (uint32_t)it->pid);
}

static int attach(struct vm_bpf_iter *it, bool threads)
{
	it->link_fd = create_link(it, threads, true);
	/* A kernel before Linux 6.1 refuses what it doesn't know. */
	if (it->link_fd == -E2BIG || it->link_fd == -EINVAL)
		it->link_fd = create_link(it, threads, false);
	if (it->link_fd < 0)
		return it->link_fd;
	it->tgid = kernel_chooses(it) ? 0 : it->pid;
	it->threads = threads;
	return 0;
}

int vm_bpf_iter_open(struct vm_bpf_iter *it, int prog_fd, pid_t pid, struct vm_err *err)
{
	*it = (struct vm_bpf_iter){ .link_fd = -1, .prog_fd = prog_fd, .pid = pid };
	int r = attach(it, false);
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

int vm_bpf_iter_run(struct vm_bpf_iter *it)
{
	char nothing[64];
	ssize_t n;
	int fd = bpf_iter_create(it->link_fd);
	if (fd < 0)
		return -errno;
	/* EAGAIN: a million tasks were visited, and more are to come (kernel/bpf/bpf_iter.c). */
	do {
		n = read(fd, nothing, sizeof(nothing));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	int r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}
