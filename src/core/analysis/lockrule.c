#include "core/analysis/lockrule.h"

#include <errno.h>
#include <string.h>

#include "core/model/aspace.h"
#include "core/model/vmflags.h"

const char *const vm_lock_test_names[VM_LT_NR] = {
	[VM_LT_PERMISSION] = "permission", [VM_LT_LIMIT] = "limit", [VM_LT_MAPPED] = "mapped",
	[VM_LT_SPLITS] = "map_count", [VM_LT_ACCESS] = "access", [VM_LT_MEMORY] = "memory",
};

/* ---- The range --------------------------------------------------------------------------------------------------- */

bool vm_lock_round(const struct vm_lock_ask *ask, uint64_t page, uint64_t *start, uint64_t *end)
{
	const uint64_t at = ask->placed ? ask->start : 0, mask = page - 1;
	uint64_t last;
	*start = at & ~mask;
	if (__builtin_add_overflow(at, ask->size, &last) || last > UINT64_MAX - mask)
		return false;
	*end = (last + mask) & ~mask;
	return true;
}

static bool is_gate(const struct vm_mapping *m)
{
	return strcmp(m->name, "[vsyscall]") == 0;
}

/** vma_supports_mlock() in mm/internal.h; DAX isn't shown. */
bool vm_lock_possible(const struct vm_mapping *m)
{
	const uint64_t never = VM_VMF(IO) | VM_VMF(DE) | VM_VMF(PF) | VM_VMF(MM) | VM_VMF(HT) | VM_VMF(DP);
	return m->have_flags && !(m->flags & never) && !is_gate(m) && strncmp(m->name, "/secretmem", 10) != 0;
}

/** Pages of a writable private mapping are written to, so that they are copied first. */
static uint64_t absent(const struct vm_mapping *m)
{
	const bool copies = (m->flags & VM_VMF(WR)) && !m->shared;
	const uint64_t there = copies ? m->q[VM_Q_ANON] : m->q[VM_Q_RSS];
	const uint64_t size = m->end - m->start, huge = m->q[VM_Q_PRIVATE_HUGETLB] + m->q[VM_Q_SHARED_HUGETLB];
	return size > there + huge ? size - there - huge : 0;
}

static uint64_t lock_flags(enum vm_lock_call call)
{
	return call == VM_LOCK_ONFAULT ? VM_VMF(LO) | VM_VMF(LF) : VM_VMF(LO);
}

/** They could be one mapping, if `m` were locked like its neighbour; what else it takes isn't shown. */
static bool could_join(const struct vm_mapping *m, const struct vm_mapping *beside, enum vm_lock_call call)
{
	const uint64_t mask = VM_VMF(LO) | VM_VMF(LF);
	const bool follows = beside->start == m->end, precedes = beside->end == m->start;
	return (follows || precedes) && beside->flags == ((m->flags & ~mask) | lock_flags(call)) &&
	       beside->inode == m->inode && strcmp(beside->name, m->name) == 0;
}

static void count_splits(const struct vm_aspace *as, size_t i, uint64_t start, uint64_t end, enum vm_lock_call call,
			 struct vm_lock_range *out)
{
	const struct vm_mapping *m = &as->map[i];
	const bool at_start = start > m->start, at_end = end < m->end;
	if ((m->flags & (VM_VMF(LO) | VM_VMF(LF))) == lock_flags(call))
		return;
	out->most_splits += at_start + at_end;
	/* Only a part at one of its ends can become the neighbour's. */
	const bool joins = (!at_start && i > 0 && could_join(m, &as->map[i - 1], call)) ||
			   (!at_end && i + 1 < as->nmaps && could_join(m, &as->map[i + 1], call));
	out->least_splits += joins ? 0 : at_start + at_end;
}

/** A mapping, of which [start, end) is to be locked. */
static void look_at(const struct vm_aspace *as, size_t i, uint64_t start, uint64_t end, enum vm_lock_call call,
		    struct vm_lock_range *out)
{
	const struct vm_mapping *m = &as->map[i];
	const uint64_t size = end - start;
	const bool lockable = vm_lock_possible(m), whole = start == m->start && end == m->end;
	if (m->flags & VM_VMF(LO))
		out->locked += size;
	if (lockable)
		count_splits(as, i, start, end, call, out);
	else
		out->passed_over += size;
	/* populate_vma_page_range() leaves alone what is locked on fault; __mm_populate() what has no pages. */
	if ((lockable && call == VM_LOCK_ONFAULT) || (m->flags & (VM_VMF(IO) | VM_VMF(PF))))
		return;
	if (!(m->flags & (VM_VMF(RD) | VM_VMF(WR) | VM_VMF(EX)))) {
		if (!out->forbidden)
			out->first_forbidden = start;
		out->forbidden += size;
		return;
	}
	const uint64_t missing = absent(m);
	out->to_fill += whole || missing < size ? missing : size;
	out->doubtful |= missing && (m->inode || (m->flags & VM_VMF(HT)));
}

