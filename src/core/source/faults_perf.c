/**
 * Page faults by perf's software events: who, where, minor or major; with the records of mappings and processes that come
 * along, so that short-lived ones are known too.  Kinds and times need more (faults_ebpf.c).
 */

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/cgroupfs.h"
#include "core/source/faults.h"
#include "core/source/perf_ring.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { RING_MOST = 4 << 20, LOOK_AGAIN_NS = 50000000 };

/** An event on one CPU, of one thread or all. */
struct event {
	int fd;
	bool major;
	uint64_t id;
};

struct perf {
	struct vm_session *s;
	const struct vm_fault_ask *ask;
	struct vm_faultset set;
	VM_VEC(struct event) event;
	/** One ring a CPU; all events of that CPU write into it. */
	VM_VEC(struct vm_perf_ring *) ring;
	VM_VEC(unsigned) cpu;
	/** The space that a process has now; groups and stacks by their contents; when a space's maps were last read. */
	struct vm_map spaces, groups, stacks, looked;
	/** The back end of counters watches the same: what they say is compared. */
	void *own;
	bool user_only, stopped;
	uint64_t seen_minor, seen_major;
};

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static int open_event(const struct perf *p, bool major, pid_t pid, unsigned cpu, int flags)
{
	const bool command = p->ask->whom == VM_FAULTS_OF_COMMAND;
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(a),
		.config = major ? PERF_COUNT_SW_PAGE_FAULTS_MAJ : PERF_COUNT_SW_PAGE_FAULTS_MIN, .sample_period = 1,
		.sample_type = vm_perf_sample_type(p->ask->stacks), .sample_id_all = 1, .exclude_kernel = p->user_only,
		.exclude_callchain_kernel = 1, .inherit = pid >= 0 && !(flags & PERF_FLAG_PID_CGROUP), .disabled = command,
		.enable_on_exec = command, .use_clockid = 1, .clockid = CLOCK_MONOTONIC,
		/* One event of a CPU tells of mappings and processes, for all. */
		.mmap = !major, .mmap_data = !major, .mmap2 = !major, .comm = !major, .comm_exec = !major, .task = !major,
		.sample_max_stack = p->ask->stacks ? VM_PERF_STACK_DEPTH : 0,
	};
	long fd = syscall(SYS_perf_event_open, &a, pid, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC | (unsigned long)flags);
	return fd < 0 ? -errno : (int)fd;
}

static int make_ring(struct perf *p, size_t cpu, int fd)
{
	struct vm_perf_ring *r = p->ring.v[cpu] = calloc(1, sizeof(*r));
	return r ? vm_perf_ring_map(r, fd, RING_MOST) : -ENOMEM;
}

/** First event of each CPU, to whose ring the others' output goes. */
static int add_event(struct perf *p, bool major, pid_t pid, size_t cpu, int flags, int *first)
{
	int fd = open_event(p, major, pid, p->cpu.v[cpu], flags);
	if (fd == -ENODEV)
		return 0;
	if (fd < 0)
		return fd;
	struct event e = { .fd = fd, .major = major };
	if (ioctl(fd, PERF_EVENT_IOC_ID, &e.id) != 0 || !vm_vec_push(&p->event, e)) {
		close(fd);
		return -ENOMEM;
	}
	if (first[cpu] >= 0)
		return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, first[cpu]) == 0 ? 0 : -errno;
	first[cpu] = fd;
	return make_ring(p, cpu, fd);
}

static int add_target(struct perf *p, pid_t pid, int flags, int *first)
{
	int r = 0;
	for (size_t cpu = 0; r == 0 && cpu < p->cpu.n; cpu++) {
		r = add_event(p, false, pid, cpu, flags, first);
		if (r == 0)
			r = add_event(p, true, pid, cpu, flags, first);
	}
	return r;
}

