/** One page as it changes: a line a change. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cli/vmpage/vmpage.h"
#include "core/analysis/translate.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/capture.h"
#include "core/source/frames.h"
#include "core/source/session.h"
#include "core/source/walker.h"

struct watch {
	struct vmpage *v;
	struct vm_walker *w;       /* NULL: by pagemap */
	struct vm_pt_geometry g;
	pid_t pid;
	uint64_t addr, began;
	struct vm_pte was, is;
	/** Flags of the frame, those that say what befell it; NULL: they may not be read. */
	struct vm_frames *frames;
	uint64_t flags_were, flags;
	bool had_flags, have_flags;
	uint64_t looks, spent_ns, changes;
	uint64_t last_ns;          /* that the last look took */
};

/** Flags that change for a reason; those of reclaim come and go. */
#define TELLING \
	(VM_KPF(MLOCKED) | VM_KPF(UNEVICTABLE) | VM_KPF(KSM) | VM_KPF(THP) | VM_KPF(HWPOISON) | VM_KPF(DIRTY) | \
	 VM_KPF(WRITEBACK))

/** Set by ^C: what was seen so far is summed up. */
static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static int look_by_tables(struct watch *x, struct vm_err *err)
{
	struct vm_walk_path path;
	int r = vm_walk_one(x->w, x->pid, x->addr, &path, err);
	if (r == 0)
		vm_pte_decode(&x->g, path.step[path.n - 1].level, path.step[path.n - 1].entry, &x->is);
	return r;
}

static int keep_run(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct vm_pte *is = ctx;
	if (!n)
		return 0;
	is->kind = runs[0].state & VM_PG(PRESENT) ? VM_PTE_PAGE : runs[0].state & VM_PG(SWAP) ? VM_PTE_SWAP
		: runs[0].state & VM_PG(GUARD) ? VM_PTE_GUARD : VM_PTE_MIGRATION;
	is->state = runs[0].state;
	is->pfn = runs[0].pfn;
	is->swap_type = runs[0].swap_type;
	is->swap_offset = runs[0].swap_offset;
	return 0;
}

/** The mapping that holds the page is enough for pagemap; it may come and go. */
static int look_by_pagemap(struct watch *x, struct vm_err *err)
{
	const uint64_t page = x->addr & ~UINT64_C(4095);
	struct vm_pages_info info;
	struct vm_aspace *as = NULL;
	x->is = (struct vm_pte){ .pfn = VM_PFN_NONE };
	int r = vmpage_mappings(x->v, x->pid, page, page + 4096, &as, err);
	if (r == 0 && as->nmaps == 0) {
		r = as->proc.state == 'Z' ? -ESRCH : 0;
		vm_aspace_free(as);
		return r;
	}
	const struct vm_pages_query q = {
		.from = page, .to = page + 4096, .frames = true, .via = VM_VIA_PAGEMAP, .as = as,
		.want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(ZERO) | VM_PG(GUARD) |
			VM_PG(SOFT_DIRTY),
	};
	if (r == 0)
		r = vm_pages_scan(x->v->s, x->pid, &q, keep_run, &x->is, &info, err);
	vm_aspace_free(as);
	return r;
}

static void look_at_frame(struct watch *x)
{
	const uint64_t below = (UINT64_C(1) << vm_pt_shift(&x->g, x->is.level)) - 1;
	const bool page = x->is.kind == VM_PTE_PAGE || x->is.kind == VM_PTE_NONE;
	x->flags_were = x->flags;
	x->had_flags = x->have_flags;
	x->have_flags = x->frames && page && x->is.pfn != VM_PFN_NONE &&
			vm_frames_read(x->frames, VM_FRAME_FLAGS, x->is.pfn + (x->addr & below) / 4096, 1, &x->flags, NULL) == 1;
	x->flags &= TELLING;
}

/** Did something befall the frame that is still there? */
static bool flags_changed(const struct watch *x)
{
	return x->had_flags && x->have_flags && x->was.pfn == x->is.pfn && x->flags != x->flags_were;
}

