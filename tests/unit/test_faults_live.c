/** Watching page faults by each of the ways that work here: processes, commands and their children, against what the
    kernel itself counts of them. */

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/model/process.h"
#include "core/source/faults.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { PAGES = 1000, KIDS = 40, KID_PAGES = 50, THREADS = 3, THREAD_PAGES = 70, PAGE = 4096 };

static unsigned failures, checks;

#define CHECK(condition, ...) \
	(checks++, (condition) ? (void)0 : (failures++, printf("FAIL: " __VA_ARGS__), (void)putchar('\n')))

/* ---- What meets the faults --------------------------------------------------------------------------------------- */

/** So many faults, one a page: no huge pages. */
static void touch(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)at)[i * PAGE] = 1;
}

static char *get_memory(size_t pages)
{
	/* A page more between this and what the kernel would merge it with. */
	char *at = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || mprotect(at + PAGE, pages * PAGE, PROT_READ | PROT_WRITE) != 0 ||
	    madvise(at + PAGE, pages * PAGE, MADV_NOHUGEPAGE) != 0)
		_exit(9);
	return at + PAGE;
}

static void *touch_in_thread(void *arg)
{
	touch(arg, THREAD_PAGES);
	return NULL;
}

/** Touches memory itself, in threads and in children, each of which ends.  `at`: where, for the one who started us. */
static void work(uint64_t at[2])
{
	pthread_t t[THREADS];
	char *own = get_memory(PAGES), *shared = get_memory(KID_PAGES), *threads = get_memory(THREADS * THREAD_PAGES);
	at[0] = (uint64_t)(uintptr_t)own;
	at[1] = (uint64_t)(uintptr_t)shared;
	touch(own, PAGES);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, touch_in_thread, threads + (size_t)i * THREAD_PAGES * PAGE) != 0)
			_exit(9);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < KIDS; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			touch(shared, KID_PAGES);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			_exit(9);
	}
}

enum { WORK = PAGES + KIDS * KID_PAGES + THREADS * THREAD_PAGES };

struct worker {
	pid_t pid;
	int go, done;              /* ends of pipes */
};

static bool say(int fd)
{
	return write(fd, "", 1) == 1;
}

static bool hear(int fd)
{
	char byte;
	return read(fd, &byte, 1) == 1;
}

/** A child that calls be(), whose result is its exit status; it has said something when this returns. */
static struct worker start_child(int (*be)(int in, int out))
{
	int go[2], done[2];
	struct worker w = { .pid = -1 };
	if (pipe(go) != 0 || pipe(done) != 0)
		return w;
	w = (struct worker){ .pid = fork(), .go = go[1], .done = done[0] };
	if (w.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		close(done[0]);
		_exit(be(go[0], done[1]));
	}
	close(go[0]);
	close(done[1]);
	if (w.pid > 0 && !hear(w.done))
		w.pid = -1;
	return w;
}

/** Works, says where it did, waits. */
static int work_and_say(int in, int out)
{
	uint64_t at[2];
	work(at);
	return write(out, at, sizeof(at)) == sizeof(at) && hear(in) ? 0 : 9;
}

static int be_worker(int in, int out)
{
	return say(out) && hear(in) ? work_and_say(in, out) : 9;
}

static int be_command(int in, int out)
{
	char ends[2][16];
	snprintf(ends[0], sizeof(ends[0]), "%d", in);
	snprintf(ends[1], sizeof(ends[1]), "%d", out);
	if (say(out) && hear(in))
		execl("/proc/self/exe", "test_faults_live", ends[0], ends[1], (char *)NULL);
	return 9;
}

static int be_executed(char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return work_and_say((int)strtol(argv[1], NULL, 10), (int)strtol(argv[2], NULL, 10));
}

static void end_worker(struct worker *w)
{
	close(w->go);
	close(w->done);
	waitpid(w->pid, NULL, 0);
}

/* ---- What is counted of them ------------------------------------------------------------------------------------- */

struct truth {
	uint64_t minor, major;
};

static struct truth of_stat(struct vm_session *s, pid_t pid, bool children)
{
	struct vm_arena texts = { 0 };
	struct vm_proc p;
	if (vm_proc_read(s, pid, VM_NEED(STAT), &texts, &p, NULL) != 0)
		CHECK(false, "%d can't be read", pid);
	vm_arena_free(&texts);
	return (struct truth){
		.minor = p.q[VM_P_MINFLT] + (children ? p.q[VM_P_CMINFLT] : 0),
		.major = p.q[VM_P_MAJFLT] + (children ? p.q[VM_P_CMAJFLT] : 0),
	};
}

