/** vmtlb INTERVAL: one line a sample, as vmstat. */

#include "cli/vmtlb/count.h"

#include <errno.h>
#include <string.h>

#include "core/base/buf.h"

enum { LINES_PER_HEADING = 20, COLUMN_LEAST = 6 };

/** Columns that this machine can't fill. */
static void leave_out(const struct vmtlb_counting *c, struct vm_buf *spec)
{
	static const struct { const char *column; enum vm_tc_side side; enum vm_tc_of of, or; } needs[] = {
		{ "LDWALKS", VM_TC_LOAD, VM_TC_WALKS, VM_TC_WALKS_STARTED }, { "STWALKS", VM_TC_STORE, VM_TC_WALKS, VM_TC_WALKS_STARTED },
		{ "DWALKS", VM_TC_DATA, VM_TC_WALKS, VM_TC_WALKS_STARTED }, { "IWALKS", VM_TC_FETCH, VM_TC_WALKS, VM_TC_WALKS_STARTED },
		{ "DTLB%", VM_TC_LOAD, VM_TC_WALK_CYCLES, VM_TC_WALK_CYCLES }, { "ITLB%", VM_TC_FETCH, VM_TC_WALK_CYCLES, VM_TC_WALK_CYCLES },
	};
	const bool ready = c->pmu.state == VM_PMU_READY;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		bool there = false;
		for (size_t k = 0; ready && k < c->pmu.ncores; k++)
			there |= vm_pmu_event(&c->pmu.core[k], vm_tc_what(needs[i].side, needs[i].of)) ||
				 vm_pmu_event(&c->pmu.core[k], vm_tc_what(needs[i].side, needs[i].or));
		if (!there)
			vm_buf_addf(spec, "%s-%s", spec->n ? "," : "", needs[i].column);
	}
	/* Then there is room for what the kernel counts. */
	if (!ready)
		vm_buf_addf(spec, ",-CYCLES,-IPC,-/KINST,MINOR%s", c->pmu.user_only ? "" : ",SWITCH,MIGRATE");
}

static int choose(const struct vmtlb_counting *c, struct vm_choice *choice, struct vm_err *err)
{
	struct vm_common common = *c->v->common;
	struct vm_buf spec = { 0 };
	if (!common.columns && !c->v->sink->machine) {
		leave_out(c, &spec);
		common.columns = vm_buf_str(&spec);
	}
	const int r = vm_choice_parse(&common, &vm_tlb_sample_fields, choice, err);
	vm_buf_free(&spec);
	return r;
}

static int width_of(const struct vm_field *f)
{
	const int n = (int)strlen(f->name);
	return n < COLUMN_LEAST ? COLUMN_LEAST : n;
}

static void put_heading(struct vmtlb_counting *c, const struct vm_view *view)
{
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = &view->set->v[view->cols.at[i]];
		vm_report_say(&c->v->report, "%s%*s", i ? " " : "", width_of(f), f->name);
	}
	vm_report_say(&c->v->report, "\n");
}

static void put_row(struct vmtlb_counting *c, const struct vm_view *view, const struct vm_tlb_sample_row *row)
{
	char text[64];
	for (size_t i = 0; i < view->cols.n; i++) {
		const struct vm_field *f = &view->set->v[view->cols.at[i]];
		struct vm_scratch tmp;
		vm_value_text(vm_field_get(f, row, &tmp), f->unit, c->v->style.exact, text, sizeof(text));
		vm_report_say(&c->v->report, "%s%*s", i ? " " : "", width_of(f), text);
	}
	vm_report_say(&c->v->report, "\n");
}

int vmtlb_count_line(struct vmtlb_counting *c, const struct vm_tc_set *part, uint64_t since_begin_ns, struct vm_err *err)
{
	struct vm_tlb_cost_view cost;
	struct vm_tlb_sample_row row;
	struct vm_choice choice;
	const char *cores[VM_TLB_CORES_MAX];
	vmtlb_count_cores(c, cores);
	vm_tlb_cost_of(part, cores, c->pmu.ncores, &cost);
	vm_tlb_sample_of(part, &cost, since_begin_ns, &row);
	int r = choose(c, &choice, err);
	if (r < 0)
		return r;
	r = vmtlb_report_begin(c->v, &vmtlb_count_lines);
	if (r == 0 && vm_filter_accepts(choice.filter, &row)) {
		if (c->v->sink->machine) {
			const void *rows[] = { &row };
			r = vm_report_list(&c->v->report, &choice.view, rows, 1, NULL);
			c->v->style.headings = false;
		} else {
			if (c->v->style.headings && c->since_heading++ % LINES_PER_HEADING == 0)
				put_heading(c, &choice.view);
			put_row(c, &choice.view, &row);
		}
	}
	const int closed = vmtlb_report_end(c->v, r == 0 ? err : NULL);
	vm_choice_free(&choice);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the sample") : closed;
}
