#include "cli/tui/canvas.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/text.h"
#include "core/base/str.h"
#include "core/field/field.h"

int vm_canvas_reset(struct vm_canvas *c, int w, int h)
{
	size_t need = w > 0 && h > 0 ? (size_t)w * (size_t)h : 0;
	if (need > c->cap) {
		struct vm_cell *cell = realloc(c->cell, need * sizeof(*cell));
		if (!cell) {
			c->w = c->h = 0;
			return -ENOMEM;
		}
		c->cell = cell;
		c->cap = need;
	}
	c->w = need ? w : 0;
	c->h = need ? h : 0;
	for (size_t i = 0; i < need; i++)
		c->cell[i] = (struct vm_cell){ ' ', VM_TINT_NORMAL, 1 };
	return 0;
}

void vm_canvas_free(struct vm_canvas *c)
{
	free(c->cell);
	vm_buf_free(&c->tmp);
	*c = (struct vm_canvas){ 0 };
}

static struct vm_cell *cell_at(struct vm_canvas *c, int x, int y)
{
	return x >= 0 && y >= 0 && x < c->w && y < c->h ? &c->cell[(size_t)y * (size_t)c->w + (size_t)x] : NULL;
}

/** Columns that the terminal gives the character; what it has no glyph for becomes a '?'. */
static int width_of(const struct vm_canvas *c, uint32_t *ch)
{
	if (*ch >= 0x20 && *ch < 0x7f)
		return 1;
	if (c->utf8 && *ch)
		return (int)vm_char_width(*ch);
	*ch = '?';
	return 1;
}

/** Half of a wide character can't be shown: blank the other half when one is overwritten. */
static void mend(struct vm_canvas *c, int x, int y)
{
	struct vm_cell *here = cell_at(c, x, y), *left = cell_at(c, x - 1, y), *right = cell_at(c, x + 1, y);
	if (here && here->width == 0 && left)
		*left = (struct vm_cell){ ' ', left->tint, 1 };
	if (here && here->width == 2 && right)
		*right = (struct vm_cell){ ' ', right->tint, 1 };
}

static void put(struct vm_canvas *c, int x, int y, uint32_t ch, int width, enum vm_tint tint)
{
	if (!cell_at(c, x, y) || (width == 2 && !cell_at(c, x + 1, y)))
		return;
	mend(c, x, y);
	*cell_at(c, x, y) = (struct vm_cell){ ch, (uint8_t)tint, (uint8_t)width };
	if (width == 2) {
		mend(c, x + 1, y);
		*cell_at(c, x + 1, y) = (struct vm_cell){ 0, (uint8_t)tint, 0 };
	}
}

/** Text made harmless, in c->tmp. */
static const char *safe_text(struct vm_canvas *c, const char *text)
{
	c->tmp.n = 0;
	vm_text_put(&c->tmp, text);
	return vm_buf_str(&c->tmp);
}

/** Write (unless x < 0 means measure only) up to `max` columns of safe text. */
static int walk(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *s, bool draw)
{
	int at = 0;
	for (size_t left = strlen(s), used; left; s += used, left -= used) {
		uint32_t ch = vm_utf8_next(s, left, &used);
		int w = width_of(c, &ch);
		if (w == 0)
			continue;
		if (at + w > max)
			break;
		if (draw)
			put(c, x + at, y, ch, w, tint);
		at += w;
	}
	return at;
}

int vm_canvas_text(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *text)
{
	return walk(c, x, y, max, tint, safe_text(c, text), true);
}

int vm_canvas_textf(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return vm_canvas_text(c, x, y, max, tint, text);
}

int vm_canvas_text_width(struct vm_canvas *c, const char *text)
{
	return walk(c, 0, 0, 1 << 20, VM_TINT_NORMAL, safe_text(c, text), false);
}

void vm_canvas_right(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *text)
{
	int w = vm_canvas_text_width(c, text);
	int skip = w < max ? max - w : 0;
	vm_canvas_text(c, x + skip, y, max - skip, tint, text);
}

void vm_canvas_fill(struct vm_canvas *c, int x, int y, int n, enum vm_tint tint, uint32_t ch)
{
	for (int i = 0; i < n; i++)
		put(c, x + i, y, ch, 1, tint);
}

void vm_canvas_tint(struct vm_canvas *c, int x, int y, int n, enum vm_tint tint)
{
	for (int i = 0; i < n; i++) {
		struct vm_cell *cell = cell_at(c, x + i, y);
		if (cell)
			cell->tint = (uint8_t)tint;
	}
}

uint32_t vm_canvas_bar_glyph(const struct vm_canvas *c, size_t part, char letter)
{
	/* Full block, its dark, medium and light shades, two quadrants, halves, and a dot. */
	static const uint32_t shade[] = { 0x2588, 0x2593, 0x2592, 0x2591, 0x259a, 0x2584, 0x2580, 0xb7 };
	if (!c->utf8)
		return (uint32_t)(unsigned char)letter;
	return c->color ? shade[0] : shade[part % (sizeof(shade) / sizeof(shade[0]))];
}

