/**
 * Page faults as the kernel counts them for everybody: /proc/PID/stat, /proc/vmstat, memory.stat.
 *
 * How many, minor or major, of which process and thread; not where, why and how long.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/system.h"
#include "core/source/cgroupfs.h"
#include "core/source/faults.h"
#include "core/source/faults_own.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** Processes are looked at again after this, but no more than a tenth of the time: they may end any moment. */
enum { EVERY_NS = 20000000, SHARE = 10 };

struct pair {
	uint64_t minor, major;
};

struct counters {
	struct vm_session *s;
	struct vm_faultset set;
	struct vm_owns own;
	enum vm_whom whom;
	char *cgroup;
	/** Of the whole: counters of vmstat or memory.stat, of which `base` was there before. */
	bool whole;
	struct pair base, now;
	uint64_t next_ns;
	bool stopped;
};

static int read_vmstat(struct vm_session *s, struct pair *out, struct vm_err *err)
{
	struct vm_system sys;
	struct rusage self;
	int r = vm_system_read(s, &sys, err);
	if (r < 0)
		return r;
	if (!vm_system_has(&sys, VM_S_PGFAULT) || !vm_system_has(&sys, VM_S_PGMAJFAULT) || getrusage(RUSAGE_SELF, &self) != 0)
		return vm_fail(err, ENODATA, "/proc/vmstat has no pgfault and pgmajfault");
	/* All but ourselves. */
	const uint64_t faults = sys.q[VM_S_PGFAULT], major = sys.q[VM_S_PGMAJFAULT];
	*out = (struct pair){
		.minor = faults - major - (uint64_t)self.ru_minflt, .major = major - (uint64_t)self.ru_majflt,
	};
	return 0;
}

static int read_whole(struct counters *c, struct pair *out, struct vm_err *err)
{
	uint64_t faults, major;
	if (c->whom == VM_OF_ALL)
		return read_vmstat(c->s, out, err);
	int r = vm_cgroup_faults(c->s, c->cgroup, &faults, &major, err);
	if (r == 0)
		*out = (struct pair){ .minor = faults - major, .major = major };
	return r;
}

/* ---- Whom to look at --------------------------------------------------------------------------------------------- */

/** As many as are there; with `fresh`, those that weren't there before. */
static int add_pids(struct counters *c, const pid_t *pids, size_t n, bool fresh, struct vm_err *err)
{
	int r = 0, failed = 0;
	for (size_t i = 0; i < n && r != -ENOMEM; i++) {
		if (pids[i] == getpid() && c->whom == VM_OF_ALL)
			continue;
		r = vm_owns_add(&c->own, pids[i], fresh, err);
		if (r < 0)
			failed = r;
	}
	return r == -ENOMEM ? r : !c->own.process.n && !fresh ? failed : 0;
}

static int add_members(struct counters *c, bool fresh, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = c->whom == VM_OF_ALL ? vm_proc_list_dir(c->s, &pids, err) :
					      vm_cgroup_pids(c->s, c->cgroup, &pids, err);
	if (r == 0)
		r = add_pids(c, pids.v, pids.n, fresh, err);
	vm_vec_free(&pids);
	return r;
}

static int begin(struct counters *c, const struct vm_fault_ask *ask, struct vm_err *err)
{
	int r;
	if (ask->whom == VM_OF_PIDS || ask->whom == VM_OF_COMMAND) {
		c->own.children = ask->children || ask->whom == VM_OF_COMMAND;
		r = add_pids(c, ask->pids, ask->npids, false, err);
		return r == 0 && c->own.children ? vm_owns_know_strangers(&c->own, err) : r;
	}
	r = add_members(c, false, err);
	if (r < 0)
		return r;
	r = read_whole(c, &c->base, err);
	c->whole = r == 0;
	c->now = c->base;
	/* Without the controller, what its processes say. */
	return c->whom == VM_OF_CGROUP ? 0 : r;
}

/* ---- Into the set ------------------------------------------------------------------------------------------------ */

static void put_kind(struct vm_faultset *set, unsigned kind, uint64_t count, uint64_t page_bytes)
{
	set->kind[kind] = (struct vm_fault_count){
		.count = count, .major = kind == VM_FAULT_MAJOR ? count : 0, .bytes = count * page_bytes,
	};
}

static bool put_spaces(struct counters *c)
{
	c->set.space.n = 0;
	for (size_t i = 0; i < c->own.process.n; i++) {
		const struct vm_own_task *t = &c->own.process.v[i];
		struct vm_fault_space space = { .pid = t->pid, .parent = t->parent, .ended = t->ended, .from = VM_FAULT_NONE };
		memcpy(space.comm, t->comm, sizeof(space.comm));
		if (!vm_vec_push(&c->set.space, space))
			return false;
	}
	return true;
}

