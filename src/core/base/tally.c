#include "core/base/tally.h"

#include <stdlib.h>

enum { FIRST_SIZE = 256 };

static size_t find(const struct vm_tally *t, uint64_t key)
{
	/* Fibonacci hashing (Knuth 6.4): the upper bits of the product depend on all of the key. */
	size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->size - 1);
	while (t->slot[i].count && t->slot[i].key != key)
		i = (i + 1) & (t->size - 1);
	return i;
}

static bool grow(struct vm_tally *t)
{
	struct vm_tally bigger = { .n = t->n, .size = t->size ? t->size * 2 : FIRST_SIZE };
	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->slot[i].count)
			bigger.slot[find(&bigger, t->slot[i].key)] = t->slot[i];
	free(t->slot);
	*t = bigger;
	return true;
}

bool vm_tally_add(struct vm_tally *t, uint64_t key, uint64_t n)
{
	if (t->size && t->slot[t->last].count && t->slot[t->last].key == key) {
		t->slot[t->last].count += n;
		return true;
	}
	if (t->n * 2 >= t->size && !grow(t))
		return false;
	size_t i = find(t, key);
	if (!t->slot[i].count) {
		t->slot[i].key = key;
		t->n++;
	}
	t->slot[i].count += n;
	t->last = i;
	return true;
}

void vm_tally_free(struct vm_tally *t)
{
	free(t->slot);
	*t = (struct vm_tally){ 0 };
}
