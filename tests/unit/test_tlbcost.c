/** From counts to costs: what is divided by what, and when nothing is. */

#include "unit.h"

#include <math.h>

#include "core/analysis/tlbcost.h"

#define IS(side, of) vm_tc_what_of(side, of)

static struct vm_tc_set set;
static struct vm_tlb_cost_view view;

static void count(unsigned group, unsigned what, uint64_t raw, uint64_t enabled, uint64_t running)
{
	set.v[set.n++] = (struct vm_tc_entry){
		.name = "x", .what = (uint16_t)what, .core = group >= 8,
		.c = { .raw = raw, .enabled_ns = enabled, .running_ns = running, .group = (uint8_t)group, .opened = true },
	};
}

static void base(unsigned group, uint64_t cycles, uint64_t instructions, uint64_t enabled, uint64_t running)
{
	count(group, VM_TC_CYCLES, cycles, enabled, running);
	count(group, VM_TC_INSTRUCTIONS, instructions, enabled, running);
}

static void cost(size_t ncores)
{
	static const char *const names[] = { "big", "small" };
	vm_tlb_cost_of(&set, names, ncores, &view);
	set = (struct vm_tc_set){ .n = 0 };
}

/** Each group by its own cycles, which differ; all cycles are their mean by time. */
START_TEST(ratios_within_groups)
{
	base(1, 1000, 500, 100, 50);
	count(1, IS(LOAD, WALKS), 10, 100, 50);
	count(1, IS(LOAD, WALK_CYCLES), 200, 100, 50);
	count(1, IS(LOAD, STLB_HITS), 30, 100, 50);
	count(1, IS(LOAD, ACCESSES), 400, 100, 50);
	base(2, 3000, 3000, 100, 50);
	count(2, IS(FETCH, WALKS), 3, 100, 50);
	count(2, IS(FETCH, WALK_CYCLES), 300, 100, 50);
	cost(1);
	ck_assert_uint_eq(view.nsides, 2);
	ck_assert_double_eq(view.side[0].walks, 20);
	ck_assert_double_eq(view.side[0].walks_per_kinst, 20);
	ck_assert_double_eq(view.side[0].cycles_per_walk, 20);
	ck_assert_double_eq(view.side[0].cycle_share, 0.2);
	ck_assert_double_eq(view.side[0].walk_ratio, 0.025);
	ck_assert_double_eq(view.side[0].l1_misses, 80);
	ck_assert_double_eq(view.side[0].l1_miss_ratio, 0.1);
	ck_assert_double_eq(view.side[1].walks_per_kinst, 1);
	ck_assert_double_eq(view.cycles, 4000);
	ck_assert_double_eq(view.instructions, 3500);
	ck_assert_double_eq_tol(view.ceiling, 0.3, 1e-9);
	ck_assert_double_eq_tol(view.speedup, 1 / 0.7, 1e-9);
	ck_assert(!view.ceiling_partial);
}
END_TEST

START_TEST(across_groups)
{
	for (unsigned running = 24; running <= 26; running++) {
		base(1, 1000, 1000, 100, running);
		count(1, IS(LOAD, WALKS), 10, 100, running);
		count(2, IS(LOAD, ACCESSES), 1000, 100, 100);
		cost(1);
		ck_assert_double_eq(view.side[0].counted, running / 100.0);
		if (running < 25)
			ck_assert_double_nan(view.side[0].walk_ratio);
		else
			ck_assert_double_eq_tol(view.side[0].walk_ratio, 10 * 100.0 / running / 1000, 1e-9);
	}
}
END_TEST

/** What never ran is unknown; what ran and found nothing is zero. */
START_TEST(not_counted)
{
	base(1, 1000, 1000, 100, 100);
	count(1, IS(LOAD, WALKS), 0, 100, 0);
	count(1, IS(STORE, WALKS), 0, 100, 100);
	count(1, IS(STORE, WALK_CYCLES), 0, 100, 100);
	cost(1);
	ck_assert_double_nan(view.side[0].walks);
	ck_assert_double_nan(view.side[0].walks_per_kinst);
	ck_assert_double_nan(view.side[0].counted);
	ck_assert_double_eq(view.side[1].walks, 0);
	ck_assert_double_nan(view.side[1].cycles_per_walk);
	ck_assert_double_eq(view.ceiling, 0);
	ck_assert_double_eq(view.speedup, 1);
	cost(1);
	ck_assert_uint_eq(view.nsides, 0);
	ck_assert_double_nan(view.cycles);
	ck_assert_double_nan(view.ceiling);
}
END_TEST

