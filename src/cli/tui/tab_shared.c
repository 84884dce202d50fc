/** What a process shares, mapping by mapping and with whom, and what copy-on-write broke in its fork family; as vmshare PID. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/render/text.h"
#include "cli/tui/feed_shared.h"
#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"

/** Fewer than vmshare's: in 80 columns there must be room for names. */
#define COLUMNS "START,PSS,PRCLEAN,PRDIRTY,SHCLEAN,SHDIRTY,RISK,MOST,MAPPING"
#define MEMBER_COLUMNS "MEMBER,PSS,USS,WITHPARENT,BROKEN,RISK,BREAKING,PEAK,COMMAND"

enum { ACT_FAMILY = VM_ACT_OWN };
enum { HEAD = 9, COLUMNS_MOST = 16 };

static const struct vm_key keys[] = {
	{ "shared-family", { 'f' }, "f", "Family", "the whole fork family, to read", VM_IN_TAB, (enum vm_action)ACT_FAMILY },
};

struct shared_state {
	struct vm_grid maps, family;
	/** What the rows are of; NULL: nothing was seen, and trouble says why. */
	const struct vm_shared *seen;
	struct vm_err trouble;
	bool no_memory;
};

static uint64_t map_key(const void *row)
{
	return ((const struct vm_share_mapping_row *)row)->m->start + 1;
}

static uint64_t member_key(const void *row)
{
	return (uint64_t)((const struct vm_share_member_row *)row)->proc->pid;
}

static const struct vm_grid_class map_class = {
	.set = &vm_share_mapping_fields, .key = map_key, .text = "MAPPING", .id = "START", .usual = COLUMNS, .paths = true,
};
static const struct vm_grid_class member_class = {
	.set = &vm_share_member_fields, .key = member_key, .text = "COMMAND", .id = "PID", .usual = MEMBER_COLUMNS,
};

static int init(struct vm_ui *ui, void *st_, struct vm_err *err)
{
	struct shared_state *st = st_;
	(void)ui;
	int r = vm_grid_init(&st->maps, &map_class, NULL, "PSS", err);
	if (r == 0)
		r = vm_grid_init(&st->family, &member_class, NULL, NULL, err);
	st->family.still = true;
	return r;
}

static void fini(void *st_)
{
	struct shared_state *st = st_;
	vm_grid_free(&st->maps);
	vm_grid_free(&st->family);
}

static void clear(struct shared_state *st)
{
	st->seen = NULL;
	vm_grid_clear(&st->maps);
	vm_grid_clear(&st->family);
}

static void reset(struct vm_ui *ui, void *st_)
{
	struct shared_state *st = st_;
	(void)ui;
	clear(st);
	vm_grid_forget(&st->maps);
	vm_grid_forget(&st->family);
}

/** What the rows speak of is dropped when nobody looks. */
static void leave(struct vm_ui *ui, void *st)
{
	clear(st);
	if (ui->feed->shared)
		ui->feed->shared->forget(ui->feed->shared->ctx);
}

static bool has_pages(const void *ctx, const void *row_)
{
	const struct vm_share_mapping_row *row = row_;
	const struct vm_mapping *m = row->m;
	(void)ctx;
	if (row->sum)
		return vm_share_rss(row->sum) || row->sum->kind[VM_SK_HUGETLB] || row->sum->swap;
	return !(m->have & VM_HAVE(VM_Q_RSS)) || m->q[VM_Q_RSS] || m->q[VM_Q_SWAP] || m->q[VM_Q_SHARED_HUGETLB] ||
	       m->q[VM_Q_PRIVATE_HUGETLB];
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct shared_state *st = st_;
	const struct vm_shared_feed *from = ui->feed->shared;
	const struct vm_shared_ask ask = {
		.pid = ui->open.pid, .start = ui->open.start, .needs = vm_grid_needs(&st->maps), .budget = ui->budget,
	};
	if (!from)
		return;
	/* A list that is only ordered anew isn't read anew. */
	const struct vm_shared *seen = st->seen;
	if (ui->frame.fresh || !seen) {
		st->trouble = (struct vm_err){ 0 };
		seen = from->look(from->ctx, &ask, &st->trouble);
	}
	clear(st);
	st->seen = seen;
	if (!seen)
		return;
	st->no_memory = vm_grid_fill(&st->maps, seen->rows, seen->n, sizeof(seen->rows[0]), has_pages, NULL) < 0 ||
			vm_grid_fill(&st->family, seen->family, seen->members, sizeof(seen->family[0]), NULL, NULL) < 0;
}

