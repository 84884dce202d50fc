/** vmtlb: counts for people. */

#include "cli/vmtlb/count.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"

enum { WIDTH = 80 };

/* ---- Heading ------------------------------------------------------------------------------------------------------ */

static const char *amount(double n, char buf[static VM_NUMBUF])
{
	return isnan(n) ? "-" : vm_format_amount((uint64_t)llround(n), buf);
}

static void say_table_of(struct vmtlb_counting *c)
{
	static const char *const by[] = {
		[VM_PMU_BY_LIBPFM] = " (libpfm4)", [VM_PMU_BY_TABLE] = " (vmtlb's table)", [VM_PMU_BY_GENERIC] = ", the kernel's generic",
	};
	struct vm_buf b = { 0 };
	vm_buf_add_str(&b, "events of ");
	for (size_t i = 0; i < c->pmu.ncores; i++)
		vm_buf_addf(&b, "%s%s%s", i ? " and " : "", c->pmu.core[i].table, by[c->pmu.core[i].by]);
	vm_buf_addf(&b, c->pmu.user_only ? "; user mode only" : "; user and kernel mode");
	vm_report_wrap(&c->v->report, 0, "", vm_buf_str(&b), WIDTH);
	vm_buf_free(&b);
}

static void say_heading(struct vmtlb_counting *c, const struct vm_tc_set *set, const struct vm_tlb_cost_view *cost)
{
	char wall[VM_NUMBUF], n[VM_NUMBUF];
	const double clock = vm_tc_scaled(&set->software[VM_TC_TASK_CLOCK]);
	vmtlb_say_whom(c->v);
	vm_report_say(&c->v->report, ": %s", vm_format_duration(set->wall_ns, wall));
	if (!isnan(clock) && set->wall_ns)
		vm_report_say(&c->v->report, ", %.2f CPUs used", clock / (double)set->wall_ns);
	if (!isnan(cost->cycles))
		vm_report_say(&c->v->report, ", %s cycles", amount(cost->cycles, n));
	if (!isnan(cost->ipc))
		vm_report_say(&c->v->report, ", IPC %.2f", cost->ipc);
	vm_report_say(&c->v->report, "\n");
	if (c->pmu.state == VM_PMU_READY && !c->v->o->event)
		say_table_of(c);
}

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

/** Of the usual columns those that no row has a value for. */
static void leave_out_unknown(const struct vm_fieldset *set, const void *rows, size_t n, size_t size, struct vm_buf *spec)
{
	for (size_t f = 0; f < set->n; f++) {
		bool known = false;
		for (size_t i = 0; i < n && !known; i++) {
			struct vm_scratch tmp;
			known = vm_field_get(&set->v[f], (const char *)rows + i * size, &tmp).type != VM_T_ABSENT;
		}
		if (!known && (set->v[f].flags & VM_F_DEFAULT))
			vm_buf_addf(spec, "%s-%s", spec->n ? "," : "", set->v[f].name);
	}
}

/** The rows that -o, -s and --filter speak of; people aren't shown columns of nothing but "-". */
static int list(struct vmtlb *v, const struct vm_fieldset *set, const void *rows, size_t n, size_t size, struct vm_err *err)
{
	struct vm_common common = *v->common;
	const struct vm_common *before = v->common;
	struct vm_buf spec = { 0 };
	if (!common.columns && !vm_report_is_machine(&v->report))
		leave_out_unknown(set, rows, n, size, &spec);
	if (spec.n)
		common.columns = vm_buf_str(&spec);
	v->common = &common;
	const int r = vmtlb_list(v, set, true, rows, n, size, NULL, err);
	v->common = before;
	vm_buf_free(&spec);
	return r;
}

