#include "core/analysis/pagegrid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/model/aspace.h"
#include "core/model/page.h"

/** Entries above the lowest level: 2M with pages of 4K. */
enum { HUGE_SHIFT = 21 };

const struct vm_pagegrid_state vm_pagegrid_states[VM_PAGEGRID_NR + 1] = {
	[VM_PAGEGRID_ANON] = { 'A', "anonymous" }, [VM_PAGEGRID_HUGE] = { 'H', "huge page" }, [VM_PAGEGRID_FILE] = { 'F', "file" },
	[VM_PAGEGRID_ZERO] = { 'Z', "page of zeros" }, [VM_PAGEGRID_SWAP] = { 'S', "swap" }, [VM_PAGEGRID_NONE] = { 'N', "no access" },
	[VM_PAGEGRID_GUARD] = { 'G', "guard" }, [VM_PAGEGRID_OTHER] = { 'O', "other" }, { 0, NULL },
};

static bool part_of(const struct vm_mapping *m, uint64_t from, uint64_t to, uint64_t *a, uint64_t *b)
{
	*a = m->start > from ? m->start : from;
	*b = to && m->end > to ? to : m->end;
	return *a < *b && !(*a >> 63);
}

size_t vm_pagegrid_cells(uint64_t a, uint64_t b, uint64_t block)
{
	return (size_t)((b - 1) / block - a / block + 1);
}

static size_t count_rows(const struct vm_aspace *as, uint64_t from, uint64_t to, uint64_t block, unsigned width, size_t *cells)
{
	size_t rows = 0;
	uint64_t a, b;
	*cells = 0;
	for (size_t i = 0; i < as->nmaps; i++) {
		if (!part_of(&as->map[i], from, to, &a, &b))
			continue;
		size_t n = vm_pagegrid_cells(a, b, block);
		*cells += n;
		rows += (n + width - 1) / width;
	}
	return rows;
}

int vm_pagegrid_begin(struct vm_pagegrid *g, const struct vm_aspace *as, uint64_t from, uint64_t to, unsigned width, size_t rows)
{
	size_t least, cells, n;
	uint64_t a, b;
	*g = (struct vm_pagegrid){ .block = 4096 };
	/* Every mapping takes a row, however large the blocks. */
	least = count_rows(as, from, to, UINT64_C(1) << 62, width, &cells);
	while ((n = count_rows(as, from, to, g->block, width, &cells)) > least + rows)
		g->block *= 2;
	g->row = calloc(n + 1, sizeof(*g->row));
	g->cell = calloc(cells + 1, sizeof(*g->cell));
	if (!g->row || !g->cell) {
		vm_pagegrid_end(g);
		return -ENOMEM;
	}
	for (size_t i = 0; i < as->nmaps; i++) {
		if (!part_of(&as->map[i], from, to, &a, &b))
			continue;
		for (size_t left = vm_pagegrid_cells(a, b, g->block), k = 0; left; k++) {
			unsigned now = left < width ? (unsigned)left : width;
			g->row[g->nrows++] = (struct vm_pagegrid_row){
				.m = &as->map[i], .start = k ? (a / g->block + k * width) * g->block : a, .first = g->ncells,
				.cells = now,
			};
			g->ncells += now;
			left -= now;
		}
	}
	return 0;
}

void vm_pagegrid_end(struct vm_pagegrid *g)
{
	free(g->row);
	free(g->cell);
	*g = (struct vm_pagegrid){ 0 };
}

static enum vm_pagegrid_kind kind_of(const struct vm_page_run *r)
{
	const uint32_t s = r->state & r->known;
	if (s & VM_PG(GUARD))
		return VM_PAGEGRID_GUARD;
	if (s & VM_PG(SWAP))
		return VM_PAGEGRID_SWAP;
	if (!(s & VM_PG(PRESENT)))
		return VM_PAGEGRID_OTHER;
	if (s & VM_PG(NONE))
		return VM_PAGEGRID_NONE;
	if (s & VM_PG(ZERO))
		return VM_PAGEGRID_ZERO;
	if (s & VM_PG(SPECIAL))
		return VM_PAGEGRID_OTHER;
	if (r->shift >= HUGE_SHIFT)
		return VM_PAGEGRID_HUGE;
	return s & VM_PG(FILE) ? VM_PAGEGRID_FILE : r->known & VM_PG(FILE) ? VM_PAGEGRID_ANON : VM_PAGEGRID_OTHER;
}

