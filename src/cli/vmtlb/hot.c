/** vmtlb --hot: the windows and their reports; hot_show.c says what they are. */

#include "cli/vmtlb/hot.h"

#include <errno.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/tlb_hot.h"
#include "core/model/aspace.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tlbprobe.h"

/** Short windows are this part of the usual ones, and not shorter than that. */
enum { BRIEF_PART = 10, BRIEF_LEAST_NS = 500000 };
enum { TICK_MS = 50, NOISE_MOST_NS = 10000000 };

static int check(const struct vmtlb *v, struct vm_err *err)
{
	const struct vm_target_options *t = &v->o->target;
	if (!v->o->clear_refs) {
		vm_fail(err, EINVAL, "--hot clears the accessed bits of the target's pages: for a moment reclaim, idle-page tracking "
			"and DAMON take them for unused, and it runs slower meanwhile");
		vm_hint(err, "--clear-refs says that this is all right");
		return -EINVAL;
	}
	if (t->all || t->cgroup)
		return vm_fail(err, EINVAL, "--hot looks at one process: name it by -p or -n");
	return 0;
}

static int one_process(struct vmtlb_hot_run *h, struct vm_err *err)
{
	const struct vm_target *t = &h->v->target;
	if (t->npids != 1)
		return vm_fail(err, EINVAL, "--hot looks at one process: these are %zu", t->npids);
	h->pid = t->pids[0];
	return 0;
}

/* ---- Windows ------------------------------------------------------------------------------------------------------ */

/** Sleeps to the end of a window; of long ones a signal is heard meanwhile. */
static void wait_until(struct vmtlb_hot_run *h, struct vm_signals *signals, uint64_t end_ns)
{
	while (!h->told && vm_clock_ns() + (uint64_t)TICK_MS * 1000000 < end_ns) {
		vm_signals_wait(signals, TICK_MS);
		h->told |= vm_signals_take(signals, NULL);
	}
	if (!h->told)
		vm_clock_sleep_until(end_ns);
}

static int look(struct vmtlb_hot_run *h, struct vm_signals *signals, enum vm_accessed_kind kind, uint64_t ns, struct vm_err *err)
{
	struct vm_accessed_window w;
	int r = vm_accessed_begin(h->a, kind, &w, err);
	if (r < 0)
		return r;
	wait_until(h, signals, vm_clock_ns() + ns);
	r = vm_accessed_end(h->a, h->as, &w, err);
	if (r == 0 && !vm_vec_push(&h->window, w)) {
		vm_accessed_window_free(&w);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	h->told |= vm_signals_take(signals, NULL);
	return r;
}

/** A window of each kind: of one that wasn't finished nothing counts. */
static int take_sample(struct vmtlb_hot_run *h, struct vm_signals *signals, struct vm_err *err)
{
	const size_t before = h->window.n;
	int r = look(h, signals, VM_ACCESSED_BRIEF, h->brief_ns, err);
	if (r == 0 && !h->told)
		r = look(h, signals, VM_ACCESSED_WALKED, h->v->o->window_ns, err);
	if (r == 0 && !h->told && h->facts->flush != VM_FLUSH_NONE)
		r = look(h, signals, VM_ACCESSED_USED, h->v->o->window_ns, err);
	h->samples += r == 0 && !h->told;
	while ((r < 0 || h->told) && h->window.n > before)
		vm_accessed_window_free(&h->window.v[--h->window.n]);
	return r;
}

static void forget_windows(struct vmtlb_hot_run *h)
{
	while (h->window.n)
		vm_accessed_window_free(&h->window.v[--h->window.n]);
	h->samples = 0;
	vm_aspace_free(h->as);
	h->as = NULL;
}

static int take_samples(struct vmtlb_hot_run *h, struct vm_signals *signals, struct vm_err *err)
{
	uint32_t needs = VM_NEED(STAT) | VM_NEED(LAYOUT) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(MMADDR);
	/* Which mappings are of hugetlb pages; smaps tells it too, but looks at every page for that. */
	needs |= h->facts->by_tables ? VM_NEED(AREAS) : VM_NEED(FLAGS);
	int r = vm_snapshot(h->v->s, h->pid, needs, 0, 0, &h->as, err);
	while (r == 0 && !h->told && h->samples < h->v->o->samples)
		r = take_sample(h, signals, err);
	/* What there was is told; without anything it is the failure. */
	h->ended = r == -ESRCH;
	return h->ended && (h->samples || h->v->reports) ? 0 : r;
}

/* ---- Reports ------------------------------------------------------------------------------------------------------ */

static int report(struct vmtlb_hot_run *h, struct vm_err *err)
{
	struct vm_tlb_hot sum;
	if (!h->samples)
		return 0;
	if (!vm_tlb_hot_sum(h->as, h->window.v, h->window.n, &h->known, h->facts->clearing_flushes, &sum))
		return vm_fail(err, ENOMEM, "out of memory");
	int r = vmtlb_hot_show(h, &sum, err);
	vm_tlb_hot_free(&sum);
	return r;
}

static int report_all(struct vmtlb_hot_run *h, struct vm_signals *signals, struct vm_err *err)
{
	struct vmtlb *v = h->v;
	const uint64_t began = vm_clock_ns(), end = v->duration_ns ? began + v->duration_ns : UINT64_MAX;
	uint64_t next = began;
	int r = 0;
	do {
		r = take_samples(h, signals, err);
		if (r == 0)
			r = report(h, err);
		forget_windows(h);
		next += v->interval_ns;
		if (r == 0 && v->interval_ns && (!v->count || v->reports < v->count) && !h->ended)
			wait_until(h, signals, next < end ? next : end);
	} while (r == 0 && v->interval_ns && !h->ended && !h->told && (!v->count || v->reports < v->count) && vm_clock_ns() < end);
	return r;
}

static int run(struct vmtlb *v, struct vm_err *err)
{
	struct vmtlb_hot_run h = { .v = v, .brief_ns = v->o->window_ns / BRIEF_PART };
	struct vm_signals signals;
	int r = one_process(&h, err);
	if (r < 0)
		return r;
	if (h.brief_ns < BRIEF_LEAST_NS)
		h.brief_ns = BRIEF_LEAST_NS;
	vmtlb_choose_lines(v);
	vm_tlb_known(v->s, &h.known);
	r = vm_signals_open(&signals, err);
	if (r == 0)
		r = vm_accessed_open(v->s, h.pid, (enum vm_flush)v->o->flush, &h.a, err);
	if (r == 0) {
		h.facts = vm_accessed_facts(h.a);
		h.noise_brief = vm_accessed_noise(h.a, h.brief_ns);
		h.noise_ns = v->o->window_ns < NOISE_MOST_NS ? v->o->window_ns : NOISE_MOST_NS;
		h.noise = vm_accessed_noise(h.a, h.noise_ns);
		r = report_all(&h, &signals, err);
	}
	vm_accessed_close(h.a);
	vm_vec_free(&h.window);
	vm_signals_close(&signals);
	return r;
}

const struct vmtlb_mode vmtlb_hot = { .name = "hot", .fields = &vm_tlb_hot_fields, .check = check, .run = run, .targets = true };
