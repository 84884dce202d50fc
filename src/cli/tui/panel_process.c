/** The screen of a process: its title, its tabs, and the one that is seen.  What they show: tab_*.c. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"

const struct vm_tab *const vm_tabs[] = {
	&vm_tab_overview, &vm_tab_mappings, &vm_tab_pages, &vm_tab_faults, &vm_tab_tlb, &vm_tab_huge, &vm_tab_numa, &vm_tab_shared,
};
const size_t vm_tabs_n = sizeof(vm_tabs) / sizeof(vm_tabs[0]);
static_assert(sizeof(vm_tabs) / sizeof(vm_tabs[0]) <= VM_TABS_MAX, "there is room for the states of tabs");

static const struct vm_tab *seen(const struct vm_ui *ui)
{
	return vm_tabs[ui->open.tab];
}

static void *state(const struct vm_ui *ui)
{
	return ui->open.state[ui->open.tab];
}

int vm_process_init(struct vm_ui *ui, struct vm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < vm_tabs_n && r == 0; i++) {
		ui->open.state[i] = calloc(1, vm_tabs[i]->size ? vm_tabs[i]->size : 1);
		if (!ui->open.state[i])
			return vm_fail(err, ENOMEM, "out of memory");
		if (vm_tabs[i]->init)
			r = vm_tabs[i]->init(ui, ui->open.state[i], err);
	}
	return r;
}

static void show_tab(struct vm_ui *ui, bool show)
{
	const struct vm_tab *t = seen(ui);
	void (*tell)(struct vm_ui *, void *) = show ? t->open : t->close;
	if (tell && ui->open.shown != show)
		tell(ui, state(ui));
	ui->open.shown = show;
}

void vm_process_fini(struct vm_ui *ui)
{
	show_tab(ui, false);
	for (size_t i = 0; i < vm_tabs_n; i++) {
		if (ui->open.state[i] && vm_tabs[i]->fini)
			vm_tabs[i]->fini(ui->open.state[i]);
		free(ui->open.state[i]);
	}
}

static void leave(struct vm_ui *ui)
{
	show_tab(ui, false);
}

static unsigned scope(const struct vm_ui *ui)
{
	return VM_IN_TAB | seen(ui)->scope;
}

static const struct vm_key *keys(const struct vm_ui *ui, size_t *n)
{
	return vm_keymap_tab(&ui->keymap, ui->open.tab, n);
}

static struct vm_grid *grid(struct vm_ui *ui)
{
	return seen(ui)->grid ? seen(ui)->grid(state(ui)) : NULL;
}

unsigned vm_process_open(struct vm_ui *ui, pid_t pid, uint64_t start, const char *comm)
{
	struct vm_open *o = &ui->open;
	if (o->pid != pid || o->start != start) {
		o->known = false;
		o->tab = 0;
		for (size_t i = 0; i < vm_tabs_n; i++)
			if (vm_tabs[i]->reset)
				vm_tabs[i]->reset(ui, o->state[i]);
	}
	o->pid = pid;
	o->start = start;
	o->ended = false;
	snprintf(o->comm, sizeof(o->comm), "%s", comm);
	vm_ui_push(ui, &vm_panel_process);
	show_tab(ui, true);
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

unsigned vm_layout_open(struct vm_ui *ui)
{
	ui->open.wants_picture = true;
	return VM_DO_REDRAW;
}

static void show_picture(struct vm_ui *ui)
{
	const struct vm_aspace *as = ui->frame.space;
	struct vm_err err = { 0 };
	char title[120];
	/* A kernel thread and a zombie have none, and won't. */
	ui->open.wants_picture = false;
	if (!as->nmaps || !ui->feed->picture) {
		vm_ui_note(ui, "There is no address space to show");
		return;
	}
	ui->page.text.n = 0;
	if (ui->feed->picture(ui->feed->ctx, as, ui->canvas.utf8, &ui->page.text, &err) < 0) {
		vm_ui_note(ui, "%s", err.what);
		return;
	}
	snprintf(title, sizeof(title), "Address space of process %d", ui->open.pid);
	vm_text_open(ui, title);
}

