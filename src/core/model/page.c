#include "core/model/page.h"

const struct vm_pg_info vm_pg_info[VM_PG_BIT_NR] = {
	[VM_PG_BIT_PRESENT] = { "present", 'p', "in memory, and mapped" },
	[VM_PG_BIT_SWAP] = { "swap", 's', "in swap: a touch is a fault that reads it back" },
	[VM_PG_BIT_FILE] = { "file", 'f', "a page of a file or of shared memory, not anonymous" },
	[VM_PG_BIT_EXCLUSIVE] = { "exclusive", 'x', "mapped once on the whole machine" },
	[VM_PG_BIT_SOFT_DIRTY] = { "soft-dirty", 'd', "written since soft-dirty bits were cleared, or never cleared" },
	[VM_PG_BIT_UFFD_WP] = { "uffd-wp", 'u', "write-protected by userfaultfd" },
	[VM_PG_BIT_GUARD] = { "guard", 'G', "a guard page (MADV_GUARD_INSTALL): any access is a SIGSEGV" },
	[VM_PG_BIT_ZERO] = { "zero", 'z', "the page of zeros that all processes share: read, but never written" },
	[VM_PG_BIT_WRITTEN] = { "written", 'w', "written since userfaultfd protected it (PAGEMAP_SCAN)" },
	[VM_PG_BIT_WRITE] = { "writable", 'W', "may be written without a fault" },
	[VM_PG_BIT_EXEC] = { "executable", 'X', "may be executed" },
	[VM_PG_BIT_ACCESSED] = { "accessed", 'A', "used since somebody cleared the bit last" },
	[VM_PG_BIT_DIRTY] = { "dirty", 'D', "written since it was last clean" },
	[VM_PG_BIT_NONE] = { "prot-none", 'N', "in memory, but any access faults: PROT_NONE, or a NUMA hint" },
	[VM_PG_BIT_SPECIAL] = { "special", 'S', "outside the counting of pages: page of zeros, vvar, device memory" },
	[VM_PG_BIT_MIGRATION] = { "migration", 'm', "on its way to another frame" },
	[VM_PG_BIT_HWPOISON] = { "hwpoison", 'H', "its memory failed: an access is a SIGBUS" },
	[VM_PG_BIT_DEVICE] = { "device", 'V', "in the memory of a device" },
	[VM_PG_BIT_MARKER] = { "marker", 'M', "a marker of userfaultfd, without memory" },
};
