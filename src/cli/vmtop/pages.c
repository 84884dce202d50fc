/** Pages for vmtop's tab: scans in slices of time, and one page in words. */

#include "cli/vmtop/vmtop.h"

#if VM_HAVE_TUI

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pageplace.h"
#include "cli/render/report.h"
#include "cli/vmtop/parts.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/nodes.h"
#include "core/source/frames.h"
#include "core/source/nodes.h"
#include "core/source/pages.h"
#include "core/source/session.h"

/** Mapped bytes that are read before the clock is looked at for the first time. */
#define FIRST_PIECE (UINT64_C(256) << 20)

enum { OUT_OF_TIME = 1 };

struct scan {
	const struct vm_pages_ask *ask;
	struct vm_frames *frames;
	int only_node;             /* the machine has no other; -1: it has */
	uint64_t until_ns;
	uint64_t upto;
};

/** The node of the frames from the run's first one on, and where its zone ends. */
static int node_of(const struct scan *s, uint64_t pfn, uint64_t *end)
{
	*end = UINT64_MAX;
	if (s->only_node >= 0 || pfn == VM_PFN_NONE || !s->frames)
		return s->only_node;
	const struct vm_zone *z = vm_frames_zone(s->frames, pfn);
	if (z)
		*end = z->end_pfn;
	return z ? z->node : -1;
}

/** In pieces that lie on one node. */
static void take_run(const struct scan *s, struct vm_page_run r)
{
	const uint64_t all = r.end;
	while (r.start < all) {
		uint64_t end;
		const int node = s->ask->nodes ? node_of(s, r.pfn, &end) : (end = UINT64_MAX, -1);
		const uint64_t pages = (all - r.start) / 4096;
		const bool fits = r.pfn == VM_PFN_NONE || (r.state & VM_PG(ZERO)) || end == UINT64_MAX || end - r.pfn >= pages;
		r.end = fits ? all : r.start + (end - r.pfn) * 4096;
		s->ask->take(s->ask->ctx, &r, node);
		if (!fits)
			r.pfn = end;
		r.start = r.end;
	}
}

static int take_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct scan *s = ctx;
	for (size_t i = 0; i < n; i++)
		take_run(s, runs[i]);
	s->upto = n ? runs[n - 1].end : s->upto;
	return vm_clock_ns() >= s->until_ns ? OUT_OF_TIME : 0;
}

/** Where `bytes` of mapped memory from `from` on end. */
static uint64_t piece_end(const struct vm_aspace *as, uint64_t from, uint64_t to, uint64_t bytes)
{
	for (size_t i = vm_aspace_find(as, from); i < as->nmaps && as->map[i].start < to; i++) {
		const uint64_t start = as->map[i].start > from ? as->map[i].start : from, size = as->map[i].end - start;
		if (size >= bytes)
			return start + bytes < to ? start + bytes : to;
		bytes -= size;
	}
	return to;
}

static struct vm_frames *frames(struct vmtop_pages *p)
{
	if (!p->tried_frames)
		vm_frames_open(p->v->s, &p->frames, NULL);
	p->tried_frames = true;
	return p->frames;
}

static int only_node(struct vmtop_pages *p)
{
	const struct vm_nodes *n = vm_nodes_known(p->v->s);
	return n && n->nodes.n == 1 ? (int)n->nodes.v[0].id : -1;
}

static void tell(const struct vmtop_pages *p, const struct vm_pages_info *info, const struct scan *s, struct vm_pages_got *got)
{
	got->via = vm_via_names[info->via];
	got->holds_lock = info->holds_lock;
	got->unknown |= info->unknown;
	got->nodes_unknown = s->ask->nodes && s->only_node < 0 && (info->frames_withheld || !s->frames);
	snprintf(got->why_not, sizeof(got->why_not), "%s", info->why_not);
	if (p->v->s->live && !p->v->o->script)
		got->shown_ns = got->cost_ns;
}

