/** vmws: reports. */

#include "cli/vmws/vmws.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/ws.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

enum { WIDTH = 80, MARGIN = 8 };

/** From such a share on it is worth a word that somebody else clears bits. */
#define CLEARED 0.001

struct report {
	struct vmws *v;
	struct vm_ws_sum *sum;     /* by process; zeroed where there is none */
	struct vm_ws_process *row;
	size_t rows;
};

/** What fits into 80 columns; NULL: those that the fields say. */
static const char *usual_columns(const struct vmws *v, const struct vm_fieldset *set)
{
	if (!v->o->written)
		return set == &vm_ws_window_fields || set == &vm_ws_round_fields ? "-WRITTEN,-WRITTEN-MAX" : NULL;
	if (set == &vm_ws_mapping_fields)
		return "START,RSS,USED,USED-MAX,HOT,COLD,WRITTEN,WRITTEN-MAX,MAPPING";
	return set == &vm_ws_process_fields ? "PID,RSS,USED,USED-MAX,HOT,COLD,WRITTEN,WRITTEN-MAX,COMMAND" : NULL;
}

int vmws_list(struct vmws *v, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size, const void *total,
	      struct vm_err *err)
{
	const bool machine = vm_report_is_machine(&v->report);
	/* Formats without a document around the lists have room for one kind of row. */
	if (!chosen && machine && !vm_report_is_document(&v->report))
		return 0;
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .columns = machine ? NULL : usual_columns(v, set), .rows = rows, .n = n, .size = size,
		.total = total, .most = chosen && !machine && !v->common->filter ? v->o->top : 0, .more = "",
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

/* ---- Sentences ----------------------------------------------------------------------------------------------------- */

static void say_band(struct vm_buf *b, struct vm_age_band band)
{
	char text[2][VM_NUMBUF];
	const char *low = vm_format_size(band.low, text[0]), *high = vm_format_size(band.high, text[1]);
	vm_buf_add_str(b, low);
	if (strcmp(low, high) != 0)
		vm_buf_addf(b, " to %s", high);
}

static void say_share(struct vm_buf *b, const struct vm_ws_row *t, const char *all, const char *within)
{
	const double low = 100 * (double)t->used.low / (double)t->resident_bytes;
	const double high = 100 * (double)t->used.high / (double)t->resident_bytes;
	vm_buf_addf(b, " of %s (%.0f", all, low);
	if (high - low >= 1)
		vm_buf_addf(b, " to %.0f", high);
	vm_buf_addf(b, " %%) within %s", within);
}

static void say_use(struct vmws *v, const struct vm_ws_sum *s, struct vm_buf *b)
{
	char ns[VM_NUMBUF], part[4][VM_NUMBUF];
	const struct vm_ws_row *t = &s->total;
	b->n = 0;
	say_band(b, t->used);
	if (t->resident_bytes)
		say_share(b, t, vm_format_size(t->resident_bytes, part[0]), vm_format_duration(s->ns, ns));
	vm_buf_addf(b, "; hot %s (within %s), ", vm_format_size(t->hot_bytes, part[0]), vm_format_duration(s->hot_ns, ns));
	vm_buf_addf(b, "warm %s, cold %s", vm_format_size(t->warm_bytes, part[1]), vm_format_size(t->cold_bytes, part[2]));
	if (t->unsure_bytes)
		vm_buf_addf(b, ", of %s it isn't known", vm_format_size(t->unsure_bytes, part[3]));
	vm_report_wrap(&v->report, MARGIN, "USED", vm_buf_str(b), WIDTH);
}

static void say_writes(struct vmws *v, const struct vmws_process *p, const struct vm_ws_sum *s, struct vm_buf *b)
{
	const struct vm_ws_row *t = &s->total;
	char ns[VM_NUMBUF];
	if (!v->o->written)
		return;
	b->n = 0;
	if (t->writes) {
		say_band(b, t->written);
		vm_buf_addf(b, " within %s", vm_format_duration(s->ns, ns));
		if (!isnan(t->written_per_s)) {
			vm_buf_add_str(b, ", ");
			say_band(b, (struct vm_age_band){ (uint64_t)t->written_per_s, (uint64_t)t->written_per_s_most });
			vm_buf_add_str(b, " a second");
		}
		vm_buf_addf(b, "; by %s", vm_ws_writes[p->facts->writes].how);
	}
	if (p->facts->why_not_writes[0])
		vm_buf_addf(b, "%s%s", b->n ? "; " : "not known: ", p->facts->why_not_writes);
	vm_report_wrap(&v->report, MARGIN, "WRITTEN", vm_buf_str(b), WIDTH);
}

static void say_method(struct vmws *v, const struct vmws_process *p, struct vm_buf *b)
{
	const struct vm_ws_facts *f = p->facts;
	b->n = 0;
	vm_buf_add_str(b, vm_ws_methods[f->method].how);
	if (f->method == VM_WS_WATCH && f->pages)
		vm_buf_add_str(b, ": a page whose bit was set before counts as used only when it is cleared and set again, so USED is a "
			       "lower bound and USED-MAX an upper one; --clear-refs tells exactly, and changes the process");
	else if (f->method == VM_WS_WATCH)
		vm_buf_add_str(b, ": what Referenced grows by is a lower bound, what it is an upper one");
	if (!f->pages)
		vm_buf_addf(b, "; by smaps, mapping by mapping, since pages can't be seen (%s)", f->why_not_pages);
	if (f->hides)
		vm_buf_addf(b, "; what stays in TLBs isn't seen, and USED-MAX counts in what they hold (%s)", f->why_hides);
	vm_report_wrap(&v->report, MARGIN, "METHOD", vm_buf_str(b), WIDTH);
}

static void read_others(const struct vmws *v, struct vmws_others *out)
{
	struct vm_ws_others now;
	const uint64_t before = v->others.scanned;
	vm_ws_others_read(v->s, &now);
	*out = (struct vmws_others){
		.scanned_pages = now.scanned == UINT64_MAX || before == UINT64_MAX ? UINT64_MAX : now.scanned - before,
	};
	vm_ws_others_damon(v->s, &out->damon);
}

static void say_cleared(struct vmws *v, const struct vm_ws_sum *s, struct vm_buf *b)
{
	struct vmws_others others;
	if (isnan(s->cleared_share) || s->cleared_share < CLEARED)
		return;
	b->n = 0;
	vm_buf_addf(b, "%.1f %% of the bits that were set have been cleared by somebody else until the next look (reclaim, DAMON, another "
		    "tool, or the process itself); what is missed by that is counted in USED-MAX", 100 * s->cleared_share);
	read_others(v, &others);
	if (others.damon.n)
		vm_buf_addf(b, ". DAMON runs here (%s)", vm_buf_str(&others.damon));
	if (others.scanned_pages != UINT64_MAX)
		vm_buf_addf(b, ". Reclaim has looked at %llu pages of the machine meanwhile", (unsigned long long)others.scanned_pages);
	vm_report_wrap(&v->report, MARGIN, "OTHERS", vm_buf_str(b), WIDTH);
	vm_buf_free(&others.damon);
}

static void say_cost(struct vmws *v, const struct vmws_process *p, const struct vm_ws_sum *s, struct vm_buf *b)
{
	const double n = s->rounds ? (double)s->rounds : 1;
	const char *effect = vm_ws_methods[p->facts->method].effect, *more = vm_ws_writes[p->facts->writes].effect;
	b->n = 0;
	if (!s->cost_ns)
		vm_buf_add_str(b, "none for the process: nothing was changed or locked");
	else
		vm_buf_addf(b, "about %.3f ms for the process in each round: its memory map was held for %.3f ms", (double)s->cost_ns / n / 1e6,
			    (double)s->locked_ns / n / 1e6);
	if (s->set_again)
		vm_buf_addf(b, ", %.0f bits were set again", (double)s->set_again / n);
	if (s->set_again && !isnan(p->facts->set_again_ns))
		vm_buf_addf(b, " (%.0f ns each, as for pages of our own)", p->facts->set_again_ns);
	vm_buf_addf(b, "; reading took %.3f ms", (double)s->read_ns / n / 1e6);
	if (effect)
		vm_buf_addf(b, ". Effect: %s", effect);
	if (more)
		vm_buf_addf(b, "; %s", more);
	vm_report_wrap(&v->report, MARGIN, "COST", vm_buf_str(b), WIDTH);
}

/* ---- One process --------------------------------------------------------------------------------------------------- */

static int by_use(const void *a_, const void *b_)
{
	const struct vm_ws_row *a = a_, *b = b_;
	if (a->used.low != b->used.low)
		return a->used.low < b->used.low ? 1 : -1;
	if (a->resident_bytes != b->resident_bytes)
		return a->resident_bytes < b->resident_bytes ? 1 : -1;
	return a->m->start < b->m->start ? -1 : 1;
}

static int show_rounds(struct vmws *v, const struct vmws_process *p, struct vm_err *err)
{
	return vmws_list(v, &vm_ws_round_fields, false, p->set.round.v, p->set.round.n, sizeof(*p->set.round.v), NULL, err);
}

static int show_text(struct vmws *v, struct vmws_process *p, struct vm_ws_sum *s, struct vm_err *err)
{
	struct vm_buf b = { 0 };
	char each[VM_NUMBUF], rss[VM_NUMBUF];
	vm_text_put(&b, p->comm);
	vm_report_say(&v->report, "%d %s   RSS %s   %zu looks, a round is %s\n", p->pid, vm_buf_str(&b),
		      vm_format_size(s->total.resident_bytes, rss), s->rounds, vm_format_duration(v->window_ns, each));
	say_use(v, s, &b);
	say_writes(v, p, s, &b);
	vm_report_say(&v->report, "\n");
	if (v->o->heat)
		vmws_heat_show(v, p);
	int r = v->o->heat ? 0 : v->o->rounds ? show_rounds(v, p, err) :
		vmws_list(v, &vm_ws_window_fields, false, s->window.v, s->window.n, sizeof(*s->window.v), NULL, err);
	if (!v->o->heat)
		vm_report_say(&v->report, "\n");
	if (r == 0 && s->row.n)
		qsort(s->row.v, s->row.n, sizeof(*s->row.v), by_use);
	if (r == 0 && !v->o->heat)
		r = vmws_list(v, &vm_ws_mapping_fields, true, s->row.v, s->row.n, sizeof(*s->row.v), &s->total, err);
	vm_report_say(&v->report, "\n");
	say_method(v, p, &b);
	say_cleared(v, s, &b);
	say_cost(v, p, s, &b);
	if (p->ended)
		vm_report_say(&v->report, "It has ended.\n");
	vm_buf_free(&b);
	return r;
}

static int show_one(struct vmws *v, struct vmws_process *p, struct vm_ws_sum *s, struct vm_err *err)
{
	if (!vm_report_is_machine(&v->report))
		return show_text(v, p, s, err);
	return v->o->rounds ? vmws_list(v, &vm_ws_round_fields, true, p->set.round.v, p->set.round.n, sizeof(*p->set.round.v), NULL, err) :
		vmws_list(v, &vm_ws_mapping_fields, true, s->row.v, s->row.n, sizeof(*s->row.v), &s->total, err);
}

/* ---- All ------------------------------------------------------------------------------------------------------------ */

static bool sum_up(struct report *r)
{
	struct vmws *v = r->v;
	r->sum = calloc(v->process.n + 1, sizeof(*r->sum));
	r->row = calloc(v->process.n + 1, sizeof(*r->row));
	bool ok = r->sum && r->row;
	for (size_t i = 0; ok && i < v->process.n; i++) {
		struct vmws_process *p = &v->process.v[i];
		struct vm_ws_sum *s = &r->sum[i];
		if (!p->begun)
			continue;
		ok = vm_wset_sum(&p->set, p->as, v->window_ns, v->o->hot_ns, v->o->warm_ns, s);
		r->row[r->rows++] = (struct vm_ws_process){
			.pid = p->pid, .comm = p->comm, .total = &s->total, .cleared_share = s->cleared_share, .cost_ns = s->cost_ns, .ns = s->ns,
		};
	}
	return ok;
}

static void say_failures(const struct vmws *v)
{
	for (size_t i = 0; i < v->process.n; i++)
		if (v->process.v[i].failure.code && v->process.n > 1 && v->target.whom == VM_OF_PIDS && v->reports == 0)
			fprintf(stderr, "vmws: %s\n", v->process.v[i].failure.what);
}

static int show_document(struct report *r, struct vm_err *err)
{
	struct vmws *v = r->v;
	struct vm_json *j = &v->report.json;
	struct vmws_others others;
	int e = 0;
	read_others(v, &others);
	vm_json_put_u64(j, "window_ns", v->window_ns);
	vm_json_key(j, "processes");
	vm_json_array_begin(j);
	for (size_t i = 0; e == 0 && i < v->process.n; i++)
		if (v->process.v[i].begun)
			e = vmws_json_process(v, &v->process.v[i], &r->sum[i], &others, err);
	vm_json_array_end(j);
	vm_buf_free(&others.damon);
	return e;
}

static int show_all(struct report *r, struct vm_err *err)
{
	struct vmws *v = r->v;
	if (vm_report_is_document(&v->report))
		return show_document(r, err);
	for (size_t i = 0; v->process.n == 1 && i < v->process.n; i++)
		return show_one(v, &v->process.v[i], &r->sum[i], err);
	return vmws_list(v, &vm_ws_process_fields, true, r->row, r->rows, sizeof(*r->row), NULL, err);
}

int vmws_show(struct vmws *v, struct vm_err *err)
{
	struct report report = { .v = v };
	if (v->reports && !v->sink->machine)
		fputc('\n', v->out);
	say_failures(v);
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (vm_report_is_document(&v->report))
		vm_document_begin(&v->report, v->s, "vmws/1");
	r = sum_up(&report) ? show_all(&report, err) : vm_fail(err, ENOMEM, "out of memory");
	if (vm_report_is_document(&v->report))
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	for (size_t i = 0; report.sum && i < v->process.n; i++)
		vm_ws_sum_free(&report.sum[i]);
	free(report.sum);
	free(report.row);
	v->reports++;
	if (r == 0 && closed == 0 && fflush(v->out) != 0)
		return vm_fail_os(err, errno, "cannot write the output");
	return r < 0 ? r : closed;
}
