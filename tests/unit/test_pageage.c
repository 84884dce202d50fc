/** core/analysis/pageage: ages of pages, against a plain array of what each page did. */
#include "core/analysis/pageage.h"

#include <stdlib.h>

#include "unit.h"

enum { PAGE = 4096, BASE = 0x7f0000000 };

static void look(struct vm_ages *a, bool ends, const char *pages, uint64_t base, bool fresh)
{
	vm_ages_begin(a, ends);
	for (size_t i = 0; pages[i]; i++) {
		const struct vm_age_sign s = {
			.now = pages[i] == 'A', .may = pages[i] == '?' || (!a->cleared && pages[i] == 'A'), .fresh = fresh, .shift = 12,
		};
		if (pages[i] != ' ')
			ck_assert(vm_ages_take(a, base + i * PAGE, base + (i + 1) * PAGE, &s));
	}
	vm_ages_end(a);
}

/** Pages used within the last `rounds`. */
static struct vm_age_band within(const struct vm_ages *a, uint64_t rounds)
{
	struct vm_age_band b;
	uint64_t there;
	vm_ages_count(a, 0, UINT64_MAX, &rounds, 1, &there, &b);
	return (struct vm_age_band){ b.low / PAGE, b.high / PAGE };
}

static void expect(const struct vm_ages *a, uint64_t rounds, uint64_t low, uint64_t high)
{
	const struct vm_age_band b = within(a, rounds);
	ck_u64_eq(b.low, low);
	ck_u64_eq(b.high, high);
}

/** Bits that are cleared with each round tell all. */
START_TEST(cleared)
{
	struct vm_ages a = { .cleared = true };
	look(&a, true, "AAAA", BASE, false);
	expect(&a, 1, 0, 0);
	look(&a, true, "A--A", BASE, false);
	expect(&a, 1, 2, 2);
	look(&a, true, "-A--", BASE, false);
	expect(&a, 1, 1, 1);
	expect(&a, 2, 3, 3);
	ck_u64_eq(a.rounds, 2);
	/* What hides from the bits may have been used. */
	look(&a, true, "--?-", BASE, false);
	expect(&a, 1, 0, 1);
	expect(&a, 3, 3, 4);
	vm_ages_free(&a);
}
END_TEST

/** Bits that nobody clears: new ones tell, old ones may. */
START_TEST(watched)
{
	struct vm_ages a = { .cleared = false };
	look(&a, true, "AA--", BASE, false);
	look(&a, true, "AA--", BASE, false);
	expect(&a, 1, 0, 2);
	look(&a, true, "A-A-", BASE, false);
	/* The second was cleared by somebody, and may have been used before. */
	ck_u64_eq(a.lost_bytes, PAGE);
	ck_u64_eq(a.had_bytes, 2 * PAGE);
	expect(&a, 1, 1, 3);
	look(&a, true, "A-A-", BASE, false);
	expect(&a, 1, 0, 2);
	expect(&a, 2, 1, 3);
	vm_ages_free(&a);
}
END_TEST

/** A look within a round remembers, and finds who else clears. */
START_TEST(within_a_round)
{
	struct vm_ages a = { .cleared = true };
	look(&a, true, "----", BASE, false);
	look(&a, false, "AA--", BASE, false);
	ck_u64_eq(a.rounds, 0);
	look(&a, true, "A-A-", BASE, false);
	expect(&a, 1, 3, 3);
	ck_u64_eq(a.had_bytes, 2 * PAGE);
	ck_u64_eq(a.lost_bytes, PAGE);
	/* Bits were cleared by us: that isn't somebody else. */
	look(&a, false, "----", BASE, false);
	ck_u64_eq(a.had_bytes, 0);
	vm_ages_free(&a);
}
END_TEST

/** Pages come and go: what is gone is forgotten, and the bit of a new page of a file says nothing. */
START_TEST(come_and_go)
{
	struct vm_ages a = { .cleared = true };
	look(&a, true, "--  ", BASE, true);
	look(&a, true, "-A A", BASE, true);
	expect(&a, 1, 1, 2);
	look(&a, true, "-A A", BASE, true);
	expect(&a, 1, 2, 2);
	look(&a, true, "    ", BASE, true);
	expect(&a, 4, 0, 0);
	ck_u64_eq(a.resident_bytes, 0);
	look(&a, true, "----", BASE, true);
	expect(&a, 4, 0, 0);
	/* Seen for the first time in the middle of a round. */
	look(&a, true, "    ", BASE, true);
	look(&a, false, "A   ", BASE, true);
	look(&a, true, "-   ", BASE, true);
	expect(&a, 1, 0, 1);
	vm_ages_free(&a);
}
END_TEST