/** Every thread: those that they make inherit the events, and what comes between is found by looking again. */
static int add_threads(struct perf *p, pid_t pid, int *first)
{
	struct vm_map known = { 0 };
	size_t added = 1;
	int r = 0;
	while (r == 0 && added) {
		char path[64];
		struct vm_pids tids = { 0 };
		snprintf(path, sizeof(path), "proc/%d/task", pid);
		added = 0;
		r = vm_list_numbers(p->s, &tids, NULL, path) < 0 ? -ESRCH : 0;
		for (size_t i = 0; r == 0 && i < tids.n; i++) {
			uint32_t there;
			if (vm_map_get(&known, (uint64_t)tids.v[i], &there))
				continue;
			added += vm_map_put(&known, (uint64_t)tids.v[i], 1);
			r = add_target(p, tids.v[i], 0, first);
			/* It has ended since. */
			r = r == -ESRCH ? 0 : r;
		}
		vm_vec_free(&tids);
	}
	vm_map_free(&known);
	return r;
}

static int find_cpus(struct perf *p)
{
	unsigned first, last;
	if (vm_session_slurp(p->s, &p->s->scratch, "sys/devices/system/cpu/online") <= 0)
		return -ENOENT;
	for (const char *t = p->s->scratch.s; (t = vm_parse_list(t, &first, &last));)
		for (unsigned cpu = first; cpu <= last; cpu++)
			if (!vm_vec_push(&p->cpu, cpu) || !vm_vec_push(&p->ring, NULL))
				return -ENOMEM;
	return p->cpu.n ? 0 : -ENOENT;
}

static int open_all(struct perf *p, int *first)
{
	int r = 0, failed = 0;
	switch (p->ask->whom) {
	case VM_FAULTS_OF_ALL:
		return add_target(p, -1, 0, first);
	case VM_FAULTS_OF_CGROUP: {
		vm_auto_close int fd = vm_cgroup_open_perf(p->s, p->ask->cgroup);
		return fd < 0 ? fd : add_target(p, fd, PERF_FLAG_PID_CGROUP, first);
	}
	case VM_FAULTS_OF_COMMAND:
		return add_target(p, p->ask->pids[0], 0, first);
	default:
		for (size_t i = 0; i < p->ask->npids; i++) {
			r = add_threads(p, p->ask->pids[i], first);
			failed += r == -ESRCH;
			if (r < 0 && r != -ESRCH)
				return r;
		}
		return failed && (size_t)failed == p->ask->npids ? -ESRCH : 0;
	}
}

static void close_events(struct perf *p)
{
	for (size_t i = 0; i < p->event.n; i++)
		close(p->event.v[i].fd);
	for (size_t i = 0; i < p->ring.n; i++) {
		if (p->ring.v[i])
			vm_perf_ring_unmap(p->ring.v[i]);
		free(p->ring.v[i]);
		p->ring.v[i] = NULL;
	}
	p->event.n = 0;
}

static int fail_open(struct perf *p, int code, struct vm_err *err)
{
	if (code == ESRCH)
		return vm_fail(err, ESRCH, "there is no such process");
	if (code != EACCES && code != EPERM)
		return vm_fail_os(err, code, "cannot open perf events");
	long n = vm_session_slurp(p->s, &p->s->scratch, "proc/sys/kernel/perf_event_paranoid");
	vm_fail(err, EPERM, "perf events need CAP_PERFMON, or kernel.perf_event_paranoid at most 2 for programs of one's own (it is "
		"%.*s)", n > 0 ? (int)strcspn(p->s->scratch.s, "\n") : 1, n > 0 ? p->s->scratch.s : "?");
	vm_hint(err, "run with sudo");
	return -EPERM;
}

/** From kernel mode too if that is allowed; else from user mode. */
static int open_events(struct perf *p, struct vm_err *err)
{
	int r = find_cpus(p);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot read which CPUs are online");
	int *first = calloc(p->cpu.n, sizeof(*first));
	if (!first)
		return vm_fail(err, ENOMEM, "out of memory");
	for (int user_only = 0; user_only < 2; user_only++) {
		p->user_only = user_only;
		for (size_t i = 0; i < p->cpu.n; i++)
			first[i] = -1;
		r = open_all(p, first);
		if (r != -EACCES && r != -EPERM)
			break;
		close_events(p);
	}
	free(first);
	p->set.user_only = p->user_only;
	return r < 0 ? fail_open(p, -r, err) : 0;
}

