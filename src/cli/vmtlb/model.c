/**
 * vmtlb --model: the program runs under an engine (core/source/tlbmodel.h) that feeds all its accesses to simulated TLBs.
 */

#include "cli/vmtlb/model.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/tlb_model.h"
#include "core/source/session.h"
#include "core/source/tlbmodel.h"
#include "core/source/tlbprobe.h"

enum { TICK_MS = 200, PATIENCE_NS = 1000000000 };

static int check(const struct vmtlb *v, struct vm_err *err)
{
	struct vm_tlb_geometry g = vm_tlb_geometry_default();
	return v->o->geometry ? vm_tlb_geometry_parse(v->o->geometry, &g, err) : 0;
}

/** Until it ends; signals reach it, and we stay to tell what it did. */
static void await(struct vmtlb *v, struct vm_signals *signals)
{
	while (!vm_launch_ended(&v->child)) {
		vm_signals_wait(signals, TICK_MS);
		vm_signals_take(signals, &v->child);
	}
}

/** What it started and left behind goes on under the engine, whose directory is ours: to its end, unless we are told to. */
static void await_others(struct vm_signals *signals)
{
	const uint64_t patience_ns = vm_clock_ns() + PATIENCE_NS;
	bool told = false;
	while (!vm_signals_take(signals, NULL)) {
		const pid_t ended = waitpid(-1, NULL, WNOHANG);
		if (ended < 0)
			return;
		if (ended > 0)
			continue;
		if (!told && vm_clock_ns() > patience_ns) {
			fprintf(stderr, "vmtlb: programs that it started still run: waiting for them (^C: not any more)\n");
			told = true;
		}
		vm_signals_wait(signals, TICK_MS);
	}
}

static int run_program(struct vmtlb *v, struct vm_tlbmodel *m, struct vm_signals *signals, struct vm_err *err)
{
	if (vm_signals_take(signals, NULL))
		return vm_fail(err, EINTR, "told to end before '%s' ran", v->argv[0]);
	/* Orphans become our children, as strace -f's do its. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	int r = vm_launch_start(&v->child, vm_tlbmodel_command(m), vm_tlbmodel_prepare, m, err);
	if (r == 0)
		r = vm_launch_go(&v->child, err);
	if (r == 0)
		await(v, signals);
	v->status = v->child.status;
	vm_launch_reap(&v->child);
	if (r == 0)
		await_others(signals);
	return r;
}

static int evaluate(struct vmtlb_model_run *r, struct vm_err *err)
{
	vm_tlb_policy_rows(&r->result, &r->machine, r->policy);
	if (!vm_tlb_places_open(&r->mappings, &r->result, &r->machine) || !vm_tlb_places_open(&r->sites, &r->result, &r->machine) ||
	    !vm_tlb_places_by_mapping(&r->mappings))
		return vm_fail(err, ENOMEM, "out of memory");
	return vmtlb_model_sites(r, err);
}

/** What is known of this machine, and what the user says. */
static int know(struct vmtlb_model_run *r, struct vm_err *err)
{
	const char *given = r->v->o->geometry;
	vm_tlb_known(r->v->s, &r->machine);
	r->known = r->machine;
	if (!given)
		return 0;
	r->known.by = VM_TLB_BY_USER;
	return vm_tlb_geometry_parse(given, &r->known.geometry, err);
}

static int run_model(struct vmtlb_model_run *r, struct vm_signals *signals, struct vm_err *err)
{
	struct vmtlb *v = r->v;
	struct vm_tlbmodel *m = NULL;
	bool no_program = false;
	int e = know(r, err);
	if (e == 0)
		e = vm_tlbmodel_open((enum vm_tlb_engine)v->o->engine, &r->known, v->argv, &m, &no_program, err);
	if (no_program)
		v->child.not_started = e;
	if (e == 0) {
		const uint64_t began_ns = vm_clock_ns();
		r->engine = vm_tlbmodel_engine(m);
		e = run_program(v, m, signals, err);
		r->took_ns = vm_clock_ns() - began_ns;
	}
	if (e == 0)
		e = vm_tlbmodel_read(m, &r->result, &r->notes, err);
	vm_tlbmodel_close(m);
	if (e == 0)
		e = evaluate(r, err);
	return e == 0 ? vmtlb_model_show(r, err) : e;
}

static int run(struct vmtlb *v, struct vm_err *err)
{
	struct vmtlb_model_run r = { .v = v };
	struct vm_signals signals;
	/* From the beginning: the model's directory must not stay behind. */
	int e = vm_signals_open(&signals, err);
	if (e == 0)
		e = run_model(&r, &signals, err);
	vm_signals_close(&signals);
	vm_tlb_places_free(&r.mappings);
	vm_tlb_places_free(&r.sites);
	vm_tlb_result_free(&r.result);
	vm_symbols_free(r.symbols);
	vm_buf_free(&r.notes);
	return e;
}

const struct vmtlb_mode vmtlb_model = { .name = "model", .fields = &vm_tlb_policy_fields, .check = check, .run = run,
					.command = true };
