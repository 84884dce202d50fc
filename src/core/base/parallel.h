/** A second thread that helps with work done in parts. */
#ifndef VM_BASE_PARALLEL_H
#define VM_BASE_PARALLEL_H

#include <stddef.h>

struct vm_helper;

/** A helper that waits for work; NULL if no thread is to be had, and then all is done by the caller. */
struct vm_helper *vm_helper_start(void);

/**
 * Call fn(ctx, 0, 0, m) here and fn(ctx, 1, m, n) in the helper at the same time, m a little above n / 2;
 * return when both have.  Without a helper the second call comes after the first.
 */
void vm_helper_share(struct vm_helper *h, size_t n, void (*fn)(void *ctx, unsigned part, size_t from, size_t to),
		     void *ctx);

/** End the thread; NULL is fine. */
void vm_helper_stop(struct vm_helper *h);

#endif
