/**
 * A table that goes on: a line now and then, of which nobody knows how wide those to come will be.
 *
 * Columns are as wide as what usually comes, and as what came; the headings come again with every screen.
 */
#ifndef VM_RENDER_LINES_H
#define VM_RENDER_LINES_H

#include <stddef.h>

#include "cli/render/report.h"

/** Zero-initialised it is at its beginning. */
struct vm_lines {
	/** Lines between two headings; 0: one at the beginning only. */
	size_t every;
	size_t n;                  /* lines so far */
	size_t width[VM_COLUMNS_MAX];
};

/** How many of the view's columns fit into `width`, at least one; 0 is unlimited. */
size_t vm_lines_fitting(const struct vm_view *view, unsigned width, bool exact);

/** The next line, of a row. */
void vm_lines_put(struct vm_lines *l, struct vm_report *r, const struct vm_view *view, const void *row);

#endif
