/** Texts kept once each: equal ones share a pointer. */
#ifndef VM_BASE_INTERN_H
#define VM_BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

/** Zero-initialised is empty and valid. */
struct vm_intern {
	struct vm_intern_slot { const char *text; uint32_t hash; } *slot;
	size_t n, size;            /* in use, and all: a power of two, or 0 */
	struct vm_arena arena;
};

/** The text s[0..len), NUL-terminated; lives as long as the table.  NULL when memory is out. */
const char *vm_intern(struct vm_intern *t, const char *s, size_t len);
void vm_intern_free(struct vm_intern *t);

#endif
