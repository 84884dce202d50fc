#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

/** The slot of `key`, or the free one where it belongs.  There is always a free one. */
static struct vm_map_slot *find(const struct vm_map *m, uint64_t key)
{
	size_t i = vm_mix64(key) & (m->size - 1);
	while (m->slot[i].used && m->slot[i].key != key)
		i = (i + 1) & (m->size - 1);
	return &m->slot[i];
}

static bool grow(struct vm_map *m)
{
	struct vm_map bigger = { .n = m->n, .size = m->size ? m->size * 2 : 64 };
	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < m->size; i++)
		if (m->slot[i].used)
			*find(&bigger, m->slot[i].key) = m->slot[i];
	free(m->slot);
	*m = bigger;
	return true;
}

bool vm_map_put(struct vm_map *m, uint64_t key, uint32_t value)
{
	if (m->n >= m->size / 4 * 3 && !grow(m))
		return false;
	struct vm_map_slot *s = find(m, key);
	m->n += !s->used;
	*s = (struct vm_map_slot){ .key = key, .value = value, .used = true };
	return true;
}

bool vm_map_get(const struct vm_map *m, uint64_t key, uint32_t *value)
{
	const struct vm_map_slot *s = m->size ? find(m, key) : NULL;
	if (!s || !s->used)
		return false;
	*value = s->value;
	return true;
}

void vm_map_clear(struct vm_map *m)
{
	if (m->size)
		memset(m->slot, 0, m->size * sizeof(*m->slot));
	m->n = 0;
}

void vm_map_free(struct vm_map *m)
{
	free(m->slot);
	*m = (struct vm_map){ 0 };
}
