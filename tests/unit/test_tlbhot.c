/** core/analysis/tlbhot: what windows of accessed bits say of mappings. */
#include "core/analysis/tlbhot.h"

#include <math.h>

#include "space.h"

enum { PAGE = 4096, MIB = 1 << 20, MAPPINGS = 2, LEAST = 3 };
#define BASE UINT64_C(0x7f0000000000)

static const struct vm_tlb_known *known(enum vm_tlb_split split, double ns)
{
	static struct vm_tlb_known k;
	k = (struct vm_tlb_known){
		.by = VM_TLB_BY_PROBE, .geometry = vm_tlb_geometry_default(), .huge_pages_split = split, .ncosts = 1,
		.cost = { { .bytes = MIB, .ns_4k = ns, .ns_2m = ns } },
	};
	return &k;
}

static struct vm_aspace *two_mappings(void)
{
	return space_of("7f0000000000-7f0040000000 rw-p 00000000 00:00 0\n"
			"7f0050000000-7f0060000000 rw-p 00000000 00:00 0 [heap]\n");
}

/** Of a mapping of 1G: so many pages of 4K, as so many runs, the first at `first`. */
static struct vm_accessed_count pages(uint64_t n, uint64_t runs, uint64_t first)
{
	return (struct vm_accessed_count){
		.resident_bytes = UINT64_C(1024) * MIB, .bytes = n * PAGE, .entries = n, .runs = runs, .blocks = (n + 511) / 512, .small_bytes = UINT64_C(768) * MIB, .resident_blocks = 512,
		.first = n ? BASE + first * PAGE : 0,
	};
}

struct windows {
	struct vm_accessed_window v[64];
	size_t n;
};

static void add(struct windows *ws, enum vm_accessed_kind kind, uint64_t ms, struct vm_accessed_count c)
{
	struct vm_accessed_window *w = &ws->v[ws->n++];
	*w = (struct vm_accessed_window){ .kind = kind, .ns = ms * 1000000, .clear_ns = 1000, .read_ns = 3000, .cpu_ns = ms * 500000,
					  .n = MAPPINGS };
	w->v = calloc(MAPPINGS, sizeof(*w->v));
	w->v[0] = c;
}

static void free_windows(struct windows *ws)
{
	while (ws->n)
		vm_accessed_window_free(&ws->v[--ws->n]);
}

/** The row of the first mapping: windows that say the same `samples` times, short ones from `step` pages further each. */
static struct vm_tlb_hot_row row_of(struct vm_accessed_count brief, struct vm_accessed_count walked, struct vm_accessed_count used,
				    unsigned samples, uint64_t step, const struct vm_tlb_known *k)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	struct vm_tlb_hot h;
	for (unsigned i = 0; i < samples; i++) {
		if (brief.bytes)
			brief.first = BASE + i * step * PAGE;
		add(&ws, VM_ACCESSED_BRIEF, 1, brief);
		add(&ws, VM_ACCESSED_WALKED, 10, walked);
		if (used.resident_bytes)
			add(&ws, VM_ACCESSED_USED, 10, used);
	}
	ck_assert(vm_tlb_hot_sum(as, ws.v, ws.n, k, false, &h));
	ck_assert_uint_ge(h.row.n, 1);
	const struct vm_tlb_hot_row r = h.row.v[0];
	ck_assert_uint_eq(h.windows[VM_ACCESSED_BRIEF], samples);
	ck_assert(fabs(h.cpu_share - 0.5) < 0.01);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
	return r;
}

static const struct vm_accessed_count nothing = { 0 };

