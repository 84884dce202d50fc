/**
 * Runs wait until there are many of them: their frames lie scattered, and reading kpageflags is the dearest part of all
 * (50 to 100 ns a frame).  In the order of their frames, neighbours are read at once.
 */

#include "core/source/hugefolio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/pageflags.h"
#include "core/source/frames.h"
#include "core/source/session.h"

enum { PAGE = 4096, PMD_SHIFT = 21 };
/** So many runs, or pages of them, wait at most; frames are read in pieces of WINDOW, across gaps of GAP. */
enum { RUNS = 1 << 15, PAGES = 1 << 18, WINDOW = 4096, GAP = 16 };
/** None lies across a multiple of so many frames, but those of the hugetlb pool: folios are aligned. */
enum { FOLIO_MAX = 512 };

/** Of a frame's flags, in a byte. */
enum { HEAD = 1, TAIL = 2, THP = 4, KSM = 8, ZERO = 16 };

/** A folio of at least so many frames holds all frames of a block or none: one frame of ours tells. */
enum block { BLOCK_UNSEEN, BLOCK_SMALL, BLOCK_LARGE };
enum { NONE = 64 };

struct waiting {
	struct vm_page_run run;
	uint32_t mapping;
	/** Flags of its pages, and of the frame behind them; SIZE_MAX: none are needed.  Runs whose addresses and frames go on
	    where the last one ends, as within a folio of which some pages are shared, have theirs in a row: a chain. */
	size_t flags;
};

struct vm_folios {
	struct vm_huge_space *h;
	struct vm_frames *frames;
	bool guess, merged;
	char why[160];
	VM_VEC(struct waiting) runs;
	VM_VEC(uint8_t) flags;
	VM_VEC(uint32_t) order;    /* runs by frame */
	/** log2 of the frames of the smallest folios of anonymous memory that there are; 0: any.  NONE: there are no such folios. */
	unsigned block_shift;
	/** For each block of so many frames, enum block. */
	uint8_t *block;
	uint64_t blocks;
	size_t mapping;            /* of the last run that was counted; SIZE_MAX: none */
	uint64_t window_at;
	size_t window_n;
	uint64_t window[WINDOW];
};

static size_t pages_of(const struct vm_page_run *r)
{
	return (size_t)((r->end - r->start) / PAGE);
}

/* ---- Flags -------------------------------------------------------------------------------------------------------- */

static uint8_t digest(uint64_t f)
{
	return (uint8_t)((f & VM_KPF(COMPOUND_HEAD) ? HEAD : 0) | (f & VM_KPF(COMPOUND_TAIL) ? TAIL : 0) |
			 (f & VM_KPF(THP) ? THP : 0) | (f & VM_KPF(KSM) ? KSM : 0) | (f & VM_KPF(ZERO_PAGE) ? ZERO : 0));
}

/** Read a window that begins at `pfn` and holds what is near of the runs from the k-th on. */
static void read_window(struct vm_folios *f, uint64_t pfn, size_t k)
{
	uint64_t end = pfn + 1;
	for (; k < f->order.n; k++) {
		const struct vm_page_run *r = &f->runs.v[f->order.v[k]].run;
		const uint64_t last = r->pfn + pages_of(r) + 1;
		if (r->pfn > end + GAP || end - pfn >= WINDOW)
			break;
		end = last > end ? last : end;
	}
	const size_t n = end - pfn < WINDOW ? (size_t)(end - pfn) : WINDOW;
	const long got = vm_frames_read(f->frames, VM_FRAME_FLAGS, pfn, n, f->window, NULL);
	f->window_at = pfn;
	f->window_n = got > 0 ? (size_t)got : 0;
}

static void read_flags(struct vm_folios *f, size_t k)
{
	const struct waiting *w = &f->runs.v[f->order.v[k]];
	const size_t n = pages_of(&w->run) + 1;
	uint8_t *to = f->flags.v + w->flags;
	for (size_t i = 0; i < n;) {
		const uint64_t pfn = w->run.pfn + i;
		if (pfn < f->window_at || pfn >= f->window_at + f->window_n)
			read_window(f, pfn, k);
		/* Beyond the end of memory there is nothing. */
		if (!f->window_n) {
			memset(to + i, 0, n - i);
			return;
		}
		for (size_t at = (size_t)(pfn - f->window_at); at < f->window_n && i < n; at++, i++)
			to[i] = digest(f->window[at]);
	}
}

