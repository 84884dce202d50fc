#include "cli/sharing.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/page.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/share.h"
#include "core/source/source.h"
#include "core/source/sweep.h"

/* ---- One process -------------------------------------------------------------------------------------------------- */

static int add_to_mappings(void *ctx, const struct vm_share_piece *p, size_t n)
{
	struct vm_sharing *x = ctx;
	for (size_t i = 0; i < n; i++)
		vm_share_sum_add(&x->of[p[i].mapping], &p[i]);
	return 0;
}

static void clear_sums(struct vm_sharing *x)
{
	memset(x->of, 0, (x->as->nmaps + 1) * sizeof(*x->of));
}

/** With frames where they are to be had, else with what pagemap tells of its own. */
static int read_pages(struct vm_session *s, struct vm_sharing *x, struct vm_sharing_range range)
{
	struct vm_pages_info info = { 0 };
	struct vm_frames *frames = NULL;
	int r = vm_frames_open(s, &frames, &x->why_frames);
	if (r == 0)
		r = vm_share_pieces(s, x->as, frames, range.from, range.to, add_to_mappings, x, &info, &x->why_frames);
	if (r == 0 && info.frames_withheld) {
		vm_fail(&x->why_frames, EPERM, "frames are withheld");
		vm_hint(&x->why_frames, "needs CAP_SYS_ADMIN; run with sudo");
		r = -EPERM;
	}
	x->merged_hidden = frames && vm_frames_hide_merged(frames);
	vm_frames_close(frames);
	x->counted = r == 0;
	if (r == 0 || r == -ENOMEM || r == -ESRCH)
		return r;
	clear_sums(x);
	return vm_share_pieces(s, x->as, NULL, range.from, range.to, add_to_mappings, x, &info, &x->why_pages);
}

static bool in_range(const struct vm_mapping *m, struct vm_sharing_range range)
{
	return (!range.from && !range.to) || (m->start < range.to && m->end > range.from);
}

/** The kernel's sums take each page as it is; adding up mappings would lose what each is rounded down by. */
static void read_kernel_sums(struct vm_session *s, struct vm_proc *to)
{
	struct vm_arena texts = { 0 };
	struct vm_proc p;
	if (vm_proc_read(s, to->pid, VM_NEED(STAT) | VM_NEED(ROLLUP), &texts, &p, NULL) == 0 && vm_proc_same(&p, to))
		for (unsigned q = VM_P_ROLLUP_FIRST; q <= VM_P_ROLLUP_LAST; q++)
			if (vm_proc_has(&p, q))
				vm_proc_set(to, q, p.q[q]);
	vm_arena_free(&texts);
}

int vm_sharing_read(struct vm_session *s, pid_t pid, uint32_t needs, struct vm_sharing_range range, struct vm_sharing *out,
		    struct vm_err *err)
{
	*out = (struct vm_sharing){ .as = NULL };
	int r = vm_snapshot(s, pid, needs | VM_NEED(LAYOUT) | VM_NEED(STAT) | VM_NEED(SMAPS), 0, 0, &out->as, err);
	if (r < 0) {
		out->as = NULL;
		return r;
	}
	struct vm_aspace *as = out->as;
	size_t n = 0;
	read_kernel_sums(s, &as->proc);
	for (size_t i = 0; i < as->nmaps; i++)
		if (in_range(&as->map[i], range))
			as->map[n++] = as->map[i];
	as->nmaps = n;
	out->of = calloc(n + 1, sizeof(*out->of));
	out->rows = calloc(n + 1, sizeof(*out->rows));
	if (!out->of || !out->rows)
		return vm_fail(err, ENOMEM, "out of memory");
	r = n ? read_pages(s, out, range) : 0;
	if (r == -ENOMEM || r == -ESRCH) {
		*err = out->why_pages.code ? out->why_pages : out->why_frames;
		return r;
	}
	if (r < 0) {
		free(out->of);
		out->of = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		out->rows[i] = (struct vm_share_mapping_row){
			.m = &as->map[i], .sum = out->of ? &out->of[i] : NULL, .counted = out->counted,
			.merged_hidden = out->merged_hidden,
		};
		if (out->of)
			vm_share_sum_join(&out->total, &out->of[i]);
	}
	return 0;
}

