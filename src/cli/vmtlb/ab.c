/**
 * vmtlb --ab: runs a program with huge pages off and on, in turn, and compares.
 *
 * A first run as the program is started anyway isn't counted: it fills caches, and shows what the program has now.  Then
 * come pairs, whose order changes (off on, on off, ...), so that what drifts meanwhile hits both alike.
 */

#include "cli/vmtlb/ab.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/tlb_ab.h"
#include "core/source/session.h"

/** The first look at a run that counts; that which doesn't count is looked at closely. */
enum { FIRST_LOOK_NS = 40000000, CLOSE_LOOK_NS = 5000000, CLOSE_SHARE = 10 };

const char *vmtlb_ab_side(enum vm_ab_side side)
{
	return side == VM_AB_OFF ? "off" : side == VM_AB_ON ? "on" : "as_is";
}

/* ---- One run ------------------------------------------------------------------------------------------------------ */

struct setup {
	enum vm_ab_side side;
	int in, out;               /* out: -1: as ours */
	char **environment;        /* NULL: as ours */
};

/** In the child. */
static int prepare(void *ctx)
{
	const struct setup *s = ctx;
	if (s->in != STDIN_FILENO && dup2(s->in, STDIN_FILENO) < 0)
		return errno;
	if (s->out >= 0 && (dup2(s->out, STDOUT_FILENO) < 0 || dup2(s->out, STDERR_FILENO) < 0))
		return errno;
	if (s->environment)
		environ = s->environment;
	return vm_ab_apply(s->side);
}

/** Until the program ends; when that was. */
static uint64_t await(struct vmtlb *v, struct vm_signals *signals, struct vm_ab_watch *w)
{
	enum { MS = 1000000 };
	while (!vm_launch_ended(&v->child)) {
		const uint64_t now = vm_clock_ns();
		vm_signals_wait(signals, now < w->next_ns ? (int)((w->next_ns - now) / MS) + 1 : 0);
		vm_signals_take(signals, &v->child);
		if (!vm_launch_ended(&v->child))
			vm_ab_watch_look(w);
	}
	return vm_clock_ns();
}

static double ns_of(const struct timeval *t)
{
	return (double)t->tv_sec * 1e9 + (double)t->tv_usec * 1e3;
}

static void add_usage(struct vm_ab_run *run, const struct rusage *u)
{
	enum { KIB = 1024 };
	const double rss = (double)u->ru_maxrss * KIB;
	run->v[VM_AB_USER] += ns_of(&u->ru_utime);
	run->v[VM_AB_SYSTEM] += ns_of(&u->ru_stime);
	run->v[VM_AB_CPU] = run->v[VM_AB_USER] + run->v[VM_AB_SYSTEM];
	run->v[VM_AB_MINOR] += (double)u->ru_minflt;
	run->v[VM_AB_MAJOR] += (double)u->ru_majflt;
	run->v[VM_AB_RSS] = fmax(run->v[VM_AB_RSS], rss);
}

/** Processes that nobody waited for have become our children. */
static void reap_orphans(struct vm_ab_run *run)
{
	struct rusage u;
	pid_t pid;
	while ((pid = wait4(-1, NULL, WNOHANG, &u)) > 0)
		add_usage(run, &u);
	run->left_some = pid == 0;
}

/** What was seen of huge pages: nothing at all is known to be none where the machine made none meanwhile. */
static double huge_of(const struct vm_ab_run *run)
{
	if (run->seen.samples)
		return (double)run->seen.huge_bytes;
	return run->machine_made == 0 ? 0 : (double)NAN;
}

/** 0, or a negative errno: it didn't run. */
static int run_one(struct vmtlb_ab *ab, struct vm_signals *signals, struct setup *setup, struct vm_ab_watch *w,
		   struct vm_ab_run *run, struct vm_err *err)
{
	struct vmtlb *v = ab->v;
	struct vm_thp_counts before, after;
	struct vm_thp thp;
	vm_spool_rewind(&ab->in);
	vm_thp_count(v->s, &before);
	int r = vm_launch_start(&v->child, v->argv, prepare, setup, err);
	if (r < 0)
		return r;
	const uint64_t began = vm_clock_ns();
	r = vm_launch_go(&v->child, err);
	w->curious = setup->side == VM_AB_AS_IS;
	vm_ab_watch_start(w, v->s, v->child.pid, w->curious ? CLOSE_LOOK_NS : FIRST_LOOK_NS,
			  w->curious ? CLOSE_SHARE : VMTLB_AB_SHARE);
	const uint64_t ended = await(v, signals, w);
	vm_launch_reap(&v->child);
	if (r < 0)
		return r;
	vm_thp_read(v->s, &thp);
	ab->changed |= thp.global != ab->thp.global || thp.huge != ab->thp.huge || thp.small != ab->thp.small;
	vm_thp_count(v->s, &after);
	after = vm_thp_since(&before, &after);
	run->v[VM_AB_WALL] = (double)(ended - began);
	add_usage(run, &v->child.used);
	reap_orphans(run);
	run->seen = w->seen;
	run->machine_made = after.made;
	run->machine_refused = after.refused;
	run->machine_small_bytes = after.small_bytes;
	run->v[VM_AB_HUGE] = huge_of(run);
	run->status = v->child.status;
	return 0;
}

