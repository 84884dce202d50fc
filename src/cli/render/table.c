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

/** What most paths need. */
enum { PATH_ROOM = 40 };
/** It pays to share the work as soon as it takes longer than starting a thread. */
enum { LEAST_WIDTH = 8, HELP_FROM_CELLS = 50000, CELL_MAX = 32, MEMO_BITS = 2 };

/** What a cell of a column showed: its value, the key of the scratch if a text is in there, and how it was written. */
struct memo {
	struct vm_value v;
	uint64_t key;
	uint8_t len;               /* with the blanks around it; 0: it wasn't written, or is too long */
	char text[CELL_MAX];
};

/**
 * A column.  Neighbouring rows often show the same few things in it (zeros above all), so some are kept:
 * what comes again costs a comparison.
 */
struct column {
	const struct vm_field *field;
	size_t width;
	/** Without addresses of the kernel's half ([vsyscall]), whose four digits more stand in one row. */
	size_t usual;
	struct vm_scratch tmp;
	struct memo memo[1 << MEMO_BITS];
	/** Its sum is 0: so are all of its cells.  `run` such columns stand here side by side, and what they
	    show is the same in every row. */
	bool flat;
	size_t run, run_from, run_len;
};

struct table {
	struct vm_report *report;
	const struct vm_view *view;
	bool exact;
	const void *const *rows;
	size_t nrows;
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
	return f->type == VM_T_U64 || f->type == VM_T_I64 || f->type == VM_T_F64;
}

static struct table *new_table(struct vm_report *r, const void *const *rows, size_t n)
{
	const struct vm_view *view = r->view;
	size_t ncols = view->cols.n;
	struct table *t = calloc(1, sizeof(*t) + 2 * ncols * sizeof(t->cols[0]));
	if (!t)
		return NULL;
	t->report = r;
	t->view = view;
	t->exact = r->style.exact;
	t->rows = rows;
	t->nrows = n;
	for (unsigned h = 0; h < 2; h++) {
		t->col[h] = &t->cols[h * ncols];
		for (size_t i = 0; i < ncols; i++)
			t->col[h][i].field = &view->set->v[view->cols.at[i]];
	}
	if (n >= HELP_FROM_CELLS / ncols)
		t->helper = vm_helper_start();
	return t;
}

/** What stands in a cell; of the total, sums only. */
static struct vm_value cell(struct column *c, const void *data, bool total, size_t col)
{
	if (total && !(c->field->flags & VM_F_SUM))
		return VM_STR(col == 0 ? "TOTAL" : "");
	return c->field->get(c->field, data, &c->tmp);
}

/** Where a value is kept if it was seen; NULL: its type isn't kept. */
static struct memo *memo_of(struct column *c, struct vm_value v)
{
	uint64_t x;
	if (v.type == VM_T_U64)
		x = v.u64;
	else if (v.type == VM_T_STR || v.type == VM_T_LIST)
		x = v.str == c->tmp.text ? c->tmp.key : (uintptr_t)v.str;
	else
		return NULL;
	return &c->memo[x * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MEMO_BITS)];
}

