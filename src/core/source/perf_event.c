#include "core/source/perf_event.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/kernel.h"
#include "core/source/session.h"

static int sys_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/** Two events a CPU are soon more than 1024. */
static bool raise_file_limit(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= lim.rlim_max)
		return false;
	lim.rlim_cur = lim.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

static int open_on(unsigned cpu, uint64_t config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = config, .sample_period = 1, .disabled = 1,
	};
	int fd = sys_perf_event_open(&attr, -1, (int)cpu);
	if (fd == -EMFILE && raise_file_limit())
		fd = sys_perf_event_open(&attr, -1, (int)cpu);
	return fd;
}

static int fail_open(struct vm_session *s, int code, struct vm_err *err)
{
	long n = 0;
	switch (code) {
	case EACCES:
	case EPERM:
		if (vm_kernel_permits(VM_CAP(PERFMON)))
			return vm_fail(err, EPERM, "perf events are forbidden here, by a security module or a seccomp filter");
		n = vm_session_slurp(s, &s->scratch, "proc/sys/kernel/perf_event_paranoid");
		vm_fail(err, EPERM, "perf events of all processes need CAP_PERFMON, or kernel.perf_event_paranoid "
			"at most 0 (it is %.*s)", n > 0 ? (int)strcspn(s->scratch.s, "\n") : 1, n > 0 ? s->scratch.s : "?");
		vm_hint(err, "run with sudo");
		return -EPERM;
	case ENOENT:
	case ENOSYS:
	case EOPNOTSUPP:
		return vm_fail(err, EOPNOTSUPP, "the kernel has no perf events");
	default:
		return vm_fail_os(err, code, "cannot open perf events");
	}
}

/** One more; a CPU that has just left is no failure. */
static int add(struct vm_session *s, struct vm_perf_cpus *p, unsigned cpu, uint64_t config, int prog_fd,
	       struct vm_err *err)
{
	int fd = open_on(cpu, config);
	if (fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fail_open(s, -fd, err);
	p->fd[p->n++] = fd;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) == 0 ?
	       0 : vm_fail_os(err, errno, "perf events don't take an eBPF program");
}

static size_t count(const char *list)
{
	unsigned first, last;
	size_t n = 0;
	while ((list = vm_parse_list(list, &first, &last)))
		n += last - first + 1;
	return n;
}

int vm_perf_cpus_open(struct vm_session *s, uint64_t config, int prog_fd, struct vm_perf_cpus *out, struct vm_err *err)
{
	*out = (struct vm_perf_cpus){ 0 };
	struct vm_buf online = { 0 };
	long len = vm_session_slurp(s, &online, "sys/devices/system/cpu/online");
	unsigned first, last;
	int r = len > 0 ? 0 : vm_fail_os(err, len < 0 ? (int)-len : EBADMSG, "cannot read which CPUs are online");
	if (r == 0) {
		out->fd = calloc(count(online.s) + 1, sizeof(*out->fd));
		r = out->fd ? 0 : vm_fail(err, ENOMEM, "out of memory");
	}
	for (const char *p = online.s; r == 0 && (p = vm_parse_list(p, &first, &last));)
		for (unsigned cpu = first; r == 0 && cpu <= last; cpu++)
			r = add(s, out, cpu, config, prog_fd, err);
	if (r == 0 && !out->n)
		r = vm_fail(err, ENODEV, "no CPU takes perf events");
	if (r < 0)
		vm_perf_cpus_close(out);
	vm_buf_free(&online);
	return r;
}

int vm_perf_cpus_enable(const struct vm_perf_cpus *p, bool on, struct vm_err *err)
{
	for (size_t i = 0; i < p->n; i++)
		if (ioctl(p->fd[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) != 0)
			return vm_fail_os(err, errno, "cannot %s perf events", on ? "enable" : "disable");
	return 0;
}

void vm_perf_cpus_close(struct vm_perf_cpus *p)
{
	for (size_t i = 0; i < p->n; i++)
		close(p->fd[i]);
	free(p->fd);
	*p = (struct vm_perf_cpus){ 0 };
}
