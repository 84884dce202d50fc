/**
 * Page tables to runs of pages.  Tables as a walk hands them over: each page of each run is what its entry says, runs
 * ascend and don't overlap, and counting gives what runs give.  Tables in any order: nothing is read or written that
 * isn't there.
 */
#include "core/model/aspace.h"
#include "core/source/maps.h"
#include "core/source/tables.h"

#include "fuzz.h"

enum { ENTRIES = 512, TABLES_MOST = 24, KEYS = 512 };

struct table {
	uint64_t start, entry[ENTRIES];
	unsigned level, lo, hi;
	bool again;
};

/** What the entry of a page, of whatever size, says. */
struct leaf {
	uint64_t start, end;
	struct vm_pte pte;
};

struct input {
	const uint8_t *at, *end;
	struct vm_pt_geometry g;
	struct vm_pages_query q;
	uint64_t from, to;
	size_t ntables, nleaves;
	struct table table[TABLES_MOST];
	struct leaf leaf[TABLES_MOST * ENTRIES];
};

static uint64_t next(struct input *in, unsigned bytes)
{
	uint64_t v = 0;
	while (bytes-- && in->at < in->end)
		v = v << 8 | *in->at++;
	return v;
}

/** Mostly what kernels write, now and then anything. */
static uint64_t next_entry(struct input *in, unsigned level)
{
	static const uint64_t kinds[] = {
		0, 0x067, 0x025, 0x8000000000000067, 0x8000000000000225, 0x80000000000000e7, 0x80000000000000a5, 0x040ffffed6a2f120,
		0xfffffffffffff600, 0x0000000000000e00, 0x00e8000000000f53, 0x0800000000000003, 0x60, 0x80000000000002a5,
	};
	const unsigned kind = (unsigned)next(in, 1) % 16;
	if (kind >= sizeof(kinds) / sizeof(kinds[0]))
		return next(in, 8);
	const uint64_t frame = next(in, 2) << (level ? 21 : 12);
	return kinds[kind] & 1 ? kinds[kind] | frame : kinds[kind];
}

/** A table that the input makes up, and those below it, top down and ascending. */
static void make_table(struct input *in, unsigned level, uint64_t start)
{
	const unsigned shift = vm_pt_shift(&in->g, level);
	if (in->ntables == TABLES_MOST)
		return;
	struct table *t = &in->table[in->ntables++];
	t->level = level;
	t->start = start;
	t->again = false;
	memset(t->entry, 0, sizeof(t->entry));
	for (unsigned i = 0; i < ENTRIES && in->at < in->end;) {
		const uint64_t e = next_entry(in, level), step = next(in, 1) & 1 ? UINT64_C(1) << shift : 0;
		unsigned n = (unsigned)next(in, 1) * (level ? 1 : 3) + 1;
		for (unsigned k = 0; k < n && i < ENTRIES; k++)
			t->entry[i++] = e + step * k;
		i += (unsigned)next(in, 1) & 3;
	}
	t->lo = in->from > start ? (unsigned)((in->from - start) >> shift < ENTRIES ? (in->from - start) >> shift : ENTRIES) : 0;
	const uint64_t last = in->to > start ? (in->to - 1 - start) >> shift : 0;
	t->hi = in->to <= start ? 0 : last < ENTRIES - 1 ? (unsigned)last + 1 : ENTRIES;
	for (unsigned i = t->lo; i < t->hi; i++) {
		const uint64_t at = start + ((uint64_t)i << shift);
		struct vm_pte p;
		vm_pte_decode(&in->g, level, t->entry[i], &p);
		if (p.kind == VM_PTE_TABLE)
			make_table(in, level - 1, at);
		else if (p.kind != VM_PTE_EMPTY && p.kind != VM_PTE_BAD)
			in->leaf[in->nleaves++] = (struct leaf){ at, at + (UINT64_C(1) << shift), p };
	}
}

