/** Adds up what src/bpf/fault.bpf.c counted, per CPU and per thread, into a vm_faultset. */

#include "core/source/faults_ebpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/fault.skel.h"
#include "core/base/err.h"
#include "core/source/session.h"

_Static_assert((int)VM_FT_HISTO_BUCKETS == (int)VM_HISTO_BUCKETS, "one layout of histograms");
_Static_assert(sizeof(struct vm_ft_histo) == sizeof(struct vm_histo), "one layout of histograms");

/* ---- Kinds -------------------------------------------------------------------------------------------------------- */

static int read_kind(struct vm_fe *f, uint32_t kind)
{
	const struct vm_ft_count *c = f->copies;
	struct vm_fault_count *to = &f->set.kind[kind];
	int r = bpf_map_lookup_elem(bpf_map__fd(f->obj->maps.kinds), &kind, f->copies);
	*to = (struct vm_fault_count){ 0 };
	for (unsigned i = 0; r == 0 && i < f->cpus; i++) {
		to->count += c[i].count;
		to->kernel += c[i].kernel;
		to->major += c[i].major;
		to->bytes += c[i].bytes;
		to->ns += c[i].ns;
		to->timed += c[i].timed;
		to->max_ns = c[i].max_ns > to->max_ns ? c[i].max_ns : to->max_ns;
	}
	return r;
}

static int read_histo(struct vm_fe *f, uint32_t kind)
{
	const struct vm_histo *h = f->copies;
	int r = bpf_map_lookup_elem(bpf_map__fd(f->obj->maps.histos), &kind, f->copies);
	memset(&f->set.histo[kind], 0, sizeof(f->set.histo[kind]));
	for (unsigned i = 0; r == 0 && i < f->cpus; i++)
		vm_histo_merge(&f->set.histo[kind], &h[i]);
	return r;
}

int vm_fe_read_kinds(struct vm_fe *f)
{
	int r = 0;
	for (uint32_t kind = 0; r == 0 && kind < VM_FAULT_KIND_NR; kind++) {
		r = read_kind(f, kind);
		if (r == 0 && f->set.kind[kind].timed)
			r = read_histo(f, kind);
	}
	return r;
}

static int read_lost(struct vm_fe *f)
{
	const struct vm_ft_lost *l = f->copies;
	const uint32_t zero = 0;
	int r = bpf_map_lookup_elem(bpf_map__fd(f->obj->maps.losses), &zero, f->copies);
	f->set.lost = (struct vm_fault_lost){ 0 };
	for (unsigned i = 0; r == 0 && i < f->cpus; i++) {
		f->set.lost.events += l[i].events;
		f->set.lost.groups += l[i].groups;
		f->set.lost.stacks += l[i].stacks;
		f->set.lost.threads += l[i].threads;
		f->set.lost.notes += l[i].notes;
		f->set.lost.unmatched += l[i].unmatched;
	}
	return r;
}

/* ---- All entries of a hash ---------------------------------------------------------------------------------------- */

struct entries {
	void *keys, *values;
	size_t n;
};

static void entries_free(struct entries *e)
{
	free(e->keys);
	free(e->values);
}

static int read_entries(const struct bpf_map *map, struct entries *e)
{
	const size_t most = bpf_map__max_entries(map), key = bpf_map__key_size(map), value = bpf_map__value_size(map);
	enum { AT_ONCE = 4096 };
	/* Where a batch goes on is a number of the kernel's, of 32 bits. */
	uint32_t from, to;
	bool first = true;
	int r;
	*e = (struct entries){ .keys = malloc(most * key), .values = malloc(most * value) };
	if (!e->keys || !e->values)
		return -ENOMEM;
	do {
		uint32_t n = most - e->n < AT_ONCE ? (uint32_t)(most - e->n) : AT_ONCE;
		if (n == 0)
			return 0;
		r = bpf_map_lookup_batch(bpf_map__fd(map), first ? NULL : &from, &to, (char *)e->keys + e->n * key,
					 (char *)e->values + e->n * value, &n, NULL);
		if (r == 0 || r == -ENOENT)
			e->n += n;
		from = to;
		first = false;
	} while (r == 0);
	return r == -ENOENT ? 0 : r;
}