/* ---- Sums --------------------------------------------------------------------------------------------------------- */

static void put_size(struct vm_buf *b, const char *before, uint64_t bytes, const char *behind)
{
	char text[VM_NUMBUF];
	vm_buf_addf(b, "%s%s%s", before, vm_format_size(bytes, text), behind);
}

/** "7.5M: 2.4M clean, 5.1M dirty" */
static void put_half(struct vm_buf *b, const struct vm_proc *p, enum vm_pqty clean, enum vm_pqty dirty)
{
	if (!vm_proc_has(p, clean) || !vm_proc_has(p, dirty)) {
		vm_buf_add_str(b, "-");
		return;
	}
	put_size(b, "", p->q[clean] + p->q[dirty], "");
	put_size(b, ": ", p->q[clean], " clean, ");
	put_size(b, "", p->q[dirty], " dirty");
}

static void put_risk(struct vm_buf *b, const struct vm_shared *x)
{
	put_size(b, "; at risk ", x->total->risk, "");
	if (x->counted && x->total->kind[VM_SK_KSM])
		put_size(b, "; merged ", x->total->kind[VM_SK_KSM], "");
}

/** "4.2M once, 4.3M x2, 80.0K x9-16": RSS by how often it is mapped. */
static void put_counts(struct vm_buf *b, const struct vm_share_sum *s, bool counted)
{
	char text[VM_NUMBUF];
	struct vm_scratch tmp;
	const size_t begin = b->n;
	if (!counted) {
		put_size(b, "", s->once, " once, ");
		put_size(b, "", s->many, " several times");
		return;
	}
	for (unsigned i = 0; i < VM_SHARE_CLASSES; i++) {
		const struct vm_share_class *c = &vm_share_classes[i];
		if (!s->class_bytes[i])
			continue;
		vm_buf_addf(b, "%s%s ", b->n > begin ? ", " : "", vm_format_size(s->class_bytes[i], text));
		if (c->most <= 1)
			vm_buf_add_str(b, c->most ? "once" : "never");
		else
			vm_buf_addf(b, "%s%s", c->most == UINT64_MAX ? "" : "x", vm_share_class_text(c->least, c->most, &tmp));
	}
}

/** Why something isn't there, for people: what would give it, where that is known. */
static const char *reason(const struct vm_err *why)
{
	return why->hint[0] ? why->hint : why->what[0] ? why->what : "not known";
}

/** Large families aren't looked at at every refresh. */
static void draw_age(struct vm_ui *ui, const struct vm_shared *x, int y)
{
	char age[VM_NUMBUF], old[VM_NUMBUF + 8];
	if (x->age_ns < ui->interval_ns + ui->interval_ns / 2)
		return;
	snprintf(old, sizeof(old), "%s old ", vm_format_duration(x->age_ns, age));
	vm_canvas_right(&ui->canvas, ui->canvas.w / 2, y, ui->canvas.w - ui->canvas.w / 2, VM_TINT_DIM, old);
}

static int draw_sums(struct vm_ui *ui, const struct vm_shared *x, int y)
{
	const struct vm_proc *p = x->proc;
	struct vm_buf b = { 0 };
	int used = 0;
	put_half(&b, p, VM_P_PRIVATE_CLEAN, VM_P_PRIVATE_DIRTY);
	vm_ui_draw_entry(ui, y + used++, HEAD, "Private", &b);
	draw_age(ui, x, y);
	put_half(&b, p, VM_P_SHARED_CLEAN, VM_P_SHARED_DIRTY);
	if (x->total)
		put_risk(&b, x);
	vm_ui_draw_entry(ui, y + used++, HEAD, "Shared", &b);
	if (x->total) {
		put_counts(&b, x->total, x->counted);
		vm_ui_draw_entry(ui, y + used++, HEAD, "Mapped", &b);
	}
	if (!x->total || !x->counted) {
		vm_buf_addf(&b, "%s: %s", x->total ? "map counts, and who shares" : "pages", reason(x->total ? x->why_frames : x->why_pages));
		vm_ui_draw_entry(ui, y + used++, HEAD, "Missing", &b);
	} else if (x->members > 1 && !x->compared) {
		vm_buf_addf(&b, "%s%s%s", x->why_family->what[0] ? x->why_family->what : "not compared",
			    x->why_family->hint[0] ? "; " : "", x->why_family->hint);
		vm_ui_draw_entry(ui, y + used++, HEAD, "Family", &b);
	}
	vm_buf_free(&b);
	return used;
}

