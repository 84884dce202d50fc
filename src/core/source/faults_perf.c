/**
 * Page faults by perf's software events: who, where, minor or major; with the records of mappings and processes that come
 * along, so that short-lived ones are known too.  Kinds and times need more (faults_ebpf.c).
 */

#include "core/source/faults_perf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/kernel.h"
#include "core/source/session.h"

static void close_perf(void *state)
{
	struct vm_fp *p = state;
	vm_fp_close_events(p);
	if (p->own)
		vm_faults_counters.close(p->own);
	vm_fault_fold_free(&p->fold);
	vm_spacemaps_free(&p->maps);
	vm_backings_free(&p->backings);
	vm_faultset_free(&p->set);
	vm_vec_free(&p->process);
	vm_vec_free(&p->thread);
	vm_map_free(&p->by_pid);
	vm_map_free(&p->by_tid);
	free(p);
}

/** Mappings are read when the events tell already of what changes. */
static int begin(struct vm_fp *p, const struct vm_fault_ask *ask, struct vm_err *err)
{
	int r = vm_backings_read(p->s, &p->backings) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = vm_fp_open_events(p, err);
	if (r < 0)
		return r;
	/* Without its own counters nothing is compared. */
	if (vm_faults_counters.open(p->s, ask, &p->own, NULL) < 0)
		p->own = NULL;
	p->set.began_ns = p->set.now_ns = vm_clock_ns();
	r = vm_fp_enable(p, err);
	if (r < 0)
		return r;
	/* A command has yet to map what it will have. */
	if (ask->whom != VM_OF_COMMAND && vm_fp_read_mappings(p) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int open_perf(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	struct vm_fp *p = calloc(1, sizeof(*p));
	if (!p)
		return vm_fail(err, ENOMEM, "out of memory");
	p->s = s;
	p->ask = *ask;
	p->children = ask->children || ask->whom == VM_OF_COMMAND || ask->whom == VM_OF_CGROUP;
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
	int r = vm_perf_rings_read(p->rings, all, &p->form, vm_fp_take, p);
	if (!p->stopped)
		p->set.now_ns = vm_clock_ns();
	return r < 0 ? vm_fail_os(err, -r, "cannot take the records of perf events") : r;
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
	uint64_t minor = counted_minor > p->seen_minor ? counted_minor - p->seen_minor : 0;
	uint64_t major = counted_major > p->seen_major ? counted_major - p->seen_major : 0;
	if (!p->stopped && minor + major > p->told_lost) {
		minor = minor < p->told_lost ? minor : p->told_lost;
		major = p->told_lost - minor;
	}
	struct vm_fault_count *k = p->set.kind;
	k[VM_FAULT_MINOR].count += minor - p->added_minor;
	k[VM_FAULT_MINOR].bytes += (minor - p->added_minor) * p->s->page_bytes;
	k[VM_FAULT_MAJOR].count += major - p->added_major;
	k[VM_FAULT_MAJOR].major += major - p->added_major;
	k[VM_FAULT_MAJOR].bytes += (major - p->added_major) * p->s->page_bytes;
	p->added_minor = minor;
	p->added_major = major;
	p->set.lost.events = minor + major;
	p->set.lost.notes = p->told_lost > minor + major ? p->told_lost - minor - major : 0;
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
		if (!vm_map_get(&p->by_tid, (uint64_t)o->tid, &at) || p->set.thread.v[at].pid != o->pid)
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
	uint64_t minor, major;
	/* First: what is counted later has its record later. */
	vm_fp_counts(p, &minor, &major);
	int r = take_all(p, true, err);
	if (r != 0)
		return r;
	add_lost(p, minor, major);
	if (!vm_spacemaps_put(&p->maps, &p->set))
		return vm_fail(err, ENOMEM, "out of memory");
	return compare(p, err);
}

static void stop_perf(void *state)
{
	struct vm_fp *p = state;
	vm_fp_disable(p);
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
	.events = true,
	.probe = probe_perf,
	.open = open_perf,
	.poll = poll_perf,
	.read = read_perf,
	.stop = stop_perf,
	.set = set_perf,
	.close = close_perf,
};
