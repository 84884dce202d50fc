#include "core/analysis/pageview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/aspace.h"

/** Larger ones make no difference any more: no space has more than 2^57 bytes. */
#define BLOCK_MOST (UINT64_C(1) << 57)

static bool is_users(const struct vm_mapping *m)
{
	return !(m->start >> 63);
}

/** Goes on where the mapping before ends, and is of the same name, or none; without a file behind one it is its zeroed data. */
static bool follows(const struct vm_mapping *a, const struct vm_mapping *b)
{
	return a->end == b->start && (strcmp(a->name, b->name) == 0 || (a->name[0] == '/' && !b->name[0]));
}

static uint64_t cells_of(const struct vm_mapping *m, uint64_t block)
{
	return vm_pagegrid_cells(m->start, m->end, block);
}

/** How many mappings from `at` on share a line, as many as fit; 1: none do. */
static size_t joined(const struct vm_aspace *as, size_t at, uint64_t block, unsigned width)
{
	uint64_t cells = cells_of(&as->map[at], block);
	size_t n = 1;
	for (; at + n < as->nmaps && is_users(&as->map[at + n]); n++) {
		const struct vm_mapping *b = &as->map[at + n];
		if (!follows(b - 1, b))
			break;
		cells += 1 + cells_of(b, block);
		if (cells > width)
			break;
	}
	return n;
}

/** Hands out the parts in turn: what is laid out, and what is only counted. */
static bool next_part(const struct vm_aspace *as, uint64_t block, unsigned width, struct vm_pageview_part *p)
{
	const size_t at = p->first + p->n;
	if (at >= as->nmaps || !is_users(&as->map[at]))
		return false;
	const uint64_t before = at ? as->map[at - 1].end : 0, gap = at ? as->map[at].start - before : 0;
	const struct vm_pageview_part is = {
		.first = at, .n = joined(as, at, block, width), .gap = gap / block >= width ? gap : 0,
		.line = p->line + p->lines + (gap / block >= width),
	};
	*p = is;
	p->lines = p->n > 1 ? 1 : (cells_of(&as->map[at], block) + width - 1) / width;
	return true;
}

static uint64_t count_lines(const struct vm_aspace *as, uint64_t block, unsigned width)
{
	struct vm_pageview_part p = { 0 };
	while (next_part(as, block, width, &p))
		;
	return p.line + p.lines;
}

uint64_t vm_pageview_fit(const struct vm_aspace *as, unsigned width, uint64_t lines)
{
	const uint64_t least = count_lines(as, BLOCK_MOST, width), most = least + lines / 2 > lines ? least + lines / 2 : lines;
	uint64_t block = 4096;
	while (block < BLOCK_MOST && count_lines(as, block, width) > most)
		block *= 2;
	return block;
}

int vm_pageview_lay_out(struct vm_pageview *v, const struct vm_aspace *as, uint64_t block, unsigned width)
{
	struct vm_pageview_part p = { 0 };
	vm_pageview_free(v);
	v->part = calloc(as->nmaps + 1, sizeof(*v->part));
	if (!v->part)
		return -ENOMEM;
	v->as = as;
	v->block = block;
	v->width = width;
	while (next_part(as, block, width, &p))
		v->part[v->nparts++] = p;
	v->lines = p.line + p.lines;
	return 0;
}

void vm_pageview_free(struct vm_pageview *v)
{
	free(v->part);
	*v = (struct vm_pageview){ 0 };
}

const struct vm_pageview_part *vm_pageview_part(const struct vm_pageview *v, uint64_t line, bool *gap)
{
	size_t low = 0, high = v->nparts;
	if (line >= v->lines)
		return NULL;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const struct vm_pageview_part *p = &v->part[mid];
		if (p->line + p->lines <= line)
			low = mid + 1;
		else
			high = mid;
	}
	*gap = line < v->part[low].line;
	return &v->part[low];
}

