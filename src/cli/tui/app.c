/**
 * The loop of vmtop's screens.
 * - keys: keys.c;  screens: panel_*.c;  tabs of a process: tab_*.c;  lists: grid.c;  what the user types: prompt.c
 * - a recording's moments: scrub.c
 * - data: feed.h;  the terminal: term.h
 */
#include "cli/tui/app.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/clock.h"

enum { MIN_WIDTH = 20, MIN_HEIGHT = 5 };

void vm_ui_push(struct vm_ui *ui, const struct vm_panel *panel)
{
	if (ui->depth < VM_DEPTH)
		ui->stack[ui->depth++] = panel;
}

void vm_ui_pop(struct vm_ui *ui)
{
	if (ui->depth < 2)
		return;
	const struct vm_panel *panel = ui->stack[--ui->depth];
	if (panel->leave)
		panel->leave(ui);
}

const struct vm_panel *vm_ui_top(const struct vm_ui *ui)
{
	return ui->stack[ui->depth - 1];
}

struct vm_grid *vm_ui_grid(struct vm_ui *ui)
{
	for (unsigned i = ui->depth; i-- > 0;) {
		struct vm_grid *g = ui->stack[i]->grid ? ui->stack[i]->grid(ui) : NULL;
		if (g)
			return g;
	}
	return &ui->procs;
}

void vm_ui_note(struct vm_ui *ui, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(ui->note, sizeof(ui->note), fmt, ap);
	va_end(ap);
}

const char *vm_ui_bytes(const struct vm_ui *ui, uint64_t bytes, char num[static VM_NUMBUF])
{
	return ui->exact ? vm_format_u64(bytes, num) : vm_format_size(bytes, num);
}

void vm_ui_draw_grid(struct vm_ui *ui, struct vm_grid *g, int y, int h)
{
	if (g->exact != ui->exact)
		vm_grid_touch(g);
	g->exact = ui->exact;
	vm_grid_draw(g, &ui->canvas, 0, y, ui->canvas.w, h);
}

int vm_ui_draw_filtered(struct vm_ui *ui, const struct vm_grid *g, int y, const char *what)
{
	if (!*g->filter_text)
		return 0;
	vm_canvas_textf(&ui->canvas, 0, y, ui->canvas.w, VM_TINT_TAG, "%zu of %zu%s  filter: %s", g->rows.n, g->offered, what,
			g->filter_text);
	return 1;
}

void vm_ui_draw_entry(struct vm_ui *ui, int y, int head_width, const char *head, struct vm_buf *b)
{
	struct vm_canvas *c = &ui->canvas;
	vm_canvas_text(c, 1, y, head_width, VM_TINT_BOLD, head);
	vm_canvas_text(c, head_width + 1, y, c->w - head_width - 1, VM_TINT_NORMAL, vm_buf_str(b));
	b->n = 0;
}

/** The screen below menus and texts. */
static const struct vm_panel *reading(const struct vm_ui *ui)
{
	unsigned i = ui->depth - 1;
	while (!ui->stack[i]->want)
		i--;
	return ui->stack[i];
}

static void refill(struct vm_ui *ui)
{
	if (ui->framed)
		reading(ui)->feed(ui);
}

/** Our own share of a CPU, from refresh to refresh; keys that were pressed in between count too. */
static void take_own_cost(struct vm_ui *ui)
{
	const uint64_t now = vm_clock_ns(), cpu = ui->frame.own_cpu_ns;
	if (cpu && ui->own_at_ns && now > ui->own_at_ns) {
		const double share = (double)(cpu - ui->own_cpu_ns) / (double)(now - ui->own_at_ns);
		ui->own_share = isnan(ui->own_share) ? share : ui->own_share * 0.7 + share * 0.3;
	}
	ui->own_cpu_ns = cpu;
	ui->own_at_ns = cpu ? now : 0;
}

