/** core/model/histo, core/base/map: where values go, and what comes out again. */
#include "core/model/histo.h"

#include "core/base/map.h"

#include "unit.h"

START_TEST(buckets_follow_each_other)
{
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++) {
		ck_assert_uint_lt(vm_histo_low(i), vm_histo_high(i));
		ck_assert_uint_eq(vm_histo_bucket(vm_histo_low(i)), i);
		if (i + 1 < VM_HISTO_BUCKETS) {
			ck_assert_uint_eq(vm_histo_high(i), vm_histo_low(i + 1));
			ck_assert_uint_eq(vm_histo_bucket(vm_histo_high(i) - 1), i);
		}
	}
	ck_assert_uint_eq(vm_histo_high(VM_HISTO_BUCKETS - 1), UINT64_C(1) << VM_HISTO_TOP);
	ck_assert_uint_eq(vm_histo_bucket(UINT64_C(1) << VM_HISTO_TOP), VM_HISTO_BUCKETS - 1);
	ck_assert_uint_eq(vm_histo_bucket(UINT64_MAX), VM_HISTO_BUCKETS - 1);
}
END_TEST

START_TEST(percentiles_are_near)
{
	static struct vm_histo h;
	memset(&h, 0, sizeof(h));
	ck_assert_uint_eq(vm_histo_percentile(&h, 0.5), 0);
	for (uint64_t v = 1; v <= 100000; v++)
		h.count[vm_histo_bucket(v)]++;
	ck_assert_uint_eq(vm_histo_total(&h), 100000);
	for (double share = 0.01; share < 1; share += 0.01) {
		const double want = share * 100000, got = (double)vm_histo_percentile(&h, share);
		ck_assert_double_le(got, want * (1 + 1.0 / VM_HISTO_PARTS));
		ck_assert_double_ge(got, want * (1 - 1.0 / VM_HISTO_PARTS));
	}
}
END_TEST

START_TEST(merging_adds)
{
	static struct vm_histo a, b;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.count[3] = 2;
	b.count[3] = 5;
	b.count[VM_HISTO_BUCKETS - 1] = 1;
	vm_histo_merge(&a, &b);
	ck_assert_uint_eq(a.count[3], 7);
	ck_assert_uint_eq(vm_histo_total(&a), 8);
	ck_assert_uint_eq(vm_histo_percentile(&a, 0.5), vm_histo_low(3));
}
END_TEST

START_TEST(a_map_keeps_what_was_put)
{
	struct vm_map m = { 0 };
	uint32_t v = 99;
	ck_assert(!vm_map_get(&m, 0, &v));
	/* Keys that collide, 0 and the greatest among them. */
	for (uint32_t i = 0; i < 10000; i++)
		ck_assert(vm_map_put(&m, (uint64_t)i << 40, i));
	ck_assert(vm_map_put(&m, UINT64_MAX, 7));
	ck_assert_uint_eq(m.n, 10001);
	for (uint32_t i = 0; i < 10000; i++) {
		ck_assert(vm_map_get(&m, (uint64_t)i << 40, &v));
		ck_assert_uint_eq(v, i);
	}
	ck_assert(!vm_map_get(&m, 1, &v));
	ck_assert(vm_map_put(&m, 0, 5));
	ck_assert(vm_map_get(&m, 0, &v));
	ck_assert_uint_eq(v, 5);
	ck_assert_uint_eq(m.n, 10001);
	vm_map_clear(&m);
	ck_assert(!vm_map_get(&m, 0, &v));
	vm_map_free(&m);
}
END_TEST

UNIT_MAIN("histo", buckets_follow_each_other, percentiles_are_near, merging_adds, a_map_keeps_what_was_put)