START_TEST(scattered_walks)
{
	/* 3000 of 16384 by chance: runs of 1 / (1 - 3000 / 16384) = 1.22. */
	const struct vm_tlb_hot_row r = row_of(pages(3000, 2450, 0), pages(16370, 20, 0), pages(16384, 1, 0), 7, 1,
					       known(VM_TLB_SPLIT_NO, 20));
	ck_u64_eq(r.used_bytes, UINT64_C(64) * MIB);
	ck_u64_eq(r.walked_entries, 16370);
	ck_assert_double_eq_tol(r.walked_share, 16370 / 16384.0, 1e-9);
	ck_assert_double_eq_tol(r.stlb_times, 8, 1e-9);
	/* The short windows show more: 3000 in a millisecond. */
	ck_assert_double_eq_tol(r.walks_per_s, 3e6, 1);
	ck_assert_double_eq_tol(r.walked_per_ms, 1637, 1e-6);
	/* It ran for half of the time. */
	ck_assert_double_eq_tol(r.time_share, 2 * 3e6 * 20 / 1e9, 1e-3);
	ck_u64_eq(r.blocks, 32);
	ck_assert_double_eq_tol(r.density, 0.75, 1e-9);
	ck_assert_int_eq(r.order, VM_TLB_SCATTERED);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_WALKS);
}
END_TEST

START_TEST(memory_in_order_is_harmless)
{
	const struct vm_tlb_hot_row r = row_of(pages(2000, 2, 0), pages(13294, 1, 0), pages(13300, 1, 0), 7, 9000,
					       known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.order, VM_TLB_IN_ORDER);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_IN_ORDER);
	ck_assert_double_gt(r.walked_share, 0.99);
}
END_TEST

START_TEST(a_hot_region_is_no_order)
{
	/* All of it in one run, and always the same. */
	struct vm_tlb_hot_row r = row_of(pages(4000, 3, 0), pages(4100, 3, 0), pages(9000, 3000, 0), 7, 0, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.order, VM_TLB_ORDER_UNKNOWN);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_WALKS);
	/* All that is used was walked: neighbours say nothing. */
	r = row_of(pages(4000, 3, 0), pages(4096, 1, 0), pages(4096, 1, 0), 7, 9000, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.order, VM_TLB_ORDER_UNKNOWN);
	/* Too few to tell. */
	r = row_of(pages(20, 1, 0), pages(200, 1, 0), pages(9000, 1, 0), 7, 9000, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.order, VM_TLB_ORDER_UNKNOWN);
}
END_TEST

START_TEST(what_fits_is_no_matter)
{
	const struct vm_tlb_hot_row r = row_of(pages(900, 50, 0), pages(1000, 1, 0), pages(1024, 1, 0), 7, 1, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_double_eq_tol(r.stlb_times, 0.5, 1e-9);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_FITS);
}
END_TEST

START_TEST(mappings_share_the_tlb)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	const struct vm_accessed_count half = pages(1500, 1200, 0);
	add(&ws, VM_ACCESSED_WALKED, 10, half);
	ws.v[0].v[1] = half;
	add(&ws, VM_ACCESSED_USED, 10, half);
	ws.v[1].v[1] = half;
	struct vm_tlb_hot h;
	ck_assert(vm_tlb_hot_sum(as, ws.v, ws.n, known(VM_TLB_SPLIT_NO, 50), false, &h));
	ck_assert_uint_eq(h.row.n, 2);
	/* Each alone would fit. */
	ck_assert_double_lt(h.row.v[0].stlb_times, 1);
	ck_assert_double_gt(h.total.stlb_times, 1);
	ck_assert_int_eq(h.row.v[0].verdict, VM_TLB_HOT_WALKS);
	ck_assert_int_eq(h.row.v[1].verdict, VM_TLB_HOT_WALKS);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

START_TEST(few_walks_are_no_matter)
{
	/* 10000 pages walked a second. */
	const struct vm_accessed_count few = pages(100, 99, 0), all = pages(5000, 4000, 0);
	ck_assert_int_eq(row_of(nothing, few, all, 7, 0, known(VM_TLB_SPLIT_NO, 20)).verdict, VM_TLB_HOT_RARE);
	ck_assert_int_eq(row_of(nothing, few, all, 7, 0, known(VM_TLB_SPLIT_NO, (double)NAN)).verdict, VM_TLB_HOT_RARE);
	/* So few, and so slow. */
	ck_assert_int_eq(row_of(nothing, few, all, 7, 0, known(VM_TLB_SPLIT_NO, 5000)).verdict, VM_TLB_HOT_WALKS);
}
END_TEST

