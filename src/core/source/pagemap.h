/** Entries of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst, fs/proc/task_mmu.c). */
#ifndef VM_SOURCE_PAGEMAP_H
#define VM_SOURCE_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/page.h"

struct vm_session;

/** Frame, or swap type and offset. */
#define VM_PAGEMAP_PFN_MASK ((UINT64_C(1) << 55) - 1)

/** What an entry can tell at all. */
#define VM_PAGEMAP_TELLS \
	(VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(SOFT_DIRTY) | VM_PG(UFFD_WP) | VM_PG(GUARD))

/**
 * VM_PG() bits of an entry.  SWAP is what the kernel's bit 62 says: set for migration, hwpoison and markers too,
 * which the swap type tells apart (vm_swap_types in core/model/pgtable.h).
 */
static inline uint32_t vm_pagemap_state(uint64_t entry)
{
	return (entry >> 63 & 1 ? VM_PG(PRESENT) : 0) | (entry >> 62 & 1 ? VM_PG(SWAP) : 0) |
	       (entry >> 61 & 1 ? VM_PG(FILE) : 0) | (entry >> 58 & 1 ? VM_PG(GUARD) : 0) |
	       (entry >> 57 & 1 ? VM_PG(UFFD_WP) : 0) | (entry >> 56 & 1 ? VM_PG(EXCLUSIVE) : 0) |
	       (entry >> 55 & 1 ? VM_PG(SOFT_DIRTY) : 0);
}

/** Does this kernel keep soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)?  A new mapping of ours would show it. */
bool vm_pagemap_has_soft_dirty(struct vm_session *s);

/**
 * Are they cleared by writing 4 to clear_refs, and set by the next write?  Tried on a page of ours: kernels that don't keep
 * them accept the 4 as well, and do nothing.
 */
bool vm_pagemap_tells_writes(struct vm_session *s);

#endif
