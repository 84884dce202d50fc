#include "core/source/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/snap.h"

/**
 * stat comes before the others that read one process: it tells whether there is an address space at all.  Counters of
 * which rates are made come next: they are to be as old as the row says.
 */
const struct vm_source *const vm_sources[] = {
	&vm_src_tasks,
	&vm_src_stat,
	&vm_src_faulttime,
	&vm_src_procmap,
	&vm_src_smaps,
	&vm_src_maps,
	&vm_src_status,
	&vm_src_statm,
	&vm_src_smaps_sums,
	&vm_src_rollup,
	&vm_src_elf,
	&vm_src_threads,
	&vm_src_cmdline,
	&vm_src_limits,
	&vm_src_auxv,
	&vm_src_mm,
	&vm_src_areas,
	&vm_src_caps,
	&vm_src_mapcount,
	&vm_src_cpus,
	&vm_src_numa_maps,
	&vm_src_tlb,
	&vm_src_cgroup,
	&vm_src_user,
	NULL,
};

/** How often a process that becomes another program is read again. */
enum { TRIES = 8 };

/** What kernel threads and zombies don't have. */
#define NEEDS_OF_MEMORY \
	(VM_NEED(LAYOUT) | VM_NEED(SMAPS) | VM_NEED(FLAGS) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | \
	 VM_NEED(ROLLUP) | VM_NEED(MMADDR) | VM_NEED(AUXV) | VM_NEED(MM) | VM_NEED(AREAS) | \
	 VM_NEED(MAPCOUNT) | VM_NEED(TLB) | VM_NEED(CPUS) | VM_NEED(NUMA))

/** What can't be told from a few mappings alone. */
#define NEEDS_OF_WHOLE_SPACE \
	(VM_NEED(SMAPS) | VM_NEED(FLAGS) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(ROLLUP))

static size_t index_of(const struct vm_source *src)
{
	size_t i = 0;
	while (vm_sources[i] && vm_sources[i] != src)
		i++;
	return i;
}

int vm_source_usable(struct vm_session *s, const struct vm_source *src, struct vm_err *err)
{
	if ((src->flags & VM_SRC_LIVE) && !s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s holds files only", vm_session_kind(s));
	size_t i = index_of(src);
	/* A command's own: tried when asked for. */
	if (!vm_sources[i])
		return src->probe ? src->probe(s, err) : 0;
	if (s->probed[i] < 0)
		s->probed[i] = src->probe ? (int16_t)-src->probe(s, err) : 0;
	else if (s->probed[i])
		vm_fail_os(err, s->probed[i], "%s", src->name);
	return -s->probed[i];
}

/** Ranges beyond the user half are not mappings of the process (PROCMAP_QUERY knows none there). */
static bool wants_range(const struct vm_snap *sn)
{
	return sn->to > sn->from && sn->to <= UINT64_C(1) << 63;
}

static bool is_candidate(const struct vm_snap *sn, const struct vm_source *src, uint32_t missing)
{
	if (!(src->primary & missing) || (src->flags & VM_SRC_INTRUSIVE) || ((src->flags & VM_SRC_PASS) && !sn->task))
		return false;
	return !(src->flags & VM_SRC_RANGE) ||
	       (wants_range(sn) && !(missing & NEEDS_OF_WHOLE_SPACE));
}

static void mark_unmet(struct vm_proc *p, uint32_t needs, int why)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++) {
		if (needs >> b & 1) {
			p->unmet |= UINT32_C(1) << b;
			p->why[b] = (int16_t)why;
		}
	}
}

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z' && p->state != 'X';
}

