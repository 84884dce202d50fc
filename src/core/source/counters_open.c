/** Opening counters, and what it means when the kernel refuses. */

#include "core/source/counters_open.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/cgroupfs.h"
#include "core/source/perf_event.h"
#include "core/source/pmu.h"
#include "core/source/source.h"

/* ---- One target --------------------------------------------------------------------------------------------------- */

static void set_attributes(const struct vm_counters *c, const struct vm_plan_slot *slot, bool of_thread, bool leads,
			   struct perf_event_attr *attr)
{
	vm_pmu_attr(c->pmu, slot->event, attr);
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	attr->inherit = of_thread;
	attr->inherit_thread = of_thread && !c->children && c->inherit_thread;
	/* The others of a group run when its leader does. */
	attr->disabled = leads;
	attr->enable_on_exec = leads && c->whom == VM_OF_COMMAND;
}

static int open_one(struct vm_counters *c, size_t i, pid_t pid, int cpu, unsigned flags, int group)
{
	struct perf_event_attr attr;
	const bool of_thread = pid >= 0 && !(flags & PERF_FLAG_PID_CGROUP);
	set_attributes(c, &c->plan.v[i], of_thread, group < 0, &attr);
	int fd = vm_perf_event_open_in(&attr, pid, cpu, group, flags);
	/* Before Linux 5.13 threads and children couldn't be told apart. */
	if (fd == -EINVAL && attr.inherit_thread) {
		attr.inherit_thread = 0;
		fd = vm_perf_event_open_in(&attr, pid, cpu, group, flags);
		c->inherit_thread &= fd < 0;
	}
	return fd;
}

/** It may be refused here though it wasn't on ourselves; then nobody has it, so that sums are of all. */
static void give_up(struct vm_counters *c, size_t slot, int why)
{
	c->plan.v[slot].why = why;
	size_t to = 0;
	for (size_t i = 0; i < c->event.n; i++) {
		if (c->event.v[i].slot == slot)
			close(c->event.v[i].fd);
		else
			c->event.v[to++] = c->event.v[i];
	}
	c->event.n = to;
}

/** Reasons that lie with whom we count, or with us: the next event would fail as well. */
static bool is_general(int code)
{
	return code == -ESRCH || code == -EACCES || code == -EPERM || code == -EMFILE || code == -ENFILE || code == -ENOMEM ||
	       code == -ENODEV || code == -EBADF;
}

/** All events of the plan for one thread, or on one CPU. */
static int open_target(struct vm_counters *c, pid_t pid, int cpu, unsigned flags)
{
	int leader = -1, group = -1;
	const size_t before = c->event.n;
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->plan.n; i++) {
		const struct vm_plan_slot *slot = &c->plan.v[i];
		if (slot->why)
			continue;
		if (slot->group != group)
			leader = -1;
		group = slot->group;
		const int fd = open_one(c, i, pid, cpu, flags, leader);
		if (fd < 0 && is_general(fd))
			r = fd;
		else if (fd < 0)
			give_up(c, i, fd);
		if (fd < 0)
			continue;
		const struct vm_counter event = { .fd = fd, .slot = (uint16_t)i, .leads = leader < 0 };
		leader = leader < 0 ? fd : leader;
		if (!vm_vec_push(&c->event, event)) {
			close(fd);
			r = -ENOMEM;
		}
	}
	/* Half of a thread's events are none. */
	while (r < 0 && c->event.n > before)
		close(c->event.v[--c->event.n].fd);
	return r;
}

static int attach(void *ctx, pid_t pid, pid_t tid)
{
	struct vm_counters *c = ctx;
	const int r = open_target(c, tid, -1, 0);
	if (r < 0 && r != -ESRCH)
		c->refused = pid;
	return r;
}

static int open_cpus(struct vm_counters *c, pid_t pid, unsigned flags, struct vm_err *err)
{
	struct vm_perf_online online = { 0 };
	int r = vm_perf_online(c->s, &online, err);
	for (size_t i = 0; r == 0 && i < online.n; i++) {
		r = open_target(c, pid, (int)online.v[i], flags);
		/* It has left. */
		r = r == -ENODEV ? 0 : r;
	}
	vm_vec_free(&online);
	return r;
}

static int open_processes(struct vm_counters *c, const pid_t *pids, size_t n, struct vm_err *err)
{
	c->of_threads = true;
	for (size_t i = 0; i < n; i++)
		if (!vm_vec_push(&c->process, pids[i]))
			return vm_fail(err, ENOMEM, "out of memory");
	const int r = vm_perf_threads_attach(&c->threads, pids, n);
	return r < 0 ? vm_counters_fail(c, c->whom, r, err) : 0;
}

