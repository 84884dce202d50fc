/** Parts of the tab Pages: what it keeps, and how it is drawn (pages_draw.c). */
#ifndef VM_TUI_TAB_PAGES_H
#define VM_TUI_TAB_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/tui/feed_pages.h"
#include "core/analysis/pagegrid.h"
#include "core/analysis/pageview.h"
#include "core/base/err.h"

struct vm_ui;

/** By what cells are coloured. */
enum pages_by {
	PAGES_BY_STATE, PAGES_BY_PRESENT, PAGES_BY_SWAPPED, PAGES_BY_HUGE, PAGES_BY_SHARED, PAGES_BY_DIRTY, PAGES_BY_ACCESSED,
	PAGES_BY_NODE, PAGES_BY_NR,
};

/** Reading what is in sight goes in slices of time: cells of `next` that are done go over into `shown`. */
struct pages_state {
	enum pages_by by;
	bool zoomed;               /* by the user; else all fits, if it can */
	uint64_t block;
	uint64_t at;               /* an address in the cell with the cursor */
	uint64_t top;              /* the first line in sight */
	struct vm_pageview view;
	uint64_t taken_ns;         /* of the space that `view` is of */
	struct vm_pagegrid shown, next;
	bool reading;
	uint64_t pass_at, pass_to; /* what is left to read */
	uint64_t pass_cost_ns, due_ns;
	bool told;                 /* `got` is of this process */
	struct vm_pages_got got;
	/** Why nothing can be read; 0: nothing is known against it. */
	int error;
	struct vm_err trouble;
	/** As drawn last: cells stand at (x, y), `width` of them in `lines` lines. */
	int x, y;
	unsigned width, lines;
};

/** Where cells go in a tab of w columns and h lines: sets width and lines. */
void vm_pages_measure(struct pages_state *st, int w, int h);
void vm_pages_draw(struct vm_ui *ui, struct pages_state *st, int y, int h);

/** What isn't known of pages by which cells are coloured; NULL: it is known. */
const char *vm_pages_missing(const struct pages_state *st);

/** Line and column of the cursor; false: there is nothing. */
bool vm_pages_cursor(const struct pages_state *st, uint64_t *line, unsigned *x);
/** The cell with the cursor, and its row; NULL: it isn't in sight. */
const struct vm_pagegrid_cell *vm_pages_cell(const struct pages_state *st, const struct vm_pagegrid_row **row, unsigned *at);

#endif
