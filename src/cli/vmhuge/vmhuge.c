/**
 * vmhuge(1): how much is backed by huge pages, and why not more.
 * - the machine: machine.c;  processes: process.c, all.c;  changing: collapse.c
 * - reasons and remedies: core/analysis/whynot.h, in words hugewhy.c;  reading: hugelook.c;  its part of the manual: doc.c
 * - columns: core/field/huge_*.c;  facts: core/source/hugesys.h, hugescan.h
 */

#include "cli/vmhuge/vmhuge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/huge_machine.h"
#include "core/field/huge_process.h"
#include "core/source/hugesys.h"
#include "core/source/pages.h"
#include "core/source/session.h"

#define AT(member) offsetof(struct vmhuge_options, member)

enum { GROUP_MODE = 1, LINES_PER_HEADING = 20, COLUMN_LEAST = 7 };

static const struct vm_opt opts[] = {
	{ .short_name = 'm', .name = "machine", .type = VM_OPT_FLAG, .at = AT(machine), .group = GROUP_MODE,
	  .help = "the machine: the operands are an interval and a count, no processes" },
	{ .short_name = 'a', .name = "all", .type = VM_OPT_FLAG, .at = AT(all), .group = GROUP_MODE,
	  .help = "a row for each process, by what could still be won" },
	{ .name = "ranges", .type = VM_OPT_FLAG, .at = AT(ranges), .group = GROUP_MODE,
	  .help = "each range of 2M that holds something, instead of mappings" },
	{ .name = "range", .arg = "A-B", .type = VM_OPT_STRING, .at = AT(range),
	  .help = "only these addresses of the processes, hexadecimal" },
	{ .name = "collapse", .arg = "A-B|all", .type = VM_OPT_STRING, .at = AT(collapse), .group = GROUP_MODE,
	  .help = "CHANGE a process: have the kernel make huge pages of these addresses",
	  .man = "The only option that changes anything: process_madvise(2) with \\fBMADV_COLLAPSE\\fP (Linux 6.1) for each whole "
		 "range of 2M that holds memory and isn't huge yet. What became of each is told, and what changed." },
	{ .name = "via", .arg = "auto|page-tables|pagemap|pagemap-scan|mincore", .type = VM_OPT_ENUM, .at = AT(via),
	  .words = vm_via_names, .help = "how to read pages (default: the best way that works)" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1000000,
	  .help = "a line every TIME: what happened meanwhile" },
	{ .short_name = 'c', .name = "count", .arg = "N", .type = VM_OPT_U64, .at = AT(count), .min = 1,
	  .help = "with an interval: end after N lines" },
	{ .name = "rates", .type = VM_OPT_FLAG, .at = AT(rates),
	  .help = "of the machine, with an interval: tables of sizes and counters as rates, instead of a line" },
	{ .name = "top", .arg = "N", .type = VM_OPT_U64, .at = AT(top),
	  .help = "rows of a table at most (default: 20; 0: all, and counters that are 0)" },
	VM_OPT_END,
};

static const struct vmhuge_options defaults = { .top = 20 };

static const struct vm_example examples[] = {
	{ "vmhuge", "the machine: policies, counters, khugepaged, pools" },
	{ "vmhuge 4242", "which memory of a process is huge, and why not more" },
	{ "vmhuge 4242 1s", "the same in sum, a line a second" },
	{ "vmhuge -a", "all processes, by what could still be won" },
	{ "vmhuge --ranges 4242", "each range of 2M: how much of it is there, and why it isn't huge" },
	{ "vmhuge --collapse 7f0000000000-7f0040000000 4242", "have the kernel make huge pages there, now" },
	{ "vmhuge -m 1", "what happens to huge pages, a line a second" },
	{ "vmhuge -m --rates 10 2", "the same by size of pages and by counter, over ten seconds" },
	{ NULL, NULL },
};

/* ---- Reports ------------------------------------------------------------------------------------------------------ */

int vmhuge_report_begin(struct vmhuge *v, const char *mode, struct vm_err *err)
{
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (vm_report_is_document(&v->report)) {
		vm_document_begin(&v->report, v->s, "vmhuge/1");
		vm_json_key(&v->report.json, "mode");
		vm_json_str(&v->report.json, mode);
	}
	return 0;
}

int vmhuge_report_end(struct vmhuge *v, struct vm_err *err)
{
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	return vm_report_close(&v->report, err);
}

