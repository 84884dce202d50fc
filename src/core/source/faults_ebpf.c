/** Page faults by src/bpf/fault.bpf.c: attaches its programs, chooses whom they look at, and listens to what they tell. */

#include "core/source/faults_ebpf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/fault.skel.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/pgtable.h"
#include "core/source/bpf.h"
#include "core/source/cgroupfs.h"
#include "core/source/kernel.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/walker.h"

enum {
	/** Threads whose slots are others', and processes. */
	CROWD = 8192, TARGETS = 65536,
	GROUPS = 65536, MAPPINGS = 16384, STACKS = 16384, BLOCKS = 65536,
	SLOTS_BYTES = VM_FT_SLOTS * sizeof(struct vm_ft_task),
	/** For what is told now and then, and for every single fault. */
	RING_NOTES = 8 << 20, RING_EVENTS = 64 << 20,
};

/* ---- Loading ------------------------------------------------------------------------------------------------------ */

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

static void set_sizes(const struct fault_bpf *o, const struct vm_fault_ask *ask)
{
	bpf_map__set_max_entries(o->maps.crowd, CROWD);
	bpf_map__set_max_entries(o->maps.targets, TARGETS);
	bpf_map__set_max_entries(o->maps.groups, GROUPS);
	bpf_map__set_max_entries(o->maps.mappings, MAPPINGS);
	bpf_map__set_max_entries(o->maps.stacks, ask->stacks ? STACKS : 1);
	bpf_map__set_max_entries(o->maps.blocks, ask->block_shift ? BLOCKS : 1);
	bpf_map__set_max_entries(o->maps.ring, ask->event ? RING_EVENTS : RING_NOTES);
}

static int load_as(struct vm_fe *f, bool can_cast)
{
	fault_bpf__destroy(f->obj);
	f->obj = fault_bpf__open();
	if (!f->obj)
		return -errno;
	f->obj->rodata->can_cast = can_cast;
	set_sizes(f->obj, f->ask);
	return fault_bpf__load(f->obj);
}

