/** core/model/tlbfit, tlbcpu and core/analysis/tlbreach: steps of curves, what CPUs say, reach. */
#include "core/model/tlbfit.h"

#include <math.h>

#include "core/analysis/tlbreach.h"
#include "core/model/tlbcpu.h"
#include "unit.h"

/* ---- Curves ------------------------------------------------------------------------------------------------------- */

static void add(struct vm_tlb_curve *c, unsigned pages, double ns)
{
	c->v[c->n++] = (struct vm_tlb_point){ .pages = pages, .ns = ns, .low = ns, .high = ns };
}

/** As a machine of 96 and 2048 entries was timed. */
static struct vm_tlb_curve timed(void)
{
	struct vm_tlb_curve c = { .n = 0 };
	static const struct { unsigned pages; double ns; } v[] = {
		{ 8, 1.89 }, { 16, 1.89 }, { 32, 1.89 }, { 48, 1.89 }, { 80, 1.89 }, { 96, 1.97 }, { 112, 3.08 }, { 128, 3.75 },
		{ 256, 3.76 }, { 512, 3.8 }, { 1024, 3.82 }, { 1280, 3.84 }, { 1536, 5 }, { 2048, 7 }, { 2560, 10 }, { 4096, 11.5 },
		{ 8192, 12 }, { 16384, 13.5 },
	};
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		add(&c, v[i].pages, v[i].ns);
	return c;
}

/** Buffers of `first` and `second` entries that replace the oldest one; times scatter by a share of `noise`. */
static struct vm_tlb_curve made(unsigned first, unsigned second, double noise)
{
	struct vm_tlb_curve c = { .n = 0 };
	unsigned seed = 1;
	for (double at = 8; at <= 16384; at *= 1.2) {
		seed = seed * 1103515245u + 12345u;
		const double ns = at <= first ? 1.5 : at <= second ? 4 : 12;
		add(&c, (unsigned)at, ns * (1 + noise * ((double)(seed >> 16 & 0xff) / 127.5 - 1)));
	}
	return c;
}

static void is_near(double got, double want, double share)
{
	ck_assert_msg(fabs(got / want - 1) <= share, "%g is not within %g of %g", got, share, want);
}

START_TEST(steps_of_a_machine)
{
	const struct vm_tlb_curve c = timed();
	struct vm_tlb_steps s;
	vm_tlb_fit(&c, 3, 0.5, &s);
	ck_assert_uint_eq(s.n, 3);
	is_near(s.ns[0], 1.89, 0.01);
	is_near(s.ns[1], 3.8, 0.02);
	is_near(s.ns[2], 11.5, 0.15);
	ck_assert(s.knee[0] > 96 && s.knee[0] < 112);
	ck_assert(s.knee[1] > 1700 && s.knee[1] < 2500);
}
END_TEST

START_TEST(steps_of_other_machines)
{
	static const unsigned size[][2] = { { 48, 1280 }, { 64, 1536 }, { 72, 3072 }, { 96, 2048 }, { 32, 512 }, { 96, 4096 } };
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		for (int noise = 0; noise <= 20; noise += 10) {
			const struct vm_tlb_curve c = made(size[i][0], size[i][1], noise / 100.0);
			struct vm_tlb_steps s;
			vm_tlb_fit(&c, 3, 0.5, &s);
			ck_assert_uint_eq(s.n, 3);
			is_near(s.knee[0], size[i][0], 0.2);
			is_near(s.knee[1], size[i][1], 0.2);
		}
	}
}
END_TEST

START_TEST(jumps)
{
	static const struct { unsigned pages; double ns; } v[] = {
		{ 8, 0.2 }, { 16, 0.2 }, { 32, 0.3 }, { 64, 0.4 }, { 128, 0.6 }, { 192, 0.7 }, { 256, 0.75 }, { 288, 1.8 },
		{ 384, 3 }, { 512, 3.8 }, { 640, 4 }, { 768, 4.1 },
	};
	struct vm_tlb_curve c = { .n = 0 };
	struct vm_tlb_steps s;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		add(&c, v[i].pages, v[i].ns);
	vm_tlb_fit(&c, 2, 0.25, &s);
	ck_assert_uint_eq(s.n, 2);
	is_near(s.knee[0], 256, 0.1);
}
END_TEST

START_TEST(fewer_steps_than_wanted)
{
	struct vm_tlb_curve c = made(64, 100000, 0);
	struct vm_tlb_steps s;
	vm_tlb_fit(&c, 3, 0.5, &s);
	ck_assert_uint_eq(s.n, 2);
	is_near(s.knee[0], 64, 0.1);
	c = made(100000, 100000, 0.03);
	vm_tlb_fit(&c, 3, 0.5, &s);
	ck_assert_uint_eq(s.n, 1);
	is_near(s.ns[0], 1.5, 0.05);
	c.n = 0;
	vm_tlb_fit(&c, 3, 0.5, &s);
	ck_assert_uint_eq(s.n, 0);
	add(&c, 8, 2);
	vm_tlb_fit(&c, 3, 0.5, &s);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_double_eq(s.ns[0], 2);
}
END_TEST

