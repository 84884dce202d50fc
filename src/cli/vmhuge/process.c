/** vmhuge PID: coverage by mapping and by page size, and why not more. */

#include "cli/vmhuge/vmhuge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/hugelook.h"
#include "cli/render/text.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

enum { WIDTH = 79, MARGIN = 10, INDENT = 4 };

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

static int show_covers(struct vmhuge *v, const struct vm_huge_look *p, struct vm_err *err)
{
	struct vm_huge_cover_row rows[VM_HUGE_HOWS * VM_HUGE_ORDERS];
	size_t n = 0;
	/* By size, and of each the ways in which it is mapped; the parts come last. */
	for (unsigned k = 0; k < VM_HUGE_ORDERS * VM_HUGE_HOWS; k++) {
		const unsigned how = k % VM_HUGE_HOWS, order = k / VM_HUGE_HOWS;
		struct vm_huge_cover_row row = {
			.how = (enum vm_huge_how)how, .page_bytes = how == VM_HUGE_PARTLY ? 0 : p->space.page_bytes << order,
			.resident = p->space.total.resident,
		};
		uint64_t sum = 0;
		for (unsigned w = 0; w < VM_HUGE_WHATS; w++)
			sum += row.bytes[w] = p->space.sum[w][how][order];
		if (sum)
			rows[n++] = row;
	}
	vm_report_say(&v->report, "\n");
	return vmhuge_list(v, &vm_huge_cover_fields, false, NULL, rows, n, sizeof(rows[0]), NULL, err);
}

static uint64_t could_of(const struct vm_huge_mapping_row *r)
{
	uint64_t sum = 0;
	for (size_t k = r->why->from[r->at]; k < r->why->from[r->at + 1]; k++)
		sum += r->why->of_mapping.v[k].could_bytes;
	return sum;
}

/** Most that could be won first, then most that is resident. */
static int by_could(const void *a_, const void *b_)
{
	const struct vm_huge_mapping_row *a = a_, *b = b_;
	const uint64_t x = could_of(a), y = could_of(b), s = a->space->map[a->at].resident, t = b->space->map[b->at].resident;
	if (x != y)
		return x < y ? 1 : -1;
	if (s != t)
		return s < t ? 1 : -1;
	return (a->at > b->at) - (a->at < b->at);
}

static bool is_in_range(const struct vmhuge *v, const struct vm_mapping *m)
{
	return !v->to || (m->start < v->to && m->end > v->from);
}

static int show_mappings(struct vmhuge *v, const struct vm_huge_look *p, struct vm_err *err)
{
	struct vm_huge_mapping_row *rows = calloc(p->as->nmaps + 1, sizeof(*rows));
	size_t n = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < p->as->nmaps; i++)
		/* People see what has memory; the snapshot may hold more than the range that was asked for. */
		if ((v->sink->machine || !v->o->top || p->space.map[i].resident) && is_in_range(v, &p->as->map[i]))
			rows[n++] = (struct vm_huge_mapping_row){ .space = &p->space, .why = &p->why, .at = i };
	if (!v->sink->machine)
		qsort(rows, n, sizeof(*rows), by_could);
	vm_report_say(&v->report, "\n");
	int r = vmhuge_list(v, &vm_huge_mapping_fields, true, NULL, rows, n, sizeof(*rows), NULL, err);
	free(rows);
	return r;
}

static int show_ranges(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *p, struct vm_err *err)
{
	const struct vm_huge_space *h = &p->space;
	struct vm_huge_range_row *rows = calloc(h->ranges.n + 1, sizeof(*rows));
	const bool disabled = vm_proc_has(&p->as->proc, VM_P_THP_ENABLED) && !p->as->proc.q[VM_P_THP_ENABLED];
	size_t at = SIZE_MAX;
	struct vm_whynot_mapping m = { 0 };
	uint32_t why = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < h->ranges.n; i++) {
		const struct vm_huge_range *r = &h->ranges.v[i];
		if (at != r->mapping) {
			at = r->mapping;
			m = vm_whynot_facts(h, at, disabled, (enum vm_tri)p->why.large_folios[at]);
			why = vm_whynot_mapping(&w->machine, &m);
		}
		rows[i] = (struct vm_huge_range_row){
			.space = h, .range = r, .why = vm_whynot_range(&w->machine, &m, why, r, &h->read),
		};
	}
	vm_report_say(&v->report, "\n");
	int r = vmhuge_list(v, &vm_huge_range_fields, true, NULL, rows, h->ranges.n, sizeof(*rows), NULL, err);
	free(rows);
	return r;
}

/* ---- Reasons, for people ------------------------------------------------------------------------------------------ */

struct said {
	struct vmhuge *v;
	uint64_t bytes;
	bool now;                  /* something can be done at once */
};

static void put_size(struct vm_buf *b, uint64_t bytes, const char *behind)
{
	char text[VM_NUMBUF];
	vm_buf_addf(b, "%s%s", vm_format_size(bytes, text), behind);
}

