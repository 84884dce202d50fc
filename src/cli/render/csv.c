/** CSV, quoted as in RFC 4180, lines ended by LF, with the JSON keys as header; an unknown cell is empty. */

#include <string.h>

#include "cli/render/sinks.h"

static void put_text(struct vm_buf *b, const char *s, size_t len)
{
	if (!memchr(s, '"', len) && !memchr(s, ',', len) && !memchr(s, '\n', len) && !memchr(s, '\r', len)) {
		vm_buf_add(b, s, len);
		return;
	}
	vm_buf_add_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			vm_buf_add_char(b, '"');
		vm_buf_add_char(b, s[i]);
	}
	vm_buf_add_char(b, '"');
}

static void put_cell(struct vm_buf *b, struct vm_value v, enum vm_unit unit)
{
	switch (v.type) {
	case VM_T_ABSENT:
		break;
	case VM_T_STR:
	case VM_T_LIST:
		put_text(b, v.str, strlen(v.str));
		break;
	case VM_T_BOOL:
		vm_buf_add_str(b, v.b ? "true" : "false");
		break;
	case VM_T_U64:
		if (unit == VM_U_ADDR)
			vm_buf_add(b, "0x", 2);
		vm_value_put(b, v, unit, true);
		break;
	case VM_T_I64:
	case VM_T_F64:
		vm_value_put(b, v, unit, true);
		break;
	}
}

static void put_header(struct vm_report *r)
{
	const struct vm_view *view = r->view;
	/* Several lists of one kind (several processes) share a header; another kind gets its own. */
	if (!r->style.headings || (r->lists && r->priv == view->set))
		return;
	if (r->lists)
		vm_buf_add_char(&r->text, '\n');
	r->priv = (void *)(uintptr_t)view->set;
	for (size_t i = 0; i < view->cols.n; i++) {
		if (i)
			vm_buf_add_char(&r->text, ',');
		vm_buf_add_str(&r->text, view->set->v[view->cols.at[i]].key);
	}
	vm_buf_add_char(&r->text, '\n');
}

static void put_row(struct vm_report *r, const void *data)
{
	struct vm_scratch tmp;
	size_t from = r->text.n;
	for (size_t i = 0; i < r->view->cols.n; i++) {
		const struct vm_field *f = &r->view->set->v[r->view->cols.at[i]];
		if (i)
			vm_buf_add_char(&r->text, ',');
		put_cell(&r->text, vm_field_get(f, data, &tmp), f->unit);
	}
	/* An empty line would be no row. */
	if (r->text.n == from)
		vm_buf_add(&r->text, "\"\"", 2);
	vm_buf_add_char(&r->text, '\n');
	vm_report_flush(r, false);
}

static int list(struct vm_report *r, const void *const *rows, size_t n, const void *total)
{
	(void)total;
	put_header(r);
	for (size_t i = 0; i < n; i++)
		put_row(r, rows[i]);
	return 0;
}

const struct vm_sink vm_sink_csv = {
	.name = "csv", .help = "comma-separated values", .machine = true,
	.list = list,
};
