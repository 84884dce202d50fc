/** How the tab Pages is drawn: lines of cells with their mappings, what the cell with the cursor holds, and a legend. */

#include <stdio.h>
#include <string.h>

#include "cli/tui/tab_pages.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/model/page.h"

enum {
	ADDRESS = 13,              /* with the border behind it */
	NAMES_FROM = 64,           /* columns that a screen must have to show names */
	HEAD = 1, SMALL = 10, LARGE = 16,
};

/** Lines below the grid, which is what matters most. */
static int detail_lines(int h)
{
	return h > SMALL ? 2 : 1;
}

static int legend_lines(int h)
{
	return h > LARGE ? 2 : 1;
}

/** Its words; how it is told; what share is shown, and of what. */
static const struct by {
	const char *name;
	const char *has, *hasnt;   /* "dirty", "clean"; NULL: not a matter of more or less */
	enum vm_tint tint;
} bys[PAGES_BY_NR] = {
	[PAGES_BY_STATE] = { "state", NULL, NULL, VM_TINT_NORMAL },
	[PAGES_BY_PRESENT] = { "present", "in memory", "swapped or marked", VM_TINT_BAR_ANON },
	[PAGES_BY_SWAPPED] = { "swapped", "in swap", "in memory", VM_TINT_BAR_SWAP },
	[PAGES_BY_HUGE] = { "huge", "in huge pages", "in small ones", VM_TINT_TAG },
	[PAGES_BY_SHARED] = { "shared", "mapped elsewhere too", "only here", VM_TINT_BAR_SHMEM },
	[PAGES_BY_DIRTY] = { "dirty", "written", "not written", VM_TINT_HOT },
	[PAGES_BY_ACCESSED] = { "accessed", "used", "not used", VM_TINT_WARM },
	[PAGES_BY_NODE] = { "node", NULL, NULL, VM_TINT_NORMAL },
};

/** By node, and by quarter of a share: from little to all. */
static const enum vm_tint node_tints[] = {
	VM_TINT_BAR_ANON, VM_TINT_BAR_FILE, VM_TINT_BAR_SHMEM, VM_TINT_BAR_KERNEL, VM_TINT_BAR_SWAP, VM_TINT_WARM,
};
enum { NODE_TINTS = sizeof(node_tints) / sizeof(node_tints[0]), SHARES = 4 };
static const uint32_t shares[2][SHARES] = { { ':', '+', '%', '#' }, { 0x2591, 0x2592, 0x2593, 0x2588 } };

static enum vm_tint state_tint(unsigned kind)
{
	static const enum vm_tint tints[VM_PAGEGRID_NR] = {
		[VM_PAGEGRID_ANON] = VM_TINT_BAR_ANON, [VM_PAGEGRID_HUGE] = VM_TINT_TAG, [VM_PAGEGRID_FILE] = VM_TINT_BAR_FILE,
		[VM_PAGEGRID_ZERO] = VM_TINT_BAR_OTHER, [VM_PAGEGRID_SWAP] = VM_TINT_BAR_SWAP, [VM_PAGEGRID_NONE] = VM_TINT_BAR_OTHER,
		[VM_PAGEGRID_GUARD] = VM_TINT_WARN, [VM_PAGEGRID_OTHER] = VM_TINT_BAR_KERNEL,
	};
	return tints[kind];
}

void vm_pages_measure(struct pages_state *st, int w, int h)
{
	const int names = w < NAMES_FROM ? 0 : w < 100 ? 22 : w / 4;
	const int width = w - ADDRESS - 1 - names, lines = h - HEAD - legend_lines(h) - detail_lines(h);
	st->width = width > 8 ? (unsigned)width : 8;
	st->lines = lines > 1 ? (unsigned)lines : 1;
	st->x = ADDRESS;
}

/* ---- A cell --------------------------------------------------------------------------------------------------------- */

