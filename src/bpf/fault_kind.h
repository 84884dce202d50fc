/**
 * What a fault was, from the page-table entry before and after it, the error code and the mapping.
 *
 * Pure, so that it is tested without a kernel (tests/unit/test_fault_kind.c).  x86-64; the decisions are those of
 * handle_pte_fault(), do_fault(), do_wp_page() and create_huge_pmd() in mm/memory.c.
 */
#ifndef VM_BPF_FAULT_KIND_H
#define VM_BPF_FAULT_KIND_H

#include "core/model/fault_kinds.h"

/* arch/x86/include/asm/trap_pf.h */
enum { VM_PF_PROT = 1, VM_PF_WRITE = 2, VM_PF_USER = 4, VM_PF_INSTR = 16, VM_PF_PK = 32 };

/* arch/x86/include/asm/pgtable_types.h */
#define VM_PTE_P (1ULL << 0)
#define VM_PTE_RW (1ULL << 1)
#define VM_PTE_PSE (1ULL << 7)
#define VM_PTE_PROTNONE (1ULL << 8)
#define VM_PTE_SPECIAL (1ULL << 9)
#define VM_PTE_UFFD (1ULL << 10)
#define VM_PTE_SOFT (1ULL << 11)
#define VM_PTE_FRAME 0x000ffffffffff000ULL

/* include/linux/mm.h; these never moved. */
#define VM_VMA_READ 0x1ULL
#define VM_VMA_WRITE 0x2ULL
#define VM_VMA_EXEC 0x4ULL
#define VM_VMA_SHARED 0x8ULL
#define VM_VMA_GROWSDOWN 0x100ULL
#define VM_VMA_UFFD_MISSING 0x200ULL
#define VM_VMA_PFNMAP 0x400ULL
#define VM_VMA_HUGETLB 0x400000ULL
#define VM_VMA_MIXEDMAP 0x10000000ULL
#define VM_VMA_HUGEPAGE 0x20000000ULL
#define VM_VMA_NOHUGEPAGE 0x40000000ULL

/* enum vm_fault_backing of core/model/faultset.h */
enum { VM_BACK_NONE, VM_BACK_ANON, VM_BACK_FILE, VM_BACK_SHMEM, VM_BACK_HUGETLB, VM_BACK_DEVICE };

struct vm_fault_facts {
	unsigned long long before, after;      /* entries */
	unsigned long long vma_flags;
	unsigned long long zero_pfn;
	unsigned error;
	unsigned char before_level, after_level;   /* 0: PTE */
	unsigned char walked;                  /* `before` is known */
	unsigned char walked_after;
	unsigned char backing, major, grew;
	unsigned char huge_allowed;            /* a huge page could have been given */
	unsigned char shared_retries;          /* struct vm_ft_control */
	/** Types of swap entries, by which they are told apart (struct vm_swap_types). */
	unsigned swap_first, marker, migration, migration_n, device, device_n;
};

static inline unsigned long long vm_fault_pfn(unsigned long long e, unsigned level)
{
	return (e & VM_PTE_FRAME & ~((1ULL << (12 + 9 * level)) - 1)) >> 12;
}

/** The entry isn't known: as much as a perf event tells. */
static inline unsigned vm_fault_kind_coarse(const struct vm_fault_facts *f)
{
	if (f->backing == VM_BACK_HUGETLB)
		return VM_FAULT_HUGETLB;
	if (f->major)
		return f->backing == VM_BACK_FILE ? VM_FAULT_FILE_DISK :
		       f->backing == VM_BACK_ANON || f->backing == VM_BACK_SHMEM ? VM_FAULT_SWAP_IN : VM_FAULT_MAJOR;
	return f->backing == VM_BACK_ANON ? VM_FAULT_MINOR_ANON : f->backing == VM_BACK_FILE ? VM_FAULT_MINOR_FILE :
	       f->backing == VM_BACK_SHMEM ? VM_FAULT_MINOR_SHMEM : VM_FAULT_MINOR;
}

/** A write to what was mapped read-only. */
static inline unsigned vm_fault_kind_write(const struct vm_fault_facts *f)
{
	const unsigned long long pfn = vm_fault_pfn(f->before, f->before_level);
	if (f->before & VM_PTE_UFFD)
		return VM_FAULT_UFFD;
	if (f->backing == VM_BACK_DEVICE)
		return VM_FAULT_DEVICE;
	if (f->vma_flags & VM_VMA_SHARED)
		return f->backing == VM_BACK_SHMEM ? VM_FAULT_SHMEM : VM_FAULT_FILE_MKWRITE;
	/* Of both, page-wise and huge, the frame of zeros is marked as special (the huge one since Linux 6.9). */
	const int same = f->walked_after && (f->after & VM_PTE_P) && f->after_level == f->before_level &&
			 vm_fault_pfn(f->after, f->after_level) == pfn;
	if (same && !(f->before & VM_PTE_SOFT) && (f->after & VM_PTE_SOFT))
		return VM_FAULT_SOFT_DIRTY;
	if (same)
		return VM_FAULT_COW_REUSE;
	if (f->before_level > 0)
		return VM_FAULT_THP_COW;
	if (f->backing == VM_BACK_ANON && ((f->before & VM_PTE_SPECIAL) || (f->zero_pfn && pfn == f->zero_pfn)))
		return VM_FAULT_ZERO_WRITE;
	return VM_FAULT_COW;
}

