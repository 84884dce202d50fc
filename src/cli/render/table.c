/**
 * Tables for people: columns as wide as their cells, numbers to the right, a total below.
 *
 * Two passes over the rows: one measures, one writes into the output, padding included; no cell is kept.
 * (libsmartcols keeps each cell in an allocation of its own: measured 0.48 s for 30 000 rows of 40 columns,
 * ten times what reading them from the kernel costs.)  Long tables are made in two halves by two threads.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/sinks.h"
#include "cli/render/text.h"
#include "core/base/parallel.h"
#include "core/base/vec.h"

enum { LEAST_WIDTH = 8, HELP_FROM_CELLS = 500000, NUMBER_MAX = 32 };

/**
 * A column.  Neighbouring rows often show the same in it (zeros above all), so what was made last is kept:
 * a number that comes again costs a comparison.
 */
struct column {
	const struct vm_field *field;
	size_t width;
	struct vm_scratch tmp;
	bool measured, written;
	/** Its sum is 0: so are all of its cells.  `run` such columns stand here side by side, and what they
	    show is the same in every row. */
	bool flat;
	size_t run, run_from, run_len;
	uint64_t last_measured, last_written;
	uint8_t len;               /* of `text`: the last number, with the blanks in front of it */
	char text[NUMBER_MAX];
};

struct table {
	struct vm_report *report;
	const struct vm_view *view;
	bool exact;
	VM_VEC(const void *) rows;
	/** For long tables; NULL: not that long. */
	struct vm_helper *helper;
	/** What the columns that are all zeros show. */
	struct vm_buf zeros;
	/** Text of the second half; that of the first one leaves as it is made. */
	struct vm_buf second;
	/** Columns of each half's own, so that each thread remembers its own last row. */
	struct column *col[2];
	struct column cols[];
};

static bool is_text(const struct vm_field *f)
{
	return f->type == VM_T_STR || f->type == VM_T_LIST;
}

static bool is_right(const struct vm_field *f)
{
	return f->type == VM_T_U64 || f->type == VM_T_F64;
}

static int list_begin(struct vm_report *r, const struct vm_view *view)
{
	size_t n = view->cols.n;
	struct table *t = calloc(1, sizeof(*t) + 2 * n * sizeof(t->cols[0]));
	if (!t)
		return -ENOMEM;
	t->report = r;
	t->view = view;
	t->exact = r->style.exact;
	for (unsigned h = 0; h < 2; h++) {
		t->col[h] = &t->cols[h * n];
		for (size_t i = 0; i < n; i++)
			t->col[h][i].field = &view->set->v[view->cols.at[i]];
	}
	r->priv = t;
	return 0;
}

static int row(struct vm_report *r, const void *data)
{
	struct table *t = r->priv;
	/* It pays as soon as the work takes longer than starting a thread. */
	if (!t->helper && t->rows.n == HELP_FROM_CELLS / t->view->cols.n)
		t->helper = vm_helper_start();
	return vm_vec_push(&t->rows, data) ? 0 : -ENOMEM;
}

/** What stands in a cell; of the total, sums only. */
static struct vm_value cell(struct column *c, const void *data, bool total, size_t col)
{
	if (total && !(c->field->flags & VM_F_SUM))
		return VM_STR(col == 0 ? "TOTAL" : "");
	return c->field->get(c->field, data, &c->tmp);
}

/** Width in columns of a text, as it is shown. */
static size_t text_width(struct vm_value v)
{
	size_t len;
	if (vm_text_is_plain(v.str, &len))
		return len;
	struct vm_buf shown = { 0 };
	vm_text_put(&shown, v.str);
	size_t width = vm_text_width(shown.s, shown.n);
	vm_buf_free(&shown);
	return width;
}

static void measure_row(const struct table *t, struct column *cols, const void *data, bool total)
{
	for (size_t i = 0; i < t->view->cols.n; i++) {
		struct column *c = &cols[i];
		/* The last column, if to the left, is as wide as the rest of the line. */
		if (i + 1 == t->view->cols.n && is_text(c->field))
			break;
		if (c->flat)
			continue;
		struct vm_value v = cell(c, data, total, i);
		if (v.type == VM_T_U64) {
			if (c->measured && c->last_measured == v.u64)
				continue;
			c->measured = true;
			c->last_measured = v.u64;
		}
		size_t w = v.type == VM_T_STR || v.type == VM_T_LIST ? text_width(v)
			: vm_value_length(v, c->field->unit, t->exact);
		if (w > c->width)
			c->width = w;
	}
}

