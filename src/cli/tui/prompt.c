/** The line at the bottom in which the user types: search, filter, interval. */

#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"

static const struct { const char *name, *help; } asks[] = {
	[VM_ASK_SEARCH] = { "Search", "Enter: stay  Esc: back  then n N: next" },
	[VM_ASK_FILTER] = { "Filter", "a text, or: RSS > 10M and USER == root" },
	[VM_ASK_INTERVAL] = { "Interval", "seconds, or 500ms" },
	[VM_ASK_SET] = { "Name of this set of columns", "" },
	[VM_ASK_ADDRESS] = { "Go to", "an address, hexadecimal" },
	[VM_ASK_MOMENT] = { "Go to", "14:05:30, +90s, -5m, #12, or a date and a time" },
};

unsigned vm_prompt_begin(struct vm_ui *ui, enum vm_ask ask)
{
	struct vm_prompt *p = &ui->prompt;
	const struct vm_grid *g = vm_ui_grid(ui);
	*p = (struct vm_prompt){ .ask = ask, .row_before = g->sel };
	if (ask == VM_ASK_FILTER)
		snprintf(p->text, sizeof(p->text), "%s", g->filter_text);
	if (ask == VM_ASK_SEARCH)
		snprintf(p->before, sizeof(p->before), "%s", g->search);
	else
		snprintf(p->before, sizeof(p->before), "%s", p->text);
	return VM_DO_REDRAW;
}

/** Filters act while they are typed; an expression acts as soon as it is complete. */
static unsigned try_filter(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	struct vm_grid *g = vm_ui_grid(ui);
	struct vm_err err = { 0 };
	uint32_t needs = vm_grid_needs(g);
	p->trouble[0] = '\0';
	if (vm_grid_filter(g, p->text, &err) < 0) {
		snprintf(p->trouble, sizeof(p->trouble), "%.90s", *err.hint ? err.hint : err.what);
		return VM_DO_REDRAW;
	}
	return VM_DO_REDRAW | VM_DO_REFILL | (vm_grid_needs(g) & ~needs ? VM_DO_REFRESH : 0);
}

static unsigned try_search(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	struct vm_grid *g = vm_ui_grid(ui);
	snprintf(g->search, sizeof(g->search), "%s", p->text);
	p->trouble[0] = '\0';
	if (*p->text && !vm_grid_find(g, 1, 0))
		snprintf(p->trouble, sizeof(p->trouble), "not found");
	return VM_DO_REDRAW;
}

static unsigned changed(struct vm_ui *ui)
{
	switch (ui->prompt.ask) {
	case VM_ASK_FILTER:
		return try_filter(ui);
	case VM_ASK_SEARCH:
		return try_search(ui);
	default:
		ui->prompt.trouble[0] = '\0';
		return VM_DO_REDRAW;
	}
}

