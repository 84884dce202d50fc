#include "core/model/procset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void vm_procset_forget(struct vm_procset *set)
{
	for (unsigned i = 0; i < 2; i++)
		set->list[i].rows.n = set->list[i].notes.n = 0;
}

void vm_procset_free(struct vm_procset *set)
{
	for (unsigned i = 0; i < 2; i++) {
		vm_vec_free(&set->list[i].rows);
		vm_vec_free(&set->list[i].notes);
		for (unsigned t = 0; t < VM_SWEEP_THREADS; t++)
			vm_arena_free(&set->list[i].texts[t]);
	}
	vm_vec_free(&set->listed);
	vm_vec_free(&set->turns);
	vm_vec_free(&set->plan);
	*set = (struct vm_procset){ 0 };
}

struct vm_proclist *vm_procset_begin(struct vm_procset *set)
{
	set->now = !set->now;
	set->ticks++;
	struct vm_proclist *l = vm_procset_now(set);
	l->rows.n = l->notes.n = 0;
	l->taken_ns = l->took_ns = 0;
	l->needs = 0;
	for (unsigned t = 0; t < VM_SWEEP_THREADS; t++)
		vm_arena_reset(&l->texts[t]);
	return l;
}

void vm_procset_end(struct vm_procset *set)
{
	struct vm_proclist *cur = vm_procset_now(set);
	const struct vm_proclist *prev = vm_procset_prev(set);
	for (size_t i = 0, k = 0; i < cur->rows.n && k < prev->rows.n;) {
		struct vm_proc *c = &cur->rows.v[i];
		const struct vm_proc *p = &prev->rows.v[k];
		if (c->pid == p->pid) {
			if (c->start == p->start)
				vm_proc_rates(c, p);
			i++;
			k++;
		} else if (c->pid < p->pid) {
			i++;
		} else {
			k++;
		}
	}
}

