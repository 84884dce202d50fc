/** Stacks: the main one, which grows by itself, and those of threads, which don't. */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/**
 * Write to every page of at least `bytes` of stack below the caller; returns the lowest address.
 *
 * That is in the middle of a page: what compilers put right below an alloca() must not reach one
 * more page, or the stack would grow by more than we say.  A sanitizer would call functions there.
 */
__attribute__((noinline, no_sanitize("address")))
static uintptr_t descend(uint64_t bytes, uint64_t page)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint64_t n = here - ((here - bytes) / page * page - page / 2);
	volatile char *p = alloca(n);
	for (uint64_t at = n; at > page; at -= page)
		p[at - page] = p[at - 1] = 1;
	p[0] = 1;
	return (uintptr_t)p;
}

/* stack-growth */

enum { GROW_DEPTH, GROW_STEPS };

static const struct vm_param growth_params[] = {
	{ "depth", "bytes of stack to use, and as many again with each step", VM_P_SIZE, .def = "1M",
	  .min = 1, .max = 1 << 30 },
	{ "times", "steps before it is deep enough", VM_P_U64, .def = "3", .max = 1000 },
	{ .name = NULL }
};

struct growth {
	const struct vm_lab *lab;
	uint64_t step;
};

/** Room for `depth` bytes under RLIMIT_STACK, raised within the hard limit if need be. */
static int stack_room(uint64_t depth, struct vm_err *err)
{
	enum { ELSE = 512 << 10 };      /* what else is on the stack: environment, frames */
	struct rlimit lim;
	char a[VM_NUMBUF], b[VM_NUMBUF];
	getrlimit(RLIMIT_STACK, &lim);
	if (lim.rlim_cur == RLIM_INFINITY || depth + ELSE <= lim.rlim_cur)
		return 0;
	struct rlimit more = { .rlim_cur = depth + ELSE, .rlim_max = lim.rlim_max };
	if ((lim.rlim_max == RLIM_INFINITY || more.rlim_cur <= lim.rlim_max)
	    && setrlimit(RLIMIT_STACK, &more) == 0)
		return 0;
	return vm_fail(err, EPERM, "a stack of %s is beyond the limit of %s (ulimit -s)",
	               vm_format_size(depth, a), vm_format_size(lim.rlim_max, b));
}

static int grow(const struct growth *g, struct vm_truth *t, struct vm_err *err)
{
	uint64_t page = g->lab->page, depth = g->lab->arg[GROW_DEPTH].u64 * (g->step + 1);
	uint64_t old = 0, end = 0, low;
	int r = stack_room(depth, err);
	if (r < 0)
		return r;
	r = vm_own_mapping("[stack]", &old, &end);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot find [stack] in /proc/self/maps");
	low = descend(depth, page) / page * page;
	uint64_t start = low < old ? low : old;
	vm_truth_u64(t, "depth_bytes", depth);
	vm_truth_u64(t, "grown_bytes", old - start);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "stack", (void *)(uintptr_t)start, end - start);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_str(t, "name", "[stack]");
	vm_truth_u64(t, "rss_bytes_min", depth / page * page);
	vm_truth_u64(t, "rss_bytes_max", end - start);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "ranges");
	vm_truth_range(t, "touched", (void *)(uintptr_t)low, depth / page * page, depth / page * page);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "went %s deep and came back: [stack] grew by %s and stays that big",
	             vm_format_size(depth, a), vm_format_size(old - start, b));
	return 0;
}

static int growth_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                       struct vm_err *err)
{
	struct growth *g = *state = calloc(1, sizeof(*g));
	if (!g)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	g->lab = lab;
	vm_no_huge_pages();
	return grow(g, t, err);
}

static int growth_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct growth *g = state;
	g->step++;
	int r = grow(g, t, err);
	return r < 0 ? r : g->step < g->lab->arg[GROW_STEPS].u64;
}

const struct vm_workload vm_workload_stack_growth = {
	.name = "stack-growth",
	.help = "a main stack that grew with the depth of calls",
	.shows = "vmmap,vmfault",
	.lesson = "The kernel extends [stack] downwards when an access hits the gap below it, as far as "
	          "RLIMIT_STACK allows.  It never shrinks: the pages of the deepest call stay resident "
	          "after the return.",
	.params = growth_params,
	.make = growth_make,
	.step = growth_step,
	.done = free,
};

