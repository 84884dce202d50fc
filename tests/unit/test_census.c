/** core/analysis/census, tablefill, pagegrid: what runs add up to. */
#include "core/analysis/census.h"

#include "core/analysis/pagegrid.h"
#include "core/analysis/tablefill.h"

#include "space.h"

/** What page tables tell. */
static const uint32_t all = (UINT32_C(1) << VM_PG_BIT_NR) - 1;

static struct vm_page_run run(uint64_t start, uint64_t pages, uint32_t state, uint8_t shift)
{
	return (struct vm_page_run){
		.start = start, .end = start + pages * 4096, .pfn = VM_PFN_NONE, .state = state, .known = all, .shift = shift,
	};
}

static void add(struct vm_page_sum *s, uint64_t pages, uint32_t state, uint32_t known, uint8_t shift)
{
	struct vm_page_run r = run(0, pages, state, shift);
	r.known = known;
	vm_page_sum_add(s, &r, pages * 4096);
}

/* ---- Census ------------------------------------------------------------------------------------------------------ */

START_TEST(states_have_names)
{
	for (unsigned i = 0; i < VM_C_NR; i++) {
		ck_assert_ptr_nonnull(vm_census_info[i].name);
		/* A line of 80 columns holds them, with their figures. */
		ck_assert_uint_le(strlen(vm_census_info[i].help), 48);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(vm_census_info[i].name, vm_census_info[k].name);
	}
}
END_TEST

