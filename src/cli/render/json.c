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

static int list_begin(struct vm_report *r, const struct vm_view *view)
{
	vm_json_key(&r->json, view->name);
	vm_json_array_begin(&r->json);
	return 0;
}

/** A row stays on one line, so that long lists remain readable. */
static int row(struct vm_report *r, const void *data)
{
	unsigned indent = r->json.indent;
	vm_json_object_begin(&r->json);
	r->json.indent = 0;
	vm_report_members(r, r->view, data);
	vm_json_object_end(&r->json);
	r->json.indent = indent;
	return r->json.buf.failed ? -ENOMEM : 0;
}

static int list_end(struct vm_report *r, const void *total)
{
	(void)total;
	vm_json_array_end(&r->json);
	return 0;
}

static int end(struct vm_report *r)
{
	return vm_json_finish(&r->json);
}

const struct vm_sink vm_sink_json = {
	.name = "json", .help = "one JSON object", .machine = true, .document = true,
	.begin = begin_pretty, .list_begin = list_begin, .row = row, .list_end = list_end, .end = end,
};

const struct vm_sink vm_sink_ndjson = {
	.name = "ndjson", .help = "one JSON object a line", .machine = true, .document = true,
	.begin = begin_line, .list_begin = list_begin, .row = row, .list_end = list_end, .end = end,
};
