/**
 * Idle marks of page frames: /sys/kernel/mm/page_idle/bitmap (Documentation/admin-guide/mm/idle_page_tracking.rst).
 *
 * A bit a frame.  Setting it clears the accessed bits of all page-table entries that map the frame, in a way that reclaim
 * doesn't take for disuse; any use clears it.  Frames of huge pages have it in their first one.  Needs root.
 */
#ifndef VM_SOURCE_PAGEIDLE_H
#define VM_SOURCE_PAGEIDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_err;
struct vm_session;

/** A frame whose bit is set, or read. */
struct vm_idle_frame {
	uint64_t pfn;
	uint32_t which;            /* the caller's */
	bool idle;
};

/** A descriptor, or -EOPNOTSUPP: this kernel has no such bitmap; -EACCES. */
int vm_pageidle_open(struct vm_session *s, struct vm_err *err);

/** Put them in order, and mark them idle.  0 or a negative errno. */
int vm_pageidle_mark(int fd, struct vm_idle_frame *v, size_t n, struct vm_err *err);

/** Put them in order, and set `idle` of each: it was not used since it was marked.  Frames that don't exist aren't idle. */
int vm_pageidle_read(int fd, struct vm_idle_frame *v, size_t n, struct vm_err *err);

#endif