/** What the share is of, and what it is; false: not known. */
static bool share_of(enum pages_by by, const struct vm_pagegrid_cell *c, uint64_t size, uint64_t *has, uint64_t *all)
{
	static const enum vm_pagegrid_trait traits[PAGES_BY_NR] = {
		[PAGES_BY_HUGE] = VM_PAGEGRID_BIG, [PAGES_BY_SHARED] = VM_PAGEGRID_SHARED, [PAGES_BY_DIRTY] = VM_PAGEGRID_DIRTY,
		[PAGES_BY_ACCESSED] = VM_PAGEGRID_ACCESSED,
	};
	unsigned most;
	*all = c->present;
	if (by == PAGES_BY_PRESENT) {
		*has = c->present;
		*all = size;
		return true;
	}
	if (by == PAGES_BY_SWAPPED) {
		*has = c->bytes[VM_PAGEGRID_SWAP];
		*all = vm_pagegrid_populated(c, &most);
		return true;
	}
	unsigned trait = traits[by];
	/* Without the bit of the entry, what was written since somebody cleared the soft one. */
	if (trait == VM_PAGEGRID_DIRTY && c->unknown >> trait & 1)
		trait = VM_PAGEGRID_SOFT_DIRTY;
	*has = c->with[trait];
	return !(c->unknown >> trait & 1) || !c->present;
}

static uint32_t node_glyph(const struct vm_pagegrid_cell *c, enum vm_tint *tint)
{
	unsigned most = 0;
	for (unsigned i = 0; i < VM_PAGEGRID_NODES; i++)
		most = c->node[i] > c->node[most] ? i : most;
	*tint = VM_TINT_DIM;
	if (!c->present)
		return '-';
	if (c->node[most] < c->unknown_node || !c->node[most])
		return '?';
	*tint = node_tints[most % NODE_TINTS];
	return (uint32_t)"0123456789abcdef"[most];
}

static uint32_t glyph(const struct pages_state *st, const struct vm_pagegrid_cell *c, uint64_t size, bool utf8, enum vm_tint *tint)
{
	unsigned most;
	uint64_t has, all;
	*tint = VM_TINT_DIM;
	if (!c->read)
		return '?';
	if (!vm_pagegrid_populated(c, &most))
		return utf8 ? 0xb7 : '.';
	if (st->by == PAGES_BY_STATE) {
		*tint = state_tint(most);
		return (uint32_t)vm_pagegrid_letter(&st->shown, c);
	}
	if (st->by == PAGES_BY_NODE)
		return node_glyph(c, tint);
	if (!share_of(st->by, c, size, &has, &all))
		return '?';
	if (!has)
		return '-';
	*tint = bys[st->by].tint;
	/* The last one means all of it. */
	return shares[utf8][has >= all ? SHARES - 1 : has * 4 / all >= 2 ? 2 : has * 4 / all];
}

static void draw_row(struct vm_ui *ui, const struct pages_state *st, const struct vm_pagegrid_row *row)
{
	struct vm_canvas *c = &ui->canvas;
	const int y = st->y + (int)row->line;
	for (unsigned i = 0; i < row->cells; i++) {
		uint64_t a, b;
		enum vm_tint tint;
		vm_pagegrid_cell_range(&st->shown, row, i, &a, &b);
		const uint32_t ch = glyph(st, &st->shown.cell[row->first + i], b - a, c->utf8, &tint);
		vm_canvas_fill(c, st->x + (int)(row->x + i), y, 1, tint, ch);
	}
	const bool begins = row->start == row->m->start;
	if (row->x)
		vm_canvas_fill(c, st->x + (int)row->x - 1, y, 1, VM_TINT_DIM, c->utf8 ? 0x2502 : '|');
	else
		vm_canvas_fill(c, st->x - 1, y, 1, VM_TINT_DIM, c->utf8 ? (begins ? 0x250c : 0x2502) : begins ? '+' : '|');
	if (!row->x)
		vm_canvas_textf(c, 0, y, ADDRESS - 1, VM_TINT_DIM, "%012jx", (uintmax_t)row->start);
}

/* ---- Names and gaps -------------------------------------------------------------------------------------------------- */

/** Of a path the end tells more. */
static const char *name_of(const struct vm_mapping *m)
{
	const char *slash = m->name[0] == '/' ? strrchr(m->name, '/') : NULL;
	return slash && slash[1] ? slash + 1 : m->name[0] ? m->name : "anonymous";
}

