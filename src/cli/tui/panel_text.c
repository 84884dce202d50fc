/** Lines to read: the help, and all of a mapping. */

#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

static unsigned scope(const struct vm_ui *ui)
{
	(void)ui;
	return VM_IN_TEXT;
}

unsigned vm_text_open(struct vm_ui *ui, const char *title)
{
	snprintf(ui->page.title, sizeof(ui->page.title), "%s", title);
	ui->page.lines = ui->page.top = 0;
	for (const char *s = vm_buf_str(&ui->page.text); *s; s++)
		ui->page.lines += *s == '\n';
	if (vm_ui_top(ui) != &vm_panel_text)
		vm_ui_push(ui, &vm_panel_text);
	return VM_DO_REDRAW;
}

void vm_page_entry(struct vm_buf *b, const char *name, int name_width, const char *words, int width)
{
	int at = name_width + 2;
	vm_buf_addf(b, " %-*s ", name_width, name);
	for (const char *s = words; *s;) {
		int n = (int)strcspn(s, " ");
		if (at + n + 1 > width && at > name_width + 2) {
			vm_buf_addf(b, "\n %-*s ", name_width, "");
			at = name_width + 2;
		}
		vm_buf_add(b, s, (size_t)n);
		vm_buf_add_char(b, ' ');
		at += n + 1;
		s += n;
		s += strspn(s, " ");
	}
	vm_buf_add_char(b, '\n');
}

bool vm_text_line(const char **s, char *line, size_t size)
{
	const size_t n = strcspn(*s, "\n");
	if (!**s)
		return false;
	snprintf(line, size, "%.*s", (int)(n < size ? n : size - 1), *s);
	*s += n + ((*s)[n] == '\n');
	return true;
}

static const struct { unsigned scope; const char *title; } chapters[] = {
	{ VM_IN_LISTS, "Lists" }, { VM_IN_TAB | VM_IN_TAB_PAGE, "A process" },
	{ VM_IN_MACHINE, "The machine" }, { VM_IN_COLUMNS | VM_IN_SETS, "Menus of columns" },
};

/** "F6       sort-menu" isn't what people look for: the name is for settings, so it stands at the end. */
static void add_key(struct vm_buf *b, const struct vm_key *k, int width)
{
	char words[240];
	snprintf(words, sizeof(words), "%s (%s)", k->help, k->name);
	vm_page_entry(b, *k->keys ? k->keys : "-", 9, words, width);
}

static void add_scrub_keys(const struct vm_ui *ui, struct vm_buf *b, int width)
{
	size_t n;
	const struct vm_key *keys = vm_keymap_scrub(&ui->keymap, &n);
	vm_buf_add_str(b, "\nA recording (Z plays it on)\n");
	for (size_t i = 0; i < n; i++)
		add_key(b, &keys[i], width);
}

static void add_keys(const struct vm_ui *ui, struct vm_buf *b, int width)
{
	unsigned done = 0;
	size_t n;
	const struct vm_key *keys = vm_keymap_common(&ui->keymap, &n);
	for (size_t ch = 0; ch < sizeof(chapters) / sizeof(chapters[0]); ch++) {
		vm_buf_addf(b, "%s%s\n", ch ? "\n" : "", chapters[ch].title);
		for (size_t i = 0; i < n; i++)
			if ((keys[i].scope & chapters[ch].scope) && !(keys[i].scope & done))
				add_key(b, &keys[i], width);
		done |= chapters[ch].scope;
	}
	if (ui->feed->moments)
		add_scrub_keys(ui, b, width);
	vm_buf_addf(b, "\nTabs of a process\n");
	for (size_t t = 0; t < vm_tabs_n; t++) {
		const struct vm_tab *tab = vm_tabs[t];
		char name[32];
		snprintf(name, sizeof(name), "%c %s", tab->key, tab->name);
		vm_page_entry(b, name, 11, tab->help, width);
	}
	for (size_t t = 0; t < vm_tabs_n; t++) {
		keys = vm_keymap_tab(&ui->keymap, t, &n);
		if (n)
			vm_buf_addf(b, "\nTab %s\n", vm_tabs[t]->name);
		for (size_t i = 0; i < n; i++)
			add_key(b, &keys[i], width);
	}
}

static void add_columns(struct vm_buf *b, const struct vm_fieldset *set, int width)
{
	for (size_t i = 0; i < set->n; i++)
		vm_page_entry(b, set->v[i].name, 10, set->v[i].help, width);
}

unsigned vm_help_open(struct vm_ui *ui)
{
	struct vm_page *p = &ui->page;
	int width = ui->canvas.w > 100 ? 100 : ui->canvas.w;
	p->text.n = 0;
	add_keys(ui, &p->text, width);
	vm_buf_addf(&p->text, "\nMouse: click a heading to sort by it, again to invert; click a row to select it, "
		    "twice to open it; the wheel scrolls.\n");
	vm_buf_addf(&p->text, "\nColumns of a process\n");
	add_columns(&p->text, ui->procs.class->set, width);
	vm_buf_addf(&p->text, "\nColumns of a mapping\n");
	add_columns(&p->text, &vm_mapping_fields, width);
	return vm_text_open(ui, "Help: keys and columns");
}