static int scan(void *ctx, const struct vm_pages_ask *ask, struct vm_pages_got *got, struct vm_err *err)
{
	struct vmtop_pages *p = ctx;
	const uint64_t began = vm_clock_ns();
	struct scan s = { .ask = ask, .only_node = only_node(p), .until_ns = began + ask->most_ns, .upto = ask->from };
	uint64_t piece = FIRST_PIECE;
	int r = 0;
	if (ask->nodes && s.only_node < 0)
		s.frames = frames(p);
	*got = (struct vm_pages_got){ .upto = ask->from };
	while (r == 0 && s.upto < ask->to) {
		const uint64_t from = s.upto, to = piece_end(ask->as, from, ask->to, piece);
		const struct vm_pages_query q = {
			.from = from, .to = to, .as = ask->as, .want = ask->want, .frames = s.frames != NULL,
		};
		struct vm_pages_info info;
		r = vm_pages_scan(p->v->s, ask->as->proc.pid, &q, take_runs, &s, &info, err);
		if (r == 0)
			s.upto = to;
		const uint64_t now = vm_clock_ns();
		got->cost_ns = now - began;
		if (r >= 0)
			tell(p, &info, &s, got);
		if (r == 0 && now >= s.until_ns)
			r = OUT_OF_TIME;
		/* As much as it may be done in a quarter of the time that is left. */
		piece = now - began < ask->most_ns / 4 ? piece * 2 : piece;
	}
	got->upto = s.upto;
	if (r < 0 && r != -ESRCH && !p->v->s->live)
		return vm_fail(err, -r, "this %s does not hold them; figures are of whole mappings", vm_session_kind(p->v->s));
	return r < 0 ? r : 0;
}

/* ---- One page in words ---------------------------------------------------------------------------------------------- */

static int say_page(struct vmtop_pages *p, const struct vm_aspace *as, uint64_t addr, struct vm_report *r, struct vm_err *err)
{
	struct vm_place place = { .addr = addr };
	struct vm_step_row rows[VM_PT_LEVELS];
	const void *list[VM_PT_LEVELS];
	struct vm_buf bits[VM_PT_LEVELS] = { 0 };
	struct vm_view view = { .set = &vm_step_fields, .name = "levels" };
	struct vm_err why = { 0 };
	struct vm_frames *f = NULL;
	vm_frames_open(p->v->s, &f, &why);
	int e = vm_place_look(p->v->s, &place, as, VM_VIA_AUTO, f, err);
	if (e == 0)
		e = vm_columns_parse(view.set, NULL, VM_F_DEFAULT, &view.cols, err);
	if (e == 0) {
		const size_t n = vm_place_steps(&place, false, rows, bits);
		for (size_t i = 0; i < n; i++)
			list[i] = &rows[i];
		vm_place_say_mapping(r, &place, as);
		vm_report_list(r, &view, list, n, NULL);
		vm_place_say_page(r, &place, f);
		vm_place_say_missing(r, &place, &why);
		vm_place_say_legend(r, &place);
	}
	for (unsigned i = 0; i < VM_PT_LEVELS; i++)
		vm_buf_free(&bits[i]);
	vm_frames_close(f);
	return e;
}

static int page(void *ctx, const struct vm_aspace *as, uint64_t addr, unsigned width, bool utf8, struct vm_buf *out,
		struct vm_err *err)
{
	const struct vm_style style = { .headings = true, .width = width, .utf8 = utf8 };
	struct vm_report r;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	if (!f)
		return vm_fail_os(err, errno, "cannot make a text");
	vm_report_open(&r, vm_sinks[0], &style, f);
	int e = say_page(ctx, as, addr, &r, err);
	const int closed = vm_report_close(&r, e == 0 ? err : NULL);
	e = e < 0 ? e : closed;
	if (fclose(f) != 0 && e == 0)
		e = vm_fail(err, ENOMEM, "out of memory");
	if (e == 0)
		vm_buf_add(out, text, n);
	free(text);
	return e;
}

void vmtop_pages_begin(struct vmtop_pages *p, struct vmtop *v)
{
	*p = (struct vmtop_pages){ .v = v, .feed = { .ctx = p, .scan = scan, .page = page } };
}

void vmtop_pages_end(struct vmtop_pages *p)
{
	vm_frames_close(p->frames);
}

#endif
