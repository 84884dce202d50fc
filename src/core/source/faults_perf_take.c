/** Records of perf events to sums: who exists, what is mapped where, and the faults themselves. */

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/model/aspace.h"
#include "core/source/faults_perf.h"
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

static uint32_t new_space(struct vm_fp *p, pid_t pid, pid_t parent, uint32_t from, const char *comm)
{
	struct vm_fault_space s = { .pid = pid, .parent = parent, .from = from };
	snprintf(s.comm, sizeof(s.comm), "%s", comm);
	return vm_vec_push(&p->set.space, s) ? (uint32_t)p->set.space.n - 1 : VM_FAULT_NONE;
}

static struct vm_fp_process *new_process(struct vm_fp *p, pid_t pid, pid_t parent, uint32_t from, const char *comm)
{
	const struct vm_fp_process process = { .pid = pid, .space = new_space(p, pid, parent, from, comm) };
	if (process.space == VM_FAULT_NONE || !vm_vec_push(&p->process, process) ||
	    !vm_map_put(&p->by_pid, (uint64_t)pid, (uint32_t)p->process.n - 1))
		return NULL;
	return &p->process.v[p->process.n - 1];
}

/** The one that has this number now, known or not; NULL when memory is out. */
static struct vm_fp_process *process_of(struct vm_fp *p, pid_t pid)
{
	char comm[16];
	uint32_t at;
	if (vm_map_get(&p->by_pid, (uint64_t)pid, &at))
		return &p->process.v[at];
	read_comm(p->s, pid, pid, comm);
	return new_process(p, pid, 0, VM_FAULT_NONE, comm);
}

/** Its index; VM_FAULT_NONE when memory is out. */
static uint32_t new_thread(struct vm_fp *p, struct vm_fp_process *process, pid_t tid, pid_t owner, const char *comm)
{
	struct vm_fault_thread t = { .space = process->space, .tid = tid, .pid = process->pid, .cpu_ns = UINT64_MAX };
	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	process->live++;
	const uint32_t at = (uint32_t)p->set.thread.n;
	return vm_vec_push(&p->thread, (struct vm_fp_thread){ .owner = owner }) && vm_vec_push(&p->set.thread, t) &&
	       vm_map_put(&p->by_tid, (uint64_t)tid, at) ? at : VM_FAULT_NONE;
}

/** VM_FAULT_NONE: not known, or it has ended and the number isn't used again yet. */
static uint32_t known_thread(struct vm_fp *p, pid_t pid, pid_t tid)
{
	uint32_t at;
	if (!vm_map_get(&p->by_tid, (uint64_t)tid, &at))
		return VM_FAULT_NONE;
	return p->set.thread.v[at].pid == pid && !p->set.thread.v[at].ended ? at : VM_FAULT_NONE;
}

/** Of which nothing was told so far, or known; VM_FAULT_NONE when memory is out. */
static uint32_t thread_of(struct vm_fp *p, pid_t pid, pid_t tid, pid_t owner)
{
	const uint32_t at = known_thread(p, pid, tid);
	struct vm_fp_process *process = at == VM_FAULT_NONE ? process_of(p, pid) : NULL;
	char comm[16];
	if (!process)
		return at;
	read_comm(p->s, pid, tid, comm);
	return new_thread(p, process, tid, owner, *comm ? comm : p->set.space.v[process->space].comm);
}

int vm_fp_attached(struct vm_fp *p, pid_t pid, pid_t tid)
{
	return thread_of(p, pid, tid, tid) == VM_FAULT_NONE ? -ENOMEM : 0;
}

/** Of all processes, we aren't one. */
static bool is_self(const struct vm_fp *p, pid_t pid)
{
	return p->ask.whom == VM_OF_ALL && pid == getpid();
}

/** A process has the mappings of the one that forked it. */
static struct vm_fp_process *take_new_process(struct vm_fp *p, const struct vm_perf_record *r, uint32_t from, const char *comm)
{
	const bool unwanted = p->event.n && p->event.v[0].tid >= 0 && !p->children;
	const struct vm_fp_process *parent = process_of(p, r->parent);
	const bool stranger = unwanted || (parent && parent->stranger);
	struct vm_fp_process *process = new_process(p, r->pid, r->parent, from, comm);
	if (!process || !vm_spacemaps_fork(&p->maps, process->space, from))
		return NULL;
	process->stranger = stranger;
	return process;
}

