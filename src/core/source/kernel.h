/** What must be known of a kernel to read its page-table entries, and what it lets us do. */
#ifndef VM_SOURCE_KERNEL_H
#define VM_SOURCE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct vm_session;
struct vm_swap_types;

/** Version as major * 100 + minor, from /proc/sys/kernel/osrelease; 0: unknown. */
unsigned vm_kernel_version(struct vm_session *s);

/**
 * Its special swap types: by version, and by what a live kernel shows of its configuration; a kernel that doesn't
 * tell, and that of a captured tree, is taken to have all.  Looked up when it is first asked for (a millisecond),
 * lives as long as the session.
 */
const struct vm_swap_types *vm_kernel_swap_types(struct vm_session *s);

/**
 * Do we have all of these capabilities (a set of VM_CAP() bits), or CAP_SYS_ADMIN in their place?  True where that can't
 * be found out: then the kernel's own answer is all there is.
 */
bool vm_kernel_permits(uint64_t capabilities);
#define VM_CAP(x) (UINT64_C(1) << CAP_##x)

/**
 * Is the first write to a page of shared memory counted as a major fault here, whether something was read or not: because
 * handling it began again once the page was there (fault_dirty_shared_page() in mm/memory.c before Linux 6.0)?  Tried out
 * with a page of our own.
 */
bool vm_kernel_counts_shared_writes(const struct vm_session *s);

#endif
