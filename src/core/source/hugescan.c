#include "core/source/hugescan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/hugefolio.h"
#include "core/source/ksm.h"
#include "core/source/session.h"

enum { PMD_SHIFT = 21, PAGE = 4096 };

/** Addresses [start, end) that entries of the second level map, as PAGEMAP_SCAN tells. */
struct span {
	uint64_t start, end;
};

struct vm_hugescanner {
	struct vm_session *s;
	const struct vm_hugefs *fs;
	struct vm_folios *folios;
};

struct scan {
	struct vm_session *s;
	const struct vm_hugescan_query *q;
	struct vm_huge_space *h;
	struct vm_folios *folios;
	VM_VEC(struct span) huge;
	size_t span;               /* the first one that may still matter */
	bool spans_known;
	size_t at;                 /* mapping of the last run, or the first one above it */
	bool have_last;
	struct vm_page_run last;
};

/* ---- Runs, joined and cut ----------------------------------------------------------------------------------------- */

static int put(struct scan *s, const struct vm_page_run *r)
{
	const struct vm_aspace *as = s->h->as;
	while (s->at < as->nmaps && as->map[s->at].end <= r->start)
		s->at++;
	if (s->at == as->nmaps || as->map[s->at].start > r->start)
		return 0;
	return vm_folios_put(s->folios, s->at, r);
}

/** Where PAGEMAP_SCAN told which ranges are huge: the parts of the run within them are, the others aren't. */
static int put_by_spans(struct scan *s, const struct vm_page_run *r)
{
	struct vm_page_run part = *r;
	int e = 0;
	while (part.start < r->end && e == 0) {
		while (s->span < s->huge.n && s->huge.v[s->span].end <= part.start)
			s->span++;
		const struct span *x = s->span < s->huge.n ? &s->huge.v[s->span] : NULL;
		const bool in = x && x->start <= part.start;
		const uint64_t end = in ? x->end : x && x->start < r->end ? x->start : r->end;
		part.end = end < r->end ? end : r->end;
		part.shift = in ? PMD_SHIFT : 12;
		e = put(s, &part);
		if (part.pfn != VM_PFN_NONE && !(part.state & VM_PG(ZERO)))
			part.pfn += (part.end - part.start) / PAGE;
		part.start = part.end;
	}
	return e;
}

static int put_last(struct scan *s)
{
	const bool mapped = s->last.state & VM_PG(PRESENT);
	if (!s->have_last)
		return 0;
	s->have_last = false;
	return s->spans_known && mapped && s->last.shift <= 12 ? put_by_spans(s, &s->last) : put(s, &s->last);
}

/** Batches of the back end cut runs anywhere; mappings do where they end. */
static bool goes_on(const struct scan *s, const struct vm_page_run *r)
{
	const struct vm_aspace *as = s->h->as;
	if (!s->have_last || !vm_page_run_follows(&s->last, r, true))
		return false;
	const size_t i = vm_aspace_find(as, s->last.start);
	return i < as->nmaps && as->map[i].end > r->start;
}

static int take(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct scan *s = ctx;
	int e = 0;
	for (size_t i = 0; i < n && e == 0; i++) {
		if (goes_on(s, &runs[i])) {
			s->last.end = runs[i].end;
			continue;
		}
		e = put_last(s);
		s->last = runs[i];
		s->have_last = true;
	}
	return e;
}

/* ---- Ways of reading ---------------------------------------------------------------------------------------------- */

static int take_huge(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct scan *s = ctx;
	for (size_t i = 0; i < n; i++) {
		struct span *last = s->huge.n ? &s->huge.v[s->huge.n - 1] : NULL;
		if (runs[i].shift < PMD_SHIFT)
			continue;
		if (last && last->end == runs[i].start)
			last->end = runs[i].end;
		else if (!vm_vec_push(&s->huge, ((struct span){ runs[i].start, runs[i].end })))
			return -ENOMEM;
	}
	return 0;
}

static struct vm_pages_query query(const struct scan *s, enum vm_pages_via via, uint32_t want, bool frames)
{
	return (struct vm_pages_query){
		.from = s->q->from, .to = s->q->to, .via = via, .want = want, .frames = frames, .as = s->h->as,
	};
}

