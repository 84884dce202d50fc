#include "core/analysis/tlbhot.h"

#include <math.h>
#include <stdlib.h>

#include "core/model/aspace.h"

const char *const vm_tlb_verdict_words[] = {
	[VM_TLB_HOT_UNKNOWN] = "unknown", [VM_TLB_HOT_IDLE] = "idle", [VM_TLB_HOT_FITS] = "fits", [VM_TLB_HOT_RARE] = "rare",
	[VM_TLB_HOT_IN_ORDER] = "in-order", [VM_TLB_HOT_SPLIT] = "split", [VM_TLB_HOT_WALKS] = "walks",
};
const char *const vm_tlb_order_words[] = {
	[VM_TLB_ORDER_UNKNOWN] = NULL, [VM_TLB_IN_ORDER] = "in-order", [VM_TLB_SCATTERED] = "scattered",
};

/** Fewer walked pages than this have no order; runs so many times as long as by chance are order. */
enum { ORDER_PAGES = 64, ORDER_TIMES = 8 };
/** A place that differs by this part of what was walked has moved. */
enum { MOVED_PART = 8 };
/** So much of what is used was walked in a short window that neighbours say nothing. */
#define ORDER_FULL 0.9
/** Walks that take less than this share of the target's time are few; and, where their cost isn't known, less than so many a second. */
#define FEW_SHARE 0.005
#define FEW_WALKS 100000.0
/** So many good windows are enough to do without the others; in a good one the target ran for this part of the time. */
enum { GOOD_LEAST = 3, SILENT_PART = 20 };

/* ---- Medians ------------------------------------------------------------------------------------------------------ */

struct windows {
	const struct vm_accessed_window *w;
	size_t n;
	bool *counts;              /* by window: is it one that counts? */
	uint64_t *sort;            /* room for n */
};

static int ascending(const void *a_, const void *b_)
{
	const uint64_t a = *(const uint64_t *)a_, b = *(const uint64_t *)b_;
	return (a > b) - (a < b);
}

static uint64_t median(uint64_t *v, size_t n)
{
	if (n == 0)
		return VM_ACCESSED_UNKNOWN;
	qsort(v, n, sizeof(*v), ascending);
	/* Unknown ones are the largest: then so is the median where most are. */
	return n % 2 || v[n / 2] == VM_ACCESSED_UNKNOWN ? v[n / 2] : v[n / 2 - 1] + (v[n / 2] - v[n / 2 - 1]) / 2;
}

/** Of a member of the counts of mapping `m`; SIZE_MAX: of their sum. */
static uint64_t sum_member(const struct vm_accessed_window *w, size_t m, size_t member)
{
	uint64_t sum = 0;
	for (size_t i = 0; i <= w->n; i++) {
		const struct vm_accessed_count *c = i < w->n ? &w->v[i] : &w->elsewhere;
		const uint64_t v = *(const uint64_t *)((const char *)c + member);
		if (m != SIZE_MAX && i != m)
			continue;
		if (v == VM_ACCESSED_UNKNOWN)
			return v;
		sum += v;
	}
	return sum;
}

static uint64_t median_of(const struct windows *ws, enum vm_accessed_kind kind, size_t m, size_t member)
{
	size_t n = 0;
	for (size_t i = 0; i < ws->n; i++)
		if (ws->w[i].kind == kind && ws->counts[i])
			ws->sort[n++] = sum_member(&ws->w[i], m, member);
	return median(ws->sort, n);
}

#define MEDIAN(ws, kind, m, member) median_of(ws, kind, m, offsetof(struct vm_accessed_count, member))

/** Of a member of the windows themselves. */
static uint64_t median_window(const struct windows *ws, enum vm_accessed_kind kind, size_t member)
{
	size_t n = 0;
	for (size_t i = 0; i < ws->n; i++)
		if (ws->w[i].kind == kind && ws->counts[i])
			ws->sort[n++] = *(const uint64_t *)((const char *)&ws->w[i] + member);
	return n ? median(ws->sort, n) : 0;
}

/* ---- Windows that count ------------------------------------------------------------------------------------------- */

static bool is_disturbed(const struct vm_accessed_window *w)
{
	return w->switches != VM_ACCESSED_UNKNOWN && w->switches > 0;
}

/** Of the target not much could be seen: it hardly ran. */
static bool is_silent(const struct vm_accessed_window *w)
{
	return w->cpu_ns != VM_ACCESSED_UNKNOWN && w->cpu_ns < w->ns / SILENT_PART;
}

