/** vmws: rounds of looking. */

#include "cli/vmws/vmws.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/analysis/wsregions.h"
#include "core/model/aspace.h"
#include "core/source/cgroupfs.h"
#include "core/source/source.h"
#include "core/source/tlbprobe.h"

enum { TICK_MS = 50, REFRESH_NS = 1000000000, REFRESH_PART = 50 };

/* ---- Whom ---------------------------------------------------------------------------------------------------------- */

static int add_pids(struct vmws *v, const pid_t *pids, size_t n, struct vm_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] != getpid() || n == 1)
			if (!vm_vec_push(&v->process, (struct vmws_process){ .pid = pids[i] }))
				return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int find_processes(struct vmws *v, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = 0;
	if (v->argv)
		return add_pids(v, &v->child.pid, 1, err);
	if (v->target.whom == VM_OF_PIDS)
		return add_pids(v, v->target.pids, v->target.npids, err);
	if (v->target.whom == VM_OF_CGROUP)
		r = vm_cgroup_pids(v->s, v->target.cgroup, &pids, err);
	else
		r = vm_proc_list(v->s, &pids, err);
	if (r == 0)
		r = add_pids(v, pids.v, pids.n, err);
	vm_vec_free(&pids);
	return r;
}

static uint64_t bytes_of_tlb(struct vm_session *s)
{
	struct vm_tlb_known known;
	vm_tlb_known(s, &known);
	return ((uint64_t)vm_tlb_entries(known.geometry.stlb) + vm_tlb_entries(known.geometry.l1d[VM_TLB_4K])) << 12;
}

/** What TLBs of the CPUs that its threads run on can hide at most. */
static uint64_t hidden_bytes(const struct vmws *v, const struct vmws_process *p)
{
	if (!p->facts->hides)
		return 0;
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const uint64_t threads = p->as->threads.n ? p->as->threads.n : 1;
	const uint64_t n = cpus > 0 && (uint64_t)cpus < threads ? (uint64_t)cpus : threads;
	return n * v->tlb_bytes;
}

/* ---- Rounds -------------------------------------------------------------------------------------------------------- */

/** Of one that has ended what was seen before is told; other failures are its own, too. */
static void failed(struct vmws_process *p, int r, const struct vm_err *why)
{
	p->over = true;
	p->ended = r == -ESRCH;
	if (r != -ESRCH || !p->begun)
		p->failure = *why;
}

static int read_mappings(struct vmws_process *p, struct vm_err *err)
{
	struct vm_aspace *as;
	const uint64_t began = vm_clock_ns();
	int r = vm_ws_mappings(p->read, &as, err);
	if (r < 0)
		return r;
	if (p->begun && as->nmaps == 0) {
		vm_aspace_free(as);
		return -ESRCH;
	}
	vm_aspace_free(p->as);
	p->as = as;
	p->as_ns = vm_clock_ns();
	p->as_took_ns = p->as_ns - began;
	snprintf(p->comm, sizeof(p->comm), "%s", as->proc.comm);
	return 0;
}

/** Mappings come and go, and reading of them takes time. */
static int refresh_mappings(struct vmws_process *p, struct vm_err *err)
{
	const uint64_t age = vm_clock_ns() - p->as_ns;
	return age < p->as_took_ns * REFRESH_PART && age < REFRESH_NS ? 0 : read_mappings(p, err);
}

static double set_again_ns(const struct vmws_process *p)
{
	return isnan(p->facts->set_again_ns) ? 0 : p->facts->set_again_ns;
}

static int end_round(struct vmws *v, struct vmws_process *p, struct vm_ws_round *r, struct vm_err *err)
{
	const uint64_t now = vm_clock_ns();
	r->at_ns = now - v->report_ns;
	r->ns = now - p->round_ns;
	r->clear_ns = p->cost.clear_ns;
	r->read_ns = p->cost.read_ns;
	r->locked_ns = p->cost.locked_ns + r->clear_ns;
	r->cost_ns = r->locked_ns + (uint64_t)((double)r->set_again * set_again_ns(p));
	p->set.hidden_bytes = hidden_bytes(v, p);
	if (!vm_vec_push(&p->set.round, *r))
		return vm_fail(err, ENOMEM, "out of memory");
	return v->o->heat && p->facts->pages ? vmws_heat_add(p, r->ns, err) : 0;
}

