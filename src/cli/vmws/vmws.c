/**
 * vmws(1): the working set, how much of a process's memory is really in use.
 * - looking, round by round: run.c, core/source/wsread.h
 * - figures: core/analysis/wset.h;  reports: show.c, json.c
 */

#include "cli/vmws/vmws.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/ws.h"
#include "core/source/session.h"

enum { GROUP_TARGET = 1, GROUP_METHOD = 2, GROUP_FORM = 3 };

#define AT(member) offsetof(struct vmws_options, member)

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .short_name = 'w', .name = "window", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(window_ns), .min = 1000000,
	  .help = "length of a round, the shortest window (default: 100ms, or less of a short interval)" },
	{ .short_name = 'd', .name = "duration", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(duration_ns), .min = 1000000,
	  .help = "end after this time (default: 32 rounds; of a command that is started: when it ends)" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1000000,
	  .help = "report every TIME what was seen since",
	  .man = "As the operands INTERVAL COUNT; for a command that is started it is the only way to say so." },
	{ .name = "clear-refs", .type = VM_OPT_FLAG, .at = AT(clear_refs), .group = GROUP_METHOD,
	  .help = "CHANGES the process: clear its accessed bits in each round, which tells what is used exactly",
	  .man = "Without it bits are only read, and what is used is known within bounds. For a moment reclaim, DAMON and other tools take "
		 "cleared pages for unused, and setting bits again costs the process some hundred nanoseconds a page." },
	{ .name = "page-idle", .type = VM_OPT_FLAG, .at = AT(page_idle), .group = GROUP_METHOD,
	  .help = "CHANGES frames of the process: mark them idle in each round, which tells what is used",
	  .man = "Reclaim isn't misled by it, unlike by \\fB\\-\\-clear\\-refs\\fP; others that use idle marks are. A use by another process that maps "
		 "the same page counts, too." },
	{ .name = "damon", .type = VM_OPT_FLAG, .at = AT(damon), .group = GROUP_METHOD,
	  .help = "CHANGES the machine: have the kernel's monitor sample regions of the process while it is looked at",
	  .man = "For memory that is too large to look at page by page. A session that somebody else has isn't touched: then there is none of ours." },
	{ .name = "flush", .arg = "auto|none|clear-refs|switches", .type = VM_OPT_ENUM, .at = AT(flush), .words = vm_flush_words,
	  .help = "with --clear-refs: how CPUs forget translations of the process, to see all pages that are used",
	  .man = "A page whose translation is in a TLB is used without its bit being set. \\fBclear-refs\\fP writes 4 to clear_refs, which loses "
		 "soft-dirty bits where the kernel has them; \\fBauto\\fP uses it where it has not, else \\fBswitches\\fP: processes of ours "
		 "that run where the target runs. What works is tried; \\fBnone\\fP: what TLBs can hold is counted in USED-MAX." },
	{ .name = "written", .type = VM_OPT_FLAG, .at = AT(written),
	  .help = "what is written, too: by dirty bits within bounds; with --clear-refs exactly, where the kernel keeps soft-dirty bits",
	  .man = "With \\fB\\-\\-clear\\-refs\\fP this clears soft-dirty bits: marks that CRIU or others rely upon are lost, and the first "
		 "write to each page faults." },
	{ .name = "hot", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(hot_ns), .min = 1,
	  .help = "hot is what was used within TIME (default: an eighth of the report)" },
	{ .name = "warm", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(warm_ns), .min = 1,
	  .help = "warm is what was used within TIME, but isn't hot (default: all of the report)" },
	{ .name = "heat", .type = VM_OPT_FLAG, .at = AT(heat), .group = GROUP_FORM,
	  .help = "a picture instead of tables: which addresses were used when" },
	{ .name = "rounds", .type = VM_OPT_FLAG, .at = AT(rounds), .group = GROUP_FORM,
	  .help = "a line for each round, with what it cost the process" },
	{ .name = "top", .arg = "N", .type = VM_OPT_U64, .at = AT(top), .help = "show no more than N mappings; 0: all (default: 8)" },
	VM_OPT_END,
};

static const struct vmws_options defaults = { .top = 8 };

