#include "cli/render/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/sinks.h"
#include "cli/render/text.h"
#include "core/base/err.h"

enum { FLUSH_AT = 60 * 1024 };

const struct vm_sink *const vm_sinks[] = {
	&vm_sink_table, &vm_sink_json, &vm_sink_ndjson, &vm_sink_csv, &vm_sink_openmetrics, NULL,
};

int vm_report_open(struct vm_report *r, const struct vm_sink *sink, const struct vm_style *style, FILE *out)
{
	*r = (struct vm_report){ .sink = sink, .style = *style, .out = out };
	r->json.out = out;
	return sink->begin ? sink->begin(r) : 0;
}

void vm_report_flush(struct vm_report *r, bool all)
{
	if (r->text.n && (all || r->text.n >= FLUSH_AT)) {
		if (fwrite(r->text.s, 1, r->text.n, r->out) != r->text.n && !r->error)
			r->error = errno;
		r->text.n = 0;
	}
}

void vm_report_say(struct vm_report *r, const char *fmt, ...)
{
	va_list ap;
	char line[1024];
	if (r->sink->machine || !r->style.headings)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		vm_buf_add(&r->text, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	vm_report_flush(r, false);
}

void vm_report_put(struct vm_report *r, const char *text, size_t n)
{
	if (r->sink->machine || !r->style.headings)
		return;
	vm_buf_add(&r->text, text, n);
	vm_report_flush(r, false);
}

void vm_report_wrap(struct vm_report *r, int margin, const char *heading, const char *text, size_t width)
{
	width -= (size_t)margin;
	do {
		size_t n = strlen(text);
		if (vm_text_width(text, n) > width) {
			/* The last blank that fits; a word that is longer stays whole. */
			n = strcspn(text, " ");
			for (size_t next; text[n] && vm_text_width(text, next = n + 1 + strcspn(text + n + 1, " ")) <= width;)
				n = next;
		}
		vm_report_say(r, "%-*s%.*s\n", margin, heading, (int)n, text);
		text += n + strspn(text + n, " ");
		heading = "";
	} while (*text);
}

int vm_report_list(struct vm_report *r, const struct vm_view *view, const void *const *rows, size_t n,
		   const void *total)
{
	r->view = view;
	int e = r->sink->list(r, rows, n, total);
	r->lists++;
	return e;
}

static void put_json(struct vm_json *j, struct vm_value v, enum vm_unit unit)
{
	switch (v.type) {
	case VM_T_ABSENT:
		vm_json_null(j);
		break;
	case VM_T_U64:
		if (unit == VM_U_ADDR)
			vm_json_addr(j, v.u64);
		else if (unit == VM_U_BYTES && v.u64 == UINT64_MAX)
			vm_json_str(j, "unlimited");
		else
			vm_json_u64(j, v.u64);
		break;
	case VM_T_I64:
		vm_json_i64(j, v.i64);
		break;
	case VM_T_F64:
		vm_json_f64(j, v.f64);
		break;
	case VM_T_BOOL:
		vm_json_bool(j, v.b);
		break;
	case VM_T_STR:
		vm_json_str(j, v.str);
		break;
	case VM_T_LIST:
		vm_json_words(j, v.str);
		break;
	}
}

void vm_report_members(struct vm_report *r, const struct vm_view *view, const void *row)
{
	struct vm_scratch tmp;
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = &view->set->v[view->cols.at[i]];
		vm_json_key(&r->json, f->key);
		put_json(&r->json, vm_field_get(f, row, &tmp), f->unit);
	}
}

int vm_report_close(struct vm_report *r, struct vm_err *err)
{
	int e = r->sink->end ? r->sink->end(r) : 0;
	if (e == 0 && (r->text.failed || r->json.buf.failed))
		e = -ENOMEM;
	vm_report_flush(r, true);
	vm_buf_free(&r->text);
	errno = 0;
	if (e == 0 && r->error)
		e = -r->error;
	if (e == 0 && (fflush(r->out) != 0 || ferror(r->out)))
		e = errno ? -errno : -EIO;
	return e < 0 ? vm_fail_os(err, -e, "cannot write the output") : 0;
}
