/** Going through a recording: its line at the top, its keys. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"

/** What the keys do, of no meaning elsewhere. */
enum { EARLIER = VM_ACT_SCRUB, LATER, MUCH_EARLIER, MUCH_LATER, FIRST, LAST, JUMP, COLUMNS_LEFT, COLUMNS_RIGHT };

/** Where they work: not where something is read or chosen. */
#define WHERE (VM_EVERYWHERE & ~(VM_IN_TEXT | VM_IN_MENU | VM_IN_COLUMNS))

const struct vm_key vm_scrub_keys[] = {
	{ "earlier", { VM_KEY_LEFT }, "Left", "Earlier", "the moment before", WHERE, (enum vm_action)EARLIER },
	{ "later", { VM_KEY_RIGHT }, "Right", "Later", "the moment behind", WHERE, (enum vm_action)LATER },
	{ "much-earlier", { VM_KEY_SHIFT_LEFT, '[' }, "Shift-Left [", NULL, "much earlier: a twentieth of the recording, or ten moments", WHERE,
	  (enum vm_action)MUCH_EARLIER },
	{ "much-later", { VM_KEY_SHIFT_RIGHT, ']' }, "Shift-Right ]", NULL, "much later", WHERE, (enum vm_action)MUCH_LATER },
	{ "first-moment", { '{' }, "{", NULL, "the first moment", WHERE, (enum vm_action)FIRST },
	{ "last-moment", { '}' }, "}", NULL, "the last moment", WHERE, (enum vm_action)LAST },
	{ "go-to", { '@' }, "@", "Go to", "go to a time: 14:05:30, +90s, -5m, #12", WHERE, (enum vm_action)JUMP },
	{ "columns-left", { '(' }, "(", NULL, "show the columns to the left", WHERE, (enum vm_action)COLUMNS_LEFT },
	{ "columns-right", { ')' }, ")", NULL, "show the columns to the right", WHERE, (enum vm_action)COLUMNS_RIGHT },
};
const size_t vm_scrub_keys_n = sizeof(vm_scrub_keys) / sizeof(vm_scrub_keys[0]);

static unsigned go_to(struct vm_ui *ui, size_t moment)
{
	if (moment == ui->moment)
		return VM_DO_REDRAW;
	ui->moment = moment;
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

/** No further than to the first and the last one. */
static unsigned go_by(struct vm_ui *ui, size_t back, size_t on)
{
	const size_t last = ui->feed->moments - 1, at = ui->moment;
	return go_to(ui, back > at ? 0 : on > last - at ? last : at - back + on);
}

static size_t leap(const struct vm_ui *ui)
{
	const size_t part = ui->feed->moments / 20;
	return part > 10 ? part : 10;
}

static unsigned scroll(struct vm_ui *ui, enum vm_action act)
{
	const struct vm_panel *panel = vm_ui_top(ui);
	struct vm_grid *g = panel->grid ? panel->grid(ui) : NULL;
	return g && vm_grid_act(g, act) ? VM_DO_REDRAW : VM_DO_NOTHING;
}

int vm_scrub_key(struct vm_ui *ui, int key)
{
	size_t n;
	const struct vm_key *keys = vm_keymap_scrub(&ui->keymap, &n);
	if (!ui->feed->moments)
		return -1;
	switch ((int)vm_key_action(keys, n, key, vm_ui_top(ui)->scope(ui))) {
	case EARLIER:
		return (int)go_by(ui, 1, 0);
	case LATER:
		return (int)go_by(ui, 0, 1);
	case MUCH_EARLIER:
		return (int)go_by(ui, leap(ui), 0);
	case MUCH_LATER:
		return (int)go_by(ui, 0, leap(ui));
	case FIRST:
		return (int)go_to(ui, 0);
	case LAST:
		return (int)go_to(ui, ui->feed->moments - 1);
	case JUMP:
		return (int)vm_prompt_begin(ui, VM_ASK_MOMENT);
	case COLUMNS_LEFT:
		return (int)scroll(ui, VM_ACT_LEFT);
	case COLUMNS_RIGHT:
		return (int)scroll(ui, VM_ACT_RIGHT);
	default:
		return -1;
	}
}

unsigned vm_scrub_tick(struct vm_ui *ui)
{
	if (ui->moment + 1 < ui->feed->moments)
		return go_by(ui, 0, 1);
	ui->paused = true;
	return VM_DO_REDRAW;
}

unsigned vm_scrub_jump(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	struct vm_err err = { 0 };
	size_t moment = ui->moment;
	if (*p->text && ui->feed->find(ui->feed->ctx, p->text, &moment, &err) < 0) {
		snprintf(p->trouble, sizeof(p->trouble), "%.90s", *err.hint ? err.hint : err.what);
		return VM_DO_REDRAW;
	}
	p->ask = VM_ASK_NOTHING;
	return go_to(ui, moment);
}

/** Where in the recording: a line with a mark, if there is room for one. */
static void draw_place(struct vm_ui *ui, int x, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const int w = c->w - x - 2;
	if (w < 8)
		return;
	const size_t last = ui->feed->moments - 1;
	const int at = last ? (int)((uint64_t)ui->moment * (uint64_t)(w - 1) / last) : 0;
	vm_canvas_fill(c, x + 1, y, w, VM_TINT_DIM, c->utf8 ? 0x2500 : '-');
	vm_canvas_fill(c, x + 1 + at, y, 1, VM_TINT_BOLD, c->utf8 ? 0x25cf : 'o');
}

int vm_scrub_draw(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_when when;
	char num[VM_NUMBUF];
	if (!ui->feed->moments)
		return 0;
	ui->feed->when(ui->feed->ctx, ui->moment, &when);
	int x = vm_canvas_text(c, 0, y, c->w, VM_TINT_TITLE, when.text);
	x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "  #%zu of %zu", ui->moment + 1, ui->feed->moments);
	if (when.since_first_ns > 0)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_DIM, "  +%s",
				     vm_format_duration((uint64_t)when.since_first_ns, num));
	draw_place(ui, x + 1, y);
	return 1;
}

int vm_scrub_draw_keys(struct vm_ui *ui, int x, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const int from = x;
	if (!ui->feed->moments || !(vm_ui_top(ui)->scope(ui) & WHERE))
		return 0;
	size_t n;
	const struct vm_key *keys = vm_keymap_scrub(&ui->keymap, &n);
	for (size_t i = 0; i < n; i++) {
		const struct vm_key *k = &keys[i];
		if (!k->label || !k->code[0])
			continue;
		x += vm_canvas_text(c, x, y, c->w - x, VM_TINT_KEY, k->keys);
		x += vm_canvas_text(c, x, y, c->w - x, VM_TINT_KEY_TEXT, k->label) + 1;
	}
	return x - from;
}
