/** Leak or sawtooth: verdicts on series whose answer is known, and how often chance is taken for a leak. */
#include "core/analysis/growth.h"

#include <math.h>
#include <stdio.h>

#include "unit.h"

enum { MOST = 240 };

/** xorshift64: the same numbers everywhere. */
struct random {
	uint64_t state;
};

static double uniform(struct random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (double)(r->state >> 11) / 9007199254740992.0;
}

static double normal(struct random *r)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(r);
	return sum;
}

typedef double series(struct random *r, double t, size_t n, double before);

static enum vm_growth_verdict verdict_of(series *s, struct random *r, size_t n, struct vm_growth *g)
{
	double t[MOST], y[MOST], before = 0;
	for (size_t i = 0; i < n; i++) {
		t[i] = (double)i + uniform(r) / 2;
		y[i] = before = s(r, t[i], n, before);
	}
	ck_assert_int_eq(vm_growth_judge(t, y, n, g), 0);
	return g->verdict;
}

static double steady_leak(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)n, (void)before;
	return 1000 + 3 * t;
}

static double noisy_leak(struct random *r, double t, size_t n, double before)
{
	(void)n, (void)before;
	return 1000 + t + 2 * normal(r);
}

/** A step each fourth sample: pages of a slow leak. */
static double slow_leak(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)n, (void)before;
	return floor(t / 4);
}

static double saw(double t, double period)
{
	return 100 * fmod(t / period, 1);
}

/** Twelve teeth or so. */
static double sawtooth(struct random *r, double t, size_t n, double before)
{
	(void)before;
	return saw(t + 3, (double)n / 12.4) + normal(r);
}

static double leaking_sawtooth(struct random *r, double t, size_t n, double before)
{
	return sawtooth(r, t, n, before) + 300 * t / (double)n;
}

/** Two and a half teeth: nobody can tell. */
static double few_teeth(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)before;
	return saw(t, (double)n / 2.5);
}

static double filling_cache(struct random *r, double t, size_t n, double before)
{
	(void)before;
	return 100 * (1 - exp(-t / ((double)n / 10))) + normal(r) / 10;
}

static double two_large_things(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)before;
	return (t > (double)n * 0.2 ? 50 : 0) + (t > (double)n * 0.8 ? 50 : 0);
}

static double shrinking(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)n, (void)before;
	return 1000 - t;
}

static double constant(struct random *r, double t, size_t n, double before)
{
	(void)r, (void)t, (void)n, (void)before;
	return 42;
}

static double noise(struct random *r, double t, size_t n, double before)
{
	(void)t, (void)n, (void)before;
	return normal(r);
}

/** Each is much like the one before. */
static double sticky_noise(struct random *r, double t, size_t n, double before)
{
	(void)t, (void)n;
	return 0.8 * before + normal(r);
}

static double random_walk(struct random *r, double t, size_t n, double before)
{
	(void)t, (void)n;
	return before + normal(r);
}

/** A sawtooth that is as fast as we look. */
static double fast_saw(struct random *r, double t, size_t n, double before)
{
	(void)n, (void)before;
	return saw(t + uniform(r), 1.01);
}

START_TEST(verdicts)
{
	static const struct {
		const char *name;
		series *s;
		enum vm_growth_verdict want;
	} known[] = {
		{ "a steady leak", steady_leak, VM_GROWTH_GROWING }, { "a slow leak", slow_leak, VM_GROWTH_GROWING },
		{ "a noisy leak", noisy_leak, VM_GROWTH_GROWING }, { "a sawtooth", sawtooth, VM_GROWTH_SAWTOOTH },
		{ "a sawtooth that leaks", leaking_sawtooth, VM_GROWTH_GROWING }, { "few teeth", few_teeth, VM_GROWTH_UNSURE },
		{ "a cache that fills up", filling_cache, VM_GROWTH_LEVELLED }, { "what shrinks", shrinking, VM_GROWTH_FALLING },
		{ "a constant", constant, VM_GROWTH_CONSTANT },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct random r = { .state = 88172645463325252u };
		struct vm_growth g;
		const enum vm_growth_verdict v = verdict_of(known[i].s, &r, 200, &g);
		ck_assert_msg(v == known[i].want, "%s: '%s' instead of '%s'", known[i].name, vm_growth_words[v].word,
			      vm_growth_words[known[i].want].word);
	}
}
END_TEST

START_TEST(rates)
{
	struct random r = { .state = 4711 };
	struct vm_growth g;
	verdict_of(steady_leak, &r, 30, &g);
	ck_assert_double_eq_tol(g.rate, 3, 1e-9);
	ck_assert_double_eq_tol(g.low, 3, 1e-9);
	verdict_of(leaking_sawtooth, &r, 200, &g);
	ck_assert_uint_ge(g.floor.n, 10);
	ck_assert_double_eq_tol(g.rate, 1.5, 0.15);
	ck_assert(g.low <= g.rate && g.rate <= g.high);
	/* A thing of each size once, or twice, is no leak, and nine samples say nothing. */
	ck_assert_int_ne(verdict_of(two_large_things, &r, 100, &g), VM_GROWTH_GROWING);
	ck_assert_int_eq(verdict_of(steady_leak, &r, 9, &g), VM_GROWTH_FEW);
	ck_assert_int_eq(verdict_of(steady_leak, &r, 1, &g), VM_GROWTH_FEW);
	ck_assert_int_eq(verdict_of(steady_leak, &r, 0, &g), VM_GROWTH_FEW);
	ck_assert_int_eq(verdict_of(steady_leak, &r, 10, &g), VM_GROWTH_GROWING);
}
END_TEST

/** Of series without a leak, at most so many of a hundred are taken for one. */
START_TEST(false_alarms)
{
	static const struct {
		const char *name;
		series *s;
		double most;
	} none[] = {
		{ "noise", noise, 1 }, { "sticky noise", sticky_noise, 5 }, { "a random walk", random_walk, 5 },
		{ "a sawtooth", sawtooth, 1 }, { "few teeth", few_teeth, 0 }, { "a fast sawtooth", fast_saw, 1 },
		{ "a cache that fills up", filling_cache, 1 }, { "two large things", two_large_things, 0 },
	};
	static const size_t lengths[] = { 12, 30, 100 };
	enum { RUNS = 300 };
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			struct random r = { .state = 1000003 + i };
			struct vm_growth g;
			unsigned alarms = 0;
			for (unsigned run = 0; run < RUNS; run++)
				alarms += verdict_of(none[i].s, &r, lengths[k], &g) == VM_GROWTH_GROWING;
			ck_assert_msg(alarms <= none[i].most / 100 * RUNS, "%s of %zu samples: %u alarms of %d", none[i].name, lengths[k],
				      alarms, RUNS);
		}
}
END_TEST

UNIT_MAIN("growth", verdicts, rates, false_alarms)
