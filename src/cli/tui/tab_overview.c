/** A process at a glance: totals, activity, and what its memory is for. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/model/kind.h"
#include "core/model/memlock.h"

/** Scrolling. */
struct overview_state {
	int top, lines, h;
};

/** A line of the overview on the canvas, or -1 (nowhere) when it is scrolled out. */
struct overview {
	struct vm_ui *ui;
	struct overview_state *st;
	int y, h, line;
};

static int next_line(struct overview *ov)
{
	int at = ov->line++ - ov->st->top;
	return at < 0 || at >= ov->h ? -1 : ov->y + at;
}

static const char *bytes_of(const struct vm_ui *ui, enum vm_pqty q, char num[static VM_NUMBUF])
{
	const struct vm_proc *p = &ui->open.now;
	if (!vm_proc_has(p, q))
		return "-";
	if (p->q[q] == UINT64_MAX)
		return "unlimited";
	return vm_ui_bytes(ui, p->q[q], num);
}

/** "RSS 58.3M": name dim, figure bright; returns the columns used, padded to `w`. */
static int pair(struct vm_ui *ui, int x, int y, int w, const char *name, const char *value)
{
	struct vm_canvas *c = &ui->canvas;
	if (y < 0)
		return w;
	int n = vm_canvas_text(c, x, y, c->w - x, VM_TINT_DIM, name);
	int m = vm_canvas_text(c, x + n + 1, y, c->w - x - n - 1, VM_TINT_NORMAL, value);
	return n + 1 + m + 2 > w ? n + 1 + m + 2 : w;
}

static int pair_bytes(struct vm_ui *ui, int x, int y, int w, const char *name, enum vm_pqty q)
{
	char num[VM_NUMBUF];
	return pair(ui, x, y, w, name, bytes_of(ui, q, num));
}

struct pairs { const char *head; struct { const char *name; enum vm_pqty q; } of[5]; };

static void draw_pairs(struct overview *ov, const struct pairs *row)
{
	int y = next_line(ov), x = 1;
	int w = ov->ui->exact ? 28 : 16;
	if (y >= 0)
		vm_canvas_text(&ov->ui->canvas, x, y, 14, VM_TINT_BOLD, row->head);
	x += 14;
	for (size_t i = 0; i < 5 && row->of[i].name && x < ov->ui->canvas.w; i++)
		x += pair_bytes(ov->ui, x, y, w, row->of[i].name, row->of[i].q);
}

static double quantity(const struct vm_proc *p, enum vm_pqty q)
{
	return vm_proc_has(p, q) ? (double)p->q[q] : 0;
}

/** RSS split by type, and beside each other what is this process's alone and what is shared. */
static void draw_bars(struct overview *ov)
{
	struct vm_ui *ui = ov->ui;
	struct vm_canvas *c = &ui->canvas;
	const struct vm_proc *p = &ui->open.now;
	const struct vm_bar_part types[] = {
		{ quantity(p, VM_P_ANON), VM_TINT_BAR_ANON, 'a' }, { quantity(p, VM_P_FILE), VM_TINT_BAR_FILE, 'f' },
		{ quantity(p, VM_P_SHMEM), VM_TINT_BAR_SHMEM, 's' },
	};
	static const char *const names[] = { "anon", "file", "shmem" };
	int y = next_line(ov), x = 15;
	/* A mark every bar starts at: the bar is RSS, the mark up to which it is filled solid is each part. */
	int w = c->w - x - 2 > 66 ? 66 : c->w - x - 2;
	if (y >= 0)
		vm_canvas_bar(c, x, y, w, types[0].value + types[1].value + types[2].value, types, 3);
	y = next_line(ov);
	char num[VM_NUMBUF];
	const enum vm_pqty q[] = { VM_P_ANON, VM_P_FILE, VM_P_SHMEM };
	for (size_t i = 0; i < 3; i++) {
		if (y >= 0)
			vm_canvas_fill(c, x, y, 1, types[i].tint, vm_canvas_bar_glyph(c, i, types[i].letter));
		x += 2 + pair(ui, x + 2, y, 14, names[i], bytes_of(ui, q[i], num));
	}
}

