/** vmtlb --sites and --stacks: reports. */

#include "cli/vmtlb/sites.h"

#include <errno.h>
#include <string.h>

#include "cli/vmtlb/count.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_sample.h"

enum { WIDTH = 80, MARGIN = 7 };

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

static const struct vm_sitename *site_of(struct vmtlb_samples *s, const struct vm_walkset *set, const struct vm_walk_group *g)
{
	return g->kernel ? vm_sitename_kernel(&s->names, g->ip) : vm_sitename(&s->names, &set->who, g->space, g->ip);
}

static bool by_site(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_walk_rows *rows)
{
	for (size_t i = 0; i < set->group.n; i++) {
		const struct vm_walk_group *g = &set->group.v[i];
		const struct vm_sitename *site = site_of(s, set, g);
		bool is_new;
		struct vm_walk_row *row = site ? vm_walk_row(rows, site->key, &is_new) : NULL;
		if (!row)
			return false;
		if (is_new) {
			row->place = site->text;
			row->source = site->source;
			row->line = site->line;
			row->ip = g->ip;
		}
		vm_walk_row_add(row, set, g);
	}
	vm_walk_rows_finish(rows);
	return true;
}

/** Names of a stack, outermost first. */
static void frames_of(struct vmtlb_samples *s, const struct vm_walkset *set, const struct vm_walk_group *g,
		      struct vm_siteframes *to)
{
	vm_siteframes_set(to, &s->names, &set->who, g->space, g->stack, g->kernel ? 0 : g->ip);
	const struct vm_sitename *kernel = g->kernel ? site_of(s, set, g) : NULL;
	if (kernel)
		vm_siteframes_push(to, kernel->text, VM_FLAME_KERNEL);
}

static bool by_stack(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_walk_rows *rows)
{
	struct vm_siteframes frames = { 0 };
	bool ok = true;
	for (size_t i = 0; ok && i < set->group.n; i++) {
		size_t len;
		bool is_new;
		frames_of(s, set, &set->group.v[i], &frames);
		const char *stack = vm_siteframes_join(&frames, &len);
		struct vm_walk_row *row = vm_walk_row(rows, vm_sitename_hash(stack, len), &is_new);
		if (row && is_new)
			row->place = vm_arena_strndup(&rows->arena, stack, len);
		ok = row && row->place;
		if (ok)
			vm_walk_row_add(row, set, &set->group.v[i]);
	}
	vm_siteframes_free(&frames);
	vm_walk_rows_finish(rows);
	return ok;
}

/** Of many processes nobody reads each one's mappings. */
static bool are_many(const struct vm_walkset *set)
{
	enum { MANY = 8 };
	return set->who.space.n > MANY;
}

static int list(struct vmtlb_samples *s, const struct vm_walkset *set, const struct vm_fieldset *fields, struct vm_err *err)
{
	struct vm_walk_rows rows = { 0 };
	const bool merge = are_many(set) && !vm_report_is_machine(&s->v->report);
	const bool ok = fields == &vm_walk_mapping_fields ? vm_walk_by_mapping(set, merge, &rows) :
			fields == &vm_walk_stack_fields ? by_stack(s, set, &rows) : by_site(s, set, &rows);
	int r = ok ? vmtlb_list(s->v, fields, fields == s->mode->fields, rows.row.v, rows.row.n, sizeof(*rows.row.v), NULL, err) :
		     vm_fail(err, ENOMEM, "out of memory");
	vm_walk_rows_free(&rows);
	return r;
}

static uint64_t addressed(const struct vm_walkset *set)
{
	uint64_t n = 0;
	for (size_t i = 0; i < set->nevents; i++)
		n += set->event[i].with_address;
	return n;
}

/* ---- Folded stacks ------------------------------------------------------------------------------------------------ */

static int show_folded(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_err *err)
{
	struct vm_siteframes frames = { 0 };
	struct vm_flame *flame = vm_flame_new();
	int r = flame ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < set->group.n; i++) {
		const struct vm_walk_group *g = &set->group.v[i];
		frames_of(s, set, g, &frames);
		r = vm_siteframes_add(&frames, flame, (uint64_t)(vm_walkset_events(set, g->event, g->weight) + 0.5));
	}
	if (r == 0)
		r = vm_flame_folded(flame, s->v->out);
	vm_flame_free(flame);
	vm_siteframes_free(&frames);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the stacks") : 0;
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

static void say(struct vmtlb *v, const char *heading, const char *text)
{
	vm_report_wrap(&v->report, MARGIN, heading, text, WIDTH);
}

static void say_skid(struct vmtlb *v, const struct vm_walkset *set)
{
	static const char *const text[] = {
		[VM_WALK_SKID_NONE] = NULL,
		[VM_WALK_SKID_CONSTANT] = "sampled instructions are those right behind the ones that caused it (precise_ip 1)",
		[VM_WALK_SKID_ANY] = "sampled instructions come some way behind those that caused it (precise_ip 0), sometimes in the next "
			"function: trust functions more than instructions",
	};
	enum vm_walk_skid most = VM_WALK_SKID_NONE;
	for (size_t i = 0; i < set->nevents; i++)
		most = set->event[i].samples && set->event[i].skid > most ? set->event[i].skid : most;
	if (text[most])
		say(v, "SKID   ", text[most]);
}

