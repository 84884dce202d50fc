#include "core/source/walksamples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/faultfold.h"
#include "core/source/perf_watch.h"
#include "core/source/session.h"

/** Samples a second where nothing else is said. */
enum { FREQUENCY = 1000 };

/** Addresses of the kernel have the highest bit. */
#define KERNEL_HALF (UINT64_C(1) << 63)

struct vm_walks {
	struct vm_walkset set;
	struct vm_fault_fold fold; /* of stacks alone */
	struct vm_perf_watch watch;
	/** The first kind is no event of ours, but tells of processes and mappings where ours aren't on all CPUs. */
	size_t first;
	/** What was counted, sampled, lost and held back when the interval began. */
	struct vm_tc_count before[VM_WALK_EVENTS];
	uint64_t weight_before[VM_WALK_EVENTS], lost_before, throttled_before;
	bool stopped;
};

/* ---- Samples ------------------------------------------------------------------------------------------------------ */

static uint64_t place_of(struct vm_walks *w, uint32_t space, uint64_t address)
{
	uint64_t key = UINT64_MAX;
	if (address & KERNEL_HALF)
		return VM_WALK_KERNEL;
	return vm_perf_watch_mapping(&w->watch, space, address, &key) ? key : UINT64_MAX;
}

/** A stack, and what its addresses are in: what isn't code ends it (vm_siteframes_set()). */
static uint32_t stack_of(struct vm_walks *w, uint32_t space, const struct vm_perf_record *r)
{
	const size_t before = w->set.who.stack.n;
	const uint32_t at = vm_fault_fold_stack(&w->fold, r->stack, r->depth);
	if (w->set.who.stack.n > before)
		for (unsigned i = 0; i < r->depth; i++)
			place_of(w, space, r->stack[i]);
	return at;
}

static int take_sample(void *ctx, const struct vm_perf_record *r, uint32_t space, uint32_t thread, size_t which)
{
	struct vm_walks *w = ctx;
	const size_t at = which - w->first;
	if (which < w->first || at >= w->set.nevents)
		return 0;
	const struct vm_walk_event *e = &w->set.event[at];
	const uint64_t weight = r->period ? r->period : e->period ? e->period : 1;
	const uint64_t address = e->side == VM_TC_FETCH ? r->ip : r->address;
	(void)thread;
	if (e->filtered && !vm_walks_missed(r->data_source)) {
		vm_walkset_pass(&w->set, at, weight);
		return 0;
	}
	/* Code that came by other ways than mmap(2) gets known. */
	if (!r->kernel)
		place_of(w, space, r->ip);
	const struct vm_walk_group g = {
		.space = space, .event = (uint8_t)at, .kernel = r->kernel, .ip = r->ip, .weight = weight, .addressed = address != 0,
		.mapping = address ? place_of(w, space, address) : UINT64_MAX,
		.stack = stack_of(w, space, r),
	};
	return vm_walkset_add(&w->set, &g, r->page_size, w->watch.s->page_bytes) ? 0 : -ENOMEM;
}

/* ---- What this kernel and CPU allow ------------------------------------------------------------------------------- */

static bool any_filtered(const struct vm_walk_ask *ask)
{
	for (size_t i = 0; i < ask->npicks; i++)
		if (ask->pick[i].filtered)
			return true;
	return false;
}

/** What samples can hold here, tried with an event that every kernel has.  0 or a negative errno. */
static int find_form(struct vm_perf_watch *w, const struct vm_walk_ask *ask)
{
	struct vm_perf_watch trial = *w;
	trial.attr[0] = (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .sample_period = 1, .exclude_kernel = 1, .exclude_hv = 1,
	};
	/* Software events that are to tell their period don't keep one (perf_swevent_event()). */
	trial.form = (struct vm_perf_form){
		.stacks = ask->stacks, .period = !ask->period, .page_size = true, .data_source = any_filtered(ask),
	};
	trial.inherit_thread = true;
	int r;
	while ((r = vm_perf_watch_try(&trial, 0)) == -EINVAL) {
		if (trial.form.page_size)
			trial.form.page_size = false;
		else if (!trial.children && trial.inherit_thread)
			trial.inherit_thread = false;
		else
			break;
	}
	w->form = trial.form;
	w->inherit_thread = trial.inherit_thread;
	return r;
}

/** Clocks are timers; where other software events happen, perf_swevent_event() takes the sample. */
static bool happens_in_kernel(uint32_t type, uint64_t config)
{
	return type == PERF_TYPE_SOFTWARE && config != PERF_COUNT_SW_CPU_CLOCK && config != PERF_COUNT_SW_TASK_CLOCK;
}

static enum vm_walk_skid skid_of(const struct perf_event_attr *a)
{
	if (happens_in_kernel(a->type, a->config))
		return VM_WALK_SKID_NONE;
	return a->precise_ip > 1 ? VM_WALK_SKID_NONE : a->precise_ip ? VM_WALK_SKID_CONSTANT : VM_WALK_SKID_ANY;
}