static const char *rate(double v, const char *what, char *buf, size_t size)
{
	if (isnan(v))
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.1f%s", v, what);
	return buf;
}

static void draw_activity(struct overview *ov)
{
	struct vm_ui *ui = ov->ui;
	const struct vm_proc *p = &ui->open.now;
	char num[VM_NUMBUF], r[40], text[96];
	int y = next_line(ov), x = 15;
	if (y >= 0)
		vm_canvas_text(&ui->canvas, 1, y, 14, VM_TINT_BOLD, "Faults");
	snprintf(text, sizeof(text), "%s (%s)",
		 vm_proc_has(p, VM_P_MINFLT) ? vm_format_u64(p->q[VM_P_MINFLT], num) : "-",
		 rate(p->minflt_rate, "/s", r, sizeof(r)));
	x += pair(ui, x, y, 32, "minor", text);
	snprintf(text, sizeof(text), "%s (%s)",
		 vm_proc_has(p, VM_P_MAJFLT) ? vm_format_u64(p->q[VM_P_MAJFLT], num) : "-",
		 rate(p->majflt_rate, "/s", r, sizeof(r)));
	pair(ui, x, y, 32, "major", text);
	y = next_line(ov);
	if (y >= 0)
		vm_canvas_text(&ui->canvas, 1, y, 14, VM_TINT_BOLD, "Growth");
	if (isnan(p->rss_rate))
		snprintf(text, sizeof(text), "-");
	else
		snprintf(text, sizeof(text), "%s%s/s", p->rss_rate < 0 ? "-" : p->rss_rate > 0 ? "+" : "",
			 vm_format_size((uint64_t)fabs(p->rss_rate), num));
	x = 15;
	x += pair(ui, x, y, 16, "RSS", text);
	x += pair(ui, x, y, 16, "CPU", rate(p->cpu_share * 100, " %", r, sizeof(r)));
	if (vm_proc_has(p, VM_P_FAULT_NS))
		pair(ui, x, y, 16, "in faults", rate(p->fault_share * 100, " %", r, sizeof(r)));
}

static void draw_locked(struct overview *ov)
{
	struct vm_ui *ui = ov->ui;
	const struct vm_proc *p = &ui->open.now;
	char num[VM_NUMBUF];
	int y = next_line(ov), x = 15;
	if (y >= 0)
		vm_canvas_text(&ui->canvas, 1, y, 14, VM_TINT_BOLD, "Locked");
	x += pair_bytes(ui, x, y, 16, "VmLck", VM_P_LOCKED);
	x += pair(ui, x, y, 16, "limit", bytes_of(ui, VM_P_MEMLOCK_SOFT, num));
	bool over = vm_proc_has(p, VM_P_LOCKED) && vm_proc_has(p, VM_P_MEMLOCK_SOFT) && p->q[VM_P_LOCKED] &&
		    p->q[VM_P_LOCKED] >= p->q[VM_P_MEMLOCK_SOFT] / 10 * 9;
	if (over && y >= 0)
		x += vm_canvas_text(&ui->canvas, x, y, ui->canvas.w - x, VM_TINT_WARN, "near its limit") + 2;
	x += pair_bytes(ui, x, y, 16, "pinned", VM_P_PINNED);
	uint64_t room;
	pair(ui, x, y, 16, "room", !vm_proc_lock_headroom(p, &room) ? "-" : room == UINT64_MAX ? "unlimited" :
	     vm_ui_bytes(ui, room, num));
}

struct kind_sum {
	struct vm_sum sum;
	uint64_t low, high;
};

