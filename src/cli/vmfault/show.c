/** vmfault: reports for people. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmfault/explain.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"

enum { WIDTH = 80, FINDINGS = 8 };

struct vmfault_unseen vmfault_unseen(const struct vm_faultset *f)
{
	struct vmfault_unseen u = { .known = f->own_known };
	uint64_t minor = 0, major = 0;
	for (unsigned k = 0; k < VM_FAULT_FIRST_INVALID; k++) {
		minor += f->kind[k].count - f->kind[k].major;
		major += f->kind[k].major;
	}
	u.minor = f->own_minor > minor ? f->own_minor - minor : 0;
	u.major = f->own_major > major ? f->own_major - major : 0;
	return u;
}

/* ---- Heading ------------------------------------------------------------------------------------------------------ */

static void say_whom(struct vmfault *v, const struct vm_faultset *f)
{
	struct vm_buf name = { 0 };
	if (v->child.name)
		vm_text_put(&name, v->child.name);
	else if (v->ask.whom == VM_OF_PIDS && v->ask.npids == 1 && f->space.n)
		vm_text_put(&name, f->space.v[0].comm);
	if (v->ask.whom == VM_OF_ALL)
		vm_report_say(&v->report, "all processes");
	else if (v->ask.whom == VM_OF_CGROUP)
		vm_report_say(&v->report, "cgroup %s", v->ask.cgroup);
	else if (v->ask.npids == 1)
		vm_report_say(&v->report, "%d %s", v->ask.pids[0], vm_buf_str(&name));
	else
		vm_report_say(&v->report, "%zu processes", v->ask.npids);
	vm_buf_free(&name);
}

static void say_heading(struct vmfault *v, const struct vm_faultset *f)
{
	char wall[VM_NUMBUF], ns[VM_NUMBUF];
	const struct vm_fault_count sum = vm_faultset_resolved(f);
	const struct vm_fault_kind_row all = vm_fault_total_row(f);
	const uint64_t wall_ns = f->now_ns - f->began_ns;
	const double seconds = (double)wall_ns / 1e9;
	say_whom(v, f);
	vm_report_say(&v->report, "   %s   %llu faults", vm_format_duration(wall_ns, wall), (unsigned long long)all.c.count);
	if (seconds > 0)
		vm_report_say(&v->report, " (%.0f/s)", (double)all.c.count / seconds);
	vm_report_say(&v->report, "\nminor %llu, major %llu", (unsigned long long)(sum.count - sum.major),
		      (unsigned long long)sum.major);
	if (vm_faultset_knows_invalid(f))
		vm_report_say(&v->report, ", invalid %llu, unresolved %llu", (unsigned long long)vm_faultset_invalid(f),
			      (unsigned long long)f->kind[VM_FAULT_UNRESOLVED].count);
	if (vm_faultset_knows_mode(f))
		vm_report_say(&v->report, "; of all, %llu from kernel mode", (unsigned long long)all.c.kernel);
	vm_report_say(&v->report, "\n");
	if (!f->have_times || !wall_ns)
		return;
	vm_report_say(&v->report, "in faults %s: %.1f %% of one CPU's time", vm_format_duration(all.c.ns, ns),
		      100.0 * (double)all.c.ns / (double)wall_ns);
	if (f->cpu_ns != UINT64_MAX && f->cpu_ns > 0)
		vm_report_say(&v->report, ", %.1f %% of the CPU time that was used", 100.0 * (double)all.c.ns / (double)f->cpu_ns);
	vm_report_say(&v->report, "\n");
}

/** What the kernel's own counters say against it. */
static void say_check(struct vmfault *v, const struct vm_faultset *f)
{
	const struct vmfault_unseen u = vmfault_unseen(f);
	if (!u.known) {
		vm_report_say(&v->report, "CHECK  the target's own counters are not known\n");
		return;
	}
	vm_report_say(&v->report, "CHECK  the target's own counters: %llu minor, %llu major", (unsigned long long)f->own_minor,
		      (unsigned long long)f->own_major);
	if ((u.minor || u.major) && f->user_only)
		vm_report_say(&v->report, ";\n       %llu were from kernel mode, or raised no event\n",
			      (unsigned long long)(u.minor + u.major));
	else if (u.minor || u.major)
		vm_report_say(&v->report, ";\n       %llu raised no event: get_user_pages() (exec's arguments, mlock,\n       "
			      "MAP_POPULATE, direct I/O)\n", (unsigned long long)(u.minor + u.major));
	else if (f->have_groups)
		vm_report_say(&v->report, ": equal\n");
	else
		vm_report_say(&v->report, "\n");
}