/* stack-growth-faults */

enum { FAULTS_DEPTH, FAULTS_ROUNDS };

static const struct vm_param growth_faults_params[] = {
	{ "depth", "bytes of stack to use, and as many again with each step", VM_P_SIZE, .def = "1M", .min = 1,
	  .max = 1 << 30 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

static int growth_faults_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct growth *g = state;
	const uint64_t page = g->lab->page, depth = g->lab->arg[FAULTS_DEPTH].u64 * (g->step + 1);
	uint64_t old = 0, end = 0;
	struct vm_meter m;
	int r = stack_room(depth, err);
	if (r < 0)
		return r;
	r = vm_own_mapping("[stack]", &old, &end);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot find [stack] in /proc/self/maps");
	vm_meter_begin(&m, RUSAGE_SELF);
	const uint64_t low = descend(depth, page) / page * page, start = low < old ? low : old;
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_u64(t, "depth_bytes", depth);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "below the stack", .p = (void *)(uintptr_t)start,
	               .size = old - start, .name = "[stack]", .kind = "stack-growth", .count = (old - start) / page });
	/* It is a bit larger than what is used of it from the beginning (setup_arg_pages() in fs/exec.c). */
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "in the stack", .p = (void *)(uintptr_t)old, .size = end - old,
	               .name = "[stack]", .kind = "anon-first", .most = (end - old) / page });
	vm_truth_array_end(t);
	vm_truth_say(t, "[stack] grew by %llu pages, a fault each", (unsigned long long)(old - start) / page);
	return ++g->step < g->lab->arg[FAULTS_ROUNDS].u64;
}

static int growth_faults_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct growth *g = *state = calloc(1, sizeof(*g));
	if (!g)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	g->lab = lab;
	vm_no_huge_pages();
	int r = growth_faults_step(g, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_stack_growth_faults = {
	.name = "stack-growth-faults",
	.help = "faults: the main stack grows, page by page",
	.shows = "vmfault,vmmap",
	.lesson = "An access right below [stack] finds no mapping there, and yet is no error: the kernel extends the mapping to "
	          "that page and brings it.  Deep recursion pays such a fault a page, once: the second call of the same "
	          "depth finds all of it resident.",
	.params = growth_faults_params,
	.make = growth_faults_make,
	.step = growth_faults_step,
	.done = free,
};

/* thread-stacks */

enum { THREADS_COUNT, THREADS_STACK, THREADS_TOUCH, THREADS_GUARD };

static const struct vm_param thread_params[] = {
	{ "threads", "how many", VM_P_U64, .def = "4", .min = 1, .max = 4096 },
	{ "stack", "bytes of each stack, guard included", VM_P_SIZE, .def = "1M", .min = 256 << 10,
	  .max = 1 << 30 },
	{ "touch", "bytes that each thread writes to on its stack", VM_P_SIZE, .def = "128K",
	  .min = 4096 },
	{ "guard", "bytes of the inaccessible area below each stack", VM_P_SIZE, .def = "4K",
	  .max = 1 << 20 },
	{ .name = NULL }
};

/** A thread's own frames, thread-local storage and descriptor: never part of what is stated. */
enum { SLACK = 64 << 10 };

struct thread {
	struct threads *all;
	pthread_t id;
	pid_t tid;
	uint64_t low, end, guard;       /* as the C library sees its stack; guard at the low end */
	uint64_t touched;               /* first whole page written to */
};

struct threads {
	const struct vm_lab *lab;
	sem_t ready, leave;
	struct thread *v;
	size_t n;
};

static void own_stack(struct thread *th)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0, guard = 0;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	pthread_attr_getstack(&attr, &low, &size);
	pthread_attr_getguardsize(&attr, &guard);
	pthread_attr_destroy(&attr);
	th->low = (uintptr_t)low;
	th->end = th->low + size;
	th->guard = guard;
}

static void *thread_main(void *arg)
{
	struct thread *th = arg;
	const struct vm_lab *lab = th->all->lab;
	th->tid = gettid();
	own_stack(th);
	uint64_t bytes = vm_pages_up(lab, lab->arg[THREADS_TOUCH].u64);
	/* One page more, so that `bytes` whole pages are certainly among them. */
	th->touched = vm_pages_up(lab, descend(bytes + lab->page, lab->page));
	sem_post(&th->all->ready);
	while (sem_wait(&th->all->leave) < 0)
		;
	return NULL;
}

