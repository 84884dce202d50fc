#include "cli/render/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/flame_tree.h"
#include "core/field/field.h"

enum { FLUSH_AT = 60 * 1024, FIRST_SLOTS = 1024, MOST = INT32_MAX };

/* ---- Frames, each once --------------------------------------------------------------------------------------------- */

static uint64_t hash_frame(const struct vm_flame_frame *frame)
{
	size_t len = strlen(frame->name);
	uint64_t h = len + (uint64_t)frame->class * 256, word;
	/* A product depends on all of a word in its upper half (Fibonacci hashing, Knuth 6.4). */
	for (const char *s = frame->name; len; s += sizeof(word)) {
		const size_t n = len < sizeof(word) ? len : sizeof(word);
		word = 0;
		memcpy(&word, s, n);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
		len -= n;
	}
	return h;
}

/** Have the table at most half full with one more. */
static bool make_room(struct vm_flame *f)
{
	if ((f->frames.n + 1) * 2 <= f->slots)
		return true;
	const size_t slots = f->slots ? f->slots * 2 : FIRST_SLOTS;
	uint32_t *slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return false;
	for (size_t i = 0; i < f->frames.n; i++) {
		size_t at = (size_t)hash_frame(&f->frames.v[i]) & (slots - 1);
		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = (uint32_t)i + 1;
	}
	free(f->slot);
	f->slot = slot;
	f->slots = slots;
	return true;
}

/** The number of a frame; -1 when memory is out. */
static int64_t find_frame(struct vm_flame *f, struct vm_flame_frame frame)
{
	if (!frame.name || !frame.name[0])
		frame.name = "[unknown]";
	if (f->frames.n == MOST || !make_room(f))
		return -1;
	size_t at = (size_t)hash_frame(&frame) & (f->slots - 1);
	for (; f->slot[at]; at = (at + 1) & (f->slots - 1)) {
		const struct vm_flame_frame *had = &f->frames.v[f->slot[at] - 1];
		if (had->class == frame.class && strcmp(had->name, frame.name) == 0)
			return f->slot[at] - 1;
	}
	frame.name = vm_arena_strndup(&f->arena, frame.name, strlen(frame.name));
	if (!frame.name || !vm_vec_push(&f->frames, frame))
		return -1;
	f->slot[at] = (uint32_t)f->frames.n;
	return f->slot[at] - 1;
}

/* ---- Stacks -------------------------------------------------------------------------------------------------------- */

struct vm_flame *vm_flame_new(void)
{
	return calloc(1, sizeof(struct vm_flame));
}

void vm_flame_free(struct vm_flame *f)
{
	if (!f)
		return;
	vm_vec_free(&f->frames);
	vm_vec_free(&f->path);
	vm_vec_free(&f->stacks);
	vm_vec_free(&f->nodes);
	free(f->slot);
	vm_arena_free(&f->arena);
	free(f);
}

int vm_flame_add(struct vm_flame *f, const struct vm_flame_frame *frame, size_t n, uint64_t weight)
{
	const struct vm_flame_stack stack = { .first = f->path.n, .n = (uint32_t)n, .weight = weight };
	if (!n || !weight)
		return 0;
	if (weight > UINT64_MAX - f->total)
		return -EOVERFLOW;
	if (n > MOST || !vm_vec_reserve(&f->path, n) || !vm_vec_reserve(&f->stacks, 1))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const int64_t number = find_frame(f, frame[i]);
		if (number < 0)
			return -ENOMEM;
		f->path.v[stack.first + i] = (uint32_t)number;
	}
	f->path.n += n;
	f->stacks.v[f->stacks.n++] = stack;
	f->total += weight;
	return 0;
}

uint64_t vm_flame_total(const struct vm_flame *f)
{
	return f->total;
}

/* ---- The tree ------------------------------------------------------------------------------------------------------ */

