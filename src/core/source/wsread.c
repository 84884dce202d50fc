#include "core/source/wsread.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/accessed.h"
#include "core/source/pagemap.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/walker.h"
#include "core/source/wpscan.h"
#include "core/source/wsidle.h"

struct vm_wsread {
	struct vm_session *s;
	pid_t pid;
	struct vm_ws_facts facts;
	struct vm_accessed *accessed;
	struct vm_damon *damon;
	struct vm_wsidle *idle;
};

/* ---- Opening ------------------------------------------------------------------------------------------------------- */

static void open_watch(struct vm_wsread *w)
{
	struct vm_walker *walker;
	struct vm_err why = { 0 };
	w->facts.pages = vm_walker_get(w->s, &walker, &why) == 0;
	if (!w->facts.pages)
		snprintf(w->facts.why_not_pages, sizeof(w->facts.why_not_pages), "%.190s", why.what);
}

static int open_clear(struct vm_wsread *w, enum vm_flush flush, struct vm_err *err)
{
	int r = vm_accessed_open(w->s, w->pid, flush, &w->accessed, err);
	if (r < 0)
		return r;
	const struct vm_accessed_facts *f = vm_accessed_facts(w->accessed);
	w->facts.pages = f->by_tables;
	w->facts.soft_dirty = f->soft_dirty;
	w->facts.set_again_ns = f->set_again_ns;
	w->facts.hides = f->flush == VM_FLUSH_NONE && !f->clearing_flushes;
	snprintf(w->facts.why_not_pages, sizeof(w->facts.why_not_pages), "%s", f->why_not_tables);
	if (w->facts.hides)
		snprintf(w->facts.why_hides, sizeof(w->facts.why_hides), "%.199s", f->why_no_flush);
	return 0;
}

/** Setting a mark doesn't flush, either (page_idle_clear_pte_refs_one() in mm/page_idle.c). */
static int open_idle(struct vm_wsread *w, struct vm_err *err)
{
	int r = vm_wsidle_open(w->s, w->pid, &w->idle, err);
	w->facts.pages = w->facts.hides = true;
	snprintf(w->facts.why_hides, sizeof(w->facts.why_hides), "marking frames idle doesn't flush them");
	return r;
}

static int open_method(struct vm_wsread *w, const struct vm_ws_ask *ask, struct vm_err *err)
{
	switch (ask->method) {
	case VM_WS_WATCH:
		open_watch(w);
		return 0;
	case VM_WS_CLEAR:
		return open_clear(w, ask->flush, err);
	case VM_WS_IDLE:
		return open_idle(w, err);
	default:
		snprintf(w->facts.why_not_pages, sizeof(w->facts.why_not_pages), "DAMON tells of regions");
		return vm_damon_open(w->s, w->pid, ask->round_ns, &w->damon, err);
	}
}

/**
 * Best first: what the process itself tracks, soft-dirty bits, where they may be cleared, dirty bits.  An error: the method
 * doesn't go along with it.
 */
static int choose_writes(struct vm_wsread *w, struct vm_ws_ask *ask, struct vm_err *err)
{
	struct vm_ws_facts *f = &w->facts;
	f->writes = VM_WS_WRITES_NONE;
	if (!ask->writes)
		return 0;
	if (ask->method == VM_WS_IDLE) {
		snprintf(f->why_not_writes, sizeof(f->why_not_writes), "idle marks don't tell: --clear-refs may");
	} else if (ask->clear && vm_wpscan_has(w->s, w->pid)) {
		f->writes = VM_WS_WRITES_UFFD;
		snprintf(f->why_not_writes, sizeof(f->why_not_writes), "of mappings that it has userfaultfd protect; of others nothing is known");
	} else if (ask->clear && vm_pagemap_tells_writes(w->s)) {
		f->writes = VM_WS_WRITES_SOFT_DIRTY;
		if (ask->flush != VM_FLUSH_AUTO && ask->flush != VM_FLUSH_CLEAR_REFS)
			return vm_fail(err, EINVAL, "--written clears soft-dirty bits, which flushes: leave out --flush");
		ask->flush = VM_FLUSH_CLEAR_REFS;
	} else {
		f->writes = VM_WS_WRITES_DIRTY;
		snprintf(f->why_not_writes, sizeof(f->why_not_writes), "%s", !ask->clear ? "bounds only: --clear-refs may tell exactly" :
			 "bounds only: this kernel keeps no soft-dirty bits, as was tried on a page of ours, and the process doesn't have "
			 "userfaultfd protect its memory");
	}
	return 0;
}

/** Dirty bits are only in page tables. */
static void check_writes(struct vm_ws_facts *f)
{
	if (f->writes != VM_WS_WRITES_DIRTY || f->pages)
		return;
	f->writes = VM_WS_WRITES_NONE;
	snprintf(f->why_not_writes, sizeof(f->why_not_writes), "dirty bits are in page tables, which can't be seen");
}

