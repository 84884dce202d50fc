#include "core/analysis/wset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/accessed.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

/* ---- Looks --------------------------------------------------------------------------------------------------------- */

void vm_wset_look(struct vm_wset *w, const struct vm_aspace *as, bool uses, bool writes, bool ends)
{
	w->as = as;
	w->at = 0;
	w->looks_at_uses = uses;
	w->looks_at_writes = writes;
	w->used.cleared = w->method != VM_WS_WATCH;
	w->written.cleared = w->writes == VM_WS_WRITES_SOFT_DIRTY || w->writes == VM_WS_WRITES_UFFD;
	if (uses)
		vm_ages_begin(&w->used, ends);
	if (writes)
		vm_ages_begin(&w->written, ends);
}

/** The mapping that holds the run, or NULL. */
static const struct vm_mapping *mapping_of(struct vm_wset *w, uint64_t start)
{
	while (w->at < w->as->nmaps && w->as->map[w->at].end <= start)
		w->at++;
	return w->at < w->as->nmaps && w->as->map[w->at].start <= start ? &w->as->map[w->at] : NULL;
}

/** Pages of files come along with their neighbours, and look used (do_fault_around() in mm/memory.c). */
static bool comes_along(const struct vm_mapping *m)
{
	return !m || m->inode || m->kind == VM_KIND_SHMEM;
}

static bool is_page(const struct vm_page_run *r)
{
	return (r->state & VM_PG(PRESENT)) && !(r->state & VM_PG(SPECIAL));
}

static struct vm_age_sign use_of(const struct vm_wset *w, const struct vm_mapping *m, const struct vm_page_run *r)
{
	const bool set = r->state & VM_PG(ACCESSED);
	/* hugetlb pages keep their bits whatever is cleared; parts of folios have no idle marks. */
	const bool told = (r->known & VM_PG(ACCESSED)) && (w->method == VM_WS_WATCH || !m || vm_accessed_is_told(m));
	return (struct vm_age_sign){
		.now = set && told, .may = !told || (set && w->method == VM_WS_WATCH), .fresh = comes_along(m), .shift = r->shift,
	};
}

/** Dirty bits stay set: a page may have been written if it was used, and may be written. */
static struct vm_age_sign dirt_of(const struct vm_page_run *r)
{
	const uint32_t all = VM_PG(DIRTY) | VM_PG(WRITE) | VM_PG(ACCESSED);
	return (struct vm_age_sign){ .now = r->state & VM_PG(DIRTY), .may = (r->state & all) == all, .shift = r->shift };
}

int vm_wset_take(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct vm_wset *w = ctx;
	for (size_t i = 0; i < n && !w->failed; i++) {
		const struct vm_page_run *r = &runs[i];
		if (!is_page(r))
			continue;
		const struct vm_mapping *m = mapping_of(w, r->start);
		const struct vm_age_sign use = use_of(w, m, r);
		w->failed |= !vm_ages_take(&w->used, r->start, r->end, &use);
		if (!w->looks_at_writes)
			continue;
		if (w->writes == VM_WS_WRITES_DIRTY) {
			const struct vm_age_sign dirt = dirt_of(r);
			w->failed |= !vm_ages_take(&w->written, r->start, r->end, &dirt);
		} else if (w->writes == VM_WS_WRITES_SOFT_DIRTY && (r->known & VM_PG(SOFT_DIRTY))) {
			const struct vm_age_sign s = { .now = r->state & VM_PG(SOFT_DIRTY), .shift = r->shift };
			w->failed |= !vm_ages_take(&w->written, r->start, r->end, &s);
		}
	}
	return w->failed;
}

int vm_wset_take_writes(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct vm_wset *w = ctx;
	for (size_t i = 0; i < n && !w->failed; i++) {
		const struct vm_page_run *r = &runs[i];
		const struct vm_age_sign s = { .now = r->state & (VM_PG(SOFT_DIRTY) | VM_PG(WRITTEN)), .shift = r->shift };
		if (is_page(r))
			w->failed |= !vm_ages_take(&w->written, r->start, r->end, &s);
	}
	return w->failed;
}

