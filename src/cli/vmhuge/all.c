/** vmhuge -a, and vmhuge PID... INTERVAL: a row for each process. */

#include "cli/vmhuge/vmhuge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hugelook.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/session.h"
#include "core/source/source.h"

struct rows {
	VM_VEC(struct vm_huge_process_row) v;
};

/** What isn't there any more, or never had memory, is no row. */
static int add_process(struct vmhuge *v, struct vm_huge_world *w, pid_t pid, uint64_t since_ns, struct rows *rows,
		       struct vm_err *err)
{
	struct vm_huge_look p;
	int r = vm_huge_look_read(v->s, w, &(struct vm_huge_ask){ pid, v->from, v->to, v->o->via }, &p, err);
	p.row.since_ns = since_ns;
	if (r == 0 && p.row.total.resident && !vm_vec_push(&rows->v, p.row))
		r = vm_fail(err, ENOMEM, "out of memory");
	vm_huge_look_free(&p);
	return r;
}

static int add_all(struct vmhuge *v, struct vm_huge_world *w, struct rows *rows, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	struct vm_err why;
	int r = vm_proc_list(v->s, &pids, err);
	for (size_t i = 0; i < pids.n && r == 0; i++) {
		int e = pids.v[i] == getpid() ? 0 : add_process(v, w, pids.v[i], 0, rows, &why);
		/* Recordings have mappings of some processes only. */
		if (e == -EACCES || e == -EPERM || (e == -ENOENT && !v->s->live))
			vm_session_note(v->s, VM_NEED_BIT_LAYOUT, -e, pids.v[i]);
		else if (e == -ENOMEM)
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	vm_vec_free(&pids);
	return r;
}

/* ---- All processes ------------------------------------------------------------------------------------------------ */

/** What could be won first. */
static int by_could(const void *a_, const void *b_)
{
	const struct vm_huge_process_row *a = a_, *b = b_;
	if (a->could_bytes != b->could_bytes)
		return a->could_bytes < b->could_bytes ? 1 : -1;
	if (a->total.resident != b->total.resident)
		return a->total.resident < b->total.resident ? 1 : -1;
	return a->proc.pid - b->proc.pid;
}

static int show_all(struct vmhuge *v, struct rows *rows, struct vm_err *err)
{
	int r = vmhuge_report_begin(v, "all", err);
	if (r < 0)
		return r;
	if (rows->v.n)
		qsort(rows->v.v, rows->v.n, sizeof(rows->v.v[0]), by_could);
	r = vmhuge_list(v, &vm_huge_process_fields, true, NULL, rows->v.v, rows->v.n, sizeof(rows->v.v[0]), NULL, err);
	int ended = vmhuge_report_end(v, r == 0 ? err : NULL);
	return r < 0 ? r : ended;
}

static int sample_all(void *ctx, unsigned nth, uint64_t since_ns, struct vm_err *err)
{
	struct vmhuge *v = ctx;
	struct vm_huge_world w;
	struct rows rows = { 0 };
	if (nth)
		v->began_ns = vm_clock_ns();
	(void)since_ns;
	int r = vm_huge_world_read(v->s, &w, err);
	if (r == 0)
		r = add_all(v, &w, &rows, err);
	if (r == 0)
		r = show_all(v, &rows, err);
	vm_vec_free(&rows.v);
	vm_huge_world_free(&w);
	return r;
}

int vmhuge_all(struct vmhuge *v, struct vm_err *err)
{
	return vmhuge_repeat(v, sample_all, v, err);
}

/* ---- Some, in samples --------------------------------------------------------------------------------------------- */

struct samples {
	struct vmhuge *v;
	struct vmhuge_lines lines;
};

static int show_lines(struct samples *x, struct rows *rows, struct vm_err *err)
{
	struct vmhuge *v = x->v;
	int r = 0;
	if (v->sink->document)
		return show_all(v, rows, err);
	r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	for (size_t i = 0; i < rows->v.n && r == 0; i++) {
		r = vmhuge_lines_put(v, &x->lines, &rows->v.v[i]);
		v->style.headings &= !v->sink->machine;
	}
	int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the sample") : closed;
}

/** Those that are left; -ESRCH: none. */
static int sample_some(void *ctx, unsigned nth, uint64_t since_ns, struct vm_err *err)
{
	struct samples *x = ctx;
	struct vm_huge_world w;
	struct rows rows = { 0 };
	size_t gone = 0;
	if (nth)
		x->v->began_ns = vm_clock_ns();
	int r = vm_huge_world_read(x->v->s, &w, err);
	for (size_t i = 0; i < x->v->npids && r == 0; i++) {
		r = add_process(x->v, &w, x->v->pids[i], since_ns, &rows, err);
		if (r == -ESRCH && (nth || x->v->npids > 1)) {
			gone++;
			r = 0;
		}
	}
	if (r == 0 && rows.v.n)
		r = show_lines(x, &rows, err);
	vm_vec_free(&rows.v);
	vm_huge_world_free(&w);
	/* Their end is the end, not a failure, once something was shown. */
	return r == 0 && gone == x->v->npids ? nth ? VMHUGE_OVER : -ESRCH : r;
}

int vmhuge_samples(struct vmhuge *v, struct vm_err *err)
{
	struct samples x = { .v = v };
	int r = 0;
	if (!v->sink->document)
		r = vmhuge_lines_begin(v, &vm_huge_process_fields, "SINCE,PID,RSS,HUGE,HUGE%,COULD,COSTS,REACH%,WHY,COMM", &x.lines, err);
	if (r == 0)
		r = vmhuge_repeat(v, sample_some, &x, err);
	if (!v->sink->document)
		vmhuge_lines_end(&x.lines);
	return r;
}
