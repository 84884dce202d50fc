/**
 * vmdiff(1): what changed between two moments, and what keeps growing.
 * - moments as they are named: moment.c;  two of them: pair.c;  more: watch.c, trend.c
 * - which mapping is which: core/analysis/spacediff.h;  columns: core/field/diff.c, trend.c
 * - leak or sawtooth: core/analysis/growth.h;  what ends it: limits.c
 */

#include "cli/vmdiff/vmdiff.h"

#include <errno.h>
#include <string.h>

#include "cli/samples.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/diff.h"
#include "core/field/trend.h"
#include "core/model/aspace.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { GROUP_TIME = 1 };

#define AT(member) offsetof(struct vmdiff_options, member)

static const char *const by_words[] = { "kind", "file", "perm", "name", "page", NULL };

static const struct vm_opt opts[] = {
	{ .name = "by", .arg = "kind|file|perm|name|page", .type = VM_OPT_ENUM, .at = AT(by), .words = by_words,
	  .help = "sum up mappings that have this in common",
	  .man = "Over time they always are: by name, if nothing else is said." },
	{ .name = "all", .type = VM_OPT_FLAG, .at = AT(all), .help = "what hasn't changed, too" },
	{ .short_name = 'w', .name = "wait", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(wait_ns), .min = 1000000,
	  .group = GROUP_TIME, .help = "compare the process with itself after TIME",
	  .man = "^C ends the time; what there is by then is shown." },
	{ .short_name = 'e', .name = "every", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(every_ns), .min = 1000000,
	  .group = GROUP_TIME, .help = "hunt leaks: look at a process every TIME, COUNT times or until ^C",
	  .man = "Seconds, or with a unit. Each look is at a random moment of its interval, so that what comes and goes as often "
		 "isn't taken for what grows." },
	{ .name = "fail-on-growth", .type = VM_OPT_FLAG, .at = AT(fail_on_growth),
	  .help = "end with 6 if memory has grown, or keeps growing",
	  .man = "Memory is resident and swapped out, of what \\fB--filter\\fP leaves. Over time it is the verdict "
		 "\\fBgrowing\\fP that counts." },
	{ .name = "tolerate", .arg = "SIZE", .type = VM_OPT_SIZE, .at = AT(tolerate),
	  .help = "with --fail-on-growth: growth up to SIZE doesn't count" },
	VM_OPT_END,
};

static const struct vmdiff_options defaults = { .by = -1 };