static unsigned limits_of(uint64_t rounds, uint64_t limit[static VM_AGE_WINDOWS])
{
	unsigned n = 0;
	for (; n < VM_AGE_WINDOWS && UINT64_C(1) << n <= rounds; n++)
		limit[n] = UINT64_C(1) << n;
	return n;
}

void vm_ws_point_add(struct vm_ws_point *p, uint64_t rounds, struct vm_age_band b)
{
	p->rounds = rounds;
	p->least = p->windows && p->least < b.low ? p->least : b.low;
	p->most = p->windows && p->most > b.high ? p->most : b.high;
	p->low += (double)b.low;
	p->high += (double)b.high;
	p->windows++;
}

/** All windows that end now, and lie within the report; of the last round in *last, if there was one. */
static void add_points(const struct vm_ages *a, uint64_t old, struct vm_ws_point *points, struct vm_age_band *last)
{
	uint64_t limit[VM_AGE_WINDOWS] = { 0 }, resident;
	struct vm_age_band band[VM_AGE_WINDOWS];
	const unsigned n = limits_of(a->rounds - old, limit);
	if (!n)
		return;
	vm_ages_count(a, 0, UINT64_MAX, limit, n, &resident, band);
	for (unsigned i = 0; i < n; i++)
		vm_ws_point_add(&points[i], limit[i], band[i]);
	*last = band[0];
}

/** Ends a look of one kind; true: it ended a round. */
static bool end_look(struct vm_ages *a)
{
	const bool round = a->begun && a->ends;
	vm_ages_end(a);
	return round;
}

bool vm_wset_looked(struct vm_wset *w, struct vm_ws_round *round)
{
	const struct vm_age_band unknown = { VM_WS_UNKNOWN, VM_WS_UNKNOWN };
	struct vm_age_band used = unknown, written = unknown;
	if (w->looks_at_uses) {
		if (end_look(&w->used))
			add_points(&w->used, w->old_uses, w->use, &used);
		w->had_bytes += w->used.had_bytes;
		w->lost_bytes += w->used.lost_bytes;
		w->resident_bytes = w->used.resident_bytes;
	}
	if (w->looks_at_writes && end_look(&w->written))
		add_points(&w->written, w->old_writes, w->write, &written);
	*round = (struct vm_ws_round){
		.number = w->looks_at_uses ? w->used.rounds - w->old_uses : w->written.rounds - w->old_writes,
		.resident_bytes = w->resident_bytes, .used_bytes = used.low, .used_most_bytes = used.high,
		.written_bytes = written.low, .written_most_bytes = written.high, .cleared_bytes = w->used.lost_bytes,
		.set_again = w->used.cleared ? w->used.set_entries : 0,
	};
	return !w->failed;
}

void vm_wset_restart(struct vm_wset *w)
{
	memset(w->use, 0, sizeof(w->use));
	memset(w->write, 0, sizeof(w->write));
	w->old_uses = w->used.rounds;
	w->old_writes = w->written.rounds;
	w->had_bytes = w->lost_bytes = 0;
	w->round.n = 0;
	w->figures.n = 0;
	w->figure_rounds = 0;
}

void vm_wset_free(struct vm_wset *w)
{
	vm_ages_free(&w->used);
	vm_ages_free(&w->written);
	vm_vec_free(&w->round);
	vm_vec_free(&w->figures);
}

/* ---- Figures of mappings ------------------------------------------------------------------------------------------- */

static struct vm_ws_figures *figures_of(struct vm_wset *w, const struct vm_mapping *m, size_t *at)
{
	while (*at < w->figures.n && w->figures.v[*at].start < m->start)
		++*at;
	return *at < w->figures.n && w->figures.v[*at].start == m->start ? &w->figures.v[*at] : NULL;
}

static bool has_referenced(const struct vm_mapping *m)
{
	return m->have & VM_HAVE(VM_Q_REFERENCED);
}

static bool begin_figures(struct vm_wset *w, const struct vm_aspace *as)
{
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		if (has_referenced(m) && !vm_vec_push(&w->figures, (struct vm_ws_figures){
				.start = m->start, .end = m->end, .resident = m->q[VM_Q_RSS], .first = m->q[VM_Q_REFERENCED],
				.most = m->q[VM_Q_REFERENCED] }))
			return false;
	}
	return true;
}