void vm_lock_look(const struct vm_aspace *as, uint64_t start, uint64_t end, enum vm_lock_call call,
		  struct vm_lock_range *out)
{
	uint64_t at = start;
	*out = (struct vm_lock_range){ 0 };
	for (size_t i = vm_aspace_find(as, start); at < end; i++) {
		const struct vm_mapping *m = i < as->nmaps && !is_gate(&as->map[i]) ? &as->map[i] : NULL;
		const uint64_t next = m && m->start < end ? m->start : end;
		if (next > at) {
			if (!out->unmapped)
				out->first_unmapped = at;
			out->unmapped += next - at;
			at = next;
		}
		if (at >= end)
			break;
		const uint64_t to = m->end < end ? m->end : end;
		look_at(as, i, at, to, call, out);
		at = to;
	}
}

void vm_lock_file_end(const struct vm_mapping *m, uint64_t start, uint64_t end, uint64_t file_bytes, uint64_t page,
		      struct vm_lock_range *range)
{
	const uint64_t from = start > m->start ? start : m->start, to = end < m->end ? end : m->end;
	const uint64_t pages = (file_bytes + page - 1) & ~(page - 1);
	/* The address of the first page that the file doesn't reach. */
	uint64_t stop = m->start + (pages > m->offset ? pages - m->offset : 0);
	if (stop >= to)
		return;
	stop = stop > from ? stop : from;
	if (!range->beyond || stop < range->first_beyond)
		range->first_beyond = stop;
	range->beyond += to - stop;
}

void vm_lock_sum_to_proc(struct vm_aspace *as)
{
	uint64_t n = 0, rss = 0, missing = 0, on_fault = 0;
	bool sizes = true;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		const uint64_t size = m->end - m->start;
		if (!m->have_flags && !is_gate(m))
			return;
		if (!(m->flags & VM_VMF(LO)))
			continue;
		sizes = sizes && (m->have & VM_HAVE(VM_Q_RSS));
		n++;
		rss += m->q[VM_Q_RSS];
		missing += size > m->q[VM_Q_RSS] ? size - m->q[VM_Q_RSS] : 0;
		on_fault += m->flags & VM_VMF(LF) ? size : 0;
	}
	vm_proc_set(&as->proc, VM_P_LOCKED_MAPS, n);
	vm_proc_set(&as->proc, VM_P_LOCKED_ONFAULT, on_fault);
	if (!sizes)
		return;
	vm_proc_set(&as->proc, VM_P_LOCKED_RSS, rss);
	vm_proc_set(&as->proc, VM_P_LOCKED_ABSENT, missing);
}

/* ---- The tests --------------------------------------------------------------------------------------------------- */

static bool has(const struct vm_lock_facts *f, unsigned bits)
{
	return (f->have & bits) == bits;
}

static void answer(struct vm_lock_verdict *v, enum vm_lock_test t, bool known, uint64_t wanted, uint64_t there)
{
	v->test[t] = (struct vm_lock_result){
		.asked = true, .wanted = wanted, .there = there,
		.passed = !known ? VM_UNSURE : wanted <= there ? VM_YES : VM_NO,
	};
}

/** can_do_mlock() */
static void test_permission(const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	answer(v, VM_LT_PERMISSION, has(f, VM_LF_LIMIT), 1, f->limit);
	if (f->capable == VM_YES)
		v->test[VM_LT_PERMISSION].passed = VM_YES;
	else if (f->capable == VM_UNSURE && v->test[VM_LT_PERMISSION].passed == VM_NO)
		v->test[VM_LT_PERMISSION].passed = VM_UNSURE;
}

static void test_limit(const struct vm_lock_ask *ask, const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	const bool all = ask->call == VM_LOCK_CURRENT;
	const uint64_t limit = f->limit == UINT64_MAX ? f->limit : f->limit & ~(f->page - 1);
	const uint64_t wanted = all ? f->vsz : f->locked + v->counted;
	const bool known = has(f, VM_LF_LIMIT | (all ? VM_LF_VSZ : VM_LF_LOCKED));
	struct vm_lock_result *r = &v->test[VM_LT_LIMIT];
	answer(v, VM_LT_LIMIT, known, wanted, limit);
	v->limit_wanted = wanted;
	if (f->capable == VM_YES)
		r->passed = VM_YES;
	else if (r->passed == VM_NO && (f->capable == VM_UNSURE || (ask->placed && !has(f, VM_LF_RANGE))))
		r->passed = VM_UNSURE;
	/* One byte more than whole pages takes no more of them, wherever it begins. */
	v->only_if_aligned = known && f->capable == VM_NO && !all && !ask->placed && ask->size % f->page != 1 && ask->size &&
			     wanted <= limit && limit - wanted < f->page;
}