static const struct vm_example examples[] = {
	{ "vmmap --capture before 4242; vmdiff before", "what has changed since" },
	{ "vmdiff before after", "two captures, on any machine" },
	{ "vmdiff day.vmrec@10:00 day.vmrec@-5m", "two moments of a recording" },
	{ "vmdiff day.vmrec:4242", "what a recorded process has kept growing by" },
	{ "vmdiff -w 10 4242", "what changes in ten seconds" },
	{ "vmdiff --every 60 4242", "does it leak, where, how fast, and when does that end" },
	{ "vmdiff --every 10 4242 100 --fail-on-growth", "for scripts: a thousand seconds" },
	{ "vmdiff monday tuesday wednesday thursday friday", "the same of captures" },
	{ "vmdiff 4242 4711", "two processes of one program: what the one has and the other hasn't" },
	{ "vmdiff --by kind before after", "summed up" },
	{ "vmdiff --fail-on-growth --tolerate 1M --filter 'KIND == heap' before", "for scripts" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = { &vm_diff_fields, &vm_trend_fields, &vm_diff_process_fields, NULL };

/* ---- What is shown ------------------------------------------------------------------------------------------------- */

static const char *group_columns(int by)
{
	static const char *const columns[] = {
		"STATE,COUNT+,MEM+,SIZE+,RSS+,PSS+,KIND", "STATE,COUNT+,MEM+,SIZE+,RSS+,PSS+,KIND,MAPPING",
		"STATE,COUNT+,MEM+,SIZE+,RSS+,PSS+,PERM", "STATE,COUNT+,MEM+,SIZE+,RSS+,PSS+,KIND,MAPPING",
		"STATE,COUNT+,MEM+,SIZE+,RSS+,PSS+,PAGE",
	};
	return columns[by];
}

/** Of trends, likewise. */
static const char *trend_columns(int by)
{
	static const char *const columns[] = {
		"VERDICT,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS,KIND", "VERDICT,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS,KIND,MAPPING",
		"VERDICT,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS,PERM", "VERDICT,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS,KIND,MAPPING",
		"VERDICT,NOW,GROWTH,RATE/H,LOW/H,HIGH/H,DROPS,PAGE",
	};
	return columns[by];
}

static int choose_trend(struct vmdiff *v, struct vm_err *err)
{
	struct vm_common common = *v->common;
	if (v->o->by >= 0 && !common.columns && !vm_common_sink(v->common)->machine)
		common.columns = trend_columns(v->o->by);
	int r = vm_choice_parse(&common, &vm_trend_fields, &v->choice, err);
	if (r == 0 && !v->choice.sort.field)
		r = vm_sort_parse(&vm_trend_fields, "RATE/H", &v->choice.sort, err);
	v->needs = VM_NEED_KIND | VM_NEED(SMAPS) | VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(CMDLINE) | VM_NEED(LIMITS) |
		   VM_NEED(CGROUP);
	return r;
}

static int choose_pair(struct vmdiff *v, struct vm_err *err)
{
	struct vm_common common = *v->common;
	const bool machine = vm_common_sink(v->common)->machine;
	if (v->o->by >= 0 && !common.columns && !machine)
		common.columns = group_columns(v->o->by);
	int r = vm_choice_parse(&common, &vm_diff_fields, &v->choice, err);
	if (r == 0 && !v->choice.sort.field)
		r = vm_sort_parse(&vm_diff_fields, "MEM+", &v->choice.sort, err);
	v->process_view = (struct vm_view){ .set = &vm_diff_process_fields, .name = vm_diff_process_fields.rows };
	if (r == 0)
		r = vm_columns_parse(&vm_diff_process_fields, NULL, machine ? VM_F_MACHINE : VM_F_DEFAULT, &v->process_view.cols, err);
	v->needs = v->choice.needs | vm_columns_needs(&vm_diff_process_fields, &v->process_view.cols) | VM_NEED_KIND |
		   VM_NEED(SMAPS) | VM_NEED(STAT) | VM_NEED(CMDLINE);
	return r;
}

/* ---- Moments --------------------------------------------------------------------------------------------------------- */

static int check(const struct vmdiff *v, int argc, struct vm_err *err)
{
	if (v->o->tolerate && !v->o->fail_on_growth)
		return vm_fail(err, EINVAL, "--tolerate goes with --fail-on-growth");
	if (v->o->wait_ns && argc != 1)
		return vm_fail(err, EINVAL, "--wait goes with one process");
	if (argc == 0) {
		vm_fail(err, EINVAL, "name two moments");
		vm_hint(err, "vmdiff A B, each a process, a capture, or FILE@TIME of a recording; --help tells more");
		return -EINVAL;
	}
	return 0;
}

/** The other moment of one that stands alone: the same process now; of a recording's, at its end. */
static int open_now(struct vmdiff *v, const struct vmdiff_moment *a, struct vmdiff_moment *b, struct vm_err *err)
{
	const bool replays = v->s->replay && !a->own;
	*b = (struct vmdiff_moment){ .text = a->text, .s = v->s, .pid = a->pid };
	if (v->o->wait_ns && !replays && (a->own || !v->s->live))
		return vm_fail(err, EINVAL, "--wait goes with a live process, or one in a recording");
	if (replays) {
		b->from = a->from;
		b->path = strdup(a->path);
		return b->path ? 0 : vm_fail(err, ENOMEM, "out of memory");
	}
	if (v->o->wait_ns || a->own)
		return 0;
	vm_fail(err, EINVAL, "only one moment is named: process %d now", a->pid);
	vm_hint(err, "compare it with a capture, a recording's moment or another process, or --wait for it to change");
	return -EINVAL;
}

/** From A to B of one process. */
static int go_on(struct vmdiff *v, struct vm_err *err)
{
	bool told;
	const struct vm_recording *rec = vm_session_recording(v->s);
	if (!rec)
		return v->o->wait_ns ? vmdiff_sleep_until(vm_clock_ns() + v->o->wait_ns, &told, err) : 0;
	if (!v->o->wait_ns)
		return vm_session_seek(v->s, vm_recording_count(rec) - 1, err);
	const int r = vm_session_advance(v->s, v->o->wait_ns, err);
	return r == -ENODATA ? vm_fail(err, ENODATA, "the recording ends before that time is over") : r;
}

static int read_both(struct vmdiff *v, struct vmdiff_moment *a, struct vmdiff_moment *b, bool alone, struct vm_err *err)
{
	int r = v->o->wait_ns ? vm_begin_samples(v->common, v->s, err) : 0;
	if (r == 0)
		r = vmdiff_moment_read(v, a, err);
	if (r == 0 && alone && !a->own)
		r = go_on(v, err);
	if (r == 0)
		r = vmdiff_moment_read(v, b, err);
	if (r < 0)
		return r;
	vm_proc_note_unmet(a->s, &a->as->proc);
	vm_proc_note_unmet(b->s, &b->as->proc);
	if (alone && !a->own && v->s->replay && !vmdiff_same_process(a, b))
		return vm_fail(err, ESRCH, "process %d has ended before the recording does; another one has its number then", a->pid);
	if (alone && !vmdiff_same_process(a, b))
		return vm_fail(err, ESRCH, "process %d of %s has ended; another one has its number now", a->pid,
			       a->own ? a->text : "before");
	return r;
}

/** The document is of the later moment's machine: captures alone give the same bytes whenever and wherever they are read. */
static int report(struct vm_ctx *ctx, struct vmdiff *v, struct vmdiff_moment *a, struct vmdiff_moment *b, struct vm_err *err)
{
	struct vm_style style;
	vm_common_style(v->common, ctx->out, &style);
	vm_report_open(&v->report, vm_common_sink(v->common), &style, ctx->out);
	vm_document_begin(&v->report, b->s, "vmdiff/1");
	int r = vmdiff_pair(v, a, b, err);
	vm_document_end(&v->report, b->s, vm_clock_ns() - v->began_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}

static int run_pair(struct vm_ctx *ctx, struct vmdiff *v, int argc, char **argv, struct vm_err *err)
{
	struct vmdiff_moment a = { 0 }, b = { 0 };
	const bool alone = argc == 1;
	int r = vmdiff_moment_open(v, argv[0], &a, err);
	if (r == 0 && !alone)
		r = vmdiff_moment_open(v, argv[1], &b, err);
	if (r == 0)
		r = vmdiff_moment_settle(&a, b.pid, err);
	if (r == 0)
		r = alone ? open_now(v, &a, &b, err) : vmdiff_moment_settle(&b, a.pid, err);
	if (r == 0)
		r = read_both(v, &a, &b, alone, err);
	if (r == 0)
		r = report(ctx, v, &a, &b, err);
	vmdiff_moment_close(v, &a);
	vmdiff_moment_close(v, &b);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmdiff v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began_ns = vm_clock_ns() };
	int r = check(&v, argc, err);
	const bool recording = argc == 1 && !v.o->every_ns && !v.o->wait_ns && vmdiff_is_recording(&v, argv[0]);
	const bool trend = v.o->every_ns || argc > 2 || recording;
	if (r == 0)
		r = trend ? choose_trend(&v, err) : choose_pair(&v, err);
	if (r == 0)
		r = recording ? vmdiff_recording(ctx, &v, argv[0], 0, err) :
		    v.o->every_ns ? vmdiff_watch(ctx, &v, argc, argv, err) :
		    trend ? vmdiff_many(ctx, &v, argc, argv, err) : run_pair(ctx, &v, argc, argv, err);
	if (r == 0 && v.o->fail_on_growth && v.grown)
		ctx->exit_status = VMDIFF_EXIT_GROWN;
	struct vm_session captures = { 0 };
	memcpy(captures.unmet, v.unmet, sizeof(captures.unmet));
	vm_print_unmet(&captures, "vmdiff");
	if (r == 0 && v.common->strict && vmdiff_has_unmet(&captures))
		ctx->exit_status = VM_EXIT_PARTIAL;
	vm_choice_free(&v.choice);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmdiff",
	.brief = "Show what changed between two moments of a process, and what keeps growing",
	.operands = "A [B [C...]] | FILE[:PID] | --every TIME PID [COUNT]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmdiff_options),
	.defaults = &defaults,
	.run = run,
};