/** Referenced grows by what is used for the first time; bits that were cleared before say all that was used. */
static struct vm_age_band band_of(const struct vm_wset *w, struct vm_ws_figures *f, const struct vm_mapping *m)
{
	const uint64_t now = m->q[VM_Q_REFERENCED];
	f->most = now > f->most ? now : f->most;
	f->resident = m->q[VM_Q_RSS];
	if (!vm_accessed_is_told(m))
		return (struct vm_age_band){ 0, f->resident };
	/* Pages of files may have been used by others. */
	if (comes_along(m))
		return (struct vm_age_band){ 0, f->most };
	if (w->method == VM_WS_CLEAR)
		return (struct vm_age_band){ now, now };
	return (struct vm_age_band){ now > f->first ? now - f->first : 0, f->most };
}

bool vm_wset_add_figures(struct vm_wset *w, const struct vm_aspace *as, uint64_t rounds, struct vm_ws_round *round)
{
	struct vm_age_band sum = { 0 };
	uint64_t resident = 0;
	unsigned k = 0;
	size_t at = 0;
	*round = (struct vm_ws_round){ .number = rounds, .written_bytes = VM_WS_UNKNOWN, .written_most_bytes = VM_WS_UNKNOWN };
	if (!rounds)
		return begin_figures(w, as);
	while (k + 1 < VM_AGE_WINDOWS && UINT64_C(2) << k <= rounds)
		k++;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		struct vm_ws_figures *f = has_referenced(m) ? figures_of(w, m, &at) : NULL;
		if (!f)
			continue;
		f->used[k] = band_of(w, f, m);
		sum.low += f->used[k].low;
		sum.high += f->used[k].high;
		resident += f->resident;
	}
	w->figure_rounds = rounds;
	w->resident_bytes = resident;
	memset(&w->use[k], 0, sizeof(w->use[k]));
	vm_ws_point_add(&w->use[k], UINT64_C(1) << k, sum);
	round->resident_bytes = resident;
	round->used_bytes = sum.low;
	round->used_most_bytes = sum.high;
	return true;
}

/* ---- Summing up ---------------------------------------------------------------------------------------------------- */

static uint64_t rounds_in(uint64_t ns, uint64_t round_ns, uint64_t otherwise, uint64_t most)
{
	const uint64_t n = ns && round_ns ? (ns + round_ns / 2) / round_ns : otherwise;
	return n < 1 ? 1 : n < most ? n : most;
}

struct summing {
	const struct vm_wset *w;
	uint64_t rounds, hot, warm;   /* windows, in rounds */
	uint64_t ns;
	uint64_t limit[VM_AGE_WINDOWS];
	unsigned windows;
};

/** What hides in TLBs may have been used as well, and what somebody else's clearing hid: see the top of wset.h. */
static struct vm_age_band widened(const struct vm_wset *w, struct vm_age_band b, uint64_t resident)
{
	const double f = w->had_bytes ? (double)w->lost_bytes / (double)w->had_bytes : 0;
	const double more = (double)w->hidden_bytes + (f < 1 ? (double)b.low * f / (1 - f) : (double)resident);
	const double high = (double)b.high + more;
	b.high = high < (double)resident ? (uint64_t)high : b.high > resident ? b.high : resident;
	return b;
}

static void divide(struct vm_ws_row *r, struct vm_age_band hot, struct vm_age_band warm)
{
	const uint64_t most = warm.high < r->resident_bytes ? warm.high : r->resident_bytes;
	r->hot_bytes = hot.low;
	r->warm_bytes = warm.low > hot.low ? warm.low - hot.low : 0;
	r->cold_bytes = r->resident_bytes - most;
	r->unsure_bytes = most > warm.low ? most - warm.low : 0;
}

/** Bytes in each round. */
static double per_second(const struct summing *s, double bytes)
{
	return s->ns ? bytes * (double)s->rounds * 1e9 / (double)s->ns : (double)NAN;
}