static void put_flags_change(const struct watch *x, struct vm_buf *words)
{
	const char *before = words->n ? "; its frame:" : "its frame:";
	for (unsigned i = 0; i < 64; i++) {
		if (!((x->flags ^ x->flags_were) >> i & 1))
			continue;
		vm_buf_addf(words, "%s %c%s", before, x->flags >> i & 1 ? '+' : '-', vm_kpf_info[i].name);
		before = "";
	}
}

static int look(struct watch *x, struct vm_err *err)
{
	uint64_t began = vm_clock_ns();
	int r = x->w ? look_by_tables(x, err) : look_by_pagemap(x, err);
	if (r == 0)
		look_at_frame(x);
	x->last_ns = vm_clock_ns() - began;
	x->spent_ns += x->last_ns;
	x->looks++;
	return r;
}

static bool same(const struct vm_pte *a, const struct vm_pte *b)
{
	return a->raw == b->raw && a->kind == b->kind && a->level == b->level && a->state == b->state && a->pfn == b->pfn;
}

static void json_bits(const struct watch *x, struct vm_json *j)
{
	struct vm_buf bits = { 0 };
	vm_json_key(j, "bits");
	if (x->w) {
		vm_pte_put_names(&x->g, &x->is, &bits);
		vm_json_words(j, vm_buf_str(&bits));
	} else {
		vm_json_null(j);
	}
	vm_buf_free(&bits);
}

/** A document a change. */
static int put_json(struct watch *x, const char *words)
{
	struct vm_report r;
	struct vm_json *j = &r.json;
	int e = vm_report_open(&r, vm_common_sink_of_lines(x->v->common), &x->v->report.style, x->v->report.out);
	if (e < 0)
		return e;
	vm_document_begin(&r, x->v->s, "vmpage/1");
	vm_json_key(j, "pid");
	vm_json_u64(j, (uint64_t)x->pid);
	vm_json_key(j, "address");
	vm_json_addr(j, x->addr);
	vm_json_key(j, "after_ns");
	vm_json_u64(j, vm_clock_ns() - x->began);
	vm_json_key(j, "level");
	vm_json_str(j, x->w ? vm_pt_level_name(&x->g, x->is.level) : NULL);
	vm_json_key(j, "entry");
	if (x->w)
		vm_json_addr(j, x->is.raw);
	else
		vm_json_null(j);
	vm_json_key(j, "pfn");
	if (x->is.pfn != VM_PFN_NONE)
		vm_json_addr(j, x->is.pfn);
	else
		vm_json_null(j);
	json_bits(x, j);
	vm_json_key(j, "change");
	vm_json_str(j, words);
	vm_document_end(&r, x->v->s, x->last_ns);
	e = vm_report_close(&r, NULL);
	return e < 0 ? e : fflush(x->v->report.out) == 0 ? 0 : -errno;
}

static int put_line(struct watch *x, const char *words)
{
	struct vm_buf bits = { 0 };
	const uint64_t ms = (vm_clock_ns() - x->began) / 1000000;
	FILE *out = x->v->report.out;
	fprintf(out, "%6llu.%03llu  ", (unsigned long long)ms / 1000, (unsigned long long)ms % 1000);
	vm_pte_put_bits(&x->g, &x->is, &bits);
	if (x->w)
		fprintf(out, "%s 0x%016llx  %-22s  ", vm_pt_level_name(&x->g, x->is.level), (unsigned long long)x->is.raw,
			vm_buf_str(&bits));
	else if (x->is.pfn != VM_PFN_NONE)
		fprintf(out, "frame 0x%llx  ", (unsigned long long)x->is.pfn);
	fprintf(out, "%s\n", words);
	vm_buf_free(&bits);
	return fflush(out) == 0 ? 0 : -errno;
}

