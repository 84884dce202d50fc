#include "core/analysis/spacediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/map.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

const char *const vm_diff_state_words[VM_DIFF_STATES] = {
	[VM_DIFF_SAME] = "same", [VM_DIFF_CHANGED] = "changed", [VM_DIFF_GROWN] = "grown", [VM_DIFF_SHRUNK] = "shrunk",
	[VM_DIFF_NEW] = "new", [VM_DIFF_GONE] = "gone",
};

const char *const vm_diff_how_words[VM_DIFF_HOWS] = {
	[VM_DIFF_SPLIT] = "split", [VM_DIFF_MERGED] = "merged", [VM_DIFF_MOVED] = "moved",
	[VM_DIFF_PERM] = "perm", [VM_DIFF_FLAGS] = "flags", [VM_DIFF_RENAMED] = "renamed", [VM_DIFF_OFFSET] = "offset",
	[VM_DIFF_CONTENT] = "content",
};

/* ---- What a row says --------------------------------------------------------------------------------------------- */

bool vm_mapping_in_use(const struct vm_mapping *m, uint64_t *bytes)
{
	*bytes = 0;
	if (!m)
		return true;
	/* Kernels without hugetlb or swap don't print their lines, and the figures are 0. */
	*bytes = m->q[VM_Q_RSS] + m->q[VM_Q_SHARED_HUGETLB] + m->q[VM_Q_PRIVATE_HUGETLB] + m->q[VM_Q_SWAP];
	return m->have & VM_HAVE(VM_Q_RSS);
}

/** Flags that say how a mapping is used; others change with the kernel's own work (sd: soft-dirty). */
static uint64_t own_flags(const struct vm_mapping *m)
{
	return m->flags & ~VM_VMF(SD);
}

static bool has_other_content(const struct vm_mapping *a, const struct vm_mapping *b)
{
	static const enum vm_qty told[] = {
		VM_Q_RSS, VM_Q_SWAP, VM_Q_ANON, VM_Q_KSM, VM_Q_THP, VM_Q_SHMEM_THP, VM_Q_FILE_THP, VM_Q_LOCKED,
	};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if ((a->have & b->have & VM_HAVE(told[i])) && a->q[told[i]] != b->q[told[i]])
			return true;
	return false;
}

/** " (deleted)" is no part of a file's name. */
static size_t name_length(const struct vm_mapping *m)
{
	static const char deleted[] = " (deleted)";
	const size_t n = strlen(m->name);
	return m->deleted && n >= sizeof(deleted) ? n - (sizeof(deleted) - 1) : n;
}

static bool same_name(const struct vm_mapping *a, const struct vm_mapping *b)
{
	const size_t n = name_length(a);
	return a->name == b->name || (n == name_length(b) && memcmp(a->name, b->name, n) == 0);
}

static bool has_range(const struct vm_mapping *m)
{
	return m->count == 1 && !(m->differs & VM_DIFFERS_RANGE);
}

