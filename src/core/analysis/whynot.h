/**
 * Why memory isn't backed by huge pages, and what would change that: the kernel's own rules, applied to what is known.
 *
 * The rules are those of Linux 6.1 to 7.2: __thp_vma_allowable_orders() in mm/huge_memory.c with thp_vma_suitable_order() in
 * include/linux/huge_mm.h (size, alignment, flags, policy), shmem_allowable_huge_orders() in mm/shmem.c (shared memory),
 * collapse_scan_pmd() and madvise_collapse() in mm/khugepaged.c (what lies in a range; before 7.2 hpage_collapse_scan_pmd()).
 * Pure functions: nothing is read, and nothing is advised that the kernel would refuse by these rules.
 */
#ifndef VM_ANALYSIS_WHYNOT_H
#define VM_ANALYSIS_WHYNOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/hugespace.h"
#include "core/model/hugesys.h"

/** Yes, no, or not known. */
enum vm_tri { VM_TRI_UNKNOWN, VM_TRI_NO, VM_TRI_YES };

/** Reasons, in the order in which the kernel meets them. */
enum vm_why {
	/* Of the mapping. */
	VM_WHY_NO_THP,             /* a kernel without them */
	VM_WHY_SPECIAL,            /* memory of a device, or the kernel's own */
	VM_WHY_REFUSED,            /* MADV_NOHUGEPAGE, or MAP_STACK */
	VM_WHY_DISABLED,           /* prctl(PR_SET_THP_DISABLE) */
	VM_WHY_SMALL,              /* the mapping is smaller than a huge page */
	VM_WHY_EDGE,               /* begins or ends within the range */
	VM_WHY_OFFSET,             /* of a file, whose offset and address differ in their place within a huge page */
	VM_WHY_NEVER,              /* the policy for anonymous memory */
	VM_WHY_UNASKED,            /* madvise is the policy, and nobody called it */
	VM_WHY_SHMEM_DENY, VM_WHY_SHMEM_NEVER, VM_WHY_SHMEM_UNASKED,
	VM_WHY_TMPFS_NEVER, VM_WHY_TMPFS_UNASKED,   /* the mount option */
	VM_WHY_FILE,               /* files get what the page cache holds */
	VM_WHY_COPY,               /* private copies of a file's pages */
	VM_WHY_UNKNOWN,            /* policy, flags or pages could not be read: something may be in the way */
	/* Of the range. */
	VM_WHY_GUARD,              /* guard pages, or other markers */
	VM_WHY_PROTECTED,          /* pages protected by a userfaultfd */
	VM_WHY_UFFD_HOLES,         /* a userfaultfd wants to hear of missing pages, and some are */
	VM_WHY_READONLY,           /* no entry may be written, and the kernel wants one that may */
	VM_WHY_HOLES, VM_WHY_SWAPPED, VM_WHY_SHARED,   /* limits of khugepaged */
	VM_WHY_SPLIT,              /* it is a huge page, mapped by base pages */
	VM_WHY_WAIT,               /* nothing is in the way: khugepaged hasn't come by */
	VM_WHY_NR,
};
/** Words for columns, filters and JSON: "unasked". */
extern const char *const vm_why_names[VM_WHY_NR];
#define VM_WHY(x) (UINT32_C(1) << VM_WHY_##x)

/** What to do, in the order in which it is to be done. */
enum vm_remedy {
	VM_DO_PRCTL,               /* the process: prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) */
	VM_DO_ENABLE,              /* the machine: madvise in .../enabled */
	VM_DO_SHMEM,               /* the machine: advise in .../shmem_enabled */
	VM_DO_REMOUNT,             /* the machine: mount -o remount,huge=advise */
	VM_DO_SMALLER,             /* the machine: madvise in .../enabled of a smaller size: for memory touched from then on */
	VM_DO_ALIGN,               /* the program: map it at a multiple of the huge page's size */
	VM_DO_ADVISE,              /* the process: madvise(addr, length, MADV_HUGEPAGE) */
	VM_DO_COLLAPSE,            /* anybody who may: MADV_COLLAPSE */
	VM_DO_MAX_NONE, VM_DO_MAX_SWAP, VM_DO_MAX_SHARED,   /* the machine: khugepaged's limits */
	VM_DO_REREAD,              /* the program: MADV_HUGEPAGE before the file's pages are read from the disk */
	VM_DO_NR,
};
/** Words for columns and JSON: "collapse". */
extern const char *const vm_do_names[VM_DO_NR];
#define VM_DO(x) (UINT32_C(1) << VM_DO_##x)

