/** core/analysis/sharewho: who has which frames of which mapping, against plain tables. */
#include "core/analysis/sharewho.h"

#include <stdio.h>

#include "unit.h"

/** Frames of the made-up machine: three chunks and a bit. */
enum { FIRST = 4096 * 9 + 77, FRAMES = 3 * VM_CHUNK_FRAMES + 300, MAPPINGS = 9, OTHERS = 100 };

/** Runs by chance: from few to many. */
static void fill(bool *has, uint64_t *seed)
{
	const unsigned runs = unit_random(seed) % 60;
	memset(has, 0, FRAMES * sizeof(*has));
	for (unsigned i = 0; i < runs; i++) {
		const size_t from = unit_random(seed) % FRAMES, n = unit_random(seed) % (i % 2 ? 3 : 600) + 1;
		for (size_t f = from; f < from + n && f < FRAMES; f++)
			has[f] = true;
	}
}

static uint64_t common(const bool *a, const bool *b)
{
	uint64_t n = 0;
	for (size_t f = 0; f < FRAMES; f++)
		n += a[f] && b[f];
	return n * 4096;
}

static void add_other(struct vm_who *w, pid_t pid, const bool *has)
{
	struct vm_framebuild build = { 0 };
	struct vm_framepool pool = { 0 };
	struct vm_frames_mapped mapped = { 0 };
	struct vm_who_process p = { .pid = pid, .start = 7 };
	snprintf(p.comm, sizeof(p.comm), "p%d", pid);
	for (size_t f = 0; f < FRAMES; f++)
		if (has[f])
			ck_assert_int_eq(vm_framebuild_add(&build, FIRST + f, 1), 0);
	ck_assert_int_eq(vm_framebuild_end(&build, &pool, &mapped), 0);
	ck_assert_int_eq(vm_who_compare(w, &p, &pool, &mapped), 0);
	vm_frames_mapped_free(&mapped);
	vm_framepool_free(&pool);
	vm_framebuild_free(&build);
}

static void check_mapping(const struct vm_who *w, size_t m, const bool *ours, bool (*others)[FRAMES], unsigned n)
{
	const struct vm_sharers *s = &w->sharers[m];
	size_t all = 0, above = 0;
	const uint64_t least = s->most.n ? s->most.v[s->most.n - 1].bytes : 0;
	for (unsigned i = 0; i < n; i++) {
		const uint64_t bytes = common(ours, others[i]);
		all += bytes > 0;
		above += bytes > least;
	}
	ck_assert_uint_eq(s->all, all);
	ck_assert_uint_eq(s->most.n, all < VM_SHARERS_KEPT ? all : VM_SHARERS_KEPT);
	/* Nobody with more than the last one is left out. */
	ck_assert_uint_le(above, s->most.n);
	for (size_t i = 0; i < s->most.n; i++) {
		const struct vm_who_process *p = &w->processes.v[s->most.v[i].process];
		ck_assert_uint_eq(s->most.v[i].bytes, common(ours, others[p->pid - 1]));
		ck_assert(i == 0 || s->most.v[i].bytes <= s->most.v[i - 1].bytes);
	}
}

static void check(uint64_t seed, unsigned n)
{
	static bool ours[MAPPINGS][FRAMES], others[OTHERS][FRAMES];
	struct vm_who w;
	ck_assert_int_eq(vm_who_begin(&w, MAPPINGS), 0);
	for (size_t m = 0; m < MAPPINGS; m++) {
		/* Some map nothing. */
		fill(ours[m], &seed);
		for (size_t f = 0; f < FRAMES; f++) {
			ours[m][f] = ours[m][f] && m % 4 != 3;
			if (ours[m][f])
				ck_assert_int_eq(vm_who_add(&w, m, FIRST + f, 1), 0);
		}
	}
	ck_assert_int_eq(vm_who_ready(&w), 0);
	for (unsigned i = 0; i < n; i++) {
		fill(others[i], &seed);
		add_other(&w, (pid_t)i + 1, others[i]);
	}
	vm_who_end(&w);
	for (size_t m = 0; m < MAPPINGS; m++)
		check_mapping(&w, m, ours[m], others, n);
	vm_who_free(&w);
}

START_TEST(is_what_tables_say)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		check(seed, 9);
}
END_TEST

START_TEST(keeps_those_with_the_most)
{
	check(77, OTHERS);
}
END_TEST

START_TEST(nothing_is_no_mistake)
{
	struct vm_who w;
	const bool none[FRAMES] = { false };
	ck_assert_int_eq(vm_who_begin(&w, 0), 0);
	ck_assert_int_eq(vm_who_ready(&w), 0);
	add_other(&w, 1, none);
	vm_who_end(&w);
	ck_assert_uint_eq(w.processes.n, 0);
	vm_who_free(&w);
	check(5, 0);
}
END_TEST

UNIT_MAIN("sharewho", is_what_tables_say, keeps_those_with_the_most, nothing_is_no_mistake)
