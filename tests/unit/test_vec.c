/** core/base/vec: growth, overflow, untouched on failure. */
#include "core/base/vec.h"

#include "unit.h"

START_TEST(push_keeps_order)
{
	VM_VEC(int) v = { 0 };
	for (int i = 0; i < 10000; i++)
		ck_assert(vm_vec_push(&v, i * 3));
	ck_assert_uint_eq(v.n, 10000);
	ck_assert_uint_ge(v.cap, v.n);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(v.v[i], i * 3);
	vm_vec_free(&v);
	ck_assert_ptr_null(v.v);
	ck_assert_uint_eq(v.n, 0);
	ck_assert_uint_eq(v.cap, 0);
}
END_TEST

START_TEST(push_takes_compound_literals)
{
	struct pair { int a, b; };
	VM_VEC(struct pair) v = { 0 };
	ck_assert(vm_vec_push(&v, (struct pair){ 1, 2 }));
	ck_assert(vm_vec_push(&v, (struct pair){ .a = 3, .b = 4 }));
	ck_assert_int_eq(v.v[0].b, 2);
	ck_assert_int_eq(v.v[1].a, 3);
	vm_vec_free(&v);
}
END_TEST

START_TEST(reserve_makes_room_once)
{
	VM_VEC(uint64_t) v = { 0 };
	ck_assert(vm_vec_reserve(&v, 100));
	ck_assert_uint_ge(v.cap, 100);
	uint64_t *at = v.v;
	for (uint64_t i = 0; i < 100; i++)
		ck_assert(vm_vec_push(&v, i));
	ck_assert_ptr_eq(v.v, at);
	vm_vec_free(&v);
}
END_TEST

START_TEST(overflow_leaves_it_alone)
{
	VM_VEC(uint64_t) v = { 0 };
	ck_assert(vm_vec_push(&v, 5));
	uint64_t *at = v.v;
	size_t cap = v.cap;
	ck_assert(!vm_vec_reserve(&v, SIZE_MAX / 2));
	ck_assert(!vm_vec_reserve(&v, SIZE_MAX / 8));
	ck_assert_ptr_eq(v.v, at);
	ck_assert_uint_eq(v.cap, cap);
	ck_assert_uint_eq(v.n, 1);
	ck_u64_eq(v.v[0], 5);
	vm_vec_free(&v);
}
END_TEST

UNIT_MAIN("vec", push_keeps_order, push_takes_compound_literals, reserve_makes_room_once,
	  overflow_leaves_it_alone)
