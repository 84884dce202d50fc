#include "cli/render/histogram.h"

#include <string.h>

#include "cli/render/report.h"
#include "cli/render/strokes.h"
#include "core/base/str.h"

enum { USUAL_WIDTH = 80, LEAST_BAR = 8 };

/** Widths of what stands before the bars. */
struct layout {
	size_t low, high, count, bar;
	uint64_t most;
};

static size_t duration_width(uint64_t ns)
{
	char text[VM_NUMBUF];
	return strlen(vm_format_duration(ns, text));
}

static void widen(size_t *width, size_t to)
{
	if (*width < to)
		*width = to;
}

static struct layout measure(const struct vm_histogram_row *row, size_t n, size_t width)
{
	struct layout l = { 0 };
	for (size_t i = 0; i < n; i++) {
		widen(&l.low, duration_width(row[i].low));
		widen(&l.high, duration_width(row[i].high));
		if (row[i].count > l.most)
			l.most = row[i].count;
	}
	l.count = vm_u64_width(l.most);
	/* "LOW-HIGH | COUNT | BAR" */
	const size_t before = l.low + 1 + l.high + 3 + l.count + 3;
	l.bar = width > before + LEAST_BAR ? width - before : LEAST_BAR;
	return l;
}

void vm_histogram_put(struct vm_buf *out, const struct vm_histogram_row *row, size_t n, const struct vm_style *style)
{
	char low[VM_NUMBUF], high[VM_NUMBUF], count[VM_NUMBUF];
	const char *side = style->utf8 ? "│" : "|";
	for (; n && !row[0].count; row++)
		n--;
	while (n && !row[n - 1].count)
		n--;
	const struct layout l = measure(row, n, style->width ? style->width : USUAL_WIDTH);
	for (size_t i = 0; i < n; i++) {
		vm_buf_addf(out, "%*s-%-*s %s %*s %s", (int)l.low, vm_format_duration(row[i].low, low), (int)l.high,
			    vm_format_duration(row[i].high, high), side, (int)l.count, vm_format_u64(row[i].count, count),
			    side);
		if (row[i].count)
			vm_buf_add_char(out, ' ');
		vm_bar_put(out, (double)row[i].count / (double)l.most, l.bar, style->utf8);
		vm_buf_add_char(out, '\n');
	}
}
