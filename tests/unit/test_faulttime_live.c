/** Faults that were timed are those that the kernel counts, no more and no fewer, in no more time than there was.
    Needs eBPF. */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/faulttime.h"
#include "core/source/session.h"

enum { PAGE = 4096, PAGES = 4000, THREADS = 8, ROUNDS = 3 };

static unsigned failures;

#define FAIL(...) (printf("FAIL: " __VA_ARGS__), putchar('\n'), failures++)

/* ---- A process that faults --------------------------------------------------------------------------------------- */

/** What it tells of itself. */
struct told {
	unsigned long minor, major;
	/** How long one fault was kept waiting at least; 0: there is no userfaultfd(2) here. */
	uint64_t waited_ns;
};

static char *memory(size_t pages)
{
	char *m = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		_exit(1);
	return m;
}

static void *touch(void *arg)
{
	(void)arg;
	char *m = memory(PAGES);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < PAGES; i++)
			m[i * PAGE] = 1;
		madvise(m, PAGES * PAGE, MADV_DONTNEED);
	}
	munmap(m, PAGES * PAGE);
	return NULL;
}

/** On all CPUs at once, by threads that end. */
static void fault_in_threads(void)
{
	pthread_t t[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, touch, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/** The kernel's own, for read(2). */
static void fault_in_kernel(void)
{
	char *m = memory(PAGES);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (read(zero, m, PAGES * PAGE) != PAGES * PAGE)
		_exit(1);
	close(zero);
}

static sigjmp_buf back;

static void go_back(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

/** Those that end in a signal end for no counter: their beginnings must not be taken for others'. */
static void fault_in_vain(void)
{
	char *m = memory(2);
	struct sigaction act = { .sa_handler = go_back }, before;
	sigaction(SIGSEGV, &act, &before);
	mprotect(m, PAGE, PROT_NONE);
	for (volatile unsigned i = 0; i < 100; i++)
		if (!sigsetjmp(back, 1))
			*(volatile char *)m = 1;
	m[PAGE] = 1;
	sigaction(SIGSEGV, &before, NULL);
}

static void *touch_one(void *m)
{
	*(volatile char *)m = 1;
	return NULL;
}

/** A fault that waits for us.  For how long at least. */
static uint64_t fault_slowly(void)
{
	char *m = memory(1);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uint64_t)(uintptr_t)m, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &reg) != 0)
		return 0;
	pthread_t t;
	struct uffd_msg msg;
	pthread_create(&t, NULL, touch_one, m);
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		_exit(1);
	uint64_t from = vm_clock_ns();
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	uint64_t waited = vm_clock_ns() - from;
	struct uffdio_zeropage zero = { .range = reg.range };
	if (ioctl(fd, UFFDIO_ZEROPAGE, &zero) != 0)
		_exit(1);
	pthread_join(t, NULL);
	close(fd);
	return waited;
}

static void tell(int out, uint64_t waited_ns)
{
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	struct told told = { (unsigned long)ru.ru_minflt, (unsigned long)ru.ru_majflt, waited_ns };
	if (write(out, &told, sizeof(told)) != sizeof(told))
		_exit(1);
}

/** Tells its counters, faults when it is told to, tells them again.  Between telling and waiting it touches nothing new. */
static void be_faulty(int in, int out)
{
	char go;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A fault a page. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (unsigned warm = 0; warm < 2; warm++) {
		tell(out, 0);
		if (read(in, &go, 1) != 1)
			_exit(1);
	}
	tell(out, 0);
	if (read(in, &go, 1) != 1)
		_exit(1);
	fault_in_threads();
	fault_in_kernel();
	fault_in_vain();
	tell(out, fault_slowly());
	if (read(in, &go, 1) != 1)
		_exit(1);
	_exit(0);
}

struct faulty {
	pid_t pid;
	int in, out;
};

static bool start(struct faulty *f)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return false;
	f->pid = fork();
	if (f->pid == 0)
		be_faulty(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	f->in = in[1];
	f->out = out[0];
	return f->pid > 0;
}

