/** core/base/arena: alignment, reuse, large and empty pieces. */
#include "core/base/arena.h"

#include <stddef.h>

#include "unit.h"

static bool is_aligned(const void *p)
{
	return (uintptr_t)p % _Alignof(max_align_t) == 0;
}

START_TEST(pieces_are_aligned_and_apart)
{
	struct vm_arena a = { 0 };
	unsigned char *v[1000];
	for (size_t i = 0; i < 1000; i++) {
		v[i] = vm_arena_alloc(&a, i % 97 + 1);
		ck_assert_ptr_nonnull(v[i]);
		ck_assert(is_aligned(v[i]));
		memset(v[i], (int)(i & 0xff), i % 97 + 1);
	}
	for (size_t i = 0; i < 1000; i++)
		for (size_t k = 0; k < i % 97 + 1; k++)
			ck_assert_uint_eq(v[i][k], i & 0xff);
	vm_arena_free(&a);
	ck_assert_ptr_null(a.head);
}
END_TEST

START_TEST(empty_arena_gives_empty_piece)
{
	struct vm_arena a = { 0 };
	void *p = vm_arena_alloc(&a, 0);
	ck_assert_ptr_nonnull(p);
	ck_assert(is_aligned(p));
	vm_arena_free(&a);
}
END_TEST

START_TEST(large_piece_has_a_block_of_its_own)
{
	struct vm_arena a = { 0 };
	char *small = vm_arena_alloc(&a, 10);
	char *large = vm_arena_alloc(&a, 5 << 20);
	ck_assert_ptr_nonnull(large);
	memset(large, 1, 5 << 20);
	memset(small, 2, 10);
	char *after = vm_arena_alloc(&a, 10);
	memset(after, 3, 10);
	ck_assert_int_eq(large[0], 1);
	ck_assert_int_eq(large[(5 << 20) - 1], 1);
	ck_assert_int_eq(small[9], 2);
	vm_arena_free(&a);
}
END_TEST

START_TEST(impossible_sizes_fail)
{
	struct vm_arena a = { 0 };
	ck_assert_ptr_null(vm_arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(vm_arena_alloc(&a, SIZE_MAX - 16));
	ck_assert_ptr_null(vm_arena_alloc(&a, SIZE_MAX / 2));
	ck_assert_ptr_null(vm_arena_strndup(&a, "x", SIZE_MAX));
	/* and it still works */
	ck_assert_str_eq(vm_arena_strndup(&a, "abc", 2), "ab");
	vm_arena_free(&a);
}
END_TEST

START_TEST(strndup_copies_and_ends)
{
	struct vm_arena a = { 0 };
	ck_assert_str_eq(vm_arena_strndup(&a, "hello", 3), "hel");
	ck_assert_str_eq(vm_arena_strndup(&a, "", 0), "");
	const char *p = vm_arena_strndup(&a, "a\0b", 3);
	ck_assert_mem_eq(p, "a\0b\0", 4);
	vm_arena_free(&a);
}
END_TEST

START_TEST(reset_reuses_the_last_block)
{
	struct vm_arena a = { 0 };
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(vm_arena_alloc(&a, 1000));
	struct vm_arena_block *head = a.head;
	ck_assert_uint_gt(a.used, 99999);
	vm_arena_reset(&a);
	ck_assert_ptr_eq(a.head, head);
	ck_assert_uint_eq(a.used, 0);
	ck_assert_ptr_nonnull(vm_arena_alloc(&a, 1000));
	ck_assert_ptr_eq(a.head, head);
	ck_assert_uint_eq(a.used, 1008);
	vm_arena_free(&a);
	vm_arena_reset(&a);
	vm_arena_free(&a);
}
END_TEST

UNIT_MAIN("arena", pieces_are_aligned_and_apart, empty_arena_gives_empty_piece,
	  large_piece_has_a_block_of_its_own, impossible_sizes_fail, strndup_copies_and_ends,
	  reset_reuses_the_last_block)
