/** The user-space half of src/bpf/areas.bpf.c: loads its program and runs it. */

#include "core/source/areas.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/areas.light.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/bpf.h"
#include "core/source/session.h"

struct vm_areas {
	/** 0, or why there are none. */
	int failed;
	struct vm_err why;
	struct areas_light *light;
	struct vm_buf found;
};

static int load(struct vm_areas *a, struct vm_session *s, struct vm_err *err)
{
	int r = vm_bpf_allowed(s, true, err);
	if (r == 0)
		r = vm_bpf_first_namespaces(s, err);
	if (r < 0)
		return r;
	a->light = areas_light__open();
	if (!a->light)
		return vm_fail(err, ENOMEM, "out of memory");
	r = areas_light__load(a->light);
	return r < 0 ? vm_bpf_fail(err, -r, "the program that looks at mappings") : 0;
}

static void areas_free(struct vm_areas *a)
{
	if (a->light)
		areas_light__destroy(a->light);
	vm_buf_free(&a->found);
	free(a);
}

int vm_areas_get(struct vm_session *s, struct vm_areas **out, struct vm_err *err)
{
	int r = vm_bpf_session(s, err);
	if (r < 0)
		return r;
	if (!s->areas) {
		struct vm_areas *a = s->areas = calloc(1, sizeof(*a));
		if (!a)
			return vm_fail(err, ENOMEM, "out of memory");
		s->areas_free = areas_free;
		a->failed = load(a, s, &a->why);
	}
	*out = s->areas;
	if (s->areas->failed && err)
		*err = s->areas->why;
	return s->areas->failed;
}

int vm_areas_read(struct vm_areas *a, pid_t pid, const struct vm_task_vma **out, size_t *n, struct vm_err *err)
{
	int r = vm_bpf_iter_run_on(a->light->progs.areas.prog_fd, pid, &a->light->bss->control.tgid, &a->found, err);
	if (r < 0)
		return r;
	*out = (const void *)a->found.s;
	*n = a->found.n / sizeof(**out);
	return 0;
}
