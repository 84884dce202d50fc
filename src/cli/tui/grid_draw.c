/** Lists on the canvas. */

#include <stdio.h>
#include <string.h>

#include "cli/tui/grid.h"
#include "cli/tui/history.h"
#include "cli/tui/levels.h"

static bool is_number(const struct vm_field *f)
{
	return f->type == VM_T_U64 || f->type == VM_T_I64 || f->type == VM_T_F64;
}

static int heading_width(const struct vm_grid *g, const struct vm_field *f)
{
	return (int)strlen(f->name) + (g->sort.field == f);
}

static bool has_spark(const struct vm_grid *g, const struct vm_field *f)
{
	return g->history && vm_history_has(g->history, f);
}

/** Width that a column takes: that of its widest text seen so far, within bounds. */
static int column_width(struct vm_grid *g, struct vm_canvas *c, unsigned col, bool spark, int visible)
{
	const struct vm_field *f = &g->class->set->v[col];
	int w = heading_width(g, f);
	/* Numbers change from refresh to refresh: leave them room, so that nothing jumps about. */
	if (!g->exact && f->type == VM_T_U64 && f->unit == VM_U_BYTES && w < 6)
		w = 6;
	if (w < g->width[col])
		w = g->width[col];
	for (size_t i = g->top; i < g->rows.n && i < g->top + (size_t)visible; i++) {
		struct vm_scratch tmp;
		char text[512];
		vm_value_text(vm_grid_value(g, f, i, &tmp), f->unit, g->exact, text, sizeof(text));
		int cw = vm_canvas_text_width(c, text);
		if (cw > w)
			w = cw;
	}
	if (spark)
		w += VM_HISTORY_LENGTH + 1;
	int most = is_number(f) ? 24 : f->flags & VM_F_TRUNC ? 24 : 32;
	if (w > most)
		w = most;
	/* Without the sparkline, which would be added to it again. */
	g->width[col] = (uint16_t)(spark ? w - VM_HISTORY_LENGTH - 1 : w);
	return w;
}

/** Which columns are on the screen, and where.  The first one always is. */
static void place_columns(struct vm_grid *g, struct vm_canvas *c)
{
	int x = g->x, end = g->x + g->w;
	g->nspans = 0;
	for (size_t i = 0; i < g->cols.n && x < end; i++) {
		if (i > 0 && i <= g->left)
			continue;
		unsigned col = g->cols.at[i];
		const struct vm_field *f = &g->class->set->v[col];
		const bool spark = has_spark(g, f);
		int w = column_width(g, c, col, spark, g->h - 1);
		/* The last text takes what is left. */
		if (i + 1 == g->cols.n && !is_number(f))
			w = end - x;
		if (x + w > end) {
			/* Half a number says something wrong; half a text doesn't. */
			if (is_number(f) && g->nspans)
				break;
			w = end - x;
		}
		g->span[g->nspans++] = (struct vm_grid_span){
			.x = x, .w = w, .col = (int)col, .spark = spark,
			.threshold = g->levels ? vm_levels_find(g->levels, f->name) : NULL,
		};
		x += w + 1;
	}
}

static void draw_heading(const struct vm_grid *g, struct vm_canvas *c)
{
	vm_canvas_fill(c, g->x, g->y, g->w, VM_TINT_HEAD, ' ');
	for (unsigned i = 0; i < g->nspans; i++) {
		const struct vm_grid_span *s = &g->span[i];
		const struct vm_field *f = &g->class->set->v[s->col];
		char text[64];
		bool sorted = f == g->sort.field;
		bool down = !!(f->flags & VM_F_DESC) != g->sort.reverse;
		const char *mark = !sorted ? "" : c->utf8 ? (down ? "▾" : "▴") : (down ? "v" : "^");
		snprintf(text, sizeof(text), "%s%s", f->name, mark);
		enum vm_tint tint = sorted ? VM_TINT_HEAD_SORT : VM_TINT_HEAD;
		if (is_number(f))
			vm_canvas_right(c, s->x, g->y, s->w, tint, text);
		else
			vm_canvas_text(c, s->x, g->y, s->w, tint, text);
	}
}

/** The end of a path says more than its beginning. */
static void draw_text(struct vm_canvas *c, int x, int y, int w, enum vm_tint tint, const char *text,
		      bool path)
{
	int width = vm_canvas_text_width(c, text);
	if (!path || *text != '/' || width <= w || w < 4) {
		vm_canvas_text(c, x, y, w, tint, text);
		return;
	}
	const char *tail = text;
	while (vm_canvas_text_width(c, tail) > w - 1)
		do {
			tail++;
		} while ((*tail & 0xc0) == 0x80);
	int n = vm_canvas_text(c, x, y, 1, VM_TINT_DIM, c->utf8 ? "…" : "<");
	vm_canvas_text(c, x + n, y, w - n, tint, tail);
}

/** The row's text, with the lines of the tree before it. */
static void draw_main_text(const struct vm_grid *g, struct vm_canvas *c, const struct vm_grid_span *s, size_t at, int y,
			   enum vm_tint tint, const char *text)
{
	struct vm_buf b = { 0 };
	vm_grid_put_rails(g, at, c->utf8, &b);
	const int n = vm_canvas_text(c, s->x, y, s->w, VM_TINT_DIM, vm_buf_str(&b));
	vm_buf_free(&b);
	draw_text(c, s->x + n, y, s->w - n, tint, text, g->class->paths);
}

