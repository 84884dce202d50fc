/** Lists as trees: rows below the row that they belong to, folded or not. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/grid.h"
#include "core/base/map.h"

enum { NONE = -1 };

/** Scratch of one arrangement: indexes into the rows in their sorted order. */
struct tree {
	struct vm_grid *g;
	const void **row;
	size_t n;
	long *child, *sibling;     /* first child and next sibling, in sorted order; NONE */
	bool *done;
	struct pending { long at; unsigned depth; uint64_t rails; } *todo;
	size_t ntodo;
};

static long parent_of(const struct tree *t, const struct vm_map *ids, size_t at)
{
	uint32_t parent;
	const uint64_t id = t->g->class->parent_of(t->row[at]);
	return id && vm_map_get(ids, id, &parent) && parent != at ? (long)parent : NONE;
}

/** Who is whose child; children in the order of the rows, since they are pushed from behind. */
static bool link_rows(struct tree *t, long *roots)
{
	struct vm_map ids = { 0 };
	bool ok = true;
	for (size_t i = 0; i < t->n && ok; i++) {
		t->child[i] = t->sibling[i] = NONE;
		ok = vm_map_put(&ids, t->g->class->id_of(t->row[i]), (uint32_t)i);
	}
	*roots = NONE;
	for (size_t i = t->n; ok && i-- > 0;) {
		const long parent = parent_of(t, &ids, i);
		long *list = parent == NONE ? roots : &t->child[parent];
		t->sibling[i] = *list;
		*list = (long)i;
	}
	vm_map_free(&ids);
	return ok;
}

static void later(struct tree *t, long at, unsigned depth, uint64_t rails)
{
	if (at != NONE)
		t->todo[t->ntodo++] = (struct pending){ at, depth, rails };
}

/** All that hangs below `at`, it and its siblings included, in order.  Each row is waited for once at most: by its elder
    sibling or its parent. */
static void emit(struct tree *t, long at, bool alone)
{
	struct vm_grid *g = t->g;
	later(t, at, 0, 0);
	while (t->ntodo) {
		const struct pending p = t->todo[--t->ntodo];
		if (t->done[p.at])
			continue;
		t->done[p.at] = true;
		const long next = alone && p.depth == 0 ? NONE : t->sibling[p.at];
		const unsigned rail = p.depth < 63 ? p.depth : 63;
		const uint64_t below = next != NONE ? p.rails | UINT64_C(1) << rail : p.rails & ~(UINT64_C(1) << rail);
		g->all.v[g->all.n] = t->row[p.at];
		g->place.v[g->all.n++] = (struct vm_grid_place){ .depth = p.depth, .rails = below, .last = next == NONE };
		later(t, next, p.depth, p.rails);
		later(t, t->child[p.at], p.depth + 1, below);
	}
}

/** How many rows hang below each, itself included: up to the next one that isn't deeper. */
static void measure(struct vm_grid *g, long *open)
{
	size_t nopen = 0;
	for (size_t i = 0; i <= g->all.n; i++) {
		while (nopen && (i == g->all.n || g->place.v[i].depth <= g->place.v[open[nopen - 1]].depth)) {
			const long at = open[--nopen];
			g->place.v[at].rows = (uint32_t)(i - (size_t)at);
		}
		if (i < g->all.n)
			open[nopen++] = (long)i;
	}
}

static int arrange(struct tree *t)
{
	long roots;
	if (!link_rows(t, &roots))
		return -ENOMEM;
	t->g->all.n = 0;
	emit(t, roots, false);
	/* Parents that are each other's children: no kernel says so, but a captured tree may. */
	for (size_t i = 0; i < t->n; i++)
		if (!t->done[i])
			emit(t, (long)i, true);
	measure(t->g, t->child);
	return 0;
}

int vm_grid_grow_tree(struct vm_grid *g)
{
	const size_t n = g->all.n;
	struct tree t = {
		.g = g, .n = n, .row = malloc((n + 1) * sizeof(*t.row)), .child = malloc((n + 1) * sizeof(*t.child)),
		.sibling = malloc((n + 1) * sizeof(*t.sibling)), .done = calloc(n + 1, sizeof(*t.done)),
		.todo = malloc((2 * n + 2) * sizeof(*t.todo)),
	};
	int r = -ENOMEM;
	if (t.row && t.child && t.sibling && t.done && t.todo && vm_vec_reserve(&g->place, n)) {
		memcpy(t.row, g->all.v, n * sizeof(*t.row));
		r = arrange(&t);
	}
	free(t.row);
	free(t.child);
	free(t.sibling);
	free(t.done);
	free(t.todo);
	return r;
}

const struct vm_grid_place *vm_grid_place(const struct vm_grid *g, size_t at)
{
	return g->tree && at < g->rows.n ? &g->place.v[g->from.v[at]] : NULL;
}

bool vm_grid_is_folded(const struct vm_grid *g, size_t at)
{
	const struct vm_grid_place *p = vm_grid_place(g, at);
	return p && p->rows > 1 && vm_keys_have(&g->folds, g->class->key(g->rows.v[at]));
}

size_t vm_grid_members(const struct vm_grid *g, size_t at, const void *const **rows)
{
	const struct vm_grid_place *p = vm_grid_place(g, at);
	*rows = (const void *const *)&g->all.v[g->from.v[at]];
	return p && vm_grid_is_folded(g, at) ? p->rows : 1;
}

void vm_grid_put_rails(const struct vm_grid *g, size_t at, bool utf8, struct vm_buf *b)
{
	const struct vm_grid_place *p = vm_grid_place(g, at);
	if (!p)
		return;
	for (unsigned d = 1; d < p->depth && d < 63; d++)
		vm_buf_add_str(b, p->rails >> d & 1 ? (utf8 ? "│ " : "| ") : "  ");
	if (p->depth)
		vm_buf_add_str(b, p->last ? (utf8 ? "└─" : "`-") : (utf8 ? "├─" : "|-"));
	if (vm_grid_is_folded(g, at))
		vm_buf_addf(b, "+%u ", p->rows - 1);
}
