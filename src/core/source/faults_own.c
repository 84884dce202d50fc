#include "core/source/faults_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/model/process.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** A process may vanish, and be added to its parent's counters, in the middle of a pass: then another one is made. */
enum { PASSES = 8 };

static int read_stat(struct vm_session *s, pid_t pid, pid_t tid, struct vm_proc *p)
{
	struct vm_buf *b = &s->scratch;
	long n = tid ? vm_session_slurp(s, b, "proc/%d/task/%d/stat", pid, tid) : vm_session_slurp(s, b, "proc/%d/stat", pid);
	vm_proc_init(p, pid);
	if (n == -ENOENT || n == -ESRCH || n == 0)
		return -ESRCH;
	if (n < 0)
		return (int)n;
	return vm_parse_stat(b->s, s->page_bytes, s->ticks_per_second, false, p) ? 0 : -EBADMSG;
}

/** Of all of its threads, those that ended among them, to the nanosecond: stat rounds to ticks. */
static bool process_clock(pid_t pid, uint64_t *ns)
{
	clockid_t clock;
	struct timespec t;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return false;
	*ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return true;
}

static bool thread_clock(struct vm_session *s, pid_t pid, pid_t tid, uint64_t *ns)
{
	char *end;
	if (vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/schedstat", pid, tid) <= 0)
		return false;
	*ns = strtoull(s->scratch.s, &end, 10);
	return end != s->scratch.s;
}

static int look(struct vm_session *s, pid_t pid, pid_t tid, struct vm_own_task *t)
{
	struct vm_proc p;
	int r = read_stat(s, pid, tid, &p);
	if (r < 0)
		return r;
	*t = (struct vm_own_task){
		.pid = pid, .tid = tid ? tid : pid, .parent = p.ppid, .start = p.start,
		.now = {
			.minor = p.q[VM_P_MINFLT], .major = p.q[VM_P_MAJFLT], .cpu_ns = p.cpu_ns,
			.children_minor = p.q[VM_P_CMINFLT], .children_major = p.q[VM_P_CMAJFLT],
			.children_cpu_ns = p.children_cpu_ns,
		},
	};
	snprintf(t->comm, sizeof(t->comm), "%.15s", p.comm);
	uint64_t ns;
	if (s->live && (tid ? thread_clock(s, pid, tid, &ns) : process_clock(pid, &ns)))
		t->now.cpu_ns = ns;
	return 0;
}

static struct vm_own_counts difference(const struct vm_own_counts *a, const struct vm_own_counts *b)
{
	return (struct vm_own_counts){
		.minor = b->minor - a->minor, .major = b->major - a->major, .cpu_ns = b->cpu_ns - a->cpu_ns,
		.children_minor = b->children_minor - a->children_minor,
		.children_major = b->children_major - a->children_major,
		.children_cpu_ns = b->children_cpu_ns - a->children_cpu_ns,
	};
}

struct vm_own_counts vm_own_since(const struct vm_own_task *t)
{
	struct vm_own_counts d = difference(&t->base, &t->now);
	d.children_minor = d.children_major = d.children_cpu_ns = 0;
	return d;
}

/* ---- Who is watched ---------------------------------------------------------------------------------------------- */

static int add_thread(struct vm_owns *o, pid_t pid, pid_t tid, bool fresh)
{
	struct vm_own_task t;
	uint32_t at;
	int r = look(o->s, pid, tid, &t);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	t.seen = o->passes;
	if (vm_map_get(&o->by_tid, (uint64_t)tid, &at) && !o->thread.v[at].ended) {
		struct vm_own_task *known = &o->thread.v[at];
		if (known->start == t.start && known->pid == pid) {
			known->now = t.now;
			known->seen = t.seen;
			memcpy(known->comm, t.comm, sizeof(t.comm));
			return 0;
		}
		known->ended = true;
	}
	t.base = fresh ? (struct vm_own_counts){ 0 } : t.now;
	return vm_vec_push(&o->thread, t) && vm_map_put(&o->by_tid, (uint64_t)tid, (uint32_t)o->thread.n - 1) ? 0 : -ENOMEM;
}

static int look_at_threads(struct vm_owns *o, pid_t pid, bool fresh)
{
	struct vm_pids tids = { 0 };
	char path[64];
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	int r = vm_list_numbers(o->s, &tids, NULL, path);
	/* It may have ended. */
	r = r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < tids.n; i++)
		r = add_thread(o, pid, tids.v[i], fresh);
	vm_vec_free(&tids);
	return r;
}

static bool is_watched(const struct vm_owns *o, pid_t pid, uint32_t *at)
{
	return vm_map_get(&o->by_pid, (uint64_t)pid, at) && !o->process.v[*at].ended;
}

