/** vmdiff: many moments, of a live process that is looked at again and again, of captures, or of a recording. */

#include "cli/vmdiff/vmdiff.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/launch.h"
#include "cli/samples.h"
#include "cli/vmdiff/trend.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

int vmdiff_sleep_until(uint64_t deadline_ns, bool *told, struct vm_err *err)
{
	struct vm_signals signals = { .fd = -1 };
	int r = vm_signals_open(&signals, err);
	*told = false;
	if (r < 0)
		return r;
	*told = vm_signals_wait_until(&signals, NULL, deadline_ns);
	vm_signals_close(&signals);
	return 0;
}

bool vmdiff_has_unmet(const struct vm_session *s)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (s->unmet[b].count)
			return true;
	return false;
}

/** What isn't told of the processes of others. */
static const uint32_t of_mappings = VM_NEED_KIND | VM_NEED(SMAPS);

/** Where its mappings may not be read, what everyone may know has to do. */
static int look(struct vmdiff *v, struct vmdiff_moment *m, struct vm_err *err)
{
	int r = vmdiff_moment_read(v, m, err);
	/* Others' mappings may not be read, and not all that is recorded has any. */
	if ((r == -EACCES || r == -EPERM || (!m->s->live && (r == -ENOENT || r == -ENODATA))) && (v->needs & of_mappings)) {
		v->needs &= ~of_mappings;
		vm_session_note(m->s, VM_NEED_BIT_SMAPS, -r, m->pid);
		r = vmdiff_moment_read(v, m, err);
	}
	return r;
}