void vm_sharing_free(struct vm_sharing *x)
{
	free(x->of);
	free(x->rows);
	vm_aspace_free(x->as);
	*x = (struct vm_sharing){ .as = NULL };
}

size_t vm_sharing_counts(const struct vm_share_sum *sum, bool counted, struct vm_share_count_row rows[static VM_SHARE_CLASSES])
{
	const uint64_t all = vm_share_rss(sum);
	const double whole = all ? (double)all : NAN;
	size_t n = 0;
	if (!counted) {
		rows[n++] = (struct vm_share_count_row){
			.least = 1, .most = 1, .bytes = sum->once, .pss = (double)sum->once, .share = (double)sum->once / whole,
		};
		rows[n++] = (struct vm_share_count_row){
			.least = 2, .most = UINT64_MAX, .bytes = sum->many, .pss = NAN, .share = (double)sum->many / whole,
		};
		return n;
	}
	for (unsigned i = 0; i < VM_SHARE_CLASSES; i++)
		if (sum->class_bytes[i])
			rows[n++] = (struct vm_share_count_row){
				.least = vm_share_classes[i].least, .most = vm_share_classes[i].most, .bytes = sum->class_bytes[i],
				.pss = (double)(sum->class_pss[i] >> VM_PSS_SHIFT), .share = (double)sum->class_bytes[i] / whole,
			};
	return n;
}

/* ---- Families ------------------------------------------------------------------------------------------------------ */

struct family_scan {
	struct vm_session *s;
	struct vm_sharing_family *f;
	struct vm_sharing_range range;
	struct vm_frames *frames;
	/** Of the member that is being looked at, and those above it in the tree, by depth. */
	struct vm_cow_runs *runs;
	unsigned depth;
	struct vm_share_sum *sum;
	/** By member: index in the group; -1: none. */
	long *member;
};

static int add_to_member(void *ctx, const struct vm_share_piece *p, size_t n)
{
	struct family_scan *x = ctx;
	for (size_t i = 0; i < n; i++) {
		vm_share_sum_add(x->sum, &p[i]);
		if (!(p[i].state & VM_PG(PRESENT)) || p[i].state & VM_PG(ZERO) || p[i].pfn == VM_PFN_NONE || !p[i].counted)
			continue;
		if (vm_framebuild_add(&x->f->group.build, p[i].pfn, (p[i].end - p[i].start) / 4096) < 0)
			return -ENOMEM;
		if (!p[i].m->shared && !vm_cow_runs_add(&x->runs[x->depth], p[i].start, p[i].end, p[i].pfn))
			return -ENOMEM;
	}
	return 0;
}

