/**
 * What was written of mappings that the process itself has userfaultfd(2) write-protect without being told
 * (UFFD_FEATURE_WP_ASYNC): PAGEMAP_SCAN, Linux 6.7; Documentation/admin-guide/mm/pagemap.rst.
 */
#ifndef VM_SOURCE_WPSCAN_H
#define VM_SOURCE_WPSCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/source/pages.h"

struct vm_err;
struct vm_session;

/** Has the process any such mapping? */
bool vm_wpscan_has(struct vm_session *s, pid_t pid);

/**
 * Runs of the pages of such mappings that are there, with WRITTEN known.  `protect`: they are protected again at the same
 * moment, so that WRITTEN means since then: what the process itself keeps of its writes is lost.
 * 0, take()'s value, or a negative errno.
 */
int vm_wpscan(struct vm_session *s, pid_t pid, bool protect, vm_pages_take *take, void *ctx, struct vm_err *err);

#endif
