/** Ranges that may overlap, made into pieces that don't, and found by what they hold. */
#ifndef VM_BASE_SPANS_H
#define VM_BASE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

/** From `start` up to but not including `end`; what it stands for is the caller's. */
struct vm_span {
	uint64_t start, end;
	uint32_t id;
};

/** Ascending and disjoint, if vm_spans_flatten() made it.  Zero-initialised it is empty. */
struct vm_spans { struct vm_span *v; size_t n, cap; };

/**
 * Append to `out`, which is empty, the pieces of v[0..n), which may stand in any order, overlap, and be empty or
 * backwards (they then hold nothing).  Where several hold an address, the last one of the array has it.  At most
 * 2 * n pieces, in O(n log n).  False when memory is out; `out` then stays empty.
 */
bool vm_spans_flatten(const struct vm_span *v, size_t n, struct vm_spans *out);

/** The piece that holds the address, or NULL. */
const struct vm_span *vm_spans_find(const struct vm_spans *s, uint64_t addr);

void vm_spans_free(struct vm_spans *s);

#endif
