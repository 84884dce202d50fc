#include "core/analysis/whygroup.h"

#include <errno.h>
#include <stdlib.h>

#include "core/model/aspace.h"
#include "core/model/vmflags.h"

/* ---- Facts -------------------------------------------------------------------------------------------------------- */

struct vm_whynot_mapping vm_whynot_facts(const struct vm_huge_space *h, size_t i, bool disabled, enum vm_tri large_folios)
{
	const struct vm_mapping *m = &h->as->map[i];
	uint64_t flags;
	const bool known = vm_mapping_huge_flags(m, &flags), eligible = m->have & VM_HAVE(VM_Q_THP_ELIGIBLE);
	return (struct vm_whynot_mapping){
		.backing = (enum vm_huge_backing)h->map[i].backing, .start = m->start, .end = m->end, .offset = m->offset,
		.shared = m->shared, .writable = m->prot & 2, .mount = (enum vm_huge_word)h->map[i].mount, .flags_known = known,
		.asked = known && (flags & VM_VMF(HG)), .refused = known && (flags & VM_VMF(NH)),
		.stack = known && (flags & VM_VMF(GD)), .userfault = known && (flags & (VM_VMF(UM) | VM_VMF(UW) | VM_VMF(UI))),
		.disabled = disabled, .large_folios = large_folios,
		.eligible = !eligible ? VM_TRI_UNKNOWN : m->q[VM_Q_THP_ELIGIBLE] ? VM_TRI_YES : VM_TRI_NO,
	};
}

/** Devices of whose files some are in folios of several pages. */
struct device {
	uint32_t major, minor;
};

struct devices {
	VM_VEC(struct device) v;
};

static bool has_device(const struct devices *d, const struct vm_mapping *m)
{
	for (size_t i = 0; i < d->v.n; i++)
		if (d->v.v[i].major == m->dev_major && d->v.v[i].minor == m->dev_minor)
			return true;
	return false;
}

static bool find_devices(const struct vm_huge_space *h, struct devices *d)
{
	for (size_t i = 0; i < h->as->nmaps; i++)
		for (uint32_t c = 0; h->map[i].backing == VM_HUGE_B_FILE && c < h->map[i].ncells; c++) {
			const struct vm_huge_cell *cell = &h->cells.v[h->map[i].cell + c];
			const struct vm_mapping *m = &h->as->map[i];
			if (cell->what == VM_HUGE_FILE && cell->how != VM_HUGE_SMALL && !has_device(d, m) &&
			    !vm_vec_push(&d->v, ((struct device){ m->dev_major, m->dev_minor })))
				return false;
		}
	return true;
}

/* ---- Groups ------------------------------------------------------------------------------------------------------- */

static void join(struct vm_why_group *to, const struct vm_why_group *g)
{
	if (g->ranges && (!to->ranges || g->present_min < to->present_min))
		to->present_min = g->present_min;
	to->present_max = g->present_max > to->present_max ? g->present_max : to->present_max;
	to->swapped_max = g->swapped_max > to->swapped_max ? g->swapped_max : to->swapped_max;
	to->shared_max = g->shared_max > to->shared_max ? g->shared_max : to->shared_max;
	to->merged_max = g->merged_max > to->merged_max ? g->merged_max : to->merged_max;
	to->ranges += g->ranges;
	to->bytes += g->bytes;
	to->could_bytes += g->could_bytes;
	to->costs_bytes += g->costs_bytes;
	to->mappings += g->mappings;
	if (to->mapping == g->mapping)
		to->end = g->end;
}

static bool is_same(const struct vm_why_group *a, const struct vm_why_group *b)
{
	return a->why == b->why && a->now == b->now && a->later == b->later;
}

/** To the groups of mapping `i`, which are the last ones. */
static bool add(struct vm_why_space *y, size_t i, const struct vm_whynot *w, struct vm_why_group g)
{
	g.why = w->why;
	g.now = w->now;
	g.later = w->later;
	g.could_bytes = w->could_bytes;
	g.costs_bytes = w->costs_bytes;
	g.mapping = i;
	if (!w->why)
		return true;
	y->could_bytes += w->later & VM_DO(ALIGN) ? 0 : w->could_bytes;
	y->aligned_bytes += w->later & VM_DO(ALIGN) ? w->could_bytes : 0;
	y->now_bytes += w->now ? w->could_bytes : 0;
	y->costs_bytes += w->costs_bytes;
	for (size_t k = y->from[i]; k < y->of_mapping.n; k++)
		if (is_same(&y->of_mapping.v[k], &g)) {
			join(&y->of_mapping.v[k], &g);
			return true;
		}
	g.mappings = 1;
	return vm_vec_push(&y->of_mapping, g);
}

