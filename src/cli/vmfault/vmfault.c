/**
 * vmfault(1): which page faults, where, why, how slow.
 * - the command line: check.c; the run: run.c; reports: show.c, json.c, trace.c, time.c, verdict.c,
 *   explain.c; names of code: names.c; the manual's kinds: doc.c
 * - columns: core/field/fault.c; rows: core/analysis/faultview.h; what watches: core/source/faults.h
 */

#include "cli/vmfault/vmfault.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmfault/explain.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/session.h"
#include "core/source/source.h"

#define AT(member) offsetof(struct vmfault_options, member)

enum { GROUP_TARGET = 1, GROUP_FORM = 2 };

static const char *const by_words[] = { "kind", "mapping", "file", "site", "stack", "thread", NULL };
static const char *const via_words[] = { "auto", "ebpf", "perf", "counters", NULL };
static const char *const weight_words[] = { "faults", "time", NULL };

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .name = "no-children", .type = VM_OPT_FLAG, .at = AT(no_children),
	  .help = "with -p and -n: not the processes that they fork meanwhile" },
	{ .short_name = 'd', .name = "duration", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(duration_ns), .min = 1000000,
	  .help = "end after this time" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1000000,
	  .help = "report every TIME what came since",
	  .man = "As the operands INTERVAL COUNT; for a command that is started it is the only way to say so." },
	{ .name = "by", .arg = "kind|mapping|file|site|stack|thread", .type = VM_OPT_ENUM, .at = AT(by), .words = by_words,
	  .help = "one table, all of it, by what faults have in common",
	  .man = "\\fBfile\\fP adds up what all processes have of a file, or of a name such as [heap]. "
		 "\\fB-o\\fP, \\fB-s\\fP and \\fB--filter\\fP then speak of its columns; else of those by kind." },
	{ .name = "top", .arg = "N", .type = VM_OPT_U64, .at = AT(top), .help = "rows of a table at most (default: 10; 0: all)" },
	{ .name = "stacks", .type = VM_OPT_FLAG, .at = AT(stacks),
	  .help = "record the stack of each fault, by frame pointers" },
	{ .name = "folded", .type = VM_OPT_FLAG, .at = AT(folded), .group = GROUP_FORM,
	  .help = "stacks as lines for flame graph tools, and nothing else" },
	{ .name = "svg", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(svg), .help = "write a flame graph of the stacks to FILE" },
	{ .name = "weight", .arg = "faults|time", .type = VM_OPT_ENUM, .at = AT(weight), .words = weight_words,
	  .help = "what stacks are weighted by in --folded and --svg (default: faults)" },
	{ .name = "inline", .type = VM_OPT_FLAG, .at = AT(inlines), .help = "name inlined functions, too (needs debug information)" },
	{ .short_name = 't', .name = "trace", .type = VM_OPT_FLAG, .at = AT(trace), .group = GROUP_FORM,
	  .help = "a line for each fault, as it happens",
	  .man = "Time since the start, thread, nanoseconds that it took, address, kind, the access in words, instruction, "
		 "mapping. With \\fB-J\\fP an object a line, with the page-table entry before and after it." },
	{ .name = "heat", .type = VM_OPT_FLAG, .at = AT(heat), .group = GROUP_FORM,
	  .help = "draw addresses over time, and latencies over time" },
	{ .name = "block", .arg = "SIZE", .type = VM_OPT_SIZE, .at = AT(block_bytes), .min = 4096, .max = UINT64_C(1) << 40,
	  .help = "with --heat: addresses that share a row at least (default: 2M)" },
	{ .name = "histogram", .type = VM_OPT_FLAG, .at = AT(histogram), .group = GROUP_FORM,
	  .help = "draw how many took how long" },
	{ .name = "explain", .type = VM_OPT_FLAG, .at = AT(explain), .group = GROUP_FORM,
	  .help = "how a fault travels through the kernel, with the counts on its way",
	  .man = "Without a target: the way alone." },
	{ .name = "via", .arg = "auto|ebpf|perf|counters", .type = VM_OPT_ENUM, .at = AT(via), .words = via_words,
	  .help = "how to watch (default: the best way that works)" },
	{ .name = "output", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(output),
	  .help = "write the report to FILE instead of standard output" },
	VM_OPT_END,
};

static const struct vmfault_options defaults = { .by = -1, .top = 10, .block_bytes = UINT64_C(2) << 20 };

