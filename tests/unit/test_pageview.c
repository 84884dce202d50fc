/** core/analysis/pageview: an address space in lines of cells, and the way between addresses and places. */
#include "core/analysis/pageview.h"

#include "core/model/page.h"

#include "space.h"

/** A program of three segments and memory of its own, a heap, a gap, a stack; and what isn't the user's. */
static struct vm_aspace *usual(void)
{
	return space_of("400000-402000 r--p 00000000 08:01 5 /bin/x\n402000-404000 r-xp 00002000 08:01 5 /bin/x\n"
			"404000-405000 rw-p 00000000 00:00 0 \n500000-50a000 rw-p 00000000 00:00 0 [heap]\n"
			"7fff00000000-7fff00003000 rw-p 00000000 00:00 0 [stack]\n"
			"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n");
}

static size_t cells_in(const struct vm_pageview *v)
{
	struct vm_pagegrid g = { 0 };
	ck_assert_int_eq(vm_pageview_cells(v, 0, (unsigned)v->lines, &g), 0);
	const size_t n = g.ncells;
	vm_pagegrid_end(&g);
	return n;
}

START_TEST(segments_share_a_line_where_there_is_room)
{
	struct vm_aspace *as = usual();
	struct vm_pageview v = { 0 };
	bool gap;
	/* 2 + 1 + 2 + 1 + 1: cells and borders. */
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 7), 0);
	ck_assert_uint_eq(v.nparts, 3);
	ck_assert_uint_eq(v.part[0].n, 3);
	/* The program, a gap, two lines of heap, a gap, the stack. */
	ck_u64_eq(v.lines, 6);
	ck_assert_ptr_eq(vm_pageview_part(&v, 1, &gap), &v.part[1]);
	ck_assert(gap);
	ck_u64_eq(v.part[1].gap, 0xfb000);
	ck_assert_ptr_eq(vm_pageview_part(&v, 3, &gap), &v.part[1]);
	ck_assert(!gap);
	ck_assert_ptr_null(vm_pageview_part(&v, 6, &gap));
	ck_assert_uint_eq(cells_in(&v), 5 + 10 + 3);
	/* One less: as many as fit. */
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 6), 0);
	ck_assert_uint_eq(v.part[0].n, 2);
	ck_assert_uint_eq(v.part[1].n, 1);
	ck_u64_eq(v.lines, 7);
	/* Nor these. */
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 3), 0);
	ck_assert_uint_eq(v.part[1].n, 1);
	vm_pageview_free(&v);
	vm_aspace_free(as);
}
END_TEST

START_TEST(addresses_have_places_and_places_addresses)
{
	static const uint64_t blocks[] = { 4096, 8192, 65536, UINT64_C(1) << 40 };
	struct vm_aspace *as = usual();
	struct vm_pageview v = { 0 };
	for (size_t k = 0; k < 4; k++) {
		ck_assert_int_eq(vm_pageview_lay_out(&v, as, blocks[k], 7), 0);
		for (size_t i = 0; i + 1 < as->nmaps; i++)
			for (uint64_t a = as->map[i].start; a < as->map[i].end; a += 4096) {
				uint64_t line, back;
				unsigned x;
				ck_assert(vm_pageview_find(&v, a, &line, &x));
				ck_assert(vm_pageview_at(&v, line, x, &back));
				/* The beginning of the cell, or of the mapping in it. */
				const uint64_t cell = a & ~(blocks[k] - 1);
				ck_u64_eq(back, cell > as->map[i].start ? cell : as->map[i].start);
			}
	}
	uint64_t line, addr;
	unsigned x;
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 7), 0);
	/* In a gap: what comes next.  Beyond all: the last one.  Beside a line: its end.  On a border: what is before. */
	ck_assert(vm_pageview_find(&v, 0x480000, &line, &x) && line == 2 && x == 0);
	ck_assert(vm_pageview_find(&v, UINT64_MAX, &line, &x) && line == 5 && x == 2);
	ck_assert(vm_pageview_at(&v, 3, 6, &addr) && addr == 0x509000);
	ck_assert(vm_pageview_at(&v, 0, 2, &addr) && addr == 0x401000);
	ck_assert(!vm_pageview_at(&v, 1, 0, &addr) && !vm_pageview_at(&v, 6, 0, &addr));
	vm_pageview_free(&v);
	vm_aspace_free(as);
}
END_TEST