static unsigned how_of(const struct vm_mapping *a, const struct vm_mapping *b, bool same_layout)
{
	unsigned how = 0;
	if (same_layout && a->count < b->count)
		how |= VM_DIFF_HOW(SPLIT);
	if (same_layout && a->count > b->count)
		how |= VM_DIFF_HOW(MERGED);
	if (!same_name(a, b))
		how |= VM_DIFF_HOW(RENAMED);
	if (a->prot != b->prot || a->shared != b->shared || ((a->differs ^ b->differs) & VM_DIFFERS_PERM))
		how |= VM_DIFF_HOW(PERM);
	if (has_other_content(a, b))
		how |= VM_DIFF_HOW(CONTENT);
	if (!has_range(a) || !has_range(b))
		return how;
	if (a->have_flags && b->have_flags && own_flags(a) != own_flags(b))
		how |= VM_DIFF_HOW(FLAGS);
	if (same_layout && (a->end <= b->start || b->end <= a->start))
		how |= VM_DIFF_HOW(MOVED);
	/* Of a file that grew or shrank at its beginning, each address still shows what it did. */
	if (a->inode && b->inode &&
	    (how & VM_DIFF_HOW(MOVED) || !same_layout ? a->offset != b->offset : a->offset - a->start != b->offset - b->start))
		how |= VM_DIFF_HOW(OFFSET);
	return how;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/** Fill in what the two sides say. */
static void judge(struct vm_diff_row *row, bool same_layout, bool groups)
{
	const struct vm_mapping *a = row->a, *b = row->b;
	uint64_t before, after;
	const bool known = vm_mapping_in_use(a, &before);
	row->has_growth = vm_mapping_in_use(b, &after) && known;
	row->growth = (int64_t)(after - before);
	if (!a || !b) {
		row->state = a ? VM_DIFF_GONE : b ? VM_DIFF_NEW : VM_DIFF_SAME;
		return;
	}
	int c = row->has_growth ? compare(after, before) : 0;
	if (c == 0)
		c = compare(vm_mapping_size(b), vm_mapping_size(a));
	row->how = (uint16_t)how_of(a, b, same_layout);
	/* Of sums the key is the same, and splitting a mapping is no news. */
	if (groups)
		row->how &= VM_DIFF_HOW(CONTENT);
	row->state = c > 0 ? VM_DIFF_GROWN : c < 0 ? VM_DIFF_SHRUNK : row->how ? VM_DIFF_CHANGED : VM_DIFF_SAME;
	if (c)
		row->how &= (uint16_t)~VM_DIFF_HOW(CONTENT);
}

/* ---- Which belong together ----------------------------------------------------------------------------------------- */

/** Mappings of both spaces as nodes: those of `a` first.  Joined ones have the same root. */
struct match {
	const struct vm_aspace *a, *b;
	bool same_layout;
	uint32_t *parent;
	/** Joined with one of the other side. */
	bool *matched;
	size_t n;
};

static const struct vm_mapping *node(const struct match *m, size_t i)
{
	return i < m->a->nmaps ? &m->a->map[i] : &m->b->map[i - m->a->nmaps];
}

static uint32_t root(struct match *m, size_t i)
{
	while (m->parent[i] != i) {
		m->parent[i] = m->parent[m->parent[i]];
		i = m->parent[i];
	}
	return (uint32_t)i;
}

static void join(struct match *m, size_t i, size_t k)
{
	const uint32_t a = root(m, i), b = root(m, k);
	m->matched[i] = m->matched[k] = true;
	m->parent[a < b ? b : a] = a < b ? a : b;
}

/** Memory without a file, however it is named: parts of a heap or a stack lose the name when they are split off. */
static bool is_anonymous(const struct vm_mapping *m)
{
	return m->inode == 0 && (m->name[0] == '\0' || strncmp(m->name, "[anon:", 6) == 0 || strcmp(m->name, "[heap]") == 0 ||
				 strncmp(m->name, "[stack", 6) == 0);
}

static bool same_object(const struct vm_mapping *a, const struct vm_mapping *b)
{
	if (a->inode || b->inode)
		return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
	return is_anonymous(a) ? is_anonymous(b) : strcmp(a->name, b->name) == 0;
}

/** What lies at the same place and holds the same. */
enum overlap {
	WITH_SAME_ACCESS,          /* and may be read, written and executed alike */
	BOTH_LONE,                 /* of those that have found nobody so far */
	EITHER_LONE,               /* of these, and of others */
};

static bool may_join(enum overlap how, const struct vm_mapping *x, const struct vm_mapping *y, bool x_matched, bool y_matched)
{
	switch (how) {
	case WITH_SAME_ACCESS:
		return x->prot == y->prot && x->shared == y->shared;
	case BOTH_LONE:
		return !x_matched && !y_matched;
	default:
		return !x_matched || !y_matched;
	}
}

static int match_by_address(struct match *m, enum overlap how)
{
	const struct vm_aspace *a = m->a, *b = m->b;
	vm_auto_free bool *before = malloc((m->n + 1) * sizeof(*before));
	if (!before)
		return -ENOMEM;
	memcpy(before, m->matched, m->n * sizeof(*before));
	for (size_t i = 0, k = 0; i < a->nmaps && k < b->nmaps;) {
		const struct vm_mapping *x = &a->map[i], *y = &b->map[k];
		if (x->start < y->end && y->start < x->end && same_object(x, y) &&
		    may_join(how, x, y, before[i], before[a->nmaps + k]))
			join(m, i, a->nmaps + k);
		if (x->end <= y->end)
			i++;
		if (y->end <= x->end)
			k++;
	}
	return 0;
}

/** One that found nobody at its address, and what it is known by. */
struct lone {
	const struct vm_mapping *map;
	/** The file right below it, whose .bss it is, say. */
	const struct vm_mapping *owner;
	uint64_t hash;
	uint32_t node;
	bool of_b;
};

static uint64_t hash_name(uint64_t h, const struct vm_mapping *m)
{
	return vm_mix64(m ? vm_fnv1a(h, m->name, name_length(m)) : h);
}

/** `strict`: of a file the same place, of other memory the same size. */
static uint64_t strict_part(const struct vm_mapping *m)
{
	return m->inode ? m->offset : m->end - m->start;
}

static uint64_t hash_of(const struct lone *l, bool strict)
{
	const struct vm_mapping *m = l->map;
	uint64_t h = vm_mix64((uint64_t)m->kind << 8 | (uint64_t)m->prot << 1 | m->shared);
	h = hash_name(hash_name(h, m), l->owner);
	return strict ? vm_mix64(h ^ strict_part(m)) : h;
}

static bool same_owner(const struct lone *a, const struct lone *b)
{
	return a->owner && b->owner ? same_name(a->owner, b->owner) : a->owner == b->owner;
}

/** The hash decides nearly always; it may be a hostile name's. */
static bool is_like(const struct match *m, const struct lone *a, const struct lone *b, bool strict)
{
	const struct vm_mapping *x = a->map, *y = b->map;
	return a->hash == b->hash && x->kind == y->kind && x->prot == y->prot && x->shared == y->shared && same_name(x, y) &&
	       same_owner(a, b) && (!strict || strict_part(x) == strict_part(y)) && (!m->same_layout || same_object(x, y));
}

/** Those alike side by side, of each side in the order of addresses. */
static int compare_lone(const void *pa, const void *pb)
{
	const struct lone *a = pa, *b = pb;
	const int c = compare(a->hash, b->hash);
	return c ? c : compare(a->node, b->node);
}

static const struct vm_mapping *owner_of(const struct vm_aspace *as, size_t at)
{
	if (!is_anonymous(&as->map[at]) || as->map[at].name[0])
		return NULL;
	for (; at > 0 && as->map[at - 1].end == as->map[at].start; at--)
		if (as->map[at - 1].inode)
			return &as->map[at - 1];
	return NULL;
}

static size_t gather_lone(const struct match *m, struct lone *to, bool strict)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++) {
		const bool of_b = i >= m->a->nmaps;
		const struct vm_aspace *as = of_b ? m->b : m->a;
		if (m->matched[i])
			continue;
		struct lone *l = &to[n++];
		*l = (struct lone){ .map = node(m, i), .node = (uint32_t)i, .of_b = of_b };
		/* Where addresses are the same, so are the neighbours: what moved has others. */
		if (!m->same_layout)
			l->owner = owner_of(as, of_b ? i - m->a->nmaps : i);
		l->hash = hash_of(l, strict);
	}
	qsort(to, n, sizeof(*to), compare_lone);
	return n;
}

