/** Typed growable arrays, overflow-checked. */
#ifndef VM_BASE_VEC_H
#define VM_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** Declare as `struct { TYPE *v; size_t n, cap; } name = { 0 };` or with this. */
#define VM_VEC(type) struct { type *v; size_t n, cap; }

static inline bool vm_vec_grow_(void **v, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return true;
	size_t to = *cap ? *cap : 16;
	while (to < need) {
		if (to > SIZE_MAX / 2)
			return false;
		to *= 2;
	}
	if (to > SIZE_MAX / size)
		return false;
	void *p = realloc(*v, to * size);
	if (!p)
		return false;
	*v = p;
	*cap = to;
	return true;
}

/** Room for `extra` more elements; false when memory is out (the vector is then unchanged). */
#define vm_vec_reserve(vec, extra) \
	vm_vec_grow_((void **)&(vec)->v, &(vec)->cap, (vec)->n + (extra), sizeof(*(vec)->v))

/** Append; false when memory is out. */
#define vm_vec_push(vec, ...) \
	(vm_vec_reserve((vec), 1) && ((vec)->v[(vec)->n++] = (__VA_ARGS__), true))

#define vm_vec_free(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

#endif