static int by_start(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* ---- Runs against entries ---------------------------------------------------------------------------------------- */

struct counts {
	uint64_t key[KEYS], pages[KEYS];
};

struct check {
	const struct input *in;
	size_t leaf;
	uint64_t last;             /* end of the run before */
	uint64_t within;           /* what of the leaf came already */
	struct counts counts;
};

static void count(struct check *c, const struct vm_page_run *r, uint64_t pages)
{
	const uint32_t known = r->known & c->in->q.want;
	const uint64_t key = 1 + ((uint64_t)known << 32 | (r->state & known));
	for (size_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 55, n = 0;; i = (i + 1) % KEYS, n++) {
		HOLDS(n < KEYS);
		if (c->counts.key[i] && c->counts.key[i] != key)
			continue;
		c->counts.key[i] = key;
		c->counts.pages[i] += pages;
		return;
	}
}

static int take_any(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct check *c = ctx;
	for (size_t i = 0; i < n; i++) {
		HOLDS(r[i].start < r[i].end && !(r[i].start & 4095) && !(r[i].end & 4095));
		count(c, &r[i], (r[i].end - r[i].start) / 4096);
	}
	return 0;
}

static void check_run(struct check *c, const struct vm_page_run *r)
{
	/* These the mapping and pagemap tell. */
	const uint32_t others = VM_PG(ZERO) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(SOFT_DIRTY);
	const bool frames = c->in->q.frames && r->pfn != VM_PFN_NONE && !(r->state & VM_PG(ZERO));
	HOLDS(r->start >= c->last);
	c->last = r->end;
	for (uint64_t at = r->start; at < r->end;) {
		HOLDS(c->leaf < c->in->nleaves);
		const struct leaf *l = &c->in->leaf[c->leaf];
		HOLDS(at == l->start + c->within);
		HOLDS(((r->state ^ l->pte.state) & r->known & ~others) == 0);
		HOLDS(r->shift == vm_pt_shift(&c->in->g, l->pte.level));
		if (frames)
			HOLDS(r->pfn + (at - r->start) / 4096 == l->pte.pfn + c->within / 4096);
		if (r->state & VM_PG(SWAP))
			HOLDS(r->swap_type == l->pte.swap_type);
		const uint64_t step = l->end - at < r->end - at ? l->end - at : r->end - at;
		at += step;
		c->within = at == l->end ? 0 : c->within + step;
		c->leaf += at == l->end;
	}
}

static int take_runs(void *ctx, const struct vm_page_run *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_run(ctx, &r[i]);
	return take_any(ctx, r, n);
}

static int take_count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	HOLDS(pages && pages <= (of->end - of->start) / 4096 && of->start >> 21 == (of->end - 1) >> 21);
	count(ctx, of, pages);
	return 0;
}

/** A pagemap that has an opinion of every page, or can't be read. */
static size_t read_pagemap(void *of, uint64_t at, size_t n, uint64_t *entry)
{
	const struct vm_pages_query *q = of;
	for (size_t i = 0; i < n; i++)
		entry[i] = (at + i) % 97 == 0 ? 0 : UINT64_C(1) << 63 | ((at + i) / 3 % 2) << 61 | ((at + i) / 5 % 2) << 56;
	return q->want >> 31 ? 0 : n;
}

static void play(struct input *in, struct check *c, vm_pages_take *take, bool counting)
{
	struct vm_pages_info info = { 0 };
	struct vm_pages_query q = in->q;
	q.count = counting ? take_count : NULL;
	const struct vm_tables_setup setup = {
		.geometry = &in->g, .query = &q, .zero_pfn = 0, .soft_dirty = in->g.version % 2, .take = take, .ctx = c,
		.pagemap = q.want & VM_PG(FILE) ? read_pagemap : NULL, .of = &q, .info = &info,
	};
	struct vm_tables *t = vm_tables_begin(&setup);
	int r = t ? 0 : -1;
	for (size_t i = 0; i < in->ntables && r == 0; i++) {
		const struct table *a = &in->table[i];
		const struct vm_walk_table w = {
			.start = a->start, .entry = a->entry, .lo = a->lo, .hi = a->hi, .level = a->level, .again = a->again,
		};
		r = vm_tables_take(t, &w);
	}
	HOLDS(!t || vm_tables_end(t, r) == 0);
	for (unsigned l = 0; l < VM_PT_LEVELS; l++)
		HOLDS(info.tables[l].leaves <= info.tables[l].used);
}

