/** core/analysis/wset, wsregions: working sets from looks, figures and regions that were made by hand. */
#include "core/analysis/wset.h"

#include <math.h>

#include "core/analysis/wsregions.h"

#include "space.h"

enum { PAGE = 4096, MS = 1000000 };

static const char maps[] =
	"10000-20000 rw-p 00000000 00:00 0 \n"
	"20000-24000 r-xp 00000000 08:01 7                          /lib/x.so\n";

/** A look: `bits` of 16 pages of memory and 4 of a file. */
static void look(struct vm_wset *w, const struct vm_aspace *as, const char *bits, struct vm_ws_round *round)
{
	const uint32_t known = VM_PG(PRESENT) | VM_PG(ACCESSED) | VM_PG(DIRTY) | VM_PG(WRITE);
	vm_wset_look(w, as, true, w->writes != VM_WS_WRITES_NONE, true);
	for (size_t i = 0; bits[i]; i++) {
		const uint64_t start = 0x10000 + i * PAGE;
		const struct vm_page_run r = {
			.start = start, .end = start + PAGE, .known = known | VM_PG(SOFT_DIRTY), .shift = 12,
			.state = VM_PG(PRESENT) | (bits[i] != '-' ? VM_PG(ACCESSED) : 0) |
				 (bits[i] == 'W' ? VM_PG(DIRTY) | VM_PG(WRITE) | VM_PG(SOFT_DIRTY) : 0),
		};
		if (bits[i] != ' ')
			ck_assert_int_eq(vm_wset_take(w, &r, 1), 0);
	}
	ck_assert(vm_wset_looked(w, round));
}

static void end(struct vm_wset *w, struct vm_ws_round *r)
{
	r->ns = 100 * MS;
	ck_assert(vm_vec_push(&w->round, *r));
}

START_TEST(pages)
{
	struct vm_aspace *as = space_of(maps);
	struct vm_wset w = { .method = VM_WS_CLEAR, .writes = VM_WS_WRITES_SOFT_DIRTY, .pages = true };
	struct vm_ws_round r;
	struct vm_ws_sum s;
	look(&w, as, "AAAAAAAAAAAAAAAAAAA ", &r);
	ck_u64_eq(r.number, 0);
	/* One page always, one in the first round only, one written. */
	look(&w, as, "AAW-------------A-- ", &r);
	ck_u64_eq(r.used_bytes, 4 * PAGE);
	ck_u64_eq(r.written_bytes, PAGE);
	end(&w, &r);
	look(&w, as, "A-W---------------- ", &r);
	end(&w, &r);
	look(&w, as, "A------------------ ", &r);
	end(&w, &r);
	look(&w, as, "A--------------W---A", &r);
	ck_u64_eq(r.used_bytes, 2 * PAGE);
	/* A page of a file that has come along. */
	ck_u64_eq(r.used_most_bytes, 3 * PAGE);
	end(&w, &r);
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 200 * MS, 0, &s));
	ck_u64_eq(s.ns, 400 * MS);
	ck_u64_eq(s.hot_ns, 200 * MS);
	ck_u64_eq(s.warm_ns, 400 * MS);
	ck_assert_uint_eq(s.row.n, 2);
	ck_assert_uint_eq(s.window.n, 3);
	ck_u64_eq(s.window.v[0].windows, 4);
	ck_u64_eq(s.window.v[2].windows, 1);
	/* (4 + 2 + 1 + 2) / 4 pages. */
	ck_u64_eq(s.window.v[0].used.low, 9 * PAGE / 4);
	ck_u64_eq(s.window.v[0].used_least, PAGE);
	ck_u64_eq(s.window.v[0].used_most, 4 * PAGE);
	ck_u64_eq(s.window.v[2].used.low, 5 * PAGE);
	ck_u64_eq(s.window.v[2].used.high, 6 * PAGE);
	ck_u64_eq(s.window.v[2].written.low, 2 * PAGE);
	const struct vm_ws_row *anon = &s.row.v[0];
	ck_u64_eq(anon->resident_bytes, 16 * PAGE);
	ck_u64_eq(anon->used.low, 4 * PAGE);
	ck_u64_eq(anon->hot_bytes, 2 * PAGE);
	ck_u64_eq(anon->warm_bytes, 2 * PAGE);
	ck_u64_eq(anon->cold_bytes, 12 * PAGE);
	ck_u64_eq(anon->unsure_bytes, 0);
	ck_u64_eq(anon->written.low, 2 * PAGE);
	ck_u64_eq(s.row.v[1].unsure_bytes, PAGE);
	ck_u64_eq(s.total.resident_bytes, 20 * PAGE);
	/* (1 + 1 + 0 + 1) pages in 0.4 s. */
	ck_u64_eq((uint64_t)(s.total.written_per_s + 0.5), 3 * PAGE * 10 / 4);
	vm_ws_sum_free(&s);
	/* Another report: ages go on, curves don't. */
	vm_wset_restart(&w);
	look(&w, as, "A------------------ ", &r);
	ck_u64_eq(r.number, 1);
	end(&w, &r);
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 0, 0, &s));
	ck_assert_uint_eq(s.window.n, 1);
	ck_u64_eq(s.total.used.low, PAGE);
	vm_ws_sum_free(&s);
	vm_wset_free(&w);
	vm_aspace_free(as);
}
END_TEST

