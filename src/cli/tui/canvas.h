/**
 * A screen as data: cells with a character and a tint.
 *
 * Panels draw here; curses.c puts it on a terminal, script.c writes it as text, so that what a user sees
 * can be tested as text.  Nothing here knows a terminal or a process.
 */
#ifndef VM_TUI_CANVAS_H
#define VM_TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

/** What a cell means; curses.c decides what that looks like. */
enum vm_tint {
	VM_TINT_NORMAL, VM_TINT_DIM, VM_TINT_BOLD,
	VM_TINT_HEAD, VM_TINT_HEAD_SORT, VM_TINT_SELECT, VM_TINT_TAG, VM_TINT_TITLE,
	VM_TINT_KEY, VM_TINT_KEY_TEXT, VM_TINT_PROMPT, VM_TINT_WARN,
	/* Parts of a bar; in monochrome told apart by their glyphs. */
	VM_TINT_BAR_ANON, VM_TINT_BAR_FILE, VM_TINT_BAR_SHMEM, VM_TINT_BAR_KERNEL, VM_TINT_BAR_OTHER,
	VM_TINT_BAR_SWAP, VM_TINT_BAR_TABLES, VM_TINT_BAR_TAKEN, VM_TINT_BAR_POOLS,
	/* Figures that are worth a look. */
	VM_TINT_WARM, VM_TINT_HOT,
	VM_TINT_NR,
};

struct vm_cell {
	uint32_t ch;
	uint8_t tint;
	uint8_t width;             /* 1 or 2; 0: right half of the cell before */
};

/** Zero-initialised is valid and has no cells. */
struct vm_canvas {
	struct vm_cell *cell;
	int w, h;
	size_t cap;
	/** The terminal shows UTF-8; else everything becomes ASCII. */
	bool utf8;
	/** The terminal has colours; else bars use different glyphs. */
	bool color;
	struct vm_buf tmp;
};

/** Set the size and blank it.  0 or -ENOMEM (the size is then 0x0). */
int vm_canvas_reset(struct vm_canvas *c, int w, int h);
void vm_canvas_free(struct vm_canvas *c);

/**
 * Write text at (x, y), at most `max` columns of it.  Control characters and bytes that aren't UTF-8 come
 * out as \ooo; a character that would be cut in half is left out.  Parts outside the canvas are
 * dropped.  Returns the columns used.
 */
int vm_canvas_text(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *text);
__attribute__((format(printf, 6, 7)))
int vm_canvas_textf(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *fmt, ...);

/** The same against the right end of the `max` columns. */
void vm_canvas_right(struct vm_canvas *c, int x, int y, int max, enum vm_tint tint, const char *text);

/** Columns that vm_canvas_text() would use without a limit. */
int vm_canvas_text_width(struct vm_canvas *c, const char *text);

/** `n` times the character. */
void vm_canvas_fill(struct vm_canvas *c, int x, int y, int n, enum vm_tint tint, uint32_t ch);

/** Give `n` cells another tint. */
void vm_canvas_tint(struct vm_canvas *c, int x, int y, int n, enum vm_tint tint);

/** A part of a bar. */
struct vm_bar_part {
	double value;
	enum vm_tint tint;
	char letter;               /* its glyph in ASCII */
};

/**
 * A bar of `w` columns, brackets included, full when the parts sum up to `full`.  In UTF-8 it ends on
 * an eighth of a column.
 */
void vm_canvas_bar(struct vm_canvas *c, int x, int y, int w, double full, const struct vm_bar_part *part,
		   size_t nparts);

/** The glyph that stands for a part in legends. */
uint32_t vm_canvas_bar_glyph(const struct vm_canvas *c, size_t part, char letter);

/** `n` values as columns of different height, a column each; the highest, at least `floor`, fills it.  Unknown ones (NAN) are
    left out, negative ones are dim. */
void vm_canvas_spark(struct vm_canvas *c, int x, int y, const float *v, size_t n, double floor, enum vm_tint tint);

/**
 * A graph of `w` columns and `h` lines, the newest value at its right end, `full` at its top: v has vm_canvas_graph_values()
 * values.  In UTF-8, with several lines, a column has two of them.  Unknown ones (NAN) are left out.
 */
void vm_canvas_graph(struct vm_canvas *c, int x, int y, int w, int h, const float *v, double full, enum vm_tint tint);
size_t vm_canvas_graph_values(const struct vm_canvas *c, int w, int h);

/** The canvas as lines of text, blanks at their ends removed. */
void vm_canvas_dump(const struct vm_canvas *c, struct vm_buf *out);

/** Append a character as UTF-8. */
void vm_utf8_put(struct vm_buf *out, uint32_t ch);

#endif