static void say_lost(struct vmfault *v, const struct vm_faultset *f)
{
	const struct { uint64_t n; const char *what; } lost[] = {
		{ f->lost.events, "events" }, { f->lost.groups, "faults counted by kind only" }, { f->lost.stacks, "stacks" },
		{ f->lost.threads, "threads" }, { f->lost.notes, "notes of threads and mappings" },
		{ f->lost.unmatched, "beginnings of faults" },
	};
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		if (lost[i].n)
			vm_report_say(&v->report, "LOST   %llu %s\n", (unsigned long long)lost[i].n, lost[i].what);
}

static void say_source(struct vmfault *v, const struct vm_faultset *f)
{
	const char *why = vm_faults_why_not(v->faults);
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%s: %s", vm_faults_backend(v->faults)->name, vm_faults_backend(v->faults)->help);
	vm_report_wrap(&v->report, 7, "SOURCE ", vm_buf_str(&b), WIDTH);
	b.n = 0;
	const char *lacks = vm_faults_backend(v->faults)->lacks;
	vm_buf_addf(&b, "can't tell %s", lacks ? lacks : "");
	if (lacks)
		vm_report_wrap(&v->report, 7, "", vm_buf_str(&b), WIDTH);
	b.n = 0;
	vm_buf_addf(&b, "not by %s", why);
	if (*why)
		vm_report_wrap(&v->report, 7, "", vm_buf_str(&b), WIDTH);
	if (f->user_only)
		vm_report_say(&v->report, "       from user mode only: kernel.perf_event_paranoid forbids the others\n");
	vm_buf_free(&b);
}

static void say_verdict(struct vmfault *v, const struct vm_faultset *f)
{
	struct vmfault_finding found[FINDINGS];
	const size_t n = vmfault_verdict(v, f, found, FINDINGS);
	for (size_t i = 0; i < n; i++) {
		vm_report_wrap(&v->report, 8, "VERDICT ", found[i].text, WIDTH);
		vm_report_wrap(&v->report, 8, "", found[i].evidence, WIDTH);
	}
}

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

/** By time where it is known: what costs most comes first. */
static int by_cost(const void *a_, const void *b_)
{
	const struct vm_fault_place_row *a = a_, *b = b_;
	if (a->timed && a->ns != b->ns)
		return a->ns < b->ns ? 1 : -1;
	return (a->count < b->count) - (a->count > b->count);
}

static int kinds_by_count(const void *a_, const void *b_)
{
	const struct vm_fault_kind_row *a = a_, *b = b_;
	return (a->c.count < b->c.count) - (a->c.count > b->c.count);
}

/** Of the usual columns those that would hold nothing but "-". */
static const char *without_unknown(const struct vm_faultset *f, const struct vm_fieldset *set)
{
	if (f->have_times)
		return NULL;
	return set == &vm_fault_kind_fields ? "-MEAN,-P50,-P99,-MAX,-BYTES" : "-TIME,-MEAN";
}