static int put_change(struct watch *x, bool first)
{
	struct vm_buf words = { 0 };
	if (first && x->is.kind == VM_PTE_EMPTY)
		vm_buf_add_str(&words, "nothing there yet");
	else if (first && x->w)
		vm_say_leaf(&x->g, &x->is, NULL, NULL, &words);
	else if (first)
		vm_say_state(x->is.state, NULL, NULL, x->is.swap_type, x->is.swap_offset, &words);
	else if (!same(&x->was, &x->is))
		vm_say_change(&x->was, &x->is, &words);
	if (!first && flags_changed(x))
		put_flags_change(x, &words);
	int r = vm_report_is_document(&x->v->report) ? put_json(x, vm_buf_str(&words)) : put_line(x, vm_buf_str(&words));
	vm_buf_free(&words);
	return r;
}

static void sum_up(const struct watch *x, const char *why)
{
	if (x->looks && !vm_report_is_machine(&x->v->report))
		fprintf(stderr, "vmpage: %s; %llu changes seen, looked %llu times, %.1f us each\n", why,
			(unsigned long long)x->changes, (unsigned long long)x->looks,
			(double)x->spent_ns / 1e3 / (double)x->looks);
}

static int watch_all(struct watch *x, struct vm_err *err)
{
	const struct vmpage_options *o = x->v->o;
	struct vm_err gone = { 0 };
	int r = look(x, err);
	if (r < 0)
		return r;
	r = put_change(x, true);
	for (uint64_t next = x->began; r == 0 && !interrupted && (!o->count || x->changes < o->count);) {
		next += o->interval_ns;
		if (vm_clock_sleep_until(next) != 0)
			continue;
		x->was = x->is;
		r = look(x, &gone);
		if (r == -ESRCH) {
			sum_up(x, "the process ended");
			return 0;
		}
		if (r == 0 && (!same(&x->was, &x->is) || flags_changed(x))) {
			x->changes++;
			r = put_change(x, false);
		}
	}
	if (r < 0)
		return vm_fail_os(err, -r, "%s", gone.what[0] ? gone.what : "cannot write the output");
	if (interrupted)
		sum_up(x, "interrupted");
	return 0;
}

int vmpage_watch(struct vmpage *v, pid_t pid, uint64_t addr, struct vm_err *err)
{
	struct watch x = { .v = v, .pid = pid, .addr = addr, .began = vm_clock_ns() };
	struct vm_err why = { 0 };
	bool five = false;
	if (vm_report_is_machine(&v->report) && !vm_report_is_document(&v->report))
		return vm_fail(err, EINVAL, "--watch writes text or JSON");
	if (!v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--watch looks at this machine's processes, not at a %s's", vm_session_kind(v->s));
	vm_read_paging_levels(v->s, &five);
	x.g = (struct vm_pt_geometry){ .arch = &vm_pt_x86_64, .levels = five ? 5 : 4 };
	int r = v->o->via == VM_VIA_AUTO || v->o->via == VM_VIA_TABLES ? vm_walker_get(v->s, &x.w, &why) : -EOPNOTSUPP;
	if (r < 0 && v->o->via == VM_VIA_TABLES) {
		*err = why;
		return r;
	}
	if (r == 0)
		x.g = *vm_walker_geometry(x.w);
	else
		x.w = NULL;
	if (vm_pt_half(&x.g, addr) != VM_ADDR_USER)
		return vm_fail(err, EINVAL, "0x%llx is no address of the user half", (unsigned long long)addr);
	if (why.what[0] && !vm_report_is_machine(&v->report))
		fprintf(stderr, "vmpage: by pagemap, which shows less of an entry (%s)\n", why.what);
	if (vm_frames_open(v->s, &x.frames, NULL) < 0)
		x.frames = NULL;
	struct sigaction act = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND }, before;
	sigaction(SIGINT, &act, &before);
	r = watch_all(&x, err);
	sigaction(SIGINT, &before, NULL);
	vm_frames_close(x.frames);
	return r;
}
