/** What translating a process's addresses costs: counted where there are counters, else estimated and called so; as vmtlb. */

#include <math.h>
#include <stdio.h>

#include "cli/tui/feed_tlb.h"
#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/analysis/tlbcost.h"
#include "core/analysis/tlbhot.h"
#include "core/analysis/tlbreach.h"
#include "core/base/str.h"
#include "core/field/tlb_count.h"
#include "core/field/tlb_hot.h"

enum { ACT_PROBE = VM_ACT_OWN, ACT_SAMPLE };
enum { SMALL = 14 };
#define OWN(act) ((enum vm_action)(act))

static const struct vm_key keys[] = {
	{ "tlb-probe", { 'p' }, "p", "Probe", "time this machine's TLBs: half a second of one CPU", VM_IN_TAB, OWN(ACT_PROBE) },
	{ "tlb-sample", { 'a' }, "a", "Sample", "which of its pages are walked: clears its accessed bits, so it asks once more", VM_IN_TAB,
	  OWN(ACT_SAMPLE) },
};

struct tlb_state {
	struct vm_grid sides, hot;
	struct vm_tlb_got got;
	bool have;
	/** The key of the sample was pressed once. */
	bool asked;
	const struct vm_tlb_hot *sample;
};

static uint64_t side_key(const void *row_)
{
	const struct vm_tlb_side_row *row = row_;
	return (uint64_t)row->side * VM_TLB_CORES_MAX + row->core + 1;
}

static uint64_t hot_key(const void *row_)
{
	const struct vm_tlb_hot_row *row = row_;
	return row->m ? row->m->start + 1 : UINT64_MAX;
}

static const struct vm_grid_class side_class = { .set = &vm_tlb_side_fields, .key = side_key, .text = "TLB", .id = "TLB" },
hot_class = {
	.set = &vm_tlb_hot_fields, .key = hot_key, .text = "MAPPING", .id = "START", .paths = true,
	.usual = "RSS,USED,WALKED,WALKS/S,TIME%,ORDER,VERDICT,MAPPING",
};

static int init(struct vm_ui *ui, void *st_, struct vm_err *err)
{
	struct tlb_state *st = st_;
	(void)ui;
	int r = vm_grid_init(&st->sides, &side_class, NULL, NULL, err);
	if (r == 0)
		r = vm_grid_init(&st->hot, &hot_class, NULL, "WALKS/S", err);
	st->sides.still = true;
	return r;
}

static void fini(void *st_)
{
	struct tlb_state *st = st_;
	vm_grid_free(&st->sides);
	vm_grid_free(&st->hot);
}

static void leave(struct vm_ui *ui, void *st_)
{
	struct tlb_state *st = st_;
	vm_grid_clear(&st->sides);
	vm_grid_clear(&st->hot);
	st->sample = NULL;
	st->have = st->asked = false;
	if (ui->feed->tlb)
		ui->feed->tlb->end(ui->feed->tlb->ctx);
}

static void reset(struct vm_ui *ui, void *st_)
{
	struct tlb_state *st = st_;
	leave(ui, st);
	vm_grid_forget(&st->hot);
}

static void enter(struct vm_ui *ui, void *st)
{
	(void)st;
	if (ui->feed->tlb && ui->open.pid)
		ui->feed->tlb->begin(ui->feed->tlb->ctx, ui->open.pid);
}

static void want(struct vm_ui *ui, void *st, struct vm_want *want)
{
	(void)ui, (void)st;
	/* Resident memory by the size of its pages. */
	want->space_needs |= VM_NEED(ROLLUP);
}

static void fill(struct tlb_state *st)
{
	const struct vm_tlb_cost_view *cost = st->got.cost;
	vm_grid_clear(&st->sides);
	if (cost)
		vm_grid_fill(&st->sides, cost->side, cost->nsides, sizeof(cost->side[0]), NULL, NULL);
	vm_grid_clear(&st->hot);
	if (st->sample)
		vm_grid_fill(&st->hot, st->sample->row.v, st->sample->row.n, sizeof(*st->sample->row.v), NULL, NULL);
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct tlb_state *st = st_;
	if (!ui->feed->tlb)
		return;
	if (ui->frame.fresh || !st->have)
		ui->feed->tlb->look(ui->feed->tlb->ctx, &st->got);
	st->have = true;
	fill(st);
}

/* ---- Estimates ------------------------------------------------------------------------------------------------------ */

static const char *known_by(enum vm_tlb_by by)
{
	static const char *const words[] = {
		[VM_TLB_BY_DEFAULT] = "as common CPUs have it, for this one's isn't known", [VM_TLB_BY_CPU] = "as the CPU says",
		[VM_TLB_BY_PROBE] = "as timed", [VM_TLB_BY_USER] = "as given",
	};
	return words[by];
}

