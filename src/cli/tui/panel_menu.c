/** Menus: columns and their order, the column to sort by, users. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/ui.h"

static unsigned scope(const struct vm_ui *ui)
{
	return VM_IN_MENU | (ui->menu.kind == VM_MENU_COLUMNS ? VM_IN_COLUMNS : ui->menu.kind == VM_MENU_SETS ? VM_IN_SETS : 0);
}

static void add_field(struct vm_menu *m, const struct vm_fieldset *set, unsigned field, bool on)
{
	struct vm_menu_item item = { .help = set->v[field].help, .field = (uint8_t)field, .on = on };
	snprintf(item.name, sizeof(item.name), "%s", set->v[field].name);
	(void)vm_vec_push(&m->items, item);
}

static bool is_column(const struct vm_grid *g, unsigned field)
{
	for (size_t i = 0; i < g->cols.n; i++)
		if (g->cols.at[i] == field)
			return true;
	return false;
}

/** Columns that are shown stand first, in their order. */
static void list_fields(struct vm_menu *m, const struct vm_grid *g)
{
	for (size_t i = 0; i < g->cols.n; i++)
		add_field(m, g->class->set, g->cols.at[i], true);
	for (unsigned i = 0; i < g->class->set->n; i++)
		if (!is_column(g, i))
			add_field(m, g->class->set, i, false);
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct vm_menu_item *)a)->name, ((const struct vm_menu_item *)b)->name);
}

static void list_users(struct vm_menu *m, const struct vm_ui *ui)
{
	const struct vm_proclist *l = &ui->frame.procs->list[ui->frame.procs->now];
	(void)vm_vec_push(&m->items, (struct vm_menu_item){ .name = "", .help = "all users" });
	for (size_t i = 0; i < l->rows.n; i++) {
		const char *user = l->rows.v[i].user;
		bool known = !user;
		for (size_t k = 1; k < m->items.n && !known; k++)
			known = strcmp(m->items.v[k].name, user) == 0;
		if (known)
			continue;
		struct vm_menu_item item = { .help = "" };
		snprintf(item.name, sizeof(item.name), "%s", user);
		(void)vm_vec_push(&m->items, item);
	}
	if (m->items.n > 2)
		qsort(m->items.v + 1, m->items.n - 1, sizeof(*m->items.v), compare_items);
}

static void list_sets(struct vm_menu *m, const struct vm_ui *ui)
{
	for (size_t i = 0; i < ui->sets.v.n; i++) {
		const struct vm_set *s = &ui->sets.v.v[i];
		struct vm_menu_item item = { .help = *s->columns ? s->columns : "the columns to begin with", .on = s->own };
		snprintf(item.name, sizeof(item.name), "%s", s->name);
		(void)vm_vec_push(&m->items, item);
	}
}

void vm_menu_open(struct vm_ui *ui, enum vm_menu_kind kind)
{
	static const char *const titles[] = {
		[VM_MENU_COLUMNS] = "Columns", [VM_MENU_SORT] = "Sort by", [VM_MENU_USERS] = "User",
		[VM_MENU_SETS] = "Sets of columns",
	};
	struct vm_menu *m = &ui->menu;
	struct vm_grid *g = vm_ui_grid(ui);
	m->kind = kind;
	m->title = titles[kind];
	m->items.n = m->sel = m->top = 0;
	if (kind == VM_MENU_USERS)
		list_users(m, ui);
	else if (kind == VM_MENU_SETS)
		list_sets(m, ui);
	else
		list_fields(m, g);
	for (size_t i = 0; i < m->items.n && kind == VM_MENU_SORT; i++)
		if (&g->class->set->v[m->items.v[i].field] == g->sort.field)
			m->sel = i;
	vm_ui_push(ui, &vm_panel_menu);
}

