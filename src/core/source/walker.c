/** The user-space half of src/bpf/walk.bpf.c: loads, calibrates and proves it, and hands over what it copies. */

#include "core/source/walker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "bpf/walk.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/bpf.h"
#include "core/source/kernel.h"
#include "core/source/session.h"
#include "core/source/walk_program.h"
#include "core/source/zones.h"

/** What the program must know of an architecture's entries; core/model/pgtable.h knows the rest. */
static const struct arch {
	const char *machine;        /* uname -m */
	const struct vm_pt_arch *arch;
	uint64_t table_mask, table_value, frame_mask, volatile_mask;
	unsigned since;             /* version of Linux from which on its entries are as we know them */
} archs[] = {
	/* Present and not PS; A is the CPU's. */
	{ "x86_64", &vm_pt_x86_64, 0x81, 0x01, UINT64_C(0x000ffffffffff000), 0x20, 0 },
	{ "aarch64", &vm_pt_arm64, 0x03, 0x03, UINT64_C(0x0000fffffffff000), 0x400, 610 },
};

struct vm_walker {
	/** 0, or why there is no walker. */
	int failed;
	struct vm_err why;
	struct vm_walk_program program;
	struct vm_walk_control *c;
	const uint64_t (*table)[VM_WALK_ENTRIES];
	const struct vm_walk_meta *meta;
	struct vm_pt_geometry geometry;
	uint64_t zero_pfn;
};

/* ---- Loading ---------------------------------------------------------------------------------------------------- */

static const void *map_array(int map_fd, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, map_fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

enum { TABLES_BYTES = VM_WALK_TABLES * VM_WALK_ENTRIES * 8, METAS_BYTES = VM_WALK_TABLES * sizeof(struct vm_walk_meta) };

static int load(struct vm_walker *w, struct vm_session *s, struct vm_err *err)
{
	int r = vm_walk_program_load(&w->program, s, err);
	if (r < 0)
		return r;
	w->c = w->program.control;
	w->table = map_array(w->program.tables_fd, TABLES_BYTES);
	w->meta = map_array(w->program.metas_fd, METAS_BYTES);
	if (!w->table || !w->meta)
		return vm_fail_os(err, errno, "cannot map what the page-table program copies");
	return 0;
}

/** Bits of a physical address, as this processor has them; 0: it doesn't say. */
static unsigned phys_bits(void)
{
#if defined(__x86_64__)
	unsigned a = 0, b, c, d;
	if (__get_cpuid(0x80000008, &a, &b, &c, &d))
		return a & 0xff;
#endif
	return 0;
}

static int choose_arch(struct vm_walker *w, struct vm_session *s, struct vm_err *err)
{
	struct utsname u;
	uname(&u);
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		const struct arch *a = &archs[i];
		if (strcmp(u.machine, a->machine) != 0)
			continue;
		w->geometry.arch = a->arch;
		w->geometry.version = vm_kernel_version(s);
		if (w->geometry.version && w->geometry.version < a->since)
			return vm_fail(err, EOPNOTSUPP, "page tables of %s are known from Linux %u.%u on", u.machine,
				       a->since / 100, a->since % 100);
		w->geometry.swap = *vm_kernel_swap_types(s);
		w->geometry.max_pfn = vm_zones_end(s);
		w->geometry.phys_bits = phys_bits();
		w->c->g.table_mask = a->table_mask;
		w->c->g.table_value = a->table_value;
		w->c->g.frame_mask = a->frame_mask;
		w->c->g.volatile_mask = a->volatile_mask;
		w->c->g.max_pa = w->geometry.max_pfn ? w->geometry.max_pfn * s->page_bytes : UINT64_C(1) << 52;
		return s->page_bytes == 4096 ? 0 : vm_fail(err, EOPNOTSUPP, "page tables of base pages of %llu bytes are not "
			"known", (unsigned long long)s->page_bytes);
	}
	return vm_fail(err, EOPNOTSUPP, "page tables of %s are not known", u.machine);
}

/* ---- Calibration ------------------------------------------------------------------------------------------------ */

