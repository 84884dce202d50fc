/**
 * Entries that have everything but their frame in common are one run, found by comparing whole entries: most tables
 * hold one or two kinds.  What an entry can't tell, FILE and EXCLUSIVE, the mapping tells for most pages (a writable
 * page of a private mapping is anonymous, and nobody else's); pagemap is asked about the others, if they are wanted.
 */

#include "core/source/tables.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/aspace.h"
#include "core/source/equals.h"
#include "core/source/pagemap.h"

enum { BATCH = 512, ENTRIES = 512, KINDS = 64, PIECE = 1024 };
/** So many runs of a table are handed over before its other pages are counted. */
enum { RUNS_MOST = 8 };

/** A table above the PTEs: its own pages are handed over between those of the tables below it. */
struct upper {
	uint64_t entry[ENTRIES];
	uint64_t start;
	unsigned next, hi;
	bool active;
};

/** What entries without their frame mean. */
struct kind {
	uint64_t key;
	unsigned level;
	bool plain;                /* a page: entries of the same key differ in their frame only */
	struct vm_pte pte;
};

struct vm_tables {
	struct vm_tables_setup set;
	const struct vm_pt_geometry *g;
	const struct vm_pages_query *q;
	/** What is wanted, and what it takes to tell that. */
	uint32_t want;
	/** Bits that every entry tells, and those that pagemap is to tell where the mapping doesn't. */
	uint32_t known, ask;
	/** Bits of an entry that matter, and its frame, by level. */
	uint64_t keep[VM_PT_LEVELS], frame[VM_PT_LEVELS];
	/** Bits of a PTE that make it special. */
	uint64_t special;
	/** The mapping that holds the last run, or the first one above it; those of the run that comes now and of the one
	    before it: no run crosses a border. */
	size_t mapping;
	const struct vm_mapping *now, *before;
	struct upper upper[VM_PT_LEVELS];
	struct kind kind[KINDS];
	/** What was read of pagemap last: entries of the pages from piece_at on. */
	uint64_t piece_at, piece_n, piece[PIECE];
	size_t n;
	struct vm_page_run run[BATCH];
};

/* ---- Runs, on their way out -------------------------------------------------------------------------------------- */

static int flush(struct vm_tables *s)
{
	size_t n = s->n;
	s->n = 0;
	return n ? s->set.take(s->set.ctx, s->run, n) : 0;
}

static int put(struct vm_tables *s, const struct vm_page_run *r)
{
	struct vm_page_run *last = s->n ? &s->run[s->n - 1] : NULL;
	const bool same = s->now == s->before;
	s->before = s->now;
	if (last && same && vm_page_run_follows(last, r, s->q->frames)) {
		last->end = r->end;
		return 0;
	}
	int e = s->n == BATCH ? flush(s) : 0;
	s->run[s->n++] = *r;
	return e;
}

/* ---- What entries can't tell ------------------------------------------------------------------------------------- */

/**
 * pagemap's entries from `at` on, at most `pages`; *n of them, 0 if they can't be read.  Runs that come close behind each
 * other are served from ever larger reads.
 */
static const uint64_t *ask_pagemap(struct vm_tables *s, uint64_t at, uint64_t pages, uint64_t *n)
{
	uint64_t first = s->piece_at, end = first + s->piece_n;
	at /= 4096;
	if (at < first || at >= end) {
		const bool close = at >= end && at - end <= s->piece_n;
		uint64_t want = close ? s->piece_n * 2 : 1;
		want = want > pages ? want : pages;
		s->piece_at = first = at;
		s->piece_n = end = s->set.pagemap(s->set.of, at, want < PIECE ? want : PIECE, s->piece);
		end += at;
		s->set.info->holds_lock = true;
	}
	*n = end - at < pages ? end - at : pages;
	return s->piece + (at - first);
}

/** pagemap's FILE, EXCLUSIVE and SOFT_DIRTY of the run: it may fall into several. */
static int put_by_pagemap(struct vm_tables *s, struct vm_page_run r)
{
	const uint64_t end = r.end, first = r.start, pfn = r.pfn, slot = r.swap_offset;
	const uint64_t step = UINT64_C(1) << (r.shift ? r.shift : 12);
	const uint32_t ask = s->ask & ~r.known, known = r.known, state = r.state;
	for (uint64_t at = first; at < end;) {
		/* All of a huge page has what its first entry says. */
		uint64_t n;
		const uint64_t *entry = ask_pagemap(s, at, step > 4096 ? 1 : (end - at) / 4096, &n);
		for (uint64_t i = 0; i < n || (n == 0 && i == 0); i++) {
			r.start = at;
			r.end = at + step < end ? at + step : end;
			r.pfn = pfn == VM_PFN_NONE || (state & VM_PG(ZERO)) ? pfn : pfn + (at - first) / 4096;
			r.swap_offset = slot + (at - first) / 4096;
			r.known = known;
			r.state = state;
			/* It may have changed since the table was copied. */
			if (n && !(entry[i] >> 63) == !(state & VM_PG(PRESENT))) {
				r.known |= ask;
				r.state |= vm_pagemap_state(entry[i]) & ask;
			} else {
				s->set.info->partial = true;
			}
			int e = put(s, &r);
			if (e)
				return e;
			at = r.end;
		}
	}
	return 0;
}

