#include "core/source/wsidle.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/pageflags.h"
#include "core/source/frames.h"
#include "core/source/pageidle.h"
#include "core/source/session.h"

enum { PAGE_SHIFT = 12 };

struct vm_wsidle {
	struct vm_session *s;
	pid_t pid;
	int fd;
	struct vm_frames *frames;  /* to tell parts of larger folios; NULL: can't be read */
	/** Of the look under way: runs of one entry each, and their frames. */
	VM_VEC(struct vm_page_run) run;
	VM_VEC(struct vm_idle_frame) frame;
};

int vm_wsidle_open(struct vm_session *s, pid_t pid, struct vm_wsidle **out, struct vm_err *err)
{
	struct vm_wsidle *w = calloc(1, sizeof(*w));
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	w->s = s;
	w->pid = pid;
	w->fd = vm_pageidle_open(s, err);
	if (w->fd < 0) {
		const int r = w->fd;
		free(w);
		return r;
	}
	if (vm_frames_open(s, &w->frames, NULL) < 0)
		w->frames = NULL;
	*out = w;
	return 0;
}

void vm_wsidle_close(struct vm_wsidle *w)
{
	if (!w)
		return;
	vm_cleanup_close(&w->fd);
	vm_frames_close(w->frames);
	vm_vec_free(&w->run);
	vm_vec_free(&w->frame);
	free(w);
}

/** An entry has one mark, be it of a page or of a huge page. */
static bool add_entry(struct vm_wsidle *w, const struct vm_page_run *r, uint64_t start, uint64_t bytes, uint64_t pfn)
{
	struct vm_page_run one = *r;
	one.start = start;
	one.end = start + bytes;
	one.pfn = pfn;
	return vm_vec_push(&w->run, one) &&
	       vm_vec_push(&w->frame, (struct vm_idle_frame){ .pfn = pfn, .which = (uint32_t)(w->run.n - 1) });
}

static int keep(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct vm_wsidle *w = ctx;
	for (size_t i = 0; i < n; i++) {
		const struct vm_page_run *r = &runs[i];
		const unsigned shift = r->shift > PAGE_SHIFT ? r->shift : PAGE_SHIFT;
		if (!(r->state & VM_PG(PRESENT)) || (r->state & VM_PG(SPECIAL)) || r->pfn == VM_PFN_NONE)
			continue;
		for (uint64_t at = r->start; at < r->end; at += UINT64_C(1) << shift)
			if (!add_entry(w, r, at, UINT64_C(1) << shift, r->pfn + ((at - r->start) >> PAGE_SHIFT)))
				return -ENOMEM;
	}
	return 0;
}

static int read_entries(struct vm_wsidle *w, const struct vm_aspace *as, struct vm_err *err)
{
	const struct vm_pages_query q = { .want = VM_PG(PRESENT), .frames = true, .as = as };
	struct vm_pages_info info;
	w->run.n = w->frame.n = 0;
	int r = vm_pages_scan(w->s, w->pid, &q, keep, w, &info, err);
	if (r == -ENOMEM)
		return vm_fail(err, ENOMEM, "out of memory");
	if (r == 0 && info.frames_withheld)
		return vm_fail(err, EPERM, "page frames aren't told: they need CAP_SYS_ADMIN");
	return r;
}

int vm_wsidle_mark(struct vm_wsidle *w, const struct vm_aspace *as, struct vm_err *err)
{
	int r = read_entries(w, as, err);
	return r == 0 ? vm_pageidle_mark(w->fd, w->frame.v, w->frame.n, err) : r;
}

/** Only the first frame of a folio has a mark; where flags can't be read all are believed. */
static bool has_mark(struct vm_wsidle *w, uint64_t pfn)
{
	uint64_t flags;
	return !w->frames || vm_frames_read(w->frames, VM_FRAME_FLAGS, pfn, 1, &flags, NULL) != 1 ||
	       !(flags & VM_KPF(COMPOUND_TAIL));
}

int vm_wsidle_look(struct vm_wsidle *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, struct vm_err *err)
{
	int r = read_entries(w, as, err);
	if (r == 0)
		r = vm_pageidle_read(w->fd, w->frame.v, w->frame.n, err);
	for (size_t i = 0; r == 0 && i < w->frame.n; i++) {
		const struct vm_idle_frame *f = &w->frame.v[i];
		struct vm_page_run *run = &w->run.v[f->which];
		const bool told = f->idle || has_mark(w, f->pfn);
		run->state = (run->state & ~VM_PG(ACCESSED)) | (told && !f->idle ? VM_PG(ACCESSED) : 0);
		run->known = (run->known & ~VM_PG(ACCESSED)) | (told ? VM_PG(ACCESSED) : 0);
	}
	return r == 0 ? take(ctx, w->run.v, w->run.n) : r;
}
