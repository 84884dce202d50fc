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

/**
 * Leave out columns for which a line like `row` has no room in `width`, those to the right first, but a text at the end that may
 * be cut.  Their indexes into the set are in out[], how many is returned.
 */
size_t vm_lines_fit(struct vm_columns *cols, const struct vm_fieldset *set, const void *row, unsigned width, bool exact,
		    struct vm_columns *out);

/** The next line, of a row.  A text at its end is cut to r->style.width, if that isn't 0. */
void vm_lines_put(struct vm_lines *l, struct vm_report *r, const struct vm_view *view, const void *row);

#endif