/** A word in bold and the rest, wrapped; how many lines.  Empties the buffer. */
static int draw_entry(struct vm_ui *ui, int y, int end, const char *head, struct vm_buf *b)
{
	enum { MARGIN = 10 };
	struct vm_canvas *c = &ui->canvas;
	struct vm_buf lines = { 0 };
	char line[512];
	int used = 0;
	vm_page_entry(&lines, "", MARGIN - 2, vm_buf_str(b), c->w);
	for (const char *s = vm_buf_str(&lines); y + used < end && vm_text_line(&s, line, sizeof(line)); used++)
		vm_canvas_text(c, 0, y + used, c->w, VM_TINT_NORMAL, line);
	if (used)
		vm_canvas_text(c, 1, y, MARGIN - 2, VM_TINT_BOLD, head);
	vm_buf_free(&lines);
	b->n = 0;
	return used;
}

static void put_level(const struct vm_tlb_known *k, const struct vm_tlb_capacity *c, struct vm_buf *b)
{
	char small[VM_NUMBUF], large[VM_NUMBUF];
	if (!c->entries) {
		vm_buf_add_str(b, "how many entries the second level has is not known; p times it");
		return;
	}
	vm_buf_addf(b, "%u entries in the second level, %s: %s in pages of 4K", c->entries, known_by(k->by),
		    vm_format_size((uint64_t)c->entries << 12, small));
	if (c->split)
		vm_buf_add_str(b, ", and no more in those of 2M, which the host splits");
	else
		vm_buf_addf(b, ", %s in those of 2M", vm_format_size((uint64_t)c->entries << 21, large));
}

static void put_resident(const struct vm_tlb_resident *r, const struct vm_tlb_capacity *c, struct vm_buf *b)
{
	char small[VM_NUMBUF], large[VM_NUMBUF];
	const double share = vm_tlb_reach_share(c, r);
	vm_buf_addf(b, "%s in pages of 4K, %s in larger ones", vm_format_size(r->bytes[VM_TLB_4K], small),
		    vm_format_size(r->bytes[VM_TLB_2M] + r->bytes[VM_TLB_1G], large));
	if (!isnan(share))
		vm_buf_addf(b, "; at best %.*f %% of it are reached at once", share < 0.1 ? 1 : 0, share * 100);
}

/** What a translation costs where memory is used at random, as it is and if it were in huge pages. */
static void put_random(const struct vm_tlb_known *k, const struct vm_tlb_resident *r, struct vm_buf *b)
{
	const uint64_t all = r->bytes[VM_TLB_4K] + r->bytes[VM_TLB_2M] + r->bytes[VM_TLB_1G];
	const double small = vm_tlb_cost_ns(k, all, false), large = vm_tlb_cost_ns(k, all, true);
	if (isnan(small)) {
		vm_buf_add_str(b, "what a miss costs hasn't been timed since boot; p does it");
		return;
	}
	vm_buf_addf(b, "if all of it were used at random: %.1f ns more for each access in pages of 4K", small);
	if (!isnan(large))
		vm_buf_addf(b, ", %.1f ns in those of 2M", large);
}

static int draw_estimates(struct vm_ui *ui, const struct tlb_state *st, int y, int end)
{
	const struct vm_tlb_known *k = st->got.known;
	struct vm_tlb_resident r;
	struct vm_buf b = { 0 };
	int used = 0;
	const struct vm_tlb_capacity c = k ? vm_tlb_capacity_of(k) : (struct vm_tlb_capacity){ 0 };
	if (k) {
		put_level(k, &c, &b);
		used += draw_entry(ui, y, end, "Reach", &b);
	}
	if (vm_tlb_resident_of(&ui->open.now, &r)) {
		put_resident(&r, &c, &b);
		used += draw_entry(ui, y + used, end, "Resident", &b);
		if (k) {
			put_random(k, &r, &b);
			used += draw_entry(ui, y + used, end, "Random", &b);
		}
	} else {
		vm_buf_add_str(&b, "how much of its memory is in huge pages isn't known");
		used += draw_entry(ui, y + used, end, "Resident", &b);
	}
	vm_buf_free(&b);
	return used;
}

/* ---- Counters ------------------------------------------------------------------------------------------------------- */

static int draw_counters(struct vm_ui *ui, struct tlb_state *st, int y, int end)
{
	const struct vm_tlb_cost_view *cost = st->got.cost;
	struct vm_buf b = { 0 };
	char text[VM_NUMBUF];
	int used = 0;
	if (cost && st->got.counting) {
		vm_buf_addf(&b, "in the last %s", vm_format_duration(st->got.cost_of_ns, text));
		if (!isnan(cost->ipc))
			vm_buf_addf(&b, ": %.2f instructions a cycle", cost->ipc);
		if (!isnan(cost->ceiling))
			vm_buf_addf(&b, "; page walkers are at work in %.1f %% of its cycles, which is the most that fewer walks could save",
				    cost->ceiling * 100);
		used += draw_entry(ui, y, end, "Counted", &b);
		const int rows = (int)cost->nsides + 1;
		if (y + used + rows <= end)
			vm_ui_draw_grid(ui, &st->sides, y + used, rows);
		used += y + used + rows <= end ? rows : 0;
	}
	if (st->got.why[0]) {
		vm_buf_addf(&b, "%s%s%s%s", st->got.counting ? "" : "nothing: ", st->got.why, st->got.fix[0] ? "; " : "", st->got.fix);
		used += draw_entry(ui, y + used, end, st->got.counting ? "Not all" : "Counted", &b);
	}
	vm_buf_free(&b);
	return used;
}