int vmhuge_list(struct vmhuge *v, const struct vm_fieldset *set, bool chosen, const char *columns, const void *rows, size_t n,
		size_t size, const void *total, struct vm_err *err)
{
	const bool machine = v->sink->machine;
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .columns = machine ? NULL : columns, .rows = rows, .n = n, .size = size, .total = total,
		.most = machine ? 0 : v->o->top, .more = "... ",
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

/* ---- Samples ------------------------------------------------------------------------------------------------------ */

int vmhuge_repeat(struct vmhuge *v, vmhuge_sample *sample, void *ctx, struct vm_err *err)
{
	struct vm_signals signals;
	const uint64_t began = vm_clock_ns();
	uint64_t next = began;
	if (!v->interval_ns)
		return sample(ctx, 0, 0, err);
	int r = vm_signals_open(&signals, err);
	bool over = false;
	for (unsigned n = 0; r == 0 && !over; n++) {
		r = sample(ctx, n, vm_clock_ns() - began, err);
		next += v->interval_ns;
		over = v->count && n + 1 >= v->count;
		if (r == 0 && !over)
			over = vm_signals_wait_until(&signals, NULL, next);
	}
	vm_signals_close(&signals);
	return r == VMHUGE_OVER ? 0 : r;
}

static int width_of(const struct vm_field *f)
{
	const int n = (int)strlen(f->name), width = n < COLUMN_LEAST ? COLUMN_LEAST : n;
	return f->type == VM_T_STR || f->type == VM_T_LIST ? -width : width;
}

static void put_heading(struct vmhuge *v, const struct vm_view *view)
{
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = &view->set->v[view->cols.at[i]];
		vm_report_say(&v->report, "%s%*s", i ? " " : "", width_of(f), f->name);
	}
	vm_report_say(&v->report, "\n");
}

static void put_row(struct vmhuge *v, const struct vm_view *view, const void *row)
{
	char text[256];
	struct vm_buf line = { 0 };
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = &view->set->v[view->cols.at[i]];
		struct vm_scratch tmp;
		vm_value_text(vm_field_get(f, row, &tmp), f->unit, v->style.exact, text, sizeof(text));
		vm_buf_addf(&line, "%s%*s", i ? " " : "", width_of(f), text);
	}
	vm_buf_add_char(&line, '\n');
	/* Rows are what was asked for; they stay with --no-headings. */
	vm_buf_add(&v->report.text, line.s, line.n);
	vm_buf_free(&line);
}

int vmhuge_lines_begin(struct vmhuge *v, const struct vm_fieldset *set, const char *columns, struct vmhuge_lines *l,
		       struct vm_err *err)
{
	struct vm_common common = *v->common;
	*l = (struct vmhuge_lines){ 0 };
	if (!common.columns && !v->sink->machine)
		common.columns = columns;
	return vm_choice_parse(&common, set, &l->choice, err);
}

int vmhuge_lines_put(struct vmhuge *v, struct vmhuge_lines *l, const void *row)
{
	if (!vm_filter_accepts(l->choice.filter, row))
		return 0;
	if (v->sink->machine)
		return vm_report_list(&v->report, &l->choice.view, &row, 1, NULL);
	if (l->lines++ % LINES_PER_HEADING == 0)
		put_heading(v, &l->choice.view);
	put_row(v, &l->choice.view, row);
	return 0;
}

void vmhuge_lines_end(struct vmhuge_lines *l)
{
	vm_choice_free(&l->choice);
}

/* ---- The command line --------------------------------------------------------------------------------------------- */

/** "1s", "0.5": no process has such a number. */
static bool is_interval(const char *text)
{
	uint64_t v;
	return vm_parse_u64(text, &v) != 0 && vm_parse_duration(text, &v) == 0;
}

/** [PID...] [INTERVAL [COUNT]]: a bare number is a process, but behind --machine. */
static int read_operands(struct vmhuge *v, int argc, char **argv, struct vm_err *err)
{
	int first = 0;
	v->interval_ns = v->o->interval_ns;
	v->count = v->o->count;
	while (!v->o->machine && !v->o->all && first < argc && !is_interval(argv[first]))
		first++;
	if (first < argc) {
		if (v->o->interval_ns)
			return vm_fail(err, EINVAL, "'%s' and --interval: one interval is enough", argv[first]);
		int r = vm_parse_interval(argc - first, argv + first, &v->interval_ns, &v->count, err);
		if (r < 0)
			return r;
		v->count = v->count ? v->count : v->o->count;
	}
	v->pids = calloc((size_t)first + 1, sizeof(*v->pids));
	if (!v->pids)
		return vm_fail(err, ENOMEM, "out of memory");
	for (int i = 0; i < first; i++) {
		int r = vm_parse_pid(argv[i], &v->pids[v->npids++], err);
		if (r < 0)
			return r;
	}
	return v->count && !v->interval_ns ? vm_fail(err, EINVAL, "--count goes with an interval") : 0;
}

