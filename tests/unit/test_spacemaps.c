/** core/model/spacemaps: mappings that come, grow, are cut, forked and hit. */
#include "core/model/spacemaps.h"

#include <sys/mman.h>

#include "unit.h"

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

static void map(struct vm_spacemaps *s, uint32_t space, uint64_t start, uint64_t end, unsigned prot, const char *name)
{
	/* As of a file mapped from its beginning at 0x1000. */
	const bool file = name[0] == '/';
	const struct vm_fault_mapping m = {
		.space = space, .backing = file ? VM_FAULT_B_FILE : VM_FAULT_B_ANON, .prot = (uint8_t)prot, .start = start, .end = end,
		.offset = file ? start - 0x1000 : 0, .inode = file ? 7 : 0, .name = name,
	};
	ck_assert(vm_spacemaps_map(s, &m));
}

static void hits(struct vm_spacemaps *s, uint32_t space, uint64_t at, uint64_t key, const char *name)
{
	uint64_t got = 0;
	const struct vm_fault_mapping *m = vm_spacemaps_hit(s, space, at, &got);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->name, name);
	ck_u64_eq(got, key);
	ck_assert(m->start <= key && key < m->end && m->start <= at && at < m->end);
}

static void misses(struct vm_spacemaps *s, uint32_t space, uint64_t at)
{
	uint64_t key;
	ck_assert_ptr_null(vm_spacemaps_hit(s, space, at, &key));
}

/** What the set holds then, as found by the views. */
static void finds(const struct vm_spacemaps *s, uint32_t spaces, uint32_t space, uint64_t key, uint64_t start, uint64_t end)
{
	struct vm_faultset set = { 0 };
	for (uint32_t i = 0; i < spaces; i++)
		ck_assert(vm_vec_push(&set.space, ((struct vm_fault_space){ .from = i ? i - 1 : VM_FAULT_NONE })));
	ck_assert(vm_spacemaps_put(s, &set));
	const struct vm_fault_mapping *m = vm_faultset_mapping(&set, space, key);
	ck_assert_ptr_nonnull(m);
	ck_u64_eq(m->start, start);
	ck_u64_eq(m->end, end);
	vm_faultset_free(&set);
}

START_TEST(nothing)
{
	struct vm_spacemaps s = { 0 };
	misses(&s, 0, 0);
	misses(&s, 5, UINT64_MAX);
	vm_spacemaps_end(&s, 9);
	map(&s, 3, 0x1000, 0x1000, RW, "");
	misses(&s, 3, 0x1000);
	vm_spacemaps_free(&s);
}
END_TEST

START_TEST(grows_both_ways)
{
	struct vm_spacemaps s = { 0 };
	map(&s, 0, 0x5000, 0x6000, RW, "");
	hits(&s, 0, 0x5fff, 0x5000, "");
	map(&s, 0, 0x5000, 0x9000, RW, "");
	hits(&s, 0, 0x8000, 0x5000, "");
	map(&s, 0, 0x2000, 0x9000, RW, "");
	hits(&s, 0, 0x2000, 0x5000, "");
	misses(&s, 0, 0x1fff);
	misses(&s, 0, 0x9000);
	finds(&s, 1, 0, 0x5000, 0x2000, 0x9000);
	vm_spacemaps_free(&s);
}
END_TEST

START_TEST(is_cut)
{
	struct vm_spacemaps s = { 0 };
	map(&s, 0, 0x1000, 0x9000, PROT_READ, "/lib");
	map(&s, 0, 0x3000, 0x5000, RX, "/lib");
	map(&s, 0, 0x7000, 0x9000, RW, "/lib");
	map(&s, 0, 0x8000, 0xa000, RW, "");
	hits(&s, 0, 0x1000, 0x1000, "/lib");
	hits(&s, 0, 0x3000, 0x3000, "/lib");
	hits(&s, 0, 0x7fff, 0x7000, "/lib");
	hits(&s, 0, 0x8000, 0x8000, "");
	/* What is left behind the code begins there, and is another mapping than what is before it. */
	hits(&s, 0, 0x5000, 0x5000, "/lib");
	finds(&s, 1, 0, 0x1000, 0x1000, 0x3000);
	finds(&s, 1, 0, 0x5000, 0x5000, 0x7000);
	uint64_t key;
	ck_u64_eq(vm_spacemaps_hit(&s, 0, 0x5000, &key)->offset, 0x4000);
	vm_spacemaps_free(&s);
}
END_TEST