static int by_frame(const void *a, const void *b, void *runs_)
{
	const struct waiting *runs = runs_;
	const uint64_t x = runs[*(const uint32_t *)a].run.pfn, y = runs[*(const uint32_t *)b].run.pfn;
	return (x > y) - (x < y);
}

static bool read_all(struct vm_folios *f)
{
	f->order.n = 0;
	for (size_t i = 0; i < f->runs.n; i++)
		if (f->runs.v[i].flags != SIZE_MAX && !vm_vec_push(&f->order, (uint32_t)i))
			return false;
	if (f->order.n > 1)
		qsort_r(f->order.v, f->order.n, sizeof(f->order.v[0]), by_frame, f->runs.v);
	f->window_n = 0;
	for (size_t k = 0; k < f->order.n; k++)
		read_flags(f, k);
	return true;
}

/* ---- Counting ----------------------------------------------------------------------------------------------------- */

static enum vm_huge_what what_of(const struct vm_huge_map *map, const struct vm_page_run *r)
{
	if (map->backing == VM_HUGE_B_HUGETLB)
		return VM_HUGE_HUGETLB;
	if (r->known & VM_PG(FILE) ? !(r->state & VM_PG(FILE)) : map->backing == VM_HUGE_B_ANON)
		return VM_HUGE_ANON;
	return map->backing == VM_HUGE_B_SHMEM || map->backing == VM_HUGE_B_TMPFS ? VM_HUGE_SHMEM : VM_HUGE_FILE;
}

static bool has_ranges(const struct vm_huge_map *map)
{
	return map->backing != VM_HUGE_B_HUGETLB && map->backing != VM_HUGE_B_SPECIAL;
}

/** Pages of one kind within one range. */
static void count_in_range(struct vm_huge_range *g, const struct vm_page_run *r, unsigned n, bool anon, unsigned flags, unsigned order)
{
	g->flags |= (uint8_t)flags | (r->state & VM_PG(UFFD_WP) ? VM_HUGE_R_WP : 0);
	if (r->state & (VM_PG(GUARD) | VM_PG(MARKER))) {
		g->flags |= VM_HUGE_R_GUARD;
	} else if (r->state & VM_PG(ZERO)) {
		g->zero = (uint16_t)(g->zero + n);
	} else if (r->state & VM_PG(PRESENT)) {
		g->present = (uint16_t)(g->present + n);
		g->anon = (uint16_t)(g->anon + (anon ? n : 0));
		g->flags |= r->state & r->known & VM_PG(WRITE) ? VM_HUGE_R_WRITABLE : 0;
		if (r->known & VM_PG(EXCLUSIVE) && !(r->state & VM_PG(EXCLUSIVE)))
			g->shared = (uint16_t)(g->shared + n);
	} else if (r->state & VM_PG_POPULATED) {
		g->swapped = (uint16_t)(g->swapped + n);
	}
	g->order = order > g->order ? (uint8_t)order : g->order;
}

/** [start, end) of the run, all of one kind. */
static int count_ranges(struct vm_folios *f, size_t m, const struct vm_page_run *r, uint64_t start, uint64_t end, unsigned flags,
			unsigned order)
{
	struct vm_huge_space *h = f->h;
	struct vm_huge_map *map = &h->map[m];
	const bool memory = (r->state & VM_PG(PRESENT)) && !(r->state & VM_PG(ZERO)), anon = what_of(map, r) == VM_HUGE_ANON;
	if (!has_ranges(map))
		return 0;
	for (uint64_t at = start; at < end;) {
		uint64_t next = (at & ~(h->range_bytes - 1)) + h->range_bytes;
		next = next < end ? next : end;
		bool no_memory;
		struct vm_huge_range *g = vm_huge_space_range(h, m, at, &no_memory);
		if (no_memory)
			return -ENOMEM;
		if (g)
			count_in_range(g, r, (unsigned)((next - at) / PAGE), anon, flags, order);
		else if (memory)
			map->edges += next - at;
		at = next;
	}
	return 0;
}

