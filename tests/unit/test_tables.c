/** core/source/tables: runs from tables as the walker hands them over. */
#include "core/source/tables.h"

#include <stdio.h>
#include <sys/mman.h>

#include "core/base/vec.h"

#include "space.h"

#define P   UINT64_C(0x067)                       /* present, writable, user, accessed, dirty */
#define RO  UINT64_C(0x025)                       /* present, user, accessed */
#define NX  (UINT64_C(1) << 63)
#define PFN(n) ((uint64_t)(n) << 12)
/** Swap type 1, slot `n`: the offset is kept inverted. */
#define SLOT(n) (UINT64_C(1) << 59 | ((~(uint64_t)(n) << 14) >> 5 & ~UINT64_C(0x1ff)))

struct feed {
	struct vm_pages_query q;
	struct vm_pt_geometry g;
	struct vm_pages_info info;
	struct vm_tables *t;
	VM_VEC(struct vm_page_run) runs;
};

static int take(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct feed *f = ctx;
	for (size_t i = 0; i < n; i++)
		ck_assert(vm_vec_push(&f->runs, r[i]));
	return 0;
}

static void begin(struct feed *f, uint32_t want, bool frames, const struct vm_aspace *as)
{
	f->q = (struct vm_pages_query){ .want = want, .frames = frames, .as = as };
	f->g = (struct vm_pt_geometry){ .arch = &vm_pt_x86_64, .levels = 4, .max_pfn = UINT64_C(1) << 40 };
	vm_swap_types_of(6, 18, &f->g.swap);
	f->info = (struct vm_pages_info){ 0 };
	const struct vm_tables_setup setup = {
		.geometry = &f->g, .query = &f->q, .zero_pfn = 0x77, .take = take, .ctx = f, .info = &f->info,
	};
	f->t = vm_tables_begin(&setup);
	ck_assert_ptr_nonnull(f->t);
}

static void feed(struct feed *f, unsigned level, uint64_t start, const uint64_t *entry)
{
	const struct vm_walk_table t = { .start = start, .entry = entry, .lo = 0, .hi = 512, .level = level };
	ck_assert_int_eq(vm_tables_take(f->t, &t), 0);
}

/** "START+PAGES:states@frame" of all runs; frees them. */
static const char *ended(struct feed *f)
{
	static char out[8000];
	size_t at = 0;
	ck_assert_int_eq(vm_tables_end(f->t, 0), 0);
	out[0] = '\0';
	for (size_t i = 0; i < f->runs.n; i++) {
		const struct vm_page_run *p = &f->runs.v[i];
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%llx+%llu:", i ? " " : "", (unsigned long long)p->start,
				       (unsigned long long)(p->end - p->start) / 4096);
		for (unsigned b = 0; b < VM_PG_BIT_NR; b++)
			if (p->state & p->known & 1u << b)
				out[at++] = vm_pg_info[b].letter;
		out[at] = '\0';
		if (p->pfn != VM_PFN_NONE)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "@%llx", (unsigned long long)p->pfn);
		if (p->state & VM_PG(SWAP))
			at += (size_t)snprintf(out + at, sizeof(out) - at, "#%u.%llx", p->swap_type,
					       (unsigned long long)p->swap_offset);
	}
	vm_vec_free(&f->runs);
	return out;
}

static const uint32_t plain = VM_PG(PRESENT) | VM_PG(SWAP);

START_TEST(borders_part_runs)
{
	struct vm_aspace *as = space_of("200000-208000 rw-p 00000000 00:00 0 \n208000-210000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t e[512] = { 0 };
	for (unsigned i = 6; i < 10; i++)
		e[i] = P | NX | PFN(0x100 + i);
	for (int frames = 0; frames < 2; frames++) {
		begin(&f, plain, frames, as);
		feed(&f, 0, 0x200000, e);
		ck_assert_str_eq(ended(&f), frames ? "206000+2:p@106 208000+2:p@108" : "206000+2:p 208000+2:p");
	}
	/* Nobody said what is mapped: no borders. */
	begin(&f, plain, false, NULL);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "206000+4:p");
	vm_aspace_free(as);
}
END_TEST

