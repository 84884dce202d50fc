#include "core/source/pmu_encode.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"

/* ---- Which table -------------------------------------------------------------------------------------------------- */

static bool kernel_agrees(const struct vm_pmu_core *c, const struct vm_pmu_family *f)
{
	for (size_t i = 0; i < VM_PMU_KERNEL_NAMES && f->kernel[i]; i++)
		if (strcmp(f->kernel[i], c->kernel_name) == 0)
			return true;
	/* Only Intel's are told by name. */
	return !c->kernel_name[0];
}

/**
 * The family, and whether its own events can be trusted.  CPUID may be what a hypervisor wants us to see: where the kernel
 * took the CPU for another, what it means by its generic events is at least what it says.
 */
static const struct vm_pmu_family *choose(struct vm_pmu *p, const struct vm_pmu_core *c, const struct vm_pmu_cpu *cpu,
					  bool *trusted)
{
	const bool small = strcmp(c->device, "cpu_atom") == 0;
	const struct vm_pmu_family *f = vm_pmu_family_of(cpu->vendor, cpu->family, cpu->model, small);
	const struct vm_pmu_family *called = vm_pmu_family_called(c->kernel_name);
	const struct vm_pmu_family *newer = vm_pmu_family_called("sapphire_rapids");
	*trusted = true;
	if (f && cpu->newer && !small && f->generic != newer->generic) {
		p->masked = true;
		return newer;
	}
	if (f && (kernel_agrees(c, f) || !p->hypervisor))
		return f;
	if (!f && called && !p->hypervisor)
		return called;
	*trusted = false;
	return called ? called : f && !c->kernel_name[0] ? f : vm_pmu_family_unknown(cpu->vendor);
}

/** Which of libpfm4's PMUs has this family's events; NULL: none that it knows. */
static const char *pfm_name(struct vm_pmu *p, const struct vm_pmu_family *f)
{
	char here[sizeof(p->mistaken)];
	const bool detected = vm_pmu_pfm_detected(here, sizeof(here));
	for (size_t i = 0; detected && i < VM_PMU_PFM_NAMES && f->pfm[i]; i++)
		if (strcmp(f->pfm[i], here) == 0)
			return f->pfm[i];
	if (detected)
		snprintf(p->mistaken, sizeof(p->mistaken), "%s", here);
	for (size_t i = 0; i < VM_PMU_PFM_NAMES && f->pfm[i]; i++)
		if (vm_pmu_pfm_knows(f->pfm[i]))
			return f->pfm[i];
	return NULL;
}

/* ---- Events of the table ------------------------------------------------------------------------------------------ */

static void add_row(struct vm_pmu_core *c, const struct vm_pmu_row *row, const char *pmu)
{
	struct vm_pmu_event e = {
		.what = row->what, .type = c->type, .config = row->config, .config1 = row->config1, .precise = row->precise,
		.note = row->note,
	}, by_pfm;
	char name[sizeof(e.name)];
	snprintf(name, sizeof(name), "%s::%s", pmu ? pmu : "", row->name);
	snprintf(e.name, sizeof(e.name), "%s", pmu && !row->not_pfm ? name : row->name);
	if (pmu && !row->not_pfm && vm_pmu_pfm_encode(name, &by_pfm, NULL) == 0) {
		e.config = by_pfm.config;
		e.config1 = by_pfm.config1;
		e.config2 = by_pfm.config2;
	}
	if (c->n < VM_PMU_EVENTS_MAX)
		c->event[c->n++] = e;
}

static void add_plain(struct vm_pmu_core *c, uint32_t type, uint64_t config, uint16_t what, const char *name, const char *note)
{
	if (c->n == VM_PMU_EVENTS_MAX)
		return;
	struct vm_pmu_event *e = &c->event[c->n++];
	*e = (struct vm_pmu_event){ .what = what, .type = type, .config = config, .note = note };
	snprintf(e->name, sizeof(e->name), "%s", name);
}

uint64_t vm_pmu_extended(const struct vm_pmu *p, unsigned core, uint64_t config)
{
	if (core >= p->ncores || strncmp(p->core[core].device, "cpu_", 4) != 0)
		return config;
	return config | (uint64_t)p->core[core].type << 32;
}

static void fill_generic(struct vm_pmu *p, unsigned core, const struct vm_pmu_family *f)
{
	struct vm_pmu_core *c = &p->core[core];
	add_plain(c, PERF_TYPE_HARDWARE, vm_pmu_extended(p, core, PERF_COUNT_HW_CPU_CYCLES), VM_TC_CYCLES, "cycles", NULL);
	add_plain(c, PERF_TYPE_HARDWARE, vm_pmu_extended(p, core, PERF_COUNT_HW_INSTRUCTIONS), VM_TC_INSTRUCTIONS, "instructions",
		  NULL);
	for (size_t i = 0; i < f->ngeneric; i++) {
		const struct vm_pmu_generic_name *g = &vm_pmu_generic_names[f->generic[i].name];
		add_plain(c, PERF_TYPE_HW_CACHE, vm_pmu_extended(p, core, g->config), f->generic[i].what, g->name,
			  f->generic[i].note);
	}
}

void vm_pmu_fill(struct vm_pmu *p, unsigned core, const struct vm_pmu_cpu *cpu)
{
	struct vm_pmu_core *c = &p->core[core];
	bool trusted;
	const struct vm_pmu_family *f = choose(p, c, cpu, &trusted);
	c->n = 0;
	c->family = f;
	if (!trusted || !f->n) {
		c->by = VM_PMU_BY_GENERIC;
		snprintf(c->table, sizeof(c->table), "%s", f->name);
		fill_generic(p, core, f);
		return;
	}
	const char *pmu = pfm_name(p, f);
	c->by = pmu ? VM_PMU_BY_LIBPFM : VM_PMU_BY_TABLE;
	snprintf(c->table, sizeof(c->table), "%s", pmu ? pmu : f->name);
	for (size_t i = 0; i < f->n; i++)
		add_row(c, &f->row[i], pmu);
}