void vm_canvas_bar(struct vm_canvas *c, int x, int y, int w, double full, const struct vm_bar_part *part,
		   size_t nparts)
{
	if (w < 3)
		return;
	put(c, x, y, '[', 1, VM_TINT_BOLD);
	put(c, x + w - 1, y, ']', 1, VM_TINT_BOLD);
	int room = w - 2, at = 0;
	double sum = 0;
	for (size_t i = 0; i < nparts && full > 0; i++) {
		if (!(part[i].value > 0))
			continue;
		sum += part[i].value;
		double end = sum / full * room;
		if (end > room)
			end = room;
		uint32_t glyph = vm_canvas_bar_glyph(c, i, part[i].letter);
		int whole = i + 1 == nparts ? (int)end : (int)(end + 0.5);
		for (; at < whole; at++)
			put(c, x + 1 + at, y, glyph, 1, part[i].tint);
		/* U+2588 is the full block, U+258F its left eighth. */
		int eighths = (int)((end - whole) * 8);
		if (i + 1 == nparts && c->utf8 && (c->color || i == 0) && eighths > 0 && at < room)
			put(c, x + 1 + at++, y, 0x2590 - (uint32_t)eighths, 1, part[i].tint);
	}
}

/** A column's height in one line, in eighths from 1 on: U+2581 is the lower eighth of a block, U+2588 all of it. */
static uint32_t eighths(const struct vm_canvas *c, int n)
{
	return c->utf8 ? 0x2580 + (uint32_t)n : (uint32_t)".:-=+*%#"[n - 1];
}

void vm_canvas_spark(struct vm_canvas *c, int x, int y, const float *v, size_t n, double floor, enum vm_tint tint)
{
	enum { LEVELS = 8 };
	double most = floor;
	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs((double)v[i]));
	for (size_t i = 0; i < n; i++) {
		const double height = fabs((double)v[i]);
		if (isnan(height) || height <= 0 || most <= 0)
			continue;
		const double part = height / most * LEVELS;
		const int level = part < 1 ? 0 : part >= LEVELS ? LEVELS - 1 : (int)part;
		put(c, x + (int)i, y, eighths(c, level + 1), 1, v[i] < 0 ? VM_TINT_DIM : tint);
	}
}

size_t vm_canvas_graph_values(const struct vm_canvas *c, int w, int h)
{
	return w < 1 ? 0 : (size_t)w * (c->utf8 && h > 1 ? 2 : 1);
}

/** How many of `steps` a value fills: all that isn't zero is seen. */
static int steps_of(float v, double full, int steps)
{
	if (isnan(v) || v <= 0 || full <= 0)
		return 0;
	const double part = (double)v / full * steps;
	return part < 1 ? 1 : part >= steps ? steps : (int)(part + 0.5);
}

/** Two values in one column, of which each has four dots in a line. */
static void put_dots(struct vm_canvas *c, int x, int y, int h, int left, int right, enum vm_tint tint)
{
	/* Dots from the bottom up, as U+2800 counts them. */
	static const uint32_t dots[2][5] = { { 0, 0x40, 0x44, 0x46, 0x47 }, { 0, 0x80, 0xa0, 0xb0, 0xb8 } };
	for (int line = 0; line < h; line++, left -= 4, right -= 4) {
		const uint32_t ch = dots[0][left < 0 ? 0 : left > 4 ? 4 : left] | dots[1][right < 0 ? 0 : right > 4 ? 4 : right];
		if (ch)
			put(c, x, y + h - 1 - line, 0x2800 + ch, 1, tint);
	}
}

/** One value in one column. */
static void put_column(struct vm_canvas *c, int x, int y, int h, float v, double full, enum vm_tint tint)
{
	int left = steps_of(v, full, 8 * h);
	for (int line = 0; line < h && left > 0; line++, left -= 8)
		put(c, x, y + h - 1 - line, eighths(c, left < 8 ? left : 8), 1, tint);
}

void vm_canvas_graph(struct vm_canvas *c, int x, int y, int w, int h, const float *v, double full, enum vm_tint tint)
{
	for (int i = 0; i < w; i++) {
		if (c->utf8 && h > 1)
			put_dots(c, x + i, y, h, steps_of(v[i * 2], full, h * 4), steps_of(v[i * 2 + 1], full, h * 4), tint);
		else
			put_column(c, x + i, y, h, v[i], full, tint);
	}
}

void vm_utf8_put(struct vm_buf *out, uint32_t ch)
{
	char s[4];
	size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n; i-- > 1; ch >>= 6)
		s[i] = (char)(0x80 | (ch & 0x3f));
	s[0] = (char)(ch | lead[n]);
	vm_buf_add(out, s, n);
}

void vm_canvas_dump(const struct vm_canvas *c, struct vm_buf *out)
{
	for (int y = 0; y < c->h; y++) {
		const struct vm_cell *row = &c->cell[(size_t)y * (size_t)c->w];
		int end = c->w;
		while (end && (row[end - 1].ch == ' '))
			end--;
		for (int x = 0; x < end; x++)
			if (row[x].width)
				vm_utf8_put(out, row[x].ch);
		vm_buf_add_char(out, '\n');
	}
}
