/** Sources that look at the kernel's own structures: tasks, mm_structs, vm_area_structs. */

#include <errno.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/areas.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/tasks.h"

static int probe(struct vm_session *s, struct vm_err *err)
{
	struct vm_tasks *t;
	return vm_tasks_get(s, &t, err);
}

/** Kernel threads can have longer names than the task knows; who saw this one before knows it. */
static bool take_known_name(const struct vm_snap *sn, struct vm_proc *p)
{
	size_t n = strlen(p->comm);
	if (!sn->known_comm || strncmp(sn->known_comm, p->comm, n) != 0)
		return false;
	memcpy(p->comm, sn->known_comm, strlen(sn->known_comm) + 1);
	return true;
}

static int fill_tasks(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	if (!sn->task)
		return vm_fail(err, ENODATA, "no pass over all tasks was made");
	vm_task_to_proc(sn->task, want, sn->s->page_bytes, sn->s->ticks_per_second, sn->proc);
	if ((want & VM_NEED(STAT)) && vm_task_name_is_cut(sn->task->task) && !take_known_name(sn, sn->proc))
		return vm_fail(err, ENODATA, "the name is longer");
	return 0;
}

const struct vm_source vm_src_tasks = {
	.name = "iter-task", .help = "eBPF, one pass over all tasks: what stat, status and statm tell (vmtop)",
	.provides = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(STATM) | VM_NEED(MMADDR) | VM_NEED(MM) | VM_NEED(CAPS) |
		    VM_NEED(MAPCOUNT),
	.primary = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(STATM) | VM_NEED(MMADDR) | VM_NEED(MM) | VM_NEED(CAPS) |
		   VM_NEED(MAPCOUNT),
	.flags = VM_SRC_LIVE | VM_SRC_PASS, .probe = probe, .fill = fill_tasks,
};

/**
 * Why nothing, or too little, was found: -ESRCH if the process has no address space any more; -ENODATA if it has, as
 * some systems keep a process from iterators that /proc shows.
 */
static int not_shown(struct vm_snap *sn, struct vm_err *err)
{
	long n = vm_snap_slurp(sn, &sn->s->scratch, "statm");
	if (n == -ESRCH || (n > 1 && sn->s->scratch.s[0] == '0'))
		return vm_session_no_process(sn->s, sn->pid, err);
	return vm_fail(err, ENODATA, "iterators don't show the process");
}

static int fill_mm(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	struct vm_tasks *t;
	struct vm_task_entry e;
	int r = vm_tasks_get(sn->s, &t, err);
	if (r == 0)
		r = vm_tasks_one(t, sn->pid, &e, err);
	const bool same = r == 0 && e.task->has_mm && vm_task_start(e.task, sn->s->ticks_per_second) == sn->proc->start;
	if (r == -ESRCH || (r == 0 && !same))
		r = not_shown(sn, err);
	if (r == 0)
		vm_task_to_proc(&e, want, sn->s->page_bytes, sn->s->ticks_per_second, sn->proc);
	return r;
}

const struct vm_source vm_src_mm = {
	.name = "mm_struct", .help = "eBPF, the process's mm_struct: users, references, default flags",
	.provides = VM_NEED(MM) | VM_NEED(MAPCOUNT), .primary = VM_NEED(MM), .flags = VM_SRC_LIVE, .probe = probe, .fill = fill_mm,
};

/** Those that are where the kernel's are now; others changed meanwhile, and stay unknown.  How many, or -ENOMEM. */
static long join(struct vm_aspace *as, const struct vm_task_vma *area, size_t n)
{
	struct vm_area *room = vm_arena_alloc(&as->arena, n * sizeof(*room));
	long joined = 0;
	if (n && !room)
		return -ENOMEM;
	for (size_t i = 0, k = 0; i < as->nmaps; i++) {
		struct vm_mapping *m = &as->map[i];
		while (k < n && area[k].start < m->start)
			k++;
		if (k == n || area[k].start != m->start || area[k].end != m->end)
			continue;
		room[k] = (struct vm_area){ area[k].flags, area[k].pgoff, area[k].has_anon_vma != 0 };
		m->area = &room[k];
		joined++;
	}
	return joined;
}

static int probe_areas(struct vm_session *s, struct vm_err *err)
{
	struct vm_areas *a;
	return vm_areas_get(s, &a, err);
}

static int fill_areas(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	const struct vm_task_vma *area;
	struct vm_areas *a;
	size_t n = 0;
	(void)want;
	if (!sn->as || !(sn->met & VM_NEED(LAYOUT)))
		return vm_fail(err, ENODATA, "there are no mappings to tell more of");
	int r = vm_areas_get(sn->s, &a, err);
	if (r == 0)
		r = vm_areas_read(a, sn->pid, &area, &n, err);
	if (r < 0 && r != -ESRCH)
		return r;
	long joined = r == 0 ? join(sn->as, area, n) : 0;
	if (joined < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	if (joined == (long)sn->as->nmaps)
		return 0;
	/* Of one that is just ending the iterator may see some. */
	struct vm_err why;
	r = not_shown(sn, &why);
	if (joined && r != -ESRCH)
		return 0;
	if (err)
		*err = why;
	return r;
}

const struct vm_source vm_src_areas = {
	.name = "vm_area_struct", .help = "eBPF, the process's vm_area_structs: raw flags, page offset, anon_vma",
	.provides = VM_NEED(AREAS), .primary = VM_NEED(AREAS), .flags = VM_SRC_LIVE, .probe = probe_areas, .fill = fill_areas,
};
