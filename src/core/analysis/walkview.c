#include "core/analysis/walkview.h"

#include <math.h>
#include <stdlib.h>

void vm_walk_rows_free(struct vm_walk_rows *r)
{
	vm_vec_free(&r->row);
	vm_map_free(&r->by_key);
	vm_arena_free(&r->arena);
}

struct vm_walk_row *vm_walk_row(struct vm_walk_rows *r, uint64_t key, bool *is_new)
{
	uint32_t at;
	*is_new = !vm_map_get(&r->by_key, key, &at);
	if (!*is_new)
		return &r->row.v[at];
	if (!vm_vec_push(&r->row, (struct vm_walk_row){ .share = NAN }) || !vm_map_put(&r->by_key, key, (uint32_t)r->row.n - 1))
		return NULL;
	return &r->row.v[r->row.n - 1];
}

void vm_walk_row_add(struct vm_walk_row *row, const struct vm_walkset *w, const struct vm_walk_group *g)
{
	const struct vm_fault_space *s = g->space < w->who.space.n ? &w->who.space.v[g->space] : NULL;
	if (!row->samples) {
		row->pid = s ? s->pid : 0;
		row->comm = s ? s->comm : NULL;
	} else if (!s || row->pid != s->pid) {
		row->pid = 0;
		row->comm = NULL;
	}
	row->samples += g->samples;
	row->kernel += g->kernel ? g->samples : 0;
	row->events += vm_walkset_events(w, g->event, g->weight);
	row->side[w->event[g->event].side] += g->samples;
	row->sized += g->sized;
	row->huge += g->huge;
}

static int by_events(const void *a_, const void *b_)
{
	const struct vm_walk_row *a = a_, *b = b_;
	if (a->events != b->events)
		return a->events < b->events ? 1 : -1;
	return (a->samples < b->samples) - (a->samples > b->samples);
}

void vm_walk_rows_finish(struct vm_walk_rows *r)
{
	double all = 0;
	for (size_t i = 0; i < r->row.n; i++)
		all += r->row.v[i].events;
	for (size_t i = 0; i < r->row.n; i++)
		r->row.v[i].share = all > 0 ? r->row.v[i].events / all : NAN;
	if (r->row.n)
		qsort(r->row.v, r->row.n, sizeof(*r->row.v), by_events);
	vm_map_clear(&r->by_key);
}

/** A number for what a mapping is, wherever it is. */
static uint64_t key_of_name(const struct vm_fault_mapping *m)
{
	uint64_t h = m->prot | (uint64_t)m->shared << 3;
	for (const char *s = m->name; s && *s; s++)
		h = vm_mix64(h ^ (unsigned char)*s);
	return vm_mix64(h);
}

/** For a mapping, which may be one with others, or for none. */
static uint64_t key_of(const struct vm_walkset *w, const struct vm_walk_group *g, const uint32_t *into, bool merge,
		       const struct vm_fault_mapping **m)
{
	const size_t at = vm_faultset_mapping_index(&w->who, g->space, g->mapping);
	const uint64_t space = merge ? 0 : (uint64_t)g->space << 32;
	*m = at < w->who.mapping.n ? &w->who.mapping.v[at] : NULL;
	if (*m)
		return merge ? key_of_name(*m) : space | into[at];
	return space | (g->mapping == VM_WALK_KERNEL ? UINT32_MAX - 1 : UINT32_MAX);
}

static void put_mapping(struct vm_walk_row *row, const struct vm_fault_mapping *m, bool is_new)
{
	row->m = row->m ? row->m : m;
	row->place = m->name;
	row->start = is_new || m->start < row->start ? m->start : row->start;
	row->end = m->end > row->end ? m->end : row->end;
}

bool vm_walk_by_mapping(const struct vm_walkset *w, bool merge, struct vm_walk_rows *r)
{
	uint32_t *into = vm_faultset_unite(&w->who);
	bool ok = into != NULL;
	for (size_t i = 0; ok && i < w->group.n; i++) {
		const struct vm_walk_group *g = &w->group.v[i];
		const struct vm_fault_mapping *m;
		bool is_new;
		if (!g->addressed)
			continue;
		struct vm_walk_row *row = vm_walk_row(r, key_of(w, g, into, merge, &m), &is_new);
		ok = row != NULL;
		if (!ok)
			break;
		row->merged = merge;
		if (m)
			put_mapping(row, m, is_new);
		else if (g->mapping == VM_WALK_KERNEL)
			row->place = "[kernel]";
		vm_walk_row_add(row, w, g);
	}
	free(into);
	vm_walk_rows_finish(r);
	return ok;
}