static void say_line(void *ctx, enum vm_huge_line line, const char *words)
{
	static const char *const headings[] = {
		[VM_HUGE_LINE_NOW] = "          now:", [VM_HUGE_LINE_LATER] = "          do:", [VM_HUGE_LINE_WINS] = "          wins:",
	};
	struct said *s = ctx;
	char size[VM_NUMBUF];
	s->now |= line == VM_HUGE_LINE_NOW;
	if (line == VM_HUGE_LINE_WHY)
		vm_report_wrap(&s->v->report, MARGIN, vm_format_size(s->bytes, size), words, WIDTH);
	else
		vm_report_wrap(&s->v->report, MARGIN + 7, line == VM_HUGE_LINE_LATER && s->now ? "          or:" : headings[line],
			       words, WIDTH);
}

static void say_why(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *p)
{
	const size_t most = v->o->top && v->o->top < p->why.of_space.n ? v->o->top : p->why.of_space.n;
	if (v->sink->machine || !most)
		return;
	vm_report_say(&v->report, "\nWHY NOT HUGE\n");
	for (size_t i = 0; i < most; i++) {
		struct said s = { .v = v, .bytes = p->why.of_space.v[i].bytes };
		vm_huge_explain(w, p, &p->why.of_space.v[i], say_line, &s);
	}
	if (w->split == VM_TLB_SPLIT_YES)
		vm_report_wrap(&v->report, MARGIN, "note", "this machine's host splits huge pages into entries of 4K (vmtlb --probe): they "
			       "save steps of page walks here, not entries of the TLB", WIDTH);
}

/* ---- Headings ----------------------------------------------------------------------------------------------------- */

static void put_part(struct vm_buf *b, const char *name, uint64_t bytes, uint64_t all)
{
	put_size(b, bytes, "");
	if (all)
		vm_buf_addf(b, " (%.0f %%)", 100.0 * (double)bytes / (double)all);
	vm_buf_addf(b, " %s", name);
}

