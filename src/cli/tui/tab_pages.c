/** The address space of a process as a grid of pages, to look around in; as vmpage --grid, and vmpage PID ADDR for a cell. */

#include "cli/tui/tab_pages.h"

#include <stdio.h>
#include <string.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/model/page.h"

enum {
	ACT_LEFT = VM_ACT_OWN, ACT_RIGHT, ACT_OPEN, ACT_ZOOM_IN, ACT_ZOOM_OUT, ACT_ZOOM_ALL, ACT_BY_NEXT, ACT_BY_PREVIOUS,
	ACT_MAPPING_NEXT, ACT_MAPPING_PREVIOUS, ACT_ASK,
};

#define OWN(act) ((enum vm_action)(act))
static const struct vm_key keys[] = {
	{ "pages-open", { VM_KEY_ENTER, '\n' }, "Enter", "Page", "all of the page below the cursor, with the way through the page tables",
	  VM_IN_TAB, OWN(ACT_OPEN) },
	{ "pages-in", { '+', '=' }, "+", "In", "look closer: smaller cells", VM_IN_TAB, OWN(ACT_ZOOM_IN) },
	{ "pages-out", { '-' }, "-", "Out", "larger cells", VM_IN_TAB, OWN(ACT_ZOOM_OUT) },
	{ "pages-all", { '0' }, "0", NULL, "cells so large that the whole space is in sight, if it can be", VM_IN_TAB, OWN(ACT_ZOOM_ALL) },
	{ "pages-by", { 'c' }, "c", "Colour",
	  "colour by what is next: state, present, swapped, huge, shared, dirty, accessed, node", VM_IN_TAB, OWN(ACT_BY_NEXT) },
	{ "pages-by-back", { 'C' }, "C", NULL, "colour by what was before", VM_IN_TAB, OWN(ACT_BY_PREVIOUS) },
	{ "pages-left", { VM_KEY_LEFT, ',' }, "Left ,", NULL, "the cell before", VM_IN_TAB, OWN(ACT_LEFT) },
	{ "pages-right", { VM_KEY_RIGHT, '.' }, "Right .", NULL, "the next cell", VM_IN_TAB, OWN(ACT_RIGHT) },
	{ "pages-go", { 'g' }, "g", NULL, "go to an address", VM_IN_TAB, OWN(ACT_ASK) },
	{ "pages-mapping", { 'n', ']' }, "n ]", NULL, "the next mapping", VM_IN_TAB, OWN(ACT_MAPPING_NEXT) },
	{ "pages-mapping-back", { 'N', '[' }, "N [", NULL, "the beginning of the mapping, then the one before", VM_IN_TAB,
	  OWN(ACT_MAPPING_PREVIOUS) },
};

/** What the user waits for may take longer than what comes by itself. */
#define ASKED_NS UINT64_C(200000000)
#define SLICE_LEAST_NS UINT64_C(5000000)

/* ---- What is in sight ----------------------------------------------------------------------------------------------- */

static void forget(struct pages_state *st)
{
	vm_pageview_free(&st->view);
	vm_pagegrid_end(&st->shown);
	vm_pagegrid_end(&st->next);
	st->reading = false;
}

static void fini(void *st)
{
	forget(st);
}

static void reset(struct vm_ui *ui, void *st_)
{
	struct pages_state *st = st_;
	(void)ui;
	forget(st);
	*st = (struct pages_state){ .by = st->by };
}

bool vm_pages_cursor(const struct pages_state *st, uint64_t *line, unsigned *x)
{
	return vm_pageview_find(&st->view, st->at, line, x);
}

const struct vm_pagegrid_cell *vm_pages_cell(const struct pages_state *st, const struct vm_pagegrid_row **row, unsigned *at)
{
	uint64_t line;
	unsigned x;
	if (!vm_pages_cursor(st, &line, &x) || line < st->top)
		return NULL;
	for (size_t i = 0; i < st->shown.nrows; i++) {
		const struct vm_pagegrid_row *r = &st->shown.row[i];
		if (r->line != line - st->top || x < r->x || x >= r->x + r->cells)
			continue;
		*row = r;
		*at = x - r->x;
		return &st->shown.cell[r->first + *at];
	}
	return NULL;
}