/** A thread, or the first one of a process: with the name and the events of the one that made it. */
static int take_fork(struct vm_fp *p, const struct vm_perf_record *r)
{
	const uint32_t known = known_thread(p, r->pid, r->tid);
	/* It got events of its own before this was read. */
	if (known != VM_FAULT_NONE && p->thread.v[known].owner == r->tid)
		return 0;
	if (is_self(p, r->parent))
		return thread_of(p, r->pid, r->tid, 0) == VM_FAULT_NONE ? -ENOMEM : 0;
	const uint32_t maker = known_thread(p, r->parent, r->parent_tid);
	struct vm_fp_process *process = process_of(p, r->parent);
	char comm[16];
	if (!process)
		return -ENOMEM;
	snprintf(comm, sizeof(comm), "%s",
		 maker != VM_FAULT_NONE ? p->set.thread.v[maker].comm : p->set.space.v[process->space].comm);
	const pid_t owner = maker != VM_FAULT_NONE ? p->thread.v[maker].owner : 0;
	if (r->pid != r->parent)
		process = take_new_process(p, r, process->space, comm);
	return process && new_thread(p, process, r->tid, owner, comm) != VM_FAULT_NONE ? 0 : -ENOMEM;
}

static int take_exit(struct vm_fp *p, const struct vm_perf_record *r)
{
	uint32_t at;
	const uint32_t t = known_thread(p, r->pid, r->tid);
	if (!vm_map_get(&p->by_pid, (uint64_t)r->pid, &at))
		return 0;
	struct vm_fp_process *process = &p->process.v[at];
	if (t != VM_FAULT_NONE) {
		p->set.thread.v[t].ended = true;
		process->live--;
	}
	process->leader_ended |= r->tid == r->pid;
	if (process->leader_ended && !process->live) {
		p->set.space.v[process->space].ended = true;
		vm_spacemaps_end(&p->maps, process->space);
	}
	return 0;
}

/** Another program: in a space of its own.  The thread that executed it is the only one that is left, and has its number. */
static int take_exec(struct vm_fp *p, const struct vm_perf_record *r)
{
	struct vm_fp_process *process = process_of(p, r->pid);
	if (!process)
		return -ENOMEM;
	const uint32_t old = process->space;
	process->space = new_space(p, r->pid, p->set.space.v[old].parent, VM_FAULT_NONE, r->name);
	if (process->space == VM_FAULT_NONE)
		return -ENOMEM;
	p->set.space.v[old].ended = true;
	vm_spacemaps_end(&p->maps, old);
	process->leader_ended = false;
	process->looked_ns = 0;
	uint32_t t = known_thread(p, r->pid, r->tid);
	process->live = t != VM_FAULT_NONE;
	if (t == VM_FAULT_NONE)
		t = new_thread(p, process, r->tid, 0, r->name);
	if (t == VM_FAULT_NONE)
		return -ENOMEM;
	/* It may have had another number so far. */
	p->thread.v[t].owner = 0;
	p->set.thread.v[t].space = process->space;
	snprintf(p->set.thread.v[t].comm, sizeof(p->set.thread.v[t].comm), "%s", r->name);
	return 0;
}

static int take_comm(struct vm_fp *p, const struct vm_perf_record *r)
{
	if (r->exec)
		return take_exec(p, r);
	const uint32_t at = known_thread(p, r->pid, r->tid);
	if (at == VM_FAULT_NONE)
		return 0;
	struct vm_fault_thread *t = &p->set.thread.v[at];
	snprintf(t->comm, sizeof(t->comm), "%s", r->name);
	if (r->pid == r->tid)
		memcpy(p->set.space.v[t->space].comm, t->comm, sizeof(t->comm));
	return 0;
}

/* ---- Mappings ---------------------------------------------------------------------------------------------------- */

/** Code is what instructions and stacks point to, so it is always listed. */
static int add_mapping(struct vm_fp *p, const struct vm_fault_mapping *m)
{
	if (!vm_spacemaps_map(&p->maps, m))
		return -ENOMEM;
	if (!(m->prot & PROT_EXEC))
		return 0;
	const size_t before = p->maps.hit.n;
	uint64_t key;
	const struct vm_fault_mapping *code = vm_spacemaps_hit(&p->maps, m->space, m->start, &key);
	if (code && p->maps.hit.n > before && p->ask.code)
		p->ask.code(p->ask.ctx, &p->set, code);
	return code ? 0 : -ENOMEM;
}

