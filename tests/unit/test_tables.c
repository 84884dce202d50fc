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

static void prepare(struct feed *f, uint32_t want, bool frames, const struct vm_aspace *as)
{
	f->q = (struct vm_pages_query){ .want = want, .frames = frames, .as = as };
	f->g = (struct vm_pt_geometry){ .arch = &vm_pt_x86_64, .levels = 4, .max_pfn = UINT64_C(1) << 40 };
	vm_swap_types_of(618, 0, &f->g.swap);
	f->info = (struct vm_pages_info){ 0 };
}

static void start(struct feed *f)
{
	const struct vm_tables_setup setup = {
		.geometry = &f->g, .query = &f->q, .zero_pfn = 0x77, .take = take, .ctx = f, .info = &f->info,
	};
	f->t = vm_tables_begin(&setup);
	ck_assert_ptr_nonnull(f->t);
}

static void begin(struct feed *f, uint32_t want, bool frames, const struct vm_aspace *as)
{
	prepare(f, want, frames, as);
	start(f);
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

/* ---- Whole tables ------------------------------------------------------------------------------------------------ */

/** Tables as they are handed over by a walk: what is left of one that comes again begins at `lo`. */
static void feed_again(struct feed *f, unsigned level, uint64_t start, const uint64_t *entry, unsigned lo)
{
	const struct vm_walk_table t = {
		.start = start, .entry = entry, .lo = lo, .hi = 512, .level = level, .again = true,
	};
	ck_assert_int_eq(vm_tables_take(f->t, &t), 0);
}

START_TEST(all_levels_in_one_space)
{
	/* A page of 1G, one of 2M, 4K pages with holes, and swap in the table of 2M entries. */
	struct vm_aspace *as = space_of("40000000-c0000000 rw-p 00000000 00:0f 9 /anon_hugepage (deleted)\n"
					"100000000-100800000 rw-p 00000000 00:00 0 \n7fff00000000-7fff00200000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t pgd[512] = { [0] = P | PFN(0x10), [255] = P | PFN(0x20), [511] = P | PFN(0x30) };
	uint64_t pud[512] = { [1] = P | NX | 0x80 | PFN(0x40000), [4] = P | PFN(0x11) };
	uint64_t pmd[512] = { [0] = P | PFN(0x12), [2] = P | NX | 0x80 | PFN(0x80000), [3] = SLOT(0x200) };
	uint64_t high_pud[512] = { [508] = P | PFN(0x21) }, high_pmd[512] = { [0] = P | PFN(0x22) };
	uint64_t e[512] = { [1] = P | NX | PFN(0x100), [2] = P | NX | PFN(0x101), [511] = P | NX | PFN(0x200) };
	begin(&f, plain, true, as);
	feed(&f, 3, 0, pgd);
	feed(&f, 2, 0, pud);
	feed(&f, 1, 0x100000000, pmd);
	feed(&f, 0, 0x100000000, e);
	feed(&f, 2, 0x7f8000000000, high_pud);
	feed(&f, 1, 0x7fff00000000, high_pmd);
	feed(&f, 0, 0x7fff00000000, e);
	ck_assert_str_eq(ended(&f), "40000000+262144:p@40000 100001000+2:p@100 1001ff000+1:p@200 100400000+512:p@80000 "
			 "100600000+512:s#1.200 7fff00001000+2:p@100 7fff001ff000+1:p@200");
	static const struct { uint64_t tables, used, leaves; } want[] = { { 2, 6, 6 }, { 2, 4, 2 }, { 2, 3, 1 }, { 1, 3, 0 } };
	for (unsigned l = 0; l < 4; l++) {
		ck_u64_eq(f.info.tables[l].tables, want[l].tables);
		ck_u64_eq(f.info.tables[l].used, want[l].used);
		ck_u64_eq(f.info.tables[l].leaves, want[l].leaves);
	}
	ck_assert(!f.info.partial);
	vm_aspace_free(as);
}
END_TEST

START_TEST(five_levels)
{
	struct vm_aspace *as = space_of("4000000000000-4000000200000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t pgd[512] = { [4] = P | PFN(0x10) }, first[512] = { [0] = P | PFN(0x11) };
	uint64_t e[512] = { [7] = P | NX | PFN(0x100) };
	prepare(&f, plain, true, as);
	f.g.levels = 5;
	start(&f);
	feed(&f, 4, 0, pgd);
	for (unsigned l = 3; l > 0; l--)
		feed(&f, l, 0x4000000000000, first);
	feed(&f, 0, 0x4000000000000, e);
	ck_assert_str_eq(ended(&f), "4000000007000+1:p@100");
	ck_u64_eq(f.info.tables[4].used, 1);
	ck_assert_uint_eq(f.info.levels, 5);
	vm_aspace_free(as);
}
END_TEST

START_TEST(arm64_tables)
{
	struct vm_aspace *as = space_of("ffffb7e00000-ffffb8200000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	const uint64_t page = 0x00e8000000000f53, table = 0x0800000000000003, block = 0x00e8000000000f51;
	uint64_t pgd[512] = { [511] = table | PFN(0x10) }, pud[512] = { [510] = table | PFN(0x11) };
	uint64_t pmd[512] = { [447] = table | PFN(0x12), [448] = block | PFN(0x80000) }, e[512] = { 0 };
	/* A large folio: the contiguous bit changes nothing of what a page is. */
	for (unsigned i = 16; i < 48; i++)
		e[i] = page | PFN(0x4000 + i) | (i < 32 ? UINT64_C(1) << 52 : 0);
	prepare(&f, plain | VM_PG(WRITE) | VM_PG(DIRTY), true, as);
	f.g.arch = &vm_pt_arm64;
	start(&f);
	feed(&f, 3, 0, pgd);
	feed(&f, 2, 0xff8000000000, pud);
	feed(&f, 1, 0xffff80000000, pmd);
	feed(&f, 0, 0xffffb7e00000, e);
	ck_assert_str_eq(ended(&f), "ffffb7e10000+32:pWD@4010 ffffb8000000+512:pWD@80000");
	vm_aspace_free(as);
}
END_TEST

START_TEST(what_the_walk_is_past_stays)
{
	struct vm_aspace *as = space_of("200000-1000000 rw-p 00000000 00:00 0 \n");
	struct feed f = { 0 };
	uint64_t pmd[512] = { [1] = P | PFN(0x12), [2] = P | NX | 0x80 | PFN(0x80000), [4] = P | PFN(0x13) };
	uint64_t e[512] = { [0] = P | NX | PFN(0x100) };
	begin(&f, plain, true, as);
	feed(&f, 1, 0, pmd);
	feed(&f, 0, 0x200000, e);
	/* The next run begins at 6M; the huge page at 4M was split meanwhile, its new table isn't read any more.  What is
	   ahead counts as it is now. */
	pmd[2] = P | PFN(0x14);
	pmd[3] = P | NX | 0x80 | PFN(0x90000);
	feed_again(&f, 1, 0, pmd, 3);
	feed(&f, 0, 0x800000, e);
	ck_assert_str_eq(ended(&f), "200000+1:p@100 400000+512:p@80000 600000+512:p@90000 800000+1:p@100");
	vm_aspace_free(as);
}
END_TEST

START_TEST(impossible_entries_are_left_out)
{
	struct vm_aspace *as = space_of("200000-400000 rw-p 00000000 00:00 0 \n");
	for (int way = 0; way < 4; way++) {
		const bool frames = way & 1;
		struct feed f = { 0 };
		uint64_t e[512] = { 0 };
		for (unsigned i = 0; i < 512; i++)
			e[i] = P | NX | PFN(0x100 + i);
		e[5] = P | NX | PFN(UINT64_C(1) << 34 | 0x105);
		prepare(&f, plain, frames, as);
		f.q.raw = way & 2;
		f.g.phys_bits = 46;
		start(&f);
		feed(&f, 0, 0x200000, e);
		ck_assert_str_eq(ended(&f), frames ? "200000+5:p@100 206000+506:p@106" : "200000+5:p 206000+506:p");
		ck_assert(f.info.partial);
	}
	vm_aspace_free(as);
}
END_TEST

START_TEST(the_same_frame_many_times)
{
	struct vm_aspace *as = space_of("200000-208000 rw-s 00000000 00:06 5 /dev/mem\n");
	struct feed f = { 0 };
	uint64_t e[512] = { 0 };
	for (unsigned i = 0; i < 3; i++)
		e[i] = P | NX | 0x200 | PFN(0x1000);
	begin(&f, plain, true, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+1:pS@1000 201000+1:pS@1000 202000+1:pS@1000");
	begin(&f, plain, false, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+3:pS");
	vm_aspace_free(as);
}
END_TEST

START_TEST(memory_of_devices_is_no_file)
{
	struct vm_aspace *as = space_of("200000-208000 rw-s 00000000 00:06 5 /dev/mem\n");
	struct feed f = { 0 };
	uint64_t e[512] = { [0] = P | NX | 0x200 | PFN(0x1000), [1] = P | NX | PFN(0x1001) };
	begin(&f, plain | VM_PG(FILE) | VM_PG(EXCLUSIVE), false, as);
	feed(&f, 0, 0x200000, e);
	ck_assert_str_eq(ended(&f), "200000+1:pWS 201000+1:pfW");
	vm_aspace_free(as);
}
END_TEST

START_TEST(the_huge_page_of_zeros_by_version)
{
	struct vm_aspace *as = space_of("200000-a00000 rw-p 00000000 00:00 0 \n");
	/* That of Linux 6.1 and of 6.18; then one that nobody may write and nobody has: after MADV_FREE and a fork. */
	uint64_t pmd[512] = { [1] = 0x80000001000000a5, [2] = 0x80000001000002a5, [3] = 0x80000001200000a5 };
	static const struct { unsigned version; const char *want; } t[] = {
		{ 601, "200000+512:pz 400000+512:pzS 600000+512:pz" },
		{ 618, "200000+512:p 400000+512:pzS 600000+512:p" },
	};
	for (size_t i = 0; i < 2; i++) {
		struct feed f = { 0 };
		prepare(&f, plain | VM_PG(ZERO), false, as);
		f.g.version = t[i].version;
		start(&f);
		feed(&f, 1, 0, pmd);
		ck_assert_str_eq(ended(&f), t[i].want);
	}
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
		vm_swap_types_of(618, 0, &g.swap);
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
	  the_mapping_tells_whose_a_page_is, swap_slots_follow, all_levels_in_one_space, five_levels, arm64_tables,
	  what_the_walk_is_past_stays, impossible_entries_are_left_out, the_same_frame_many_times,
	  memory_of_devices_is_no_file,
	  the_huge_page_of_zeros_by_version, counting_gives_what_runs_give)