/** Of l[0..na) and l[na..n), all alike, the first with the first and so on. */
static void join_pairs(struct match *m, const struct lone *l, size_t na, size_t n)
{
	for (size_t i = 0; i < na && na + i < n; i++)
		join(m, l[i].node, l[na + i].node);
}

/** All of both sides in one row. */
static void join_all(struct match *m, const struct lone *l, size_t n)
{
	for (size_t i = 1; i < n; i++)
		join(m, l[0].node, l[i].node);
}

static int match_by_likeness(struct match *m, bool strict)
{
	vm_auto_free struct lone *lone = malloc((m->n + 1) * sizeof(*lone));
	if (!lone)
		return -ENOMEM;
	const size_t all = gather_lone(m, lone, strict);
	for (size_t from = 0, to, na; from < all; from = to) {
		for (to = from, na = 0; to < all && is_like(m, &lone[from], &lone[to], strict); to++)
			na += !lone[to].of_b;
		const size_t nb = to - from - na;
		if (strict || (na == 1 && nb == 1))
			join_pairs(m, lone + from, na, to - from);
		else if (na && nb && !m->same_layout)
			join_all(m, lone + from, to - from);
	}
	return 0;
}

/**
 * What was mprotect(2)ed where it is comes before what may have moved; what moved, before pieces that lie where another
 * one was: memory is moved into space that was reserved for it, which remains where it isn't used.
 */
