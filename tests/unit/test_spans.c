/** core/base/spans: overlapping ranges against a plain table of addresses. */
#include "core/base/spans.h"

#include "unit.h"

enum { SPACE = 64, NONE = 9999 };

static void same_as_table(const struct vm_span *v, size_t n)
{
	uint32_t table[SPACE];
	for (size_t a = 0; a < SPACE; a++)
		table[a] = NONE;
	for (size_t i = 0; i < n; i++)
		for (uint64_t a = v[i].start; a < v[i].end; a++)
			table[a] = v[i].id;
	struct vm_spans out = { 0 };
	ck_assert(vm_spans_flatten(v, n, &out));
	ck_assert_uint_le(out.n, 2 * n);
	for (size_t i = 1; i < out.n; i++)
		ck_assert(out.v[i - 1].end <= out.v[i].start);
	for (size_t a = 0; a < SPACE; a++) {
		const struct vm_span *s = vm_spans_find(&out, a);
		ck_assert_uint_eq(s ? s->id : NONE, table[a]);
	}
	vm_spans_free(&out);
}

START_TEST(nothing)
{
	struct vm_spans out = { 0 };
	ck_assert(vm_spans_flatten(NULL, 0, &out));
	ck_assert_ptr_null(vm_spans_find(&out, 5));
	const struct vm_span v[] = { { 5, 5, 1 }, { 9, 3, 2 } };
	ck_assert(vm_spans_flatten(v, 2, &out));
	ck_assert_uint_eq(out.n, 0);
	vm_spans_free(&out);
}
END_TEST

START_TEST(the_last_one_has_it)
{
	const struct vm_span v[] = { { 10, 40, 1 }, { 20, 30, 2 }, { 0, 5, 3 }, { 25, 35, 4 }, { 10, 11, 5 } };
	same_as_table(v, 5);
	struct vm_spans out = { 0 };
	ck_assert(vm_spans_flatten(v, 5, &out));
	/* 3: 0-5, 5: 10-11, 1: 11-20, 2: 20-25, 4: 25-35, 1: 35-40. */
	ck_assert_uint_eq(out.n, 6);
	vm_spans_free(&out);
}
END_TEST

START_TEST(the_ends_of_addresses)
{
	const struct vm_span v[] = { { 0, UINT64_MAX, 1 }, { UINT64_MAX - 1, UINT64_MAX, 2 } };
	struct vm_spans out = { 0 };
	ck_assert(vm_spans_flatten(v, 2, &out));
	ck_assert_uint_eq(vm_spans_find(&out, 0)->id, 1);
	ck_assert_uint_eq(vm_spans_find(&out, UINT64_MAX - 1)->id, 2);
	ck_assert_ptr_null(vm_spans_find(&out, UINT64_MAX));
	vm_spans_free(&out);
}
END_TEST

START_TEST(any)
{
	unsigned seed = 1;
	for (int round = 0; round < 3000; round++) {
		struct vm_span v[24];
		const size_t n = (size_t)(rand_r(&seed) % 25);
		for (size_t i = 0; i < n; i++)
			v[i] = (struct vm_span){ (uint64_t)(rand_r(&seed) % SPACE),
						 (uint64_t)(rand_r(&seed) % (SPACE + 1)), (uint32_t)i };
		same_as_table(v, n);
	}
}
END_TEST

UNIT_MAIN("spans", nothing, the_last_one_has_it, the_ends_of_addresses, any)
