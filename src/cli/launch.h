/** Starting a program that is measured, and hearing of signals meanwhile. */
#ifndef VM_CLI_LAUNCH_H
#define VM_CLI_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct vm_err;

/** A program of ours.  Zero-initialised: none. */
struct vm_launch {
	pid_t pid;                 /* 0: none */
	const char *name;          /* argv[0] */
	/** A byte through `go` lets it run; what comes back through `failed` is the errno of its execve(2), or nothing. */
	int go, failed;
	bool ended;
	int status;                /* once it has ended: as a shell tells it */
	int not_started;           /* the negative errno of its execve(2), or 0 */
	struct rusage used;        /* once it is reaped: by it, and by the children that it waited for */
};

/** What the child does to itself before its execve(2), such as prctl(2); 0 or a positive errno.  Async-signal-safe. */
typedef int vm_launch_prepare(void *ctx);

/** Start it, stopped before its execve(2).  `prepare` may be NULL.  0 or a negative errno. */
int vm_launch_start(struct vm_launch *l, char **argv, vm_launch_prepare *prepare, void *ctx, struct vm_err *err);

/** Let it go.  0, or -errno of execve(2) if that failed, kept in not_started. */
int vm_launch_go(struct vm_launch *l, struct vm_err *err);

/** Instead of vm_launch_go(): it ends without ever having run. */
void vm_launch_abandon(struct vm_launch *l);

/** Has it ended?  Looks only: its counters can be read until it is waited for.  false if there is none. */
bool vm_launch_ended(struct vm_launch *l);

/** Wait for it, and forget it. */
void vm_launch_reap(struct vm_launch *l);

/** The exit status of a program that couldn't be executed, as time(1), env(1) and the shell say it. */
int vm_launch_failure_status(const struct vm_launch *l);

/** SIGINT, SIGTERM, SIGHUP and SIGCHLD through a descriptor: nothing is interrupted half-way. */
struct vm_signals {
	int fd;
	bool told;                 /* to end: one of the first three has been taken */
	sigset_t before;
};

int vm_signals_open(struct vm_signals *s, struct vm_err *err);
void vm_signals_close(struct vm_signals *s);

/**
 * Take what has come.  true: we were told to end, and there is no program whose end is to be waited for; ^C reaches the
 * program as well, of a SIGTERM or SIGHUP it is told.  `l` may be NULL.
 */
bool vm_signals_take(struct vm_signals *s, struct vm_launch *l);

/** Until a signal comes, or for `ms`. */
void vm_signals_wait(const struct vm_signals *s, int ms);

/** Until CLOCK_MONOTONIC reaches `due_ns`.  true: told to end before that, or the program has ended; `l` may be NULL. */
bool vm_signals_wait_until(struct vm_signals *s, struct vm_launch *l, uint64_t due_ns);

#endif
