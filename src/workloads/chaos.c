/** An address space that changes as fast as it can, in several threads and short-lived children. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

enum { CHAOS_THREADS, CHAOS_CHILDREN, CHAOS_HELD };

static const struct vm_param chaos_params[] = {
	{ "threads", "threads that map and unmap", VM_P_U64, .def = "2", .min = 1, .max = 64 },
	{ "children", "child processes at a time, which do the same and die or execute a program", VM_P_U64, .def = "3",
	  .max = 64 },
	{ "held", "bytes that are written once and stay", VM_P_SIZE, .def = "2M", .min = 1, .max = UINT64_C(1) << 30 },
	{ .name = NULL }
};

enum { SLOTS = 48, SMALL_PAGES = 256, SHORT_LIFE = 1000, LONG_LIFE = 30000 };
#define HUGE (UINT64_C(2) << 20)

/** Mappings of one thread or child, and what it measured. */
struct actor {
	const struct vm_lab *lab;
	uint64_t random;
	struct slot {
		char *p;
		uint64_t size;
		bool none;             /* PROT_NONE: not to be touched */
	} slot[SLOTS];
	_Atomic uint64_t deeds, maps, map_ns, longest_map_ns;
};

struct chaos {
	const struct vm_lab *lab;
	struct vm_region held;
	atomic_bool stop;
	struct runner {
		struct chaos *all;
		pthread_t id;
		struct actor actor;
	} *runner;
	size_t runners;
	pthread_t parent;          /* of the children */
	bool has_parent;
	_Atomic uint64_t forks;
};

/** xorshift64*: each actor has its own. */
static uint64_t roll(struct actor *a, uint64_t sides)
{
	a->random ^= a->random >> 12;
	a->random ^= a->random << 25;
	a->random ^= a->random >> 27;
	return (a->random * UINT64_C(0x2545f4914f6cdd1d) >> 33) % sides;
}

/* ---- Deeds -------------------------------------------------------------------------------------------------------- */

/** mmap(2), timed: whoever holds the lock of the address space delays it. */
static void do_map(struct actor *a, struct slot *s)
{
	const bool huge = roll(a, 32) == 0;
	const uint64_t size = huge ? 2 * HUGE : (roll(a, SMALL_PAGES) + 1) * a->lab->page;
	const uint64_t began = vm_clock_ns();
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t took = vm_clock_ns() - began;
	if (p == MAP_FAILED)
		return;
	a->maps++;
	a->map_ns += took;
	if (took > a->longest_map_ns)
		a->longest_map_ns = took;
	madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	*s = (struct slot){ .p = p, .size = size };
}

static void do_touch(struct actor *a, struct slot *s)
{
	const uint64_t page = a->lab->page, pages = s->size / page, from = roll(a, pages), n = roll(a, pages - from) + 1;
	if (s->none)
		return;
	if (roll(a, 4))
		vm_touch(a->lab, s->p + from * page, n * page);
	else
		vm_peek(a->lab, s->p + from * page, n * page);
}

/** All of it, or its first half. */
static void do_unmap(struct actor *a, struct slot *s)
{
	uint64_t size = s->size;
	if (size > a->lab->page && roll(a, 3) == 0)
		size = size / 2 / a->lab->page * a->lab->page;
	munmap(s->p, size);
	s->p += size;
	s->size -= size;
	if (!s->size)
		*s = (struct slot){ 0 };
}