/** Is the process blocked, so that its counters stand still? */
static void wait_until_blocked(struct vm_session *s, pid_t pid)
{
	struct vm_arena texts = { 0 };
	struct vm_proc p = { 0 };
	while (vm_proc_read(s, pid, VM_NEED(STAT), &texts, &p, NULL) == 0 && p.state == 'R')
		sched_yield();
	vm_arena_free(&texts);
}

/** Faults in the mapping of these pages, whichever process met them; at other times another one may have held them. */
static uint64_t count_at(const struct vm_faultset *set, uint64_t at, size_t pages)
{
	uint64_t n = 0;
	for (size_t i = 0; i < set->group.n; i++) {
		const struct vm_fault_group *g = &set->group.v[i];
		const struct vm_fault_mapping *m = vm_faultset_mapping(set, g->space, g->mapping);
		n += m && m->start == at && m->end == at + pages * PAGE ? g->count : 0;
	}
	return n;
}

/** `exec`: the kernel counts from before execve(2) on, whose own faults not all ways see. */
static void check_set(const struct vm_faultset *set, const char *way, const char *what, const struct truth *t, bool exec)
{
	const struct vm_fault_count sum = vm_faultset_resolved(set);
	const uint64_t minor = sum.count - sum.major;
	printf("%s, %s: %llu faults, %llu major; stat says %llu and %llu\n", way, what, (unsigned long long)sum.count,
	       (unsigned long long)sum.major, (unsigned long long)t->minor, (unsigned long long)t->major);
	CHECK(set->own_known, "%s, %s: own counters aren't known", way, what);
	CHECK(set->own_minor <= t->minor && set->own_minor >= t->minor - (exec ? 100 : 0) && set->own_major == t->major,
	      "%s, %s: own counters are said to be %llu and %llu", way, what, (unsigned long long)set->own_minor,
	      (unsigned long long)set->own_major);
	/* From kernel mode they write to pipes and wait for children. */
	const uint64_t least = set->own_minor - (set->user_only ? 40 + 10 * KIDS : exec ? 60 : 0);
	CHECK(minor <= set->own_minor && minor >= least && sum.major == t->major, "%s, %s: %llu minor faults of %llu", way, what,
	      (unsigned long long)minor, (unsigned long long)set->own_minor);
	CHECK(set->now_ns > set->began_ns, "%s, %s: no time has passed", way, what);
	CHECK(set->space.n >= 1 && set->thread.n >= 1, "%s, %s: nobody is listed", way, what);
	CHECK(!set->lost.events && !set->lost.notes, "%s, %s: %llu events are lost", way, what,
	      (unsigned long long)set->lost.events);
	for (size_t i = 0; i < set->thread.n; i++)
		CHECK(set->thread.v[i].space < set->space.n, "%s, %s: a thread of nobody's", way, what);
}

/** Those of the worker, to the page: each of the pages of `own` once, each of `shared` once in each child. */
static void check_places(const struct vm_faultset *set, const char *way, const char *what, const uint64_t at[2], bool children)
{
	const uint64_t own = count_at(set, at[0], PAGES), shared = count_at(set, at[1], KID_PAGES);
	const uint64_t kids = children ? KIDS * KID_PAGES : 0;
	if (!set->have_groups)
		return;
	CHECK(own == PAGES, "%s, %s: %llu faults instead of %u", way, what, (unsigned long long)own, PAGES);
	CHECK(shared == kids, "%s, %s: %llu faults of children instead of %u", way, what, (unsigned long long)shared,
	      (unsigned)kids);
}

/** NULL: it failed, or isn't allowed. */
static struct vm_faults *open_way(struct vm_session *s, struct vm_fault_ask *ask, const char *way)
{
	struct vm_faults *f = NULL;
	struct vm_err err = { 0 };
	ask->backend = way;
	int r = vm_faults_open(s, ask, &f, &err);
	if (ask->whom == VM_OF_ALL && r == -EPERM)
		printf("%s, all: %s\n", way, err.what);
	else
		CHECK(r == 0, "%s: %s", way, err.what);
	return f;
}

/** Lets it work, and reads while it is blocked. */
static const struct vm_faultset *let_work(struct vm_session *s, struct worker *w, struct vm_faults *f, uint64_t at[2])
{
	const struct vm_faultset *set = NULL;
	struct vm_err err = { 0 };
	CHECK(say(w->go) && read(w->done, at, 16) == 16, "%d doesn't work", w->pid);
	wait_until_blocked(s, w->pid);
	CHECK(vm_faults_poll(f, &err) == 0, "poll: %s", err.what);
	CHECK(vm_faults_read(f, &set, &err) == 0, "read: %s", err.what);
	return set;
}

