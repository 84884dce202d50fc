/**
 * vmrep(1): a line a sample.
 * - the machine: machine.c;  processes: processes.c
 * - columns: core/field/machine.c, process.c;  facts: core/source/machine.h, sweep.h;  rates: core/model/machine.h
 */

#include "cli/vmrep/vmrep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/launch.h"
#include "cli/samples.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/machine.h"
#include "core/source/machine.h"
#include "core/source/recording.h"
#include "core/source/session.h"

enum { GROUP_TARGET = 1 };

#define AT(member) offsetof(struct vmrep_options, member)

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .short_name = 'y', .name = "no-first", .type = VM_OPT_FLAG, .at = AT(no_first),
	  .help = "leave out the first line, which is of the time since boot",
	  .man = "With processes: since they started." },
	{ .short_name = 't', .name = "timestamp", .type = VM_OPT_FLAG, .at = AT(timestamp),
	  .help = "begin each line with the time, as in ISO 8601" },
	{ .name = "utc", .type = VM_OPT_FLAG, .at = AT(utc), .help = "that time in UTC" },
	{ .short_name = 'w', .name = "wide", .type = VM_OPT_FLAG, .at = AT(wide),
	  .help = "all columns of a group, however wide the terminal is",
	  .man = "Without it a group of \\fB-o\\fP is its most telling columns, and what a terminal has no room for is left out." },
	{ .name = "totals", .type = VM_OPT_FLAG, .at = AT(totals),
	  .help = "each figure on a line of its own, counts since boot",
	  		 .man = "As vmstat(8) \\fB-s\\fP: with the kernel's name of each." },
	VM_OPT_END,
};

static const struct vm_example examples[] = {
	{ "vmrep 1", "a line a second: free memory, faults, reclaim, pressure" },
	{ "vmrep -y -t 5 12", "a minute in steps of five seconds, with times" },
	{ "vmrep -o swap,psi 1", "swapping, and what it costs" },
	{ "vmrep -o +STALL/S,OOM/S 1", "the usual columns and two more" },
	{ "vmrep -w -o reclaim 1", "all about taking memory back" },
	{ "vmrep --filter 'MAJ/S > 100' -t 1", "only moments with many major faults" },
	{ "vmrep --format csv -o all 60 >memory.csv", "a long run, for a spreadsheet" },
	{ "vmrep -J 10 | jq -c .machine.page_faults_per_second", "a number from each sample" },
	{ "vmrep --totals", "all counters since boot" },
	{ "vmrep -p 4242 1", "a process: faults and growth a second" },
	{ "vmrep -a -s MAJFLT/S --filter 'MAJFLT/S > 0' 5", "who waits for the disk" },
	{ NULL, NULL },
};

/* ---- What the modes share ----------------------------------------------------------------------------------------- */

/** Parts of a second where lines come that often, and for programs. */
static bool wants_fraction(const struct vmrep *v)
{
	return v->sink->machine || v->interval_ns % 1000000000;
}

void vmrep_set_time(struct vmrep *v, uint64_t real_ns)
{
	const time_t seconds = (time_t)(real_ns / 1000000000);
	struct tm tm;
	char zone[8] = "Z";
	v->time[0] = '\0';
	if (!real_ns || !(v->o->utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)))
		return;
	if (!v->o->utc && strftime(zone, sizeof(zone), "%z", &tm) == 5) {
		/* "+0100": ISO 8601 has a colon in it where the time has some. */
		memmove(zone + 4, zone + 3, 3);
		zone[3] = ':';
	}
	size_t n = strftime(v->time, sizeof(v->time), "%Y-%m-%dT%H:%M:%S", &tm);
	if (wants_fraction(v))
		n += (size_t)snprintf(v->time + n, sizeof(v->time) - n, ".%03u", (unsigned)(real_ns / 1000000 % 1000));
	snprintf(v->time + n, sizeof(v->time) - n, "%s", zone);
}