/** One member: its sums, its frames, and how it differs from its parent. */
static int read_member(struct family_scan *x, size_t i, struct vm_err *err)
{
	struct vm_sharing_family *f = x->f;
	const struct vm_kin *k = &f->kin.v[i];
	struct vm_share_member_row *row = &f->rows[i];
	struct vm_pages_info info = { 0 };
	struct vm_aspace *as;
	int r = vm_snapshot(x->s, k->proc->pid, VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, err);
	if (r < 0)
		return r;
	x->sum = &f->sum[i];
	x->depth = k->depth;
	x->runs[k->depth].n = 0;
	r = as->proc.start == k->proc->start ?
		vm_share_pieces(x->s, as, x->frames, x->range.from, x->range.to, add_to_member, x, &info, err) :
		vm_fail(err, ESRCH, "process %d has ended", k->proc->pid);
	vm_aspace_free(as);
	if (r == 0 && x->frames && info.frames_withheld) {
		vm_fail(err, EPERM, "frames are withheld");
		r = -EPERM;
	}
	if (r < 0)
		return r;
	row->sum = x->sum;
	row->counted = x->frames != NULL;
	row->merged_hidden = x->f->merged_hidden;
	if (!x->frames)
		return 0;
	x->member[i] = vm_sharegroup_member(&f->group);
	if (x->member[i] < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	if (k->parent != SIZE_MAX && x->member[k->parent] >= 0) {
		vm_cow_compare(&x->runs[k->depth - 1], &x->runs[k->depth], &row->cow);
		row->with_parent = true;
	}
	return 0;
}

/** Children of one parent are a cluster. */
static int number_siblings(struct family_scan *x)
{
	struct vm_map numbers = { 0 };
	int r = 0;
	for (size_t i = 0; i < x->f->kin.n && r == 0; i++) {
		const size_t parent = x->f->kin.v[i].parent;
		uint32_t number = x->f->group.clusters;
		if (x->member[i] < 0 || parent == SIZE_MAX)
			continue;
		if (!vm_map_get(&numbers, parent, &number)) {
			r = vm_map_put(&numbers, parent, number) ? 0 : -ENOMEM;
			x->f->group.clusters++;
		}
		x->f->group.members.v[x->member[i]].cluster = number;
	}
	vm_map_free(&numbers);
	return r;
}

static int compare_members(struct family_scan *x, struct vm_err *err)
{
	struct vm_sharegroup *g = &x->f->group;
	int r = number_siblings(x);
	if (r == 0)
		r = vm_sharegroup_compare(g, vm_share_facts, x->frames);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot compare the family");
	for (size_t i = 0; i < x->f->kin.n; i++) {
		struct vm_share_member_row *row = &x->f->rows[i];
		const size_t parent = x->f->kin.v[i].parent;
		if (x->member[i] < 0)
			continue;
		row->group = &g->members.v[x->member[i]].sum;
		if (row->with_parent && g->pairs)
			row->parent_bytes = vm_sharegroup_pair(g, (size_t)x->member[i], (size_t)x->member[parent], VM_SK_ANON);
	}
	x->f->compared = true;
	return 0;
}

/** Without frames: what pagemap alone tells of each. */
static void start_over(struct family_scan *x)
{
	struct vm_sharing_family *f = x->f;
	vm_frames_close(x->frames);
	x->frames = NULL;
	vm_sharegroup_free(&f->group);
	for (size_t i = 0; i < f->kin.n; i++) {
		f->sum[i] = (struct vm_share_sum){ 0 };
		f->rows[i].sum = NULL;
		f->rows[i].with_parent = false;
		x->member[i] = -1;
	}
}

/** A member that can't be looked at doesn't keep the others from being; frames are withheld of all or none. */
static int read_members(struct family_scan *x, struct vm_err *err)
{
	int r = vm_frames_open(x->s, &x->frames, &x->f->why);
	if (r < 0)
		x->frames = NULL;
	x->f->merged_hidden = x->frames && vm_frames_hide_merged(x->frames);
	for (size_t i = 0; i < x->f->kin.n; i++) {
		struct vm_err why = { 0 };
		r = read_member(x, i, &why);
		if (r == -ENOMEM) {
			*err = why;
			return r;
		}
		if (r == -EPERM && x->frames) {
			x->f->why = why;
			start_over(x);
			i = SIZE_MAX;
		} else if (r < 0 && r != -ESRCH && !x->f->why.code) {
			x->f->why = why;
		}
		vm_framebuild_free(&x->f->group.build);
	}
	return x->frames ? compare_members(x, err) : 0;
}

static int make_rows(struct vm_session *s, struct vm_sharing_family *f, struct vm_err *err)
{
	const size_t n = f->kin.n;
	f->proc = calloc(n + 1, sizeof(*f->proc));
	f->sum = calloc(n + 1, sizeof(*f->sum));
	f->rows = calloc(n + 1, sizeof(*f->rows));
	if (!f->proc || !f->sum || !f->rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct vm_kin *k = &f->kin.v[i];
		/* One that has just ended keeps its place, as it was when the family was looked for. */
		if (vm_proc_read(s, k->proc->pid, VM_NEED(STAT) | VM_NEED(CMDLINE), &f->texts, &f->proc[i], NULL) < 0 ||
		    f->proc[i].start != k->proc->start)
			f->proc[i] = *k->proc;
		f->rows[i] = (struct vm_share_member_row){
			.kin = k, .proc = &f->proc[i], .rate = NAN, .peak = NAN,
			.parent = k->parent == SIZE_MAX ? 0 : f->kin.v[k->parent].proc->pid,
		};
	}
	return 0;
}

/** More than may be looked at: says so. */
static bool is_too_large(struct vm_sharing_family *f, uint64_t most_bytes)
{
	char text[VM_NUMBUF];
	uint64_t sum = 0;
	for (size_t i = 0; i < f->kin.n; i++)
		sum += vm_proc_has(f->kin.v[i].proc, VM_P_RSS) ? f->kin.v[i].proc->q[VM_P_RSS] : 0;
	if (!most_bytes || sum <= most_bytes)
		return false;
	vm_fail(&f->why, EFBIG, "%zu processes with %s in memory take too long to compare", f->kin.n, vm_format_size(sum, text));
	vm_hint(&f->why, "vmshare --family does it");
	return true;
}

int vm_sharing_family_read(struct vm_session *s, pid_t pid, struct vm_sharing_range range, uint64_t most_bytes,
			   struct vm_sharing_family *f, struct vm_err *err)
{
	struct family_scan x = { .s = s, .f = f, .range = range };
	unsigned deepest = 0;
	*f = (struct vm_sharing_family){ .taken_ns = vm_clock_ns() };
	const struct vm_sweep how = {
		.needs = VM_NEED(STAT) | VM_NEED(MMADDR), .budget_ns = UINT64_MAX, .bare_kthreads = true,
	};
	int r = vm_sweep(s, &f->all, &how, err);
	if (r < 0)
		return r;
	const struct vm_proclist *l = vm_procset_now(&f->all);
	r = vm_family_find(l->rows.v, l->rows.n, pid, &f->kin);
	if (r < 0)
		return r == -ESRCH ? vm_session_no_process(s, pid, err) : vm_fail(err, -r, "out of memory for the family of %d", pid);
	r = make_rows(s, f, err);
	for (size_t i = 0; i < f->kin.n; i++)
		deepest = f->kin.v[i].depth > deepest ? f->kin.v[i].depth : deepest;
	x.runs = calloc(deepest + 1, sizeof(*x.runs));
	x.member = malloc((f->kin.n + 1) * sizeof(*x.member));
	if (r == 0 && (!x.runs || !x.member))
		r = vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < f->kin.n; i++)
		x.member[i] = -1;
	const bool looks = r == 0 && !is_too_large(f, most_bytes);
	if (looks)
		r = read_members(&x, err);
	/* PSS is the kernel's where it can't be counted. */
	for (size_t i = 0; looks && r == 0 && !f->compared && i < f->kin.n; i++)
		read_kernel_sums(s, &f->proc[i]);
	vm_frames_close(x.frames);
	for (size_t i = 0; x.runs && i <= deepest; i++)
		vm_vec_free(&x.runs[i]);
	free(x.runs);
	free(x.member);
	return r;
}

