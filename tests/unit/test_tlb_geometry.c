/** core/model/tlb: geometries as text, costs, reach. */
#include "core/model/tlb.h"

#include <errno.h>
#include <math.h>

#include "core/base/buf.h"
#include "core/base/err.h"

#include "unit.h"

static const char whole[] = "l1d=16x6,l1d-2m=8x4,l1d-1g=1x8,l1i=32x8,l1i-2m=4x8,l1i-1g=0,stlb=128x16h,stlb-1g=128x8,pmd=32,"
			    "pud=8,pgd=4";

static void assert_text(const struct vm_tlb_geometry *g, const char *want)
{
	struct vm_buf b = { 0 };
	vm_tlb_geometry_put(&b, g);
	ck_assert_str_eq(vm_buf_str(&b), want);
	vm_buf_free(&b);
}

START_TEST(text_and_back)
{
	struct vm_tlb_geometry g = vm_tlb_geometry_default(), same;
	assert_text(&g, whole);
	memset(&same, 0, sizeof(same));
	ck_assert_int_eq(vm_tlb_geometry_parse(whole, &same, NULL), 0);
	assert_text(&same, whole);
}
END_TEST

START_TEST(parts_keep_the_rest)
{
	struct vm_tlb_geometry g = vm_tlb_geometry_default();
	ck_assert_int_eq(vm_tlb_geometry_parse("stlb=1x1024,l1d=1x64h,pmd=0,l1d-2m=0", &g, NULL), 0);
	assert_text(&g, "l1d=1x64h,l1d-2m=0,l1d-1g=1x8,l1i=32x8,l1i-2m=4x8,l1i-1g=0,stlb=1x1024,stlb-1g=128x8,pmd=0,pud=8,pgd=4");
}
END_TEST

START_TEST(wrong_parts_are_named)
{
	static const struct { const char *text, *part; } wrong[] = {
		{ "", "''" }, { "l1d", "'l1d'" }, { "l1d=", "'l1d='" }, { "l1d=16", "'l1d=16'" }, { "l1d=0", "'l1d=0'" },
		{ "l1d=12x4", "'l1d=12x4'" }, { "l1d=16x0", "'l1d=16x0'" }, { "l1d=16x6hh", "'l1d=16x6hh'" },
		{ "pmd=32,stlb=128*16", "'stlb=128*16'" }, { "stlb=131072x1", "'stlb=131072x1'" }, { "stlb=1x1025", "'stlb=1x1025'" },
		{ "stlb=99999999999999999999x1", "'stlb=99999999999999999999x1'" }, { "pmd=8x4", "'pmd=8x4'" }, { "pmd=-1", "'pmd=-1'" },
		{ "l2=128x16", "'l2=128x16'" }, { "stlb=128x16,", "''" }, { "=1x1", "'=1x1'" }, { "L1D=16x6", "'L1D=16x6'" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct vm_tlb_geometry g = vm_tlb_geometry_default();
		struct vm_err err = { 0 };
		ck_assert_int_eq(vm_tlb_geometry_parse(wrong[i].text, &g, &err), -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.what, wrong[i].part));
		ck_assert_str_ne(err.hint, "");
		assert_text(&g, whole);
	}
}
END_TEST

START_TEST(costs_lie_between_what_was_measured)
{
	const struct vm_tlb_known k = {
		.cost = { { .bytes = 1 << 20, .ns_4k = 2, .ns_2m = NAN }, { .bytes = 4 << 20, .ns_4k = 6, .ns_2m = 1 },
			  { .bytes = 8 << 20, .ns_4k = 10, .ns_2m = 3 } },
		.ncosts = 3,
	}, nothing = { .ncosts = 0 };
	ck_assert_double_eq_tol(vm_tlb_cost_ns(&k, 4096, false), 2, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_cost_ns(&k, 2 << 20, false), 4, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_cost_ns(&k, 4 << 20, false), 6, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_cost_ns(&k, UINT64_C(1) << 40, false), 10, 1e-9);
	ck_assert_double_eq_tol(vm_tlb_cost_ns(&k, 1 << 20, true), 1, 1e-9);
	ck_assert(isnan(vm_tlb_cost_ns(&nothing, 4096, false)));
}
END_TEST

UNIT_MAIN("tlb_geometry", text_and_back, parts_keep_the_rest, wrong_parts_are_named, costs_lie_between_what_was_measured)