/** Headings come again with each screen of a terminal, whatever its size has become. */
static size_t screen_lines(const struct vmrep *v)
{
	const char *lines = getenv("LINES");
	uint64_t n;
	struct winsize ws;
	if (!isatty(fileno(v->out)))
		return 0;
	if (ioctl(fileno(v->out), TIOCGWINSZ, &ws) == 0 && ws.ws_row > 3)
		return ws.ws_row - 2u;
	return lines && vm_parse_u64(lines, &n) == 0 && n > 3 && n < 10000 ? n - 2 : 22;
}

/** Leave out what a terminal has no room for, and say so. */
static void fit(struct vmrep *v, const void *row)
{
	struct vm_columns out;
	if (v->o->wide || !v->style.width || !isatty(fileno(v->out)) ||
	    !vm_lines_fit(&v->choice.view.cols, v->set, row, v->style.width, v->style.exact, &out))
		return;
	fprintf(stderr, "vmrep: no room for");
	for (size_t i = 0; i < out.n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", v->set->v[out.at[i]].name);
	fprintf(stderr, "; --wide shows all\n");
}

void vmrep_put_line(struct vmrep *v, const void *row)
{
	if (v->lines.n == 0)
		fit(v, row);
	v->lines.every = screen_lines(v);
	vm_lines_put(&v->lines, &v->report, &v->choice.view, row);
}

/* ---- The command line --------------------------------------------------------------------------------------------- */

static int check(const struct vmrep *v, struct vm_err *err)
{
	const struct vmrep_options *o = v->o;
	const bool targets = vm_target_given(&o->target);
	if (o->totals && (targets || v->interval_ns || o->wide || o->timestamp))
		return vm_fail(err, EINVAL, "--totals is one list of the machine's figures: it goes with no target, interval or form of lines");
	if (o->no_first && !v->interval_ns)
		return vm_fail(err, EINVAL, "--no-first leaves nothing without an interval");
	if (v->interval_ns && vm_check_samples(v->s, err) < 0)
		return -EINVAL;
	if (v->common->sort && !targets && !o->totals)
		return vm_fail(err, EINVAL, "--sort goes with processes: lines of the machine come in the order of time");
	return 0;
}

/** -t: the time is the first column. */
static void put_time_first(struct vmrep *v)
{
	struct vm_columns *cols = &v->choice.view.cols;
	const uint8_t time = (uint8_t)vm_field_find(v->set, "TIME", 4);
	size_t n = 1;
	struct vm_columns with = { .at = { time } };
	for (size_t i = 0; i < cols->n && n < VM_COLUMNS_MAX; i++)
		if (cols->at[i] != time)
			with.at[n++] = cols->at[i];
	with.n = n;
	*cols = with;
}

static int choose(struct vmrep *v, struct vm_err *err)
{
	int r = vm_choice_parse(v->common, v->set, &v->choice, err);
	if (r == 0 && v->o->timestamp)
		put_time_first(v);
	return r;
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

static int show_sample(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	bool empty = false;
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	r = mode->show(v, &empty, err);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	/* Of CSV the names come once. */
	if (v->sink->machine && !v->sink->document && !v->sink->labels && !empty)
		v->style.headings = false;
	v->reports += !empty;
	if (r == 0 && closed == 0 && fflush(v->out) != 0)
		return vm_fail_os(err, errno, "cannot write the output");
	return r < 0 ? r : closed;
}

/** -y: what is since boot.  Of a recording's moments only the first is. */
static bool leaves_out_first(const struct vmrep *v)
{
	return v->o->no_first && !v->has_before;
}

static int repeat(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	struct vm_signals signals;
	uint64_t due = vm_clock_ns();
	int r = vm_signals_open(&signals, err);
	if (r < 0)
		return r;
	if (!leaves_out_first(v))
		r = show_sample(v, mode, err);
	while (r == 0 && (!v->count || v->reports < v->count)) {
		r = vm_next_sample(v->s, &signals, v->interval_ns, &due, err);
		if (r)
			break;
		v->began_ns = vm_clock_ns();
		r = mode->read(v, err);
		if (r == 0)
			r = show_sample(v, mode, err);
	}
	vm_signals_close(&signals);
	/* They have been shown as long as they were there. */
	if (r == -ESRCH && v->reports) {
		fprintf(stderr, "vmrep: %s any more\n", err->what);
		r = 0;
	}
	return r < 0 ? r : 0;
}

/** Of a recording: rates are against the moment before, which says nothing where there is none, or not yet these processes. */
static int read_before(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	struct vm_err ignored = { 0 };
	size_t at;
	int r = vm_sample_before(v->s, &at, &v->has_before, &ignored);
	if (r == 0 && v->has_before)
		r = mode->read(v, &ignored);
	const int back = v->has_before ? vm_session_seek(v->s, at, err) : 0;
	v->has_before = v->has_before && r == 0;
	return back;
}

static int read_first(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	int r = vm_session_recording(v->s) ? read_before(v, mode, err) : 0;
	v->began_ns = vm_clock_ns();
	return r == 0 ? mode->read(v, err) : r;
}

static int open_mode(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	int r = mode->open(v, err);
	if (r == 0)
		r = choose(v, err);
	return r == 0 ? read_first(v, mode, err) : r;
}

static void close_mode(struct vmrep *v, const struct vmrep_mode *mode)
{
	vm_choice_free(&v->choice);
	mode->close(v);
	v->priv = NULL;
}

/** Through a recording, processes that begin later are waited for: the first of its moments at which they are there. */
static int open_recorded(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	const struct vm_common *common = v->common;
	int r = vm_begin_samples(v->common, v->s, err);
	struct vm_err why = { 0 };
	for (int next = r; next == 0; next = vm_session_advance(v->s, 1, err)) {
		r = open_mode(v, mode, &why);
		if (r != -ESRCH)
			break;
		close_mode(v, mode);
		v->common = common;
	}
	if (r < 0 && why.what[0])
		*err = why;
	return r;
}

static int run_mode(struct vmrep *v, const struct vmrep_mode *mode, struct vm_err *err)
{
	const bool through = vm_session_recording(v->s) && v->interval_ns && !v->common->at;
	int r = through ? open_recorded(v, mode, err) : open_mode(v, mode, err);
	if (r == 0)
		r = v->interval_ns ? repeat(v, mode, err) : show_sample(v, mode, err);
	close_mode(v, mode);
	return r;
}

/** Of a recording all moments are shown, where neither one of them nor an interval is named. */
static bool shows_all(const struct vmrep *v)
{
	return vm_session_recording(v->s) && !v->common->at && !v->interval_ns && !v->o->totals;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmrep v = { .s = ctx->s, .common = ctx->common, .o = opts_, .out = ctx->out };
	vm_common_style(ctx->common, ctx->out, &v.style);
	if (v.o->wide)
		v.style.width = 0;
	int r = vm_parse_interval(argc, argv, &v.interval_ns, &v.count, err);
	if (r == 0 && shows_all(&v))
		v.interval_ns = 1;
	v.sink = v.interval_ns ? vm_common_sink_of_lines(ctx->common) : vm_common_sink(ctx->common);
	if (r == 0)
		r = check(&v, err);
	if (r < 0)
		return r;
	return run_mode(&v, v.o->totals ? &vmrep_totals : vm_target_given(&v.o->target) ? &vmrep_processes : &vmrep_machine, err);
}

static const struct vm_fieldset *const fieldsets[] = { &vm_machine_fields, &vm_machine_total_fields, &vm_process_fields, NULL };

const struct vm_command vm_command = {
	.name = "vmrep",
	.brief = "Report what the machine's virtual memory is doing, a line a sample",
	.operands = "[INTERVAL [COUNT]]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmrep_options),
	.run = run,
	.sources = vm_machine_sources,
};
