/** vmshare --runs and --pfn: pages of a process with their map counts; who maps a page frame. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmshare/vmshare.h"
#include "core/base/err.h"
#include "core/field/page.h"
#include "core/model/aspace.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/rmap.h"
#include "core/source/session.h"
#include "core/source/share.h"

/* ---- --runs --------------------------------------------------------------------------------------------------------- */

struct runs { struct vm_share_run_row *v; size_t n, cap; };

static bool goes_on(const struct vm_share_piece *a, const struct vm_share_piece *b)
{
	const bool frames = a->pfn == VM_PFN_NONE ? b->pfn == VM_PFN_NONE : a->pfn + (a->end - a->start) / 4096 == b->pfn;
	return a->m == b->m && a->end == b->start && frames && a->counted == b->counted && a->count == b->count &&
	       a->state == b->state && a->known == b->known && vm_share_piece_kind(a) == vm_share_piece_kind(b);
}

static int keep_pieces(void *ctx, const struct vm_share_piece *p, size_t n)
{
	struct runs *r = ctx;
	for (size_t i = 0; i < n; i++) {
		if (r->n && goes_on(&r->v[r->n - 1].piece, &p[i]))
			r->v[r->n - 1].piece.end = p[i].end;
		else if (!vm_vec_push(r, (struct vm_share_run_row){ .piece = p[i] }))
			return -ENOMEM;
	}
	return 0;
}

static int read_runs(struct vmshare *v, const struct vm_aspace *as, struct runs *runs, struct vm_err *err)
{
	struct vm_pages_info info = { 0 };
	struct vm_frames *frames;
	int open = vm_frames_open(v->s, &frames, NULL);
	int r = open < 0 ? open : vm_share_pieces(v->s, as, frames, v->range.from, v->range.to, keep_pieces, runs, &info, err);
	if (open == 0)
		vm_frames_close(frames);
	if (open == 0 && !(r == 0 && info.frames_withheld))
		return r;
	vm_session_note(v->s, VM_NEED_BIT_KPAGECOUNT, open < 0 ? -open : EPERM, as->proc.pid);
	runs->n = 0;
	return vm_share_pieces(v->s, as, NULL, v->range.from, v->range.to, keep_pieces, runs, &info, err);
}

static int show_runs(struct vmshare *v, struct vm_err *err)
{
	struct runs runs = { 0 };
	struct vm_aspace *as;
	int r = vm_snapshot(v->s, v->pids.v[0], v->choice.needs | VM_NEED_KIND | VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, err);
	if (r < 0)
		return r;
	r = as->nmaps ? read_runs(v, as, &runs, err) : 0;
	if (r == 0)
		r = vmshare_list(v, &vm_share_run_fields, true, NULL, runs.v, runs.n, sizeof(runs.v[0]), 0, err);
	vm_vec_free(&runs);
	vm_aspace_free(as);
	return r;
}

const struct vmshare_mode vmshare_runs = { .name = "runs", .set = &vm_share_run_fields, .show = show_runs };

/* ---- --pfn ---------------------------------------------------------------------------------------------------------- */

struct hits {
	struct vm_rmap_row *v;
	size_t n, cap;
	struct vm_arena texts;
};

static int keep_hit(void *ctx, const struct vm_rmap_hit *hit)
{
	struct hits *h = ctx;
	const char *name = hit->m ? hit->m->name : "";
	const struct vm_rmap_row row = {
		.pfn = hit->pfn, .address = hit->address, .pid = hit->pid, .shift = hit->run->shift, .state = hit->run->state,
		.known = hit->run->known, .comm = vm_arena_strndup(&h->texts, hit->comm, strlen(hit->comm)),
		.mapping = vm_arena_strndup(&h->texts, name, strlen(name)),
	};
	return row.comm && row.mapping && vm_vec_push(h, row) ? 0 : -ENOMEM;
}

/** How often the kernel says that a frame is mapped, and how often it was found. */
static void say_frame(struct vmshare *v, struct vm_frames *frames, uint64_t pfn, const struct hits *h)
{
	uint64_t flags = 0, count = 0;
	size_t found = 0;
	for (size_t i = 0; i < h->n; i++)
		found += h->v[i].pfn == pfn;
	if (vm_frames_read(frames, VM_FRAME_FLAGS, pfn, 1, &flags, NULL) != 1 ||
	    vm_frames_read(frames, VM_FRAME_COUNT, pfn, 1, &count, NULL) != 1) {
		vm_report_say(&v->report, "frame 0x%llx: there is no such frame\n", (unsigned long long)pfn);
		return;
	}
	if (!count && !found) {
		vm_report_say(&v->report, "frame 0x%llx: no process maps it\n", (unsigned long long)pfn);
		return;
	}
	vm_report_say(&v->report, "frame 0x%llx: %s, mapped %llu time%s, %zu found\n", (unsigned long long)pfn,
		      vm_share_kinds[vm_share_kind(flags)], (unsigned long long)count, count == 1 ? "" : "s", found);
}

static int show_pfn(struct vmshare *v, struct vm_err *err)
{
	struct hits h = { .n = 0 };
	struct vm_rmap_info info = { 0 };
	struct vm_frames *frames;
	int r = vm_frames_open(v->s, &frames, err);
	if (r < 0)
		return r;
	r = vm_rmap(v->s, v->pfn, v->npfn, keep_hit, &h, &info, err);
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	if (r == 0 && v->style.headings && !vm_report_is_machine(&v->report)) {
		for (size_t i = 0; i < v->npfn; i++)
			say_frame(v, frames, v->pfn[i], &h);
		vm_report_say(&v->report, "\n");
	}
	/* Of one frame it is clear which. */
	struct vm_common common = *v->common;
	const struct vm_common *typed = v->common;
	if (v->npfn > 1 && !common.columns && !vm_report_is_machine(&v->report))
		common.columns = "PFN,PID,ADDRESS,PAGE,WRITABLE,COMMAND,MAPPING";
	v->common = &common;
	if (r == 0 && (h.n || vm_report_is_machine(&v->report)))
		r = vmshare_list(v, &vm_rmap_fields, true, NULL, h.v, h.n, sizeof(h.v[0]), 0, err);
	v->common = typed;
	if (r == 0 && info.failed)
		fprintf(stderr, "vmshare: %u process%s couldn't be looked through\n", info.failed, info.failed == 1 ? "" : "es");
	vm_frames_close(frames);
	vm_vec_free(&h);
	vm_arena_free(&h.texts);
	return r;
}

const struct vmshare_mode vmshare_pfn = { .name = "frames", .set = &vm_rmap_fields, .show = show_pfn };
