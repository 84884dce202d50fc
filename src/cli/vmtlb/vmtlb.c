/**
 * vmtlb(1): what address translation costs.
 * - by counting (count.c, sites.c): needs a PMU
 * - without one: by timing (probe.c), by a model (model.c), by accessed bits (hot.c), by trying
 *   (ab.c)
 */

#include "cli/vmtlb/vmtlb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/tlb_ab.h"
#include "core/field/tlb_count.h"
#include "core/field/tlb_hot.h"
#include "core/field/tlb_model.h"
#include "core/field/tlb_probe.h"
#include "core/field/tlb_sample.h"
#include "core/source/session.h"
#include "core/source/tlbflush.h"

#define AT(member) offsetof(struct vmtlb_options, member)

enum { GROUP_TARGET = 1, GROUP_MODE = 2, GROUP_FORM = 3 };

static const char *const engine_words[] = { "auto", "valgrind", "qemu", NULL };

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .name = "no-children", .type = VM_OPT_FLAG, .at = AT(no_children),
	  .help = "with -p and -n: not the processes that they fork meanwhile" },
	{ .short_name = 'd', .name = "duration", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(duration_ns), .min = 1000000,
	  .help = "end after this time" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1000000,
	  .help = "report every TIME what came since",
	  .man = "As the operands INTERVAL COUNT; for a command that is started it is the only way to say so." },
	{ .short_name = 'e', .name = "event", .arg = "EVENT[,EVENT...]", .type = VM_OPT_STRING, .at = AT(event),
	  .help = "count, or sample, these events",
	  .man = "perf's names \\fBdTLB-loads\\fP, \\fBdTLB-load-misses\\fP, \\fBiTLB-loads\\fP and \\fBiTLB-load-misses\\fP, and "
		 "all that libpfm4 knows." },
	{ .name = "sites", .type = VM_OPT_FLAG, .at = AT(sites), .group = GROUP_MODE,
	  .help = "sample page walks: by code site and by mapping of the data" },
	{ .name = "stacks", .type = VM_OPT_FLAG, .at = AT(stacks), .group = GROUP_MODE,
	  .help = "the same by stack, by frame pointers" },
	{ .name = "folded", .type = VM_OPT_FLAG, .at = AT(folded),
	  .help = "with --stacks: as lines for flame graph tools, and nothing else" },
	{ .name = "period", .arg = "N", .type = VM_OPT_U64, .at = AT(period), .min = 1, .max = UINT64_MAX / 2,
	  .help = "with --sites, --stacks: a sample each N events" },
	{ .name = "frequency", .arg = "N", .type = VM_OPT_U64, .at = AT(frequency), .min = 1, .max = UINT64_MAX / 2,
	  .help = "with --sites, --stacks: so many samples a second",
	  .man = "Of each thread and CPU.  Without \\fB\\-\\-period\\fP it is 1000; of the kernel's own events, clocks aside, each one "
		 "is then taken." },
	{ .name = "probe", .type = VM_OPT_FLAG, .at = AT(probe), .group = GROUP_MODE,
	  .help = "measure this machine's TLBs by timing" },
	{ .name = "fresh", .type = VM_OPT_FLAG, .at = AT(fresh), .help = "with --probe: measure again, whatever is known" },
	{ .name = "model", .type = VM_OPT_FLAG, .at = AT(model), .group = GROUP_MODE,
	  .help = "run COMMAND through a model of TLBs" },
	{ .name = "engine", .arg = "auto|valgrind|qemu", .type = VM_OPT_ENUM, .at = AT(engine), .words = engine_words,
	  .help = "with --model: what runs the command (default: what is there)" },
	{ .name = "geometry", .arg = "TEXT", .type = VM_OPT_STRING, .at = AT(geometry),
	  .help = "with --model: the TLBs that are modelled, such as l1d=16x4,stlb=128x12" },
	{ .name = "hot", .type = VM_OPT_FLAG, .at = AT(hot), .group = GROUP_MODE,
	  .help = "find the mappings whose pages are walked, by accessed bits" },
	{ .name = "clear-refs", .type = VM_OPT_FLAG, .at = AT(clear_refs),
	  .help = "with --hot: yes, clear the target's accessed bits" },
	{ .name = "window", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(window_ns), .min = 1000000,
	  .help = "with --hot: how long accesses are gathered (default: 10ms)" },
	{ .name = "samples", .arg = "N", .type = VM_OPT_U64, .at = AT(samples), .min = 1, .max = 1000,
	  .help = "with --hot: how often that is repeated for a report (default: 7)" },
	{ .name = "flush", .arg = "auto|none|clear-refs|switches", .type = VM_OPT_ENUM, .at = AT(flush), .words = vm_flush_words,
	  .help = "with --hot: how CPUs forget the target's translations, to see all pages that are used",
	  .man = "\\fBclear-refs\\fP writes 4 to clear_refs: where the kernel keeps soft\\-dirty bits it loses those of the target, "
		 "and is used there only if this asks for it. \\fBswitches\\fP runs processes of vmtlb's own in turn where the "
		 "target runs. \\fBauto\\fP is whichever of them works without such loss; \\fBnone\\fP: USED stays unknown." },
	{ .name = "ab", .type = VM_OPT_FLAG, .at = AT(ab), .group = GROUP_MODE,
	  .help = "run COMMAND with huge pages off and on, in turn" },
	{ .name = "pairs", .arg = "N", .type = VM_OPT_U64, .at = AT(pairs), .min = 1, .max = 1000,
	  .help = "with --ab: how many pairs of runs (default: 6)" },
	{ .name = "top", .arg = "N", .type = VM_OPT_U64, .at = AT(top), .help = "rows of a table at most (default: 10; 0: all)" },
	{ .name = "output", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(output),
	  .help = "write the report to FILE instead of standard output" },
	VM_OPT_END,
};