static void find_spans(struct scan *s)
{
	struct vm_pages_info info;
	const struct vm_pages_query q = query(s, VM_VIA_SCAN, VM_PG(PRESENT), false);
	s->spans_known = vm_pages_scan(s->s, s->q->pid, &q, take_huge, s, &info, NULL) == 0;
	if (!s->spans_known)
		s->huge.n = 0;
}

static int read_via(struct scan *s, enum vm_pages_via via, bool frames, struct vm_pages_info *info, struct vm_err *err)
{
	const uint32_t want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(ZERO) | VM_PG(UFFD_WP) |
			      VM_PG(GUARD) | VM_PG(MARKER) | (via == VM_VIA_TABLES ? VM_PG(WRITE) : 0);
	const struct vm_pages_query q = query(s, via, want, frames);
	if (via == VM_VIA_PAGEMAP)
		find_spans(s);
	vm_folios_guess(s->folios, via == VM_VIA_PAGEMAP && !s->spans_known);
	int r = vm_pages_scan(s->s, s->q->pid, &q, take, s, info, err);
	if (r == 0)
		r = put_last(s);
	if (r == 0)
		r = vm_folios_end(s->folios);
	return r;
}

/** What was found may be used. */
static bool another_way(int r)
{
	return r == -EOPNOTSUPP || r == -EPERM || r == -EACCES || r == -ENOENT || r == -ENOTTY || r == -ENXIO;
}

static void note(struct scan *s, bool frames, const struct vm_pages_info *info)
{
	struct vm_huge_read *read = &s->h->read;
	static const char *const with[VM_VIA_NR] = {
		[VM_VIA_TABLES] = "page-tables, kpageflags", [VM_VIA_PAGEMAP] = "pagemap, kpageflags", [VM_VIA_SCAN] = "pagemap-scan",
	};
	read->sizes_known = frames && !info->frames_withheld;
	read->via = read->sizes_known && with[info->via] ? with[info->via] : vm_via_names[info->via];
	read->entries_known = info->via != VM_VIA_PAGEMAP || s->spans_known;
	read->ranges_known = info->via != VM_VIA_MINCORE;
	read->shared_known = !(info->unknown & VM_PG(EXCLUSIVE));
	read->writes_known = info->via == VM_VIA_TABLES && !(info->unknown & VM_PG(WRITE));
	read->partial = info->partial;
}

static int read_pages(struct scan *s, struct vm_err *err)
{
	struct vm_pages_info info = { 0 };
	struct vm_err why = { 0 };
	struct vm_huge_read *read = &s->h->read;
	const bool frames = vm_folios_known(s->folios);
	if (!frames)
		snprintf(read->why_not, sizeof(read->why_not), "%s", vm_folios_why(s->folios));
	if (s->q->via != VM_VIA_AUTO) {
		const bool tells = frames && (s->q->via == VM_VIA_TABLES || s->q->via == VM_VIA_PAGEMAP);
		int r = read_via(s, s->q->via, tells, &info, err);
		note(s, tells, &info);
		return r;
	}
	int r = read_via(s, VM_VIA_TABLES, frames, &info, &why);
	if (another_way(r)) {
		if (frames && s->s->live)
			snprintf(read->why_not, sizeof(read->why_not), "page-tables: %.120s", why.what);
		memset(&info, 0, sizeof(info));
		r = read_via(s, VM_VIA_PAGEMAP, frames, &info, err);
	} else if (r < 0 && err) {
		*err = why;
	}
	note(s, frames, &info);
	return r;
}

/* ---- By smaps ----------------------------------------------------------------------------------------------------- */

static unsigned order_of(uint64_t bytes)
{
	return bytes > PAGE ? (unsigned)__builtin_ctzll(bytes / PAGE) : 0;
}

static uint64_t quantity(const struct vm_mapping *m, enum vm_qty q)
{
	return m->have >> q & 1 ? m->q[q] : 0;
}

