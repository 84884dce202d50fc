/**
 * vmdiff(1): what changed between two moments, and what keeps growing.
 * - moments as they are named: vmdiff_moment.c;  two of them: vmdiff_pair.c
 * - which mapping is which: core/analysis/spacediff.h;  columns: core/field/diff.c
 */

#include "cli/vmdiff.h"

#include <errno.h>
#include <string.h>

#include "cli/launch.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/diff.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

enum { GROUP_TIME = 1 };

#define AT(member) offsetof(struct vmdiff_options, member)

static const char *const by_words[] = { "kind", "file", "perm", "name", "page", NULL };

static const struct vm_opt opts[] = {
	{ .name = "by", .arg = "kind|file|perm|name|page", .type = VM_OPT_ENUM, .at = AT(by), .words = by_words,
	  .help = "sum up mappings that have this in common" },
	{ .name = "all", .type = VM_OPT_FLAG, .at = AT(all), .help = "what hasn't changed, too" },
	{ .short_name = 'w', .name = "wait", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(wait_ns), .min = 1000000,
	  .group = GROUP_TIME, .help = "compare the process with itself after TIME",
	  .man = "^C ends the time; what there is by then is shown." },
	{ .name = "fail-on-growth", .type = VM_OPT_FLAG, .at = AT(fail_on_growth),
	  .help = "end with 6 if memory has grown",
	  .man = "Memory is MEM, resident and swapped out, of the mappings that \\fB--filter\\fP leaves." },
	{ .name = "tolerate", .arg = "SIZE", .type = VM_OPT_SIZE, .at = AT(tolerate),
	  .help = "with --fail-on-growth: growth up to SIZE doesn't count" },
	VM_OPT_END,
};

static const struct vmdiff_options defaults = { .by = -1 };

static const struct vm_example examples[] = {
	{ "vmmap --capture before 4242; vmdiff before", "what has changed since" },
	{ "vmdiff before after", "two captures, on any machine" },
	{ "vmdiff -w 10 4242", "what changes in ten seconds" },
	{ "vmdiff 4242 4711", "two processes of one program: what the one has and the other hasn't" },
	{ "vmdiff --by kind before after", "summed up" },
	{ "vmdiff --fail-on-growth --tolerate 1M --filter 'KIND == heap' before", "for scripts" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = { &vm_diff_fields, &vm_diff_process_fields, NULL };

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

static int choose(struct vmdiff *v, struct vm_err *err)
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

static int check(const struct vmdiff *v, int argc, char **argv, struct vm_err *err)
{
	if (argc > 2)
		return vm_fail(err, EINVAL, "'%s' is one moment too many: A and B", argv[2]);
	if (v->o->tolerate && !v->o->fail_on_growth)
		return vm_fail(err, EINVAL, "--tolerate goes with --fail-on-growth");
	if (v->o->wait_ns && argc != 1)
		return vm_fail(err, EINVAL, "--wait goes with one process");
	if (argc == 0) {
		vm_fail(err, EINVAL, "name two moments");
		vm_hint(err, "vmdiff A B, each a process or a capture; --help tells more");
		return -EINVAL;
	}
	return 0;
}

static int sleep_until(uint64_t deadline_ns, struct vm_err *err)
{
	struct vm_signals signals = { .fd = -1 };
	int r = vm_signals_open(&signals, err);
	for (uint64_t now; r == 0 && !vm_signals_take(&signals, NULL) && (now = vm_clock_ns()) < deadline_ns;) {
		const uint64_t ms = (deadline_ns - now) / 1000000 + 1;
		vm_signals_wait(&signals, ms < 3600000 ? (int)ms : 3600000);
	}
	if (r == 0)
		vm_signals_close(&signals);
	return r;
}

/** The other moment of one that stands alone: the same process now. */
static int open_now(struct vmdiff *v, const struct vmdiff_moment *a, struct vmdiff_moment *b, struct vm_err *err)
{
	*b = (struct vmdiff_moment){ .text = a->text, .s = v->s, .pid = a->pid };
	if (v->o->wait_ns && (a->own || !v->s->live))
		return vm_fail(err, EINVAL, "--wait goes with a live process");
	if (v->o->wait_ns || a->own)
		return 0;
	vm_fail(err, EINVAL, "only one moment is named: process %d now", a->pid);
	vm_hint(err, "compare it with a capture or another process, or --wait for it to change");
	return -EINVAL;
}

static int read_both(struct vmdiff *v, struct vmdiff_moment *a, struct vmdiff_moment *b, bool alone, struct vm_err *err)
{
	int r = vmdiff_moment_read(v, a, err);
	if (r == 0 && v->o->wait_ns)
		r = sleep_until(vm_clock_ns() + v->o->wait_ns, err);
	if (r == 0)
		r = vmdiff_moment_read(v, b, err);
	if (r == 0 && alone && !vmdiff_same_process(a, b))
		return vm_fail(err, ESRCH, "process %d of %s has ended; another one has its number now", a->pid,
			       a->own ? "the capture" : "before");
	return r;
}

static bool has_unmet(const struct vm_session *s)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (s->unmet[b].count)
			return true;
	return false;
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
	if (r == 0 && v->common->strict && (has_unmet(a.s) || has_unmet(b.s)))
		ctx->exit_status = VM_EXIT_PARTIAL;
	vmdiff_moment_close(&a);
	vmdiff_moment_close(&b);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmdiff v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began_ns = vm_clock_ns() };
	int r = check(&v, argc, argv, err);
	if (r == 0)
		r = choose(&v, err);
	if (r == 0)
		r = run_pair(ctx, &v, argc, argv, err);
	if (r == 0 && v.o->fail_on_growth && v.grown)
		ctx->exit_status = VMDIFF_EXIT_GROWN;
	vm_choice_free(&v.choice);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmdiff",
	.brief = "Show what changed between two moments of a process, and what keeps growing",
	.operands = "A [B]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmdiff_options),
	.defaults = &defaults,
	.run = run,
};
