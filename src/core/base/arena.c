#include "core/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MIN = 16 * 1024, BLOCK_MAX = 1024 * 1024 };

struct vm_arena_block {
	struct vm_arena_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

static struct vm_arena_block *new_block(const struct vm_arena *a, size_t need)
{
	size_t size = a->head ? a->head->size * 2 : BLOCK_MIN;
	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < need)
		size = need;
	if (size > SIZE_MAX - sizeof(struct vm_arena_block))
		return NULL;
	struct vm_arena_block *b = malloc(sizeof(*b) + size);
	if (b)
		b->size = size;
	return b;
}

void *vm_arena_alloc(struct vm_arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	if (size > a->left || !a->head) {
		struct vm_arena_block *b = new_block(a, size);
		if (!b)
			return NULL;
		b->next = a->head;
		a->head = b;
		a->left = b->size;
	}
	void *p = a->head->data + (a->head->size - a->left);
	a->left -= size;
	a->used += size;
	return p;
}

char *vm_arena_strndup(struct vm_arena *a, const char *s, size_t len)
{
	if (len == SIZE_MAX)
		return NULL;
	char *p = vm_arena_alloc(a, len + 1);
	if (p) {
		memcpy(p, s, len);
		p[len] = '\0';
	}
	return p;
}

void vm_arena_reset(struct vm_arena *a)
{
	struct vm_arena_block *keep = a->head;
	if (!keep)
		return;
	while (keep->next) {
		struct vm_arena_block *next = keep->next->next;
		free(keep->next);
		keep->next = next;
	}
	a->left = keep->size;
	a->used = 0;
}

void vm_arena_free(struct vm_arena *a)
{
	while (a->head) {
		struct vm_arena_block *next = a->head->next;
		free(a->head);
		a->head = next;
	}
	*a = (struct vm_arena){ 0 };
}