int vm_owns_add(struct vm_owns *o, pid_t pid, bool fresh, struct vm_err *err)
{
	struct vm_own_task t;
	uint32_t at;
	if (is_watched(o, pid, &at))
		return 0;
	int r = look(o->s, pid, 0, &t);
	if (r == -ESRCH)
		return vm_fail(err, ESRCH, "there is no process %d", pid);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot read the counters of process %d", pid);
	t.base = fresh ? (struct vm_own_counts){ 0 } : t.now;
	if (!vm_vec_push(&o->process, t) || !vm_map_put(&o->by_pid, (uint64_t)pid, (uint32_t)o->process.n - 1))
		return vm_fail(err, ENOMEM, "out of memory");
	r = o->threads ? look_at_threads(o, pid, fresh) : 0;
	return r == -ENOMEM ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- Children ---------------------------------------------------------------------------------------------------- */

static int take_stranger(struct vm_map *strangers, pid_t pid)
{
	return vm_map_put(strangers, (uint64_t)pid, 0) ? 0 : -ENOMEM;
}

/** Ours if its parent is. */
static int take_unknown(struct vm_owns *o, struct vm_map *strangers, pid_t pid)
{
	struct vm_proc p;
	uint32_t at;
	int r = read_stat(o->s, pid, 0, &p);
	if (r < 0)
		return 0;
	if (!is_watched(o, p.ppid, &at))
		return take_stranger(strangers, pid);
	r = vm_owns_add(o, pid, true, NULL);
	return r == -ENOMEM ? r : 0;
}

/** With `ours`, those that neither are watched nor were there before are looked at.  Those that are left are remembered,
    and no others: numbers are used again. */
static int look_for_strangers(struct vm_owns *o, bool ours, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	struct vm_map strangers = { 0 };
	uint32_t at;
	int r = vm_proc_list_dir(o->s, &pids, err);
	/* Ascending: mostly parents before their children. */
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		if (is_watched(o, pids.v[i], &at))
			continue;
		const bool known = !ours || vm_map_get(&o->strangers, (uint64_t)pids.v[i], &at);
		r = known ? take_stranger(&strangers, pids.v[i]) : take_unknown(o, &strangers, pids.v[i]);
	}
	vm_vec_free(&pids);
	vm_map_free(&o->strangers);
	o->strangers = strangers;
	return r;
}

int vm_owns_know_strangers(struct vm_owns *o, struct vm_err *err)
{
	return look_for_strangers(o, false, err);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/** Gone: if one of ours waited for it, its counters were added to that one's. */
static void end(struct vm_owns *o, struct vm_own_task *t)
{
	uint32_t at;
	t->ended = true;
	if (!vm_map_get(&o->by_pid, (uint64_t)t->parent, &at))
		return;
	const struct vm_own_task *parent = &o->process.v[at];
	t->absorbed = o->children && (!parent->ended || parent->absorbed);
}

/** Parents before their children, so that none is counted twice; how many vanished, or -ENOMEM. */
static int pass(struct vm_owns *o)
{
	int vanished = 0;
	o->passes++;
	for (size_t i = 0; i < o->process.n; i++) {
		struct vm_own_task now, *t = &o->process.v[i];
		if (t->ended)
			continue;
		if (look(o->s, t->pid, 0, &now) < 0 || now.start != t->start) {
			end(o, t);
			vanished++;
			continue;
		}
		t->now = now.now;
		t->parent = now.parent;
		memcpy(t->comm, now.comm, sizeof(t->comm));
		int r = o->threads ? look_at_threads(o, t->pid, true) : 0;
		if (r == -ENOMEM)
			return r;
	}
	for (size_t i = 0; i < o->thread.n; i++)
		o->thread.v[i].ended |= o->thread.v[i].seen != o->passes;
	return vanished;
}

int vm_owns_update(struct vm_owns *o, struct vm_err *err)
{
	int r = 1;
	for (unsigned i = 0; i < PASSES && r > 0; i++) {
		r = o->children ? look_for_strangers(o, true, err) : 0;
		if (r == 0)
			r = pass(o);
	}
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	return r < 0 ? r : 0;
}

struct vm_own_counts vm_owns_sum(const struct vm_owns *o)
{
	struct vm_own_counts sum = { 0 };
	for (size_t i = 0; i < o->process.n; i++) {
		const struct vm_own_task *t = &o->process.v[i];
		if (t->absorbed)
			continue;
		struct vm_own_counts d = difference(&t->base, &t->now);
		sum.minor += d.minor + (o->children ? d.children_minor : 0);
		sum.major += d.major + (o->children ? d.children_major : 0);
		sum.cpu_ns += d.cpu_ns + (o->children ? d.children_cpu_ns : 0);
	}
	return sum;
}

bool vm_owns_complete(const struct vm_owns *o)
{
	for (size_t i = 0; i < o->process.n; i++)
		if (o->process.v[i].ended && !o->process.v[i].absorbed)
			return false;
	return true;
}

const struct vm_own_task *vm_owns_thread(const struct vm_owns *o, pid_t tid)
{
	uint32_t at;
	return vm_map_get(&o->by_tid, (uint64_t)tid, &at) ? &o->thread.v[at] : NULL;
}

void vm_owns_free(struct vm_owns *o)
{
	vm_vec_free(&o->process);
	vm_vec_free(&o->thread);
	vm_map_free(&o->by_pid);
	vm_map_free(&o->by_tid);
	vm_map_free(&o->strangers);
}
