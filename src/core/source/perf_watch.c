#include "core/source/perf_watch.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** A space in which an address isn't known is read again after this, but no more than a 20th of the time. */
enum { LOOK_AGAIN_NS = 50000000, LOOK_SHARE = 20 };

/* ---- Processes and threads --------------------------------------------------------------------------------------- */

static void read_comm(struct vm_session *s, pid_t pid, pid_t tid, char comm[16])
{
	const long n = vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/comm", pid, tid);
	snprintf(comm, 16, "%.*s", n > 0 ? (int)strcspn(s->scratch.s, "\n") : 0, n > 0 ? s->scratch.s : "");
}

static uint32_t new_space(struct vm_perf_watch *w, pid_t pid, pid_t parent, uint32_t from, const char *comm)
{
	struct vm_fault_space s = { .pid = pid, .parent = parent, .from = from };
	snprintf(s.comm, sizeof(s.comm), "%s", comm);
	return vm_vec_push(&w->set->space, s) ? (uint32_t)w->set->space.n - 1 : VM_FAULT_NONE;
}

static struct vm_perf_watch_process *new_process(struct vm_perf_watch *w, pid_t pid, pid_t parent, uint32_t from,
						 const char *comm)
{
	const struct vm_perf_watch_process process = { .pid = pid, .space = new_space(w, pid, parent, from, comm) };
	if (process.space == VM_FAULT_NONE || !vm_vec_push(&w->process, process) ||
	    !vm_map_put(&w->by_pid, (uint64_t)pid, (uint32_t)w->process.n - 1))
		return NULL;
	return &w->process.v[w->process.n - 1];
}

/** The one that has this number now, known or not; NULL when memory is out. */
static struct vm_perf_watch_process *process_of(struct vm_perf_watch *w, pid_t pid)
{
	char comm[16];
	uint32_t at;
	if (vm_map_get(&w->by_pid, (uint64_t)pid, &at))
		return &w->process.v[at];
	read_comm(w->s, pid, pid, comm);
	return new_process(w, pid, 0, VM_FAULT_NONE, comm);
}

/** Its index; VM_FAULT_NONE when memory is out. */
static uint32_t new_thread(struct vm_perf_watch *w, struct vm_perf_watch_process *process, pid_t tid, pid_t owner, const char *comm)
{
	struct vm_fault_thread t = { .space = process->space, .tid = tid, .pid = process->pid, .cpu_ns = UINT64_MAX };
	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	process->live++;
	const uint32_t at = (uint32_t)w->set->thread.n;
	return vm_vec_push(&w->thread, (struct vm_perf_watch_thread){ .owner = owner }) && vm_vec_push(&w->set->thread, t) &&
	       vm_map_put(&w->by_tid, (uint64_t)tid, at) ? at : VM_FAULT_NONE;
}

/** VM_FAULT_NONE: not known, or it has ended and the number isn't used again yet. */
static uint32_t known_thread(struct vm_perf_watch *w, pid_t pid, pid_t tid)
{
	uint32_t at;
	if (!vm_map_get(&w->by_tid, (uint64_t)tid, &at))
		return VM_FAULT_NONE;
	return w->set->thread.v[at].pid == pid && !w->set->thread.v[at].ended ? at : VM_FAULT_NONE;
}

/** Of which nothing was told so far, or known; VM_FAULT_NONE when memory is out. */
static uint32_t thread_of(struct vm_perf_watch *w, pid_t pid, pid_t tid, pid_t owner)
{
	const uint32_t at = known_thread(w, pid, tid);
	struct vm_perf_watch_process *process = at == VM_FAULT_NONE ? process_of(w, pid) : NULL;
	char comm[16];
	if (!process)
		return at;
	read_comm(w->s, pid, tid, comm);
	return new_thread(w, process, tid, owner, *comm ? comm : w->set->space.v[process->space].comm);
}

int vm_perf_watch_attached(struct vm_perf_watch *w, pid_t pid, pid_t tid)
{
	return thread_of(w, pid, tid, tid) == VM_FAULT_NONE ? -ENOMEM : 0;
}

/** Of all processes, we aren't one. */
static bool is_self(const struct vm_perf_watch *w, pid_t pid)
{
	return w->whom == VM_OF_ALL && pid == getpid();
}