START_TEST(a_page_is_in_several_states)
{
	struct vm_page_sum s = { .mapped = 100 * 4096 };
	add(&s, 10, VM_PG(PRESENT) | VM_PG(EXCLUSIVE) | VM_PG(WRITE) | VM_PG(DIRTY), all, 12);
	add(&s, 5, VM_PG(PRESENT) | VM_PG(FILE), all, 12);
	add(&s, 3, VM_PG(PRESENT) | VM_PG(ZERO) | VM_PG(SPECIAL), all, 12);
	add(&s, 2, VM_PG(PRESENT) | VM_PG(SPECIAL), all, 12);
	add(&s, 7, VM_PG(SWAP), all, 12);
	add(&s, 1, VM_PG(GUARD), all, 12);
	vm_page_sum_end(&s);
	static const struct { enum vm_census_bit c; uint64_t pages; } want[] = {
		{ VM_C_PRESENT, 20 }, { VM_C_ANON, 10 }, { VM_C_FILE, 5 }, { VM_C_ZERO, 3 }, { VM_C_EXCLUSIVE, 10 },
		{ VM_C_SHARED, 5 }, { VM_C_4K, 20 }, { VM_C_2M, 0 }, { VM_C_WRITE, 10 }, { VM_C_DIRTY, 10 }, { VM_C_SPECIAL, 5 },
		{ VM_C_SWAP, 7 }, { VM_C_GUARD, 1 }, { VM_C_UNTOUCHED, 72 },
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_msg(s.bytes[want[i].c] == want[i].pages * 4096, "%s: %llu pages, not %llu",
			      vm_census_info[want[i].c].name, (unsigned long long)s.bytes[want[i].c] / 4096,
			      (unsigned long long)want[i].pages);
	ck_assert_uint_eq(s.unknown, 0);
}
END_TEST

START_TEST(page_sizes)
{
	struct vm_page_sum s = { 0 };
	add(&s, 1, VM_PG(PRESENT), all, 12);
	add(&s, 512, VM_PG(PRESENT), all, 21);
	add(&s, 512 * 512, VM_PG(PRESENT), all, 30);
	ck_u64_eq(s.bytes[VM_C_4K], 4096);
	ck_u64_eq(s.bytes[VM_C_2M], 2 << 20);
	ck_u64_eq(s.bytes[VM_C_1G], 1 << 30);
	/* pagemap knows none; of what isn't there it isn't asked. */
	add(&s, 1, VM_PG(SWAP), all, 0);
	ck_assert_uint_eq(s.unknown, 0);
	add(&s, 1, VM_PG(PRESENT), all, 0);
	ck_assert_uint_eq(s.unknown, 1u << VM_C_4K | 1u << VM_C_2M | 1u << VM_C_1G);
}
END_TEST

START_TEST(what_isnt_known_isnt_zero)
{
	struct vm_page_sum s = { 0 }, other = { 0 };
	add(&s, 1, VM_PG(PRESENT), all & ~VM_PG(FILE), 12);
	ck_assert(s.unknown >> VM_C_FILE & 1);
	ck_assert(s.unknown >> VM_C_ANON & 1);
	ck_assert(!(s.unknown >> VM_C_DIRTY & 1));
	add(&other, 1, VM_PG(PRESENT), all & ~VM_PG(EXCLUSIVE), 12);
	ck_assert(other.unknown >> VM_C_SHARED & 1);
	/* A sum knows no more than its parts. */
	vm_page_sum_join(&s, &other);
	ck_assert(s.unknown >> VM_C_FILE & 1);
	ck_assert(s.unknown >> VM_C_EXCLUSIVE & 1);
	ck_u64_eq(s.bytes[VM_C_PRESENT], 2 * 4096);
	/* Bits outside of what is known count for nothing. */
	struct vm_page_sum t = { 0 };
	add(&t, 1, VM_PG(PRESENT) | VM_PG(DIRTY), VM_PG(PRESENT), 12);
	ck_u64_eq(t.bytes[VM_C_DIRTY], 0);
}
END_TEST

START_TEST(more_pages_than_mapped)
{
	struct vm_page_sum s = { .mapped = 4096 };
	add(&s, 2, VM_PG(PRESENT), all, 12);
	vm_page_sum_end(&s);
	ck_u64_eq(s.bytes[VM_C_UNTOUCHED], 0);
}
END_TEST

/* ---- Tables that huge pages would free ---------------------------------------------------------------------------- */

static uint64_t full(const struct vm_page_run *runs, size_t n, const uint64_t *pages, const struct vm_mapping *m)
{
	struct vm_table_fill f = { 0 };
	for (size_t i = 0; i < n; i++)
		vm_table_fill_add(&f, &runs[i], pages ? pages[i] : (runs[i].end - runs[i].start) / 4096, m);
	return f.full;
}

START_TEST(ranges_that_are_full)
{
	const uint32_t anon = VM_PG(PRESENT) | VM_PG(EXCLUSIVE);
	const struct vm_mapping m = { .start = 0x200000, .end = 0x200000 + (64 << 20) };
	const struct vm_page_run six[] = { run(0x200000, 512 * 6, anon, 12) };
	ck_u64_eq(full(six, 1, NULL, &m), 6);
	/* One page missing at the end of the second. */
	const struct vm_page_run gap[] = { run(0x200000, 1023, anon, 12), run(0x600000, 512, anon, 12) };
	ck_u64_eq(full(gap, 2, NULL, &m), 2);
	/* Pieces that meet. */
	const struct vm_page_run meet[] = { run(0x200000, 100, anon, 12), run(0x200000 + 100 * 4096, 412, anon | VM_PG(DIRTY), 12) };
	ck_u64_eq(full(meet, 2, NULL, &m), 1);
	/* Counted over one range. */
	const struct vm_page_run counted[] = { run(0x200000, 512, anon, 12), run(0x200000, 512, anon | VM_PG(DIRTY), 12) };
	const uint64_t halves[] = { 200, 312 }, less[] = { 200, 311 };
	ck_u64_eq(full(counted, 2, halves, &m), 1);
	ck_u64_eq(full(counted, 2, less, &m), 0);
	/* Huge already, of a file, zero: no. */
	const struct vm_page_run not[] = {
		run(0x200000, 512, anon, 21), run(0x400000, 512, anon | VM_PG(FILE), 12), run(0x600000, 512, anon | VM_PG(ZERO), 12),
	};
	ck_u64_eq(full(not, 3, NULL, &m), 0);
	/* The mapping doesn't hold all of the range. */
	const struct vm_mapping late = { .start = 0x201000, .end = 0x800000 };
	const struct vm_page_run at[] = { run(0x201000, 511 + 512, anon, 12) };
	ck_u64_eq(full(at, 1, NULL, &late), 1);
}
END_TEST

/* ---- The picture -------------------------------------------------------------------------------------------------- */

/** All rows, one after the other, with "|" between. */
static const char *drawn(const struct vm_pagegrid *g)
{
	static char out[4000];
	size_t n = 0;
	for (size_t i = 0; i < g->nrows; i++) {
		if (i)
			out[n++] = '|';
		for (unsigned k = 0; k < g->row[i].cells; k++)
			out[n++] = vm_pagegrid_letter(g, &g->cell[g->row[i].first + k]);
	}
	out[n] = '\0';
	return out;
}

START_TEST(cells_show_what_most_is)
{
	struct vm_aspace *as = space_of("10000-18000 rw-p 00000000 00:00 0 \n18000-1c000 r--p 00000000 08:01 5 /f\n");
	const struct vm_page_run runs[] = {
		run(0x10000, 2, VM_PG(PRESENT), 12), run(0x13000, 1, VM_PG(SWAP), 12), run(0x14000, 1, VM_PG(GUARD), 12),
		run(0x15000, 1, VM_PG(PRESENT) | VM_PG(ZERO), 12), run(0x16000, 1, VM_PG(PRESENT) | VM_PG(NONE), 12),
		run(0x17000, 1, VM_PG(MIGRATION), 12), run(0x18000, 1, VM_PG(PRESENT) | VM_PG(FILE), 12),
		run(0x1a000, 2, VM_PG(PRESENT), 21),
	};
	struct vm_pagegrid g;
	ck_assert_int_eq(vm_pagegrid_begin(&g, as, 0, 0, 6, 100), 0);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		vm_pagegrid_add(&g, &runs[i], -1);
	ck_u64_eq(g.block, 4096);
	ck_assert_str_eq(drawn(&g), "AA.SGZ|NO|F.HH");
	vm_pagegrid_end(&g);
	/* A part of it. */
	ck_assert_int_eq(vm_pagegrid_begin(&g, as, 0x11000, 0x19000, 6, 100), 0);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		vm_pagegrid_add(&g, &runs[i], -1);
	ck_assert_str_eq(drawn(&g), "A.SGZN|O|F");
	vm_pagegrid_end(&g);
	vm_aspace_free(as);
}
END_TEST

START_TEST(blocks_grow_with_the_space)
{
	struct vm_aspace *as = space_of("100000000000-110000000000 rw-p 00000000 00:00 0 \n");
	const struct vm_page_run one = run(0x100000000000, 1, VM_PG(PRESENT), 12), last = run(0x10fffffff000, 1, VM_PG(SWAP), 12);
	struct vm_pagegrid g;
	ck_assert_int_eq(vm_pagegrid_begin(&g, as, 0, 0, 64, 10), 0);
	vm_pagegrid_add(&g, &one, -1);
	vm_pagegrid_add(&g, &last, -1);
	ck_assert_uint_le(g.nrows, 11);
	ck_assert_uint_eq(g.block & (g.block - 1), 0);
	const char *picture = drawn(&g);
	/* Small letters: little of the cell is there. */
	ck_assert_int_eq(picture[0], 'a');
	ck_assert_int_eq(picture[strlen(picture) - 1], 's');
	vm_pagegrid_end(&g);
	vm_aspace_free(as);
}
END_TEST

START_TEST(nothing_is_mapped)
{
	struct vm_aspace *as = space_new();
	struct vm_pagegrid g;
	const struct vm_page_run r = run(0x1000, 1, VM_PG(PRESENT), 12);
	ck_assert_int_eq(vm_pagegrid_begin(&g, as, 0, 0, 64, 10), 0);
	vm_pagegrid_add(&g, &r, -1);
	ck_assert_uint_eq(g.nrows, 0);
	vm_pagegrid_end(&g);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("census", states_have_names, a_page_is_in_several_states, page_sizes, what_isnt_known_isnt_zero, more_pages_than_mapped,
	  ranges_that_are_full, cells_show_what_most_is, blocks_grow_with_the_space, nothing_is_mapped)