static void test_splits(const struct vm_lock_ask *ask, const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	struct vm_lock_result *r = &v->test[VM_LT_SPLITS];
	/* A part from the middle of a mapping, and a mapping of its own. */
	const unsigned most = ask->placed ? f->range.most_splits : 2;
	const unsigned least = ask->placed ? f->range.least_splits : 0;
	answer(v, VM_LT_SPLITS, has(f, VM_LF_MAPS | VM_LF_MAX_MAPS) && (!ask->placed || has(f, VM_LF_RANGE)), f->maps + most,
	       f->max_maps);
	/* __split_vma() isn't reached without a split, whatever the count is. */
	if (r->passed == VM_NO && most == 0)
		r->passed = VM_YES;
	else if (r->passed == VM_NO && (least == 0 || f->maps + least <= f->max_maps))
		r->passed = VM_UNSURE;
}

static void test_range(const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	const bool known = has(f, VM_LF_RANGE);
	answer(v, VM_LT_MAPPED, known, v->bytes, v->bytes - f->range.unmapped);
	answer(v, VM_LT_ACCESS, known, v->bytes, v->bytes - f->range.forbidden - f->range.beyond);
	if (v->test[VM_LT_ACCESS].passed == VM_YES && f->range.doubtful)
		v->test[VM_LT_ACCESS].passed = VM_UNSURE;
}

static void test_memory(uint64_t wanted, const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	uint64_t room = has(f, VM_LF_AVAILABLE) ? f->available : UINT64_MAX;
	if (has(f, VM_LF_CGROUP) && f->cgroup_room < room)
		room = f->cgroup_room;
	answer(v, VM_LT_MEMORY, has(f, VM_LF_AVAILABLE) || wanted == 0, wanted, room);
	/* A control group that is too small is reason enough. */
	if (wanted > room)
		v->test[VM_LT_MEMORY].passed = VM_NO;
}

static int errno_of(enum vm_lock_test t)
{
	return t == VM_LT_PERMISSION ? EPERM : t == VM_LT_MEMORY ? EAGAIN : t == VM_LT_NR ? 0 : ENOMEM;
}

static void sum_up(struct vm_lock_verdict *v)
{
	v->succeeds = VM_YES;
	v->fails = VM_LT_NR;
	for (unsigned t = 0; t < VM_LT_NR; t++) {
		const struct vm_lock_result *r = &v->test[t];
		if (!r->asked || r->passed == VM_YES)
			continue;
		if (r->passed == VM_NO && v->fails == VM_LT_NR) {
			v->fails = t;
			v->succeeds = VM_NO;
		} else if (v->succeeds == VM_YES) {
			v->succeeds = VM_UNSURE;
		}
	}
	v->error = errno_of(v->fails);
}

/** mlock(2) and mlock2(2). */
static void judge_range(const struct vm_lock_ask *ask, const struct vm_lock_facts *f, struct vm_lock_verdict *v)
{
	uint64_t end = 0;
	vm_lock_round(ask, f->page, &v->start, &end);
	v->bytes = end - v->start;
	/* What is locked already is taken off only where the sum is beyond the limit, which is the same in the end. */
	v->counted = v->bytes - (has(f, VM_LF_RANGE) ? f->range.locked : 0);
	test_limit(ask, f, v);
	if (!v->bytes)
		return;
	if (ask->placed)
		test_range(f, v);
	test_splits(ask, f, v);
	if (ask->placed && has(f, VM_LF_RANGE))
		test_memory(f->range.to_fill, f, v);
	else if (ask->call == VM_LOCK_NOW)
		test_memory(v->bytes, f, v);
	/* All of it may be there already. */
	if (ask->placed && !has(f, VM_LF_RANGE) && v->test[VM_LT_MEMORY].passed == VM_NO)
		v->test[VM_LT_MEMORY].passed = VM_UNSURE;
}

void vm_lock_judge(const struct vm_lock_ask *ask, const struct vm_lock_facts *f, struct vm_lock_verdict *out)
{
	*out = (struct vm_lock_verdict){ 0 };
	test_permission(f, out);
	if (ask->call == VM_LOCK_NOW || ask->call == VM_LOCK_ONFAULT)
		judge_range(ask, f, out);
	else if (ask->call == VM_LOCK_CURRENT)
		test_limit(ask, f, out);
	sum_up(out);
}