static void refresh(struct vm_ui *ui)
{
	struct vm_want want = { .interval_ns = ui->interval_ns, .budget = ui->budget, .moment = ui->moment };
	vm_machine_want(&want);
	vm_machine_go_to(ui);
	reading(ui)->want(ui, &want);
	ui->trouble = (struct vm_err){ 0 };
	ui->feed->refresh(ui->feed->ctx, &want, &ui->frame, &ui->trouble);
	take_own_cost(ui);
	ui->framed = ui->frame.fresh = true;
	vm_machine_take(ui);
	refill(ui);
	ui->frame.fresh = false;
}

/** The keys of a table that work here, as far as there is room; returns the column behind them. */
static int draw_some_keys(struct vm_ui *ui, int x, int y, const struct vm_key *keys, size_t nkeys)
{
	struct vm_canvas *c = &ui->canvas;
	unsigned scope = vm_ui_top(ui)->scope(ui);
	for (size_t i = 0; i < nkeys && x < c->w; i++) {
		const struct vm_key *k = &keys[i];
		if (!(k->scope & scope) || !k->label || !k->code[0])
			continue;
		/* The first of its keys: there is no room for more. */
		int n = (int)strcspn(k->keys, " ");
		if (x + n + (int)strlen(k->label) + 1 > c->w)
			continue;
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_KEY, "%.*s", n, k->keys);
		x += vm_canvas_text(c, x, y, c->w - x, VM_TINT_KEY_TEXT, k->label) + 1;
	}
	return x;
}

static void draw_keys(struct vm_ui *ui, int y)
{
	const struct vm_panel *panel = vm_ui_top(ui);
	size_t n = 0;
	const struct vm_key *own = panel->keys ? panel->keys(ui, &n) : NULL;
	size_t ncommon;
	const struct vm_key *common = vm_keymap_common(&ui->keymap, &ncommon);
	int x = draw_some_keys(ui, vm_scrub_draw_keys(ui, 0, y), y, common, 1);
	x = draw_some_keys(ui, x, y, own, n);
	draw_some_keys(ui, x, y, common + 1, ncommon - 1);
}

static void draw_footer(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	if (ui->prompt.ask)
		vm_prompt_draw(ui, y);
	else if (*ui->note)
		vm_canvas_text(c, 0, y, c->w, VM_TINT_PROMPT, ui->note);
	else if (ui->trouble.code)
		vm_canvas_textf(c, 0, y, c->w, VM_TINT_WARN, "%s", ui->trouble.what);
	else
		draw_keys(ui, y);
}

