/** vmfault: reports for programs. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/source/session.h"

enum { FINDINGS = 8 };

static void put_targets(struct vmfault *v, struct vm_json *j)
{
	static const char *const whom[] = {
		[VM_OF_PIDS] = "pids", [VM_OF_CGROUP] = "cgroup", [VM_OF_ALL] = "all",
		[VM_OF_COMMAND] = "command",
	};
	vm_json_put_str(j, "target", whom[v->ask.whom]);
	vm_json_key(j, "pids");
	vm_json_array_begin(j);
	for (size_t i = 0; i < v->ask.npids; i++)
		vm_json_u64(j, (uint64_t)v->ask.pids[i]);
	vm_json_array_end(j);
	vm_json_put_str(j, "command", v->child.name);
	vm_json_put_str(j, "cgroup", v->ask.cgroup);
}

static void put_sums(struct vmfault *v, const struct vm_faultset *f, struct vm_json *j)
{
	const struct vm_fault_count sum = vm_faultset_resolved(f);
	const struct vm_fault_kind_row all = vm_fault_total_row(f);
	const struct vmfault_unseen unseen = vmfault_unseen(f);
	(void)v;
	vm_json_put_known(j, "wall_ns", true, f->now_ns - f->began_ns);
	vm_json_put_known(j, "cpu_ns", f->cpu_ns != UINT64_MAX, f->cpu_ns);
	vm_json_put_known(j, "fault_time_ns", f->have_times, all.c.ns);
	vm_json_key(j, "faults");
	vm_json_object_begin(j);
	vm_json_put_known(j, "total", true, all.c.count);
	vm_json_put_known(j, "minor", true, sum.count - sum.major);
	vm_json_put_known(j, "major", true, sum.major);
	vm_json_put_known(j, "invalid", vm_faultset_knows_invalid(f), vm_faultset_invalid(f));
	vm_json_put_known(j, "unresolved", vm_faultset_knows_invalid(f), f->kind[VM_FAULT_UNRESOLVED].count);
	vm_json_put_known(j, "kernel", vm_faultset_knows_mode(f), all.c.kernel);
	vm_json_object_end(j);
	vm_json_key(j, "counters");
	vm_json_object_begin(j);
	vm_json_put_known(j, "minor_faults", f->own_known, f->own_minor);
	vm_json_put_known(j, "major_faults", f->own_known, f->own_major);
	vm_json_put_known(j, "minor_unseen", unseen.known, unseen.minor);
	vm_json_put_known(j, "major_unseen", unseen.known, unseen.major);
	vm_json_object_end(j);
	vm_json_key(j, "lost");
	vm_json_object_begin(j);
	vm_json_put_known(j, "events", true, f->lost.events);
	vm_json_put_known(j, "groups", true, f->lost.groups);
	vm_json_put_known(j, "stacks", true, f->lost.stacks);
	vm_json_put_known(j, "threads", true, f->lost.threads);
	vm_json_put_known(j, "notes", true, f->lost.notes);
	vm_json_put_known(j, "unmatched", true, f->lost.unmatched);
	vm_json_object_end(j);
}

static void put_kind_counts(struct vm_json *j, const struct vm_fault_place_row *row)
{
	vm_json_key(j, "kinds");
	vm_json_object_begin(j);
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (row->kinds[k])
			vm_json_put_known(j, vm_fault_kinds[k].key, true, row->kinds[k]);
	vm_json_object_end(j);
}

static int choose(struct vmfault *v, const struct vm_fieldset *set, struct vm_choice *c, struct vm_err *err)
{
	/* Of a document with several lists, -o and --filter speak of one. */
	struct vm_common common = *v->common;
	if (set != vmfault_fields(v->o->by))
		common.columns = common.sort = common.filter = NULL;
	return vm_choice_parse(&common, set, c, err);
}

static int put_kinds(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	struct vm_fault_kind_row rows[VM_FAULT_KIND_NR];
	const size_t n = vm_fault_kind_rows(f, false, rows);
	struct vm_choice c;
	size_t kept;
	int r = choose(v, &vm_fault_kind_fields, &c, err);
	if (r < 0)
		return r;
	c.view.name = "kinds";
	const void **which = vm_choice_apply(&c, rows, n, sizeof(rows[0]), &kept);
	r = which ? vm_report_list(&v->report, &c.view, which, kept, NULL) : -ENOMEM;
	free(which);
	vm_choice_free(&c);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the rows") : 0;
}

