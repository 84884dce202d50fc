/**
 * vmrec(1): record now, look later.
 * - what is read: core/source/recorder.h;  the file: recwriter.h, recformat.h, docs/recording.md
 * - reading it: recording.h, --replay of every command;  --info: info.c
 */

#include "cli/vmrec/vmrec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/launch.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/cgroupfs.h"
#include "core/source/recorder.h"
#include "core/source/recwriter.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { GROUP_TARGET = 1, GROUP_MODE = 2, GROUP_MAPPINGS = 3 };

/** Of an interval, the part that reading PSS anew may take: 1/250. */
enum { PSS_SHARE = 250 };

#define USUAL_INTERVAL UINT64_C(5000000000)
#define AT(member) offsetof(struct vmrec_options, member)

static const struct vm_opt opts[] = {
	{ .short_name = 'o', .name = "output", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(file), .group = GROUP_MODE,
	  .help = "record into FILE; a recording that is there is gone on with",
	  .man = "It must be a file: a recording is also read while it is written." },
	{ .name = "info", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(info), .group = GROUP_MODE,
	  .help = "what a recording holds, and whether all of it can be read" },
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .short_name = 'm', .name = "mappings", .type = VM_OPT_FLAG, .at = AT(mappings), .group = GROUP_MAPPINGS,
	  .help = "mappings with all their figures, too; usual with -p, -n, -g and a command",
	  .man = "Reading smaps costs the processes, too: it holds the lock that their page faults need." },
	{ .name = "no-mappings", .type = VM_OPT_FLAG, .at = AT(no_mappings), .group = GROUP_MAPPINGS,
	  .help = "no mappings of the processes that are named" },
	{ .short_name = 'i', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 10000000,
	  .help = "read every TIME, as the operand INTERVAL; 5 seconds if not given" },
	{ .short_name = 'c', .name = "count", .arg = "N", .type = VM_OPT_U64, .at = AT(count), .min = 1,
	  .help = "end after N frames" },
	{ .short_name = 'q', .name = "quiet", .type = VM_OPT_FLAG, .at = AT(quiet), .help = "say nothing but what goes wrong" },
	{ .short_name = 'J', .name = "json", .type = VM_OPT_FLAG, .at = AT(json), .help = "with --info: JSON, one object" },
	VM_OPT_END,
};

struct vmrec {
	struct vm_session *s;
	const struct vmrec_options *o;
	uint64_t interval_ns, count;
	struct vm_launch child;
	struct vm_signals signals;
	struct vm_target target;
	struct vm_rec_writer *writer;
	struct vm_recorder *recorder;
	struct vm_recorder_frame frame;    /* the last one */
	uint64_t frames;           /* made by us */
	uint64_t bytes_before;     /* of the file */
	uint64_t began_ns;
};

