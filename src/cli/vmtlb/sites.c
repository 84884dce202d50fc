/** vmtlb --sites and --stacks: where page walks come from, by sampling. */

#include "cli/vmtlb/sites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/tlb_sample.h"
#include "core/source/session.h"

enum { TICK_MS = 20 };

/* ---- What can be sampled ------------------------------------------------------------------------------------------ */

static bool needs_pmu(const struct vmtlb_samples *s)
{
	for (size_t i = 0; i < s->npicks; i++)
		if (s->pick[i].event.type != PERF_TYPE_SOFTWARE)
			return true;
	return !s->npicks;
}

/** The PMU isn't to be had: note why. */
static void note_reason(struct vmtlb_samples *s)
{
	const bool denied = s->pmu.state == VM_PMU_FORBIDDEN || s->pmu.state == VM_PMU_FILTERED;
	struct vm_pmu_reason r;
	if (!vm_pmu_reason(&s->pmu, &r))
		return;
	vm_fail(&s->why, denied ? EPERM : EOPNOTSUPP, "%s", r.what);
	if (r.fix[0])
		vm_hint(&s->why, "%s", r.fix);
}

static int find_picks(struct vmtlb_samples *s, struct vm_err *err)
{
	const char *names = s->v->o->event;
	int r = vm_pmu_probe(s->v->s, &s->pmu, err);
	if (r == 0 && names)
		r = vm_walks_named(&s->pmu, names, s->pick, err);
	if (r < 0)
		return r;
	s->npicks = (size_t)r;
	if (s->pmu.state != VM_PMU_READY && needs_pmu(s)) {
		note_reason(s);
		return 0;
	}
	if (!names)
		s->npicks = vm_walks_choose(s->v->s, &s->pmu, s->pick);
	if (!s->npicks)
		vm_fail(&s->why, EOPNOTSUPP, "none of the events that are known of this CPU tells of page walks");
	return 0;
}

static int open_walks(struct vmtlb_samples *s, struct vm_err *err)
{
	const struct vmtlb *v = s->v;
	const bool command = v->target.whom == VM_OF_COMMAND;
	const struct vm_walk_ask ask = {
		.whom = v->target.whom, .pids = command ? &v->child.pid : v->target.pids, .npids = command ? 1 : v->target.npids,
		.cgroup = v->target.cgroup, .children = !v->o->no_children, .stacks = v->o->stacks, .pmu = &s->pmu, .pick = s->pick,
		.npicks = s->npicks, .all = v->o->event, .period = v->o->period, .frequency = v->o->frequency,
		.code = vm_sitenames_note_code, .ctx = &s->names,
	};
	return vm_walks_open(v->s, &ask, &s->walks, err);
}

