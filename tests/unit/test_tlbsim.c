/** core/analysis/tlbsim: against closed forms, and against the slowest LRU that can be written. */
#include "core/analysis/tlbsim.h"

#include <stdlib.h>

#include "unit.h"

#define MIB (UINT64_C(1) << 20)
#define BASE UINT64_C(0x200000000000)

enum { PAGE = 4096 };

struct counts {
	uint64_t accesses, misses, walks, refs, near;
};

struct model {
	struct vm_tlbsim tlb;
	struct vm_tlbwalk walk;
	enum vm_tlb_size size;
	struct counts n;
};

static void model_open(struct model *m, const struct vm_tlb_geometry *g, enum vm_tlb_size size, bool split)
{
	memset(m, 0, sizeof(*m));
	m->size = size;
	vm_tlbsim_init(&m->tlb, g, split, calloc(vm_tlbsim_words(g), sizeof(uint64_t)));
	vm_tlbwalk_init(&m->walk, g, calloc(vm_tlbwalk_words(g), sizeof(uint64_t)));
}

static struct counts model_close(struct model *m)
{
	free(m->tlb.memory);
	free(m->walk.memory);
	return m->n;
}

static void touch(struct model *m, uint64_t addr)
{
	const enum vm_tlbsim_where at = vm_tlbsim_access(&m->tlb, false, addr, m->size);
	m->n.accesses++;
	m->n.misses += at != VM_TLBSIM_L1;
	if (at != VM_TLBSIM_WALK)
		return;
	const struct vm_tlbwalk_cost cost = vm_tlbwalk(&m->walk, addr, m->size);
	m->n.walks++;
	m->n.refs += cost.refs;
	m->n.near += cost.near;
}

static struct counts sequential(enum vm_tlb_size size, uint64_t bytes)
{
	const struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	model_open(&m, &g, size, false);
	for (uint64_t a = 0; a < bytes; a += 8)
		touch(&m, BASE + a);
	return model_close(&m);
}

START_TEST(sequential_misses_once_a_page)
{
	const struct counts small = sequential(VM_TLB_4K, 256 * MIB), large = sequential(VM_TLB_2M, 256 * MIB);
	ck_assert_uint_eq(small.accesses, 33554432);
	ck_assert_uint_eq(small.misses, 65536);
	ck_assert_uint_eq(small.walks, 65536);
	/* A line of page tables holds 8 entries: each eighth walk leads to a new one. */
	ck_assert_uint_eq(small.near, 65536 / 8 * 7);
	/* A new page table each 512 pages, and the upper levels' first entries. */
	ck_assert_uint_eq(small.refs, 65536 + 65536 / 512 + 1 + 1);
	ck_assert_uint_eq(large.misses, 128);
	ck_assert_uint_eq(large.walks, 128);
	ck_assert_uint_eq(large.refs, 128 + 1 + 1);
}
END_TEST

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static struct counts at_random(enum vm_tlb_size size, bool split, unsigned accesses)
{
	const struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	uint64_t x = 88172645463325252;
	model_open(&m, &g, size, split);
	for (unsigned i = 0; i < accesses; i++)
		touch(&m, BASE + (next_random(&x) >> 11) % (64 * MIB / 8) * 8);
	return model_close(&m);
}

static void assert_near(uint64_t got, double want, double tolerance)
{
	ck_assert_double_ge((double)got, want * (1 - tolerance));
	ck_assert_double_le((double)got, want * (1 + tolerance));
}

START_TEST(random_misses_by_share)
{
	enum { N = 4000000 };
	const struct counts small = at_random(VM_TLB_4K, false, N), large = at_random(VM_TLB_2M, false, N);
	assert_near(small.misses, (1 - 96.0 / 16384) * N, 0.0005);
	assert_near(small.walks, (1 - 2048.0 / 16384) * N, 0.002);
	/* 32 pages of 2M are 8 sets of 4 ways: each misses once. */
	ck_assert_uint_eq(large.misses, 32);
	ck_assert_uint_eq(large.walks, 32);
	/* Pieces of 4K of a split page are as many; to walk to them is shorter. */
	const struct counts split = at_random(VM_TLB_2M, true, N);
	ck_assert_uint_eq(split.misses, small.misses);
	ck_assert_uint_eq(split.walks, small.walks);
	ck_assert_uint_eq(split.refs, small.walks + 1 + 1);
}
END_TEST

enum { SIDE = 2048, ROW = SIDE * 8 };

