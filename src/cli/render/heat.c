#include "cli/render/heat.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/render/report.h"
#include "cli/render/strokes.h"
#include "cli/render/text.h"

enum { USUAL_WIDTH = 80, LEAST_CELLS = 8, LABEL_MOST = 32, WIDEST_CELL = 8 };

/** Blue to yellow by way of green, each brighter than the one before: in order for colour-blind eyes, and none so dark or
    so bright that it is lost on black or on white. */
static const unsigned char palette[] = { 18, 20, 25, 31, 37, 78, 149, 220 };
enum { COLORS = sizeof(palette) };

struct plot {
	const struct vm_heat *h;
	const struct vm_style *style;
	struct vm_buf *out;
	bool halves;               /* a line shows two rows: upper and lower half block */
	size_t label, room;        /* columns of the labels, and for cells */
	size_t per_row, per_col;   /* rows and columns of the counts that a cell adds up */
	size_t rows, cols;         /* cells */
	size_t lines, wide;        /* lines of cells; columns of the terminal that a cell takes */
	uint64_t most;             /* of a cell */
	unsigned steps;
	unsigned fg, bg;           /* as the terminal has them now: steps, 0 is its own */
};

static size_t divide_up(size_t a, size_t b)
{
	return a / b + (a % b != 0);
}

static uint64_t cell(const struct plot *p, size_t y, size_t x)
{
	const struct vm_heat *h = p->h;
	uint64_t sum = 0;
	for (size_t r = y * p->per_row; r < (y + 1) * p->per_row && r < h->rows; r++)
		for (size_t c = x * p->per_col; c < (x + 1) * p->per_col && c < h->cols; c++)
			if (__builtin_add_overflow(sum, h->count[r * h->cols + c], &sum))
				return UINT64_MAX;
	return sum;
}

static unsigned step(const struct plot *p, size_t y, size_t x)
{
	return y < p->rows ? vm_log_step(cell(p, y, x), p->most, p->steps) : 0;
}

/* ---- Size -------------------------------------------------------------------------------------------------------- */

static size_t shown_width(const char *text)
{
	struct vm_buf b = { 0 };
	vm_text_put(&b, text);
	const size_t w = vm_text_width(vm_buf_str(&b), b.n);
	vm_buf_free(&b);
	return w;
}

static size_t label_width(const struct vm_heat *h, size_t width)
{
	const size_t limit = width / 3 < LABEL_MOST ? width / 3 : LABEL_MOST;
	size_t most = 0;
	for (size_t i = 0; i < h->row_ticks; i++) {
		const size_t w = shown_width(h->row_tick[i].text);
		if (w > most)
			most = w;
	}
	return most < limit ? most : limit;
}

static void measure(struct plot *p)
{
	const struct vm_heat *h = p->h;
	const size_t width = p->style->width ? p->style->width : USUAL_WIDTH;
	p->halves = p->style->color && p->style->utf8;
	if (p->style->color)
		p->steps = COLORS;
	else
		vm_shades(p->style->utf8, &p->steps);
	p->label = label_width(h, width);
	/* A blank and the axis stand between. */
	p->room = width > p->label + 2 + LEAST_CELLS ? width - p->label - 2 : LEAST_CELLS;
	const size_t lines = h->max_lines ? h->max_lines : h->rows, high = p->halves ? 2 : 1;
	p->per_row = divide_up(h->rows, lines * high);
	p->rows = divide_up(h->rows, p->per_row);
	p->lines = divide_up(p->rows, high);
	p->per_col = divide_up(h->cols, p->room);
	p->cols = divide_up(h->cols, p->per_col);
	p->wide = p->room / p->cols < WIDEST_CELL ? p->room / p->cols : WIDEST_CELL;
	for (size_t y = 0; y < p->rows; y++)
		for (size_t x = 0; x < p->cols; x++) {
			const uint64_t c = cell(p, y, x);
			if (c > p->most)
				p->most = c;
		}
}

/* ---- Cells ------------------------------------------------------------------------------------------------------- */

static void put_n(struct plot *p, const char *s, size_t n)
{
	while (n--)
		vm_buf_add_str(p->out, s);
}

static void set_color(struct plot *p, unsigned *now, unsigned to, const char *ground, const char *none)
{
	if (*now == to)
		return;
	*now = to;
	if (to)
		vm_buf_addf(p->out, "\033[%s;5;%um", ground, palette[to - 1]);
	else
		vm_buf_addf(p->out, "\033[%sm", none);
}

static void set_fg(struct plot *p, unsigned to)
{
	set_color(p, &p->fg, to, "38", "39");
}

static void set_bg(struct plot *p, unsigned to)
{
	set_color(p, &p->bg, to, "48", "49");
}

/** Two cells, one above the other. */
static void put_halves(struct plot *p, unsigned upper, unsigned lower)
{
	if (!upper && !lower) {
		set_bg(p, 0);
		put_n(p, " ", p->wide);
	} else if (!upper) {
		set_bg(p, 0);
		set_fg(p, lower);
		put_n(p, "▄", p->wide);
	} else {
		set_fg(p, upper);
		set_bg(p, lower);
		put_n(p, "▀", p->wide);
	}
}