/** A process has the mappings of the one that forked it. */
static struct vm_perf_watch_process *take_new_process(struct vm_perf_watch *w, const struct vm_perf_record *r, uint32_t from, const char *comm)
{
	const bool unwanted = w->event.n && w->event.v[0].tid >= 0 && !w->children;
	const struct vm_perf_watch_process *parent = process_of(w, r->parent);
	const bool stranger = unwanted || (parent && parent->stranger);
	struct vm_perf_watch_process *process = new_process(w, r->pid, r->parent, from, comm);
	if (!process || !vm_spacemaps_fork(&w->maps, process->space, from))
		return NULL;
	process->stranger = stranger;
	return process;
}

/** A thread, or the first one of a process: with the name and the events of the one that made it. */
static int take_fork(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	const uint32_t known = known_thread(w, r->pid, r->tid);
	/* It got events of its own before this was read. */
	if (known != VM_FAULT_NONE && w->thread.v[known].owner == r->tid)
		return 0;
	if (is_self(w, r->parent))
		return thread_of(w, r->pid, r->tid, 0) == VM_FAULT_NONE ? -ENOMEM : 0;
	const uint32_t maker = known_thread(w, r->parent, r->parent_tid);
	struct vm_perf_watch_process *process = process_of(w, r->parent);
	char comm[16];
	if (!process)
		return -ENOMEM;
	snprintf(comm, sizeof(comm), "%s",
		 maker != VM_FAULT_NONE ? w->set->thread.v[maker].comm : w->set->space.v[process->space].comm);
	const pid_t owner = maker != VM_FAULT_NONE ? w->thread.v[maker].owner : 0;
	if (r->pid != r->parent)
		process = take_new_process(w, r, process->space, comm);
	return process && new_thread(w, process, r->tid, owner, comm) != VM_FAULT_NONE ? 0 : -ENOMEM;
}

static int take_exit(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	uint32_t at;
	const uint32_t t = known_thread(w, r->pid, r->tid);
	if (!vm_map_get(&w->by_pid, (uint64_t)r->pid, &at))
		return 0;
	struct vm_perf_watch_process *process = &w->process.v[at];
	if (t != VM_FAULT_NONE) {
		w->set->thread.v[t].ended = true;
		process->live--;
	}
	process->leader_ended |= r->tid == r->pid;
	if (process->leader_ended && !process->live) {
		w->set->space.v[process->space].ended = true;
		vm_spacemaps_end(&w->maps, process->space);
	}
	return 0;
}

/** Another program: in a space of its own.  The thread that executed it is the only one that is left, and has its number. */
static int take_exec(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	struct vm_perf_watch_process *process = process_of(w, r->pid);
	if (!process)
		return -ENOMEM;
	const uint32_t old = process->space;
	process->space = new_space(w, r->pid, w->set->space.v[old].parent, VM_FAULT_NONE, r->name);
	if (process->space == VM_FAULT_NONE)
		return -ENOMEM;
	w->set->space.v[old].ended = true;
	vm_spacemaps_end(&w->maps, old);
	process->leader_ended = false;
	process->looked_ns = 0;
	uint32_t t = known_thread(w, r->pid, r->tid);
	process->live = t != VM_FAULT_NONE;
	if (t == VM_FAULT_NONE)
		t = new_thread(w, process, r->tid, 0, r->name);
	if (t == VM_FAULT_NONE)
		return -ENOMEM;
	/* It may have had another number so far. */
	w->thread.v[t].owner = 0;
	w->set->thread.v[t].space = process->space;
	snprintf(w->set->thread.v[t].comm, sizeof(w->set->thread.v[t].comm), "%s", r->name);
	return 0;
}

static int take_comm(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	if (r->exec)
		return take_exec(w, r);
	const uint32_t at = known_thread(w, r->pid, r->tid);
	if (at == VM_FAULT_NONE)
		return 0;
	struct vm_fault_thread *t = &w->set->thread.v[at];
	snprintf(t->comm, sizeof(t->comm), "%s", r->name);
	if (r->pid == r->tid)
		memcpy(w->set->space.v[t->space].comm, t->comm, sizeof(t->comm));
	return 0;
}

/* ---- Mappings ---------------------------------------------------------------------------------------------------- */

