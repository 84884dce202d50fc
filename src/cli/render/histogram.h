/** A distribution of times as rows of a table with bars. */
#ifndef VM_RENDER_HISTOGRAM_H
#define VM_RENDER_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

struct vm_buf;
struct vm_style;

/** How many values there were from `low` to just below `high`, in ns. */
struct vm_histogram_row {
	uint64_t low, high, count;
};

/**
 * One line a row: its range, its count and a bar, of which the longest fills what is left of the style's width (80 if it
 * has none).  Empty rows before the first and after the last that aren't are left out; without any, nothing is
 * appended.  Rows come ascending.
 */
void vm_histogram_put(struct vm_buf *out, const struct vm_histogram_row *row, size_t n, const struct vm_style *style);

#endif