/* ---- All of them -------------------------------------------------------------------------------------------------- */

static void say_progress(const struct vmtlb_ab *ab, bool over)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (over)
		fprintf(stderr, "\r%40s\r", "");
	else
		fprintf(stderr, "\rrun %zu of %zu", ab->counted + 1, 2 * (size_t)ab->v->o->pairs);
}

/** Off and on in turn, and the other way round in every other pair. */
static enum vm_ab_side side_of(size_t at)
{
	const size_t pair = at / 2;
	return (at ^ pair) & 1 ? VM_AB_ON : VM_AB_OFF;
}

/**
 * Malloc was told to ask for huge pages and didn't, by bad luck: see VM_AB_TUNABLE.  Such a run says nothing, and is made
 * again.  Of a program that never had some this is assumed for a few runs only.
 */
static bool is_deaf(const struct vmtlb_ab *ab, const struct vm_ab_run *run)
{
	enum { TRIES = 4 };
	const bool none = run->machine_made == 0 || (run->seen.samples && !run->seen.huge_bytes);
	if (run->side != VM_AB_ON || !ab->tunables.n || run->status || !none || run->machine_refused)
		return false;
	/* Each small page of its own takes a fault. */
	const bool small = run->v[VM_AB_MINOR] * (double)ab->v->s->page_bytes < (double)ab->thp.page_bytes;
	if (!ab->program.glibc || small || ab->deaf + 1 >= TRIES)
		return false;
	return ab->heard || ab->counted <= 2;
}

