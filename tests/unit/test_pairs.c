/** core/analysis/pairs: paired differences against tables, a textbook's example and what can be counted by hand. */
#include "core/analysis/pairs.h"

#include <math.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "unit.h"

static void near(double is, double wanted)
{
	ck_assert_msg(fabs(is - wanted) < 1e-9, "%.12g instead of %.12g", is, wanted);
}

START_TEST(medians)
{
	double v[] = { 5, 1, 3, 2 };
	ck_assert(isnan(vm_median(v, 0)));
	near(vm_median(v, 1), 5);
	near(vm_median(v, 3), 3);
	near(vm_median(v, 4), 2.5);
}
END_TEST

/** Critical values of the signed-rank test, two-sided, 5 %, as tables have them: the rank is one more. */
START_TEST(ranks_are_those_of_tables)
{
	static const struct { size_t n, critical; } table[] = {
		{ 6, 0 }, { 7, 2 }, { 8, 3 }, { 9, 5 }, { 10, 8 }, { 11, 10 }, { 12, 13 }, { 13, 17 }, { 14, 21 }, { 15, 25 },
		{ 16, 29 }, { 17, 34 }, { 18, 40 }, { 19, 46 }, { 20, 52 }, { 25, 89 }, { 30, 137 },
	};
	for (size_t i = 0; i < vm_countof(table); i++) {
		size_t rank = 0;
		const double c = vm_pairs_confidence(table[i].n, 0.95, &rank);
		ck_assert_uint_eq(rank, table[i].critical + 1);
		ck_assert(c >= 0.95 && c < 0.97);
	}
}
END_TEST

/** 1 - 2^(1-n) is all that fewer than six pairs can reach. */
START_TEST(few_pairs)
{
	size_t rank;
	for (size_t n = 1; n < 6; n++) {
		near(vm_pairs_confidence(n, 0.95, &rank), 1 - ldexp(2, -(int)n));
		ck_assert_uint_eq(rank, 1);
	}
	near(vm_pairs_confidence(6, 0.95, &rank), 0.96875);
	/* Sums below 3 come of {}, {1} and {2}: three of 2^7. */
	near(vm_pairs_confidence(7, 0.95, &rank), 1 - 2.0 * 3 / 128);
	near(vm_pairs_confidence(10, 0.95, &rank), 1 - 2.0 * 25 / 1024);
}
END_TEST

/** Of many pairs it is the normal distribution's: the mean less 1.96 standard deviations. */
START_TEST(many_pairs)
{
	for (size_t n = 100; n <= VM_PAIRS_MAX; n += 300) {
		size_t rank;
		const double m = (double)n, mean = m * (m + 1) / 4, sd = sqrt(m * (m + 1) * (2 * m + 1) / 24);
		const double c = vm_pairs_confidence(n, 0.95, &rank);
		ck_assert(c >= 0.95 && c < 0.951);
		ck_assert(fabs((double)rank - (mean - 1.95996 * sd)) < 3);
	}
}
END_TEST

/** Hollander and Wolfe, table 3.1 and examples 3.3 and 3.4: depression scale factors of nine patients. */
START_TEST(textbook)
{
	static const double before[] = { 1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30 };
	static const double after[] = { 0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29 };
	struct vm_pairs p;
	ck_assert_int_eq(vm_pairs_compare(before, after, 9, 0.95, &p), 0);
	ck_assert_uint_eq(p.n, 9);
	near(p.a, 1.68);
	near(p.b, 1.06);
	near(p.difference, -0.46);
	near(p.low, -0.786);
	near(p.high, -0.010);
	near(p.confidence, 1 - 2.0 * 10 / 512);
	/* By their ratios they tell less. */
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_SAME);
	p.share = NAN;
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_LESS);
	/* The other way round it is the same with the other sign. */
	ck_assert_int_eq(vm_pairs_compare(after, before, 9, 0.95, &p), 0);
	near(p.difference, 0.46);
	near(p.low, 0.010);
	near(p.high, 0.786);
	p.share = NAN;
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_MORE);
}
END_TEST