static void say_notes(struct vmtlb *v, const struct vm_walkset *set)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < set->nevents; i++) {
		const struct vm_walk_event *e = &set->event[i];
		b.n = 0;
		vm_buf_addf(&b, "%s: %s", e->name, e->note ? e->note : "");
		if (e->note)
			say(v, "NOTE   ", vm_buf_str(&b));
		b.n = 0;
		vm_buf_addf(&b, "%s wasn't counted: others held the CPU's counters all the time", e->name);
		if (e->count.opened && e->count.enabled_ns && !e->count.running_ns)
			say(v, "NOTE   ", vm_buf_str(&b));
		b.n = 0;
		vm_buf_addf(&b, "%s: none of its samples says that it missed; kernels before Linux 6.1 say nothing of it", e->name);
		if (e->filtered && e->all_weight && !e->samples)
			say(v, "NOTE   ", vm_buf_str(&b));
	}
	for (size_t i = 0; i < set->nrefused; i++) {
		const char *word = strerrorname_np(-set->refused[i].code);
		b.n = 0;
		vm_buf_addf(&b, "%s can't be sampled here (%s)", set->refused[i].name, word ? word : "?");
		say(v, "NOTE   ", vm_buf_str(&b));
	}
	vm_buf_free(&b);
}

static void say_limits(struct vmtlb *v, const struct vm_walkset *set)
{
	char line[160];
	if (set->user_only)
		say(v, "NOTE   ", "user mode only: kernel.perf_event_paranoid forbids the kernel's");
	if (set->lost) {
		snprintf(line, sizeof(line), "%llu samples, for which there was no room; a longer --period, or a lower --frequency, loses fewer",
			 (unsigned long long)set->lost);
		say(v, "LOST   ", line);
	}
	if (set->throttled) {
		snprintf(line, sizeof(line), "%llu times the kernel stopped an event for a moment, since it came too often: shares are distorted; "
			 "a longer --period helps", (unsigned long long)set->throttled);
		say(v, "HELD   ", line);
	}
	if (vm_walkset_samples(set) && !addressed(set))
		say(v, "NOTE   ", "samples of these events tell no address of the data: by mapping nothing is known");
}

static void say_heading(struct vmtlb_samples *s, const struct vm_walkset *set)
{
	struct vmtlb *v = s->v;
	char wall[VM_NUMBUF];
	vmtlb_say_whom(v);
	vm_report_say(&v->report, ": %s, %llu samples\n", vm_format_duration(set->now_ns - set->began_ns, wall),
		      (unsigned long long)vm_walkset_samples(set));
}

static int show_tables(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	int r = 0;
	if (v->reports)
		vm_report_say(&v->report, "\n");
	if (v->report.style.headings) {
		say_heading(s, set);
		r = vmtlb_list(v, &vm_walk_event_fields, false, set->event, set->nevents, sizeof(set->event[0]), NULL, err);
		say_skid(v, set);
		say_notes(v, set);
		say_limits(v, set);
	}
	if (r == 0 && vm_walkset_samples(set)) {
		vm_report_say(&v->report, "\n");
		r = list(s, set, s->mode->fields, err);
	}
	if (r == 0 && s->mode == &vmtlb_sites && addressed(set)) {
		vm_report_say(&v->report, "\n");
		r = list(s, set, &vm_walk_mapping_fields, err);
	}
	return r;
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void put_refused(const struct vm_walkset *set, struct vm_json *j)
{
	vm_json_key(j, "not_sampled");
	vm_json_array_begin(j);
	for (size_t i = 0; set && i < set->nrefused; i++) {
		vm_json_object_begin(j);
		vm_json_put_str(j, "event", set->refused[i].name);
		vm_json_put_str(j, "error", strerrorname_np(-set->refused[i].code));
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
}

static int put_list(struct vmtlb_samples *s, const struct vm_walkset *set, const struct vm_fieldset *fields, bool known,
		    struct vm_err *err)
{
	if (known)
		return list(s, set, fields, err);
	vm_json_key(&s->v->report.json, fields->rows);
	vm_json_null(&s->v->report.json);
	return 0;
}

static int show_document(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	struct vm_json *j = &v->report.json;
	vmtlb_put_target(v, j);
	vmtlb_put_counters(j, &s->pmu, s->refused ? s->why.what : NULL);
	vm_json_put_known(j, "wall_ns", set, set ? set->now_ns - set->began_ns : 0);
	vm_json_put_known(j, "samples", set, set ? vm_walkset_samples(set) : 0);
	vm_json_put_known(j, "lost_samples", set, set ? set->lost : 0);
	vm_json_put_known(j, "throttled", set, set ? set->throttled : 0);
	put_refused(set, j);
	int r = vmtlb_list(v, &vm_walk_event_fields, false, set ? set->event : NULL, set ? set->nevents : 0, sizeof(set->event[0]), NULL,
			   err);
	if (r == 0)
		r = put_list(s, set, s->mode->fields, set, err);
	if (r == 0 && s->mode == &vmtlb_sites)
		r = put_list(s, set, &vm_walk_mapping_fields, set && (addressed(set) || !vm_walkset_samples(set)), err);
	vm_json_put_known(j, "exit_status", v->child.ended, (uint64_t)v->child.status);
	return r;
}

int vmtlb_samples_show(struct vmtlb_samples *s, const struct vm_walkset *set, struct vm_err *err)
{
	struct vmtlb *v = s->v;
	if (v->o->folded)
		return set ? show_folded(s, set, err) : 0;
	int r = vmtlb_report_begin(v, s->mode);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (vm_report_is_document(&v->report))
		r = show_document(s, set, err);
	else if (set && vm_report_is_machine(&v->report))
		r = list(s, set, s->mode->fields, err);
	else if (set)
		r = show_tables(s, set, err);
	const int ended = vmtlb_report_end(v, err);
	return r < 0 ? r : ended;
}
