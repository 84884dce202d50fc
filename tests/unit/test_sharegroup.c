/** core/model/frameset and core/analysis/sharegroup: sets of frames against plain tables of them. */
#include "core/analysis/sharegroup.h"

#include <stdio.h>

#include "core/model/pageflags.h"
#include "unit.h"

/** Frames of the made-up machine: three chunks and a bit, far from 0. */
enum { FIRST = 4096 * 77 + 100, FRAMES = 3 * VM_CHUNK_FRAMES + 500, MEMBERS = 7, CLUSTERS = 2 };

struct machine {
	uint32_t times[MEMBERS][FRAMES];
	uint32_t others[FRAMES];   /* mappings by who isn't a member */
	uint8_t kind[FRAMES];
};

static const uint64_t flags_of_kind[VM_SK_NR] = {
	[VM_SK_ANON] = VM_KPF(ANON) | VM_KPF(SWAPBACKED), [VM_SK_KSM] = VM_KPF(ANON) | VM_KPF(KSM),
	[VM_SK_SHMEM] = VM_KPF(SWAPBACKED), [VM_SK_FILE] = VM_KPF(LRU), [VM_SK_HUGETLB] = VM_KPF(HUGE) | VM_KPF(ANON),
};

static uint64_t count_of(const struct machine *m, size_t frame)
{
	uint64_t n = m->others[frame];
	for (unsigned i = 0; i < MEMBERS; i++)
		n += m->times[i][frame];
	return n;
}

static int facts(void *ctx, uint64_t pfn, size_t n, uint64_t *flags, uint64_t *count)
{
	const struct machine *m = ctx;
	for (size_t i = 0; i < n; i++) {
		const uint64_t at = pfn + i - FIRST;
		flags[i] = at < FRAMES ? flags_of_kind[m->kind[at]] : 0;
		count[i] = at < FRAMES ? count_of(m, at) : 0;
	}
	return 0;
}

/** Runs, single frames and frames that are mapped often, by chance; a few members alike. */
static void fill(struct machine *m, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	for (size_t f = 0; f < FRAMES; f++) {
		m->kind[f] = (uint8_t)(unit_random(&seed) % 64 ? (f / 700) % VM_SK_NR : unit_random(&seed) % VM_SK_NR);
		m->others[f] = unit_random(&seed) % 3 ? 0 : unit_random(&seed) % 300;
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (i == 2) {
			memcpy(m->times[2], m->times[1], sizeof(m->times[1]));
			continue;
		}
		for (unsigned run = 0; run < 3 + i * 40; run++) {
			const size_t from = unit_random(&seed) % FRAMES, n = unit_random(&seed) % (run % 3 ? 3 : 900) + 1;
			const uint32_t times = unit_random(&seed) % 16 ? 1 : unit_random(&seed) % 9 + 1;
			for (size_t f = from; f < from + n && f < FRAMES; f++)
				m->times[i][f] += times;
		}
	}
}

/** As runs of neighbours, or frame by frame in a list; the same for whoever asks. */
static void add_member(struct vm_sharegroup *g, const struct machine *m, unsigned i)
{
	for (uint32_t round = 1;; round++) {
		uint64_t list[FRAMES];
		size_t listed = 0;
		bool any = false;
		for (size_t f = 0, end; f < FRAMES; f = end) {
			end = f + 1;
			if (m->times[i][f] < round)
				continue;
			while (end < FRAMES && m->times[i][end] >= round)
				end++;
			any = true;
			if (i % 2) {
				ck_assert_int_eq(vm_framebuild_add(&g->build, FIRST + f, end - f), 0);
				continue;
			}
			for (size_t k = f; k < end; k++)
				list[listed++] = FIRST + k;
			list[listed++] = 0;
			if (listed + 2 > FRAMES)
				break;
		}
		ck_assert_int_eq(vm_framebuild_list(&g->build, list, listed), 0);
		if (!any)
			break;
	}
	ck_assert_int_eq(vm_sharegroup_member(g), i);
}

static void check_member(const struct vm_sharegroup *g, const struct machine *m, unsigned i)
{
	struct vm_share_sum want = { 0 };
	uint64_t shared[VM_SK_NR] = { 0 }, frames[VM_SK_NR] = { 0 }, cluster[VM_SK_NR] = { 0 }, ours = 0, twins = 0;
	const struct vm_group_sum *have = &g->members.v[i].sum;
	for (size_t f = 0; f < FRAMES; f++) {
		unsigned with = 0, siblings = 0;
		if (!m->times[i][f])
			continue;
		vm_share_sum_count(&want, m->kind[f], count_of(m, f), m->times[i][f]);
		for (unsigned k = 0; k < MEMBERS; k++) {
			with += k != i && m->times[k][f];
			siblings += k != i && m->times[k][f] && k % CLUSTERS == i % CLUSTERS;
		}
		frames[m->kind[f]] += 4096;
		shared[m->kind[f]] += with ? 4096 : 0;
		cluster[m->kind[f]] += siblings ? 4096 : 0;
		ours += m->others[f] ? 0 : 4096;
		twins += count_of(m, f) == 1 && with ? 4096 : 0;
	}
	ck_assert_mem_eq(&have->sum, &want, sizeof(want));
	ck_assert_mem_eq(have->frames, frames, sizeof(frames));
	ck_assert_mem_eq(have->shared, shared, sizeof(shared));
	ck_assert_mem_eq(have->cluster, cluster, sizeof(cluster));
	ck_u64_eq(have->ours, ours);
	ck_u64_eq(have->twins, twins);
	size_t wrong = 0;
	for (size_t f = 0; f < FRAMES; f += 13)
		wrong += vm_frames_times(&g->pool, &g->members.v[i].mapped, FIRST + f) != m->times[i][f];
	ck_assert_uint_eq(wrong, 0);
	ck_u64_eq(vm_frames_times(&g->pool, &g->members.v[i].mapped, FIRST + FRAMES), 0);
}

