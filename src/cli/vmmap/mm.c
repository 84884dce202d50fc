/** vmmap --mm: the process's mm_struct and its vm_area_structs, as far as they can be had. */

#include "cli/vmmap/vmmap.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/err.h"

static const char area_columns[] = "START,END,PERM,RAWFLAGS,PGOFF,ANONVMA,MAPPING";

static bool shows_areas(const struct vmmap *v)
{
	return !vm_report_is_machine(&v->report) || vm_report_is_document(&v->report);
}

uint32_t vmmap_mm_needs(const struct vmmap *v)
{
	const struct vm_sink *sink = vm_common_sink(v->common);
	uint32_t needs = vm_columns_needs(&vm_mm_fields, &v->mm_view.cols) | VM_NEED(LAYOUT) | VM_NEED(STAT);
	return needs | (!sink->machine || sink->document ? VM_NEED(AREAS) : 0);
}

static void say_figures(struct vmmap *v, const struct vm_proc *p)
{
	for (size_t i = 0; i < v->mm_view.cols.n; i++) {
		const struct vm_field *f = &vm_mm_fields.v[v->mm_view.cols.at[i]];
		struct vm_scratch tmp;
		char text[64];
		vm_value_text(vm_field_get(f, p, &tmp), f->unit, v->common->bytes, text, sizeof(text));
		vm_report_say(&v->report, "%-18s %16s  %s\n", f->name, text, f->help);
	}
}

/** Nothing, or null, where none could be read: the reason is told in another place. */
static int show_areas(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err)
{
	struct vm_view view = { .set = &vm_mapping_fields, .name = "areas" };
	if (as->proc.unmet & VM_NEED(AREAS)) {
		if (vm_report_is_document(&v->report)) {
			vm_json_key(&v->report.json, view.name);
			vm_json_null(&v->report.json);
		}
		return 0;
	}
	const void **rows = calloc(as->nmaps + 1, sizeof(*rows));
	size_t n = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < as->nmaps; i++)
		if (as->map[i].area)
			rows[n++] = &as->map[i];
	int r = vm_columns_parse(view.set, area_columns, 0, &view.cols, err);
	if (r == 0 && n)
		vm_report_say(&v->report, "\n");
	if (r == 0 && (n || vm_report_is_document(&v->report))) {
		r = vm_report_list(&v->report, &view, rows, n, NULL);
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the areas") : 0;
	}
	free(rows);
	return r;
}

int vmmap_mm(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err)
{
	const void *row = &as->proc;
	int r = 0;
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "mm");
		vm_json_object_begin(&v->report.json);
		vm_report_members(&v->report, &v->mm_view, row);
		vm_json_object_end(&v->report.json);
	} else if (vm_report_is_machine(&v->report)) {
		r = vm_report_list(&v->report, &v->mm_view, &row, 1, NULL);
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the figures") : 0;
	} else {
		say_figures(v, &as->proc);
	}
	return r == 0 && shows_areas(v) ? show_areas(v, as, err) : r;
}
