/** A pass over all tasks tells of each process what /proc tells of it at that moment.  Needs eBPF. */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/layouts.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tasks.h"

enum {
	NEEDS = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(STATM) | VM_NEED(MMADDR) | VM_NEED(CAPS) | VM_NEED(MAPCOUNT),
	TRIES = 50,
};

static unsigned failures;

#define FAIL(...) (printf("FAIL: " __VA_ARGS__), putchar('\n'), failures++)

/* ---- Processes to look at ---------------------------------------------------------------------------------------- */

static void *touch(void *arg)
{
	char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; memory != MAP_FAILED && i < 37; i++)
		memory[i * 4096] = 1;
	if (write(*(int *)arg, "", 1) == 1)
		pause();
	return NULL;
}

/** Threads, locked and shared memory, counters that are spread over the CPUs, a name to be escaped. */
static void be_various(int ready)
{
	pthread_t t[3];
	cpu_set_t all, one;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "new\nline\\ (x) y");
	char *shared = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *locked = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || locked == MAP_FAILED || mlock(locked, 1 << 16) != 0)
		_exit(1);
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0, k = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || k >= 200)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		shared[k++ * 4096] = 1;
		shared[k++ * 4096] = 1;
	}
	sched_setaffinity(0, sizeof(all), &all);
	for (size_t i = 0; i < 3; i++)
		if (pthread_create(&t[i], NULL, touch, &ready) != 0)
			_exit(1);
	touch(&ready);
	_exit(0);
}

static pid_t start_various(void)
{
	int fd[2];
	char byte;
	if (pipe(fd) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(fd[0]);
		be_various(fd[1]);
	}
	close(fd[1]);
	for (int i = 0; i < 4; i++)
		if (read(fd[0], &byte, 1) != 1)
			return -1;
	close(fd[0]);
	return pid;
}

static pid_t start_zombie(void)
{
	siginfo_t info;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	return pid;
}