static unsigned accept_interval(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	uint64_t ns;
	if (*p->text && (vm_parse_duration(p->text, &ns) < 0 || ns < VM_INTERVAL_LEAST_NS)) {
		snprintf(p->trouble, sizeof(p->trouble), "a number of seconds, at least 0.05");
		return VM_DO_REDRAW;
	}
	if (*p->text)
		ui->interval_ns = ns;
	p->ask = VM_ASK_NOTHING;
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

/** The columns that are shown, under the name that was typed. */
static unsigned accept_set(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	struct vm_err err = { 0 };
	struct vm_buf b = { 0 };
	vm_grid_put_columns(&ui->procs, &b);
	if (vm_sets_keep(&ui->sets, p->text, vm_buf_str(&b), &err) < 0) {
		snprintf(p->trouble, sizeof(p->trouble), "%.90s", err.what);
	} else {
		vm_ui_note(ui, "F7 offers %s from now on; W in the list saves it", p->text);
		p->ask = VM_ASK_NOTHING;
	}
	vm_buf_free(&b);
	return VM_DO_REDRAW;
}

static unsigned accept_address(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	uint64_t addr;
	if (*p->text && vm_parse_hex(p->text, &addr) != 0) {
		snprintf(p->trouble, sizeof(p->trouble), "that is no address; as in 7f3a12c05a10");
		return VM_DO_REDRAW;
	}
	p->ask = VM_ASK_NOTHING;
	return VM_DO_REDRAW | (*p->text ? vm_ui_top(ui)->act(ui, VM_ACT_GO) : 0);
}

static unsigned accept(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	if (p->ask == VM_ASK_INTERVAL)
		return accept_interval(ui);
	if (p->ask == VM_ASK_SET)
		return accept_set(ui);
	if (p->ask == VM_ASK_ADDRESS)
		return accept_address(ui);
	if (p->ask == VM_ASK_MOMENT)
		return vm_scrub_jump(ui);
	/* An expression that isn't complete stays open, with the reason beside it. */
	if (p->ask == VM_ASK_FILTER && *p->trouble)
		return VM_DO_REDRAW;
	p->ask = VM_ASK_NOTHING;
	return VM_DO_REDRAW;
}

static unsigned cancel(struct vm_ui *ui)
{
	struct vm_prompt *p = &ui->prompt;
	struct vm_grid *g = vm_ui_grid(ui);
	enum vm_ask ask = p->ask;
	snprintf(p->text, sizeof(p->text), "%s", p->before);
	unsigned does = ask == VM_ASK_FILTER ? try_filter(ui) : VM_DO_REDRAW;
	if (ask == VM_ASK_SEARCH) {
		snprintf(g->search, sizeof(g->search), "%s", p->before);
		vm_grid_select(g, (long)p->row_before);
	}
	p->ask = VM_ASK_NOTHING;
	return does;
}

static void erase(struct vm_prompt *p)
{
	size_t n = strlen(p->text);
	while (n && (p->text[n - 1] & 0xc0) == 0x80)
		n--;
	p->text[n ? n - 1 : 0] = '\0';
}

static void append(struct vm_prompt *p, uint32_t ch)
{
	struct vm_buf b = { 0 };
	vm_utf8_put(&b, ch);
	size_t n = strlen(p->text);
	if (n + b.n < sizeof(p->text)) {
		memcpy(p->text + n, b.s, b.n);
		p->text[n + b.n] = '\0';
	}
	vm_buf_free(&b);
}

unsigned vm_prompt_key(struct vm_ui *ui, int key)
{
	struct vm_prompt *p = &ui->prompt;
	switch (key) {
	case VM_KEY_ENTER:
	case '\n':
		return accept(ui);
	case VM_KEY_ESC:
	case VM_KEY_CTRL('C'):
		return cancel(ui);
	case VM_KEY_BACKSPACE:
	case VM_KEY_CTRL('H'):
		erase(p);
		return changed(ui);
	case VM_KEY_CTRL('U'):
		p->text[0] = '\0';
		return changed(ui);
	case VM_KEY_UP:
	case VM_KEY_DOWN:
		if (p->ask != VM_ASK_SEARCH)
			return VM_DO_NOTHING;
		vm_grid_find(vm_ui_grid(ui), key == VM_KEY_UP ? -1 : 1, 1);
		return VM_DO_REDRAW;
	default:
		if (key < 0x20 || key >= VM_KEY_UP)
			return VM_DO_NOTHING;
		append(p, (uint32_t)key);
		return changed(ui);
	}
}

void vm_prompt_draw(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_prompt *p = &ui->prompt;
	vm_canvas_fill(c, 0, y, c->w, VM_TINT_PROMPT, ' ');
	int x = vm_canvas_textf(c, 0, y, c->w, VM_TINT_KEY, "%s:", asks[p->ask].name) + 1;
	/* The end of a long text is what is being typed. */
	const char *text = p->text;
	while (vm_canvas_text_width(c, text) > c->w - x - 1)
		text++;
	x += vm_canvas_text(c, x, y, c->w - x, VM_TINT_PROMPT, text);
	vm_canvas_fill(c, x, y, 1, VM_TINT_SELECT, c->utf8 ? ' ' : '_');
	x += 3;
	if (*p->trouble)
		vm_canvas_text(c, x, y, c->w - x, VM_TINT_WARN, p->trouble);
	else if (!*p->text)
		vm_canvas_text(c, x, y, c->w - x, VM_TINT_PROMPT, asks[p->ask].help);
}