static void do_remap(struct actor *a, struct slot *s)
{
	const uint64_t size = (roll(a, SMALL_PAGES) + 1) * a->lab->page;
	void *p = mremap(s->p, s->size, size, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return;
	s->p = p;
	s->size = size;
}

static void do_protect(struct slot *s)
{
	if (mprotect(s->p, s->size, s->none ? PROT_READ | PROT_WRITE : PROT_NONE) == 0)
		s->none = !s->none;
}

static void do_deed(struct actor *a)
{
	struct slot *s = &a->slot[roll(a, SLOTS)];
	a->deeds++;
	if (!s->p) {
		do_map(a, s);
		return;
	}
	switch (roll(a, 8)) {
	case 0: case 1: case 2:
		do_touch(a, s);
		break;
	case 3:
		do_remap(a, s);
		break;
	case 4:
		do_protect(s);
		break;
	case 5:
		madvise(s->p, s->size, MADV_DONTNEED);
		break;
	default:
		do_unmap(a, s);
	}
}

static void *run_thread(void *arg)
{
	struct runner *r = arg;
	while (!r->all->stop)
		do_deed(&r->actor);
	for (unsigned i = 0; i < SLOTS; i++)
		if (r->actor.slot[i].p)
			munmap(r->actor.slot[i].p, r->actor.slot[i].size);
	return NULL;
}

/* ---- Children ------------------------------------------------------------------------------------------------------ */

/** A copy of this process in the midst of it; it only makes system calls, since its threads aren't there. */
__attribute__((noreturn))
static void run_child(const struct chaos *c, pid_t parent, uint64_t seed)
{
	static char words[][8] = { "vmlab", "--list" };
	char *const argv[] = { words[0], words[1], NULL };
	struct actor a = { .lab = c->lab, .random = seed };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	const uint64_t deeds = roll(&a, roll(&a, 2) ? SHORT_LIFE : LONG_LIFE), end = roll(&a, 3);
	vm_touch(c->lab, c->held.p, c->held.size / 2);
	for (uint64_t i = 0; i < deeds; i++)
		do_deed(&a);
	if (end == 0)
		raise(SIGKILL);
	if (end == 1) {
		int null = open("/dev/null", O_WRONLY);
		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
			execv("/proc/self/exe", argv);
	}
	_exit(end == 1 ? 1 : 0);
}

/** Of the thread: its end is that of the children. */
static void *run_parent(void *arg)
{
	struct chaos *c = arg;
	const size_t most = c->lab->arg[CHAOS_CHILDREN].u64;
	const pid_t self = getpid();
	pid_t child[64] = { 0 };
	uint64_t seed = vm_clock_ns() | 1;
	for (size_t at = 0; !c->stop; at = (at + 1) % most) {
		if (child[at] > 0)
			waitpid(child[at], NULL, 0);
		seed += UINT64_C(0x9e3779b97f4a7c15);
		child[at] = fork();
		if (child[at] == 0)
			run_child(c, self, seed | 1);
		c->forks += child[at] > 0;
	}
	for (size_t i = 0; i < most; i++)
		if (child[i] > 0 && kill(child[i], SIGKILL) == 0)
			waitpid(child[i], NULL, 0);
	return NULL;
}

/* ---- The workload -------------------------------------------------------------------------------------------------- */

static int start(struct chaos *c, struct vm_err *err)
{
	const struct vm_arg *arg = c->lab->arg;
	c->runner = calloc(arg[CHAOS_THREADS].u64, sizeof(*c->runner));
	if (!c->runner)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = 0;
	for (uint64_t i = 0; r == 0 && i < arg[CHAOS_THREADS].u64; i++) {
		struct runner *one = &c->runner[i];
		one->all = c;
		one->actor.lab = c->lab;
		one->actor.random = (vm_clock_ns() ^ (i + 1) << 32) | 1;
		r = pthread_create(&one->id, NULL, run_thread, one);
		c->runners += r == 0;
	}
	if (r == 0 && arg[CHAOS_CHILDREN].u64) {
		r = pthread_create(&c->parent, NULL, run_parent, c);
		c->has_parent = r == 0;
	}
	return r ? vm_fail_os(err, r, "cannot start a thread") : 0;
}

/** Measured since the last time that it was stated. */
static void truth_measured(struct chaos *c, struct vm_truth *t)
{
	uint64_t deeds = 0, maps = 0, ns = 0, longest = 0;
	for (size_t i = 0; i < c->runners; i++) {
		struct actor *a = &c->runner[i].actor;
		const uint64_t most = atomic_exchange(&a->longest_map_ns, 0);
		deeds += atomic_exchange(&a->deeds, 0);
		maps += atomic_exchange(&a->maps, 0);
		ns += atomic_exchange(&a->map_ns, 0);
		longest = most > longest ? most : longest;
	}
	vm_truth_u64(t, "deeds", deeds);
	vm_truth_u64(t, "forks", atomic_exchange(&c->forks, 0));
	vm_truth_u64(t, "mmaps", maps);
	vm_truth_u64(t, "mean_mmap_ns", maps ? ns / maps : 0);
	vm_truth_u64(t, "longest_mmap_ns", longest);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%llu deeds; mmap took %s on average, %s at most", (unsigned long long)deeds,
	             vm_format_duration(maps ? ns / maps : 0, a), vm_format_duration(longest, b));
}

/** What holds at any moment: all else comes and goes. */
static void chaos_truth(struct chaos *c, struct vm_truth *t)
{
	vm_truth_u64(t, "threads_mapping", c->runners);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "held", c->held.p, c->held.size);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_u64(t, "rss_bytes", c->held.size);
	vm_truth_u64(t, "anon_bytes", c->held.size);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	/* Whether a child has them as well, and may not write to them yet, changes. */
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "held", .p = c->held.p, .size = c->held.size, .state = "present",
	               .without = "file zero swap guard prot-none" });
	vm_truth_array_end(t);
	truth_measured(c, t);
}

static int chaos_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct chaos *c = *state = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	c->lab = lab;
	int r = vm_region_map(&c->held, lab, lab->arg[CHAOS_HELD].u64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                      -1, err);
	if (r < 0)
		return r;
	vm_touch(lab, c->held.p, c->held.size);
	r = start(c, err);
	if (r == 0)
		chaos_truth(c, t);
	return r;
}

/** It goes on by itself: a step only states what was measured meanwhile. */
static int chaos_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	(void)err;
	chaos_truth(state, t);
	return 1;
}

static void chaos_done(void *state)
{
	struct chaos *c = state;
	c->stop = true;
	for (size_t i = 0; i < c->runners; i++)
		pthread_join(c->runner[i].id, NULL);
	if (c->has_parent)
		pthread_join(c->parent, NULL);
	vm_region_unmap(&c->held);
	free(c->runner);
	free(c);
}

const struct vm_workload vm_workload_chaos = {
	.name = "chaos",
	.help = "an address space that changes as fast as it can",
	.shows = "vmtop,vmmap,vmpage",
	.lesson = "Threads map, unmap, move, protect and drop memory without a pause, and children do the same until they die or "
	          "execute a program.  No picture of such a process is right for longer than a moment: what matters is "
	          "that a tool shows nothing impossible, and doesn't hold the process up.  A step states how long mmap() "
	          "took meanwhile, which shows who holds the lock of the address space.",
	.params = chaos_params,
	.make = chaos_make,
	.step = chaos_step,
	.done = chaos_done,
};