START_TEST(quantiles)
{
	double v[] = { 5, 1, 3, 2, 4 };
	ck_assert_double_eq(vm_tlb_quantile(v, 5, 0.5), 3);
	ck_assert_double_eq(vm_tlb_quantile(v, 5, 0), 1);
	ck_assert_double_eq(vm_tlb_quantile(v, 5, 1), 5);
	ck_assert_double_eq(vm_tlb_quantile(v, 5, 0.25), 2);
	ck_assert_double_eq(vm_tlb_quantile(v, 2, 0.5), 1.5);
	ck_assert(isnan(vm_tlb_quantile(v, 0, 0.5)));
}
END_TEST

START_TEST(knees_of_repeats)
{
	double v[] = { 100, 0, 110, 90, 105 }, far[] = { 300, 200 };
	const struct vm_tlb_knee k = vm_tlb_knee_of(102, v, 5), none = vm_tlb_knee_of(0, far, 2), alone = vm_tlb_knee_of(50, v, 0);
	const struct vm_tlb_knee off = vm_tlb_knee_of(100, far, 2);
	ck_assert_double_eq(k.at, 102);
	ck_assert_double_eq(k.low, 97.5);
	ck_assert_double_eq(k.high, 106.25);
	is_near(vm_tlb_knee_spread(&k), 8.75 / 102, 1e-9);
	ck_assert_double_eq(none.at, 0);
	ck_assert_double_eq(vm_tlb_knee_spread(&none), 0);
	ck_assert_double_eq(alone.low, 50);
	ck_assert_double_eq(off.low, 100);
	ck_assert_double_eq(off.high, 275);
}
END_TEST

/* ---- Shapes ------------------------------------------------------------------------------------------------------- */

static bool near(enum vm_tlb_buffer which, double entries, struct vm_tlb_shape *out)
{
	return vm_tlb_shape_near(which, &(struct vm_tlb_knee){ entries, entries, entries }, out);
}

START_TEST(shapes)
{
	static const struct { enum vm_tlb_buffer which; double timed; unsigned entries; } v[] = {
		{ VM_TLB_L1D, 102.5, 96 }, { VM_TLB_L1D, 79, 72 }, { VM_TLB_L1D, 66, 64 }, { VM_TLB_L1D, 50, 48 },
		{ VM_TLB_STLB, 2213, 2048 }, { VM_TLB_STLB, 1600, 1536 }, { VM_TLB_STLB, 1290, 1280 },
		{ VM_TLB_STLB, 3200, 3072 }, { VM_TLB_L1I, 255, 256 }, { VM_TLB_L1I, 130, 128 },
	};
	struct vm_tlb_shape s;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ck_assert(near(v[i].which, v[i].timed, &s));
		ck_assert_uint_eq(vm_tlb_entries(s), v[i].entries);
	}
	/* Disturbed: the upper quartile counts. */
	ck_assert(vm_tlb_shape_near(VM_TLB_STLB, &(struct vm_tlb_knee){ 1746, 1706, 1913 }, &s));
	ck_assert_uint_eq(vm_tlb_entries(s), 2048);
	ck_assert(!near(VM_TLB_L1D, 200, &s));
	ck_assert(!near(VM_TLB_STLB, 9000, &s));
	/* What no CPU is known to have is some shape of that many. */
	is_near(vm_tlb_entries(vm_tlb_shape_of(VM_TLB_L1D, &(struct vm_tlb_knee){ 200, 200, 200 })), 200, 0.01);
	is_near(vm_tlb_entries(vm_tlb_shape_of(VM_TLB_STLB, &(struct vm_tlb_knee){ 9000, 9000, 9000 })), 9000, 0.01);
	ck_assert_uint_eq(vm_tlb_shape_of(VM_TLB_STLB, &(struct vm_tlb_knee){ 100, 100, 100 }).sets, 64);
	ck_assert_uint_eq(vm_tlb_entries(vm_tlb_shape_of(VM_TLB_L1D, &(struct vm_tlb_knee){ 0.2, 0.2, 0.2 })), 0);
}
END_TEST

