#include "core/analysis/pageage.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SHIFT = 12, CHUNK_SHIFT = 21, PAGES = 1 << (CHUNK_SHIFT - PAGE_SHIFT), BLOCK_PAGES = 64 };
/** Ages: rounds, this one being 0.  NEVER: not since it is looked at. */
enum { NEVER = UINT16_MAX, OLDEST = UINT16_MAX - 1 };

enum { THERE = 1, SET = 2, SEEN = 4, MAY = 8, LOOKED = 16 };

struct vm_age_chunk {
	uint64_t start;
	uint16_t sure[PAGES], may[PAGES];
	uint8_t flags[PAGES];
};

void vm_ages_begin(struct vm_ages *a, bool ends)
{
	a->at = 0;
	a->next.n = 0;
	a->ends = ends;
	a->resident_bytes = a->set_bytes = a->set_entries = a->had_bytes = a->lost_bytes = 0;
}

/** Pages that this look didn't show are gone. */
static void close_chunk(struct vm_ages *a)
{
	if (!a->next.n)
		return;
	struct vm_age_chunk *c = a->next.v[a->next.n - 1];
	for (unsigned i = 0; i < PAGES; i++) {
		if (c->flags[i] & LOOKED) {
			c->flags[i] &= (uint8_t)~LOOKED;
		} else {
			c->flags[i] = 0;
			c->sure[i] = c->may[i] = NEVER;
		}
	}
}

static struct vm_age_chunk *new_chunk(uint64_t start)
{
	struct vm_age_chunk *c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	c->start = start;
	memset(c->flags, 0, sizeof(c->flags));
	memset(c->sure, 0xff, sizeof(c->sure));
	memset(c->may, 0xff, sizeof(c->may));
	return c;
}

static struct vm_age_chunk *chunk_at(struct vm_ages *a, uint64_t start)
{
	if (a->next.n && a->next.v[a->next.n - 1]->start == start)
		return a->next.v[a->next.n - 1];
	close_chunk(a);
	for (; a->at < a->chunk.n && a->chunk.v[a->at]->start < start; a->at++)
		free(a->chunk.v[a->at]);
	const bool known = a->at < a->chunk.n && a->chunk.v[a->at]->start == start;
	if (!vm_vec_reserve(&a->next, 1))
		return NULL;
	struct vm_age_chunk *c = known ? a->chunk.v[a->at++] : new_chunk(start);
	if (c)
		a->next.v[a->next.n++] = c;
	return c;
}

static void grow(uint16_t *age, bool used)
{
	*age = used ? 0 : *age < OLDEST ? (uint16_t)(*age + 1) : *age;
}

static void end_round(struct vm_ages *a, struct vm_age_chunk *c, unsigned i, const struct vm_age_sign *s)
{
	const uint8_t f = c->flags[i];
	const bool there = f & THERE, had = f & SET, told = there || !s->fresh;
	bool sure, may;
	if (a->cleared) {
		sure = (s->now && told) || (f & SEEN);
		may = s->may || s->now || (f & MAY);
	} else {
		sure = s->now && !had && told;
		may = s->may || (had && !s->now);
	}
	grow(&c->sure[i], sure);
	grow(&c->may[i], sure || may);
	c->flags[i] = (uint8_t)(THERE | LOOKED | (s->now && !a->cleared ? SET : 0));
}

static void look_at(struct vm_ages *a, struct vm_age_chunk *c, unsigned i, const struct vm_age_sign *s)
{
	const uint8_t f = c->flags[i];
	if (f & SET) {
		a->had_bytes += 1 << PAGE_SHIFT;
		a->lost_bytes += s->now ? 0 : 1 << PAGE_SHIFT;
	}
	if (!a->begun)
		c->flags[i] = (uint8_t)(THERE | LOOKED | (s->now && !a->cleared ? SET : 0));
	else if (a->ends)
		end_round(a, c, i, s);
	else if (s->now && !(f & THERE) && s->fresh)
		c->flags[i] = (uint8_t)(f | LOOKED | MAY);
	else
		c->flags[i] = (uint8_t)((f & ~SET) | THERE | LOOKED | (s->now ? SET | SEEN : 0) | (s->may ? MAY : 0));
}

