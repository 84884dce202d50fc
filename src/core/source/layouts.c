#include "core/source/layouts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/areas.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tasks.h"

/** include/linux/mm.h, the same in all versions. */
enum { AREA_READ = 1, AREA_WRITE = 2, AREA_EXEC = 4, AREA_SHARED = 8 };

struct pass {
	struct vm_session *s;
	vm_layouts_take *take;
	vm_layouts_failed *failed;
	void *ctx;
	/** Those already handed over, ascending in part: the iterator goes by number. */
	struct vm_pids done;
};

static bool add_area(struct vm_aspace *as, const struct vm_task_vma *a)
{
	struct vm_mapping *m = vm_aspace_add(as);
	if (!m)
		return false;
	m->start = a->start;
	m->end = a->end;
	m->prot = (uint8_t)((a->flags & AREA_READ ? PROT_READ : 0) | (a->flags & AREA_WRITE ? PROT_WRITE : 0) |
			    (a->flags & AREA_EXEC ? PROT_EXEC : 0));
	m->shared = (a->flags & AREA_SHARED) != 0;
	m->pid = as->proc.pid;
	return true;
}

/** The areas from *at on that are of one process. */
static int hand_over(struct pass *p, struct vm_aspace *as, const struct vm_tasks *t, const struct vm_task_vma *area,
		     size_t n, size_t *at)
{
	const pid_t pid = area[*at].tgid;
	const struct vm_task_entry *e = vm_tasks_find(t, pid);
	vm_aspace_clear(as);
	vm_proc_init(&as->proc, pid);
	for (; *at < n && area[*at].tgid == pid; ++*at)
		if (!add_area(as, &area[*at]))
			return -ENOMEM;
	/* It began after the pass over tasks: its files tell of it. */
	if (!e)
		return 0;
	vm_task_to_proc(e, VM_NEED(STAT), p->s->page_bytes, p->s->ticks_per_second, &as->proc);
	if (!vm_vec_push(&p->done, pid))
		return -ENOMEM;
	return p->take(p->ctx, as, false);
}

/** All that an iterator shows.  0 also where there is none. */
static int pass_over_areas(struct pass *p)
{
	const struct vm_task_vma *area;
	struct vm_tasks *t;
	struct vm_areas *a;
	size_t n, at = 0;
	if (vm_tasks_get(p->s, &t, NULL) != 0 || vm_tasks_pass(t, NULL) != 0 || vm_areas_get(p->s, &a, NULL) != 0 ||
	    vm_areas_read(a, 0, &area, &n, NULL) != 0)
		return 0;
	struct vm_aspace *as = calloc(1, sizeof(*as));
	int r = as ? 0 : -ENOMEM;
	while (r == 0 && at < n)
		r = hand_over(p, as, t, area, n, &at);
	vm_aspace_free(as);
	return r;
}

static int read_one(struct pass *p, pid_t pid)
{
	struct vm_err why = { 0 };
	struct vm_aspace *as;
	int r = vm_snapshot(p->s, pid, VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, &why);
	if (r == -ESRCH)
		return 0;
	if (r < 0) {
		p->failed(p->ctx, pid, &why);
		return 0;
	}
	r = as->nmaps ? p->take(p->ctx, as, true) : 0;
	vm_aspace_free(as);
	return r;
}

int vm_layouts(struct vm_session *s, vm_layouts_take *take, vm_layouts_failed *failed, void *ctx, struct vm_err *err)
{
	struct pass p = { .s = s, .take = take, .failed = failed, .ctx = ctx };
	struct vm_pids pids = { 0 };
	int r = pass_over_areas(&p);
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = vm_proc_list_dir(s, &pids, err);
	vm_pids_sort(&p.done);
	for (size_t i = 0, k = 0; i < pids.n && r == 0; i++) {
		while (k < p.done.n && p.done.v[k] < pids.v[i])
			k++;
		if (k == p.done.n || p.done.v[k] != pids.v[i])
			r = read_one(&p, pids.v[i]);
	}
	vm_vec_free(&pids);
	vm_vec_free(&p.done);
	return r;
}
