/** Page faults for vmtop's tab: watched from when it is opened until it is left. */

#include "cli/vmtop.h"

#if VM_HAVE_TUI

#include <errno.h>

#include "cli/vmtop_parts.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/faults.h"
#include "core/source/session.h"

static void note_code(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m)
{
	struct vmtop_faults *w = ctx;
	vm_sitenames_note_code(&w->names, now, m);
}

static void end(void *ctx)
{
	struct vmtop_faults *w = ctx;
	vm_fault_since_free(&w->since);
	vm_fault_mark_free(&w->mark);
	vm_faults_close(w->faults);
	vm_sitenames_free(&w->names);
	vmtop_faults_begin(w, w->v);
}

static int begin(void *ctx, pid_t pid, struct vm_err *err)
{
	struct vmtop_faults *w = ctx;
	const struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &pid, .npids = 1, .code = note_code, .ctx = w };
	end(w);
	int r = vm_sitenames_open(&w->names, w->v->s, false, err);
	if (r == 0)
		r = vm_faults_open(w->v->s, &ask, &w->faults, err);
	if (r < 0)
		end(w);
	return r;
}

/** What came since the last look, and a mark for the next one. */
static int compare(struct vmtop_faults *w, const struct vm_faultset *all, struct vm_err *err)
{
	bool ok = true;
	vm_fault_since_free(&w->since);
	w->since = (struct vm_faultset){ 0 };
	if (w->marked)
		ok = vm_fault_since(all, &w->mark, &w->since);
	if (ok)
		ok = vm_fault_mark_set(&w->mark, all);
	return ok ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

static int look(void *ctx, struct vm_faults_got *got, struct vm_err *err)
{
	struct vmtop_faults *w = ctx;
	const uint64_t before = vm_clock_cpu_ns();
	if (!w->faults)
		return vm_fail(err, EINVAL, "nothing is watched");
	const struct vm_fault_backend *b = vm_faults_backend(w->faults);
	*got = (struct vm_faults_got){
		.name = b->name, .help = b->help, .lacks = b->lacks, .costs = b->costs, .why_not = vm_faults_why_not(w->faults),
	};
	int r = vm_faults_read(w->faults, &got->all, err);
	if (r == 0)
		r = compare(w, got->all, err);
	got->since = w->marked ? &w->since : NULL;
	w->marked = r == 0;
	w->cost_ns += vm_clock_cpu_ns() - before;
	got->cost_ns = w->cost_ns;
	return r;
}

static bool by_site(void *ctx, const struct vm_faultset *f, struct vm_fault_places *p)
{
	struct vmtop_faults *w = ctx;
	const uint64_t before = vm_clock_cpu_ns();
	const bool ok = vm_sitenames_faults(&w->names, f, p);
	w->cost_ns += vm_clock_cpu_ns() - before;
	return ok;
}

void vmtop_faults_begin(struct vmtop_faults *w, struct vmtop *v)
{
	*w = (struct vmtop_faults){ .v = v, .feed = { .ctx = w, .begin = begin, .end = end, .look = look, .by_site = by_site } };
}

void vmtop_faults_end(struct vmtop_faults *w)
{
	end(w);
}

#endif