START_TEST(no_huge_page_crosses_a_border)
{
	struct vm_aspace *as = space_of("200000-400000 rw-p 00000000 00:00 0 \n400000-500000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t pmd[512] = { 0 };
	pmd[1] = P | NX | UINT64_C(0x80) | PFN(0x4000);
	begin(&f, plain, true, as);
	feed(&f, 1, 0, pmd);
	ck_assert_str_eq(ended(&f), "200000+512:p@4000");
	ck_assert(!f.info.partial);
	/* The mapping is from another moment. */
	pmd[2] = P | NX | UINT64_C(0x80) | PFN(0x6000);
	begin(&f, plain, true, as);
	feed(&f, 1, 0, pmd);
	ck_assert_str_eq(ended(&f), "200000+512:p@4000 400000+256:p@6000 500000+256:p@6100");
	ck_assert(f.info.partial);
	/* Two huge pages of zeros: the same frames, whatever is cut. */
	pmd[1] = pmd[2] = UINT64_C(0x225) | NX | UINT64_C(0x80) | PFN(0x4000);
	begin(&f, plain | VM_PG(ZERO), true, as);
	feed(&f, 1, 0, pmd);
	ck_assert_str_eq(ended(&f), "200000+512:pzS@4000 400000+256:pzS@4000 500000+256:pS@4100");
	vm_aspace_free(as);
}
END_TEST

START_TEST(neighbouring_tables_are_one_run)
{
	struct vm_aspace *as = space_of("200000-800000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t pmd[512] = { 0 }, e[512];
	pmd[1] = P | PFN(0x10);
	pmd[2] = P | PFN(0x11);
	pmd[3] = P | NX | UINT64_C(0x80) | PFN(0x4000);
	for (unsigned i = 0; i < 512; i++)
		e[i] = P | NX | PFN(0x1000 + i);
	begin(&f, plain, false, as);
	feed(&f, 1, 0, pmd);
	feed(&f, 0, 0x200000, e);
	feed(&f, 0, 0x400000, e);
	ck_assert_str_eq(ended(&f), "200000+1024:p 600000+512:p");
	ck_u64_eq(f.info.tables[0].tables, 2);
	ck_u64_eq(f.info.tables[0].leaves, 1024);
	ck_u64_eq(f.info.tables[1].used, 3);
	ck_u64_eq(f.info.tables[1].leaves, 1);
	vm_aspace_free(as);
}
END_TEST

START_TEST(what_isnt_wanted_parts_nothing_and_isnt_known)
{
	struct vm_aspace *as = space_of("200000-400000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t e[512] = { 0 };
	for (unsigned i = 0; i < 8; i++)
		e[i] = (i % 2 ? P : P & ~UINT64_C(0x60)) | NX | PFN(0x1000 + i);
	begin(&f, plain, true, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+8:p@1000");
	begin(&f, plain | VM_PG(DIRTY), false, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+1:p 201000+1:pD 202000+1:p 203000+1:pD 204000+1:p 205000+1:pD 206000+1:p "
				    "207000+1:pD");
	vm_aspace_free(as);
}
END_TEST

START_TEST(the_mapping_tells_whose_a_page_is)
{
	struct vm_aspace *as = space_of("200000-208000 rw-p 00000000 00:00 0 \n"
					"208000-210000 rw-s 00000000 00:01 5 /dev/zero\n"
					"210000-218000 r--p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t e[512] = { 0 };
	e[0] = P | NX | PFN(0x1000);
	e[1] = RO | NX | UINT64_C(0x200) | PFN(0x77);
	e[8] = P | NX | PFN(0x1001);
	e[16] = RO | NX | PFN(0x1002);
	begin(&f, plain | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(ZERO), false, as);
	feed(&f, 0, 0x200000, e);
	/* Whether the page that may only be read is somebody else's too, its entry doesn't tell. */
	ck_assert_str_eq(ended(&f), "200000+1:pxW 201000+1:pzS 208000+1:pfW 210000+1:p");
	vm_aspace_free(as);
}
END_TEST

START_TEST(swap_slots_follow)
{
	struct vm_aspace *as = space_of("200000-400000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t e[512] = { 0 };
	e[0] = SLOT(0x40);
	e[1] = SLOT(0x41);
	e[2] = SLOT(0x50);
	begin(&f, plain, true, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+2:s#1.40 202000+1:s#1.50");
	begin(&f, plain, false, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+3:s#1.40");
	vm_aspace_free(as);
}
END_TEST

/* ---- Counting ---------------------------------------------------------------------------------------------------- */

/** Pages by the states that are wanted. */
struct tally {
	uint32_t want;
	uint64_t pages[1u << 8];
	size_t runs, counts;
	uint64_t last;             /* end of what came last: all is ascending, by tables */
};

static void tally(struct tally *t, const struct vm_page_run *r, uint64_t pages)
{
	/* The wanted bits are the low ones and W, A, D. */
	const uint32_t s = r->state & r->known & t->want;
	const unsigned at = (s & 0xf) | (s & VM_PG(WRITE) ? 16 : 0) | (s & VM_PG(ACCESSED) ? 32 : 0) |
			    (s & VM_PG(ZERO) ? 64 : 0) | (s & VM_PG(NONE) ? 128 : 0);
	t->pages[at] += pages;
	ck_assert(r->start >= t->last >> 21 << 21);
	t->last = r->start;
}

static int tally_runs(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct tally *t = ctx;
	for (size_t i = 0; i < n; i++)
		tally(t, &r[i], (r[i].end - r[i].start) / 4096);
	t->runs += n;
	return 0;
}

static int tally_count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	struct tally *t = ctx;
	ck_assert_uint_ge((of->end - of->start) / 4096, pages);
	ck_assert_uint_eq(of->start >> 21, (of->end - 1) >> 21);
	tally(t, of, pages);
	t->counts++;
	return 0;
}

/** pagemap that calls every third page exclusive. */
static size_t every_third(void *of, uint64_t at, size_t n, uint64_t *entry)
{
	*(size_t *)of += 1;
	for (size_t i = 0; i < n; i++)
		entry[i] = UINT64_C(1) << 63 | ((at + i) % 3 ? 0 : UINT64_C(1) << 56);
	return n;
}

static void fill(uint64_t *e, uint64_t *seed)
{
	static const uint64_t kinds[] = {
		0, P | NX, P, RO | NX, (P & ~UINT64_C(0x20)) | NX, RO | NX | UINT64_C(0x200) | PFN(0x77), SLOT(5), P | NX, P | NX,
	};
	for (unsigned i = 0; i < 512; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		const uint64_t k = kinds[(*seed >> 40) % 9];
		e[i] = (k & 0x201) == 1 ? k | PFN((*seed >> 50) + 1000) : k;
	}
}

START_TEST(counting_gives_what_runs_give)
{
	enum { TABLES = 20 };
	static uint64_t e[TABLES][512];
	/* The second mapping begins inside of a table. */
	struct vm_aspace *as = space_of("200000-1481000 rw-p 00000000 00:00 0 \n1481000-3000000 r--p 00000000 08:01 7 /f\n");
	uint64_t seed = 7;
	struct tally got[2] = { 0 };
	for (unsigned i = 0; i < TABLES; i++)
		fill(e[i], &seed);
	for (unsigned k = 0; k < 2; k++) {
		size_t asked = 0;
		got[k].want = plain | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(WRITE) | VM_PG(ACCESSED) | VM_PG(ZERO) | VM_PG(NONE);
		struct vm_pages_query q = { .want = got[k].want, .as = as, .count = k ? tally_count : NULL };
		struct vm_pt_geometry g = { .arch = &vm_pt_x86_64, .levels = 4, .max_pfn = UINT64_C(1) << 40 };
		struct vm_pages_info info = { 0 };
		vm_swap_types_of(6, 18, &g.swap);
		const struct vm_tables_setup setup = {
			.geometry = &g, .query = &q, .zero_pfn = 0x77, .take = tally_runs, .ctx = &got[k], .info = &info,
			.pagemap = every_third, .of = &asked,
		};
		struct vm_tables *t = vm_tables_begin(&setup);
		for (unsigned i = 0; i < TABLES; i++) {
			const struct vm_walk_table table = { .start = 0x200000 + ((uint64_t)i << 21), .entry = e[i], .hi = 512 };
			ck_assert_int_eq(vm_tables_take(t, &table), 0);
		}
		ck_assert_int_eq(vm_tables_end(t, 0), 0);
		/* Neighbours are read together: not one read for each page. */
		ck_assert_uint_lt(asked, 40 * TABLES);
		ck_assert(info.tables[0].used > 0 && info.tables[0].leaves == info.tables[0].used);
	}
	ck_assert_uint_eq(got[0].counts, 0);
	ck_assert_uint_gt(got[1].counts, 0);
	ck_assert_uint_lt(got[1].runs, got[0].runs);
	for (unsigned i = 0; i < 256; i++)
		ck_u64_eq(got[1].pages[i], got[0].pages[i]);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("tables", borders_part_runs, no_huge_page_crosses_a_border, neighbouring_tables_are_one_run,
	  what_isnt_wanted_parts_nothing_and_isnt_known,
	  the_mapping_tells_whose_a_page_is, swap_slots_follow, counting_gives_what_runs_give)