bool vm_ages_take(struct vm_ages *a, uint64_t start, uint64_t end, const struct vm_age_sign *s)
{
	a->resident_bytes += end - start;
	if (s->now) {
		a->set_bytes += end - start;
		a->set_entries += s->shift > PAGE_SHIFT ? (end - start) >> s->shift : (end - start) >> PAGE_SHIFT;
	}
	while (start < end) {
		const uint64_t base = start >> CHUNK_SHIFT << CHUNK_SHIFT;
		const uint64_t to = end - base > UINT64_C(1) << CHUNK_SHIFT ? base + (UINT64_C(1) << CHUNK_SHIFT) : end;
		struct vm_age_chunk *c = chunk_at(a, base);
		if (!c)
			return false;
		for (unsigned i = (unsigned)((start - base) >> PAGE_SHIFT); i < (to - base) >> PAGE_SHIFT; i++)
			look_at(a, c, i, s);
		start = to;
	}
	return true;
}

void vm_ages_end(struct vm_ages *a)
{
	close_chunk(a);
	for (; a->at < a->chunk.n; a->at++)
		free(a->chunk.v[a->at]);
	struct vm_age_chunk **v = a->chunk.v;
	const size_t cap = a->chunk.cap;
	a->chunk.v = a->next.v;
	a->chunk.n = a->next.n;
	a->chunk.cap = a->next.cap;
	a->next.v = v;
	a->next.n = 0;
	a->next.cap = cap;
	a->rounds += a->begun && a->ends;
	a->begun = true;
}

void vm_ages_free(struct vm_ages *a)
{
	for (size_t i = 0; i < a->chunk.n; i++)
		free(a->chunk.v[i]);
	vm_vec_free(&a->chunk);
	vm_vec_free(&a->next);
}

/* ---- Counting ------------------------------------------------------------------------------------------------------ */

static size_t first_chunk(const struct vm_ages *a, uint64_t from)
{
	size_t low = 0, high = a->chunk.n;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		if (a->chunk.v[mid]->start + (UINT64_C(1) << CHUNK_SHIFT) <= from)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/** The first limit that is more than the age. */
static size_t limit_of(uint16_t age, const uint64_t *limit, size_t n)
{
	size_t i = 0;
	if (age == NEVER)
		return n;
	while (i < n && age >= limit[i])
		i++;
	return i;
}

void vm_ages_count(const struct vm_ages *a, uint64_t from, uint64_t to, const uint64_t *limit, size_t n, uint64_t *resident,
		   struct vm_age_band *band)
{
	memset(band, 0, n * sizeof(*band));
	*resident = 0;
	for (size_t k = first_chunk(a, from); k < a->chunk.n && a->chunk.v[k]->start < to; k++) {
		const struct vm_age_chunk *c = a->chunk.v[k];
		const uint64_t low = from > c->start ? from - c->start : 0, high = to - c->start;
		const unsigned end = high >> PAGE_SHIFT < PAGES ? (unsigned)(high >> PAGE_SHIFT) : PAGES;
		for (unsigned i = (unsigned)(low >> PAGE_SHIFT); i < end; i++) {
			if (!(c->flags[i] & THERE))
				continue;
			const size_t s = limit_of(c->sure[i], limit, n), m = limit_of(c->may[i], limit, n);
			*resident += 1 << PAGE_SHIFT;
			if (s < n)
				band[s].low += 1 << PAGE_SHIFT;
			if (m < n)
				band[m].high += 1 << PAGE_SHIFT;
		}
	}
	for (size_t i = 1; i < n; i++) {
		band[i].low += band[i - 1].low;
		band[i].high += band[i - 1].high;
	}
}

void vm_ages_blocks(const struct vm_ages *a, void (*take)(void *ctx, uint64_t start, unsigned used), void *ctx)
{
	for (size_t k = 0; k < a->chunk.n; k++) {
		const struct vm_age_chunk *c = a->chunk.v[k];
		for (unsigned b = 0; b < PAGES; b += BLOCK_PAGES) {
			unsigned used = 0;
			bool there = false;
			for (unsigned i = b; i < b + BLOCK_PAGES; i++) {
				there |= c->flags[i] & THERE;
				used += (c->flags[i] & THERE) && c->sure[i] == 0;
			}
			if (there)
				take(ctx, c->start + ((uint64_t)b << PAGE_SHIFT), used);
		}
	}
}
