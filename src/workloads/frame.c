#include "workloads/frame.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "workloads/truth.h"
#include "workloads/watch.h"

struct frame {
	const struct vm_workload *w;
	const struct vm_frame_opts *opts;
	FILE *out;
	struct vm_lab lab;
	struct vm_truth truth;
	void *state;
	unsigned step;            /* how many were made */
	bool more;                /* another one is possible */
	uint64_t next_ns;         /* when the next automatic step is due; 0: never */
	int signals;              /* signalfd */
	int parent;               /* pidfd of our parent, -1: its end comes as SIGTERM */
};

/* What ends a wait. */
enum event { EV_END, EV_STEP, EV_CHILD };

/* Signals and the parent. */

static int open_signals(struct frame *f, struct vm_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	/* These three must work whatever was ignored when we were started. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	/* A reader that goes away is a failed write, so that everything gets undone. */
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->signals < 0 ? vm_fail_os(err, errno, "cannot wait for signals") : 0;
}

/**
 * Be told when the parent ends.  A pidfd means the process; PR_SET_PDEATHSIG means the *thread*
 * that started us, which may well end before its process, so it is the second choice.
 * Returns false if the parent is gone already.
 */
static bool watch_parent(struct frame *f)
{
	pid_t parent = getppid();
	f->parent = parent > 0 ? (int)syscall(SYS_pidfd_open, parent, 0) : -1;
	if (f->parent < 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent;
}

static enum event signal_event(const struct signalfd_siginfo *si)
{
	switch (si->ssi_signo) {
	case SIGUSR1:
		return EV_STEP;
	case SIGCHLD:
		return EV_CHILD;
	default:
		return EV_END;
	}
}

/** Wait for the next event; a step that is due by time counts as one. */
static enum event next_event(struct frame *f)
{
	for (;;) {
		struct signalfd_siginfo si;
		if (read(f->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
			return signal_event(&si);
		struct pollfd fd[] = {
			{ .fd = f->signals, .events = POLLIN },
			{ .fd = f->parent, .events = POLLIN },
		};
		uint64_t now = vm_clock_ns(), wait = f->next_ns > now ? f->next_ns - now : 0;
		struct timespec ts = {
			.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000),
		};
		int n = ppoll(fd, 2, f->next_ns ? &ts : NULL, NULL);
		if (n > 0 && fd[1].revents)
			return EV_END;
		if (n == 0) {
			f->next_ns += f->opts->step_ns;
			return EV_STEP;
		}
	}
}

static void start_clock(struct frame *f)
{
	f->next_ns = f->opts->step_ns && f->more ? vm_clock_ns() + f->opts->step_ns : 0;
}

/* The state and its truth. */

static bool in_memory(const char *dir)
{
	struct statfs fs;
	return statfs(dir, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/** Where files go: what was asked for, else /tmp, else /var/tmp if only that one has a disk. */
static const char *choose_dir(const char *asked)
{
	if (!asked)
		asked = getenv("TMPDIR");
	if (asked && *asked)
		return asked;
	bool tmp = access("/tmp", W_OK | X_OK) == 0, var = access("/var/tmp", W_OK | X_OK) == 0;
	if (var && (!tmp || (in_memory("/tmp") && !in_memory("/var/tmp"))))
		return "/var/tmp";
	return "/tmp";
}

static int finish_line(struct frame *f, struct vm_err *err)
{
	vm_truth_bool(&f->truth, "more_steps", f->more);
	int r = vm_truth_line_end(&f->truth);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the truth") : 0;
}

static int make(struct frame *f, int *status, struct vm_err *err)
{
	vm_truth_line_begin(&f->truth, 0);
	int r = f->w->make(&f->lab, &f->truth, &f->state, err);
	if (r == -EPERM || r == -ENOSYS)
		*status = VM_EXIT_SKIP;
	if (r < 0)
		return r;
	f->more = f->w->step != NULL;
	return finish_line(f, err);
}

static int step(struct frame *f, struct vm_err *err)
{
	if (!f->more) {
		vm_truth_say(&f->truth, f->w->step ? "no step is left" : "there are no steps");
		return 0;
	}
	vm_truth_line_begin(&f->truth, ++f->step);
	int r = f->w->step(f->state, &f->truth, err);
	if (r < 0)
		return r;
	f->more = r > 0;
	if (!f->more)
		f->next_ns = 0;
	return finish_line(f, err);
}

static int steps_at_once(struct frame *f, struct vm_err *err)
{
	int r = 0;
	for (uint64_t i = 0; i < f->opts->steps && f->more && r == 0; i++)
		r = step(f, err);
	return r;
}

/** Sit until told to end. */
static int hold(struct frame *f, struct vm_err *err)
{
	vm_truth_say(&f->truth, "process %d holds it%s; Ctrl-C or SIGTERM ends it", (int)getpid(),
	             f->more && !f->opts->step_ns ? ", SIGUSR1 makes a step" : "");
	start_clock(f);
	int r = 0;
	while (r == 0) {
		enum event ev = next_event(f);
		if (ev == EV_END)
			break;
		if (ev == EV_STEP)
			r = step(f, err);
	}
	return r;
}

/* Watching. */

static pid_t start_watch(struct frame *f, const struct vm_watch *watch, struct vm_err *err)
{
	pid_t pids[32] = { getpid() };
	size_t n = 1;
	if (f->w->others)
		n += f->w->others(f->state, pids + 1, vm_countof(pids) - 1);
	return vm_watch_start(watch, pids, n, f->out, err);
}

static int exit_status(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
}

/**
 * Wait for the end of the command.  `live`: steps go on meanwhile.  Returns 1 if we are to end as
 * well, 0, or a negative errno; the command is gone in every case.
 */
static int await_command(struct frame *f, pid_t pid, bool live, int *status, struct vm_err *err)
{
	int r = 0, wstatus;
	for (;;) {
		if (waitpid(pid, &wstatus, WNOHANG) == pid) {
			if (exit_status(wstatus) != 0)
				*status = exit_status(wstatus);
			return r;
		}
		enum event ev = next_event(f);
		if (ev == EV_STEP && live)
			r = step(f, err);
		if (ev == EV_END || r < 0)
			break;
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return r < 0 ? r : 1;
}

/** The command draws on the terminal until its user leaves it, or watches what happens meanwhile. */
static int watch_interactive(struct frame *f, const struct vm_watch *watch, int *status,
                             struct vm_err *err)
{
	f->truth.out = NULL;
	f->truth.quiet = true;
	/* Ctrl-C on the shared terminal is meant for the command. */
	signal(SIGINT, SIG_IGN);
	pid_t pid = start_watch(f, watch, err);
	if (pid < 0)
		return pid;
	start_clock(f);
	int r = await_command(f, pid, true, status, err);
	return r < 0 ? r : 0;
}

/** Show it once, then after each step until the last one. */
static int watch_steps(struct frame *f, const struct vm_watch *watch, int *status,
                       struct vm_err *err)
{
	for (;;) {
		pid_t pid = start_watch(f, watch, err);
		if (pid < 0)
			return pid;
		f->next_ns = 0;
		int r = await_command(f, pid, false, status, err);
		if (r != 0)
			return r < 0 ? r : 0;
		if (!f->more || (f->opts->steps && f->step >= f->opts->steps))
			return 0;
		start_clock(f);
		while (f->next_ns) {
			enum event ev = next_event(f);
			if (ev == EV_END)
				return 0;
			if (ev == EV_STEP)
				break;
		}
		r = step(f, err);
		if (r < 0)
			return r;
	}
}

static int watch_it(struct frame *f, const struct vm_watch *watch, int *status, struct vm_err *err)
{
	if (!watch->interactive)
		return watch_steps(f, watch, status, err);
	int r = steps_at_once(f, err);
	return r < 0 ? r : watch_interactive(f, watch, status, err);
}

static int run(struct frame *f, const struct vm_watch *watch, int *status, struct vm_err *err)
{
	int r = open_signals(f, err);
	if (r < 0)
		return r;
	if (!watch_parent(f))
		return 0;
	r = make(f, status, err);
	if (r < 0)
		return r;
	if (watch)
		return watch_it(f, watch, status, err);
	r = steps_at_once(f, err);
	if (r < 0 || f->opts->exit)
		return r;
	return hold(f, err);
}

int vm_frame_run(const struct vm_workload *w, const struct vm_arg *arg,
                 const struct vm_frame_opts *opts, FILE *out, int *status, struct vm_err *err)
{
	struct vm_watch watch = { 0 };
	struct frame f = {
		.w = w, .opts = opts, .out = out, .signals = -1, .parent = -1,
		.lab = { .arg = arg, .dir = choose_dir(opts->dir),
		         .page = (uint64_t)sysconf(_SC_PAGESIZE), .step_ns = opts->step_ns },
		.truth = { .workload = w->name, .quiet = opts->quiet,
		           .out = opts->watch && !opts->truth ? NULL : out },
	};
	int r = opts->watch ? vm_watch_parse(&watch, opts->watch, err) : 0;
	if (r == 0)
		r = run(&f, opts->watch ? &watch : NULL, status, err);
	if (f.state)
		w->done(f.state);
	vm_truth_line_drop(&f.truth);
	vm_watch_free(&watch);
	if (f.signals >= 0)
		close(f.signals);
	if (f.parent >= 0)
		close(f.parent);
	return r;
}
