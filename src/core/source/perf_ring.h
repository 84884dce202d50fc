/**
 * Rings of perf events, one a CPU: what the kernel writes into them is taken out by a thread as soon as they begin to
 * fill, so that little of memory that others can't use (RLIMIT_MEMLOCK) is enough.
 */
#ifndef VM_SOURCE_PERF_RING_H
#define VM_SOURCE_PERF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/source/perf_record.h"

struct vm_err;
struct vm_perf_rings;
struct vm_session;

enum { VM_PERF_RING_LEAST = 8 * 1024, VM_PERF_RING_MOST = 4 << 20 };

/**
 * A ring for each of these CPUs, as large as is allowed; a CPU that isn't online has none.  -EPERM: not even small ones
 * are allowed, or no perf events at all.
 */
int vm_perf_rings_open(struct vm_session *s, const unsigned *cpu, size_t n, struct vm_perf_rings **out, struct vm_err *err);
void vm_perf_rings_close(struct vm_perf_rings *r);

/** What events of that CPU name in PERF_EVENT_IOC_SET_OUTPUT; their time must be CLOCK_MONOTONIC.  -1: it isn't online. */
int vm_perf_rings_fd(const struct vm_perf_rings *r, size_t i);

typedef int vm_perf_take(void *ctx, const struct vm_perf_record *rec);

/**
 * Hand over what has come, of all rings in the order of time.  What came last is kept for the next call, since an earlier
 * record of another CPU may be just being written; with `all` it isn't.  0, what take() returned other than 0 (the others
 * are kept), or -ENOMEM.
 */
int vm_perf_rings_read(struct vm_perf_rings *r, bool all, const struct vm_perf_form *form, vm_perf_take *take, void *ctx);

#endif