/** Cells that were in sight before keep what they show until they are read again. */
static void keep_cells(const struct vm_pagegrid *from, struct vm_pagegrid *to)
{
	size_t k = 0;
	for (size_t i = 0; i < to->nrows && from->block == to->block; i++) {
		const struct vm_pagegrid_row *row = &to->row[i];
		while (k < from->nrows && from->row[k].start < row->start)
			k++;
		if (k == from->nrows || from->row[k].start != row->start)
			continue;
		const unsigned n = row->cells < from->row[k].cells ? row->cells : from->row[k].cells;
		memcpy(&to->cell[row->first], &from->cell[from->row[k].first], n * sizeof(*to->cell));
	}
}

/** Make cells for what is in sight; false: out of memory. */
static bool look_at(struct pages_state *st)
{
	struct vm_pagegrid fresh = { 0 };
	st->reading = false;
	vm_pagegrid_end(&st->next);
	if (vm_pageview_cells(&st->view, st->top, st->lines, &fresh) < 0 ||
	    vm_pageview_cells(&st->view, st->top, st->lines, &st->next) < 0) {
		vm_pagegrid_end(&fresh);
		return false;
	}
	keep_cells(&st->shown, &fresh);
	vm_pagegrid_end(&st->shown);
	st->shown = fresh;
	return true;
}

/** The cursor's line must be in sight, and no empty lines below the last one. */
static void scroll_to_cursor(struct pages_state *st)
{
	uint64_t line;
	unsigned x;
	const uint64_t most = st->view.lines > st->lines ? st->view.lines - st->lines : 0;
	if (!vm_pages_cursor(st, &line, &x))
		return;
	/* The gap above the first mapping that is seen is of interest too. */
	if (line < st->top)
		st->top = line;
	else if (line >= st->top + st->lines)
		st->top = line - st->lines + 1;
	st->top = st->top < most ? st->top : most;
}

/** Lay the space out, keeping the cursor's line where it is on the screen.  False: there is nothing to see, or no memory. */
static bool lay_out(struct pages_state *st, const struct vm_aspace *as)
{
	uint64_t line, offset = 0;
	unsigned x;
	if (st->taken_ns && st->view.as == as && vm_pages_cursor(st, &line, &x) && line > st->top)
		offset = line - st->top;
	if (!st->zoomed)
		st->block = vm_pageview_fit(as, st->width, st->lines);
	if (vm_pageview_lay_out(&st->view, as, st->block, st->width) < 0)
		return false;
	st->taken_ns = as->taken_ns;
	if (vm_pages_cursor(st, &line, &x))
		st->top = line > offset ? line - offset : 0;
	scroll_to_cursor(st);
	return look_at(st);
}