static struct told hear(const struct faulty *f)
{
	struct told t = { 0 };
	if (read(f->out, &t, sizeof(t)) != sizeof(t))
		FAIL("the process that faults is gone");
	return t;
}

static void go(const struct faulty *f)
{
	if (write(f->in, "", 1) != 1)
		FAIL("the process that faults is gone");
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static struct vm_fault_time read_time(struct vm_session *s, pid_t pid)
{
	struct vm_faulttime *ft;
	struct vm_fault_time t = { 0 };
	struct vm_err err = { 0 };
	if (vm_faulttime_get(s, &ft, &err) != 0 || vm_faulttime_read(ft, pid, &t, &err) != 0)
		FAIL("%s", err.what);
	return t;
}

static void compare(const char *who, const struct vm_fault_time *a, const struct vm_fault_time *b, const struct told *from,
		    const struct told *to, uint64_t wall_ns)
{
	const uint64_t ns = b->ns - a->ns;
	const unsigned long minor = to->minor - from->minor, major = to->major - from->major;
	printf("%s: %llu minor, %llu major faults in %llu us of %llu us\n", who, b->minor - a->minor, b->major - a->major,
	       (unsigned long long)ns / 1000, (unsigned long long)wall_ns / 1000);
	if (b->minor - a->minor != minor || b->major - a->major != major)
		FAIL("%s: the kernel counted %lu and %lu", who, minor, major);
	if (minor < THREADS * ROUNDS * PAGES + PAGES)
		FAIL("%s: too few faults: %lu", who, minor);
	/* None is over in less than 50 ns, and no two of a thread go on at once. */
	if (ns < minor * 50 || ns > wall_ns * (THREADS + 1))
		FAIL("%s: a time that can't be", who);
	if (ns < to->waited_ns)
		FAIL("%s: the fault that waited %llu us isn't in it", who, (unsigned long long)to->waited_ns / 1000);
}

/** By two who look at the same time, one of whom begins anew in between. */
static void check(struct vm_session *s, struct vm_session *other)
{
	struct faulty f;
	if (!start(&f)) {
		FAIL("cannot start a process");
		return;
	}
	for (unsigned warm = 0; warm < 2; warm++) {
		hear(&f);
		go(&f);
	}
	const struct told from = hear(&f);
	vm_faulttime_drop(other);
	const struct vm_fault_time a = read_time(s, f.pid), other_a = read_time(other, f.pid);
	if (other_a.minor || other_a.major || other_a.ns)
		FAIL("it doesn't begin at 0");
	uint64_t begun = vm_clock_ns();
	go(&f);
	const struct told to = hear(&f);
	uint64_t wall = vm_clock_ns() - begun;
	const struct vm_fault_time b = read_time(s, f.pid), other_b = read_time(other, f.pid);
	compare("one", &a, &b, &from, &to, wall);
	compare("another", &other_a, &other_b, &from, &to, wall);
	go(&f);
	waitpid(f.pid, NULL, 0);
	const struct vm_fault_time gone = read_time(s, f.pid);
	if (gone.minor || gone.major || gone.ns)
		FAIL("it has ended and is still known");
	close(f.in);
	close(f.out);
}

int main(void)
{
	struct vm_session *s, *other;
	struct vm_faulttime *ft;
	struct vm_err err = { 0 };
	if (vm_session_open("/", &s, &err) != 0 || vm_session_open("/", &other, &err) != 0) {
		printf("FAIL: %s\n", err.what);
		return 1;
	}
	int r = vm_faulttime_get(s, &ft, &err);
	if (r == 0)
		check(s, other);
	else
		printf("%s: %s\n", r == -EACCES ? "FAIL" : "skip", err.what);
	vm_session_close(s);
	vm_session_close(other);
	return r == -EACCES || failures ? 1 : r < 0 ? 77 : 0;
}
