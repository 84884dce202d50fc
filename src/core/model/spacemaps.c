#include "core/model/spacemaps.h"

#include <stdlib.h>
#include <string.h>

/** A mapping, wherever it reaches now.  Its range is set when it is first hit, and grows. */
struct vm_space_map {
	struct vm_fault_mapping m;
	uint64_t key;
	bool hit;
};

/** A part of a space that belongs to one mapping. */
struct span {
	uint64_t start, end;
	struct vm_space_map *map;
};

struct vm_space_layout {
	size_t users;              /* spaces that have it */
	/** Ascending, without overlap. */
	VM_VEC(struct span) span;
	size_t last;               /* hit last: the next one is often there */
};

/* ---- Layouts of spaces ------------------------------------------------------------------------------------------- */

static void drop(struct vm_space_layout *l)
{
	if (!l || --l->users)
		return;
	vm_vec_free(&l->span);
	free(l);
}

static bool make_room(struct vm_spacemaps *s, uint32_t space)
{
	while (s->layout.n <= space)
		if (!vm_vec_push(&s->layout, NULL))
			return false;
	return true;
}

/** One that this space alone has, so that it may be changed; NULL when memory is out. */
static struct vm_space_layout *own_layout(struct vm_spacemaps *s, uint32_t space)
{
	if (!make_room(s, space))
		return NULL;
	struct vm_space_layout *l = s->layout.v[space];
	if (l && l->users == 1)
		return l;
	struct vm_space_layout *own = calloc(1, sizeof(*own));
	if (!own || (l && !vm_vec_reserve(&own->span, l->span.n + 1))) {
		free(own);
		return NULL;
	}
	own->users = 1;
	if (l && l->span.n) {
		memcpy(own->span.v, l->span.v, l->span.n * sizeof(*l->span.v));
		own->span.n = l->span.n;
	}
	drop(l);
	return s->layout.v[space] = own;
}

bool vm_spacemaps_fork(struct vm_spacemaps *s, uint32_t space, uint32_t from)
{
	if (!make_room(s, space > from ? space : from))
		return false;
	struct vm_space_layout *l = s->layout.v[from];
	if (l)
		l->users++;
	drop(s->layout.v[space]);
	s->layout.v[space] = l;
	return true;
}

void vm_spacemaps_end(struct vm_spacemaps *s, uint32_t space)
{
	if (space >= s->layout.n)
		return;
	drop(s->layout.v[space]);
	s->layout.v[space] = NULL;
}

