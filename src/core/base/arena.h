/** Bump allocator: everything of one snapshot, freed at once. */
#ifndef VM_BASE_ARENA_H
#define VM_BASE_ARENA_H

#include <stddef.h>

struct vm_arena_block;

/** Zero-initialised is empty and valid. */
struct vm_arena {
	struct vm_arena_block *head;
	/** Bytes still free in `head`. */
	size_t left;
	/** Bytes handed out since the last reset. */
	size_t used;
};

/** `size` bytes aligned for any type, not cleared; NULL when memory is out. */
void *vm_arena_alloc(struct vm_arena *a, size_t size);

/** A NUL-terminated copy of `len` bytes at `s`; NULL when memory is out. */
char *vm_arena_strndup(struct vm_arena *a, const char *s, size_t len);

/** Forget everything but keep one block for the next round, so a refresh allocates nothing. */
void vm_arena_reset(struct vm_arena *a);

/** Free everything; the arena is empty and usable again. */
void vm_arena_free(struct vm_arena *a);

#endif