/** A command runs whether it is sampled or not; others have nothing of it. */
static int open_or_say(struct vmtlb_samples *s, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	if (!s->why.code)
		s->refused = open_walks(s, &s->why) < 0;
	if (!s->why.code)
		return 0;
	/* What is wrong with the target is no matter of counters. */
	if (s->why.code == ESRCH) {
		*err = s->why;
		return -ESRCH;
	}
	vmtlb_complain(s->why.what, s->why.hint, v->child.pid ? "vmtlb --model -- COMMAND (sites and mappings, by a model)" :
		       "vmtlb --hot --clear-refs -p PID (mappings whose pages are walked, by accessed bits)");
	return v->child.pid ? 0 : vm_fail(err, s->why.code, "%s can't be sampled", v->o->event ? v->o->event : "page walks");
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

struct watch {
	struct vm_signals signals;
	uint64_t end_ns, next_ns;  /* 0: none */
	bool over;
};

static int report(struct vmtlb_samples *s, struct vm_err *err)
{
	const struct vm_walkset *set = NULL;
	int r = s->walks ? vm_walks_read(s->walks, &set, err) : 0;
	if (r == 0)
		r = vmtlb_samples_show(s, set, err);
	if (s->walks)
		vm_walks_restart(s->walks);
	return r;
}

static int tick(struct vmtlb_samples *s, struct watch *w, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	const uint64_t now = vm_clock_ns();
	int r = s->walks ? vm_walks_poll(s->walks, err) : 0;
	if (r == 0 && w->next_ns && now >= w->next_ns && !w->over) {
		w->next_ns += v->interval_ns;
		r = report(s, err);
		w->over |= v->count && v->reports >= v->count;
	}
	w->over |= v->child.pid ? vm_launch_ended(&v->child) : vm_target_gone(v->target.whom, v->target.pids, v->target.npids);
	w->over |= w->end_ns && now >= w->end_ns;
	return r;
}

static void wait_a_little(const struct watch *w)
{
	const uint64_t now = vm_clock_ns();
	const uint64_t next = w->end_ns && (!w->next_ns || w->end_ns < w->next_ns) ? w->end_ns : w->next_ns;
	uint64_t ms = TICK_MS;
	if (next && next > now && (next - now) / 1000000 < ms)
		ms = (next - now) / 1000000;
	vm_signals_wait(&w->signals, (int)ms);
}

static int watch(struct vmtlb_samples *s, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	struct watch w = { .end_ns = v->duration_ns ? vm_clock_ns() + v->duration_ns : 0,
	                   .next_ns = v->interval_ns ? vm_clock_ns() + v->interval_ns : 0 };
	int r = vm_signals_open(&w.signals, err);
	while (r == 0 && !w.over) {
		wait_a_little(&w);
		w.over |= vm_signals_take(&w.signals, &v->child);
		r = tick(s, &w, err);
	}
	if (s->walks)
		vm_walks_stop(s->walks);
	/* What is left of the last interval, unless all that were asked for are there. */
	if (r == 0 && (!v->count || v->reports < v->count))
		r = report(s, err);
	/* A program that was only to be sampled for a while goes on, and so do we: its status is ours. */
	while (v->child.pid && !vm_launch_ended(&v->child)) {
		wait_a_little(&w);
		vm_signals_take(&w.signals, &v->child);
	}
	if (v->child.pid)
		v->status = v->child.status;
	vm_launch_reap(&v->child);
	vm_signals_close(&w.signals);
	return r;
}

static int start(struct vmtlb_samples *s, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	if (vm_target_gone(v->target.whom, v->target.pids, v->target.npids))
		return v->target.npids == 1 ? vm_fail(err, ESRCH, "there is no process %d", v->target.pids[0]) :
					      vm_fail(err, ESRCH, "none of the processes is there");
	int r = v->argv ? vm_launch_start(&v->child, v->argv, NULL, NULL, err) : 0;
	if (r < 0)
		return r;
	r = open_or_say(s, err);
	if (r < 0 && v->child.pid)
		vm_launch_abandon(&v->child);
	else if (v->child.pid)
		r = vm_launch_go(&v->child, err);
	if (r == 0 && !v->child.pid && !v->duration_ns && !v->interval_ns && isatty(STDERR_FILENO))
		fprintf(stderr, "vmtlb: sampling; ^C ends it and shows what there was\n");
	return r;
}

static int run_as(struct vmtlb *v, const struct vmtlb_mode *mode, struct vm_err *err)
{
	struct vmtlb_samples s = { .v = v, .mode = mode };
	vmtlb_choose_lines(v);
	int r = find_picks(&s, err);
	if (r == 0)
		r = vm_sitenames_open(&s.names, v->s, false, err);
	if (r == 0)
		r = start(&s, err);
	if (r == 0)
		r = watch(&s, err);
	vm_walks_close(s.walks);
	vm_sitenames_free(&s.names);
	return r;
}

static int run_sites(struct vmtlb *v, struct vm_err *err)
{
	return run_as(v, &vmtlb_sites, err);
}

static int run_stacks(struct vmtlb *v, struct vm_err *err)
{
	return run_as(v, &vmtlb_stacks, err);
}

static int check(const struct vmtlb *v, struct vm_err *err)
{
	const struct vmtlb_options *o = v->o;
	if (o->period && o->frequency)
		return vm_fail(err, EINVAL, "--period and --frequency are two ways to say the same: give one of them");
	if (o->folded && v->sink->machine)
		return vm_fail(err, EINVAL, "--folded is a form of its own: it goes with neither --json, --csv nor --format");
	if (o->folded && o->interval_ns)
		return vm_fail(err, EINVAL, "--folded is written once, at the end: it goes without --interval");
	return 0;
}

const struct vmtlb_mode vmtlb_sites = {
	.name = "sites", .fields = &vm_walk_site_fields, .check = check, .run = run_sites, .targets = true, .command = true,
};
const struct vmtlb_mode vmtlb_stacks = {
	.name = "stacks", .fields = &vm_walk_stack_fields, .check = check, .run = run_stacks, .targets = true, .command = true,
};