static void sum_kinds(const struct vm_aspace *as, struct kind_sum sum[static VM_KIND_NR])
{
	memset(sum, 0, VM_KIND_NR * sizeof(*sum));
	for (size_t i = 0; i < as->nmaps; i++) {
		struct kind_sum *k = &sum[as->map[i].kind];
		if (!k->sum.m.count)
			k->low = as->map[i].start;
		k->high = as->map[i].end;
		vm_sum_add(&k->sum, &as->map[i]);
	}
}

static int compare_kinds(const void *pa, const void *pb)
{
	const struct kind_sum *a = *(const struct kind_sum *const *)pa, *b = *(const struct kind_sum *const *)pb;
	uint64_t x = a->sum.m.q[VM_Q_RSS], y = b->sum.m.q[VM_Q_RSS];
	if (x != y)
		return x < y ? 1 : -1;
	x = vm_mapping_size(&a->sum.m), y = vm_mapping_size(&b->sum.m);
	return x < y ? 1 : x > y ? -1 : 0;
}

static void draw_kind_cells(struct vm_ui *ui, int y, const char *name, const struct vm_mapping *m)
{
	static const enum vm_qty q[] = { VM_Q_SIZE, VM_Q_RSS, VM_Q_PSS, VM_Q_USS, VM_Q_SWAP };
	struct vm_canvas *c = &ui->canvas;
	char num[VM_NUMBUF], count[VM_NUMBUF];
	vm_canvas_text(c, 1, y, 11, VM_TINT_NORMAL, name);
	vm_canvas_right(c, 12, y, 6, VM_TINT_NORMAL, vm_format_u64(m->count, count));
	for (size_t i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		bool known = q[i] == VM_Q_SIZE || (m->have & VM_HAVE(q[i]));
		uint64_t v = q[i] == VM_Q_SIZE ? vm_mapping_size(m) : m->q[q[i]];
		const char *text = !known ? "-" : vm_ui_bytes(ui, v, num);
		int w = ui->exact ? 14 : 8;
		vm_canvas_right(c, 18 + (int)i * w, y, w, known && v ? VM_TINT_NORMAL : VM_TINT_DIM,
				text);
	}
}

/** What the memory is for, biggest first, with the range of addresses that each kind spreads over. */
static void draw_kinds(struct overview *ov)
{
	struct vm_ui *ui = ov->ui;
	struct vm_canvas *c = &ui->canvas;
	const struct vm_aspace *as = ui->frame.space;
	struct kind_sum sum[VM_KIND_NR], *order[VM_KIND_NR];
	size_t n = 0;
	sum_kinds(as, sum);
	for (size_t k = 0; k < VM_KIND_NR; k++)
		if (sum[k].sum.m.count)
			order[n++] = &sum[k];
	qsort(order, n, sizeof(*order), compare_kinds);
	next_line(ov);
	int y = next_line(ov), w = ui->exact ? 14 : 8, end = 18 + 5 * w;
	if (y >= 0) {
		static const char *const heads[] = { "SIZE", "RSS", "PSS", "USS", "SWAP" };
		vm_canvas_fill(c, 0, y, c->w, VM_TINT_HEAD, ' ');
		vm_canvas_text(c, 1, y, 11, VM_TINT_HEAD, "KIND");
		vm_canvas_right(c, 12, y, 6, VM_TINT_HEAD, "COUNT");
		for (int i = 0; i < 5; i++)
			vm_canvas_right(c, 18 + i * w, y, w, VM_TINT_HEAD, heads[i]);
		vm_canvas_text(c, end + 2, y, c->w - end - 2, VM_TINT_HEAD, "WHAT IT IS");
		if (c->w >= end + 100)
			vm_canvas_text(c, end + 68, y, c->w, VM_TINT_HEAD, "WHERE");
	}
	for (size_t i = 0; i < n; i++) {
		y = next_line(ov);
		if (y < 0)
			continue;
		const struct vm_kind_info *info = &vm_kinds[order[i] - sum];
		draw_kind_cells(ui, y, info->name, &order[i]->sum.m);
		int room = c->w - end - 2;
		bool where = c->w >= end + 100;
		vm_canvas_text(c, end + 2, y, where ? 64 : room, VM_TINT_DIM, info->help);
		if (where)
			vm_canvas_textf(c, end + 68, y, c->w, VM_TINT_DIM, "%012jx-%012jx",
					(uintmax_t)order[i]->low, (uintmax_t)order[i]->high);
	}
}

