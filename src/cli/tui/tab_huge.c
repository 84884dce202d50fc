/** How much of a process is huge, by mapping, and why not more; as vmhuge PID. */

#include <stdio.h>
#include <stdlib.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/field/huge_process.h"

/** Fewer than vmhuge's: in 80 columns there must be room for the name. */
#define COLUMNS "START,RSS,HUGE,HUGE%,COULD,WHY,MAPPING"

enum { HEAD = 7, FOOT_MOST = 7, MARGIN = 6 };

struct huge_state {
	struct vm_grid grid;
	/** Rows, remade from each look. */
	struct vm_arena rows;
	bool no_memory;
};

static uint64_t row_key(const void *row_)
{
	const struct vm_huge_mapping_row *row = row_;
	return row->space->as->map[row->at].start + 1;
}

static const struct vm_grid_class class = {
	.set = &vm_huge_mapping_fields, .key = row_key, .text = "MAPPING", .id = "START", .usual = COLUMNS, .paths = true,
};

static int init(struct vm_ui *ui, void *st, struct vm_err *err)
{
	(void)ui;
	return vm_grid_init(&((struct huge_state *)st)->grid, &class, NULL, "COULD", err);
}

static void fini(void *st_)
{
	struct huge_state *st = st_;
	vm_grid_free(&st->grid);
	vm_arena_free(&st->rows);
}

static void reset(struct vm_ui *ui, void *st)
{
	(void)ui;
	vm_grid_forget(&((struct huge_state *)st)->grid);
}

/** What the rows speak of is dropped when nobody looks. */
static void leave(struct vm_ui *ui, void *st)
{
	(void)ui;
	vm_grid_clear(&((struct huge_state *)st)->grid);
}

static void want(struct vm_ui *ui, void *st, struct vm_want *want)
{
	(void)ui, (void)st;
	want->huge = true;
}

static bool is_shown(const void *ctx, const void *row_)
{
	const struct vm_huge_mapping_row *row = row_;
	(void)ctx;
	return row->space->map[row->at].resident != 0;
}

/** Where nothing is known to be won, or the same: most that isn't huge first. */
static int by_small(const void *a_, const void *b_)
{
	const struct vm_huge_mapping_row *a = a_, *b = b_;
	const struct vm_huge_map *x = &a->space->map[a->at], *y = &b->space->map[b->at];
	const uint64_t left = x->resident - x->huge, right = y->resident - y->huge;
	return left != right ? (left < right) - (left > right) : (a->at > b->at) - (a->at < b->at);
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct huge_state *st = st_;
	const struct vm_huge_space *h = ui->frame.huge;
	vm_grid_clear(&st->grid);
	st->no_memory = false;
	vm_arena_reset(&st->rows);
	if (!h)
		return;
	struct vm_huge_mapping_row *rows = vm_arena_alloc(&st->rows, (h->as->nmaps + 1) * sizeof(*rows));
	st->no_memory = !rows;
	for (size_t i = 0; rows && i < h->as->nmaps; i++)
		rows[i] = (struct vm_huge_mapping_row){ .space = h, .why = ui->frame.huge_why, .at = i };
	if (rows)
		qsort(rows, h->as->nmaps, sizeof(*rows), by_small);
	if (rows && vm_grid_fill(&st->grid, rows, h->as->nmaps, sizeof(*rows), is_shown, NULL) < 0)
		st->no_memory = true;
}

/* ---- Sums --------------------------------------------------------------------------------------------------------- */

static void put_part(struct vm_buf *b, const char *before, uint64_t bytes, uint64_t all, const char *behind)
{
	char text[VM_NUMBUF];
	vm_buf_addf(b, "%s%s", before, vm_format_size(bytes, text));
	if (all)
		vm_buf_addf(b, " (%.0f %%)", 100.0 * (double)bytes / (double)all);
	vm_buf_add_str(b, behind);
}