/* ---- The list of mappings ------------------------------------------------------------------------------------------- */

/** Of the selected mapping: how often its pages are mapped. */
static void draw_foot(struct vm_ui *ui, const struct vm_share_mapping_row *row, int y)
{
	struct vm_buf b = { 0 };
	if (row && row->sum && vm_share_rss(row->sum)) {
		put_counts(&b, row->sum, row->counted);
		vm_buf_add_str(&b, row->counted && row->sum->many ? "; Enter: by whom" : "");
		vm_canvas_text(&ui->canvas, 0, y, ui->canvas.w, VM_TINT_DIM, vm_buf_str(&b));
	}
	vm_buf_free(&b);
}

/** The family as far as there is room; lines that it took. */
static int draw_family(struct vm_ui *ui, struct shared_state *st, int y, int h)
{
	const int most = h / 3, lines = (int)st->seen->members + 1;
	if (st->seen->members < 2 || most < 3)
		return 0;
	vm_ui_draw_grid(ui, &st->family, y, lines < most ? lines : most);
	if (lines <= most)
		return lines;
	vm_canvas_textf(&ui->canvas, 0, y + most, ui->canvas.w, VM_TINT_DIM, "%d more members of the family: f shows all", lines - most);
	return most + 1;
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct shared_state *st = st_;
	struct vm_canvas *c = &ui->canvas;
	if (!ui->frame.space || !st->seen || st->no_memory) {
		const char *why = st->no_memory ? "Out of memory." : st->trouble.what[0] ? st->trouble.what : "Not read yet.";
		if (!ui->frame.space_error && ui->open.known)
			vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, why);
		return;
	}
	/* The screen says that there is no memory. */
	if (!st->seen->n)
		return;
	int used = h > 8 ? draw_sums(ui, st->seen, y) : 0;
	used += draw_family(ui, st, y + used, h - used);
	const int foot = h - used > 6;
	used += vm_ui_draw_filtered(ui, &st->maps, y + used, " mappings");
	vm_ui_draw_grid(ui, &st->maps, y + used, h - used - foot);
	if (foot)
		draw_foot(ui, vm_grid_selected(&st->maps), y + h - 1);
}

/* ---- To read -------------------------------------------------------------------------------------------------------- */

static void put_who(struct vm_buf *b, const struct vm_shared_who *w)
{
	char size[VM_NUMBUF];
	vm_buf_addf(b, " %zu other process%s map%s pages of it", w->all, w->all == 1 ? "" : "es", w->all == 1 ? "s" : "");
	if (w->n)
		vm_buf_add_str(b, ":");
	for (size_t i = 0; i < w->n; i++) {
		const struct vm_share_sharer_row *row = &w->rows[i];
		const uint64_t rss = row->sum ? vm_share_rss(row->sum) : 0;
		vm_buf_addf(b, "\n %10s", vm_format_size(row->bytes, size));
		if (rss)
			vm_buf_addf(b, " %5.1f %%", 100.0 * (double)row->bytes / (double)rss);
		vm_buf_addf(b, " %8d ", row->who->pid);
		vm_text_put(b, row->who->comm);
	}
	if (w->all > w->n)
		vm_buf_addf(b, "\n        and %zu with less", w->all - w->n);
	vm_buf_add_str(b, "\n");
	if (w->cut)
		vm_buf_addf(b, " Only %u processes were looked through, which took as long as a screen may wait.\n", w->looked);
	if (w->failed)
		vm_buf_addf(b, " %u process%s couldn't be looked through.\n", w->failed, w->failed == 1 ? "" : "es");
}