static void say_heading(struct vmhuge *v, const struct vm_huge_look *p)
{
	const struct vm_huge_read *read = &p->space.read;
	const struct vm_huge_map *t = &p->space.total;
	char took[VM_NUMBUF];
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%d ", p->as->proc.pid);
	vm_text_put(&b, p->as->proc.comm);
	vm_report_say(&v->report, "%s   read via %s", vm_buf_str(&b), read->via);
	if (v->s->live)
		vm_report_say(&v->report, " in %s", vm_format_duration(read->took_ns, took));
	vm_report_say(&v->report, "\n");
	b.n = 0;
	put_size(&b, t->resident, " resident: ");
	put_part(&b, "huge", t->huge, t->resident);
	if (read->sizes_known) {
		vm_buf_add_str(&b, ", ");
		put_part(&b, "in larger pages mapped by base pages", t->large + t->partly, t->resident);
	}
	if (read->ranges_known) {
		vm_buf_add_str(&b, ", ");
		put_part(&b, "more could be huge", p->why.could_bytes, t->resident);
	}
	vm_report_wrap(&v->report, 0, "", vm_buf_str(&b), WIDTH);
	b.n = 0;
	if (!read->sizes_known)
		vm_buf_addf(&b, "pages between 4K and 2M aren't told from base pages: %s%sneeds kpageflags and frames (CAP_SYS_ADMIN)",
			    read->why_not, read->why_not[0] ? "; " : "");
	else if (read->why_not[0] && v->s->live)
		vm_buf_addf(&b, "not by %s", read->why_not);
	if (b.n)
		vm_report_wrap(&v->report, 0, "", vm_buf_str(&b), WIDTH);
	if (read->ranges_known && !read->entries_known)
		vm_report_wrap(&v->report, 0, "", "which ranges are huge isn't known, and guessed by smaps", WIDTH);
	if (read->partial)
		vm_report_say(&v->report, "NOT ALL: it changed while it was read\n");
	vm_buf_free(&b);
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void json_remedies(struct vm_json *j, const char *key, const struct vm_huge_world *w, const struct vm_huge_look *p,
			  const struct vm_why_group *g, uint32_t what)
{
	struct vm_buf b = { 0 };
	vm_json_key(j, key);
	vm_json_array_begin(j);
	for (unsigned i = 0; i < VM_DO_NR; i++) {
		if (!(what >> i & 1))
			continue;
		b.n = 0;
		vm_huge_put_do(&b, w, p, g, (enum vm_remedy)i);
		vm_json_object_begin(j);
		vm_json_key(j, "do");
		vm_json_str(j, vm_do_names[i]);
		vm_json_key(j, "how");
		vm_json_str(j, vm_buf_str(&b));
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_buf_free(&b);
}

static void json_reasons(struct vm_json *j, const struct vm_huge_world *w, const struct vm_why_group *g)
{
	struct vm_buf b = { 0 };
	char words[256];
	vm_json_key(j, "reasons");
	vm_json_words(j, vm_why_text(g->why, words, sizeof(words)));
	vm_json_key(j, "evidence");
	vm_json_array_begin(j);
	for (unsigned i = 0; i < VM_WHY_NR; i++)
		if (g->why >> i & 1) {
			b.n = 0;
			vm_huge_put_why(&b, w, g, (enum vm_why)i);
			vm_json_str(j, vm_buf_str(&b));
		}
	vm_json_array_end(j);
	vm_buf_free(&b);
}

static void json_group(struct vm_json *j, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g)
{
	const bool one = g->mappings == 1;
	vm_json_object_begin(j);
	json_reasons(j, w, g);
	vm_json_put_u64(j, "mappings", g->mappings);
	vm_json_put_known(j, "ranges", p->space.read.ranges_known, g->ranges);
	vm_json_key(j, "start");
	if (one)
		vm_json_addr(j, g->start);
	else
		vm_json_null(j);
	vm_json_key(j, "end");
	if (one)
		vm_json_addr(j, g->end);
	else
		vm_json_null(j);
	vm_json_put_u64(j, "bytes", g->bytes);
	vm_json_put_known(j, "could_bytes", p->space.read.ranges_known, g->could_bytes);
	vm_json_put_known(j, "costs_bytes", p->space.read.ranges_known, g->costs_bytes);
	json_remedies(j, "now", w, p, g, g->now);
	json_remedies(j, "later", w, p, g, g->later);
	vm_json_object_end(j);
}

static void json_process(struct vm_json *j, const struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *p)
{
	const struct vm_huge_read *read = &p->space.read;
	vm_json_key(j, "via");
	vm_json_str(j, read->via);
	vm_json_key(j, "why_not");
	vm_json_str(j, read->why_not[0] ? read->why_not : NULL);
	const struct { const char *key; bool v; } flag[] = {
		{ "sizes_known", read->sizes_known }, { "entries_known", read->entries_known }, { "ranges_known", read->ranges_known },
		{ "shared_known", read->shared_known }, { "partial", read->partial },
	};
	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
		vm_json_key(j, flag[i].key);
		vm_json_bool(j, flag[i].v);
	}
	vm_json_put_known(j, "read_ns", v->s->live, read->took_ns);
	vm_json_key(j, "host_splits_huge_pages");
	if (w->split == VM_TLB_SPLIT_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, w->split == VM_TLB_SPLIT_YES);
}

static void json_why(struct vm_json *j, const struct vm_huge_world *w, const struct vm_huge_look *p)
{
	vm_json_key(j, "groups");
	vm_json_array_begin(j);
	for (size_t i = 0; i < p->why.of_space.n; i++)
		json_group(j, w, p, &p->why.of_space.v[i]);
	vm_json_array_end(j);
}

/* ---- The view ----------------------------------------------------------------------------------------------------- */

static int show_document(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *p, struct vm_err *err)
{
	struct vm_json *j = &v->report.json;
	struct vm_view view = { .set = &vm_huge_process_fields };
	vm_columns_parse(&vm_huge_process_fields, NULL, VM_F_MACHINE, &view.cols, NULL);
	vm_json_object_begin(j);
	vm_report_members(&v->report, &view, &p->row);
	json_process(j, v, w, p);
	int r = show_covers(v, p, err);
	if (r == 0)
		r = v->o->ranges ? show_ranges(v, w, p, err) : show_mappings(v, p, err);
	json_why(j, w, p);
	vm_json_object_end(j);
	return r;
}

static int show_process(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *p, bool first, struct vm_err *err)
{
	const bool rows_only = v->sink->machine;
	int r = 0;
	if (vm_report_is_document(&v->report))
		return show_document(v, w, p, err);
	if (!rows_only) {
		vm_report_say(&v->report, "%s", first ? "" : "\n");
		say_heading(v, p);
		r = show_covers(v, p, err);
	}
	if (r == 0)
		r = v->o->ranges ? show_ranges(v, w, p, err) : show_mappings(v, p, err);
	say_why(v, w, p);
	return r;
}

int vmhuge_processes(struct vmhuge *v, struct vm_err *err)
{
	struct vm_huge_world w = { 0 };
	struct vm_huge_look *p = calloc(v->npids, sizeof(*p));
	int r = p ? vm_huge_world_read(v->s, &w, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r < 0) {
		free(p);
		vm_huge_world_free(&w);
		return r;
	}
	for (size_t i = 0; i < v->npids && r == 0; i++)
		r = vm_huge_look_read(v->s, &w, &(struct vm_huge_ask){ v->pids[i], v->from, v->to, v->o->via }, &p[i], err);
	if (r == 0)
		r = vmhuge_report_begin(v, "process", err);
	if (r == 0 && vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "processes");
		vm_json_array_begin(&v->report.json);
	}
	const bool begun = r == 0;
	for (size_t i = 0; i < v->npids && r == 0; i++)
		r = show_process(v, &w, &p[i], i == 0, err);
	if (begun && vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	const int ended = begun ? vmhuge_report_end(v, r == 0 ? err : NULL) : 0;
	for (size_t i = 0; i < v->npids; i++)
		vm_huge_look_free(&p[i]);
	free(p);
	vm_huge_world_free(&w);
	return r < 0 ? r : ended;
}
