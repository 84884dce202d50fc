/** One pass over /proc: list, plan whose dear figures are read, read row by row, close the gaps. */
#include "core/source/sweep.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/thread.h"
#include "core/model/numa.h"
#include "core/model/procset.h"
#include "core/source/faulttime.h"
#include "core/source/nodes.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/source.h"
#include "core/source/tasks.h"

#define DEAR VM_NEEDS_DEAR

/** How many refreshes a carried-over figure lasts at most; spread over the processes by pid.  A process that
    stat shows at rest may still have run for less than a clock tick. */
enum { STATUS_TICKS_AT_REST = 8, CMDLINE_TICKS = 4, CMDLINE_TICKS_AT_REST = 32 };

/** How long is long. */
#define REST_NS UINT64_C(5000000000)

/** Of the refreshes, one in so many reads a row that rests; in a crowd, without a pass over all tasks, that is what costs.
    Divisors of STATUS_TICKS_AT_REST, so that both fall together. */
enum { REST_TICKS = 2, REST_TICKS_IN_CROWD = 4, CROWD = 2000 };

/** So many refreshes later the directory is read again at the latest. */
enum { LIST_TICKS = 8 };

/**
 * Tasks are looked at by eBPF where its loading pays, which takes as long as reading stat and status of some hundred
 * processes: on machines with many, and in live views, once they have something to show.
 */
enum { TASKS_FROM = 600 };

/** What a pass over all tasks tells. */
#define TOLD_BY_PASS \
	(VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(STATM) | VM_NEED(MM) | VM_NEED(CAPS) | VM_NEED(MAPCOUNT))

/** Processes that a thread takes at a time. */
enum { BATCH = 16, THREADS_FROM = 8 * BATCH };

struct pass {
	const struct vm_sweep *o;
	struct vm_procset *set;
	const pid_t *pids;
	size_t n;
	/** A pass over all tasks was made, or NULL. */
	const struct vm_tasks *tasks;
	struct vm_proc *rows;      /* rows[i] is of pids[i]; state 0: to be left out */
	struct vm_procnote *notes; /* of the rows */
	bool direct;               /* few files of each: see struct vm_snap */
	atomic_size_t next;
	uint64_t tick;
	/** Budgeted passes run in one thread, so these need no lock. */
	uint64_t spent_ns;
	size_t ndear;
};

struct reader {
	struct pass *pass;
	struct vm_session *s;
	struct vm_arena *texts;
	pthread_t thread;
};

/** Most processes of a lazy pass are left alone after stat. */
static bool reads_few_files(const struct vm_sweep *o)
{
	uint32_t files = (o->needs | VM_NEED(STAT)) & ~(VM_NEED(USER) | VM_NEED(MMADDR));
	return o->lazy || __builtin_popcount(files) <= 2;
}

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z';
}

/** A row that is being read. */
struct work {
	struct pass *pass;
	size_t at;
	struct vm_snap snap;
	const struct vm_proc *prev;       /* the same process in the sample before, or NULL */
	const struct vm_procnote *prev_note;
};

/** Figures that the sample before can lend; returns the needs that are then met. */
static uint32_t carry_over(struct work *w, uint32_t needs)
{
	struct vm_proc *p = w->snap.proc;
	const struct vm_proc *prev = w->prev;
	uint32_t met = 0;
	uint64_t turn = w->pass->tick + (uint64_t)p->pid;
	/* What wasn't wanted last time can't be lent. */
	needs &= vm_procset_prev(w->pass->set)->needs;
	bool at_rest = w->pass->notes[w->at].active_ns < prev->taken_ns;
	if ((needs & VM_NEED(STATUS)) && at_rest && turn % STATUS_TICKS_AT_REST) {
		vm_proc_keep_status(p, prev);
		met |= VM_NEED(STATUS) | VM_NEED(USER);
	}
	/* A program changes its command line by exec, which changes the name too, or by hand. */
	if ((needs & VM_NEED(CMDLINE)) && prev->cmdline &&
	    turn % (at_rest ? CMDLINE_TICKS_AT_REST : CMDLINE_TICKS) &&
	    strcmp(p->comm, prev->comm) == 0) {
		p->cmdline = vm_arena_strndup(w->snap.arena, prev->cmdline, strlen(prev->cmdline));
		met |= p->cmdline ? VM_NEED(CMDLINE) : 0;
	}
	return met;
}

