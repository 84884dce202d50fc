/**
 * Where the programs of src/bpf/fault.bpf.c are called from: tracepoints, and for the ends of faults software events.
 *
 * An event of a thread costs other processes next to nothing, one of a CPU costs all that run there.  Children and new
 * threads inherit it, but who is being made at that very moment may not: so those of the CPUs go on until what was being
 * made is there to be found.  The programs know a fault that is told twice.
 */
#include "core/source/faults_ebpf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bpf/fault.skel.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"

enum {
	/** Descriptors aren't for free: with more threads than this, those of the CPUs do. */
	THREADS_MAX = 512,
	/** Longer than clone(2) takes, by far. */
	BRIDGE_NS = 100000000,
};

static int attach_one(const struct bpf_program *p, struct bpf_link **link, struct vm_err *err)
{
	*link = bpf_program__attach(p);
	if (*link)
		return 0;
	const int code = errno;
	return vm_fail_os(err, code, "cannot attach the program '%s'", bpf_program__name(p));
}

/* ---- Of CPUs ------------------------------------------------------------------------------------------------------ */

static void close_cpus(struct vm_fe *f)
{
	vm_perf_cpus_close(&f->minor);
	vm_perf_cpus_close(&f->major);
}

static int open_cpus(struct vm_fe *f, struct vm_err *err)
{
	const struct fault_bpf *o = f->obj;
	int r = vm_perf_cpus_open(f->s, PERF_COUNT_SW_PAGE_FAULTS_MIN, bpf_program__fd(o->progs.end_minor), &f->minor, err);
	if (r == 0)
		r = vm_perf_cpus_open(f->s, PERF_COUNT_SW_PAGE_FAULTS_MAJ, bpf_program__fd(o->progs.end_major), &f->major, err);
	if (r == 0)
		r = vm_perf_cpus_enable(&f->minor, true, err);
	if (r == 0)
		r = vm_perf_cpus_enable(&f->major, true, err);
	return r;
}

/* ---- Of threads --------------------------------------------------------------------------------------------------- */

/** Enabled once it has its program, and with it those of its children. */
static int open_thread(struct vm_fe *f, pid_t tid, bool major)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .sample_period = 1, .disabled = 1, .inherit = 1,
		.config = major ? PERF_COUNT_SW_PAGE_FAULTS_MAJ : PERF_COUNT_SW_PAGE_FAULTS_MIN,
	};
	const struct bpf_program *p = major ? f->obj->progs.end_major : f->obj->progs.end_minor;
	const int fd = vm_perf_event_open(&attr, tid, -1, 0);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(p)) == 0 && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) == 0 &&
	    vm_vec_push(&f->heard, fd))
		return 0;
	const int code = errno;
	close(fd);
	return code ? -code : -ENOMEM;
}

/** 1: it had none before. */
static int hear_thread(struct vm_fe *f, pid_t tid)
{
	uint32_t at;
	if (vm_map_get(&f->heard_tids, (uint64_t)tid, &at))
		return 0;
	if (f->heard.n >= 2 * THREADS_MAX)
		return -E2BIG;
	int r = open_thread(f, tid, false);
	if (r == 0)
		r = open_thread(f, tid, true);
	/* It has ended. */
	if (r == -ESRCH)
		return 0;
	return r < 0 ? r : vm_map_put(&f->heard_tids, (uint64_t)tid, 0) ? 1 : -ENOMEM;
}

/** Until no thread is found that has none. */
static int hear_process(struct vm_fe *f, pid_t pid)
{
	int added, r;
	do {
		vm_auto_close int fd = vm_session_open_file(f->s, O_DIRECTORY, "proc/%d/task", pid);
		DIR *dir = fd < 0 ? NULL : fdopendir(dup(fd));
		if (!dir)
			return 0;
		added = 0;
		r = 0;
		for (struct dirent *d; r >= 0 && (d = readdir(dir));) {
			uint64_t tid;
			if (vm_parse_u64(d->d_name, &tid) == 0) {
				r = hear_thread(f, (pid_t)tid);
				added += r > 0;
			}
		}
		closedir(dir);
	} while (added && r >= 0);
	return r < 0 ? r : 0;
}

/** There are too many, or it isn't allowed: CPUs are enough. */
static void give_up_threads(struct vm_fe *f)
{
	f->bridge = false;
	for (size_t i = 0; i < f->heard.n; i++)
		close(f->heard.v[i]);
	f->heard.n = 0;
	vm_map_clear(&f->heard_tids);
}

void vm_fe_hear(struct vm_fe *f)
{
	int r = 0;
	f->bridge = f->ask->npids > 0;
	for (size_t i = 0; r == 0 && i < f->ask->npids; i++)
		r = hear_process(f, f->ask->pids[i]);
	if (r < 0)
		give_up_threads(f);
	/* Our child is waiting: it makes nobody. */
	if (f->bridge && f->ask->whom == VM_OF_COMMAND) {
		f->bridge = false;
		close_cpus(f);
	}
}

/** Those who were just being made are there now; what they have made since inherits of them, or is known as well. */
static void end_bridge(struct vm_fe *f)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->set.space.n; i++)
		if (!f->set.space.v[i].ended)
			r = hear_process(f, f->set.space.v[i].pid);
	if (r < 0)
		give_up_threads(f);
	if (f->bridge)
		close_cpus(f);
	f->bridge = false;
}

int vm_fe_keep_hearing(struct vm_fe *f, uint64_t now_ns, struct vm_err *err)
{
	if (f->bridge && now_ns - f->set.began_ns >= BRIDGE_NS)
		end_bridge(f);
	if (!f->obj->bss->control.unheard || f->stopped)
		return 0;
	/* The kernel took the events of one that executed what has privileges. */
	f->bridge = false;
	return f->minor.n ? 0 : open_cpus(f, err);
}

/* ---- All ---------------------------------------------------------------------------------------------------------- */

int vm_fe_attach(struct vm_fe *f, struct vm_err *err)
{
	const struct fault_bpf *o = f->obj;
	/* Threads that come and go first: none may be missed once counting begins. */
	int r = attach_one(o->progs.ended, &f->obj->links.ended, err);
	if (r == 0)
		r = attach_one(o->progs.ended_again, &f->obj->links.ended_again, err);
	if (r == 0)
		r = attach_one(o->progs.executed, &f->obj->links.executed, err);
	if (r == 0)
		r = attach_one(o->progs.executed_again, &f->obj->links.executed_again, err);
	if (r == 0)
		r = attach_one(o->progs.forked, &f->obj->links.forked, err);
	if (r == 0)
		r = attach_one(o->progs.forked_again, &f->obj->links.forked_again, err);
	if (r == 0)
		r = attach_one(o->progs.signalled, &f->obj->links.signalled, err);
	if (r == 0)
		r = open_cpus(f, err);
	if (r == 0)
		r = attach_one(o->progs.begin_user, &f->obj->links.begin_user, err);
	if (r == 0)
		r = attach_one(o->progs.begin_kernel, &f->obj->links.begin_kernel, err);
	return r;
}

void vm_fe_detach(struct vm_fe *f)
{
	close_cpus(f);
	give_up_threads(f);
	vm_vec_free(&f->heard);
	vm_map_free(&f->heard_tids);
}
