#include "cli/tui/grid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/field/filter.h"

int vm_grid_init(struct vm_grid *g, const struct vm_grid_class *class, const char *columns, const char *sort,
		 struct vm_err *err)
{
	*g = (struct vm_grid){ .class = class };
	int text = vm_field_find(class->set, class->text, strlen(class->text));
	int id = vm_field_find(class->set, class->id, strlen(class->id));
	if (text < 0 || id < 0)
		return vm_fail(err, EINVAL, "a %s has no column %s or %s", class->set->row, class->text, class->id);
	g->text = &class->set->v[text];
	g->id = &class->set->v[id];
	int r = vm_columns_parse(class->set, columns, VM_F_DEFAULT, &g->cols, err);
	return r < 0 ? r : vm_sort_parse(class->set, sort, &g->sort, err);
}

void vm_grid_free(struct vm_grid *g)
{
	vm_filter_free(g->filter);
	vm_vec_free(&g->rows);
	vm_vec_free(&g->tags);
	g->filter = NULL;
}

static const struct vm_field *field(const struct vm_grid *g, const char *name)
{
	int i = vm_field_find(g->class->set, name, strlen(name));
	return i < 0 ? NULL : &g->class->set->v[i];
}

uint32_t vm_grid_needs(const struct vm_grid *g)
{
	return vm_columns_needs(g->class->set, &g->cols) | vm_filter_needs(g->filter) |
	       (g->sort.field ? g->sort.field->needs : 0) | g->text->needs | g->id->needs;
}

/** Does the row's text, or its id, hold `what`? */
static bool holds(const struct vm_grid *g, const void *row, const char *what)
{
	struct vm_scratch tmp;
	struct vm_value v = vm_field_get(g->text, row, &tmp);
	if (v.type == VM_T_STR && strcasestr(v.str, what))
		return true;
	char id[32];
	vm_value_text(vm_field_get(g->id, row, &tmp), g->id->unit, true, id, sizeof(id));
	return strcmp(id, what) == 0;
}

static bool passes(const struct vm_grid *g, const void *row)
{
	return g->plain ? holds(g, row, g->filter_text) : vm_filter_accepts(g->filter, row);
}

static void place_selection(struct vm_grid *g)
{
	if (g->held) {
		for (size_t i = 0; i < g->rows.n; i++) {
			if (g->class->key(g->rows.v[i]) == g->held) {
				g->sel = i;
				return;
			}
		}
	}
	if (g->sel >= g->rows.n)
		g->sel = g->rows.n ? g->rows.n - 1 : 0;
	g->held = g->held && g->rows.n ? g->class->key(g->rows.v[g->sel]) : 0;
}

int vm_grid_fill(struct vm_grid *g, const void *rows, size_t n, size_t size,
		 bool (*accepts)(const void *ctx, const void *row), const void *ctx)
{
	g->rows.n = 0;
	g->offered = 0;
	if (!vm_vec_reserve(&g->rows, n))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;
		if (accepts && !accepts(ctx, row))
			continue;
		g->offered++;
		if (passes(g, row))
			g->rows.v[g->rows.n++] = row;
	}
	int r = vm_sort_rows(&g->sort, g->rows.v, g->rows.n);
	place_selection(g);
	return r;
}

/** A text is meant as an expression if it has an operator, or begins with the name of a column in capitals. */
static bool is_expression(const struct vm_grid *g, const char *text)
{
	size_t first = strcspn(text, " ");
	if (strpbrk(text, "=<>()~!") || strstr(text, " and ") || strstr(text, " or ") ||
	    strncmp(text, "not ", 4) == 0)
		return true;
	for (size_t i = 0; i < g->class->set->n; i++)
		if (strlen(g->class->set->v[i].name) == first &&
		    strncmp(g->class->set->v[i].name, text, first) == 0)
			return true;
	return false;
}

int vm_grid_filter(struct vm_grid *g, const char *text, struct vm_err *err)
{
	struct vm_filter *filter = NULL;
	bool expression = is_expression(g, text);
	if (expression) {
		int r = vm_filter_parse(g->class->set, text, &filter, err);
		if (r < 0)
			return r;
	}
	vm_filter_free(g->filter);
	g->filter = filter;
	g->plain = *text && !expression;
	snprintf(g->filter_text, sizeof(g->filter_text), "%s", text);
	g->top = 0;
	return 0;
}

bool vm_grid_find(struct vm_grid *g, int step, int from)
{
	long n = (long)g->rows.n;
	for (long i = from; i < n + from && *g->search; i++) {
		long at = (((long)g->sel + step * i) % n + n) % n;
		if (holds(g, g->rows.v[at], g->search)) {
			vm_grid_select(g, at);
			return true;
		}
	}
	return false;
}