/** The value and what it is; a long text gets as many lines as it needs, and no explanation. */
static void add_value(struct vm_buf *b, const struct vm_field *f, const char *value, int width)
{
	enum { NAME_WIDTH = 12, VALUE_WIDTH = 25 };
	bool text = f->type == VM_T_STR || f->type == VM_T_LIST;
	size_t n = strlen(value), room = width > NAME_WIDTH + 10 ? (size_t)width - NAME_WIDTH : 10;
	if (n <= VALUE_WIDTH) {
		vm_buf_addf(b, "%*s", text ? -VALUE_WIDTH : 16, value);
		vm_buf_addf(b, "  %s\n", f->help);
		return;
	}
	for (; n > room; value += room, n -= room)
		vm_buf_addf(b, "%.*s\n %*s ", (int)room, value, NAME_WIDTH - 2, "");
	vm_buf_addf(b, "%s\n", value);
}

/** Each field of a row, with what it is. */
static void add_fields(struct vm_ui *ui, const struct vm_fieldset *set, const void *row)
{
	struct vm_buf *b = &ui->page.text;
	struct vm_scratch tmp;
	int width = ui->canvas.w > 110 ? 110 : ui->canvas.w;
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_field *f = &set->v[i];
		vm_buf_addf(b, " %-10s ", f->name);
		struct vm_buf value = { 0 };
		vm_value_put(&value, vm_field_get(f, row, &tmp), f->unit, ui->exact);
		add_value(b, f, vm_buf_str(&value), width);
		vm_buf_free(&value);
	}
}

unsigned vm_row_open(struct vm_ui *ui, const struct vm_fieldset *set, const void *row, const char *title)
{
	ui->page.text.n = 0;
	add_fields(ui, set, row);
	return vm_text_open(ui, title);
}

unsigned vm_mapping_open(struct vm_ui *ui, const struct vm_mapping *m)
{
	struct vm_page *p = &ui->page;
	int width = ui->canvas.w > 110 ? 110 : ui->canvas.w;
	p->text.n = 0;
	char title[120];
	snprintf(title, sizeof(title), "Mapping %012jx-%012jx of process %d", (uintmax_t)m->start, (uintmax_t)m->end,
		 ui->open.pid);
	add_fields(ui, &vm_mapping_fields, m);
	vm_buf_addf(&p->text, "\n %-10s %s: %s\n", "KIND", vm_kinds[m->kind].name, vm_kinds[m->kind].help);
	vm_buf_addf(&p->text, "\nFlags of the kernel%s\n", m->have_flags ? "" : " are not known");
	for (unsigned i = 0; m->have_flags && i < VM_VMF_COUNT; i++) {
		if (!(m->flags >> i & 1))
			continue;
		char name[64], words[256];
		snprintf(name, sizeof(name), "%.2s %.40s", vm_vmflags[i].code, vm_vmflags[i].name);
		snprintf(words, sizeof(words), "%s: %s", vm_vmflags[i].words, vm_vmflags[i].sentence);
		vm_page_entry(&p->text, name, 20, words, width);
	}
	return vm_text_open(ui, title);
}

static void draw(struct vm_ui *ui, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_page *p = &ui->page;
	p->h = h - 1;
	size_t visible = p->h > 0 ? (size_t)p->h : 0;
	if (p->top + visible > p->lines)
		p->top = p->lines > visible ? p->lines - visible : 0;
	vm_canvas_fill(c, 0, y, c->w, VM_TINT_HEAD, ' ');
	vm_canvas_text(c, 0, y, c->w, VM_TINT_HEAD, p->title);
	char where[48];
	snprintf(where, sizeof(where), "%zu-%zu of %zu", p->top + 1,
		 p->top + visible < p->lines ? p->top + visible : p->lines, p->lines);
	if (p->lines > visible && c->w > (int)(strlen(p->title) + strlen(where)) + 2)
		vm_canvas_right(c, 0, y, c->w, VM_TINT_HEAD, where);
	const char *s = vm_buf_str(&p->text);
	char text[512];
	for (size_t line = 0; line < p->top + visible && vm_text_line(&s, text, sizeof(text)); line++)
		/* Headings aren't indented. */
		if (line >= p->top)
			vm_canvas_text(c, 0, y + 1 + (int)(line - p->top), c->w,
				       *text == ' ' ? VM_TINT_NORMAL : VM_TINT_BOLD, text);
}

static unsigned scroll(struct vm_page *p, long to)
{
	long most = (long)p->lines - p->h;
	p->top = (size_t)(to < 0 || most < 0 ? 0 : to > most ? most : to);
	return VM_DO_REDRAW;
}

static unsigned act(struct vm_ui *ui, enum vm_action act)
{
	struct vm_page *p = &ui->page;
	switch (act) {
	case VM_ACT_UP: return scroll(p, (long)p->top - 1);
	case VM_ACT_DOWN: return scroll(p, (long)p->top + 1);
	case VM_ACT_PAGE_UP: return scroll(p, (long)p->top - p->h);
	case VM_ACT_PAGE_DOWN: return scroll(p, (long)p->top + p->h);
	case VM_ACT_FIRST: return scroll(p, 0);
	case VM_ACT_LAST: return scroll(p, (long)p->lines);
	default: return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, const struct vm_event *ev)
{
	return ev->type == VM_EV_WHEEL ? scroll(&ui->page, (long)ui->page.top + 3 * ev->turn) : VM_DO_NOTHING;
}

const struct vm_panel vm_panel_text = { .scope = scope, .draw = draw, .act = act, .mouse = mouse };