/** Code is what instructions and stacks point to, so it is always listed. */
static int add_mapping(struct vm_perf_watch *w, const struct vm_fault_mapping *m)
{
	if (!vm_spacemaps_map(&w->maps, m))
		return -ENOMEM;
	if (!(m->prot & PROT_EXEC))
		return 0;
	const size_t before = w->maps.hit.n;
	uint64_t key;
	const struct vm_fault_mapping *code = vm_spacemaps_hit(&w->maps, m->space, m->start, &key);
	if (code && w->maps.hit.n > before && w->code)
		w->code(w->code_ctx, w->set, code);
	return code ? 0 : -ENOMEM;
}

static int take_mmap(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	const struct vm_perf_watch_process *process = process_of(w, r->pid);
	if (!process)
		return -ENOMEM;
	/* perf_event_mmap_event() in kernel/events/core.c: what maps shows without a name. */
	const bool anon = strcmp(r->name, "//anon") == 0;
	struct vm_fault_mapping m = {
		.space = process->space, .prot = r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC), .shared = r->flags & MAP_SHARED,
		.start = r->start, .end = r->start + r->length, .offset = r->inode ? r->offset : 0, .inode = r->inode,
		.dev_major = r->dev_major, .dev_minor = r->dev_minor, .name = anon ? "" : r->name,
	};
	m.backing = r->flags & MAP_HUGETLB ? VM_FAULT_B_HUGETLB : vm_backing_of(&w->backings, &m);
	return add_mapping(w, &m);
}

/** What it has mapped now, if it is there and may be looked at. */
static int look_at(struct vm_perf_watch *w, struct vm_perf_watch_process *process)
{
	struct vm_aspace *as = NULL;
	int r = 0;
	const uint64_t began = vm_clock_ns();
	if (vm_snapshot(w->s, process->pid, VM_NEED(LAYOUT), 0, 0, &as, NULL) == 0) {
		for (size_t i = 0; r == 0 && i < as->nmaps; i++) {
			const struct vm_mapping *v = &as->map[i];
			struct vm_fault_mapping m = {
				.space = process->space, .prot = v->prot, .shared = v->shared, .start = v->start, .end = v->end,
				.offset = v->offset, .inode = v->inode, .dev_major = v->dev_major, .dev_minor = v->dev_minor,
				.name = v->name,
			};
			m.backing = vm_backing_of(&w->backings, &m);
			r = add_mapping(w, &m);
		}
		vm_aspace_free(as);
	}
	process->looked_ns = vm_clock_ns();
	process->look_took_ns = process->looked_ns - began;
	return r;
}

/** Of the processes that have events.  0 or -ENOMEM. */
static int read_mappings(struct vm_perf_watch *w)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < w->process.n; i++)
		r = look_at(w, &w->process.v[i]);
	return r;
}

/** mremap(2) tells nobody, and of what was there before the events did so nobody told. */
static bool look_again(struct vm_perf_watch *w, uint32_t space)
{
	uint32_t at;
	if (w->set->space.v[space].ended || !vm_map_get(&w->by_pid, (uint64_t)w->set->space.v[space].pid, &at))
		return false;
	struct vm_perf_watch_process *process = &w->process.v[at];
	const uint64_t share = process->look_took_ns * LOOK_SHARE, wait = share > LOOK_AGAIN_NS ? share : LOOK_AGAIN_NS;
	if (process->space != space || (process->looked_ns && vm_clock_ns() - process->looked_ns < wait))
		return false;
	return look_at(w, process) == 0;
}

const struct vm_fault_mapping *vm_perf_watch_mapping(struct vm_perf_watch *w, uint32_t space, uint64_t address, uint64_t *key)
{
	const struct vm_fault_mapping *m = NULL;
	/* Of what it was forked from too, whose mappings may have been unknown then. */
	for (; !m && space != VM_FAULT_NONE; space = w->set->space.v[space].from) {
		m = vm_spacemaps_hit(&w->maps, space, address, key);
		if (!m && look_again(w, space))
			m = vm_spacemaps_hit(&w->maps, space, address, key);
	}
	return m;
}

/* ---- Samples ----------------------------------------------------------------------------------------------------- */

/** The number of the event may be that of another kind: see vm_perf_sample_type(). */
static uint8_t which_of(const struct vm_perf_record *r, const struct vm_perf_watch_event *e)
{
	return !r->marked ? 0 : e && e->which ? e->which : 1;
}