static int load(struct vm_fe *f, struct vm_err *err)
{
	int r = vm_bpf_allowed(f->s, true, err);
	if (r == 0)
		r = vm_bpf_first_namespaces(f->s, err);
	if (r < 0)
		return r;
	libbpf_set_print(print_nothing);
	/* Kernels before Linux 6.2 refuse what is quicker. */
	r = load_as(f, true);
	if (r < 0)
		r = load_as(f, false);
	if (r < 0)
		return vm_bpf_fail(err, -r, "the page-fault program");
	void *p = mmap(NULL, SLOTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(f->obj->maps.slots), 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map what the page-fault programs count");
	f->slots = p;
	f->cpus = (unsigned)libbpf_num_possible_cpus();
	f->copies = calloc(f->cpus, sizeof(struct vm_ft_histo));
	return f->copies ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/** Without page tables kinds are fewer, but all else holds. */
static void know_page_tables(struct vm_fe *f, struct vm_ft_control *c)
{
	struct vm_walker *w;
	uint64_t end;
	if (vm_walker_get(f->s, &w, NULL) != 0 || vm_walker_geometry(w)->arch != &vm_pt_x86_64)
		return;
	const struct vm_pt_geometry *g = vm_walker_geometry(w);
	c->base = vm_walker_direct_map(w, &end);
	c->max_pa = end;
	c->levels = g->levels;
	const uint64_t zero = vm_walker_zero_pfn(w);
	c->zero_pfn = zero == VM_PFN_NONE ? 0 : zero;
	c->swap_first = g->swap.first;
	c->marker = g->swap.marker;
	c->migration = g->swap.migration;
	c->migration_n = g->swap.migration_n;
	c->device = g->swap.device;
	c->device_n = g->swap.device_n;
}

/** "always [madvise] never": the word in brackets. */
static int chosen_word(struct vm_session *s, const char *path)
{
	if (vm_session_slurp(s, &s->scratch, "%s", path) <= 0)
		return -1;
	return strstr(s->scratch.s, "[always]") ? VM_FT_THP_ALWAYS : strstr(s->scratch.s, "[madvise]") ? VM_FT_THP_MADVISE :
	       strstr(s->scratch.s, "[never]") ? VM_FT_THP_NEVER : -1;
}

/** The policy for 2M pages; "inherit", and kernels before Linux 6.8, say that of all sizes. */
static unsigned huge_policy(struct vm_session *s)
{
	int one = chosen_word(s, "sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled");
	if (one < 0)
		one = chosen_word(s, "sys/kernel/mm/transparent_hugepage/enabled");
	return one < 0 ? VM_FT_THP_NEVER : (unsigned)one;
}

static int know_cgroup(struct vm_fe *f, struct vm_ft_control *c, struct vm_err *err)
{
	/* Its id is the inode of its directory (cgroup_id() in include/linux/cgroup.h); its level the depth. */
	struct stat st;
	const char *path = f->ask->cgroup;
	vm_auto_close int fd = vm_cgroup_open_unified(f->s, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return vm_fail_os(err, fd < 0 ? -fd : errno, "cannot open the cgroup '%s'", path);
	c->cgroup_id = st.st_ino;
	for (const char *p = path; *p; p++)
		c->cgroup_level += *p != '/' && (p == path || p[-1] == '/');
	return 0;
}

static int configure(struct vm_fe *f, struct vm_err *err)
{
	struct vm_ft_control *c = &f->obj->bss->control;
	c->whom = f->ask->whom == VM_OF_ALL ? VM_FT_ALL : f->ask->whom == VM_OF_CGROUP ? VM_FT_CGROUP : VM_FT_CHOSEN;
	c->own_tgid = (unsigned)getpid();
	c->children = f->ask->children || f->ask->whom == VM_OF_COMMAND;
	c->stacks = f->ask->stacks;
	c->events = f->ask->event != NULL;
	c->block_shift = f->set.block_shift = f->ask->block_shift;
	c->thp = huge_policy(f->s);
	c->shared_retries = vm_kernel_counts_shared_writes(f->s);
	know_page_tables(f, c);
	return f->ask->whom == VM_OF_CGROUP ? know_cgroup(f, c, err) : 0;
}

/* ---- Whom --------------------------------------------------------------------------------------------------------- */

bool vm_fe_own(struct vm_session *s, pid_t pid, pid_t tid, struct vm_fe_initial *out)
{
	/* state is the third field, minflt and majflt the tenth and twelfth; the name before may hold anything. */
	if (vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/stat", pid, tid) <= 0)
		return false;
	const char *p = strrchr(s->scratch.s, ')');
	unsigned long long minor, major;
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major) != 2)
		return false;
	*out = (struct vm_fe_initial){ .tid = tid, .minor = minor, .major = major, .cpu_ns = UINT64_MAX };
	if (vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/schedstat", pid, tid) > 0)
		out->cpu_ns = strtoull(s->scratch.s, NULL, 10);
	return true;
}

/** As add_task() in the program does it: who enters itself as the owner first has the slot.  1: it was there already. */
static int take_slot(struct vm_fe *f, const struct vm_ft_task *t)
{
	const uint32_t at = t->tid % VM_FT_SLOTS;
	uint32_t owner = 0;
	const int owners = bpf_map__fd(f->obj->maps.owners);
	int r = bpf_map_update_elem(owners, &at, &t->tid, BPF_NOEXIST);
	if (r == 0) {
		f->slots[at] = *t;
		return 0;
	}
	if (r == -EEXIST && bpf_map_lookup_elem(owners, &at, &owner) == 0 && owner == t->tid)
		return 1;
	f->obj->bss->control.crowded = 1;
	r = bpf_map_update_elem(bpf_map__fd(f->obj->maps.crowd), &t->tid, t, BPF_NOEXIST);
	return r == -EEXIST ? 1 : r;
}

/** 1: it was not known yet. */
static int add_thread(struct vm_fe *f, pid_t pid, pid_t tid, uint32_t raw, bool waits)
{
	const struct vm_ft_task t = {
		.tid = (unsigned)tid, .tgid = (unsigned)pid, .space = raw, .flags = waits ? VM_FT_WAITS : 0,
	};
	struct vm_fe_initial own;
	int r = take_slot(f, &t);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!vm_fe_own(f->s, pid, tid, &own))
		return 0;
	return vm_vec_push(&f->initial, own) && vm_map_put(&f->by_tid, t.tid, (uint32_t)f->initial.n - 1) ? 1 : -ENOMEM;
}

/** All threads: again until no new one is found, since one that was looked at may just have made another. */
static int add_threads(struct vm_fe *f, pid_t pid, uint32_t raw, bool waits)
{
	char path[64];
	int added, r;
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	do {
		struct vm_pids tids = { 0 };
		added = 0;
		r = vm_list_numbers(f->s, &tids, NULL, path) < 0 ? -ESRCH : 0;
		for (size_t i = 0; r >= 0 && i < tids.n; i++) {
			r = add_thread(f, pid, tids.v[i], raw, waits);
			added += r > 0;
		}
		vm_vec_free(&tids);
	} while (added && r >= 0);
	return r < 0 ? r : 0;
}

static int add_process(struct vm_fe *f, pid_t pid, struct vm_err *err)
{
	const uint32_t raw = f->given++ << VM_FT_SPACE_SHIFT, key = (uint32_t)pid;
	const struct vm_ft_target target = { .space = raw };
	const uint32_t at = vm_fe_space(f, raw, pid);
	if (at == VM_FAULT_NONE)
		return vm_fail(err, ENOMEM, "out of memory");
	if (vm_session_slurp(f->s, &f->s->scratch, "proc/%d/comm", pid) > 0)
		snprintf(f->set.space.v[at].comm, sizeof(f->set.space.v[at].comm), "%.*s",
			 (int)strcspn(f->s->scratch.s, "\n"), f->s->scratch.s);
	int r = bpf_map_update_elem(bpf_map__fd(f->obj->maps.targets), &key, &target, BPF_ANY);
	if (r == 0)
		r = add_threads(f, pid, raw, f->ask->whom == VM_OF_COMMAND);
	return r == -ESRCH ? vm_fail(err, ESRCH, "there is no process %d", pid)
			   : r < 0 ? vm_fail_os(err, -r, "cannot choose process %d", pid) : 0;
}

/** A process that has gone meanwhile is left out, unless it was the only one. */
static int choose(struct vm_fe *f, struct vm_err *err)
{
	size_t found = 0;
	int r = 0;
	for (size_t i = 0; i < f->ask->npids; i++) {
		r = add_process(f, f->ask->pids[i], err);
		if (r < 0 && r != -ESRCH)
			return r;
		found += r == 0;
	}
	return found || f->ask->npids == 0 ? 0 : r;
}

/* ---- What is told ------------------------------------------------------------------------------------------------- */

uint32_t vm_fe_space(struct vm_fe *f, uint32_t raw, pid_t pid)
{
	uint32_t at;
	if (vm_map_get(&f->spaces, raw, &at)) {
		/* A count of it may have been read before it was told whose it is. */
		if (pid && !f->set.space.v[at].pid)
			f->set.space.v[at].pid = pid;
		return at;
	}
	const struct vm_fault_space new = { .pid = pid, .from = VM_FAULT_NONE };
	if (!vm_vec_push(&f->set.space, new) || !vm_map_put(&f->spaces, raw, (uint32_t)f->set.space.n - 1))
		return VM_FAULT_NONE;
	return (uint32_t)f->set.space.n - 1;
}

static int take_space(struct vm_fe *f, const struct vm_ft_ev_space *e)
{
	/* What it executed before has ended. */
	for (size_t i = f->set.space.n; e->exec && i-- > 0;)
		if (f->set.space.v[i].pid == (pid_t)e->tgid) {
			f->set.space.v[i].ended = true;
			break;
		}
	uint32_t from = VM_FAULT_NONE;
	if (e->from || (!e->exec && f->given))
		vm_map_get(&f->spaces, e->from, &from);
	const uint32_t at = vm_fe_space(f, e->space, (pid_t)e->tgid);
	if (at == VM_FAULT_NONE)
		return -ENOMEM;
	struct vm_fault_space *s = &f->set.space.v[at];
	s->parent = (pid_t)e->parent;
	s->from = from < at ? from : VM_FAULT_NONE;
	memcpy(s->comm, e->comm, sizeof(s->comm));
	s->comm[sizeof(s->comm) - 1] = '\0';
	return 0;
}

/** Names from the file up to the root, in the order of a path; "" on memory shortage. */
static const char *path_of(struct vm_fe *f, const struct vm_ft_ev_mapping *e)
{
	static const char tail[] = " (deleted)";
	const size_t n = e->length < VM_FT_PATH ? e->length : VM_FT_PATH - 1;
	char text[VM_FT_PATH + sizeof(tail)];
	size_t to = 0;
	for (size_t end = n; end > 0;) {
		size_t from = end - 1;
		while (from > 0 && e->path[from - 1])
			from--;
		const size_t len = strnlen(e->path + from, end - from);
		/* The root's own name is a slash. */
		if (!(len == 1 && e->path[from] == '/')) {
			text[to++] = '/';
			memcpy(text + to, e->path + from, len);
			to += len;
		}
		end = from;
	}
	if (e->deleted && to) {
		memcpy(text + to, tail, sizeof(tail) - 1);
		to += sizeof(tail) - 1;
	}
	const char *kept = vm_arena_strndup(&f->set.arena, text, to);
	return kept ? kept : "";
}

static const char *name_of(struct vm_fe *f, const struct vm_ft_ev_mapping *e)
{
	if (e->length)
		return path_of(f, e);
	if (e->backing == VM_FAULT_B_DEVICE)
		return e->flags & PROT_EXEC ? "[vdso]" : "[vvar]";
	return e->heap ? "[heap]" : e->stack ? "[stack]" : "";
}

static int take_mapping(struct vm_fe *f, const struct vm_ft_ev_mapping *e)
{
	const uint32_t space = vm_fe_space(f, e->space, 0);
	const struct vm_fault_mapping m = {
		.space = space, .backing = e->backing, .prot = e->flags & (PROT_READ | PROT_WRITE | PROT_EXEC),
		.shared = e->flags >> 3 & 1, .start = e->start, .end = e->end, .inode = e->ino,
		.offset = e->ino ? e->pgoff * f->s->page_bytes : 0,
		/* dev_t inside the kernel: 20 bits of minor number (include/linux/kdev_t.h). */
		.dev_major = e->dev >> 20, .dev_minor = e->dev & 0xfffff, .name = name_of(f, e),
	};
	if (!vm_faultset_insert(&f->set, &m))
		return -ENOMEM;
	if (f->ask->code && (m.prot & PROT_EXEC))
		f->ask->code(f->ask->ctx, &f->set, &m);
	return 0;
}

static int take_thread_end(struct vm_fe *f, const struct vm_ft_ev_thread_end *e)
{
	struct vm_fault_thread t = {
		.space = vm_fe_space(f, e->space, (pid_t)e->tgid), .tid = (pid_t)e->tid, .pid = (pid_t)e->tgid, .ended = true,
		.minor = e->minor, .major = e->major, .invalid = e->invalid, .unresolved = e->unresolved, .ns = e->ns,
		.own_known = e->own_known, .own_minor = e->own_minor, .own_major = e->own_major, .cpu_ns = e->cpu_ns,
	};
	uint32_t at;
	/* It had no fault of its own: its counters are compared with what they were when we came. */
	if (!t.own_known && vm_map_get(&f->by_tid, e->tid, &at)) {
		const struct vm_fe_initial *i = &f->initial.v[at];
		t.own_known = true;
		t.own_minor -= i->minor;
		t.own_major -= i->major;
		t.cpu_ns = i->cpu_ns == UINT64_MAX ? UINT64_MAX : t.cpu_ns - i->cpu_ns;
	}
	memcpy(t.comm, e->comm, sizeof(t.comm));
	t.comm[sizeof(t.comm) - 1] = '\0';
	if (e->last && t.space < f->set.space.n) {
		f->set.space.v[t.space].ended = true;
		f->ended_spaces++;
	}
	if (!vm_vec_push(&f->set.thread, t))
		return -ENOMEM;
	/* Ended ones first: those that live are found again with every reading. */
	struct vm_fault_thread *v = f->set.thread.v;
	v[f->set.thread.n - 1] = v[f->ended_threads];
	v[f->ended_threads++] = t;
	return 0;
}

static int take_fault(struct vm_fe *f, const struct vm_ft_ev_fault *e)
{
	struct vm_fault_event out = {
		.at_ns = e->at, .ns = e->ns, .address = e->address, .ip = e->ip, .kernel_ip = e->kernel_ip, .mapping = e->mapping,
		.old_entry = e->old_entry, .new_entry = e->new_entry, .tid = (pid_t)e->tid, .pid = (pid_t)e->tgid,
		.space = vm_fe_space(f, e->space, (pid_t)e->tgid), .error = e->error, .stack = VM_FAULT_NONE,
		.kind = e->kind < VM_FAULT_KIND_NR ? e->kind : VM_FAULT_UNKNOWN, .kernel = e->kernel, .major = e->major,
		.have_error = true, .have_entries = e->old_entry != UINT64_MAX && e->new_entry != UINT64_MAX,
	};
	if (f->ask->stacks)
		out.stack = vm_fe_stack(f, e->stack);
	if (e->mapping != UINT64_MAX)
		out.where = vm_faultset_mapping(&f->set, out.space, e->mapping);
	return f->ask->event(f->ask->ctx, &f->set, &out);
}

static int take(void *ctx, void *data, size_t size)
{
	struct vm_fe *f = ctx;
	int r = 0;
	if (size == 0)
		return 0;
	switch (*(const unsigned char *)data) {
	case VM_FT_EV_FAULT: r = f->ask->event ? take_fault(f, data) : 0; break;
	case VM_FT_EV_MAPPING: r = take_mapping(f, data); break;
	case VM_FT_EV_SPACE: r = take_space(f, data); break;
	case VM_FT_EV_THREAD_END: r = take_thread_end(f, data); break;
	}
	if (r && !f->failed)
		f->failed = r;
	return r;
}

/* ---- The back end -------------------------------------------------------------------------------------------------- */

static void close_all(void *state)
{
	struct vm_fe *f = state;
	if (f->obj && f->obj->bss)
		f->obj->bss->control.enabled = VM_FT_OFF;
	vm_fe_detach(f);
	ring_buffer__free(f->ring);
	if (f->slots)
		munmap(f->slots, SLOTS_BYTES);
	fault_bpf__destroy(f->obj);
	vm_faultset_free(&f->set);
	vm_map_free(&f->spaces);
	vm_map_free(&f->stacks);
	vm_map_free(&f->by_tid);
	vm_vec_free(&f->kept);
	vm_vec_free(&f->initial);
	free(f->copies);
	free(f);
}

static int begin(struct vm_fe *f, struct vm_err *err)
{
	int r = load(f, err);
	if (r == 0)
		r = configure(f, err);
	if (r < 0)
		return r;
	f->ring = ring_buffer__new(bpf_map__fd(f->obj->maps.ring), take, f, NULL);
	if (!f->ring)
		return vm_fail_os(err, errno, "cannot map the ring of events");
	r = vm_fe_attach(f, err);
	if (r < 0)
		return r;
	f->set.began_ns = f->set.now_ns = vm_clock_ns();
	f->set.have_kinds = f->obj->bss->control.levels != 0;
	f->set.have_times = f->set.have_groups = true;
	f->obj->bss->control.enabled = VM_FT_ON;
	vm_fe_hear(f);
	return choose(f, err);
}

static int open_ebpf(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s has no page faults", vm_session_kind(s));
	struct vm_fe *f = calloc(1, sizeof(*f));
	if (!f)
		return vm_fail(err, ENOMEM, "out of memory");
	f->s = s;
	f->ask = ask;
	int r = begin(f, err);
	if (r < 0)
		close_all(f);
	else
		*state = f;
	return r;
}

static int poll_ebpf(void *state, struct vm_err *err)
{
	struct vm_fe *f = state;
	enum { MANY = 256, KINDS_NS = 10000000 };
	int r = ring_buffer__consume(f->ring);
	const uint64_t now = vm_clock_ns();
	if (r >= 0 && !f->stopped && now - f->kinds_ns >= KINDS_NS) {
		r = vm_fe_read_kinds(f);
		f->kinds_ns = now;
	}
	if (r >= 0)
		r = vm_fe_keep_hearing(f, now, err);
	if (r >= 0 && f->ended_spaces >= MANY)
		r = vm_fe_take_ended(f);
	if (f->failed)
		r = f->failed;
	f->failed = 0;
	f->set.now_ns = f->stopped ? f->set.now_ns : now;
	return r < 0 ? vm_fail_os(err, -r, "cannot take what was told of page faults") : 0;
}

static int read_ebpf(void *state, struct vm_err *err)
{
	struct vm_fe *f = state;
	int r = poll_ebpf(f, err);
	return r < 0 ? r : vm_fe_read(f, err);
}

static void stop_ebpf(void *state)
{
	struct vm_fe *f = state;
	if (!f->stopped)
		f->set.now_ns = vm_clock_ns();
	f->stopped = true;
	f->obj->bss->control.enabled = VM_FT_DRAINING;
}

static struct vm_faultset *set_ebpf(void *state)
{
	return &((struct vm_fe *)state)->set;
}

static int probe_ebpf(struct vm_session *s, struct vm_err *err)
{
	const struct vm_fault_ask nobody = { .whom = VM_OF_PIDS };
	void *state;
	int r = open_ebpf(s, &nobody, &state, err);
	if (r == 0)
		close_all(state);
	return r;
}

const struct vm_fault_backend vm_faults_ebpf = {
	.name = "ebpf",
	.help = "tracepoints and software events by eBPF: kinds, times, sites, stacks, every fault",
	.costs = "a few tenths of a microsecond for each of its faults",
	.events = true,
	.probe = probe_ebpf,
	.open = open_ebpf,
	.poll = poll_ebpf,
	.read = read_ebpf,
	.stop = stop_ebpf,
	.set = set_ebpf,
	.close = close_all,
};