static int meet_dear(struct work *w)
{
	const uint32_t wanted = w->pass->o->needs & DEAR;
	const uint64_t at = vm_session_clock(w->snap.s);
	int r = vm_snap_meet(&w->snap, wanted);
	if ((w->snap.proc->unmet & wanted) != wanted)
		w->snap.proc->rollup_ns = at;
	return r;
}

static void keep_dear(struct work *w)
{
	vm_proc_keep_rollup(w->snap.proc, w->prev);
	vm_proc_keep_numa(w->snap.proc, w->prev, w->snap.arena);
	/* Not all that is wanted now was wanted then. */
	if (w->pass->o->needs & DEAR & ~vm_procset_prev(w->pass->set)->needs)
		w->snap.proc->rollup_ns = 0;
}

/** A reading that the budget still pays for, or what is known from before. */
static int read_dear(struct work *w)
{
	struct pass *ps = w->pass;
	struct vm_proc *p = w->snap.proc;
	uint64_t limit = ps->o->budget_ns;
	if (limit == UINT64_MAX)
		return meet_dear(w);
	/* The plan rests on the mean cost: let it be off by a quarter before it is cut short. */
	if (ps->set->plan.v[w->at].dear && ps->spent_ns <= limit + limit / 4) {
		/* Its Rss is the exact one; but next refresh it would be another's turn, and RSS
		   would seem to jump. */
		uint64_t rss = p->q[VM_P_RSS], from = vm_clock_ns();
		int r = meet_dear(w);
		p->q[VM_P_RSS] = rss;
		ps->spent_ns += vm_clock_ns() - from;
		ps->ndear++;
		return r;
	}
	if (w->prev)
		keep_dear(w);
	return 0;
}

static void note_activity(struct work *w)
{
	const struct vm_proc *p = w->snap.proc;
	struct vm_procnote *note = &w->pass->notes[w->at];
	note->stat_rss = p->q[VM_P_RSS];
	if (w->prev && vm_proc_is_idle(p, w->prev) && note->stat_rss == w->prev_note->stat_rss)
		note->active_ns = w->prev_note->active_ns;
	else
		note->active_ns = p->taken_ns;
}

static int read_row(struct work *w)
{
	const struct vm_sweep *o = w->pass->o;
	struct vm_proc *p = w->snap.proc;
	/* What a pass told costs nothing. */
	uint32_t first = VM_NEED(STAT) | (w->snap.task ? o->needs & TOLD_BY_PASS : 0);
	int r = vm_snap_meet(&w->snap, first);
	if (r < 0)
		return r;
	if (w->prev && w->prev->start != p->start)
		w->prev = NULL;
	note_activity(w);
	uint32_t needs = o->needs & ~DEAR;
	if (p->kthread && o->bare_kthreads)
		needs = VM_NEED(STAT);
	if (o->lazy && w->prev)
		w->snap.met |= carry_over(w, needs);
	if (needs & VM_NEED(USER))
		needs |= VM_NEED(STATUS);
	r = vm_snap_meet(&w->snap, needs & ~VM_NEED(USER));
	if (r < 0)
		return r;
	if (o->accepts && !o->accepts(o->ctx, p)) {
		p->state = 0;
		return 0;
	}
	return (o->needs & DEAR) && has_memory(p) ? read_dear(w) : 0;
}

/**
 * Processes out of sight that have been at rest for long are read now and then only: most of the processes of
 * most machines are.  Rates stay right, because each row knows when it was read.
 */