/** One with all capabilities of a user namespace of its own, where that may be made. */
static pid_t start_boxed(void)
{
	int fd[2];
	char byte;
	if (pipe(fd) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER) == 0 && write(fd[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(fd[1]);
	if (read(fd[0], &byte, 1) != 1)
		printf("no user namespace can be made here\n");
	close(fd[0]);
	return pid;
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

/** Figures that /proc tells the same of before and after must be these in between; the number that did. */
static unsigned compare(const struct vm_proc *a, const struct vm_proc *got, const struct vm_proc *b, bool report)
{
	unsigned wrong = 0;
	for (unsigned q = 0; q < VM_P_NR; q++) {
		const bool known = vm_proc_has(a, q);
		/* Read for single processes only, from status. */
		if (q == VM_P_THP_ENABLED)
			continue;
		if (known != vm_proc_has(b, q) || (known && a->q[q] != b->q[q]))
			continue;
		if (vm_proc_has(got, q) == known && (!known || got->q[q] == a->q[q]))
			continue;
		/* Of one that is ending, whose memory is gone, maps is empty: that isn't known to be none. */
		if (q == VM_P_MAP_COUNT && !vm_proc_has(got, q) && a->q[q] == 0 && !vm_proc_has(a, VM_P_RSS))
			continue;
		wrong++;
		if (report)
			FAIL("%d %s: quantity %u is %s%llu, /proc says %s%llu", a->pid, a->comm, q,
			     vm_proc_has(got, q) ? "" : "unknown ", (unsigned long long)got->q[q], known ? "" : "unknown ",
			     (unsigned long long)a->q[q]);
	}
	const bool odd = got->start != a->start || got->kthread != a->kthread ||
			 (a->ppid == b->ppid && got->ppid != a->ppid) || (a->state == b->state && got->state != a->state) ||
			 got->has_uid != a->has_uid || (a->uid == b->uid && got->uid != a->uid);
	if (odd && report)
		FAIL("%d %s: start, parent, state or user differs: %c %d %llu", a->pid, a->comm, got->state, got->ppid,
		     (unsigned long long)got->start);
	/* stat rounds user and system time down to ticks, each. */
	const uint64_t tick = 10000000;
	const bool time = got->cpu_ns + tick < a->cpu_ns || got->cpu_ns > b->cpu_ns + 3 * tick;
	if (time && report)
		FAIL("%d %s: CPU time %llu, /proc says %llu and %llu", a->pid, a->comm, (unsigned long long)got->cpu_ns,
		     (unsigned long long)a->cpu_ns, (unsigned long long)b->cpu_ns);
	return wrong + odd + time;
}

static bool compare_name(const struct vm_task_entry *e, const struct vm_proc *a, const struct vm_proc *got)
{
	return vm_task_name_is_cut(e->task) ? strncmp(a->comm, got->comm, strlen(got->comm)) == 0 :
					      strcmp(a->comm, got->comm) == 0;
}

/** A moment at which it holds still for long enough is found soon.  False: it is gone. */
static bool check(struct vm_session *s, struct vm_tasks *t, pid_t pid)
{
	struct vm_arena texts = { 0 };
	struct vm_proc a, b, got;
	bool there = false;
	for (int i = 0; i < TRIES; i++) {
		struct vm_task_entry e;
		if (vm_proc_read(s, pid, NEEDS, &texts, &a, NULL) != 0 || vm_tasks_one(t, pid, &e, NULL) != 0)
			break;
		vm_proc_init(&got, pid);
		vm_task_to_proc(&e, NEEDS, s->page_bytes, s->ticks_per_second, &got);
		const bool unsteady = e.unsteady;
		const bool named = compare_name(&e, &a, &got);
		if (vm_proc_read(s, pid, NEEDS, &texts, &b, NULL) != 0)
			break;
		there = true;
		const bool last = i + 1 == TRIES;
		if (!unsteady && compare(&a, &got, &b, last) == 0 && (named || strcmp(a.comm, b.comm) != 0))
			break;
		if (last && (unsteady || !named))
			FAIL("%d %s: %s", pid, a.comm, unsteady ? "threads never hold still" : "another name");
	}
	vm_arena_free(&texts);
	return there;
}

/** Those that the pass finds are there, ours among them. */
static void check_pass(struct vm_tasks *t, pid_t ours)
{
	size_t n = 0;
	if (vm_tasks_pass(t, NULL) != 0) {
		FAIL("there is no pass");
		return;
	}
	const struct vm_task_entry *e = vm_tasks_found(t, &n);
	for (size_t i = 1; i < n; i++)
		if (e[i].pid <= e[i - 1].pid)
			FAIL("%d comes behind %d", e[i].pid, e[i - 1].pid);
	const struct vm_task_entry *found = vm_tasks_find(t, ours);
	if (!found || found->pid != ours || found->seen != 4 || vm_tasks_find(t, -1))
		FAIL("process %d was not found with its threads", ours);
}

struct layouts {
	struct vm_session *s;
	pid_t ours;
	unsigned seen, failed, spaces;
};

/** Ranges and permissions of ours, which holds still, are those of maps. */
static int take_layout(void *ctx, const struct vm_aspace *as, bool named)
{
	struct layouts *l = ctx;
	struct vm_aspace *maps;
	l->spaces++;
	if (as->proc.pid != l->ours)
		return 0;
	l->seen++;
	if (named || vm_snapshot(l->s, l->ours, VM_NEED(LAYOUT), 0, 0, &maps, NULL) != 0) {
		FAIL("the mappings of %d were read from maps, or can't be", l->ours);
		return 0;
	}
	/* The gate page is no vm_area_struct. */
	const size_t n = maps->nmaps - (strcmp(maps->map[maps->nmaps - 1].name, "[vsyscall]") == 0);
	if (as->nmaps != n)
		FAIL("%zu mappings instead of %zu", as->nmaps, n);
	for (size_t i = 0; i < n && i < as->nmaps; i++) {
		const struct vm_mapping *a = &as->map[i], *b = &maps->map[i];
		if (a->start != b->start || a->end != b->end || a->prot != b->prot || a->shared != b->shared)
			FAIL("mapping %llx-%llx differs", (unsigned long long)b->start, (unsigned long long)b->end);
	}
	vm_aspace_free(maps);
	return 0;
}

static void note_failed(void *ctx, pid_t pid, const struct vm_err *why)
{
	(void)pid, (void)why;
	((struct layouts *)ctx)->failed++;
}

static void check_layouts(struct vm_session *s, pid_t ours)
{
	struct layouts l = { .s = s, .ours = ours };
	if (vm_layouts(s, take_layout, note_failed, &l, NULL) != 0 || l.seen != 1)
		FAIL("%d was handed over %u times", ours, l.seen);
	printf("%u address spaces, %u unreadable\n", l.spaces, l.failed);
}

static unsigned check_all(struct vm_session *s, struct vm_tasks *t)
{
	struct vm_pids pids = { 0 };
	unsigned compared = 0;
	vm_proc_list_dir(s, &pids, NULL);
	for (size_t i = 0; i < pids.n; i++)
		compared += check(s, t, pids.v[i]);
	vm_vec_free(&pids);
	return compared;
}

int main(void)
{
	struct vm_session *s;
	struct vm_tasks *t;
	struct vm_err err = { 0 };
	if (vm_session_open("/", &s, &err) != 0) {
		printf("FAIL: %s\n", err.what);
		return 1;
	}
	int r = vm_tasks_get(s, &t, &err);
	if (r != 0) {
		printf("%s: %s\n", r == -EACCES ? "FAIL" : "skip", err.what);
		vm_session_close(s);
		return r == -EACCES ? 1 : 77;
	}
	pid_t various = start_various(), zombie = start_zombie(), boxed = start_boxed();
	if (various < 0 || zombie < 0 || boxed < 0 || !check(s, t, various) || !check(s, t, zombie) || !check(s, t, boxed))
		FAIL("the processes to look at are not there");
	check_pass(t, various);
	check_layouts(s, various);
	printf("%u processes compared, %u differences\n", check_all(s, t), failures);
	kill(various, SIGKILL);
	kill(boxed, SIGKILL);
	waitpid(various, NULL, 0);
	waitpid(boxed, NULL, 0);
	waitpid(zombie, NULL, 0);
	vm_session_close(s);
	return failures != 0;
}
