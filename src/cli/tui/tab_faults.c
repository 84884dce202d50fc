/** Page faults of a process as they happen: kinds, how long they took, where; as vmfault -p PID.  Watched only while it is seen. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/feed_faults.h"
#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/analysis/faultview.h"
#include "core/base/str.h"
#include "core/field/fault.h"

enum { ACT_OTHER = VM_ACT_OWN, ACT_NOW, ACT_AGAIN };
#define OWN(act) ((enum vm_action)(act))

static const struct vm_key keys[] = {
	{ "faults-list", { 'm' }, "m", "List", "go to the other list: by mapping, by site", VM_IN_TAB, OWN(ACT_OTHER) },
	{ "faults-now", { 'o' }, "o", "Now/all", "count since the tab was opened, or since the last refresh only", VM_IN_TAB, OWN(ACT_NOW) },
	{ "faults-again", { 'c' }, "c", "Again", "count from now on", VM_IN_TAB, OWN(ACT_AGAIN) },
};

/** Kinds that are shown at most; rates that are remembered; lines of the head, and width of its first word. */
enum { KINDS_MOST = 6, PAST = 60, HEAD = 3, WORD = 4, LIST_LEAST = 3 };

struct faults_state {
	struct vm_grid kinds, mappings, sites;
	bool by_site;              /* which list the keys are for */
	bool now;                  /* what came since the last refresh only */
	bool watching;
	/** Why not; what was got last. */
	struct vm_err trouble;
	struct vm_faults_got got;
	bool have;
	/** Rows of the lists. */
	struct vm_fault_kind_row kind[VM_FAULT_KIND_NR];
	size_t nkinds;
	struct vm_fault_places by_mapping, by_name;
	bool no_memory;
	float past[PAST];          /* faults a second, oldest first */
	size_t npast;
};

static uint64_t kind_key(const void *row)
{
	return ((const struct vm_fault_kind_row *)row)->kind + 1;
}

static uint64_t mapping_key(const void *row)
{
	return ((const struct vm_fault_place_row *)row)->start + 1;
}

static uint64_t site_key(const void *row_)
{
	const struct vm_fault_place_row *row = row_;
	return row->ip + 1;
}

static const struct vm_grid_class kind_class = {
	.set = &vm_fault_kind_fields, .key = kind_key, .text = "KIND", .id = "KIND",
}, mapping_class = {
	.set = &vm_fault_mapping_fields, .key = mapping_key, .text = "MAPPING", .id = "START", .paths = true,
	.usual = "FAULTS,TIME%,MEAN,MOSTLY,START,PERM,MAPPING",
}, site_class = {
	.set = &vm_fault_site_fields, .key = site_key, .text = "SITE", .id = "IP", .usual = "FAULTS,TIME%,MEAN,MOSTLY,SITE",
};

static int init(struct vm_ui *ui, void *st_, struct vm_err *err)
{
	struct faults_state *st = st_;
	(void)ui;
	int r = vm_grid_init(&st->kinds, &kind_class, NULL, "COUNT", err);
	if (r == 0)
		r = vm_grid_init(&st->mappings, &mapping_class, NULL, "FAULTS", err);
	if (r == 0)
		r = vm_grid_init(&st->sites, &site_class, NULL, "FAULTS", err);
	st->kinds.still = true;
	return r;
}

static void forget(struct faults_state *st)
{
	vm_grid_clear(&st->kinds);
	vm_grid_clear(&st->mappings);
	vm_grid_clear(&st->sites);
	vm_fault_places_free(&st->by_mapping);
	vm_fault_places_free(&st->by_name);
	st->by_mapping = st->by_name = (struct vm_fault_places){ 0 };
	st->nkinds = 0;
	st->npast = 0;
	st->have = false;
}

static void fini(void *st_)
{
	struct faults_state *st = st_;
	forget(st);
	vm_grid_free(&st->kinds);
	vm_grid_free(&st->mappings);
	vm_grid_free(&st->sites);
}

static void leave(struct vm_ui *ui, void *st_)
{
	struct faults_state *st = st_;
	if (st->watching)
		ui->feed->faults->end(ui->feed->faults->ctx);
	st->watching = false;
	forget(st);
}

static void reset(struct vm_ui *ui, void *st_)
{
	struct faults_state *st = st_;
	leave(ui, st);
	vm_grid_forget(&st->mappings);
	vm_grid_forget(&st->sites);
	st->by_site = st->now = false;
}

static void enter(struct vm_ui *ui, void *st_)
{
	struct faults_state *st = st_;
	forget(st);
	st->trouble = (struct vm_err){ 0 };
	if (!ui->feed->faults || !ui->open.pid)
		return;
	st->watching = ui->feed->faults->begin(ui->feed->faults->ctx, ui->open.pid, &st->trouble) == 0;
}