int vm_counters_list_again(struct vm_counters *c, struct vm_err *err)
{
	const int r = vm_perf_threads_attach(&c->threads, c->process.v, c->process.n);
	/* That they have ended since isn't a failure of opening. */
	return r < 0 && r != -ESRCH ? vm_counters_fail(c, c->whom, r, err) : 0;
}

/** Without privileges: of those that are in it now, and what they fork. */
static int open_members(struct vm_counters *c, const struct vm_counters_ask *ask, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = vm_cgroup_pids(c->s, ask->cgroup, &pids, err);
	if (r == 0)
		r = open_processes(c, pids.v, pids.n, err);
	vm_vec_free(&pids);
	return r;
}

static int open_cgroup(struct vm_counters *c, const struct vm_counters_ask *ask, struct vm_err *err)
{
	vm_auto_close int dir = vm_cgroup_open_perf(c->s, ask->cgroup);
	int r = dir < 0 ? dir : open_cpus(c, dir, PERF_FLAG_PID_CGROUP, err);
	if (r == -EACCES || r == -EPERM || r == -EBADF || r == -ENOENT || r == -EINVAL)
		return open_members(c, ask, err);
	return r < 0 ? vm_counters_fail(c, c->whom, r, err) : 0;
}

int vm_counters_open_all(struct vm_counters *c, const struct vm_counters_ask *ask, struct vm_err *err)
{
	c->threads = (struct vm_perf_threads){ .s = c->s, .attach = attach, .ctx = c };
	c->inherit_thread = true;
	if (ask->whom == VM_OF_CGROUP)
		return open_cgroup(c, ask, err);
	if (ask->whom == VM_OF_ALL) {
		const int r = open_cpus(c, -1, 0, err);
		return r < 0 ? vm_counters_fail(c, c->whom, r, err) : 0;
	}
	return open_processes(c, ask->pids, ask->npids, err);
}

/* ---- Refusals ----------------------------------------------------------------------------------------------------- */

#define SUDO "run with sudo"

static int fail_permission(const struct vm_counters *c, enum vm_whom whom, int code, struct vm_err *err)
{
	const struct vm_pmu *p = c->pmu;
	if (whom == VM_OF_ALL) {
		vm_fail(err, EACCES, "counting all processes needs CAP_PERFMON%s, or kernel.perf_event_paranoid at most 0 (it is %d)",
			p->perfmon && p->user_namespace ? " (that of a user namespace doesn't count)" : "", p->paranoid);
		vm_hint(err, SUDO);
	} else if (code == -EPERM && p->seccomp) {
		vm_fail(err, EPERM, "process %d: a seccomp filter blocks perf_event_open", c->refused);
		vm_hint(err, "run vmtlb on the host");
	} else if (p->software < 0 || (p->perfmon && !p->user_namespace)) {
		vm_fail(err, EACCES, "process %d: the kernel, or a security module, refuses to have it counted", c->refused);
	} else {
		vm_fail(err, EACCES, "process %d may not be counted: it is another user's, or has other capabilities, which needs "
			"CAP_PERFMON%s", c->refused, p->perfmon ? " (that of a user namespace doesn't count)" : "");
		vm_hint(err, SUDO);
	}
	return -EACCES;
}

int vm_counters_fail(const struct vm_counters *c, enum vm_whom whom, int code, struct vm_err *err)
{
	switch (-code) {
	case EACCES:
	case EPERM:
		return fail_permission(c, whom, code, err);
	case ESRCH:
		return c->process.n == 1 ? vm_fail(err, ESRCH, "there is no process %d", c->process.v[0]) :
					 vm_fail(err, ESRCH, "none of the processes is there");
	case EMFILE:
	case ENFILE:
		vm_fail(err, -code, "too many open files: counting needs %zu descriptors for each %s", c->plan.n,
			c->of_threads ? "thread" : "CPU");
		vm_hint(err, "raise the limit of open files (ulimit -n), or count less (--event)");
		return code;
	case EBUSY:
		vm_fail(err, EBUSY, "the counters are taken: something else has reserved them");
		vm_hint(err, "end the profiler or virtual machine that uses them");
		return code;
	case EOPNOTSUPP:
		return vm_fail(err, EOPNOTSUPP, "the CPU's counters can't do what was asked for");
	case ENOENT:
	case ENODEV:
	case EINVAL:
		return vm_fail(err, -code, "the kernel has no such event for this CPU");
	default:
		return vm_fail_os(err, -code, "cannot open counters");
	}
}
