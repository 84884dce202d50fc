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

/** Two events a CPU are soon more than 1024. */
static bool raise_file_limit(void)
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= lim.rlim_max)
		return false;
	lim.rlim_cur = lim.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

int vm_perf_event_open_in(struct perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned flags)
{
	long fd;
	do {
		fd = syscall(SYS_perf_event_open, attr, pid, cpu, group, (unsigned long)PERF_FLAG_FD_CLOEXEC | flags);
	} while (fd < 0 && errno == EMFILE && raise_file_limit());
	return fd < 0 ? -errno : (int)fd;
}

int vm_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, unsigned flags)
{
	return vm_perf_event_open_in(attr, pid, cpu, -1, flags);
}

static int open_on(unsigned cpu, uint64_t config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = config, .sample_period = 1, .disabled = 1,
	};
	return vm_perf_event_open(&attr, -1, (int)cpu, 0);
}

static int fail_forbidden(struct vm_session *s, enum vm_perf_of of, struct vm_err *err)
{
	static const struct { const char *what, *most; } need[] = {
		[VM_PERF_OF_OURS] = { "perf events", "2" },
		[VM_PERF_OF_OTHERS] = { "perf events of others' processes", NULL },
		[VM_PERF_OF_ALL] = { "perf events of all processes", "0" },
	};
	if (vm_kernel_permits(VM_CAP(PERFMON)))
		return vm_fail(err, EPERM, "perf events are forbidden here, by a security module or a seccomp filter");
	const long n = vm_session_slurp(s, &s->scratch, "proc/sys/kernel/perf_event_paranoid");
	if (need[of].most)
		vm_fail(err, EPERM, "%s need CAP_PERFMON, or kernel.perf_event_paranoid at most %s (it is %.*s)", need[of].what,
			need[of].most, n > 0 ? (int)strcspn(s->scratch.s, "\n") : 1, n > 0 ? s->scratch.s : "?");
	else
		vm_fail(err, EPERM, "%s need CAP_PERFMON", need[of].what);
	vm_hint(err, "run with sudo");
	return -EPERM;
}

int vm_perf_event_fail(struct vm_session *s, int code, enum vm_perf_of of, struct vm_err *err)
{
	switch (-code) {
	case EACCES:
	case EPERM:
		return fail_forbidden(s, of, err);
	case ENOENT:
	case ENOSYS:
	case EOPNOTSUPP:
		return vm_fail(err, EOPNOTSUPP, "the kernel has no perf events");
	case EMFILE:
		vm_fail(err, EMFILE, "perf events need a descriptor for each thread and CPU");
		vm_hint(err, "raise the limit of open files (ulimit -n)");
		return -EMFILE;
	default:
		return vm_fail_os(err, -code, "cannot open perf events");
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
		return vm_perf_event_fail(s, fd, VM_PERF_OF_ALL, err);
	p->fd[p->n++] = fd;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) == 0 ?
	       0 : vm_fail_os(err, errno, "perf events don't take an eBPF program");
}

int vm_perf_online(struct vm_session *s, struct vm_perf_online *out, struct vm_err *err)
{
	const long len = vm_session_slurp(s, &s->scratch, "sys/devices/system/cpu/online");
	unsigned first, last;
	if (len <= 0)
		return vm_fail_os(err, len < 0 ? (int)-len : EBADMSG, "cannot read which CPUs are online");
	for (const char *p = s->scratch.s; (p = vm_parse_list(p, &first, &last));)
		for (unsigned cpu = first; cpu <= last; cpu++)
			if (!vm_vec_push(out, cpu))
				return vm_fail(err, ENOMEM, "out of memory");
	return out->n ? 0 : vm_fail(err, EBADMSG, "no CPU is said to be online");
}

int vm_perf_cpus_open(struct vm_session *s, uint64_t config, int prog_fd, struct vm_perf_cpus *out, struct vm_err *err)
{
	*out = (struct vm_perf_cpus){ 0 };
	struct vm_perf_online online = { 0 };
	int r = vm_perf_online(s, &online, err);
	if (r == 0) {
		out->fd = calloc(online.n, sizeof(*out->fd));
		r = out->fd ? 0 : vm_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && i < online.n; i++)
		r = add(s, out, online.v[i], config, prog_fd, err);
	if (r == 0 && !out->n)
		r = vm_fail(err, ENODEV, "no CPU takes perf events");
	if (r < 0)
		vm_perf_cpus_close(out);
	vm_vec_free(&online);
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
