/**
 * vmnuma(1): memory nodes.
 * - the machine: machine.c;  processes: processes.c;  mappings: details.c
 * - single pages: pages.c;  moving them: migrate.c
 * - columns: core/field/node.c, numa.c;  facts: core/source/nodes.h, numamaps.h, numacalls.h
 */

#include "cli/vmnuma/vmnuma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "cli/samples.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/cgroupfs.h"
#include "core/source/nodes.h"
#include "core/source/numacalls.h"
#include "core/source/recording.h"
#include "core/source/session.h"

enum { GROUP_TARGET = 1, GROUP_MODE = 2 };

#define AT(member) offsetof(struct vmnuma_options, member)

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .short_name = 'm', .name = "memory", .type = VM_OPT_FLAG, .at = AT(memory), .group = GROUP_MODE,
	  .help = "all figures of each node's memory, a line each", .man = "As numastat(8) \\fB-m\\fP: the lines of nodeN/meminfo, in bytes." },
	{ .name = "counters", .type = VM_OPT_FLAG, .at = AT(counters), .group = GROUP_MODE,
	  .help = "where each node's pages were allocated from, since boot or as rates",
	  .man = "As numastat(8) without options." },
	{ .name = "address", .arg = "A[-B]", .type = VM_OPT_STRING, .at = AT(address), .group = GROUP_MODE,
	  .help = "the node of each page in a range of a process, hexadecimal" },
	{ .name = "sample", .arg = "N", .type = VM_OPT_U64, .at = AT(sample), .min = 1, .max = 65536,
	  .help = "look at N pages of each mapping instead of counting all",
	  .man = "By move_pages(2), evenly spread over the mapping: what the kernel would need seconds to count in a process of "
		 "a terabyte is known in a moment, as an estimate. Policies aren't read." },
	{ .name = "migrate", .arg = "FROM TO", .type = VM_OPT_STRING, .at = AT(migrate), .group = GROUP_MODE,
	  .help = "CHANGES the process: move its pages from nodes to nodes",
	  .man = "The processes are named with \\fB-p\\fP, \\fB-n\\fP or \\fB-g\\fP. FROM and TO are lists of nodes such as 0-1,3; "
		 "FROM may be \\fBall\\fP. Pages that others map too move only with CAP_SYS_NICE." },
	{ .name = "zeros", .type = VM_OPT_FLAG, .at = AT(zeros),
	  .help = "mappings without pages too, and empty lines of --memory" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1000000,
	  .help = "report every TIME, as the operand INTERVAL",
	  .man = "The only way to say so where the operands are processes, or where there are none." },
	{ .short_name = 'c', .name = "count", .arg = "N", .type = VM_OPT_U64, .at = AT(count), .min = 1,
	  .help = "with an interval: end after N reports" },
	VM_OPT_END,
};

static const struct vm_example examples[] = {
	{ "vmnuma", "the machine's nodes: CPUs, memory, distances, where pages came from" },
	{ "vmnuma -i 1", "the same as rates" },
	{ "vmnuma --counters 1 10", "hits and misses of each node, ten seconds" },
	{ "vmnuma -m", "all of each node's meminfo" },
	{ "vmnuma 4242", "one process: by node and mapping, policies, what is misplaced" },
	{ "vmnuma -a -s MISPL", "all processes, those with most misplaced memory first" },
	{ "vmnuma -n postgres 5", "the processes of that name, every five seconds" },
	{ "vmnuma -a --filter 'N1 > 100M'", "who has more than 100M on node 1" },
	{ "vmnuma 4242 --filter 'MISPL > 0'", "mappings with pages elsewhere than the policy says" },
	{ "vmnuma --address 7f3a12c00000-7f3a12e00000 4242", "the node of each page" },
	{ "vmnuma -p 4242 --migrate 0 1", "move its pages from node 0 to node 1" },
	{ NULL, NULL },
};

/* ---- What the modes share ----------------------------------------------------------------------------------------- */