/** smaps alone: how much of a mapping one entry maps, not where. */
static bool add_by_smaps(struct vm_huge_space *h, size_t i)
{
	const struct vm_mapping *m = &h->as->map[i];
	const uint64_t anon_huge = quantity(m, VM_Q_THP), file_huge = quantity(m, VM_Q_SHMEM_THP) + quantity(m, VM_Q_FILE_THP);
	const uint64_t rss = quantity(m, VM_Q_RSS), anon = quantity(m, VM_Q_ANON) < rss ? quantity(m, VM_Q_ANON) : rss;
	const uint64_t pool = quantity(m, VM_Q_PRIVATE_HUGETLB) + quantity(m, VM_Q_SHARED_HUGETLB);
	const enum vm_huge_what file = h->map[i].backing == VM_HUGE_B_FILE || h->map[i].backing == VM_HUGE_B_SPECIAL
		? VM_HUGE_FILE : VM_HUGE_SHMEM;
	const unsigned pmd = order_of(h->range_bytes), pool_order = order_of(quantity(m, VM_Q_KPAGE));
	const struct { enum vm_huge_what what; enum vm_huge_how how; unsigned order; uint64_t bytes; } cell[] = {
		{ VM_HUGE_ANON, VM_HUGE_ENTRY, pmd, anon_huge },
		{ VM_HUGE_ANON, VM_HUGE_SMALL, 0, anon > anon_huge ? anon - anon_huge : 0 },
		{ file, VM_HUGE_ENTRY, pmd, file_huge },
		{ file, VM_HUGE_SMALL, 0, rss - anon > file_huge ? rss - anon - file_huge : 0 },
		{ VM_HUGE_HUGETLB, VM_HUGE_ENTRY, pool_order < VM_HUGE_ORDERS ? pool_order : 0, pool },
	};
	h->map[i].swapped = quantity(m, VM_Q_SWAP);
	for (size_t k = 0; k < sizeof(cell) / sizeof(cell[0]); k++)
		if (cell[k].bytes && !vm_huge_space_add(h, i, cell[k].what, cell[k].how, cell[k].order, cell[k].bytes))
			return false;
	return true;
}

static int by_smaps(struct vm_huge_space *h)
{
	for (size_t i = 0; i < h->as->nmaps; i++)
		if (!add_by_smaps(h, i))
			return -ENOMEM;
	h->read = (struct vm_huge_read){ .via = "smaps" };
	return 0;
}

struct vm_hugescanner *vm_hugescanner_open(struct vm_session *s, const struct vm_hugefs *fs, const struct vm_hugesys *sys)
{
	struct vm_hugescanner *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	*x = (struct vm_hugescanner){
		.s = s, .fs = fs, .folios = vm_folios_new(s, s->live ? vm_folios_orders(sys, PAGE) : VM_FOLIOS_ALL),
	};
	if (!x->folios) {
		free(x);
		return NULL;
	}
	return x;
}

void vm_hugescanner_close(struct vm_hugescanner *x)
{
	if (!x)
		return;
	vm_folios_free(x->folios);
	free(x);
}

int vm_hugescan(struct vm_hugescanner *x, const struct vm_hugescan_query *q, const struct vm_aspace *as, struct vm_huge_space *out,
		struct vm_err *err)
{
	struct scan scan = { .s = x->s, .q = q, .h = out, .folios = x->folios };
	const uint64_t began = vm_clock_ns();
	uint64_t merged = 0;
	if (vm_huge_space_begin(out, as, PAGE, q->range_bytes) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	vm_hugefs_classify(x->fs, out);
	/* A kernel that doesn't tell may have merged some. */
	const bool ksm = vm_ksm_merging(x->s, q->pid, &merged) != 0 || merged;
	vm_folios_begin(x->folios, out, ksm);
	int r = read_pages(&scan, err);
	if (another_way(r) && !x->s->live && q->via == VM_VIA_AUTO)
		r = by_smaps(out);
	vm_vec_free(&scan.huge);
	vm_huge_space_end(out);
	out->read.took_ns = vm_clock_ns() - began;
	return r == -ENOMEM ? vm_fail(err, ENOMEM, "out of memory") : r;
}