static void check_process(struct vm_session *s, const char *way, bool children)
{
	struct worker w = start_child(be_worker);
	uint64_t at[2];
	struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &w.pid, .npids = 1, .children = children };
	wait_until_blocked(s, w.pid);
	struct truth before = of_stat(s, w.pid, children);
	struct vm_faults *f = open_way(s, &ask, way);
	if (f) {
		const struct vm_faultset *set = let_work(s, &w, f, at);
		struct truth t = of_stat(s, w.pid, children);
		t.minor -= before.minor;
		t.major -= before.major;
		const char *what = children ? "a process and its children" : "a process";
		check_set(set, way, what, &t, false);
		check_places(set, way, what, at, children);
		const struct vm_fault_count sum = vm_faultset_resolved(set);
		vm_faults_stop(f);
		CHECK(vm_faults_read(f, &set, NULL) == 0 && vm_faultset_resolved(set).count == sum.count, "%s: more", way);
		vm_faults_close(f);
	}
	end_worker(&w);
}

/** Two at once see the same.  Where little memory may be locked the rings of the second are small, and overrun. */
static void check_two(struct vm_session *s, const char *way)
{
	struct worker w = start_child(be_worker);
	uint64_t at[2];
	struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &w.pid, .npids = 1, .children = true };
	/* Its beginning would be seen by one of them only. */
	wait_until_blocked(s, w.pid);
	struct vm_faults *a = open_way(s, &ask, way), *b = open_way(s, &ask, way);
	const struct vm_faultset *set = NULL;
	if (a && b) {
		const struct vm_faultset *one = let_work(s, &w, a, at);
		check_places(one, way, "one of two", at, true);
		CHECK(vm_faults_read(b, &set, NULL) == 0, "%s: read the other", way);
		CHECK(vm_faultset_resolved(set).count == vm_faultset_resolved(one).count, "%s: the other of two has %llu faults", way,
		      (unsigned long long)vm_faultset_resolved(set).count);
		if (!set->lost.events)
			check_places(set, way, "the other of two", at, true);
	}
	if (a)
		vm_faults_close(a);
	if (b)
		vm_faults_close(b);
	end_worker(&w);
}

static void check_command(struct vm_session *s, const char *way)
{
	struct worker w = start_child(be_command);
	uint64_t at[2];
	siginfo_t info;
	struct vm_fault_ask ask = { .whom = VM_OF_COMMAND, .pids = &w.pid, .npids = 1, .children = true };
	wait_until_blocked(s, w.pid);
	struct truth before = of_stat(s, w.pid, true);
	struct vm_faults *f = open_way(s, &ask, way);
	if (f) {
		const struct vm_faultset *set = let_work(s, &w, f, at);
		/* Now it ends, and is still there. */
		say(w.go);
		waitid(P_PID, (id_t)w.pid, &info, WEXITED | WNOWAIT);
		CHECK(info.si_status == 0, "%s: exit status %d", way, info.si_status);
		vm_faults_stop(f);
		CHECK(vm_faults_read(f, &set, NULL) == 0, "%s: read", way);
		struct truth t = of_stat(s, w.pid, true);
		t.minor -= before.minor;
		t.major -= before.major;
		check_set(set, way, "a command", &t, true);
		check_places(set, way, "a command", at, true);
		CHECK(vm_faultset_resolved(set).count >= WORK, "%s: too few", way);
		vm_faults_close(f);
	}
	end_worker(&w);
}

/* ---- Threads that come while we look at them --------------------------------------------------------------------- */

enum { CROWD = 300, CROWD_PAGES = 5 };

struct crowd {
	pthread_barrier_t all;     /* the threads, and who makes them: when they are there, and when they have touched */
	char *memory;
	unsigned next;
};

static void *touch_in_crowd(void *arg)
{
	struct crowd *c = arg;
	pthread_barrier_wait(&c->all);
	touch(c->memory + (size_t)__atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED) * CROWD_PAGES * PAGE, CROWD_PAGES);
	pthread_barrier_wait(&c->all);
	return NULL;
}

/** Says that it begins, makes threads, waits, lets them touch memory, says where, waits. */
static int be_crowd(int in, int out)
{
	struct crowd c = { .memory = get_memory(CROWD * CROWD_PAGES) };
	const uint64_t at[2] = { (uint64_t)(uintptr_t)c.memory, 0 };
	pthread_t t[CROWD];
	pthread_attr_t small;
	pthread_barrier_init(&c.all, NULL, CROWD + 1);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	say(out);
	for (unsigned i = 0; i < CROWD; i++)
		if (pthread_create(&t[i], &small, touch_in_crowd, &c) != 0)
			return 9;
	hear(in);
	pthread_barrier_wait(&c.all);
	pthread_barrier_wait(&c.all);
	for (unsigned i = 0; i < CROWD; i++)
		pthread_join(t[i], NULL);
	return write(out, at, sizeof(at)) == sizeof(at) && hear(in) ? 0 : 9;
}