static void put_sums(struct vm_buf *b, const struct vm_huge_space *h, const struct vm_why_space *y)
{
	const struct vm_huge_map *t = &h->total;
	char text[VM_NUMBUF];
	put_part(b, "", t->huge, t->resident, " of ");
	vm_buf_add_str(b, vm_format_size(t->resident, text));
	if (h->read.ranges_known)
		put_part(b, "; ", y->could_bytes, t->resident, " more could be");
	if (y->costs_bytes && h->read.ranges_known)
		vm_buf_addf(b, ", for up to %s", vm_format_size(y->costs_bytes, text));
}

/** Whole pages of each size. */
static void sum_sizes(const struct vm_huge_space *h, uint64_t sum[VM_HUGE_ORDERS])
{
	for (unsigned order = 0; order < VM_HUGE_ORDERS; order++) {
		sum[order] = 0;
		for (unsigned what = 0; what < VM_HUGE_WHATS; what++)
			for (unsigned how = 0; how < VM_HUGE_HOWS; how++)
				sum[order] += how == VM_HUGE_PARTLY ? 0 : h->sum[what][how][order];
	}
}

static bool is_among_biggest(const uint64_t sum[VM_HUGE_ORDERS], unsigned order, unsigned most)
{
	unsigned bigger = 0;
	for (unsigned o = 0; o < VM_HUGE_ORDERS; o++)
		bigger += sum[o] > sum[order] || (sum[o] == sum[order] && o < order);
	return bigger < most;
}

/** "4.0K 1.2M, 64.0K 3.0M, 2.0M 8.0M, others 64.0K, parts 16.0K": the sizes that hold most, as many as a line has room for. */
static void put_sizes(struct vm_buf *b, const struct vm_huge_space *h)
{
	enum { SIZES_MOST = 3 };
	const size_t begin = b->n;
	uint64_t sum[VM_HUGE_ORDERS], others = 0;
	char size[VM_NUMBUF], bytes[VM_NUMBUF];
	sum_sizes(h, sum);
	for (unsigned order = 0; order < VM_HUGE_ORDERS; order++) {
		if (!is_among_biggest(sum, order, SIZES_MOST))
			others += sum[order];
		else if (sum[order])
			vm_buf_addf(b, "%s%s %s", b->n > begin ? ", " : "", vm_format_size(h->page_bytes << order, size),
				    vm_format_size(sum[order], bytes));
	}
	if (others)
		vm_buf_addf(b, ", others %s", vm_format_size(others, bytes));
	if (h->total.partly)
		vm_buf_addf(b, "%sparts %s", b->n > begin ? ", " : "", vm_format_size(h->total.partly, bytes));
}

static int draw_sums(struct vm_ui *ui, int y)
{
	const struct vm_huge_space *h = ui->frame.huge;
	struct vm_buf b = { 0 };
	put_sums(&b, h, ui->frame.huge_why);
	vm_ui_draw_entry(ui, y, HEAD, "Huge", &b);
	put_sizes(&b, h);
	vm_ui_draw_entry(ui, y + 1, HEAD, "Pages", &b);
	vm_buf_addf(&b, "by %s", h->read.via);
	if (!h->read.sizes_known)
		vm_buf_add_str(&b, "; sizes in between aren't known: that needs kpageflags (CAP_SYS_ADMIN)");
	else if (!h->read.entries_known)
		vm_buf_add_str(&b, "; which ranges are huge is a guess by smaps");
	vm_ui_draw_entry(ui, y + 2, HEAD, "Read", &b);
	vm_buf_free(&b);
	return 3;
}

/* ---- Of one mapping ----------------------------------------------------------------------------------------------- */

struct said {
	struct vm_buf *b;
	int width;
	bool now;                  /* something can be done at once */
};

static void say(void *ctx, enum vm_huge_line line, const char *words)
{
	static const char *const heads[] = { [VM_HUGE_LINE_WHY] = "why", [VM_HUGE_LINE_NOW] = "now", [VM_HUGE_LINE_LATER] = "do",
					     [VM_HUGE_LINE_WINS] = "wins" };
	struct said *s = ctx;
	s->now |= line == VM_HUGE_LINE_NOW;
	vm_page_entry(s->b, line == VM_HUGE_LINE_LATER && s->now ? "or" : heads[line], MARGIN, words, s->width);
}

