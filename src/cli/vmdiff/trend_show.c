/** vmdiff: trends, in words and as a document. */

#include "cli/vmdiff/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/text.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

struct figures {
	struct vm_trend_row row[VMDIFF_FIGURES];
	bool known[VMDIFF_FIGURES];
};

static void judge_figures(const struct vmdiff *v, const struct vmdiff_trend *trend, struct figures *f)
{
	for (unsigned i = 0; i < VMDIFF_FIGURES; i++) {
		f->known[i] = vmdiff_trend_figure(trend, (enum vmdiff_figure)i, &f->row[i]);
		f->row[i].people = !vm_report_is_machine(&v->report);
	}
}

static void put_amount(const struct vmdiff *v, struct vm_buf *b, bool count, double amount)
{
	if (count)
		vm_buf_addf(b, fabs(amount) < 10 ? "%.1f" : "%.0f", amount);
	else
		vm_value_put(b, VM_U64((uint64_t)llround(fabs(amount))), VM_U_BYTES, v->common->bytes);
}

/** "growing: memory, by 120.0M an hour (119.8M to 120.2M)" */
static void say_verdict(struct vmdiff *v, const struct vm_trend_row *row)
{
	const struct vm_growth *g = &row->growth;
	struct vm_buf line = { 0 };
	if (g->verdict != VM_GROWTH_GROWING) {
		vm_buf_addf(&line, "%s: %s %s", vm_growth_words[g->verdict].word, row->figure, vm_growth_words[g->verdict].sentence);
	} else {
		vm_buf_addf(&line, "growing: %s, by ", row->figure);
		put_amount(v, &line, row->count, g->rate * 3600);
		vm_buf_add_str(&line, " an hour (");
		put_amount(v, &line, row->count, g->low * 3600);
		vm_buf_add_str(&line, " to ");
		put_amount(v, &line, row->count, g->high * 3600);
		vm_buf_add_str(&line, ")");
		if (g->floor.n)
			vm_buf_addf(&line, ", by the minima after %zu drops", g->drops);
	}
	vm_report_wrap(&v->report, 0, "", vm_buf_str(&line), 80);
	vm_buf_free(&line);
}

static void say_limit(struct vmdiff *v, const struct vm_limit_row *l)
{
	char in[VM_NUMBUF], from[VM_NUMBUF], to[VM_NUMBUF];
	struct vm_buf line = { 0 };
	if (!(l->seconds >= 0) || isinf(l->seconds))
		return;
	vm_buf_addf(&line, "in %s ", vmdiff_span(l->seconds, in));
	vmdiff_span(l->soonest, from);
	if (isinf(l->latest))
		vm_buf_addf(&line, "(%s to never) ", from);
	else if (strcmp(from, vmdiff_span(l->latest, to)) != 0)
		vm_buf_addf(&line, "(%s to %s) ", from, to);
	vm_buf_addf(&line, "it uses up %s: ", l->name);
	put_amount(v, &line, l->of->count, (double)l->room);
	vm_buf_add_str(&line, " left");
	vm_report_wrap(&v->report, 2, "", vm_buf_str(&line), 80);
	vm_buf_free(&line);
}

static void say_all(struct vmdiff *v, const struct figures *f, const struct vm_limit_row *limit, size_t n)
{
	for (unsigned i = 0; i < VMDIFF_FIGURES; i++) {
		if (!f->known[i] || (i != VMDIFF_MEMORY && f->row[i].growth.verdict != VM_GROWTH_GROWING))
			continue;
		say_verdict(v, &f->row[i]);
		for (size_t k = 0; k < n; k++)
			if (limit[k].of == &f->row[i])
				say_limit(v, &limit[k]);
	}
}

static void say_heading(struct vmdiff *v, const struct vmdiff_trend *trend, const struct vmdiff_moment *last)
{
	const struct vm_proc *p = &last->as->proc;
	const double seconds = trend->t.n ? trend->t.v[trend->t.n - 1] : 0;
	struct vm_buf line = { 0 };
	char text[VM_NUMBUF];
	vm_buf_addf(&line, "%d ", p->pid);
	vm_text_put(&line, p->cmdline && p->cmdline[0] ? p->cmdline : p->comm);
	line.n = vm_text_fit(vm_buf_str(&line), line.n, v->report.style.width ? v->report.style.width : 200);
	vm_report_say(&v->report, "%s\n%zu sample%s in %s\n\n", vm_buf_str(&line), trend->looked, trend->looked == 1 ? "" : "s",
		      vmdiff_span(seconds, text));
	vm_buf_free(&line);
}

/* ---- Lists ------------------------------------------------------------------------------------------------------------ */

