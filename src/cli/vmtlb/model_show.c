/** vmtlb --model: the report. */

#include "cli/vmtlb/model.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_model.h"

enum { WIDTH = 80, MARGIN = 8 };

static const char *by_key(enum vm_tlb_by by)
{
	static const char *const key[] = {
		[VM_TLB_BY_DEFAULT] = "default", [VM_TLB_BY_CPU] = "cpu", [VM_TLB_BY_PROBE] = "probe", [VM_TLB_BY_USER] = "user",
	};
	return key[by];
}

static const char *by_words(enum vm_tlb_by by)
{
	static const char *const words[] = {
		[VM_TLB_BY_DEFAULT] = "assumed, as of a recent x86-64 core: vmtlb --probe measures this machine's",
		[VM_TLB_BY_CPU] = "as the CPU says", [VM_TLB_BY_PROBE] = "as --probe measured", [VM_TLB_BY_USER] = "as given",
	};
	return words[by];
}

static const char *sizes_key(enum vm_tlb_sizes_by by)
{
	static const char *const key[] = {
		[VM_TLB_SIZES_ASSUMED] = "assumed", [VM_TLB_SIZES_SMAPS] = "smaps", [VM_TLB_SIZES_SCAN] = "pagemap_scan",
	};
	return key[by];
}

static bool is_split(const struct vmtlb_model_run *r)
{
	return r->known.huge_pages_split == VM_TLB_SPLIT_YES;
}

static double cost(const struct vmtlb_model_run *r, enum vm_tlb_policy p)
{
	return r->policy[p].data_ns + r->policy[p].code_ns;
}