/** Bytes of a line, about: a last column without an end counts as much as its heading. */
static size_t line_length(const struct table *t)
{
	size_t n = t->view->cols.n;
	for (size_t i = 0; i < t->view->cols.n; i++) {
		const struct column *c = &t->col[0][i];
		n += c->width < SIZE_MAX ? c->width : strlen(c->field->name);
	}
	return n;
}

static void measure_half(void *ctx, unsigned half, size_t from, size_t to)
{
	struct table *t = ctx;
	for (size_t i = from; i < to; i++)
		measure_row(t, t->col[half], t->rows.v[i], false);
}

static void measure(const struct vm_report *r, struct table *t, const void *total)
{
	struct column *a = t->col[0], *b = t->col[1];
	for (size_t i = 0; total && i < t->view->cols.n; i++) {
		struct vm_value v = cell(&a[i], total, true, i);
		a[i].flat = b[i].flat = v.type == VM_T_U64 && v.u64 == 0;
	}
	vm_helper_share(t->helper, t->rows.n, measure_half, t);
	if (total)
		measure_row(t, a, total, true);
	for (size_t i = 0; i < t->view->cols.n; i++) {
		size_t heading = r->style.headings ? strlen(a[i].field->name) : 1;
		a[i].width = a[i].width > b[i].width ? a[i].width : b[i].width;
		a[i].width = a[i].width > heading ? a[i].width : heading;
	}
}

/** Cut the last column that may be cut, so that a line fits the terminal. */
static void fit(const struct vm_report *r, struct table *t)
{
	struct column *col = t->col[0], *last = &col[t->view->cols.n - 1], *cut = NULL;
	size_t total = 0, most = r->style.width;
	bool open = is_text(last->field);
	for (struct column *c = col; c <= last; c++) {
		if (c != last || !open)
			total += c->width;
		total += c != last;
		if (c->field->flags & VM_F_TRUNC)
			cut = c;
	}
	/* A column that must not be cut is shown whole, whatever the terminal. */
	if (open && (!most || !(last->field->flags & VM_F_TRUNC)))
		last->width = SIZE_MAX;
	else if (open)
		last->width = total + LEAST_WIDTH < most ? most - total : LEAST_WIDTH;
	else if (most && total > most && cut && cut->width > LEAST_WIDTH)
		cut->width = cut->width > total - most + LEAST_WIDTH ? cut->width - (total - most) : LEAST_WIDTH;
	for (size_t i = 0; i < t->view->cols.n; i++)
		t->col[1][i].width = col[i].width;
}