int vmnuma_list(struct vmnuma *v, const struct vm_fieldset *set, bool chosen, const char *spec, const void *rows, size_t n,
		size_t size, const void *total, struct vm_err *err)
{
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .columns = spec, .sort = set->row == vm_numa_process_fields.row ? "TOTAL" : NULL,
		.rows = rows, .n = n, .size = size, .total = total,
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

void vmnuma_say_single(struct vmnuma *v)
{
	if (!v->nodes.told && v->s->live)
		vm_report_say(&v->report, "This kernel tells of no memory nodes (built without NUMA): all is shown as one.\n");
	else if (!v->nodes.told)
		vm_report_say(&v->report, "The %s tells of no memory nodes: all is shown as one.\n", vm_session_kind(v->s));
	else if (v->nodes.nodes.n == 1)
		vm_report_say(&v->report, "One node: no memory of this machine is farther away than other.\n");
}

int vmnuma_parse_nodes(const struct vmnuma *v, const char *text, struct vm_nodemask *out, struct vm_err *err)
{
	*out = (struct vm_nodemask){ .w = { 0 } };
	if (strcmp(text, "all") == 0) {
		for (size_t i = 0; i < v->nodes.nodes.n; i++)
			if (v->nodes.nodes.v[i].has_memory)
				vm_nodemask_add(out, v->nodes.nodes.v[i].id);
		return 0;
	}
	if (!vm_nodemask_parse(text, strlen(text), out)) {
		vm_fail(err, EINVAL, "'%s' is not a list of nodes", text);
		vm_hint(err, "as in 0, 0-1 or 0,2-3");
		return -EINVAL;
	}
	for (unsigned id = 0; id < VM_NODES_MAX; id++)
		if (vm_nodemask_has(out, id) && vm_nodes_index(&v->nodes, id) < 0)
			return vm_fail(err, EINVAL, "this machine has no node %u", id);
	return 0;
}

/* ---- The command line --------------------------------------------------------------------------------------------- */

static const struct vmnuma_mode *mode_of(const struct vmnuma *v)
{
	const struct vmnuma_options *o = v->o;
	return o->migrate ? &vmnuma_migrate : o->address ? &vmnuma_pages : o->memory ? &vmnuma_memory :
	       o->counters ? &vmnuma_counters : vm_target_given(&o->target) ? &vmnuma_processes :
	       v->pids.n ? &vmnuma_details : &vmnuma_machine;
}

/** Operands are processes where nothing else says whom or what to show, else an interval; TO of --migrate. */
static bool takes_pids(const struct vmnuma_options *o)
{
	return !o->memory && !o->counters && !o->migrate && !vm_target_given(&o->target);
}

static int check_strays(const struct vmnuma_options *o, int argc, struct vm_err *err)
{
	const bool targets = vm_target_given(&o->target);
	if ((o->memory || o->counters) && targets)
		return vm_fail(err, EINVAL, "--%s shows the machine: it takes no processes", o->memory ? "memory" : "counters");
	if (o->sample && (!takes_pids(o) || o->address || !argc))
		return vm_fail(err, EINVAL, "--sample goes with PID...");
	if (o->address && (targets || argc != 1))
		return vm_fail(err, EINVAL, "--address goes with one PID");
	if (o->migrate && (argc != 1 || !targets || o->target.all)) {
		vm_fail(err, EINVAL, "--migrate takes FROM and TO, and processes by -p, -n or -g");
		vm_hint(err, "vmnuma -p PID --migrate 0 1");
		return -EINVAL;
	}
	if (o->interval_ns && (o->migrate || o->address))
		return vm_fail(err, EINVAL, "--interval doesn't go with --%s", o->migrate ? "migrate" : "address");
	return 0;
}

static int read_pids(struct vmnuma *v, int argc, char **argv, struct vm_err *err)
{
	uint64_t interval_ns, count;
	for (int i = 0; i < argc; i++) {
		pid_t pid;
		int r = vm_parse_pid(argv[i], &pid, err);
		/* "vmnuma 0.5" */
		if (r < 0 && i == 0 && vm_parse_interval(argc, argv, &interval_ns, &count, NULL) == 0)
			vm_hint(err, "for the machine's rates: vmnuma -i %s", argv[0]);
		if (r < 0)
			return r;
		if (!vm_vec_push(&v->pids, pid))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int read_targets(struct vmnuma *v, struct vm_err *err)
{
	struct vm_target t;
	int r = vm_target_check(v->s, &v->o->target, err);
	if (r == 0)
		r = vm_target_find(v->s, &v->o->target, &t, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < t.npids; i++)
		r = vm_vec_push(&v->pids, t.pids[i]) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	vm_target_free(&t);
	return r;
}

static int read_operands(struct vmnuma *v, int argc, char **argv, struct vm_err *err)
{
	int r = check_strays(v->o, argc, err);
	v->migrate_to = v->o->migrate ? argv[0] : NULL;
	if (r == 0 && takes_pids(v->o))
		r = read_pids(v, argc, argv, err);
	else if (r == 0 && !v->o->migrate)
		r = vm_parse_interval(argc, argv, &v->interval_ns, &v->count, err);
	if (r == 0 && vm_target_given(&v->o->target))
		r = read_targets(v, err);
	if (r == 0 && v->o->interval_ns)
		v->interval_ns = v->o->interval_ns;
	if (r == 0 && v->o->count)
		v->count = v->o->count;
	if (r == 0 && v->count && !v->interval_ns)
		return vm_fail(err, EINVAL, "--count goes with an interval");
	return r == 0 && v->interval_ns ? vm_check_samples(v->s, err) : r;
}

/** What -o and its kin name must be there before anything is shown. */
static int check_columns(struct vmnuma *v, const struct vmnuma_mode *mode, struct vm_err *err)
{
	struct vm_choice c;
	const struct vm_fieldset *set = vm_numa_columns(mode->set, &v->nodes, &v->arena);
	int r = set ? vm_choice_parse(v->common, set, &c, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		vm_choice_free(&c);
	return r;
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

static int show_sample(struct vmnuma *v, const struct vmnuma_mode *mode, struct vm_err *err)
{
	if (v->reports && !v->sink->machine)
		fputc('\n', v->out);
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	vm_document_begin(&v->report, v->s, "vmnuma/1");
	if (vm_report_is_document(&v->report))
		vm_json_put_str(&v->report.json, "mode", mode->name);
	r = mode->show(v, err);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	v->reports++;
	return r < 0 ? r : closed;
}

static int read_nodes(struct vmnuma *v, struct vm_err *err)
{
	vm_nodes_free(&v->prev);
	v->prev = v->nodes;
	v->again = v->prev.nodes.n > 0;
	v->began_ns = vm_clock_ns();
	vm_arena_reset(&v->arena);
	return vm_nodes_read(v->s, &v->nodes, err);
}

static int repeat(struct vmnuma *v, const struct vmnuma_mode *mode, struct vm_err *err)
{
	struct vm_signals signals;
	uint64_t due = vm_clock_ns();
	int r = vm_signals_open(&signals, err);
	if (r < 0)
		return r;
	if (!mode->rates)
		r = show_sample(v, mode, err);
	while (r == 0 && (!v->count || v->reports < v->count)) {
		if (fflush(v->out) != 0)
			r = vm_fail_os(err, errno, "cannot write the output");
		const int next = r < 0 ? r : vm_next_sample(v->s, &signals, v->interval_ns, &due, err);
		if (next > 0)
			break;
		r = next < 0 ? next : read_nodes(v, err);
		if (r == 0)
			r = show_sample(v, mode, err);
	}
	vm_signals_close(&signals);
	/* They have been shown as long as they were there. */
	if (r == -ESRCH && v->reports > 1) {
		fprintf(stderr, "vmnuma: %s any more\n", err->what);
		r = 0;
	}
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmnuma v = { .s = ctx->s, .common = ctx->common, .o = opts_, .out = ctx->out };
	v.sink = vm_common_sink(ctx->common);
	vm_common_style(ctx->common, ctx->out, &v.style);
	int r = read_operands(&v, argc, argv, err);
	if (r == 0 && v.interval_ns)
		r = vm_begin_samples(v.common, v.s, err);
	if (r == 0)
		r = read_nodes(&v, err);
	const struct vmnuma_mode *mode = mode_of(&v);
	if (r == 0)
		r = check_columns(&v, mode, err);
	if (v.interval_ns)
		v.sink = vm_common_sink_of_lines(ctx->common);
	if (r == 0)
		r = v.interval_ns ? repeat(&v, mode, err) : show_sample(&v, mode, err);
	vm_nodes_free(&v.nodes);
	vm_nodes_free(&v.prev);
	vm_vec_free(&v.pids);
	vm_arena_free(&v.arena);
	return r;
}

static const struct vm_fieldset *const fieldsets[] = {
	&vm_numa_mapping_fields, &vm_numa_process_fields, &vm_node_fields, &vm_numa_class_fields, &vm_node_item_fields,
	&vm_numa_run_fields, NULL,
};

static const struct vm_source *const sources[] = { &vm_src_numa_calls, NULL };

const struct vm_command vm_command = {
	.name = "vmnuma",
	.brief = "Show memory nodes: where memory is, under which policy, and how far from who uses it",
	.operands = "[PID... | INTERVAL [COUNT]]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmnuma_options),
	.run = run,
	.sources = sources,
};