static int parse_range(struct vmhuge *v, const char *option, const char *text, struct vm_err *err)
{
	if (vm_parse_range(text, &v->from, &v->to) != 0) {
		vm_fail(err, EINVAL, "%s: '%s' is not a range of addresses", option, text);
		vm_hint(err, "as in 7f0000000000-7f0000200000");
		return -EINVAL;
	}
	if (v->from >> 63)
		return vm_fail(err, EINVAL, "%s: 0x%llx is in the kernel's half, which is no part of a process", option,
			       (unsigned long long)v->from);
	v->from &= ~UINT64_C(4095);
	v->to = v->to > UINT64_MAX - 4095 ? UINT64_MAX & ~UINT64_C(4095) : (v->to + 4095) & ~UINT64_C(4095);
	return 0;
}

/** What -o, -s and --filter speak of; NULL: of nothing. */
static const struct vm_fieldset *chosen_set(const struct vmhuge *v)
{
	if (v->o->collapse)
		return NULL;
	if (v->o->all || (v->npids && v->interval_ns))
		return &vm_huge_process_fields;
	if (v->npids)
		return v->o->ranges ? &vm_huge_range_fields : &vm_huge_mapping_fields;
	return v->interval_ns && !v->sink->document && !v->o->rates ? &vm_huge_sample_fields : &vm_huge_size_fields;
}

/** Before anything is shown. */
static int check_columns(const struct vmhuge *v, struct vm_err *err)
{
	const struct vm_fieldset *set = chosen_set(v);
	struct vm_choice c;
	int r = set ? vm_choice_parse(v->common, set, &c, err) : 0;
	if (set && r == 0)
		vm_choice_free(&c);
	return r;
}

static int check(struct vmhuge *v, struct vm_err *err)
{
	const struct vmhuge_options *o = v->o;
	int r = check_columns(v, err);
	if (r < 0)
		return r;
	if (o->collapse && (v->npids != 1 || v->interval_ns || o->range))
		return vm_fail(err, EINVAL, "--collapse %s takes one process, %s", o->collapse,
			       o->range ? "and no --range" : v->interval_ns ? "and no interval" : "its number behind the range");
	if (o->collapse)
		return strcmp(o->collapse, "all") == 0 ? 0 : parse_range(v, "--collapse", o->collapse, err);
	if (o->rates && (!v->interval_ns || v->npids || o->all))
		return vm_fail(err, EINVAL, "--rates is of the machine, with an interval: vmhuge -m --rates 1");
	if (o->ranges && v->interval_ns)
		return vm_fail(err, EINVAL, "--ranges doesn't go with an interval");
	if (!v->npids && (o->ranges || o->range))
		return vm_fail(err, EINVAL, "%s: name a process", o->ranges ? "--ranges" : "--range");
	return o->range ? parse_range(v, "--range", o->range, err) : 0;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmhuge v = { .s = ctx->s, .common = ctx->common, .o = opts_, .out = ctx->out, .began_ns = vm_clock_ns(),
			    .exit_status = -1 };
	int r = read_operands(&v, argc, argv, err);
	v.sink = v.interval_ns ? vm_common_sink_of_lines(v.common) : vm_common_sink(v.common);
	vm_common_style(ctx->common, ctx->out, &v.style);
	if (r == 0)
		r = check(&v, err);
	if (r == 0)
		r = v.o->collapse ? vmhuge_collapse(&v, err) : v.o->all ? vmhuge_all(&v, err) : !v.npids ? vmhuge_machine(&v, err)
		  : v.interval_ns ? vmhuge_samples(&v, err) : vmhuge_processes(&v, err);
	free(v.pids);
	ctx->exit_status = v.exit_status;
	return r;
}

static const struct vm_fieldset *const fieldsets[] = {
	&vm_huge_mapping_fields, &vm_huge_range_fields, &vm_huge_process_fields, &vm_huge_cover_fields, &vm_huge_size_fields,
	&vm_huge_pool_fields, &vm_huge_count_fields, &vm_huge_sample_fields, NULL,
};

const struct vm_command vm_command = {
	.name = "vmhuge",
	.brief = "How much is backed by huge pages, and why not more",
	.operands = "[PID...] [INTERVAL [COUNT]]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmhuge_options),
	.defaults = &defaults,
	.run = run,
	.print_doc = vmhuge_print_doc,
	.sources = vm_huge_sources,
};