static int add(struct vm_folios *f, size_t m, const struct vm_page_run *r, enum vm_huge_how how, unsigned order, uint64_t start,
	       uint64_t end)
{
	const unsigned pmd = PMD_SHIFT - 12;
	const unsigned flags = how == VM_HUGE_ENTRY ? VM_HUGE_R_HUGE : how == VM_HUGE_PARTLY ? VM_HUGE_R_PART
			     : how == VM_HUGE_ALIGNED && order == pmd ? VM_HUGE_R_WHOLE : 0;
	if (!vm_huge_space_add(f->h, m, what_of(&f->h->map[m], r), how, order, end - start))
		return -ENOMEM;
	return count_ranges(f, m, r, start, end, flags, how == VM_HUGE_SMALL || how == VM_HUGE_PARTLY ? 0 : order);
}

/* Of a chain of runs: `i` and `j` are places among all flags. */

static size_t flags_end(const struct waiting *w)
{
	return w->flags + pages_of(&w->run);
}

/** By any run of the chain. */
static uint64_t address_of(const struct waiting *w, size_t i)
{
	return w->run.start + (uint64_t)(i - w->flags) * PAGE;
}

/** The page of zeros, where only its frame tells. */
static int add_zeros(struct vm_folios *f, const struct waiting *w, uint64_t start, uint64_t end)
{
	struct vm_page_run zeros = w->run;
	zeros.state |= VM_PG(ZERO);
	return count_ranges(f, w->mapping, &zeros, start, end, 0, 0);
}

/** Pages [i, j) of one kind, run by run from the one that holds the first page. */
static int add_pages(struct vm_folios *f, const struct waiting *w, size_t i, size_t j, enum vm_huge_how how, unsigned order)
{
	const bool zeros = f->flags.v[i] & ZERO;
	int e = 0;
	for (size_t end; i < j && e == 0; i = end, w++) {
		end = flags_end(w) < j ? flags_end(w) : j;
		const uint64_t from = address_of(w, i), to = address_of(w, end);
		e = zeros ? add_zeros(f, w, from, to) : add(f, w->mapping, &w->run, how, order, from, to);
	}
	return e;
}

/** Pages [i, j) that are one folio, or a part of one, by the flags. */
static int add_folio(struct vm_folios *f, const struct waiting *w, size_t i, size_t j, bool whole)
{
	const size_t n = j - i;
	const unsigned order = (unsigned)__builtin_ctzll(n);
	if (!whole || (n & (n - 1)) || order >= VM_HUGE_ORDERS)
		return add_pages(f, w, i, j, VM_HUGE_PARTLY, 0);
	return add_pages(f, w, i, j, address_of(w, i) / PAGE % n ? VM_HUGE_UNALIGNED : VM_HUGE_ALIGNED, order);
}

/** How many of the pages [i, j), that lie in one range, KSM has merged. */
static void count_merged(struct vm_folios *f, const struct waiting *w, size_t i, size_t j)
{
	for (; i < j; i++) {
		bool no_memory;
		struct vm_huge_range *g = f->flags.v[i] & KSM && has_ranges(&f->h->map[w->mapping])
			? vm_huge_space_range(f->h, w->mapping, address_of(w, i), &no_memory) : NULL;
		if (g)
			g->merged++;
	}
}

static bool is_folio(uint8_t flag)
{
	return (flag & (HEAD | TAIL)) && (flag & THP) && !(flag & ZERO);
}

/** Where the folio, or the base pages of one kind, that begin at `i` end; these go no further than their range. */
static size_t end_of_kind(const struct vm_folios *f, const struct waiting *w, size_t i, size_t n)
{
	const uint8_t *flag = f->flags.v;
	size_t j = i + 1;
	if (is_folio(flag[i])) {
		while (j < n && (flag[j] & TAIL))
			j++;
		return j;
	}
	while (j < n && !is_folio(flag[j]) && !((flag[j] ^ flag[i]) & ZERO) && address_of(w, j) % f->h->range_bytes)
		j++;
	return j;
}

