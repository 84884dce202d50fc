#include "cli/tui/grid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
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
	int r = vm_grid_set_columns(g, columns, err);
	return r < 0 ? r : vm_sort_parse(class->set, sort, &g->sort, err);
}

void vm_grid_free(struct vm_grid *g)
{
	vm_filter_free(g->filter);
	vm_vec_free(&g->rows);
	vm_vec_free(&g->all);
	vm_vec_free(&g->place);
	vm_vec_free(&g->from);
	vm_vec_free(&g->tags.v);
	vm_vec_free(&g->folds.v);
	g->filter = NULL;
}

void vm_grid_forget(struct vm_grid *g)
{
	vm_grid_clear(g);
	g->tags.v.n = g->folds.v.n = 0;
	g->held = 0;
	g->sel = g->top = 0;
	vm_grid_filter(g, "", NULL);
}

void vm_grid_use_columns(struct vm_grid *g, const struct vm_columns *cols)
{
	g->cols = *cols;
	g->left = 0;
	vm_grid_touch(g);
}

int vm_grid_set_columns(struct vm_grid *g, const char *spec, struct vm_err *err)
{
	struct vm_columns cols;
	int r = vm_columns_parse(g->class->set, spec ? spec : g->class->usual, VM_F_DEFAULT, &cols, err);
	if (r == 0)
		vm_grid_use_columns(g, &cols);
	return r;
}

void vm_grid_put_columns(const struct vm_grid *g, struct vm_buf *b)
{
	for (size_t i = 0; i < g->cols.n; i++)
		vm_buf_addf(b, "%s%s", i ? "," : "", g->class->set->v[g->cols.at[i]].name);
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

void vm_grid_clear(struct vm_grid *g)
{
	g->rows.n = g->all.n = g->offered = 0;
}

/** The rows that are seen: all, or those that aren't below a folded one. */
static bool unfold(struct vm_grid *g)
{
	g->rows.n = 0;
	if (!vm_vec_reserve(&g->rows, g->all.n) || !vm_vec_reserve(&g->from, g->all.n))
		return false;
	for (size_t i = 0; i < g->all.n;) {
		g->from.v[g->rows.n] = (uint32_t)i;
		g->rows.v[g->rows.n++] = g->all.v[i];
		i += g->tree && vm_keys_have(&g->folds, g->class->key(g->all.v[i])) ? g->place.v[i].rows : 1;
	}
	return true;
}

/** Sort what passed the filter, as a list or a tree. */
static int arrange(struct vm_grid *g)
{
	int r = vm_sort_rows(&g->sort, g->all.v, g->all.n);
	if (r == 0 && g->tree)
		r = vm_grid_grow_tree(g);
	if (r < 0)
		g->all.n = 0;
	if (!unfold(g))
		r = -ENOMEM;
	place_selection(g);
	return r;
}

int vm_grid_fill(struct vm_grid *g, const void *rows, size_t n, size_t size,
		 bool (*accepts)(const void *ctx, const void *row), const void *ctx)
{
	vm_grid_clear(g);
	if (!vm_vec_reserve(&g->all, n))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;
		if (accepts && !accepts(ctx, row))
			continue;
		g->offered++;
		if (passes(g, row))
			g->all.v[g->all.n++] = row;
	}
	return arrange(g);
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

bool vm_keys_have(const struct vm_keys *k, uint64_t key)
{
	return k->v.n && bsearch(&key, k->v.v, k->v.n, sizeof(key), compare_keys);
}

void vm_keys_toggle(struct vm_keys *k, uint64_t key)
{
	size_t to = 0;
	for (size_t i = 0; i < k->v.n; i++)
		if (k->v.v[i] != key)
			k->v.v[to++] = k->v.v[i];
	bool removed = to < k->v.n;
	k->v.n = to;
	if (!removed && vm_vec_push(&k->v, key))
		qsort(k->v.v, k->v.n, sizeof(key), compare_keys);
}

bool vm_grid_is_tagged(const struct vm_grid *g, uint64_t key)
{
	return vm_keys_have(&g->tags, key);
}

static void toggle_tag(struct vm_grid *g)
{
	const void *row = vm_grid_selected(g);
	if (!row)
		return;
	vm_keys_toggle(&g->tags, g->class->key(row));
	vm_grid_select(g, (long)g->sel + 1);
}

static bool grow_or_flatten(struct vm_grid *g)
{
	if (!g->class->parent_of)
		return false;
	g->tree = !g->tree;
	arrange(g);
	return true;
}

/** A row that has none below it is folded into the one above. */
static bool fold(struct vm_grid *g)
{
	const struct vm_grid_place *p = vm_grid_place(g, g->sel);
	size_t at = g->sel;
	if (!p)
		return false;
	while (p->rows == 1 && at > 0 && p->depth > 0 && vm_grid_place(g, at)->depth >= p->depth)
		at--;
	vm_grid_select(g, (long)at);
	vm_keys_toggle(&g->folds, g->class->key(g->rows.v[at]));
	g->held = g->class->key(g->rows.v[at]);
	arrange(g);
	return true;
}

/** Fold every row below the first ones, or open all again if one is folded. */
static bool fold_all(struct vm_grid *g)
{
	if (!g->tree)
		return false;
	const bool open = g->folds.v.n > 0;
	g->folds.v.n = 0;
	for (size_t i = 0; i < g->all.n && !open; i++)
		if (g->place.v[i].depth == 1 && g->place.v[i].rows > 1)
			(void)vm_vec_push(&g->folds.v, g->class->key(g->all.v[i]));
	if (g->folds.v.n)
		qsort(g->folds.v.v, g->folds.v.n, sizeof(uint64_t), compare_keys);
	arrange(g);
	return true;
}

static void set_sort(struct vm_grid *g, const struct vm_field *f)
{
	g->sort = (struct vm_sort){ .field = f };
	arrange(g);
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
	arrange(g);
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
	case VM_ACT_UNTAG: g->tags.v.n = 0; return true;
	case VM_ACT_TREE: return grow_or_flatten(g);
	case VM_ACT_FOLD: return fold(g);
	case VM_ACT_FOLD_ALL: return fold_all(g);
	case VM_ACT_NEXT: vm_grid_find(g, 1, 1); return true;
	case VM_ACT_PREVIOUS: vm_grid_find(g, -1, 1); return true;
	default: return act_on_sort(g, act);
	}
}

struct vm_value vm_grid_sum(const struct vm_field *f, const void *const *rows, size_t n)
{
	struct vm_value sum = VM_ABSENT;
	struct vm_scratch tmp;
	for (size_t i = 0; i < n; i++) {
		const struct vm_value v = vm_field_get(f, rows[i], &tmp);
		if (v.type == VM_T_ABSENT)
			continue;
		if (sum.type == VM_T_ABSENT)
			sum = v;
		else if (v.type == VM_T_U64)
			sum.u64 += v.u64;
		else if (v.type == VM_T_I64)
			sum.i64 += v.i64;
		else if (v.type == VM_T_F64)
			sum.f64 += v.f64;
	}
	return sum;
}

struct vm_value vm_grid_value(const struct vm_grid *g, const struct vm_field *f, size_t at, struct vm_scratch *tmp)
{
	const void *const *rows;
	if (!(f->flags & VM_F_SUM) || !vm_grid_is_folded(g, at))
		return vm_field_get(f, g->rows.v[at], tmp);
	const size_t n = vm_grid_members(g, at, &rows);
	return vm_grid_sum(f, rows, n);
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