/** Ranges, huge entries, blocks. */
struct blocks {
	size_t n;
	unsigned used;
};

static void take_block(void *ctx, uint64_t start, unsigned used)
{
	struct blocks *b = ctx;
	ck_u64_eq(start % (64 * PAGE), 0);
	b->n++;
	b->used += used;
}

START_TEST(ranges)
{
	enum { HUGE = 2 << 20 };
	struct vm_ages a = { .cleared = true };
	const struct vm_age_sign no = { .shift = 21 }, yes = { .now = true, .shift = 21 };
	struct blocks blocks = { 0 };
	struct vm_age_band b[2];
	const uint64_t limit[] = { 1, 2 }, base = UINT64_C(0x600000000000);
	uint64_t there;
	for (unsigned round = 0; round < 2; round++) {
		vm_ages_begin(&a, true);
		ck_assert(vm_ages_take(&a, base, base + HUGE, round ? &yes : &no));
		ck_assert(vm_ages_take(&a, base + HUGE, base + 3 * HUGE, &no));
		vm_ages_end(&a);
	}
	ck_u64_eq(a.set_entries, 1);
	ck_u64_eq(a.set_bytes, HUGE);
	ck_u64_eq(a.resident_bytes, 3 * HUGE);
	vm_ages_count(&a, base + PAGE, base + HUGE + PAGE, limit, 2, &there, b);
	ck_u64_eq(there, HUGE);
	ck_u64_eq(b[0].low, HUGE - PAGE);
	ck_u64_eq(b[1].high, HUGE - PAGE);
	vm_ages_count(&a, base + HUGE, base + 2 * HUGE, limit, 2, &there, b);
	ck_u64_eq(b[1].high, 0);
	vm_ages_count(&a, 0, base, limit, 2, &there, b);
	ck_u64_eq(there, 0);
	vm_ages_blocks(&a, take_block, &blocks);
	ck_assert_uint_eq(blocks.n, 3 * 8);
	ck_assert_uint_eq(blocks.used, 512);
	vm_ages_free(&a);
}
END_TEST

/** Many pages at random, cleared or watched by somebody who knows what they did. */
enum { PAGES = 3000, ROUNDS = 40 };

struct page {
	bool there, bit;
	uint64_t used_at;          /* the last round in which it was; 0: none */
};

static void check_windows(const struct vm_ages *a, const struct page *page, uint64_t round)
{
	for (uint64_t w = 1; w <= round; w = w * 2 + 1) {
		uint64_t truth = 0;
		for (size_t i = 0; i < PAGES; i++)
			truth += page[i].there && page[i].used_at && round - page[i].used_at < w;
		const struct vm_age_band b = within(a, w);
		if (a->cleared)
			ck_u64_eq(b.low, truth);
		ck_assert_uint_le(b.low, truth);
		ck_assert_uint_ge(b.high, truth);
	}
}

static void simulate(bool clears)
{
	static struct page page[PAGES];
	static char text[PAGES + 1];
	struct vm_ages a = { .cleared = clears };
	memset(page, 0, sizeof(page));
	for (uint64_t round = 0; round <= ROUNDS; round++) {
		for (size_t i = 0; i < PAGES; i++) {
			struct page *p = &page[i];
			/* Who is gone is so for a look at least. */
			if (!p->there || rand() % 100 == 0)
				*p = (struct page){ .there = !p->there && rand() % 4 != 0 };
			/* The others are left alone for a long time. */
			if (p->there && rand() % (2 + (int)(i % 97)) == 0) {
				p->bit = true;
				p->used_at = round;
			}
			text[i] = !p->there ? ' ' : p->bit ? 'A' : '-';
			if (clears)
				p->bit = false;
		}
		look(&a, true, text, UINT64_C(0x10000) * PAGE, false);
		/* What was used before the first look is nobody's business. */
		for (size_t i = 0; round == 0 && i < PAGES; i++)
			page[i].used_at = 0;
		if (round)
			check_windows(&a, page, round);
	}
	vm_ages_free(&a);
}

START_TEST(at_random)
{
	srand(1);
	simulate(true);
	simulate(false);
}
END_TEST

UNIT_MAIN("pageage", cleared, watched, within_a_round, come_and_go, ranges, at_random)