int vm_snap_meet(struct vm_snap *sn, uint32_t needs)
{
	/* Users come from status; a row without stat has no identity. */
	if (needs & VM_NEED(USER))
		needs |= VM_NEED(STATUS);
	needs |= VM_NEED(STAT);
	uint32_t missing = needs & ~sn->met;
	int16_t why[VM_NEED_NR] = { 0 };
	for (size_t i = 0; vm_sources[i] && missing; i++) {
		const struct vm_source *src = vm_sources[i];
		if (!is_candidate(sn, src, missing))
			continue;
		uint32_t want = missing & src->provides;
		int r = vm_source_usable(sn->s, src, NULL);
		if (r == 0)
			r = src->fill(sn, want, NULL);
		if (r == -ESRCH)
			return r;
		for (unsigned b = 0; r < 0 && b < VM_NEED_NR; b++)
			if (want >> b & 1)
				why[b] = (int16_t)-r;
		if (r == 0 || src == &vm_src_stat) {
			/* stat answers even where its addresses are withheld. */
			uint32_t met = r == 0 ? want : want & (sn->proc->state ? VM_NEED(STAT) : 0);
			sn->met |= met;
			missing &= ~met;
		}
		if (src == &vm_src_stat && sn->proc->state && !has_memory(sn->proc))
			missing &= ~NEEDS_OF_MEMORY;
	}
	if (!has_memory(sn->proc))
		missing &= ~NEEDS_OF_MEMORY;
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (missing >> b & 1)
			mark_unmet(sn->proc, UINT32_C(1) << b, why[b] ? why[b] : ENODATA);
	return 0;
}

static void count_mappings(struct vm_aspace *as)
{
	uint64_t n = as->nmaps;
	/* The gate page is shown as a line but isn't a mapping of the process. */
	if (n && strcmp(as->map[n - 1].name, "[vsyscall]") == 0)
		n--;
	vm_proc_set(&as->proc, VM_P_MAP_COUNT, n);
	/* The mm_struct tells it to the byte. */
	if (vm_proc_has(&as->proc, VM_P_BRK))
		return;
	if (as->heap_end)
		vm_proc_set(&as->proc, VM_P_BRK, as->heap_end);
	else if (vm_proc_has(&as->proc, VM_P_START_BRK))
		vm_proc_set(&as->proc, VM_P_BRK, as->proc.q[VM_P_START_BRK]);
}

/** The process as it is now, past any capture; false if it is gone, or has never been live. */
static bool look_again(struct vm_snap *sn, struct vm_proc *now)
{
	struct vm_session *s = sn->s;
	vm_proc_init(now, sn->pid);
	if (!s->live || sn->dir_fd < 0)
		return false;
	vm_auto_close int fd = vm_snap_file(sn, "stat");
	s->scratch.n = 0;
	return fd >= 0 && vm_read_all(fd, &s->scratch) >= 0 &&
	       vm_parse_stat(s->scratch.s, s->page_bytes, s->ticks_per_second, true, now);
}

/** Files of an address space end like those of a process that is gone when another program is executed. */
static bool is_alive(struct vm_snap *sn)
{
	struct vm_proc now;
	return look_again(sn, &now) && has_memory(&now) && now.q[VM_P_VSZ] != 0;
}

/**
 * Another program was executed while this one was read: it has a stack of its own.  What was read before
 * and after would not be of one program.
 */
static bool was_replaced(struct vm_snap *sn)
{
	struct vm_proc now;
	if (!look_again(sn, &now))
		return false;
	/* CAP_PERFMON opens maps (newer kernels), but not the addresses in stat. */
	if (now.addresses_withheld && sn->proc->addresses_withheld)
		return false;
	/* The stack of a program which is just being loaded isn't there yet. */
	if ((sn->met & VM_NEED(LAYOUT)) && !vm_proc_has(sn->proc, VM_P_START_STACK))
		return true;
	/* It has no stack for a moment; to those who may not ptrace it never has one. */
	if (vm_proc_has(&now, VM_P_START_STACK) != vm_proc_has(sn->proc, VM_P_START_STACK))
		return true;
	return now.q[VM_P_START_STACK] != sn->proc->q[VM_P_START_STACK] ||
	       now.q[VM_P_START_CODE] != sn->proc->q[VM_P_START_CODE];
}