/** Does the mapping decide FILE, and what is it? */
static bool mapping_tells_file(const struct vm_mapping *m, const struct vm_page_run *r, bool *file)
{
	*file = m->shared;
	/* Memory of a device, and the page of zeros in a hole of a file, are nobody's page: pagemap says so too. */
	if (r->state & (VM_PG(ZERO) | VM_PG(SPECIAL))) {
		*file = false;
		return true;
	}
	/* A private page that was written is a copy, and so is what went to swap; pages of the kernel's own mappings
	   ([vdso]) count as pages of a file. */
	if (m->shared || (r->state & (VM_PG(WRITE) | VM_PG(SWAP))))
		return true;
	return m->inode == 0 && m->name[0] != '[';
}

/** The huge page of zeros: special since Linux 6.17; before, what nobody may write, and nobody has. */
static bool is_huge_zero(const struct vm_tables *s, const struct vm_mapping *m, const struct vm_page_run *r)
{
	if (r->shift <= 12 || !(r->state & VM_PG(PRESENT)) || m->inode || m->shared)
		return false;
	return s->g->version >= 617 ? (r->state & VM_PG(SPECIAL)) != 0
				    : !(r->state & (VM_PG(WRITE) | VM_PG(DIRTY) | VM_PG(NONE)));
}

/** What the mapping tells of a run; true if that is all that is asked. */
static bool tell_by_mapping(const struct vm_tables *s, const struct vm_mapping *m, struct vm_page_run *r)
{
	bool file = false;
	if (is_huge_zero(s, m, r)) {
		r->state |= VM_PG(ZERO);
		if (r->pfn != VM_PFN_NONE)
			r->pfn &= ~((UINT64_C(1) << (r->shift - 12)) - 1);
	}
	if (!(r->state & VM_PG_POPULATED)) {
		r->known |= s->ask & (VM_PG(FILE) | VM_PG(EXCLUSIVE));
	} else if (s->ask & (VM_PG(FILE) | VM_PG(EXCLUSIVE))) {
		if (mapping_tells_file(m, r, &file)) {
			r->known |= VM_PG(FILE);
			r->state |= file ? VM_PG(FILE) : 0;
		}
		/* Only the one owner of an anonymous page may write it (PageAnonExclusive, mm/memory.c). */
		if ((r->state & (VM_PG(SWAP) | VM_PG(ZERO) | VM_PG(SPECIAL))) || (!m->shared && (r->state & VM_PG(WRITE)))) {
			r->known |= VM_PG(EXCLUSIVE);
			r->state |= r->state & VM_PG(WRITE) && !(r->state & VM_PG(SPECIAL)) ? VM_PG(EXCLUSIVE) : 0;
		}
	}
	/* A mapping that is new counts as written as a whole, whatever its entries say (VM_SOFTDIRTY). */
	if ((s->ask & VM_PG(SOFT_DIRTY)) && !(r->state & VM_PG(SOFT_DIRTY)))
		r->known &= ~VM_PG(SOFT_DIRTY);
	return !(s->ask & ~r->known);
}

static int put_in(struct vm_tables *s, const struct vm_mapping *m, struct vm_page_run r)
{
	return tell_by_mapping(s, m, &r) || !s->set.pagemap ? put(s, &r) : put_by_pagemap(s, r);
}

/** The frame of r->start, of a run that began at `first` with `pfn`. */
static uint64_t pfn_further_on(const struct vm_page_run *r, uint64_t first, uint64_t pfn)
{
	uint64_t bytes = r->start - first;
	if (pfn == VM_PFN_NONE || (r->state & VM_PG(ZERO)))
		return pfn;
	/* Special entries are one run if they are alike in all, so that each begins again. */
	if (r->state & VM_PG(SPECIAL))
		bytes &= (UINT64_C(1) << r->shift) - 1;
	return pfn + bytes / 4096;
}