/* ---- Spaces and mappings ------------------------------------------------------------------------------------------ */

static uint32_t new_space(struct perf *p, pid_t pid, pid_t parent, uint32_t from, const char *comm)
{
	struct vm_fault_space s = { .pid = pid, .parent = parent, .from = from };
	snprintf(s.comm, sizeof(s.comm), "%.15s", comm);
	if (!vm_vec_push(&p->set.space, s) || !vm_map_put(&p->spaces, (uint64_t)pid, (uint32_t)p->set.space.n - 1))
		return VM_FAULT_NONE;
	return (uint32_t)p->set.space.n - 1;
}

static uint32_t space_of(struct perf *p, pid_t pid)
{
	uint32_t at;
	char comm[16] = "";
	if (vm_map_get(&p->spaces, (uint64_t)pid, &at))
		return at;
	if (vm_session_slurp(p->s, &p->s->scratch, "proc/%d/comm", pid) > 0)
		snprintf(comm, sizeof(comm), "%.*s", (int)strcspn(p->s->scratch.s, "\n"), p->s->scratch.s);
	return new_space(p, pid, 0, VM_FAULT_NONE, comm);
}

static enum vm_fault_backing backing_of(const char *name, uint64_t inode, uint64_t flags)
{
	if (flags & MAP_HUGETLB || strncmp(name, "/anon_hugepage", 14) == 0)
		return VM_FAULT_B_HUGETLB;
	if (strncmp(name, "/dev/shm/", 9) == 0 || strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "/SYSV", 5) == 0 ||
	    strncmp(name, "/dev/zero (deleted)", 19) == 0)
		return VM_FAULT_B_SHMEM;
	if (strcmp(name, "[vdso]") == 0 || strncmp(name, "[vvar", 5) == 0 || strncmp(name, "/dev/", 5) == 0)
		return VM_FAULT_B_DEVICE;
	return inode ? VM_FAULT_B_FILE : VM_FAULT_B_ANON;
}

static int add_mapping(struct perf *p, const struct vm_fault_mapping *m, const char *name)
{
	struct vm_fault_mapping copy = *m;
	copy.name = vm_arena_strndup(&p->set.arena, name, strlen(name));
	if (!copy.name || !vm_faultset_insert(&p->set, &copy))
		return -ENOMEM;
	if (p->ask->code && (m->prot & PROT_EXEC))
		p->ask->code(p->ask->ctx, &p->set, &copy);
	return 0;
}

/** What it has mapped now, if it is there and may be looked at. */
static int read_mappings(struct perf *p, uint32_t space)
{
	struct vm_aspace *as = NULL;
	int r = 0;
	if (vm_snapshot(p->s, p->set.space.v[space].pid, VM_NEED(LAYOUT), 0, 0, &as, NULL) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < as->nmaps; i++) {
		const struct vm_mapping *v = &as->map[i];
		const struct vm_fault_mapping m = {
			.space = space, .backing = backing_of(v->name, v->inode, 0), .prot = v->prot, .shared = v->shared,
			.start = v->start, .end = v->end, .offset = v->offset, .inode = v->inode, .dev_major = v->dev_major,
			.dev_minor = v->dev_minor,
		};
		r = add_mapping(p, &m, v->name);
	}
	vm_aspace_free(as);
	return r;
}

/** Anonymous memory that grew (brk, mremap) is told of by nobody: look again, but not all the time. */
static const struct vm_fault_mapping *mapping_at(struct perf *p, uint32_t space, uint64_t address)
{
	const struct vm_fault_mapping *m = vm_faultset_mapping(&p->set, space, address);
	uint32_t last = 0;
	const uint64_t now_ms = vm_clock_ns() / 1000000;
	if (m || p->set.space.v[space].ended)
		return m;
	if (vm_map_get(&p->looked, space, &last) && (uint32_t)now_ms - last < LOOK_AGAIN_NS / 1000000)
		return NULL;
	if (!vm_map_put(&p->looked, space, (uint32_t)now_ms) || read_mappings(p, space) < 0)
		return NULL;
	return vm_faultset_mapping(&p->set, space, address);
}

