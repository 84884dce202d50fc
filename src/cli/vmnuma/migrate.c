/** vmnuma --migrate: moves a process's pages from nodes to nodes, and says what moved. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmnuma/vmnuma.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/cgroupfs.h"
#include "core/source/numacalls.h"
#include "core/source/session.h"

/** One process, by node before and after. */
struct moved {
	struct vm_proc before, after;
	long left;                 /* pages that could not be moved */
};

static int read_process(struct vmnuma *v, pid_t pid, struct vm_proc *p, struct vm_err *err)
{
	int r = vm_proc_read(v->s, pid, VM_NEED(STAT) | VM_NEED(NUMA), &v->arena, p, err);
	if (r == 0 && (p->unmet & VM_NEED(NUMA))) {
		vm_fail_os(err, p->why[VM_NEED_BIT_NUMA], "cannot see where the pages of process %d are", pid);
		r = -p->why[VM_NEED_BIT_NUMA];
	}
	if (r == 0 && !(p->numa && p->numa->have_pages))
		return vm_fail(err, ENODATA, "process %d has no memory of its own", pid);
	return r;
}

static uint64_t sum_on(const struct vm_proc *p, const struct vm_nodemask *m)
{
	const struct vm_numa_sum *s = p->numa;
	uint64_t sum = 0;
	for (unsigned i = 0; s && i < s->nnodes; i++)
		sum += vm_nodemask_has(m, s->ids[i]) ? vm_numa_sum_node(s, i) : 0;
	return sum;
}

static void say_moved(struct vmnuma *v, const struct moved *m, const struct vm_nodemask *from, const struct vm_nodemask *to)
{
	const uint64_t was = sum_on(&m->before, from), is = sum_on(&m->after, from);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	struct vm_buf line = { 0 }, name = { 0 };
	vm_text_put(&name, m->before.comm);
	vm_buf_addf(&line, "CHANGED %d %s: from node ", m->before.pid, vm_buf_str(&name));
	vm_nodemask_put(&line, from);
	vm_buf_add_str(&line, " to ");
	vm_nodemask_put(&line, to);
	vm_buf_addf(&line, ", %s moved of %s", vm_format_size(was > is ? was - is : 0, a), vm_format_size(was, b));
	if (m->left)
		vm_buf_addf(&line, "; %ld pages could not be", m->left);
	vm_report_say(&v->report, "%s\n", vm_buf_str(&line));
	const struct vm_numa_sum *s = m->before.numa, *t = m->after.numa;
	vm_report_say(&v->report, "NODE  BEFORE   AFTER\n");
	for (unsigned i = 0; s && t && i < s->nnodes; i++)
		vm_report_say(&v->report, "%4u %7s %7s\n", s->ids[i], vm_format_size(vm_numa_sum_node(s, i), a),
			      vm_format_size(vm_numa_sum_node(t, i), b));
	vm_buf_free(&line);
	vm_buf_free(&name);
}

static void json_moved(struct vmnuma *v, const struct moved *m, const struct vm_nodemask *from, const struct vm_nodemask *to)
{
	struct vm_json *j = &v->report.json;
	struct vm_buf b = { 0 };
	vm_json_object_begin(j);
	vm_json_put_u64(j, "pid", (uint64_t)m->before.pid);
	vm_json_put_str(&v->report.json, "comm", m->before.comm);
	vm_nodemask_put(&b, from);
	vm_json_put_str(&v->report.json, "from", vm_buf_str(&b));
	b.n = 0;
	vm_nodemask_put(&b, to);
	vm_json_put_str(&v->report.json, "to", vm_buf_str(&b));
	vm_buf_free(&b);
	const uint64_t was = sum_on(&m->before, from), is = sum_on(&m->after, from);
	vm_json_put_u64(j, "moved_bytes", was > is ? was - is : 0);
	vm_json_key(j, "not_moved_pages");
	vm_json_i64(j, m->left);
	vm_json_key(j, "nodes");
	vm_json_array_begin(j);
	for (unsigned i = 0; i < m->before.numa->nnodes; i++) {
		vm_json_object_begin(j);
		vm_json_put_u64(j, "node", m->before.numa->ids[i]);
		vm_json_put_u64(j, "before_bytes", vm_numa_sum_node(m->before.numa, i));
		vm_json_put_u64(j, "after_bytes", vm_numa_sum_node(m->after.numa, i));
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_json_object_end(j);
}

static int migrate_one(struct vmnuma *v, pid_t pid, const struct vm_nodemask *from, const struct vm_nodemask *to,
		       struct vm_err *err)
{
	struct moved m;
	int r = read_process(v, pid, &m.before, err);
	if (r < 0)
		return r;
	m.left = vm_numa_migrate(pid, from, to, err);
	if (m.left < 0)
		return (int)m.left;
	r = read_process(v, pid, &m.after, err);
	if (r < 0)
		return r;
	if (vm_report_is_document(&v->report))
		json_moved(v, &m, from, to);
	else
		say_moved(v, &m, from, to);
	return 0;
}

static int whom(struct vmnuma *v, struct vm_pids *out, struct vm_err *err)
{
	if (v->o->target.cgroup)
		return vm_cgroup_pids(v->s, v->o->target.cgroup, out, err);
	for (size_t i = 0; i < v->pids.n; i++)
		if (!vm_vec_push(out, v->pids.v[i]))
			return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int check(struct vmnuma *v, struct vm_nodemask *from, struct vm_nodemask *to, struct vm_err *err)
{
	if (!v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--migrate moves pages of this machine, not of a %s", vm_session_kind(v->s));
	if (vm_report_is_machine(&v->report) && !vm_report_is_document(&v->report))
		return vm_fail(err, EINVAL, "--migrate writes text or JSON");
	int r = vmnuma_parse_nodes(v, v->o->migrate, from, err);
	if (r == 0)
		r = vmnuma_parse_nodes(v, v->migrate_to, to, err);
	for (size_t i = 0; r == 0 && i < v->nodes.nodes.n; i++)
		if (vm_nodemask_has(to, v->nodes.nodes.v[i].id) && !v->nodes.nodes.v[i].has_memory)
			r = vm_fail(err, EINVAL, "node %u has no memory", v->nodes.nodes.v[i].id);
	return r;
}

static int show(struct vmnuma *v, struct vm_err *err)
{
	struct vm_nodemask from, to;
	struct vm_pids pids = { 0 };
	int r = check(v, &from, &to, err), result = 0;
	if (r == 0)
		r = whom(v, &pids, err);
	if (r == 0 && vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "migrated");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		struct vm_err why = { 0 };
		const int one = migrate_one(v, pids.v[i], &from, &to, &why);
		if (one < 0 && result)
			fprintf(stderr, "vmnuma: %s\n", why.what);
		else if (one < 0)
			*err = why;
		result = result ? result : one;
	}
	if (r == 0 && vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	vm_vec_free(&pids);
	return r < 0 ? r : result;
}

const struct vmnuma_mode vmnuma_migrate = { .name = "migrate", .set = &vm_numa_process_fields, .show = show };