START_TEST(split_pages)
{
	ck_assert_int_eq(vm_tlb_split_of(1.89, 3.75, 1.89, 1.9), VM_TLB_SPLIT_YES);
	ck_assert_int_eq(vm_tlb_split_of(1.89, 1.92, 1.89, 1.9), VM_TLB_SPLIT_NO);
	ck_assert_int_eq(vm_tlb_split_of(2.3, 4.2, 1.89, 1.9), VM_TLB_SPLIT_YES);
	/* Between the two; disturbed from the beginning; not measured. */
	ck_assert_int_eq(vm_tlb_split_of(1.89, 2.8, 1.89, 1.9), VM_TLB_SPLIT_UNKNOWN);
	ck_assert_int_eq(vm_tlb_split_of(3.7, 3.7, 1.89, 1.9), VM_TLB_SPLIT_UNKNOWN);
	ck_assert_int_eq(vm_tlb_split_of((double)NAN, 3.7, 1.89, 1.9), VM_TLB_SPLIT_UNKNOWN);
	ck_assert_int_eq(vm_tlb_split_of(1.89, 3.7, 1.89, (double)NAN), VM_TLB_SPLIT_UNKNOWN);
	ck_assert_int_eq(vm_tlb_split_of(1.89, 3.7, (double)NAN, 1.9), VM_TLB_SPLIT_UNKNOWN);
	ck_assert_int_eq(vm_tlb_split_of(1.89, 3.7, 1.89, 0), VM_TLB_SPLIT_UNKNOWN);
}
END_TEST

START_TEST(savings)
{
	const struct vm_tlb_cost some = { 1, 32, 18 }, little = { 1, 2, 1 }, none = { 1, 32, (double)NAN }, no = { 1, (double)NAN, 3 };
	is_near(vm_tlb_cost_saved(&some), 14.0 / 32, 1e-9);
	ck_assert(isnan(vm_tlb_cost_saved(&little)) && isnan(vm_tlb_cost_saved(&none)) && isnan(vm_tlb_cost_saved(&no)));
}
END_TEST

/* ---- What CPUs say ------------------------------------------------------------------------------------------------ */

static void has(struct vm_tlb_shape s, unsigned sets, unsigned ways)
{
	ck_assert_uint_eq(s.sets, sets);
	ck_assert_uint_eq(s.ways, ways);
}

START_TEST(leaf_18_of_golden_cove)
{
	static const struct vm_cpuid r[] = {
		{ 8, 0, 0, 0 }, { 0, 0x00080001, 0x20, 0x22 }, { 0, 0x00080006, 0x04, 0x22 }, { 0, 0x0010000f, 0x01, 0x125 },
		{ 0, 0x00060001, 0x10, 0x24 }, { 0, 0x00040006, 0x08, 0x24 }, { 0, 0x00080008, 0x01, 0x124 },
		{ 0, 0x00080007, 0x80, 0x4043 }, { 0, 0x00080009, 0x80, 0x4043 },
	};
	struct vm_tlb_geometry g = { 0 };
	ck_assert_uint_eq(vm_tlb_from_leaf18(r, sizeof(r) / sizeof(r[0]), &g), 8);
	has(g.l1i[VM_TLB_4K], 32, 8);
	has(g.l1i[VM_TLB_2M], 4, 8);
	has(g.l1d[VM_TLB_4K], 16, 6);
	has(g.l1d[VM_TLB_2M], 8, 4);
	has(g.l1d[VM_TLB_1G], 1, 8);
	has(g.stlb, 128, 16);
	has(g.stlb_1g, 128, 8);
	ck_assert(g.stlb.hashed && !g.l1d[VM_TLB_4K].hashed);
}
END_TEST

START_TEST(leaf_18_small_buffers_first)
{
	/* Sunny Cove: a small buffer for instructions stands before the one that counts. */
	static const struct vm_cpuid r[] = {
		{ 2, 0, 0, 0 }, { 0, 0x00080007, 0x01, 0x122 }, { 0, 0x00080001, 0x10, 0x22 },
	};
	struct vm_tlb_geometry g = { .stlb = { .sets = 1, .ways = 5 } };
	ck_assert_uint_eq(vm_tlb_from_leaf18(r, 3, &g), 2);
	has(g.l1i[VM_TLB_4K], 16, 8);
	has(g.l1i[VM_TLB_2M], 1, 8);
	/* What it doesn't tell stays. */
	has(g.stlb, 1, 5);
}
END_TEST

START_TEST(leaf_18_empty_or_nonsense)
{
	const struct vm_tlb_geometry before = vm_tlb_geometry_default();
	struct vm_tlb_geometry g = before;
	const struct vm_cpuid empty[3] = { { 0 } }, odd = { ~0u, ~0u, ~0u, ~0u }, flat = { 0, 0x00060001, 0, 0x24 };
	ck_assert_uint_eq(vm_tlb_from_leaf18(empty, 3, &g), 0);
	ck_assert_uint_eq(vm_tlb_from_leaf18(&odd, 1, &g), 0);
	ck_assert_uint_eq(vm_tlb_from_leaf18(&flat, 1, &g), 0);
	ck_assert_uint_eq(vm_tlb_from_leaf18(NULL, 0, &g), 0);
	ck_assert_mem_eq(&g, &before, sizeof(g));
}
END_TEST

