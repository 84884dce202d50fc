/**
 * An address space in lines of cells, to scale, as something to look around in: each mapping begins a line of its own, gaps
 * that would be seen are lines, too.  Those that follow each other and are of one file, or of none, share a line where there
 * is room.
 *
 * Only what a window shows has cells (core/analysis/pagegrid.h): a space of terabytes costs no more than one of kilobytes.
 */
#ifndef VM_ANALYSIS_PAGEVIEW_H
#define VM_ANALYSIS_PAGEVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/analysis/pagegrid.h"

struct vm_aspace;

/** Lines that belong together: of one mapping, or of segments that share one. */
struct vm_pageview_part {
	size_t first, n;           /* mappings */
	uint64_t gap;              /* bytes before it that are a line; 0: none is */
	uint64_t line, lines;      /* its first one, that of the gap not counted */
};

/** Zero-initialised is valid and has no lines. */
struct vm_pageview {
	const struct vm_aspace *as;
	uint64_t block;            /* bytes of a cell: a power of two */
	unsigned width;            /* cells of a line */
	struct vm_pageview_part *part;
	size_t nparts;
	uint64_t lines;
};

/**
 * Lay the user half out anew, by blocks of `block` bytes.  0, or -ENOMEM: then it has no lines.  `as` must outlive it.
 */
int vm_pageview_lay_out(struct vm_pageview *v, const struct vm_aspace *as, uint64_t block, unsigned width);
void vm_pageview_free(struct vm_pageview *v);

/** The smallest blocks with which all fits into `lines`, or nearly where each mapping takes a line already. */
uint64_t vm_pageview_fit(const struct vm_aspace *as, unsigned width, uint64_t lines);

/** The part that the line belongs to; NULL: there is no such line.  `gap`: the line is the gap before it. */
const struct vm_pageview_part *vm_pageview_part(const struct vm_pageview *v, uint64_t line, bool *gap);

/** Line and column of an address, or of the next one that is mapped, or else of the last one.  False: nothing is mapped. */
bool vm_pageview_find(const struct vm_pageview *v, uint64_t addr, uint64_t *line, unsigned *x);

/** First address of the cell at that place or the nearest one in its line; false: the line is a gap, or there is none. */
bool vm_pageview_at(const struct vm_pageview *v, uint64_t line, unsigned x, uint64_t *addr);

/**
 * Cells for the lines [top, top + lines), empty: g->row[] has where they stand, `line` counted from `top`.  Frees what `g`
 * held.  0 or -ENOMEM.
 */
int vm_pageview_cells(const struct vm_pageview *v, uint64_t top, unsigned lines, struct vm_pagegrid *g);

#endif
