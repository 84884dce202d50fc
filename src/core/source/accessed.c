#include "core/source/accessed.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/pagemap.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { BLOCK_SHIFT = 21, THREADS_MOST = 64, SLOW_NS = 10000000 };

struct vm_accessed {
	struct vm_session *s;
	pid_t pid;
	int clear_refs, own_clear_refs;
	bool slow;                 /* clearing or reading takes long */
	struct vm_flusher flusher;
	struct vm_accessed_facts facts;
	/** When the window began, and what its threads had then. */
	uint64_t cleared_ns, cpu_ns, switches;
	/** Pages of ours, to try things on. */
	char *page;
};

/* ---- Reading, by page tables -------------------------------------------------------------------------------------- */

struct tally {
	const struct vm_aspace *as;
	struct vm_accessed_window *w;
	size_t at;                 /* the mapping that holds the last run, or the first one above it */
	/** Of the last run of the lowest level, and the last accessed one: its end, its last block, and whose it was. */
	struct last {
		uint64_t end, block;
		struct vm_accessed_count *of;
	} there, accessed;
};

/** *told: its bits say something. */
static struct vm_accessed_count *count_of(struct tally *t, uint64_t start, bool *told)
{
	while (t->at < t->w->n && t->as->map[t->at].end <= start)
		t->at++;
	const bool known = t->at < t->w->n && t->as->map[t->at].start <= start;
	*told = !known || vm_accessed_is_told(&t->as->map[t->at]);
	return known ? &t->w->v[t->at] : &t->w->elsewhere;
}

/** Blocks of 2M that the run begins, behind what was before it; *joins: it goes on where that ended. */
static uint64_t add_run(struct last *l, struct vm_accessed_count *c, const struct vm_page_run *r, bool *joins)
{
	const uint64_t from = r->start >> BLOCK_SHIFT, to = (r->end - 1) >> BLOCK_SHIFT;
	const bool same = l->of == c, counted = same && l->block == from;
	*joins = same && l->end == r->start;
	*l = (struct last){ .end = r->end, .block = to, .of = c };
	return to - from + 1 - counted;
}

static void add_small(struct tally *t, struct vm_accessed_count *c, const struct vm_page_run *r, bool accessed)
{
	bool joins;
	c->small_bytes += r->end - r->start;
	c->resident_blocks += add_run(&t->there, c, r, &joins);
	if (!accessed)
		return;
	c->blocks += add_run(&t->accessed, c, r, &joins);
	c->runs += !joins;
}

static int take(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct tally *t = ctx;
	for (size_t i = 0; i < n; i++) {
		const struct vm_page_run *r = &runs[i];
		const uint64_t bytes = r->end - r->start;
		if (!(r->state & VM_PG(PRESENT)) || (r->state & VM_PG(SPECIAL)))
			continue;
		bool told;
		struct vm_accessed_count *c = count_of(t, r->start, &told);
		const bool accessed = told && (r->state & VM_PG(ACCESSED));
		c->resident_bytes += bytes;
		if (r->shift == 12)
			add_small(t, c, r, accessed);
		if (!accessed)
			continue;
		c->bytes += bytes;
		c->entries += bytes >> r->shift;
		c->first = c->first ? c->first : r->start;
		c->huge_bytes += r->shift > 12 ? bytes : 0;
	}
	return 0;
}

static int read_tables(struct vm_session *s, pid_t pid, const struct vm_aspace *as, uint64_t from, uint64_t to,
		       struct vm_accessed_window *w, struct vm_err *err)
{
	struct tally t = { .as = as, .w = w };
	const struct vm_pages_query q = {
		.from = from, .to = to, .want = VM_PG(PRESENT) | VM_PG(ACCESSED), .via = VM_VIA_TABLES, .as = as,
	};
	struct vm_pages_info info;
	return vm_pages_scan(s, pid, &q, take, &t, &info, err);
}

/* ---- Reading, by smaps -------------------------------------------------------------------------------------------- */

