/** The mappings of a process, as vmmap lists them. */

#include <stdio.h>

#include "cli/tui/tab.h"
#include "cli/tui/ui.h"

/** Fewer than vmmap's: in 80 columns there must be room for the name. */
#define COLUMNS "START,SIZE,RSS,PSS,DIRTY,PERM,KIND,MAPPING"

struct mappings_state {
	struct vm_grid grid;
};

static uint64_t mapping_key(const void *row)
{
	return ((const struct vm_mapping *)row)->start + 1;
}

static const struct vm_grid_class class = {
	.set = &vm_mapping_fields, .key = mapping_key, .text = "MAPPING", .id = "START", .usual = COLUMNS, .paths = true,
};

static int init(struct vm_ui *ui, void *st, struct vm_err *err)
{
	(void)ui;
	struct mappings_state *m = st;
	return vm_grid_init(&m->grid, &class, NULL, NULL, err);
}

static void fini(void *st)
{
	vm_grid_free(&((struct mappings_state *)st)->grid);
}

static void reset(struct vm_ui *ui, void *st)
{
	(void)ui;
	vm_grid_forget(&((struct mappings_state *)st)->grid);
}

static void want(struct vm_ui *ui, void *st, struct vm_want *want)
{
	(void)ui;
	/* The flags come with smaps and are wanted as soon as a mapping is opened. */
	want->space_needs |= vm_grid_needs(&((struct mappings_state *)st)->grid) | VM_NEED(SMAPS) | VM_NEED(FLAGS);
}

static void feed(struct vm_ui *ui, void *st)
{
	const struct vm_aspace *as = ui->frame.space;
	vm_grid_fill(&((struct mappings_state *)st)->grid, as->map, as->nmaps, sizeof(*as->map), NULL, NULL);
}

static void draw(struct vm_ui *ui, void *st, int y, int h)
{
	struct vm_grid *g = &((struct mappings_state *)st)->grid;
	const int used = vm_ui_draw_filtered(ui, g, y, " mappings");
	vm_ui_draw_grid(ui, g, y + used, h - used);
}

static unsigned act(struct vm_ui *ui, void *st, enum vm_action act)
{
	const struct vm_mapping *m = vm_grid_selected(&((struct mappings_state *)st)->grid);
	return act == VM_ACT_OPEN && m ? vm_mapping_open(ui, m) : VM_DO_NOTHING;
}

static struct vm_grid *grid(void *st)
{
	return &((struct mappings_state *)st)->grid;
}

const struct vm_tab vm_tab_mappings = {
	.name = "Mappings", .help = "the mappings of its address space", .key = '2', .scope = VM_IN_TAB_LIST,
	.size = sizeof(struct mappings_state), .init = init, .fini = fini, .reset = reset, .want = want, .feed = feed,
	.draw = draw, .act = act, .grid = grid,
};