/** Each thread is watched, none twice, although they are just being made. */
static void check_crowd(struct vm_session *s, const char *way)
{
	struct worker w = start_child(be_crowd);
	const struct vm_faultset *set = NULL;
	uint64_t at[2];
	struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &w.pid, .npids = 1 };
	struct vm_faults *f = open_way(s, &ask, way);
	if (f && (set = let_work(s, &w, f, at)) && set->have_groups) {
		const uint64_t n = count_at(set, at[0], CROWD * CROWD_PAGES);
		CHECK(n == CROWD * CROWD_PAGES, "%s: %llu faults of a crowd instead of %u", way, (unsigned long long)n,
		      CROWD * CROWD_PAGES);
		uint64_t sum = 0;
		for (size_t i = 0; i < set->thread.n; i++)
			sum += set->thread.v[i].minor + set->thread.v[i].major;
		CHECK(sum == vm_faultset_resolved(set).count, "%s: threads of a crowd have %llu of %llu faults", way,
		      (unsigned long long)sum, (unsigned long long)vm_faultset_resolved(set).count);
	}
	if (f)
		vm_faults_close(f);
	end_worker(&w);
}

static void check_all(struct vm_session *s, const char *way)
{
	struct worker w = start_child(be_worker);
	const struct vm_faultset *set = NULL;
	uint64_t at[2];
	struct vm_fault_ask ask = { .whom = VM_OF_ALL };
	struct vm_faults *f = open_way(s, &ask, way);
	if (f && (set = let_work(s, &w, f, at))) {
		const uint64_t n = vm_faultset_resolved(set).count;
		printf("%s, all: %llu faults\n", way, (unsigned long long)n);
		CHECK(n >= WORK, "%s: %llu faults of all", way, (unsigned long long)n);
		bool found = false;
		for (size_t i = 0; i < set->space.n; i++) {
			found |= set->space.v[i].pid == w.pid;
			CHECK(set->space.v[i].pid != getpid(), "%s: we are listed", way);
		}
		CHECK(found, "%s: the process isn't listed", way);
	}
	if (f)
		vm_faults_close(f);
	end_worker(&w);
}

static void check_refusals(struct vm_session *s, const char *way)
{
	struct vm_faults *f = NULL;
	struct vm_err err = { 0 };
	struct worker w = start_child(be_worker);
	end_worker(&w);
	struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &w.pid, .npids = 1, .backend = way };
	int r = vm_faults_open(s, &ask, &f, &err);
	CHECK(r == -ESRCH && !f, "%s: a process that isn't there: %d", way, r);
	ask = (struct vm_fault_ask){ .whom = VM_OF_CGROUP, .cgroup = "/no/such/group", .backend = way };
	r = vm_faults_open(s, &ask, &f, &err);
	CHECK(r < 0 && !f, "%s: a group that isn't there: %d", way, r);
}

static void check_way(struct vm_session *s, const struct vm_fault_backend *b)
{
	struct vm_err err = { 0 };
	if (b->probe(s, &err) != 0) {
		CHECK(err.what[0], "%s: no reason", b->name);
		printf("%s: %s\n", b->name, err.what);
		return;
	}
	check_process(s, b->name, false);
	check_process(s, b->name, true);
	check_two(s, b->name);
	check_command(s, b->name);
	check_crowd(s, b->name);
	check_all(s, b->name);
	check_refusals(s, b->name);
}

/** All of it once more, without privileges.  Executed anew: who gave up privileges may not be looked at. */
static void check_as_nobody(void)
{
	enum { NOBODY = 65534, NOT_THERE = 78 };
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0)
			execl("/proc/self/exe", "test_faults_live", (char *)NULL);
		_exit(NOT_THERE);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		printf("nobody may not execute this program\n");
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "as nobody: status %d", status);
}

static void check_here(void)
{
	struct vm_session *s;
	struct vm_err err = { 0 };
	int r = vm_session_open("/", &s, &err);
	CHECK(r == 0, "%s", err.what);
	if (r < 0)
		return;
	printf("as user %d:\n", (int)geteuid());
	for (size_t i = 0; vm_fault_backends[i]; i++)
		check_way(s, vm_fault_backends[i]);
	vm_session_close(s);
}

/** With "nobody", only as such. */
int main(int argc, char **argv)
{
	if (argc == 3)
		return be_executed(argv);
	if (argc == 1)
		check_here();
	if (geteuid() == 0)
		check_as_nobody();
	printf("%u checks, %u failures\n", checks, failures);
	return failures != 0;
}