static struct counts matrix(bool columns, enum vm_tlb_size size, bool hashed)
{
	struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	g.stlb.hashed = hashed;
	model_open(&m, &g, size, false);
	for (uint64_t i = 0; i < SIDE; i++)
		for (uint64_t k = 0; k < SIDE; k++)
			touch(&m, BASE + (columns ? k * ROW + i * 8 : i * ROW + k * 8));
	return model_close(&m);
}

START_TEST(matrices_by_row_and_by_column)
{
	const uint64_t all = (uint64_t)SIDE * SIDE, pages = 32 * MIB / PAGE;
	ck_assert_uint_eq(matrix(false, VM_TLB_4K, true).misses, pages);
	ck_assert_uint_eq(matrix(false, VM_TLB_4K, true).walks, pages);
	/* A column is 2048 pages, each fourth: hashed, they fill 128 sets of 16 ways exactly ... */
	ck_assert_uint_eq(matrix(true, VM_TLB_4K, true).misses, all);
	ck_assert_uint_eq(matrix(true, VM_TLB_4K, true).walks, pages);
	/* ... and by their lowest bits they meet in a fourth of the sets. */
	ck_assert_uint_eq(matrix(true, VM_TLB_4K, false).misses, all);
	ck_assert_uint_eq(matrix(true, VM_TLB_4K, false).walks, all);
	ck_assert_uint_eq(matrix(true, VM_TLB_2M, true).misses, 16);
	ck_assert_uint_eq(matrix(true, VM_TLB_2M, true).walks, 16);
}
END_TEST

enum { ROUNDS = 100 };

/** Misses and walks of a round through `pages` neighbours, once it goes round. */
static struct counts cycle(uint64_t pages)
{
	const struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	model_open(&m, &g, VM_TLB_4K, false);
	for (unsigned round = 0; round <= ROUNDS; round++) {
		if (round == 1)
			m.n = (struct counts){ 0 };
		for (uint64_t p = 0; p < pages; p++)
			touch(&m, BASE + p * PAGE);
	}
	return model_close(&m);
}

START_TEST(lists_at_the_knee)
{
	/* LRU keeps nothing of a set through which more pages go round than it has ways: 16 sets of 6, 128 sets of 16. */
	const struct { uint64_t pages, missing, walked; } known[] = {
		{ 96, 0, 0 }, { 100, 4 * 7, 0 }, { 104, 8 * 7, 0 }, { 112, 112, 0 }, { 2048, 2048, 0 }, { 2080, 2080, 32 * 17 },
		{ 2112, 2112, 64 * 17 }, { 2176, 2176, 2176 },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct counts n = cycle(known[i].pages);
		ck_assert_uint_eq(n.misses, ROUNDS * known[i].missing);
		ck_assert_uint_eq(n.walks, ROUNDS * known[i].walked);
	}
}
END_TEST

START_TEST(a_size_without_a_buffer_shares_that_of_4k)
{
	struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	g.l1d[VM_TLB_4K] = (struct vm_tlb_shape){ .sets = 1, .ways = 64 };
	g.l1d[VM_TLB_2M] = g.l1d[VM_TLB_1G] = g.stlb_1g = (struct vm_tlb_shape){ 0 };
	model_open(&m, &g, VM_TLB_4K, false);
	for (unsigned i = 0; i < 32; i++) {
		m.size = VM_TLB_4K;
		touch(&m, BASE + (uint64_t)i * PAGE);
		m.size = VM_TLB_2M;
		touch(&m, 2 * BASE + (uint64_t)i * 2 * MIB);
	}
	ck_assert_uint_eq(m.n.misses, 64);
	for (unsigned i = 0; i < 32; i++)
		touch(&m, 2 * BASE + (uint64_t)i * 2 * MIB);
	ck_assert_uint_eq(m.n.misses, 64);
	/* 1G pages have no second level here: what the first forgets is walked. */
	m.size = VM_TLB_1G;
	touch(&m, 3 * BASE);
	ck_assert_uint_eq(m.n.walks, 65);
	ck_assert_uint_eq(model_close(&m).misses, 65);
}
END_TEST

/* ---- The slowest one ---------------------------------------------------------------------------------------------- */

enum { WAYS_MAX = 80 };

/** One set: keys from the latest to the oldest. */
struct slow_set {
	uint64_t key[WAYS_MAX];
	unsigned n;
};

static bool slow_touch(struct slow_set *s, unsigned ways, uint64_t key)
{
	unsigned at = 0;
	while (at < s->n && s->key[at] != key)
		at++;
	const bool was = at < s->n;
	if (!was && s->n < ways)
		s->n++;
	if (at >= ways)
		at = ways - 1;
	memmove(s->key + 1, s->key, at * sizeof(s->key[0]));
	s->key[0] = key;
	return was;
}

