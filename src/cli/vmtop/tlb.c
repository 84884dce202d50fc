/** Address translation for vmtop's tab: counters while it is seen; timing and sampling when they are asked for. */

#include "cli/vmtop/vmtop.h"

#if VM_HAVE_TUI

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/vmtop/parts.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/accessed.h"
#include "core/model/aspace.h"
#include "core/source/accessed.h"
#include "core/source/counters.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tlbprobe.h"

/** Windows of a sample, as vmtlb --hot has them. */
enum { SAMPLES = 7, WINDOW_NS = 10000000, BRIEF_NS = 1000000 };

/* ---- Counters ------------------------------------------------------------------------------------------------------- */

static void end(void *ctx)
{
	struct vmtop_tlb *t = ctx;
	vm_counters_close(t->counters);
	t->counters = NULL;
	vm_tlb_hot_free(&t->hot);
	t->hot = (struct vm_tlb_hot){ 0 };
	vm_aspace_free(t->space);
	t->space = NULL;
	t->before = t->all = (struct vm_tc_set){ 0 };
}

static void begin(void *ctx, pid_t pid)
{
	struct vmtop_tlb *t = ctx;
	end(t);
	if (!t->v->s->live)
		return;
	t->tried = t->tried || vm_pmu_probe(t->v->s, &t->pmu, NULL) == 0;
	vm_tlb_known(t->v->s, &t->known);
	if (!t->tried || t->pmu.state != VM_PMU_READY)
		return;
	const struct vm_counters_ask ask = { .whom = VM_OF_PIDS, .pids = &pid, .npids = 1, .pmu = &t->pmu };
	if (vm_counters_open(t->v->s, &ask, &t->counters, NULL) < 0)
		t->counters = NULL;
	else if (vm_counters_enable(t->counters, NULL) < 0)
		end(t);
}

static void count(struct vmtop_tlb *t, struct vm_tlb_got *got)
{
	const char *cores[VM_TLB_CORES_MAX];
	for (size_t i = 0; i < VM_TLB_CORES_MAX; i++)
		cores[i] = t->pmu.core[i].device;
	vm_counters_read(t->counters, &t->all);
	vm_tc_since(&t->all, &t->before, &t->part);
	t->before = t->all;
	vm_tlb_cost_of(&t->part, cores, t->pmu.ncores < VM_TLB_CORES_MAX ? t->pmu.ncores : VM_TLB_CORES_MAX, &t->cost);
	got->counting = true;
	got->cost = &t->cost;
	got->cost_of_ns = t->part.wall_ns;
}

static void look(void *ctx, struct vm_tlb_got *got)
{
	struct vmtop_tlb *t = ctx;
	struct vm_pmu_reason why;
	*got = (struct vm_tlb_got){ .known = NULL };
	if (!t->v->s->live) {
		snprintf(got->why, sizeof(got->why), "a %s has no counters, nor the TLBs of its machine", vm_session_kind(t->v->s));
		return;
	}
	got->known = &t->known;
	if (t->counters)
		count(t, got);
	if (t->tried && vm_pmu_reason(&t->pmu, &why)) {
		snprintf(got->why, sizeof(got->why), "%s", why.what);
		snprintf(got->fix, sizeof(got->fix), "%s", why.fix);
	} else if (!t->counters) {
		snprintf(got->why, sizeof(got->why), "this process may not be counted");
		snprintf(got->fix, sizeof(got->fix), "run as its owner or as root");
	}
}

/* ---- When they are asked for ---------------------------------------------------------------------------------------- */

static int probe(void *ctx, struct vm_err *err)
{
	struct vmtop_tlb *t = ctx;
	struct vm_tlb_probe *p = malloc(sizeof(*p));
	if (!p)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = vm_tlb_probe(t->v->s, true, p, err);
	if (r == 0 && p->doubt[0])
		r = vm_fail(err, EAGAIN, "the timing isn't to be trusted: %s", p->doubt);
	if (r == 0)
		t->known = p->known;
	free(p);
	return r;
}

typedef VM_VEC(struct vm_accessed_window) windows;

static int window(struct vmtop_tlb *t, struct vm_accessed *a, enum vm_accessed_kind kind, uint64_t ns, windows *to, struct vm_err *err)
{
	struct vm_accessed_window w;
	int r = vm_accessed_begin(a, kind, &w, err);
	if (r < 0)
		return r;
	vm_clock_sleep_until(vm_clock_ns() + ns);
	r = vm_accessed_end(a, t->space, &w, err);
	if (r == 0 && !vm_vec_push(to, w)) {
		vm_accessed_window_free(&w);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	return r;
}

static int take_windows(struct vmtop_tlb *t, struct vm_accessed *a, windows *to, struct vm_err *err)
{
	const bool flushes = vm_accessed_facts(a)->flush != VM_FLUSH_NONE;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < SAMPLES; i++) {
		r = window(t, a, VM_ACCESSED_BRIEF, BRIEF_NS, to, err);
		if (r == 0)
			r = window(t, a, VM_ACCESSED_WALKED, WINDOW_NS, to, err);
		if (r == 0 && flushes)
			r = window(t, a, VM_ACCESSED_USED, WINDOW_NS, to, err);
	}
	return r;
}

static int sample(void *ctx, pid_t pid, const struct vm_tlb_hot **hot, struct vm_err *err)
{
	struct vmtop_tlb *t = ctx;
	struct vm_accessed *a = NULL;
	windows w = { 0 };
	const uint32_t needs = VM_NEED(STAT) | VM_NEED(LAYOUT) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(MMADDR);
	vm_tlb_hot_free(&t->hot);
	t->hot = (struct vm_tlb_hot){ 0 };
	vm_aspace_free(t->space);
	t->space = NULL;
	int r = vm_accessed_open(t->v->s, pid, VM_FLUSH_AUTO, &a, err);
	if (r == 0)
		r = vm_snapshot(t->v->s, pid, needs | (vm_accessed_facts(a)->by_tables ? VM_NEED(AREAS) : VM_NEED(FLAGS)), 0, 0,
				&t->space, err);
	if (r == 0)
		r = take_windows(t, a, &w, err);
	if (r == 0 && !vm_tlb_hot_sum(t->space, w.v, w.n, &t->known, vm_accessed_facts(a)->clearing_flushes, &t->hot))
		r = vm_fail(err, ENOMEM, "out of memory");
	while (w.n)
		vm_accessed_window_free(&w.v[--w.n]);
	vm_vec_free(&w);
	vm_accessed_close(a);
	*hot = r == 0 ? &t->hot : NULL;
	return r;
}

void vmtop_tlb_begin(struct vmtop_tlb *t, struct vmtop *v)
{
	*t = (struct vmtop_tlb){
		.v = v, .feed = { .ctx = t, .begin = begin, .end = end, .look = look, .probe = probe, .sample = sample },
	};
}

void vmtop_tlb_end(struct vmtop_tlb *t)
{
	end(t);
}

#endif