/** All threads that live and are counted, as they are at this moment. */
static int for_threads(struct vm_fe *f, int (*take)(struct vm_fe *f, const struct vm_ft_task *t))
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < VM_FT_SLOTS; i++) {
		const struct vm_ft_task t = f->slots[i];
		if (t.tid)
			r = take(f, &t);
	}
	if (r < 0 || !f->obj->bss->control.crowded)
		return r;
	struct entries e;
	r = read_entries(f->obj->maps.crowd, &e);
	const struct vm_ft_task *t = e.values;
	for (size_t i = 0; r == 0 && i < e.n; i++)
		r = take(f, &t[i]);
	entries_free(&e);
	return r;
}

/* ---- Stacks ------------------------------------------------------------------------------------------------------- */

uint32_t vm_fe_stack(struct vm_fe *f, int id)
{
	uint64_t ip[VM_FT_STACK_DEPTH];
	const uint32_t key = (uint32_t)id;
	uint32_t at;
	if (id < 0)
		return VM_FAULT_NONE;
	if (vm_map_get(&f->stacks, key, &at))
		return at;
	if (bpf_map_lookup_elem(bpf_map__fd(f->obj->maps.stacks), &key, ip) != 0)
		return VM_FAULT_NONE;
	unsigned n = 0;
	while (n < VM_FT_STACK_DEPTH && ip[n])
		n++;
	char *kept = vm_arena_alloc(&f->set.arena, n * sizeof(*ip) + 1);
	if (!kept)
		return VM_FAULT_NONE;
	memcpy(kept, ip, n * sizeof(*ip));
	const struct vm_fault_stack s = { .ip = (const void *)kept, .n = n };
	if (!vm_vec_push(&f->set.stack, s) || !vm_map_put(&f->stacks, key, (uint32_t)f->set.stack.n - 1))
		return VM_FAULT_NONE;
	return (uint32_t)f->set.stack.n - 1;
}

/* ---- Groups ------------------------------------------------------------------------------------------------------- */

static int compare_groups(const void *a_, const void *b_)
{
	const struct vm_fault_group *a = a_, *b = b_;
#define BY(x) \
	if (a->x != b->x) \
		return a->x < b->x ? -1 : 1
	BY(space);
	BY(mapping);
	BY(ip);
	BY(kind);
	BY(kernel);
	BY(stack);
#undef BY
	return 0;
}

/** CPUs count each for itself: one row of what differs in nothing else. */
static void merge_groups(struct vm_faultset *s)
{
	size_t to = 0;
	if (s->group.n == 0)
		return;
	qsort(s->group.v, s->group.n, sizeof(*s->group.v), compare_groups);
	for (size_t i = 1; i < s->group.n; i++) {
		struct vm_fault_group *g = &s->group.v[to];
		const struct vm_fault_group *more = &s->group.v[i];
		if (compare_groups(g, more) != 0) {
			s->group.v[++to] = *more;
			continue;
		}
		g->count += more->count;
		g->ns += more->ns;
		g->max_ns = more->max_ns > g->max_ns ? more->max_ns : g->max_ns;
	}
	s->group.n = to + 1;
}

static struct vm_fault_group group_of(struct vm_fe *f, const struct vm_ft_key *k, const struct vm_ft_group *g)
{
	return (struct vm_fault_group){
		.space = vm_fe_space(f, k->space, 0), .kind = k->kind, .kernel = k->kernel, .mapping = k->mapping, .ip = k->ip,
		.stack = vm_fe_stack(f, k->stack), .count = g->count, .ns = g->ns, .max_ns = g->max_ns,
	};
}

