#include "core/source/perf_watch.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/cgroupfs.h"
#include "core/source/session.h"
#include "core/source/source.h"

static struct perf_event_attr attributes(const struct vm_perf_watch *w, size_t which, bool inherit)
{
	struct perf_event_attr a = w->attr[which];
	a.size = sizeof(a);
	a.sample_type = vm_perf_sample_type(&w->form, which > 0);
	a.sample_regs_user = w->form.user_ip ? vm_perf_user_regs() : 0;
	a.sample_max_stack = w->form.stacks ? VM_PERF_STACK_DEPTH : 0;
	a.exclude_callchain_kernel = 1;
	a.sample_id_all = 1;
	a.inherit = inherit;
	a.inherit_thread = inherit && !w->children && w->inherit_thread;
	a.disabled = !w->enabled;
	a.enable_on_exec = w->whom == VM_OF_COMMAND;
	a.use_clockid = 1;
	a.clockid = CLOCK_MONOTONIC;
	/* One of the kinds tells of mappings and processes. */
	a.mmap = a.mmap_data = a.mmap2 = a.comm = a.comm_exec = a.task = which == 0;
	return a;
}

int vm_perf_watch_try(const struct vm_perf_watch *w, size_t which)
{
	struct perf_event_attr a = attributes(w, which, true);
	a.enable_on_exec = 0;
	vm_auto_close int fd = vm_perf_event_open(&a, 0, -1, 0);
	return fd < 0 ? fd : 0;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static int add_event(struct vm_perf_watch *w, size_t which, pid_t pid, size_t cpu, unsigned flags)
{
	const int ring = vm_perf_rings_fd(w->rings, cpu);
	struct perf_event_attr a = attributes(w, which, pid >= 0 && !(flags & PERF_FLAG_PID_CGROUP));
	uint64_t id;
	if (ring < 0)
		return 0;
	int fd = vm_perf_event_open(&a, pid, (int)w->cpu.v[cpu], flags);
	/* The CPU has left, or is of another sort. */
	if (fd == -ENODEV || (fd == -ENOENT && w->some_cpus))
		return 0;
	if (fd < 0)
		return fd;
	const struct vm_perf_watch_event e = {
		.fd = fd, .tid = flags & PERF_FLAG_PID_CGROUP ? -1 : pid, .which = (uint8_t)which,
	};
	if (!vm_vec_push(&w->event, e)) {
		close(fd);
		return -ENOMEM;
	}
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) != 0 || ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring) != 0)
		return -errno;
	return vm_map_put(&w->by_id, id, (uint32_t)w->event.n - 1) ? 0 : -ENOMEM;
}

static int add_target(struct vm_perf_watch *w, pid_t pid, unsigned flags)
{
	int r = 0;
	for (size_t cpu = 0; r == 0 && cpu < w->cpu.n; cpu++)
		for (size_t which = 0; r == 0 && which < w->kinds; which++)
			r = add_event(w, which, pid, cpu, flags);
	return r;
}

/** Threads that one with events made meanwhile have them already: what is told twice then is seen (is_second()). */
static int attach(void *ctx, pid_t pid, pid_t tid)
{
	struct vm_perf_watch *w = ctx;
	const int r = add_target(w, tid, 0);
	return r == 0 ? vm_perf_watch_attached(w, pid, tid) : r;
}

/** Until none comes any more: what is made then has events, and is told of. */
int vm_perf_watch_late(struct vm_perf_watch *w)
{
	VM_VEC(pid_t) pids = { 0 };
	int r = 1;
	while (r > 0) {
		pids.n = 0;
		/* Those that are added are of known processes. */
		for (size_t i = 0; r > 0 && i < w->process.n; i++)
			r = vm_vec_push(&pids, w->process.v[i].pid) ? r : -ENOMEM;
		if (r > 0)
			r = vm_perf_threads_attach(&w->threads, pids.v, pids.n);
	}
	vm_vec_free(&pids);
	return r == -ESRCH ? 0 : r;
}