/** What is shown belongs to the frame, which may be another one by now.  False: there is nothing to see. */
static bool settle(struct vm_ui *ui, struct pages_state *st)
{
	const struct vm_aspace *as = ui->frame.space;
	if (!as || as->proc.pid != ui->open.pid || !as->nmaps || !st->lines) {
		forget(st);
		return false;
	}
	const bool same = st->view.as == as && st->taken_ns == as->taken_ns && st->view.width == st->width;
	return (same && st->next.cell) || lay_out(st, as);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

static void take(void *ctx, const struct vm_page_run *r, int node)
{
	vm_pagegrid_add(ctx, r, node);
}

static uint32_t bits_for(enum pages_by by)
{
	const uint32_t plain = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(ZERO) | VM_PG(GUARD);
	const uint32_t state = plain | VM_PG(NONE) | VM_PG(SPECIAL);
	switch (by) {
	/* These PAGEMAP_SCAN can tell, too, at less cost and without privilege. */
	case PAGES_BY_PRESENT:
	case PAGES_BY_SWAPPED:
	case PAGES_BY_HUGE: return plain;
	case PAGES_BY_SHARED: return state | VM_PG(EXCLUSIVE);
	case PAGES_BY_DIRTY: return state | VM_PG(DIRTY) | VM_PG(SOFT_DIRTY);
	case PAGES_BY_ACCESSED: return state | VM_PG(ACCESSED);
	default: return state;
	}
}

/** Cells that lie in what was read by now. */
static void show_done(struct pages_state *st, uint64_t from)
{
	for (size_t i = 0; i < st->next.nrows; i++) {
		const struct vm_pagegrid_row *row = &st->next.row[i];
		for (unsigned k = 0; k < row->cells; k++) {
			uint64_t a, b;
			vm_pagegrid_cell_range(&st->next, row, k, &a, &b);
			if (a < from || b > st->pass_at || st->next.cell[row->first + k].read)
				continue;
			st->next.cell[row->first + k].read = true;
			st->shown.cell[row->first + k] = st->next.cell[row->first + k];
		}
	}
}

/** From the first cell in sight (that wasn't read yet) to the last one; false: there is none. */
static bool begin(struct pages_state *st, bool unread)
{
	bool any = false;
	memset(st->next.cell, 0, st->next.ncells * sizeof(*st->next.cell));
	st->next.at = 0;
	for (size_t i = 0; i < st->shown.nrows; i++) {
		const struct vm_pagegrid_row *row = &st->shown.row[i];
		for (unsigned k = 0; k < row->cells; k++) {
			uint64_t a, b;
			if (unread && st->shown.cell[row->first + k].read)
				continue;
			vm_pagegrid_cell_range(&st->shown, row, k, &a, &b);
			st->pass_at = any ? st->pass_at : a;
			st->pass_to = b;
			any = true;
		}
	}
	st->pass_cost_ns = 0;
	st->reading = any;
	return any;
}

static bool all_read(const struct pages_state *st)
{
	for (size_t i = 0; i < st->shown.ncells; i++)
		if (!st->shown.cell[i].read)
			return false;
	return true;
}

/** Go on reading. */
static void go_on(struct vm_ui *ui, struct pages_state *st, uint64_t most_ns)
{
	const uint64_t from = st->pass_at;
	const struct vm_pages_ask ask = {
		.as = ui->frame.space, .from = from, .to = st->pass_to, .want = bits_for(st->by), .nodes = st->by == PAGES_BY_NODE,
		.most_ns = most_ns, .take = take, .ctx = &st->next,
	};
	struct vm_pages_got got;
	struct vm_err trouble = { 0 };
	st->error = ui->feed->pages->scan(ui->feed->pages->ctx, &ask, &got, &trouble);
	st->trouble = trouble;
	if (st->error) {
		st->reading = false;
		return;
	}
	st->got = got;
	st->told = true;
	st->pass_at = got.upto;
	st->pass_cost_ns += got.cost_ns;
	show_done(st, from);
	st->reading = st->pass_at < st->pass_to;
	if (!st->reading)
		st->due_ns = vm_clock_ns() + (uint64_t)((double)st->pass_cost_ns / ui->budget);
}

/** What came into sight is read at once. */
static void read_unread(struct vm_ui *ui, struct pages_state *st)
{
	if (ui->feed->pages && begin(st, true))
		go_on(ui, st, ASKED_NS);
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct pages_state *st = st_;
	if (!settle(ui, st) || !ui->feed->pages || ui->open.ended)
		return;
	const bool all = all_read(st);
	if (!st->reading && !all)
		begin(st, true);
	else if (!st->reading && vm_clock_ns() >= st->due_ns)
		begin(st, false);
	if (!st->reading)
		return;
	const uint64_t slice = (uint64_t)((double)ui->interval_ns * ui->budget);
	go_on(ui, st, !all ? ASKED_NS : slice > SLICE_LEAST_NS ? slice : SLICE_LEAST_NS);
}

static void want(struct vm_ui *ui, void *st_, struct vm_want *want)
{
	const struct pages_state *st = st_;
	(void)ui;
	/* Where pages can't be read, what smaps says of a mapping is better than nothing. */
	if (st->error || (st->told && vm_pages_missing(st)))
		want->space_needs |= VM_NEED(SMAPS);
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------- */

/** To another cell: what it takes to have it in sight. */
static unsigned go_to(struct vm_ui *ui, struct pages_state *st, uint64_t addr)
{
	const uint64_t top = st->top;
	uint64_t line;
	unsigned x;
	st->at = addr;
	if (vm_pages_cursor(st, &line, &x))
		vm_pageview_at(&st->view, line, x, &st->at);
	scroll_to_cursor(st);
	if (st->top != top && look_at(st))
		read_unread(ui, st);
	return VM_DO_REDRAW;
}

/** To a line, or, where that is a gap, the next one that way. */
static unsigned go_to_line(struct vm_ui *ui, struct pages_state *st, uint64_t line, int way, unsigned x)
{
	uint64_t addr;
	if (line >= st->view.lines)
		line = way < 0 ? 0 : st->view.lines - 1;
	while (!vm_pageview_at(&st->view, line, x, &addr)) {
		if ((way < 0 && !line) || (way > 0 && line + 1 >= st->view.lines))
			return VM_DO_NOTHING;
		line += way < 0 ? UINT64_MAX : 1;
	}
	return go_to(ui, st, addr);
}

static unsigned move_lines(struct vm_ui *ui, struct pages_state *st, int64_t by)
{
	uint64_t line;
	unsigned x;
	if (!vm_pages_cursor(st, &line, &x))
		return VM_DO_NOTHING;
	const uint64_t back = (uint64_t)-by;
	const uint64_t to = by < 0 ? (line > back ? line - back : 0) : line + (uint64_t)by;
	return go_to_line(ui, st, to, by < 0 ? -1 : 1, x);
}

/** The cell before or behind, over borders and gaps. */
static unsigned move_cells(struct vm_ui *ui, struct pages_state *st, int way)
{
	const struct vm_pagegrid_row *row;
	unsigned i;
	uint64_t a, b;
	if (!vm_pages_cell(st, &row, &i))
		return VM_DO_NOTHING;
	vm_pagegrid_cell_range(&st->shown, row, i, &a, &b);
	if (way > 0)
		return go_to(ui, st, b);
	const struct vm_aspace *as = st->view.as;
	const size_t at = vm_aspace_find(as, a);
	if (a > as->map[at].start)
		return go_to(ui, st, a - 1);
	return at ? go_to(ui, st, as->map[at - 1].end - 1) : VM_DO_NOTHING;
}

static unsigned move_mappings(struct vm_ui *ui, struct pages_state *st, int way)
{
	const struct vm_aspace *as = st->view.as;
	const struct vm_pagegrid_row *row;
	unsigned i;
	uint64_t a, b;
	if (!as || !vm_pages_cell(st, &row, &i))
		return VM_DO_NOTHING;
	size_t at = vm_aspace_find(as, st->at);
	vm_pagegrid_cell_range(&st->shown, row, i, &a, &b);
	at = at < as->nmaps ? at : as->nmaps - 1;
	if (way > 0)
		return at + 1 < as->nmaps ? go_to(ui, st, as->map[at + 1].start) : VM_DO_NOTHING;
	return go_to(ui, st, a > as->map[at].start || !at ? as->map[at].start : as->map[at - 1].start);
}

static unsigned zoom(struct vm_ui *ui, struct pages_state *st, bool zoomed, uint64_t block)
{
	if (!st->view.as || (zoomed && block == st->block))
		return VM_DO_NOTHING;
	st->zoomed = zoomed;
	st->block = block;
	if (lay_out(st, st->view.as))
		read_unread(ui, st);
	return VM_DO_REDRAW;
}

/** Larger cells than those with which all is in sight show nothing more. */
static unsigned zoom_out(struct vm_ui *ui, struct pages_state *st)
{
	if (!st->view.as)
		return VM_DO_NOTHING;
	const uint64_t all = vm_pageview_fit(st->view.as, st->width, st->lines);
	return st->block * 4 >= all ? zoom(ui, st, false, all) : zoom(ui, st, true, st->block * 4);
}

static unsigned color_by(struct vm_ui *ui, struct pages_state *st, unsigned by)
{
	st->by = (enum pages_by)(by % PAGES_BY_NR);
	if (st->view.as && ui->feed->pages && begin(st, false))
		go_on(ui, st, ASKED_NS);
	return VM_DO_REDRAW;
}

/** The first page in the cell that has anything. */
static unsigned open_page(struct vm_ui *ui, struct pages_state *st)
{
	const struct vm_pagegrid_row *row;
	struct vm_err err = { 0 };
	struct vm_buf text = { 0 };
	unsigned i;
	uint64_t a, b;
	char title[120];
	const struct vm_pagegrid_cell *cell = vm_pages_cell(st, &row, &i);
	if (!cell || !ui->feed->pages)
		return VM_DO_NOTHING;
	vm_pagegrid_cell_range(&st->shown, row, i, &a, &b);
	const uint64_t addr = cell->first ? cell->first : a;
	int r = ui->feed->pages->page(ui->feed->pages->ctx, st->view.as, addr, (unsigned)ui->canvas.w - 1, ui->canvas.utf8, &text, &err);
	if (r < 0) {
		vm_ui_note(ui, "%s", err.what);
		vm_buf_free(&text);
		return VM_DO_REDRAW;
	}
	/* Headings alone begin at the left edge. */
	ui->page.text.n = 0;
	for (const char *s = vm_buf_str(&text); *s; s += strcspn(s, "\n") + 1)
		vm_buf_addf(&ui->page.text, " %.*s\n", (int)strcspn(s, "\n"), s);
	vm_buf_free(&text);
	snprintf(title, sizeof(title), "Page at %012jx of process %d", (uintmax_t)addr, ui->open.pid);
	return vm_text_open(ui, title);
}

static unsigned act(struct vm_ui *ui, void *st_, enum vm_action act)
{
	struct pages_state *st = st_;
	uint64_t addr;
	if (!settle(ui, st))
		return VM_DO_NOTHING;
	const int64_t page = st->lines > 1 ? st->lines - 1 : 1;
	switch ((int)act) {
	case VM_ACT_UP: return move_lines(ui, st, -1);
	case VM_ACT_DOWN: return move_lines(ui, st, 1);
	case VM_ACT_PAGE_UP: return move_lines(ui, st, -page);
	case VM_ACT_PAGE_DOWN: return move_lines(ui, st, page);
	case VM_ACT_FIRST: return go_to(ui, st, 0);
	case VM_ACT_LAST: return go_to(ui, st, UINT64_MAX);
	case ACT_ASK: return vm_prompt_begin(ui, VM_ASK_ADDRESS);
	case VM_ACT_GO: return vm_parse_hex(ui->prompt.text, &addr) == 0 ? go_to(ui, st, addr) : VM_DO_NOTHING;
	case ACT_LEFT: return move_cells(ui, st, -1);
	case ACT_RIGHT: return move_cells(ui, st, 1);
	case ACT_MAPPING_NEXT: return move_mappings(ui, st, 1);
	case ACT_MAPPING_PREVIOUS: return move_mappings(ui, st, -1);
	case ACT_ZOOM_IN: return zoom(ui, st, true, st->block > 4 * 4096 ? st->block / 4 : 4096);
	case ACT_ZOOM_OUT: return zoom_out(ui, st);
	case ACT_ZOOM_ALL: return zoom(ui, st, false, st->block);
	case ACT_BY_NEXT: return color_by(ui, st, st->by + 1);
	case ACT_BY_PREVIOUS: return color_by(ui, st, st->by + PAGES_BY_NR - 1);
	case ACT_OPEN: return open_page(ui, st);
	default: return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, void *st_, const struct vm_event *ev)
{
	struct pages_state *st = st_;
	uint64_t addr;
	if (!settle(ui, st))
		return VM_DO_NOTHING;
	if (ev->type == VM_EV_WHEEL)
		return move_lines(ui, st, 3 * ev->turn);
	const unsigned line = (unsigned)(ev->y - st->y), x = ev->x > st->x ? (unsigned)(ev->x - st->x) : 0;
	if (ev->y < st->y || line >= st->lines || !vm_pageview_at(&st->view, st->top + line, x, &addr))
		return VM_DO_NOTHING;
	go_to(ui, st, addr);
	return ev->twice ? open_page(ui, st) : VM_DO_REDRAW;
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct pages_state *st = st_;
	const unsigned lines = st->lines, width = st->width;
	vm_pages_measure(st, ui->canvas.w, h);
	/* Another size: what came into sight isn't read yet. */
	if (settle(ui, st) && (lines != st->lines || width != st->width) && lay_out(st, st->view.as))
		read_unread(ui, st);
	vm_pages_draw(ui, st, y, h);
}

const struct vm_tab vm_tab_pages = {
	.name = "Pages", .help = "the address space as a grid: what each page is, down to its page-table entry", .key = '3',
	.scope = VM_IN_TAB_PAGE, .keys = keys, .nkeys = sizeof(keys) / sizeof(keys[0]), .size = sizeof(struct pages_state),
	.fini = fini, .reset = reset, .want = want, .feed = feed, .draw = draw, .act = act, .mouse = mouse,
};