/** What a thread has counted in a row and not yet put into the table. */
static int take_run(struct vm_fe *f, const struct vm_ft_task *t)
{
	if (!t->run.sum.count || t->run.key.kind >= VM_FAULT_KIND_NR)
		return 0;
	return vm_vec_push(&f->set.group, group_of(f, &t->run.key, &t->run.sum)) ? 0 : -ENOMEM;
}

static int read_groups(struct vm_fe *f)
{
	struct entries e;
	int r = read_entries(f->obj->maps.groups, &e);
	const struct vm_ft_key *k = e.keys;
	const struct vm_ft_group *g = e.values;
	f->set.group.n = 0;
	if (r == 0 && !vm_vec_reserve(&f->set.group, f->kept.n + e.n))
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < f->kept.n; i++)
		f->set.group.v[f->set.group.n++] = f->kept.v[i];
	for (size_t i = 0; r == 0 && i < e.n; i++)
		if (k[i].kind < VM_FAULT_KIND_NR)
			f->set.group.v[f->set.group.n++] = group_of(f, &k[i], &g[i]);
	entries_free(&e);
	if (r == 0)
		r = for_threads(f, take_run);
	if (r == 0)
		merge_groups(&f->set);
	return r;
}

int vm_fe_take_ended(struct vm_fe *f)
{
	struct entries e;
	int r = read_entries(f->obj->maps.groups, &e);
	const struct vm_ft_key *k = e.keys;
	const struct vm_ft_group *g = e.values;
	f->ended_spaces = 0;
	for (size_t i = 0; r == 0 && i < e.n; i++) {
		const struct vm_fault_group group = group_of(f, &k[i], &g[i]);
		if (group.space >= f->set.space.n || !f->set.space.v[group.space].ended)
			continue;
		if (!vm_vec_push(&f->kept, group))
			r = -ENOMEM;
		else
			bpf_map_delete_elem(bpf_map__fd(f->obj->maps.groups), &k[i]);
	}
	entries_free(&e);
	return r;
}

static int read_blocks(struct vm_fe *f)
{
	struct entries e;
	if (!f->ask->block_shift)
		return 0;
	int r = read_entries(f->obj->maps.blocks, &e);
	const struct vm_ft_block *k = e.keys;
	const uint64_t *n = e.values;
	f->set.block.n = 0;
	for (size_t i = 0; r == 0 && i < e.n; i++) {
		const struct vm_fault_block b = {
			.space = vm_fe_space(f, k[i].space, 0), .address = k[i].address, .count = n[i],
		};
		if (!vm_vec_push(&f->set.block, b))
			r = -ENOMEM;
	}
	entries_free(&e);
	return r;
}

/* ---- Threads ------------------------------------------------------------------------------------------------------ */

/** The thread as it is now: has nothing been counted since? */
static bool is_unchanged(struct vm_fe *f, const struct vm_ft_task *t)
{
	const uint32_t tid = t->tid, slot = tid % VM_FT_SLOTS;
	struct vm_ft_task later;
	if (f->slots[slot].tid == tid)
		later = f->slots[slot];
	else if (bpf_map_lookup_elem(bpf_map__fd(f->obj->maps.crowd), &tid, &later) != 0)
		return false;
	return later.minor == t->minor && later.major == t->major && later.late == t->late;
}

/**
 * The kernel's own counters of a thread that lives.  They may have gone on since ours were read, and the thread may have
 * ended: then, as they were after its last fault.
 */
static void take_own(struct vm_fe *f, const struct vm_ft_task *t, struct vm_fault_thread *to)
{
	const bool based = t->flags & VM_FT_BASED;
	struct vm_fe_initial now, base = { .minor = t->base_minor, .major = t->base_major, .cpu_ns = t->base_cpu };
	uint32_t at;
	const bool read = vm_fe_own(f->s, (pid_t)t->tgid, (pid_t)t->tid, &now);
	to->cpu_ns = UINT64_MAX;
	/* One that is gone and had no fault was just ending when it was chosen. */
	to->own_known = based || !read || vm_map_get(&f->by_tid, t->tid, &at);
	if (!to->own_known || (!based && !read))
		return;
	if (!based)
		base = f->initial.v[at];
	if (read && now.cpu_ns != UINT64_MAX && base.cpu_ns != UINT64_MAX)
		to->cpu_ns = now.cpu_ns - base.cpu_ns;
	if (based && (t->late || !(read && is_unchanged(f, t)))) {
		to->own_minor = t->last_minor - t->base_minor;
		to->own_major = t->last_major - t->base_major;
		return;
	}
	to->own_minor = now.minor - base.minor;
	to->own_major = now.major - base.major;
	/* Faults after the end of one that had none before were minor ones, most likely. */
	to->own_minor -= t->late < to->own_minor ? t->late : to->own_minor;
}