static bool has_huge_pages(const struct vm_mapping *m)
{
	return m->q[VM_Q_THP] || m->q[VM_Q_SHMEM_THP] || m->q[VM_Q_FILE_THP];
}

static void add_figures(struct vm_accessed_count *c, const struct vm_mapping *m, uint64_t page_bytes)
{
	c->resident_bytes += m->q[VM_Q_RSS];
	c->bytes += m->q[VM_Q_REFERENCED];
	c->runs = c->blocks = c->small_bytes = c->resident_blocks = VM_ACCESSED_UNKNOWN;
	if (has_huge_pages(m) || c->entries == VM_ACCESSED_UNKNOWN)
		c->entries = c->huge_bytes = VM_ACCESSED_UNKNOWN;
	else
		c->entries += m->q[VM_Q_REFERENCED] / page_bytes;
}

static int read_smaps(struct vm_session *s, pid_t pid, const struct vm_aspace *as, uint64_t from, uint64_t to,
		      struct vm_accessed_window *w, struct vm_err *err)
{
	struct vm_aspace *now;
	int r = vm_snapshot(s, pid, VM_NEED(LAYOUT) | VM_NEED(SMAPS), from, to, &now, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < now->nmaps; i++) {
		const struct vm_mapping *m = &now->map[i];
		if (m->end <= from || (to && m->start >= to))
			continue;
		const size_t at = as ? vm_aspace_find(as, m->start) : 0;
		const bool known = at < w->n && as->map[at].start <= m->start;
		if (m->have & VM_HAVE(VM_Q_REFERENCED))
			add_figures(known ? &w->v[at] : &w->elsewhere, m, s->page_bytes);
	}
	vm_aspace_free(now);
	return 0;
}

static int read_bits(const struct vm_accessed *a, pid_t pid, const struct vm_aspace *as, uint64_t from, uint64_t to,
		     struct vm_accessed_window *w, struct vm_err *err)
{
	return (a->facts.by_tables ? read_tables : read_smaps)(a->s, pid, as, from, to, w, err);
}

/* ---- Trying on ourselves ------------------------------------------------------------------------------------------ */

enum { TRIAL_PAGES = 64, ROUNDS = 9, LINE = 64 };

static void touch_all(const struct vm_accessed *a)
{
	for (unsigned i = 0; i < TRIAL_PAGES; i++)
		*(volatile char *)(a->page + i * a->s->page_bytes + i * LINE % a->s->page_bytes);
}

/**
 * Pages in use, cleared and perhaps flushed, and used for `ns` from then on, at least once: how many have their bit
 * again; -1: it can't be done.  *clear_ns: what clearing took.
 */
static int trial(struct vm_accessed *a, enum vm_flush flush, uint64_t ns, uint64_t *clear_ns)
{
	const uint64_t from = (uintptr_t)a->page;
	struct vm_accessed_window w = { 0 };
	for (unsigned i = 0; i < 4; i++)
		touch_all(a);
	const uint64_t before = vm_clock_ns();
	if (pwrite(a->own_clear_refs, "1", 1, 0) != 1 || vm_flush(a->s, &a->flusher, flush, getpid(), a->own_clear_refs, NULL) < 0)
		return -1;
	const uint64_t began = vm_clock_ns();
	*clear_ns = began - before;
	do {
		touch_all(a);
	} while (ns && vm_clock_ns() - began < ns);
	if (read_bits(a, getpid(), NULL, from, from + TRIAL_PAGES * a->s->page_bytes, &w, NULL) < 0)
		return -1;
	return (int)(w.elsewhere.bytes / a->s->page_bytes);
}

/** Does that way bring all of them back, in most rounds? */
static bool brings_back(struct vm_accessed *a, enum vm_flush way)
{
	uint64_t clear_ns;
	unsigned all = 0;
	for (unsigned i = 0; i < ROUNDS; i++)
		all += trial(a, way, 0, &clear_ns) >= TRIAL_PAGES - 1;
	return all >= ROUNDS - 2;
}