static void draw(struct vm_ui *ui, void *st, int y, int h)
{
	static const struct pairs rows[] = {
		{ "Address space", { { "VSZ", VM_P_VSZ }, { "peak", VM_P_PEAK }, { "data", VM_P_DATA },
				     { "tables", VM_P_PAGE_TABLES } } },
		{ "Resident", { { "RSS", VM_P_RSS }, { "peak", VM_P_HWM }, { "THP", VM_P_THP },
				{ "hugetlb", VM_P_HUGETLB } } },
		{ "Its share", { { "PSS", VM_P_PSS }, { "USS", VM_P_USS }, { "dirty", VM_P_PSS_DIRTY },
				 { "referenced", VM_P_REFERENCED } } },
		{ "Swapped", { { "SWAP", VM_P_SWAP }, { "SWAPPSS", VM_P_SWAP_PSS } } },
	};
	struct overview ov = { .ui = ui, .st = st, .y = y, .h = h };
	if (!ui->open.known)
		return;
	draw_pairs(&ov, &rows[0]);
	draw_pairs(&ov, &rows[1]);
	draw_bars(&ov);
	draw_pairs(&ov, &rows[2]);
	draw_pairs(&ov, &rows[3]);
	draw_locked(&ov);
	draw_activity(&ov);
	const struct vm_aspace *as = ui->frame.space;
	if (as && as->proc.pid == ui->open.pid && as->nmaps)
		draw_kinds(&ov);
	ov.st->lines = ov.line;
	ov.st->h = h;
}

static void want(struct vm_ui *ui, void *st, struct vm_want *want)
{
	(void)ui, (void)st;
	want->space_needs |= VM_NEED_KIND | VM_NEED(CAPS) | VM_NEED(SMAPS) | VM_NEED(ROLLUP);
}

static void reset(struct vm_ui *ui, void *st)
{
	(void)ui;
	*(struct overview_state *)st = (struct overview_state){ 0 };
}

static unsigned scroll(struct overview_state *o, int to)
{
	int most = o->lines - o->h;
	o->top = to > most ? most : to;
	if (o->top < 0)
		o->top = 0;
	return VM_DO_REDRAW;
}

static unsigned act(struct vm_ui *ui, void *st, enum vm_action act)
{
	struct overview_state *o = st;
	(void)ui;
	switch (act) {
	case VM_ACT_UP: return scroll(o, o->top - 1);
	case VM_ACT_DOWN: return scroll(o, o->top + 1);
	case VM_ACT_PAGE_UP: return scroll(o, o->top - o->h);
	case VM_ACT_PAGE_DOWN: return scroll(o, o->top + o->h);
	case VM_ACT_FIRST: return scroll(o, 0);
	case VM_ACT_LAST: return scroll(o, o->lines);
	default: return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, void *st, const struct vm_event *ev)
{
	struct overview_state *o = st;
	(void)ui;
	return ev->type == VM_EV_WHEEL ? scroll(o, o->top + 3 * ev->turn) : VM_DO_NOTHING;
}

const struct vm_tab vm_tab_overview = {
	.name = "Overview", .help = "totals, activity, and what the memory is for", .key = '1', .scope = VM_IN_TAB_PAGE,
	.size = sizeof(struct overview_state), .reset = reset, .want = want, .draw = draw, .act = act, .mouse = mouse,
};