/** Looks at what the round is to tell: writes only at its end. */
static int look(struct vmws *v, struct vmws_process *p, bool ends, struct vm_err *err)
{
	const bool uses = p->facts->pages, apart = vm_ws_writes_apart(p->read);
	const bool writes = p->facts->writes != VM_WS_WRITES_NONE && (ends || !apart);
	uint64_t took = 0, apart_ns = 0;
	struct vm_ws_round round;
	const bool first = !(uses ? p->set.used.begun : p->set.written.begun);
	vm_wset_look(&p->set, p->as, uses, writes, ends);
	int r = uses ? vm_ws_look(p->read, p->as, vm_wset_take, &p->set, &took, err) : 0;
	if (r == 0 && writes && apart)
		r = vm_ws_look_at_writes(p->read, p->as, vm_wset_take_writes, &p->set, &apart_ns, err);
	if (r < 0)
		return r;
	p->cost.read_ns += took + apart_ns;
	p->cost.locked_ns += apart_ns;
	if (!vm_wset_looked(&p->set, &round))
		return vm_fail(err, ENOMEM, "out of memory");
	return ends && !first ? end_round(v, p, &round, err) : 0;
}

/** Where only figures are known, there is a look after 1, 2, 4 ... rounds. */
static bool wants_figures(const struct vmws_process *p, uint64_t rounds)
{
	return !p->facts->pages && (rounds & (rounds - 1)) == 0;
}

static int take_figures(struct vmws *v, struct vmws_process *p, uint64_t rounds, struct vm_err *err)
{
	struct vm_ws_round round;
	int r = read_mappings(p, err);
	p->cost.read_ns += p->as_took_ns;
	p->cost.locked_ns += p->as_took_ns;
	if (r == 0 && !vm_wset_add_figures(&p->set, p->as, rounds, &round))
		return vm_fail(err, ENOMEM, "out of memory");
	return r == 0 && rounds ? end_round(v, p, &round, err) : r;
}

/** Of regions there is a look after each round; of mappings only what they hold is asked for, and not as often. */
static int take_regions(struct vmws *v, struct vmws_process *p, uint64_t rounds, struct vm_err *err)
{
	struct vm_damon_regions regions = { .samples = 0 };
	struct vm_ws_round round;
	const uint64_t as_ns = p->as_ns, began = vm_clock_ns();
	int r = rounds ? refresh_mappings(p, err) : 0;
	if (r == 0 && rounds)
		r = vm_ws_regions(p->read, &regions, err);
	p->cost.read_ns = vm_clock_ns() - began;
	p->cost.locked_ns = p->as_ns != as_ns ? p->as_took_ns : 0;
	if (r == 0 && rounds && !vm_wset_add_regions(&p->set, p->as, regions.region.v, regions.region.n, regions.samples, rounds, &round))
		r = vm_fail(err, ENOMEM, "out of memory");
	vm_vec_free(&regions.region);
	if (r == 0 && rounds)
		r = end_round(v, p, &round, err);
	p->round_ns = vm_clock_ns();
	p->cost = (struct vm_ws_round){ 0 };
	return r;
}

static int take_figures_or_regions(struct vmws *v, struct vmws_process *p, uint64_t rounds, struct vm_err *err)
{
	return p->facts->method == VM_WS_DAMON ? take_regions(v, p, rounds, err) : take_figures(v, p, rounds, err);
}

static int begin_round(struct vmws_process *p, struct vm_err *err)
{
	p->cost = (struct vm_ws_round){ 0 };
	p->round_ns = vm_clock_ns();
	return vm_ws_mark(p->read, p->as, &p->cost.clear_ns, err);
}