/** Differences -1, 1 and 6: means -1, 0, 1, 2.5, 3.5, 6. */
START_TEST(by_hand)
{
	static const double a[] = { 10, 10, 10 }, b[] = { 11, 16, 9 };
	struct vm_pairs p;
	ck_assert_int_eq(vm_pairs_compare(a, b, 3, 0.95, &p), 0);
	near(p.a, 10);
	near(p.b, 11);
	near(p.difference, 1.75);
	near(p.low, -1);
	near(p.high, 6);
	near(p.confidence, 0.75);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.9), VM_PAIRS_UNDECIDED);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.75), VM_PAIRS_SAME);
	ck_assert_int_eq(vm_pairs_compare(a, b, 1, 0.95, &p), 0);
	near(p.difference, 1);
	ck_assert(isnan(p.low) && isnan(p.high) && p.confidence == 0);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.9), VM_PAIRS_UNDECIDED);
	ck_assert_int_eq(vm_pairs_compare(a, b, 0, 0.95, &p), 0);
	ck_assert(p.n == 0 && isnan(p.a) && isnan(p.difference));
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.9), VM_PAIRS_UNDECIDED);
}
END_TEST

/** Logarithms to the base 2 are -1, -1, -1, -2, -1 and -1; the means -1, -1.5 and -2. */
START_TEST(shares)
{
	static const double a[] = { 2, 4, 8, 16, 32, 64 }, b[] = { 1, 2, 4, 4, 16, 32 };
	static const double more[] = { 2.2, 4.4, 8.8, 17.6, 35.2, 70.4 };
	struct vm_pairs p;
	ck_assert_int_eq(vm_pairs_compare(a, b, 6, 0.95, &p), 0);
	near(p.share, -0.5);
	near(p.share_low, -0.75);
	near(p.share_high, -0.5);
	near(vm_pairs_resolution(&p), 0.125);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_LESS);
	ck_assert_int_eq(vm_pairs_compare(a, more, 6, 0.95, &p), 0);
	near(p.share, 0.1);
	near(p.share_low, 0.1);
	near(p.share_high, 0.1);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_MORE);
	/* Of nothing there is no share: the difference decides. */
	const double none[6] = { 0 };
	ck_assert_int_eq(vm_pairs_compare(none, b, 6, 0.95, &p), 0);
	ck_assert(isnan(p.share) && isnan(p.share_low) && isnan(vm_pairs_resolution(&p)));
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_MORE);
	ck_assert_int_eq(vm_pairs_compare(a, b, 1, 0.95, &p), 0);
	near(p.share, -0.5);
	ck_assert(isnan(p.share_low) && isnan(p.share_high));
}
END_TEST

START_TEST(unknown_figures)
{
	static const double a[] = { NAN, 1, 2, 3 }, b[] = { 5, 2, NAN, 5 };
	struct vm_pairs p;
	ck_assert_int_eq(vm_pairs_compare(a, b, 4, 0.95, &p), 0);
	ck_assert_uint_eq(p.n, 2);
	near(p.a, 2);
	near(p.b, 3.5);
	near(p.difference, 1.5);
	near(p.confidence, 0.5);
}
END_TEST

/** All alike is a difference without doubt, or none at all.  A wild pair is in n means: less than the rank with 12 pairs. */
START_TEST(equal_and_wild)
{
	double a[12] = { 0 }, b[12];
	struct vm_pairs p;
	for (unsigned i = 0; i < 12; i++)
		b[i] = -7;
	ck_assert_int_eq(vm_pairs_compare(a, b, 12, 0.95, &p), 0);
	ck_assert(p.difference == -7 && p.low == -7 && p.high == -7);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_LESS);
	ck_assert_int_eq(vm_pairs_compare(a, a, 12, 0.95, &p), 0);
	ck_assert(p.difference == 0 && p.low == 0 && p.high == 0);
	ck_assert_int_eq(vm_pairs_verdict(&p, 0.95), VM_PAIRS_SAME);
	b[3] = 1000;
	ck_assert_int_eq(vm_pairs_compare(a, b, 12, 0.95, &p), 0);
	ck_assert(p.difference == -7 && p.low == -7 && p.high == -7);
	/* With eight the fourth biggest mean has it. */
	ck_assert_int_eq(vm_pairs_compare(a, b, 8, 0.95, &p), 0);
	ck_assert(p.difference == -7 && p.low == -7);
	near(p.high, (1000.0 - 7) / 2);
}
END_TEST

UNIT_MAIN("pairs", medians, ranks_are_those_of_tables, few_pairs, many_pairs, textbook, by_hand, shares, unknown_figures, equal_and_wild)