size_t vm_proclist_find(const struct vm_proclist *l, pid_t pid, size_t from)
{
	/* Callers walk upwards: the row is most often this one or the next. */
	for (unsigned near = 0; near < 4; near++, from++)
		if (from >= l->rows.n || l->rows.v[from].pid >= pid)
			return from;
	size_t lo = from, hi = l->rows.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->rows.v[mid].pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct vm_proc *vm_proclist_get(const struct vm_proclist *l, pid_t pid, uint64_t start)
{
	size_t i = vm_proclist_find(l, pid, 0);
	if (i == l->rows.n || l->rows.v[i].pid != pid || l->rows.v[i].start != start)
		return NULL;
	return &l->rows.v[i];
}

static int compare_turns(const void *pa, const void *pb)
{
	const struct vm_turn *a = pa, *b = pb;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static int compare_pids(const void *pa, const void *pb)
{
	const pid_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

/** A first guess; measured from then on. */
enum { DEAR_COST_GUESS_NS = 60000 };

/**
 * When a process has its turn: smaller is sooner; UINT64_MAX: not now.  Rows in sight count as read a little
 * earlier than they were, so that they come more often but never starve the others.
 */
static uint64_t turn_key(const struct vm_proc *prev, uint32_t dear, uint64_t active_ns, bool in_sight, uint64_t now_ns)
{
	enum { SIGHT_HEAD_START_NS = 2000000000 };
	if (!prev)
		return in_sight ? 0 : 1;
	/* What was refused once isn't asked again. */
	if (prev->kthread || prev->state == 'Z' || (prev->unmet & dear) == dear)
		return UINT64_MAX;
	uint64_t at = prev->rollup_ns;
	if (!at)
		return in_sight ? 0 : 1;
	uint64_t again = in_sight ? VM_REREAD_SIGHT_NS : VM_REREAD_NS;
	if (active_ns < at && now_ns > at && now_ns - at < again)
		return UINT64_MAX;
	if (in_sight)
		at = at > SIGHT_HEAD_START_NS ? at - SIGHT_HEAD_START_NS : 0;
	return at + 2;
}

static size_t affordable(const struct vm_procset *set, uint64_t budget_ns)
{
	if (budget_ns == UINT64_MAX)
		return SIZE_MAX;
	uint64_t cost = set->dear_cost_ns ? set->dear_cost_ns : DEAR_COST_GUESS_NS;
	/* At least one, or nothing would ever be known on a small budget. */
	return budget_ns / cost ? (size_t)(budget_ns / cost) : 1;
}

int vm_procset_plan(struct vm_procset *set, const pid_t *pids, size_t n, uint64_t budget_ns,
		    const pid_t *first, size_t nfirst)
{
	enum { SIGHT_MAX = 512 };
	pid_t sight[SIGHT_MAX];
	size_t nsight = nfirst < SIGHT_MAX ? nfirst : SIGHT_MAX;
	if (nsight) {
		memcpy(sight, first, nsight * sizeof(*sight));
		qsort(sight, nsight, sizeof(*sight), compare_pids);
	}
	set->turns.n = set->plan.n = 0;
	if (!vm_vec_reserve(&set->turns, n) || !vm_vec_reserve(&set->plan, n))
		return -ENOMEM;
	set->plan.n = n;
	const struct vm_proclist *prev = vm_procset_prev(set);
	const uint32_t dear = set->list[set->now].needs & VM_NEEDS_DEAR;
	const uint32_t lacking = dear & ~prev->needs;
	/* Without dear columns nobody has a turn. */
	const size_t most = dear ? affordable(set, budget_ns) : 0;
	for (size_t i = 0, k = 0; i < n; i++) {
		k = vm_proclist_find(prev, pids[i], k);
		const struct vm_proc *p = k < prev->rows.n && prev->rows.v[k].pid == pids[i] ?
					  &prev->rows.v[k] : NULL;
		bool seen = nsight && bsearch(&pids[i], sight, nsight, sizeof(*sight), compare_pids);
		set->plan.v[i] = (struct vm_plan){ .dear = most == SIZE_MAX, .in_sight = seen };
		if (most == SIZE_MAX || !most)
			continue;
		uint64_t active_ns = p ? prev->notes.v[k].active_ns : 0;
		/* Columns that came since have everyone's turn begin anew. */
		uint64_t key = turn_key(lacking ? NULL : p, dear, active_ns, seen, set->list[set->now].taken_ns);
		if (key != UINT64_MAX)
			set->turns.v[set->turns.n++] = (struct vm_turn){ key, (uint32_t)i };
	}
	if (set->turns.n > most)
		qsort(set->turns.v, set->turns.n, sizeof(*set->turns.v), compare_turns);
	for (size_t i = 0; i < set->turns.n && i < most; i++)
		set->plan.v[set->turns.v[i].at].dear = true;
	return 0;
}

bool vm_proc_is_idle(const struct vm_proc *cur, const struct vm_proc *prev)
{
	static const enum vm_pqty same[] = { VM_P_VSZ, VM_P_MINFLT, VM_P_MAJFLT, VM_P_THREADS };
	if (!vm_proc_same(cur, prev) || cur->cpu_ns != prev->cpu_ns ||
	    strcmp(cur->comm, prev->comm) != 0)
		return false;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (cur->q[same[i]] != prev->q[same[i]])
			return false;
	return true;
}

void vm_proc_keep_status(struct vm_proc *cur, const struct vm_proc *prev)
{
	for (unsigned q = VM_P_PEAK; q <= VM_P_HUGETLB; q++)
		if (vm_proc_has(prev, q))
			vm_proc_set(cur, q, prev->q[q]);
	if (vm_proc_has(prev, VM_P_RSS))
		vm_proc_set(cur, VM_P_RSS, prev->q[VM_P_RSS]);
	cur->has_uid = prev->has_uid;
	cur->uid = prev->uid;
	cur->user = prev->user;
	const uint32_t needs[] = { VM_NEED_BIT_STATUS, VM_NEED_BIT_USER };
	for (size_t i = 0; i < 2; i++) {
		cur->unmet |= prev->unmet & UINT32_C(1) << needs[i];
		cur->why[needs[i]] = prev->why[needs[i]];
	}
}

struct vm_progress vm_procset_progress(const struct vm_procset *set)
{
	struct vm_progress pr = { 0 };
	const struct vm_proclist *l = &set->list[set->now];
	const uint32_t dear = l->needs & VM_NEEDS_DEAR;
	for (size_t i = 0; dear && i < l->rows.n; i++) {
		const struct vm_proc *p = &l->rows.v[i];
		if (p->kthread || p->state == 'Z')
			continue;
		if ((p->unmet & dear) == dear) {
			pr.refused++;
			continue;
		}
		pr.wanted++;
		if (!p->rollup_ns)
			continue;
		pr.known++;
		uint64_t age = p->taken_ns > p->rollup_ns ? p->taken_ns - p->rollup_ns : 0;
		if (age > pr.oldest_ns)
			pr.oldest_ns = age;
	}
	return pr;
}
