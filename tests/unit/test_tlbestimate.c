/** core/analysis/tlbestimate: what misses cost, and what they have in common. */
#include "core/analysis/tlbestimate.h"

#include <math.h>
#include <sys/mman.h>

#include "unit.h"

enum { PAGE = 4096 };

#define MIB (UINT64_C(1) << 20)

/** 96 and 2048 entries; 1.9 ns a second-level hit, 10 a walk nearby, 20 and 4 more for those in 64 MiB and beyond. */
static struct vm_tlb_known known(enum vm_tlb_split split)
{
	return (struct vm_tlb_known){
		.geometry = vm_tlb_geometry_default(), .hit_ns = 1.9, .stlb_hit_ns = 1.9, .walk_ns = 10, .huge_pages_split = split,
		.cost = { { .bytes = MIB, .ns_4k = 1.5, .ns_2m = 0 }, { .bytes = 64 * MIB, .ns_4k = 18, .ns_2m = 4 } }, .ncosts = 2,
	};
}

START_TEST(walks_cost_what_hits_do_not)
{
	const struct vm_tlb_known k = known(VM_TLB_SPLIT_NO), s = known(VM_TLB_SPLIT_YES);
	/* Within twice the reach: as with page tables in the caches. */
	ck_assert_double_eq_tol(vm_tlb_walk_ns(&k, MIB, false), 10, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_walk_ns(&k, 16 * MIB - PAGE, false), 10, 1e-9);
	/* 16384 pages: 7 of 8 accesses walk; of the rest, all but 96 in 16384 hit the second level. */
	const double hits = (1 - 96 / 16384.0) - 7 / 8.0;
	ck_assert_double_eq_tol(vm_tlb_walk_ns(&k, 64 * MIB, false), (18 - 1.9 * hits) / (7 / 8.0), 1e-9);
	/* 32 pages of 2M are far from 2048; split, they are as many entries as of 4K. */
	ck_assert_double_eq_tol(vm_tlb_walk_ns(&k, 64 * MIB, true), 10, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_walk_ns(&s, 64 * MIB, true), (4 - 1.9 * hits) / (7 / 8.0), 1e-9);
}
END_TEST

START_TEST(prices_are_of_policies)
{
	const struct vm_tlb_known k = known(VM_TLB_SPLIT_YES);
	const struct vm_tlb_footprint f = { .bytes = { 64 * MIB, 64 * MIB } };
	const struct vm_tlb_prices split = vm_tlb_prices(&k, &f, VM_TLB_ALL_2M), whole = vm_tlb_prices(&k, &f, VM_TLB_ALL_2M_WHOLE);
	ck_assert_double_eq_tol(split.far_ns[0], vm_tlb_walk_ns(&k, 64 * MIB, false), 1e-9);
	ck_assert_double_eq_tol(split.near_ns[0], 10, 1e-9);
	ck_assert_double_eq_tol(split.far_ns[1], vm_tlb_walk_ns(&k, 64 * MIB, true), 1e-9);
	/* What is nearby never costs more than what is anywhere. */
	ck_assert_double_eq_tol(split.near_ns[1], split.far_ns[1], 1e-9);
	ck_assert_double_eq_tol(whole.far_ns[1], 10, 1e-9);
}
END_TEST

START_TEST(costs_add_up)
{
	const struct vm_tlb_prices p = { .stlb_hit_ns = 2, .near_ns = { 10, 7 }, .far_ns = { 30, 9 } };
	const struct vm_tlb_prices unknown = { .stlb_hit_ns = NAN, .near_ns = { NAN, NAN }, .far_ns = { NAN, NAN } };
	const struct vm_tlb_tally t = { .l1 = 100, .walks = 60, .walks_2m = 20, .near = 15, .near_2m = 5 }, none = { .l1 = 0 };
	ck_assert_double_eq_tol(vm_tlb_cost(&p, &t), 40 * 2 + 10 * 10 + 30 * 30 + 5 * 7 + 15 * 9, 1e-9);
	ck_assert(isnan(vm_tlb_cost(&unknown, &t)));
	ck_assert_double_eq(vm_tlb_cost(&unknown, &none), 0);
}
END_TEST

static struct vm_tlb_tallies walks(uint64_t as_is, uint64_t all_4k, uint64_t all_2m)
{
	return (struct vm_tlb_tallies){ .policy = {
		{ .l1 = as_is, .walks = as_is }, { .l1 = all_4k, .walks = all_4k }, { .l1 = all_2m, .walks = all_2m, .walks_2m = all_2m },
	} };
}