/** What TLBs hide, and what others clear, may have been used as well. */
START_TEST(widened)
{
	struct vm_aspace *as = space_of(maps);
	struct vm_wset w = { .method = VM_WS_CLEAR, .pages = true, .hidden_bytes = 2 * PAGE };
	struct vm_ws_round r;
	struct vm_ws_sum s;
	look(&w, as, "----------------    ", &r);
	look(&w, as, "AAAA------------    ", &r);
	end(&w, &r);
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 0, 0, &s));
	ck_u64_eq(s.total.used.low, 4 * PAGE);
	ck_u64_eq(s.total.used.high, 6 * PAGE);
	ck_u64_eq(s.total.cold_bytes, 10 * PAGE);
	ck_u64_eq(s.total.unsure_bytes, 2 * PAGE);
	ck_assert(isnan(s.cleared_share));
	vm_ws_sum_free(&s);
	/* Half of what was set was cleared: as much again. */
	w.hidden_bytes = 0;
	w.had_bytes = 8 * PAGE;
	w.lost_bytes = 4 * PAGE;
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 0, 0, &s));
	ck_u64_eq(s.total.used.high, 8 * PAGE);
	vm_ws_sum_free(&s);
	w.lost_bytes = w.had_bytes;
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 0, 0, &s));
	ck_u64_eq(s.total.used.high, 16 * PAGE);
	vm_ws_sum_free(&s);
	vm_wset_free(&w);
	vm_aspace_free(as);
}
END_TEST

/** Dirty bits that nobody clears: what becomes dirty, and what is dirty and was used. */
START_TEST(dirt)
{
	struct vm_aspace *as = space_of(maps);
	struct vm_wset w = { .method = VM_WS_CLEAR, .writes = VM_WS_WRITES_DIRTY, .pages = true };
	struct vm_ws_round r;
	look(&w, as, "WWA-", &r);
	look(&w, as, "WA W", &r);
	ck_u64_eq(r.written_bytes, PAGE);
	ck_u64_eq(r.written_most_bytes, 3 * PAGE);
	vm_wset_free(&w);
	vm_aspace_free(as);
}
END_TEST

static const char smaps_format[] =
	"10000-20000 rw-p 00000000 00:00 0 \nSize: 64 kB\nRss: 64 kB\nReferenced: %u kB\nVmFlags: rd wr\n"
	"20000-24000 r-xp 00000000 08:01 7                          /lib/x.so\nSize: 16 kB\nRss: 16 kB\nReferenced: %u kB\nVmFlags: rd ex\n";

static struct vm_aspace *figures(unsigned anon, unsigned file)
{
	char text[1024];
	snprintf(text, sizeof(text), smaps_format, anon, file);
	return space_of(text);
}

static void add(struct vm_wset *w, unsigned anon, unsigned file, uint64_t rounds, struct vm_ws_round *r)
{
	struct vm_aspace *as = figures(anon, file);
	ck_assert(vm_wset_add_figures(w, as, rounds, r));
	if (rounds)
		end(w, r);
	vm_aspace_free(as);
}