static int match_all(struct match *m)
{
	int r = m->same_layout ? match_by_address(m, WITH_SAME_ACCESS) : 0;
	if (r == 0 && m->same_layout)
		r = match_by_address(m, BOTH_LONE);
	if (r == 0)
		r = match_by_likeness(m, true);
	if (r == 0)
		r = match_by_likeness(m, false);
	if (r == 0 && m->same_layout)
		r = match_by_address(m, EITHER_LONE);
	return r;
}

bool vm_diff_same_layout(const struct vm_aspace *a, const struct vm_aspace *b)
{
	const struct vm_proc *p = &a->proc, *q = &b->proc;
	if (vm_proc_has(p, VM_P_START_STACK) && vm_proc_has(q, VM_P_START_STACK))
		return p->q[VM_P_START_STACK] == q->q[VM_P_START_STACK] && p->q[VM_P_START_CODE] == q->q[VM_P_START_CODE];
	return p->pid == q->pid && p->start == q->start;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------ */

static struct vm_sum *new_sum(struct vm_diff *d)
{
	struct vm_sum *sum = vm_arena_alloc(&d->sums, sizeof(*sum));
	if (sum)
		*sum = (struct vm_sum){ .m.name = "" };
	return sum;
}

/** `m` behind what the side holds already: a mapping of the space, or the sum that was made of several here. */
static int add_to_side(struct vm_diff *d, const struct vm_mapping **side, const struct vm_mapping *m, bool parts)
{
	if (!*side) {
		*side = m;
		return 0;
	}
	struct vm_sum *sum = (*side)->count > 1 ? (struct vm_sum *)(uintptr_t)*side : new_sum(d);
	if (!sum)
		return -ENOMEM;
	if (!sum->m.count)
		vm_sum_add(sum, *side);
	vm_sum_add(sum, m);
	/* Parts of one mapping have a range all the same: they come in order. */
	sum->m.end = m->end;
	if (parts)
		sum->m.differs &= (uint8_t)~VM_DIFFERS_RANGE;
	*side = &sum->m;
	return 0;
}

/** A row for each root, in the order of the first of its nodes. */
static int make_rows(struct match *m, double seconds, struct vm_diff *d)
{
	vm_auto_free uint32_t *row_of = malloc((m->n + 1) * sizeof(*row_of));
	int r = row_of ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const uint32_t top = root(m, i);
		if (top == i) {
			row_of[i] = (uint32_t)d->rows.n;
			if (!vm_vec_push(&d->rows, (struct vm_diff_row){ .seconds = seconds }))
				r = -ENOMEM;
		}
		if (r == 0) {
			struct vm_diff_row *row = &d->rows.v[row_of[top]];
			r = add_to_side(d, i < m->a->nmaps ? &row->a : &row->b, node(m, i), m->same_layout);
		}
	}
	return r;
}

static uint64_t place(const struct vm_diff_row *row)
{
	return row->b ? row->b->start : row->a->start;
}

static int compare_place(const void *pa, const void *pb)
{
	const struct vm_diff_row *a = pa, *b = pb;
	const int c = compare(place(a), place(b));
	return c ? c : !a->b - !b->b;
}