static const struct vm_example examples[] = {
	{ "vmfault -p 4242 10", "ten seconds of a process: kinds, mappings, sites, what it costs" },
	{ "vmfault -- ./prog --its-option", "a program from its first instruction to its end" },
	{ "vmfault -p 4242 1 5", "five reports, one a second" },
	{ "vmfault -a -d 5s --by site", "where the whole machine faults" },
	{ "vmfault --trace -p 4242", "every fault as it happens" },
	{ "vmfault --svg faults.svg --weight time -- ./prog", "a flame graph of the time in faults" },
	{ "vmfault --heat -- ./prog", "see the program walk through its memory" },
	{ "vmfault --by mapping --filter 'FAULTS > 100' -s -FAULTS -p 4242 10", "mappings with more than a hundred faults" },
	{ "vmfault --explain", "how a page fault travels" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = {
	&vm_fault_kind_fields, &vm_fault_mapping_fields, &vm_fault_site_fields, &vm_fault_stack_fields, &vm_fault_thread_fields,
	NULL,
};

/* ---- The run ------------------------------------------------------------------------------------------------------ */

static unsigned log2_of(uint64_t bytes)
{
	unsigned n = 12;
	while (UINT64_C(1) << n < bytes)
		n++;
	return n;
}

static void note_code(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m)
{
	struct vmfault *v = ctx;
	vm_sitenames_note_code(&v->names, now, m);
}

static void ask_for(struct vmfault *v)
{
	const struct vmfault_options *o = v->o;
	v->ask.children = !o->no_children;
	v->ask.stacks = o->stacks || o->folded || o->svg || o->by == VMFAULT_BY_STACK;
	v->ask.block_shift = o->heat ? log2_of(o->block_bytes) : 0;
	v->ask.event = o->trace ? vmfault_trace_event : NULL;
	v->ask.code = note_code;
	v->ask.ctx = v;
	v->ask.backend = o->via > 0 ? via_words[o->via] : NULL;
}

/** A trace's last line, where people look. */
static int end_trace(struct vmfault *v, struct vm_err *err)
{
	const struct vm_faultset *f;
	int r = vm_faults_read(v->faults, &f, err);
	/* Reading takes events as well. */
	if (r == 0)
		r = vmfault_trace_poll(v, err);
	if (r == 0)
		fprintf(stderr, "vmfault: %llu faults, %llu lost\n", (unsigned long long)v->events, (unsigned long long)f->lost.events);
	return r;
}

static int watch(struct vmfault *v, uint64_t interval_ns, uint64_t count, struct vm_err *err)
{
	int r = vm_sitenames_open(&v->names, v->s, v->o->inlines, err);
	if (r == 0)
		r = vm_faults_open(v->s, &v->ask, &v->faults, err);
	if (r == 0)
		r = vmfault_check_source(v, err);
	/* Without us it isn't started. */
	if (v->child.pid && r < 0)
		vm_launch_abandon(&v->child);
	else if (v->child.pid)
		r = vm_launch_go(&v->child, err);
	if (r == 0) {
		/* Nothing comes until it is over: say how that is made. */
		if (!v->child.pid && !v->o->duration_ns && !interval_ns && !v->o->trace && isatty(STDERR_FILENO))
			fprintf(stderr, "vmfault: watching by %s; ^C ends it and shows what there was\n",
				vm_faults_backend(v->faults)->name);
		vmfault_trace_heading(v);
		r = vmfault_watch(v, interval_ns, count, err);
	}
	if (r == 0 && v->o->trace)
		r = end_trace(v, err);
	return r;
}

static int explain_alone(struct vmfault *v, struct vm_err *err)
{
	const uint64_t none[VM_FAULT_KIND_NR] = { 0 };
	vm_report_open(&v->report, v->sink, &v->style, v->out);
	vmfault_explain(&v->report, none, none, false);
	return vm_report_close(&v->report, err);
}

static int run_on_targets(struct vmfault *v, int argc, char **argv, struct vm_err *err)
{
	uint64_t interval_ns = 0, count = 0;
	struct vm_target t = { .pids = NULL };
	int r = vm_target_operands(v->s, &v->o->target, argc, argv, &t, &interval_ns, &count, err);
	v->ask.whom = t.whom;
	v->ask.cgroup = t.cgroup;
	v->ask.pids = t.pids;
	v->ask.npids = t.npids;
	/* One number is how long, two are how often and how many times. */
	struct vmfault_options o = *v->o;
	if (argc == 1)
		o.duration_ns = interval_ns;
	v->o = &o;
	if (r == 0)
		r = watch(v, argc == 2 ? interval_ns : o.interval_ns, count, err);
	v->o = NULL;
	vm_target_free(&t);
	return r;
}

static int run_command(struct vmfault *v, char **argv, struct vm_err *err)
{
	int r = vm_launch_start(&v->child, argv, NULL, NULL, err);
	if (r < 0)
		return r;
	v->ask.whom = VM_OF_COMMAND;
	v->ask.pids = &v->child.pid;
	v->ask.npids = 1;
	return watch(v, v->o->interval_ns, 0, err);
}

static void free_all(struct vmfault *v)
{
	vm_faults_close(v->faults);
	vm_sitenames_free(&v->names);
	vm_arena_free(&v->texts);
	vmfault_series_free(v);
	vm_buf_free(&v->line);
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmfault v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began_ns = vm_clock_ns() };
	const bool targets = vm_target_given(&v.o->target);
	v.sink = v.o->interval_ns || (targets && argc == 2) ? vm_common_sink_of_lines(ctx->common) : vm_common_sink(ctx->common);
	int r = vmfault_check(&v, targets, argc, argv, err);
	if (r == 0)
		r = vm_common_output(v.common, v.o->output, ctx->out, &v.file, &v.out, &v.style, err);
	if (r < 0)
		return r;
	ask_for(&v);
	if (!targets && argc == 0)
		r = explain_alone(&v, err);
	else
		r = targets ? run_on_targets(&v, argc, argv, err) : run_command(&v, argv, err);
	if (r == 0 && v.child.ended)
		ctx->exit_status = v.child.status;
	vm_outfile_close(&v.file, r == 0 && !v.child.not_started);
	if (v.child.not_started) {
		fprintf(stderr, "vmfault: %s\n", err->what);
		ctx->exit_status = vm_launch_failure_status(&v.child);
		r = 0;
	}
	free_all(&v);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmfault",
	.brief = "Watch page faults: which, where, why, how slow",
	.operands = "[INTERVAL [COUNT]] | -- COMMAND [ARG...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmfault_options),
	.defaults = &defaults,
	.sources = vm_fault_sources,
	.run = run,
	.print_doc = vmfault_print_doc,
};
