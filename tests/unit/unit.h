/** What every unit test needs: a suite of one case, run as CK_ENV says. */
#ifndef VM_TESTS_UNIT_H
#define VM_TESTS_UNIT_H

#include <check.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** A test program: its name and its tests, in order.  Memory comes filled with rubbish. */
#define UNIT_MAIN(suite_name, ...) \
	int main(void) \
	{ \
		mallopt(M_PERTURB, 0xa5); \
		const TTest *const tests[] = { __VA_ARGS__ }; \
		Suite *suite = suite_create(suite_name); \
		TCase *tcase = tcase_create("all"); \
		/* A guard against what never ends; sanitizers on a busy machine are slow. */ \
		tcase_set_timeout(tcase, 200); \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
			tcase_add_test(tcase, tests[i]); \
		suite_add_tcase(suite, tcase); \
		SRunner *runner = srunner_create(suite); \
		srunner_run_all(runner, CK_ENV); \
		int failed = srunner_ntests_failed(runner); \
		srunner_free(runner); \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS; \
	}

/** Under ASan too, and sizes that can't be had give NULL as they do without it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_malloc_fill_size=1000000:malloc_fill_byte=165";
}

/** The next of the random numbers of a seed, the same in each run: Knuth's MMIX generator, its upper 31 bits. */
static inline uint32_t unit_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/** 64-bit numbers, whatever the width of long. */
#define ck_u64_eq(got, want) \
	do { \
		uint64_t got_ = (got), want_ = (want); \
		ck_assert_msg(got_ == want_, "%s is %llu (0x%llx), expected %llu (0x%llx)", #got, \
			      (unsigned long long)got_, (unsigned long long)got_, \
			      (unsigned long long)want_, (unsigned long long)want_); \
	} while (0)

#endif