static void put_heading(struct vm_report *r, const struct table *t)
{
	size_t n = t->view->cols.n;
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[1m");
	for (size_t i = 0; i < n; i++) {
		const struct column *c = &t->col[0][i];
		size_t len = strlen(c->field->name), pad = c->width > len ? c->width - len : 0;
		if (i)
			vm_buf_add_char(&r->text, ' ');
		if (is_right(c->field))
			vm_buf_add_fill(&r->text, ' ', pad);
		vm_buf_add(&r->text, c->field->name, len);
		if (!is_right(c->field) && i + 1 < n)
			vm_buf_add_fill(&r->text, ' ', pad);
	}
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[0m");
	vm_buf_add_char(&r->text, '\n');
}

/** A text, cut to its column with a + at the end; returns its width. */
static size_t put_text(struct vm_buf *b, struct vm_value v, size_t width)
{
	size_t from = b->n, len;
	if (vm_text_is_plain(v.str, &len) && len <= width) {
		vm_buf_add(b, v.str, len);
		return len;
	}
	vm_text_put(b, v.str);
	len = b->n - from;
	size_t w = vm_text_width(b->s + from, len);
	if (w <= width)
		return w;
	len = vm_text_fit(b->s + from, len, width - 1);
	b->n = from + len;
	vm_buf_add_char(b, '+');
	return vm_text_width(b->s + from, len) + 1;
}

/** Make the text of a number, with the blanks in front of it, from the buffer's end on; and remember it. */
static void make_number(struct vm_buf *b, struct column *c, uint64_t v, bool exact, bool first)
{
	size_t from = b->n, len = vm_value_length(VM_U64(v), c->field->unit, exact);
	vm_buf_add_fill(b, ' ', (c->width > len ? c->width - len : 0) + !first);
	vm_value_put(b, VM_U64(v), c->field->unit, exact);
	len = b->n - from;
	c->written = len <= NUMBER_MAX && !b->failed;
	c->last_written = v;
	c->len = (uint8_t)len;
	if (c->written)
		memcpy(c->text, b->s + from, len);
}

/**
 * A number, to the right; the text of the row before if it is the same again.  put_row() has made room: a copy
 * of fixed size is two instructions, one of `len` bytes a call.
 */
static void put_number(struct vm_buf *b, struct column *c, uint64_t v, bool exact, bool first)
{
	if (!c->written || c->last_written != v || b->cap - b->n < NUMBER_MAX) {
		make_number(b, c, v, exact, first);
		return;
	}
	memcpy(b->s + b->n, c->text, NUMBER_MAX);
	b->n += c->len;
}

static void put_cell(struct vm_buf *b, const struct column *c, struct vm_value v, bool exact, bool last)
{
	size_t from = b->n, w;
	if (v.type == VM_T_STR || v.type == VM_T_LIST) {
		w = put_text(b, v, c->width);
	} else {
		if (is_right(c->field))
			vm_buf_add_fill(b, ' ', c->width - vm_value_length(v, c->field->unit, exact));
		vm_value_put(b, v, c->field->unit, exact);
		w = b->n - from;
	}
	if (!last && w < c->width)
		vm_buf_add_fill(b, ' ', c->width - w);
}

/** Columns that are all zeros, as far as they stand side by side, become one text. */
static void join_zeros(struct table *t)
{
	size_t n = t->view->cols.n;
	for (size_t i = 0; i < n;) {
		struct column *c = &t->col[0][i];
		size_t from = t->zeros.n, run = 0;
		for (; i + run < n && c[run].flat; run++) {
			if (i + run)
				vm_buf_add_char(&t->zeros, ' ');
			vm_buf_add_fill(&t->zeros, ' ', c[run].width - 1);
			vm_buf_add_char(&t->zeros, '0');
		}
		for (unsigned h = 0; h < 2; h++) {
			t->col[h][i].run = t->zeros.failed ? 0 : run;
			t->col[h][i].run_from = from;
			t->col[h][i].run_len = t->zeros.n - from;
		}
		i += run ? run : 1;
	}
}

static void put_row(const struct table *t, struct column *cols, struct vm_buf *b, const void *data, bool total)
{
	size_t last = t->view->cols.n - 1;
	vm_buf_reserve(b, (last + 2) * NUMBER_MAX);
	for (size_t i = 0; i <= last; i++) {
		struct column *c = &cols[i];
		if (c->run && !total) {
			vm_buf_add(b, t->zeros.s + c->run_from, c->run_len);
			i += c->run - 1;
			continue;
		}
		struct vm_value v = cell(c, data, total, i);
		if (v.type == VM_T_U64) {
			put_number(b, c, v.u64, t->exact, i == 0);
			continue;
		}
		if (i)
			vm_buf_add_char(b, ' ');
		put_cell(b, c, v, t->exact, i == last);
	}
	while (b->n && b->s[b->n - 1] == ' ')
		b->n--;
	vm_buf_add_char(b, '\n');
}

static void write_half(void *ctx, unsigned half, size_t from, size_t to)
{
	struct table *t = ctx;
	struct vm_buf *b = half ? &t->second : &t->report->text;
	if (half && t->helper)
		vm_buf_reserve_now(b, (to - from) * line_length(t));
	for (size_t i = from; i < to; i++) {
		put_row(t, t->col[half], b, t->rows.v[i], false);
		if (half == 0)
			vm_report_flush(t->report, false);
	}
}

static int list_end(struct vm_report *r, const void *total)
{
	struct table *t = r->priv;
	total = r->style.headings ? total : NULL;
	measure(r, t, total);
	fit(r, t);
	join_zeros(t);
	if (r->style.headings)
		put_heading(r, t);
	vm_helper_share(t->helper, t->rows.n, write_half, t);
	vm_helper_stop(t->helper);
	bool failed = t->second.failed;
	vm_report_flush(r, true);
	if (t->second.n)
		fwrite(t->second.s, 1, t->second.n, r->out);
	vm_buf_free(&t->second);
	vm_buf_free(&t->zeros);
	if (total)
		put_row(t, t->col[0], &r->text, total, true);
	vm_vec_free(&t->rows);
	free(t);
	r->priv = NULL;
	return failed ? -ENOMEM : 0;
}

const struct vm_sink vm_sink_table = {
	.name = "table", .help = "a table for people", .list_begin = list_begin, .row = row, .list_end = list_end,
};
