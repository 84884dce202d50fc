/** JSON: one indented document; NDJSON: a document a line. */

#include <errno.h>

#include "cli/render/sinks.h"

static int begin_pretty(struct vm_report *r)
{
	r->json.indent = 2;
	return 0;
}

static int begin_line(struct vm_report *r)
{
	r->json.indent = 0;
	return 0;
}

/** A row stays on one line, so that long lists remain readable. */
static void put_row(struct vm_report *r, const void *data)
{
	unsigned indent = r->json.indent;
	vm_json_object_begin(&r->json);
	r->json.indent = 0;
	vm_report_members(r, r->view, data);
	vm_json_object_end(&r->json);
	r->json.indent = indent;
}

static int list(struct vm_report *r, const void *const *rows, size_t n, const void *total)
{
	(void)total;
	vm_json_key(&r->json, r->view->name);
	vm_json_array_begin(&r->json);
	for (size_t i = 0; i < n; i++)
		put_row(r, rows[i]);
	vm_json_array_end(&r->json);
	return r->json.buf.failed ? -ENOMEM : 0;
}

static int end(struct vm_report *r)
{
	return vm_json_finish(&r->json);
}

const struct vm_sink vm_sink_json = {
	.name = "json", .help = "one JSON object", .machine = true, .document = true,
	.begin = begin_pretty, .list = list, .end = end,
};

const struct vm_sink vm_sink_ndjson = {
	.name = "ndjson", .help = "one JSON object a line", .machine = true, .document = true,
	.begin = begin_line, .list = list, .end = end,
};
