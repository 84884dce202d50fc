#include "workloads/faults.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/base/err.h"

void vm_truth_fault(struct vm_truth *t, const struct vm_faults_fact *f)
{
	if (!f->count && !f->most)
		return;
	vm_truth_mapping_begin(t, f->label, f->p, f->size);
	if (f->name)
		vm_truth_str(t, "name", f->name);
	vm_truth_str(t, "kind", f->kind);
	vm_truth_str(t, "from", f->from ? f->from : "user");
	if (f->most) {
		vm_truth_u64(t, "count_min", f->count);
		vm_truth_u64(t, "count_max", f->most);
	} else {
		vm_truth_u64(t, "count", f->count);
	}
	if (f->pid)
		vm_truth_u64(t, "pid", (uint64_t)f->pid);
	if (f->processes)
		vm_truth_u64(t, "processes", f->processes);
	vm_truth_object_end(t);
}

void vm_meter_begin(struct vm_meter *m, int who)
{
	struct rusage u = { 0 };
	getrusage(who, &u);
	*m = (struct vm_meter){ .minor = (uint64_t)u.ru_minflt, .major = (uint64_t)u.ru_majflt };
}

void vm_meter_end(struct vm_meter *m, int who)
{
	struct vm_meter now;
	vm_meter_begin(&now, who);
	m->minor = now.minor - m->minor;
	m->major = now.major - m->major;
}

void vm_truth_meter(struct vm_truth *t, const struct vm_meter *m)
{
	vm_truth_u64(t, "minor_faults", m->minor);
	vm_truth_u64(t, "major_faults", m->major);
}

uint64_t vm_peek_windows(const struct vm_lab *lab, const struct vm_region *r)
{
	const uint64_t window = 64 << 10;
	uint64_t n = 0;
	for (uint64_t at = (window - (uintptr_t)r->p % window) % window; at + window <= r->size; at += window, n++)
		vm_peek(lab, r->p + at, lab->page);
	return n;
}

int vm_region_drop(const struct vm_region *r, struct vm_err *err)
{
	return madvise(r->p, r->size, MADV_DONTNEED) < 0 ? vm_fail_os(err, errno, "cannot drop pages") : 0;
}

void vm_pin(cpu_set_t *old)
{
	const int cpu = sched_getcpu();
	cpu_set_t one;
	CPU_ZERO(old);
	CPU_ZERO(&one);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*old), old) < 0)
		return;
	CPU_SET((size_t)cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void vm_unpin(const cpu_set_t *old)
{
	if (CPU_COUNT(old))
		sched_setaffinity(0, sizeof(*old), old);
}
