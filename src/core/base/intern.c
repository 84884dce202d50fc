#include "core/base/intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"

enum { FIRST_SIZE = 256 };

/** Of short texts, many of which share their beginning. */
static uint32_t hash_of(const char *s, size_t len)
{
	const uint64_t h = vm_fnv1a(VM_FNV1A_BASIS, s, len);
	return (uint32_t)(h ^ h >> 32);
}

static bool grow(struct vm_intern *t)
{
	const size_t size = t->size ? t->size * 2 : FIRST_SIZE;
	struct vm_intern_slot *to = calloc(size, sizeof(*to));
	if (!to)
		return false;
	for (size_t i = 0; i < t->size; i++) {
		if (!t->slot[i].text)
			continue;
		size_t k = t->slot[i].hash & (size - 1);
		while (to[k].text)
			k = (k + 1) & (size - 1);
		to[k] = t->slot[i];
	}
	free(t->slot);
	t->slot = to;
	t->size = size;
	return true;
}

const char *vm_intern(struct vm_intern *t, const char *s, size_t len)
{
	if (t->n * 2 >= t->size && !grow(t))
		return NULL;
	const uint32_t hash = hash_of(s, len);
	size_t k = hash & (t->size - 1);
	for (; t->slot[k].text; k = (k + 1) & (t->size - 1))
		if (t->slot[k].hash == hash && strncmp(t->slot[k].text, s, len) == 0 && !t->slot[k].text[len])
			return t->slot[k].text;
	const char *text = vm_arena_strndup(&t->arena, s, len);
	if (!text)
		return NULL;
	t->slot[k] = (struct vm_intern_slot){ text, hash };
	t->n++;
	return text;
}

void vm_intern_free(struct vm_intern *t)
{
	free(t->slot);
	vm_arena_free(&t->arena);
	*t = (struct vm_intern){ 0 };
}