START_TEST(figures_of_mappings)
{
	struct vm_aspace *as = figures(0, 0);
	struct vm_ws_round r;
	struct vm_ws_sum s;
	struct vm_wset w = { .method = VM_WS_CLEAR };
	add(&w, 0, 0, 0, &r);
	add(&w, 8, 4, 1, &r);
	ck_u64_eq(r.used_bytes, 8 << 10);
	ck_u64_eq(r.used_most_bytes, 12 << 10);
	add(&w, 12, 4, 2, &r);
	add(&w, 32, 4, 4, &r);
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 1, 0, &s));
	ck_assert_uint_eq(s.window.n, 3);
	ck_u64_eq(s.row.v[0].used.low, 32 << 10);
	ck_u64_eq(s.row.v[0].hot_bytes, 8 << 10);
	ck_u64_eq(s.row.v[0].warm_bytes, 24 << 10);
	ck_u64_eq(s.row.v[0].cold_bytes, 32 << 10);
	ck_u64_eq(s.row.v[1].used.low, 0);
	ck_u64_eq(s.row.v[1].used.high, 4 << 10);
	vm_ws_sum_free(&s);
	vm_wset_free(&w);
	/* Watched: what it grows by, and what it was at most. */
	w = (struct vm_wset){ .method = VM_WS_WATCH };
	add(&w, 20, 4, 0, &r);
	add(&w, 24, 4, 1, &r);
	ck_u64_eq(r.used_bytes, 4 << 10);
	ck_u64_eq(r.used_most_bytes, 28 << 10);
	add(&w, 12, 4, 2, &r);
	ck_u64_eq(r.used_bytes, 0);
	ck_u64_eq(r.used_most_bytes, 28 << 10);
	vm_wset_free(&w);
	vm_aspace_free(as);
}
END_TEST

/** Ends of the interval as in the literature: 0 of 10: 0 to 0.2775, 5 of 10: 0.2366 to 0.7634, 10 of 10: 0.7225 to 1. */
START_TEST(wilson)
{
	double low, high;
	vm_wilson(0, 10, &low, &high);
	ck_assert_double_eq_tol(low, 0, 1e-9);
	ck_assert_double_eq_tol(high, 0.2775, 1e-4);
	vm_wilson(5, 10, &low, &high);
	ck_assert_double_eq_tol(low, 0.2366, 1e-4);
	ck_assert_double_eq_tol(high, 0.7634, 1e-4);
	vm_wilson(10, 10, &low, &high);
	ck_assert_double_eq_tol(low, 0.7225, 1e-4);
	ck_assert_double_eq_tol(high, 1, 1e-9);
	vm_wilson(3, 0, &low, &high);
	ck_assert_double_eq_tol(high - low, 1, 1e-9);
	/* More accesses than samples, which DAMON may tell. */
	vm_wilson(21, 20, &low, &high);
	ck_assert_double_eq_tol(high, 1, 1e-9);
}
END_TEST

START_TEST(regions)
{
	struct vm_aspace *as = figures(0, 0);
	struct vm_wset w = { .method = VM_WS_DAMON };
	const struct vm_damon_region all[] = {
		{ 0x8000, 0x18000, 20, 3 }, { 0x18000, 0x30000, 0, 1 },
	};
	struct vm_ws_round r;
	struct vm_ws_sum s;
	double low, high;
	ck_assert(vm_wset_add_regions(&w, as, all, 2, 20, 4, &r));
	end(&w, &r);
	vm_wilson(20, 20, &low, &high);
	ck_assert(vm_wset_sum(&w, as, 100 * MS, 1, 0, &s));
	ck_assert_uint_eq(s.row.n, 2);
	/* Half of the mapping is in use: so much at least; and what is idle, a little at most. */
	ck_u64_eq(w.figures.v[0].used[0].low, (uint64_t)(low * 0x8000));
	vm_wilson(0, 20, &low, &high);
	ck_u64_eq(w.figures.v[0].used[0].high, (uint64_t)(0x8000 + high * 0x8000));
	/* Idle for a round only: before it may have been used. */
	ck_u64_eq(w.figures.v[0].used[1].high, 0x10000);
	ck_u64_eq(w.figures.v[1].used[0].low, 0);
	vm_ws_sum_free(&s);
	vm_wset_free(&w);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("wset", pages, widened, dirt, figures_of_mappings, wilson, regions)
