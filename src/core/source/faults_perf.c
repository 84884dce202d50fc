/**
 * Page faults by perf's software events: who, where, minor or major; with the records of mappings and processes that come
 * along, so that short-lived ones are known too.  Kinds and times need more (faults_ebpf.c).
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/faultfold.h"
#include "core/source/faults.h"
#include "core/source/kernel.h"
#include "core/source/perf_watch.h"
#include "core/source/session.h"

/** Kinds of events. */
enum { MINOR, MAJOR, KINDS };

struct vm_fp {
	struct vm_fault_ask ask;   /* its pids while it is opened only */
	struct vm_faultset set;
	struct vm_fault_fold fold;
	struct vm_perf_watch watch;
	/** vm_kernel_counts_shared_writes(). */
	bool counts_shared_writes;
	/** The back end of counters watches the same: what the kernel's own say is compared. */
	void *own;
	bool stopped;
	uint64_t added_minor, added_major;   /* what lost faults added to the kinds */
};

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
	return !r->kernel || vm_perf_watch_mapping(&p->watch, space, r->user_ip, &key) ? r->user_ip : 0;
}

static int count(struct vm_fp *p, const struct vm_perf_record *r, uint32_t space, bool major)
{
	uint64_t key = UINT64_MAX;
	const struct vm_fault_mapping *m = vm_perf_watch_mapping(&p->watch, space, r->address, &key);
	const struct vm_fault_group g = {
		.space = space, .kind = (uint8_t)kind_of(p, m, major), .kernel = r->kernel, .mapping = key,
		.ip = instruction(p, r, space),
		.stack = vm_fault_fold_stack(&p->fold, r->stack, r->depth),
	};
	if (!vm_fault_fold(&p->fold, &g, major, r->address, r->page_size ? r->page_size : p->watch.s->page_bytes))
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

static int take_sample(void *ctx, const struct vm_perf_record *r, uint32_t space, uint32_t thread, size_t which)
{
	struct vm_fp *p = ctx;
	struct vm_fault_thread *t = &p->set.thread.v[thread];
	*(which == MAJOR ? &t->major : &t->minor) += 1;
	return count(p, r, space, which == MAJOR);
}

/* ---- The back end ------------------------------------------------------------------------------------------------ */

static void close_perf(void *state)
{
	struct vm_fp *p = state;
	vm_perf_watch_close(&p->watch);
	if (p->own)
		vm_faults_counters.close(p->own);
	vm_fault_fold_free(&p->fold);
	vm_faultset_free(&p->set);
	free(p);
}

/** Leave out what the kernel refuses, the youngest first.  sysctls of Debian forbid all to those without privileges. */
static int find_form(struct vm_perf_watch *w, bool stacks, bool *user_only, struct vm_err *err)
{
	w->form = (struct vm_perf_form){ .stacks = stacks, .user_ip = vm_perf_user_regs() != 0, .page_size = true };
	w->inherit_thread = true;
	for (;;) {
		int r = vm_perf_watch_try(w, MINOR);
		if (r == 0)
			break;
		if (r == -EINVAL && w->form.page_size)
			w->form.page_size = false;
		else if (r == -EINVAL && !w->children && w->inherit_thread)
			w->inherit_thread = false;
		else if (r == -EINVAL && w->form.user_ip)
			w->form.user_ip = false;
		else if ((r == -EACCES || r == -EPERM) && !*user_only)
			w->attr[MINOR].exclude_kernel = w->attr[MAJOR].exclude_kernel = *user_only = true;
		else
			return vm_perf_event_fail(w->s, r, VM_PERF_OF_OURS, err);
	}
	/* Samples from user mode have it anyway. */
	w->form.user_ip &= !*user_only;
	return 0;
}

static int begin(struct vm_fp *p, const struct vm_fault_ask *ask, struct vm_err *err)
{
	int r = find_form(&p->watch, ask->stacks, &p->set.user_only, err);
	if (r == 0)
		r = vm_perf_watch_open(&p->watch, ask->pids, ask->npids, err);
	if (r < 0)
		return r;
	/* Without its own counters nothing is compared. */
	if (vm_faults_counters.open(p->watch.s, ask, &p->own, NULL) < 0)
		p->own = NULL;
	p->set.began_ns = p->set.now_ns = vm_clock_ns();
	return vm_perf_watch_enable(&p->watch, err);
}

static struct perf_event_attr event_of(uint64_t config)
{
	return (struct perf_event_attr){ .type = PERF_TYPE_SOFTWARE, .config = config, .sample_period = 1, .exclude_hv = 1 };
}

static int open_perf(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	struct vm_fp *p = calloc(1, sizeof(*p));
	if (!p)
		return vm_fail(err, ENOMEM, "out of memory");
	p->ask = *ask;
	p->watch = (struct vm_perf_watch){
		.s = s, .whom = ask->whom, .cgroup = ask->cgroup,
		.children = ask->children || ask->whom == VM_OF_COMMAND || ask->whom == VM_OF_CGROUP, .set = &p->set,
		.attr = { [MINOR] = event_of(PERF_COUNT_SW_PAGE_FAULTS_MIN), [MAJOR] = event_of(PERF_COUNT_SW_PAGE_FAULTS_MAJ) },
		.kinds = KINDS, .sample = take_sample, .ctx = p, .code = ask->code, .code_ctx = ask->ctx,
	};
	p->fold.set = &p->set;
	p->set.have_groups = true;
	p->set.block_shift = ask->block_shift;
	p->set.cpu_ns = UINT64_MAX;
	p->counts_shared_writes = vm_kernel_counts_shared_writes(s);
	int r = begin(p, ask, err);
	p->ask.pids = NULL;
	if (r < 0)
		close_perf(p);
	else
		*state = p;
	return r;
}

static int take_all(struct vm_fp *p, bool all, struct vm_err *err)
{
	const int r = vm_perf_watch_take(&p->watch, all, err);
	if (!p->stopped)
		p->set.now_ns = vm_clock_ns();
	return r;
}

static int poll_perf(void *state, struct vm_err *err)
{
	struct vm_fp *p = state;
	return take_all(p, p->stopped, err);
}

/**
 * Counters of events are right even where records were lost.  While they count, a record may be on its way that is
 * counted already: no more are taken for lost than were said to be.
 */
static void add_lost(struct vm_fp *p, uint64_t counted_minor, uint64_t counted_major)
{
	const uint64_t *seen = p->watch.seen, told = p->watch.told_lost;
	uint64_t minor = counted_minor > seen[MINOR] ? counted_minor - seen[MINOR] : 0;
	uint64_t major = counted_major > seen[MAJOR] ? counted_major - seen[MAJOR] : 0;
	if (!p->stopped && minor + major > told) {
		minor = minor < told ? minor : told;
		major = told - minor;
	}
	struct vm_fault_count *k = p->set.kind;
	k[VM_FAULT_MINOR].count += minor - p->added_minor;
	k[VM_FAULT_MINOR].bytes += (minor - p->added_minor) * p->watch.s->page_bytes;
	k[VM_FAULT_MAJOR].count += major - p->added_major;
	k[VM_FAULT_MAJOR].major += major - p->added_major;
	k[VM_FAULT_MAJOR].bytes += (major - p->added_major) * p->watch.s->page_bytes;
	p->added_minor = minor;
	p->added_major = major;
	p->set.lost.events = minor + major;
	p->set.lost.notes = told > minor + major ? told - minor - major : 0;
}

/** What the kernel's own counters say, of the sum and of each thread. */
static int compare(struct vm_fp *p, struct vm_err *err)
{
	int r = p->own ? vm_faults_counters.read(p->own, err) : 0;
	if (r < 0 || !p->own)
		return r;
	const struct vm_faultset *own = vm_faults_counters.set(p->own);
	p->set.own_known = own->own_known;
	p->set.own_minor = own->own_minor;
	p->set.own_major = own->own_major;
	p->set.cpu_ns = own->cpu_ns;
	for (size_t i = 0; i < own->thread.n; i++) {
		const struct vm_fault_thread *o = &own->thread.v[i];
		uint32_t at;
		if (!vm_map_get(&p->watch.by_tid, (uint64_t)o->tid, &at) || p->set.thread.v[at].pid != o->pid)
			continue;
		struct vm_fault_thread *t = &p->set.thread.v[at];
		/* Of one that ended, the last was not seen. */
		t->own_known = !t->ended || !o->ended;
		t->own_minor = o->own_minor;
		t->own_major = o->own_major;
		t->cpu_ns = o->cpu_ns;
	}
	return 0;
}

static int read_perf(void *state, struct vm_err *err)
{
	struct vm_fp *p = state;
	/* First: what is counted later has its record later. */
	const uint64_t minor = vm_perf_watch_counted(&p->watch, MINOR).n, major = vm_perf_watch_counted(&p->watch, MAJOR).n;
	int r = take_all(p, true, err);
	if (r != 0)
		return r;
	add_lost(p, minor, major);
	if (!vm_spacemaps_put(&p->watch.maps, &p->set))
		return vm_fail(err, ENOMEM, "out of memory");
	return compare(p, err);
}

static void stop_perf(void *state)
{
	struct vm_fp *p = state;
	vm_perf_watch_disable(&p->watch);
	if (p->own)
		vm_faults_counters.stop(p->own);
	p->set.now_ns = vm_clock_ns();
	p->stopped = true;
}

static struct vm_faultset *set_perf(void *state)
{
	return &((struct vm_fp *)state)->set;
}

static int probe_perf(struct vm_session *s, struct vm_err *err)
{
	const pid_t self = getpid();
	const struct vm_fault_ask ask = { .whom = VM_OF_PIDS, .pids = &self, .npids = 1 };
	void *state;
	int r = open_perf(s, &ask, &state, err);
	if (r == 0)
		close_perf(state);
	return r;
}

const struct vm_fault_backend vm_faults_perf = {
	.name = "perf",
	.help = "perf's software events: where, and whether minor or major; no times",
	.lacks = "kinds and times; faults that end in a signal",
	.costs = "a record of each of its faults",
	.events = true,
	.probe = probe_perf,
	.open = open_perf,
	.poll = poll_perf,
	.read = read_perf,
	.stop = stop_perf,
	.set = set_perf,
	.close = close_perf,
};
