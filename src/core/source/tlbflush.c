#include "core/source/tlbflush.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

const char *const vm_flush_words[] = {
	[VM_FLUSH_AUTO] = "auto", [VM_FLUSH_NONE] = "none", [VM_FLUSH_CLEAR_REFS] = "clear-refs",
	[VM_FLUSH_SWITCHES] = "switches", NULL,
};

/* ---- Processes that run in turn ----------------------------------------------------------------------------------- */

enum { CPUS_MAX = 4096, PATIENCE_MS = 500 };

struct cpus {
	unsigned long bit[CPUS_MAX / (8 * sizeof(unsigned long))];
};

static bool has_cpu(const struct cpus *c, unsigned cpu)
{
	return c->bit[cpu / (8 * sizeof(long))] >> cpu % (8 * sizeof(long)) & 1;
}

static void add_cpu(struct cpus *c, unsigned cpu)
{
	if (cpu < CPUS_MAX)
		c->bit[cpu / (8 * sizeof(long))] |= 1ul << cpu % (8 * sizeof(long));
}

static bool go_to(int cpu)
{
	struct cpus one = { .bit = { 0 } };
	add_cpu(&one, (unsigned)cpu);
	return sched_setaffinity(0, sizeof(one), (const cpu_set_t *)&one) == 0;
}

/** Each hands on the number of the CPU on which it has been; -1 where one could not get there. */
static _Noreturn void be_runner(int from, int to)
{
	const struct sched_param first = { .sched_priority = 1 };
	sigset_t all;
	int cpu;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Where that isn't permitted it waits for its turn. */
	sched_setscheduler(0, SCHED_FIFO, &first);
	while (read(from, &cpu, sizeof(cpu)) == sizeof(cpu)) {
		if (cpu >= 0 && !go_to(cpu))
			cpu = -1;
		if (write(to, &cpu, sizeof(cpu)) != sizeof(cpu))
			break;
	}
	_exit(0);
}

int vm_flusher_start(struct vm_flusher *f, struct vm_err *err)
{
	int in[2], out[2];
	if (f->to)
		return 0;
	if (pipe2(in, O_CLOEXEC) != 0)
		return vm_fail_os(err, errno, "cannot make a pipe");
	f->to = in[1];
	for (unsigned i = 0; i < VM_FLUSH_RUNNERS; i++) {
		int r = pipe2(out, O_CLOEXEC) != 0 ? -errno : 0;
		if (r == 0)
			f->runner[i] = fork();
		if (r == 0 && f->runner[i] == 0)
			be_runner(in[0], out[1]);
		if (r == 0 && f->runner[i] < 0) {
			r = -errno;
			f->runner[i] = 0;
			close(out[0]);
			close(out[1]);
		}
		close(in[0]);
		if (r < 0) {
			vm_flusher_stop(f);
			return vm_fail_os(err, -r, "cannot start processes of our own");
		}
		close(out[1]);
		in[0] = out[0];
	}
	f->from = in[0];
	return 0;
}

void vm_flusher_stop(struct vm_flusher *f)
{
	for (unsigned i = 0; i < VM_FLUSH_RUNNERS; i++)
		if (f->runner[i] > 0)
			kill(f->runner[i], SIGKILL);
	for (unsigned i = 0; i < VM_FLUSH_RUNNERS; i++)
		while (f->runner[i] > 0 && waitpid(f->runner[i], NULL, 0) < 0 && errno == EINTR)
			;
	if (f->to)
		close(f->to);
	if (f->from)
		close(f->from);
	*f = (struct vm_flusher){ .to = 0 };
}

static int run_on(const struct vm_flusher *f, int cpu, struct vm_err *err)
{
	struct pollfd p = { .fd = f->from, .events = POLLIN };
	int back = -1;
	if (!f->to || !f->from)
		return vm_fail(err, ESRCH, "processes of ours were not started");
	if (write(f->to, &cpu, sizeof(cpu)) != sizeof(cpu) || poll(&p, 1, PATIENCE_MS) != 1 ||
	    read(f->from, &back, sizeof(back)) != sizeof(back))
		return vm_fail(err, ETIMEDOUT, "processes of ours don't get their turn on CPU %d", cpu);
	return back == cpu ? 0 : vm_fail(err, EPERM, "processes of ours may not run on CPU %d", cpu);
}

/** The CPU on which a thread runs, or ran last: the 37th number behind the name of /proc/PID/task/TID/stat. */
static int cpu_of(struct vm_session *s, pid_t pid, pid_t tid)
{
	enum { PROCESSOR = 37 };
	if (vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/stat", pid, tid) <= 0)
		return -1;
	const char *p = strrchr(s->scratch.s, ')');
	for (unsigned i = 0; p && i < PROCESSOR; i++)
		p = strchr(p + 1, ' ');
	char *end = NULL;
	const long cpu = p ? strtol(p + 1, &end, 10) : -1;
	return p && end != p + 1 && cpu >= 0 && cpu < CPUS_MAX ? (int)cpu : -1;
}

static int switch_away(struct vm_session *s, const struct vm_flusher *f, pid_t pid, struct vm_err *err)
{
	struct vm_pids tids = { 0 };
	struct cpus cpus = { .bit = { 0 } };
	char path[64];
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	int r = vm_list_numbers(s, &tids, err, path);
	for (size_t i = 0; r == 0 && i < tids.n; i++) {
		const int cpu = cpu_of(s, pid, tids.v[i]);
		if (cpu >= 0)
			add_cpu(&cpus, (unsigned)cpu);
	}
	vm_vec_free(&tids);
	for (unsigned cpu = 0; r == 0 && cpu < CPUS_MAX; cpu++)
		if (has_cpu(&cpus, cpu))
			r = run_on(f, (int)cpu, err);
	return r;
}

int vm_flush(struct vm_session *s, struct vm_flusher *f, enum vm_flush way, pid_t pid, int clear_refs, struct vm_err *err)
{
	if (way == VM_FLUSH_SWITCHES)
		return switch_away(s, f, pid, err);
	if (way == VM_FLUSH_CLEAR_REFS && pwrite(clear_refs, "4", 1, 0) != 1)
		return vm_fail_os(err, errno, "cannot write 4 to /proc/%d/clear_refs", pid);
	return 0;
}
