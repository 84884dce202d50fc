/** Where a process's memory is: by node and kind, and by mapping with its policy; as vmnuma PID. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/field/numa.h"

enum { HEAD = 10 };

struct numa_state {
	/** Fields with a column for each node of this machine, and the grids that they are shown in. */
	struct vm_arena fields;
	struct vm_grid_class map_class, kind_class;
	struct vm_grid maps, kinds;
	/** Rows, remade from each photograph. */
	struct vm_arena rows;
	struct vm_numa_class_row kind[VM_NUMA_CLASSES + 1];
	size_t nkinds;
	bool no_memory;
};

static uint64_t map_key(const void *row)
{
	return ((const struct vm_numa_mapping_row *)row)->map->start + 1;
}

static uint64_t kind_key(const void *row)
{
	return (uint64_t)(uintptr_t)row;
}

static int init(struct vm_ui *ui, void *st_, struct vm_err *err)
{
	struct numa_state *st = st_;
	const struct vm_nodes *nodes = ui->feed->nodes;
	if (!nodes)
		return 0;
	st->map_class = (struct vm_grid_class){
		.set = vm_numa_columns(&vm_numa_mapping_fields, nodes, &st->fields), .key = map_key, .text = "MAPPING", .id = "START",
		.paths = true,
	};
	st->kind_class = (struct vm_grid_class){
		.set = vm_numa_columns(&vm_numa_class_fields, nodes, &st->fields), .key = kind_key, .text = "CLASS", .id = "CLASS",
	};
	if (!st->map_class.set || !st->kind_class.set)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = vm_grid_init(&st->maps, &st->map_class, NULL, NULL, err);
	if (r == 0)
		r = vm_grid_init(&st->kinds, &st->kind_class, NULL, NULL, err);
	st->kinds.still = true;
	return r;
}

static void fini(void *st_)
{
	struct numa_state *st = st_;
	vm_grid_free(&st->maps);
	vm_grid_free(&st->kinds);
	vm_arena_free(&st->rows);
	vm_arena_free(&st->fields);
}

static struct vm_grid *grid(void *st_)
{
	struct numa_state *st = st_;
	return st->maps.class ? &st->maps : NULL;
}

static void reset(struct vm_ui *ui, void *st_)
{
	struct numa_state *st = st_;
	(void)ui;
	st->nkinds = 0;
	if (st->maps.class)
		vm_grid_forget(&st->maps);
}

static void want(struct vm_ui *ui, void *st, struct vm_want *want)
{
	(void)ui, (void)st;
	want->space_needs |= VM_NEED(NUMA) | VM_NEED(CPUS);
}

static bool is_shown(const void *ctx, const void *row)
{
	(void)ctx;
	return !vm_numa_row_is_plain(row);
}

/** The sum that was read, if it speaks of the nodes that we know. */
static const struct vm_numa_sum *sum_of(const struct vm_ui *ui)
{
	const struct vm_numa_sum *sum = ui->open.now.numa;
	return sum && ui->feed->nodes && sum->nnodes == ui->feed->nodes->nodes.n ? sum : NULL;
}

static void feed(struct vm_ui *ui, void *st_)
{
	struct numa_state *st = st_;
	const struct vm_aspace *as = ui->frame.space;
	const struct vm_numa_sum *sum = sum_of(ui);
	if (!st->maps.class)
		return;
	vm_grid_clear(&st->maps);
	st->nkinds = 0;
	vm_arena_reset(&st->rows);
	struct vm_numa_mapping_row *rows = vm_arena_alloc(&st->rows, (as->nmaps + 1) * sizeof(*rows));
	st->no_memory = !rows || vm_numa_rows(as, ui->feed->nodes, ui->feed->page_bytes, &st->rows, rows) < 0;
	if (st->no_memory)
		return;
	vm_grid_fill(&st->maps, rows, as->nmaps, sizeof(*rows), is_shown, NULL);
	if (sum && sum->have_pages)
		st->nkinds = vm_numa_class_rows(sum, ui->feed->nodes, false, &st->rows, st->kind);
	vm_grid_fill(&st->kinds, st->kind, st->nkinds, sizeof(st->kind[0]), NULL, NULL);
}

/* ---- Drawing ------------------------------------------------------------------------------------------------------ */

static void put_threads(struct vm_buf *b, const struct vm_numa_sum *sum)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < sum->nnodes; i++)
		all += sum->threads[i];
	vm_buf_addf(b, "%llu ran last on node", (unsigned long long)all);
	for (unsigned i = 0, n = 0; i < sum->nnodes; i++) {
		if (!sum->threads[i])
			continue;
		vm_buf_addf(b, "%s %u", n++ ? "," : "", sum->ids[i]);
		if (sum->threads[i] < all)
			vm_buf_addf(b, " (%llu)", (unsigned long long)sum->threads[i]);
	}
	vm_buf_add_str(b, "; may run on ");
	vm_nodemask_put(b, &sum->may_run);
}