/** Two processes with a library, and memory of their own. */
static struct vm_tlb_result two_programs(void)
{
	static struct vm_tlb_program program[2];
	static struct vm_tlb_mapping mapping[5];
	program[0] = (struct vm_tlb_program){ .pid = 10, .name = "a", .instructions = 100, .loads = 30, .stores = 10,
					      .data = walks(8, 9, 2), .code = walks(1, 1, 1), .mappings = 3 };
	program[1] = (struct vm_tlb_program){ .pid = 11, .name = "b", .instructions = 200, .loads = 60, .stores = 20,
					      .data = walks(4, 4, 4), .mapping = 3, .mappings = 2 };
	mapping[0] = (struct vm_tlb_mapping){ .start = PAGE, .end = 2 * PAGE, .prot = PROT_READ, .name = "/lib", .pages = 1,
					      .data = walks(1, 1, 1), .code = walks(1, 1, 1) };
	mapping[1] = (struct vm_tlb_mapping){ .start = 8 * MIB, .end = 16 * MIB, .name = "", .pages = 1024, .can_2m = true,
					      .regions_2m = 4, .pages_2m = 1000, .regions_huge = 1, .pages_huge = 512, .data = walks(7, 8, 1) };
	mapping[2] = (struct vm_tlb_mapping){ .start = PAGE, .end = 2 * PAGE, .prot = PROT_WRITE, .name = "/lib", .pages = 1 };
	mapping[3] = (struct vm_tlb_mapping){ .program = 1, .start = PAGE, .end = 2 * PAGE, .prot = PROT_READ, .name = "/lib", .pages = 1,
					      .data = walks(4, 4, 4) };
	mapping[4] = (struct vm_tlb_mapping){ .program = 1, .start = 8 * MIB, .end = 16 * MIB, .name = "", .pages = 3 };
	return (struct vm_tlb_result){
		.policies = 3, .program = { program, 2, 2 }, .mapping = { mapping, 5, 5 },
	};
}

START_TEST(footprints_are_by_policy)
{
	const struct vm_tlb_result r = two_programs();
	const struct vm_tlb_footprint as_is = vm_tlb_footprint(&r, 0, VM_TLB_AS_IS), all_4k = vm_tlb_footprint(&r, 0, VM_TLB_ALL_4K);
	const struct vm_tlb_footprint all_2m = vm_tlb_footprint(&r, 0, VM_TLB_ALL_2M), other = vm_tlb_footprint(&r, 1, VM_TLB_ALL_2M);
	ck_u64_eq(as_is.bytes[0], (1026 - 512) * PAGE);
	ck_u64_eq(as_is.bytes[1], 2 * MIB);
	ck_u64_eq(all_4k.bytes[0], 1026 * PAGE);
	ck_u64_eq(all_4k.bytes[1], 0);
	ck_u64_eq(all_2m.bytes[0], 26 * PAGE);
	ck_u64_eq(all_2m.bytes[1], 8 * MIB);
	ck_u64_eq(other.bytes[0], 4 * PAGE);
	ck_u64_eq(other.bytes[1], 0);
}
END_TEST

START_TEST(policies_sum_up_programs)
{
	const struct vm_tlb_result r = two_programs();
	const struct vm_tlb_known k = known(VM_TLB_SPLIT_NO), nothing = { .geometry = k.geometry, .stlb_hit_ns = NAN, .walk_ns = NAN };
	struct vm_tlb_policy_row rows[VM_TLB_POLICIES];
	ck_assert_uint_eq(vm_tlb_policy_rows(&r, &k, rows), 3);
	ck_u64_eq(rows[VM_TLB_ALL_4K].instructions, 300);
	ck_u64_eq(rows[VM_TLB_ALL_4K].loads, 90);
	ck_u64_eq(rows[VM_TLB_ALL_4K].stores, 30);
	ck_u64_eq(rows[VM_TLB_ALL_4K].data.walks, 13);
	ck_u64_eq(rows[VM_TLB_AS_IS].code.walks, 1);
	/* All within the reach: 10 ns each. */
	ck_assert_double_eq_tol(rows[VM_TLB_AS_IS].data_ns, 120, 1e-9);
	ck_assert_double_eq_tol(rows[VM_TLB_AS_IS].code_ns, 10, 1e-9);
	ck_assert_double_eq_tol(rows[VM_TLB_ALL_2M].saved, 1 - 70 / 130.0, 1e-9);
	vm_tlb_policy_rows(&r, &nothing, rows);
	ck_assert(isnan(rows[VM_TLB_AS_IS].data_ns) && isnan(rows[VM_TLB_AS_IS].saved));
}
END_TEST

START_TEST(files_are_one_row_wherever_they_lie)
{
	const struct vm_tlb_result r = two_programs();
	const struct vm_tlb_known k = known(VM_TLB_SPLIT_NO);
	struct vm_tlb_places p;
	ck_assert(vm_tlb_places_open(&p, &r, &k) && vm_tlb_places_by_mapping(&p));
	/* Those without misses have none. */
	ck_assert_uint_eq(p.row.n, 2);
	const struct vm_tlb_place_row *anon = &p.row.v[0], *lib = &p.row.v[1];
	ck_assert_str_eq(anon->m->name, "");
	ck_assert_int_eq(anon->pid, 10);
	ck_assert(!anon->merged);
	ck_u64_eq(anon->pages, 1024);
	ck_assert_double_eq_tol(anon->share, 7 / 13.0, 1e-9);
	ck_assert_double_eq_tol(anon->ns[VM_TLB_ALL_2M], 10, 1e-9);
	ck_assert_str_eq(lib->m->name, "/lib");
	ck_assert_int_eq(lib->pid, 0);
	ck_assert(lib->merged);
	ck_u64_eq(lib->misses.policy[VM_TLB_AS_IS].walks, 6);
	ck_u64_eq(lib->pages, 2);
	vm_tlb_places_free(&p);
}
END_TEST

UNIT_MAIN("tlbestimate", walks_cost_what_hits_do_not, prices_are_of_policies, costs_add_up, footprints_are_by_policy,
	  policies_sum_up_programs, files_are_one_row_wherever_they_lie)