static void draw_name(struct vm_ui *ui, const struct pages_state *st, const struct vm_pageview_part *p, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const int x = st->x + (int)st->width + 1;
	const struct vm_mapping *m = &st->view.as->map[p->first];
	char size[VM_NUMBUF];
	if (c->w < NAMES_FROM)
		return;
	if (p->n > 1)
		vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "%zu %s%s", p->n, m->name[0] ? "of " : "", name_of(m));
	else
		vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "%s %s %s", vm_mapping_perm(m),
				vm_format_size(m->end - m->start, size), name_of(m));
}

static void draw_lines(struct vm_ui *ui, const struct pages_state *st)
{
	struct vm_canvas *c = &ui->canvas;
	char size[VM_NUMBUF];
	bool gap;
	for (unsigned i = 0; i < st->lines; i++) {
		const struct vm_pageview_part *p = vm_pageview_part(&st->view, st->top + i, &gap);
		const int y = st->y + (int)i;
		if (!p)
			break;
		if (gap)
			vm_canvas_textf(c, st->x - 1, y, c->w - st->x, VM_TINT_DIM, "%s gap of %s",
					c->utf8 ? "\xe2\x94\x86" : "~", vm_format_size(p->gap, size));
		else if (p->line == st->top + i)
			draw_name(ui, st, p, y);
	}
	for (size_t i = 0; i < st->shown.nrows; i++)
		draw_row(ui, st, &st->shown.row[i]);
}

/* ---- Head, details, legend ------------------------------------------------------------------------------------------- */

static void draw_head(struct vm_ui *ui, const struct pages_state *st, int y)
{
	struct vm_canvas *c = &ui->canvas;
	char text[VM_NUMBUF];
	struct vm_buf b = { 0 };
	int x = vm_canvas_textf(c, 1, y, c->w - 1, VM_TINT_BOLD, "by %s  ", bys[st->by].name) + 1;
	vm_buf_addf(&b, "a cell is %s%s", vm_format_size(st->block, text), st->zoomed ? "" : " (all)");
	if (st->view.lines > st->lines)
		vm_buf_addf(&b, ", lines %ju-%ju of %ju", (uintmax_t)st->top + 1, (uintmax_t)(st->top + st->lines),
			    (uintmax_t)st->view.lines);
	if (st->told && !st->error) {
		vm_buf_addf(&b, "; by %s", st->got.via);
		if (st->got.shown_ns)
			vm_buf_addf(&b, ", %s%s", vm_format_duration(st->got.shown_ns, text), st->got.holds_lock ? " under its mmap lock" : "");
	}
	vm_canvas_text(c, x, y, c->w - x, VM_TINT_NORMAL, vm_buf_str(&b));
	vm_buf_free(&b);
}

static void put_bytes(struct vm_buf *b, uint64_t bytes, const char *what)
{
	char text[VM_NUMBUF];
	if (bytes)
		vm_buf_addf(b, "%s%s %s", b->n ? ", " : "", vm_format_size(bytes, text), what);
}

static void put_cell(const struct pages_state *st, const struct vm_pagegrid_cell *c, uint64_t size, struct vm_buf *b)
{
	unsigned most;
	char name[24];
	uint64_t has, all;
	const uint64_t there = vm_pagegrid_populated(c, &most);
	for (unsigned i = 0; i < VM_PAGEGRID_NR; i++)
		put_bytes(b, c->bytes[i], vm_pagegrid_states[i].words);
	put_bytes(b, size > there ? size - there : 0, "nothing");
	for (unsigned i = 0; i < VM_PAGEGRID_NODES && st->by == PAGES_BY_NODE; i++) {
		snprintf(name, sizeof(name), "on node %u%s", i, i == VM_PAGEGRID_NODES - 1 ? " or above" : "");
		put_bytes(b, c->node[i], name);
	}
	if (bys[st->by].has && st->by > PAGES_BY_SWAPPED && share_of(st->by, c, size, &has, &all) && c->present) {
		char text[VM_NUMBUF];
		vm_buf_addf(b, "; %s %s", has ? vm_format_size(has, text) : "none", bys[st->by].has);
	}
}

static bool sizes_unknown(const struct pages_state *st)
{
	for (size_t i = 0; i < st->shown.ncells; i++)
		if (st->shown.cell[i].unknown >> VM_PAGEGRID_BIG & 1)
			return true;
	return false;
}