/**
 * Do they come back whenever bits are cleared?  Once that they don't will do, as others empty TLBs as well; and clearing
 * that takes long drives them out of the TLB of this CPU, where the kernel does it: that proves nothing.
 */
static bool clearing_flushes(struct vm_accessed *a)
{
	enum { MOST = 50, ENOUGH = 10, SHORT_NS = 100000 };
	uint64_t clear_ns;
	unsigned all = 0;
	for (unsigned i = 0; i < MOST && all < ENOUGH; i++) {
		if (trial(a, VM_FLUSH_NONE, 0, &clear_ns) < TRIAL_PAGES / 2)
			return false;
		all += clear_ns < SHORT_NS;
	}
	return all >= ENOUGH;
}

/** What a round of accesses takes, the TLB empty; the shortest of some. */
static uint64_t time_of_round(struct vm_accessed *a, bool clear)
{
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < ROUNDS; i++) {
		touch_all(a);
		if (clear && pwrite(a->own_clear_refs, "1", 1, 0) != 1)
			return UINT64_MAX;
		vm_flush(a->s, &a->flusher, a->facts.flush, getpid(), a->own_clear_refs, NULL);
		const uint64_t began = vm_clock_ns();
		touch_all(a);
		const uint64_t took = vm_clock_ns() - began;
		least = took < least ? took : least;
	}
	return least;
}

static double cost_of_setting(struct vm_accessed *a)
{
	if (a->facts.flush == VM_FLUSH_NONE)
		return (double)NAN;
	const uint64_t usual = time_of_round(a, false), cleared = time_of_round(a, true);
	return cleared == UINT64_MAX ? (double)NAN : cleared < usual ? 0 : (double)(cleared - usual) / TRIAL_PAGES;
}

double vm_accessed_noise(struct vm_accessed *a, uint64_t ns)
{
	enum { TRIES = 3 };
	uint64_t clear_ns;
	int sum = 0;
	for (unsigned i = 0; i < TRIES; i++) {
		const int n = trial(a, VM_FLUSH_NONE, ns, &clear_ns);
		if (n < 0)
			return (double)NAN;
		sum += n;
	}
	return (double)sum / (TRIES * TRIAL_PAGES);
}

/** What is there can be read at all, and by what. */
static int choose_reader(struct vm_accessed *a, struct vm_err *err)
{
	struct vm_accessed_window w = { 0 };
	struct vm_err why = { 0 };
	const uint64_t from = (uintptr_t)a->page, to = from + TRIAL_PAGES * a->s->page_bytes;
	a->facts.by_tables = read_tables(a->s, getpid(), NULL, from, to, &w, &why) == 0;
	if (a->facts.by_tables)
		return 0;
	snprintf(a->facts.why_not_tables, sizeof(a->facts.why_not_tables), "%.150s", why.what);
	return read_smaps(a->s, getpid(), NULL, from, to, &w, err);
}

static bool works(struct vm_accessed *a, enum vm_flush way)
{
	if (way == VM_FLUSH_SWITCHES && vm_flusher_start(&a->flusher, NULL) < 0)
		return false;
	if (brings_back(a, way))
		return true;
	vm_flusher_stop(&a->flusher);
	return false;
}