static void say_sizes(struct vmtlb *v, const struct vm_tlb_cost_view *cost)
{
	char n[VM_NUMBUF];
	for (size_t i = 0; i < cost->nsizes;) {
		const struct vm_tlb_size_row *first = &cost->size[i];
		struct vm_buf b = { 0 };
		vm_buf_addf(&b, "page walks for loads%s by page size:", first->side == VM_TC_LOAD ? "" : " and stores");
		for (; i < cost->nsizes && cost->size[i].side == first->side && cost->size[i].core == first->core; i++) {
			const struct vm_tlb_size_row *row = &cost->size[i];
			vm_buf_addf(&b, "%s %s %s", row == first ? "" : ",", row->page_bytes == 4096 ? "4K" : row->page_bytes < 1 << 30 ? "2M" : "1G",
				    amount(row->walks, n));
			if (row->share > 0)
				vm_buf_addf(&b, " (%.1f%%)", 100 * row->share);
		}
		vm_report_wrap(&v->report, 0, "", vm_buf_str(&b), WIDTH);
		vm_buf_free(&b);
	}
}

/* ---- Sentences ---------------------------------------------------------------------------------------------------- */

static void say_ceiling(struct vmtlb_counting *c, const struct vm_tlb_cost_view *cost)
{
	struct vm_report *r = &c->v->report;
	struct vm_buf b = { 0 };
	bool walks = false;
	for (size_t i = 0; i < cost->nsides; i++)
		walks |= cost->side[i].walks > 0 || cost->side[i].walks_started > 0;
	if (!isnan(cost->ceiling)) {
		vm_buf_addf(&b, "Page walks are active in %.1f%% of cycles: the most that larger pages could save is %.1f%%",
			    100 * cost->ceiling, 100 * cost->ceiling);
		if (isfinite(cost->speedup) && cost->speedup < 100)
			vm_buf_addf(&b, " (%.2fx)", cost->speedup);
		vm_buf_addf(&b, ". Walks overlap with other work: less is likely.%s",
			    cost->ceiling_partial ? " Not in it: walks whose cycles weren't counted." : "");
	} else if (walks) {
		vm_buf_addf(&b, "How long these walks take isn't counted here, so what larger pages could save isn't known: "
			    "vmtlb --probe times a walk, vmtlb --ab tries.");
	}
	if (b.n)
		vm_report_wrap(r, 0, "", vm_buf_str(&b), WIDTH);
	vm_buf_free(&b);
}

static void say_software(struct vmtlb_counting *c, const struct vm_tc_set *set)
{
	static const struct { enum vm_tc_software what; const char *name; } sw[] = {
		{ VM_TC_PAGE_FAULTS, "page-faults" }, { VM_TC_MINOR_FAULTS, "minor" }, { VM_TC_MAJOR_FAULTS, "major" },
		{ VM_TC_CONTEXT_SWITCHES, "context-switches" }, { VM_TC_MIGRATIONS, "cpu-migrations" },
	};
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < vm_countof(sw); i++) {
		const struct vm_tc_count *n = &set->software[sw[i].what];
		/* A target that never ran had none of them; what was refused isn't known. */
		if (n->opened)
			vm_buf_addf(&b, "%s%s %" PRIu64, b.n ? ", " : "", sw[i].name, n->raw);
	}
	const struct vm_tc_count *clock = &set->software[VM_TC_TASK_CLOCK];
	char time[VM_NUMBUF];
	if (clock->opened)
		vm_buf_addf(&b, "%stask-clock %s", b.n ? ", " : "", vm_format_duration(clock->raw, time));
	if (b.n && c->pmu.user_only)
		vm_buf_addf(&b, "; of user mode only");
	vm_report_wrap(&c->v->report, 14, c->pmu.state == VM_PMU_READY ? "Software:" : "Counted:", b.n ? vm_buf_str(&b) : "nothing", WIDTH);
	vm_buf_free(&b);
}

/** What took no part, by name. */
static void say_not_counted(struct vmtlb_counting *c, const struct vm_tc_set *set)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_tc_entry *e = &set->v[i];
		const char *name = e->what < VM_TC_NONE ? vm_tc_name(e->what) : e->name;
		if (vm_tc_counted(&e->c) || e->what == VM_TC_CYCLES || e->what == VM_TC_INSTRUCTIONS)
			continue;
		vm_buf_addf(&b, "%s%s", b.n ? ", " : "", name);
		if (e->why)
			vm_buf_addf(&b, " (%s)", strerrorname_np(-e->why));
	}
	if (b.n)
		vm_report_wrap(&c->v->report, 14, "Not counted:", vm_buf_str(&b), WIDTH);
	vm_buf_free(&b);
}