static bool put_threads(struct counters *c)
{
	c->set.thread.n = 0;
	for (size_t i = 0; i < c->own.thread.n; i++) {
		const struct vm_own_task *t = &c->own.thread.v[i];
		const struct vm_own_counts n = vm_own_since(t);
		uint32_t space = VM_FAULT_NONE;
		vm_map_get(&c->own.by_pid, (uint64_t)t->pid, &space);
		struct vm_fault_thread thread = {
			.space = space, .tid = t->tid, .pid = t->pid, .ended = t->ended, .minor = n.minor, .major = n.major,
			.own_known = true, .own_minor = n.minor, .own_major = n.major, .cpu_ns = n.cpu_ns,
		};
		memcpy(thread.comm, t->comm, sizeof(thread.comm));
		if (!vm_vec_push(&c->set.thread, thread))
			return false;
	}
	return true;
}

static int put_all(struct counters *c, struct vm_err *err)
{
	struct vm_faultset *set = &c->set;
	const struct vm_own_counts sum = vm_owns_sum(&c->own);
	struct pair total = { sum.minor, sum.major };
	if (c->whole)
		total = (struct pair){ c->now.minor - c->base.minor, c->now.major - c->base.major };
	/* Counters of CPUs are summed up while they count: a little may seem to be taken back. */
	if (total.minor >> 63)
		total.minor = 0;
	put_kind(set, VM_FAULT_MINOR, total.minor, c->s->page_bytes);
	put_kind(set, VM_FAULT_MAJOR, total.major, c->s->page_bytes);
	set->own_known = c->whole || vm_owns_complete(&c->own);
	set->own_minor = total.minor;
	set->own_major = total.major;
	set->cpu_ns = sum.cpu_ns;
	return put_spaces(c) && put_threads(c) ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/* ---- The back end ------------------------------------------------------------------------------------------------ */

static void close_counters(void *state)
{
	struct counters *c = state;
	vm_owns_free(&c->own);
	vm_faultset_free(&c->set);
	free(c->cgroup);
	free(c);
}

static int look_again(struct counters *c, struct vm_err *err)
{
	int r = 0;
	if (c->whom == VM_OF_ALL || c->whom == VM_OF_CGROUP)
		r = add_members(c, true, err);
	/* The group may have been removed: what its processes did was seen. */
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = vm_owns_update(&c->own, err);
	if (r == 0 && c->whole && read_whole(c, &c->now, NULL) < 0)
		r = 0;
	c->set.now_ns = vm_clock_ns();
	return r;
}

static int open_counters(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	struct counters *c = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail(err, ENOMEM, "out of memory");
	c->s = c->own.s = s;
	c->whom = ask->whom;
	c->own.threads = true;
	c->set.began_ns = c->set.now_ns = vm_clock_ns();
	c->cgroup = ask->whom == VM_OF_CGROUP ? strdup(ask->cgroup) : NULL;
	int r = ask->whom == VM_OF_CGROUP && !c->cgroup ? vm_fail(err, ENOMEM, "out of memory") : begin(c, ask, err);
	if (r < 0)
		close_counters(c);
	else
		*state = c;
	return r;
}

/** Only what may end unseen is looked at. */
static int poll_counters(void *state, struct vm_err *err)
{
	struct counters *c = state;
	const uint64_t began = vm_clock_ns();
	if (c->stopped || c->whom == VM_OF_ALL || began < c->next_ns)
		return 0;
	int r = look_again(c, err);
	const uint64_t took = vm_clock_ns() - began;
	c->next_ns = began + (took * SHARE > EVERY_NS ? took * SHARE : EVERY_NS);
	return r;
}

static int read_counters(void *state, struct vm_err *err)
{
	struct counters *c = state;
	int r = c->stopped ? 0 : look_again(c, err);
	return r < 0 ? r : put_all(c, err);
}

static void stop_counters(void *state)
{
	struct counters *c = state;
	if (!c->stopped)
		look_again(c, NULL);
	c->stopped = true;
}

static struct vm_faultset *set_of_counters(void *state)
{
	return &((struct counters *)state)->set;
}

static int probe_counters(struct vm_session *s, struct vm_err *err)
{
	struct vm_owns o = { .s = s };
	int r = vm_owns_add(&o, getpid(), false, err);
	vm_owns_free(&o);
	return r;
}

const struct vm_fault_backend vm_faults_counters = {
	.name = "counters", .help = "/proc: how many faults, minor or major",
	.lacks = "kinds, times and places; processes that begin and end between two looks, unless their parent waits for them",
	.costs = "nothing: the kernel counts anyway",
	.probe = probe_counters, .open = open_counters, .poll = poll_counters, .read = read_counters, .stop = stop_counters,
	.set = set_of_counters, .close = close_counters,
};
