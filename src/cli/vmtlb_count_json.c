/** vmtlb: counts for programs. */

#include "cli/vmtlb_count.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/cleanup.h"

static void text(struct vm_json *j, const char *key, const char *s)
{
	vm_json_key(j, key);
	vm_json_str(j, s && *s ? s : NULL);
}

static void number(struct vm_json *j, const char *key, bool known, uint64_t v)
{
	vm_json_key(j, key);
	if (known)
		vm_json_u64(j, v);
	else
		vm_json_null(j);
}

static void real(struct vm_json *j, const char *key, double v)
{
	vm_json_key(j, key);
	vm_json_f64(j, v);
}

static void flag(struct vm_json *j, const char *key, bool v)
{
	vm_json_key(j, key);
	vm_json_bool(j, v);
}

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
	text(j, "state", state[p->state]);
	text(j, "reason", why ? r.key : NULL);
	text(j, "why", why ? r.what : NULL);
	text(j, "fix", why ? r.fix : NULL);
	text(j, "refused", refused);
	flag(j, "user_only", p->user_only);
	flag(j, "hypervisor", p->hypervisor);
	flag(j, "model_hidden", p->masked);
	number(j, "paranoid", p->paranoid >= 0, (uint64_t)p->paranoid);
	vm_json_key(j, "cores");
	vm_json_array_begin(j);
	for (size_t i = 0; i < p->ncores; i++) {
		vm_json_object_begin(j);
		text(j, "device", p->core[i].device);
		text(j, "kernel_name", p->core[i].kernel_name);
		text(j, "events_of", p->core[i].table);
		text(j, "events_by", by[p->core[i].by]);
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
		number(j, keys[i], set->software[i].opened, set->software[i].raw);
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
		number(j, "sample", sample > 0, sample);
	number(j, "wall_ns", true, set->wall_ns);
	vmtlb_put_counters(j, &c->pmu, c->counters ? NULL : c->refused.what);
	real(j, "cycles", cost->cycles);
	real(j, "instructions", cost->instructions);
	real(j, "ipc", cost->ipc);
	real(j, "ceiling_share", cost->ceiling);
	real(j, "ceiling_speedup", cost->speedup);
	flag(j, "ceiling_partial", cost->ceiling_partial);
	put_list(c, &vm_tlb_side_fields, !c->v->o->event && !c->v->interval_ns, cost->side, cost->nsides, sizeof(cost->side[0]));
	put_list(c, &vm_tlb_size_fields, false, cost->size, cost->nsizes, sizeof(cost->size[0]));
	put_events(c, set);
	put_software(set, j);
}