static const struct vmtlb_options defaults = { .window_ns = 10000000, .pairs = 6, .top = 10, .samples = 7 };

static const struct vm_example examples[] = {
	{ "vmtlb -- ./prog --its-option", "what translation costs a program, by the CPU's counters" },
	{ "vmtlb -p 4242 1", "a line a second" },
	{ "vmtlb --probe", "this machine's TLBs, and whether its host splits huge pages" },
	{ "vmtlb --model -- ./prog", "misses by page size, site and mapping, without counters" },
	{ "vmtlb --hot --clear-refs -p 4242", "which mappings keep the page walker busy" },
	{ "vmtlb --ab -- ./prog", "would huge pages help? try" },
	{ NULL, NULL },
};

static const struct vmtlb_mode *count_mode(const struct vmtlb_options *o, int argc)
{
	const bool lines = o->interval_ns || (vm_target_given(&o->target) && argc > 0);
	return o->event ? &vmtlb_count_events : lines ? &vmtlb_count_lines : &vmtlb_count;
}

static const struct vmtlb_mode *mode_of(const struct vmtlb_options *o, int argc)
{
	return o->probe ? &vmtlb_probe : o->model ? &vmtlb_model : o->hot ? &vmtlb_hot : o->ab ? &vmtlb_ab :
	       o->sites ? &vmtlb_sites : o->stacks ? &vmtlb_stacks : count_mode(o, argc);
}

/* ---- The command line --------------------------------------------------------------------------------------------- */

static int check_targets(const struct vmtlb *v, const struct vmtlb_mode *mode, int argc, char **argv, struct vm_err *err)
{
	const bool targets = vm_target_given(&v->o->target);
	uint64_t interval_ns, count;
	if (!mode->targets && !mode->command) {
		if (targets || argc)
			return vm_fail(err, EINVAL, "--%s measures the machine: it takes neither targets nor operands", mode->name);
		return 0;
	}
	if (targets && !mode->targets)
		return vm_fail(err, EINVAL, "--%s runs a command of its own: it takes no processes that run already", mode->name);
	/* "vmtlb 5": a program of such a name can be started as ./5. */
	if (targets || (mode->command && argc > 0 && vm_parse_interval(argc, argv, &interval_ns, &count, NULL) != 0))
		return vm_target_check(v->s, &v->o->target, err);
	vm_fail(err, EINVAL, "name what to measure");
	vm_hint(err, "%s%s%s; --help tells more", mode->targets ? "-p PID, -n NAME, -g CGROUP, -a" : "",
		mode->targets && mode->command ? ", or " : "", mode->command ? "-- COMMAND" : "");
	return -EINVAL;
}

