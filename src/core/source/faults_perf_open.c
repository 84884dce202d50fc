/** Opening perf events: on every CPU, since rings can't be shared by several; for every thread, since only those that a
    thread makes later inherit its events. */

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/cgroupfs.h"
#include "core/source/faults_perf.h"
#include "core/source/session.h"
#include "core/source/source.h"

static struct perf_event_attr attributes(const struct vm_fp *p, bool major, bool inherit)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(struct perf_event_attr),
		.config = major ? PERF_COUNT_SW_PAGE_FAULTS_MAJ : PERF_COUNT_SW_PAGE_FAULTS_MIN, .sample_period = 1,
		.sample_type = vm_perf_sample_type(&p->form, major), .sample_regs_user = p->form.user_ip ? vm_perf_user_regs() : 0,
		.sample_id_all = 1, .exclude_kernel = p->user_only, .exclude_hv = 1, .exclude_callchain_kernel = 1,
		.sample_max_stack = p->form.stacks ? VM_PERF_STACK_DEPTH : 0,
		.inherit = inherit, .inherit_thread = inherit && !p->children && p->inherit_thread,
		.disabled = !p->enabled, .enable_on_exec = p->ask.whom == VM_OF_COMMAND,
		.use_clockid = 1, .clockid = CLOCK_MONOTONIC,
		/* One of the two tells of mappings and processes. */
		.mmap = !major, .mmap_data = !major, .mmap2 = !major, .comm = !major, .comm_exec = !major, .task = !major,
	};
}

/* ---- What this kernel allows ------------------------------------------------------------------------------------- */

/** On ourselves: 0 or a negative errno. */
static int try_event(const struct vm_fp *p)
{
	struct perf_event_attr a = attributes(p, false, true);
	a.enable_on_exec = 0;
	vm_auto_close int fd = vm_perf_event_open(&a, 0, -1, 0);
	return fd < 0 ? fd : 0;
}

/** Leave out what it refuses, the youngest first.  sysctls of Debian forbid all to those without privileges. */
static int find_form(struct vm_fp *p, struct vm_err *err)
{
	p->form = (struct vm_perf_form){
		.stacks = p->ask.stacks, .user_ip = vm_perf_user_regs() != 0, .page_size = true,
	};
	p->inherit_thread = true;
	for (;;) {
		int r = try_event(p);
		if (r == 0)
			break;
		if (r == -EINVAL && p->form.page_size)
			p->form.page_size = false;
		else if (r == -EINVAL && !p->children && p->inherit_thread)
			p->inherit_thread = false;
		else if (r == -EINVAL && p->form.user_ip)
			p->form.user_ip = false;
		else if ((r == -EACCES || r == -EPERM) && !p->user_only)
			p->user_only = true;
		else
			return vm_perf_event_fail(p->s, r, VM_PERF_OF_OURS, err);
	}
	/* Samples from user mode have it anyway. */
	p->form.user_ip &= !p->user_only;
	p->set.user_only = p->user_only;
	return 0;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static int add_event(struct vm_fp *p, bool major, pid_t pid, size_t cpu, unsigned flags)
{
	const int ring = vm_perf_rings_fd(p->rings, cpu);
	struct perf_event_attr a = attributes(p, major, pid >= 0 && !(flags & PERF_FLAG_PID_CGROUP));
	uint64_t id;
	if (ring < 0)
		return 0;
	int fd = vm_perf_event_open(&a, pid, (int)p->cpu.v[cpu], flags);
	/* The CPU has left. */
	if (fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	const struct vm_fp_event e = { .fd = fd, .tid = flags & PERF_FLAG_PID_CGROUP ? -1 : pid, .major = major };
	if (!vm_vec_push(&p->event, e)) {
		close(fd);
		return -ENOMEM;
	}
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) != 0 || ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring) != 0)
		return -errno;
	return vm_map_put(&p->by_id, id, (uint32_t)p->event.n - 1) ? 0 : -ENOMEM;
}

static int add_target(struct vm_fp *p, pid_t pid, unsigned flags)
{
	int r = 0;
	for (size_t cpu = 0; r == 0 && cpu < p->cpu.n; cpu++) {
		r = add_event(p, false, pid, cpu, flags);
		if (r == 0)
			r = add_event(p, true, pid, cpu, flags);
	}
	return r;
}

/**
 * Threads that weren't there the time before: those that one with events made meanwhile have them already, but who knows
 * which; what is told twice then is seen (is_second() in faults_perf_take.c).  How many, -ESRCH if there are none at all, or
 * an error.
 */