const char *vm_pages_missing(const struct pages_state *st)
{
	if (st->error)
		return NULL;
	switch (st->by) {
	case PAGES_BY_DIRTY:
		return !(st->got.unknown & VM_PG(DIRTY)) ? NULL : st->got.unknown & VM_PG(SOFT_DIRTY) ?
			"Which pages are dirty only page tables tell" :
			"Dirty bits only page tables tell; this is what was written since clear_refs, or never cleared";
	case PAGES_BY_ACCESSED:
		return st->got.unknown & VM_PG(ACCESSED) ? "Which pages were used only page tables tell" : NULL;
	case PAGES_BY_HUGE:
		return sizes_unknown(st) ? "Sizes of pages aren't known: pagemap doesn't tell them" : NULL;
	case PAGES_BY_SHARED:
		return st->got.unknown & VM_PG(EXCLUSIVE) ? "Which pages are shared only pagemap tells" : NULL;
	case PAGES_BY_NODE:
		return st->got.nodes_unknown ? "Which node a page is on takes its frame, for which one needs CAP_SYS_ADMIN" : NULL;
	default:
		return NULL;
	}
}

/** Why there is nothing to see, or not what was asked for. */
static bool put_trouble(const struct pages_state *st, struct vm_buf *b)
{
	const char *lacks = vm_pages_missing(st);
	if (st->error)
		vm_buf_addf(b, "Its pages can't be read: %s%s%s", st->trouble.what, st->trouble.hint[0] ? "; " : "", st->trouble.hint);
	else if (lacks)
		vm_buf_addf(b, "%s%s%s%s", lacks, st->got.why_not[0] ? " (" : "", st->got.why_not, st->got.why_not[0] ? ")" : "");
	return b->n != 0;
}

/** What smaps says of a mapping whose pages aren't known. */
static void put_figures(const struct vm_mapping *m, struct vm_buf *b)
{
	static const struct { enum vm_qty q; const char *words; } figures[] = {
		{ VM_Q_RSS, "in memory" }, { VM_Q_ANON, "anonymous" }, { VM_Q_SWAP, "in swap" }, { VM_Q_THP, "in huge pages" },
		{ VM_Q_REFERENCED, "used" }, { VM_Q_DIRTY, "dirty" },
	};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (m->have >> figures[i].q & 1)
			put_bytes(b, m->q[figures[i].q], figures[i].words);
	if (b->n)
		vm_buf_add_str(b, " in all of the mapping");
}

/** The one that stands for what isn't known of its pages. */
static void put_instead(const struct pages_state *st, const struct vm_mapping *m, struct vm_buf *b)
{
	const enum vm_qty q = st->by == PAGES_BY_DIRTY ? VM_Q_DIRTY : VM_Q_REFERENCED;
	char text[VM_NUMBUF];
	if ((st->by == PAGES_BY_DIRTY || st->by == PAGES_BY_ACCESSED) && vm_pages_missing(st) && m->have >> q & 1)
		vm_buf_addf(b, "; %s %s in all of the mapping", vm_format_size(m->q[q], text), bys[st->by].has);
}

static void draw_details(struct vm_ui *ui, const struct pages_state *st, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_pagegrid_row *row;
	unsigned i;
	uint64_t a, b;
	struct vm_buf text = { 0 };
	char size[VM_NUMBUF];
	const struct vm_pagegrid_cell *cell = vm_pages_cell(st, &row, &i);
	if (!cell)
		return;
	vm_pagegrid_cell_range(&st->shown, row, i, &a, &b);
	if (cell->read) {
		put_cell(st, cell, b - a, &text);
		put_instead(st, row->m, &text);
	} else {
		put_figures(row->m, &text);
	}
	if (h > 1) {
		vm_canvas_textf(c, 1, y, c->w - 1, VM_TINT_BOLD, "%jx-%jx %s  %s %s", (uintmax_t)a, (uintmax_t)b,
				vm_format_size(b - a, size), vm_mapping_perm(row->m), row->m->name[0] ? row->m->name : "anonymous");
		vm_canvas_text(c, 1, y + 1, c->w - 1, VM_TINT_NORMAL, vm_buf_str(&text));
	} else {
		vm_canvas_textf(c, 0, y, c->w, VM_TINT_BOLD, "%jx %s: %s", (uintmax_t)a, name_of(row->m), vm_buf_str(&text));
	}
	vm_buf_free(&text);
}