static bool may_rest(const struct pass *ps, size_t i, const struct vm_proc *prev, const struct vm_procnote *note)
{
	const struct vm_plan *plan = &ps->set->plan.v[i];
	const uint64_t period = ps->n > CROWD ? REST_TICKS_IN_CROWD : REST_TICKS;
	return ps->o->lazy && prev && !ps->tasks && !plan->dear && !plan->in_sight && !(ps->o->needs & ~vm_procset_prev(ps->set)->needs) &&
	       (ps->tick + (uint64_t)prev->pid) % period && prev->taken_ns - note->active_ns > REST_NS;
}

static bool copy_row(struct work *w)
{
	struct vm_proc *p = w->snap.proc;
	*p = *w->prev;
	w->pass->notes[w->at] = *w->prev_note;
	if (p->cmdline)
		p->cmdline = vm_arena_strndup(w->snap.arena, p->cmdline, strlen(p->cmdline));
	if (p->cgroup)
		p->cgroup = vm_arena_strndup(w->snap.arena, p->cgroup, strlen(p->cgroup));
	p->numa = vm_numa_sum_copy(w->snap.arena, p->numa);
	return (!w->prev->cmdline || p->cmdline) && (!w->prev->cgroup || p->cgroup) && (!w->prev->numa || p->numa);
}

/** Figures that the pass over all tasks has already found. */
static void use_pass(struct work *w)
{
	const struct pass *ps = w->pass;
	const struct vm_task_entry *e = ps->tasks ? vm_tasks_find(ps->tasks, w->snap.pid) : NULL;
	/* Sums over threads that come and go are the kernel's to make, under its locks. */
	if (!e || e->unsteady)
		return;
	w->snap.task = e;
	bool same = w->prev && vm_task_start(e->task, w->snap.s->ticks_per_second) == w->prev->start;
	if (ps->o->lazy && same && (ps->tick + (uint64_t)w->prev->pid) % STATUS_TICKS_AT_REST)
		w->snap.known_comm = w->prev->comm;
}

static void read_batch(struct reader *rd, size_t from, size_t to)
{
	struct pass *ps = rd->pass;
	const struct vm_proclist *before = vm_procset_prev(ps->set);
	size_t k = 0;
	for (size_t i = from; i < to; i++) {
		struct vm_proc *p = &ps->rows[i];
		vm_proc_init(p, ps->pids[i]);
		p->taken_ns = vm_session_clock(rd->s);
		p->mem_total = ps->o->mem_total;
		p->max_map_count = ps->o->max_map_count;
		k = vm_proclist_find(before, p->pid, k);
		const struct vm_proc *prev = k < before->rows.n && before->rows.v[k].pid == p->pid ?
					     &before->rows.v[k] : NULL;
		struct work w = {
			.pass = ps, .at = i, .prev = prev, .prev_note = prev ? &before->notes.v[k] : NULL,
			.snap = { .s = rd->s, .pid = p->pid, .dir_fd = -1, .direct = ps->direct, .proc = p,
				  .arena = rd->texts },
		};
		if (may_rest(ps, i, prev, w.prev_note) && copy_row(&w))
			continue;
		use_pass(&w);
		int r = vm_snap_open(&w.snap);
		if (r == 0)
			r = read_row(&w);
		vm_snap_close(&w.snap);
		/* It left between the listing and now, or half-way: no zeros for it. */
		if (r < 0)
			p->state = 0;
	}
}

static void *read_all(void *arg)
{
	struct reader *rd = arg;
	struct pass *ps = rd->pass;
	for (size_t from; (from = atomic_fetch_add(&ps->next, BATCH)) < ps->n;)
		read_batch(rd, from, from + BATCH < ps->n ? from + BATCH : ps->n);
	return NULL;
}

static unsigned thread_count(const struct vm_session *s, const struct pass *ps)
{
	/* Budgets are kept by one thread; a capture is written by one. */
	if (ps->o->budget_ns != UINT64_MAX || !(ps->o->needs & DEAR) || vm_session_copies(s) ||
	    ps->n < THREADS_FROM)
		return 1;
	cpu_set_t ours;
	if (sched_getaffinity(0, sizeof(ours), &ours) != 0)
		return 1;
	int cpus = CPU_COUNT(&ours);
	return cpus < 1 ? 1 : cpus > VM_SWEEP_THREADS ? VM_SWEEP_THREADS : (unsigned)cpus;
}

