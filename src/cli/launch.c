#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* ---- The program -------------------------------------------------------------------------------------------------- */

static int read_failure(int fd, int *code)
{
	ssize_t n;
	do {
		n = read(fd, code, sizeof(*code));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*code);
}

static _Noreturn void give_up(int failed, int code)
{
	/* Who would read it may have ended. */
	const ssize_t n = write(failed, &code, sizeof(code));
	(void)n;
	_exit(code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/** In the child: wait until it is watched, then become the program. */
static _Noreturn void become(char **argv, int go, int failed, vm_launch_prepare *prepare, void *ctx)
{
	char byte;
	sigset_t none;
	sigemptyset(&none);
	const int code = prepare ? prepare(ctx) : 0;
	ssize_t n;
	do {
		n = read(go, &byte, 1);
	} while (n < 0 && errno == EINTR);
	/* Nobody says go: the watcher has ended. */
	if (n != 1)
		_exit(EXIT_NOT_FOUND);
	if (code)
		give_up(failed, code);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	give_up(failed, errno);
}

static int open_gate(int go[2], int failed[2])
{
	if (pipe2(go, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(failed, O_CLOEXEC) == 0)
		return 0;
	const int code = errno;
	close(go[0]);
	close(go[1]);
	return -code;
}

int vm_launch_start(struct vm_launch *l, char **argv, vm_launch_prepare *prepare, void *ctx, struct vm_err *err)
{
	int go[2], failed[2];
	int r = open_gate(go, failed);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot start %s", argv[0]);
	fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(failed[0]);
		become(argv, go[0], failed[1], prepare, ctx);
	}
	r = -errno;
	close(go[0]);
	close(failed[1]);
	if (pid < 0) {
		close(go[1]);
		close(failed[0]);
		return vm_fail_os(err, -r, "cannot start %s", argv[0]);
	}
	*l = (struct vm_launch){ .pid = pid, .name = argv[0], .go = go[1], .failed = failed[0] };
	return 0;
}

int vm_launch_go(struct vm_launch *l, struct vm_err *err)
{
	int code = 0;
	const ssize_t n = write(l->go, "g", 1);
	close(l->go);
	const bool told = n == 1 && read_failure(l->failed, &code);
	close(l->failed);
	l->not_started = told ? -code : 0;
	return told ? vm_fail_os(err, code, "cannot execute '%s'", l->name) : 0;
}

void vm_launch_abandon(struct vm_launch *l)
{
	close(l->go);
	close(l->failed);
	vm_launch_reap(l);
}

bool vm_launch_ended(struct vm_launch *l)
{
	siginfo_t info = { .si_pid = 0 };
	if (!l->pid || l->ended)
		return l->ended;
	if (waitid(P_PID, (id_t)l->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != l->pid)
		return false;
	l->ended = true;
	l->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return true;
}

void vm_launch_reap(struct vm_launch *l)
{
	while (l->pid && wait4(l->pid, NULL, 0, &l->used) < 0 && errno == EINTR)
		;
	l->pid = 0;
}

int vm_launch_failure_status(const struct vm_launch *l)
{
	return l->not_started == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/* ---- Signals ------------------------------------------------------------------------------------------------------ */

/** A terminal that goes away ends us, unless nohup(1) says that it doesn't: blocked signals come even if ignored. */
static bool hears_hangup(void)
{
	struct sigaction now;
	return sigaction(SIGHUP, NULL, &now) != 0 || now.sa_handler != SIG_IGN;
}

int vm_signals_open(struct vm_signals *s, struct vm_err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (hears_hangup())
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &s->before);
	s->told = false;
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->fd < 0 ? vm_fail_os(err, errno, "cannot wait for signals") : 0;
}

void vm_signals_close(struct vm_signals *s)
{
	/* ^C ends the program too, and may have been seen by that alone: it must not end us before all is said. */
	if (s->fd >= 0) {
		vm_signals_take(s, NULL);
		close(s->fd);
	}
	sigprocmask(SIG_SETMASK, &s->before, NULL);
}

bool vm_signals_take(struct vm_signals *s, struct vm_launch *l)
{
	struct signalfd_siginfo info;
	bool over = false;
	while (read(s->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		s->told = true;
		const bool has_program = l && l->pid;
		if (has_program && !l->ended && info.ssi_signo != SIGINT)
			kill(l->pid, (int)info.ssi_signo);
		over |= !has_program;
	}
	return over;
}

void vm_signals_wait(const struct vm_signals *s, int ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	poll(&p, 1, ms);
}

bool vm_signals_wait_until(struct vm_signals *s, struct vm_launch *l, uint64_t due_ns)
{
	for (uint64_t now; (now = vm_clock_ns()) < due_ns;) {
		const uint64_t ms = (due_ns - now + 999999) / 1000000;
		vm_signals_wait(s, ms > 3600000 ? 3600000 : (int)ms);
		if (vm_signals_take(s, l) || (l && vm_launch_ended(l)))
			return true;
	}
	return false;
}
