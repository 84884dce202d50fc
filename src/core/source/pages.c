#include "core/source/pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/session.h"

const char *const vm_via_names[] = { "auto", "page-tables", "pagemap", "pagemap-scan", "mincore", NULL };

/** Best first for questions that need frames or bits of entries; PAGEMAP_SCAN is cheaper than pagemap for the others. */
static const struct vm_pages_backend *const backends[] = {
#if VM_HAVE_BPF
	&vm_pages_by_tables,
#endif
	&vm_pages_by_pagemap,
	&vm_pages_by_scan,
	&vm_pages_by_mincore,
};
enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

static bool answers(const struct vm_pages_backend *b, const struct vm_pages_query *q)
{
	return !(q->want & ~b->tells) && (!q->frames || b->tells_frames);
}

/** Where the next better one doesn't work: the first that answers all, else the first of all. */
static const struct vm_pages_backend *choose(const struct vm_pages_query *q, unsigned tried)
{
	const struct vm_pages_backend *first = NULL, *full = NULL;
	for (unsigned i = 0; i < BACKENDS; i++) {
		const struct vm_pages_backend *b = backends[i];
		if (tried >> b->via & 1)
			continue;
		first = first ? first : b;
		/* It reads what is there only: it beats pagemap if it knows enough. */
		if (answers(b, q) && (!full || (full->via == VM_VIA_PAGEMAP && b->via == VM_VIA_SCAN)))
			full = b;
	}
	return full ? full : first;
}

static const struct vm_pages_backend *by_via(enum vm_pages_via via)
{
	for (unsigned i = 0; i < BACKENDS; i++)
		if (backends[i]->via == via)
			return backends[i];
	return NULL;
}

static int run(const struct vm_pages_backend *b, struct vm_session *s, pid_t pid, const struct vm_pages_query *q,
	       vm_pages_take *take, void *ctx, struct vm_pages_info *info, struct vm_err *err)
{
	uint64_t began = vm_clock_ns();
	info->via = b->via;
	int r = b->scan(s, pid, q, take, ctx, info, err);
	if (!info->took_ns)
		info->took_ns = vm_clock_ns() - began;
	info->unknown |= q->want & ~b->tells;
	return r;
}

/** Another way may work: nothing was handed over. */
static bool may_try_another(int r)
{
	return r == -EOPNOTSUPP || r == -EPERM || r == -EACCES || r == -ENOTTY || r == -ENXIO || r == -ENOENT ||
	       r == -EINVAL;
}

int vm_pages_scan(struct vm_session *s, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take, void *ctx,
		  struct vm_pages_info *info, struct vm_err *err)
{
	struct vm_err why = { 0 }, first = { 0 };
	*info = (struct vm_pages_info){ 0 };
	if (q->via != VM_VIA_AUTO) {
		const struct vm_pages_backend *b = by_via(q->via);
		if (!b && q->via == VM_VIA_TABLES && !s->live)
			return vm_fail(err, EOPNOTSUPP, "a %s has no page tables", vm_session_kind(s));
		if (!b)
			return vm_fail(err, EOPNOTSUPP, "built without %s", vm_via_names[q->via]);
		return run(b, s, pid, q, take, ctx, info, err);
	}
	unsigned tried = 0;
	int r = -EOPNOTSUPP, refused = 0;
	for (const struct vm_pages_backend *b; (b = choose(q, tried));) {
		struct vm_pages_info fresh = { 0 };
		memcpy(fresh.why_not, info->why_not, sizeof(fresh.why_not));
		*info = fresh;
		why = (struct vm_err){ 0 };
		tried |= 1u << b->via;
		r = run(b, s, pid, q, take, ctx, info, &why);
		if (!may_try_another(r))
			break;
		if (!first.code) {
			first = why;
			snprintf(info->why_not, sizeof(info->why_not), "%s: %.130s", vm_via_names[b->via], why.what);
		}
		/* That somebody may not counts more than that a way isn't there, and that more than that none is made for it. */
		const bool denied = r == -EACCES || r == -EPERM;
		if (!refused || denied || (refused == -EOPNOTSUPP && r != -EOPNOTSUPP)) {
			refused = r;
			if (err)
				*err = why;
		}
	}
	if (r == 0 || !may_try_another(r)) {
		if (r < 0 && err)
			*err = why;
		return r;
	}
	return refused ? refused : r;
}