/* ---- What came ------------------------------------------------------------------------------------------------------ */

static double rate_of(const struct vm_faultset *f)
{
	const uint64_t ns = f->now_ns - f->began_ns;
	return ns ? (double)vm_fault_total_row(f).c.count * 1e9 / (double)ns : 0;
}

static void remember(struct faults_state *st, double rate)
{
	if (st->npast == PAST)
		memmove(st->past, st->past + 1, (PAST - 1) * sizeof(st->past[0]));
	else
		st->npast++;
	st->past[st->npast - 1] = (float)rate;
}

/** Before the second look there is no interval yet. */
static const struct vm_faultset *counted(const struct faults_state *st)
{
	return st->now && st->got.since ? st->got.since : st->got.all;
}

static void list(struct vm_ui *ui, struct faults_state *st)
{
	const struct vm_faultset *f = counted(st);
	vm_grid_clear(&st->mappings);
	vm_grid_clear(&st->sites);
	vm_fault_places_free(&st->by_mapping);
	vm_fault_places_free(&st->by_name);
	st->by_mapping = st->by_name = (struct vm_fault_places){ 0 };
	st->nkinds = vm_fault_kind_rows(f, false, st->kind);
	st->no_memory = vm_grid_fill(&st->kinds, st->kind, st->nkinds, sizeof(st->kind[0]), NULL, NULL) < 0 ||
			!vm_fault_by_mapping(f, &st->by_mapping) ||
			!ui->feed->faults->by_site(ui->feed->faults->ctx, f, &st->by_name) ||
			vm_grid_fill(&st->mappings, st->by_mapping.row.v, st->by_mapping.row.n, sizeof(*st->by_mapping.row.v), NULL, NULL) < 0 ||
			vm_grid_fill(&st->sites, st->by_name.row.v, st->by_name.row.n, sizeof(*st->by_name.row.v), NULL, NULL) < 0;
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct faults_state *st = st_;
	if (!st->watching)
		return;
	const bool fresh = ui->frame.fresh || !st->have;
	/* Only made again from what is there: a look would empty what came since the last one. */
	if (fresh) {
		st->have = false;
		if (ui->feed->faults->look(ui->feed->faults->ctx, &st->got, &st->trouble) < 0) {
			leave(ui, st);
			return;
		}
		st->have = st->got.all != NULL;
		if (!st->have)
			return;
		if (st->got.since)
			remember(st, rate_of(st->got.since));
	}
	list(ui, st);
}

/* ---- Drawing -------------------------------------------------------------------------------------------------------- */

static void put_rates(const struct faults_state *st, struct vm_buf *b)
{
	const struct vm_faultset *f = counted(st);
	const struct vm_fault_count sum = vm_faultset_resolved(f);
	char text[VM_NUMBUF];
	const uint64_t ns = f->now_ns - f->began_ns;
	vm_buf_addf(b, "%.0f/s in %s: minor %ju, major %ju", rate_of(f), vm_format_duration(ns, text),
		    (uintmax_t)(sum.count - sum.major), (uintmax_t)sum.major);
	if (vm_faultset_knows_invalid(f))
		vm_buf_addf(b, ", invalid %ju", (uintmax_t)vm_faultset_invalid(f));
	if (f->have_times && ns)
		vm_buf_addf(b, "; %.1f %% of a CPU", 100.0 * (double)vm_fault_total_row(f).c.ns / (double)ns);
}

/** What watches, and what that costs. */
static void put_source(const struct vm_ui *ui, const struct faults_state *st, struct vm_buf *b)
{
	const uint64_t ns = st->got.all->now_ns - st->got.all->began_ns;
	vm_buf_addf(b, "by %s; costs it %s", st->got.name, st->got.costs);
	if (!isnan(ui->own_share) && ns)
		vm_buf_addf(b, ", us %.1f %% of a CPU", 100.0 * (double)st->got.cost_ns / (double)ns);
}