/** Where nothing was looked at nothing is known. */
static void sum_writes(const struct summing *s, uint64_t from, uint64_t to, struct vm_ws_row *r)
{
	const struct vm_wset *w = s->w;
	struct vm_age_band last;
	uint64_t there;
	const uint64_t one = 1;
	if (w->writes == VM_WS_WRITES_NONE)
		return;
	vm_ages_count(&w->written, from, to, &s->rounds, 1, &there, &r->written);
	vm_ages_count(&w->written, from, to, &one, 1, &there, &last);
	r->writes = there > 0;
	if (!r->writes)
		return;
	r->written_per_s = per_second(s, (double)last.low);
	r->written_per_s_most = per_second(s, (double)last.high);
}

static void sum_pages(const struct summing *s, uint64_t from, uint64_t to, struct vm_ws_row *r)
{
	struct vm_age_band edge[2];
	uint64_t there;
	const struct vm_wset *w = s->w;
	vm_ages_count(&w->used, from, to, s->limit, s->windows, &r->resident_bytes, r->by_window);
	const uint64_t edges[] = { s->hot, s->warm };
	vm_ages_count(&w->used, from, to, edges, 1 + (s->warm > s->hot), &there, edge);
	if (s->warm <= s->hot)
		edge[1] = edge[0];
	vm_ages_count(&w->used, from, to, &s->rounds, 1, &there, &r->used);
	r->windows = s->windows;
	for (unsigned i = 0; i < s->windows; i++)
		r->by_window[i] = widened(w, r->by_window[i], r->resident_bytes);
	r->used = widened(w, r->used, r->resident_bytes);
	edge[1] = widened(w, edge[1], r->resident_bytes);
	divide(r, edge[0], edge[1]);
	sum_writes(s, from, to, r);
}

/** The longest window that isn't longer than so many rounds. */
static struct vm_age_band band_within(const struct summing *s, const struct vm_age_band *by_window, uint64_t rounds)
{
	struct vm_age_band b = { 0 };
	for (unsigned i = 0; i < s->windows && s->limit[i] <= rounds; i++)
		b = by_window[i];
	return b;
}

static void sum_figures(const struct summing *s, const struct vm_ws_figures *f, struct vm_ws_row *r)
{
	r->resident_bytes = f->resident;
	r->windows = s->windows;
	for (unsigned i = 0; i < s->windows; i++) {
		r->by_window[i] = widened(s->w, f->used[i], f->resident);
	}
	r->used = band_within(s, r->by_window, s->rounds);
	divide(r, band_within(s, r->by_window, s->hot), band_within(s, r->by_window, s->warm));
	sum_writes(s, f->start, f->end, r);
}

static struct vm_ws_row empty_row(const struct vm_mapping *m)
{
	return (struct vm_ws_row){ .m = m, .written_per_s = (double)NAN, .written_per_s_most = (double)NAN };
}

static bool sum_rows(const struct summing *s, const struct vm_aspace *as, struct vm_ws_sum *out)
{
	const struct vm_wset *w = s->w;
	size_t at = 0;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		struct vm_ws_row r = empty_row(m);
		while (!w->pages && at < w->figures.n && w->figures.v[at].start < m->start)
			at++;
		if (w->pages)
			sum_pages(s, m->start, m->end, &r);
		else if (at < w->figures.n && w->figures.v[at].start == m->start)
			sum_figures(s, &w->figures.v[at], &r);
		if (r.resident_bytes && !vm_vec_push(&out->row, r))
			return false;
	}
	return true;
}

static void add_band(struct vm_age_band *to, struct vm_age_band b)
{
	to->low += b.low;
	to->high += b.high;
}