/** As precise as it can be (EOPNOTSUPP, or what else a driver says to that), of kernel mode too if that is allowed. */
static int find_precision(struct vm_walks *w, size_t which, bool has_modes)
{
	struct perf_event_attr *a = &w->watch.attr[which];
	for (;;) {
		const int r = vm_perf_watch_try(&w->watch, which);
		if ((r == -EACCES || r == -EPERM) && has_modes && !a->exclude_kernel)
			a->exclude_kernel = w->set.user_only = true;
		else if ((r == -EOPNOTSUPP || r == -EINVAL || r == -ENOENT) && a->precise_ip)
			a->precise_ip--;
		else
			return r;
	}
}

/**
 * All of a software event, if nothing else is said: of each new thread the kernel samples the first one whatever its
 * frequency, and says that it stands for as many as those of the thread before (inherit_event(), hw.period_left).
 */
static uint64_t period_of(const struct vm_walk_ask *ask, const struct vm_walk_pick *pick)
{
	const bool all = !ask->frequency && happens_in_kernel(pick->event.type, pick->event.config);
	return ask->period ? ask->period : all;
}

/** kernel.perf_event_max_sample_rate: beyond it nothing is opened. */
static uint64_t frequency_of(struct vm_session *s, uint64_t wanted)
{
	uint64_t most;
	wanted = wanted ? wanted : FREQUENCY;
	if (vm_session_slurp(s, &s->scratch, "proc/sys/kernel/perf_event_max_sample_rate") <= 0)
		return wanted;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	return vm_parse_u64(s->scratch.s, &most) == 0 && most && most < wanted ? most : wanted;
}

static void set_attr(const struct vm_walk_ask *ask, const struct vm_walk_pick *pick, uint64_t frequency,
		     struct perf_event_attr *a)
{
	vm_pmu_attr(ask->pmu, &pick->event, a);
	/* IBS knows no modes (PERF_PMU_CAP_NO_EXCLUDE). */
	if (pick->filtered)
		a->exclude_kernel = a->exclude_hv = a->exclude_guest = 0;
	a->freq = !period_of(ask, pick);
	if (a->freq)
		a->sample_freq = frequency;
	else
		a->sample_period = period_of(ask, pick);
	a->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	a->precise_ip = a->type == PERF_TYPE_SOFTWARE || pick->filtered ? 0 : 2;
}

static int fail(struct vm_walks *w, const char *name, int code, struct vm_err *err)
{
	const char *word = strerrorname_np(-code);
	switch (-code) {
	case EOPNOTSUPP:
		vm_fail(err, EOPNOTSUPP, "%s can be counted, but not sampled: its counter raises no interrupt here (EOPNOTSUPP)", name);
		vm_hint(err, "without --sites and --stacks it is counted");
		return -EOPNOTSUPP;
	case ENOENT:
	case EINVAL:
	case ENODEV:
		return vm_fail(err, EOPNOTSUPP, "the kernel doesn't sample %s (%s): this CPU, or its hypervisor, doesn't have it", name,
			       word ? word : "?");
	case EBUSY:
		return vm_fail(err, EBUSY, "%s can't be sampled: others hold the CPU's counters (EBUSY)", name);
	default:
		return vm_perf_event_fail(w->watch.s, code, VM_PERF_OF_OURS, err);
	}
}

static void refuse(struct vm_walkset *set, const char *name, int code)
{
	struct vm_walk_refused *r = &set->refused[set->nrefused++];
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->code = code;
}