static struct vm_accessed_count huge_pages(uint64_t n)
{
	return (struct vm_accessed_count){
		.resident_bytes = n * 2 * MIB, .bytes = n * 2 * MIB, .huge_bytes = n * 2 * MIB, .entries = n, .first = BASE,
	};
}

START_TEST(a_huge_page_is_one_entry_unless_it_is_split)
{
	struct vm_tlb_hot_row r = row_of(huge_pages(30), huge_pages(32), huge_pages(32), 7, 0, known(VM_TLB_SPLIT_NO, 20));
	ck_u64_eq(r.used_entries, 32);
	ck_u64_eq(r.used_bytes, UINT64_C(64) * MIB);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_FITS);
	r = row_of(huge_pages(30), huge_pages(32), huge_pages(32), 7, 0, known(VM_TLB_SPLIT_YES, 20));
	ck_assert_double_eq_tol(r.stlb_times, 8, 1e-9);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_SPLIT);
	ck_assert(isnan(r.density));
}
END_TEST

START_TEST(without_a_flush_use_is_unknown)
{
	struct vm_tlb_hot_row r = row_of(pages(3000, 2450, 0), pages(16370, 20, 0), nothing, 7, 1, known(VM_TLB_SPLIT_NO, 20));
	ck_u64_eq(r.used_bytes, VM_ACCESSED_UNKNOWN);
	ck_u64_eq(r.used_entries, VM_ACCESSED_UNKNOWN);
	ck_assert(isnan(r.walked_share));
	ck_u64_eq(r.blocks, VM_ACCESSED_UNKNOWN);
	/* As many at least. */
	ck_assert_double_eq_tol(r.stlb_times, 16370 / 2048.0, 1e-9);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_WALKS);
	/* Less than fits was walked: whether that is all isn't known. */
	r = row_of(pages(1000, 800, 0), pages(1000, 800, 0), nothing, 7, 1, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_UNKNOWN);
	r = row_of(nothing, pages(0, 0, 0), nothing, 7, 1, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_RARE);
}
END_TEST

START_TEST(figures_of_smaps_are_enough)
{
	struct vm_accessed_count c = pages(16384, VM_ACCESSED_UNKNOWN, 0);
	c.blocks = c.small_bytes = c.resident_blocks = VM_ACCESSED_UNKNOWN;
	const struct vm_tlb_hot_row r = row_of(c, c, c, 7, 0, known(VM_TLB_SPLIT_NO, 20));
	ck_assert_int_eq(r.order, VM_TLB_ORDER_UNKNOWN);
	ck_assert_int_eq(r.verdict, VM_TLB_HOT_WALKS);
	ck_assert(isnan(r.density));
	/* Huge pages among them: entries aren't known. */
	c.entries = c.huge_bytes = VM_ACCESSED_UNKNOWN;
	const struct vm_tlb_hot_row s = row_of(c, c, c, 7, 0, known(VM_TLB_SPLIT_NO, 20));
	ck_u64_eq(s.used_bytes, UINT64_C(64) * MIB);
	ck_assert(isnan(s.walks_per_s));
	ck_assert(isnan(s.stlb_times));
	ck_assert_int_eq(s.verdict, VM_TLB_HOT_UNKNOWN);
}
END_TEST

/** A sum over windows that the caller made. */
static struct vm_tlb_hot sum(struct windows *ws, struct vm_aspace *as, bool clearing_flushes)
{
	struct vm_tlb_hot h;
	ck_assert(vm_tlb_hot_sum(as, ws->v, ws->n, known(VM_TLB_SPLIT_NO, 20), clearing_flushes, &h));
	return h;
}

START_TEST(figures_are_medians)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	static const uint64_t walked[] = { 5000, 90000, 4000, 6000, 0 };
	for (unsigned i = 0; i < 5; i++) {
		add(&ws, VM_ACCESSED_WALKED, 10, pages(walked[i], 1, 0));
		add(&ws, VM_ACCESSED_USED, 10, pages(10000, 1, 0));
		ws.v[ws.n - 1].elsewhere = pages(7, 1, 0);
	}
	struct vm_tlb_hot h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].walked_entries, 5000);
	ck_u64_eq(h.row.v[0].used_entries, 10000);
	/* The total has what belongs to no mapping, and the second one, of which nothing is there, has no row. */
	ck_u64_eq(h.total.used_entries, 10007);
	ck_assert_uint_eq(h.row.n, 1);
	ck_u64_eq(h.set_again, 5 * 10007 + 105000);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

