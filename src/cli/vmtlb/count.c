/** vmtlb without a mode: counts what the CPU tells of its TLBs; where it tells nothing, what the kernel tells. */

#include "cli/vmtlb/count.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/source/session.h"

enum { TICK_MS = 50 };

/* ---- The command line --------------------------------------------------------------------------------------------- */

/** All events of --event.  0, -EINVAL, -ENOMEM. */
static int parse_events(const struct vm_pmu *pmu, const char *text, struct vm_pmu_event *out, size_t *n, struct vm_err *err)
{
	vm_auto_free char *copy = strdup(text);
	char *save = NULL;
	int r = copy ? 0 : vm_fail(err, ENOMEM, "out of memory");
	*n = 0;
	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; r == 0 && name; name = strtok_r(NULL, ",", &save)) {
		if (*n == VMTLB_EVENTS_MAX)
			return vm_fail(err, EINVAL, "--event: more than %d events", VMTLB_EVENTS_MAX);
		r = vm_pmu_encode(pmu, name, &out[(*n)++], err);
	}
	return r == 0 && !*n ? vm_fail(err, EINVAL, "--event: '%s' names no event", text) : r;
}

static int check(const struct vmtlb *v, struct vm_err *err)
{
	vm_auto_free struct vmtlb_counting *c = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = v->o->event ? vm_pmu_identify(v->s, &c->pmu, err) : 0;
	return r == 0 && v->o->event ? parse_events(&c->pmu, v->o->event, c->event, &c->nevents, err) : r;
}