int vm_diff_spaces(const struct vm_aspace *a, const struct vm_aspace *b, double seconds, struct vm_diff *out)
{
	*out = (struct vm_diff){ 0 };
	struct match m = { .a = a, .b = b, .n = a->nmaps + b->nmaps, .same_layout = vm_diff_same_layout(a, b) };
	vm_auto_free uint32_t *parent = m.parent = malloc((m.n + 1) * sizeof(*parent));
	vm_auto_free bool *matched = m.matched = calloc(m.n + 1, sizeof(*matched));
	if (!parent || !matched || m.n >= UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < m.n; i++)
		parent[i] = (uint32_t)i;
	int r = match_all(&m);
	if (r == 0)
		r = make_rows(&m, seconds, out);
	for (size_t i = 0; r == 0 && i < out->rows.n; i++)
		judge(&out->rows.v[i], m.same_layout, false);
	if (r == 0 && out->rows.n)
		qsort(out->rows.v, out->rows.n, sizeof(*out->rows.v), compare_place);
	return r;
}

/* ---- Groups ---------------------------------------------------------------------------------------------------------- */

/** A group shows its key and nothing else of its first member. */
static int add_to_group(struct vm_diff *d, const struct vm_mapping **side, const struct vm_mapping *m)
{
	const bool first = !*side;
	struct vm_sum *sum = first ? new_sum(d) : (struct vm_sum *)(uintptr_t)*side;
	if (!sum)
		return -ENOMEM;
	vm_sum_add(sum, m);
	if (first) {
		sum->m.differs |= VM_DIFFERS_RANGE;
		sum->m.flags = 0;
		sum->m.have_flags = false;
		*side = &sum->m;
	}
	return 0;
}

int vm_diff_groups(const struct vm_aspace *a, const struct vm_aspace *b, enum vm_group_by by, double seconds,
		   struct vm_diff *out)
{
	*out = (struct vm_diff){ 0 };
	const struct match m = { .a = a, .b = b, .n = a->nmaps + b->nmaps };
	vm_auto_free const struct vm_mapping **maps = malloc((m.n + 1) * sizeof(*maps));
	vm_auto_free uint32_t *of = malloc((m.n + 1) * sizeof(*of));
	if (!maps || !of)
		return -ENOMEM;
	for (size_t i = 0; i < m.n; i++)
		maps[i] = node(&m, i);
	const long groups = vm_group_assign(maps, m.n, by, of);
	if (groups < 0 || !vm_vec_reserve(&out->rows, (size_t)groups))
		return -ENOMEM;
	for (; out->rows.n < (size_t)groups; out->rows.n++)
		out->rows.v[out->rows.n] = (struct vm_diff_row){ .seconds = seconds };
	int r = 0;
	for (size_t i = 0; r == 0 && i < m.n; i++) {
		struct vm_diff_row *row = &out->rows.v[of[i]];
		r = add_to_group(out, i < a->nmaps ? &row->a : &row->b, maps[i]);
	}
	for (size_t i = 0; r == 0 && i < out->rows.n; i++)
		judge(&out->rows.v[i], false, true);
	return r;
}

void vm_diff_free(struct vm_diff *d)
{
	vm_vec_free(&d->rows);
	vm_arena_free(&d->sums);
}

void vm_diff_sum(const struct vm_diff_row *const *rows, size_t n, struct vm_sum *a, struct vm_sum *b, struct vm_diff_row *out)
{
	*a = *b = (struct vm_sum){ .m.name = "" };
	vm_sum_settle(a);
	vm_sum_settle(b);
	*out = (struct vm_diff_row){ .seconds = n ? rows[0]->seconds : NAN };
	for (size_t i = 0; i < n; i++) {
		if (rows[i]->a)
			vm_sum_add(a, rows[i]->a);
		if (rows[i]->b)
			vm_sum_add(b, rows[i]->b);
	}
	out->a = a->m.count ? &a->m : NULL;
	out->b = b->m.count ? &b->m : NULL;
	judge(out, false, true);
}