static void draw(struct vm_ui *ui, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_menu *m = &ui->menu;
	m->y = y + 1;
	m->h = h - 1;
	size_t visible = m->h > 0 ? (size_t)m->h : 0;
	if (m->sel < m->top)
		m->top = m->sel;
	if (visible && m->sel >= m->top + visible)
		m->top = m->sel - visible + 1;
	vm_canvas_fill(c, 0, y, c->w, VM_TINT_HEAD, ' ');
	vm_canvas_text(c, 0, y, c->w, VM_TINT_HEAD, m->title);
	for (size_t i = m->top; i < m->items.n && i < m->top + visible; i++) {
		const struct vm_menu_item *item = &m->items.v[i];
		int row = m->y + (int)(i - m->top), x = 1;
		if (m->kind == VM_MENU_COLUMNS)
			x += vm_canvas_text(c, x, row, c->w, VM_TINT_NORMAL, item->on ? "[x] " : "[ ] ");
		vm_canvas_text(c, x, row, c->w - x, VM_TINT_BOLD, item->name);
		x += (m->kind == VM_MENU_USERS && *item->name) || strlen(item->name) > 10 ? 30 : *item->name ? 12 : 0;
		vm_canvas_text(c, x, row, c->w - x, VM_TINT_NORMAL, item->help);
		if (i == m->sel)
			vm_canvas_tint(c, 0, row, c->w, VM_TINT_SELECT);
	}
}

/** Columns act at once: the list behind the menu has them when it is seen again. */
static unsigned apply_columns(struct vm_ui *ui)
{
	struct vm_menu *m = &ui->menu;
	struct vm_grid *g = vm_ui_grid(ui);
	struct vm_columns cols = { .n = 0 };
	for (size_t i = 0; i < m->items.n; i++)
		if (m->items.v[i].on && cols.n < VM_COLUMNS_MAX)
			cols.at[cols.n++] = m->items.v[i].field;
	if (!cols.n) {
		vm_ui_note(ui, "One column has to stay");
		m->items.v[m->sel].on = true;
		return VM_DO_REDRAW;
	}
	vm_grid_use_columns(g, &cols);
	return VM_DO_REDRAW;
}

static unsigned move(struct vm_ui *ui, int step)
{
	struct vm_menu *m = &ui->menu;
	size_t to = m->sel + (size_t)step;
	if (to >= m->items.n)
		return VM_DO_NOTHING;
	struct vm_menu_item item = m->items.v[m->sel];
	m->items.v[m->sel] = m->items.v[to];
	m->items.v[to] = item;
	m->sel = to;
	return apply_columns(ui);
}

/** A new column goes behind the others, but before the long text that takes the rest of the line. */
static void place_behind_others(struct vm_menu *m, const struct vm_fieldset *set)
{
	size_t to = 0;
	for (size_t i = 0; i < m->items.n; i++)
		if (i != m->sel && m->items.v[i].on && !(set->v[m->items.v[i].field].flags & VM_F_TRUNC))
			to = i + 1;
	if (to >= m->sel)
		return;
	struct vm_menu_item item = m->items.v[m->sel];
	memmove(&m->items.v[to + 1], &m->items.v[to], (m->sel - to) * sizeof(item));
	m->items.v[to] = item;
}

static unsigned toggle(struct vm_ui *ui)
{
	struct vm_menu *m = &ui->menu;
	m->items.v[m->sel].on = !m->items.v[m->sel].on;
	if (m->items.v[m->sel].on)
		place_behind_others(m, vm_ui_grid(ui)->class->set);
	unsigned does = apply_columns(ui);
	if (m->sel + 1 < m->items.n)
		m->sel++;
	return does;
}

static unsigned reset(struct vm_ui *ui)
{
	struct vm_menu *m = &ui->menu;
	struct vm_grid *g = vm_ui_grid(ui);
	if (vm_grid_set_columns(g, NULL, NULL) < 0)
		return VM_DO_NOTHING;
	m->items.n = m->sel = m->top = 0;
	list_fields(m, g);
	return apply_columns(ui);
}