static int check_columns(const struct vmtlb *v, const struct vm_fieldset *set, struct vm_err *err)
{
	struct vm_choice c;
	int r = vm_choice_parse(v->common, set, &c, err);
	if (r == 0)
		vm_choice_free(&c);
	return r;
}

/** Options that another way of measuring has. */
static int check_strays(const struct vmtlb_options *o, struct vm_err *err)
{
	const bool counts = !o->probe && !o->model && !o->hot && !o->ab;
	const struct { bool given, fits; const char *what, *with; } opt[] = {
		{ o->fresh, o->probe, "--fresh", "--probe" }, { o->engine > 0, o->model, "--engine", "--model" },
		{ o->geometry, o->model, "--geometry", "--model" }, { o->clear_refs, o->hot, "--clear-refs", "--hot" },
		{ o->window_ns != defaults.window_ns, o->hot, "--window", "--hot" },
		{ o->samples != defaults.samples, o->hot, "--samples", "--hot" }, { o->flush > 0, o->hot, "--flush", "--hot" },
		{ o->pairs != defaults.pairs, o->ab, "--pairs", "--ab" },
		{ o->folded, o->stacks, "--folded", "--stacks" },
		{ o->period, o->sites || o->stacks, "--period", "--sites and --stacks" },
		{ o->frequency, o->sites || o->stacks, "--frequency", "--sites and --stacks" },
		{ o->event, counts, "--event", "counting and sampling" },
		{ o->no_children, counts && (o->target.pids || o->target.name), "--no-children", "-p and -n, counting and sampling" },
		{ o->interval_ns, counts || o->hot, "--interval", "counting, sampling and --hot" },
		{ o->duration_ns, counts || o->hot, "--duration", "counting, sampling and --hot" },
	};
	for (size_t i = 0; i < sizeof(opt) / sizeof(opt[0]); i++)
		if (opt[i].given && !opt[i].fits)
			return vm_fail(err, EINVAL, "%s goes with %s", opt[i].what, opt[i].with);
	return 0;
}

static int check(const struct vmtlb *v, const struct vmtlb_mode *mode, int argc, char **argv, struct vm_err *err)
{
	if (!v->s->live)
		return vm_fail(err, EINVAL, "vmtlb measures this machine: a %s has nothing to measure, leave out --%s", vm_session_kind(v->s),
			       v->s->replay ? "replay" : "root");
	int r = check_strays(v->o, err);
	if (r == 0)
		r = check_targets(v, mode, argc, argv, err);
	if (r == 0)
		r = check_columns(v, mode->fields, err);
	return r == 0 && mode->check ? mode->check(v, err) : r;
}

/* ---- Reports ------------------------------------------------------------------------------------------------------ */

int vmtlb_report_begin(struct vmtlb *v, const struct vmtlb_mode *mode)
{
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r == 0 && vm_report_is_document(&v->report)) {
		vm_document_begin(&v->report, v->s, "vmtlb/1");
		vm_json_key(&v->report.json, "mode");
		vm_json_str(&v->report.json, mode->name);
	}
	return r;
}

int vmtlb_report_end(struct vmtlb *v, struct vm_err *err)
{
	if (vm_report_is_document(&v->report))
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	v->reports++;
	return vm_report_close(&v->report, err);
}