static int put_rows(struct vmfault *v, const struct vm_choice *c, const struct vm_fault_places *p, bool kinds)
{
	struct vm_json *j = &v->report.json;
	const unsigned indent = j->indent;
	size_t n;
	const void **which = vm_choice_apply(c, p->row.v, p->row.n, sizeof(*p->row.v), &n);
	for (size_t i = 0; which && i < n; i++) {
		vm_json_object_begin(j);
		j->indent = 0;
		vm_report_members(&v->report, &c->view, which[i]);
		if (kinds)
			put_kind_counts(j, which[i]);
		vm_json_object_end(j);
		j->indent = indent;
	}
	free(which);
	return which ? 0 : -ENOMEM;
}

static int put_places(struct vmfault *v, const struct vm_faultset *f, enum vmfault_by by, struct vm_err *err)
{
	const struct vm_fieldset *set = vmfault_fields((int)by);
	struct vm_json *j = &v->report.json;
	struct vm_fault_places p = { 0 };
	struct vm_choice c;
	int r = choose(v, set, &c, err);
	if (r < 0)
		return r;
	vm_json_key(j, set->rows);
	vm_json_array_begin(j);
	if (!vmfault_places(v, f, by, &p) || put_rows(v, &c, &p, by != VMFAULT_BY_THREAD) < 0)
		r = vm_fail(err, ENOMEM, "out of memory");
	vm_json_array_end(j);
	vm_fault_places_free(&p);
	vm_choice_free(&c);
	return r;
}

static void put_series(struct vmfault *v, struct vm_json *j)
{
	const struct vmfault_series *s = &v->series;
	vm_json_key(j, "timeline");
	vm_json_object_begin(j);
	vm_json_put_known(j, "step_ns", s->n > 0, s->step_ns);
	vm_json_key(j, "faults");
	vm_json_array_begin(j);
	const unsigned indent = j->indent;
	j->indent = 0;
	for (size_t i = 0; i < s->n; i++)
		vm_json_u64(j, s->faults[i]);
	vm_json_array_end(j);
	j->indent = indent;
	vm_json_object_end(j);
}

static void put_findings(struct vmfault *v, const struct vm_faultset *f, struct vm_json *j)
{
	struct vmfault_finding found[FINDINGS];
	const size_t n = vmfault_verdict(v, f, found, FINDINGS);
	vm_json_key(j, "findings");
	vm_json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		vm_json_object_begin(j);
		vm_json_put_str(j, "finding", found[i].key);
		vm_json_put_str(j, "text", found[i].text);
		vm_json_put_str(j, "evidence", found[i].evidence);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
}

int vmfault_json(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	struct vm_json *j = &v->report.json;
	const char *why = vm_faults_why_not(v->faults);
	vm_document_begin(&v->report, v->s, "vmfault/1");
	vm_json_put_str(j, "source", vm_faults_backend(v->faults)->name);
	vm_json_put_str(j, "why_not", *why ? why : NULL);
	vm_json_key(j, "user_mode_only");
	vm_json_bool(j, f->user_only);
	put_targets(v, j);
	put_sums(v, f, j);
	int r = put_kinds(v, f, err);
	if (r == 0)
		r = put_places(v, f, v->o->by == VMFAULT_BY_FILE ? VMFAULT_BY_FILE : VMFAULT_BY_MAPPING, err);
	if (r == 0)
		r = put_places(v, f, VMFAULT_BY_SITE, err);
	if (r == 0 && v->ask.stacks)
		r = put_places(v, f, VMFAULT_BY_STACK, err);
	if (r == 0)
		r = put_places(v, f, VMFAULT_BY_THREAD, err);
	put_series(v, j);
	put_findings(v, f, j);
	vm_json_put_known(j, "exit_status", v->child.ended, (uint64_t)v->child.status);
	vm_document_end(&v->report, v->s, f->now_ns - f->began_ns);
	return r;
}