/** Neither present nor empty. */
static inline unsigned vm_fault_kind_absent(const struct vm_fault_facts *f)
{
	const unsigned type = (unsigned)(f->before >> 59);
	if (f->before & VM_PTE_PROTNONE)
		return VM_FAULT_NUMA_HINT;
	/* A huge page that is just being split or changed. */
	if (f->before_level > 0 && (f->before & VM_PTE_PSE))
		return VM_FAULT_MIGRATION;
	if (f->marker && type == f->marker)
		return VM_FAULT_UFFD;
	if (f->migration_n && type >= f->migration && type < f->migration + f->migration_n)
		return VM_FAULT_MIGRATION;
	if (f->device_n && type >= f->device && type < f->device + f->device_n)
		return VM_FAULT_DEVICE;
	return f->major ? VM_FAULT_SWAP_IN : VM_FAULT_SWAP_CACHE;
}

static inline unsigned vm_fault_kind_anon(const struct vm_fault_facts *f)
{
	const int is_new = f->walked_after && (f->after & VM_PTE_P);
	const int wrote = (f->error & VM_PF_WRITE) || (is_new && (f->after & VM_PTE_RW));
	if (f->major)
		return VM_FAULT_SWAP_IN;
	if (is_new && f->after_level > 0)
		return wrote ? VM_FAULT_THP_ANON : VM_FAULT_THP_ZERO;
	if (!wrote && (!is_new || (f->after & VM_PTE_SPECIAL) ||
		       (f->zero_pfn && vm_fault_pfn(f->after, 0) == f->zero_pfn)))
		return VM_FAULT_ZERO_PAGE;
	return f->huge_allowed && is_new && f->before_level > 0 ? VM_FAULT_THP_FALLBACK : VM_FAULT_ANON_FIRST;
}

/** Nothing was there. */
static inline unsigned vm_fault_kind_empty(const struct vm_fault_facts *f)
{
	const int huge = f->walked_after && (f->after & VM_PTE_P) && f->after_level > 0;
	const int copies = (f->error & VM_PF_WRITE) && !(f->vma_flags & VM_VMA_SHARED);
	const int major = f->major && !(f->shared_retries && (f->error & VM_PF_WRITE) && !copies);
	if (f->vma_flags & VM_VMA_UFFD_MISSING)
		return VM_FAULT_UFFD;
	switch (f->backing) {
	case VM_BACK_ANON:
		return vm_fault_kind_anon(f);
	case VM_BACK_SHMEM:
		return major ? VM_FAULT_SWAP_IN : copies ? VM_FAULT_COW : huge ? VM_FAULT_THP_FILE : VM_FAULT_SHMEM;
	case VM_BACK_FILE:
		if (major)
			return VM_FAULT_FILE_DISK;
		if (copies)
			return VM_FAULT_COW;
		if (f->error & VM_PF_WRITE)
			return VM_FAULT_FILE_MKWRITE;
		return huge ? VM_FAULT_THP_FILE : VM_FAULT_FILE_CACHE;
	case VM_BACK_DEVICE:
		return VM_FAULT_DEVICE;
	default:
		return f->major ? VM_FAULT_MAJOR : VM_FAULT_UNKNOWN;
	}
}

/** Of a fault that ended in a page: enum vm_fault_kind. */
static inline unsigned vm_fault_kind_of(const struct vm_fault_facts *f)
{
	if (f->grew)
		return VM_FAULT_STACK_GROWTH;
	if (!f->walked)
		return vm_fault_kind_coarse(f);
	if (f->backing == VM_BACK_HUGETLB)
		return f->before & VM_PTE_UFFD || (f->vma_flags & VM_VMA_UFFD_MISSING && !f->before) ? VM_FAULT_UFFD
												     : VM_FAULT_HUGETLB;
	if (f->before & VM_PTE_P)
		return (f->error & VM_PF_WRITE) && !(f->before & VM_PTE_RW) ? vm_fault_kind_write(f) : VM_FAULT_SPURIOUS;
	return f->before ? vm_fault_kind_absent(f) : vm_fault_kind_empty(f);
}

/** Of one that ended in SIGSEGV (11) or SIGBUS (7): by the signal's code, include/uapi/asm-generic/siginfo.h. */
static inline unsigned vm_fault_kind_signal(int sig, int code, unsigned long long before, int walked, unsigned marker)
{
	enum { MAPERR = 1, ACCERR = 2, PKUERR = 4, ADRERR = 2, MCEERR_AR = 4 };
	if (sig == 7)
		return code == ADRERR ? VM_FAULT_BEYOND_EOF : code == MCEERR_AR ? VM_FAULT_HWPOISON : VM_FAULT_INVALID;
	/* A marker's offset is its kind: 4 is a guard (PTE_MARKER_GUARD in include/linux/swapops.h). */
	const unsigned long long offset = ~(before << 5) >> 14;
	if (walked && marker && !(before & VM_PTE_P) && before >> 59 == marker && (offset & 4))
		return VM_FAULT_GUARD;
	return code == MAPERR ? VM_FAULT_UNMAPPED : code == ACCERR ? VM_FAULT_PERMISSION :
	       code == PKUERR ? VM_FAULT_PKEY : VM_FAULT_INVALID;
}

#endif