static int take_thread(struct vm_fe *f, const struct vm_ft_task *t)
{
	struct vm_fault_thread to = {
		.space = vm_fe_space(f, t->space, (pid_t)t->tgid), .tid = (pid_t)t->tid, .pid = (pid_t)t->tgid, .minor = t->minor,
		.major = t->major, .invalid = t->invalid, .unresolved = t->unresolved, .ns = t->ns,
	};
	if (t->flags & VM_FT_WAITS)
		return 0;
	take_own(f, t, &to);
	if (vm_session_slurp(f->s, &f->s->scratch, "proc/%d/task/%d/comm", to.pid, to.tid) > 0)
		snprintf(to.comm, sizeof(to.comm), "%.*s", (int)strcspn(f->s->scratch.s, "\n"), f->s->scratch.s);
	else if (to.space < f->set.space.n)
		memcpy(to.comm, f->set.space.v[to.space].comm, sizeof(to.comm));
	return vm_vec_push(&f->set.thread, to) ? 0 : -ENOMEM;
}

/** What the threads' own counters have beyond what was counted of them. */
static uint64_t beyond(int64_t difference)
{
	return difference > 0 ? (uint64_t)difference : 0;
}

static void add_up_threads(struct vm_faultset *s)
{
	/* A thread that ends has run up to a tick longer than its sum says: of many short ones it says too little. */
	enum { TICK_NS = 4000000, ONE_IN = 20 };
	uint64_t slack = 0;
	int64_t minor = 0, major = 0;
	s->own_known = s->thread.n > 0;
	s->cpu_ns = 0;
	for (size_t i = 0; i < s->thread.n; i++) {
		const struct vm_fault_thread *t = &s->thread.v[i];
		s->own_known &= t->own_known;
		minor += (int64_t)(t->own_minor - t->minor);
		major += (int64_t)(t->own_major - t->major);
		if (t->cpu_ns == UINT64_MAX || s->cpu_ns == UINT64_MAX)
			s->cpu_ns = UINT64_MAX;
		else
			s->cpu_ns += t->cpu_ns;
		slack += t->ended ? TICK_NS : 0;
	}
	if (slack * ONE_IN > s->cpu_ns)
		s->cpu_ns = UINT64_MAX;
	/* Kinds were read a moment earlier than threads, which may have gone on: sums as they were then. */
	const struct vm_fault_count sum = vm_faultset_resolved(s);
	s->own_minor = sum.count - sum.major + beyond(minor);
	s->own_major = sum.major + beyond(major);
}

static int read_threads(struct vm_fe *f)
{
	f->set.thread.n = f->ended_threads;
	int r = for_threads(f, take_thread);
	add_up_threads(&f->set);
	return r;
}

int vm_fe_read(struct vm_fe *f, struct vm_err *err)
{
	int r = vm_fe_read_kinds(f);
	if (r == 0)
		r = read_groups(f);
	/* Mappings and processes are told before their first fault is counted: now all that were counted are known. */
	if (r == 0 && ring_buffer__consume(f->ring) < 0)
		r = f->failed ? f->failed : -EIO;
	if (r == 0)
		r = read_threads(f);
	if (r == 0)
		r = read_blocks(f);
	if (r == 0)
		r = read_lost(f);
	return r < 0 ? vm_fail_os(err, -r, "cannot read what was counted of page faults") : 0;
}
