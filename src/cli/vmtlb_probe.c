/** vmtlb --probe: this machine's TLBs by timing. */

#include "cli/vmtlb.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
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
	*row = (struct vm_tlb_level_row){ .key = key, .name = name, .knee = *knee, .ns = ns, .page_bytes = p->page_bytes };
	if (!(knee->at > 0))
		return;
	const uint64_t entries = (uint64_t)lround(knee->at);
	vm_tlb_shape_near(which, knee->at, &row->near);
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

static int put_lists(struct vmtlb *v, const struct rows *r, bool machine, struct vm_err *err)
{
	int e = vmtlb_list(v, &vm_tlb_level_fields, true, r->level, r->levels, sizeof(r->level[0]), NULL, err);
	vm_report_say(&v->report, "\n");
	if (e == 0)
		e = vmtlb_list(v, &vm_tlb_cost_fields, false, r->cost, r->costs, sizeof(r->cost[0]), NULL, err);
	if (e == 0 && machine)
		e = vmtlb_list(v, &vm_tlb_point_fields, false, r->point, r->points, sizeof(r->point[0]), NULL, err);
	return e;
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void put_text(struct vm_json *j, const char *key, const char *text)
{
	vm_json_key(j, key);
	vm_json_str(j, *text ? text : NULL);
}

static void put_entries(struct vm_json *j, const char *key, unsigned entries)
{
	vm_json_key(j, key);
	if (entries)
		vm_json_u64(j, entries);
	else
		vm_json_null(j);
}

static void put_double(struct vm_json *j, const char *key, double v)
{
	vm_json_key(j, key);
	vm_json_f64(j, v);
}

static void put_split(struct vm_json *j, enum vm_tlb_split split)
{
	vm_json_key(j, "huge_pages_split");
	if (split == VM_TLB_SPLIT_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, split == VM_TLB_SPLIT_YES);
}

static void put_document(struct vm_json *j, const struct vm_tlb_probe *p)
{
	const struct vm_tlb_known *k = &p->known;
	put_text(j, "cpu", p->cpu);
	put_text(j, "hypervisor", p->hypervisor);
	put_entries(j, "dtlb_entries", k->dtlb_entries);
	put_entries(j, "stlb_entries", k->stlb_entries);
	put_entries(j, "itlb_entries", k->itlb_entries);
	put_double(j, "hit_ns", k->hit_ns);
	put_double(j, "stlb_hit_ns", k->stlb_hit_ns);
	put_double(j, "walk_ns", k->walk_ns);
	put_split(j, k->huge_pages_split);
	vm_json_key(j, "split_test");
	vm_json_object_begin(j);
	put_entries(j, "few_lines", p->few_lines);
	put_double(j, "few_lines_ns", p->few_lines_ns);
	put_entries(j, "many_lines", p->many_lines);
	put_double(j, "many_lines_ns", p->many_lines_ns);
	vm_json_object_end(j);
	vm_json_key(j, "on_cpu");
	vm_json_u64(j, p->on_cpu);
	vm_json_key(j, "page_bytes");
	vm_json_u64(j, p->page_bytes);
	vm_json_key(j, "trusted");
	vm_json_bool(j, k->trusted);
	put_text(j, "doubt", p->doubt);
	put_text(j, "no_itlb", p->no_code);
	put_text(j, "no_huge_pages", p->no_huge);
	put_text(j, "no_more_costs", p->no_more);
	vm_json_key(j, "from_cache");
	vm_json_bool(j, p->from_cache);
	vm_json_key(j, "measured_at");
	vm_json_u64(j, p->at_s);
	vm_json_key(j, "measured_in_ns");
	vm_json_u64(j, p->took_ns);
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

static int put_report(struct vmtlb *v, const struct vm_tlb_probe *p, const struct rows *r, struct vm_err *err)
{
	int e = put_lists(v, r, false, err);
	(void)p;
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
		e = vm_report_is_machine(&v->report) ? put_lists(v, r, true, err) : put_report(v, p, r, err);
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