static void want(struct vm_ui *ui, struct vm_want *want)
{
	want->pid = ui->open.pid;
	want->start = ui->open.start;
	want->space_needs = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(USER) | VM_NEED(CMDLINE) | VM_NEED(LIMITS) |
			    VM_NEED(LAYOUT) |
			    /* All processes pay for it: only while it is wanted of all. */
			    (vm_grid_needs(&ui->procs) & VM_NEED(FAULTTIME));
	if (ui->open.wants_picture)
		want->space_needs |= VM_NEED_KIND | VM_NEED(SMAPS);
	if (seen(ui)->want)
		seen(ui)->want(ui, state(ui), want);
}

/** Rates, against the photograph before this one. */
static void take_totals(struct vm_open *o, const struct vm_proc *p)
{
	if (o->known && o->now.taken_ns == p->taken_ns)
		return;
	bool again = o->known && vm_proc_same(&o->now, p);
	o->before = o->now;
	o->now = *p;
	o->known = true;
	if (again)
		vm_proc_rates(&o->now, &o->before);
}

static void feed(struct vm_ui *ui)
{
	struct vm_open *o = &ui->open;
	o->ended = ui->frame.space_error == ESRCH;
	if (ui->frame.space_error)
		o->wants_picture = false;
	const struct vm_proc *p = ui->frame.totals;
	if (!ui->frame.space || !p || p->pid != o->pid) {
		/* Lists must not show rows of what was freed. */
		struct vm_grid *g = grid(ui);
		if (g)
			vm_grid_clear(g);
		o->now.numa = NULL;
		return;
	}
	take_totals(o, p);
	/* Texts belong to the frame, which the next refresh replaces. */
	o->now.user = p->user;
	o->now.cmdline = p->cmdline;
	o->now.cgroup = p->cgroup;
	o->now.numa = p->numa;
	if (seen(ui)->feed)
		seen(ui)->feed(ui, state(ui));
	if (o->wants_picture)
		show_picture(ui);
}

/** The same in a recording; NULL: nothing of its own. */
static const char *recorded_trouble(const struct vm_open *o, int why)
{
	if (o->ended)
		return o->known ? "It isn't there at this moment; below is what was shown last." : "It isn't there at this moment.";
	if (why == EBADMSG)
		return o->known ? "This moment is broken; below is what was shown last." : "This moment is broken.";
	return why == ENOENT ? "The recording has no mappings of this process (vmrec --mappings)." : NULL;
}

/** Why there is nothing, or only something old, to see. */
static const char *trouble(const struct vm_ui *ui, char *buf, size_t size)
{
	const struct vm_open *o = &ui->open;
	const char *recorded = ui->feed->moments ? recorded_trouble(o, ui->frame.space_error) : NULL;
	if (recorded)
		return recorded;
	if (o->ended)
		return o->known ? "This process has ended; below is what was known last." : "This process has ended.";
	if (o->known && o->now.kthread)
		return "A kernel thread: it has no memory of its own.";
	if (o->known && o->now.state == 'Z')
		return "A zombie: its memory is already freed.";
	int why = ui->frame.space_error;
	if (!why && o->known && (o->now.unmet & VM_NEED(SMAPS)))
		why = o->now.why[VM_NEED_BIT_SMAPS];
	if (!why)
		return NULL;
	if (why == EACCES || why == EPERM)
		snprintf(buf, size, "Not permitted to read its mappings: run as its owner or as root.");
	else
		snprintf(buf, size, "Its mappings can't be read: %s.", strerror(why));
	return buf;
}

/** "user ann  state S  3 threads  120 mappings, 4s old". */
static void describe(const struct vm_ui *ui, char *line, size_t size)
{
	const struct vm_open *o = &ui->open;
	const struct vm_proc *p = &o->now;
	const struct vm_aspace *as = ui->frame.space;
	char age[VM_NUMBUF], old[VM_NUMBUF + 8] = "", maps[24] = "-";
	/* Large spaces aren't read at every refresh: say how old what is shown is. */
	if (as && p->taken_ns > as->taken_ns + ui->interval_ns / 2)
		snprintf(old, sizeof(old), ", %s old", vm_format_duration(p->taken_ns - as->taken_ns, age));
	if (as && as->nmaps)
		snprintf(maps, sizeof(maps), "%zu", as->nmaps);
	snprintf(line, size, "%s%s  state %c  %ju thread%s  %s mappings%s ", p->user ? "user " : "", p->user ? p->user : "",
		 p->state ? p->state : '-', (uintmax_t)p->q[VM_P_THREADS], p->q[VM_P_THREADS] == 1 ? "" : "s", maps, old);
}