void vmtlb_count_cores(const struct vmtlb_counting *c, const char *names[static VM_TLB_CORES_MAX])
{
	for (size_t i = 0; i < VM_TLB_CORES_MAX; i++)
		names[i] = c->pmu.core[i].device;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static int open_counters(struct vmtlb_counting *c, struct vm_err *err)
{
	struct vmtlb *v = c->v;
	const struct vm_counters_ask ask = {
		.whom = v->target.whom, .pids = v->argv ? &v->child.pid : v->target.pids, .npids = v->argv ? 1 : v->target.npids,
		.cgroup = v->target.cgroup, .children = !v->o->no_children, .pmu = &c->pmu,
		.event = v->o->event ? c->event : NULL, .nevents = c->nevents,
	};
	return vm_counters_open(v->s, &ask, &c->counters, err);
}

/** A program is run whatever can be counted of it. */
static int open_for_command(struct vmtlb_counting *c, struct vm_err *err)
{
	struct vmtlb *v = c->v;
	int r = vm_launch_start(&v->child, v->argv, NULL, NULL, err);
	if (r < 0)
		return r;
	if (open_counters(c, &c->refused) == 0)
		return 0;
	c->counters = NULL;
	return 0;
}

/** Not even software events: there is nothing to be had of processes that run. */
static int open_for_targets(struct vmtlb_counting *c, struct vm_err *err)
{
	const struct vm_pmu *p = &c->pmu;
	if (p->software == 0 || p->state == VM_PMU_READY)
		return open_counters(c, err);
	return vm_fail(err, p->software == -EACCES || p->software == -EPERM ? EACCES : EOPNOTSUPP, "nothing of it can be counted");
}

static int open_all(struct vmtlb_counting *c, struct vm_err *err)
{
	int r = vm_pmu_probe(c->v->s, &c->pmu, err);
	if (r == 0 && c->v->o->event)
		r = parse_events(&c->pmu, c->v->o->event, c->event, &c->nevents, err);
	if (r < 0)
		return r;
	r = c->v->argv ? open_for_command(c, err) : open_for_targets(c, err);
	/* Whoever mistyped a number needs no lecture. */
	if (r != -ESRCH)
		vmtlb_why(c);
	vmtlb_say_refused(c);
	if (c->counters && vm_counters_take_children(c->counters))
		vmtlb_complain("children that the processes start meanwhile are counted, too, in spite of --no-children: before Linux 5.13 "
			       "the kernel can't tell them from threads", "", "");
	return r;
}

/* ---- Watching ----------------------------------------------------------------------------------------------------- */

struct watch {
	struct vm_signals signals;
	uint64_t began_ns, end_ns, next_ns;   /* 0: none */
	bool over;
};

static void read_counters(const struct vmtlb_counting *c, uint64_t began_ns, struct vm_tc_set *out)
{
	if (c->counters)
		vm_counters_read(c->counters, out);
	else
		*out = (struct vm_tc_set){ .wall_ns = vm_clock_ns() - began_ns };
}

static int sample(struct vmtlb_counting *c, const struct watch *w, struct vm_err *err)
{
	struct vm_tc_set now, part;
	read_counters(c, w->began_ns, &now);
	vm_tc_since(&now, &c->before, &part);
	c->before = now;
	c->samples++;
	if (c->v->o->event || c->v->sink->document)
		return vmtlb_count_show(c, &part, c->samples, err);
	return vmtlb_count_line(c, &part, now.wall_ns, err);
}

static bool is_over(struct vmtlb_counting *c, const struct watch *w, uint64_t now)
{
	struct vmtlb *v = c->v;
	return vm_launch_ended(&v->child) || (w->end_ns && now >= w->end_ns) ||
	       (!v->argv && vm_target_gone(v->target.whom, v->target.pids, v->target.npids));
}

static void wait_for_it(const struct watch *w)
{
	const uint64_t now = vm_clock_ns();
	const uint64_t next = w->end_ns && (!w->next_ns || w->end_ns < w->next_ns) ? w->end_ns : w->next_ns;
	uint64_t ms = TICK_MS;
	if (next && next > now && (next - now) / 1000000 < ms)
		ms = (next - now) / 1000000;
	if (!next || next > now)
		vm_signals_wait(&w->signals, (int)ms);
}

static int watch(struct vmtlb_counting *c, struct watch *w, struct vm_err *err)
{
	struct vmtlb *v = c->v;
	int r = 0;
	while (r == 0 && !w->over) {
		wait_for_it(w);
		c->interrupted |= vm_signals_take(&w->signals, &v->child);
		const uint64_t now = vm_clock_ns();
		w->over = c->interrupted || is_over(c, w, now);
		if (w->next_ns && now >= w->next_ns && !w->over) {
			w->next_ns += v->interval_ns;
			r = sample(c, w, err);
			w->over = v->count && c->samples >= v->count;
		}
	}
	return r;
}

/** The rest of the last sample, unless all that were asked for are there; then the sum of all. */
static int finish(struct vmtlb_counting *c, struct watch *w, struct vm_err *err)
{
	struct vm_tc_set all;
	int r = 0;
	if (c->counters)
		vm_counters_disable(c->counters);
	const bool complete = c->v->count && c->samples >= c->v->count;
	/* Among rows of samples it would be rows of another kind, or one that is taken for a sample. */
	const bool room = !c->v->interval_ns || !c->v->sink->machine || c->v->sink->document;
	if (c->v->interval_ns && !complete && c->samples)
		r = sample(c, w, err);
	read_counters(c, w->began_ns, &all);
	if (r == 0 && room && !(c->v->interval_ns && complete))
		r = vmtlb_count_show(c, &all, 0, err);
	return r;
}

static int run_counting(struct vmtlb_counting *c, struct vm_err *err)
{
	struct vmtlb *v = c->v;
	struct watch w = { .began_ns = vm_clock_ns() };
	int r = vm_signals_open(&w.signals, err);
	if (r == 0 && c->counters)
		r = vm_counters_enable(c->counters, err);
	if (v->child.pid && r < 0)
		vm_launch_abandon(&v->child);
	else if (v->child.pid)
		r = vm_launch_go(&v->child, err);
	w.end_ns = v->duration_ns ? w.began_ns + v->duration_ns : 0;
	w.next_ns = v->interval_ns ? w.began_ns + v->interval_ns : 0;
	if (r == 0)
		r = watch(c, &w, err);
	if (r == 0)
		r = finish(c, &w, err);
	/* A program that was only to be watched for a while goes on, and so do we: its status is ours. */
	while (v->child.pid && !vm_launch_ended(&v->child)) {
		vm_signals_wait(&w.signals, TICK_MS);
		vm_signals_take(&w.signals, &v->child);
	}
	vm_launch_reap(&v->child);
	vm_signals_close(&w.signals);
	return r;
}

static int run(struct vmtlb *v, struct vm_err *err)
{
	vm_auto_free struct vmtlb_counting *c = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail(err, ENOMEM, "out of memory");
	c->v = v;
	vmtlb_choose_lines(v);
	int r = open_all(c, err);
	if (r == 0)
		r = run_counting(c, err);
	if (r == 0 && v->child.ended)
		v->status = v->child.status;
	else if (r == 0 && v->common->strict && (!c->counters || c->pmu.state != VM_PMU_READY || c->pmu.user_only))
		v->status = VM_EXIT_PARTIAL;
	vm_counters_close(c->counters);
	return r;
}

const struct vmtlb_mode vmtlb_count = {
	.name = "count", .fields = &vm_tlb_side_fields, .check = check, .run = run, .targets = true, .command = true,
};
const struct vmtlb_mode vmtlb_count_lines = {
	.name = "count", .fields = &vm_tlb_sample_fields, .check = check, .run = run, .targets = true, .command = true,
};
const struct vmtlb_mode vmtlb_count_events = {
	.name = "count", .fields = &vm_tlb_event_fields, .check = check, .run = run, .targets = true, .command = true,
};
