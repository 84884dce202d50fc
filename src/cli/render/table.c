/**
 * Tables for people: columns as wide as their cells, numbers to the right, a total below.
 *
 * Two passes over the rows: one measures, one writes into the output, padding included; no cell is kept.
 * (libsmartcols keeps each cell in an allocation of its own: measured 0.48 s for 30 000 rows of 40 columns,
 * ten times what reading them from the kernel costs.)
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/sinks.h"
#include "cli/render/text.h"
#include "core/base/vec.h"

/**
 * A column.  Neighbouring rows often show the same in it (zeros above all), so what was made last is kept:
 * a number that comes again costs a comparison.
 */
struct column {
	const struct vm_field *field;
	size_t width;
	struct vm_scratch tmp;
	bool measured, written;
	uint64_t last_measured, last_written;
	uint8_t len;               /* of `text`: the last number with its padding */
	char text[40];
};

struct table {
	const struct vm_view *view;
	VM_VEC(const void *) rows;
	struct column col[];
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
	struct table *t = calloc(1, sizeof(*t) + view->cols.n * sizeof(t->col[0]));
	if (!t)
		return -ENOMEM;
	t->view = view;
	for (size_t i = 0; i < view->cols.n; i++)
		t->col[i].field = &view->set->v[view->cols.at[i]];
	r->priv = t;
	return 0;
}

static int row(struct vm_report *r, const void *data)
{
	struct table *t = r->priv;
	return vm_vec_push(&t->rows, data) ? 0 : -ENOMEM;
}

/** What stands in a cell; of the total, sums only. */
static struct vm_value cell(struct column *c, const void *data, bool total, size_t col)
{
	if (total && !(c->field->flags & VM_F_SUM))
		return VM_STR(col == 0 ? "TOTAL" : "");
	return vm_field_get(c->field, data, &c->tmp);
}

/** Width in columns of a text, as it is shown. */
static size_t text_width(struct vm_value v)
{
	size_t len = vm_value_length(v, VM_U_NONE, false);
	if (len == strlen(v.str))
		return vm_text_width(v.str, len);
	struct vm_buf shown = { 0 };
	vm_text_put(&shown, v.str);
	size_t width = vm_text_width(shown.s, shown.n);
	vm_buf_free(&shown);
	return width;
}

static size_t cell_width(const struct vm_report *r, const struct vm_field *f, struct vm_value v)
{
	if (v.type == VM_T_STR || v.type == VM_T_LIST)
		return text_width(v);
	return vm_value_length(v, f->unit, r->style.exact);
}

static void measure_row(const struct vm_report *r, struct table *t, const void *data, bool total)
{
	for (size_t i = 0; i < t->view->cols.n; i++) {
		struct column *c = &t->col[i];
		/* The last column, if to the left, is as wide as the rest of the line. */
		if (i + 1 == t->view->cols.n && is_text(c->field))
			break;
		struct vm_value v = cell(c, data, total, i);
		if (v.type == VM_T_U64) {
			if (c->measured && c->last_measured == v.u64)
				continue;
			c->measured = true;
			c->last_measured = v.u64;
		}
		size_t w = cell_width(r, c->field, v);
		if (w > c->width)
			c->width = w;
	}
}

static void measure(const struct vm_report *r, struct table *t, const void *total)
{
	for (size_t i = 0; i < t->view->cols.n; i++)
		t->col[i].width = r->style.headings ? strlen(t->col[i].field->name) : 1;
	for (size_t i = 0; i < t->rows.n; i++)
		measure_row(r, t, t->rows.v[i], false);
	if (total)
		measure_row(r, t, total, true);
}

/** Cut the last column that may be cut, so that a line fits the terminal. */
static void fit(const struct vm_report *r, struct table *t)
{
	enum { LEAST = 8 };
	size_t last = t->view->cols.n - 1, total = 0, cut = VM_COLUMNS_MAX;
	bool open = is_text(t->col[last].field);
	for (size_t i = 0; i < t->view->cols.n; i++) {
		if (i != last || !open)
			total += t->col[i].width + (i != last);
		if (t->col[i].field->flags & VM_F_TRUNC)
			cut = i;
	}
	total += open && last > 0;
	if (!r->style.width) {
		t->col[last].width = open ? SIZE_MAX : t->col[last].width;
		return;
	}
	if (open)
		t->col[last].width = total + LEAST < r->style.width ? r->style.width - total : LEAST;
	else if (total > r->style.width && cut != VM_COLUMNS_MAX && t->col[cut].width > LEAST)
		t->col[cut].width = t->col[cut].width > total - r->style.width + LEAST
			? t->col[cut].width - (total - r->style.width) : LEAST;
	/* A column that must not be cut is shown whole, whatever the terminal. */
	if (open && !(t->col[last].field->flags & VM_F_TRUNC))
		t->col[last].width = SIZE_MAX;
}

