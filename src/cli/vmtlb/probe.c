/** vmtlb --probe: this machine's TLBs by timing. */

#include "cli/vmtlb/vmtlb.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/vmtlb/picture.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_probe.h"
#include "core/source/session.h"
#include "core/source/tlbprobe.h"

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

enum { LEVELS = 4, COSTS = VM_TLB_COSTS_MAX, POINTS = 2 * VM_TLB_POINTS_MAX };

struct rows {
	struct vm_tlb_level_row level[LEVELS];
	struct vm_tlb_cost_row cost[COSTS];
	struct vm_tlb_point_row point[POINTS];
	size_t levels, costs, points;
};

static void add_level(struct rows *r, const struct vm_tlb_probe *p, const char *key, const char *name,
		      enum vm_tlb_buffer which, const struct vm_tlb_knee *knee, double ns)
{
	struct vm_tlb_level_row *row = &r->level[r->levels++];
	const bool split = p->known.huge_pages_split == VM_TLB_SPLIT_YES;
	*row = (struct vm_tlb_level_row){ .key = key, .name = name, .knee = *knee, .ns = ns,
					 .adds = which == VM_TLB_STLB, .page_bytes = p->page_bytes };
	if (!(knee->at > 0))
		return;
	const uint64_t entries = (uint64_t)lround(knee->at);
	vm_tlb_shape_near(which, knee, &row->near);
	row->reach_bytes = entries * p->page_bytes;
	/* In the first level huge pages have entries of their own, fewer than these. */
	if (split)
		row->reach_2m_bytes = row->reach_bytes;
	else if (which == VM_TLB_STLB && p->known.huge_pages_split == VM_TLB_SPLIT_NO)
		row->reach_2m_bytes = entries << vm_tlb_size_shift(VM_TLB_2M);
}

static void add_points(struct rows *r, const char *name, const struct vm_tlb_curve *c)
{
	for (size_t i = 0; i < c->n; i++)
		r->point[r->points++] = (struct vm_tlb_point_row){ name, c->v[i] };
}

static void make_rows(const struct vm_tlb_probe *p, struct rows *r)
{
	const struct vm_tlb_knee none = { 0 };
	*r = (struct rows){ 0 };
	add_level(r, p, "l1d", "L1 dTLB", VM_TLB_L1D, &p->dtlb, p->known.hit_ns);
	add_level(r, p, "stlb", "STLB", VM_TLB_STLB, &p->stlb, p->known.stlb_hit_ns);
	add_level(r, p, "walk", "page walk", VM_TLB_STLB, &none, p->known.walk_ns);
	add_level(r, p, "l1i", "L1 iTLB", VM_TLB_L1I, &p->itlb, (double)NAN);
	for (size_t i = 0; i < p->known.ncosts; i++)
		r->cost[r->costs++].cost = p->known.cost[i];
	add_points(r, "data", &p->data);
	add_points(r, "code", &p->code);
}

