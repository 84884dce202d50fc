#include "core/source/counters_plan.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/perf_event.h"

/**
 * Events of TLBs run on four counters of Intel's only, whatever others there are; cycles and instructions have counters of
 * their own there.  AMD and Arm have six for all.
 */
enum { GROUP_MOST = 4 };

/** A group that is being made: its events are open on ourselves, to see what the kernel accepts. */
struct group {
	struct vm_plan *plan;
	const struct vm_pmu *pmu;
	unsigned core;
	int fd[GROUP_MOST + 2];
	size_t n, counted;         /* events; of these, other than cycles and instructions */
};

static int try_event(const struct group *g, const struct vm_pmu_event *e)
{
	struct perf_event_attr attr;
	vm_pmu_attr(g->pmu, e, &attr);
	attr.disabled = g->n == 0;
	return vm_perf_event_open_in(&attr, 0, -1, g->n ? g->fd[0] : -1, 0);
}

static struct vm_plan_slot *add_slot(struct vm_plan *p, const struct vm_pmu_event *e, unsigned core)
{
	if (p->n == VM_TC_ENTRIES_MAX)
		return NULL;
	struct vm_plan_slot *slot = &p->v[p->n++];
	*slot = (struct vm_plan_slot){ .event = e, .core = (uint8_t)core, .group = (uint8_t)p->groups, .software = -1 };
	return slot;
}

/** Into this group.  0, or why not. */
static int add_here(struct group *g, const struct vm_pmu_event *e, bool base)
{
	if (g->n == vm_countof(g->fd) || (!base && g->counted == GROUP_MOST))
		return -EINVAL;
	const int fd = try_event(g, e);
	struct vm_plan_slot *slot = fd < 0 ? NULL : add_slot(g->plan, e, g->core);
	if (!slot) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOSPC;
	}
	g->fd[g->n++] = fd;
	g->counted += !base;
	return 0;
}

static void end_group(struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		close(g->fd[i]);
	g->plan->groups += g->n > 0;
	g->n = g->counted = 0;
}

/** What ratios are made with: in each group, so that both are of the same time. */
static void begin_group(struct group *g, bool base)
{
	static const unsigned bases[] = { VM_TC_CYCLES, VM_TC_INSTRUCTIONS };
	end_group(g);
	for (size_t i = 0; base && i < vm_countof(bases); i++) {
		const struct vm_pmu_event *e = vm_pmu_event(&g->pmu->core[g->core], bases[i]);
		if (e)
			add_here(g, e, true);
	}
}

/** A slot for what isn't counted, with the reason. */
static void refuse(struct group *g, const struct vm_pmu_event *e, int why)
{
	struct vm_plan_slot *slot = add_slot(g->plan, e, g->core);
	if (slot)
		slot->why = why;
}

static void add(struct group *g, const struct vm_pmu_event *e, bool base)
{
	int r = add_here(g, e, false);
	/* The group is full, or would never fit. */
	if (r == -EINVAL && g->n) {
		begin_group(g, base);
		r = add_here(g, e, false);
	}
	/* Not even with cycles and instructions. */
	if (r == -EINVAL && g->n && base) {
		begin_group(g, false);
		r = add_here(g, e, false);
	}
	if (r < 0)
		refuse(g, e, r);
}

static size_t side_events(const struct vm_pmu_core *c, enum vm_tc_side side, const struct vm_pmu_event **out)
{
	/* The important ones first: where there is no room for all, these are in one group. */
	static const enum vm_tc_of of[] = {
		VM_TC_WALKS, VM_TC_WALKS_STARTED, VM_TC_WALK_CYCLES, VM_TC_STLB_HITS, VM_TC_L1_MISSES, VM_TC_ACCESSES,
	};
	const struct vm_pmu_event *e;
	size_t n = 0;
	for (size_t i = 0; i < vm_countof(of); i++) {
		/* Begun walks say less than completed ones. */
		if (of[i] == VM_TC_WALKS_STARTED && n)
			continue;
		if ((e = vm_pmu_event(c, vm_tc_what(side, of[i]))))
			out[n++] = e;
	}
	return n;
}