/** Cut the run at the borders of mappings. */
static int put_cut(struct vm_tables *s, struct vm_page_run r)
{
	const struct vm_aspace *as = s->q->as;
	if (!as)
		return put(s, &r);
	const uint64_t end = r.end, slot = r.swap_offset, pfn = r.pfn, first = r.start;
	while (s->mapping < as->nmaps && as->map[s->mapping].end <= r.start)
		s->mapping++;
	while (r.start < end) {
		const struct vm_mapping *m = s->mapping < as->nmaps ? &as->map[s->mapping] : NULL;
		bool in = m && m->start <= r.start;
		r.end = !m ? end : in ? m->end : m->start;
		r.end = r.end < end ? r.end : end;
		/* No huge page crosses a border: one of them is from before or after. */
		if (r.shift && r.end & ((UINT64_C(1) << r.shift) - 1))
			s->set.info->partial = true;
		s->now = in ? m : NULL;
		int e = in ? put_in(s, m, r) : put(s, &r);
		if (e)
			return e;
		r.start = r.end;
		r.pfn = pfn_further_on(&r, first, pfn);
		r.swap_offset = slot + (r.start - first) / 4096;
		s->mapping += in && m->end <= r.start;
	}
	return 0;
}

/* ---- Entries ----------------------------------------------------------------------------------------------------- */

static const struct kind *kind_of(struct vm_tables *s, unsigned level, uint64_t e)
{
	uint64_t key = e & (s->keep[level] | 1);
	struct kind *k = &s->kind[(key ^ key >> 5 ^ key >> 58 ^ level) % KINDS];
	if (k->key == key && k->level == level && k->plain)
		return k;
	vm_pte_decode(s->g, level, e, &k->pte);
	k->key = key;
	k->level = level;
	k->plain = k->pte.kind == VM_PTE_PAGE && !(k->pte.state & VM_PG(SPECIAL));
	return k;
}

static uint64_t entry_pfn(const struct vm_tables *s, const struct kind *k, uint64_t e)
{
	return k->plain ? (e & s->frame[k->level]) / 4096 : k->pte.pfn;
}

static bool is_zero_page(const struct vm_tables *s, const struct vm_pte *p)
{
	return (p->state & VM_PG(SPECIAL)) && p->level == 0 && p->pfn == s->set.zero_pfn;
}

static struct vm_page_run run_of(const struct vm_tables *s, const struct kind *k, uint64_t e, uint64_t start,
				 uint64_t bytes)
{
	struct vm_page_run r = {
		.start = start, .end = start + bytes, .pfn = entry_pfn(s, k, e), .swap_offset = k->pte.swap_offset,
		.state = k->pte.state, .known = s->known, .swap_type = k->pte.swap_type, .pkey = k->pte.pkey,
		.shift = (uint8_t)vm_pt_shift(s->g, k->level),
	};
	if (!s->q->frames)
		r.pfn = VM_PFN_NONE;
	if (s->q->raw) {
		r.raw = true;
		r.entry = k->plain ? e & ~s->frame[k->level] : k->pte.kind == VM_PTE_PAGE ? e & ~s->frame[k->level] : e;
	}
	if (is_zero_page(s, &k->pte))
		r.state |= VM_PG(ZERO);
	return r;
}

static int put_entries(struct vm_tables *s, const struct kind *k, uint64_t e, uint64_t start, uint64_t bytes)
{
	return put_cut(s, run_of(s, k, e, start, bytes));
}

/* ---- Pages that are counted -------------------------------------------------------------------------------------- */

/** Entries by kind, in slots of a hash table.  Apart from each other, so that what counting takes stays close. */
struct counted {
	uint64_t key[KINDS];       /* the entry's bits that matter; 0: free */
	uint32_t n[2][KINDS];      /* of even and of odd entries: neighbours needn't wait for each other */
	bool one_by_one[KINDS];    /* what they are isn't the same for all: runs */
	struct vm_page_run run[KINDS];
};

/** The mapping that holds all of [from, to), or NULL. */
static const struct vm_mapping *mapping_of(struct vm_tables *s, uint64_t from, uint64_t to)
{
	const struct vm_aspace *as = s->q->as;
	while (s->mapping < as->nmaps && as->map[s->mapping].end <= from)
		s->mapping++;
	const struct vm_mapping *m = s->mapping < as->nmaps ? &as->map[s->mapping] : NULL;
	return m && m->start <= from && to <= m->end ? m : NULL;
}

static int hand_over(struct vm_tables *s, struct counted *c, uint64_t start, uint64_t end)
{
	/* Ascending: what was found before comes before. */
	int r = flush(s);
	for (unsigned i = 0; i < KINDS && r == 0; i++) {
		const uint32_t n = c->n[0][i] + c->n[1][i];
		if (!n)
			continue;
		c->run[i].start = start;
		c->run[i].end = end;
		r = s->q->count(s->set.ctx, &c->run[i], n);
	}
	return r;
}