START_TEST(cells_of_a_window_count_what_is_there)
{
	struct vm_aspace *as = usual();
	struct vm_pageview v = { 0 };
	struct vm_pagegrid g = { 0 };
	const uint32_t all = (UINT32_C(1) << VM_PG_BIT_NR) - 1;
	const struct vm_page_run r = {
		.start = 0x500000, .end = 0x50a000, .pfn = VM_PFN_NONE, .state = VM_PG(PRESENT) | VM_PG(DIRTY), .known = all & ~VM_PG(ACCESSED),
		.shift = 12,
	};
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 8192, 4), 0);
	uint64_t line;
	unsigned x;
	ck_assert(vm_pageview_find(&v, 0x508000, &line, &x));
	ck_assert_uint_eq(x, 0);
	/* That line alone: the heap's last cell. */
	ck_assert_int_eq(vm_pageview_cells(&v, line, 1, &g), 0);
	ck_assert_uint_eq(g.ncells, 1);
	vm_pagegrid_add(&g, &r, 3);
	ck_u64_eq(g.cell[0].bytes[VM_PAGEGRID_ANON], 8192);
	ck_u64_eq(g.cell[0].with[VM_PAGEGRID_DIRTY], 8192);
	/* Not exclusive, and known to be so. */
	ck_u64_eq(g.cell[0].with[VM_PAGEGRID_SHARED], 8192);
	ck_u64_eq(g.cell[0].with[VM_PAGEGRID_BIG], 0);
	ck_u64_eq(g.cell[0].node[3], 8192);
	ck_u64_eq(g.cell[0].first, 0x508000);
	ck_assert_uint_eq(g.cell[0].unknown, 1u << VM_PAGEGRID_ACCESSED);
	vm_pagegrid_end(&g);
	vm_pageview_free(&v);
	vm_aspace_free(as);
}
END_TEST

START_TEST(terabytes_take_no_more_memory)
{
	struct vm_aspace *as = space_of("100000000000-500000000000 rw-p 00000000 00:00 0 \n");
	struct vm_pageview v = { 0 };
	struct vm_pagegrid g = { 0 };
	uint64_t line, addr;
	unsigned x;
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 64), 0);
	ck_u64_eq(v.lines, (UINT64_C(0x400000000000) >> 12) / 64);
	ck_assert(vm_pageview_find(&v, 0x4ffffffff000, &line, &x) && line == v.lines - 1 && x == 63);
	ck_assert(vm_pageview_at(&v, line, x, &addr) && addr == 0x4ffffffff000);
	ck_assert_int_eq(vm_pageview_cells(&v, line - 9, 20, &g), 0);
	ck_assert_uint_eq(g.ncells, 640);
	vm_pagegrid_end(&g);
	const uint64_t block = vm_pageview_fit(as, 64, 16);
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, block, 64), 0);
	ck_assert(v.lines <= 16 && v.lines > 8);
	vm_pageview_free(&v);
	vm_aspace_free(as);
}
END_TEST

START_TEST(nothing_is_mapped)
{
	struct vm_aspace *as = space_new();
	struct vm_pageview v = { 0 };
	struct vm_pagegrid g = { 0 };
	uint64_t line;
	unsigned x;
	ck_u64_eq(vm_pageview_fit(as, 64, 16), 4096);
	ck_assert_int_eq(vm_pageview_lay_out(&v, as, 4096, 64), 0);
	ck_u64_eq(v.lines, 0);
	ck_assert(!vm_pageview_find(&v, 0, &line, &x));
	ck_assert_int_eq(vm_pageview_cells(&v, 0, 10, &g), 0);
	ck_assert_uint_eq(g.nrows, 0);
	vm_pagegrid_end(&g);
	vm_pageview_free(&v);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("pageview", segments_share_a_line_where_there_is_room, addresses_have_places_and_places_addresses,
	  cells_of_a_window_count_what_is_there, terabytes_take_no_more_memory, nothing_is_mapped)
