#include "core/source/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/frameset.h"
#include "core/model/page.h"
#include "core/source/frames.h"
#include "core/source/pages.h"

/** What is gathered before the frames are asked about, in their order; frames between two that are wanted are read along
    as long as there are few. */
enum { BATCH_PAGES = 128 * 1024, BATCH_RUNS = 32 * 1024, GAP = 64, EMIT = 256 };

struct part {
	struct vm_page_run run;
	size_t mapping;
	size_t at;                 /* index of its first page's facts */
};

struct scan {
	const struct vm_aspace *as;
	struct vm_frames *frames;
	vm_share_take *take;
	void *ctx;
	VM_VEC(struct part) parts;
	size_t pages, mapping;
	uint64_t *flags, *count;
	const struct part **order;
	struct vm_share_piece piece[EMIT];
	size_t n;
};

/** Has a frame that is counted. */
static bool has_frame(const struct vm_page_run *r)
{
	return r->state & VM_PG(PRESENT) && !(r->state & VM_PG(ZERO)) && r->pfn != VM_PFN_NONE &&
	       !(r->known & VM_PG(SPECIAL) && r->state & VM_PG(SPECIAL));
}

static uint64_t pages_of(const struct vm_page_run *r)
{
	return (r->end - r->start) / 4096;
}

/* ---- Facts of a batch --------------------------------------------------------------------------------------------- */

int vm_share_facts(void *frames, uint64_t pfn, size_t n, uint64_t *flags, uint64_t *count)
{
	long a = vm_frames_read(frames, VM_FRAME_FLAGS, pfn, n, flags, NULL);
	long b = vm_frames_read(frames, VM_FRAME_COUNT, pfn, n, count, NULL);
	if (a < 0 || b < 0)
		return a < 0 ? (int)a : (int)b;
	memset(flags + a, 0, (n - (size_t)a) * sizeof(*flags));
	memset(count + b, 0, (n - (size_t)b) * sizeof(*count));
	return 0;
}

static int by_frame(const void *a, const void *b)
{
	const struct part *x = *(const struct part *const *)a, *y = *(const struct part *const *)b;
	return (x->run.pfn > y->run.pfn) - (x->run.pfn < y->run.pfn);
}

/** Parts order[i..j) with one look at each file: they lie close together. */
static int read_close(struct scan *s, size_t i, size_t j, uint64_t end)
{
	const uint64_t first = s->order[i]->run.pfn;
	const size_t n = (size_t)(end - first);
	uint64_t *flags = malloc(2 * n * sizeof(*flags)), *count = flags + n;
	int r = flags ? vm_share_facts(s->frames, first, n, flags, count) : -ENOMEM;
	for (; i < j && r == 0; i++) {
		const struct part *p = s->order[i];
		const size_t from = (size_t)(p->run.pfn - first), pages = pages_of(&p->run);
		memcpy(s->flags + p->at, flags + from, pages * sizeof(*flags));
		memcpy(s->count + p->at, count + from, pages * sizeof(*count));
	}
	free(flags);
	return r;
}

static int read_facts(struct scan *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->parts.n; i++)
		if (has_frame(&s->parts.v[i].run))
			s->order[n++] = &s->parts.v[i];
	qsort(s->order, n, sizeof(s->order[0]), by_frame);
	for (size_t i = 0, j; i < n; i = j) {
		const uint64_t first = s->order[i]->run.pfn;
		uint64_t end = first;
		for (j = i; j < n && s->order[j]->run.pfn <= end + GAP && (j == i || end - first < BATCH_PAGES); j++) {
			const uint64_t to = s->order[j]->run.pfn + pages_of(&s->order[j]->run);
			end = to > end ? to : end;
		}
		int r = read_close(s, i, j, end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

static int emit(struct scan *s)
{
	const size_t n = s->n;
	s->n = 0;
	return n ? s->take(s->ctx, s->piece, n) : 0;
}

static int put(struct scan *s, const struct vm_share_piece *p)
{
	s->piece[s->n++] = *p;
	return s->n == EMIT ? emit(s) : 0;
}

static bool same_facts(const struct scan *s, size_t a, size_t b)
{
	return s->count[a] == s->count[b] && vm_share_kind(s->flags[a]) == vm_share_kind(s->flags[b]);
}

static int put_part(struct scan *s, const struct part *p)
{
	const struct vm_page_run *r = &p->run;
	struct vm_share_piece piece = {
		.m = &s->as->map[p->mapping], .mapping = p->mapping, .start = r->start, .end = r->end, .pfn = r->pfn,
		.state = r->state, .known = r->known, .shift = r->shift, .counted = s->frames && has_frame(r),
	};
	if (!piece.counted)
		return put(s, &piece);
	const size_t n = pages_of(r);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && same_facts(s, p->at + i, p->at + j); j++)
			;
		piece.start = r->start + i * 4096;
		piece.end = r->start + j * 4096;
		piece.pfn = r->pfn + i;
		piece.count = s->count[p->at + i];
		piece.flags = s->flags[p->at + i];
		int e = put(s, &piece);
		if (e)
			return e;
	}
	return 0;
}

