/** Do one thing to many items with two threads. */
#ifndef VM_BASE_PARALLEL_H
#define VM_BASE_PARALLEL_H

#include <stddef.h>

/**
 * Call fn(ctx, 0, from, to) and fn(ctx, 1, from, to) for the two halves of [0, n), at the same time where
 * n is at least `least` and a thread can be had, else one after the other.
 */
void vm_in_halves(size_t n, size_t least, void (*fn)(void *ctx, unsigned half, size_t from, size_t to), void *ctx);

#endif