/** 4 or 5: with four levels the kernel's half begins 17 bits below the top, with five 8 (arch/x86/mm: mm.rst). */
static unsigned levels_by(uint64_t kernel_address)
{
	return kernel_address >> 48 == 0xffff ? 4 : 5;
}

/**
 * Find the direct map: the base from which our own top-level table leads to a page of ours that holds a random
 * cookie.  Without symbols, and whatever KASLR did.
 */
static int calibrate(struct vm_walker *w, struct vm_err *err)
{
	struct vm_walk_control *c = w->c;
	vm_bpf_auto_iter struct vm_bpf_iter it;
	int r = vm_bpf_iter_open(&it, w->program.calibrate_fd, getpid(), false, err);
	if (r < 0)
		return r;
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (page == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map a page");
	uint8_t *cookie = page + 1024;
	if (getrandom(cookie, VM_WALK_COOKIE, 0) != VM_WALK_COOKIE)
		memcpy(cookie, &w, sizeof(w));
	memcpy(c->cookie, cookie, VM_WALK_COOKIE);
	c->tgid = it.tgid;
	c->probe = (uint64_t)(uintptr_t)cookie & ((UINT64_C(1) << 57) - 1);
	c->cur = c->served = c->done = 0;
	r = vm_bpf_iter_run(&it, NULL);
	if (r == 0 && !c->served)
		r = -ESRCH;
	if (r == 0) {
		c->g.levels = w->geometry.levels = levels_by(c->pgd);
		c->cur = c->pgd & ~((UINT64_C(1) << 30) - 1);
	}
	/* A run tries 4096 candidates of 1 GiB; the base is at most all of memory below. */
	for (uint64_t gib = 0; r == 0 && !c->done && gib <= c->g.max_pa >> 30; gib += 4096) {
		c->served = 0;
		r = vm_bpf_iter_run(&it, NULL);
	}
	munmap(page, 4096);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot run the calibration of the page-table program");
	if (!c->done)
		return vm_fail(err, ENXIO, "the kernel's direct map was not found: page tables can't be followed");
	return 0;
}

/** The walk must find the frame that pagemap names (unless that is withheld). */
static int prove(struct vm_walker *w, struct vm_session *s, struct vm_err *err)
{
	static const char here;
	uint64_t addr = (uint64_t)(uintptr_t)&here, entry = 0;
	struct vm_walk_path path;
	struct vm_pte leaf;
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/self/pagemap");
	volatile char touch = here;
	(void)touch;
	int r = vm_walk_one(w, getpid(), addr, &path, err);
	if (r < 0)
		return r;
	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)(addr / 4096 * 8)) != sizeof(entry))
		return 0;
	uint64_t pfn = entry & ((UINT64_C(1) << 55) - 1);
	if (!(entry >> 63) || !pfn)
		return 0;
	unsigned last = path.n - 1, level = path.step[last].level;
	vm_pte_decode(&w->geometry, level, path.step[last].entry, &leaf);
	uint64_t offset = (addr & ((UINT64_C(1) << vm_pt_shift(&w->geometry, level)) - 1)) / 4096;
	if (leaf.kind != VM_PTE_PAGE || leaf.pfn + offset != pfn)
		return vm_fail(err, ENXIO, "page tables and pagemap disagree about a page of ours: not trusted");
	return 0;
}

static void walker_free(struct vm_walker *w)
{
	if (w->table)
		munmap((void *)(uintptr_t)w->table, TABLES_BYTES);
	if (w->meta)
		munmap((void *)(uintptr_t)w->meta, METAS_BYTES);
	vm_walk_program_free(&w->program);
	free(w);
}

/** An anonymous page that was only read is the page of zeros. */
static void find_zero_page(struct vm_walker *w)
{
	struct vm_walk_path path;
	struct vm_pte leaf;
	w->zero_pfn = VM_PFN_NONE;
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	(void)*page;
	if (vm_walk_one(w, getpid(), (uint64_t)(uintptr_t)page, &path, NULL) == 0) {
		vm_pte_decode(&w->geometry, path.step[path.n - 1].level, path.step[path.n - 1].entry, &leaf);
		if (leaf.kind == VM_PTE_PAGE && leaf.level == 0 && (leaf.state & VM_PG(SPECIAL)))
			w->zero_pfn = leaf.pfn;
	}
	munmap((void *)(uintptr_t)page, 4096);
}