static int put_lists(struct vmtlb *v, const struct rows *r, struct vm_err *err)
{
	int e = vmtlb_list(v, &vm_tlb_level_fields, true, r->level, r->levels, sizeof(r->level[0]), NULL, err);
	if (e == 0)
		e = vmtlb_list(v, &vm_tlb_cost_fields, false, r->cost, r->costs, sizeof(r->cost[0]), NULL, err);
	if (e == 0)
		e = vmtlb_list(v, &vm_tlb_point_fields, false, r->point, r->points, sizeof(r->point[0]), NULL, err);
	return e;
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void put_entries(struct vm_json *j, const char *key, unsigned entries)
{
	vm_json_key(j, key);
	if (entries)
		vm_json_u64(j, entries);
	else
		vm_json_null(j);
}

static void put_split(struct vm_json *j, enum vm_tlb_split split)
{
	vm_json_key(j, "huge_pages_split");
	if (split == VM_TLB_SPLIT_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, split == VM_TLB_SPLIT_YES);
}

/** As --geometry takes it. */
static void put_geometry(struct vm_json *j, const struct vm_tlb_geometry *g)
{
	struct vm_buf text = { 0 };
	vm_tlb_geometry_put(&text, g);
	vm_json_key(j, "geometry");
	vm_json_str(j, vm_buf_str(&text));
	vm_buf_free(&text);
}

static void put_document(struct vm_json *j, const struct vm_tlb_probe *p)
{
	const struct vm_tlb_known *k = &p->known;
	vm_json_put_str(j, "cpu", p->cpu);
	vm_json_put_str(j, "hypervisor", p->hypervisor);
	put_entries(j, "dtlb_entries", k->dtlb_entries);
	put_entries(j, "stlb_entries", k->stlb_entries);
	put_entries(j, "itlb_entries", k->itlb_entries);
	vm_json_put_f64(j, "hit_ns", k->hit_ns);
	vm_json_put_f64(j, "stlb_hit_ns", k->stlb_hit_ns);
	vm_json_put_f64(j, "walk_ns", k->walk_ns);
	put_split(j, k->huge_pages_split);
	put_geometry(j, &k->geometry);
	vm_json_key(j, "split_test");
	vm_json_object_begin(j);
	put_entries(j, "few_lines", p->few_lines);
	vm_json_put_f64(j, "few_lines_ns", p->few_lines_ns);
	put_entries(j, "many_lines", p->many_lines);
	vm_json_put_f64(j, "many_lines_ns", p->many_lines_ns);
	vm_json_object_end(j);
	vm_json_key(j, "on_cpu");
	vm_json_u64(j, p->on_cpu);
	vm_json_key(j, "page_bytes");
	vm_json_u64(j, p->page_bytes);
	vm_json_key(j, "trusted");
	vm_json_bool(j, k->trusted);
	vm_json_put_str(j, "doubt", p->doubt);
	vm_json_put_str(j, "no_itlb", p->no_code);
	vm_json_put_str(j, "no_huge_pages", p->no_huge);
	vm_json_put_str(j, "no_more_costs", p->no_more);
	vm_json_key(j, "from_cache");
	vm_json_bool(j, p->from_cache);
	vm_json_key(j, "measured_at");
	vm_json_u64(j, p->at_s);
	vm_json_key(j, "measured_in_ns");
	vm_json_u64(j, p->took_ns);
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

/** A footprint of which is said what huge pages save there: some times what second levels translate. */
#define SAVED_AT (UINT64_C(32) << 20)

enum { WIDTH = 80, HEADING = 10, PICTURE = 8 };

static size_t width_of(const struct vmtlb *v)
{
	return v->style.width && v->style.width < WIDTH ? v->style.width : WIDTH;
}

__attribute__((format(printf, 3, 4)))
static void say(struct vmtlb *v, const char *heading, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vm_report_wrap(&v->report, HEADING, heading, text, width_of(v));
}

static void say_heading(struct vmtlb *v, const struct vm_tlb_probe *p)
{
	char took[VM_NUMBUF], when[64] = "?";
	const time_t at = (time_t)p->at_s;
	struct tm tm;
	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	say(v, "CPU", "%s, %s%s", *p->cpu ? p->cpu : "not known", *p->hypervisor ? "under " : "no hypervisor shows itself",
	    p->hypervisor);
	say(v, "measured", "%s in %s on CPU %u%s", when, vm_format_duration(p->took_ns, took), p->on_cpu,
	    p->from_cache ? " (kept since; --fresh measures again)" : "");
	if (*p->doubt)
		say(v, "DOUBT", "not to be trusted: %s. Measure again while the machine has less to do: vmtlb --probe --fresh",
		    p->doubt);
}

static void draw(struct vmtlb *v, const struct vm_tlb_probe *p)
{
	struct vm_buf b = { 0 };
	const struct vmtlb_mark mark[] = { { p->dtlb.at, "L1 dTLB" }, { p->stlb.at, "STLB" } };
	vmtlb_picture_put(&b, &p->data, mark, sizeof(mark) / sizeof(mark[0]), PICTURE, &v->style);
	if (b.n) {
		vm_report_say(&v->report, "\nns of a load, by how many pages are loaded from in turn\n");
		vm_report_put(&v->report, b.s, b.n);
	}
	vm_buf_free(&b);
}

/** How much huge pages save where there is enough to save. */
static void say_savings(const struct vm_tlb_known *k, char *to, size_t size)
{
	size_t n = 0;
	const struct vm_tlb_cost *last = NULL;
	for (size_t i = 0; i < k->ncosts; i++)
		if (vm_tlb_cost_saved(&k->cost[i]) > 0)
			last = &k->cost[i];
	to[0] = '\0';
	for (size_t i = 0; last && i < k->ncosts; i++) {
		char bytes[VM_NUMBUF];
		const struct vm_tlb_cost *c = &k->cost[i];
		if ((c->bytes != SAVED_AT && c != last) || !(vm_tlb_cost_saved(c) > 0) || n >= size)
			continue;
		n += (size_t)snprintf(to + n, size - n, "%s %.0f %% at %s", n ? "," : ": they save",
				      100 * vm_tlb_cost_saved(c), vm_format_size(c->bytes, bytes));
	}
}

static void say_split(struct vmtlb *v, const struct vm_tlb_probe *p)
{
	char saved[128];
	say_savings(&p->known, saved, sizeof(saved));
	switch (p->known.huge_pages_split) {
	case VM_TLB_SPLIT_YES:
		say(v, "2M pages", "SPLIT BY THE HOST. A huge page takes entries for base pages here (a load takes %.1f ns with "
		    "%u lines of one huge page, %.1f ns with %u), so huge pages don't extend the reach. They shorten page walks%s.",
		    p->many_lines_ns, p->many_lines, p->few_lines_ns, p->few_lines, saved);
		break;
	case VM_TLB_SPLIT_NO:
		say(v, "2M pages", "whole: one entry translates 2M (a load takes %.1f ns with %u lines of one huge page, %.1f ns "
		    "with %u)%s.", p->many_lines_ns, p->many_lines, p->few_lines_ns, p->few_lines, saved);
		break;
	case VM_TLB_SPLIT_UNKNOWN:
		break;
	}
	if (*p->no_huge)
		say(v, "2M pages", "not known: %s.", p->no_huge);
}

static int put_report(struct vmtlb *v, const struct vm_tlb_probe *p, const struct rows *r, struct vm_err *err)
{
	const struct vmtlb_options *given = v->o;
	struct vmtlb_options all = *given;
	say_heading(v, p);
	vm_report_say(&v->report, "\n");
	int e = vmtlb_list(v, &vm_tlb_level_fields, true, r->level, r->levels, sizeof(r->level[0]), NULL, err);
	if (*p->no_code)
		say(v, "iTLB", "not known: %s.", p->no_code);
	draw(v, p);
	vm_report_say(&v->report, "\nns that translation adds to a load somewhere in the footprint\n");
	/* They are few, and belong together. */
	all.top = 0;
	v->o = &all;
	if (e == 0)
		e = vmtlb_list(v, &vm_tlb_cost_fields, false, r->cost, r->costs, sizeof(r->cost[0]), NULL, err);
	v->o = given;
	if (*p->no_more)
		say(v, "no more", "%s.", p->no_more);
	vm_report_say(&v->report, "\n");
	say_split(v, p);
	return e;
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

static int show(struct vmtlb *v, const struct vm_tlb_probe *p, struct vm_err *err)
{
	struct rows *r = malloc(sizeof(*r));
	if (!r)
		return vm_fail(err, ENOMEM, "out of memory");
	make_rows(p, r);
	int e = vmtlb_report_begin(v, &vmtlb_probe);
	if (e == 0 && vm_report_is_document(&v->report))
		put_document(&v->report.json, p);
	if (e == 0)
		e = vm_report_is_machine(&v->report) ? put_lists(v, r, err) : put_report(v, p, r, err);
	const int end = vmtlb_report_end(v, err);
	free(r);
	return e < 0 ? e : end;
}

static int run(struct vmtlb *v, struct vm_err *err)
{
	struct vm_tlb_probe *p = malloc(sizeof(*p));
	if (!p)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = vm_tlb_probe(v->s, v->o->fresh, p, err);
	if (r == 0)
		r = show(v, p, err);
	free(p);
	return r;
}

const struct vmtlb_mode vmtlb_probe = { .name = "probe", .fields = &vm_tlb_level_fields, .run = run };