static int show_figures(struct vmdiff *v, const struct figures *f, struct vm_err *err)
{
	struct vm_view view = v->choice.view;
	const void *rows[VMDIFF_FIGURES];
	size_t n = 0;
	int r = 0;
	/* Without headings there are only the rows that -o and --filter speak of. */
	if (!vm_report_is_machine(&v->report) && !v->report.style.headings)
		return 0;
	/* Lists of CSV and OpenMetrics have one form. */
	if (vm_report_is_document(&v->report))
		r = vm_columns_parse(&vm_trend_fields, "-KIND,-MAPPING", VM_F_MACHINE, &view.cols, err);
	else if (!vm_report_is_machine(&v->report))
		r = vm_columns_parse(&vm_trend_fields, "VERDICT,FIGURE,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS", 0, &view.cols, err);
	if (r < 0)
		return r;
	view.name = "figures";
	for (unsigned i = 0; i < VMDIFF_FIGURES; i++)
		if (f->known[i])
			rows[n++] = &f->row[i];
	r = vm_report_list(&v->report, &view, rows, n, NULL);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the figures") : 0;
}

static int judge_groups(const struct vmdiff *v, const struct vmdiff_trend *trend, struct vm_trend_row *row, const void **rows,
			size_t *n, struct vm_err *err)
{
	*n = 0;
	for (size_t g = 0; g < trend->groups.n; g++) {
		const struct vmdiff_group *group = &trend->groups.v[g];
		row[g] = (struct vm_trend_row){
			.figure = "memory", .group = &group->key->m, .samples = trend->t.n,
			.people = !vm_report_is_machine(&v->report),
		};
		if (vm_growth_judge(trend->t.v, group->y.v, trend->t.n, &row[g].growth) < 0)
			return vm_fail(err, ENOMEM, "out of memory");
		const bool moves = row[g].growth.most > row[g].growth.least;
		if ((moves || v->o->all) && vm_filter_accepts(v->choice.filter, &row[g]))
			rows[(*n)++] = &row[g];
	}
	return vm_sort_rows(&v->choice.sort, rows, *n) < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

/** Total growth of the time that was looked at counts. */
static bool counts(const struct vmdiff *v, const struct vmdiff_trend *trend, const struct vm_trend_row *row)
{
	return row->growth.verdict == VM_GROWTH_GROWING &&
	       row->growth.rate * trend->t.v[trend->t.n - 1] > (double)v->o->tolerate;
}

static int show_groups(struct vmdiff *v, const struct vmdiff_trend *trend, struct vm_err *err)
{
	vm_auto_free struct vm_trend_row *row = malloc((trend->groups.n + 1) * sizeof(*row));
	vm_auto_free const void **rows = malloc((trend->groups.n + 1) * sizeof(*rows));
	struct vm_view view = v->choice.view;
	size_t n;
	if (!row || !rows)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = judge_groups(v, trend, row, rows, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; v->choice.filter && i < n; i++)
		v->grown = v->grown || counts(v, trend, rows[i]);
	if (!n && !vm_report_is_machine(&v->report))
		return 0;
	vm_report_say(&v->report, "\n");
	r = vm_report_list(&v->report, &view, rows, n, NULL);
	if (n < trend->groups.n && !v->o->all && !v->choice.filter)
		vm_report_say(&v->report, "%zu group%s never changed\n", trend->groups.n - n, trend->groups.n - n == 1 ? "" : "s");
	return r < 0 ? vm_fail_os(err, -r, "cannot write the groups") : 0;
}

static int show_limits(struct vmdiff *v, const struct vm_limit_row *limit, size_t n, struct vm_err *err)
{
	struct vm_view view = { .set = &vm_limit_fields, .name = vm_limit_fields.rows };
	const void *rows[VMDIFF_LIMITS];
	for (size_t i = 0; i < n; i++)
		rows[i] = &limit[i];
	int r = vm_columns_parse(view.set, NULL, VM_F_MACHINE, &view.cols, err);
	if (r < 0)
		return r;
	r = vm_report_list(&v->report, &view, rows, n, NULL);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the limits") : 0;
}

int vmdiff_trend_show(struct vmdiff *v, const struct vmdiff_trend *trend, const struct vmdiff_moment *last, struct vm_err *err)
{
	struct figures f;
	char name[VMDIFF_LIMITS][VMDIFF_LIMIT_NAME];
	struct vm_limit_row limit[VMDIFF_LIMITS];
	judge_figures(v, trend, &f);
	const size_t limits = vmdiff_limits(last, f.row, f.known, name, limit);
	const bool document = vm_report_is_document(&v->report);
	if (document) {
		vmdiff_moment_json(v, "process", last);
		vm_json_put_u64(&v->report.json, "samples", trend->looked);
		vm_json_put_f64(&v->report.json, "seconds", trend->t.n ? trend->t.v[trend->t.n - 1] : NAN);
	} else {
		say_heading(v, trend, last);
	}
	/* With a filter it is the groups that are asked for. */
	v->grown = !v->choice.filter && f.known[VMDIFF_MEMORY] && counts(v, trend, &f.row[VMDIFF_MEMORY]);
	int r = show_figures(v, &f, err);
	if (r == 0 && trend->has_groups)
		r = show_groups(v, trend, err);
	if (r == 0 && document) {
		r = show_limits(v, limit, limits, err);
		vm_json_put_bool(&v->report.json, "grown", v->grown);
	}
	vm_report_say(&v->report, "\n");
	say_all(v, &f, limit, limits);
	return r;
}
