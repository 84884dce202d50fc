/** Pages by the ioctl PAGEMAP_SCAN (Linux 6.7): runs that the kernel makes, of what is populated only. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/pagemap.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/uapi.h"

/** With more the kernel flushes its own array in between and then gives a stale walk_end (seen up to 7.2). */
enum { REGIONS = 512 };

static const struct {
	uint32_t state;
	unsigned category;
} categories[] = {
	{ VM_PG(PRESENT), VM_PAGE_IS_PRESENT }, { VM_PG(SWAP), VM_PAGE_IS_SWAPPED }, { VM_PG(FILE), VM_PAGE_IS_FILE },
	{ VM_PG(ZERO), VM_PAGE_IS_PFNZERO }, { VM_PG(WRITTEN), VM_PAGE_IS_WRITTEN },
	{ VM_PG(SOFT_DIRTY), VM_PAGE_IS_SOFT_DIRTY }, { VM_PG(GUARD), VM_PAGE_IS_GUARD },
};
enum { CATEGORIES = sizeof(categories) / sizeof(categories[0]) };

static uint64_t categories_of(uint32_t want)
{
	uint64_t c = VM_PAGE_IS_PRESENT | VM_PAGE_IS_SWAPPED | VM_PAGE_IS_HUGE;
	for (unsigned i = 0; i < CATEGORIES; i++)
		if (want & categories[i].state)
			c |= categories[i].category;
	return c;
}

static uint32_t state_of(uint64_t c)
{
	uint32_t state = 0;
	for (unsigned i = 0; i < CATEGORIES; i++)
		if (c & categories[i].category)
			state |= categories[i].state;
	/* Guards have the form of swap entries. */
	return state & VM_PG(GUARD) ? state & ~VM_PG(SWAP) : state;
}

struct scan {
	const struct vm_pages_query *q;
	vm_pages_take *take;
	void *ctx;
	int fd;
	uint64_t returned;         /* categories that are asked for */
	uint32_t known;
	size_t mapping;
};

/** One region as runs that cross no border of a mapping. */
static int put_region(struct scan *s, const struct vm_page_region *g)
{
	const struct vm_aspace *as = s->q->as;
	struct vm_page_run r = {
		.start = g->start, .end = g->end, .pfn = VM_PFN_NONE,
		.state = state_of(g->categories), .known = s->known,
		.shift = g->categories & VM_PAGE_IS_HUGE ? 21 : g->categories & VM_PAGE_IS_PRESENT ? 12 : 0,
	};
	while (as && s->mapping < as->nmaps && as->map[s->mapping].end <= r.start)
		s->mapping++;
	for (; as && s->mapping < as->nmaps && as->map[s->mapping].end < g->end; s->mapping++) {
		r.end = as->map[s->mapping].end;
		int e = s->take(s->ctx, &r, 1);
		if (e)
			return e;
		r.start = r.end;
	}
	r.end = g->end;
	return s->take(s->ctx, &r, 1);
}

static int scan_range(struct scan *s, uint64_t from, uint64_t to)
{
	struct vm_page_region region[REGIONS];
	while (from < to) {
		struct vm_pm_scan arg = {
			.size = sizeof(arg), .start = from, .end = to, .vec = (uint64_t)(uintptr_t)region, .vec_len = REGIONS,
			.category_anyof_mask = (VM_PAGE_IS_PRESENT | VM_PAGE_IS_SWAPPED | VM_PAGE_IS_GUARD) & s->returned,
			.return_mask = s->returned,
		};
		int n = ioctl(s->fd, VM_PAGEMAP_SCAN, &arg);
		if (n < 0 && errno == EINTR)
			continue;
		/* A kernel that doesn't know guards yet. */
		if (n < 0 && errno == EINVAL && (s->returned & VM_PAGE_IS_GUARD)) {
			s->returned &= ~(uint64_t)VM_PAGE_IS_GUARD;
			s->known &= ~VM_PG(GUARD);
			continue;
		}
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			int r = put_region(s, &region[i]);
			if (r)
				return r;
		}
		if (arg.walk_end <= from)
			break;
		from = arg.walk_end;
	}
	return 0;
}

/** All of the user half: what isn't mapped costs nothing. */
static uint64_t end_of_space(const struct vm_aspace *as)
{
	for (size_t i = as ? as->nmaps : 0; i-- > 0;)
		if (!(as->map[i].end >> 63))
			return as->map[i].end;
	return UINT64_C(1) << 47;
}

static int scan_categories(struct vm_session *session, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take,
			   void *ctx, struct vm_pages_info *info, struct vm_err *err)
{
	if (!session->live)
		return vm_fail(err, EOPNOTSUPP, "a %s takes no PAGEMAP_SCAN", vm_session_kind(session));
	vm_auto_close int fd = vm_session_open_file(session, 0, "proc/%d/pagemap", pid);
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open /proc/%d/pagemap", pid);
	struct scan s = { .q = q, .take = take, .ctx = ctx, .fd = fd, .returned = categories_of(q->want) };
	s.known = state_of(s.returned) | VM_PG(SWAP) | VM_PG(PRESENT);
	if ((q->want & VM_PG(SOFT_DIRTY)) && !vm_pagemap_has_soft_dirty(session))
		s.known &= ~VM_PG(SOFT_DIRTY);
	info->holds_lock = true;
	int r = scan_range(&s, q->from, q->to ? q->to : end_of_space(q->as));
	info->unknown = q->want & ~s.known;
	info->frames_withheld = q->frames;
	if (r == -ENOTTY)
		return vm_fail(err, EOPNOTSUPP, "the kernel has no PAGEMAP_SCAN (Linux 6.7)");
	return r < 0 ? vm_fail_os(err, -r, "PAGEMAP_SCAN of %d", pid) : r;
}

const struct vm_pages_backend vm_pages_by_scan = {
	.via = VM_VIA_SCAN,
	.tells = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(ZERO) | VM_PG(WRITTEN) | VM_PG(SOFT_DIRTY) | VM_PG(GUARD),
	.scan = scan_categories,
};
