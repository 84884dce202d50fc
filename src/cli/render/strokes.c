#include "cli/render/strokes.h"

#include <math.h>

static const char *const shades_utf8[] = { " ", "░", "▒", "▓", "█" };
static const char *const shades_ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "%", "@" };

enum { EIGHTHS = 8 };

const char *const *vm_shades(bool utf8, unsigned *steps)
{
	*steps = (unsigned)((utf8 ? sizeof(shades_utf8) : sizeof(shades_ascii)) / sizeof(shades_ascii[0])) - 1;
	return utf8 ? shades_utf8 : shades_ascii;
}

unsigned vm_log_step(uint64_t value, uint64_t most, unsigned steps)
{
	if (value == 0 || steps == 0)
		return 0;
	if (value >= most)
		return steps;
	/* A value that lies on a step's border belongs to the upper step, however logarithms round. */
	const unsigned below = (unsigned)(steps * log((double)value) / log((double)most) + 1e-9);
	return below < steps ? below + 1 : steps;
}

size_t vm_bar_put(struct vm_buf *out, double share, size_t width, bool utf8)
{
	/* The left seven eighths, six eighths and so on of a cell. */
	static const char *const part[EIGHTHS] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	if (!(share > 0) || width == 0)
		return 0;
	const size_t unit = utf8 ? EIGHTHS : 1, full = width * unit;
	size_t n = share >= 1 ? full : (size_t)(share * (double)full + 0.5);
	if (n == 0)
		n = 1;
	for (size_t i = 0; i < n / unit; i++)
		vm_buf_add_str(out, utf8 ? "█" : "#");
	if (n % unit)
		vm_buf_add_str(out, part[n % unit]);
	return n / unit + (n % unit != 0);
}

/** The greatest value of column `x` of `columns`, which share n values among them. */
static uint64_t column_value(const uint64_t *v, size_t n, size_t x, size_t columns)
{
	/* n * x as two products, which don't overflow. */
	const size_t whole = n / columns, rest = n % columns;
	const size_t from = whole * x + rest * x / columns, to = whole * (x + 1) + rest * (x + 1) / columns;
	uint64_t most = 0;
	for (size_t i = from; i < to; i++)
		if (v[i] > most)
			most = v[i];
	return most;
}

size_t vm_spark_put(struct vm_buf *out, const uint64_t *v, size_t n, size_t width, bool utf8)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const char *const *ink = utf8 ? blocks : shades_ascii;
	const double steps = (double)((utf8 ? sizeof(blocks) : sizeof(shades_ascii)) / sizeof(blocks[0])) - 1;
	const size_t columns = n < width ? n : width;
	if (columns == 0)
		return 0;
	const double most = (double)column_value(v, n, 0, 1);
	for (size_t x = 0; x < columns; x++) {
		const uint64_t value = column_value(v, n, x, columns);
		vm_buf_add_str(out, ink[value ? (size_t)ceil((double)value / most * steps) : 0]);
	}
	return columns;
}