static void check_pairs(const struct vm_sharegroup *g, const struct machine *m)
{
	for (unsigned a = 0; a < MEMBERS; a++)
		for (unsigned b = 0; b < a; b++) {
			uint64_t both[VM_SK_NR] = { 0 }, all = 0;
			for (size_t f = 0; f < FRAMES; f++)
				both[m->kind[f]] += m->times[a][f] && m->times[b][f] ? 4096 : 0;
			for (unsigned k = 0; k < VM_SK_NR; k++) {
				ck_u64_eq(vm_sharegroup_pair(g, a, b, k), both[k]);
				ck_u64_eq(vm_sharegroup_pair(g, b, a, k), both[k]);
				all += both[k];
			}
			ck_u64_eq(vm_sharegroup_pair(g, a, b, VM_SK_NR), all);
		}
}

static void check_all(const struct vm_sharegroup *g, const struct machine *m)
{
	uint64_t frames[VM_SK_NR] = { 0 }, shared[VM_SK_NR] = { 0 };
	for (size_t f = 0; f < FRAMES; f++) {
		unsigned n = 0;
		for (unsigned i = 0; i < MEMBERS; i++)
			n += m->times[i][f] != 0;
		frames[m->kind[f]] += n ? 4096 : 0;
		shared[m->kind[f]] += n > 1 ? 4096 : 0;
	}
	ck_assert_mem_eq(g->all.frames, frames, sizeof(frames));
	ck_assert_mem_eq(g->all.shared, shared, sizeof(shared));
}

START_TEST(as_tables_say)
{
	struct machine *m = malloc(sizeof(*m));
	for (uint64_t seed = 1; m && seed <= 6; seed++) {
		struct vm_sharegroup g = { .clusters = CLUSTERS };
		fill(m, seed);
		for (unsigned i = 0; i < MEMBERS; i++)
			add_member(&g, m, i);
		for (unsigned i = 0; i < MEMBERS; i++)
			g.members.v[i].cluster = i % CLUSTERS;
		ck_assert_int_eq(vm_sharegroup_compare(&g, facts, m), 0);
		for (unsigned i = 0; i < MEMBERS; i++)
			check_member(&g, m, i);
		check_pairs(&g, m);
		check_all(&g, m);
		vm_sharegroup_free(&g);
	}
	free(m);
}
END_TEST

START_TEST(equal_pieces_are_kept_once)
{
	struct vm_sharegroup g = { .clusters = 0 };
	size_t first = 0;
	/* Every other frame of 64 chunks: a bit each is the smallest form. */
	for (unsigned i = 0; i < 200; i++) {
		int r = 0;
		for (uint64_t f = 0; f < 64 * VM_CHUNK_FRAMES && r == 0; f += 2)
			r = vm_framebuild_add(&g.build, f, 1);
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(vm_sharegroup_member(&g), i);
		if (i == 0)
			first = vm_framepool_bytes(&g.pool);
	}
	ck_assert_uint_eq(vm_framepool_bytes(&g.pool), first);
	ck_assert_uint_le(first, 64 * (VM_CHUNK_FRAMES / 8 + 100) + 10000);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_uint_le(vm_frames_mapped_bytes(&g.members.v[i].mapped), 64 * 16);
	vm_sharegroup_free(&g);
}
END_TEST

START_TEST(frames_that_cannot_be)
{
	struct vm_framebuild b = { .near = NULL };
	struct vm_framepool pool = { .by_hash = { .slot = NULL } };
	struct vm_frames_mapped m;
	const uint64_t list[] = { 0, 1, 2, VM_FRAMES_MOST, UINT64_MAX, VM_FRAMES_MOST - 1, 0 };
	ck_assert_int_eq(vm_framebuild_add(&b, UINT64_MAX, 1), 0);
	ck_assert_int_eq(vm_framebuild_add(&b, VM_FRAMES_MOST - 1, 2), 0);
	ck_assert_int_eq(vm_framebuild_add(&b, 5, UINT64_MAX), 0);
	ck_assert_int_eq(vm_framebuild_list(&b, list, sizeof(list) / sizeof(list[0])), 0);
	ck_assert_int_eq(vm_framebuild_end(&b, &pool, &m), 0);
	ck_u64_eq(m.layer[0].frames, 3);
	ck_u64_eq(vm_frames_times(&pool, &m, 1), 1);
	ck_u64_eq(vm_frames_times(&pool, &m, VM_FRAMES_MOST - 1), 1);
	ck_u64_eq(vm_frames_times(&pool, &m, 0), 0);
	vm_frames_mapped_free(&m);
	vm_framebuild_free(&b);
	vm_framepool_free(&pool);
}
END_TEST

START_TEST(nobody)
{
	struct vm_sharegroup g = { .clusters = 0 };
	ck_assert_int_eq(vm_sharegroup_compare(&g, facts, NULL), 0);
	ck_assert_int_eq(vm_sharegroup_member(&g), 0);
	free(g.pairs);
	g.pairs = NULL;
	ck_assert_int_eq(vm_sharegroup_compare(&g, facts, NULL), 0);
	vm_sharegroup_free(&g);
}
END_TEST

UNIT_MAIN("sharegroup", as_tables_say, equal_pieces_are_kept_once, frames_that_cannot_be, nobody)