/** What the value is worth. */
static enum vm_tint tint_of(const struct vm_grid *g, const struct vm_grid_span *s, struct vm_value v)
{
	const enum vm_level level = vm_level_of(g->levels, s->threshold, v);
	return level == VM_LEVEL_HOT ? VM_TINT_HOT : level == VM_LEVEL_WARM ? VM_TINT_WARM : VM_TINT_NORMAL;
}

/** A number, and before it what it was. */
static void draw_number(const struct vm_grid *g, struct vm_canvas *c, const struct vm_grid_span *s, size_t at, int y,
			enum vm_tint tint, const char *text)
{
	const struct vm_field *f = &g->class->set->v[s->col];
	const float *past = s->spark && s->w > VM_HISTORY_LENGTH ? vm_history_get(g->history, f, g->class->key(g->rows.v[at])) : NULL;
	if (past)
		vm_canvas_spark(c, s->x, y, past, VM_HISTORY_LENGTH, 0, VM_TINT_BAR_FILE);
	vm_canvas_right(c, s->x, y, s->w, tint, text);
}

static void draw_row(const struct vm_grid *g, struct vm_canvas *c, size_t at, int y)
{
	const void *row = g->rows.v[at];
	bool selected = at == g->sel && !g->still, tagged = vm_grid_is_tagged(g, g->class->key(row));
	enum vm_tint base = tagged ? VM_TINT_TAG : VM_TINT_NORMAL;
	for (unsigned i = 0; i < g->nspans; i++) {
		const struct vm_grid_span *s = &g->span[i];
		const struct vm_field *f = &g->class->set->v[s->col];
		struct vm_scratch tmp;
		char text[512];
		const struct vm_value v = vm_grid_value(g, f, at, &tmp);
		/* Addresses and counts look the same, exact or not. */
		vm_value_text(v, f->unit, g->exact, text, sizeof(text));
		bool quiet = strcmp(text, "-") == 0 || strcmp(text, "0") == 0 || strcmp(text, "0.0") == 0;
		enum vm_tint tint = tagged ? base : quiet ? VM_TINT_DIM : tint_of(g, s, v);
		if (is_number(f))
			draw_number(g, c, s, at, y, tint, text);
		else if (f == g->text)
			draw_main_text(g, c, s, at, y, tint, text);
		else
			draw_text(c, s->x, y, s->w, tint, text, false);
	}
	if (tagged && !c->color)
		vm_canvas_text(c, g->x + g->w - 1, y, 1, base, "*");
	if (selected)
		vm_canvas_tint(c, g->x, y, g->w, VM_TINT_SELECT);
}

void vm_grid_draw_tagged(const struct vm_grid *g, struct vm_canvas *c, int y)
{
	VM_VEC(const void *) rows = { 0 };
	for (size_t i = 0; i < g->all.n; i++)
		if (vm_grid_is_tagged(g, g->class->key(g->all.v[i])))
			(void)vm_vec_push(&rows, g->all.v[i]);
	char text[64];
	snprintf(text, sizeof(text), "%zu tagged", rows.n);
	vm_canvas_fill(c, g->x, y, g->w, VM_TINT_TAG, ' ');
	/* The word goes where no sum is. */
	int room = g->w;
	for (unsigned i = g->nspans; i-- > 0;) {
		const struct vm_grid_span *s = &g->span[i];
		const struct vm_field *f = &g->class->set->v[s->col];
		char sum[64];
		if (!(f->flags & VM_F_SUM))
			continue;
		vm_value_text(vm_grid_sum(f, rows.v, rows.n), f->unit, g->exact, sum, sizeof(sum));
		vm_canvas_right(c, s->x, y, s->w, VM_TINT_TAG, sum);
		room = s->x + s->w - (int)strlen(sum) - 1 - g->x;
	}
	const struct vm_grid_span *last = g->nspans ? &g->span[g->nspans - 1] : NULL;
	if ((int)strlen(text) <= room)
		vm_canvas_text(c, g->x, y, room, VM_TINT_TAG, text);
	else if (last && !is_number(&g->class->set->v[last->col]))
		vm_canvas_text(c, last->x, y, last->w, VM_TINT_TAG, text);
	vm_vec_free(&rows);
}

void vm_grid_draw(struct vm_grid *g, struct vm_canvas *c, int x, int y, int w, int h)
{
	if (g->w != w)
		vm_grid_touch(g);
	g->x = x, g->y = y, g->w = w, g->h = h;
	size_t visible = h > 1 ? (size_t)h - 1 : 0;
	if (g->sel < g->top)
		g->top = g->sel;
	if (visible && g->sel >= g->top + visible)
		g->top = g->sel - visible + 1;
	if (g->top + visible > g->rows.n)
		g->top = g->rows.n > visible ? g->rows.n - visible : 0;
	place_columns(g, c);
	draw_heading(g, c);
	for (size_t i = 0; i < visible && g->top + i < g->rows.n; i++)
		draw_row(g, c, g->top + i, y + 1 + (int)i);
	if (!g->rows.n && visible)
		vm_canvas_text(c, x + 1, y + 1, w - 1, VM_TINT_DIM,
			       g->offered ? "No row passes the filter." : "No rows.");
}
