#include "cli/vmtlb/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/render/report.h"
#include "core/base/buf.h"

enum { WIDTH = 80, WIDTH_LEAST = 20, WIDTH_MOST = 100, MARGIN = 6, EIGHTHS = 8, TICK = 4 };

/** What may reach beyond the shape: the last label and what it is of, or a mark. */
static const char BEYOND[] = "6K pages";

struct picture {
	struct vm_buf *out;
	const struct vm_tlb_curve *c;
	double from, to;           /* log2 of pages */
	size_t width;              /* columns of the shape */
	bool utf8;
};

static size_t column_of(const struct picture *p, double pages)
{
	const double at = (log2(pages) - p->from) / (p->to - p->from) * (double)p->width;
	return at < 0 ? 0 : at >= (double)p->width ? p->width - 1 : (size_t)at;
}

/** The curve in the middle of a column, between its points by the logarithm of pages. */
static double value_at(const struct picture *p, size_t column)
{
	const double at = p->from + ((double)column + 0.5) / (double)p->width * (p->to - p->from);
	const struct vm_tlb_point *v = p->c->v;
	size_t i = 1;
	while (i + 1 < p->c->n && log2(v[i].pages) < at)
		i++;
	const double a = log2(v[i - 1].pages), b = log2(v[i].pages), share = (at - a) / (b - a);
	return v[i - 1].ns + (share < 0 ? 0 : share > 1 ? 1 : share) * (v[i].ns - v[i - 1].ns);
}

/** A round number of ns that a line stands for. */
static double line_ns(const struct vm_tlb_curve *c, unsigned lines)
{
	static const double round[] = { 1, 1.5, 2, 2.5, 3, 4, 5, 10 };
	double most = 0;
	for (size_t i = 0; i < c->n; i++)
		most = c->v[i].ns > most ? c->v[i].ns : most;
	const double least = most > 0 ? most / lines : 1, power = pow(10, floor(log10(least)));
	size_t i = 0;
	while (i + 1 < sizeof(round) / sizeof(round[0]) && round[i] * power < least)
		i++;
	return round[i] * power;
}

static void put_cell(const struct picture *p, double share)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", " ", ".", ".", ".", ":", ":", ":", "#" };
	const long eighths = share <= 0 ? 0 : share >= 1 ? EIGHTHS : lround(share * EIGHTHS);
	vm_buf_add_str(p->out, (p->utf8 ? blocks : ascii)[eighths]);
}

static void put_shape(const struct picture *p, unsigned lines)
{
	const double ns = line_ns(p->c, lines);
	for (unsigned line = lines; line--;) {
		/* The upper edge of a line; every other one has its number. */
		if ((line + 1) % 2 == 0 || line + 1 == lines)
			vm_buf_addf(p->out, "%*.*f %s", MARGIN - 2, ns < 1 ? 1 : 0, ns * (line + 1), p->utf8 ? "┤" : "+");
		else
			vm_buf_addf(p->out, "%*s%s", MARGIN - 1, "", p->utf8 ? "│" : "|");
		for (size_t x = 0; x < p->width; x++)
			put_cell(p, value_at(p, x) / ns - line);
		vm_buf_add_char(p->out, '\n');
	}
}

/** Every fourth power of two has a tick. */
static void put_axis(const struct picture *p)
{
	char label[WIDTH_MOST + 16], text[16];
	memset(label, ' ', sizeof(label));
	size_t end = 0, tick = 0;
	double pages = exp2(ceil(p->from));
	vm_buf_addf(p->out, "%*s%s", MARGIN - 1, "0 ", p->utf8 ? "└" : "+");
	for (size_t x = 0; x < p->width; x++) {
		tick = log2(pages) <= p->to ? column_of(p, pages) : p->width;
		vm_buf_add_str(p->out, x == tick ? p->utf8 ? "┬" : "+" : p->utf8 ? "─" : "-");
		if (x != tick)
			continue;
		const int n = snprintf(text, sizeof(text), pages < 1024 ? "%.0f" : "%.0fK", pages < 1024 ? pages : pages / 1024);
		memcpy(label + x, text, (size_t)n);
		end = x + (size_t)n;
		pages *= TICK;
	}
	vm_buf_addf(p->out, "\n%*s%.*s pages\n", MARGIN, "", (int)end, label);
}

static void put_marks(const struct picture *p, const struct vmtlb_mark *mark, size_t marks)
{
	char line[WIDTH_MOST + 1], text[64];
	const size_t room = p->width + strlen(BEYOND);
	size_t end = 0;
	memset(line, ' ', sizeof(line));
	for (size_t i = 0; i < marks; i++) {
		if (!(mark[i].pages > 0))
			continue;
		const size_t at = column_of(p, mark[i].pages);
		size_t n = (size_t)snprintf(text, sizeof(text), "^ %s %.0f", mark[i].name, mark[i].pages);
		size_t from = at;
		if (at + n > room && n <= at + 1) {
			n = (size_t)snprintf(text, sizeof(text), "%s %.0f ^", mark[i].name, mark[i].pages);
			from = at + 1 - n;
		}
		if (from < end + (end > 0)) {
			vm_buf_addf(p->out, "%*s%.*s\n", MARGIN, "", (int)end, line);
			memset(line, ' ', sizeof(line));
		}
		n = from + n > room ? room - from : n;
		memcpy(line + from, text, n);
		end = from + n;
	}
	if (end)
		vm_buf_addf(p->out, "%*s%.*s\n", MARGIN, "", (int)end, line);
}

void vmtlb_picture_put(struct vm_buf *out, const struct vm_tlb_curve *c, const struct vmtlb_mark *mark, size_t marks,
		       unsigned lines, const struct vm_style *style)
{
	struct picture p = { .out = out, .c = c, .utf8 = style->utf8 };
	size_t width = style->width ? style->width : WIDTH;
	width = width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
	if (c->n < 2)
		return;
	p.width = width - MARGIN - strlen(BEYOND);
	p.from = log2(c->v[0].pages);
	p.to = log2(c->v[c->n - 1].pages);
	put_shape(&p, lines);
	put_axis(&p);
	put_marks(&p, mark, marks);
}