static const struct vm_example examples[] = {
	{ "vmws -p 4242", "how much of its memory was used within the last seconds, within bounds; changes nothing" },
	{ "sudo vmws --clear-refs -p 4242", "the same exactly" },
	{ "vmws --clear-refs -w 1s -d 10m -p 4242", "what is cold for minutes" },
	{ "vmws --clear-refs --written -p 4242 5", "what is written, every five seconds: what a live migration would copy again" },
	{ "vmws --clear-refs --heat -d 20s -p 4242", "where it works, and when, as a picture" },
	{ "vmws -n postgres", "all processes of that name, a line each" },
	{ "vmws --clear-refs -- ./prog", "a program from its beginning to its end" },
	{ "vmws -J -p 4242", "for programs" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = {
	&vm_ws_mapping_fields, &vm_ws_process_fields, &vm_ws_window_fields, &vm_ws_round_fields, NULL,
};

/* ---- The command line --------------------------------------------------------------------------------------------- */

static int check_targets(const struct vmws *v, int argc, char **argv, struct vm_err *err)
{
	uint64_t interval_ns, count;
	/* "vmws 5": a program of such a name can be started as ./5. */
	if (vm_target_given(&v->o->target) || (argc > 0 && vm_parse_interval(argc, argv, &interval_ns, &count, NULL) != 0))
		return vm_target_check(v->s, &v->o->target, err);
	vm_fail(err, EINVAL, "name what to look at");
	vm_hint(err, "-p PID, -n NAME, -g CGROUP, -a, or -- COMMAND; --help tells more");
	return -EINVAL;
}

static int check(const struct vmws *v, int argc, char **argv, struct vm_err *err)
{
	const struct vmws_options *o = v->o;
	if (!v->s->live)
		return vm_fail(err, EINVAL, "vmws looks at running processes: a %s has none, leave out --%s", vm_session_kind(v->s),
			       v->s->replay ? "replay" : "root");
	if (o->flush && !o->clear_refs)
		return vm_fail(err, EINVAL, "--flush goes with --clear-refs");
	if (v->method != VM_WS_WATCH && o->target.all)
		return vm_fail(err, EINVAL, "--%s changes processes: name them by -p, -n or -g", vm_ws_methods[v->method].name);
	if (o->damon && o->written)
		return vm_fail(err, EINVAL, "--damon doesn't tell what is written");
	if (o->hot_ns && o->warm_ns && o->warm_ns < o->hot_ns)
		return vm_fail(err, EINVAL, "--warm is a longer time than --hot");
	if (o->heat && v->sink->machine)
		return vm_fail(err, EINVAL, "--heat is a picture for people: JSON has the figures without it");
	return check_targets(v, argc, argv, err);
}

static int read_operands(struct vmws *v, int argc, char **argv, struct vm_err *err)
{
	v->interval_ns = v->o->interval_ns;
	v->duration_ns = v->o->duration_ns;
	v->argv = vm_target_given(&v->o->target) ? NULL : argv;
	return vm_target_operands(v->s, &v->o->target, argc, argv, &v->target, &v->interval_ns, &v->count, err);
}

/** Of an interval an eighth at most, so that there is a curve. */
static void choose_times(struct vmws *v)
{
	enum { USUAL_NS = 100000000, LEAST_NS = 1000000, PARTS = 8, ROUNDS = 32 };
	const uint64_t span = v->interval_ns ? v->interval_ns : v->duration_ns;
	v->window_ns = v->o->window_ns ? v->o->window_ns : span && span / PARTS < USUAL_NS ? span / PARTS : USUAL_NS;
	if (v->window_ns < LEAST_NS)
		v->window_ns = LEAST_NS;
	if (!v->duration_ns && !v->interval_ns && !v->argv)
		v->duration_ns = ROUNDS * v->window_ns;
}

static int check_columns(const struct vmws *v, struct vm_err *err)
{
	struct vm_choice c;
	const struct vm_fieldset *set = v->argv || (v->target.whom == VM_OF_PIDS && v->target.npids == 1) ? &vm_ws_mapping_fields :
		&vm_ws_process_fields;
	int r = vm_choice_parse(v->common, set, &c, err);
	if (r == 0)
		vm_choice_free(&c);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmws v = {
		.s = ctx->s, .common = ctx->common, .o = opts_, .out = ctx->out, .began_ns = vm_clock_ns(), .status = -1,
	};
	v.sink = vm_common_sink(ctx->common);
	vm_common_style(ctx->common, ctx->out, &v.style);
	v.method = v.o->damon ? VM_WS_DAMON : v.o->page_idle ? VM_WS_IDLE : v.o->clear_refs ? VM_WS_CLEAR : VM_WS_WATCH;
	int r = check(&v, argc, argv, err);
	if (r == 0)
		r = read_operands(&v, argc, argv, err);
	if (r == 0)
		r = check_columns(&v, err);
	choose_times(&v);
	if (v.interval_ns)
		v.sink = vm_common_sink_of_lines(v.common);
	if (r == 0)
		r = vmws_run(&v, err);
	if (r == 0)
		ctx->exit_status = v.status;
	if (v.child.not_started) {
		fprintf(stderr, "vmws: %s\n", err->what);
		ctx->exit_status = vm_launch_failure_status(&v.child);
		r = 0;
	}
	vm_target_free(&v.target);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmws",
	.brief = "The working set: how much of a process's memory is really in use",
	.operands = "[INTERVAL [COUNT]] | -- COMMAND [ARG...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmws_options),
	.defaults = &defaults,
	.run = run,
};