static int choose_flush(struct vm_accessed *a, enum vm_flush asked, struct vm_err *err)
{
	struct vm_accessed_facts *f = &a->facts;
	f->soft_dirty = vm_pagemap_has_soft_dirty(a->s);
	f->clearing_flushes = clearing_flushes(a);
	f->flush = asked;
	if (asked == VM_FLUSH_AUTO)
		f->flush = !f->soft_dirty && works(a, VM_FLUSH_CLEAR_REFS) ? VM_FLUSH_CLEAR_REFS :
			   works(a, VM_FLUSH_SWITCHES) ? VM_FLUSH_SWITCHES : VM_FLUSH_NONE;
	else if (asked != VM_FLUSH_NONE && !works(a, asked))
		return vm_fail(err, EOPNOTSUPP, "--flush %s doesn't make this machine's CPUs forget translations: tried on pages of our own",
			       vm_flush_words[asked]);
	f->set_again_ns = cost_of_setting(a);
	if (f->flush == VM_FLUSH_NONE)
		snprintf(f->why_no_flush, sizeof(f->why_no_flush), "%s", asked == VM_FLUSH_NONE ? "--flush none was given" :
			 f->soft_dirty ? "writing 4 to clear_refs would forget which pages were written (soft-dirty bits), and "
					 "switching between processes doesn't flush" : "no way to flush another process's TLB works here");
	return 0;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static int open_clear_refs(struct vm_accessed *a, struct vm_err *err)
{
	int fd = vm_session_open_file(a->s, O_WRONLY, "proc/%d/clear_refs", a->pid);
	a->clear_refs = fd;
	if (fd == -ENOENT || fd == -ESRCH)
		return vm_fail(err, ESRCH, "there is no process %d", a->pid);
	if (fd < 0) {
		vm_fail_os(err, -fd, "cannot open /proc/%d/clear_refs", a->pid);
		vm_hint(err, "run with sudo");
		return fd;
	}
	a->own_clear_refs = vm_session_open_file(a->s, O_WRONLY, "proc/%d/clear_refs", getpid());
	return a->own_clear_refs < 0 ? vm_fail_os(err, -a->own_clear_refs, "cannot open our own clear_refs") : 0;
}

static int open_all(struct vm_accessed *a, enum vm_flush flush, struct vm_err *err)
{
	const size_t bytes = TRIAL_PAGES * a->s->page_bytes;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map pages to try on");
	a->page = p;
	madvise(p, bytes, MADV_NOHUGEPAGE);
	memset(p, 1, bytes);
	int r = open_clear_refs(a, err);
	if (r == 0)
		r = choose_reader(a, err);
	return r == 0 ? choose_flush(a, flush, err) : r;
}

int vm_accessed_open(struct vm_session *s, pid_t pid, enum vm_flush flush, struct vm_accessed **out, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "accessed bits are this machine's processes', not a %s's", vm_session_kind(s));
	struct vm_accessed *a = calloc(1, sizeof(*a));
	if (!a)
		return vm_fail(err, ENOMEM, "out of memory");
	a->s = s;
	a->pid = pid;
	a->clear_refs = a->own_clear_refs = -1;
	int r = open_all(a, flush, err);
	if (r < 0)
		vm_accessed_close(a);
	else
		*out = a;
	return r;
}

void vm_accessed_close(struct vm_accessed *a)
{
	if (!a)
		return;
	vm_flusher_stop(&a->flusher);
	vm_cleanup_close(&a->clear_refs);
	vm_cleanup_close(&a->own_clear_refs);
	if (a->page)
		munmap(a->page, TRIAL_PAGES * a->s->page_bytes);
	free(a);
}

const struct vm_accessed_facts *vm_accessed_facts(const struct vm_accessed *a)
{
	return &a->facts;
}

/* ---- Windows ------------------------------------------------------------------------------------------------------ */

/** "run wait times": what a thread ran, and how often it was put onto a CPU. */
static bool add_schedstat(const struct vm_accessed *a, pid_t tid, uint64_t *cpu_ns, uint64_t *times)
{
	unsigned long long ran, waited, n;
	if (vm_session_slurp(a->s, &a->s->scratch, "proc/%d/task/%d/schedstat", a->pid, tid) <= 0 ||
	    sscanf(a->s->scratch.s, "%llu %llu %llu", &ran, &waited, &n) != 3)
		return false;
	*cpu_ns += ran;
	*times += n;
	return true;
}