/** Of the windows of a kind that count so far those that aren't `bad`, if there are enough. */
static void leave_out(const struct windows *ws, enum vm_accessed_kind kind, bool (*bad)(const struct vm_accessed_window *w))
{
	unsigned good = 0;
	for (size_t i = 0; i < ws->n; i++)
		good += ws->w[i].kind == kind && ws->counts[i] && !bad(&ws->w[i]);
	for (size_t i = 0; i < ws->n && good >= GOOD_LEAST; i++)
		if (ws->w[i].kind == kind && bad(&ws->w[i]))
			ws->counts[i] = false;
}

static void choose_windows(const struct windows *ws, struct vm_tlb_hot *h)
{
	for (size_t i = 0; i < ws->n; i++)
		ws->counts[i] = true;
	for (unsigned k = 0; k < VM_ACCESSED_KINDS; k++) {
		leave_out(ws, k, is_silent);
		/* Used pages are the same whoever ran meanwhile. */
		if (k != VM_ACCESSED_USED)
			leave_out(ws, k, is_disturbed);
	}
	for (size_t i = 0; i < ws->n; i++) {
		const enum vm_accessed_kind k = ws->w[i].kind;
		h->windows[k]++;
		h->left_out[k] += !ws->counts[i];
		h->disturbed |= k == VM_ACCESSED_WALKED && ws->counts[i] && is_disturbed(&ws->w[i]);
	}
}

/* ---- Order -------------------------------------------------------------------------------------------------------- */

/** Did the short windows see another place each time?  At least half of the neighbours in time did. */
static bool place_changes(const struct windows *ws, size_t m)
{
	uint64_t before = 0, moved = 0, pairs = 0;
	for (size_t i = 0; i < ws->n; i++) {
		if (ws->w[i].kind != VM_ACCESSED_BRIEF || !ws->counts[i] || m >= ws->w[i].n || !ws->w[i].v[m].first)
			continue;
		const struct vm_accessed_count *c = &ws->w[i].v[m];
		const uint64_t by = c->first > before ? c->first - before : before - c->first;
		pairs += before != 0;
		moved += before && by >= c->bytes / MOVED_PART;
		before = c->first;
	}
	return pairs && 2 * moved >= pairs;
}