int vm_ws_open(struct vm_session *s, pid_t pid, const struct vm_ws_ask *ask, struct vm_wsread **out, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a working set is of this machine's processes, not of a %s's", vm_session_kind(s));
	struct vm_wsread *w = calloc(1, sizeof(*w));
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	w->s = s;
	w->pid = pid;
	w->facts = (struct vm_ws_facts){ .method = ask->method, .set_again_ns = (double)NAN };
	struct vm_ws_ask how = *ask;
	int r = choose_writes(w, &how, err);
	if (r == 0)
		r = open_method(w, &how, err);
	check_writes(&w->facts);
	if (r < 0)
		vm_ws_close(w);
	else
		*out = w;
	return r;
}

void vm_ws_close(struct vm_wsread *w)
{
	if (!w)
		return;
	vm_accessed_close(w->accessed);
	vm_damon_close(w->damon);
	vm_wsidle_close(w->idle);
	free(w);
}

const struct vm_ws_facts *vm_ws_facts(const struct vm_wsread *w)
{
	return &w->facts;
}

/* ---- Rounds -------------------------------------------------------------------------------------------------------- */

static int mark_idle(struct vm_wsread *w, const struct vm_aspace *as, uint64_t *took_ns, struct vm_err *err)
{
	const uint64_t began = vm_clock_ns();
	int r = vm_wsidle_mark(w->idle, as, err);
	*took_ns = vm_clock_ns() - began;
	return r;
}

/** Who doesn't get his turn can't flush: then pages may hide. */
static int clear(struct vm_wsread *w, uint64_t *took_ns, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = vm_accessed_clear(w->accessed, true, took_ns, &why);
	if (r == -ETIMEDOUT) {
		w->facts.hides = true;
		snprintf(w->facts.why_hides, sizeof(w->facts.why_hides), "in some round: %.180s", why.what);
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int vm_ws_mark(struct vm_wsread *w, const struct vm_aspace *as, uint64_t *took_ns, struct vm_err *err)
{
	*took_ns = 0;
	if (w->idle)
		return mark_idle(w, as, took_ns, err);
	return w->accessed ? clear(w, took_ns, err) : 0;
}

int vm_ws_mark_writes(struct vm_wsread *w, uint64_t *took_ns, struct vm_err *err)
{
	*took_ns = 0;
	return w->facts.writes == VM_WS_WRITES_SOFT_DIRTY ? vm_accessed_clear_writes(w->accessed, took_ns, err) : 0;
}

int vm_ws_look(struct vm_wsread *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, uint64_t *took_ns,
	       struct vm_err *err)
{
	const struct vm_pages_query q = {
		.want = VM_PG(PRESENT) | VM_PG(ACCESSED) | VM_PG(DIRTY) | VM_PG(WRITE) | VM_PG(SOFT_DIRTY), .via = VM_VIA_TABLES, .as = as,
	};
	struct vm_pages_info info;
	const uint64_t began = vm_clock_ns();
	int r = w->idle ? vm_wsidle_look(w->idle, as, take, ctx, err) : vm_pages_scan(w->s, w->pid, &q, take, ctx, &info, err);
	*took_ns = vm_clock_ns() - began;
	return r;
}

bool vm_ws_writes_apart(const struct vm_wsread *w)
{
	return w->facts.writes == VM_WS_WRITES_UFFD || (w->facts.writes == VM_WS_WRITES_SOFT_DIRTY && !w->facts.pages);
}

int vm_ws_look_at_writes(struct vm_wsread *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, uint64_t *took_ns,
			 struct vm_err *err)
{
	const struct vm_pages_query q = { .want = VM_PG(PRESENT) | VM_PG(SOFT_DIRTY), .via = VM_VIA_PAGEMAP, .as = as };
	struct vm_pages_info info;
	const uint64_t began = vm_clock_ns();
	int r = w->facts.writes == VM_WS_WRITES_UFFD ? vm_wpscan(w->s, w->pid, true, take, ctx, err) :
		vm_pages_scan(w->s, w->pid, &q, take, ctx, &info, err);
	*took_ns = vm_clock_ns() - began;
	return r;
}

int vm_ws_regions(struct vm_wsread *w, struct vm_damon_regions *out, struct vm_err *err)
{
	return vm_damon_read(w->damon, out, err);
}

int vm_ws_mappings(struct vm_wsread *w, struct vm_aspace **out, struct vm_err *err)
{
	uint32_t needs = VM_NEED(STAT) | VM_NEED(LAYOUT) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(MMADDR);
	needs |= w->facts.pages ? VM_NEED(AREAS) : VM_NEED(SMAPS) | VM_NEED(FLAGS);
	return vm_snapshot(w->s, w->pid, needs, 0, 0, out, err);
}