/** More walk cycles than cycles: walkers of loads and stores at once. */
START_TEST(never_more_than_all)
{
	base(1, 100, 100, 10, 10);
	count(1, IS(LOAD, WALK_CYCLES), 80, 10, 10);
	count(1, IS(STORE, WALK_CYCLES), 70, 10, 10);
	cost(1);
	ck_assert_double_eq(view.ceiling, 1);
	ck_assert(isinf(view.speedup));
}
END_TEST

/** What is counted as a miss of the first level, less what walked; never below zero. */
START_TEST(arm)
{
	base(1, 1000, 1000, 10, 10);
	count(1, IS(DATA, L1_MISSES), 50, 10, 10);
	count(1, IS(DATA, WALKS), 10, 10, 10);
	count(1, IS(FETCH, L1_MISSES), 5, 10, 10);
	count(1, IS(FETCH, WALKS), 7, 10, 10);
	cost(1);
	ck_assert_double_eq(view.side[0].stlb_hits, 40);
	ck_assert_double_eq(view.side[1].stlb_hits, 0);
	ck_assert_double_nan(view.ceiling);
}
END_TEST

/** A kind of core is enabled while the task is on the other kind, too: that isn't multiplexing. */
START_TEST(hybrid)
{
	base(1, 800, 800, 100, 40);
	count(1, IS(LOAD, WALKS), 8, 100, 40);
	count(1, IS(LOAD, WALK_CYCLES), 80, 100, 40);
	base(2, 800, 800, 100, 40);
	base(8, 100, 50, 100, 20);
	count(8, IS(LOAD, WALKS), 4, 100, 20);
	cost(2);
	ck_assert_double_eq(view.side[0].walks, 16);
	ck_assert_double_eq(view.side[0].counted, 0.5);
	ck_assert_double_eq(view.side[1].walks, 4);
	ck_assert_double_eq(view.side[1].counted, 1);
	ck_assert_str_eq(view.side[1].core_name, "small");
	ck_assert_double_eq(view.cycles, 1700);
	/* A tenth of the big cores' cycles, of which there were 1600. */
	ck_assert_double_eq_tol(view.ceiling, 0.1 * 1600 / 1700, 1e-9);
	ck_assert(view.ceiling_partial);
}
END_TEST

START_TEST(intervals)
{
	struct vm_tc_set before, part;
	struct vm_tlb_sample_row row;
	base(1, 1000, 2000, 100, 50);
	count(1, IS(LOAD, WALKS), 10, 100, 50);
	set.wall_ns = 1000000000;
	set.software[VM_TC_PAGE_FAULTS] = (struct vm_tc_count){ .raw = 7, .opened = true };
	before = set;
	set.n = 0;
	base(1, 3000, 3000, 300, 150);
	count(1, IS(LOAD, WALKS), 30, 300, 150);
	set.wall_ns = 3000000000;
	set.software[VM_TC_PAGE_FAULTS].raw = 27;
	vm_tc_since(&set, &before, &part);
	vm_tlb_cost_of(&part, (const char *[]){ "cpu" }, 1, &view);
	vm_tlb_sample_of(&part, &view, set.wall_ns, &row);
	ck_assert_double_eq(row.seconds, 2);
	ck_assert_double_eq(row.time_s, 3);
	ck_assert_double_eq(row.cycles, 2000);
	ck_assert_double_eq(row.load_walks, 20);
	ck_assert_double_eq(row.walks_per_kinst, 20);
	ck_assert_double_eq(row.faults, 10);
	ck_assert_double_nan(row.switches);
	ck_assert_double_nan(row.store_walks);
}
END_TEST

UNIT_MAIN("tlbcost", ratios_within_groups, across_groups, not_counted, never_more_than_all, arm, hybrid, intervals)