/** A kind that is met for the first time. */
static void open_slot(const struct vm_tables *s, struct counted *c, size_t i, const struct vm_mapping *m, const struct kind *k,
		      uint64_t e, uint64_t key)
{
	c->key[i] = key;
	c->run[i] = run_of(s, k, e, 0, 0);
	c->one_by_one[i] = k->pte.kind != VM_PTE_PAGE || (!tell_by_mapping(s, m, &c->run[i]) && s->set.pagemap);
}

/** Entries [from, to) of a PTE table that are all m's: pages counted by kind, and the others handed over as runs. */
static int count_table(struct vm_tables *s, const struct vm_mapping *m, const uint64_t *entry, uint64_t start, unsigned from,
		       unsigned to)
{
	const uint64_t keep = s->keep[0] | 1, odd = s->special | 1;
	struct counted c;
	unsigned used = 0;
	int r = 0;
	memset(c.key, 0, sizeof(c.key));
	memset(c.n, 0, sizeof(c.n));
	for (unsigned i = from; i < to && r == 0; i++) {
		const uint64_t e = entry[i];
		/* Frames of the page of zeros and its like matter. */
		const uint64_t key = (e & odd) == 1 ? e & keep : e;
		const size_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 58;
		if (!e)
			continue;
		used++;
		if (c.key[at] == key && !c.one_by_one[at]) {
			c.n[i & 1][at]++;
			continue;
		}
		const struct kind *k = kind_of(s, 0, e);
		if (!c.key[at] && (e & 1))
			open_slot(s, &c, at, m, k, e, key);
		if (c.key[at] == key && !c.one_by_one[at])
			c.n[i & 1][at]++;
		else if (k->pte.kind == VM_PTE_BAD)
			s->set.info->partial = true;
		else if (k->pte.kind != VM_PTE_EMPTY)
			r = put_entries(s, k, e, start + ((uint64_t)i << 12), 4096);
	}
	s->set.info->tables[0].used += used;
	s->set.info->tables[0].leaves += used;
	return r ? r : hand_over(s, &c, start + ((uint64_t)from << 12), start + ((uint64_t)to << 12));
}