static int list(struct vmfault *v, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size,
		const void *total, struct vm_err *err)
{
	const bool machine = vm_report_is_machine(&v->report);
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .columns = machine ? NULL : without_unknown(vm_faults_set(v->faults), set), .rows = rows,
		.n = n, .size = size, .total = total, .most = machine ? 0 : v->o->top, .more = "... ",
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

static int list_kinds(struct vmfault *v, const struct vm_faultset *f, bool chosen, struct vm_err *err)
{
	struct vm_fault_kind_row rows[VM_FAULT_KIND_NR];
	const struct vm_fault_kind_row total = vm_fault_total_row(f);
	const size_t n = vm_fault_kind_rows(f, false, rows);
	qsort(rows, n, sizeof(rows[0]), kinds_by_count);
	return list(v, &vm_fault_kind_fields, chosen, rows, n, sizeof(rows[0]), n > 1 ? &total : NULL, err);
}

const struct vm_fieldset *vmfault_fields(int by)
{
	static const struct vm_fieldset *const fields[] = {
		[VMFAULT_BY_KIND] = &vm_fault_kind_fields, [VMFAULT_BY_MAPPING] = &vm_fault_mapping_fields,
		[VMFAULT_BY_FILE] = &vm_fault_mapping_fields, [VMFAULT_BY_SITE] = &vm_fault_site_fields,
		[VMFAULT_BY_STACK] = &vm_fault_stack_fields, [VMFAULT_BY_THREAD] = &vm_fault_thread_fields,
	};
	return fields[by < 0 ? VMFAULT_BY_KIND : by];
}

bool vmfault_places(struct vmfault *v, const struct vm_faultset *f, enum vmfault_by by, struct vm_fault_places *p)
{
	bool ok = by == VMFAULT_BY_MAPPING ? vm_fault_by_mapping(f, p) : by == VMFAULT_BY_FILE ? vm_fault_by_file(f, p) :
		  by == VMFAULT_BY_SITE ? vm_sitenames_faults(&v->names, f, p) :
		  by == VMFAULT_BY_STACK ? vmfault_by_stack(v, f, p) : vm_fault_by_thread(f, p);
	if (ok && p->row.n)
		qsort(p->row.v, p->row.n, sizeof(*p->row.v), by_cost);
	return ok;
}

static int list_places(struct vmfault *v, const struct vm_faultset *f, enum vmfault_by by, bool chosen, struct vm_err *err)
{
	struct vm_fault_places p = { 0 };
	int r = 0;
	if (!vmfault_places(v, f, by, &p))
		r = vm_fail(err, ENOMEM, "out of memory");
	else if (p.row.n || chosen)
		r = list(v, vmfault_fields((int)by), chosen, p.row.v, p.row.n, sizeof(*p.row.v), NULL, err);
	vm_fault_places_free(&p);
	return r;
}

/** Of many processes nobody reads each one's mappings. */
static bool are_many(const struct vm_faultset *f)
{
	enum { MANY = 8 };
	return f->space.n > MANY;
}

static int overview(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	int r = list_kinds(v, f, true, err);
	if (r == 0 && f->have_groups) {
		vm_report_say(&v->report, "\n");
		r = list_places(v, f, are_many(f) ? VMFAULT_BY_FILE : VMFAULT_BY_MAPPING, false, err);
	}
	if (r == 0 && f->have_groups) {
		vm_report_say(&v->report, "\n");
		r = list_places(v, f, v->o->stacks ? VMFAULT_BY_STACK : VMFAULT_BY_SITE, false, err);
	}
	return r;
}

static int tables(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	const int by = v->o->by < 0 && vm_report_is_machine(&v->report) ? VMFAULT_BY_KIND : v->o->by;
	if (by == VMFAULT_BY_KIND)
		return list_kinds(v, f, true, err);
	return by < 0 ? overview(v, f, err) : list_places(v, f, (enum vmfault_by)by, true, err);
}

static void explain(struct vmfault *v, const struct vm_faultset *f)
{
	uint64_t count[VM_FAULT_KIND_NR], ns[VM_FAULT_KIND_NR];
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++) {
		count[k] = f->kind[k].count;
		ns[k] = f->kind[k].ns;
	}
	vmfault_explain(&v->report, count, ns, true);
}

static int pictures_and_tables(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	if (v->o->explain)
		explain(v, f);
	if (v->o->heat)
		vmfault_say_heat(v, f);
	if (v->o->histogram)
		vmfault_say_histogram(v, f);
	return v->o->explain || v->o->heat || v->o->histogram ? 0 : tables(v, f, err);
}

static int show(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	/* People need no tables of nothing. */
	const bool some = vm_fault_total_row(f).c.count > 0 || v->o->explain || vm_report_is_machine(&v->report);
	int r = 0;
	if (vm_report_is_document(&v->report))
		return vmfault_json(v, f, err);
	if (v->reports)
		vm_report_say(&v->report, "\n");
	if (v->report.style.headings) {
		say_heading(v, f);
		vmfault_say_series(v);
	}
	if (some && v->report.style.headings)
		vm_report_say(&v->report, "\n");
	if (some)
		r = pictures_and_tables(v, f, err);
	if (r == 0 && v->report.style.headings) {
		vm_report_say(&v->report, "\n");
		say_check(v, f);
		say_lost(v, f);
		say_source(v, f);
		say_verdict(v, f);
	}
	return r;
}

int vmfault_show(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	int r = 0;
	if (v->o->folded || v->o->svg)
		r = vmfault_flame(v, f, err);
	if (r < 0 || v->o->folded)
		return r;
	r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r == 0)
		r = show(v, f, err);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}