int vm_walker_get(struct vm_session *s, struct vm_walker **out, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s has no page tables", vm_session_kind(s));
	if (!s->walker) {
		struct vm_walker *w = s->walker = calloc(1, sizeof(*w));
		if (!w)
			return vm_fail(err, ENOMEM, "out of memory");
		s->walker_free = walker_free;
		w->failed = load(w, s, &w->why);
		if (w->failed == 0)
			w->failed = choose_arch(w, s, &w->why);
		if (w->failed == 0)
			w->failed = calibrate(w, &w->why);
		if (w->failed == 0)
			w->failed = prove(w, s, &w->why);
		if (w->failed == 0)
			find_zero_page(w);
	}
	*out = s->walker;
	if (s->walker->failed && err)
		*err = s->walker->why;
	return s->walker->failed;
}

uint64_t vm_walker_direct_map(const struct vm_walker *w, uint64_t *end)
{
	*end = w->c->g.max_pa;
	return w->c->g.base;
}

uint64_t vm_walker_zero_pfn(const struct vm_walker *w)
{
	return w->zero_pfn;
}

const struct vm_pt_geometry *vm_walker_geometry(const struct vm_walker *w)
{
	return &w->geometry;
}

/* ---- Walking ---------------------------------------------------------------------------------------------------- */

/** Address of a table's first entry, with the sign bits that the program leaves out. */
static uint64_t canonical(const struct vm_walker *w, uint64_t addr)
{
	const unsigned bits = vm_pt_user_bits(&w->geometry);
	return addr >> bits & 1 ? addr | ~((UINT64_C(1) << bits) - 1) : addr;
}

struct pass {
	struct vm_walker *w;
	struct vm_bpf_iter it;
	uint64_t from, to;
	/** Where the run began whose tables are handed over. */
	uint64_t began;
	struct vm_walk_stats *stats;
	/** The table that was handed over last, by level. */
	uint64_t start[VM_PT_LEVELS];
	bool seen[VM_PT_LEVELS];
};

/** One run of the program.  0; -ESRCH: there is no address space. */
static int run_once(struct pass *p)
{
	struct vm_walk_control *c = p->w->c;
	c->n = c->served = c->done = c->gone = 0;
	uint64_t began = vm_clock_ns();
	int r = vm_bpf_iter_run(&p->it, NULL);
	uint64_t took = vm_clock_ns() - began;
	p->stats->runs++;
	if (took > p->stats->longest_ns)
		p->stats->longest_ns = took;
	return r < 0 ? r : c->served ? 0 : -ESRCH;
}

static int hand_over(struct pass *p, int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx)
{
	const struct vm_walk_control *c = p->w->c;
	for (unsigned i = 0; i < c->n && i < VM_WALK_TABLES; i++) {
		const struct vm_walk_meta *m = &p->w->meta[i];
		if (m->level >= VM_PT_LEVELS)
			continue;
		const unsigned shift = 12 + 9 * m->level;
		struct vm_walk_table t = {
			.start = canonical(p->w, m->start & ~((UINT64_C(512) << shift) - 1)), .frame = m->pa / 4096,
			.entry = p->w->table[i], .level = m->level,
		};
		t.again = p->seen[m->level] && p->start[m->level] == t.start;
		const uint64_t first = m->start & ~((UINT64_C(512) << shift) - 1), from = t.again ? p->began : p->from;
		t.lo = from > first ? (unsigned)((from - first) >> shift) : 0;
		uint64_t last = (p->to - 1 - first) >> shift;
		t.hi = last < 511 ? (unsigned)last + 1 : 512;
		p->seen[m->level] = true;
		p->start[m->level] = t.start;
		int r = take(ctx, &t);
		if (r)
			return r;
	}
	return 0;
}

/** Where nothing was copied for several runs a table doesn't hold still: go on behind it. */
static void go_past(struct pass *p, uint64_t before, unsigned *stuck)
{
	enum { PATIENCE = 8 };
	struct vm_walk_control *c = p->w->c;
	*stuck = c->cur == before ? *stuck + 1 : 0;
	if (*stuck < PATIENCE)
		return;
	*stuck = 0;
	c->cur = (c->cur | ((UINT64_C(1) << 21) - 1)) + 1;
	p->stats->partial = true;
}