/** Those of the picks that can be had. */
static int find_events(struct vm_walks *w, const struct vm_walk_ask *ask, struct vm_err *err)
{
	const uint64_t frequency = frequency_of(w->watch.s, ask->frequency);
	for (size_t i = 0; i < ask->npicks && w->set.nevents < VM_WALK_EVENTS; i++) {
		const struct vm_walk_pick *pick = &ask->pick[i];
		const size_t which = w->first + w->set.nevents;
		set_attr(ask, pick, frequency, &w->watch.attr[which]);
		const int r = find_precision(w, which, !pick->filtered);
		if (r < 0 && (ask->all || r == -EACCES || r == -EPERM || (i + 1 == ask->npicks && !w->set.nevents)))
			return fail(w, pick->event.name, r, err);
		if (r < 0) {
			refuse(&w->set, pick->event.name, r);
			continue;
		}
		struct vm_walk_event *e = &w->set.event[w->set.nevents++];
		snprintf(e->name, sizeof(e->name), "%s", pick->event.name);
		e->note = pick->event.note;
		e->side = pick->side;
		e->filtered = pick->filtered;
		e->period = period_of(ask, pick);
		e->frequency = e->period ? 0 : frequency;
		e->skid = pick->filtered ? VM_WALK_SKID_NONE : skid_of(&w->watch.attr[which]);
	}
	w->watch.kinds = w->first + w->set.nevents;
	return w->set.nevents ? 0 : vm_fail(err, EOPNOTSUPP, "there is no event to sample");
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

static int begin(struct vm_walks *w, const struct vm_walk_ask *ask, struct vm_err *err)
{
	int r = find_form(&w->watch, ask);
	if (r < 0)
		return vm_perf_event_fail(w->watch.s, r, VM_PERF_OF_OURS, err);
	r = find_events(w, ask, err);
	if (r == 0)
		r = vm_perf_watch_open(&w->watch, ask->pids, ask->npids, err);
	w->set.began_ns = w->set.now_ns = vm_clock_ns();
	return r == 0 ? vm_perf_watch_enable(&w->watch, err) : r;
}

int vm_walks_open(struct vm_session *s, const struct vm_walk_ask *ask, struct vm_walks **out, struct vm_err *err)
{
	struct vm_walks *w = calloc(1, sizeof(*w));
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	w->set.user_only = ask->pmu->user_only;
	w->fold.set = &w->set.who;
	w->watch = (struct vm_perf_watch){
		.s = s, .whom = ask->whom, .cgroup = ask->cgroup,
		.children = ask->children || ask->whom == VM_OF_COMMAND || ask->whom == VM_OF_CGROUP, .set = &w->set.who,
		.sample = take_sample, .ctx = w, .code = ask->code, .code_ctx = ask->ctx, .some_cpus = ask->pmu->ncores > 1,
	};
	if (w->watch.some_cpus) {
		w->first = 1;
		w->watch.attr[0] = (struct perf_event_attr){
			.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .sample_period = 1, .exclude_kernel = 1, .exclude_hv = 1,
		};
	}
	int r = begin(w, ask, err);
	if (r < 0)
		vm_walks_close(w);
	else
		*out = w;
	return r;
}

void vm_walks_close(struct vm_walks *w)
{
	if (!w)
		return;
	vm_perf_watch_close(&w->watch);
	vm_fault_fold_free(&w->fold);
	vm_walkset_free(&w->set);
	free(w);
}

static int take(struct vm_walks *w, bool all, struct vm_err *err)
{
	const int r = vm_perf_watch_take(&w->watch, all, err);
	if (!w->stopped)
		w->set.now_ns = vm_clock_ns();
	return r;
}

int vm_walks_poll(struct vm_walks *w, struct vm_err *err)
{
	return take(w, w->stopped, err);
}

/** What was counted from the beginning on; without what it counts of us, and of some threads twice. */
static struct vm_tc_count counted(const struct vm_walks *w, size_t event)
{
	const struct vm_perf_watch_count c = vm_perf_watch_counted(&w->watch, w->first + event);
	const uint64_t passed = w->watch.passed[w->first + event];
	return (struct vm_tc_count){
		.raw = c.n > passed ? c.n - passed : 0, .enabled_ns = c.enabled_ns, .running_ns = c.running_ns, .opened = true,
	};
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void count(struct vm_walks *w)
{
	for (size_t i = 0; i < w->set.nevents; i++) {
		struct vm_walk_event *e = &w->set.event[i];
		const struct vm_tc_count now = counted(w, i), *before = &w->before[i];
		e->count = (struct vm_tc_count){
			.raw = since(now.raw, before->raw), .enabled_ns = since(now.enabled_ns, before->enabled_ns),
			.running_ns = since(now.running_ns, before->running_ns), .opened = true,
		};
		/* Of short intervals, samples come in another one than they are counted in. */
		vm_walkset_scale(&w->set, i, vm_tc_scaled(&now), w->weight_before[i] + e->all_weight);
	}
}

int vm_walks_read(struct vm_walks *w, const struct vm_walkset **out, struct vm_err *err)
{
	int r = take(w, true, err);
	count(w);
	w->set.lost = w->watch.told_lost - w->lost_before;
	w->set.throttled = w->watch.throttled - w->throttled_before;
	if (r == 0 && !vm_spacemaps_put(&w->watch.maps, &w->set.who))
		r = vm_fail(err, ENOMEM, "out of memory");
	*out = &w->set;
	return r;
}

void vm_walks_restart(struct vm_walks *w)
{
	for (size_t i = 0; i < w->set.nevents; i++) {
		const struct vm_walk_event *e = &w->set.event[i];
		w->before[i].raw += e->count.raw;
		w->before[i].enabled_ns += e->count.enabled_ns;
		w->before[i].running_ns += e->count.running_ns;
		w->weight_before[i] += e->all_weight;
	}
	w->lost_before = w->watch.told_lost;
	w->throttled_before = w->watch.throttled;
	w->set.began_ns = w->set.now_ns;
	vm_walkset_clear(&w->set);
}

void vm_walks_stop(struct vm_walks *w)
{
	vm_perf_watch_disable(&w->watch);
	w->set.now_ns = vm_clock_ns();
	w->stopped = true;
}