static uint64_t end_of(const struct vm_pagegrid *g, const struct vm_pagegrid_row *row)
{
	uint64_t end = (row->start / g->block + row->cells) * g->block;
	return end < row->m->end ? end : row->m->end;
}

/** Not known of what isn't in memory, and that isn't needed: it has none of these. */
static void add_traits(struct vm_pagegrid_cell *c, const struct vm_page_run *r, uint64_t bytes, int node)
{
	static const struct { uint32_t bit; bool inverted; } traits[VM_PAGEGRID_BIG] = {
		[VM_PAGEGRID_SHARED] = { VM_PG(EXCLUSIVE), true }, [VM_PAGEGRID_DIRTY] = { VM_PG(DIRTY), false },
		[VM_PAGEGRID_SOFT_DIRTY] = { VM_PG(SOFT_DIRTY), false }, [VM_PAGEGRID_ACCESSED] = { VM_PG(ACCESSED), false },
	};
	if (!(r->state & r->known & VM_PG(PRESENT)))
		return;
	c->present += bytes;
	if (!r->shift)
		c->unknown |= 1u << VM_PAGEGRID_BIG;
	else if (r->shift >= HUGE_SHIFT)
		c->with[VM_PAGEGRID_BIG] += bytes;
	for (unsigned i = 0; i < VM_PAGEGRID_BIG; i++) {
		if (!(r->known & traits[i].bit))
			c->unknown |= 1u << i;
		else if (!(r->state & traits[i].bit) == traits[i].inverted)
			c->with[i] += bytes;
	}
	if (node < 0)
		c->unknown_node += bytes;
	else
		c->node[node < VM_PAGEGRID_NODES ? node : VM_PAGEGRID_NODES - 1] += bytes;
}

void vm_pagegrid_cell_range(const struct vm_pagegrid *g, const struct vm_pagegrid_row *row, unsigned i, uint64_t *a, uint64_t *b)
{
	const uint64_t from = (row->start / g->block + i) * g->block, to = from + g->block;
	*a = from > row->start ? from : row->start;
	*b = to < row->m->end ? to : row->m->end;
}

void vm_pagegrid_add(struct vm_pagegrid *g, const struct vm_page_run *r, int node)
{
	const enum vm_pagegrid_kind kind = kind_of(r);
	for (uint64_t at = r->start; at < r->end;) {
		while (g->at < g->nrows && end_of(g, &g->row[g->at]) <= at)
			g->at++;
		if (g->at == g->nrows)
			return;
		const struct vm_pagegrid_row *row = &g->row[g->at];
		if (at < row->start) {
			at = row->start;
			continue;
		}
		uint64_t next = (at / g->block + 1) * g->block, stop = next < r->end ? next : r->end;
		stop = stop < row->m->end ? stop : row->m->end;
		struct vm_pagegrid_cell *c = &g->cell[row->first + (at / g->block - row->start / g->block)];
		c->bytes[kind] += stop - at;
		c->first = c->first ? c->first : at;
		add_traits(c, r, stop - at, node);
		at = stop;
	}
}

uint64_t vm_pagegrid_populated(const struct vm_pagegrid_cell *c, unsigned *most)
{
	uint64_t all = 0;
	*most = 0;
	for (unsigned i = 0; i < VM_PAGEGRID_NR; i++) {
		all += c->bytes[i];
		*most = c->bytes[i] > c->bytes[*most] ? i : *most;
	}
	return all;
}

char vm_pagegrid_letter(const struct vm_pagegrid *g, const struct vm_pagegrid_cell *c)
{
	unsigned most;
	const uint64_t all = vm_pagegrid_populated(c, &most);
	if (!all)
		return '.';
	char letter = vm_pagegrid_states[most].letter;
	return all * 2 >= g->block ? letter : (char)(letter | 0x20);
}