static int begin(struct vmws *v, struct vmws_process *p, struct vm_err *err)
{
	const struct vm_ws_ask ask = {
		.method = v->method, .writes = v->o->written, .clear = v->o->clear_refs, .flush = (enum vm_flush)v->o->flush,
		.round_ns = v->window_ns,
	};
	int r = p->read ? 0 : vm_ws_open(v->s, p->pid, &ask, &p->read, err);
	if (r < 0)
		return r;
	p->facts = vm_ws_facts(p->read);
	r = read_mappings(p, err);
	if (r < 0)
		return r;
	if (v->argv && !p->as->nmaps)
		return vm_fail(err, ESRCH, "%s ended before anything could be seen of it", v->child.name);
	if (p->as->proc.kthread || !p->as->nmaps)
		return vm_fail(err, ENODATA, "process %d has no memory of its own", p->pid);
	p->set.method = p->facts->method;
	p->set.writes = p->facts->writes;
	p->set.pages = p->facts->pages;
	p->set.hidden_bytes = hidden_bytes(v, p);
	if (!p->facts->pages)
		r = take_figures_or_regions(v, p, 0, err);
	if (r == 0 && (p->facts->pages || p->facts->writes != VM_WS_WRITES_NONE))
		r = look(v, p, true, err);
	p->begun = r == 0;
	return r == 0 ? begin_round(p, err) : r;
}

static int mid_round(struct vmws *v, struct vmws_process *p, struct vm_err *err)
{
	return p->facts->pages && p->facts->method == VM_WS_CLEAR ? look(v, p, false, err) : 0;
}

/** Bits that figures are made of are cleared once, when a report begins; soft-dirty bits in each round. */
static int next_figures(struct vmws *v, struct vmws_process *p, uint64_t rounds, struct vm_err *err)
{
	int r = wants_figures(p, rounds) ? take_figures(v, p, rounds, err) : 0;
	if (r == 0 && p->facts->writes != VM_WS_WRITES_NONE)
		r = look(v, p, true, err);
	else if (!wants_figures(p, rounds))
		return r;
	p->cost = (struct vm_ws_round){ 0 };
	p->round_ns = vm_clock_ns();
	return r == 0 ? vm_ws_mark_writes(p->read, &p->cost.clear_ns, err) : r;
}

static int next_round(struct vmws *v, struct vmws_process *p, uint64_t rounds, struct vm_err *err)
{
	if (p->facts->method == VM_WS_DAMON)
		return take_regions(v, p, rounds, err);
	if (!p->facts->pages)
		return next_figures(v, p, rounds, err);
	int r = refresh_mappings(p, err);
	if (r == 0)
		r = look(v, p, true, err);
	return r == 0 ? begin_round(p, err) : r;
}

/** Figures are of windows that begin with the report. */
static int restart(struct vmws *v, struct vmws_process *p, struct vm_err *err)
{
	vm_wset_restart(&p->set);
	vmws_heat_free(p->heat);
	p->heat = NULL;
	if (p->facts->pages)
		return 0;
	int r = take_figures_or_regions(v, p, 0, err);
	return r == 0 ? begin_round(p, err) : r;
}

/* ---- Time ---------------------------------------------------------------------------------------------------------- */

static bool all_ended(struct vmws *v)
{
	if (vm_launch_ended(&v->child))
		return true;
	for (size_t i = 0; i < v->process.n; i++)
		if (!v->process.v[i].over)
			return false;
	return true;
}

/** true: it is over. */
static bool wait_until(struct vmws *v, uint64_t due_ns)
{
	for (uint64_t now; !v->told && (now = vm_clock_ns()) < due_ns;) {
		const uint64_t ms = (due_ns - now) / 1000000;
		if (ms > 1) {
			vm_signals_wait(&v->signals, ms > TICK_MS ? TICK_MS : (int)ms);
			v->told |= vm_signals_take(&v->signals, &v->child);
			if (vm_launch_ended(&v->child))
				return true;
		} else {
			vm_clock_sleep_until(due_ns);
		}
	}
	v->told |= vm_signals_take(&v->signals, &v->child);
	return v->told;
}

enum step { BEGIN, MID, END, RESTART };

static void each(struct vmws *v, enum step what, uint64_t rounds)
{
	for (size_t i = 0; i < v->process.n; i++) {
		struct vmws_process *p = &v->process.v[i];
		struct vm_err why = { 0 };
		if (p->over)
			continue;
		int r = what == BEGIN ? begin(v, p, &why) : what == MID ? mid_round(v, p, &why) :
			what == END ? next_round(v, p, rounds, &why) : restart(v, p, &why);
		if (r < 0)
			failed(p, r, &why);
	}
}

