/** vmfault: watches, and ends when it is over. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>

#include "core/base/clock.h"
#include "core/base/err.h"

/* ---- Watching ----------------------------------------------------------------------------------------------------- */

enum { TICK_MS = 20, TRACE_TICK_MS = 2 };

struct watch {
	struct vm_signals signals;
	uint64_t end_ns;           /* 0: none */
	uint64_t interval_ns, next_ns, count;
	bool over, mark_set;
	struct vm_fault_mark mark;
};

static int report(struct vmfault *v, struct watch *w, struct vm_err *err)
{
	const struct vm_faultset *f;
	struct vm_faultset since;
	int r = vm_faults_read(v->faults, &f, err);
	if (r < 0)
		return r;
	bool ok = true;
	if (w->interval_ns && w->mark_set) {
		ok = vm_fault_since(f, &w->mark, &since);
		r = ok ? vmfault_show(v, &since, err) : 0;
		vm_fault_since_free(&since);
	} else {
		r = vmfault_show(v, f, err);
	}
	if (ok && w->interval_ns) {
		ok = w->mark_set = vm_fault_mark_set(&w->mark, f);
		vmfault_series_restart(v, f);
	}
	v->reports++;
	return ok ? r : vm_fail(err, ENOMEM, "out of memory");
}

static int look(struct vmfault *v, struct vm_err *err)
{
	return v->o->trace ? vmfault_trace_poll(v, err) : vm_faults_poll(v->faults, err);
}

static int tick(struct vmfault *v, struct watch *w, struct vm_err *err)
{
	const uint64_t now = vm_clock_ns();
	int r = look(v, err);
	if (r == 0)
		r = vmfault_series_step(v, err);
	if (r == 0 && w->interval_ns && now >= w->next_ns && !w->over) {
		w->next_ns += w->interval_ns;
		r = report(v, w, err);
		if (w->count && v->reports >= w->count)
			w->over = true;
	}
	if (vm_launch_ended(&v->child) || (!v->child.pid && vm_target_gone(v->ask.whom, v->ask.pids, v->ask.npids)) || (w->end_ns && now >= w->end_ns))
		w->over = true;
	return r;
}

static void wait_a_little(const struct vmfault *v, const struct watch *w)
{
	const uint64_t now = vm_clock_ns();
	uint64_t ms = v->o->trace ? TRACE_TICK_MS : TICK_MS;
	const uint64_t next = w->end_ns && (!w->next_ns || w->end_ns < w->next_ns) ? w->end_ns : w->next_ns;
	if (next && next > now && (next - now) / 1000000 < ms)
		ms = (next - now) / 1000000;
	vm_signals_wait(&w->signals, (int)ms);
}

int vmfault_watch(struct vmfault *v, uint64_t interval_ns, uint64_t count, struct vm_err *err)
{
	struct watch w = { .interval_ns = interval_ns, .count = count };
	const uint64_t began = vm_clock_ns();
	int r = vm_signals_open(&w.signals, err);
	w.end_ns = v->o->duration_ns ? began + v->o->duration_ns : 0;
	w.next_ns = interval_ns ? began + interval_ns : 0;
	while (r == 0 && !w.over) {
		wait_a_little(v, &w);
		w.over |= vm_signals_take(&w.signals, &v->child);
		r = tick(v, &w, err);
	}
	vm_faults_stop(v->faults);
	if (r == 0)
		r = look(v, err);
	/* What is left of the last interval, unless all that were asked for are there; a trace has said it all. */
	if (r == 0 && !v->o->trace && (!count || v->reports < count))
		r = report(v, &w, err);
	/* A program that was only to be watched for a while goes on, and so do we: its status is ours. */
	while (v->child.pid && !vm_launch_ended(&v->child)) {
		wait_a_little(v, &w);
		vm_signals_take(&w.signals, &v->child);
	}
	vm_launch_reap(&v->child);
	vm_fault_mark_free(&w.mark);
	vm_signals_close(&w.signals);
	return r;
}
