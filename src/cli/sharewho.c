/** Who else maps the pages of a process: all others are looked through. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sharing.h"
#include "core/base/clock.h"
#include "core/model/aspace.h"
#include "core/model/page.h"
#include "core/source/frames.h"
#include "core/source/layouts.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/share.h"

/** take() says so when time is out. */
enum { CUT = 1 };

struct search {
	struct vm_session *s;
	const struct vm_proc *self;
	struct vm_framebuild build;
	uint64_t until_ns;
	struct vm_sharing_who *out;
	struct vm_err *err;
};

/** Pages that others map too. */
static int add_shared(void *ctx, const struct vm_share_piece *p, size_t n)
{
	struct vm_who *w = ctx;
	for (size_t i = 0; i < n; i++) {
		int r = p[i].counted && p[i].count > 1 ? vm_who_add(w, p[i].mapping, p[i].pfn, (p[i].end - p[i].start) / 4096) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_self(struct search *q, const struct vm_aspace *as, struct vm_sharing_range range)
{
	struct vm_pages_info info = { 0 };
	struct vm_frames *frames;
	struct vm_who *w = &q->out->of;
	int r = vm_who_begin(w, as->nmaps);
	if (r < 0)
		return vm_fail(q->err, ENOMEM, "out of memory");
	r = vm_frames_open(q->s, &frames, q->err);
	if (r < 0)
		return r;
	r = vm_share_pieces(q->s, as, frames, range.from, range.to, add_shared, w, &info, q->err);
	vm_frames_close(frames);
	if (r == 0 && info.frames_withheld) {
		vm_fail(q->err, EPERM, "frames are withheld");
		vm_hint(q->err, "needs CAP_SYS_ADMIN; run with sudo");
		return -EPERM;
	}
	if (r == 0 && vm_who_ready(w) < 0)
		r = vm_fail(q->err, ENOMEM, "out of memory");
	return r;
}

static void note_failed(void *ctx, pid_t pid, const struct vm_err *why)
{
	struct search *q = ctx;
	if (pid == q->self->pid)
		return;
	if (!q->out->failed)
		q->out->why = *why;
	q->out->failed++;
}

static int compare(struct search *q, const struct vm_proc *p)
{
	struct vm_framepool pool = { 0 };
	struct vm_frames_mapped mapped = { 0 };
	struct vm_who_process who = { .pid = p->pid, .start = p->start };
	memcpy(who.comm, p->comm, sizeof(who.comm));
	int r = vm_framebuild_end(&q->build, &pool, &mapped);
	if (r == 0)
		r = vm_who_compare(&q->out->of, &who, &pool, &mapped);
	vm_frames_mapped_free(&mapped);
	vm_framepool_free(&pool);
	return r < 0 ? vm_fail(q->err, ENOMEM, "out of memory") : 0;
}

static int take_process(void *ctx, const struct vm_aspace *as, bool named)
{
	struct search *q = ctx;
	struct vm_err why = { 0 };
	(void)named;
	if (vm_proc_same(&as->proc, q->self))
		return 0;
	if (q->until_ns && vm_clock_ns() > q->until_ns)
		return CUT;
	int r = vm_share_frames(q->s, as, 0, 0, &q->build, &why);
	if (r == 0) {
		q->out->looked++;
		return compare(q, &as->proc);
	}
	vm_framebuild_free(&q->build);
	if (r == -ENOMEM)
		return vm_fail(q->err, ENOMEM, "out of memory");
	/* One that can't be read doesn't keep the others from being looked through. */
	if (r != -ESRCH)
		note_failed(q, as->proc.pid, &why);
	return 0;
}

int vm_sharing_who_read(struct vm_session *s, struct vm_sharing *x, struct vm_sharing_range range, uint64_t most_ns,
			struct vm_sharing_who *out, struct vm_err *err)
{
	struct search q = {
		.s = s, .self = &x->as->proc, .out = out, .err = err, .until_ns = most_ns ? vm_clock_ns() + most_ns : 0,
	};
	*out = (struct vm_sharing_who){ .looked = 0 };
	/* What an earlier look found may be gone. */
	for (size_t i = 0; i < x->as->nmaps; i++)
		x->rows[i].with = NULL;
	int r = read_self(&q, x->as, range);
	if (r == 0)
		r = vm_layouts(s, take_process, note_failed, &q, err);
	vm_framebuild_free(&q.build);
	out->cut = r == CUT;
	if (r < 0)
		return r;
	vm_who_end(&out->of);
	for (size_t i = 0; i < x->as->nmaps; i++) {
		x->rows[i].with = &out->of.sharers[i];
		x->rows[i].who = out->of.processes.v;
	}
	return 0;
}

void vm_sharing_who_free(struct vm_sharing_who *w)
{
	vm_who_free(&w->of);
}

struct vm_share_sharer_row *vm_sharing_who_rows(const struct vm_sharing *x, size_t mapping, size_t *n)
{
	const size_t from = mapping == SIZE_MAX ? 0 : mapping, to = mapping == SIZE_MAX ? x->as->nmaps : mapping + 1;
	size_t all = 0, k = 0;
	for (size_t i = from; i < to; i++)
		all += x->rows[i].with ? x->rows[i].with->most.n : 0;
	struct vm_share_sharer_row *rows = calloc(all + 1, sizeof(*rows));
	for (size_t i = from; i < to && rows; i++)
		for (size_t j = 0; x->rows[i].with && j < x->rows[i].with->most.n; j++) {
			const struct vm_sharer *one = &x->rows[i].with->most.v[j];
			rows[k++] = (struct vm_share_sharer_row){
				.m = x->rows[i].m, .sum = x->rows[i].sum, .who = &x->rows[i].who[one->process], .bytes = one->bytes,
			};
		}
	*n = k;
	return rows;
}