/** Does it surely show the same?  Texts are told by their address, and those in the scratch by its key. */
static bool is_same(const struct memo *m, const struct column *c, struct vm_value v)
{
	if (v.type != m->v.type)
		return false;
	if (v.type == VM_T_U64)
		return v.u64 == m->v.u64;
	return v.str == m->v.str && (v.str != c->tmp.text || (m->key && m->key == c->tmp.key));
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

static bool is_of_kernel(const struct vm_field *f, struct vm_value v)
{
	enum { DIGITS = 16 };
	if (f->unit != VM_U_ADDR)
		return false;
	if (v.type == VM_T_U64)
		return v.u64 >> 63;
	return v.type == VM_T_STR && v.str[0] >= '8' && strspn(v.str, "0123456789abcdef") == DIGITS;
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
		struct memo *m = memo_of(c, v);
		if (m && is_same(m, c, v))
			continue;
		if (m) {
			m->v = v;
			m->key = c->tmp.key;
		}
		size_t w = v.type == VM_T_STR || v.type == VM_T_LIST ? text_width(v)
			: vm_value_length(v, c->field->unit, t->exact);
		if (w > c->width)
			c->width = w;
		if (w > c->usual && !is_of_kernel(c->field, v))
			c->usual = w;
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
		measure_row(t, t->col[half], t->rows[i], false);
}

static void measure(const struct vm_report *r, struct table *t, const void *total)
{
	struct column *a = t->col[0], *b = t->col[1];
	for (size_t i = 0; total && i < t->view->cols.n; i++) {
		struct vm_value v = cell(&a[i], total, true, i);
		a[i].flat = b[i].flat = v.type == VM_T_U64 && v.u64 == 0;
	}
	vm_helper_share(t->helper, t->nrows, measure_half, t);
	if (total)
		measure_row(t, a, total, true);
	for (size_t i = 0; i < t->view->cols.n; i++) {
		size_t heading = r->style.headings ? strlen(a[i].field->name) : 1;
		a[i].width = a[i].width > b[i].width ? a[i].width : b[i].width;
		a[i].width = a[i].width > heading ? a[i].width : heading;
		a[i].usual = a[i].usual > b[i].usual ? a[i].usual : b[i].usual;
		a[i].usual = !a[i].usual ? a[i].width : a[i].usual > heading ? a[i].usual : heading;
	}
}

/** Let what is wider than usual stick out of its column; returns how much narrower a line is. */
static size_t narrow(struct column *col, size_t n)
{
	size_t won = 0;
	for (struct column *c = col; c < col + n; c++) {
		if (c->usual >= c->width)
			continue;
		won += c->width - c->usual;
		c->width = c->usual;
	}
	return won;
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
	if (most && total + (open ? PATH_ROOM : 0) > most)
		total -= narrow(col, t->view->cols.n - open);
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

/** A text, cut to its column; returns its width. */
static size_t put_text(struct vm_buf *b, struct vm_value v, size_t width, bool path)
{
	size_t from = b->n, len;
	if (vm_text_is_plain(v.str, &len) && len <= width) {
		vm_buf_add(b, v.str, len);
		return len;
	}
	vm_text_put(b, v.str);
	len = b->n - from;
	width = vm_text_cut(b->s + from, &len, width, path);
	b->n = from + len;
	return width;
}

/** `width`: what the column has for this cell.  Returns by how much the cell is wider. */
static size_t put_cell(struct vm_buf *b, const struct column *c, struct vm_value v, size_t width, bool exact, bool last, bool total)
{
	size_t from = b->n, w;
	if (v.type == VM_T_STR || v.type == VM_T_LIST) {
		/* A number whose unit changes from row to row comes as a text; in a total a text is its name. */
		const size_t text = is_right(c->field) && !total ? text_width(v) : width;
		const size_t pad = text < width ? width - text : 0;
		vm_buf_add_fill(b, ' ', pad);
		w = pad + put_text(b, v, c->field->unit == VM_U_ADDR ? SIZE_MAX : width, vm_field_is_path(c->field));
	} else {
		const size_t length = is_right(c->field) ? vm_value_length(v, c->field->unit, exact) : width;
		if (length < width)
			vm_buf_add_fill(b, ' ', width - length);
		vm_value_put(b, v, c->field->unit, exact);
		w = b->n - from;
	}
	if (!last && w < width)
		vm_buf_add_fill(b, ' ', width - w);
	return w > width ? w - width : 0;
}

/** Keep what was written as text[0..len), if it was seen before: most numbers come once. */
static void remember(struct memo *m, const struct column *c, struct vm_value v, const char *text, size_t len)
{
	m->len = 0;
	if (!is_same(m, c, v)) {
		m->v = v;
		m->key = c->tmp.key;
	} else if (len <= CELL_MAX) {
		m->len = (uint8_t)len;
		memcpy(m->text, text, len);
	}
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
	size_t last = t->view->cols.n - 1, over = 0;
	vm_buf_reserve(b, (last + 2) * CELL_MAX);
	for (size_t i = 0; i <= last; i++) {
		struct column *c = &cols[i];
		if (c->run && !total) {
			vm_buf_add(b, t->zeros.s + c->run_from, c->run_len);
			i += c->run - 1;
			continue;
		}
		struct vm_value v = cell(c, data, total, i);
		/* What stuck out before, the last column gives way to. */
		const bool gives_way = over && i == last && c->width < SIZE_MAX;
		struct memo *m = gives_way ? NULL : memo_of(c, v);
		if (m && m->len && b->cap - b->n >= CELL_MAX && is_same(m, c, v)) {
			/* A copy of fixed size is two instructions, one of `len` bytes a call. */
			memcpy(b->s + b->n, m->text, CELL_MAX);
			b->n += m->len;
			continue;
		}
		size_t from = b->n;
		if (i)
			vm_buf_add_char(b, ' ');
		size_t width = c->width;
		if (gives_way)
			width = width > over + LEAST_WIDTH ? width - over : LEAST_WIDTH;
		const size_t more = put_cell(b, c, v, width, t->exact, i == last, total);
		over += more;
		if (m && !more && !b->failed)
			remember(m, c, v, b->s + from, b->n - from);
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
		put_row(t, t->col[half], b, t->rows[i], false);
		if (half == 0)
			vm_report_flush(t->report, false);
	}
}

static int list(struct vm_report *r, const void *const *rows, size_t n, const void *total)
{
	struct table *t = new_table(r, rows, n);
	if (!t)
		return -ENOMEM;
	total = r->style.headings ? total : NULL;
	measure(r, t, total);
	fit(r, t);
	join_zeros(t);
	if (r->style.headings)
		put_heading(r, t);
	vm_helper_share(t->helper, t->nrows, write_half, t);
	vm_helper_stop(t->helper);
	bool failed = t->second.failed;
	vm_report_flush(r, true);
	if (t->second.n)
		fwrite(t->second.s, 1, t->second.n, r->out);
	vm_buf_free(&t->second);
	vm_buf_free(&t->zeros);
	if (total)
		put_row(t, t->col[0], &r->text, total, true);
	free(t);
	return failed ? -ENOMEM : 0;
}

const struct vm_sink vm_sink_table = {
	.name = "table", .help = "a table for people", .list = list,
};