static void use_set(struct vm_ui *ui, const char *name)
{
	const struct vm_set *s = vm_sets_find(&ui->sets, name);
	struct vm_err err = { 0 };
	if (s && vm_grid_set_columns(&ui->procs, s->columns, &err) < 0)
		vm_ui_note(ui, "%s", err.what);
}

/** Those that come with vmtop stay, or come back. */
static unsigned drop(struct vm_ui *ui)
{
	struct vm_menu *m = &ui->menu;
	if (m->sel >= m->items.n)
		return VM_DO_NOTHING;
	if (!m->items.v[m->sel].on)
		vm_ui_note(ui, "%s comes with vmtop", m->items.v[m->sel].name);
	vm_sets_drop(&ui->sets, m->items.v[m->sel].name);
	m->items.n = 0;
	list_sets(m, ui);
	if (m->sel >= m->items.n)
		m->sel = m->items.n ? m->items.n - 1 : 0;
	return VM_DO_REDRAW;
}

static unsigned keep(struct vm_ui *ui)
{
	if (vm_ui_grid(ui) == &ui->procs)
		return vm_prompt_begin(ui, VM_ASK_SET);
	vm_ui_note(ui, "Sets are of columns of processes");
	return VM_DO_REDRAW;
}

static unsigned choose(struct vm_ui *ui)
{
	struct vm_menu *m = &ui->menu;
	struct vm_grid *g = vm_ui_grid(ui);
	const struct vm_menu_item *item = m->sel < m->items.n ? &m->items.v[m->sel] : NULL;
	if (item && m->kind == VM_MENU_SORT)
		vm_grid_sort_by(g, item->name);
	if (item && m->kind == VM_MENU_USERS)
		snprintf(ui->user, sizeof(ui->user), "%s", item->name);
	if (item && m->kind == VM_MENU_SETS)
		use_set(ui, item->name);
	vm_ui_pop(ui);
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

static unsigned go(struct vm_menu *m, long to)
{
	long last = (long)m->items.n - 1;
	m->sel = (size_t)(to < 0 || last < 0 ? 0 : to > last ? last : to);
	return VM_DO_REDRAW;
}

static unsigned act(struct vm_ui *ui, enum vm_action act)
{
	struct vm_menu *m = &ui->menu;
	switch (act) {
	case VM_ACT_UP: return go(m, (long)m->sel - 1);
	case VM_ACT_DOWN: return go(m, (long)m->sel + 1);
	case VM_ACT_PAGE_UP: return go(m, (long)m->sel - m->h);
	case VM_ACT_PAGE_DOWN: return go(m, (long)m->sel + m->h);
	case VM_ACT_FIRST: return go(m, 0);
	case VM_ACT_LAST: return go(m, (long)m->items.n);
	case VM_ACT_TOGGLE: return toggle(ui);
	case VM_ACT_MOVE_UP: return move(ui, -1);
	case VM_ACT_MOVE_DOWN: return move(ui, 1);
	case VM_ACT_RESET: return reset(ui);
	case VM_ACT_KEEP: return keep(ui);
	case VM_ACT_DROP: return drop(ui);
	case VM_ACT_OPEN: return choose(ui);
	default: return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, const struct vm_event *ev)
{
	struct vm_menu *m = &ui->menu;
	if (ev->type == VM_EV_WHEEL)
		return go(m, (long)m->sel + 3 * ev->turn);
	if (ev->y < m->y || m->top + (size_t)(ev->y - m->y) >= m->items.n)
		return VM_DO_NOTHING;
	m->sel = m->top + (size_t)(ev->y - m->y);
	return m->kind == VM_MENU_COLUMNS ? toggle(ui) : choose(ui);
}

const struct vm_panel vm_panel_menu = { .scope = scope, .draw = draw, .act = act, .mouse = mouse };