static enum vm_tlb_order order_of(const struct windows *ws, size_t m, uint64_t used)
{
	const uint64_t walked = MEDIAN(ws, VM_ACCESSED_BRIEF, m, entries), runs = MEDIAN(ws, VM_ACCESSED_BRIEF, m, runs);
	if (m == SIZE_MAX || walked == VM_ACCESSED_UNKNOWN || runs == VM_ACCESSED_UNKNOWN || walked < ORDER_PAGES || !runs ||
	    used == VM_ACCESSED_UNKNOWN || !used)
		return VM_TLB_ORDER_UNKNOWN;
	const double full = (double)walked / (double)used;
	if (full > ORDER_FULL)
		return VM_TLB_ORDER_UNKNOWN;
	const double by_chance = 1 / (1 - full), times = (double)walked / (double)runs / by_chance;
	if (times >= ORDER_TIMES)
		return place_changes(ws, m) ? VM_TLB_IN_ORDER : VM_TLB_ORDER_UNKNOWN;
	return times < ORDER_TIMES / 2.0 ? VM_TLB_SCATTERED : VM_TLB_ORDER_UNKNOWN;
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

static double rate(uint64_t n, uint64_t ns)
{
	return n == VM_ACCESSED_UNKNOWN || !ns ? (double)NAN : (double)n * 1e9 / (double)ns;
}

static double larger(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

/**
 * Entries used, or at least those walked, against those of the second level; huge pages that the host splits count as the
 * 4K pages that they are.
 */
static double times_stlb(const struct vm_tlb_hot_row *r, const struct vm_tlb_known *k)
{
	const bool flushed = r->used_bytes != VM_ACCESSED_UNKNOWN, split = k->huge_pages_split == VM_TLB_SPLIT_YES;
	const uint64_t small = (flushed ? r->used_bytes : r->walked_bytes) >> vm_tlb_size_shift(VM_TLB_4K);
	const uint64_t n = flushed ? r->used_entries : r->walked_entries;
	const double entries = vm_tlb_entries(k->geometry.stlb);
	if (!entries || (split ? r->used_bytes & r->walked_bytes : n) == VM_ACCESSED_UNKNOWN)
		return (double)NAN;
	return (double)(split ? small : n) / entries;
}

static bool mostly_huge(const struct vm_tlb_hot_row *r)
{
	return r->huge_bytes != VM_ACCESSED_UNKNOWN && r->huge_bytes > r->used_bytes / 2;
}

static bool few_walks(const struct vm_tlb_hot_row *r)
{
	return isnan(r->time_share) ? r->walks_per_s < FEW_WALKS : r->time_share < FEW_SHARE;
}

/** `all` is what the process uses together: its mappings share the TLB. */
static enum vm_tlb_verdict verdict_of(const struct vm_tlb_hot_row *r, const struct vm_tlb_hot_row *all, const struct vm_tlb_known *k)
{
	const bool split = k->huge_pages_split == VM_TLB_SPLIT_YES;
	if (r->used_bytes == VM_ACCESSED_UNKNOWN && r->walked_bytes == VM_ACCESSED_UNKNOWN)
		return VM_TLB_HOT_UNKNOWN;
	if (r->used_bytes == 0)
		return VM_TLB_HOT_IDLE;
	if (all->stlb_times <= 1 && all->used_bytes != VM_ACCESSED_UNKNOWN)
		return VM_TLB_HOT_FITS;
	if (split && mostly_huge(r) && r->stlb_times > 1)
		return VM_TLB_HOT_SPLIT;
	if (isnan(r->walks_per_s))
		return VM_TLB_HOT_UNKNOWN;
	if (few_walks(r))
		return VM_TLB_HOT_RARE;
	/* Walks of what may fit can be those after a switch. */
	if (!(all->stlb_times > 1))
		return VM_TLB_HOT_UNKNOWN;
	return r->order == VM_TLB_IN_ORDER ? VM_TLB_HOT_IN_ORDER : VM_TLB_HOT_WALKS;
}

static void fill_used(const struct windows *ws, size_t m, struct vm_tlb_hot_row *r)
{
	const enum vm_accessed_kind kind = VM_ACCESSED_USED;
	r->used_bytes = MEDIAN(ws, kind, m, bytes);
	r->used_entries = MEDIAN(ws, kind, m, entries);
	r->huge_bytes = MEDIAN(ws, kind, m, huge_bytes);
	r->blocks = MEDIAN(ws, kind, m, blocks);
	const uint64_t there = MEDIAN(ws, VM_ACCESSED_WALKED, m, small_bytes);
	const uint64_t blocks = MEDIAN(ws, VM_ACCESSED_WALKED, m, resident_blocks);
	if (there != VM_ACCESSED_UNKNOWN && blocks != VM_ACCESSED_UNKNOWN && blocks)
		r->density = fmin(1, (double)there / (double)(blocks << vm_tlb_size_shift(VM_TLB_2M)));
}

/** What was walked was used as well: other windows may have seen less. */
static uint64_t at_least(uint64_t used, uint64_t walked)
{
	return used == VM_ACCESSED_UNKNOWN || walked == VM_ACCESSED_UNKNOWN || used > walked ? used : walked;
}

static void fill_walked(const struct windows *ws, size_t m, const struct vm_tlb_hot *h, struct vm_tlb_hot_row *r)
{
	const uint64_t brief = MEDIAN(ws, VM_ACCESSED_BRIEF, m, entries);
	r->walked_bytes = MEDIAN(ws, VM_ACCESSED_WALKED, m, bytes);
	r->walked_entries = MEDIAN(ws, VM_ACCESSED_WALKED, m, entries);
	r->used_bytes = at_least(r->used_bytes, r->walked_bytes);
	r->used_entries = at_least(r->used_entries, r->walked_entries);
	const double usual = rate(r->walked_entries, h->window_ns[VM_ACCESSED_WALKED]);
	r->walked_per_ms = usual / 1e3;
	r->walks_per_s = larger(usual, rate(brief, h->window_ns[VM_ACCESSED_BRIEF]));
	if (r->used_entries != VM_ACCESSED_UNKNOWN && r->used_entries && r->walked_entries != VM_ACCESSED_UNKNOWN)
		r->walked_share = (double)r->walked_entries / (double)r->used_entries;
	r->order = order_of(ws, m, r->used_entries == VM_ACCESSED_UNKNOWN ? r->walked_entries : r->used_entries);
}

/** Walks at what they cost in as much memory as the process uses, against the time that it ran, else against a CPU's. */
static double time_of(const struct vm_tlb_hot_row *r, const struct vm_tlb_hot_row *all, const struct vm_tlb_known *k,
		      double cpu_share)
{
	const uint64_t bytes = all->used_bytes == VM_ACCESSED_UNKNOWN ? all->walked_bytes : all->used_bytes;
	if (isnan(r->walks_per_s) || bytes == VM_ACCESSED_UNKNOWN || !bytes)
		return (double)NAN;
	return r->walks_per_s * vm_tlb_cost_ns(k, bytes, false) / 1e9 / (cpu_share > 0 ? cpu_share : 1);
}

static struct vm_tlb_hot_row row_of(const struct windows *ws, size_t at, const struct vm_mapping *m,
				    const struct vm_tlb_known *k, bool clearing_flushes, const struct vm_tlb_hot *h)
{
	const double nan = (double)NAN;
	const uint64_t unknown = VM_ACCESSED_UNKNOWN;
	struct vm_tlb_hot_row r = {
		.m = m, .used_bytes = unknown, .walked_bytes = unknown, .huge_bytes = unknown, .used_entries = unknown,
		.walked_entries = unknown, .blocks = unknown, .walked_share = nan, .walked_per_ms = nan, .walks_per_s = nan,
		.stlb_times = nan, .time_share = nan, .density = nan,
	};
	r.resident_bytes = MEDIAN(ws, VM_ACCESSED_WALKED, at, resident_bytes);
	if (m && !vm_accessed_is_told(m))
		return r;
	fill_used(ws, at, &r);
	if (!clearing_flushes)
		fill_walked(ws, at, h, &r);
	r.stlb_times = times_stlb(&r, k);
	r.time_share = time_of(&r, m ? &h->total : &r, k, h->cpu_share);
	r.verdict = verdict_of(&r, m ? &h->total : &r, k);
	return r;
}

/* ---- All ---------------------------------------------------------------------------------------------------------- */

static void sum_windows(const struct windows *ws, struct vm_tlb_hot *h)
{
	uint64_t cpu_ns = 0, ns = 0;
	bool known = true;
	for (size_t i = 0; i < ws->n; i++) {
		const struct vm_accessed_window *w = &ws->w[i];
		const uint64_t span = w->ns + (w->clear_ns + w->read_ns) / 2;
		const uint64_t entries = sum_member(w, SIZE_MAX, offsetof(struct vm_accessed_count, entries));
		h->set_again = entries == VM_ACCESSED_UNKNOWN || h->set_again == VM_ACCESSED_UNKNOWN ? VM_ACCESSED_UNKNOWN :
			h->set_again + entries;
		h->total_ns += span;
		known &= w->cpu_ns != VM_ACCESSED_UNKNOWN;
		/* Of the windows whose figures count. */
		ns += ws->counts[i] ? span : 0;
		cpu_ns += known && ws->counts[i] ? w->cpu_ns : 0;
	}
	h->cpu_share = known && ns ? (double)cpu_ns / (double)ns : (double)NAN;
	for (unsigned k = 0; k < VM_ACCESSED_KINDS; k++) {
		h->window_ns[k] = median_window(ws, k, offsetof(struct vm_accessed_window, ns));
		h->clear_ns[k] = median_window(ws, k, offsetof(struct vm_accessed_window, clear_ns));
	}
	h->read_ns = median_window(ws, VM_ACCESSED_WALKED, offsetof(struct vm_accessed_window, read_ns));
}

bool vm_tlb_hot_sum(const struct vm_aspace *as, const struct vm_accessed_window *w, size_t n, const struct vm_tlb_known *known,
		    bool clearing_flushes, struct vm_tlb_hot *out)
{
	struct windows ws = { .w = w, .n = n, .counts = calloc(n + 1, sizeof(bool)), .sort = calloc(n + 1, sizeof(uint64_t)) };
	bool ok = ws.counts && ws.sort;
	*out = (struct vm_tlb_hot){ .cpu_share = (double)NAN };
	if (ok) {
		choose_windows(&ws, out);
		sum_windows(&ws, out);
		out->total = row_of(&ws, SIZE_MAX, NULL, known, clearing_flushes, out);
	}
	for (size_t i = 0; ok && i < as->nmaps; i++) {
		const struct vm_tlb_hot_row r = row_of(&ws, i, &as->map[i], known, clearing_flushes, out);
		if (r.resident_bytes)
			ok = vm_vec_push(&out->row, r);
	}
	free(ws.counts);
	free(ws.sort);
	if (!ok)
		vm_tlb_hot_free(out);
	return ok;
}

void vm_tlb_hot_free(struct vm_tlb_hot *h)
{
	vm_vec_free(&h->row);
}