static bool add_ranges(const struct vm_whynot_machine *w, const struct vm_huge_space *h, size_t i, const struct vm_whynot_mapping *m,
		       uint32_t why, struct vm_why_space *y)
{
	for (uint32_t k = 0; k < h->map[i].nranges; k++) {
		const struct vm_huge_range *r = &h->ranges.v[h->map[i].range + k];
		const struct vm_whynot x = vm_whynot_range(w, m, why, r, &h->read);
		const struct vm_why_group g = {
			.start = r->start, .end = r->start + h->range_bytes, .ranges = 1, .bytes = r->present * h->page_bytes,
			.present_min = r->present, .present_max = r->present, .swapped_max = r->swapped,
			.shared_max = h->read.shared_known ? r->shared : 0, .merged_max = r->merged,
		};
		if (!add(y, i, &x, g))
			return false;
	}
	return true;
}

static bool add_mapping(const struct vm_whynot_machine *w, const struct vm_huge_space *h, size_t i, const struct vm_whynot_mapping *m,
			struct vm_why_space *y)
{
	const uint32_t why = vm_whynot_mapping(w, m);
	const struct vm_huge_map *map = &h->map[i];
	struct vm_why_group g = { .start = h->as->map[i].start, .end = h->as->map[i].end };
	if (!h->read.ranges_known) {
		g.bytes = map->resident - map->huge;
		const struct vm_whynot x = vm_whynot_whole(w, m, why, g.bytes);
		return add(y, i, &x, g);
	}
	g.bytes = m->backing == VM_HUGE_B_SPECIAL ? map->resident : map->edges;
	const struct vm_whynot x = vm_whynot_edges(w, m, why, g.bytes);
	return add(y, i, &x, g) && add_ranges(w, h, i, m, why, y);
}

static int by_size(const void *a_, const void *b_)
{
	const struct vm_why_group *a = a_, *b = b_;
	if (a->could_bytes != b->could_bytes)
		return a->could_bytes < b->could_bytes ? 1 : -1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return (a->why > b->why) - (a->why < b->why);
}

static bool sum_up(struct vm_why_space *y)
{
	size_t k;
	for (size_t i = 0; i < y->of_mapping.n; i++) {
		const struct vm_why_group *g = &y->of_mapping.v[i];
		for (k = 0; k < y->of_space.n && !is_same(&y->of_space.v[k], g); k++)
			;
		if (k < y->of_space.n)
			join(&y->of_space.v[k], g);
		else if (!vm_vec_push(&y->of_space, *g))
			return false;
	}
	if (y->of_space.n)
		qsort(y->of_space.v, y->of_space.n, sizeof(y->of_space.v[0]), by_size);
	return true;
}

bool vm_why_needs_writable(const struct vm_huge_space *h)
{
	for (size_t i = 0; i < h->ranges.n; i++) {
		const struct vm_huge_range *r = &h->ranges.v[i];
		const struct vm_whynot_mapping m = vm_whynot_facts(h, r->mapping, false, VM_TRI_UNKNOWN);
		if (r->present && !(r->flags & VM_HUGE_R_HUGE) && vm_whynot_readonly(&m, r, &h->read))
			return true;
	}
	return false;
}

int vm_why_space_make(const struct vm_whynot_machine *w, const struct vm_huge_space *h, bool disabled, struct vm_why_space *out)
{
	struct devices large = { 0 };
	*out = (struct vm_why_space){
		.from = calloc(h->as->nmaps + 1, sizeof(*out->from)), .large_folios = calloc(h->as->nmaps + 1, 1),
	};
	bool ok = out->from && out->large_folios && find_devices(h, &large);
	for (size_t i = 0; i < h->as->nmaps && ok; i++) {
		const bool file = h->map[i].backing == VM_HUGE_B_FILE;
		out->large_folios[i] = file && has_device(&large, &h->as->map[i]) ? VM_TRI_YES : VM_TRI_UNKNOWN;
		const struct vm_whynot_mapping m = vm_whynot_facts(h, i, disabled, (enum vm_tri)out->large_folios[i]);
		out->from[i] = (uint32_t)out->of_mapping.n;
		ok = add_mapping(w, h, i, &m, out);
	}
	if (ok)
		out->from[h->as->nmaps] = (uint32_t)out->of_mapping.n;
	ok = ok && sum_up(out);
	vm_vec_free(&large.v);
	return ok ? 0 : -ENOMEM;
}

void vm_why_space_free(struct vm_why_space *y)
{
	vm_vec_free(&y->of_mapping);
	vm_vec_free(&y->of_space);
	free(y->from);
	free(y->large_folios);
	y->from = NULL;
	y->large_folios = NULL;
}