static int count_chain(struct vm_folios *f, const struct waiting *w, const struct waiting *last)
{
	const uint8_t *flag = f->flags.v;
	const size_t n = flags_end(last);
	int e = 0;
	for (size_t i = w->flags, j; i < n && e == 0; i = j) {
		while (flags_end(w) <= i)
			w++;
		j = end_of_kind(f, w, i, n);
		if (is_folio(flag[i]))
			e = add_folio(f, w, i, j, (flag[i] & HEAD) && !(j == n && (flag[n] & TAIL)));
		else
			e = add_pages(f, w, i, j, VM_HUGE_SMALL, 0);
		if (f->merged && e == 0 && !is_folio(flag[i]))
			count_merged(f, w, i, j);
	}
	return e;
}

/** Pages of the hugetlb pool, whose entries pagemap doesn't tell. */
static unsigned pool_order(const struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	const struct vm_mapping *mapping = &f->h->as->map[m];
	if (r->shift > 12)
		return r->shift - 12u;
	if (mapping->have & VM_HAVE(VM_Q_KPAGE) && mapping->q[VM_Q_KPAGE] > PAGE)
		return (unsigned)__builtin_ctzll(mapping->q[VM_Q_KPAGE] / PAGE);
	return PMD_SHIFT - 12;
}

static int count_run(struct vm_folios *f, const struct waiting *w)
{
	const struct vm_page_run *r = &w->run;
	struct vm_huge_map *map = &f->h->map[w->mapping];
	const bool swap = (r->state & VM_PG_POPULATED) && !(r->state & VM_PG(PRESENT));
	if (swap)
		map->swapped += r->end - r->start;
	/* Memory of devices and the kernel's own pages are nobody's. */
	if ((r->state & VM_PG(SPECIAL)) && !(r->state & VM_PG(ZERO)))
		return 0;
	if (!(r->state & VM_PG(PRESENT)) || (r->state & VM_PG(ZERO))) {
		const bool huge = (r->state & VM_PG(ZERO)) && r->shift >= PMD_SHIFT;
		return count_ranges(f, w->mapping, r, r->start, r->end, huge ? VM_HUGE_R_HUGE : 0, huge ? r->shift - 12u : 0);
	}
	if (map->backing == VM_HUGE_B_HUGETLB)
		return add(f, w->mapping, r, VM_HUGE_ENTRY, pool_order(f, w->mapping, r), r->start, r->end);
	return add(f, w->mapping, r, r->shift >= PMD_SHIFT ? VM_HUGE_ENTRY : VM_HUGE_SMALL, r->shift >= PMD_SHIFT ? r->shift - 12u : 0,
		   r->start, r->end);
}

static bool leave_mapping(struct vm_folios *f)
{
	const struct vm_mapping *m = f->mapping == SIZE_MAX ? NULL : &f->h->as->map[f->mapping];
	uint64_t bytes = 0;
	if (!m || !f->guess)
		return true;
	for (size_t i = 0; i < 3; i++) {
		static const enum vm_qty huge[] = { VM_Q_THP, VM_Q_SHMEM_THP, VM_Q_FILE_THP };
		bytes += m->have >> huge[i] & 1 ? m->q[huge[i]] : 0;
	}
	return vm_huge_space_guess(f->h, f->mapping, bytes, f->frames != NULL);
}

static int count_all(struct vm_folios *f)
{
	int e = read_all(f) ? 0 : -ENOMEM;
	for (size_t i = 0, next; i < f->runs.n && e == 0; i = next) {
		const struct waiting *w = &f->runs.v[i];
		for (next = i + 1; w->flags != SIZE_MAX && next < f->runs.n && f->runs.v[next].flags == flags_end(&f->runs.v[next - 1]);)
			next++;
		if (w->mapping != f->mapping) {
			e = leave_mapping(f) ? 0 : -ENOMEM;
			f->mapping = w->mapping;
		}
		e = e ? e : w->flags != SIZE_MAX ? count_chain(f, w, &f->runs.v[next - 1]) : count_run(f, w);
	}
	f->runs.n = f->flags.n = 0;
	return e;
}