/** First address of the line of a mapping that has several. */
static uint64_t line_start(const struct vm_pageview *v, const struct vm_mapping *m, uint64_t k)
{
	return k ? (m->start / v->block + k * v->width) * v->block : m->start;
}

bool vm_pageview_find(const struct vm_pageview *v, uint64_t addr, uint64_t *line, unsigned *x)
{
	if (!v->nparts)
		return false;
	size_t at = vm_aspace_find(v->as, addr);
	const struct vm_pageview_part *p = &v->part[0], *end = v->part + v->nparts;
	const struct vm_pageview_part *last = end - 1;
	if (at >= last->first + last->n) {
		at = last->first + last->n - 1;
		addr = v->as->map[at].end - 1;
	}
	while (p->first + p->n <= at)
		p++;
	const struct vm_mapping *m = &v->as->map[at];
	if (addr < m->start)
		addr = m->start;
	uint64_t cell = addr / v->block - m->start / v->block;
	for (size_t i = p->first; i < at; i++)
		cell += cells_of(&v->as->map[i], v->block) + 1;
	*line = p->line + cell / v->width;
	*x = (unsigned)(cell % v->width);
	return true;
}

bool vm_pageview_at(const struct vm_pageview *v, uint64_t line, unsigned x, uint64_t *addr)
{
	bool gap;
	const struct vm_pageview_part *p = vm_pageview_part(v, line, &gap);
	if (!p || gap)
		return false;
	const struct vm_mapping *m = &v->as->map[p->first];
	uint64_t start = line_start(v, m, line - p->line), left = x;
	/* On a border: what is before it. */
	for (size_t i = 1; i < p->n && left > cells_of(m, v->block); i++) {
		left -= cells_of(m, v->block) + 1;
		m = &v->as->map[p->first + i];
		start = m->start;
	}
	const uint64_t cells = vm_pagegrid_cells(start, m->end, v->block), last = cells < v->width ? cells - 1 : v->width - 1;
	left = left < last ? left : last;
	*addr = left ? (start / v->block + left) * v->block : start;
	return true;
}

static int add_row(struct vm_pagegrid *g, const struct vm_pagegrid_row *row)
{
	struct vm_pagegrid_row *r = realloc(g->row, (g->nrows + 1) * sizeof(*r));
	if (!r)
		return -ENOMEM;
	g->row = r;
	g->row[g->nrows++] = *row;
	g->ncells = row->first + row->cells;
	return 0;
}

static int add_line(const struct vm_pageview *v, const struct vm_pageview_part *p, uint64_t k, unsigned line, struct vm_pagegrid *g)
{
	unsigned x = 0;
	int r = 0;
	for (size_t i = 0; i < p->n && r == 0; i++) {
		const struct vm_mapping *m = &v->as->map[p->first + i];
		const uint64_t start = line_start(v, m, k), cells = vm_pagegrid_cells(start, m->end, v->block);
		const struct vm_pagegrid_row row = {
			.m = m, .start = start, .first = g->ncells, .cells = cells < v->width ? (unsigned)cells : v->width, .line = line, .x = x,
		};
		r = add_row(g, &row);
		x += row.cells + 1;
	}
	return r;
}

int vm_pageview_cells(const struct vm_pageview *v, uint64_t top, unsigned lines, struct vm_pagegrid *g)
{
	int r = 0;
	bool gap;
	vm_pagegrid_end(g);
	g->block = v->block;
	for (unsigned i = 0; i < lines && r == 0; i++) {
		const struct vm_pageview_part *p = vm_pageview_part(v, top + i, &gap);
		if (!p)
			break;
		if (!gap)
			r = add_line(v, p, top + i - p->line, i, g);
	}
	g->cell = r == 0 ? calloc(g->ncells + 1, sizeof(*g->cell)) : NULL;
	if (g->cell)
		return 0;
	vm_pagegrid_end(g);
	return -ENOMEM;
}