/** -EAGAIN: it became another program meanwhile. */
static int photograph(struct vm_session *s, pid_t pid, uint32_t needs, uint64_t from, uint64_t to,
		      struct vm_aspace **out, struct vm_err *err)
{
	struct vm_aspace *as = calloc(1, sizeof(*as));
	if (!as)
		return vm_fail(err, ENOMEM, "out of memory");
	vm_proc_init(&as->proc, pid);
	const uint64_t began_ns = vm_clock_ns();
	as->taken_ns = as->proc.taken_ns = vm_session_clock(s);
	struct vm_arena texts = { 0 };
	struct vm_snap sn = {
		.s = s, .pid = pid, .dir_fd = -1, .proc = &as->proc, .as = as, .arena = &texts,
		.from = from, .to = to,
	};
	int r = vm_snap_open(&sn);
	if (r == 0)
		r = vm_snap_meet(&sn, needs | VM_NEED(MMADDR));
	if (r == 0 ? was_replaced(&sn) : r == -ESRCH && is_alive(&sn))
		r = -EAGAIN;
	vm_snap_close(&sn);
	/* Read for our own sake only. */
	if (!(needs & VM_NEED(MMADDR)))
		as->proc.unmet &= ~VM_NEED(MMADDR);
	if (r == -ESRCH)
		r = vm_session_no_process(s, pid, err);
	else if (r < 0)
		r = r == -EAGAIN ? vm_fail(err, EAGAIN, "process %d executes one program after the other", pid)
				 : vm_fail_os(err, -r, "cannot open /proc/%d", pid);
	else if (as->proc.unmet & needs & VM_NEED(LAYOUT)) {
		r = -as->proc.why[VM_NEED_BIT_LAYOUT];
		if (r == -EBADMSG)
			vm_fail(err, EBADMSG, "the mappings of process %d make no sense", pid);
		else if (r == -ENOENT && s->replay)
			vm_fail(err, ENOENT, "the recording has no mappings of process %d", pid);
		else
			vm_fail_os(err, -r, "cannot read the mappings of process %d", pid);
		if (r == -EACCES || r == -EPERM)
			vm_hint(err, "%s", vm_need_info[VM_NEED_BIT_LAYOUT].remedy);
		else if (r == -ENOENT && s->replay)
			vm_hint(err, "vmrec records them with --mappings, or of processes that are named");
	}
	as->texts = texts;
	if (r < 0) {
		vm_aspace_free(as);
		return r;
	}
	if (needs & VM_NEED(OBJECTS))
		vm_aspace_classify(as);
	if (needs & VM_NEED(LAYOUT) && to == 0)
		count_mappings(as);
	as->took_ns = vm_clock_ns() - began_ns;
	*out = as;
	return 0;
}

int vm_snapshot(struct vm_session *s, pid_t pid, uint32_t needs, uint64_t from, uint64_t to,
		struct vm_aspace **out, struct vm_err *err)
{
	int r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = photograph(s, pid, needs, from, to, out, err);
	return r;
}

int vm_proc_read(struct vm_session *s, pid_t pid, uint32_t needs, struct vm_arena *arena,
		 struct vm_proc *p, struct vm_err *err)
{
	vm_proc_init(p, pid);
	p->taken_ns = vm_session_clock(s);
	/* One or two files: a directory more costs as much as one of them. */
	const bool direct = !(needs & ~(VM_NEED(STAT) | VM_NEED(CPUS) | VM_NEED(NUMA)));
	struct vm_snap sn = { .s = s, .pid = pid, .dir_fd = -1, .direct = direct, .proc = p, .arena = arena };
	int r = vm_snap_open(&sn);
	if (r == 0)
		r = vm_snap_meet(&sn, needs);
	vm_snap_close(&sn);
	if (r == -ESRCH)
		return vm_session_no_process(s, pid, err);
	return r < 0 ? vm_fail_os(err, -r, "cannot open /proc/%d", pid) : 0;
}

void vm_proc_note_unmet(struct vm_session *s, const struct vm_proc *p)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (p->unmet >> b & 1)
			vm_session_note(s, (enum vm_need_bit)b, p->why[b], p->pid);
}