static void slow_forget(struct slow_set *s, uint64_t number)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < s->n; i++)
		if (s->key[i] != vm_tlbsim_key(number, VM_TLB_4K))
			s->key[kept++] = s->key[i];
	s->n = kept;
}

static void compare(struct vm_tlb_shape shape)
{
	uint64_t *const memory = calloc(vm_tlbsim_table_words(shape), sizeof(uint64_t)), *end = memory, x = 99;
	struct slow_set *slow = calloc(shape.sets, sizeof(*slow));
	const struct vm_tlbsim_table t = vm_tlbsim_table(shape, &end);
	ck_assert_ptr_eq(end, memory + vm_tlbsim_table_words(shape));
	for (unsigned i = 0; i < 20000; i++) {
		/* Pages whose low halves are alike, too. */
		const uint64_t page = next_random(&x) % (vm_tlb_entries(shape) + 9) | (next_random(&x) % 2) << 33;
		const unsigned set = (unsigned)((page ^ (shape.hashed ? page / shape.sets : 0)) % shape.sets);
		if (next_random(&x) % 50 == 0) {
			vm_tlbsim_table_forget(&t, page * PAGE, (page + 1) * PAGE);
			slow_forget(&slow[set], page);
			continue;
		}
		const uint64_t key = vm_tlbsim_key(page, VM_TLB_4K);
		ck_assert_int_eq(vm_tlbsim_touch(&t, page, key), slow_touch(&slow[set], shape.ways, key));
	}
	free(memory);
	free(slow);
}

START_TEST(the_same_as_the_slowest)
{
	for (unsigned sets = 1; sets <= 8; sets *= 2)
		for (unsigned ways = 1; ways <= WAYS_MAX; ways += ways < 20 ? 1 : 7) {
			compare((struct vm_tlb_shape){ .sets = sets, .ways = ways });
			compare((struct vm_tlb_shape){ .sets = sets, .ways = ways, .hashed = true });
		}
}
END_TEST

START_TEST(forgetting_a_range)
{
	const struct vm_tlb_geometry g = vm_tlb_geometry_default();
	struct model m;
	model_open(&m, &g, VM_TLB_4K, false);
	for (uint64_t p = 0; p < 32; p++)
		touch(&m, BASE + p * PAGE);
	m.size = VM_TLB_2M;
	touch(&m, BASE + 4 * MIB);
	vm_tlbsim_forget(&m.tlb, BASE + 8 * PAGE, BASE + 16 * PAGE + 1);
	vm_tlbsim_forget(&m.tlb, BASE + 5 * MIB, BASE + 5 * MIB + 1);
	m.n = (struct counts){ 0 };
	touch(&m, BASE + 4 * MIB);
	ck_assert_uint_eq(m.n.walks, 1);
	m.size = VM_TLB_4K;
	for (uint64_t p = 0; p < 32; p++)
		touch(&m, BASE + p * PAGE);
	ck_assert_uint_eq(m.n.walks, 1 + 9);
	model_close(&m);
}
END_TEST

START_TEST(large_sets_run_out_of_moments)
{
	const struct vm_tlb_shape shape = { .sets = 1, .ways = 20 };
	uint64_t *const memory = calloc(vm_tlbsim_table_words(shape), sizeof(uint64_t)), *end = memory;
	const struct vm_tlbsim_table t = vm_tlbsim_table(shape, &end);
	t.set[0] = INT32_MAX - 30;
	for (uint64_t p = 0; p < 100; p++) {
		vm_tlbsim_touch(&t, p, vm_tlbsim_key(p, VM_TLB_4K));
		for (uint64_t q = 0; q <= p && q < 20; q++)
			ck_assert(vm_tlbsim_touch(&t, p - q, vm_tlbsim_key(p - q, VM_TLB_4K)));
		for (uint64_t q = 20; q-- > 0;)
			if (p >= q)
				ck_assert(vm_tlbsim_touch(&t, p - q, vm_tlbsim_key(p - q, VM_TLB_4K)));
	}
	free(memory);
}
END_TEST

UNIT_MAIN("tlbsim", sequential_misses_once_a_page, random_misses_by_share, matrices_by_row_and_by_column, lists_at_the_knee,
	  a_size_without_a_buffer_shares_that_of_4k, the_same_as_the_slowest, forgetting_a_range, large_sets_run_out_of_moments)