static int find_pids(struct vmrec *v, struct vm_pids *pids, struct vm_err *err)
{
	pids->n = 0;
	if (v->target.whom == VM_OF_CGROUP)
		return vm_cgroup_pids(v->s, v->target.cgroup, pids, err);
	if (v->target.whom == VM_OF_ALL)
		return vm_list_numbers(v->s, pids, err, "proc");
	for (size_t i = 0; i < v->target.npids; i++)
		if (!vm_vec_push(pids, v->target.pids[i]))
			return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int make_frame(struct vmrec *v, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = find_pids(v, &pids, err);
	/* The group is gone, and so are its processes. */
	if (r == -ENOENT && v->frames)
		r = 0;
	if (r == 0)
		r = vm_recorder_frame(v->recorder, pids.v, pids.n, &v->frame, err);
	vm_vec_free(&pids);
	v->frames += r == 0;
	return r;
}

static bool targets_ended(struct vmrec *v)
{
	if (v->child.pid)
		return vm_launch_ended(&v->child);
	return v->target.whom == VM_OF_PIDS && v->frame.processes == 0;
}

/** Moments that were missed, the machine being asleep or busy, are left out. */
static uint64_t next_due(const struct vmrec *v, uint64_t due_ns)
{
	const uint64_t now = vm_clock_ns();
	due_ns += v->interval_ns;
	return due_ns > now ? due_ns : now - (now - due_ns) % v->interval_ns + v->interval_ns;
}

static int record(struct vmrec *v, struct vm_err *err)
{
	uint64_t due = vm_clock_ns();
	int r = v->child.pid ? vm_launch_go(&v->child, err) : 0;
	if (r == 0)
		r = make_frame(v, err);
	while (r == 0 && (!v->count || v->frames < v->count) && !targets_ended(v)) {
		due = next_due(v, due);
		if (vm_signals_wait_until(&v->signals, &v->child, due))
			break;
		r = make_frame(v, err);
	}
	return r;
}

static double own_cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void say_end(const struct vmrec *v)
{
	char size[VM_NUMBUF], time[VM_NUMBUF];
	const double seconds = (double)(vm_clock_ns() - v->began_ns) / 1e9;
	if (v->o->quiet)
		return;
	fprintf(stderr, "vmrec: %llu frame%s in %s, %s more in '%s'; took %.2f %% of a CPU\n", (unsigned long long)v->frames,
		v->frames == 1 ? "" : "s", vm_format_duration(vm_clock_ns() - v->began_ns, time),
		vm_format_size(vm_rec_writer_bytes(v->writer) - v->bytes_before, size), v->o->file,
		100 * own_cpu_seconds() / (seconds > 0 ? seconds : 1));
	if (v->frame.refused)
		fprintf(stderr, "vmrec: mappings of %zu process%s may not be read; needs CAP_SYS_PTRACE or the same user\n",
			v->frame.refused, v->frame.refused == 1 ? "" : "es");
}

static void say_begin(const struct vmrec *v, uint64_t cut)
{
	char size[VM_NUMBUF], time[VM_NUMBUF];
	if (cut)
		fprintf(stderr, "vmrec: %s at the end of '%s' were no complete frame and are cut off\n", vm_format_size(cut, size),
			v->o->file);
	if (!v->o->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "vmrec: recording every %s into '%s'; ^C ends it\n", vm_format_duration(v->interval_ns, time),
			v->o->file);
}

static bool wants_mappings(const struct vmrec *v)
{
	return v->o->mappings || (!v->o->no_mappings && v->target.whom != VM_OF_ALL);
}

/** Nothing is written for processes that aren't there. */
static int check_there(const struct vmrec *v, struct vm_err *err)
{
	if (v->target.whom != VM_OF_PIDS || v->child.pid || !vm_target_gone(v->target.whom, v->target.pids, v->target.npids))
		return 0;
	return v->target.npids == 1 ? vm_fail(err, ESRCH, "there is no process %d", v->target.pids[0])
				    : vm_fail(err, ESRCH, "there is none of these processes");
}

static int run_recorder(struct vmrec *v, struct vm_err *err)
{
	uint64_t cut;
	const struct vm_recorder_options o = { .pss_budget_ns = v->interval_ns / PSS_SHARE, .mappings = wants_mappings(v) };
	int r = check_there(v, err);
	if (r == 0)
		r = vm_rec_writer_open(v->o->file, &v->writer, &cut, err);
	if (r < 0)
		return r;
	v->bytes_before = vm_rec_writer_bytes(v->writer);
	say_begin(v, cut);
	r = vm_recorder_open(v->s, v->writer, &o, &v->recorder, err);
	if (r == 0)
		r = record(v, err);
	vm_recorder_close(v->recorder);
	if (r == 0)
		say_end(v);
	const int closed = vm_rec_writer_close(v->writer, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}

static int find_target(struct vmrec *v, int argc, char **argv, struct vm_err *err)
{
	uint64_t ignored;
	if (argc == 0 || vm_parse_duration(argv[0], &ignored) == 0) {
		int r = vm_parse_interval(argc, argv, &v->interval_ns, &v->count, err);
		if (r < 0 || !vm_target_given(&v->o->target)) {
			v->target.whom = VM_OF_ALL;
			return r;
		}
		return vm_target_find(v->s, &v->o->target, &v->target, err);
	}
	if (vm_target_given(&v->o->target)) {
		vm_fail(err, EINVAL, "'%s' is not an interval", argv[0]);
		vm_hint(err, "a command goes without -p, -n, -g and -a");
		return -EINVAL;
	}
	int r = vm_launch_start(&v->child, argv, NULL, NULL, err);
	v->target = (struct vm_target){ .whom = VM_OF_PIDS, .pids = &v->child.pid, .npids = 1 };
	return r;
}

static int check(const struct vmrec_options *o, const struct vm_session *s, int argc, char **argv, struct vm_err *err)
{
	if (!o->file && !o->info) {
		vm_fail(err, EINVAL, "where to? -o FILE names the recording");
		vm_hint(err, "or --info FILE, to see what one holds");
		return -EINVAL;
	}
	if (o->info && (argc > 0 || vm_target_given(&o->target) || o->interval_ns || o->count || o->mappings || o->no_mappings))
		return vm_fail(err, EINVAL, "--info takes nothing of what is recorded%s%s", argc > 0 ? ": " : "", argc > 0 ? argv[0] : "");
	if (o->json && !o->info)
		return vm_fail(err, EINVAL, "--json goes with --info; what was recorded is shown by --replay of the other commands");
	if (!s->live)
		return vm_fail(err, EINVAL, "vmrec reads this machine: --root and --replay make no sense");
	return 0;
}

static int record_all(struct vm_ctx *ctx, struct vmrec *v, int argc, char **argv, struct vm_err *err)
{
	int r = vm_target_check(v->s, &v->o->target, err);
	if (r == 0)
		r = find_target(v, argc, argv, err);
	if (v->o->interval_ns || !v->interval_ns)
		v->interval_ns = v->o->interval_ns ? v->o->interval_ns : USUAL_INTERVAL;
	if (v->o->count)
		v->count = v->o->count;
	if (r == 0)
		r = vm_signals_open(&v->signals, err);
	if (r == 0) {
		r = run_recorder(v, err);
		if (v->child.pid && r < 0 && !v->frames)
			vm_launch_abandon(&v->child);
		else if (v->child.pid && !v->child.ended)
			vm_launch_reap(&v->child);
		vm_signals_close(&v->signals);
	}
	if (v->child.not_started) {
		fprintf(stderr, "vmrec: %s\n", err->what);
		ctx->exit_status = vm_launch_failure_status(&v->child);
		r = 0;
	} else if (r == 0 && v->child.ended) {
		ctx->exit_status = v->child.status;
	}
	if (v->target.pids != &v->child.pid)
		vm_target_free(&v->target);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmrec v = { .s = ctx->s, .o = opts_, .began_ns = vm_clock_ns() };
	int r = check(v.o, ctx->s, argc, argv, err);
	if (r < 0)
		return r;
	return v.o->info ? vmrec_info(v.o, ctx->out, err) : record_all(ctx, &v, argc, argv, err);
}

static const struct vm_example examples[] = {
	{ "vmrec -o day.vmrec", "all processes and the machine every five seconds, until ^C" },
	{ "vmrec -o night.vmrec 60 600", "ten hours, a frame a minute" },
	{ "vmrec -o pg.vmrec -n postgres 10", "the processes of that name with all their mappings" },
	{ "vmrec -o run.vmrec -i 0.5 -- ./prog arg", "a program from its beginning to its end" },
	{ "vmrec --info day.vmrec", "from when to when, how much, and is it whole?" },
	{ "vmtop --replay day.vmrec", "look at it; left and right go through time" },
	{ "vmmap --replay pg.vmrec --at 14:05 4242", "an address space as it was" },
	{ NULL, NULL },
};

const struct vm_command vm_command = {
	.name = "vmrec",
	.brief = "Record memory now, look at it later",
	.operands = "[INTERVAL [COUNT]] | -- COMMAND [ARG...]",
	.opts = opts,
	.examples = examples,
	.opts_size = sizeof(struct vmrec_options),
	.run = run,
};
