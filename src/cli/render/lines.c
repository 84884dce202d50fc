#include "cli/render/lines.h"

#include <string.h>

#include "cli/render/text.h"

enum { LEAST_TEXT = 8 };           /* columns of a text that is cut */

static bool is_text(const struct vm_field *f)
{
	return f->type == VM_T_STR || f->type == VM_T_LIST;
}

/** What usually comes: "1000.0M" is rare, "100.0" per cent and rates of five digits aren't. */
static size_t usual_width(const struct vm_field *f, bool exact)
{
	size_t cell = 1;
	if (f->type == VM_T_U64)
		cell = f->unit == VM_U_BYTES ? (exact ? 11 : 6) : 7;
	else if (f->type == VM_T_F64)
		cell = exact ? 10 : f->unit == VM_U_RATIO ? 4 : f->unit == VM_U_BYTES_PERSEC ? 6 : 5;
	const size_t heading = strlen(f->name);
	return cell > heading ? cell : heading;
}

static const struct vm_field *field_of(const struct vm_view *view, size_t i)
{
	return &view->set->v[view->cols.at[i]];
}

static bool may_be_cut(const struct vm_field *f)
{
	return is_text(f) && (f->flags & VM_F_TRUNC);
}

/** What a column takes, with the blank before it. */
static size_t room_of(const struct vm_field *f, const void *row, bool exact)
{
	struct vm_scratch tmp;
	struct vm_buf cell = { 0 };
	vm_value_put(&cell, vm_field_get(f, row, &tmp), f->unit, exact);
	const size_t usual = usual_width(f, exact), shown = cell.n ? vm_text_width(cell.s, cell.n) : 0;
	vm_buf_free(&cell);
	return 1 + (shown > usual ? shown : usual);
}

size_t vm_lines_fit(struct vm_columns *cols, const struct vm_fieldset *set, const void *row, unsigned width, bool exact,
		    struct vm_columns *out)
{
	const size_t last = cols->n - 1;
	const bool cut = may_be_cut(&set->v[cols->at[last]]) && last;
	const uint8_t end = cols->at[last];
	size_t total = cut ? LEAST_TEXT + 1 : 0, n = 0;
	out->n = 0;
	for (size_t i = 0; i < cols->n - cut; i++) {
		total += room_of(&set->v[cols->at[i]], row, exact);
		if (i == 0 || (total - 1 <= width && !out->n))
			cols->at[n++] = cols->at[i];
		else
			out->at[out->n++] = cols->at[i];
	}
	if (cut)
		cols->at[n++] = end;
	cols->n = n;
	return out->n;
}

static void put_padded(struct vm_buf *b, const char *text, size_t len, size_t shown, size_t width, bool right, bool last)
{
	const size_t pad = width > shown ? width - shown : 0;
	if (right)
		vm_buf_add_fill(b, ' ', pad);
	vm_buf_add(b, text, len);
	if (!right && !last)
		vm_buf_add_fill(b, ' ', pad);
}

static void put_headings(const struct vm_lines *l, struct vm_report *r, const struct vm_view *view)
{
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[1m");
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = field_of(view, i);
		const size_t len = strlen(f->name);
		if (i)
			vm_buf_add_char(&r->text, ' ');
		put_padded(&r->text, f->name, len, len, l->width[i], !is_text(f), i + 1 == view->cols.n);
	}
	if (r->style.color)
		vm_buf_add_str(&r->text, "\033[0m");
	vm_buf_add_char(&r->text, '\n');
}

/** The row's cells behind one another, and how long each is. */
static void make_cells(const struct vm_view *view, const void *row, bool exact, struct vm_buf *cells, size_t *len)
{
	struct vm_scratch tmp;
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = field_of(view, i);
		const size_t from = cells->n;
		vm_value_put(cells, vm_field_get(f, row, &tmp), f->unit, exact);
		len[i] = cells->n - from;
	}
}

void vm_lines_put(struct vm_lines *l, struct vm_report *r, const struct vm_view *view, const void *row)
{
	struct vm_buf cells = { 0 };
	size_t len[VM_COLUMNS_MAX], shown[VM_COLUMNS_MAX], at = 0;
	make_cells(view, row, r->style.exact, &cells, len);
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = field_of(view, i);
		shown[i] = is_text(f) && cells.n ? vm_text_width(cells.s + at, len[i]) : len[i];
		at += len[i];
		const size_t least = usual_width(f, r->style.exact);
		l->width[i] = l->width[i] > least ? l->width[i] : least;
		/* What is at the end may be as long as it likes. */
		if (i + 1 < view->cols.n || !is_text(f))
			l->width[i] = l->width[i] > shown[i] ? l->width[i] : shown[i];
	}
	if (r->style.headings && (l->n == 0 || (l->every && l->n % l->every == 0)))
		put_headings(l, r, view);
	at = 0;
	size_t used = 0;
	for (size_t i = 0; i < view->cols.n; i++) {
		const bool last = i + 1 == view->cols.n;
		if (i)
			vm_buf_add_char(&r->text, ' ');
		if (last && may_be_cut(field_of(view, i)) && r->style.width)
			shown[i] = vm_text_cut(cells.s + at, &len[i], r->style.width > used + LEAST_TEXT ? r->style.width - used : LEAST_TEXT,
					       vm_field_is_path(field_of(view, i)));
		put_padded(&r->text, cells.s + at, len[i], shown[i], l->width[i], !is_text(field_of(view, i)), last);
		used += l->width[i] + 1;
		at += len[i];
	}
	vm_buf_add_char(&r->text, '\n');
	r->text.failed |= cells.failed;
	vm_buf_free(&cells);
	l->n++;
}
