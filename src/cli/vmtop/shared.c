/** What vmtop's tab Shared shows: the process and its fork family as vmshare reads them, as often as the budget pays for. */

#include "cli/vmtop/shared.h"

#if VM_HAVE_TUI

#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/recording.h"
#include "core/source/session.h"

/** A screen has to wait for it: families with more memory aren't compared, and looking through all processes ends. */
#define FAMILY_MOST (UINT64_C(64) << 30)
#define WHO_MOST_NS UINT64_C(1500000000)

static void drop_who(struct vmtop_shared *h)
{
	vm_sharing_who_free(&h->who);
	free(h->rows);
	h->rows = NULL;
}

static void forget(void *ctx)
{
	struct vmtop_shared *h = ctx;
	drop_who(h);
	vm_sharing_free(&h->x);
	vm_sharing_family_free(&h->family);
	vm_sharing_family_free(&h->before);
	h->known = false;
	h->due_ns = 0;
}

static bool is_of(const struct vmtop_shared *h, const struct vm_shared_ask *ask)
{
	return h->known && h->x.as->proc.pid == ask->pid && h->x.as->proc.start == ask->start;
}

/** The new look in place of the last one, whose family rates are against. */
static void replace(struct vmtop_shared *h, struct vm_sharing *x, struct vm_sharing_family *f)
{
	drop_who(h);
	vm_sharing_free(&h->x);
	vm_sharing_family_free(&h->before);
	h->before = h->family;
	h->x = *x;
	h->family = *f;
	if (h->s->live && h->before.kin.n && h->family.kin.n)
		vm_sharing_family_rates(&h->family, &h->before);
	h->known = true;
	h->seen = (struct vm_shared){
		.proc = &h->x.as->proc, .rows = h->x.rows, .n = h->x.as->nmaps, .total = h->x.of ? &h->x.total : NULL,
		.counted = h->x.counted, .why_pages = &h->x.why_pages, .why_frames = &h->x.why_frames, .family = h->family.rows,
		.members = h->family.rows ? h->family.kin.n : 0, .compared = h->family.compared, .why_family = &h->family.why,
	};
}

static int read_all(struct vmtop_shared *h, const struct vm_shared_ask *ask, struct vm_err *err)
{
	struct vm_sharing x;
	struct vm_sharing_family f = { .taken_ns = 0 };
	int r = vm_sharing_read(h->s, ask->pid, ask->needs & ~VM_NEED(FRAMES), (struct vm_sharing_range){ 0 }, &x, err);
	if (r == 0 && x.as->proc.start != ask->start)
		r = vm_fail(err, ESRCH, "process %d has ended", ask->pid);
	/* Whatever keeps the family from being found, the process has been looked at. */
	if (r == 0 && vm_sharing_family_read(h->s, ask->pid, (struct vm_sharing_range){ 0 }, FAMILY_MOST, &f, &f.why) < 0)
		f.compared = false;
	if (r < 0) {
		vm_sharing_free(&x);
		return r;
	}
	replace(h, &x, &f);
	/* Columns that tell who else has it: a column that isn't known in time stays empty. */
	struct vm_err why;
	if (ask->needs & VM_NEED(FRAMES))
		vm_sharing_who_read(h->s, &h->x, (struct vm_sharing_range){ 0 }, WHO_MOST_NS, &h->who, &why);
	return 0;
}

static const struct vm_shared *look(void *ctx, const struct vm_shared_ask *ask, struct vm_err *err)
{
	struct vmtop_shared *h = ctx;
	const uint64_t began = vm_clock_ns(), cost = vm_clock_cpu_ns();
	const bool other = h->known && !is_of(h, ask);
	if (other)
		forget(h);
	/* Moments of a recording follow each other as they are asked for. */
	if (!h->known || began >= h->due_ns || ask->needs & ~h->needs || vm_session_recording(h->s)) {
		int r = read_all(h, ask, err);
		h->needs = ask->needs;
		h->taken_ns = r == 0 ? began : h->taken_ns;
		/* The budget is CPU time: how long others kept us waiting is no cost. */
		h->due_ns = began + (uint64_t)((double)(vm_clock_cpu_ns() - cost) / ask->budget);
		if (r < 0 && r != -ESRCH)
			forget(h);
	}
	h->seen.age_ns = h->s->live ? began - h->taken_ns : 0;
	return h->known ? &h->seen : NULL;
}

static int who(void *ctx, size_t at, struct vm_shared_who *out, struct vm_err *err)
{
	struct vmtop_shared *h = ctx;
	if (!h->known || at >= h->x.as->nmaps)
		return vm_fail(err, ESRCH, "the mapping is gone");
	const struct vm_mapping *m = &h->x.as->map[at];
	drop_who(h);
	int r = vm_sharing_who_read(h->s, &h->x, (struct vm_sharing_range){ m->start, m->end }, WHO_MOST_NS, &h->who, err);
	if (r < 0)
		return r;
	*out = (struct vm_shared_who){
		.all = h->who.of.sharers[at].all, .looked = h->who.looked, .failed = h->who.failed, .cut = h->who.cut,
	};
	out->rows = h->rows = vm_sharing_who_rows(&h->x, at, &out->n);
	return h->rows ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

void vmtop_shared_begin(struct vmtop_shared *h, struct vm_session *s)
{
	*h = (struct vmtop_shared){ .s = s };
	h->feed = (struct vm_shared_feed){ .ctx = h, .look = look, .who = who, .forget = forget };
}

void vmtop_shared_end(struct vmtop_shared *h)
{
	forget(h);
}

#endif