START_TEST(stays_when_cut_later)
{
	struct vm_spacemaps s = { 0 };
	map(&s, 0, 0x1000, 0x9000, RW, "");
	hits(&s, 0, 0x2000, 0x1000, "");
	map(&s, 0, 0x3000, 0x4000, PROT_READ, "");
	hits(&s, 0, 0x8000, 0x1000, "");
	hits(&s, 0, 0x3000, 0x3000, "");
	finds(&s, 1, 0, 0x1000, 0x1000, 0x9000);
	finds(&s, 1, 0, 0x3000, 0x3000, 0x4000);
	vm_spacemaps_free(&s);
}
END_TEST

/** Code that is made writable and executable again and again, and files that take turns, are no new mappings. */
START_TEST(comes_again)
{
	struct vm_spacemaps s = { 0 };
	for (unsigned i = 0; i < 100; i++) {
		map(&s, 0, 0x1000, 0x2000, RX, "");
		hits(&s, 0, 0x1000, 0x1000, "");
		map(&s, 0, 0x1000, 0x2000, RW, "");
		hits(&s, 0, 0x1fff, 0x1000, "");
	}
	ck_assert_uint_eq(s.hit.n, 2);
	for (unsigned i = 0; i < 100; i++) {
		map(&s, 0, 0x8000, 0x9000, RX, "");
		hits(&s, 0, 0x8000, 0x8000, "");
		map(&s, 0, 0x8000, 0x9000, RW, "");
	}
	ck_assert_uint_eq(s.hit.n, 3);
	vm_spacemaps_free(&s);
}
END_TEST

START_TEST(forks)
{
	struct vm_spacemaps s = { 0 };
	map(&s, 0, 0x1000, 0x4000, RW, "");
	ck_assert(vm_spacemaps_fork(&s, 1, 0));
	ck_assert(vm_spacemaps_fork(&s, 2, 1));
	hits(&s, 2, 0x1000, 0x1000, "");
	/* It is the parent's, whose children have it. */
	ck_assert_uint_eq(s.hit.n, 1);
	finds(&s, 3, 2, 0x1000, 0x1000, 0x4000);
	/* What one of them maps the others don't have. */
	map(&s, 1, 0x8000, 0x9000, RW, "");
	map(&s, 1, 0x1000, 0x5000, RW, "");
	hits(&s, 1, 0x8000, 0x8000, "");
	hits(&s, 1, 0x4000, 0x1000, "");
	misses(&s, 0, 0x8000);
	misses(&s, 2, 0x8000);
	misses(&s, 0, 0x4000);
	vm_spacemaps_end(&s, 0);
	misses(&s, 0, 0x1000);
	hits(&s, 2, 0x3fff, 0x1000, "");
	finds(&s, 3, 1, 0x1000, 0x1000, 0x5000);
	finds(&s, 3, 0, 0x1000, 0x1000, 0x4000);
	vm_spacemaps_free(&s);
}
END_TEST

/** Against an array that says for each page who has it. */
START_TEST(as_an_array)
{
	enum { PAGES = 64, MAPS = 2000 };
	static const char *const names[] = { "", "[heap]", "/a", "/b" };
	struct vm_spacemaps s = { 0 };
	int has[PAGES];
	unsigned seed = 1;
	for (unsigned i = 0; i < PAGES; i++)
		has[i] = -1;
	for (unsigned i = 0; i < MAPS; i++) {
		seed = seed * 1103515245 + 12345;
		const unsigned from = seed >> 8 & (PAGES - 1), n = (seed >> 16 & 7) + 1, name = seed >> 24 & 3;
		const unsigned to = from + n < PAGES ? from + n : PAGES;
		map(&s, 0, from * 0x1000 + 0x1000, to * 0x1000 + 0x1000, RW, names[name]);
		for (unsigned k = from; k < to; k++)
			has[k] = (int)name;
		const unsigned look = seed >> 4 & (PAGES - 1);
		uint64_t key;
		const struct vm_fault_mapping *m = vm_spacemaps_hit(&s, 0, look * 0x1000 + 0x1fff, &key);
		if (has[look] < 0) {
			ck_assert_ptr_null(m);
			continue;
		}
		ck_assert_str_eq(m->name, names[has[look]]);
		ck_assert(m->start <= key && key < m->end);
		ck_assert(!m->inode || m->offset == m->start - 0x1000);
	}
	vm_spacemaps_free(&s);
}
END_TEST

UNIT_MAIN("spacemaps", nothing, grows_both_ways, is_cut, stays_when_cut_later, comes_again, forks, as_an_array)