/** The sample's sum, and its mappings. */
static void draw_sample(struct vm_ui *ui, struct tlb_state *st, int y, int h)
{
	const struct vm_tlb_hot_row *t = &st->sample->total;
	struct vm_buf b = { 0 };
	if (!isnan(t->walks_per_s))
		vm_buf_addf(&b, "%.0f page walks a second at least", t->walks_per_s);
	if (!isnan(t->time_share))
		vm_buf_addf(&b, ", which may take %.1f %% of its time", t->time_share * 100);
	vm_buf_addf(&b, "%ssampled by accessed bits (estimate)%s", b.n ? "; " : "",
		    st->sample->disturbed ? "; disturbed by what else ran" : "");
	const int used = h > 4 ? draw_entry(ui, y, y + h, "Sample", &b) : 0;
	vm_ui_draw_grid(ui, &st->hot, y + used, h - used);
	vm_buf_free(&b);
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct tlb_state *st = st_;
	struct vm_canvas *c = &ui->canvas;
	const int end = y + h;
	if (!ui->feed->tlb || !st->have) {
		vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, ui->feed->tlb ? "Not read yet." : "Nothing is known of translations here.");
		return;
	}
	/* Why there are no counters is less than what there is instead. */
	int used = draw_counters(ui, st, y, h > SMALL || st->got.counting ? end : y + 2);
	if (h > 8 && used < h) {
		vm_canvas_fill(c, 0, y + used, c->w, VM_TINT_HEAD, ' ');
		vm_canvas_text(c, 1, y + used++, c->w - 1, VM_TINT_HEAD, st->got.counting ? "Estimates" : "Estimates, in place of counters");
	}
	used += draw_estimates(ui, st, y + used, end);
	if (st->sample && h - used > 2)
		draw_sample(ui, st, y + used, h - used);
	else if (h - used > 1 && st->got.known)
		vm_canvas_text(c, 1, y + used + 1, c->w - 1, VM_TINT_DIM, "p times the TLBs of this machine, a samples which pages are walked");
}

/* ---- Keys ----------------------------------------------------------------------------------------------------------- */

static unsigned probe(struct vm_ui *ui, struct tlb_state *st)
{
	struct vm_err err = { 0 };
	if (!ui->feed->tlb || ui->feed->tlb->probe(ui->feed->tlb->ctx, &err) < 0)
		vm_ui_note(ui, "%s", err.what);
	else
		vm_ui_note(ui, "The TLBs were timed; they are kept for other commands, until the next boot");
	st->have = false;
	return VM_DO_REDRAW | VM_DO_REFRESH;
}

static unsigned sample(struct vm_ui *ui, struct tlb_state *st)
{
	struct vm_err err = { 0 };
	if (!ui->feed->tlb)
		return VM_DO_NOTHING;
	if (ui->opts->read_only) {
		vm_ui_note(ui, "Nothing is changed: --read-only (sampling clears accessed bits)");
		return VM_DO_REDRAW;
	}
	if (!st->asked) {
		st->asked = true;
		vm_ui_note(ui, "This clears its accessed bits, on which reclaim and DAMON rely, for a moment: again to do it");
		return VM_DO_REDRAW;
	}
	vm_grid_clear(&st->hot);
	st->asked = false;
	if (ui->feed->tlb->sample(ui->feed->tlb->ctx, ui->open.pid, &st->sample, &err) < 0) {
		st->sample = NULL;
		vm_ui_note(ui, "%s", err.what);
	}
	fill(st);
	return VM_DO_REDRAW;
}

static unsigned act(struct vm_ui *ui, void *st_, enum vm_action act)
{
	struct tlb_state *st = st_;
	const struct vm_tlb_hot_row *row = vm_grid_selected(&st->hot);
	char title[120];
	if ((int)act != ACT_SAMPLE)
		st->asked = false;
	switch ((int)act) {
	case ACT_PROBE: return probe(ui, st);
	case ACT_SAMPLE: return sample(ui, st);
	case VM_ACT_OPEN:
		if (!st->sample || !row)
			return VM_DO_NOTHING;
		snprintf(title, sizeof(title), "Page walks of process %d in one mapping, by a sample", ui->open.pid);
		return vm_row_open(ui, &vm_tlb_hot_fields, row, title);
	default: return VM_DO_NOTHING;
	}
}

static struct vm_grid *grid(void *st)
{
	return &((struct tlb_state *)st)->hot;
}

const struct vm_tab vm_tab_tlb = {
	.name = "TLB", .help = "what translating its addresses costs: counted, or else estimated", .key = '5', .scope = VM_IN_TAB_LIST,
	.keys = keys, .nkeys = sizeof(keys) / sizeof(keys[0]), .size = sizeof(struct tlb_state), .init = init, .fini = fini,
	.reset = reset, .open = enter, .close = leave, .want = want, .feed = feed, .draw = draw, .act = act, .grid = grid,
};