START_TEST(leaves_of_zen_2)
{
	const struct vm_cpuid l1 = { 0xff40ff40, 0xff40ff40, 0, 0 }, l2 = { 0x48006400, 0x68006400, 0, 0 };
	const struct vm_cpuid huge = { 0xf040f040, 0xf0400000, 0, 0 }, none = { 0 };
	struct vm_tlb_geometry g = { 0 };
	ck_assert_uint_eq(vm_tlb_from_amd(&l1, &l2, &huge, &g), 8);
	has(g.l1d[VM_TLB_4K], 1, 64);
	has(g.l1i[VM_TLB_4K], 1, 64);
	has(g.l1d[VM_TLB_2M], 1, 64);
	has(g.l1d[VM_TLB_1G], 1, 64);
	has(g.stlb, 256, 8);
	has(g.stlb_1g, 1, 64);
	/* 1536 entries of 12 ways have no code: 6 is 8 ways, and sets are a power of two. */
	const struct vm_cpuid zen1 = { 0, 0x66006400, 0, 0 };
	ck_assert_uint_eq(vm_tlb_from_amd(&none, &zen1, &none, &g), 1);
	has(g.stlb, 128, 12);
	ck_assert_uint_eq(vm_tlb_from_amd(&none, &none, &none, &g), 0);
	has(g.stlb, 128, 12);
}
END_TEST

/* ---- Reach -------------------------------------------------------------------------------------------------------- */

#define K(n) ((uint64_t)(n) << 10)
#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

static double share(struct vm_tlb_capacity c, uint64_t small, uint64_t large, uint64_t huge)
{
	const struct vm_tlb_resident r = { { small, large, huge } };
	return vm_tlb_reach_share(&c, &r);
}

START_TEST(reach_of_a_process)
{
	const struct vm_tlb_capacity whole = { 2048, 16, false }, split = { 2048, 16, true };
	ck_assert_double_eq(share(whole, M(8), 0, 0), 1);
	ck_assert_double_eq(share(whole, M(16), 0, 0), 0.5);
	ck_assert_double_eq(share(whole, K(4), 0, 0), 1);
	/* Huge pages first, with one entry each; what is left goes to the others. */
	ck_assert_double_eq(share(whole, 0, G(4), 0), 1);
	ck_assert_double_eq(share(whole, 0, G(8), 0), 0.5);
	is_near(share(whole, M(16), M(64), 0), (64 + (2048 - 32) / 256.0) / 80, 1e-9);
	ck_assert_double_eq(share(split, 0, M(64), 0), 8.0 / 64);
	ck_assert_double_eq(share(split, M(8), M(8), M(16)), 0.25);
	ck_assert_double_eq(share(whole, 0, 0, G(16)), 1);
	ck_assert_double_eq(share(whole, 0, 0, G(32)), 0.5);
	/* Less than a page of a size that one can't have is no more than that. */
	ck_assert_double_eq(share(whole, 0, K(4), 0), 1);
	ck_assert(isnan(share(whole, 0, 0, 0)));
	ck_assert(isnan(share((struct vm_tlb_capacity){ 0 }, M(1), 0, 0)));
}
END_TEST

START_TEST(capacity)
{
	struct vm_tlb_known k = { .by = VM_TLB_BY_DEFAULT, .geometry = vm_tlb_geometry_default() };
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries, 0);
	k.by = VM_TLB_BY_CPU;
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries, 2048);
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries_1g, 1024);
	ck_assert(!vm_tlb_capacity_of(&k).split);
	k.by = VM_TLB_BY_PROBE;
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries, 0);
	k.stlb_entries = 2100;
	k.huge_pages_split = VM_TLB_SPLIT_YES;
	k.geometry.stlb_1g.sets = 0;
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries, 2048);
	ck_assert_uint_eq(vm_tlb_capacity_of(&k).entries_1g, 8);
	ck_assert(vm_tlb_capacity_of(&k).split);
}
END_TEST

UNIT_MAIN("tlbfit", steps_of_a_machine, steps_of_other_machines, jumps, fewer_steps_than_wanted, quantiles, knees_of_repeats,
	  shapes, split_pages, savings, leaf_18_of_golden_cove, leaf_18_small_buffers_first, leaf_18_empty_or_nonsense,
	  leaves_of_zen_2, reach_of_a_process, capacity)
