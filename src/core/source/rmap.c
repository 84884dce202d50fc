#include "core/source/rmap.h"

#include <errno.h>

#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/pages.h"
#include "core/source/source.h"

struct search {
	const uint64_t *pfn;
	size_t n;
	const struct vm_aspace *as;
	int (*take)(void *ctx, const struct vm_rmap_hit *hit);
	void *ctx;
};

/** Index of the first wanted frame that isn't below `pfn`. */
static size_t lower_bound(const struct search *s, uint64_t pfn)
{
	size_t a = 0, b = s->n;
	while (a < b) {
		size_t mid = a + (b - a) / 2;
		if (s->pfn[mid] < pfn)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

static int report(const struct search *s, const struct vm_page_run *r, uint64_t pfn, uint64_t address)
{
	const struct vm_rmap_hit hit = {
		.pfn = pfn, .address = address, .pid = s->as->proc.pid, .comm = s->as->proc.comm,
		.m = vm_aspace_at(s->as, address), .run = r,
	};
	return s->take(s->ctx, &hit);
}

static int search_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	const struct search *s = ctx;
	for (size_t i = 0; i < n; i++) {
		const struct vm_page_run *r = &runs[i];
		const uint64_t pages = (r->end - r->start) / 4096;
		if (r->pfn == VM_PFN_NONE)
			continue;
		/* Every page of such a run is the one frame: its first address stands for all. */
		const uint64_t frames = r->state & VM_PG(ZERO) && r->shift <= 12 ? 1 : pages;
		for (size_t k = lower_bound(s, r->pfn); k < s->n && s->pfn[k] < r->pfn + frames; k++) {
			int e = report(s, r, s->pfn[k], r->start + (s->pfn[k] - r->pfn) * 4096);
			if (e)
				return e;
		}
	}
	return 0;
}

static int search_process(struct vm_session *s, struct search *search, pid_t pid, bool *withheld, struct vm_err *err)
{
	struct vm_aspace *as;
	struct vm_pages_info info;
	int r = vm_snapshot(s, pid, VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, err);
	if (r < 0)
		return r;
	if (as->nmaps) {
		const struct vm_pages_query q = {
			.frames = true, .want = VM_PG(PRESENT) | VM_PG(WRITE) | VM_PG(ZERO), .as = as,
		};
		search->as = as;
		r = vm_pages_scan(s, pid, &q, search_runs, search, &info, err);
		*withheld = r == 0 && info.frames_withheld;
	}
	vm_aspace_free(as);
	return r;
}

int vm_rmap(struct vm_session *s, const uint64_t *pfn, size_t n,
	    int (*take)(void *ctx, const struct vm_rmap_hit *hit), void *ctx, struct vm_rmap_info *info, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	struct search search = { .pfn = pfn, .n = n, .take = take, .ctx = ctx };
	int r = vm_proc_list_dir(s, &pids, err);
	for (size_t i = 0; i < pids.n && r == 0; i++) {
		struct vm_err why = { 0 };
		bool withheld = false;
		r = search_process(s, &search, pids.v[i], &withheld, &why);
		if (withheld)
			r = vm_fail(err, EPERM, "frames need CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON");
		else if (r == 0)
			info->looked++;
		else if (r == -ESRCH)
			r = 0;
		else if (r < 0) {
			/* One that can't be read doesn't keep the others from being looked through. */
			if (info->first && !info->failed)
				*info->first = why;
			info->failed++;
			r = 0;
		}
	}
	vm_vec_free(&pids);
	return r;
}