static int report(struct vm_ctx *ctx, struct vmdiff *v, const struct vmdiff_trend *trend, const struct vmdiff_moment *last,
		  struct vm_err *err)
{
	struct vm_style style;
	vm_common_style(v->common, ctx->out, &style);
	vm_report_open(&v->report, vm_common_sink(v->common), &style, ctx->out);
	vm_document_begin(&v->report, last->s, "vmdiff-trend/1");
	int r = vmdiff_trend_show(v, trend, last, err);
	vm_document_end(&v->report, last->s, vm_clock_ns() - v->began_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	r = r < 0 ? r : closed;
	if (r == 0 && fflush(ctx->out) != 0)
		r = vm_fail_os(err, errno, "cannot write the output");
	return r;
}

/* ---- A live process ----------------------------------------------------------------------------------------------------- */

struct watch {
	struct vm_ctx *ctx;
	struct vmdiff *v;
	struct vmdiff_trend trend;
	/** The sample that was read last; `as` is NULL until there is one. */
	struct vmdiff_moment last;
	uint64_t count, began_ns;
	/** Number of the interval that is next; of the first sample it is none. */
	uint64_t interval;
	bool lines;                /* for people: a line for each sample */
};

/**
 * Stratified: at random within each interval, so that no rhythm of the process meets ours.  Intervals that were slept
 * through are left out: samples side by side would count as many, and say as much as one.
 */
static uint64_t next_sample(struct watch *w)
{
	const uint64_t every = w->v->o->every_ns, now = (vm_clock_ns() - w->began_ns) / every;
	uint32_t random;
	if (w->interval < now)
		w->interval = now;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = UINT32_MAX / 2;
	const double share = (double)random / UINT32_MAX;
	return w->began_ns + (uint64_t)(((double)w->interval++ + share) * (double)every);
}

static int say_sample(struct watch *w, struct vm_err *err)
{
	struct vm_style style;
	struct vm_report report;
	struct vm_trend_row row;
	const time_t now = (time_t)(w->last.time_ns / 1000000000);
	struct tm tm;
	struct vm_buf cells = { 0 };
	const bool exact = w->v->common->bytes;
	vm_common_style(w->v->common, w->ctx->out, &style);
	vm_report_open(&report, vm_common_sink(w->v->common), &style, w->ctx->out);
	if (w->trend.looked == 1)
		vm_report_say(&report, "%-8s %9s %9s %9s  %s\n", "TIME", "MEMORY", "GROWTH", "RATE/H", "SO FAR");
	localtime_r(&now, &tm);
	if (vmdiff_trend_figure(&w->trend, VMDIFF_MEMORY, &row)) {
		const struct vm_growth *g = &row.growth;
		char last[40], growth[40], rate[40];
		vm_value_text(VM_U64((uint64_t)g->last), VM_U_BYTES, exact, last, sizeof(last));
		vm_value_text(VM_I64((int64_t)(g->last - g->first)), VM_U_BYTES, exact, growth, sizeof(growth));
		vm_value_text(row.samples < 3 ? VM_ABSENT : VM_I64((int64_t)(g->rate * 3600)), VM_U_BYTES, exact, rate, sizeof(rate));
		vm_buf_addf(&cells, "%9s %9s %9s  %s", last, growth, rate, vm_growth_words[g->verdict].word);
	}
	vm_report_say(&report, "%02d:%02d:%02d %s\n", tm.tm_hour, tm.tm_min, tm.tm_sec, vm_buf_str(&cells));
	vm_buf_free(&cells);
	int r = vm_report_close(&report, err);
	return r < 0 ? r : fflush(w->ctx->out) != 0 ? vm_fail_os(err, errno, "cannot write the output") : 0;
}

/** 1: it has ended, or is another one now. */
static int take_sample(struct watch *w, struct vm_err *err)
{
	struct vmdiff_moment m = w->last;
	m.as = NULL;
	int r = look(w->v, &m, err);
	if (r == -ESRCH && w->last.as)
		return 1;
	if (r < 0)
		return r;
	if (!w->last.as)
		vm_proc_note_unmet(m.s, &m.as->proc);
	else if (!vmdiff_same_process(&w->last, &m)) {
		vm_aspace_free(m.as);
		return 1;
	}
	vm_aspace_free(w->last.as);
	w->last = m;
	r = vmdiff_trend_add(w->v, &w->trend, &m, err);
	if (r == 0 && w->lines)
		r = say_sample(w, err);
	return r;
}

static int loop(struct watch *w, struct vm_err *err)
{
	const bool each = vm_common_sink(w->v->common)->document && !w->v->common->json &&
			  strcmp(vm_common_sink(w->v->common)->name, "ndjson") == 0;
	bool told = false;
	int r = take_sample(w, err);
	for (uint64_t i = 1; r == 0 && (!w->count || i < w->count); i++) {
		if (each)
			r = report(w->ctx, w->v, &w->trend, &w->last, err);
		if (r == 0)
			r = vmdiff_sleep_until(next_sample(w), &told, err);
		if (told)
			break;
		r = r == 0 ? take_sample(w, err) : r;
	}
	if (r == 1)
		fprintf(stderr, "vmdiff: process %d has ended\n", w->last.pid);
	return r < 0 ? r : 0;
}

int vmdiff_watch(struct vm_ctx *ctx, struct vmdiff *v, int argc, char **argv, struct vm_err *err)
{
	struct watch w = { .ctx = ctx, .v = v, .lines = !vm_common_sink(v->common)->machine };
	if (!v->s->live && !v->s->replay)
		return vm_fail(err, EINVAL, "--every goes with a live process, or one in a recording");
	if (argc > 2)
		return vm_fail(err, EINVAL, "'%s' is one operand too many: PID [COUNT]", argv[2]);
	if (argc == 2 && (vm_parse_u64(argv[1], &w.count) != 0 || w.count == 0))
		return vm_fail(err, EINVAL, "'%s' is not a count", argv[1]);
	if (v->s->replay)
		return vmdiff_recording(ctx, v, argv[0], w.count, err);
	w.last = (struct vmdiff_moment){ .text = argv[0], .s = v->s };
	int r = vm_parse_pid(argv[0], &w.last.pid, err);
	w.began_ns = vm_clock_ns();
	if (r == 0)
		r = loop(&w, err);
	if (r == 0 && w.lines && !v->common->no_headings)
		fputc('\n', ctx->out);
	if (r == 0)
		r = report(ctx, v, &w.trend, &w.last, err);
	vmdiff_trend_free(&w.trend);
	vmdiff_moment_close(v, &w.last);
	return r;
}

/* ---- Captures -------------------------------------------------------------------------------------------------------------- */

static int add_moment(struct vmdiff *v, struct vmdiff_trend *trend, const char *text, struct vmdiff_moment *last, struct vm_err *err)
{
	struct vmdiff_moment m = { 0 };
	int r = vmdiff_moment_open(v, text, &m, err);
	if (r == 0)
		r = vmdiff_moment_settle(&m, last->as ? last->pid : 0, err);
	if (r == 0)
		r = look(v, &m, err);
	if (r == 0)
		vm_proc_note_unmet(m.s, &m.as->proc);
	if (r == 0 && !m.time_ns)
		r = vm_fail(err, EINVAL, "'%s' doesn't say when it was captured", text);
	if (r == 0 && last->as && !vmdiff_same_process(last, &m)) {
		r = vm_fail(err, EINVAL, "'%s' is of another process than '%s'", text, last->text);
		vm_hint(err, "a trend is of one process; two may be compared");
	}
	if (r == 0)
		r = vmdiff_trend_add(v, trend, &m, err);
	if (r < 0) {
		vmdiff_moment_close(v, &m);
		return r;
	}
	vmdiff_moment_close(v, last);
	*last = m;
	return 0;
}

int vmdiff_many(struct vm_ctx *ctx, struct vmdiff *v, int argc, char **argv, struct vm_err *err)
{
	struct vmdiff_trend trend = { 0 };
	struct vmdiff_moment last = { 0 };
	int r = 0;
	for (int i = 0; r == 0 && i < argc; i++)
		r = add_moment(v, &trend, argv[i], &last, err);
	if (r == 0)
		r = report(ctx, v, &trend, &last, err);
	vmdiff_trend_free(&trend);
	vmdiff_moment_close(v, &last);
	return r;
}

/* ---- A recording ----------------------------------------------------------------------------------------------------------- */

/** One moment; 1: the process isn't there, or it is another one by then. */
static int add_recorded(struct vmdiff *v, struct vmdiff_trend *trend, const struct vmdiff_moment *file, struct vmdiff_moment *last,
			struct vm_err *err)
{
	struct vmdiff_moment m = *file;
	int r = look(v, &m, err);
	if (r == -ESRCH)
		return 1;
	if (r < 0)
		return r;
	if (last->as && !vmdiff_same_process(last, &m)) {
		vm_aspace_free(m.as);
		return 1;
	}
	if (!last->as)
		vm_proc_note_unmet(m.s, &m.as->proc);
	vm_aspace_free(last->as);
	*last = m;
	return vmdiff_trend_add(v, trend, &m, err);
}

/** From where the session is to its end.  0, 1, or a negative errno. */
static int add_moments(struct vmdiff *v, struct vmdiff_trend *trend, const struct vmdiff_moment *file, struct vmdiff_moment *last,
		       uint64_t count, struct vm_err *err)
{
	const uint64_t step = v->o->every_ns ? v->o->every_ns : 1;
	int r;
	do {
		r = add_recorded(v, trend, file, last, err);
		if (r >= 0 && (!count || trend->looked < count))
			r = vm_session_advance(file->s, step, err);
	} while (r == 0 && (!count || trend->looked < count));
	return r == -ENODATA ? 0 : r;
}

int vmdiff_recording(struct vm_ctx *ctx, struct vmdiff *v, const char *text, uint64_t count, struct vm_err *err)
{
	struct vmdiff_trend trend = { 0 };
	struct vmdiff_moment file = { 0 }, last = { 0 };
	int r = vmdiff_moment_open(v, text, &file, err);
	if (r == 0)
		r = vmdiff_moment_settle(&file, 0, err);
	if (r == 0 && !file.own)
		r = vm_begin_samples(v->common, file.s, err);
	if (r == 0)
		r = add_moments(v, &trend, &file, &last, count, err);
	if (r >= 0 && !last.as)
		r = vm_fail(err, ESRCH, "there is no process %d in the recording '%s'", file.pid, file.path);
	if (r >= 0)
		r = report(ctx, v, &trend, &last, err);
	vmdiff_trend_free(&trend);
	vm_aspace_free(last.as);
	vmdiff_moment_close(v, &file);
	return r;
}