static int take_mmap(struct vm_fp *p, const struct vm_perf_record *r)
{
	const struct vm_fp_process *process = process_of(p, r->pid);
	if (!process)
		return -ENOMEM;
	/* perf_event_mmap_event() in kernel/events/core.c: what maps shows without a name. */
	const bool anon = strcmp(r->name, "//anon") == 0;
	struct vm_fault_mapping m = {
		.space = process->space, .prot = r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC), .shared = r->flags & MAP_SHARED,
		.start = r->start, .end = r->start + r->length, .offset = r->inode ? r->offset : 0, .inode = r->inode,
		.dev_major = r->dev_major, .dev_minor = r->dev_minor, .name = anon ? "" : r->name,
	};
	m.backing = r->flags & MAP_HUGETLB ? VM_FAULT_B_HUGETLB : vm_backing_of(&p->backings, &m);
	return add_mapping(p, &m);
}

/** What it has mapped now, if it is there and may be looked at. */
static int look_at(struct vm_fp *p, struct vm_fp_process *process)
{
	struct vm_aspace *as = NULL;
	int r = 0;
	const uint64_t began = vm_clock_ns();
	if (vm_snapshot(p->s, process->pid, VM_NEED(LAYOUT), 0, 0, &as, NULL) == 0) {
		for (size_t i = 0; r == 0 && i < as->nmaps; i++) {
			const struct vm_mapping *v = &as->map[i];
			struct vm_fault_mapping m = {
				.space = process->space, .prot = v->prot, .shared = v->shared, .start = v->start, .end = v->end,
				.offset = v->offset, .inode = v->inode, .dev_major = v->dev_major, .dev_minor = v->dev_minor,
				.name = v->name,
			};
			m.backing = vm_backing_of(&p->backings, &m);
			r = add_mapping(p, &m);
		}
		vm_aspace_free(as);
	}
	process->looked_ns = vm_clock_ns();
	process->look_took_ns = process->looked_ns - began;
	return r;
}

int vm_fp_read_mappings(struct vm_fp *p)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->process.n; i++)
		r = look_at(p, &p->process.v[i]);
	return r;
}

/** mremap(2) tells nobody, and of what was there before the events did so nobody told. */
static bool look_again(struct vm_fp *p, uint32_t space)
{
	uint32_t at;
	if (p->set.space.v[space].ended || !vm_map_get(&p->by_pid, (uint64_t)p->set.space.v[space].pid, &at))
		return false;
	struct vm_fp_process *process = &p->process.v[at];
	const uint64_t share = process->look_took_ns * LOOK_SHARE, wait = share > LOOK_AGAIN_NS ? share : LOOK_AGAIN_NS;
	if (process->space != space || (process->looked_ns && vm_clock_ns() - process->looked_ns < wait))
		return false;
	return look_at(p, process) == 0;
}

static const struct vm_fault_mapping *mapping_at(struct vm_fp *p, uint32_t space, uint64_t address, uint64_t *key)
{
	const struct vm_fault_mapping *m = NULL;
	/* Of what it was forked from too, whose mappings may have been unknown then. */
	for (; !m && space != VM_FAULT_NONE; space = p->set.space.v[space].from) {
		m = vm_spacemaps_hit(&p->maps, space, address, key);
		if (!m && look_again(p, space))
			m = vm_spacemaps_hit(&p->maps, space, address, key);
	}
	return m;
}

/* ---- Faults ------------------------------------------------------------------------------------------------------ */

static unsigned kind_of(const struct vm_fp *p, const struct vm_fault_mapping *m, bool major)
{
	/* Perhaps it was a write, and nothing was read. */
	if (major && m && m->shared && (m->prot & PROT_WRITE) && p->counts_shared_writes)
		return VM_FAULT_MAJOR;
	switch (m ? m->backing : VM_FAULT_B_NONE) {
	case VM_FAULT_B_ANON:
		return major ? VM_FAULT_SWAP_IN : VM_FAULT_MINOR_ANON;
	case VM_FAULT_B_FILE:
		return major ? VM_FAULT_FILE_DISK : VM_FAULT_MINOR_FILE;
	case VM_FAULT_B_SHMEM:
		return major ? VM_FAULT_SWAP_IN : VM_FAULT_MINOR_SHMEM;
	case VM_FAULT_B_HUGETLB:
		return VM_FAULT_HUGETLB;
	case VM_FAULT_B_DEVICE:
		return VM_FAULT_DEVICE;
	default:
		return major ? VM_FAULT_MAJOR : VM_FAULT_MINOR;
	}
}

