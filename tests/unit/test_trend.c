/** Trends: published examples, and how often noise is taken for a trend. */
#include "core/analysis/trend.h"

#include <errno.h>
#include <math.h>

#include "unit.h"

static void near(const char *what, double have, double want, double by)
{
	ck_assert_msg(fabs(have - want) <= by, "%s is %.6g, should be %.6g", what, have, want);
}

static const double year[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

START_TEST(normal)
{
	near("above 1.645", vm_normal_above(1.644854), 0.05, 1e-6);
	near("quantile of 0.975", vm_normal_quantile(0.975), 1.959964, 1e-5);
	near("quantile of 0.5", vm_normal_quantile(0.5), 0, 1e-9);
}
END_TEST

/** EPA QA/G-9S (2006), box 4-16: n = 5, S = 6, p = 0.117. */
START_TEST(epa)
{
	static const double y[] = { 5, 6, 11, 8, 10 };
	struct vm_trend t;
	ck_assert_int_eq(vm_trend_fit(year, y, 5, 0.95, &t), 0);
	near("S", t.s, 6, 0);
	near("p", t.p_up, 0.117, 5e-4);
}
END_TEST

/** Kendall (1975), and the tables of Hollander and Wolfe (A.30): upper tails of the exact distribution. */
START_TEST(exact)
{
	near("n 4, S 6", vm_trend_exact(4, 6), 0.042, 5e-4);
	near("n 4, S 4", vm_trend_exact(4, 4), 0.167, 5e-4);
	near("n 6, S 9", vm_trend_exact(6, 9), 0.068, 5e-4);
	near("n 7, S 13", vm_trend_exact(7, 13), 0.035, 5e-4);
	near("n 10, S 21", vm_trend_exact(10, 21), 0.036, 5e-4);
	near("n 10, S -45", vm_trend_exact(10, -45), 1, 1e-12);
}
END_TEST

/** Sen (1968), page 1389: slope 4, of 93 % confidence from 3.71 to 4.38. */
START_TEST(sen)
{
	static const double t[] = { 1, 2, 3, 4, 10, 12, 18 }, y[] = { 9, 15, 19, 20, 45, 55, 78 };
	struct vm_trend f;
	ck_assert_int_eq(vm_trend_fit(t, y, 7, 0.93, &f), 0);
	near("slope", f.slope, 4, 1e-12);
	near("low", f.low, 3.71, 5e-3);
	near("high", f.high, 4.38, 5e-3);
	near("intercept", f.intercept, 6, 1e-12);
}
END_TEST

/** Hollander and Wolfe (1999), example 9.2, the effect of cloud seeding: -0.056. */
START_TEST(clouds)
{
	static const double y[] = { 1.26, 1.27, 1.12, 1.16, 1.03 };
	struct vm_trend f;
	ck_assert_int_eq(vm_trend_fit(year, y, 5, 0.95, &f), 0);
	near("slope", f.slope, -0.056, 5e-4);
	near("p", f.p_down, 0.117, 5e-4);
}
END_TEST

START_TEST(plain)
{
	static const double same[] = { 7, 7, 7, 7, 7, 7 };
	static const double ties[] = { 1, 1, 2, 2, 3, 3 };
	struct vm_trend f;
	ck_assert_int_eq(vm_trend_fit(year, same, 2, 0.95, &f), -EINVAL);
	ck_assert_int_eq(vm_trend_fit(year, same, 6, 0.95, &f), 0);
	near("p of what never moves", f.p_up, 1, 0);
	near("slope", f.slope, 0, 0);
	near("drift", vm_trend_drift(year, same, 6, 0), 0, 0);
	ck_assert_int_eq(vm_trend_fit(year, ties, 6, 0.95, &f), 0);
	near("S", f.s, 12, 0);
	/* (6*5*17 - 3 * 2*1*9) / 18 */
	near("variance with ties", f.var_independent, 25.3333, 1e-4);
	ck_assert_double_ge(f.var, f.var_independent);
	ck_assert(isinf(vm_trend_drift(year, year, 10, 1)));
}
END_TEST

UNIT_MAIN("trend", normal, epa, exact, sen, clouds, plain)
