/**
 * vmtop(1): the memory of all processes.
 * - columns: core/field/process.c;  reading: core/source/sweep.c;  carrying over: core/model/procset.c
 * - the screens: live.c and cli/tui
 */

#include "cli/vmtop/vmtop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/samples.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/numa.h"
#include "core/source/nodes.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

#define AT(member) offsetof(struct vmtop_options, member)

static const struct vm_opt opts[] = {
	{ .short_name = 'p', .name = "pid", .arg = "PID,...", .type = VM_OPT_STRING, .at = AT(pids),
	  .help = "only these processes" },
	{ .short_name = 'n', .name = "name", .arg = "REGEX", .type = VM_OPT_STRING, .at = AT(name),
	  .help = "only processes whose name matches, as in pgrep(1)" },
	{ .short_name = 'u', .name = "user", .arg = "USER", .type = VM_OPT_STRING, .at = AT(user),
	  .help = "only processes of this user, by name or number" },
	{ .short_name = 'k', .name = "kernel", .type = VM_OPT_FLAG, .at = AT(kernel),
	  .help = "kernel threads too" },
	{ .short_name = 'd', .name = "delay", .arg = "INTERVAL", .type = VM_OPT_TIME, .at = AT(delay_ns),
	  .min = 50000000, .help = "time between refreshes: 2, 0.5, 500ms (default 1s)" },
	{ .name = "budget", .arg = "PERCENT", .type = VM_OPT_STRING, .at = AT(budget),
	  .help = "CPU time that PSS, USS and their kin may cost in the live view (default 2)",
	  .man = "They are read from smaps_rollup, for which the kernel walks all page tables of the process and holds "
		 "its mmap lock. Within the budget, given as a share of one CPU, the oldest figures are read "
		 "anew first; the others stay, and the column AGE says how old they are." },
	{ .name = "read-only", .type = VM_OPT_FLAG, .at = AT(read_only),
	  .help = "write no file, neither settings nor exports, and offer nothing that changes a process" },
	{ .name = "once", .type = VM_OPT_FLAG, .at = AT(once),
	  .help = "print one table (or JSON, CSV) and end; so does output to a pipe or a file" },
	{ .name = "script", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(script),
	  .help = "press the keys in FILE on a screen of paper; for tests and demonstrations" },
	VM_OPT_END,
};

