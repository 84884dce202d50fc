/** vmtlb: counts for programs. */

#include "cli/vmtlb/count.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/cleanup.h"

void vmtlb_put_counters(struct vm_json *j, const struct vm_pmu *p, const char *refused)
{
	static const char *const state[] = {
		[VM_PMU_READY] = "ready", [VM_PMU_NONE] = "none", [VM_PMU_FORBIDDEN] = "forbidden", [VM_PMU_FILTERED] = "filtered",
		[VM_PMU_NO_PERF] = "no_perf_events", [VM_PMU_FAILED] = "failed",
	};
	static const char *const by[] = {
		[VM_PMU_BY_LIBPFM] = "libpfm4", [VM_PMU_BY_TABLE] = "vmtlb", [VM_PMU_BY_GENERIC] = "kernel",
	};
	struct vm_pmu_reason r;
	const bool why = vm_pmu_reason(p, &r);
	vm_json_key(j, "counters");
	vm_json_object_begin(j);
	vm_json_put_str(j, "state", state[p->state]);
	vm_json_put_str(j, "reason", why ? r.key : NULL);
	vm_json_put_str(j, "why", why ? r.what : NULL);
	vm_json_put_str(j, "fix", why ? r.fix : NULL);
	vm_json_put_str(j, "refused", refused);
	vm_json_put_bool(j, "user_only", p->user_only);
	vm_json_put_bool(j, "hypervisor", p->hypervisor);
	vm_json_put_bool(j, "model_hidden", p->masked);
	vm_json_put_known(j, "paranoid", p->paranoid >= 0, (uint64_t)p->paranoid);
	vm_json_key(j, "cores");
	vm_json_array_begin(j);
	for (size_t i = 0; i < p->ncores; i++) {
		vm_json_object_begin(j);
		vm_json_put_str(j, "device", p->core[i].device);
		vm_json_put_str(j, "kernel_name", p->core[i].kernel_name);
		vm_json_put_str(j, "events_of", p->core[i].table);
		vm_json_put_str(j, "events_by", by[p->core[i].by]);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_json_object_end(j);
}

static void put_software(const struct vm_tc_set *set, struct vm_json *j)
{
	static const char *const keys[VM_TC_SOFTWARE] = {
		[VM_TC_PAGE_FAULTS] = "page_faults", [VM_TC_MINOR_FAULTS] = "minor_faults", [VM_TC_MAJOR_FAULTS] = "major_faults",
		[VM_TC_CONTEXT_SWITCHES] = "context_switches", [VM_TC_MIGRATIONS] = "cpu_migrations", [VM_TC_TASK_CLOCK] = "task_clock_ns",
	};
	vm_json_key(j, "software");
	vm_json_object_begin(j);
	for (size_t i = 0; i < VM_TC_SOFTWARE; i++)
		vm_json_put_known(j, keys[i], set->software[i].opened, set->software[i].raw);
	vm_json_object_end(j);
}

/** Rows as -o, -s and --filter have them, where they speak of these. */
static void put_list(struct vmtlb_counting *c, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size)
{
	vmtlb_list(c->v, set, chosen, rows, n, size, NULL, NULL);
}

static void put_events(struct vmtlb_counting *c, const struct vm_tc_set *set)
{
	vm_auto_free struct vm_tlb_event_row *rows = calloc(VM_TC_ENTRIES_MAX, sizeof(*rows));
	const size_t n = rows ? vm_tlb_event_rows(set, rows) : 0;
	put_list(c, &vm_tlb_event_fields, c->v->o->event != NULL, rows, n, sizeof(*rows));
}

void vmtlb_count_json(struct vmtlb_counting *c, const struct vm_tc_set *set, const struct vm_tlb_cost_view *cost, uint64_t sample)
{
	struct vm_json *j = &c->v->report.json;
	vmtlb_put_target(c->v, j);
	if (c->v->interval_ns)
		vm_json_put_known(j, "sample", sample > 0, sample);
	vm_json_put_known(j, "wall_ns", true, set->wall_ns);
	vmtlb_put_counters(j, &c->pmu, c->counters ? NULL : c->refused.what);
	vm_json_put_f64(j, "cycles", cost->cycles);
	vm_json_put_f64(j, "instructions", cost->instructions);
	vm_json_put_f64(j, "ipc", cost->ipc);
	vm_json_put_f64(j, "ceiling_share", cost->ceiling);
	vm_json_put_f64(j, "ceiling_speedup", cost->speedup);
	vm_json_put_bool(j, "ceiling_partial", cost->ceiling_partial);
	put_list(c, &vm_tlb_side_fields, !c->v->o->event && !c->v->interval_ns, cost->side, cost->nsides, sizeof(cost->side[0]));
	put_list(c, &vm_tlb_size_fields, false, cost->size, cost->nsizes, sizeof(cost->size[0]));
	put_events(c, set);
	put_software(set, j);
}