static int run_next(struct vmtlb_ab *ab, struct vm_signals *signals, struct setup *setup, struct vm_ab_watch *w,
		    struct vm_err *err)
{
	struct vm_ab_run run = { .side = VM_AB_AS_IS };
	if (ab->run.n) {
		run.side = side_of(ab->counted);
		run.pair = (unsigned)ab->counted / 2 + 1;
	}
	struct setup this = { .side = run.side, .in = setup->in, .out = run.pair ? setup->out : -1 };
	this.environment = run.side == VM_AB_ON ? setup->environment : NULL;
	if (run.pair)
		say_progress(ab, false);
	int r = run_one(ab, signals, &this, w, &run, err);
	if (r < 0)
		return r;
	if (!run.pair)
		ab->program = w->program;
	run.deaf = is_deaf(ab, &run);
	ab->deaf = run.deaf ? ab->deaf + 1 : 0;
	ab->heard |= run.side == VM_AB_ON && run.seen.huge_bytes;
	ab->counted += run.pair && !run.deaf && !run.status;
	ab->pairs = ab->counted / 2;
	return vm_vec_push(&ab->run, run) ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/** ^C reaches the program and us one after the other: its end may be seen first. */
static void await_own_interrupt(struct vm_signals *signals)
{
	const uint64_t soon_ns = 200000000;
	vm_signals_wait_until(signals, NULL, vm_clock_ns() + soon_ns);
}

/** Until all are done, one fails, or we are told to end. */
static int run_all(struct vmtlb_ab *ab, struct setup *setup, struct vm_err *err)
{
	struct vm_signals signals;
	struct vm_ab_watch w = { 0 };
	const size_t most = 2 * (size_t)ab->v->o->pairs;
	int r = vm_signals_open(&signals, err);
	bool over = false;
	while (r == 0 && !over) {
		r = run_next(ab, &signals, setup, &w, err);
		if (r == 0 && vmtlb_ab_last(ab)->status == 128 + SIGINT && !signals.told)
			await_own_interrupt(&signals);
		over = r < 0 || vmtlb_ab_last(ab)->status != 0 || signals.told || ab->counted == most;
	}
	say_progress(ab, true);
	ab->told = signals.told && ab->counted < most;
	vm_ab_watch_free(&w);
	vm_signals_close(&signals);
	return r;
}

static int compare(struct vmtlb_ab *ab, struct vm_err *err)
{
	const size_t n = ab->pairs;
	vm_auto_free double *v = calloc(2 * n + 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;
	for (unsigned m = 0; r == 0 && m < VM_AB_MEASURES; m++) {
		for (size_t i = 0; i < ab->run.n; i++) {
			const struct vm_ab_run *run = &ab->run.v[i];
			if (run->pair && run->pair <= n && !run->deaf)
				v[(run->side == VM_AB_ON ? n : 0) + run->pair - 1] = run->v[m];
		}
		r = vm_pairs_compare(v, v + n, n, VMTLB_AB_CONFIDENCE, &ab->of[m]);
	}
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- From beginning to end ---------------------------------------------------------------------------------------- */

/** Whether there is something to compare. */
static int know_machine(struct vmtlb_ab *ab, struct vm_err *err)
{
	struct vm_session *s = ab->v->s;
	vm_thp_read(s, &ab->thp);
	int r = vm_thp_permitted(&ab->thp, err);
	return r == 0 ? vm_ab_probe(err) : r;
}

/** Where all memory gets huge pages, malloc needn't ask: then it doesn't look at the tunable either. */
static void know_tunables(struct vmtlb_ab *ab)
{
	if (ab->thp.global == VM_THP_ALWAYS || !vm_ab_malloc_listens())
		return;
	ab->asks_itself = !vm_ab_tunables(getenv("GLIBC_TUNABLES"), &ab->tunables);
}

static void say_waiting(void *ctx)
{
	(void)ctx;
	fprintf(stderr, "vmtlb: waiting for the end of standard input, which each run is given; </dev/null if it needs none\n");
}

/** How it ended, where that isn't as it should be. */
static void say_end(struct vmtlb_ab *ab)
{
	const struct vm_ab_run *last = vmtlb_ab_last(ab);
	struct vm_err say = { 0 };
	if (ab->told)
		vm_fail(&say, EINTR, "told to end after %zu of %zu pairs of runs", ab->pairs, (size_t)ab->v->o->pairs);
	else if (last->status && !last->pair)
		vm_fail(&say, EINVAL, "'%s' ended with status %d in its first run, as it is started anyway: nothing was compared",
			ab->v->child.name, last->status);
	else if (last->status)
		vm_fail(&say, EINVAL, "'%s' ended with status %d with huge pages %s, in pair %u; before, %zu runs ended with 0, "
			"%zu pairs are whole", ab->v->child.name, last->status, vmtlb_ab_side(last->side), last->pair,
			ab->run.n - 1, ab->pairs);
	if (say.code)
		fprintf(stderr, "vmtlb: %s\n", say.what);
}

static int measure(struct vmtlb_ab *ab, struct vm_err *err)
{
	struct vm_buf entry = { 0 };
	struct setup setup = { .in = ab->in.fd };
	vm_auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setup.out = null;
	if (null < 0)
		return vm_fail_os(err, errno, "cannot open /dev/null");
	if (ab->tunables.n && !(setup.environment = vm_ab_environment(vm_buf_str(&ab->tunables), &entry)))
		return vm_fail(err, ENOMEM, "out of memory");
	int r = run_all(ab, &setup, err);
	free(setup.environment);
	vm_buf_free(&entry);
	return r == 0 ? compare(ab, err) : r;
}

static int run_and_show(struct vmtlb_ab *ab, struct vm_err *err)
{
	know_tunables(ab);
	int r = vm_spool_open(&ab->in, STDIN_FILENO, say_waiting, NULL, err);
	if (r < 0)
		return r;
	/* Those whose parents end become our children, and are seen and counted. */
	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	r = measure(ab, err);
	if (r == 0) {
		ab->v->status = vmtlb_ab_last(ab)->status;
		r = vmtlb_ab_show(ab, err);
		say_end(ab);
	}
	vm_spool_close(&ab->in);
	return r;
}

static int run(struct vmtlb *v, struct vm_err *err)
{
	struct vmtlb_ab ab = { .v = v };
	int r = know_machine(&ab, err);
	if (r == 0)
		r = run_and_show(&ab, err);
	vm_buf_free(&ab.tunables);
	vm_vec_free(&ab.run);
	return r;
}

const struct vmtlb_mode vmtlb_ab = { .name = "ab", .fields = &vm_ab_fields, .run = run, .command = true };