static int take_mmap(struct perf *p, const struct vm_perf_record *r)
{
	const uint32_t space = space_of(p, r->pid);
	if (space == VM_FAULT_NONE)
		return -ENOMEM;
	const bool anon = strcmp(r->name, "//anon") == 0;
	const char *name = anon ? "" : r->name;
	const struct vm_fault_mapping m = {
		.space = space, .backing = backing_of(name, r->inode, r->flags), .prot = (uint8_t)(r->prot & 7),
		.shared = r->flags & MAP_SHARED, .start = r->start, .end = r->start + r->length, .offset = r->offset,
		.inode = r->inode, .dev_major = r->dev_major, .dev_minor = r->dev_minor,
	};
	return add_mapping(p, &m, name);
}

static int take_task(struct perf *p, const struct vm_perf_record *r)
{
	uint32_t from;
	if (r->type == PERF_RECORD_FORK && r->pid != r->parent) {
		from = space_of(p, r->parent);
		return from != VM_FAULT_NONE && new_space(p, r->pid, r->parent, from, p->set.space.v[from].comm) != VM_FAULT_NONE
			       ? 0 : -ENOMEM;
	}
	if (r->type == PERF_RECORD_EXIT && r->pid == r->tid && vm_map_get(&p->spaces, (uint64_t)r->pid, &from))
		p->set.space.v[from].ended = true;
	return 0;
}

static int take_comm(struct perf *p, const struct vm_perf_record *r)
{
	uint32_t at;
	if (!r->exec)
		return 0;
	if (vm_map_get(&p->spaces, (uint64_t)r->pid, &at))
		p->set.space.v[at].ended = true;
	return new_space(p, r->pid, 0, VM_FAULT_NONE, r->name) != VM_FAULT_NONE ? 0 : -ENOMEM;
}

/* ---- Faults ------------------------------------------------------------------------------------------------------- */

static bool is_major(const struct perf *p, uint64_t id)
{
	for (size_t i = 0; i < p->event.n; i++)
		if (p->event.v[i].id == id)
			return p->event.v[i].major;
	return false;
}

static unsigned kind_of(const struct vm_fault_mapping *m, bool major)
{
	switch (m ? m->backing : VM_FAULT_B_NONE) {
	case VM_FAULT_B_ANON: return major ? VM_FAULT_SWAP_IN : VM_FAULT_MINOR_ANON;
	case VM_FAULT_B_FILE: return major ? VM_FAULT_FILE_DISK : VM_FAULT_MINOR_FILE;
	case VM_FAULT_B_SHMEM: return major ? VM_FAULT_SWAP_IN : VM_FAULT_MINOR_SHMEM;
	case VM_FAULT_B_HUGETLB: return VM_FAULT_HUGETLB;
	case VM_FAULT_B_DEVICE: return VM_FAULT_DEVICE;
	default: return major ? VM_FAULT_MAJOR : VM_FAULT_MINOR;
	}
}

static uint32_t stack_of(struct perf *p, const struct vm_perf_record *r)
{
	uint64_t key = r->depth;
	uint32_t at;
	for (unsigned i = 0; i < r->depth; i++)
		key = vm_mix64(key ^ r->stack[i]);
	if (r->depth == 0)
		return VM_FAULT_NONE;
	if (vm_map_get(&p->stacks, key, &at))
		return at;
	uint64_t *kept = vm_arena_alloc(&p->set.arena, r->depth * sizeof(*kept));
	if (!kept)
		return VM_FAULT_NONE;
	memcpy(kept, r->stack, r->depth * sizeof(*kept));
	const struct vm_fault_stack s = { .ip = kept, .n = r->depth };
	if (!vm_vec_push(&p->set.stack, s) || !vm_map_put(&p->stacks, key, (uint32_t)p->set.stack.n - 1))
		return VM_FAULT_NONE;
	return (uint32_t)p->set.stack.n - 1;
}

