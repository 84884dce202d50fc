#include "core/base/spans.h"

#include <stdlib.h>

#include "core/base/cleanup.h"

/** Indices of spans that are open at a place: the highest one on top (a binary heap). */
struct heap {
	uint32_t *at;
	size_t n;
};

static void heap_push(struct heap *h, uint32_t x)
{
	size_t i = h->n++;
	for (; i && h->at[(i - 1) / 2] < x; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = x;
}

static void heap_pop(struct heap *h)
{
	const uint32_t x = h->at[--h->n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		child += child + 1 < h->n && h->at[child + 1] > h->at[child];
		if (h->at[child] <= x)
			break;
		h->at[i] = h->at[child];
	}
	h->at[i] = x;
}

static int by_start(const void *a, const void *b, void *ctx)
{
	const struct vm_span *v = ctx;
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (v[x].start != v[y].start)
		return v[x].start < v[y].start ? -1 : 1;
	return x < y ? -1 : x > y;
}

/** `*last`: the span of which the last piece is. */
static bool put(struct vm_spans *out, uint32_t *last, const struct vm_span *v, uint32_t i, uint64_t from, uint64_t to)
{
	if (out->n && *last == i && out->v[out->n - 1].end == from) {
		out->v[out->n - 1].end = to;
		return true;
	}
	*last = i;
	return vm_vec_push(out, (struct vm_span){ from, to, v[i].id });
}

/** Go along the starts and ends; between two of them the topmost open span has it all. */
static bool sweep(const struct vm_span *v, const uint32_t *order, size_t n, struct heap *h, struct vm_spans *out)
{
	uint64_t pos = 0;
	uint32_t last = 0;
	for (size_t i = 0; i < n || h->n;) {
		if (!h->n)
			pos = v[order[i]].start;
		while (i < n && v[order[i]].start <= pos)
			heap_push(h, order[i++]);
		while (h->n && v[h->at[0]].end <= pos)
			heap_pop(h);
		if (!h->n)
			continue;
		const uint32_t top = h->at[0];
		uint64_t stop = v[top].end;
		if (i < n && v[order[i]].start < stop)
			stop = v[order[i]].start;
		if (!put(out, &last, v, top, pos, stop))
			return false;
		pos = stop;
	}
	return true;
}

bool vm_spans_flatten(const struct vm_span *v, size_t n, struct vm_spans *out)
{
	if (n == 0)
		return true;
	if (n >= UINT32_MAX)
		return false;
	vm_auto_free uint32_t *order = malloc(n * sizeof(*order)), *open = malloc(n * sizeof(*open));
	if (!order || !open || !vm_vec_reserve(out, n))
		return false;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), by_start, (void *)(uintptr_t)v);
	struct heap h = { .at = open };
	if (!sweep(v, order, n, &h, out)) {
		out->n = 0;
		return false;
	}
	return true;
}

const struct vm_span *vm_spans_find(const struct vm_spans *s, uint64_t addr)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		if (s->v[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr < s->v[low - 1].end ? &s->v[low - 1] : NULL;
}

void vm_spans_free(struct vm_spans *s)
{
	vm_vec_free(s);
}
