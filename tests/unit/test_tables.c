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

UNIT_MAIN("tables", borders_part_runs, neighbouring_tables_are_one_run, what_isnt_wanted_parts_nothing_and_isnt_known,
	  the_mapping_tells_whose_a_page_is, swap_slots_follow)
