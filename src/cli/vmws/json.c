/** vmws: documents. */

#include "cli/vmws/vmws.h"

#include <math.h>

#include "core/base/str.h"
#include "core/field/ws.h"

static void put_method(const struct vm_ws_facts *f, const struct vmws *v, struct vm_json *j)
{
	vm_json_put_str(j, "method", vm_ws_methods[f->method].name);
	vm_json_put_str(j, "effect", vm_ws_methods[f->method].effect);
	vm_json_put_bool(j, "by_page", f->pages);
	vm_json_put_str(j, "why_not_by_page", f->why_not_pages);
	vm_json_put_bool(j, "hides", f->hides);
	vm_json_put_str(j, "why_hides", f->why_hides);
	vm_json_put_str(j, "writes", v->o->written ? vm_ws_writes[f->writes].name : NULL);
	vm_json_put_str(j, "writes_effect", vm_ws_writes[f->writes].effect);
	vm_json_put_str(j, "why_not_writes", f->why_not_writes);
}

static void put_others(const struct vm_ws_sum *s, struct vmws_others *o, struct vm_json *j)
{
	vm_json_key(j, "others");
	vm_json_object_begin(j);
	vm_json_put_f64(j, "cleared_share", s->cleared_share);
	vm_json_put_str(j, "damon", vm_buf_str(&o->damon));
	vm_json_put_known(j, "reclaim_scanned_pages", o->scanned_pages != UINT64_MAX, o->scanned_pages);
	vm_json_object_end(j);
}

static void put_cost(const struct vmws_process *p, const struct vm_ws_sum *s, struct vm_json *j)
{
	vm_json_key(j, "cost");
	vm_json_object_begin(j);
	vm_json_put_u64(j, "cost_ns", s->cost_ns);
	vm_json_put_u64(j, "locked_ns", s->locked_ns);
	vm_json_put_u64(j, "clear_ns", s->clear_ns);
	vm_json_put_u64(j, "read_ns", s->read_ns);
	vm_json_put_u64(j, "set_again", s->set_again);
	vm_json_put_f64(j, "set_again_each_ns", p->facts->set_again_ns);
	vm_json_object_end(j);
}

static void put_totals(struct vmws *v, const struct vm_ws_row *t)
{
	struct vm_view view = { .set = &vm_ws_mapping_fields };
	vm_columns_parse(&vm_ws_mapping_fields, "RSS,USED,USED-MAX,USED%,HOT,WARM,COLD,UNSURE,WRITTEN,WRITTEN-MAX,WRITE/S,WRITE/S-MAX",
			 VM_F_MACHINE, &view.cols, NULL);
	vm_json_key(&v->report.json, "totals");
	vm_json_object_begin(&v->report.json);
	vm_report_members(&v->report, &view, t);
	vm_json_object_end(&v->report.json);
}

int vmws_json_process(struct vmws *v, struct vmws_process *p, struct vm_ws_sum *s, struct vmws_others *o, struct vm_err *err)
{
	struct vm_json *j = &v->report.json;
	vm_json_object_begin(j);
	vm_json_put_u64(j, "pid", (uint64_t)p->pid);
	vm_json_put_str(j, "comm", p->comm);
	vm_json_put_bool(j, "ended", p->ended);
	vm_json_put_str(j, "failure", p->failure.code ? p->failure.what : NULL);
	put_method(p->facts, v, j);
	vm_json_put_u64(j, "span_ns", s->ns);
	vm_json_put_u64(j, "hot_ns", s->hot_ns);
	vm_json_put_u64(j, "warm_ns", s->warm_ns);
	vm_json_put_u64(j, "hidden_bytes", p->set.hidden_bytes);
	put_totals(v, &s->total);
	int r = vmws_list(v, &vm_ws_window_fields, false, s->window.v, s->window.n, sizeof(*s->window.v), NULL, err);
	if (r == 0)
		r = vmws_list(v, &vm_ws_mapping_fields, v->process.n == 1, s->row.v, s->row.n, sizeof(*s->row.v), NULL, err);
	if (r == 0)
		r = vmws_list(v, &vm_ws_round_fields, false, p->set.round.v, p->set.round.n, sizeof(*p->set.round.v), NULL, err);
	put_others(s, o, j);
	put_cost(p, s, j);
	vm_json_object_end(j);
	return r;
}