static void draw_head(struct vm_ui *ui, const struct faults_state *st, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_buf b = { 0 };
	put_rates(st, &b);
	vm_ui_draw_entry(ui, y, WORD, st->now && st->got.since ? "Now" : "All", &b);
	if (h > 1) {
		put_source(ui, st, &b);
		vm_canvas_text(c, 1, y + 1, c->w - 1, VM_TINT_DIM, vm_buf_str(&b));
		b.n = 0;
	}
	if (h > 2 && *st->got.why_not) {
		vm_buf_addf(&b, "can't tell %s; not by %s", st->got.lacks ? st->got.lacks : "more", st->got.why_not);
		vm_canvas_text(c, 1, y + 2, c->w - 1, VM_TINT_WARN, vm_buf_str(&b));
	} else if (h > 2) {
		const int x = 1 + vm_canvas_text(c, 1, y + 2, 7, VM_TINT_BOLD, "Rate");
		const size_t room = c->w > x + 2 ? (size_t)(c->w - x - 2) : 0, n = st->npast < room ? st->npast : room;
		vm_canvas_spark(c, x + 1, y + 2, st->past + st->npast - n, n, 1, VM_TINT_BAR_ANON);
	}
	vm_buf_free(&b);
}

/** Why there is nothing to see; NULL: there is. */
static const char *trouble(const struct vm_ui *ui, const struct faults_state *st)
{
	if (st->no_memory)
		return "Out of memory.";
	if (!ui->feed->faults)
		return "Page faults can't be watched here.";
	if (st->trouble.what[0])
		return st->trouble.what;
	return st->have ? NULL : "Beginning to watch its page faults; where eBPF does it, that takes a second or two.";
}

static void draw_list(struct vm_ui *ui, struct faults_state *st, bool sites, int y, int h)
{
	struct vm_grid *g = sites ? &st->sites : &st->mappings;
	/* The keys are for one of them; the other is only looked at. */
	g->still = sites != st->by_site;
	const int used = h > LIST_LEAST ? vm_ui_draw_filtered(ui, g, y, "") : 0;
	vm_ui_draw_grid(ui, g, y + used, h - used);
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct faults_state *st = st_;
	struct vm_canvas *c = &ui->canvas;
	const char *why = trouble(ui, st);
	if (why) {
		struct vm_buf b = { 0 };
		vm_buf_addf(&b, "%s%s%s", why, st->trouble.hint[0] ? "; " : "", st->trouble.hint);
		vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, vm_buf_str(&b));
		vm_buf_free(&b);
		return;
	}
	const int head = h > 12 ? HEAD : h > 6 ? 2 : 1;
	draw_head(ui, st, y, head);
	int used = head;
	const int kinds = (int)(st->nkinds < KINDS_MOST ? st->nkinds : KINDS_MOST) + 1;
	const int shown = kinds < (h - used) / 2 || !counted(st)->have_groups ? kinds : (h - used) / 2;
	vm_ui_draw_grid(ui, &st->kinds, y + used, shown);
	used += shown;
	if (!counted(st)->have_groups)
		return;
	const int left = h - used, upper = left / 2;
	if (left < 2 * LIST_LEAST) {
		draw_list(ui, st, st->by_site, y + used, left);
		return;
	}
	draw_list(ui, st, false, y + used, upper);
	draw_list(ui, st, true, y + used + upper, left - upper);
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------- */

static struct vm_grid *grid(void *st_)
{
	struct faults_state *st = st_;
	return st->by_site ? &st->sites : &st->mappings;
}

static struct vm_grid *kept(void *st)
{
	return &((struct faults_state *)st)->mappings;
}

static unsigned open_row(struct vm_ui *ui, struct faults_state *st)
{
	const struct vm_fault_place_row *row = vm_grid_selected(grid(st));
	char title[160];
	if (!row)
		return VM_DO_NOTHING;
	snprintf(title, sizeof(title), "Page faults of process %d, %s", ui->open.pid,
		 st->by_site ? (row->place ? row->place : "instruction not known") : "in a mapping");
	return vm_row_open(ui, grid(st)->class->set, row, title);
}

static unsigned act(struct vm_ui *ui, void *st_, enum vm_action act)
{
	struct faults_state *st = st_;
	switch ((int)act) {
	case VM_ACT_OPEN:
		return open_row(ui, st);
	case ACT_OTHER:
		st->by_site = !st->by_site;
		return VM_DO_REDRAW;
	case ACT_NOW:
		st->now = !st->now;
		if (st->have)
			list(ui, st);
		return VM_DO_REDRAW;
	case ACT_AGAIN:
		leave(ui, st);
		enter(ui, st);
		return VM_DO_REDRAW | VM_DO_REFRESH;
	default:
		return VM_DO_NOTHING;
	}
}

const struct vm_tab vm_tab_faults = {
	.name = "Faults", .help = "its page faults as they happen: kinds, times, places; watched only while you look", .key = '4',
	.scope = VM_IN_TAB_LIST, .keys = keys, .nkeys = sizeof(keys) / sizeof(keys[0]), .size = sizeof(struct faults_state),
	.init = init, .fini = fini, .reset = reset, .open = enter, .close = leave, .feed = feed, .draw = draw, .act = act,
	.grid = grid, .kept = kept,
};