/** The pages of entries [from, to) of a table; *used counts those that aren't zero, *leaves those that aren't tables. */
static int put_table(struct vm_tables *s, const uint64_t *entry, uint64_t start, unsigned level, unsigned from, unsigned to)
{
	const unsigned shift = vm_pt_shift(s->g, level);
	const uint64_t keep = s->keep[level] | 1, step = s->q->frames ? UINT64_C(1) << shift : 0;
	struct vm_table_level *stat = &s->set.info->tables[level];
	unsigned left = level == 0 && s->q->count && s->q->as && !s->q->frames && !s->q->raw ? RUNS_MOST : ENTRIES + 1;
	int r = 0;
	for (unsigned i = from; i < to && r == 0; left--) {
		const uint64_t e = entry[i];
		unsigned j = i + 1;
		const struct vm_mapping *m = left ? NULL : mapping_of(s, start + ((uint64_t)i << 12), start + ((uint64_t)to << 12));
		if (m)
			return count_table(s, m, entry, start, i, to);
		left += !left;
		if (!e) {
			while (j < to && !entry[j])
				j++;
			i = j;
			continue;
		}
		const struct kind *k = kind_of(s, level, e);
		if (k->plain)
			j = vm_end_of_equals(entry, j, to, e + step, step, step ? keep | s->frame[level] : keep);
		else if (k->pte.kind == VM_PTE_PAGE && (!step || is_zero_page(s, &k->pte)))
			/* Frames of a run follow each other, but for that one. */
			j = vm_end_of_equals(entry, j, to, e, 0, ~UINT64_C(0));
		stat->used += j - i;
		if (k->pte.kind != VM_PTE_TABLE && k->pte.kind != VM_PTE_EMPTY) {
			stat->leaves += j - i;
			if (k->pte.kind == VM_PTE_BAD)
				s->set.info->partial = true;
			else
				r = put_entries(s, k, e, start + ((uint64_t)i << shift), (uint64_t)(j - i) << shift);
		}
		i = j;
	}
	return r;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

static int put_upper(struct vm_tables *s, unsigned level, unsigned to)
{
	struct upper *u = &s->upper[level];
	unsigned from = u->next;
	u->next = to > from ? to : from;
	return to > from ? put_table(s, u->entry, u->start, level, from, to) : 0;
}

/** Hand over what lies below `va` in the tables above; those that end before it are done. */
static int catch_up(struct vm_tables *s, unsigned level, uint64_t va)
{
	int r = 0;
	for (unsigned l = 1; l < s->g->levels && r == 0; l++) {
		struct upper *u = &s->upper[l];
		const unsigned shift = vm_pt_shift(s->g, l);
		if (!u->active)
			continue;
		if (l > level && va - u->start < UINT64_C(512) << shift) {
			unsigned at = (unsigned)((va - u->start) >> shift);
			r = put_upper(s, l, at);
			/* That one names the table that comes now. */
			if (r == 0 && u->next == at) {
				u->next = at + 1;
				s->set.info->tables[l].used++;
			}
			return r;
		}
		r = put_upper(s, l, u->hi);
		u->active = false;
	}
	return r;
}

int vm_tables_take(void *tables, const struct vm_walk_table *t)
{
	struct vm_tables *s = tables;
	struct upper *u = &s->upper[t->level];
	if (t->again && t->level > 0) {
		/* What the walk is past stays as it was then: a huge page that was split since has a table that was not
		   read. */
		if (u->active && t->lo < ENTRIES)
			memcpy(u->entry + t->lo, t->entry + t->lo, (ENTRIES - t->lo) * sizeof(u->entry[0]));
		return 0;
	}
	int r = catch_up(s, t->level, t->start);
	s->set.info->tables[t->level].tables++;
	if (r || t->level == 0)
		return r ? r : put_table(s, t->entry, t->start, 0, t->lo, t->hi);
	memcpy(u->entry, t->entry, sizeof(u->entry));
	u->start = t->start;
	u->next = t->lo;
	u->hi = t->hi;
	u->active = true;
	return 0;
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------- */

/** Bits of an entry that tell something wanted: found by asking what each of them changes. */
static uint64_t bits_that_matter(struct vm_tables *s, unsigned level)
{
	const uint64_t frame = vm_pt_frame_mask(s->g, level);
	struct vm_pte plain, with;
	const uint64_t page = vm_pt_plain_page(s->g, level);
	uint64_t keep = s->q->raw ? ~frame : 0;
	uint32_t want = s->want | VM_PG(SPECIAL);
	if (level > 0 && (want & VM_PG(ZERO)))
		want |= VM_PG(WRITE) | VM_PG(DIRTY);
	vm_pte_decode(s->g, level, page, &plain);
	for (unsigned b = 0; b < 64; b++) {
		const uint64_t bit = UINT64_C(1) << b;
		vm_pte_decode(s->g, level, page ^ bit, &with);
		if (level == 0 && (with.state & ~plain.state & VM_PG(SPECIAL)))
			s->special |= bit;
		/* Of the frame's bits those that no frame can have. */
		if (with.kind != plain.kind ||
		    (!(frame & bit) && (((with.state ^ plain.state) & want) || with.pkey != plain.pkey)))
			keep |= bit;
	}
	return keep;
}

struct vm_tables *vm_tables_begin(const struct vm_tables_setup *setup)
{
	struct vm_tables *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->set = *setup;
	s->g = setup->geometry;
	s->q = setup->query;
	s->want = s->q->want;
	/* Who may write decides whose a page is. */
	if (s->want & (VM_PG(FILE) | VM_PG(EXCLUSIVE)))
		s->want |= VM_PG(WRITE) | VM_PG(SPECIAL) | VM_PG(ZERO);
	s->known = (vm_pt_known(s->g) & ~VM_PG(SOFT_DIRTY)) | VM_PG(ZERO);
	s->ask = s->want & (VM_PG(FILE) | VM_PG(EXCLUSIVE));
	if (setup->soft_dirty) {
		s->known |= VM_PG(SOFT_DIRTY);
		s->ask |= s->want & VM_PG(SOFT_DIRTY);
	}
	for (unsigned l = 0; l < s->g->levels; l++) {
		s->keep[l] = bits_that_matter(s, l);
		s->frame[l] = vm_pt_frame_mask(s->g, l);
	}
	/* Of what isn't wanted a run has what its first entry happens to have. */
	s->known &= s->want | VM_PG_KIND;
	setup->info->levels = s->g->levels;
	setup->info->unknown = s->q->want & ~(s->known | (setup->pagemap ? s->ask : 0));
	return s;
}

int vm_tables_end(struct vm_tables *s, int r)
{
	if (r == 0)
		r = catch_up(s, VM_PT_LEVELS, UINT64_MAX);
	if (r == 0)
		r = flush(s);
	free(s);
	return r;
}