static int walk_all(struct pass *p, int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx)
{
	struct vm_walk_control *c = p->w->c;
	unsigned stuck = 0;
	int r = 0;
	c->mm = 0;
	c->errors = c->retried = 0;
	c->cur = p->from;
	c->end = p->to;
	c->tgid = p->it.tgid;
	do {
		uint64_t before = c->cur;
		bool first = p->stats->runs == 0;
		p->began = before;
		r = run_once(p);
		if (r == -ESRCH && first && !p->it.threads && vm_bpf_iter_all_threads(&p->it) == 0)
			r = run_once(p);
		if (r == 0 && c->gone)
			r = -ESRCH;
		if (r == -ESRCH && !first) {
			p->stats->partial = true;
			return 0;
		}
		if (r == 0)
			r = hand_over(p, take, ctx);
		if (r == 0 && !c->done)
			go_past(p, before, &stuck);
	} while (r == 0 && !c->done && c->cur < c->end);
	p->stats->retried = c->retried;
	p->stats->partial |= c->errors != 0;
	return r;
}

/** From the page of `first` to that of `last`, of one half. */
static int walk_range(struct vm_walker *w, pid_t pid, uint64_t first, uint64_t last,
		      int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx, struct vm_walk_stats *stats,
		      struct vm_err *err)
{
	const uint64_t mask = (UINT64_C(1) << (12 + 9 * w->geometry.levels)) - 1;
	struct vm_walk_stats unused = { 0 };
	struct pass p = { .w = w, .stats = stats ? stats : &unused };
	*p.stats = unused;
	p.from = first & mask;
	p.to = (last & mask) + 1;
	uint64_t began = vm_clock_ns();
	int r = vm_bpf_iter_open(&p.it, w->program.walk_fd, pid, false, err);
	if (r < 0)
		return r;
	r = walk_all(&p, take, ctx);
	vm_bpf_iter_close(&p.it);
	p.stats->took_ns = vm_clock_ns() - began;
	return r == -ESRCH ? vm_fail(err, ESRCH, "process %d has no address space", pid) : r;
}

int vm_walk(struct vm_walker *w, pid_t pid, uint64_t from, uint64_t to,
	    int (*take)(void *ctx, const struct vm_walk_table *t), void *ctx, struct vm_walk_stats *stats,
	    struct vm_err *err)
{
	const uint64_t end = UINT64_C(1) << vm_pt_user_bits(&w->geometry);
	to = to && to < end ? to : end;
	if (from < to)
		return walk_range(w, pid, from, to - 1, take, ctx, stats, err);
	if (stats)
		*stats = (struct vm_walk_stats){ 0 };
	return 0;
}

struct one {
	const struct vm_pt_geometry *g;
	uint64_t addr;
	struct vm_walk_path *path;
};

static int take_step(void *ctx, const struct vm_walk_table *t)
{
	const struct one *o = ctx;
	struct vm_walk_path *path = o->path;
	/* A second run starts at the top again. */
	if (t->level + 1 == o->g->levels)
		path->n = 0;
	if (path->n < VM_PT_LEVELS) {
		path->step[path->n].level = t->level;
		path->step[path->n].table = t->frame;
		path->step[path->n].entry = t->entry[vm_pt_index(o->g, t->level, o->addr)];
		path->n++;
	}
	return 0;
}

int vm_walk_one(struct vm_walker *w, pid_t pid, uint64_t addr, struct vm_walk_path *out, struct vm_err *err)
{
	struct one o = { .g = &w->geometry, .addr = addr, .path = out };
	out->n = 0;
	if (vm_pt_half(&w->geometry, addr) != VM_ADDR_USER && !vm_pt_has_kernel(&w->geometry))
		return vm_fail(err, EOPNOTSUPP, "the kernel's half has tables of its own");
	int r = walk_range(w, pid, addr, addr, take_step, &o, NULL, err);
	return r == 0 && out->n == 0 ? vm_fail(err, ESRCH, "process %d has no address space", pid) : r;
}