/** Who has the pages of a mapping, and its figures. */
static unsigned open_mapping(struct vm_ui *ui, const struct shared_state *st)
{
	const struct vm_share_mapping_row *row = vm_grid_selected(&st->maps);
	const struct vm_shared_feed *from = ui->feed->shared;
	struct vm_shared_who w;
	struct vm_err err = { 0 };
	struct vm_buf who = { 0 };
	char title[120];
	if (!row || !st->seen)
		return VM_DO_NOTHING;
	if (from->who(from->ctx, (size_t)(row - st->seen->rows), &w, &err) == 0) {
		put_who(&who, &w);
	} else {
		vm_buf_addf(&who, " Who else maps its pages isn't known: %s\n", reason(&err));
	}
	snprintf(title, sizeof(title), "Mapping %012" PRIx64 "-%012" PRIx64 " of process %d, by who shares it", row->m->start,
		 row->m->end, ui->open.pid);
	vm_row_open(ui, map_class.set, row, title);
	vm_buf_addf(&who, "\n%s", vm_buf_str(&ui->page.text));
	vm_buf_free(&ui->page.text);
	ui->page.text = who;
	return vm_text_open(ui, title);
}

/** A table of all members, in the columns that are shown. */
static void put_members(struct vm_buf *out, const struct vm_grid *g, bool exact)
{
	size_t width[COLUMNS_MOST] = { 0 };
	struct vm_scratch tmp;
	struct vm_buf cell = { 0 };
	const unsigned n = g->cols.n < COLUMNS_MOST ? (unsigned)g->cols.n : COLUMNS_MOST;
	/* Once to measure, once to write. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i <= g->rows.n; i++) {
			for (unsigned k = 0; k < n; k++) {
				const struct vm_field *f = &g->class->set->v[g->cols.at[k]];
				const bool text = f->type == VM_T_STR;
				cell.n = 0;
				if (i)
					vm_value_put(&cell, vm_field_get(f, g->rows.v[i - 1], &tmp), f->unit, exact);
				else
					vm_buf_add_str(&cell, f->name);
				const size_t have = vm_text_width(vm_buf_str(&cell), cell.n);
				width[k] = have > width[k] ? have : width[k];
				const int pad = (int)(width[k] - have);
				if (pass)
					vm_buf_addf(out, " %*s%s%*s", text ? 0 : pad, "", vm_buf_str(&cell), text && k + 1 < n ? pad : 0, "");
			}
			if (pass)
				vm_buf_add_str(out, "\n");
		}
	vm_buf_free(&cell);
}

static unsigned open_family(struct vm_ui *ui, const struct shared_state *st)
{
	char title[120];
	if (!st->seen || !st->seen->members)
		return VM_DO_NOTHING;
	ui->page.text.n = 0;
	put_members(&ui->page.text, &st->family, ui->exact);
	vm_buf_add_str(&ui->page.text, "\n");
	for (unsigned k = 0; k < st->family.cols.n; k++) {
		const struct vm_field *f = &member_class.set->v[st->family.cols.at[k]];
		vm_page_entry(&ui->page.text, f->name, 10, f->help, ui->canvas.w > 110 ? 110 : ui->canvas.w);
	}
	snprintf(title, sizeof(title), "Fork family of process %d: %zu process%s", ui->open.pid, st->seen->members,
		 st->seen->members == 1 ? "" : "es");
	return vm_text_open(ui, title);
}

static unsigned act(struct vm_ui *ui, void *st, enum vm_action act)
{
	if (act == VM_ACT_OPEN)
		return open_mapping(ui, st);
	return (int)act == ACT_FAMILY ? open_family(ui, st) : VM_DO_NOTHING;
}

static struct vm_grid *grid(void *st)
{
	return &((struct shared_state *)st)->maps;
}

const struct vm_tab vm_tab_shared = {
	.name = "Shared", .help = "what is private, what is shared and by whom, and what copy-on-write broke", .key = '8',
	.scope = VM_IN_TAB_LIST, .keys = keys, .nkeys = sizeof(keys) / sizeof(keys[0]), .size = sizeof(struct shared_state),
	.init = init, .fini = fini, .reset = reset, .close = leave, .feed = feed, .draw = draw, .act = act, .grid = grid,
};