/** Sums over its threads; not known of a crowd, which takes longer to ask than a window is. */
static void look_at_threads(struct vm_accessed *a, uint64_t *cpu_ns, uint64_t *switches)
{
	struct vm_pids tids = { 0 };
	char path[64];
	snprintf(path, sizeof(path), "proc/%d/task", a->pid);
	bool ok = vm_list_numbers(a->s, &tids, NULL, path) == 0 && tids.n > 0 && tids.n <= THREADS_MOST;
	*cpu_ns = *switches = 0;
	for (size_t i = 0; ok && i < tids.n; i++)
		ok = add_schedstat(a, tids.v[i], cpu_ns, switches);
	if (!ok)
		*cpu_ns = *switches = VM_ACCESSED_UNKNOWN;
	vm_vec_free(&tids);
}

/**
 * Who has to wait for a CPU makes windows longer than they should be.  Where this isn't permitted they are; where there is
 * much to do others come first.
 */
static void hurry(const struct vm_accessed *a, bool on)
{
	const struct sched_param first = { .sched_priority = 1 }, usual = { 0 };
	if (!on)
		sched_setscheduler(0, SCHED_OTHER, &usual);
	else if (!a->slow)
		sched_setscheduler(0, SCHED_FIFO, &first);
}

int vm_accessed_clear(struct vm_accessed *a, bool flush, uint64_t *took_ns, struct vm_err *err)
{
	const uint64_t began = vm_clock_ns();
	int r = pwrite(a->clear_refs, "1", 1, 0) == 1 ? 0 : -errno;
	if (r == -ESRCH)
		return vm_fail(err, ESRCH, "process %d has ended", a->pid);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot clear the accessed bits of process %d", a->pid);
	if (flush)
		r = vm_flush(a->s, &a->flusher, a->facts.flush, a->pid, a->clear_refs, err);
	*took_ns = vm_clock_ns() - began;
	/* A late answer would be taken for that of the next time. */
	if (r == -ETIMEDOUT) {
		vm_flusher_stop(&a->flusher);
		vm_flusher_start(&a->flusher, NULL);
	}
	return r;
}

int vm_accessed_clear_writes(struct vm_accessed *a, uint64_t *took_ns, struct vm_err *err)
{
	const uint64_t began = vm_clock_ns();
	int r = vm_flush(a->s, &a->flusher, VM_FLUSH_CLEAR_REFS, a->pid, a->clear_refs, err);
	*took_ns = vm_clock_ns() - began;
	return r;
}

int vm_accessed_begin(struct vm_accessed *a, enum vm_accessed_kind kind, struct vm_accessed_window *w, struct vm_err *err)
{
	*w = (struct vm_accessed_window){ .kind = kind };
	look_at_threads(a, &a->cpu_ns, &a->switches);
	hurry(a, true);
	const uint64_t began = vm_clock_ns();
	int r = vm_accessed_clear(a, kind == VM_ACCESSED_USED, &w->clear_ns, err);
	a->cleared_ns = began + w->clear_ns / 2;
	return r;
}

static uint64_t difference(uint64_t from, uint64_t to)
{
	return from == VM_ACCESSED_UNKNOWN || to == VM_ACCESSED_UNKNOWN || to < from ? VM_ACCESSED_UNKNOWN : to - from;
}

int vm_accessed_end(struct vm_accessed *a, const struct vm_aspace *as, struct vm_accessed_window *w, struct vm_err *err)
{
	uint64_t cpu_ns, switches;
	w->n = as->nmaps;
	w->v = calloc(w->n + 1, sizeof(*w->v));
	if (!w->v)
		return vm_fail(err, ENOMEM, "out of memory");
	const uint64_t began = vm_clock_ns();
	int r = read_bits(a, a->pid, as, 0, 0, w, err);
	w->read_ns = vm_clock_ns() - began;
	hurry(a, false);
	a->slow = w->clear_ns > SLOW_NS || w->read_ns > SLOW_NS;
	w->ns = began + w->read_ns / 2 - a->cleared_ns;
	look_at_threads(a, &cpu_ns, &switches);
	w->cpu_ns = difference(a->cpu_ns, cpu_ns);
	w->switches = difference(a->switches, switches);
	if (r < 0)
		vm_accessed_window_free(w);
	return r;
}