static int flush(struct scan *s)
{
	int r = s->frames ? read_facts(s) : 0;
	for (size_t i = 0; i < s->parts.n && r == 0; i++)
		r = put_part(s, &s->parts.v[i]);
	s->parts.n = s->pages = 0;
	return r;
}

/** Cut to what a batch has room for. */
static int keep(struct scan *s, struct vm_page_run run)
{
	while (run.start < run.end) {
		if (s->parts.n == BATCH_RUNS || s->pages == BATCH_PAGES) {
			int r = flush(s);
			if (r)
				return r;
		}
		struct part p = { .run = run, .mapping = s->mapping, .at = s->pages };
		if (has_frame(&run)) {
			const uint64_t room = (BATCH_PAGES - s->pages) * UINT64_C(4096);
			if (run.end - run.start > room)
				p.run.end = run.start + room;
			s->pages += pages_of(&p.run);
			run.pfn += pages_of(&p.run);
		}
		run.start = p.run.end;
		if (!vm_vec_push(&s->parts, p))
			return -ENOMEM;
	}
	return 0;
}

static int take_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct scan *s = ctx;
	for (size_t i = 0; i < n; i++) {
		if (!(runs[i].state & VM_PG_POPULATED))
			continue;
		while (s->mapping < s->as->nmaps && s->as->map[s->mapping].end <= runs[i].start)
			s->mapping++;
		/* Mapped after the mappings were read. */
		if (s->mapping == s->as->nmaps || s->as->map[s->mapping].start > runs[i].start)
			continue;
		struct vm_page_run r = runs[i];
		r.end = r.end < s->as->map[s->mapping].end ? r.end : s->as->map[s->mapping].end;
		int e = keep(s, r);
		if (e)
			return e;
	}
	return 0;
}

int vm_share_pieces(struct vm_session *session, const struct vm_aspace *as, struct vm_frames *frames, uint64_t from, uint64_t to,
		    vm_share_take *take, void *ctx, struct vm_pages_info *info, struct vm_err *err)
{
	struct scan *s = calloc(1, sizeof(*s));
	const struct vm_pages_query q = {
		.from = from, .to = to, .as = as, .frames = frames != NULL,
		.want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(ZERO) | (frames ? 0 : VM_PG(EXCLUSIVE) | VM_PG(FILE)),
	};
	int r = -ENOMEM;
	if (s) {
		s->as = as;
		s->frames = frames;
		s->take = take;
		s->ctx = ctx;
		s->flags = frames ? malloc(BATCH_PAGES * sizeof(*s->flags)) : NULL;
		s->count = frames ? malloc(BATCH_PAGES * sizeof(*s->count)) : NULL;
		s->order = frames ? malloc(BATCH_RUNS * sizeof(*s->order)) : NULL;
		r = !frames || (s->flags && s->count && s->order) ? 0 : -ENOMEM;
	}
	if (r < 0)
		vm_fail(err, ENOMEM, "out of memory");
	else
		r = vm_pages_scan(session, as->proc.pid, &q, take_runs, s, info, err);
	if (r == 0) {
		r = flush(s);
		r = r ? r : emit(s);
		if (r < 0)
			vm_fail_os(err, -r, "cannot read the frames' map counts");
	}
	if (s) {
		vm_vec_free(&s->parts);
		free(s->flags);
		free(s->count);
		free(s->order);
	}
	free(s);
	return r;
}

/* ---- Sets --------------------------------------------------------------------------------------------------------- */

static int add_frames(void *ctx, const struct vm_page_run *runs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = has_frame(&runs[i]) ? vm_framebuild_add(ctx, runs[i].pfn, pages_of(&runs[i])) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_frames(void *ctx, const uint64_t *pfn, size_t n)
{
	return vm_framebuild_list(ctx, pfn, n);
}

int vm_share_frames(struct vm_session *s, const struct vm_aspace *as, uint64_t from, uint64_t to, struct vm_framebuild *into,
		    struct vm_err *err)
{
	struct vm_pages_info info = { 0 };
	const struct vm_pages_query q = {
		.from = from, .to = to, .as = as, .frames = true, .list = list_frames, .want = VM_PG(PRESENT) | VM_PG(ZERO),
	};
	int r = vm_pages_scan(s, as->proc.pid, &q, add_frames, into, &info, err);
	if (r == 0 && info.frames_withheld) {
		vm_fail(err, EPERM, "frames of process %d are withheld", as->proc.pid);
		vm_hint(err, "needs CAP_SYS_ADMIN; run with sudo");
		return -EPERM;
	}
	return r;
}