/* ---- Waiting ------------------------------------------------------------------------------------------------------ */

static bool needs_flags(const struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	return f->frames && (r->state & VM_PG(PRESENT)) && !(r->state & (VM_PG(ZERO) | VM_PG(SPECIAL))) && r->shift <= 12 &&
	       r->pfn != VM_PFN_NONE && f->h->map[m].backing != VM_HUGE_B_HUGETLB;
}

/** Goes on where the last one that waits ends, and neither is looked at by frame. */
static bool goes_on(const struct waiting *last, size_t m, const struct vm_page_run *r)
{
	return last->flags == SIZE_MAX && last->mapping == m && vm_page_run_follows(&last->run, r, false);
}

/** Both are looked at by frame, and a folio may begin in the one and end in the other. */
static bool is_chained(const struct waiting *last, size_t m, const struct vm_page_run *r)
{
	return last->flags != SIZE_MAX && last->mapping == m && last->run.end == r->start &&
	       last->run.pfn + pages_of(&last->run) == r->pfn;
}

static bool is_full(const struct vm_folios *f)
{
	return f->runs.n >= RUNS || f->flags.n >= PAGES;
}

/** Pages that may be folios, or parts of some. */
static int wait_flagged(struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	const struct waiting *last = f->runs.n ? &f->runs.v[f->runs.n - 1] : NULL;
	bool chained = last && is_chained(last, m, r);
	if (is_full(f) && !(chained && r->pfn % FOLIO_MAX)) {
		int e = count_all(f);
		if (e)
			return e;
		chained = false;
	}
	/* What was behind the last run is this one's first page. */
	const size_t at = chained ? f->flags.n - 1 : f->flags.n;
	if (!vm_vec_reserve(&f->flags, at + pages_of(r) + 1 - f->flags.n))
		return -ENOMEM;
	f->flags.n = at + pages_of(r) + 1;
	return vm_vec_push(&f->runs, ((struct waiting){ .run = *r, .mapping = (uint32_t)m, .flags = at })) ? 0 : -ENOMEM;
}

static int wait_for(struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	struct waiting *last = f->runs.n ? &f->runs.v[f->runs.n - 1] : NULL;
	if (last && goes_on(last, m, r)) {
		last->run.end = r->end;
		return 0;
	}
	int e = is_full(f) ? count_all(f) : 0;
	if (e)
		return e;
	return vm_vec_push(&f->runs, ((struct waiting){ .run = *r, .mapping = (uint32_t)m, .flags = SIZE_MAX })) ? 0 : -ENOMEM;
}

/** A long one in parts that no folio crosses, and what is waited for no longer than a folio goes on. */
static int put_flagged(struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	struct vm_page_run part = *r;
	int e = 0;
	for (; e == 0 && part.start < r->end; part.pfn += pages_of(&part), part.start = part.end) {
		const size_t left = (size_t)((r->end - part.start) / PAGE);
		const size_t unit = left > PAGES ? PAGES : is_full(f) ? FOLIO_MAX : 0;
		const size_t whole = unit ? unit - part.pfn % unit : left, n = whole < left ? whole : left;
		part.end = part.start + (uint64_t)n * PAGE;
		e = wait_flagged(f, m, &part);
	}
	return e;
}

/** Is the frame, one of ours, part of a folio? */
static bool is_large(struct vm_folios *f, uint64_t pfn)
{
	const uint64_t b = pfn >> f->block_shift;
	uint64_t flags = 0;
	if (b >= f->blocks)
		return true;
	if (f->block[b] == BLOCK_UNSEEN) {
		vm_frames_read(f->frames, VM_FRAME_FLAGS, pfn, 1, &flags, NULL);
		f->block[b] = digest(flags) & (HEAD | TAIL) ? BLOCK_LARGE : BLOCK_SMALL;
	}
	return f->block[b] == BLOCK_LARGE;
}