/** Any order will do that has stacks together which begin alike, the shorter before the longer. */
static int compare_stacks(const void *a, const void *b, void *ctx)
{
	const struct vm_flame *f = ctx;
	const struct vm_flame_stack *x = a, *y = b;
	const uint32_t both = x->n < y->n ? x->n : y->n;
	const int c = memcmp(&f->path.v[x->first], &f->path.v[y->first], both * sizeof(*f->path.v));
	return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

/** Add what the stack doesn't share with the one before, whose nodes are at[1..depth]. */
static bool grow(struct vm_flame *f, const struct vm_flame_stack *s, uint32_t *at, uint32_t depth)
{
	const uint32_t *path = &f->path.v[s->first];
	uint32_t d = 0;
	while (d < depth && d < s->n && f->nodes.v[at[d + 1]].frame == path[d])
		d++;
	for (; d < s->n; d++) {
		const uint32_t parent = at[d], me = (uint32_t)f->nodes.n;
		const struct vm_flame_node node = {
			.frame = path[d], .parent = parent, .depth = d + 1, .next = f->nodes.v[parent].child,
		};
		if (me == MOST || !vm_vec_push(&f->nodes, node))
			return false;
		f->nodes.v[parent].child = me;
		at[d + 1] = me;
	}
	f->nodes.v[at[s->n]].self += s->weight;
	return true;
}

/** Nodes with the weights of the stacks that end in them. */
static int make_nodes(struct vm_flame *f)
{
	f->nodes.n = 0;
	f->deepest = 0;
	for (size_t i = 0; i < f->stacks.n; i++)
		if (f->stacks.v[i].n > f->deepest)
			f->deepest = f->stacks.v[i].n;
	/* The nodes of the stack at hand, by depth. */
	uint32_t *at = calloc((size_t)f->deepest + 1, sizeof(*at)), depth = 0;
	bool ok = at && vm_vec_push(&f->nodes, (struct vm_flame_node){ 0 });
	if (f->stacks.n)
		qsort_r(f->stacks.v, f->stacks.n, sizeof(*f->stacks.v), compare_stacks, f);
	for (size_t i = 0; i < f->stacks.n && ok; i++) {
		ok = grow(f, &f->stacks.v[i], at, depth);
		depth = f->stacks.v[i].n;
	}
	free(at);
	return ok ? 0 : -ENOMEM;
}

static int compare_nodes(const void *a, const void *b, void *ctx)
{
	const struct vm_flame *f = ctx;
	const struct vm_flame_node *x = &f->nodes.v[*(const uint32_t *)a], *y = &f->nodes.v[*(const uint32_t *)b];
	const struct vm_flame_frame *xf = &f->frames.v[x->frame], *yf = &f->frames.v[y->frame];
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	const int c = strcmp(xf->name, yf->name);
	return c ? c : xf->class < yf->class ? -1 : xf->class > yf->class;
}

static int sort_children(struct vm_flame *f)
{
	VM_VEC(uint32_t) kids = { 0 };
	bool ok = true;
	for (size_t i = 0; i < f->nodes.n && ok; i++) {
		const uint32_t first = f->nodes.v[i].child;
		if (!first || !f->nodes.v[first].next)
			continue;
		kids.n = 0;
		for (uint32_t k = first; k && ok; k = f->nodes.v[k].next)
			ok = vm_vec_push(&kids, k);
		if (!ok)
			break;
		qsort_r(kids.v, kids.n, sizeof(*kids.v), compare_nodes, f);
		f->nodes.v[i].child = kids.v[0];
		for (size_t k = 0; k < kids.n; k++)
			f->nodes.v[kids.v[k]].next = k + 1 < kids.n ? kids.v[k + 1] : 0;
	}
	vm_vec_free(&kids);
	return ok ? 0 : -ENOMEM;
}

int vm_flame_build(struct vm_flame *f)
{
	if (make_nodes(f) < 0)
		return -ENOMEM;
	/* Children come behind their parents. */
	for (size_t i = f->nodes.n - 1; i > 0; i--) {
		struct vm_flame_node *n = &f->nodes.v[i];
		n->total += n->self;
		f->nodes.v[n->parent].total += n->total;
	}
	return sort_children(f);
}

uint32_t vm_flame_skip(const struct vm_flame *f, uint32_t i)
{
	while (i && !f->nodes.v[i].next)
		i = f->nodes.v[i].parent;
	return i ? f->nodes.v[i].next : 0;
}

uint32_t vm_flame_next(const struct vm_flame *f, uint32_t i)
{
	return f->nodes.v[i].child ? f->nodes.v[i].child : vm_flame_skip(f, i);
}

/* ---- Folded lines -------------------------------------------------------------------------------------------------- */

int vm_flame_flush(struct vm_buf *b, FILE *out, bool all)
{
	if (b->failed)
		return -ENOMEM;
	if (!b->n || (!all && b->n < FLUSH_AT))
		return 0;
	errno = 0;
	if (fwrite(b->s, 1, b->n, out) != b->n)
		return errno ? -errno : -EIO;
	b->n = 0;
	return 0;
}

static void put_folded_name(struct vm_buf *b, const char *name)
{
	const size_t from = b->n;
	vm_text_put(b, name);
	for (size_t i = from; i < b->n; i++)
		b->s[i] = b->s[i] == ';' ? ':' : b->s[i] == ' ' ? '_' : b->s[i];
}

int vm_flame_folded(struct vm_flame *f, FILE *out)
{
	struct vm_buf path = { 0 }, b = { 0 };
	int r = vm_flame_build(f);
	/* Where the path of each depth ends. */
	size_t *end = calloc((size_t)f->deepest + 1, sizeof(*end));
	if (!end)
		r = -ENOMEM;
	for (uint32_t i = 0; r == 0 && (i = vm_flame_next(f, i));) {
		const struct vm_flame_node *n = &f->nodes.v[i];
		path.n = end[n->depth - 1];
		if (n->depth > 1)
			vm_buf_add_char(&path, ';');
		put_folded_name(&path, f->frames.v[n->frame].name);
		end[n->depth] = path.n;
		b.failed |= path.failed;
		if (n->self) {
			vm_buf_add(&b, path.s, path.n);
			vm_buf_add_char(&b, ' ');
			vm_buf_add_u64(&b, n->self);
			vm_buf_add_char(&b, '\n');
		}
		r = vm_flame_flush(&b, out, false);
	}
	if (r == 0)
		r = vm_flame_flush(&b, out, true);
	free(end);
	vm_buf_free(&path);
	vm_buf_free(&b);
	return r;
}
