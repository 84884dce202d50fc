/** Kinds of page faults; no more than an enum, so that src/bpf may include it. */
#ifndef VM_MODEL_FAULT_KINDS_H
#define VM_MODEL_FAULT_KINDS_H

enum vm_fault_kind {
	VM_FAULT_UNKNOWN,           /* resolved, but what it was could not be told */
	VM_FAULT_ANON_FIRST,        /* private anonymous memory, first written */
	VM_FAULT_ZERO_PAGE,         /* private anonymous memory, first read: the page of zeros */
	VM_FAULT_ZERO_WRITE,        /* the page of zeros, written */
	VM_FAULT_COW,               /* copied, of a shared anonymous page or of a file's */
	VM_FAULT_COW_REUSE,         /* write-protected, but nobody else has it: no copy */
	VM_FAULT_FILE_CACHE,        /* in the page cache */
	VM_FAULT_FILE_DISK,         /* read from disk */
	VM_FAULT_FILE_MKWRITE,      /* a shared file's page becomes writable (page_mkwrite) */
	VM_FAULT_SHMEM,             /* shared memory: tmpfs, memfd, SysV, /dev/zero */
	VM_FAULT_SWAP_IN,           /* read from swap */
	VM_FAULT_SWAP_CACHE,        /* swapped out, but still or already in memory */
	VM_FAULT_THP_ANON,          /* anonymous huge page */
	VM_FAULT_THP_ZERO,          /* the huge page of zeros */
	VM_FAULT_THP_COW,           /* write to a huge page of zeros or a shared one: copied or split */
	VM_FAULT_THP_FILE,          /* a huge page of a file or of shared memory */
	VM_FAULT_THP_FALLBACK,      /* a huge page would have been allowed, a small one came */
	VM_FAULT_HUGETLB,
	VM_FAULT_STACK_GROWTH,
	VM_FAULT_UFFD,              /* userfaultfd: missing, write-protected or minor */
	VM_FAULT_NUMA_HINT,
	VM_FAULT_SOFT_DIRTY,        /* write after clear_refs 4 */
	VM_FAULT_MIGRATION,         /* waited for a page that was being moved */
	VM_FAULT_DEVICE,            /* a device's or special mapping's page: VM_PFNMAP, VM_MIXEDMAP, device-private, vdso */
	VM_FAULT_SPURIOUS,          /* the entry allowed it already: another thread was faster, or access flags only */
	/* Without page tables and entry points only so much is known. */
	VM_FAULT_MINOR_ANON, VM_FAULT_MINOR_FILE, VM_FAULT_MINOR_SHMEM, VM_FAULT_MINOR, VM_FAULT_MAJOR,
	/* From here on: not resolved. */
	VM_FAULT_UNMAPPED,          /* SIGSEGV, SEGV_MAPERR */
	VM_FAULT_PERMISSION,        /* SIGSEGV, SEGV_ACCERR: PROT_NONE, read-only, not executable */
	VM_FAULT_PKEY,              /* SIGSEGV, SEGV_PKUERR */
	VM_FAULT_GUARD,             /* SIGSEGV at a MADV_GUARD_INSTALL marker */
	VM_FAULT_BEYOND_EOF,        /* SIGBUS, BUS_ADRERR */
	VM_FAULT_HWPOISON,          /* SIGBUS, BUS_MCEERR_AR */
	VM_FAULT_INVALID,           /* another signal */
	VM_FAULT_UNRESOLVED,        /* from kernel mode: -EFAULT, or faults were disabled and it is tried again */
	VM_FAULT_KIND_NR,
};

enum { VM_FAULT_FIRST_INVALID = VM_FAULT_UNMAPPED };

#endif
