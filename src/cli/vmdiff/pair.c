/** vmdiff: two moments. */

#include "cli/vmdiff/vmdiff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cli/render/text.h"
#include "core/analysis/spacediff.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/diff.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

/** A line: which moment, when, which process. */
static void say_moment(struct vmdiff *v, const char *name, const struct vmdiff_moment *m)
{
	const struct vm_proc *p = &m->as->proc;
	const size_t width = v->report.style.width ? v->report.style.width : 200;
	struct vm_buf line = { 0 };
	vm_buf_addf(&line, "%s  ", name);
	vmdiff_moment_put(m, &line);
	vm_buf_addf(&line, "   %d ", p->pid);
	vm_text_put(&line, p->cmdline && p->cmdline[0] ? p->cmdline : p->comm);
	line.n = vm_text_fit(vm_buf_str(&line), line.n, width);
	vm_report_say(&v->report, "%s\n", vm_buf_str(&line));
	vm_buf_free(&line);
}

/** How they belong together, where that isn't plain. */
static void say_relation(struct vmdiff *v, const struct vmdiff_moment *a, const struct vmdiff_moment *b)
{
	const bool same = vmdiff_same_process(a, b), layout = vm_diff_same_layout(a->as, b->as);
	const double seconds = vmdiff_seconds(a, b);
	char text[VM_NUMBUF];
	if (same && !layout)
		vm_report_say(&v->report, "it executed another program meanwhile: mappings are matched by what they are\n");
	else if (!same && layout)
		vm_report_say(&v->report, "two processes of one layout, as after fork(2): mappings are matched by address\n");
	else if (!same)
		vm_report_say(&v->report, "two processes: mappings are matched by what they are\n");
	if (seconds < 0)
		vm_report_say(&v->report, "B is the earlier one of them\n");
	else if (seconds > 0)
		vm_report_say(&v->report, "%s apart\n", vmdiff_span(seconds, text));
}

static int show_totals(struct vmdiff *v, const struct vmdiff_moment *a, const struct vmdiff_moment *b, struct vm_err *err)
{
	static const char *const keys[] = { "before", "after", "growth" };
	struct vm_diff_process_row row[3];
	const void *rows[3];
	for (unsigned i = 0; i < 3; i++) {
		row[i] = (struct vm_diff_process_row){ .a = &a->as->proc, .b = &b->as->proc, .side = (enum vm_diff_side)i };
		rows[i] = &row[i];
	}
	if (vm_report_is_document(&v->report)) {
		for (unsigned i = 0; i < 3; i++) {
			vm_json_key(&v->report.json, keys[i]);
			vm_json_object_begin(&v->report.json);
			vm_report_members(&v->report, &v->process_view, &row[i]);
			vm_json_object_end(&v->report.json);
		}
		return 0;
	}
	if (vm_report_is_machine(&v->report) || !v->report.style.headings)
		return 0;
	vm_report_say(&v->report, "\n");
	int r = vm_report_list(&v->report, &v->process_view, rows, 3, NULL);
	vm_report_say(&v->report, "\n");
	return r < 0 ? vm_fail_os(err, -r, "cannot write the totals") : 0;
}

/** Rows to show, in the order of their addresses; what hasn't changed is only counted. */
static void choose_rows(struct vmdiff *v, const struct vm_diff *d, const void **rows, size_t *n, size_t *same)
{
	*n = *same = 0;
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct vm_diff_row *row = &d->rows.v[i];
		*same += row->state == VM_DIFF_SAME;
		if ((row->state != VM_DIFF_SAME || v->o->all) && vm_filter_accepts(v->choice.filter, row))
			rows[(*n)++] = row;
	}
}

static int show_rows(struct vmdiff *v, const struct vm_diff *d, struct vm_err *err)
{
	vm_auto_free const void **rows = malloc((d->rows.n + 1) * sizeof(*rows));
	struct vm_sum a, b;
	struct vm_diff_row sum;
	size_t n, same;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	choose_rows(v, d, rows, &n, &same);
	vm_diff_sum((const struct vm_diff_row *const *)rows, n, &a, &b, &sum);
	v->grown = sum.has_growth && sum.growth > 0 && (uint64_t)sum.growth > v->o->tolerate;
	if (vm_sort_rows(&v->choice.sort, rows, n) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	const bool empty = !n && !vm_report_is_machine(&v->report);
	int r = empty ? 0 : vm_report_list(&v->report, &v->choice.view, rows, n, n > 1 ? &sum : NULL);
	const char *what = v->o->by >= 0 ? "group" : "mapping";
	if (vm_report_is_document(&v->report)) {
		vm_json_put_u64(&v->report.json, "unchanged", same);
		vm_json_put_bool(&v->report.json, "grown", v->grown);
	} else if (same && !v->o->all && !v->choice.filter) {
		vm_report_say(&v->report, "%s%zu %s%s unchanged\n", empty ? "" : "\n", same, what, same == 1 ? " is" : "s are");
	} else if (empty) {
		vm_report_say(&v->report, "no %s to show\n", what);
	}
	return r < 0 ? vm_fail_os(err, -r, "cannot write the mappings") : 0;
}

int vmdiff_pair(struct vmdiff *v, const struct vmdiff_moment *a, const struct vmdiff_moment *b, struct vm_err *err)
{
	struct vm_diff d;
	const double seconds = vmdiff_seconds(a, b);
	int r = v->o->by >= 0 ? vm_diff_groups(a->as, b->as, (enum vm_group_by)v->o->by, seconds, &d)
			      : vm_diff_spaces(a->as, b->as, seconds, &d);
	if (r < 0) {
		vm_diff_free(&d);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	if (vm_report_is_document(&v->report)) {
		vmdiff_moment_json(v, "a", a);
		vmdiff_moment_json(v, "b", b);
		vm_json_put_bool(&v->report.json, "same_process", vmdiff_same_process(a, b));
		vm_json_put_bool(&v->report.json, "same_layout", vm_diff_same_layout(a->as, b->as));
		vm_json_put_f64(&v->report.json, "seconds", seconds);
	} else {
		say_moment(v, "A", a);
		say_moment(v, "B", b);
		say_relation(v, a, b);
	}
	r = show_totals(v, a, b, err);
	if (r == 0)
		r = show_rows(v, &d, err);
	vm_diff_free(&d);
	return r;
}
