/**
 * OpenMetrics text (the specification 1.0): each numeric column a gauge, the naming columns labels.
 *
 * Samples of one metric must stand together, so rows are kept as pointers until the list ends; all
 * lists of a report are of one kind of row.
 */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/render/sinks.h"
#include "core/base/vec.h"

struct family {
	struct vm_buf samples;
};

struct metrics {
	struct vm_view view;       /* a copy: the report may end after the list's view */
	struct family col[VM_COLUMNS_MAX];
};

static bool is_label(const struct vm_view *view, const struct vm_field *f)
{
	return f == view->key || (f->flags & VM_F_LABEL);
}

static bool is_number(const struct vm_view *view, const struct vm_field *f)
{
	return (f->type == VM_T_U64 || f->type == VM_T_I64 || f->type == VM_T_F64 || f->type == VM_T_BOOL) && f->unit != VM_U_ADDR &&
	       !is_label(view, f);
}

static void put_label_text(struct vm_buf *b, const char *s)
{
	/* The format is UTF-8: other bytes are shown as in tables. */
	struct vm_buf text = { 0 };
	vm_text_put(&text, s);
	for (size_t i = 0; i < text.n; i++) {
		if (text.s[i] == '"' || text.s[i] == '\\')
			vm_buf_add_char(b, '\\');
		vm_buf_add_char(b, text.s[i]);
	}
	vm_buf_free(&text);
}

static void put_labels(struct vm_buf *b, const struct vm_view *view, const void *data)
{
	bool any = false;
	vm_buf_add_char(b, '{');
	for (size_t i = 0; i < view->set->n; i++) {
		const struct vm_field *f = &view->set->v[i];
		struct vm_scratch tmp;
		/* Where a sum of one mapping begins is not part of its name. */
		if (!is_label(view, f) || (view->key && f->unit == VM_U_ADDR))
			continue;
		struct vm_value v = vm_field_get(f, data, &tmp);
		if (v.type == VM_T_ABSENT)
			continue;
		if (any)
			vm_buf_add_char(b, ',');
		any = true;
		vm_buf_addf(b, "%s=\"", f->key);
		if (v.type == VM_T_STR) {
			put_label_text(b, v.str);
		} else {
			if (f->unit == VM_U_ADDR)
				vm_buf_add(b, "0x", 2);
			vm_value_put(b, v, f->unit, true);
		}
		vm_buf_add_char(b, '"');
	}
	vm_buf_add_char(b, '}');
}

/** "vm_mapping_rss_bytes" */
static void put_name(struct vm_buf *b, const struct vm_view *view, const struct vm_field *f)
{
	vm_buf_add_str(b, "vm_");
	/* Of a name nothing else is allowed. */
	for (const char *s = view->set->row; *s; s++)
		vm_buf_add_char(b, isalnum((unsigned char)*s) ? *s : '_');
	vm_buf_addf(b, "_%s", f->key);
}

static int put_row(struct metrics *m, const void *data)
{
	struct vm_buf labels = { 0 };
	int e = 0;
	put_labels(&labels, &m->view, data);
	for (size_t i = 0; i < m->view.cols.n && e == 0; i++) {
		const struct vm_field *f = &m->view.set->v[m->view.cols.at[i]];
		struct vm_scratch tmp;
		if (!is_number(&m->view, f))
			continue;
		struct vm_value v = vm_field_get(f, data, &tmp);
		struct vm_buf *b = &m->col[i].samples;
		if (v.type == VM_T_ABSENT)
			continue;
		put_name(b, &m->view, f);
		vm_buf_add(b, labels.s, labels.n);
		vm_buf_add_char(b, ' ');
		if (v.type == VM_T_BOOL)
			vm_buf_add_char(b, v.b ? '1' : '0');
		else if (v.type == VM_T_U64 && f->unit == VM_U_BYTES && v.u64 == UINT64_MAX)
			vm_buf_add_str(b, "+Inf");
		else
			vm_value_put(b, v, f->unit, true);
		vm_buf_add_char(b, '\n');
		e = b->failed ? -ENOMEM : 0;
	}
	vm_buf_free(&labels);
	return e;
}

static int list(struct vm_report *r, const void *const *rows, size_t n, const void *total)
{
	(void)total;
	struct metrics *m = r->priv;
	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		m->view = *r->view;
		r->priv = m;
	}
	int e = 0;
	for (size_t i = 0; i < n && e == 0; i++)
		e = put_row(m, rows[i]);
	return e;
}

static void put_comment(struct vm_report *r, const char *what, const struct vm_view *view, const struct vm_field *f,
			const char *text)
{
	vm_buf_addf(&r->text, "# %s ", what);
	put_name(&r->text, view, f);
	vm_buf_addf(&r->text, " %s\n", text);
}

static int end(struct vm_report *r)
{
	struct metrics *m = r->priv;
	for (size_t i = 0; m && i < m->view.cols.n; i++) {
		const struct vm_field *f = &m->view.set->v[m->view.cols.at[i]];
		struct vm_buf *b = &m->col[i].samples;
		if (b->n) {
			/* The unit of a family must be the end of its name. */
			put_comment(r, "TYPE", &m->view, f, "gauge");
			if (f->unit == VM_U_BYTES)
				put_comment(r, "UNIT", &m->view, f, "bytes");
			put_comment(r, "HELP", &m->view, f, f->help);
			vm_buf_add(&r->text, b->s, b->n);
			vm_report_flush(r, false);
		}
		vm_buf_free(b);
	}
	free(m);
	r->priv = NULL;
	vm_buf_add_str(&r->text, "# EOF\n");
	return 0;
}

const struct vm_sink vm_sink_openmetrics = {
	.name = "openmetrics", .help = "OpenMetrics text, for Prometheus", .machine = true, .labels = true,
	.list = list, .end = end,
};
