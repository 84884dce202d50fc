/** vmtlb --hot: reports for programs. */

#include <math.h>

#include "cli/vmtlb/hot.h"
#include "core/field/tlb_hot.h"
#include "core/model/aspace.h"

static void number(struct vm_json *j, const char *key, uint64_t v)
{
	vm_json_key(j, key);
	if (v == VM_ACCESSED_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_u64(j, v);
}

static void put_process(const struct vmtlb_hot_run *h, struct vm_json *j)
{
	vm_json_key(j, "process");
	vm_json_object_begin(j);
	number(j, "pid", (uint64_t)h->pid);
	vm_json_put_str(j, "comm", h->as->proc.comm);
	vm_json_put_bool(j, "ended", h->ended);
	vm_json_object_end(j);
}

static void put_windows(const struct vm_tlb_hot *sum, struct vm_json *j)
{
	static const char *const kinds[] = {
		[VM_ACCESSED_BRIEF] = "brief", [VM_ACCESSED_WALKED] = "walked", [VM_ACCESSED_USED] = "used",
	};
	vm_json_key(j, "windows");
	vm_json_object_begin(j);
	for (unsigned k = 0; k < VM_ACCESSED_KINDS; k++) {
		const bool any = sum->windows[k] > 0;
		vm_json_key(j, kinds[k]);
		vm_json_object_begin(j);
		number(j, "count", sum->windows[k]);
		number(j, "left_out", sum->left_out[k]);
		number(j, "window_ns", any ? sum->window_ns[k] : VM_ACCESSED_UNKNOWN);
		number(j, "clear_ns", any ? sum->clear_ns[k] : VM_ACCESSED_UNKNOWN);
		vm_json_object_end(j);
	}
	vm_json_object_end(j);
}

static void put_ways(const struct vmtlb_hot_run *h, struct vm_json *j)
{
	const struct vm_accessed_facts *f = h->facts;
	vm_json_put_str(j, "reads", f->by_tables ? "page-tables" : "smaps");
	vm_json_put_str(j, "why_not_page_tables", f->why_not_tables);
	vm_json_put_str(j, "flush", f->flush == VM_FLUSH_NONE ? NULL : vm_flush_words[f->flush]);
	vm_json_put_str(j, "why_no_flush", f->why_no_flush);
	vm_json_put_bool(j, "soft_dirty", f->soft_dirty);
	vm_json_put_bool(j, "clearing_flushes", f->clearing_flushes);
}

static void put_tlb(const struct vm_tlb_known *k, struct vm_json *j)
{
	number(j, "stlb_entries", vm_tlb_entries(k->geometry.stlb));
	vm_json_put_str(j, "stlb_by", vmtlb_hot_known_by(k->by));
	vm_json_key(j, "huge_pages_split");
	if (k->huge_pages_split == VM_TLB_SPLIT_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, k->huge_pages_split == VM_TLB_SPLIT_YES);
}

static void put_noise(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_json *j)
{
	vm_json_key(j, "noise");
	vm_json_object_begin(j);
	vm_json_put_bool(j, "disturbed", sum->disturbed);
	vm_json_put_f64(j, "walked_share", h->noise);
	number(j, "window_ns", h->noise_ns);
	vm_json_put_f64(j, "brief_walked_share", h->noise_brief);
	number(j, "brief_window_ns", h->brief_ns);
	vm_json_object_end(j);
}

static void put_cost(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_json *j)
{
	const bool soft_dirty = h->facts->flush == VM_FLUSH_CLEAR_REFS && h->facts->soft_dirty;
	vm_json_key(j, "cost");
	vm_json_object_begin(j);
	number(j, "cleared", h->window.n);
	number(j, "set_again", sum->set_again);
	vm_json_put_f64(j, "set_again_each_ns", h->facts->set_again_ns);
	number(j, "flushes", sum->windows[VM_ACCESSED_USED]);
	vm_json_put_bool(j, "soft_dirty_lost", soft_dirty);
	number(j, "read_ns", sum->read_ns);
	number(j, "total_ns", sum->total_ns);
	vm_json_object_end(j);
}

static void put_totals(struct vmtlb *v, const struct vm_tlb_hot *sum, struct vm_json *j)
{
	struct vm_view view = { .set = &vm_tlb_hot_fields };
	vm_columns_parse(&vm_tlb_hot_fields, "RSS,USED,WALKED,WALK%,HUGE,ENTRIES,WENTRIES,PER-MS,WALKS/S,TIME%,xSTLB", VM_F_MACHINE,
			 &view.cols, NULL);
	vm_json_key(j, "totals");
	vm_json_object_begin(j);
	vm_report_members(&v->report, &view, &sum->total);
	vm_json_object_end(j);
}

static void put_findings(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_json *j)
{
	struct vm_buf b = { 0 };
	vm_json_key(j, "findings");
	vm_json_array_begin(j);
	for (size_t i = 0; i < sum->row.n; i++) {
		b.n = 0;
		if (!vmtlb_hot_finding(h, sum, &sum->row.v[i], &b))
			continue;
		vm_json_object_begin(j);
		vm_json_put_str(j, "finding", vm_tlb_verdict_words[sum->row.v[i].verdict]);
		vm_json_key(j, "start");
		vm_json_addr(j, sum->row.v[i].m->start);
		vm_json_put_str(j, "text", vm_buf_str(&b));
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_buf_free(&b);
}

int vmtlb_hot_json(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_err *err)
{
	struct vmtlb *v = h->v;
	struct vm_json *j = &v->report.json;
	vmtlb_put_target(v, j);
	put_process(h, j);
	number(j, "window_ns", v->o->window_ns);
	number(j, "samples", h->samples);
	vm_json_put_f64(j, "cpu_share", sum->cpu_share);
	put_ways(h, j);
	put_tlb(&h->known, j);
	put_windows(sum, j);
	put_noise(h, sum, j);
	int r = vmtlb_list(v, &vm_tlb_hot_fields, true, sum->row.v, sum->row.n, sizeof(*sum->row.v), NULL, err);
	put_totals(v, sum, j);
	put_findings(h, sum, j);
	put_cost(h, sum, j);
	return r;
}