static void put_heading(struct vm_report *r, const struct table *t)
{
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[1m");
	for (size_t i = 0; i < t->view->cols.n; i++) {
		const struct vm_field *f = t->col[i].field;
		size_t len = strlen(f->name), pad = t->col[i].width > len ? t->col[i].width - len : 0;
		if (i)
			vm_buf_add_char(&r->text, ' ');
		if (is_right(f))
			vm_buf_add_fill(&r->text, ' ', pad);
		vm_buf_add(&r->text, f->name, len);
		if (!is_right(f) && i + 1 < t->view->cols.n)
			vm_buf_add_fill(&r->text, ' ', pad);
	}
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[0m");
	vm_buf_add_char(&r->text, '\n');
}

/** A text, cut to its column with a + at the end; returns its width. */
static size_t put_text(struct vm_buf *b, struct vm_value v, size_t width)
{
	size_t from = b->n;
	vm_text_put(b, v.str);
	size_t len = b->n - from, w = vm_text_width(b->s + from, len);
	if (w <= width)
		return w;
	len = vm_text_fit(b->s + from, len, width - 1);
	b->n = from + len;
	vm_buf_add_char(b, '+');
	return vm_text_width(b->s + from, len) + 1;
}

/** A number, to the right; the text of the row before if it is the same again. */
static void put_number(struct vm_report *r, struct column *c, uint64_t v)
{
	struct vm_buf *b = &r->text;
	if (!c->written || c->last_written != v) {
		size_t from = b->n, len = vm_value_length(VM_U64(v), c->field->unit, r->style.exact);
		vm_buf_add_fill(b, ' ', c->width > len ? c->width - len : 0);
		vm_value_put(b, VM_U64(v), c->field->unit, r->style.exact);
		c->written = b->n - from <= sizeof(c->text);
		c->last_written = v;
		c->len = (uint8_t)(b->n - from);
		if (c->written)
			memcpy(c->text, b->s + from, c->len);
		return;
	}
	vm_buf_add(b, c->text, c->len);
}

static void put_cell(struct vm_report *r, struct column *c, struct vm_value v, bool last)
{
	struct vm_buf *b = &r->text;
	size_t from = b->n, w;
	if (v.type == VM_T_STR || v.type == VM_T_LIST) {
		w = put_text(b, v, c->width);
	} else {
		if (is_right(c->field))
			vm_buf_add_fill(b, ' ', c->width - vm_value_length(v, c->field->unit, r->style.exact));
		vm_value_put(b, v, c->field->unit, r->style.exact);
		w = b->n - from;
	}
	if (!last && w < c->width)
		vm_buf_add_fill(b, ' ', c->width - w);
}

static void put_row(struct vm_report *r, struct table *t, const void *data, bool total)
{
	struct vm_buf *b = &r->text;
	size_t last = t->view->cols.n - 1;
	for (size_t i = 0; i <= last; i++) {
		struct column *c = &t->col[i];
		struct vm_value v = cell(c, data, total, i);
		if (i)
			vm_buf_add_char(b, ' ');
		if (v.type == VM_T_U64)
			put_number(r, c, v.u64);
		else
			put_cell(r, c, v, i == last);
	}
	while (b->n && b->s[b->n - 1] == ' ')
		b->n--;
	vm_buf_add_char(b, '\n');
	vm_report_flush(r, false);
}

static int list_end(struct vm_report *r, const void *total)
{
	struct table *t = r->priv;
	total = r->style.headings ? total : NULL;
	measure(r, t, total);
	fit(r, t);
	if (r->style.headings)
		put_heading(r, t);
	for (size_t i = 0; i < t->rows.n; i++)
		put_row(r, t, t->rows.v[i], false);
	if (total)
		put_row(r, t, total, true);
	vm_vec_free(&t->rows);
	free(t);
	r->priv = NULL;
	return 0;
}

const struct vm_sink vm_sink_table = {
	.name = "table", .help = "a table for people", .list_begin = list_begin, .row = row, .list_end = list_end,
};
