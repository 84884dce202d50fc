/** Which events tell of page walks on this machine. */

#include "core/source/walksamples.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/perf_event.h"
#include "core/source/session.h"

/* ---- IBS ---------------------------------------------------------------------------------------------------------- */

/** IbsOpCntCtl: count operations, not cycles (AMD PPR, MSRC001_1033; format "cnt_ctl" of the ibs_op device). */
#define IBS_COUNT_OPS (UINT64_C(1) << 19)

/** Does it open, and does the kernel say where data came from (Linux 6.1)?  That is asked for by its sample type. */
static bool opens(const struct vm_pmu_event *e)
{
	struct perf_event_attr a = {
		.type = e->type, .size = sizeof(a), .config = e->config, .freq = 1, .sample_freq = 1, .disabled = 1, .inherit = 1,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_DATA_SRC,
	};
	vm_auto_close int fd = vm_perf_event_open(&a, 0, -1, 0);
	return fd >= 0;
}

static bool pick_ibs(struct vm_session *s, struct vm_walk_pick *pick)
{
	uint64_t type;
	if (vm_session_slurp(s, &s->scratch, "sys/bus/event_source/devices/ibs_op/type") <= 0)
		return false;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	if (vm_parse_u64(s->scratch.s, &type) < 0)
		return false;
	*pick = (struct vm_walk_pick){
		.event = { .what = VM_TC_NONE, .type = (uint32_t)type, .config = IBS_COUNT_OPS, .precise = true,
			   .note = "all operations; samples that missed the second-level dTLB count" },
		.side = VM_TC_DATA, .filtered = true,
	};
	snprintf(pick->event.name, sizeof(pick->event.name), "ibs_op");
	return opens(&pick->event);
}

/* ---- The CPU's counters ------------------------------------------------------------------------------------------- */

static bool is_picked(const struct vm_walk_pick *pick, size_t n, const struct vm_pmu_event *e)
{
	for (size_t i = 0; i < n; i++)
		if (pick[i].event.type == e->type && pick[i].event.config == e->config && pick[i].event.config1 == e->config1)
			return true;
	return false;
}

/** Loads and stores have one event where they aren't told apart. */
static size_t pick_core(const struct vm_pmu_core *c, bool data, struct vm_walk_pick *pick, size_t n)
{
	static const enum vm_tc_side sides[] = { VM_TC_LOAD, VM_TC_STORE, VM_TC_FETCH };
	for (size_t i = 0; i < vm_countof(sides) && n < VM_WALK_EVENTS; i++) {
		const struct vm_pmu_event *e = vm_pmu_event_to_sample(c, sides[i]);
		if (!e || is_picked(pick, n, e) || (!data && sides[i] != VM_TC_FETCH))
			continue;
		pick[n++] = (struct vm_walk_pick){ .event = *e, .side = (enum vm_tc_side)(e->what / VM_TC_OFS) };
	}
	return n;
}

size_t vm_walks_choose(struct vm_session *s, const struct vm_pmu *pmu, struct vm_walk_pick *pick)
{
	size_t n = 0;
	const bool ibs = pick_ibs(s, pick);
	n += ibs;
	for (size_t i = 0; i < pmu->ncores; i++)
		n = pick_core(&pmu->core[i], !ibs, pick, n);
	return n;
}

/* ---- By name ------------------------------------------------------------------------------------------------------ */

static enum vm_tc_side side_of(const struct vm_pmu_event *e)
{
	return e->what < VM_TC_CYCLES ? (enum vm_tc_side)(e->what / VM_TC_OFS) : VM_TC_SIDES;
}

int vm_walks_named(const struct vm_pmu *pmu, const char *names, struct vm_walk_pick *pick, struct vm_err *err)
{
	int n = 0;
	for (const char *at = names; ; at += strcspn(at, ",") + 1) {
		char name[sizeof(pick->event.name)];
		const int len = (int)strcspn(at, ",");
		if (n == VM_WALK_EVENTS)
			return vm_fail(err, EINVAL, "--event: at most %d events are sampled at once", VM_WALK_EVENTS);
		if (len == 0 || len >= (int)sizeof(name))
			return vm_fail(err, EINVAL, "--event '%s': must be names of events, with commas between them", names);
		snprintf(name, sizeof(name), "%.*s", len, at);
		pick[n] = (struct vm_walk_pick){ .filtered = false };
		int r = vm_pmu_encode(pmu, name, &pick[n].event, err);
		if (r < 0)
			return r;
		pick[n].side = side_of(&pick[n].event);
		n++;
		if (!at[len])
			return n;
	}
}
