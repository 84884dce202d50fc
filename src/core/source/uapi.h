/** Kernel interfaces that Debian 12's headers don't have yet; numbers from include/uapi/linux/fs.h. */
#ifndef VM_SOURCE_UAPI_H
#define VM_SOURCE_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/** struct procmap_query, Linux 6.11. */
struct vm_procmap_query {
	__u64 size;
	__u64 query_flags;
	__u64 query_addr;
	__u64 vma_start;
	__u64 vma_end;
	__u64 vma_flags;
	__u64 vma_page_size;
	__u64 vma_offset;
	__u64 inode;
	__u32 dev_major;
	__u32 dev_minor;
	__u32 vma_name_size;
	__u32 build_id_size;
	__u64 vma_name_addr;
	__u64 build_id_addr;
};
enum {
	VM_PROCMAP_READABLE = 0x01, VM_PROCMAP_WRITABLE = 0x02, VM_PROCMAP_EXECUTABLE = 0x04,
	VM_PROCMAP_SHARED = 0x08, VM_PROCMAP_COVERING_OR_NEXT = 0x10,
};
#define VM_PROCMAP_QUERY _IOWR('f', 17, struct vm_procmap_query)

/** struct pm_scan_arg, Linux 6.7. */
struct vm_pm_scan {
	__u64 size;
	__u64 flags;
	__u64 start;
	__u64 end;
	__u64 walk_end;
	__u64 vec;
	__u64 vec_len;
	__u64 max_pages;
	__u64 category_inverted;
	__u64 category_mask;
	__u64 category_anyof_mask;
	__u64 return_mask;
};
struct vm_page_region {
	__u64 start, end, categories;
};
enum {
	VM_PAGE_IS_WPALLOWED = 0x01, VM_PAGE_IS_WRITTEN = 0x02, VM_PAGE_IS_FILE = 0x04, VM_PAGE_IS_PRESENT = 0x08,
	VM_PAGE_IS_SWAPPED = 0x10, VM_PAGE_IS_PFNZERO = 0x20, VM_PAGE_IS_HUGE = 0x40, VM_PAGE_IS_SOFT_DIRTY = 0x80,
	VM_PAGE_IS_GUARD = 0x100,     /* Linux 6.15 */
};
/** Write-protect what is returned, atomically; skip what isn't registered for that. */
#define VM_PM_SCAN_WP_MATCHING 0x01
#define VM_PAGEMAP_SCAN _IOWR('f', 16, struct vm_pm_scan)

/** cachestat(2), Linux 6.5; the same number on all architectures. */
struct vm_cachestat_range {
	__u64 off, len;
};
struct vm_cachestat {
	__u64 nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted;
};
enum { VM_NR_CACHESTAT = 451 };

#endif