/* ---- Events by name ----------------------------------------------------------------------------------------------- */

static const struct { const char *name; uint32_t type; uint64_t config; uint16_t what; } kernel_names[] = {
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, VM_TC_CYCLES },
	{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, VM_TC_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, VM_TC_INSTRUCTIONS },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, VM_TC_NONE },
	{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, VM_TC_NONE },
	{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, VM_TC_NONE },
	{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, VM_TC_NONE },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, VM_TC_NONE },
	{ "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, VM_TC_NONE },
	{ "cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, VM_TC_NONE },
	{ "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, VM_TC_NONE },
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, VM_TC_NONE },
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, VM_TC_NONE },
	{ "alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS, VM_TC_NONE },
};

static void name_it(struct vm_pmu_event *e, const char *name)
{
	snprintf(e->name, sizeof(e->name), "%s", name);
}

/** perf's names of the kernel's generic events. */
static bool encode_kernel(const struct vm_pmu *p, const char *name, struct vm_pmu_event *out)
{
	for (size_t i = 0; i < vm_countof(kernel_names); i++)
		if (vm_streq_nocase(name, kernel_names[i].name)) {
			const bool hardware = kernel_names[i].type == PERF_TYPE_HARDWARE;
			*out = (struct vm_pmu_event){
				.what = kernel_names[i].what, .type = kernel_names[i].type,
				.config = hardware ? vm_pmu_extended(p, 0, kernel_names[i].config) : kernel_names[i].config,
			};
			name_it(out, kernel_names[i].name);
			return true;
		}
	for (unsigned g = 0; g < VM_PMU_GENERICS; g++) {
		if (!vm_streq_nocase(name, vm_pmu_generic_names[g].name))
			continue;
		const struct vm_pmu_family *f = p->ncores ? p->core[0].family : NULL;
		*out = (struct vm_pmu_event){
			.what = VM_TC_NONE, .type = PERF_TYPE_HW_CACHE, .config = vm_pmu_extended(p, 0, vm_pmu_generic_names[g].config),
			.note = f ? "this CPU's kernel driver has no meaning for it that we know" : NULL,
		};
		for (size_t i = 0; f && i < f->ngeneric; i++)
			if (f->generic[i].name == g) {
				out->what = f->generic[i].what;
				out->note = f->generic[i].note;
			}
		name_it(out, vm_pmu_generic_names[g].name);
		return true;
	}
	return false;
}

static bool encode_raw(const struct vm_pmu *p, const char *name, struct vm_pmu_event *out)
{
	uint64_t config;
	if ((name[0] != 'r' && name[0] != 'R') || strlen(name) < 3 || vm_parse_hex(name + 1, &config) != 0)
		return false;
	*out = (struct vm_pmu_event){ .what = VM_TC_NONE, .type = p->ncores ? p->core[0].type : PERF_TYPE_RAW, .config = config };
	name_it(out, name);
	return true;
}

/** What it is good for, if it is one of the table's. */
static void find_meaning(const struct vm_pmu_core *c, struct vm_pmu_event *e)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->event[i].type == e->type && c->event[i].config == e->config && c->event[i].config1 == e->config1) {
			e->what = c->event[i].what;
			e->note = c->event[i].note;
			e->precise = c->event[i].precise;
		}
}

static int encode_pfm(const struct vm_pmu *p, const char *name, struct vm_pmu_event *out, struct vm_err *err)
{
	const bool own_table = p->ncores && p->core[0].by == VM_PMU_BY_LIBPFM && !strstr(name, "::");
	char full[sizeof(out->name)];
	int r = -EINVAL;
	/* Its own idea of what CPU this is may be wrong. */
	snprintf(full, sizeof(full), "%s::%s", own_table ? p->core[0].table : "", name);
	if (own_table)
		r = vm_pmu_pfm_encode(full, out, NULL);
	if (r < 0)
		r = vm_pmu_pfm_encode(name, out, err);
	if (r < 0)
		return r;
	if (p->ncores && out->type == PERF_TYPE_RAW)
		out->type = p->core[0].type;
	if (p->ncores)
		find_meaning(&p->core[0], out);
	return 0;
}

static bool suggest_own(const char *name, char *out, size_t size)
{
	const unsigned limit = (unsigned)strlen(name) / 3 + 1;
	unsigned best = limit;
	for (size_t i = 0; i < vm_countof(kernel_names) + VM_PMU_GENERICS; i++) {
		const char *known = i < VM_PMU_GENERICS ? vm_pmu_generic_names[i].name : kernel_names[i - VM_PMU_GENERICS].name;
		const unsigned d = vm_edit_distance(name, known);
		if (d < best) {
			best = d;
			snprintf(out, size, "%s", known);
		}
	}
	return best < limit;
}

int vm_pmu_encode(const struct vm_pmu *p, const char *name, struct vm_pmu_event *out, struct vm_err *err)
{
	char near[128];
	if (encode_kernel(p, name, out) || encode_raw(p, name, out))
		return 0;
	int r = encode_pfm(p, name, out, err);
	if (r == 0)
		return 0;
	if (suggest_own(name, near, sizeof(near)) ||
	    vm_pmu_pfm_suggest(name, p->ncores ? p->core[0].table : NULL, near, sizeof(near)))
		vm_hint(err, "did you mean %s?", near);
	if (err)
		err->code = EINVAL;
	return -EINVAL;
}