/** Columns that a tab takes in their line. */
static int tab_width(size_t tab)
{
	return (int)strlen(vm_tabs[tab]->name) + 2;
}

/** The first one that is seen: where there isn't room for all, the open one must be. */
static size_t first_tab(const struct vm_ui *ui)
{
	size_t first = ui->open.tab;
	int room = ui->canvas.w - tab_width(first);
	while (first && room >= tab_width(first - 1))
		room -= tab_width(--first);
	return first;
}

static int draw_title(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_open *o = &ui->open;
	char line[240] = "";
	int x = 0, room = c->w;
	if (o->known)
		describe(ui, line, sizeof(line));
	for (size_t t = first_tab(ui); t < vm_tabs_n; t++)
		x += vm_canvas_textf(c, x, y + 1, c->w - x, t == o->tab ? VM_TINT_HEAD_SORT : VM_TINT_HEAD, " %s ",
				     vm_tabs[t]->name);
	vm_canvas_fill(c, x, y + 1, c->w - x, VM_TINT_HEAD, ' ');
	const int n = vm_canvas_text_width(c, line);
	if (n && n < c->w - x)
		vm_canvas_right(c, x, y + 1, c->w - x, VM_TINT_HEAD, line);
	else if (n && n < c->w / 3 * 2)
		/* No room beside the tabs: the command line is cut instead. */
		vm_canvas_right(c, room -= n + 1, y, n + 1, VM_TINT_DIM, line);
	x = vm_canvas_textf(c, 0, y, room, VM_TINT_TITLE, "%d ", o->pid);
	vm_canvas_text(c, x, y, room - x, VM_TINT_TITLE,
		       o->known && o->now.cmdline && *o->now.cmdline ? o->now.cmdline : o->comm);
	return 2;
}

static void draw(struct vm_ui *ui, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	char buf[160];
	int used = draw_title(ui, y);
	if (ui->paused)
		vm_canvas_right(c, 0, y, c->w, VM_TINT_WARN, " PAUSED");
	const char *why = trouble(ui, buf, sizeof(buf));
	if (why)
		vm_canvas_text(c, 0, y + used++, c->w, VM_TINT_WARN, why);
	seen(ui)->draw(ui, state(ui), y + used, h - used);
}

static unsigned change_tab(struct vm_ui *ui, size_t to)
{
	show_tab(ui, false);
	ui->open.tab = (unsigned)(to % vm_tabs_n);
	show_tab(ui, true);
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

/** The tab that the key just pressed is for. */
static unsigned go_to_tab(struct vm_ui *ui)
{
	for (size_t t = 0; t < vm_tabs_n; t++)
		if (vm_tabs[t]->key == ui->key)
			return change_tab(ui, t);
	return VM_DO_NOTHING;
}

static unsigned act(struct vm_ui *ui, enum vm_action act)
{
	switch (act) {
	case VM_ACT_TAB_NEXT:
		return change_tab(ui, ui->open.tab + 1);
	case VM_ACT_TAB_PREVIOUS:
		return change_tab(ui, ui->open.tab + vm_tabs_n - 1);
	case VM_ACT_TAB_NUMBER:
		return go_to_tab(ui);
	case VM_ACT_LAYOUT:
		return vm_layout_open(ui) | VM_DO_REFRESH;
	default:
		return seen(ui)->act ? seen(ui)->act(ui, state(ui), act) : VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, const struct vm_event *ev)
{
	if (ev->type == VM_EV_CLICK && ev->y == 1) {
		int x = 0;
		for (size_t t = first_tab(ui); t < vm_tabs_n; x += tab_width(t++))
			if (ev->x >= x && ev->x < x + tab_width(t))
				return change_tab(ui, t);
	}
	if (seen(ui)->mouse)
		return seen(ui)->mouse(ui, state(ui), ev);
	struct vm_grid *g = grid(ui);
	if (!g)
		return VM_DO_NOTHING;
	if (ev->type == VM_EV_WHEEL)
		vm_grid_select(g, (long)g->sel + 3 * ev->turn);
	else if (vm_grid_click(g, ev->x, ev->y) && ev->twice)
		return act(ui, VM_ACT_OPEN);
	return VM_DO_REDRAW;
}

const struct vm_panel vm_panel_process = {
	.scope = scope, .keys = keys, .want = want, .feed = feed, .draw = draw, .act = act, .mouse = mouse, .grid = grid,
	.leave = leave,
};