START_TEST(windows_with_switches_are_left_out)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	for (unsigned i = 0; i < 7; i++) {
		add(&ws, VM_ACCESSED_WALKED, 10, pages(i < LEAST ? 100 : 9000, 1, 0));
		ws.v[ws.n - 1].switches = i < LEAST ? 0 : 2;
	}
	struct vm_tlb_hot h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].walked_entries, 100);
	ck_assert_uint_eq(h.left_out[VM_ACCESSED_WALKED], 7 - LEAST);
	ck_assert(!h.disturbed);
	vm_tlb_hot_free(&h);
	/* One fewer: all of them count. */
	ws.v[0].switches = 1;
	h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].walked_entries, 9000);
	ck_assert(h.disturbed);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

START_TEST(windows_in_which_it_did_not_run_are_left_out)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	for (unsigned i = 0; i < 7; i++) {
		add(&ws, VM_ACCESSED_USED, 10, pages(i < LEAST ? 9000 : 0, 1, 0));
		ws.v[ws.n - 1].cpu_ns = i < LEAST ? 10000000 : 100000;
	}
	struct vm_tlb_hot h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].used_entries, 9000);
	ck_assert_uint_eq(h.left_out[VM_ACCESSED_USED], 7 - LEAST);
	vm_tlb_hot_free(&h);
	/* Of who never runs all count, and of whom it isn't known. */
	for (size_t i = 0; i < ws.n; i++)
		ws.v[i].cpu_ns = 0;
	h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].used_entries, 0);
	ck_assert_int_eq(h.row.v[0].verdict, VM_TLB_HOT_IDLE);
	vm_tlb_hot_free(&h);
	for (size_t i = 0; i < ws.n; i++)
		ws.v[i].cpu_ns = VM_ACCESSED_UNKNOWN;
	h = sum(&ws, as, false);
	ck_assert(isnan(h.cpu_share));
	ck_assert_uint_eq(h.left_out[VM_ACCESSED_USED], 0);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

START_TEST(clearing_that_flushes_tells_no_walks)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	add(&ws, VM_ACCESSED_WALKED, 10, pages(9000, 1, 0));
	add(&ws, VM_ACCESSED_USED, 10, pages(9000, 1, 0));
	struct vm_tlb_hot h = sum(&ws, as, true);
	ck_u64_eq(h.row.v[0].walked_bytes, VM_ACCESSED_UNKNOWN);
	ck_u64_eq(h.row.v[0].used_entries, 9000);
	ck_assert_int_eq(h.row.v[0].verdict, VM_TLB_HOT_UNKNOWN);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

START_TEST(hugetlb_is_not_told)
{
	struct windows ws = { .n = 0 };
	struct vm_aspace *as = two_mappings();
	as->map[0].kind = VM_KIND_HUGETLB;
	add(&ws, VM_ACCESSED_WALKED, 10, pages(0, 0, 0));
	struct vm_tlb_hot h = sum(&ws, as, false);
	ck_u64_eq(h.row.v[0].walked_bytes, VM_ACCESSED_UNKNOWN);
	ck_u64_eq(h.row.v[0].resident_bytes, UINT64_C(1024) * MIB);
	ck_assert_int_eq(h.row.v[0].verdict, VM_TLB_HOT_UNKNOWN);
	vm_tlb_hot_free(&h);
	free_windows(&ws);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("tlbhot", scattered_walks, memory_in_order_is_harmless, a_hot_region_is_no_order, what_fits_is_no_matter, mappings_share_the_tlb,
	  few_walks_are_no_matter, a_huge_page_is_one_entry_unless_it_is_split, without_a_flush_use_is_unknown,
	  figures_of_smaps_are_enough, figures_are_medians, windows_with_switches_are_left_out, windows_in_which_it_did_not_run_are_left_out,
	  clearing_that_flushes_tells_no_walks, hugetlb_is_not_told)