const void *vm_grid_selected(const struct vm_grid *g)
{
	return g->sel < g->rows.n ? g->rows.v[g->sel] : NULL;
}

void vm_grid_select(struct vm_grid *g, long at)
{
	if (at >= (long)g->rows.n)
		at = (long)g->rows.n - 1;
	if (at < 0)
		at = 0;
	g->sel = (size_t)at;
	g->held = at > 0 && g->sel < g->rows.n ? g->class->key(g->rows.v[g->sel]) : 0;
}

void vm_grid_touch(struct vm_grid *g)
{
	memset(g->width, 0, sizeof(g->width));
}

static int compare_keys(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

bool vm_grid_is_tagged(const struct vm_grid *g, uint64_t key)
{
	return g->tags.n && bsearch(&key, g->tags.v, g->tags.n, sizeof(key), compare_keys);
}

static void toggle_tag(struct vm_grid *g)
{
	const void *row = vm_grid_selected(g);
	if (!row)
		return;
	uint64_t key = g->class->key(row);
	size_t to = 0;
	for (size_t i = 0; i < g->tags.n; i++)
		if (g->tags.v[i] != key)
			g->tags.v[to++] = g->tags.v[i];
	bool removed = to < g->tags.n;
	g->tags.n = to;
	if (!removed && vm_vec_push(&g->tags, key))
		qsort(g->tags.v, g->tags.n, sizeof(key), compare_keys);
	vm_grid_select(g, (long)g->sel + 1);
}

static void set_sort(struct vm_grid *g, const struct vm_field *f)
{
	g->sort = (struct vm_sort){ .field = f };
	vm_sort_rows(&g->sort, g->rows.v, g->rows.n);
	place_selection(g);
	if (!g->held)
		g->top = 0;
	vm_grid_touch(g);
}

bool vm_grid_sort_by(struct vm_grid *g, const char *name)
{
	const struct vm_field *f = field(g, name);
	if (f)
		set_sort(g, f);
	return f;
}

static void invert(struct vm_grid *g)
{
	if (!g->sort.field)
		g->sort.field = g->id;
	g->sort.reverse = !g->sort.reverse;
	vm_sort_rows(&g->sort, g->rows.v, g->rows.n);
	place_selection(g);
}

static void sort_beside(struct vm_grid *g, int step)
{
	const struct vm_field *v = g->class->set->v;
	size_t at = 0;
	for (size_t i = 0; i < g->cols.n; i++)
		if (&v[g->cols.at[i]] == g->sort.field)
			at = i;
	size_t to = (at + g->cols.n + (size_t)(step + (int)g->cols.n)) % g->cols.n;
	set_sort(g, &v[g->cols.at[to]]);
}

static bool act_on_sort(struct vm_grid *g, enum vm_action act)
{
	switch (act) {
	case VM_ACT_SORT_LEFT: sort_beside(g, -1); return true;
	case VM_ACT_SORT_RIGHT: sort_beside(g, 1); return true;
	case VM_ACT_INVERT: invert(g); return true;
	case VM_ACT_SORT_PSS: return vm_grid_sort_by(g, "PSS");
	case VM_ACT_SORT_RSS: return vm_grid_sort_by(g, "RSS");
	case VM_ACT_SORT_USS: return vm_grid_sort_by(g, "USS");
	case VM_ACT_SORT_VSZ: return vm_grid_sort_by(g, "VSZ") || vm_grid_sort_by(g, "SIZE");
	case VM_ACT_SORT_SWAP: return vm_grid_sort_by(g, "SWAP");
	case VM_ACT_SORT_FAULTS: return vm_grid_sort_by(g, "MINFLT/S");
	case VM_ACT_SORT_GROWTH: return vm_grid_sort_by(g, "RSS/S");
	case VM_ACT_SORT_PID: return vm_grid_sort_by(g, g->class->id);
	default: return false;
	}
}

bool vm_grid_act(struct vm_grid *g, enum vm_action act)
{
	int page = g->h > 2 ? g->h - 2 : 1;
	switch (act) {
	case VM_ACT_UP: vm_grid_select(g, (long)g->sel - 1); return true;
	case VM_ACT_DOWN: vm_grid_select(g, (long)g->sel + 1); return true;
	case VM_ACT_PAGE_UP: vm_grid_select(g, (long)g->sel - page); return true;
	case VM_ACT_PAGE_DOWN: vm_grid_select(g, (long)g->sel + page); return true;
	case VM_ACT_FIRST: vm_grid_select(g, 0); return true;
	case VM_ACT_LAST: vm_grid_select(g, (long)g->rows.n - 1); return true;
	case VM_ACT_LEFT: g->left -= g->left > 0; return true;
	case VM_ACT_RIGHT: g->left += g->left + 2 < g->cols.n; return true;
	case VM_ACT_TAG: toggle_tag(g); return true;
	case VM_ACT_UNTAG: g->tags.n = 0; return true;
	case VM_ACT_NEXT: vm_grid_find(g, 1, 1); return true;
	case VM_ACT_PREVIOUS: vm_grid_find(g, -1, 1); return true;
	default: return act_on_sort(g, act);
	}
}

static bool is_number(const struct vm_field *f)
{
	return f->type == VM_T_U64 || f->type == VM_T_I64 || f->type == VM_T_F64;
}

static void cell_text(const struct vm_grid *g, const struct vm_field *f, const void *row, char *buf, size_t size)
{
	struct vm_scratch tmp;
	/* Addresses and counts look the same either way. */
	vm_value_text(vm_field_get(f, row, &tmp), f->unit, g->exact, buf, size);
}

static int heading_width(const struct vm_grid *g, const struct vm_field *f)
{
	return (int)strlen(f->name) + (g->sort.field == f);
}

/** Width that a column takes: that of its widest text seen so far, within bounds. */
static int column_width(struct vm_grid *g, struct vm_canvas *c, unsigned col, int visible)
{
	const struct vm_field *f = &g->class->set->v[col];
	int w = heading_width(g, f);
	/* Numbers change from refresh to refresh: leave them room, so that nothing jumps about. */
	if (!g->exact && f->type == VM_T_U64 && f->unit == VM_U_BYTES && w < 6)
		w = 6;
	if (w < g->width[col])
		w = g->width[col];
	for (size_t i = g->top; i < g->rows.n && i < g->top + (size_t)visible; i++) {
		char text[512];
		cell_text(g, f, g->rows.v[i], text, sizeof(text));
		int cw = vm_canvas_text_width(c, text);
		if (cw > w)
			w = cw;
	}
	int most = is_number(f) ? 24 : f->flags & VM_F_TRUNC ? 24 : 32;
	if (w > most)
		w = most;
	g->width[col] = (uint16_t)w;
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
		int w = column_width(g, c, col, g->h - 1);
		/* The last text takes what is left. */
		if (i + 1 == g->cols.n && !is_number(f))
			w = end - x;
		if (x + w > end) {
			/* Half a number says something wrong; half a text doesn't. */
			if (is_number(f) && g->nspans)
				break;
			w = end - x;
		}
		g->span[g->nspans++] = (struct vm_grid_span){ x, w, (int)col };
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

static void draw_row(const struct vm_grid *g, struct vm_canvas *c, size_t at, int y)
{
	const void *row = g->rows.v[at];
	bool selected = at == g->sel, tagged = vm_grid_is_tagged(g, g->class->key(row));
	enum vm_tint base = tagged ? VM_TINT_TAG : VM_TINT_NORMAL;
	for (unsigned i = 0; i < g->nspans; i++) {
		const struct vm_grid_span *s = &g->span[i];
		const struct vm_field *f = &g->class->set->v[s->col];
		char text[512];
		cell_text(g, f, row, text, sizeof(text));
		bool quiet = strcmp(text, "-") == 0 || strcmp(text, "0") == 0 || strcmp(text, "0.0") == 0;
		enum vm_tint tint = quiet && !tagged ? VM_TINT_DIM : base;
		if (is_number(f))
			vm_canvas_right(c, s->x, y, s->w, tint, text);
		else
			draw_text(c, s->x, y, s->w, tint, text, g->class->paths && f == g->text);
	}
	if (tagged && !c->color)
		vm_canvas_text(c, g->x + g->w - 1, y, 1, base, "*");
	if (selected)
		vm_canvas_tint(c, g->x, y, g->w, VM_TINT_SELECT);
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

bool vm_grid_click(struct vm_grid *g, int x, int y)
{
	if (x < g->x || x >= g->x + g->w || y < g->y || y >= g->y + g->h)
		return false;
	if (y > g->y) {
		size_t at = g->top + (size_t)(y - g->y - 1);
		if (at < g->rows.n)
			vm_grid_select(g, (long)at);
		return at < g->rows.n;
	}
	for (unsigned i = 0; i < g->nspans; i++) {
		const struct vm_grid_span *s = &g->span[i];
		if (x < s->x || x > s->x + s->w)
			continue;
		const struct vm_field *f = &g->class->set->v[s->col];
		if (g->sort.field == f)
			invert(g);
		else
			set_sort(g, f);
		break;
	}
	return false;
}
