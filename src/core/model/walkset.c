#include "core/model/walkset.h"

#include <math.h>
#include <string.h>

static bool same_group(const struct vm_walk_group *a, const struct vm_walk_group *b)
{
	return a->ip == b->ip && a->mapping == b->mapping && a->space == b->space && a->stack == b->stack &&
	       a->event == b->event && a->kernel == b->kernel && a->addressed == b->addressed;
}

/** Keys are sums over all members: two groups that differ may have the same, and then the later one moves on. */
static struct vm_walk_group *group_of(struct vm_walkset *w, const struct vm_walk_group *g)
{
	uint64_t key = vm_mix64(g->ip ^ vm_mix64(g->mapping ^ vm_mix64((uint64_t)g->space << 32 | g->stack)));
	uint32_t at;
	key ^= (uint64_t)g->event << 2 | (uint64_t)g->kernel << 1 | g->addressed;
	for (; vm_map_get(&w->groups, key, &at); key++)
		if (same_group(&w->group.v[at], g))
			return &w->group.v[at];
	struct vm_walk_group first = *g;
	first.samples = first.weight = first.sized = first.huge = 0;
	if (!vm_vec_push(&w->group, first) || !vm_map_put(&w->groups, key, (uint32_t)w->group.n - 1))
		return NULL;
	return &w->group.v[w->group.n - 1];
}

bool vm_walkset_add(struct vm_walkset *w, const struct vm_walk_group *g, uint64_t page_bytes, uint64_t base_bytes)
{
	struct vm_walk_event *e = &w->event[g->event];
	struct vm_walk_group *into = group_of(w, g);
	if (!into)
		return false;
	into->samples++;
	into->weight += g->weight;
	into->sized += page_bytes != 0;
	into->huge += page_bytes > base_bytes;
	e->samples++;
	e->with_address += g->addressed;
	e->weight += g->weight;
	e->all_weight += g->weight;
	return true;
}

void vm_walkset_pass(struct vm_walkset *w, size_t event, uint64_t weight)
{
	w->event[event].all_weight += weight;
}

void vm_walkset_clear(struct vm_walkset *w)
{
	w->group.n = 0;
	vm_map_clear(&w->groups);
	for (size_t i = 0; i < w->nevents; i++) {
		struct vm_walk_event *e = &w->event[i];
		e->samples = e->with_address = e->weight = e->all_weight = 0;
	}
}

void vm_walkset_free(struct vm_walkset *w)
{
	vm_faultset_free(&w->who);
	vm_vec_free(&w->group);
	vm_map_free(&w->groups);
}

uint64_t vm_walkset_samples(const struct vm_walkset *w)
{
	uint64_t n = 0;
	for (size_t i = 0; i < w->nevents; i++)
		n += w->event[i].samples;
	return n;
}

void vm_walkset_scale(struct vm_walkset *w, size_t event, double counted, uint64_t weight)
{
	w->event[event].scale = isnan(counted) || !weight ? 0 : counted / (double)weight;
}

double vm_walkset_events(const struct vm_walkset *w, size_t event, uint64_t weight)
{
	const double scale = w->event[event].scale;
	return (double)weight * (scale > 0 ? scale : 1);
}
