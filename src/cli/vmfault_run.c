/** vmfault: starts a program, watches, and ends when it is over. */

#include "cli/vmfault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"

/* ---- A program of one's own --------------------------------------------------------------------------------------- */

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/** In the child: wait until it is watched, then become the program.  What fails goes back through the pipe. */
static _Noreturn void become(char **argv, int go, int failed)
{
	char byte;
	sigset_t none;
	sigemptyset(&none);
	ssize_t n;
	do {
		n = read(go, &byte, 1);
	} while (n < 0 && errno == EINTR);
	/* Nobody says go: the watcher has ended. */
	if (n != 1)
		_exit(EXIT_NOT_FOUND);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	const int code = errno;
	n = write(failed, &code, sizeof(code));
	_exit(code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

int vmfault_start(struct vmfault *v, char **argv, struct vmfault_gate *gate, struct vm_err *err)
{
	int go[2], failed[2];
	if (pipe2(go, O_CLOEXEC) != 0)
		return vm_fail_os(err, errno, "cannot start %s", argv[0]);
	if (pipe2(failed, O_CLOEXEC) != 0) {
		const int code = errno;
		close(go[0]);
		close(go[1]);
		return vm_fail_os(err, code, "cannot start %s", argv[0]);
	}
	fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(failed[0]);
		become(argv, go[0], failed[1]);
	}
	const int code = errno;
	close(go[0]);
	close(failed[1]);
	if (pid < 0) {
		close(go[1]);
		close(failed[0]);
		return vm_fail_os(err, code, "cannot start %s", argv[0]);
	}
	v->child = pid;
	v->command = argv[0];
	gate->go = go[1];
	gate->failed = failed[0];
	return 0;
}

int vmfault_go(struct vmfault *v, struct vmfault_gate *gate, struct vm_err *err)
{
	int code = 0;
	ssize_t n = write(gate->go, "g", 1);
	close(gate->go);
	if (n == 1)
		do {
			n = read(gate->failed, &code, sizeof(code));
		} while (n < 0 && errno == EINTR);
	close(gate->failed);
	return n == (ssize_t)sizeof(code) ? vm_fail_os(err, code, "cannot execute '%s'", v->command) : 0;
}

/** Look, but leave it as it is: its counters can be read until it is waited for. */
static bool child_has_ended(struct vmfault *v)
{
	if (!v->child)
		return false;
	siginfo_t info = { .si_pid = 0 };
	if (v->child_ended || waitid(P_PID, (id_t)v->child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != v->child)
		return v->child_ended;
	v->child_ended = true;
	v->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return true;
}

static void reap(struct vmfault *v)
{
	while (waitpid(v->child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- Watching ----------------------------------------------------------------------------------------------------- */

enum { TICK_MS = 20, TRACE_TICK_MS = 2 };

struct watch {
	int signals;
	uint64_t end_ns;           /* 0: none */
	uint64_t interval_ns, next_ns, count;
	bool over, mark_set;
	struct vm_fault_mark mark;
};

/** Signals come through a descriptor: nothing is interrupted half-way. */
static int open_signals(struct watch *w, sigset_t *before, struct vm_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, before);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? vm_fail_os(err, errno, "cannot wait for signals") : 0;
}

static void take_signals(struct vmfault *v, struct watch *w)
{
	struct signalfd_siginfo info;
	while (read(w->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* ^C reaches our program as well; of what ends us alone it is told. */
		if (v->child && !v->child_ended && info.ssi_signo == SIGTERM)
			kill(v->child, SIGTERM);
		w->over |= !v->child;
	}
}

/** The processes that were named have all ended. */
static bool targets_gone(const struct vmfault *v)
{
	if (v->ask.whom != VM_FAULTS_OF_PIDS)
		return false;
	for (size_t i = 0; i < v->ask.npids; i++)
		if (kill(v->ask.pids[i], 0) == 0 || errno != ESRCH)
			return false;
	return true;
}

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
	if (child_has_ended(v) || (!v->child && targets_gone(v)) || (w->end_ns && now >= w->end_ns))
		w->over = true;
	return r;
}

static int wait_a_little(const struct vmfault *v, const struct watch *w)
{
	struct pollfd p = { .fd = w->signals, .events = POLLIN };
	const uint64_t now = vm_clock_ns();
	uint64_t ms = v->o->trace ? TRACE_TICK_MS : TICK_MS;
	const uint64_t next = w->end_ns && (!w->next_ns || w->end_ns < w->next_ns) ? w->end_ns : w->next_ns;
	if (next && next > now && (next - now) / 1000000 < ms)
		ms = (next - now) / 1000000;
	return poll(&p, 1, (int)ms);
}

int vmfault_watch(struct vmfault *v, uint64_t interval_ns, uint64_t count, struct vm_err *err)
{
	struct watch w = { .signals = -1, .interval_ns = interval_ns, .count = count };
	const uint64_t began = vm_clock_ns();
	sigset_t before;
	int r = open_signals(&w, &before, err);
	w.end_ns = v->o->duration_ns ? began + v->o->duration_ns : 0;
	w.next_ns = interval_ns ? began + interval_ns : 0;
	while (r == 0 && !w.over) {
		wait_a_little(v, &w);
		take_signals(v, &w);
		r = tick(v, &w, err);
	}
	vm_faults_stop(v->faults);
	if (r == 0)
		r = look(v, err);
	/* What is left of the last interval, unless all that were asked for are there; a trace has said it all. */
	if (r == 0 && !v->o->trace && (!count || v->reports < count))
		r = report(v, &w, err);
	/* A program that was only to be watched for a while goes on, and so do we: its status is ours. */
	while (v->child && !child_has_ended(v)) {
		wait_a_little(v, &w);
		take_signals(v, &w);
	}
	if (v->child)
		reap(v);
	vm_fault_mark_free(&w.mark);
	if (w.signals >= 0)
		close(w.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