static void put_shares(struct vm_buf *b, const struct vm_numa_sum *sum, double local)
{
	char misplaced[VM_NUMBUF], judged[VM_NUMBUF];
	if (isnan(local))
		vm_buf_add_str(b, "-");
	else
		vm_buf_addf(b, "%.1f %% where its threads ran", local * 100);
	if (sum->judged)
		vm_buf_addf(b, "; misplaced %s of %s (%.1f %%)", vm_format_size(sum->misplaced, misplaced),
			    vm_format_size(sum->judged, judged), (double)sum->misplaced * 100 / (double)sum->judged);
	if (sum->elsewhere)
		vm_buf_addf(b, "; %s on nodes that aren't online", vm_format_size(sum->elsewhere, misplaced));
}

/** Why there are no nodes; NULL: there are. */
static const char *trouble(const struct vm_ui *ui, const struct numa_state *st)
{
	const struct vm_proc *p = &ui->open.now;
	if (!st->maps.class)
		return "Nothing is known of this machine's memory nodes.";
	if (st->no_memory)
		return "Out of memory.";
	if (p->unmet & VM_NEED(NUMA))
		return p->why[VM_NEED_BIT_NUMA] == ENOENT ? "This kernel doesn't tell of pages by node (it is built without NUMA)." :
		       p->why[VM_NEED_BIT_NUMA] == EACCES ? "Not permitted to read where its pages are: run as its owner or as root." :
							    strerror(p->why[VM_NEED_BIT_NUMA]);
	if (!sum_of(ui))
		return "Not read yet.";
	return NULL;
}

static int draw_summary(struct vm_ui *ui, const struct numa_state *st, int y)
{
	const struct vm_numa_sum *sum = sum_of(ui);
	struct vm_buf b = { 0 };
	int used = 0;
	if (sum && sum->have_threads) {
		put_threads(&b, sum);
		vm_ui_draw_entry(ui, y + used++, HEAD, "Threads", &b);
	}
	if (sum && sum->have_pages && st->nkinds) {
		put_shares(&b, sum, st->kind[st->nkinds - 1].local);
		vm_ui_draw_entry(ui, y + used++, HEAD, "Local", &b);
	}
	if (ui->feed->nodes && ui->feed->nodes->told && ui->feed->nodes->nodes.n == 1) {
		vm_buf_add_str(&b, "one: no memory of this machine is farther away than other");
		vm_ui_draw_entry(ui, y + used++, HEAD, "Nodes", &b);
	}
	vm_buf_free(&b);
	return used;
}

/** What the selected mapping's policy means: one line. */
static void draw_policy(struct vm_ui *ui, const struct vm_grid *g, int y)
{
	const struct vm_numa_mapping_row *row = vm_grid_selected(g);
	struct vm_buf b = { 0 };
	if (!row || !row->policy)
		return;
	vm_policy_put(&b, row->policy);
	vm_buf_add_str(&b, ": ");
	vm_policy_explain(&b, row->policy, ui->feed->nodes);
	vm_canvas_text(&ui->canvas, 0, y, ui->canvas.w, VM_TINT_DIM, vm_buf_str(&b));
	vm_buf_free(&b);
}

static void draw(struct vm_ui *ui, void *st_, int y, int h)
{
	struct numa_state *st = st_;
	struct vm_canvas *c = &ui->canvas;
	const char *why = ui->open.known ? trouble(ui, st) : "";
	if (why) {
		vm_canvas_text(c, 1, y, c->w - 1, VM_TINT_WARN, why);
		return;
	}
	int used = draw_summary(ui, st, y);
	/* The mappings have the larger part. */
	const int kinds = (int)st->nkinds + 1;
	if (used + kinds <= h / 2) {
		vm_ui_draw_grid(ui, &st->kinds, y + used, kinds);
		used += kinds;
	}
	const int foot = h - used > 6;
	used += vm_ui_draw_filtered(ui, &st->maps, y + used, " mappings");
	vm_ui_draw_grid(ui, &st->maps, y + used, h - used - foot);
	if (foot)
		draw_policy(ui, &st->maps, y + h - 1);
}

static unsigned act(struct vm_ui *ui, void *st_, enum vm_action act)
{
	struct numa_state *st = st_;
	const struct vm_numa_mapping_row *row = st->maps.class ? vm_grid_selected(&st->maps) : NULL;
	char title[120];
	if (act != VM_ACT_OPEN || !row)
		return VM_DO_NOTHING;
	snprintf(title, sizeof(title), "Mapping %012jx-%012jx of process %d, by memory node", (uintmax_t)row->map->start,
		 (uintmax_t)row->map->end, ui->open.pid);
	return vm_row_open(ui, st->map_class.set, row, title);
}

const struct vm_tab vm_tab_numa = {
	.name = "NUMA", .help = "on which memory nodes its pages are, and what the policies say", .key = '7', .scope = VM_IN_TAB_LIST,
	.size = sizeof(struct numa_state), .init = init, .fini = fini, .reset = reset, .want = want, .feed = feed, .draw = draw,
	.act = act, .grid = grid,
};