/** What generic events mean on this CPU. */
static void say_meanings(struct vmtlb_counting *c, const struct vm_tc_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_tc_entry *e = &set->v[i];
		const bool generic = e->core < c->pmu.ncores && c->pmu.core[e->core].by == VM_PMU_BY_GENERIC;
		struct vm_buf b = { 0 };
		if (!e->note || e->why)
			continue;
		vm_buf_addf(&b, "%s: %s", generic ? e->name : vm_tc_name(e->what), e->note);
		vm_report_wrap(&c->v->report, 14, "Meaning:", vm_buf_str(&b), WIDTH);
		vm_buf_free(&b);
	}
}

static void say_what_else(struct vmtlb_counting *c)
{
	struct vm_buf b = { 0 };
	struct vmtlb *v = c->v;
	vm_report_wrap(&v->report, 14, "Not measured:", "TLB misses, page walks and their cycles", WIDTH);
	vm_buf_addf(&b, "vmtlb --probe (this machine's TLBs by timing)");
	if (v->argv)
		vm_buf_addf(&b, ", --model -- CMD (misses by a model), --ab -- CMD (huge pages off and on)");
	else
		vm_buf_addf(&b, ", --hot -p PID (pages that are walked, by accessed bits)");
	vm_report_wrap(&v->report, 14, "Try:", vm_buf_str(&b), WIDTH);
	vm_buf_free(&b);
}

/* ---- All ---------------------------------------------------------------------------------------------------------- */

static int show_events(struct vmtlb_counting *c, const struct vm_tc_set *set, struct vm_err *err)
{
	vm_auto_free struct vm_tlb_event_row *rows = calloc(VM_TC_ENTRIES_MAX, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	return list(c->v, &vm_tlb_event_fields, rows, vm_tlb_event_rows(set, rows), sizeof(*rows), err);
}

static int show_sides(struct vmtlb_counting *c, const struct vm_tc_set *set, const struct vm_tlb_cost_view *cost,
		      struct vm_err *err)
{
	const bool headings = c->v->report.style.headings;
	int r = 0;
	if (cost->nsides || vm_report_is_machine(&c->v->report))
		r = list(c->v, &vm_tlb_side_fields, cost->side, cost->nsides, sizeof(cost->side[0]), err);
	if (r < 0 || !headings)
		return r;
	say_sizes(c->v, cost);
	say_ceiling(c, cost);
	say_not_counted(c, set);
	say_meanings(c, set);
	if (!cost->nsides)
		say_what_else(c);
	say_software(c, set);
	return 0;
}

static int show(struct vmtlb_counting *c, const struct vm_tc_set *set, uint64_t sample, struct vm_err *err)
{
	struct vm_tlb_cost_view cost;
	const char *cores[VM_TLB_CORES_MAX];
	vmtlb_count_cores(c, cores);
	vm_tlb_cost_of(set, cores, c->pmu.ncores, &cost);
	if (vm_report_is_document(&c->v->report)) {
		vmtlb_count_json(c, set, &cost, sample);
		return 0;
	}
	if (c->v->report.style.headings && !sample)
		say_heading(c, set, &cost);
	return c->v->o->event ? show_events(c, set, err) : show_sides(c, set, &cost, err);
}

int vmtlb_count_show(struct vmtlb_counting *c, const struct vm_tc_set *set, uint64_t sample, struct vm_err *err)
{
	int r = vmtlb_report_begin(c->v, &vmtlb_count);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (c->v->interval_ns && !sample)
		vm_report_say(&c->v->report, "\n");
	r = show(c, set, sample, err);
	const int closed = vmtlb_report_end(c->v, r == 0 ? err : NULL);
	/* Of rows for programs, one heading. */
	c->v->style.headings &= !vm_report_is_machine(&c->v->report);
	return r < 0 ? r : closed;
}