/** The machine. */
struct vm_whynot_machine {
	uint64_t page_bytes, range_bytes;          /* range_bytes 0: no transparent huge pages */
	enum vm_huge_word anon, shmem;             /* for pages of range_bytes: vm_hugesys_anon(), vm_hugesys_shmem() */
	enum vm_huge_word shmem_all;               /* shmem_enabled: deny and force reach mounts too */
	/** A smaller size that anonymous memory could have, such as 64K, and its policy; 0: there is none (before Linux 6.8). */
	uint64_t small_bytes;
	enum vm_huge_word small;
	uint64_t max_none, max_swap, max_shared;   /* of khugepaged; VM_HUGE_UNKNOWN: as many as there are */
	enum vm_tri collapse;                      /* is there MADV_COLLAPSE (Linux 6.1)? */
	/** Is a range collapsed only if an entry of it may be written?  SCAN_PAGE_RO in mm/khugepaged.c, gone since. */
	enum vm_tri wants_writable;
};

/** A mapping. */
struct vm_whynot_mapping {
	enum vm_huge_backing backing;
	uint64_t start, end, offset;
	bool shared, writable;
	enum vm_huge_word mount;                   /* option huge= of its tmpfs */
	bool flags_known;                          /* else asked, refused and userfault aren't */
	bool asked, refused, userfault, stack;     /* VM_HUGEPAGE, VM_NOHUGEPAGE, VM_UFFD_MISSING and others, VM_GROWSDOWN */
	bool disabled;                             /* the process's prctl */
	/** Of a file: the page cache of its file system can hold folios of several pages. */
	enum vm_tri large_folios;
	/** Of a file: THPeligible of smaps, which tells whether khugepaged would. */
	enum vm_tri eligible;
};

/** What is said of a range, or of the edges of a mapping. */
struct vm_whynot {
	uint32_t why;              /* VM_WHY() bits; 0: nothing is to be had, or it is huge */
	/** VM_DO() bits that make what is there huge at once, COLLAPSE among them; 0: nothing does. */
	uint32_t now;
	/** VM_DO() bits that let khugepaged do it, or give huge pages to memory touched from then on; 0: nothing does, or (with
	    WAIT) nothing is needed. */
	uint32_t later;
	uint64_t could_bytes;      /* resident now, not huge, and would be, by `now` or else by `later` */
	uint64_t costs_bytes;      /* memory that filling the range would take beyond that, at most */
};

/** Its facts, but whether there is MADV_COLLAPSE. */
struct vm_whynot_machine vm_whynot_machine_of(const struct vm_hugesys *h, uint64_t page_bytes, enum vm_tri collapse);

/** Reasons that hold for every range of the mapping. */
uint32_t vm_whynot_mapping(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m);

/** Of one range.  `of_mapping`: vm_whynot_mapping(); `known`: what was read of ranges. */
struct vm_whynot vm_whynot_range(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 const struct vm_huge_range *r, const struct vm_huge_read *known);

/** May no entry of the range be written, as far as that is known? */
bool vm_whynot_readonly(const struct vm_whynot_mapping *m, const struct vm_huge_range *r, const struct vm_huge_read *known);

/** Of `edges` resident bytes that lie in no whole range. */
struct vm_whynot vm_whynot_edges(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 uint64_t edges);

/**
 * Of `bytes` that are resident and not huge where it isn't known in which ranges they lie (smaps alone): reasons of the mapping, or
 * UNKNOWN; how much could be huge isn't told.
 */
struct vm_whynot vm_whynot_whole(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 uint64_t bytes);

#endif