static void run_pass(struct vm_session *s, struct pass *ps)
{
	struct reader rd[VM_SWEEP_THREADS];
	struct vm_session own[VM_SWEEP_THREADS];
	struct vm_arena *texts = vm_procset_now(ps->set)->texts;
	unsigned n = thread_count(s, ps), started = 1;
	for (; started < n; started++) {
		/* The same descriptors, a scratch buffer of its own.  USER, the one need that
		   writes to the session's caches, is met afterwards. */
		own[started] = *s;
		own[started].scratch = (struct vm_buf){ 0 };
		rd[started] = (struct reader){ ps, &own[started], &texts[started], 0 };
		if (!vm_thread_start(&rd[started].thread, read_all, &rd[started]))
			break;
	}
	rd[0] = (struct reader){ ps, s, &texts[0], 0 };
	read_all(&rd[0]);
	for (unsigned i = 1; i < started; i++) {
		pthread_join(rd[i].thread, NULL);
		vm_buf_free(&own[i].scratch);
	}
}

/** Close the gaps that vanished and refused processes left; look up the users of the others. */
static size_t compact(struct vm_session *s, struct pass *ps)
{
	struct vm_proc *rows = ps->rows;
	size_t to = 0;
	for (size_t i = 0; i < ps->n; i++) {
		if (!rows[i].state)
			continue;
		if ((ps->o->needs & VM_NEED(USER)) && !rows[i].user && rows[i].has_uid)
			vm_proc_find_user(s, &rows[i]);
		if (to != i) {
			rows[to] = rows[i];
			ps->notes[to] = ps->notes[i];
		}
		to++;
	}
	return to;
}

static void learn_cost(struct vm_procset *set, const struct pass *ps)
{
	if (!ps->ndear)
		return;
	uint64_t cost = ps->spent_ns / ps->ndear + 1;
	set->dear_cost_ns = set->dear_cost_ns ? (3 * set->dear_cost_ns + cost) / 4 : cost;
}

/** Look at all tasks at once, if that is to be had and pays.  Whether it told of all there are. */
static bool pass_over_tasks(struct vm_session *s, struct pass *ps)
{
	struct vm_tasks *t;
	struct sysinfo info;
	size_t n;
	unsigned threads = 0;
	if (!s->live || vm_session_copies(s) || ps->o->only || sysinfo(&info) != 0 ||
	    ((!ps->o->lazy || ps->tick == 1) && info.procs < TASKS_FROM))
		return false;
	if (vm_tasks_get(s, &t, NULL) != 0 || vm_tasks_pass(t, NULL) != 0)
		return false;
	ps->tasks = t;
	ps->direct = true;
	const struct vm_task_entry *e = vm_tasks_found(t, &n);
	for (size_t i = 0; i < n; i++)
		threads += e[i].seen;
	/* Some systems keep processes from iterators that /proc shows. */
	return threads >= info.procs;
}

/** Whom the pass found, as a list.  0 or -ENOMEM. */
static int list_found(const struct pass *ps, struct vm_pids *pids)
{
	size_t n;
	const struct vm_task_entry *e = vm_tasks_found(ps->tasks, &n);
	if (!vm_vec_reserve(pids, n))
		return -ENOMEM;
	for (pids->n = 0; pids->n < n; pids->n++)
		pids->v[pids->n] = e[pids->n].pid;
	return 0;
}

/** The last two of "0.06 0.69 1.81 1/68 8613" (fs/proc/loadavg.c); all 0 where that isn't told. */
static struct vm_turnover read_turnover(struct vm_session *s)
{
	struct vm_turnover t = { 0 };
	unsigned long long tasks, last;
	if (s->live && vm_session_slurp(s, &s->scratch, "proc/loadavg") > 0 &&
	    sscanf(s->scratch.s, "%*s %*s %*s %*u/%20llu %20llu", &tasks, &last) == 2)
		t = (struct vm_turnover){ tasks, last };
	return t;
}

