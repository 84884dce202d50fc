#include "core/analysis/sharefamily.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/model/process.h"

/** Processes of all: how they belong together. */
struct search {
	const struct vm_proc *p;
	size_t n;
	const struct vm_proc *of;
	struct vm_family *out;
};

static const struct vm_proc *find(const struct search *s, pid_t pid)
{
	size_t a = 0, b = s->n;
	while (a < b) {
		const size_t mid = a + (b - a) / 2;
		if (s->p[mid].pid < pid)
			a = mid + 1;
		else
			b = mid;
	}
	return a < s->n && s->p[a].pid == pid ? &s->p[a] : NULL;
}

static bool has_place(const struct vm_proc *p)
{
	return vm_proc_has(p, VM_P_START_CODE) && vm_proc_has(p, VM_P_START_STACK) && p->q[VM_P_START_STACK];
}

/** Began as the same program: 1, didn't: 0, not known: -1. */
static int same_place(const struct vm_proc *a, const struct vm_proc *b)
{
	if (!has_place(a) || !has_place(b))
		return -1;
	return a->q[VM_P_START_CODE] == b->q[VM_P_START_CODE] && a->q[VM_P_START_STACK] == b->q[VM_P_START_STACK];
}

/** The parent that it was forked from, or NULL. */
static const struct vm_proc *parent_of(const struct search *s, const struct vm_proc *p)
{
	const struct vm_proc *q = p->forked && !p->kthread ? find(s, p->ppid) : NULL;
	/* One that has taken it in didn't fork it. */
	return q && !q->kthread && q->pid != p->pid && same_place(p, q) != 0 && q->start <= p->start ? q : NULL;
}

static const struct vm_proc *top_of(const struct search *s, const struct vm_proc *p)
{
	const struct vm_proc *q;
	/* Numbers may be wrong in what was captured: parents are older, so this ends. */
	for (size_t i = 0; i < s->n && (q = parent_of(s, p)); i++)
		p = q;
	return p;
}

/** A top whose parent has ended, of the same program. */
static bool is_orphan_of(const struct vm_proc *top, const struct vm_proc *of)
{
	return top->forked && !top->kthread && same_place(top, of) == 1;
}

/** Deeper trees are no real ones. */
enum { DEPTH_MOST = 4096 };

static int add_tree(struct search *s, const struct vm_proc *p, size_t parent, unsigned depth, bool orphan)
{
	const size_t at = s->out->n;
	if (at >= s->n || depth > DEPTH_MOST)
		return 0;
	if (!vm_vec_push(s->out, ((struct vm_kin){ .proc = p, .parent = parent, .depth = depth, .orphan = orphan })))
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		if (s->p[i].ppid == p->pid && parent_of(s, &s->p[i]) == p) {
			int r = add_tree(s, &s->p[i], at, depth + 1, false);
			if (r < 0)
				return r;
		}
	return 0;
}

int vm_family_find(const struct vm_proc *p, size_t n, pid_t pid, struct vm_family *out)
{
	struct search s = { .p = p, .n = n, .out = out };
	out->n = 0;
	s.of = find(&s, pid);
	if (!s.of)
		return -ESRCH;
	const struct vm_proc *first = top_of(&s, s.of);
	/* Whoever executed the program is the first of them, if it is still there. */
	for (size_t i = 0; first->forked && i < n; i++)
		if (!p[i].forked && !p[i].kthread && same_place(&p[i], first) == 1 && p[i].start <= first->start) {
			first = &p[i];
			break;
		}
	int r = add_tree(&s, first, SIZE_MAX, 0, false);
	for (size_t i = 0; i < n && r == 0; i++)
		if (&p[i] != first && is_orphan_of(&p[i], first) && top_of(&s, &p[i]) == &p[i])
			r = add_tree(&s, &p[i], SIZE_MAX, 1, true);
	return r;
}

/* ---- Copy-on-write -------------------------------------------------------------------------------------------------- */

bool vm_cow_runs_add(struct vm_cow_runs *r, uint64_t start, uint64_t end, uint64_t pfn)
{
	struct vm_cow_run *last = r->n ? &r->v[r->n - 1] : NULL;
	if (last && last->end == start && last->pfn + (last->end - last->start) / 4096 == pfn) {
		last->end = end;
		return true;
	}
	return vm_vec_push(r, ((struct vm_cow_run){ .start = start, .end = end, .pfn = pfn }));
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t frame_at(const struct vm_cow_run *r, uint64_t at)
{
	return r->pfn + (at - r->start) / 4096;
}

/** Where the run is met by whoever is at `at`. */
static uint64_t begin_of(const struct vm_cow_run *r, uint64_t at)
{
	return r->start > at ? r->start : at;
}

void vm_cow_compare(const struct vm_cow_runs *a, const struct vm_cow_runs *b, struct vm_cow *out)
{
	static const struct vm_cow_run end = { .start = UINT64_MAX, .end = UINT64_MAX };
	uint64_t at = 0;
	*out = (struct vm_cow){ 0 };
	for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
		const struct vm_cow_run *x = i < a->n ? &a->v[i] : &end, *y = j < b->n ? &b->v[j] : &end;
		const uint64_t xs = begin_of(x, at), ys = begin_of(y, at);
		if (xs < ys) {
			at = min_of(x->end, ys);
			out->lost += at - xs;
		} else if (ys < xs) {
			at = min_of(y->end, xs);
			out->fresh += at - ys;
		} else {
			at = min_of(x->end, y->end);
			*(frame_at(x, xs) == frame_at(y, xs) ? &out->same : &out->broken) += at - xs;
		}
		i += x->end <= at;
		j += y->end <= at;
	}
}

void vm_cow_predict(uint64_t shared, uint64_t broken, double rate, double before, double interval_s, struct vm_cow_outlook *out)
{
	const double left = (double)shared, done = (double)broken;
	*out = (struct vm_cow_outlook){ .seconds = NAN, .most = done + left, .likely = NAN };
	if (isnan(rate) || rate <= 0)
		return;
	out->seconds = left / rate;
	out->likely = out->most;
	/* Writes that come at random find fewer and fewer pages that are still shared: what breaks falls by a factor. */
	const double factor = rate / before;
	out->slowing = before > 0 && factor < 0.95;
	if (out->slowing) {
		const double more = rate * interval_s * factor / (1 - factor);
		out->likely = done + (more < left ? more : left);
	}
}