void vm_sharing_family_free(struct vm_sharing_family *f)
{
	vm_procset_free(&f->all);
	vm_vec_free(&f->kin);
	free(f->proc);
	free(f->sum);
	free(f->rows);
	vm_sharegroup_free(&f->group);
	vm_arena_free(&f->texts);
	*f = (struct vm_sharing_family){ .taken_ns = 0 };
}

uint64_t vm_sharing_breakable(const struct vm_share_member_row *row)
{
	return row->with_parent ? row->parent_bytes : row->sum ? row->sum->risk : 0;
}

static const struct vm_share_member_row *same_member(const struct vm_sharing_family *f, const struct vm_proc *p)
{
	for (size_t i = 0; i < f->kin.n; i++)
		if (vm_proc_same(f->rows[i].proc, p))
			return &f->rows[i];
	return NULL;
}

void vm_sharing_family_rates(struct vm_sharing_family *cur, const struct vm_sharing_family *prev)
{
	const double seconds = (double)(cur->taken_ns - prev->taken_ns) / 1e9;
	for (size_t i = 0; i < cur->kin.n; i++) {
		struct vm_share_member_row *row = &cur->rows[i];
		const struct vm_share_member_row *was = same_member(prev, row->proc);
		struct vm_cow_outlook o;
		if (!was || !was->sum || !row->sum || was->with_parent != row->with_parent || seconds <= 0)
			continue;
		const uint64_t before = vm_sharing_breakable(was), now = vm_sharing_breakable(row);
		row->rate = before > now ? (double)(before - now) / seconds : 0;
		vm_cow_predict(now, row->with_parent ? row->cow.broken : 0, row->rate, was->rate, seconds, &o);
		/* Whoever has no parent among those that are compared, what it breaks is told of its children. */
		row->peak = row->counted && !row->with_parent ? NAN : o.likely;
	}
}

