/**
 * Page faults for vmtop's tab: watched from when it is opened until it is left.
 *
 * To begin may take seconds, in which the kernel waits for itself: a thread does it, with a view of the machine of its own, as
 * none is made for two threads.
 */

#include "cli/vmtop/vmtop.h"

#if VM_HAVE_TUI

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cli/sitenames.h"
#include "cli/vmtop/parts.h"
#include "core/analysis/faultview.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/thread.h"
#include "core/source/faults.h"
#include "core/source/session.h"

enum state { STARTING, RUNNING, FAILED };

/** One watch begins at a time: who opens and leaves the tab again and again shall not make a heap of them.  Shared by the watches
    and the tab; the last one frees it. */
struct vmtop_gate {
	pthread_mutex_t lock;      /* held while a watch begins */
	atomic_uint users;
};

static struct vmtop_gate *make_gate(void)
{
	struct vmtop_gate *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	pthread_mutex_init(&g->lock, NULL);
	atomic_init(&g->users, 1);
	return g;
}

static void leave_gate(struct vmtop_gate *g)
{
	if (atomic_fetch_sub(&g->users, 1) != 1)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

struct vmtop_watch {
	pid_t pid;
	struct vmtop_gate *gate;
	struct vm_fault_ask ask;
	pthread_t thread;
	/** Of what follows: the thread's until it isn't STARTING any more. */
	pthread_mutex_t lock;
	enum state state;
	bool abandoned;            /* nobody waits for it: it frees itself */
	struct vm_session *s;
	struct vm_faults *faults;
	struct vm_sitenames names;
	struct vm_err trouble;
	/** What there was at the last look, and what came since the one before. */
	struct vm_fault_mark mark;
	bool marked;
	struct vm_faultset since;
	uint64_t cost_ns;
};

static void note_code(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m)
{
	struct vmtop_watch *w = ctx;
	vm_sitenames_note_code(&w->names, now, m);
}

static void free_watch(struct vmtop_watch *w)
{
	vm_fault_since_free(&w->since);
	vm_fault_mark_free(&w->mark);
	vm_faults_close(w->faults);
	vm_sitenames_free(&w->names);
	vm_session_close(w->s);
	pthread_mutex_destroy(&w->lock);
	leave_gate(w->gate);
	free(w);
}

static bool is_abandoned(struct vmtop_watch *w)
{
	pthread_mutex_lock(&w->lock);
	const bool abandoned = w->abandoned;
	pthread_mutex_unlock(&w->lock);
	return abandoned;
}

static int open_watch(struct vmtop_watch *w)
{
	if (is_abandoned(w))
		return -ECANCELED;
	int r = vm_session_open("/", &w->s, &w->trouble);
	if (r == 0)
		r = vm_sitenames_open(&w->names, w->s, false, &w->trouble);
	if (r == 0)
		r = vm_faults_open(w->s, &w->ask, &w->faults, &w->trouble);
	return r;
}

static void *start(void *ctx)
{
	struct vmtop_watch *w = ctx;
	w->ask = (struct vm_fault_ask){ .whom = VM_OF_PIDS, .pids = &w->pid, .npids = 1, .code = note_code, .ctx = w };
	pthread_mutex_lock(&w->gate->lock);
	const int r = open_watch(w);
	pthread_mutex_unlock(&w->gate->lock);
	pthread_mutex_lock(&w->lock);
	w->state = r == 0 ? RUNNING : FAILED;
	const bool abandoned = w->abandoned;
	pthread_mutex_unlock(&w->lock);
	if (abandoned)
		free_watch(w);
	return NULL;
}

static enum state state_of(struct vmtop_watch *w)
{
	pthread_mutex_lock(&w->lock);
	const enum state now = w->state;
	pthread_mutex_unlock(&w->lock);
	return now;
}

static void end(void *ctx)
{
	struct vmtop_faults *f = ctx;
	struct vmtop_watch *w = f->watch;
	f->watch = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	const bool starting = w->state == STARTING;
	w->abandoned = starting;
	/* Before it can go on, and free itself. */
	if (starting)
		pthread_detach(w->thread);
	pthread_mutex_unlock(&w->lock);
	if (starting)
		return;
	pthread_join(w->thread, NULL);
	free_watch(w);
}

static int begin(void *ctx, pid_t pid, struct vm_err *err)
{
	struct vmtop_faults *f = ctx;
	end(f);
	if (!f->v->s->live)
		return vm_fail(err, EOPNOTSUPP, "A %s has no page faults to watch; Overview has its counters", vm_session_kind(f->v->s));
	if (!f->gate)
		f->gate = make_gate();
	struct vmtop_watch *w = f->gate ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	w->pid = pid;
	w->gate = f->gate;
	atomic_fetch_add(&w->gate->users, 1);
	pthread_mutex_init(&w->lock, NULL);
	if (!vm_thread_start(&w->thread, start, w)) {
		free_watch(w);
		return vm_fail(err, EAGAIN, "cannot make a thread");
	}
	f->watch = w;
	return 0;
}

/** What came since the last look, and a mark for the next one. */
static int compare(struct vmtop_watch *w, const struct vm_faultset *all, struct vm_err *err)
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
	struct vmtop_watch *w = ((struct vmtop_faults *)ctx)->watch;
	const uint64_t before = vm_clock_cpu_ns();
	*got = (struct vm_faults_got){ .all = NULL };
	const enum state now = w ? state_of(w) : FAILED;
	if (now == STARTING)
		return 0;
	if (now == FAILED) {
		if (w)
			*err = w->trouble;
		return w ? -w->trouble.code : vm_fail(err, EINVAL, "nothing is watched");
	}
	const struct vm_fault_backend *b = vm_faults_backend(w->faults);
	got->name = b->name;
	got->lacks = b->lacks;
	got->costs = b->costs;
	got->why_not = vm_faults_why_not(w->faults);
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
	struct vmtop_watch *w = ((struct vmtop_faults *)ctx)->watch;
	const uint64_t before = vm_clock_cpu_ns();
	const bool ok = vm_sitenames_faults(&w->names, f, p);
	w->cost_ns += vm_clock_cpu_ns() - before;
	return ok;
}

void vmtop_faults_begin(struct vmtop_faults *f, struct vmtop *v)
{
	*f = (struct vmtop_faults){ .v = v, .feed = { .ctx = f, .begin = begin, .end = end, .look = look, .by_site = by_site } };
}

void vmtop_faults_end(struct vmtop_faults *f)
{
	end(f);
	if (f->gate)
		leave_gate(f->gate);
	f->gate = NULL;
}

#endif