static void put_shade(struct plot *p, unsigned s, size_t n)
{
	unsigned steps;
	const char *const *shade = vm_shades(p->style->utf8, &steps);
	if (p->style->color)
		set_bg(p, s);
	put_n(p, p->style->color ? " " : shade[s], n);
}

static void end_color(struct plot *p)
{
	set_fg(p, 0);
	set_bg(p, 0);
}

static void put_cells(struct plot *p, size_t line)
{
	for (size_t x = 0; x < p->cols; x++) {
		if (p->halves)
			put_halves(p, step(p, line * 2, x), step(p, line * 2 + 1, x));
		else
			put_shade(p, step(p, line, x), p->wide);
	}
	end_color(p);
}

/* ---- Words ------------------------------------------------------------------------------------------------------- */

/** As much of the text as fits. */
static void put_fit(struct plot *p, const char *text, size_t width)
{
	struct vm_buf b = { 0 };
	vm_text_put(&b, text);
	vm_buf_add(p->out, b.s, vm_text_fit(vm_buf_str(&b), b.n, width));
	vm_buf_free(&b);
}

/** Against the right end of `width` columns.  Of a path that is too long the end tells more. */
static void put_right(struct plot *p, const char *text, size_t width)
{
	const char *dots = p->style->utf8 ? "…" : "..";
	const size_t dots_width = p->style->utf8 ? 1 : 2;
	struct vm_buf b = { 0 };
	vm_text_put(&b, text);
	const char *s = vm_buf_str(&b);
	size_t len = b.n, w = vm_text_width(s, len);
	if (w > width) {
		const size_t room = width > dots_width ? width - dots_width : 0;
		/* Not into the middle of a character. */
		while (len && (vm_text_width(s, len) > room || (*s & 0xc0) == 0x80)) {
			s++;
			len--;
		}
		w = vm_text_width(s, len) + dots_width;
	}
	vm_buf_add_fill(p->out, ' ', width > w ? width - w : 0);
	if (len < b.n)
		vm_buf_add_str(p->out, dots);
	vm_buf_add(p->out, s, len);
	vm_buf_free(&b);
}

/** What was counted in the rows from `from` to before `to`. */
static uint64_t sum_rows(const struct vm_heat *h, size_t from, size_t to)
{
	uint64_t sum = 0;
	for (size_t i = from * h->cols; i < to * h->cols; i++)
		if (__builtin_add_overflow(sum, h->count[i], &sum))
			return UINT64_MAX;
	return sum;
}

/** Of the ticks from `first` to before `to` the one whose rows, up to the next tick or to `end`, have the most. */
static size_t biggest_tick(const struct vm_heat *h, size_t first, size_t to, size_t end)
{
	size_t best = first;
	uint64_t most = 0;
	for (size_t i = first; i < to && to > first + 1; i++) {
		const uint64_t n = sum_rows(h, h->row_tick[i].at, i + 1 < to ? h->row_tick[i + 1].at : end);
		if (n > most) {
			most = n;
			best = i;
		}
	}
	return best;
}

/** The ticks of a line: one, and how many more there are.  *next is the first that isn't drawn yet. */
static bool put_row_label(struct plot *p, size_t line, size_t *next)
{
	const struct vm_heat *h = p->h;
	const size_t behind = (line + 1) * p->per_row * (p->halves ? 2 : 1), end = behind < h->rows ? behind : h->rows;
	const size_t first = *next;
	char more[VM_NUMBUF + 2] = "";
	while (*next < h->row_ticks && h->row_tick[*next].at < end)
		++*next;
	if (*next == first) {
		vm_buf_add_fill(p->out, ' ', p->label);
		return false;
	}
	if (*next > first + 1)
		snprintf(more, sizeof(more), " +%zu", *next - first - 1);
	const size_t n = strlen(more) < p->label ? strlen(more) : 0;
	put_right(p, h->row_tick[biggest_tick(h, first, *next, end)].text, p->label - n);
	vm_buf_add(p->out, more, n);
	return true;
}

static size_t tick_column(const struct plot *p, size_t i)
{
	return p->h->col_tick[i].at / p->per_col * p->wide;
}

static void put_time_axis(struct plot *p)
{
	const struct vm_heat *h = p->h;
	const char *line = p->style->utf8 ? "─" : "-", *tick = p->style->utf8 ? "┬" : "+";
	vm_buf_add_fill(p->out, ' ', p->label + 1);
	vm_buf_add_str(p->out, p->style->utf8 ? "└" : "+");
	size_t at = 0;
	for (size_t x = 0; x < p->cols * p->wide; x++) {
		while (at < h->col_ticks && tick_column(p, at) < x)
			at++;
		vm_buf_add_str(p->out, at < h->col_ticks && tick_column(p, at) == x ? tick : line);
	}
	vm_buf_add_char(p->out, '\n');
	if (!h->col_ticks)
		return;
	vm_buf_add_fill(p->out, ' ', p->label + 2);
	size_t x = 0;
	for (size_t i = 0; i < h->col_ticks; i++) {
		const size_t from = tick_column(p, i), w = shown_width(h->col_tick[i].text);
		/* A text that would touch the one before, or stand out of the picture, is left out. */
		if ((x && from < x + 1) || from + w > p->room)
			continue;
		vm_buf_add_fill(p->out, ' ', from - x);
		put_fit(p, h->col_tick[i].text, w);
		x = from + w;
	}
	vm_buf_add_char(p->out, '\n');
}