static int count_group(struct perf *p, const struct vm_fault_group *g)
{
	uint64_t key = vm_mix64(g->ip ^ (uint64_t)g->space << 40 ^ g->kind);
	uint32_t at;
	key = vm_mix64(key ^ g->mapping ^ (uint64_t)g->stack << 20 ^ (uint64_t)g->kernel << 63);
	if (vm_map_get(&p->groups, key, &at)) {
		p->set.group.v[at].count++;
		return 0;
	}
	return vm_vec_push(&p->set.group, *g) && vm_map_put(&p->groups, key, (uint32_t)p->set.group.n - 1) ? 0 : -ENOMEM;
}

static int take_sample(struct perf *p, const struct vm_perf_record *r)
{
	const bool major = is_major(p, r->id);
	const uint32_t space = space_of(p, r->pid);
	if (space == VM_FAULT_NONE)
		return -ENOMEM;
	if (p->ask->whom == VM_FAULTS_OF_ALL && r->pid == getpid())
		return 0;
	const struct vm_fault_mapping *m = mapping_at(p, space, r->address);
	const struct vm_fault_group g = {
		.space = space, .kind = (uint8_t)kind_of(m, major), .kernel = r->kernel, .mapping = m ? m->start : UINT64_MAX,
		/* Of the kernel's own faults only the stack tells the program's instruction. */
		.ip = !r->kernel ? r->ip : r->depth ? r->stack[0] : 0, .stack = stack_of(p, r), .count = 1,
	};
	struct vm_fault_count *c = &p->set.kind[g.kind];
	c->count++;
	c->kernel += g.kernel;
	c->major += major;
	c->bytes += p->s->page_bytes;
	if (major)
		p->seen_major++;
	else
		p->seen_minor++;
	int result = count_group(p, &g);
	if (result < 0 || !p->ask->event)
		return result;
	const struct vm_fault_event e = {
		.at_ns = r->time_ns, .ns = VM_FAULT_NO_TIME, .address = r->address, .ip = g.ip, .kernel_ip = r->kernel ? r->ip : 0,
		.mapping = g.mapping, .where = m, .tid = r->tid, .pid = r->pid, .space = space, .stack = g.stack, .kind = g.kind,
		.kernel = r->kernel, .major = major,
	};
	return p->ask->event(p->ask->ctx, &p->set, &e);
}

static int take(void *ctx, const struct vm_perf_record *r)
{
	struct perf *p = ctx;
	switch (r->type) {
	case PERF_RECORD_SAMPLE: return take_sample(p, r);
	case PERF_RECORD_MMAP2: return take_mmap(p, r);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT: return take_task(p, r);
	case PERF_RECORD_COMM: return take_comm(p, r);
	case PERF_RECORD_LOST: p->set.lost.events += r->lost; return 0;
	default: return 0;
	}
}

/* ---- The back end -------------------------------------------------------------------------------------------------- */

static void close_perf(void *state)
{
	struct perf *p = state;
	close_events(p);
	if (p->own)
		vm_faults_counters.close(p->own);
	vm_faultset_free(&p->set);
	vm_vec_free(&p->event);
	vm_vec_free(&p->ring);
	vm_vec_free(&p->cpu);
	vm_map_free(&p->spaces);
	vm_map_free(&p->groups);
	vm_map_free(&p->stacks);
	vm_map_free(&p->looked);
	free(p);
}

static int begin(struct perf *p, struct vm_err *err)
{
	int r = open_events(p, err);
	/* Mappings come after the events: what is mapped in between is told of. */
	for (size_t i = 0; r == 0 && p->ask->whom == VM_FAULTS_OF_PIDS && i < p->ask->npids; i++) {
		const uint32_t space = space_of(p, p->ask->pids[i]);
		r = space == VM_FAULT_NONE || read_mappings(p, space) < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
	}
	return r;
}

