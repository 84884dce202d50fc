/** The mappings of all processes, one process after the other. */
#ifndef VM_SOURCE_LAYOUTS_H
#define VM_SOURCE_LAYOUTS_H

#include <stdbool.h>
#include <sys/types.h>

struct vm_aspace;
struct vm_err;
struct vm_session;

/**
 * One process with memory of its own; `as` lives until this returns.  named: its mappings have names, which only files
 * of /proc tell; an eBPF iterator tells the rest of all processes in one pass, at a fifth of the cost.  Another value
 * than 0 ends it.
 */
typedef int vm_layouts_take(void *ctx, const struct vm_aspace *as, bool named);

/** One that can't be read, and why; the others are read all the same. */
typedef void vm_layouts_failed(void *ctx, pid_t pid, const struct vm_err *why);

/** 0, what take() returned, or a negative errno if there is no list of processes. */
int vm_layouts(struct vm_session *s, vm_layouts_take *take, vm_layouts_failed *failed, void *ctx, struct vm_err *err);

#endif