static const struct vm_example examples[] = {
	{ "vmtop", "all processes, live" },
	{ "vmtop -u www -s PSS", "one user's processes, by what they really cost" },
	{ "vmtop --filter 'RSS > 100M and SWAP > 0'", "big ones that are partly swapped out" },
	{ "vmtop --once -o PID,PSS,USS,SWAP,COMMAND -s USS", "one table" },
	{ "vmtop --once -J | jq '.totals.pss_bytes'", "for scripts" },
	{ "vmtop -p 4242 -o PID,RSS,RSS/S,MINFLT/S 1 60", "a minute of one process, a line a second" },
	{ "vmtop -o PID,MINFLT/S,MAJFLT/S,FAULT%,COMMAND -s FAULT%", "who spends its time in page faults" },
	{ "vmtop --format openmetrics -o PID,COMM,RSS,PSS", "for a monitoring system" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = { &vm_process_fields, NULL };

/* ---- Which processes ----------------------------------------------------------------------------------- */

static int compare_pids(const void *pa, const void *pb)
{
	const pid_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

static int choose_pids(struct vmtop *v, struct vm_err *err)
{
	int r = vm_parse_pids(v->o->pids, &v->pids, &v->npids, err);
	if (r < 0)
		return r;
	qsort(v->pids, v->npids, sizeof(*v->pids), compare_pids);
	size_t to = 1;
	for (size_t i = 1; i < v->npids; i++)
		if (v->pids[i] != v->pids[to - 1])
			v->pids[to++] = v->pids[i];
	v->npids = to;
	return 0;
}

static int choose_name(struct vmtop *v, struct vm_err *err)
{
	int code = regcomp(&v->name, v->o->name, REG_EXTENDED | REG_NOSUB);
	if (code) {
		char why[100];
		regerror(code, &v->name, why, sizeof(why));
		return vm_fail(err, EINVAL, "'%s' is not a regular expression: %s", v->o->name, why);
	}
	v->have_name = true;
	return 0;
}

static int choose_budget(struct vmtop *v, struct vm_err *err)
{
	char text[40];
	double share;
	snprintf(text, sizeof(text), "%.30s%s", v->o->budget, strchr(v->o->budget, '%') ? "" : "%");
	if (vm_parse_ratio(text, &share) < 0 || share <= 0 || share > 1) {
		vm_fail(err, EINVAL, "'%s' is not a budget", v->o->budget);
		vm_hint(err, "a percentage of one CPU, more than 0 and at most 100");
		return -EINVAL;
	}
	v->budget = share;
	return 0;
}

static int choose(struct vmtop *v, struct vm_err *err)
{
	int r = 0;
	if (v->o->pids)
		r = choose_pids(v, err);
	if (r == 0 && v->o->name)
		r = choose_name(v, err);
	if (r == 0 && v->o->user) {
		r = vm_user_find(v->s, v->o->user, &v->uid, err);
		v->have_uid = r == 0;
	}
	if (r == 0 && v->o->budget)
		r = choose_budget(v, err);
	return r;
}

/** Called from several threads: regexec(3) with a compiled expression is safe for that. */
static bool accepts(const void *ctx, const struct vm_proc *p)
{
	const struct vmtop *v = ctx;
	if (v->have_uid && (!p->has_uid || p->uid != v->uid))
		return false;
	return !v->have_name || regexec(&v->name, p->comm, 0, NULL, 0) == 0;
}

struct vm_sweep vmtop_sweep(struct vmtop *v, uint32_t needs)
{
	bool choosy = v->have_uid || v->have_name;
	return (struct vm_sweep){
		.needs = needs | VM_NEED(STAT) | (v->have_uid ? VM_NEED(STATUS) : 0), .budget_ns = UINT64_MAX,
		.only = v->pids, .nonly = v->npids,
		.mem_total = vm_system_has(&v->sys, VM_S_MEM_TOTAL) ? v->sys.q[VM_S_MEM_TOTAL] : 0,
		.max_map_count = vm_system_has(&v->sys, VM_S_MAX_MAP_COUNT) ? v->sys.q[VM_S_MAX_MAP_COUNT] : 0,
		.accepts = choosy ? accepts : NULL, .ctx = v,
	};
}

/* ---- Output ---------------------------------------------------------------------------------------------- */

/** Quantities that add up over processes: PSS and what belongs to one process only. */
static const struct { const char *key; enum vm_pqty q; uint32_t need; } totals[] = {
	{ "pss_bytes", VM_P_PSS, VM_NEED(ROLLUP) }, { "uss_bytes", VM_P_USS, VM_NEED(ROLLUP) },
	{ "swap_pss_bytes", VM_P_SWAP_PSS, VM_NEED(ROLLUP) },
	{ "page_tables_bytes", VM_P_PAGE_TABLES, VM_NEED(STATUS) },
};

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z';
}

/** Sums of the rows shown; null where one of them isn't known, because a part isn't the whole. */
static void put_totals(struct vm_json *j, uint32_t needs, const void *const *rows, size_t n)
{
	vm_json_key(j, "totals");
	vm_json_object_begin(j);
	vm_json_key(j, "processes");
	vm_json_u64(j, n);
	for (size_t t = 0; t < vm_countof(totals); t++) {
		if (!(needs & totals[t].need))
			continue;
		uint64_t sum = 0;
		bool whole = true;
		for (size_t i = 0; i < n; i++) {
			const struct vm_proc *p = rows[i];
			if (vm_proc_has(p, totals[t].q))
				sum += p->q[totals[t].q];
			else
				whole = whole && !has_memory(p);
		}
		vm_json_key(j, totals[t].key);
		if (whole)
			vm_json_u64(j, sum);
		else
			vm_json_null(j);
	}
	vm_json_object_end(j);
}

int vmtop_report(struct vmtop *v, const struct vm_sink *sink, FILE *out, const struct vm_view *view,
		 const void *const *rows, size_t n, struct vm_err *err)
{
	struct vm_report report;
	struct vm_style style;
	vm_common_style(v->common, out, &style);
	int r = vm_report_open(&report, sink, &style, out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	vm_document_begin(&report, v->s, "vmtop/1");
	r = vm_report_list(&report, view, rows, n, NULL);
	if (vm_report_is_document(&report) && view->set == v->fields)
		put_totals(&report.json, vm_columns_needs(view->set, &view->cols), rows, n);
	vm_document_end(&report, v->s, vm_procset_now(&v->set)->took_ns);
	int closed = vm_report_close(&report, err);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot write the processes");
	return closed;
}

/** A process that was named must be there. */
static int check_named(const struct vmtop *v, const struct vm_proclist *l, struct vm_err *err)
{
	if (v->have_name || v->have_uid)
		return 0;
	for (size_t i = 0, k = 0; i < v->npids; i++) {
		k = vm_proclist_find(l, v->pids[i], k);
		if (k == l->rows.n || l->rows.v[k].pid != v->pids[i])
			return vm_session_no_process(v->s, v->pids[i], err);
	}
	return 0;
}

/** Rows to show: kernel threads only if they are wanted or named. */
static size_t gather(struct vmtop *v, const void **rows)
{
	const struct vm_proclist *l = vm_procset_now(&v->set);
	size_t n = 0;
	for (size_t i = 0; i < l->rows.n; i++) {
		const struct vm_proc *p = &l->rows.v[i];
		if ((v->o->kernel || v->npids || !p->kthread) && vm_filter_accepts(v->choice.filter, p))
			rows[n++] = p;
	}
	return n;
}

static int print_sample(struct vmtop *v, const struct vm_sink *sink, struct vm_err *err)
{
	struct vm_proclist *l = vm_procset_now(&v->set);
	const void **rows = malloc((l->rows.n + 1) * sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	size_t n = gather(v, rows);
	for (size_t i = 0; i < n; i++)
		vm_proc_note_unmet(v->s, rows[i]);
	int r = vm_sort_rows(&v->choice.sort, rows, n);
	if (r == 0)
		r = vmtop_report(v, sink, v->ctx->out, &v->choice.view, rows, n, err);
	else
		r = vm_fail(err, -r, "out of memory");
	free(rows);
	return r;
}

/** Of rates that were asked for one sample says nothing: their names, and why. */
static void tell_of_rates(const struct vmtop *v)
{
	const struct vm_choice *ch = &v->choice;
	const struct vm_columns *cols = &ch->view.cols;
	unsigned n = 0;
	for (size_t i = 0; i < v->fields->n; i++) {
		const struct vm_field *f = &v->fields->v[i];
		bool asked = ch->sort.field == f || vm_filter_uses(ch->filter, f);
		for (size_t k = 0; k < cols->n; k++)
			asked = asked || cols->at[k] == i;
		if (asked && (f->flags & VM_F_RATE))
			fprintf(stderr, "%s%s", n++ ? ", " : "vmtop: ", f->name);
	}
	if (n)
		fprintf(stderr, ": %s\n", v->s->live ? "known from the second sample on; give an INTERVAL" :
			vm_session_recording(v->s) ? "known from the second moment on" : "a captured tree is one sample only");
}

/** Of a recording the moments make the samples: the first of several is the first one, unless --at says another. */
static int begin_replay(struct vmtop *v, const struct vm_sweep *sweep, bool single, struct vm_err *err)
{
	if (!single)
		return vm_begin_samples(v->common, v->s, err);
	/* Where the moment before can't be read there are no rates. */
	struct vm_err ignored;
	size_t at;
	bool there;
	if (vm_sample_before(v->s, &at, &there, &ignored) < 0 || (there && vm_sweep(v->s, &v->set, sweep, &ignored) < 0))
		vm_procset_free(&v->set);
	return there ? vm_session_seek(v->s, at, err) : 0;
}

/** Samples as tables or documents; rates are filled from the second on. */
static int print(struct vmtop *v, uint64_t interval_ns, uint64_t count, struct vm_err *err)
{
	const struct vm_sink *sink = vm_common_sink(v->common);
	/* Several documents: one a line. */
	if (interval_ns && sink->document)
		sink = vm_sinks[2];
	uint64_t due = vm_clock_ns();
	const bool single = !interval_ns || count == 1;
	/* Dear to everyone, and of no use once. */
	const uint32_t needs = v->choice.needs & ~(single ? VM_NEED(FAULTTIME) : 0);
	struct vm_sweep sweep = vmtop_sweep(v, needs);
	sweep.bare_kthreads = !v->o->kernel && !v->npids;
	int r = vm_session_recording(v->s) ? begin_replay(v, &sweep, single, err) : 0;
	for (uint64_t i = 0; r == 0 && (i == 0 || (interval_ns && (count == 0 || i < count))); i++) {
		r = i ? vm_next_sample(v->s, NULL, interval_ns, &due, err) : 0;
		if (r == 0)
			r = vm_sweep(v->s, &v->set, &sweep, err);
		if (r == 0 && i == 0)
			r = check_named(v, vm_procset_now(&v->set), err);
		if (r == 0 && i && !sink->machine)
			fputc('\n', v->ctx->out);
		if (r == 0)
			r = print_sample(v, sink, err);
	}
	if (r > 0)
		return 0;
	if (r == 0 && single && !(vm_session_recording(v->s) && vm_session_moment(v->s)))
		tell_of_rates(v);
	return r;
}

/** The columns of processes, with one for each memory node of this machine. */
static int make_fields(struct vmtop *v, struct vm_err *err)
{
	const struct vm_nodes *nodes = vm_nodes_known(v->s);
	v->fields = nodes ? vm_numa_columns(&vm_process_fields, nodes, &v->arena) : NULL;
	return v->fields ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

static int run_with(struct vmtop *v, int argc, char **argv, struct vm_err *err)
{
	uint64_t interval_ns, count;
	int r = vm_parse_interval(argc, argv, &interval_ns, &count, err);
	if (r == 0)
		r = make_fields(v, err);
	if (r == 0)
		r = vm_choice_parse(v->common, v->fields, &v->choice, err);
	if (r < 0)
		return r;
	/* The same order on the screen and in scripts. */
	if (!v->common->sort)
		vm_sort_parse(v->fields, "RSS", &v->choice.sort, NULL);
	v->interval_ns = interval_ns ? interval_ns : v->o->delay_ns;
	r = choose(v, err);
	if (r < 0)
		return r;
	/* The machine's size is for MEM%; without it that column stays unknown. */
	if (vm_system_read(v->s, &v->sys, NULL) < 0)
		v->sys = (struct vm_system){ 0 };
	bool chosen_format = vm_common_sink(v->common) != vm_sinks[0];
	bool live = v->o->script || (!v->o->once && !count && !chosen_format && isatty(fileno(v->ctx->out)));
	if (live) {
		r = vmtop_live(v, err);
		if (r != -ENOTTY || v->o->script)
			return r;
		/* No screen here: say so, and show what can be shown. */
		fprintf(stderr, "vmtop: %s; printing a table instead\n", err->what);
		*err = (struct vm_err){ 0 };
	}
	return print(v, interval_ns, count, err);
}

static int run(struct vm_ctx *ctx, const void *options, int argc, char **argv, struct vm_err *err)
{
	struct vmtop v = {
		.ctx = ctx, .s = ctx->s, .common = ctx->common, .o = options,
	};
	int r = run_with(&v, argc, argv, err);
	vm_choice_free(&v.choice);
	vm_procset_free(&v.set);
	vm_arena_free(&v.arena);
	free(v.pids);
	if (v.have_name)
		regfree(&v.name);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmtop", .brief = "show the memory of processes, live", .operands = "[INTERVAL [COUNT]]",
	.opts = opts, .fields = fieldsets, .examples = examples, .opts_size = sizeof(struct vmtop_options),
	.run = run, .print_doc = vmtop_print_doc,
};
