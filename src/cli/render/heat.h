/**
 * A heat map for the terminal: counts over two axes, such as addresses or latencies by time, as shades.
 *
 * Shades follow the logarithm of the count.  Nothing is blank, and only nothing is.
 */
#ifndef VM_RENDER_HEAT_H
#define VM_RENDER_HEAT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

struct vm_buf;
struct vm_style;

/** A word beside an axis, at a row or column of the counts. */
struct vm_heat_tick {
	size_t at;
	const char *text;          /* any bytes; shown escaped, and cut where there is no room */
};

/** The caller owns everything. */
struct vm_heat {
	const char *title;         /* NULL or "": none */
	const char *unit;          /* what is counted: "faults" */
	const uint64_t *count;     /* rows * cols of them, row after row, the first row on top */
	size_t rows, cols;
	/** Ascending by `at`.  If several fall on a line, that is shown whose rows have the most, and how many others. */
	const struct vm_heat_tick *row_tick, *col_tick;
	size_t row_ticks, col_ticks;
	/** What a row and a column are, for the legend: bytes and ns; 0: isn't said. */
	uint64_t row_bytes, col_ns;
	size_t max_lines;          /* of cells; 0: as many as there are rows */
};

/**
 * Draw it, no wider than the style's width (80 if it has none).  Rows or columns that are too many are added up, equally
 * many for each cell; few columns are drawn wider.
 */
void vm_heat_put(struct vm_buf *out, const struct vm_heat *h, const struct vm_style *style);

/** Ticks with the memory of their texts. */
enum { VM_HEAT_TICKS_MOST = 16 };
struct vm_heat_scale {
	struct vm_heat_tick tick[VM_HEAT_TICKS_MOST];
	char text[VM_HEAT_TICKS_MOST][VM_NUMBUF];
	size_t n;
};

/** Round times along `cols` columns that cover `span_ns`: "0s", "2s", "4s" and so on, from six to a dozen or so. */
void vm_heat_time_scale(struct vm_heat_scale *s, uint64_t span_ns, size_t cols);

/** Rows of latencies, logarithmic from `low` (the bottom) to `high` (the top) ns. */
struct vm_heat_latency {
	uint64_t low, high;        /* 0 < low < high */
	size_t rows;
};

/** The row of a latency; what is beyond an end is in the row at that end. */
size_t vm_heat_latency_row(const struct vm_heat_latency *l, uint64_t ns);

/** The powers of ten from low to high: "1us", "10us", ... */
void vm_heat_latency_scale(struct vm_heat_scale *s, const struct vm_heat_latency *l);

#endif