/** Of pages the sum is counted as well: what hides is the same for all. */
static void sum_total(const struct summing *s, struct vm_ws_sum *out)
{
	struct vm_ws_row *t = &out->total;
	*t = empty_row(NULL);
	if (s->w->pages) {
		sum_pages(s, 0, UINT64_MAX, t);
		return;
	}
	t->windows = s->windows;
	for (size_t i = 0; i < out->row.n; i++) {
		const struct vm_ws_row *r = &out->row.v[i];
		t->resident_bytes += r->resident_bytes;
		add_band(&t->used, r->used);
		for (unsigned k = 0; k < s->windows; k++)
			add_band(&t->by_window[k], r->by_window[k]);
		t->hot_bytes += r->hot_bytes;
		t->warm_bytes += r->warm_bytes;
		t->cold_bytes += r->cold_bytes;
		t->unsure_bytes += r->unsure_bytes;
	}
	sum_writes(s, 0, UINT64_MAX, t);
}

static uint64_t mean(double sum, uint64_t n)
{
	return n ? (uint64_t)(sum / (double)n + 0.5) : 0;
}

static bool sum_windows(const struct summing *s, struct vm_ws_sum *out)
{
	const struct vm_wset *w = s->w;
	for (unsigned i = 0; i < s->windows; i++) {
		const struct vm_ws_point *u = &w->use[i], *d = &w->write[i];
		const uint64_t there = out->total.resident_bytes;
		const struct vm_age_band used = { mean(u->low, u->windows), mean(u->high, u->windows) };
		if (!u->windows)
			continue;
		if (!vm_vec_push(&out->window, (struct vm_ws_window){
				.rounds = u->rounds, .ns = s->rounds ? s->ns / s->rounds * u->rounds : 0, .windows = u->windows,
				.resident_bytes = there,
				.used = widened(w, used, there), .used_least = u->least,
				.used_most = widened(w, (struct vm_age_band){ used.low, u->most }, there).high,
				.written = { mean(d->low, d->windows), mean(d->high, d->windows) }, .written_most = d->most,
				.writes = w->writes != VM_WS_WRITES_NONE }))
			return false;
	}
	return true;
}

static void sum_costs(const struct vm_wset *w, struct vm_ws_sum *out)
{
	out->rounds = w->round.n;
	for (size_t i = 0; i < w->round.n; i++) {
		const struct vm_ws_round *r = &w->round.v[i];
		out->clear_ns += r->clear_ns;
		out->read_ns += r->read_ns;
		out->locked_ns += r->locked_ns;
		out->cost_ns += r->cost_ns;
		out->set_again += r->set_again;
		out->rounds_ns += r->ns;
	}
	out->cleared_share = w->had_bytes ? (double)w->lost_bytes / (double)w->had_bytes : (double)NAN;
}

bool vm_wset_sum(struct vm_wset *w, const struct vm_aspace *as, uint64_t round_ns, uint64_t hot_ns, uint64_t warm_ns,
		 struct vm_ws_sum *out)
{
	*out = (struct vm_ws_sum){ 0 };
	sum_costs(w, out);
	struct summing s = { .w = w, .rounds = w->pages ? w->used.rounds - w->old_uses : w->figure_rounds };
	if (!w->pages && w->written.rounds - w->old_writes > s.rounds)
		s.rounds = w->written.rounds - w->old_writes;
	s.ns = out->rounds_ns;
	const uint64_t each = s.rounds && s.ns ? s.ns / s.rounds : round_ns;
	s.windows = limits_of(s.rounds, s.limit);
	s.hot = rounds_in(hot_ns, each, (s.rounds + 7) / 8, s.rounds ? s.rounds : 1);
	s.warm = rounds_in(warm_ns, each, s.rounds, s.rounds ? s.rounds : 1);
	out->ns = s.ns;
	out->hot_ns = s.hot * each;
	out->warm_ns = s.warm * each;
	bool ok = sum_rows(&s, as, out);
	if (ok)
		sum_total(&s, out);
	ok = ok && sum_windows(&s, out);
	/* The total's rate is that of all rounds. */
	if (ok && out->total.writes && w->write[0].windows) {
		out->total.written_per_s = per_second(&s, w->write[0].low / (double)w->write[0].windows);
		out->total.written_per_s_most = per_second(&s, w->write[0].high / (double)w->write[0].windows);
	}
	if (!ok)
		vm_ws_sum_free(out);
	return ok;
}

void vm_ws_sum_free(struct vm_ws_sum *s)
{
	vm_vec_free(&s->window);
	vm_vec_free(&s->row);
}