static uint64_t walks(const struct vmtlb_model_run *r, enum vm_tlb_policy p)
{
	return r->policy[p].data.walks + r->policy[p].code.walks;
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static void say(struct vmtlb_model_run *r, const char *heading, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vm_report_wrap(&r->v->report, MARGIN, heading, text, WIDTH);
}

static void say_heading(struct vmtlb_model_run *r)
{
	struct vm_buf name = { 0 }, geometry = { 0 };
	char took[VM_NUMBUF];
	vm_text_put(&name, r->v->argv[0]);
	vm_tlb_geometry_put(&geometry, &r->known.geometry);
	vm_report_say(&r->v->report, "%s   a model, not a measurement   %s under %s", vm_buf_str(&name),
		      vm_format_duration(r->took_ns, took), r->result.engine);
	if (r->result.program.n > 1)
		vm_report_say(&r->v->report, ", %zu programs", r->result.program.n);
	vm_report_say(&r->v->report, "\n");
	/* Parts may be parted at their commas. */
	for (size_t i = 0; i + 1 < geometry.n; i++)
		if (geometry.s[i] == ',')
			geometry.s[i] = ' ';
	say(r, "TLBS", "%s", vm_buf_str(&geometry));
	say(r, "", "(%s)", by_words(r->known.by));
	vm_buf_free(&name);
	vm_buf_free(&geometry);
}

static void say_limits(struct vmtlb_model_run *r)
{
	if (r->result.sizes_by == VM_TLB_SIZES_ASSUMED)
		say(r, "SIZES", "this engine, or this kernel, doesn't tell how large pages are: \"as they are\" is taken for 4K");
	if (r->result.sizes_by == VM_TLB_SIZES_SMAPS)
		say(r, "SIZES", "pages \"as they are\" are by the majority in each mapping (smaps): before Linux 6.7 the kernel doesn't tell of each");
	if (is_split(r))
		say(r, "SPLIT", "this machine's host splits huge pages (vmtlb --probe): a 2M page takes entries for 4K pages in these TLBs, "
		    "only its walks are shorter");
	if (r->result.lost)
		say(r, "LOST", "%u program%s left no result (killed, or still running): not counted", r->result.lost, r->result.lost > 1 ? "s" : "");
	if (r->result.not_followed)
		say(r, "EXEC", "%u program%s took the place of another (execve), where this engine doesn't follow: not counted",
		    r->result.not_followed, r->result.not_followed > 1 ? "s" : "");
	if (r->notes.n)
		say(r, "ENGINE", "%.*s", (int)strcspn(vm_buf_str(&r->notes), "\n"), vm_buf_str(&r->notes));
	if (isnan(cost(r, VM_TLB_AS_IS)))
		say(r, "COSTS", "aren't known here: vmtlb --probe measures them, in less than a second");
}

static void put_saving(struct vm_buf *b, double was, double now)
{
	char before[VM_NUMBUF], saved[VM_NUMBUF];
	if (was - now < was / 1000)
		vm_buf_addf(b, "save nothing of %s", vm_format_duration((uint64_t)was, before));
	else
		vm_buf_addf(b, "save about %s of %s (%.0f %%)", vm_format_duration((uint64_t)(was - now), saved),
			    vm_format_duration((uint64_t)was, before), 100 * (was - now) / was);
}

/** What larger pages would change. */
static void say_verdict(struct vmtlb_model_run *r)
{
	struct vm_buf b = { 0 };
	const uint64_t before = walks(r, VM_TLB_AS_IS), after = walks(r, VM_TLB_ALL_2M);
	const double was = cost(r, VM_TLB_AS_IS), now = cost(r, VM_TLB_ALL_2M);
	vm_buf_addf(&b, "pages of 2M wherever that is possible: %llu page walks instead of %llu", (unsigned long long)after,
		    (unsigned long long)before);
	if (!isnan(was) && !isnan(now) && was > 0) {
		vm_buf_add_str(&b, ", which would ");
		put_saving(&b, was, now);
		vm_buf_add_str(&b, " that translation costs by the probe's penalties, less where accesses overlap");
	}
	if (is_split(r) && r->result.policies > VM_TLB_ALL_2M_WHOLE)
		vm_buf_addf(&b, "; on a host that doesn't split them %llu walks would be left",
			    (unsigned long long)walks(r, VM_TLB_ALL_2M_WHOLE));
	say(r, "VERDICT", "%s", vm_buf_str(&b));
	vm_buf_free(&b);
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void put_programs(const struct vmtlb_model_run *r, struct vm_json *j)
{
	vm_json_key(j, "programs");
	vm_json_array_begin(j);
	for (size_t i = 0; i < r->result.program.n; i++) {
		const struct vm_tlb_program *p = &r->result.program.v[i];
		vm_json_object_begin(j);
		vm_json_put_u64(j, "pid", (uint64_t)p->pid);
		vm_json_put_str(j, "program", p->name);
		vm_json_put_u64(j, "instructions", p->instructions);
		vm_json_put_u64(j, "loads", p->loads);
		vm_json_put_u64(j, "stores", p->stores);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
}

static void put_document(struct vmtlb_model_run *r)
{
	struct vm_json *j = &r->v->report.json;
	struct vm_buf geometry = { 0 };
	vm_tlb_geometry_put(&geometry, &r->known.geometry);
	vm_json_key(j, "is_model");
	vm_json_bool(j, true);
	vm_json_put_str(j, "command", r->v->argv[0]);
	vm_json_put_u64(j, "exit_status", (uint64_t)r->v->status);
	vm_json_put_str(j, "engine", r->engine);
	vm_json_put_str(j, "engine_version", r->result.engine);
	vm_json_put_u64(j, "run_ns", r->took_ns);
	vm_json_put_str(j, "geometry", vm_buf_str(&geometry));
	vm_json_put_str(j, "geometry_by", by_key(r->known.by));
	vm_json_put_str(j, "costs_by", r->machine.ncosts || !isnan(r->machine.walk_ns) ? by_key(r->machine.by) : NULL);
	vm_json_key(j, "huge_pages_split");
	if (r->known.huge_pages_split == VM_TLB_SPLIT_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, is_split(r));
	vm_json_put_str(j, "page_sizes_by", sizes_key(r->result.sizes_by));
	vm_json_put_u64(j, "programs_lost", r->result.lost);
	vm_json_put_u64(j, "programs_not_followed", r->result.not_followed);
	vm_json_put_str(j, "engine_notes", r->notes.n ? vm_buf_str(&r->notes) : NULL);
	put_programs(r, j);
	vm_buf_free(&geometry);
}

/* ---- Both --------------------------------------------------------------------------------------------------------- */

static int list(struct vmtlb_model_run *r, const struct vm_fieldset *set, const struct vm_tlb_places *p, struct vm_err *err)
{
	vm_report_say(&r->v->report, "\n");
	return vmtlb_list(r->v, set, false, p->row.v, p->row.n, sizeof(*p->row.v), NULL, err);
}

/** All of them, whatever --top says. */
static int list_policies(struct vmtlb_model_run *r, struct vm_err *err)
{
	struct vmtlb *v = r->v;
	const struct vmtlb_options *given = v->o;
	struct vmtlb_options all = *given;
	all.top = 0;
	v->o = &all;
	const int e = vmtlb_list(v, &vm_tlb_policy_fields, true, r->policy, r->result.policies, sizeof(r->policy[0]), NULL, err);
	v->o = given;
	return e;
}

int vmtlb_model_show(struct vmtlb_model_run *r, struct vm_err *err)
{
	struct vmtlb *v = r->v;
	int e = vmtlb_report_begin(v, &vmtlb_model);
	if (e < 0)
		return vm_fail_os(err, -e, "cannot write the report");
	if (vm_report_is_document(&v->report))
		put_document(r);
	say_heading(r);
	say_limits(r);
	vm_report_say(&v->report, "\n");
	e = list_policies(r, err);
	if (e == 0 && !vm_report_is_machine(&v->report))
		say_verdict(r);
	if (e == 0)
		e = list(r, &vm_tlb_model_mapping_fields, &r->mappings, err);
	if (e == 0)
		e = list(r, &vm_tlb_model_site_fields, &r->sites, err);
	return e == 0 ? vmtlb_report_end(v, err) : e;
}