int vmtlb_list(struct vmtlb *v, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size,
	       const void *total, struct vm_err *err)
{
	const bool machine = vm_report_is_machine(&v->report);
	/* Formats without a document around the lists have room for one kind of row. */
	if (!chosen && machine && !vm_report_is_document(&v->report))
		return 0;
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .rows = rows, .n = n, .size = size, .total = total,
		.most = machine ? 0 : v->o->top, .more = "... ",
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

void vmtlb_choose_lines(struct vmtlb *v)
{
	if (v->interval_ns)
		v->sink = vm_common_sink_of_lines(v->common);
}

void vmtlb_say_whom(struct vmtlb *v)
{
	struct vm_buf name = { 0 };
	if (v->child.name)
		vm_text_put(&name, v->child.name);
	if (v->target.whom == VM_OF_ALL)
		vm_report_say(&v->report, "all processes");
	else if (v->target.whom == VM_OF_CGROUP)
		vm_report_say(&v->report, "cgroup %s", v->target.cgroup);
	else if (v->child.name)
		vm_report_say(&v->report, "%s", vm_buf_str(&name));
	else if (v->target.npids == 1)
		vm_report_say(&v->report, "process %d", v->target.pids[0]);
	else
		vm_report_say(&v->report, "%zu processes", v->target.npids);
	vm_buf_free(&name);
}

void vmtlb_put_target(const struct vmtlb *v, struct vm_json *j)
{
	static const char *const whom[] = {
		[VM_OF_PIDS] = "pids", [VM_OF_CGROUP] = "cgroup", [VM_OF_ALL] = "all", [VM_OF_COMMAND] = "command",
	};
	vm_json_put_str(j, "target", whom[v->target.whom]);
	vm_json_key(j, "pids");
	vm_json_array_begin(j);
	for (size_t i = 0; i < v->target.npids; i++)
		vm_json_u64(j, (uint64_t)v->target.pids[i]);
	if (v->child.pid)
		vm_json_u64(j, (uint64_t)v->child.pid);
	vm_json_array_end(j);
	vm_json_put_str(j, "command", v->child.name);
	vm_json_put_str(j, "cgroup", v->target.cgroup);
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

/** Numbers behind targets are how often and how many times; what follows "--" is a command. */
static int read_operands(struct vmtlb *v, int argc, char **argv, struct vm_err *err)
{
	v->interval_ns = v->o->interval_ns;
	v->duration_ns = v->o->duration_ns;
	v->argv = vm_target_given(&v->o->target) ? NULL : argv;
	return vm_target_operands(v->s, &v->o->target, argc, argv, &v->target, &v->interval_ns, &v->count, err);
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmtlb v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began_ns = vm_clock_ns(), .status = -1 };
	const struct vmtlb_mode *mode = mode_of(v.o, argc);
	v.sink = vm_common_sink(ctx->common);
	int r = check(&v, mode, argc, argv, err);
	if (r == 0)
		r = read_operands(&v, argc, argv, err);
	if (r == 0)
		r = vm_common_output(v.common, v.o->output, ctx->out, &v.file, &v.out, &v.style, err);
	if (r == 0)
		r = mode->run(&v, err);
	if (r == 0)
		ctx->exit_status = v.status;
	if (v.child.not_started) {
		fprintf(stderr, "vmtlb: %s\n", err->what);
		ctx->exit_status = vm_launch_failure_status(&v.child);
		r = 0;
	}
	vm_target_free(&v.target);
	vm_outfile_close(&v.file, r == 0 && !v.child.not_started);
	return r;
}

static const struct vm_fieldset *const fieldsets[] = {
	&vm_tlb_side_fields, &vm_tlb_sample_fields, &vm_tlb_event_fields, &vm_walk_site_fields, &vm_walk_mapping_fields,
	&vm_walk_stack_fields, &vm_walk_event_fields, &vm_tlb_level_fields, &vm_tlb_cost_fields, &vm_tlb_hot_fields,
	&vm_ab_fields, &vm_tlb_policy_fields, &vm_tlb_model_mapping_fields, &vm_tlb_model_site_fields, NULL,
};

const struct vm_command vm_command = {
	.name = "vmtlb",
	.brief = "What address translation costs, with a PMU and without one",
	.operands = "[INTERVAL [COUNT]] | -- COMMAND [ARG...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmtlb_options),
	.defaults = &defaults,
	.run = run,
};