static int add_new_threads(struct vm_fp *p, pid_t pid)
{
	char path[64];
	struct vm_pids tids = { 0 };
	uint32_t known;
	int added = 0;
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	int r = vm_list_numbers(p->s, &tids, NULL, path);
	r = r == -ENOMEM ? r : tids.n == 0 ? -ESRCH : 0;
	for (size_t i = 0; r == 0 && i < tids.n; i++) {
		if (vm_map_get(&p->tried, (uint64_t)tids.v[i], &known))
			continue;
		r = vm_map_put(&p->tried, (uint64_t)tids.v[i], 0) ? add_target(p, tids.v[i], 0) : -ENOMEM;
		if (r == 0)
			r = vm_fp_attached(p, pid, tids.v[i]);
		added += r == 0;
		/* It has ended since. */
		r = r == -ESRCH ? 0 : r;
	}
	vm_vec_free(&tids);
	return r < 0 ? r : added;
}

static int add_processes(struct vm_fp *p, const pid_t *pids, size_t n)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		const int r = add_new_threads(p, pids[i]);
		if (r < 0 && r != -ESRCH)
			return r;
		found += r > 0;
	}
	return found ? 0 : -ESRCH;
}

/** Until none comes any more: what is made then has events, and is told of. */
static int add_late_threads(struct vm_fp *p)
{
	int added = 1;
	while (added > 0) {
		added = 0;
		/* Those that are added are of known processes. */
		for (size_t i = 0; added >= 0 && i < p->process.n; i++) {
			const int r = add_new_threads(p, p->process.v[i].pid);
			added = r == -ESRCH ? added : r < 0 ? r : added + r;
		}
	}
	return added;
}

/** Without privileges, of those that are in it now and what they fork. */
static int add_members(struct vm_fp *p, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = vm_cgroup_pids(p->s, p->ask.cgroup, &pids, err);
	if (r == 0) {
		r = add_processes(p, pids.v, pids.n);
		r = r < 0 ? vm_perf_event_fail(p->s, r, VM_PERF_OF_OTHERS, err) : 0;
	}
	vm_vec_free(&pids);
	return r;
}

static int add_cgroup(struct vm_fp *p, struct vm_err *err)
{
	vm_auto_close int dir = vm_cgroup_open_perf(p->s, p->ask.cgroup);
	/* Version 1 may have no hierarchy for perf_event, and then it isn't known there. */
	int r = dir < 0 ? dir : add_target(p, dir, PERF_FLAG_PID_CGROUP);
	if (r == -EACCES || r == -EPERM || r == -EBADF || r == -ENOENT || r == -EINVAL)
		return add_members(p, err);
	return r < 0 ? vm_perf_event_fail(p->s, r, VM_PERF_OF_ALL, err) : 0;
}

int vm_fp_open_events(struct vm_fp *p, struct vm_err *err)
{
	int r = find_form(p, err);
	if (r == 0)
		r = vm_perf_online(p->s, &p->cpu, err);
	if (r == 0)
		r = vm_perf_rings_open(p->s, p->cpu.v, p->cpu.n, &p->rings, err);
	if (r < 0)
		return r;
	if (p->ask.whom == VM_OF_CGROUP)
		return add_cgroup(p, err);
	if (p->ask.whom == VM_OF_ALL) {
		r = add_target(p, -1, 0);
		return r < 0 ? vm_perf_event_fail(p->s, r, VM_PERF_OF_ALL, err) : 0;
	}
	r = add_processes(p, p->ask.pids, p->ask.npids);
	if (r == -ESRCH)
		return p->ask.npids == 1 ? vm_fail(err, ESRCH, "there is no process %d", p->ask.pids[0]) :
					   vm_fail(err, ESRCH, "none of the processes is there");
	return r < 0 ? vm_perf_event_fail(p->s, r, VM_PERF_OF_OTHERS, err) : 0;
}

int vm_fp_enable(struct vm_fp *p, struct vm_err *err)
{
	if (p->ask.whom == VM_OF_COMMAND)
		return 0;
	for (size_t i = 0; i < p->event.n; i++)
		ioctl(p->event.v[i].fd, PERF_EVENT_IOC_ENABLE, 0);
	p->enabled = true;
	const int r = p->event.n && p->event.v[0].tid >= 0 ? add_late_threads(p) : 0;
	return r < 0 ? vm_perf_event_fail(p->s, r, VM_PERF_OF_OTHERS, err) : 0;
}

void vm_fp_disable(struct vm_fp *p)
{
	for (size_t i = 0; i < p->event.n; i++)
		ioctl(p->event.v[i].fd, PERF_EVENT_IOC_DISABLE, 0);
}

void vm_fp_counts(const struct vm_fp *p, uint64_t *minor, uint64_t *major)
{
	*minor = *major = 0;
	for (size_t i = 0; i < p->event.n; i++) {
		uint64_t n;
		if (read(p->event.v[i].fd, &n, sizeof(n)) == sizeof(n))
			*(p->event.v[i].major ? major : minor) += n;
	}
}

void vm_fp_close_events(struct vm_fp *p)
{
	for (size_t i = 0; i < p->event.n; i++)
		close(p->event.v[i].fd);
	vm_perf_rings_close(p->rings);
	vm_vec_free(&p->event);
	vm_vec_free(&p->cpu);
	vm_map_free(&p->by_id);
	vm_map_free(&p->tried);
}