/** While a program is executed the system call is that of the program before, which isn't in this space. */
static uint64_t instruction(struct vm_fp *p, const struct vm_perf_record *r, uint32_t space)
{
	uint64_t key;
	return !r->kernel || mapping_at(p, space, r->user_ip, &key) ? r->user_ip : 0;
}

static int count(struct vm_fp *p, const struct vm_perf_record *r, uint32_t space, bool major)
{
	uint64_t key = UINT64_MAX;
	const struct vm_fault_mapping *m = mapping_at(p, space, r->address, &key);
	const struct vm_fault_group g = {
		.space = space, .kind = (uint8_t)kind_of(p, m, major), .kernel = r->kernel, .mapping = key,
		.ip = instruction(p, r, space),
		.stack = vm_fault_fold_stack(&p->fold, r->stack, r->depth),
	};
	if (!vm_fault_fold(&p->fold, &g, major, r->address, r->page_size ? r->page_size : p->s->page_bytes))
		return -ENOMEM;
	if (!p->ask.event)
		return 0;
	const struct vm_fault_event e = {
		.at_ns = r->time_ns, .ns = VM_FAULT_NO_TIME, .address = r->address, .ip = g.ip,
		.kernel_ip = r->kernel ? r->ip : 0, .mapping = key, .where = m, .tid = r->tid, .pid = r->pid, .space = space,
		.stack = g.stack, .kind = g.kind, .kernel = r->kernel, .major = major,
	};
	return p->ask.event(p->ask.ctx, &p->set, &e);
}

/**
 * A thread that got events of its own had inherited some before, if the one that made it had got them shortly before; and
 * so tells each fault twice, as those do that it makes.  The second time is not to count.  The two tell themselves apart
 * by their events' numbers, of which the owner's count; or, since Linux 6.2, they are equal to the nanosecond, with the
 * number of either, or of another program's event.
 */
static bool is_second(struct vm_fp_thread *t, const struct vm_fp_event *e, const struct vm_perf_record *r)
{
	const bool equal = t->time_ns == r->time_ns && t->address == r->address && t->ip == r->ip;
	t->time_ns = r->time_ns;
	t->address = r->address;
	t->ip = r->ip;
	if (!t->owner && e)
		t->owner = e->tid;
	const bool inherited = e && e->tid != t->owner;
	return inherited != equal;
}

static int take_sample(struct vm_fp *p, const struct vm_perf_record *r)
{
	const bool major = r->marked;
	uint32_t at;
	*(major ? &p->seen_major : &p->seen_minor) += 1;
	if (is_self(p, r->pid))
		return 0;
	const struct vm_fp_event *e = vm_map_get(&p->by_id, r->id, &at) ? &p->event.v[at] : NULL;
	const uint32_t t = thread_of(p, r->pid, r->tid, 0);
	const struct vm_fp_process *process = process_of(p, r->pid);
	if (t == VM_FAULT_NONE || !process)
		return -ENOMEM;
	/* Of one thread's events; there is only one of all. */
	if (process->stranger || (p->event.v[0].tid >= 0 && is_second(&p->thread.v[t], e, r)))
		return 0;
	*(major ? &p->set.thread.v[t].major : &p->set.thread.v[t].minor) += 1;
	return count(p, r, process->space, major);
}

int vm_fp_take(void *ctx, const struct vm_perf_record *r)
{
	struct vm_fp *p = ctx;
	if (is_self(p, r->pid) && r->type != PERF_RECORD_SAMPLE)
		return 0;
	switch (r->type) {
	case PERF_RECORD_SAMPLE:
		return take_sample(p, r);
	case PERF_RECORD_MMAP2:
		return take_mmap(p, r);
	case PERF_RECORD_FORK:
		return take_fork(p, r);
	case PERF_RECORD_EXIT:
		return take_exit(p, r);
	case PERF_RECORD_COMM:
		return take_comm(p, r);
	case PERF_RECORD_LOST:
		p->told_lost += r->lost;
		return 0;
	default:
		return 0;
	}
}
