/** Looking at a process by idle marks of its page frames (pageidle.h): a part of wsread.c. */
#ifndef VM_SOURCE_WSIDLE_H
#define VM_SOURCE_WSIDLE_H

#include <stdint.h>
#include <sys/types.h>

#include "core/source/pages.h"

struct vm_aspace;
struct vm_err;
struct vm_session;
struct vm_wsidle;

/** 0; -EOPNOTSUPP: this kernel has none; -EACCES, -EPERM: frames may not be known. */
int vm_wsidle_open(struct vm_session *s, pid_t pid, struct vm_wsidle **out, struct vm_err *err);
void vm_wsidle_close(struct vm_wsidle *w);

/** Mark all frames of the process idle. */
int vm_wsidle_mark(struct vm_wsidle *w, const struct vm_aspace *as, struct vm_err *err);

/** Its pages, as runs: ACCESSED if they were used since; unknown of those within a larger folio, which have no mark of their own. */
int vm_wsidle_look(struct vm_wsidle *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, struct vm_err *err);

#endif