/** Anonymous memory, of whose folios the smallest size is known: only where there are some must all frames be looked at. */
static int put_by_blocks(struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	const uint64_t size = UINT64_C(1) << f->block_shift, end = r->pfn + pages_of(r);
	struct vm_page_run part = *r;
	int e = 0;
	for (uint64_t pfn = r->pfn; pfn < end && e == 0;) {
		const bool large = is_large(f, pfn);
		uint64_t next = (pfn | (size - 1)) + 1;
		while (next < end && is_large(f, next) == large)
			next += size;
		next = next < end ? next : end;
		part.pfn = pfn;
		part.end = part.start + (next - pfn) * PAGE;
		e = large ? put_flagged(f, m, &part) : wait_for(f, m, &part);
		part.start = part.end;
		pfn = next;
	}
	return e;
}

int vm_folios_put(struct vm_folios *f, size_t m, const struct vm_page_run *r)
{
	const bool anon = (r->known & VM_PG(FILE)) && !(r->state & VM_PG(FILE));
	if (!needs_flags(f, m, r) || (anon && !f->merged && f->block_shift == NONE))
		return wait_for(f, m, r);
	return anon && !f->merged && f->block ? put_by_blocks(f, m, r) : put_flagged(f, m, r);
}

int vm_folios_end(struct vm_folios *f)
{
	int e = count_all(f);
	return e ? e : leave_mapping(f) ? 0 : -ENOMEM;
}

void vm_folios_guess(struct vm_folios *f, bool guess)
{
	f->guess = guess;
}

bool vm_folios_known(const struct vm_folios *f)
{
	return f->frames != NULL;
}

const char *vm_folios_why(const struct vm_folios *f)
{
	return f->why;
}

uint64_t vm_folios_orders(const struct vm_hugesys *sys, uint64_t page_bytes)
{
	uint64_t orders = 0;
	for (size_t i = 0; i < sys->sizes.n; i++) {
		const struct vm_huge_size *z = &sys->sizes.v[i];
		/* A size that anonymous memory can't have. */
		if (z->anon == VM_HUGE_WORD_ABSENT)
			continue;
		if (z->stat[VM_HUGE_NR_ANON] == VM_HUGE_UNKNOWN || z->bytes <= page_bytes)
			return VM_FOLIOS_ALL;
		orders |= z->stat[VM_HUGE_NR_ANON] ? UINT64_C(1) << __builtin_ctzll(z->bytes / page_bytes) : 0;
	}
	return sys->sizes.n ? orders : VM_FOLIOS_ALL;
}

static void use_orders(struct vm_folios *f, uint64_t orders)
{
	const uint64_t end = vm_frames_end(f->frames);
	f->block_shift = orders ? (unsigned)__builtin_ctzll(orders) : NONE;
	if (!orders || !f->block_shift || !end)
		return;
	f->blocks = (end >> f->block_shift) + 1;
	f->block = calloc(f->blocks, sizeof(*f->block));
}

struct vm_folios *vm_folios_new(struct vm_session *s, uint64_t anon_orders)
{
	struct vm_folios *f = calloc(1, sizeof(*f));
	struct vm_err why = { 0 };
	if (!f)
		return NULL;
	if (vm_frames_open(s, &f->frames, &why) < 0) {
		f->frames = NULL;
		snprintf(f->why, sizeof(f->why), "kpageflags: %.140s", why.what);
	} else if (anon_orders != VM_FOLIOS_ALL) {
		use_orders(f, anon_orders);
	}
	return f;
}

void vm_folios_begin(struct vm_folios *f, struct vm_huge_space *h, bool merged)
{
	f->h = h;
	f->merged = merged;
	f->guess = false;
	f->mapping = SIZE_MAX;
	f->runs.n = f->flags.n = 0;
}

void vm_folios_free(struct vm_folios *f)
{
	if (!f)
		return;
	vm_frames_close(f->frames);
	free(f->block);
	vm_vec_free(&f->runs);
	vm_vec_free(&f->flags);
	vm_vec_free(&f->order);
	free(f);
}
