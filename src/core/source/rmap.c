#include "core/source/rmap.h"

#include <errno.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/layouts.h"
#include "core/source/pages.h"
#include "core/source/source.h"

struct search {
	struct vm_session *s;
	const uint64_t *pfn;
	size_t n;
	/** The process that is being looked through; its mappings with names, read when something is found there. */
	const struct vm_aspace *as;
	struct vm_aspace *named;
	bool asked;
	int (*take)(void *ctx, const struct vm_rmap_hit *hit);
	void *ctx;
	struct vm_rmap_info *info;
	struct vm_err *err;
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

/** The mapping of an address, with its name if that can be had. */
static const struct vm_mapping *mapping_at(struct search *s, uint64_t address)
{
	if (!s->asked) {
		s->asked = true;
		if (vm_snapshot(s->s, s->as->proc.pid, VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &s->named, NULL) < 0)
			s->named = NULL;
		/* Another process, by the same number. */
		if (s->named && s->named->proc.start != s->as->proc.start) {
			vm_aspace_free(s->named);
			s->named = NULL;
		}
	}
	const struct vm_mapping *m = s->named ? vm_aspace_at(s->named, address) : NULL;
	return m ? m : vm_aspace_at(s->as, address);
}

static int report(struct search *s, const struct vm_page_run *r, uint64_t pfn, uint64_t address)
{
	const struct vm_rmap_hit hit = {
		.pfn = pfn, .address = address, .m = mapping_at(s, address), .pid = s->as->proc.pid,
		.comm = s->as->proc.comm, .run = r,
	};
	return s->take(s->ctx, &hit);
}

static int search_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct search *s = ctx;
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

static void note_failed(void *ctx, pid_t pid, const struct vm_err *why)
{
	struct search *s = ctx;
	(void)pid;
	if (s->info->first && !s->info->failed)
		*s->info->first = *why;
	s->info->failed++;
}

static int search_process(void *ctx, const struct vm_aspace *as, bool named)
{
	struct search *s = ctx;
	struct vm_pages_info info = { 0 };
	struct vm_err why = { 0 };
	const struct vm_pages_query q = {
		.frames = true, .want = VM_PG(PRESENT) | VM_PG(WRITE) | VM_PG(ZERO), .as = as,
	};
	s->as = as;
	s->asked = named;
	int r = vm_pages_scan(s->s, as->proc.pid, &q, search_runs, s, &info, &why);
	vm_aspace_free(s->named);
	s->named = NULL;
	if (r == 0 && info.frames_withheld)
		return vm_fail(s->err, EPERM, "frames need CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON");
	if (r == 0)
		s->info->looked++;
	else if (r < 0 && r != -ESRCH)
		/* One that can't be read doesn't keep the others from being looked through. */
		note_failed(s, as->proc.pid, &why);
	return r > 0 ? r : 0;
}

int vm_rmap(struct vm_session *s, const uint64_t *pfn, size_t n,
	    int (*take)(void *ctx, const struct vm_rmap_hit *hit), void *ctx, struct vm_rmap_info *info, struct vm_err *err)
{
	struct search search = { .s = s, .pfn = pfn, .n = n, .take = take, .ctx = ctx, .info = info, .err = err };
	return vm_layouts(s, search_process, note_failed, &search, err);
}