static size_t size_events(const struct vm_pmu_core *c, const struct vm_pmu_event **out)
{
	static const unsigned what[] = {
		vm_tc_what_of(LOAD, WALKS_4K), vm_tc_what_of(LOAD, WALKS_2M), vm_tc_what_of(LOAD, WALKS_1G),
		vm_tc_what_of(DATA, WALKS_4K), vm_tc_what_of(DATA, WALKS_2M), vm_tc_what_of(DATA, WALKS_1G),
	};
	const struct vm_pmu_event *e;
	size_t n = 0;
	for (size_t i = 0; i < vm_countof(what); i++)
		if ((e = vm_pmu_event(c, what[i])))
			out[n++] = e;
	return n;
}

static void add_row(struct group *g, const struct vm_pmu_event *const *e, size_t n, size_t most)
{
	if (n && (!g->n || g->counted + n > most))
		begin_group(g, true);
	for (size_t i = 0; i < n; i++)
		add(g, e[i], true);
}

static void plan_core(struct group *g)
{
	const struct vm_pmu_core *c = &g->pmu->core[g->core];
	const struct vm_pmu_event *e[8], *late[VM_TC_SIDES * 4];
	size_t nlate = 0;
	/* The watchdog sits on one counter, which the kernel doesn't think of when it accepts a group. */
	const size_t most = g->pmu->watchdog ? GROUP_MOST - 1 : GROUP_MOST;
	static const enum vm_tc_side order[] = { VM_TC_LOAD, VM_TC_DATA, VM_TC_STORE, VM_TC_FETCH };
	for (size_t i = 0; i < vm_countof(order); i++) {
		const size_t n = side_events(c, order[i], e), now = n < most ? n : most;
		add_row(g, e, now, most);
		for (size_t k = now; k < n; k++)
			late[nlate++] = e[k];
	}
	add_row(g, e, size_events(c, e), most);
	/* What there was no room for beside the others of its side fills what is left. */
	for (size_t i = 0; i < nlate; i++)
		add_row(g, &late[i], 1, most);
	end_group(g);
}

static void plan_events(struct group *g, const struct vm_pmu_event *event, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* The kernel's own are never in need of a counter, and in no group with those that are. */
		if (event[i].type == PERF_TYPE_SOFTWARE)
			end_group(g);
		add(g, &event[i], false);
		if (event[i].type == PERF_TYPE_SOFTWARE)
			end_group(g);
	}
	end_group(g);
}

/* ---- The kernel's own --------------------------------------------------------------------------------------------- */

static void plan_software(const struct vm_pmu *pmu, struct vm_plan *p)
{
	static const struct { const char *name; uint64_t config; bool in_kernel; } software[VM_TC_SOFTWARE] = {
		[VM_TC_PAGE_FAULTS] = { "page-faults", PERF_COUNT_SW_PAGE_FAULTS, false },
		[VM_TC_MINOR_FAULTS] = { "minor-faults", PERF_COUNT_SW_PAGE_FAULTS_MIN, false },
		[VM_TC_MAJOR_FAULTS] = { "major-faults", PERF_COUNT_SW_PAGE_FAULTS_MAJ, false },
		/* These happen in the kernel: without it they would be zero, which they aren't. */
		[VM_TC_CONTEXT_SWITCHES] = { "context-switches", PERF_COUNT_SW_CONTEXT_SWITCHES, true },
		[VM_TC_MIGRATIONS] = { "cpu-migrations", PERF_COUNT_SW_CPU_MIGRATIONS, true },
		[VM_TC_TASK_CLOCK] = { "task-clock", PERF_COUNT_SW_TASK_CLOCK, false },
	};
	for (int i = 0; i < VM_TC_SOFTWARE; i++) {
		struct vm_pmu_event *e = &p->software[i];
		*e = (struct vm_pmu_event){ .what = VM_TC_NONE, .type = PERF_TYPE_SOFTWARE, .config = software[i].config };
		snprintf(e->name, sizeof(e->name), "%s", software[i].name);
		struct vm_plan_slot *slot = add_slot(p, e, 0);
		if (!slot)
			return;
		slot->software = (int16_t)i;
		slot->why = pmu->software < 0 ? pmu->software : pmu->user_only && software[i].in_kernel ? -EACCES : 0;
	}
	p->groups++;
}

void vm_plan_make(const struct vm_pmu *pmu, const struct vm_pmu_event *event, size_t nevents, struct vm_plan *out)
{
	struct group g = { .plan = out, .pmu = pmu };
	*out = (struct vm_plan){ .n = 0 };
	plan_software(pmu, out);
	if (event)
		plan_events(&g, event, nevents);
	for (g.core = 0; !event && pmu->state == VM_PMU_READY && g.core < pmu->ncores; g.core++)
		plan_core(&g);
}
