/** The user-space half of src/bpf/faulttime.bpf.c: loads its programs, attaches them, reads what they add up. */

#include "core/source/faulttime.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>

#include "bpf/faulttime.light.h"
#include "core/base/err.h"
#include "core/source/bpf.h"
#include "core/source/kernel.h"
#include "core/source/perf_event.h"
#include "core/source/session.h"

struct vm_faulttime {
	/** 0, or why there is none. */
	int failed;
	struct vm_err why;
	struct faulttime_light *light;
	struct vm_perf_cpus minor, major;
};

static const char what[] = "the program that times page faults";

static int load(struct vm_faulttime *ft, struct vm_session *s, struct vm_err *err)
{
	int r = vm_bpf_allowed(s, false, err);
	if (r == 0)
		r = vm_bpf_first_namespaces(s, err);
	if (r < 0)
		return r;
	ft->light = faulttime_light__open();
	if (!ft->light)
		return vm_fail(err, ENOMEM, "out of memory");
	r = faulttime_light__load(ft->light);
	if (r == 0)
		return 0;
	r = vm_bpf_fail(err, -r, what);
	const unsigned version = vm_kernel_version(s);
	if (r != -EPERM && version && version < 517)
		return vm_fail(err, EOPNOTSUPP, "%s needs Linux 5.17", what);
	return r == -ENOENT ? vm_fail(err, EOPNOTSUPP, "the kernel has no tracepoints of page faults") : r;
}

/** The ends first: a fault whose beginning isn't seen is counted, one whose end isn't is not. */
static int attach(struct vm_faulttime *ft, struct vm_session *s, struct vm_err *err)
{
	struct faulttime_light *light = ft->light;
	int r = vm_perf_cpus_open(s, PERF_COUNT_SW_PAGE_FAULTS_MIN, light->progs.minor_done.prog_fd, &ft->minor, err);
	if (r == 0)
		r = vm_perf_cpus_open(s, PERF_COUNT_SW_PAGE_FAULTS_MAJ, light->progs.major_done.prog_fd, &ft->major, err);
	if (r == 0)
		r = vm_perf_cpus_enable(&ft->minor, true, err);
	if (r == 0)
		r = vm_perf_cpus_enable(&ft->major, true, err);
	if (r < 0)
		return r;
	r = faulttime_light__attach(light);
	return r < 0 ? vm_bpf_fail(err, -r, what) : 0;
}

static void close_all(struct vm_faulttime *ft)
{
	vm_perf_cpus_close(&ft->minor);
	vm_perf_cpus_close(&ft->major);
	if (ft->light)
		faulttime_light__destroy(ft->light);
	ft->light = NULL;
}

static void faulttime_free(struct vm_faulttime *ft)
{
	close_all(ft);
	free(ft);
}

int vm_faulttime_get(struct vm_session *s, struct vm_faulttime **out, struct vm_err *err)
{
	int r = vm_bpf_session(s, err);
	if (r < 0)
		return r;
	if (!s->faulttime) {
		struct vm_faulttime *ft = s->faulttime = calloc(1, sizeof(*ft));
		if (!ft)
			return vm_fail(err, ENOMEM, "out of memory");
		s->faulttime_free = faulttime_free;
		ft->failed = load(ft, s, &ft->why);
		if (ft->failed == 0)
			ft->failed = attach(ft, s, &ft->why);
		if (ft->failed)
			close_all(ft);
	}
	*out = s->faulttime;
	if (s->faulttime->failed && err)
		*err = s->faulttime->why;
	return s->faulttime->failed;
}

void vm_faulttime_drop(struct vm_session *s)
{
	if (!s->faulttime || s->faulttime->failed)
		return;
	s->faulttime_free(s->faulttime);
	s->faulttime = NULL;
}

int vm_faulttime_read(const struct vm_faulttime *ft, pid_t pid, struct vm_fault_time *out, struct vm_err *err)
{
	int r = vm_bpf_map_get(ft->light->maps.processes.map_fd, &pid, out);
	if (r != -ENOENT)
		return r < 0 ? vm_fail_os(err, -r, "cannot read the time of page faults") : 0;
	if (ft->light->bss->state.full)
		return vm_fail(err, ENOSPC, "page faults of too many processes");
	*out = (struct vm_fault_time){ 0 };
	return 0;
}