static int draw(struct vm_ui *ui, struct vm_err *err)
{
	struct vm_canvas *c = &ui->canvas;
	int w, h;
	ui->term->size(ui->term->ctx, &w, &h);
	if (vm_canvas_reset(c, w, h) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	if (w < MIN_WIDTH || h < MIN_HEIGHT) {
		vm_canvas_text(c, 0, 0, w, VM_TINT_NORMAL, "too small");
		vm_canvas_textf(c, 0, 1, w, VM_TINT_NORMAL, "%dx%d,", w, h);
		vm_canvas_textf(c, 0, 2, w, VM_TINT_NORMAL, "need %dx%d", MIN_WIDTH, MIN_HEIGHT);
	} else {
		const int top = vm_scrub_draw(ui, 0);
		vm_ui_top(ui)->draw(ui, top, h - 1 - top);
		draw_footer(ui, h - 1);
	}
	ui->term->draw(ui->term->ctx, c);
	return 0;
}

static unsigned export_rows(struct vm_ui *ui)
{
	const struct vm_grid *g = vm_ui_grid(ui);
	struct vm_err err = { 0 };
	char name[128];
	if (!ui->feed->export)
		return VM_DO_NOTHING;
	if (ui->opts->read_only) {
		vm_ui_note(ui, "Nothing is written: --read-only");
		return VM_DO_REDRAW;
	}
	if (ui->feed->export(ui->feed->ctx, g->class->set, &g->cols, g->all.v, g->all.n, name, sizeof(name),
			     &err) < 0)
		vm_ui_note(ui, "%s", err.what);
	else
		vm_ui_note(ui, "%zu rows written to %s", g->all.n, name);
	return VM_DO_REDRAW;
}

/** Actions that mean the same on every screen; -1: not one of these. */
static int act_everywhere(struct vm_ui *ui, enum vm_action act)
{
	switch (act) {
	case VM_ACT_QUIT:
		return VM_DO_QUIT;
	case VM_ACT_BACK:
		if (ui->depth == 1)
			return VM_DO_QUIT;
		vm_ui_pop(ui);
		return VM_DO_REDRAW | VM_DO_REFRESH;
	case VM_ACT_HELP:
		return (int)vm_help_open(ui);
	case VM_ACT_PAUSE:
		ui->paused = !ui->paused;
		return VM_DO_REDRAW | (ui->paused ? 0 : VM_DO_REFRESH);
	case VM_ACT_REFRESH:
		return VM_DO_REDRAW | VM_DO_REFRESH;
	case VM_ACT_EXACT:
		ui->exact = !ui->exact;
		return VM_DO_REDRAW;
	case VM_ACT_DELAY:
		return (int)vm_prompt_begin(ui, VM_ASK_INTERVAL);
	case VM_ACT_SEARCH:
		return (int)vm_prompt_begin(ui, VM_ASK_SEARCH);
	case VM_ACT_FILTER:
		return (int)vm_prompt_begin(ui, VM_ASK_FILTER);
	case VM_ACT_COLUMNS:
		vm_menu_open(ui, VM_MENU_COLUMNS);
		return VM_DO_REDRAW;
	case VM_ACT_SORT_MENU:
		vm_menu_open(ui, VM_MENU_SORT);
		return VM_DO_REDRAW;
	case VM_ACT_SAVE:
		vm_settings_save(ui);
		return VM_DO_REDRAW;
	case VM_ACT_EXPORT:
		return (int)export_rows(ui);
	default:
		return -1;
	}
}

/** Sorting by a column that isn't shown needs data that were not read. */
static unsigned act_on_grid(struct vm_ui *ui, enum vm_action act)
{
	struct vm_grid *g = vm_ui_grid(ui);
	uint32_t needed = vm_grid_needs(g);
	if (!vm_grid_act(g, act))
		return VM_DO_NOTHING;
	return VM_DO_REDRAW | (vm_grid_needs(g) & ~needed ? VM_DO_REFRESH : 0);
}

static unsigned on_key(struct vm_ui *ui, int key)
{
	ui->note[0] = '\0';
	ui->key = key;
	if (ui->prompt.ask)
		return vm_prompt_key(ui, key);
	const struct vm_panel *panel = vm_ui_top(ui);
	const int scrubbed = vm_scrub_key(ui, key);
	if (scrubbed >= 0)
		return (unsigned)scrubbed;
	size_t n = 0;
	const struct vm_key *own = panel->keys ? panel->keys(ui, &n) : NULL;
	enum vm_action act = vm_key_action(own, n, key, panel->scope(ui));
	if (act == VM_ACT_NONE) {
		const struct vm_key *common = vm_keymap_common(&ui->keymap, &n);
		act = vm_key_action(common, n, key, panel->scope(ui));
	}
	if (act == VM_ACT_NONE) {
		vm_ui_note(ui, "That key does nothing here; h shows the keys");
		return VM_DO_REDRAW;
	}
	int done = act_everywhere(ui, act);
	if (done >= 0)
		return (unsigned)done;
	unsigned does = panel->act(ui, act);
	return does || !panel->grid || !panel->grid(ui) ? does : act_on_grid(ui, act);
}

static unsigned on_event(struct vm_ui *ui, const struct vm_event *ev)
{
	const struct vm_panel *panel = vm_ui_top(ui);
	switch (ev->type) {
	case VM_EV_TICK:
		return ui->paused ? VM_DO_NOTHING : ui->feed->moments ? vm_scrub_tick(ui) : VM_DO_REFRESH | VM_DO_REDRAW;
	case VM_EV_KEY:
		return on_key(ui, ev->key);
	case VM_EV_CLICK:
	case VM_EV_WHEEL:
		return panel->mouse ? panel->mouse(ui, ev) | VM_DO_REDRAW : VM_DO_NOTHING;
	case VM_EV_RESIZE:
		return VM_DO_REDRAW;
	case VM_EV_END:
		return VM_DO_QUIT;
	}
	return VM_DO_NOTHING;
}

static int loop(struct vm_ui *ui, struct vm_err *err)
{
	unsigned does = VM_DO_REFRESH | VM_DO_REDRAW;
	uint64_t due = 0;
	bool again = false;
	while (!(does & VM_DO_QUIT)) {
		if (does & VM_DO_REFRESH) {
			uint64_t now = vm_clock_ns();
			refresh(ui);
			/* A refresh that takes long delays the next one instead of piling up. */
			uint64_t took = vm_clock_ns() - now;
			due = now + (took * 2 > ui->interval_ns ? took * 2 : ui->interval_ns);
			/* Rates, and dear figures of the rows in sight, need a second one: soon. */
			if (!again)
				due = now + took * 2 + ui->interval_ns / 5;
			again = true;
		} else if (does & VM_DO_REFILL) {
			refill(ui);
		}
		if (does) {
			int r = draw(ui, err);
			if (r < 0)
				return r;
		}
		struct vm_event ev = { .type = VM_EV_TICK };
		int r = ui->term->wait(ui->term->ctx, ui->paused ? UINT64_MAX : due, &ev, err);
		if (r < 0)
			return r;
		does = on_event(ui, &ev);
	}
	return 0;
}

static uint64_t process_key(const void *row)
{
	const struct vm_proc *p = row;
	return p->start << 22 ^ (uint64_t)p->pid;
}


static uint64_t process_id(const void *row)
{
	return (uint64_t)((const struct vm_proc *)row)->pid;
}

static uint64_t process_parent(const void *row)
{
	return (uint64_t)((const struct vm_proc *)row)->ppid;
}

static int set_up(struct vm_ui *ui, const struct vm_app_opts *o, struct vm_err *err)
{
	ui->interval_ns = o->interval_ns ? o->interval_ns : 1000000000;
	ui->budget = o->budget > 0 ? o->budget : 0.02;
	ui->config = o->config;
	ui->moment = ui->feed->moment;
	ui->paused = ui->feed->moments > 0;
	ui->canvas.color = ui->term->color;
	vm_ui_push(ui, &vm_panel_procs);
	ui->procs_class = (struct vm_grid_class){
		.id_of = process_id, .parent_of = process_parent,
		.set = o->fields ? o->fields : &vm_process_fields, .key = process_key, .text = "COMMAND", .id = "PID",
	};
	int r = vm_grid_init(&ui->procs, &ui->procs_class, o->columns, o->sort ? o->sort : "RSS", err);
	if (r == 0)
		r = vm_process_init(ui, err);
	if (r == 0)
		r = vm_machine_init(ui, err);
	if (r == 0 && o->filter)
		r = vm_grid_filter(&ui->procs, o->filter, err);
	if (r < 0)
		return r;
	if (vm_keymap_init(&ui->keymap) < 0 || !vm_sets_init(&ui->sets))
		return vm_fail(err, ENOMEM, "out of memory");
	vm_settings_apply(ui);
	if (o->note)
		vm_ui_note(ui, "%s", o->note);
	ui->canvas.utf8 = ui->term->utf8 && !ui->ascii;
	ui->exact = ui->exact || o->exact;
	ui->kernel = ui->kernel || o->kernel;
	return 0;
}

int vm_app_run(const struct vm_app_opts *o, const struct vm_feed *feed, const struct vm_term *term,
	       struct vm_err *err)
{
	struct vm_ui ui = { .opts = o, .feed = feed, .term = term, .own_share = NAN };
	int r = set_up(&ui, o, err);
	if (r == 0)
		r = loop(&ui, err);
	vm_process_fini(&ui);
	vm_machine_fini(&ui);
	vm_history_free(&ui.history);
	vm_levels_free(&ui.levels);
	vm_keymap_free(&ui.keymap);
	vm_sets_free(&ui.sets);
	vm_grid_free(&ui.procs);
	vm_vec_free(&ui.menu.items);
	vm_buf_free(&ui.page.text);
	vm_canvas_free(&ui.canvas);
	return r;
}