/** Without privileges, of those that are in it now and what they fork. */
static int add_members(struct vm_perf_watch *w, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = vm_cgroup_pids(w->s, w->cgroup, &pids, err);
	if (r == 0) {
		r = vm_perf_threads_attach(&w->threads, pids.v, pids.n);
		r = r < 0 ? vm_perf_event_fail(w->s, r, VM_PERF_OF_OTHERS, err) : 0;
	}
	vm_vec_free(&pids);
	return r;
}

static int add_cgroup(struct vm_perf_watch *w, struct vm_err *err)
{
	vm_auto_close int dir = vm_cgroup_open_perf(w->s, w->cgroup);
	/* Version 1 may have no hierarchy for perf_event, and then it isn't known there. */
	int r = dir < 0 ? dir : add_target(w, dir, PERF_FLAG_PID_CGROUP);
	if (r == -EACCES || r == -EPERM || r == -EBADF || r == -ENOENT || r == -EINVAL)
		return add_members(w, err);
	return r < 0 ? vm_perf_event_fail(w->s, r, VM_PERF_OF_ALL, err) : 0;
}

int vm_perf_watch_open(struct vm_perf_watch *w, const pid_t *pids, size_t npids, struct vm_err *err)
{
	int r = vm_backings_read(w->s, &w->backings) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = vm_perf_online(w->s, &w->cpu, err);
	if (r == 0)
		r = vm_perf_rings_open(w->s, w->cpu.v, w->cpu.n, &w->rings, err);
	if (r < 0)
		return r;
	w->threads = (struct vm_perf_threads){ .s = w->s, .attach = attach, .ctx = w, .every = true };
	if (w->whom == VM_OF_CGROUP)
		return add_cgroup(w, err);
	if (w->whom == VM_OF_ALL) {
		r = add_target(w, -1, 0);
		return r < 0 ? vm_perf_event_fail(w->s, r, VM_PERF_OF_ALL, err) : 0;
	}
	r = vm_perf_threads_attach(&w->threads, pids, npids);
	if (r == -ESRCH)
		return npids == 1 ? vm_fail(err, ESRCH, "there is no process %d", pids[0]) :
				    vm_fail(err, ESRCH, "none of the processes is there");
	return r < 0 ? vm_perf_event_fail(w->s, r, VM_PERF_OF_OTHERS, err) : 0;
}

void vm_perf_watch_disable(struct vm_perf_watch *w)
{
	for (size_t i = 0; i < w->event.n; i++)
		ioctl(w->event.v[i].fd, PERF_EVENT_IOC_DISABLE, 0);
}

struct vm_perf_watch_count vm_perf_watch_counted(const struct vm_perf_watch *w, size_t which)
{
	const bool times = w->attr[which].read_format & PERF_FORMAT_TOTAL_TIME_ENABLED;
	struct vm_perf_watch_count c = { 0 };
	bool threads = false;
	for (size_t i = 0; i < w->event.n; i++) {
		uint64_t v[3] = { 0 };
		if (w->event.v[i].which != which || read(w->event.v[i].fd, v, sizeof(v)) < (ssize_t)((times ? 3 : 1) * sizeof(*v)))
			continue;
		c.n += v[0];
		c.enabled_ns += v[1];
		c.running_ns += v[2];
		threads |= w->event.v[i].tid >= 0;
	}
	/* A thread is on one CPU at a time, while its events of all of them are enabled. */
	if (threads && w->cpu.n)
		c.enabled_ns /= w->cpu.n;
	if (c.enabled_ns < c.running_ns)
		c.enabled_ns = c.running_ns;
	return c;
}

void vm_perf_watch_close_events(struct vm_perf_watch *w)
{
	for (size_t i = 0; i < w->event.n; i++)
		close(w->event.v[i].fd);
	vm_perf_rings_close(w->rings);
	vm_vec_free(&w->event);
	vm_vec_free(&w->cpu);
	vm_map_free(&w->by_id);
	vm_perf_threads_free(&w->threads);
}