/* ---- Groups -------------------------------------------------------------------------------------------------------- */

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z' && p->state != 'X';
}

static void note_missing(struct vm_sharing_group *g, int r, const struct vm_err *why)
{
	if (g->missing)
		return;
	g->missing = r;
	g->why_missing = *why;
}

/** Its frames become a member; whatever keeps them away is told once. */
static int read_frames(struct vm_session *s, struct vm_sharing_group *g, size_t at, struct vm_sharing_range range,
		       struct vm_err *err)
{
	struct vm_err why = { 0 };
	struct vm_aspace *as = NULL;
	enum vm_need_bit need = VM_NEED_BIT_LAYOUT;
	int r = vm_snapshot(s, g->proc[at].pid, VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, &why);
	if (r == 0)
		need = VM_NEED_BIT_FRAMES;
	if (r == 0)
		r = vm_share_frames(s, as, range.from, range.to, &g->group.build, &why);
	if (r == 0) {
		g->member[at] = vm_sharegroup_member(&g->group);
		r = g->member[at] < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
	} else if (r == -ENOMEM) {
		*err = why;
	} else {
		vm_framebuild_free(&g->group.build);
		if (r != -ESRCH) {
			vm_session_note(s, need, -r, g->proc[at].pid);
			g->why = g->why.code ? g->why : why;
		}
		r = 0;
	}
	vm_aspace_free(as);
	return r;
}

static int list_processes(struct vm_session *s, struct vm_sharing_group *g, const pid_t *pids, size_t n, uint32_t needs,
			  struct vm_err *err)
{
	g->proc = calloc(n + 1, sizeof(*g->proc));
	g->rows = calloc(n + 1, sizeof(*g->rows));
	g->member = malloc((n + 1) * sizeof(*g->member));
	if (!g->proc || !g->rows || !g->member)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct vm_err why = { 0 };
		struct vm_proc *p = &g->proc[g->n];
		int r = vm_proc_read(s, pids[i], needs, &g->texts, p, &why);
		if (r < 0) {
			note_missing(g, r, &why);
			continue;
		}
		if (!has_memory(p))
			continue;
		vm_proc_note_unmet(s, p);
		g->rows[g->n] = (struct vm_share_process_row){ .proc = p };
		g->member[g->n++] = -1;
	}
	return 0;
}

int vm_sharing_group_read(struct vm_session *s, const pid_t *pids, size_t n, uint32_t needs, struct vm_sharing_range range,
			  struct vm_sharing_group *g, struct vm_err *err)
{
	struct vm_frames *frames = NULL;
	*g = (struct vm_sharing_group){ .n = 0 };
	int r = list_processes(s, g, pids, n, needs | VM_NEED(STAT), err);
	if (r < 0)
		return r;
	int open = vm_frames_open(s, &frames, &g->why);
	if (open < 0)
		vm_session_note(s, VM_NEED_BIT_FRAMES, -open, g->n ? g->proc[0].pid : 0);
	for (size_t i = 0; i < g->n && r == 0 && open == 0; i++)
		r = read_frames(s, g, i, range, err);
	if (r == 0 && open == 0 && g->group.members.n) {
		vm_framebuild_free(&g->group.build);
		r = vm_sharegroup_compare(&g->group, vm_share_facts, frames);
		if (r < 0)
			vm_fail_os(err, -r, "cannot compare the processes");
		g->compared = r == 0;
	}
	g->merged_hidden = frames && vm_frames_hide_merged(frames);
	vm_frames_close(frames);
	for (size_t i = 0; i < g->n && g->compared; i++) {
		g->rows[i].merged_hidden = g->merged_hidden;
		g->rows[i].group = g->member[i] < 0 ? NULL : &g->group.members.v[g->member[i]].sum;
	}
	/* The kernel's sums stand in for what can't be counted. */
	for (size_t i = 0; r == 0 && i < g->n && !(needs & VM_NEED(ROLLUP)); i++)
		if (!g->rows[i].group)
			read_kernel_sums(s, &g->proc[i]);
	return r;
}

void vm_sharing_group_free(struct vm_sharing_group *g)
{
	vm_sharegroup_free(&g->group);
	free(g->proc);
	free(g->rows);
	free(g->member);
	vm_arena_free(&g->texts);
	*g = (struct vm_sharing_group){ .n = 0 };
}
