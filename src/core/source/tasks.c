/** The user-space half of src/bpf/tasks.bpf.c: loads its programs and runs them. */

#include "core/source/tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/tasks.light.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/source/bpf.h"
#include "core/source/session.h"

struct vm_tasks {
	/** 0, or why there are none. */
	int failed;
	struct vm_err why;
	struct tasks_light *light;
	struct vm_bpf_iter all;
	/** Records of the last pass, and of what was asked of one process. */
	struct vm_buf raw, one;
	VM_VEC(struct vm_task_entry) found;
};

/** As many as the last one's number and one. */
static unsigned possible_cpus(struct vm_session *s)
{
	unsigned first, last, n = 0;
	if (vm_session_slurp(s, &s->scratch, "sys/devices/system/cpu/possible") <= 0)
		return 0;
	for (const char *p = s->scratch.s; (p = vm_parse_list(p, &first, &last));)
		n = last + 1;
	return n;
}

static int load(struct vm_tasks *t, struct vm_session *s, struct vm_err *err)
{
	unsigned cpus = possible_cpus(s);
	int r = vm_bpf_allowed(s, true, err);
	if (r == 0)
		r = vm_bpf_first_namespaces(s, err);
	if (r < 0)
		return r;
	if (cpus == 0 || cpus > VM_TASK_CPUS)
		return vm_fail(err, EOPNOTSUPP, "counters of %u CPUs can't be added up", cpus);
	t->light = tasks_light__open();
	if (!t->light)
		return vm_fail(err, ENOMEM, "out of memory");
	r = tasks_light__load(t->light);
	if (r < 0)
		return vm_bpf_fail(err, -r, "the program that looks at tasks");
	t->light->bss->control.cpus = cpus;
	return vm_bpf_iter_open(&t->all, t->light->progs.tasks.prog_fd, 0, false, err);
}

static void tasks_free(struct vm_tasks *t)
{
	vm_bpf_iter_close(&t->all);
	if (t->light)
		tasks_light__destroy(t->light);
	vm_buf_free(&t->raw);
	vm_buf_free(&t->one);
	vm_vec_free(&t->found);
	free(t);
}

int vm_tasks_get(struct vm_session *s, struct vm_tasks **out, struct vm_err *err)
{
	int r = vm_bpf_session(s, err);
	if (r < 0)
		return r;
	if (!s->tasks) {
		struct vm_tasks *t = s->tasks = calloc(1, sizeof(*t));
		if (!t)
			return vm_fail(err, ENOMEM, "out of memory");
		s->tasks_free = tasks_free;
		t->all.link_fd = -1;
		t->failed = load(t, s, &t->why);
	}
	*out = s->tasks;
	if (s->tasks->failed && err)
		*err = s->tasks->why;
	return s->tasks->failed;
}

int vm_tasks_pass(struct vm_tasks *t, struct vm_err *err)
{
	t->found.n = 0;
	int r = vm_bpf_iter_run(&t->all, &t->raw);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot look at tasks");
	if (!vm_vec_reserve(&t->found, t->raw.n / sizeof(struct vm_task_thread)))
		return vm_fail(err, ENOMEM, "out of memory");
	t->found.n = vm_tasks_fold(t->raw.s, t->raw.n, t->found.v, t->found.cap);
	return 0;
}

const struct vm_task_entry *vm_tasks_found(const struct vm_tasks *t, size_t *n)
{
	*n = t->found.n;
	return t->found.v;
}

const struct vm_task_entry *vm_tasks_find(const struct vm_tasks *t, pid_t pid)
{
	return vm_task_entry_find(t->found.v, t->found.n, pid);
}

int vm_tasks_one(struct vm_tasks *t, pid_t pid, struct vm_task_entry *out, struct vm_err *err)
{
	int r = vm_bpf_iter_run_on(t->light->progs.tasks.prog_fd, pid, &t->light->bss->control.tgid, &t->one, err);
	if (r == 0 && (vm_tasks_fold(t->one.s, t->one.n, out, 1) != 1 || out->pid != pid))
		r = vm_fail(err, ESRCH, "there is no process %d", pid);
	return r;
}
