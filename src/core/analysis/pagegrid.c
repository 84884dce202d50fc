#include "core/analysis/pagegrid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/model/aspace.h"
#include "core/model/page.h"

const struct vm_grid_state vm_grid_states[VM_GRID_NR + 1] = {
	[VM_GRID_ANON] = { 'A', "anonymous" }, [VM_GRID_HUGE] = { 'H', "huge page" }, [VM_GRID_FILE] = { 'F', "file" },
	[VM_GRID_ZERO] = { 'Z', "page of zeros" }, [VM_GRID_SWAP] = { 'S', "swap" }, [VM_GRID_NONE] = { 'N', "no access" },
	[VM_GRID_GUARD] = { 'G', "guard" }, [VM_GRID_OTHER] = { 'O', "other" }, { 0, NULL },
};

static bool part_of(const struct vm_mapping *m, uint64_t from, uint64_t to, uint64_t *a, uint64_t *b)
{
	*a = m->start > from ? m->start : from;
	*b = to && m->end > to ? to : m->end;
	return *a < *b && !(*a >> 63);
}

static size_t cells_of(uint64_t a, uint64_t b, uint64_t block)
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
		size_t n = cells_of(a, b, block);
		*cells += n;
		rows += (n + width - 1) / width;
	}
	return rows;
}

int vm_grid_begin(struct vm_grid *g, const struct vm_aspace *as, uint64_t from, uint64_t to, unsigned width, size_t rows)
{
	size_t least, cells, n;
	uint64_t a, b;
	*g = (struct vm_grid){ .block = 4096 };
	/* Every mapping takes a row, however large the blocks. */
	least = count_rows(as, from, to, UINT64_C(1) << 62, width, &cells);
	while ((n = count_rows(as, from, to, g->block, width, &cells)) > least + rows)
		g->block *= 2;
	g->row = calloc(n + 1, sizeof(*g->row));
	g->cell = calloc(cells + 1, sizeof(*g->cell));
	if (!g->row || !g->cell) {
		vm_grid_end(g);
		return -ENOMEM;
	}
	for (size_t i = 0; i < as->nmaps; i++) {
		if (!part_of(&as->map[i], from, to, &a, &b))
			continue;
		for (size_t left = cells_of(a, b, g->block), k = 0; left; k++) {
			unsigned now = left < width ? (unsigned)left : width;
			g->row[g->nrows++] = (struct vm_grid_row){
				.m = &as->map[i], .start = k ? (a / g->block + k * width) * g->block : a, .first = g->ncells,
				.cells = now,
			};
			g->ncells += now;
			left -= now;
		}
	}
	return 0;
}

void vm_grid_end(struct vm_grid *g)
{
	free(g->row);
	free(g->cell);
	*g = (struct vm_grid){ 0 };
}

static enum vm_grid_kind kind_of(const struct vm_page_run *r)
{
	const uint32_t s = r->state & r->known;
	if (s & VM_PG(GUARD))
		return VM_GRID_GUARD;
	if (s & VM_PG(SWAP))
		return VM_GRID_SWAP;
	if (!(s & VM_PG(PRESENT)))
		return VM_GRID_OTHER;
	if (s & VM_PG(NONE))
		return VM_GRID_NONE;
	if (s & VM_PG(ZERO))
		return VM_GRID_ZERO;
	if (s & VM_PG(SPECIAL))
		return VM_GRID_OTHER;
	if (r->shift >= 21)
		return VM_GRID_HUGE;
	return s & VM_PG(FILE) ? VM_GRID_FILE : r->known & VM_PG(FILE) ? VM_GRID_ANON : VM_GRID_OTHER;
}

static uint64_t end_of(const struct vm_grid *g, const struct vm_grid_row *row)
{
	uint64_t end = (row->start / g->block + row->cells) * g->block;
	return end < row->m->end ? end : row->m->end;
}

void vm_grid_add(struct vm_grid *g, const struct vm_page_run *r)
{
	const enum vm_grid_kind kind = kind_of(r);
	for (uint64_t at = r->start; at < r->end;) {
		while (g->at < g->nrows && end_of(g, &g->row[g->at]) <= at)
			g->at++;
		if (g->at == g->nrows)
			return;
		const struct vm_grid_row *row = &g->row[g->at];
		if (at < row->start) {
			at = row->start;
			continue;
		}
		uint64_t next = (at / g->block + 1) * g->block, stop = next < r->end ? next : r->end;
		stop = stop < row->m->end ? stop : row->m->end;
		g->cell[row->first + (at / g->block - row->start / g->block)].bytes[kind] += stop - at;
		at = stop;
	}
}

char vm_grid_letter(const struct vm_grid *g, const struct vm_grid_cell *c)
{
	uint64_t all = 0;
	unsigned most = 0;
	for (unsigned i = 0; i < VM_GRID_NR; i++) {
		all += c->bytes[i];
		most = c->bytes[i] > c->bytes[most] ? i : most;
	}
	if (!all)
		return '.';
	char letter = vm_grid_states[most].letter;
	return all * 2 >= g->block ? letter : (char)(letter | 0x20);
}