static int open_perf(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	struct perf *p = calloc(1, sizeof(*p));
	if (!p)
		return vm_fail(err, ENOMEM, "out of memory");
	p->s = s;
	p->ask = ask;
	p->set.have_groups = true;
	p->set.cpu_ns = UINT64_MAX;
	p->set.began_ns = p->set.now_ns = vm_clock_ns();
	int r = begin(p, err);
	if (r == 0 && vm_faults_counters.open(s, ask, &p->own, NULL) < 0)
		p->own = NULL;
	if (r < 0)
		close_perf(p);
	else
		*state = p;
	return r;
}

static int poll_perf(void *state, struct vm_err *err)
{
	struct perf *p = state;
	int r = vm_perf_rings_read(p->ring.v, p->ring.n, p->ask->stacks, take, p);
	if (r == 0 && p->own)
		r = vm_faults_counters.poll(p->own, err);
	if (!p->stopped)
		p->set.now_ns = vm_clock_ns();
	return r < 0 ? vm_fail_os(err, -r, "cannot take perf's records") : r;
}

/** The counters of the events are right even where records were lost. */
static void add_lost(struct perf *p)
{
	uint64_t minor = 0, major = 0;
	for (size_t i = 0; i < p->event.n; i++) {
		uint64_t n = 0;
		if (read(p->event.v[i].fd, &n, sizeof(n)) == sizeof(n))
			*(p->event.v[i].major ? &major : &minor) += n;
	}
	if (!p->set.lost.events)
		return;
	if (minor > p->seen_minor) {
		p->set.kind[VM_FAULT_MINOR].count += minor - p->seen_minor;
		p->seen_minor = minor;
	}
	if (major > p->seen_major) {
		p->set.kind[VM_FAULT_MAJOR].count += major - p->seen_major;
		p->set.kind[VM_FAULT_MAJOR].major += major - p->seen_major;
		p->seen_major = major;
	}
}

static int read_perf(void *state, struct vm_err *err)
{
	struct perf *p = state;
	int r = poll_perf(p, err);
	if (r < 0)
		return r;
	add_lost(p);
	if (!p->own)
		return 0;
	r = vm_faults_counters.read(p->own, err);
	const struct vm_faultset *own = vm_faults_counters.set(p->own);
	p->set.own_known = own->own_known && !p->user_only;
	p->set.own_minor = own->own_minor;
	p->set.own_major = own->own_major;
	p->set.cpu_ns = own->cpu_ns;
	p->set.thread.n = 0;
	for (size_t i = 0; r == 0 && i < own->thread.n; i++) {
		struct vm_fault_thread t = own->thread.v[i];
		t.space = space_of(p, t.pid);
		if (!vm_vec_push(&p->set.thread, t))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	return r;
}

static void stop_perf(void *state)
{
	struct perf *p = state;
	for (size_t i = 0; i < p->event.n; i++)
		ioctl(p->event.v[i].fd, PERF_EVENT_IOC_DISABLE, 0);
	if (p->own)
		vm_faults_counters.stop(p->own);
	p->set.now_ns = vm_clock_ns();
	p->stopped = true;
}

static struct vm_faultset *set_perf(void *state)
{
	return &((struct perf *)state)->set;
}

static int probe_perf(struct vm_session *s, struct vm_err *err)
{
	const pid_t self = getpid();
	const struct vm_fault_ask ask = { .whom = VM_FAULTS_OF_PIDS, .pids = &self, .npids = 1 };
	void *state;
	int r = open_perf(s, &ask, &state, err);
	if (r == 0)
		close_perf(state);
	return r;
}

const struct vm_fault_backend vm_faults_perf = {
	.name = "perf",
	.help = "perf's software events: where, and whether minor or major; no times",
	.events = true,
	.probe = probe_perf,
	.open = open_perf,
	.poll = poll_perf,
	.read = read_perf,
	.stop = stop_perf,
	.set = set_perf,
	.close = close_perf,
};