/**
 * A thread that got events of its own had inherited some before, if the one that made it had got them shortly before; and
 * so tells everything twice, as those do that it makes.  The second time is not to count.  The two tell themselves apart
 * by their events' numbers, of which the owner's count; or, since Linux 6.2, they are equal to the nanosecond, with the
 * number of either, or of another program's event.
 */
static bool is_second(struct vm_perf_watch_thread *t, const struct vm_perf_watch_event *e, uint8_t which,
		      const struct vm_perf_record *r)
{
	const bool equal = t->time_ns == r->time_ns && t->address == r->address && t->ip == r->ip && t->which == which;
	t->time_ns = r->time_ns;
	t->address = r->address;
	t->ip = r->ip;
	t->which = which;
	if (!t->owner && e)
		t->owner = e->tid;
	const bool inherited = e && e->tid != t->owner;
	return inherited != equal;
}

static int pass(struct vm_perf_watch *w, uint8_t which, const struct vm_perf_record *r)
{
	const struct perf_event_attr *a = &w->attr[which];
	w->passed[which] += r->period ? r->period : a->freq ? 1 : a->sample_period;
	return 0;
}

static int take_sample(struct vm_perf_watch *w, const struct vm_perf_record *r)
{
	uint32_t at;
	const struct vm_perf_watch_event *e = vm_map_get(&w->by_id, r->id, &at) ? &w->event.v[at] : NULL;
	const uint8_t which = which_of(r, e);
	w->seen[which]++;
	if (is_self(w, r->pid))
		return pass(w, which, r);
	const uint32_t t = thread_of(w, r->pid, r->tid, 0);
	const struct vm_perf_watch_process *process = process_of(w, r->pid);
	if (t == VM_FAULT_NONE || !process)
		return -ENOMEM;
	/* Of one thread's events; there is only one of all. */
	if (process->stranger || (w->event.v[0].tid >= 0 && is_second(&w->thread.v[t], e, which, r)))
		return pass(w, which, r);
	return w->sample(w->ctx, r, process->space, t, which);
}

static int take(void *ctx, const struct vm_perf_record *r)
{
	struct vm_perf_watch *w = ctx;
	if (is_self(w, r->pid) && r->type != PERF_RECORD_SAMPLE)
		return 0;
	switch (r->type) {
	case PERF_RECORD_SAMPLE:
		return take_sample(w, r);
	case PERF_RECORD_MMAP2:
		return take_mmap(w, r);
	case PERF_RECORD_FORK:
		return take_fork(w, r);
	case PERF_RECORD_EXIT:
		return take_exit(w, r);
	case PERF_RECORD_COMM:
		return take_comm(w, r);
	case PERF_RECORD_LOST:
		w->told_lost += r->lost;
		return 0;
	case PERF_RECORD_THROTTLE:
		w->throttled++;
		return 0;
	default:
		return 0;
	}
}

int vm_perf_watch_take(struct vm_perf_watch *w, bool all, struct vm_err *err)
{
	const int r = vm_perf_rings_read(w->rings, all, &w->form, take, w);
	return r < 0 ? vm_fail_os(err, -r, "cannot take the records of perf events") : r;
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

int vm_perf_watch_enable(struct vm_perf_watch *w, struct vm_err *err)
{
	/* A command has yet to map what it will have. */
	if (w->whom == VM_OF_COMMAND)
		return 0;
	for (size_t i = 0; i < w->event.n; i++)
		ioctl(w->event.v[i].fd, PERF_EVENT_IOC_ENABLE, 0);
	w->enabled = true;
	const int r = w->event.n && w->event.v[0].tid >= 0 ? vm_perf_watch_late(w) : 0;
	if (r < 0)
		return vm_perf_event_fail(w->s, r, VM_PERF_OF_OTHERS, err);
	/* Now that the events tell already of what changes. */
	return read_mappings(w) < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

void vm_perf_watch_close(struct vm_perf_watch *w)
{
	vm_perf_watch_close_events(w);
	vm_spacemaps_free(&w->maps);
	vm_backings_free(&w->backings);
	vm_vec_free(&w->process);
	vm_vec_free(&w->thread);
	vm_map_free(&w->by_pid);
	vm_map_free(&w->by_tid);
}