static void check_walk(struct input *in)
{
	static struct check runs, counted;
	runs = counted = (struct check){ .in = in };
	qsort(in->leaf, in->nleaves, sizeof(in->leaf[0]), by_start);
	play(in, &runs, take_runs, false);
	HOLDS(runs.leaf == in->nleaves && runs.within == 0);
	play(in, &counted, take_any, true);
	/* Slots may lie elsewhere, keys and pages may not. */
	for (size_t i = 0; i < KEYS; i++) {
		uint64_t pages = 0;
		for (size_t k = 0; k < KEYS && runs.counts.key[i]; k++)
			pages += counted.counts.key[k] == runs.counts.key[i] ? counted.counts.pages[k] : 0;
		HOLDS(pages == runs.counts.pages[i]);
	}
}

/** The same tables shuffled, said to lie anywhere and to come again. */
static void check_any_order(struct input *in)
{
	static struct check c;
	c = (struct check){ .in = in };
	for (size_t i = 0; i < in->ntables; i++) {
		struct table *a = &in->table[i], *b = &in->table[next(in, 1) % in->ntables], t = *a;
		*a = *b;
		*b = t;
		a->level = (unsigned)next(in, 1) % in->g.levels;
		a->start = (next(in, 4) << 21) & ~(((uint64_t)ENTRIES << vm_pt_shift(&in->g, a->level)) - 1);
		a->lo = (unsigned)next(in, 2) % (ENTRIES + 1);
		a->hi = (unsigned)next(in, 2) % (ENTRIES + 1);
		a->again = next(in, 1) & 1;
	}
	play(in, &c, take_any, next(in, 1) & 1);
}

static struct vm_aspace *some_mappings(void)
{
	static const char text[] = "200000-403000 rw-p 00000000 00:00 0 \n403000-700000 r--p 00000000 08:01 5 /f\n"
				   "800000-1000000 rw-s 00000000 00:01 6 /dev/zero\n40000000-c0000000 rw-p 00000000 00:00 0 \n"
				   "7fff00000000-7fff00021000 rw-p 00000000 00:00 0 [stack]\n";
	struct vm_aspace *as = calloc(1, sizeof(*as));
	struct vm_maps_parser p;
	if (!as)
		exit(0);
	vm_proc_init(&as->proc, 1);
	vm_maps_begin(&p, as);
	vm_maps_feed(&p, text, sizeof(text) - 1, true);
	vm_maps_end(&p);
	return as;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input in;
	static struct vm_aspace *as;
	if (size < 24)
		return 0;
	as = as ? as : some_mappings();
	in = (struct input){ .at = data, .end = data + size };
	const unsigned form = (unsigned)next(&in, 1);
	in.g = (struct vm_pt_geometry){
		.arch = form & 1 ? &vm_pt_arm64 : &vm_pt_x86_64, .levels = (form & 3) == 2 ? 5 : 4,
		.version = form & 4 ? 618 : 601, .max_pfn = UINT64_C(1) << 38,
		/* The last frame of all would be followed by the first. */
		.phys_bits = form & 8 ? 46 : 47,
	};
	vm_swap_types_of(in.g.version, form >> 4 & 3, &in.g.swap);
	in.q = (struct vm_pages_query){
		.want = (uint32_t)next(&in, 4), .frames = form & 64, .raw = form & 128, .as = next(&in, 1) & 1 ? as : NULL,
	};
	in.from = (next(&in, 1) & 3) << 20;
	in.to = next(&in, 1) & 1 ? UINT64_C(1) << vm_pt_user_bits(&in.g) : in.from + (next(&in, 4) + 1) * 4096;
	make_table(&in, in.g.levels - 1, 0);
	check_walk(&in);
	check_any_order(&in);
	return 0;
}