/** Nothing could be read of anything: why. */
static int check_any(const struct vmws *v, struct vm_err *err)
{
	for (size_t i = 0; i < v->process.n; i++)
		if (v->process.v[i].begun)
			return 0;
	if (!v->process.n)
		return vm_fail(err, ESRCH, "there is no such process");
	*err = v->process.v[0].failure;
	return -err->code;
}

static bool report_is_due(const struct vmws *v, uint64_t now, uint64_t end)
{
	return v->interval_ns && now >= v->report_ns + v->interval_ns && now < end;
}

static int rounds(struct vmws *v, struct vm_err *err)
{
	const uint64_t began = vm_clock_ns(), end = v->duration_ns ? began + v->duration_ns : UINT64_MAX;
	uint64_t next = began, n = 0;
	int r = 0;
	v->report_ns = began;
	vm_ws_others_read(v->s, &v->others);
	while (r == 0 && !all_ended(v) && vm_clock_ns() < end && (!v->count || v->reports < v->count)) {
		/* A window begins when all is cleared, which takes its time. */
		next += v->window_ns;
		if (wait_until(v, next - v->window_ns / 2))
			break;
		each(v, MID, n);
		if (wait_until(v, next))
			break;
		each(v, END, ++n);
		const uint64_t now = next = vm_clock_ns();
		if (!report_is_due(v, now, end))
			continue;
		r = vmws_show(v, err);
		each(v, RESTART, 0);
		vm_ws_others_read(v->s, &v->others);
		v->report_ns += v->interval_ns;
		n = 0;
	}
	const bool complete = v->count && v->reports >= v->count;
	return r == 0 && !complete && (n || !v->reports) ? vmws_show(v, err) : r;
}

static int start(struct vmws *v, struct vm_err *err)
{
	if (!v->argv)
		return 0;
	int r = vm_launch_start(&v->child, v->argv, NULL, NULL, err);
	return r == 0 ? vm_launch_go(&v->child, err) : r;
}

/** What was seen before is shown; that there is no more of it is a failure if nobody else is looked at. */
static int check_failures(const struct vmws *v, struct vm_err *err)
{
	for (size_t i = 0; i < v->process.n; i++) {
		const struct vmws_process *p = &v->process.v[i];
		if (!p->begun || !p->failure.code)
			continue;
		if (v->process.n > 1)
			fprintf(stderr, "vmws: %d: %s\n", p->pid, p->failure.what);
		else
			*err = p->failure;
	}
	return v->process.n == 1 && v->process.v[0].begun ? -v->process.v[0].failure.code : 0;
}

static void wait_for_child(struct vmws *v)
{
	while (v->child.pid && !vm_launch_ended(&v->child)) {
		vm_signals_wait(&v->signals, TICK_MS);
		vm_signals_take(&v->signals, &v->child);
	}
	if (v->child.ended)
		v->status = v->child.status;
	vm_launch_reap(&v->child);
}

int vmws_run(struct vmws *v, struct vm_err *err)
{
	int r = vm_signals_open(&v->signals, err);
	v->tlb_bytes = bytes_of_tlb(v->s);
	if (r == 0)
		r = start(v, err);
	if (r == 0)
		r = find_processes(v, err);
	if (r == 0 && v->method == VM_WS_DAMON && v->process.n > 1)
		r = vm_fail(err, EINVAL, "--damon looks at one process: these are %zu", v->process.n);
	if (r == 0) {
		each(v, BEGIN, 0);
		r = check_any(v, err);
	}
	if (r == 0)
		r = rounds(v, err);
	if (r == 0)
		r = check_failures(v, err);
	wait_for_child(v);
	/* A program that ran tells how it went, whatever we saw of it. */
	if (r < 0 && v->argv && !v->child.not_started && v->status >= 0) {
		fprintf(stderr, "vmws: %s\n", err->what);
		r = 0;
	}
	for (size_t i = 0; i < v->process.n; i++) {
		vm_ws_close(v->process.v[i].read);
		vm_wset_free(&v->process.v[i].set);
		vmws_heat_free(v->process.v[i].heat);
		vm_aspace_free(v->process.v[i].as);
	}
	vm_vec_free(&v->process);
	vm_signals_close(&v->signals);
	return r;
}