/** Index of the first span that ends above `address`. */
static size_t find(const struct vm_space_layout *l, uint64_t address)
{
	size_t lo = 0, hi = l->span.n;
	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		if (l->span.v[mid].end <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- New mappings ------------------------------------------------------------------------------------------------ */

/** May one have grown into the other?  Names are kept once. */
static bool is_same(const struct vm_fault_mapping *a, const struct vm_fault_mapping *b)
{
	return a->space == b->space && a->name == b->name && a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       a->prot == b->prot && a->shared == b->shared && a->backing == b->backing &&
	       (!a->inode || a->offset - a->start == b->offset - b->start);
}

/**
 * One that was hit, and began where `m` does: what is made, undone and made again, such as code that is made writable for
 * a moment, is one mapping.  NULL: there is none, and *slot is where it belongs in by_key.
 */
static struct vm_space_map *was_there(const struct vm_spacemaps *s, const struct vm_fault_mapping *m, uint64_t *slot)
{
	uint32_t at;
	for (*slot = vm_mix64(m->start ^ vm_mix64(m->space)); vm_map_get(&s->by_key, *slot, &at); ++*slot)
		if (s->hit.v[at]->key == m->start && is_same(&s->hit.v[at]->m, m))
			return s->hit.v[at];
	return NULL;
}

/** What it was so far, of the spans [from, to) that it takes the place of; or new. */
static struct vm_space_map *map_of(struct vm_spacemaps *s, const struct vm_space_layout *l, size_t from, size_t to,
				   const struct vm_fault_mapping *m)
{
	struct vm_space_map *same = NULL;
	for (size_t i = from; i < to && !(same && same->hit); i++)
		if (is_same(&l->span.v[i].map->m, m) && (!same || l->span.v[i].map->hit))
			same = l->span.v[i].map;
	uint64_t slot;
	same = same ? same : was_there(s, m, &slot);
	if (same)
		return same;
	same = vm_arena_alloc(&s->arena, sizeof(*same));
	if (same)
		*same = (struct vm_space_map){ .m = *m };
	return same;
}

/** Replace spans [from, to) by up to three: what is left of the first and the last one, and the new one between. */
static bool splice(struct vm_space_layout *l, size_t from, size_t to, struct span span)
{
	struct span put[3];
	size_t n = 0;
	if (from < to && l->span.v[from].start < span.start) {
		put[n] = l->span.v[from];
		put[n++].end = span.start;
	}
	put[n++] = span;
	if (from < to && l->span.v[to - 1].end > span.end) {
		put[n] = l->span.v[to - 1];
		put[n++].start = span.end;
	}
	if (!vm_vec_reserve(&l->span, n))
		return false;
	memmove(l->span.v + from + n, l->span.v + to, (l->span.n - to) * sizeof(*l->span.v));
	memcpy(l->span.v + from, put, n * sizeof(*put));
	l->span.n = l->span.n - (to - from) + n;
	return true;
}

bool vm_spacemaps_map(struct vm_spacemaps *s, const struct vm_fault_mapping *m)
{
	struct vm_fault_mapping copy = *m;
	struct vm_space_layout *l = own_layout(s, m->space);
	copy.name = vm_intern(&s->names, m->name, strlen(m->name));
	if (!l || !copy.name || m->start >= m->end)
		return l && copy.name;
	const size_t from = find(l, m->start);
	size_t to = from;
	while (to < l->span.n && l->span.v[to].start < m->end)
		to++;
	struct vm_space_map *map = map_of(s, l, from, to, &copy);
	return map && splice(l, from, to, (struct span){ .start = m->start, .end = m->end, .map = map });
}

/* ---- Hits -------------------------------------------------------------------------------------------------------- */

static void begin_at(struct vm_fault_mapping *m, uint64_t start)
{
	if (m->inode)
		m->offset += start - m->start;
	m->start = start;
}

/** Hit for the first time: it goes by where it begins now. */
static struct vm_space_map *list(struct vm_spacemaps *s, struct vm_space_map *map, const struct span *span)
{
	uint64_t slot;
	begin_at(&map->m, span->start);
	map->m.end = span->end;
	struct vm_space_map *was = was_there(s, &map->m, &slot);
	if (was)
		return was;
	if (!vm_vec_push(&s->hit, map) || !vm_map_put(&s->by_key, slot, (uint32_t)s->hit.n - 1))
		return NULL;
	map->key = span->start;
	map->hit = true;
	return map;
}

/** The mapping of a span that is hit, with all of the span in its range. */
static struct vm_space_map *settle(struct vm_spacemaps *s, struct span *span)
{
	struct vm_space_map *map = span->map;
	/* A part that was cut off, of one that was hit elsewhere: one of its own. */
	if (map->hit && (span->end < map->m.start || span->start > map->m.end)) {
		map = vm_arena_alloc(&s->arena, sizeof(*map));
		if (!map)
			return NULL;
		*map = *span->map;
		map->hit = false;
	}
	if (!map->hit)
		map = list(s, map, span);
	if (!map)
		return NULL;
	span->map = map;
	if (span->start < map->m.start)
		begin_at(&map->m, span->start);
	if (span->end > map->m.end)
		map->m.end = span->end;
	return map;
}

const struct vm_fault_mapping *vm_spacemaps_hit(struct vm_spacemaps *s, uint32_t space, uint64_t address, uint64_t *key)
{
	struct vm_space_layout *l = space < s->layout.n ? s->layout.v[space] : NULL;
	if (!l || !l->span.n)
		return NULL;
	size_t at = l->last;
	if (at >= l->span.n || address < l->span.v[at].start || address >= l->span.v[at].end)
		at = find(l, address);
	if (at == l->span.n || address < l->span.v[at].start)
		return NULL;
	l->last = at;
	struct vm_space_map *map = settle(s, &l->span.v[at]);
	if (!map)
		return NULL;
	*key = map->key;
	return &map->m;
}

bool vm_spacemaps_put(const struct vm_spacemaps *s, struct vm_faultset *set)
{
	set->mapping.n = 0;
	if (!vm_vec_reserve(&set->mapping, s->hit.n + 1))
		return false;
	for (size_t i = 0; i < s->hit.n; i++)
		set->mapping.v[set->mapping.n++] = s->hit.v[i]->m;
	vm_faultset_sort(set);
	return true;
}

void vm_spacemaps_free(struct vm_spacemaps *s)
{
	for (size_t i = 0; i < s->layout.n; i++)
		drop(s->layout.v[i]);
	vm_vec_free(&s->layout);
	vm_vec_free(&s->hit);
	vm_intern_free(&s->names);
	vm_map_free(&s->by_key);
	vm_arena_free(&s->arena);
}
