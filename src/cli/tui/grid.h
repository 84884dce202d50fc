/** A list of rows with columns: sorted, filtered, searched, tagged and scrolled. */
#ifndef VM_TUI_GRID_H
#define VM_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/tui/canvas.h"
#include "cli/tui/keys.h"
#include "core/base/vec.h"
#include "core/field/field.h"

struct vm_buf;
struct vm_err;
struct vm_filter;
struct vm_history;
struct vm_levels;
struct vm_threshold;

enum { VM_GRID_TEXT = 160 };

/** Of a kind of rows; constant. */
struct vm_grid_class {
	const struct vm_fieldset *set;
	/** What stays the same of a row from refresh to refresh; never 0. */
	uint64_t (*key)(const void *row);
	/** The column that search and plain filters look into, and what # sorts by. */
	const char *text, *id;
	/** Columns to begin with; NULL: the defaults of the set. */
	const char *usual;
	/** The text is a path: cut it at its beginning. */
	bool paths;
	/** What makes a tree of rows: a number of each, and that of the one above it (0: none).  NULL: they are none. */
	uint64_t (*id_of)(const void *row);
	uint64_t (*parent_of)(const void *row);
};

/** Keys of rows, ascending. */
struct vm_keys {
	VM_VEC(uint64_t) v;
};
bool vm_keys_have(const struct vm_keys *k, uint64_t key);
/** Take it away if it is there, else add it. */
void vm_keys_toggle(struct vm_keys *k, uint64_t key);

/** Where a row is in the tree. */
struct vm_grid_place {
	uint32_t rows;             /* below it, itself included: they follow it */
	unsigned depth;
	uint64_t rails;            /* bit d: lines of depth d go on below it */
	bool last;                 /* of its siblings */
};

struct vm_grid {
	const struct vm_grid_class *class;
	const struct vm_field *text, *id;
	struct vm_columns cols;
	struct vm_sort sort;
	bool exact;
	/** To look at, not to walk through: no row is selected. */
	bool still;
	/** As the user typed it; an expression is compiled into `filter`, else it is looked for in the
	    text column. */
	char filter_text[VM_GRID_TEXT];
	struct vm_filter *filter;
	bool plain;
	char search[VM_GRID_TEXT];
	/** The rows shown, in order; borrowed. */
	VM_VEC(const void *) rows;
	/** The same with the members of folded ones; as a tree with each row's place, and for each of `rows` where in `all` it is. */
	VM_VEC(const void *) all;
	VM_VEC(struct vm_grid_place) place;
	VM_VEC(uint32_t) from;
	bool tree;
	/** Of the same rows; NULL: no sparklines, no colours. */
	const struct vm_history *history;
	const struct vm_levels *levels;
	size_t offered;            /* rows before the filter */
	struct vm_keys tags, folds;
	size_t sel, top;
	/** The selection sticks to its row, once it was moved there; before, to the first line. */
	uint64_t held;
	unsigned left;             /* columns scrolled out behind the first */
	/* As drawn last: for paging, the mouse and steady widths. */
	int x, y, w, h;
	uint16_t width[VM_COLUMNS_MAX];
	struct vm_grid_span {
		int x, w, col;
		bool spark;                            /* the column's past is drawn, where there is room */
		const struct vm_threshold *threshold;  /* or NULL */
	} span[VM_COLUMNS_MAX];
	unsigned nspans;
};

int vm_grid_init(struct vm_grid *g, const struct vm_grid_class *class, const char *columns, const char *sort,
		 struct vm_err *err);
/** Zeroed it is nothing to free. */
void vm_grid_free(struct vm_grid *g);
/** Other rows: drop them, filter, tags and selection; columns and order stay. */
void vm_grid_forget(struct vm_grid *g);
/** Show these columns, as of -o; NULL: those to begin with.  0, or -EINVAL (the old ones stay). */
int vm_grid_set_columns(struct vm_grid *g, const char *spec, struct vm_err *err);
void vm_grid_use_columns(struct vm_grid *g, const struct vm_columns *cols);
/** Names of the columns that are shown, as of -o. */
void vm_grid_put_columns(const struct vm_grid *g, struct vm_buf *b);

/** What must be read for it. */
uint32_t vm_grid_needs(const struct vm_grid *g);

/**
 * Take new rows: rows[i] for which `accepts` (may be NULL) and the filter hold.  The selection stays
 * on its row.  0 or -ENOMEM.
 */
int vm_grid_fill(struct vm_grid *g, const void *rows, size_t n, size_t size,
		 bool (*accepts)(const void *ctx, const void *row), const void *ctx);

/** Set the filter; 0, or -EINVAL if an expression isn't complete (the old one stays). */
int vm_grid_filter(struct vm_grid *g, const char *text, struct vm_err *err);

/** Select the next row (step 1 or -1; `from` counts 0: the selected one included) that holds g->search. */
bool vm_grid_find(struct vm_grid *g, int step, int from);

/** Sort by a column by name; false if there is none such. */
bool vm_grid_sort_by(struct vm_grid *g, const char *name);

/** Do what all lists do; false: not one of these. */
bool vm_grid_act(struct vm_grid *g, enum vm_action act);

/** There are no rows any more, whatever comes next. */
void vm_grid_clear(struct vm_grid *g);

/** Sum of what is known of a field over rows; VM_T_ABSENT: of none. */
struct vm_value vm_grid_sum(const struct vm_field *f, const void *const *rows, size_t n);

/** The row's value, of a folded row the sum over its members where the field has one. */
struct vm_value vm_grid_value(const struct vm_grid *g, const struct vm_field *f, size_t at, struct vm_scratch *tmp);

/** grid_tree.c: order g->all, which is sorted, as a tree.  0 or -ENOMEM (then it isn't to be used). */
int vm_grid_grow_tree(struct vm_grid *g);
/** The place of the row in the tree; NULL: no tree. */
const struct vm_grid_place *vm_grid_place(const struct vm_grid *g, size_t at);
bool vm_grid_is_folded(const struct vm_grid *g, size_t at);
/** The rows that row `at` stands for: itself, or all below it where it is folded. */
size_t vm_grid_members(const struct vm_grid *g, size_t at, const void *const **rows);
/** Lines of the tree before the row's text. */
void vm_grid_put_rails(const struct vm_grid *g, size_t at, bool utf8, struct vm_buf *b);

/** The selected row, or NULL. */
const void *vm_grid_selected(const struct vm_grid *g);
bool vm_grid_is_tagged(const struct vm_grid *g, uint64_t key);

/** Select a row by its place in the list. */
void vm_grid_select(struct vm_grid *g, long at);

/** What is in the columns changed: forget their widths. */
void vm_grid_touch(struct vm_grid *g);

/** Draw headings and rows into the rectangle. */
void vm_grid_draw(struct vm_grid *g, struct vm_canvas *c, int x, int y, int w, int h);

/** A line with the sums of the tagged rows, below the columns as drawn last. */
void vm_grid_draw_tagged(const struct vm_grid *g, struct vm_canvas *c, int y);

/** A click: on a heading sorts (again: inverts), on a row selects.  True if it hit a row. */
bool vm_grid_click(struct vm_grid *g, int x, int y);

#endif