static int start_threads(struct threads *a, struct vm_err *err)
{
	const struct vm_arg *arg = a->lab->arg;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	int r = pthread_attr_setstacksize(&attr, vm_pages_up(a->lab, arg[THREADS_STACK].u64));
	if (r == 0)
		r = pthread_attr_setguardsize(&attr, vm_pages_up(a->lab, arg[THREADS_GUARD].u64));
	for (uint64_t i = 0; r == 0 && i < arg[THREADS_COUNT].u64; i++) {
		a->v[i].all = a;
		r = pthread_create(&a->v[i].id, &attr, thread_main, &a->v[i]);
		if (r == 0)
			a->n++;
	}
	pthread_attr_destroy(&attr);
	if (r != 0)
		return vm_fail_os(err, r, "cannot start a thread");
	for (size_t i = 0; i < a->n; i++)
		while (sem_wait(&a->ready) < 0)
			;
	return 0;
}

static void truth_threads(const struct threads *a, struct vm_truth *t)
{
	uint64_t bytes = vm_pages_up(a->lab, a->lab->arg[THREADS_TOUCH].u64);
	vm_truth_array_begin(t, "threads");
	for (size_t i = 0; i < a->n; i++) {
		const struct thread *th = &a->v[i];
		vm_truth_object_begin(t);
		vm_truth_u64(t, "tid", (uint64_t)th->tid);
		vm_truth_addr(t, "stack_start", th->low + th->guard);
		vm_truth_addr(t, "stack_end", th->end);
		vm_truth_u64(t, "guard_bytes", th->guard);
		vm_truth_u64(t, "touched_bytes_min", bytes);
		vm_truth_u64(t, "touched_bytes_max", bytes + SLACK);
		vm_truth_object_end(t);
	}
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "ranges");
	for (size_t i = 0; i < a->n; i++) {
		const struct thread *th = &a->v[i];
		char *low = (char *)(uintptr_t)th->low, *used = (char *)(uintptr_t)th->touched;
		uint64_t unused = th->touched - SLACK / 2 - th->low - th->guard;
		vm_truth_range(t, "guard", low, th->guard, 0);
		vm_truth_range(t, "never used", low + th->guard, unused, 0);
		vm_truth_range(t, "touched", used, bytes, bytes);
	}
	vm_truth_array_end(t);
}

static int threads_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                        struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	if (arg[THREADS_TOUCH].u64 + arg[THREADS_GUARD].u64 + 2 * SLACK > arg[THREADS_STACK].u64)
		return vm_fail(err, EINVAL, "--touch, --guard and %u KiB besides must fit into --stack",
		               2 * SLACK / 1024);
	struct threads *a = *state = calloc(1, sizeof(*a));
	if (!a)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	a->lab = lab;
	sem_init(&a->ready, 0, 0);
	sem_init(&a->leave, 0, 0);
	a->v = calloc(arg[THREADS_COUNT].u64, sizeof(*a->v));
	if (!a->v)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	vm_no_huge_pages();
	int r = start_threads(a, err);
	if (r < 0)
		return r;
	truth_threads(a, t);
	char s[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%zu threads with a stack of %s each, %s of it touched", a->n,
	             vm_format_size(arg[THREADS_STACK].u64, s),
	             vm_format_size(arg[THREADS_TOUCH].u64, b));
	return 0;
}

static void threads_done(void *state)
{
	struct threads *a = state;
	for (size_t i = 0; i < a->n; i++)
		sem_post(&a->leave);
	for (size_t i = 0; i < a->n; i++)
		pthread_join(a->v[i].id, NULL);
	sem_destroy(&a->ready);
	sem_destroy(&a->leave);
	free(a->v);
	free(a);
}

const struct vm_workload vm_workload_thread_stacks = {
	.name = "thread-stacks",
	.help = "threads, each with a part of its stack touched",
	.shows = "vmmap",
	.lesson = "A thread's stack is an ordinary mapping of fixed size with an inaccessible guard "
	          "below it.  Its whole size counts in VSZ, only touched pages in RSS: a thousand "
	          "threads look frightening in VSZ and may cost next to nothing.",
	.params = thread_params,
	.make = threads_make,
	.done = threads_done,
};