static void put_legend(struct plot *p)
{
	const struct vm_heat *h = p->h;
	char size[VM_NUMBUF], time[VM_NUMBUF];
	vm_buf_addf(p->out, "%s in a cell", h->unit);
	if (h->row_bytes)
		vm_buf_addf(p->out, " of %s", vm_format_size(h->row_bytes * p->per_row, size));
	if (h->col_ns)
		vm_buf_addf(p->out, " %s %s", h->row_bytes ? "by" : "of",
			    vm_format_duration(h->col_ns * p->per_col, time));
	vm_buf_add_str(p->out, ": ");
	if (p->most > 1)
		vm_buf_add_str(p->out, "1 ");
	for (unsigned s = p->most > 1 ? 1 : p->steps; s <= p->steps && p->most; s++) {
		if (p->halves) {
			set_fg(p, s);
			vm_buf_add_str(p->out, "█");
		} else {
			put_shade(p, s, 1);
		}
	}
	end_color(p);
	if (p->most)
		vm_buf_addf(p->out, " %llu%s\n", (unsigned long long)p->most, p->most > 1 ? ", log scale" : "");
	else
		vm_buf_add_str(p->out, "none\n");
}

void vm_heat_put(struct vm_buf *out, const struct vm_heat *h, const struct vm_style *style)
{
	struct plot p = { .h = h, .style = style, .out = out };
	size_t next = 0;
	if (!h->rows || !h->cols)
		return;
	measure(&p);
	if (h->title && h->title[0]) {
		put_fit(&p, h->title, p.label + 2 + p.room);
		vm_buf_add_char(out, '\n');
	}
	for (size_t line = 0; line < p.lines; line++) {
		const bool ticked = put_row_label(&p, line, &next);
		vm_buf_add_char(out, ' ');
		vm_buf_add_str(out, style->utf8 ? ticked ? "┤" : "│" : ticked ? "+" : "|");
		put_cells(&p, line);
		vm_buf_add_char(out, '\n');
	}
	put_time_axis(&p);
	put_legend(&p);
}

/* ---- Scales ------------------------------------------------------------------------------------------------------ */

static void add_tick(struct vm_heat_scale *s, size_t at, uint64_t ns)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
	};
	size_t u = 0;
	if (s->n == VM_HEAT_TICKS_MOST)
		return;
	while (ns % units[u].ns)
		u++;
	snprintf(s->text[s->n], VM_NUMBUF, "%llu%s", (unsigned long long)(ns / units[u].ns), units[u].name);
	s->tick[s->n] = (struct vm_heat_tick){ .at = at, .text = s->text[s->n] };
	s->n++;
}

void vm_heat_time_scale(struct vm_heat_scale *s, uint64_t span_ns, size_t cols)
{
	static const unsigned char round[] = { 2, 5, 10 };
	uint64_t ten = 1, unit = 1;
	s->n = 0;
	if (!span_ns || !cols)
		return;
	/* The smallest 1, 2 or 5 of a power of ten that goes into the span twelve times at most. */
	for (size_t i = 0; span_ns / unit > 12; i++) {
		unit = ten * round[i % 3];
		if (i % 3 == 2)
			ten *= 10;
	}
	for (uint64_t t = 0; t < span_ns; t += unit) {
		add_tick(s, (size_t)((double)t / (double)span_ns * (double)cols + 1e-9), t);
		if (s->n == VM_HEAT_TICKS_MOST)
			break;
	}
}

size_t vm_heat_latency_row(const struct vm_heat_latency *l, uint64_t ns)
{
	if (ns <= l->low)
		return l->rows - 1;
	const double share = log((double)ns / (double)l->low) / log((double)l->high / (double)l->low);
	/* What lies on a border, such as a power of ten, belongs to the row above it, however logarithms round. */
	const double row = share * (double)l->rows + 1e-9;
	return row >= (double)l->rows ? 0 : l->rows - 1 - (size_t)row;
}

void vm_heat_latency_scale(struct vm_heat_scale *s, const struct vm_heat_latency *l)
{
	uint64_t ten = 1;
	s->n = 0;
	while (ten < UINT64_MAX / 10 && ten * 10 <= l->high)
		ten *= 10;
	/* Rows go down. */
	for (; ten >= l->low && ten; ten /= 10)
		add_tick(s, vm_heat_latency_row(l, ten), ten);
}