static void explain(struct vm_ui *ui, const struct vm_huge_mapping_row *row, struct vm_buf *b)
{
	const struct vm_why_space *y = row->why;
	for (size_t k = y->from[row->at]; ui->feed->explain_huge && k < y->from[row->at + 1]; k++) {
		struct said s = { .b = b, .width = ui->canvas.w };
		ui->feed->explain_huge(ui->feed->ctx, &y->of_mapping.v[k], say, &s);
	}
}

/** The first lines of it, as many as fit; the rest by Enter. */
static void draw_foot(struct vm_ui *ui, const struct vm_huge_mapping_row *row, int y, int h)
{
	struct vm_buf b = { 0 };
	struct vm_canvas *c = &ui->canvas;
	char line[512];
	if (row)
		explain(ui, row, &b);
	const char *s = vm_buf_str(&b);
	for (int i = 0; i < h && vm_text_line(&s, line, sizeof(line)); i++)
		vm_canvas_text(c, 0, y + i, c->w, VM_TINT_NORMAL, i == h - 1 && *s ? "       ... Enter shows all" : line);
	vm_buf_free(&b);
}

/* ---- The tab ------------------------------------------------------------------------------------------------------ */

static const char *trouble(const struct vm_ui *ui, const struct huge_state *st)
{
	if (st->no_memory)
		return "Out of memory.";
	if (ui->frame.huge)
		return NULL;
	return ui->frame.huge_trouble.what[0] ? ui->frame.huge_trouble.what : "Not read yet.";
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct huge_state *st = st_;
	struct vm_canvas *c = &ui->canvas;
	const char *why = ui->open.known ? trouble(ui, st) : "";
	if (why) {
		vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, why);
		return;
	}
	int used = h > 8 ? draw_sums(ui, y) : 0;
	const int foot = h - used > 2 * FOOT_MOST ? FOOT_MOST : h - used > 8 ? 3 : 0;
	used += vm_ui_draw_filtered(ui, &st->grid, y + used, " mappings");
	vm_ui_draw_grid(ui, &st->grid, y + used, h - used - foot);
	draw_foot(ui, vm_grid_selected(&st->grid), y + h - foot, foot);
}

/** All of a mapping: why it isn't huge, and its figures. */
static unsigned act(struct vm_ui *ui, void *st_, enum vm_action act)
{
	struct huge_state *st = st_;
	const struct vm_huge_mapping_row *row = vm_grid_selected(&st->grid);
	char title[120];
	if (act != VM_ACT_OPEN || !row)
		return VM_DO_NOTHING;
	const struct vm_mapping *m = &row->space->as->map[row->at];
	snprintf(title, sizeof(title), "Mapping %012jx-%012jx of process %d, by size of pages", (uintmax_t)m->start,
		 (uintmax_t)m->end, ui->open.pid);
	vm_row_open(ui, class.set, row, title);
	struct vm_buf figures = ui->page.text;
	ui->page.text = (struct vm_buf){ 0 };
	explain(ui, row, &ui->page.text);
	vm_buf_addf(&ui->page.text, "%s%s", ui->page.text.n ? "\n" : "", vm_buf_str(&figures));
	vm_buf_free(&figures);
	return vm_text_open(ui, title);
}

static struct vm_grid *grid(void *st)
{
	return &((struct huge_state *)st)->grid;
}

const struct vm_tab vm_tab_huge = {
	.name = "Huge", .help = "how much is in huge pages, why not more, and what to do", .key = '6', .scope = VM_IN_TAB_LIST,
	.size = sizeof(struct huge_state), .init = init, .fini = fini, .reset = reset, .close = leave, .want = want, .feed = feed,
	.draw = draw, .act = act, .grid = grid,
};