/**
 * For a live view, which libproc2 is too thorough for: it looks at each process.  Where no number was given out since and there
 * are as many tasks, nobody came and nobody went, and the directory isn't read again; but now and then, since who may be
 * seen changes as well (hidepid=).
 */
static int list_lazily(struct vm_session *s, struct pass *ps, struct vm_pids *out, struct vm_err *err)
{
	struct vm_procset *set = ps->set;
	const struct vm_turnover now = read_turnover(s);
	if (now.tasks && now.tasks == set->turnover.tasks && now.last == set->turnover.last &&
	    ps->tick - set->listed_at < LIST_TICKS) {
		if (!vm_vec_reserve(out, set->listed.n))
			return vm_fail(err, ENOMEM, "out of memory");
		memcpy(out->v, set->listed.v, set->listed.n * sizeof(*out->v));
		out->n = set->listed.n;
		return 0;
	}
	set->turnover = (struct vm_turnover){ 0 };
	int r = vm_proc_list_dir(s, out, err);
	if (r < 0 || !vm_vec_reserve(&set->listed, out->n))
		return r < 0 ? r : vm_fail(err, ENOMEM, "out of memory");
	if (out->n)
		memcpy(set->listed.v, out->v, out->n * sizeof(*out->v));
	set->listed.n = out->n;
	set->listed_at = ps->tick;
	set->turnover = now;
	return 0;
}

static int list_processes(struct vm_session *s, struct pass *ps, struct vm_pids *out, struct vm_err *err)
{
	if (pass_over_tasks(s, ps))
		return list_found(ps, out);
	if (ps->o->lazy)
		return list_lazily(s, ps, out, err);
	return ps->tasks ? vm_proc_list_dir(s, out, err) : vm_proc_list(s, out, err);
}

/** Page faults are timed while that is wanted, from now on, so that threads find it at hand. */
static void time_faults(struct vm_session *s, bool wanted)
{
	struct vm_faulttime *ft;
	if (wanted)
		vm_faulttime_get(s, &ft, NULL);
	else
		vm_faulttime_drop(s);
}

int vm_sweep(struct vm_session *s, struct vm_procset *set, const struct vm_sweep *o, struct vm_err *err)
{
	/* Numbers and start times mean others then. */
	if (set->boot != vm_session_boot(s))
		vm_procset_forget(set);
	set->boot = vm_session_boot(s);
	struct vm_proclist *l = vm_procset_begin(set);
	time_faults(s, o->needs & VM_NEED(FAULTTIME));
	/* Looked up once, so that threads find it at hand. */
	if (o->needs & VM_NEED(TLB))
		vm_source_usable(s, &vm_src_tlb, NULL);
	if (o->needs & (VM_NEED(NUMA) | VM_NEED(CPUS)))
		vm_nodes_known(s);
	const uint64_t began_ns = vm_clock_ns();
	l->taken_ns = vm_session_clock(s);
	l->needs = o->needs | VM_NEED(STAT) | (o->needs & VM_NEED(USER) ? VM_NEED(STATUS) : 0);
	struct vm_pids all = { 0 };
	struct pass ps = { .o = o, .set = set, .pids = o->only, .n = o->nonly, .tick = set->ticks,
			   .direct = reads_few_files(o) };
	int r = 0;
	if (!o->only) {
		r = list_processes(s, &ps, &all, err);
		ps.pids = all.v;
		ps.n = all.n;
	}
	if (r == 0 && (!vm_vec_reserve(&l->rows, ps.n) || !vm_vec_reserve(&l->notes, ps.n) ||
		       vm_procset_plan(set, ps.pids, ps.n, o->budget_ns, o->first, o->nfirst) != 0))
		r = vm_fail(err, ENOMEM, "out of memory");
	if (r == 0) {
		ps.rows = l->rows.v;
		ps.notes = l->notes.v;
		run_pass(s, &ps);
		l->rows.n = l->notes.n = compact(s, &ps);
		learn_cost(set, &ps);
		vm_procset_end(set);
	}
	l->took_ns = vm_clock_ns() - began_ns;
	vm_vec_free(&all);
	return r;
}