/** Where the next item of the legend goes. */
struct legend {
	struct vm_canvas *c;
	int x, y, end;             /* behind the last line */
};

/** One that would be cut in half says nothing. */
static void legend_item(struct legend *l, enum vm_tint tint, uint32_t ch, const char *words)
{
	const int w = 2 + vm_canvas_text_width(l->c, words);
	if (l->x + w > l->c->w) {
		l->x = 1;
		l->y++;
	}
	if (l->y >= l->end || l->x + w > l->c->w)
		return;
	vm_canvas_fill(l->c, l->x, l->y, 1, tint, ch);
	vm_canvas_text(l->c, l->x + 2, l->y, w, VM_TINT_NORMAL, words);
	l->x += w + 2;
}

static void draw_states(struct legend *l)
{
	for (unsigned i = 0; i < VM_PAGEGRID_NR; i++)
		legend_item(l, state_tint(i), (uint32_t)vm_pagegrid_states[i].letter, vm_pagegrid_states[i].words);
}

static void draw_shares(struct legend *l, const struct by *by)
{
	static const char *const words[SHARES] = { "to 1/4", "to 1/2", "not all", "all of it" };
	char text[64];
	for (unsigned i = 0; i < SHARES; i++) {
		snprintf(text, sizeof(text), "%s%s%s", words[i], i + 1 < SHARES ? "" : " ", i + 1 < SHARES ? "" : by->has);
		legend_item(l, by->tint, shares[l->c->utf8][i], text);
	}
	legend_item(l, VM_TINT_DIM, '-', by->hasnt);
}

static void draw_legend(struct vm_ui *ui, const struct pages_state *st, int y, int h)
{
	struct legend l = { .c = &ui->canvas, .x = 1, .y = y, .end = y + h };
	if (st->by == PAGES_BY_STATE) {
		draw_states(&l);
	} else if (st->by == PAGES_BY_NODE) {
		legend_item(&l, node_tints[0], '0', "on node 0, and so on: where most of it is");
		legend_item(&l, VM_TINT_DIM, '-', "not in memory");
	} else {
		draw_shares(&l, &bys[st->by]);
	}
	legend_item(&l, VM_TINT_DIM, l.c->utf8 ? 0xb7 : '.', "nothing");
	if (st->by == PAGES_BY_STATE)
		legend_item(&l, VM_TINT_DIM, 'a', "less than half of the cell");
}

/** In as many lines as there are. */
static void draw_trouble(struct vm_ui *ui, struct vm_buf *why, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_buf b = { 0 };
	char line[512];
	vm_page_entry(&b, "", 0, vm_buf_str(why), c->w);
	const char *s = vm_buf_str(&b);
	for (int i = 0; i < h && vm_text_line(&s, line, sizeof(line)); i++)
		vm_canvas_text(c, 1, y + i, c->w - 1, VM_TINT_WARN, line + strspn(line, " "));
	vm_buf_free(&b);
}

static void draw_cursor(struct vm_ui *ui, const struct pages_state *st)
{
	const struct vm_pagegrid_row *row;
	unsigned i;
	if (vm_pages_cell(st, &row, &i))
		vm_canvas_tint(&ui->canvas, st->x + (int)(row->x + i), st->y + (int)row->line, 1, VM_TINT_SELECT);
}

void vm_pages_draw(struct vm_ui *ui, struct pages_state *st, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_buf why = { 0 };
	const int details = detail_lines(h), legend = legend_lines(h);
	if (!ui->feed->pages)
		vm_buf_add_str(&why, "Pages can't be read here");
	if (!st->view.nparts) {
		vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, ui->open.known ? "There is no address space to show." : "");
		vm_buf_free(&why);
		return;
	}
	st->y = y + HEAD;
	draw_head(ui, st, y);
	draw_lines(ui, st);
	draw_details(ui, st, y + h - legend - details, details);
	/* In place of the legend: without what is missing there is nothing to explain. */
	if (why.n || put_trouble(st, &why))
		draw_trouble(ui, &why, y + h - legend, legend);
	else
		draw_legend(ui, st, y + h - legend, legend);
	draw_cursor(ui, st);
	vm_buf_free(&why);
}
