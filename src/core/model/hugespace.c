#include "core/model/hugespace.h"

#include <errno.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/model/aspace.h"
#include "core/model/vmflags.h"

const char *const vm_huge_what_names[VM_HUGE_WHATS] = { "anon", "file", "shmem", "hugetlb" };

int vm_huge_space_begin(struct vm_huge_space *h, const struct vm_aspace *as, uint64_t page_bytes, uint64_t range_bytes)
{
	*h = (struct vm_huge_space){ .as = as, .page_bytes = page_bytes, .range_bytes = range_bytes };
	h->map = calloc(as->nmaps + 1, sizeof(*h->map));
	return h->map ? 0 : -ENOMEM;
}

void vm_huge_space_free(struct vm_huge_space *h)
{
	free(h->map);
	h->map = NULL;
	vm_vec_free(&h->cells);
	vm_vec_free(&h->ranges);
}

bool vm_huge_space_add(struct vm_huge_space *h, size_t m, enum vm_huge_what what, enum vm_huge_how how, unsigned order,
		       uint64_t bytes)
{
	struct vm_huge_map *map = &h->map[m];
	if (!map->ncells)
		map->cell = (uint32_t)h->cells.n;
	for (size_t i = map->cell; i < h->cells.n; i++) {
		struct vm_huge_cell *c = &h->cells.v[i];
		if (c->what == what && c->how == how && c->order == order) {
			c->bytes += bytes;
			return true;
		}
	}
	const struct vm_huge_cell cell = { (uint8_t)what, (uint8_t)how, (uint8_t)order, bytes };
	if (!vm_vec_push(&h->cells, cell))
		return false;
	map->ncells++;
	return true;
}

void vm_huge_whole(uint64_t start, uint64_t end, uint64_t range_bytes, uint64_t *from, uint64_t *to)
{
	*from = (start + range_bytes - 1) & ~(range_bytes - 1);
	*to = end & ~(range_bytes - 1);
	if (*to < *from || *from < start)
		*to = *from = end;
}

struct vm_huge_range *vm_huge_space_range(struct vm_huge_space *h, size_t m, uint64_t addr, bool *no_memory)
{
	const struct vm_mapping *mapping = &h->as->map[m];
	const uint64_t start = addr & ~(h->range_bytes - 1);
	struct vm_huge_map *map = &h->map[m];
	struct vm_huge_range *last = h->ranges.n ? &h->ranges.v[h->ranges.n - 1] : NULL;
	*no_memory = false;
	if (last && last->start == start && last->mapping == m)
		return last;
	if (start < mapping->start || mapping->end - start < h->range_bytes)
		return NULL;
	const struct vm_huge_range range = { .start = start, .mapping = (uint32_t)m };
	if (!map->nranges)
		map->range = (uint32_t)h->ranges.n;
	if (!vm_vec_push(&h->ranges, range)) {
		*no_memory = true;
		return NULL;
	}
	map->nranges++;
	return &h->ranges.v[h->ranges.n - 1];
}

/** Bytes of one cell of the mapping that become bytes of another. */
static bool move(struct vm_huge_space *h, size_t m, enum vm_huge_how from, unsigned order, uint64_t bytes)
{
	const struct vm_huge_map *map = &h->map[m];
	for (uint32_t c = 0; c < map->ncells; c++) {
		struct vm_huge_cell *cell = &h->cells.v[map->cell + c];
		const enum vm_huge_what what = (enum vm_huge_what)cell->what;
		if (cell->how != from || cell->bytes < bytes || (from == VM_HUGE_ALIGNED && cell->order != order))
			continue;
		cell->bytes -= bytes;
		return vm_huge_space_add(h, m, what, VM_HUGE_ENTRY, order, bytes);
	}
	return true;
}

bool vm_huge_space_guess(struct vm_huge_space *h, size_t m, uint64_t bytes, bool sizes_known)
{
	const unsigned full = (unsigned)(h->range_bytes / h->page_bytes), order = (unsigned)__builtin_ctz(full);
	for (uint32_t k = 0; k < h->map[m].nranges && bytes >= h->range_bytes; k++) {
		struct vm_huge_range *r = &h->ranges.v[h->map[m].range + k];
		if (r->present != full || (sizes_known && !(r->flags & VM_HUGE_R_WHOLE)))
			continue;
		r->flags = (uint8_t)((r->flags | VM_HUGE_R_HUGE) & ~VM_HUGE_R_WHOLE);
		bytes -= h->range_bytes;
		if (!move(h, m, sizes_known ? VM_HUGE_ALIGNED : VM_HUGE_SMALL, order, h->range_bytes))
			return false;
	}
	return true;
}

bool vm_mapping_huge_flags(const struct vm_mapping *m, uint64_t *flags)
{
	/* The kernel's bits (include/linux/mm.h); those below 32 haven't moved since Linux 5.10. */
	static const struct { unsigned bit; uint64_t flag; } bits[] = {
		{ 8, VM_VMF(GD) }, { 9, VM_VMF(UM) }, { 10, VM_VMF(PF) }, { 12, VM_VMF(UW) }, { 13, VM_VMF(LO) }, { 14, VM_VMF(IO) },
		{ 18, VM_VMF(DE) }, { 22, VM_VMF(HT) }, { 28, VM_VMF(MM) }, { 29, VM_VMF(HG) }, { 30, VM_VMF(NH) }, { 31, VM_VMF(MG) },
	};
	*flags = m->flags;
	if (m->have_flags || !m->area)
		return m->have_flags;
	*flags = 0;
	for (size_t i = 0; i < vm_countof(bits); i++)
		*flags |= m->area->flags >> bits[i].bit & 1 ? bits[i].flag : 0;
	return true;
}

static void add_cell(struct vm_huge_map *m, const struct vm_huge_cell *c)
{
	m->resident += c->bytes;
	m->huge += c->how == VM_HUGE_ENTRY ? c->bytes : 0;
	m->large += c->how == VM_HUGE_ALIGNED || c->how == VM_HUGE_UNALIGNED ? c->bytes : 0;
	m->partly += c->how == VM_HUGE_PARTLY ? c->bytes : 0;
}

void vm_huge_space_end(struct vm_huge_space *h)
{
	for (size_t i = 0; i < h->as->nmaps; i++) {
		struct vm_huge_map *m = &h->map[i];
		for (uint32_t c = 0; c < m->ncells; c++) {
			const struct vm_huge_cell *cell = &h->cells.v[m->cell + c];
			add_cell(m, cell);
			add_cell(&h->total, cell);
			h->sum[cell->what][cell->how][cell->order] += cell->bytes;
		}
		h->total.edges += m->edges;
		h->total.swapped += m->swapped;
		h->total.nranges += m->nranges;
	}
}
