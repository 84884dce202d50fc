/** The list of processes. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"

static unsigned scope(const struct vm_ui *ui)
{
	(void)ui;
	return VM_IN_PROCS;
}

static struct vm_grid *grid(struct vm_ui *ui)
{
	return &ui->procs;
}

static bool is_shown(const void *ctx, const void *row)
{
	const struct vm_ui *ui = ctx;
	const struct vm_proc *p = row;
	return (ui->kernel || !p->kthread) && (!*ui->user || (p->user && strcmp(p->user, ui->user) == 0));
}

static void want(struct vm_ui *ui, struct vm_want *want)
{
	const struct vm_grid *g = &ui->procs;
	/* Which kernel threads there are, and whose a process is, is told by stat and status. */
	want->needs = vm_grid_needs(g) | VM_NEED(STAT) | (*ui->user ? VM_NEED(USER) : 0);
	want->kernel = ui->kernel;
	want->nsight = 0;
	for (size_t i = g->top; i < g->rows.n && want->nsight < VM_SIGHT_MAX && (int)want->nsight + 1 < g->h; i++)
		want->sight[want->nsight++] = ((const struct vm_proc *)g->rows.v[i])->pid;
}

static void feed(struct vm_ui *ui)
{
	const struct vm_proclist *l = &ui->frame.procs->list[ui->frame.procs->now];
	struct vm_grid *g = &ui->procs;
	/* A filter that is typed makes the list anew, but not the past. */
	if (!ui->no_sparks && ui->frame.fresh)
		vm_history_add(&ui->history, g->class->set, &g->cols, l->rows.v, l->rows.n, sizeof(*l->rows.v), g->class->key);
	ui->levels.mem_total = vm_system_has(&ui->frame.sys, VM_S_MEM_TOTAL) ? ui->frame.sys.q[VM_S_MEM_TOTAL] : 0;
	g->history = ui->no_sparks ? NULL : &ui->history;
	g->levels = &ui->levels;
	vm_grid_fill(&ui->procs, l->rows.v, l->rows.n, sizeof(*l->rows.v), is_shown, ui);
}

/** "PSS: 412 of 2003 read, oldest 3.1s": how much the dear columns on the screen may be trusted.  Columns used. */
static int draw_progress(struct vm_ui *ui, int x, int y)
{
	struct vm_canvas *c = &ui->canvas;
	if (!(vm_grid_needs(&ui->procs) & VM_NEED(ROLLUP)))
		return 0;
	struct vm_progress pr = vm_procset_progress(ui->frame.procs);
	char age[VM_NUMBUF], text[160];
	size_t n = 0;
	text[0] = '\0';
	if (pr.known < pr.wanted)
		n += (size_t)snprintf(text, sizeof(text), "PSS: %zu of %zu read", pr.known, pr.wanted);
	/* Ages within an interval say nothing. */
	if (pr.known && pr.oldest_ns > ui->interval_ns)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%soldest %s", n ? ", " : "PSS: ",
				      vm_format_duration(pr.oldest_ns, age));
	if (pr.refused)
		snprintf(text + n, sizeof(text) - n, "%s%zu not permitted", n ? ", " : "PSS: ", pr.refused);
	n = (size_t)vm_canvas_text(c, x, y, c->w - x, pr.known < pr.wanted ? VM_TINT_WARN : VM_TINT_DIM, text);
	return n ? (int)n + 2 : 0;
}

/** Why the time in page faults isn't known of any: what times them doesn't run here. */
static void draw_untimed(struct vm_ui *ui, int x, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_proclist *l = &ui->frame.procs->list[ui->frame.procs->now];
	const enum vm_need_bit bit = VM_NEED_BIT_FAULTTIME;
	size_t i = 0;
	while (i < l->rows.n && !(l->rows.v[i].unmet >> bit & 1))
		i++;
	if (i == l->rows.n || !(vm_grid_needs(&ui->procs) & VM_NEED(FAULTTIME)))
		return;
	const int why = l->rows.v[i].why[bit];
	vm_canvas_textf(c, x, y, c->w - x, VM_TINT_WARN, "FAULT%%: %s", why == EPERM ? "needs CAP_BPF and CAP_PERFMON; run with sudo" :
			why == EOPNOTSUPP ? "not supported here; --sources tells why" : strerror(why));
}

static void draw_status(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_grid *g = &ui->procs;
	int x = 0;
	if (ui->paused)
		x += vm_canvas_text(c, x, y, c->w - x, VM_TINT_WARN, "PAUSED") + 2;
	x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "%zu", g->all.n);
	if (g->all.n != g->offered)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, " of %zu", g->offered);
	x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, " process%s  ", g->offered == 1 ? "" : "es");
	if (*ui->user)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_TAG, "user %s  ", ui->user);
	if (*g->filter_text)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_TAG, "filter: %s  ", g->filter_text);
	x += draw_progress(ui, x, y);
	draw_untimed(ui, x, y);
}

static void draw(struct vm_ui *ui, int y, int h)
{
	/* The list is what people came for: at least half of a small screen is its. */
	int room = h >= 16 ? 4 : h >= 12 ? 2 : h >= 8 ? 1 : 0;
	int used = room ? vm_meters_draw(ui, y, room) : 0;
	if (h >= 7)
		draw_status(ui, y + used++);
	int foot = ui->procs.tags.v.n && h >= 7;
	vm_ui_draw_grid(ui, &ui->procs, y + used, h - used - foot);
	if (foot)
		vm_grid_draw_tagged(&ui->procs, &ui->canvas, y + h - 1);
}

static unsigned open_selected(struct vm_ui *ui)
{
	const struct vm_proc *p = vm_grid_selected(&ui->procs);
	return p ? vm_process_open(ui, p->pid, p->start, p->comm) : VM_DO_NOTHING;
}

static unsigned act(struct vm_ui *ui, enum vm_action act)
{
	switch (act) {
	case VM_ACT_OPEN:
		return open_selected(ui);
	case VM_ACT_KERNEL:
		ui->kernel = !ui->kernel;
		vm_ui_note(ui, "Kernel threads are %s", ui->kernel ? "shown" : "hidden");
		return VM_DO_REDRAW | VM_DO_REFRESH;
	case VM_ACT_USER:
		vm_menu_open(ui, VM_MENU_USERS);
		return VM_DO_REDRAW;
	case VM_ACT_SETS:
		vm_menu_open(ui, VM_MENU_SETS);
		return VM_DO_REDRAW;
	case VM_ACT_MACHINE:
		vm_ui_push(ui, &vm_panel_machine);
		return VM_DO_REDRAW | VM_DO_REFRESH;
	case VM_ACT_LAYOUT:
		return open_selected(ui) ? vm_layout_open(ui) | VM_DO_REFRESH : VM_DO_NOTHING;
	case VM_ACT_SPARKS:
		ui->no_sparks = !ui->no_sparks;
		vm_grid_touch(&ui->procs);
		return VM_DO_REDRAW | VM_DO_REFRESH;
	default:
		return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, const struct vm_event *ev)
{
	struct vm_grid *g = &ui->procs;
	if (ev->type == VM_EV_WHEEL) {
		vm_grid_select(g, (long)g->sel + 3 * ev->turn);
		return VM_DO_REDRAW;
	}
	bool row = vm_grid_click(g, ev->x, ev->y);
	return row && ev->twice ? open_selected(ui) : VM_DO_REDRAW;
}

const struct vm_panel vm_panel_procs = {
	.scope = scope, .want = want, .feed = feed, .draw = draw, .act = act, .mouse = mouse, .grid = grid,
};
