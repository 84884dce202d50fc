/**
 * Huge pages of the machine: policies, pools and counters (Documentation/admin-guide/mm/transhuge.rst, hugetlbpage.rst).
 *
 * Plain data between core/source/hugesys.h and everything that shows or weighs it.  What isn't known is VM_HUGE_UNKNOWN.
 */
#ifndef VM_MODEL_HUGESYS_H
#define VM_MODEL_HUGESYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

#define VM_HUGE_UNKNOWN UINT64_MAX

/** Words of the policy files, of transparent huge pages and of shared memory. */
enum vm_huge_word {
	VM_HUGE_WORD_UNKNOWN,      /* not readable, or a word that isn't known */
	VM_HUGE_WORD_ABSENT,       /* this kernel has no such file */
	VM_HUGE_NEVER, VM_HUGE_MADVISE, VM_HUGE_ALWAYS, VM_HUGE_INHERIT,
	VM_HUGE_ADVISE, VM_HUGE_WITHIN_SIZE, VM_HUGE_DENY, VM_HUGE_FORCE,
	VM_HUGE_DEFER, VM_HUGE_DEFER_MADVISE,
	VM_HUGE_WORDS,
};

/** The kernel's word; NULL for what isn't known or not there. */
const char *vm_huge_word(enum vm_huge_word w);
/** "always [madvise] never": the word in brackets. */
enum vm_huge_word vm_huge_parse_word(const char *text);

/* ---- Sizes of transparent huge pages ------------------------------------------------------------------------------ */

/** Counters of one size: files in hugepages-NkB/stats (enum mthp_stat_item in include/linux/huge_mm.h). */
enum vm_huge_stat {
	VM_HUGE_FAULT_ALLOC, VM_HUGE_FAULT_FALLBACK, VM_HUGE_FAULT_CHARGE,
	VM_HUGE_COLLAPSE, VM_HUGE_COLLAPSE_FAILED,
	VM_HUGE_SHMEM_ALLOC, VM_HUGE_SHMEM_FALLBACK, VM_HUGE_SHMEM_CHARGE,
	VM_HUGE_SPLIT, VM_HUGE_SPLIT_FAILED, VM_HUGE_SPLIT_DEFERRED,
	VM_HUGE_SWPOUT, VM_HUGE_SWPOUT_FALLBACK, VM_HUGE_ZSWPOUT, VM_HUGE_SWPIN, VM_HUGE_SWPIN_FALLBACK,
	/* Not counters: how many there are now. */
	VM_HUGE_NR_ANON, VM_HUGE_NR_PARTIAL,
	VM_HUGE_STATS,
};

/** A size that transparent huge pages can have. */
struct vm_huge_size {
	uint64_t bytes;
	/** enabled and shmem_enabled of the size; before Linux 6.8 the only size is that of a PMD, and its word is the global one. */
	enum vm_huge_word anon, shmem;
	uint64_t stat[VM_HUGE_STATS];
};

/* ---- Counters of the machine -------------------------------------------------------------------------------------- */

/** thp_*, compact_* and htlb_* of vmstat (mm/vmstat.c). */
enum vm_huge_count {
	VM_HUGE_C_FAULT_ALLOC, VM_HUGE_C_FAULT_FALLBACK, VM_HUGE_C_FAULT_CHARGE,
	VM_HUGE_C_COLLAPSE, VM_HUGE_C_COLLAPSE_FAILED,
	VM_HUGE_C_SCAN_NONE, VM_HUGE_C_SCAN_SWAP, VM_HUGE_C_SCAN_SHARED,
	VM_HUGE_C_FILE_ALLOC, VM_HUGE_C_FILE_FALLBACK, VM_HUGE_C_FILE_CHARGE, VM_HUGE_C_FILE_MAPPED,
	VM_HUGE_C_SPLIT_PAGE, VM_HUGE_C_SPLIT_FAILED, VM_HUGE_C_SPLIT_DEFERRED, VM_HUGE_C_SPLIT_UNDERUSED,
	VM_HUGE_C_SPLIT_PMD, VM_HUGE_C_SPLIT_PUD,
	VM_HUGE_C_ZERO_ALLOC, VM_HUGE_C_ZERO_FAILED,
	VM_HUGE_C_SWPOUT, VM_HUGE_C_SWPOUT_FALLBACK,
	VM_HUGE_C_MIGRATED, VM_HUGE_C_MIGRATE_FAILED, VM_HUGE_C_MIGRATE_SPLIT,
	VM_HUGE_C_COMPACT_STALL, VM_HUGE_C_COMPACT_SUCCESS, VM_HUGE_C_COMPACT_FAIL,
	VM_HUGE_C_POOL_ALLOC, VM_HUGE_C_POOL_FAILED,
	VM_HUGE_C_DIRECT_SPLIT_2M, VM_HUGE_C_DIRECT_SPLIT_1G, VM_HUGE_C_DIRECT_JOIN_2M, VM_HUGE_C_DIRECT_JOIN_1G,
	VM_HUGE_COUNTS,
};

struct vm_huge_count_info {
	const char *name;          /* of vmstat */
	const char *words;         /* what happened, in a line */
};
/** By enum vm_huge_count. */
extern const struct vm_huge_count_info vm_huge_count_info[VM_HUGE_COUNTS];

/** Files of hugepages-NkB/stats, by enum vm_huge_stat. */
extern const char *const vm_huge_stat_names[VM_HUGE_STATS];

/* ---- The hugetlb pool --------------------------------------------------------------------------------------------- */

/** Pages of one size, of the machine or of one node. */
struct vm_huge_pool {
	uint64_t page_bytes;
	int node;                  /* -1: all of the machine */
	/** Pages: nr_hugepages, free_hugepages, resv_hugepages, surplus_hugepages, nr_overcommit_hugepages.  Of a node
	    reserved and overcommit aren't told. */
	uint64_t total, free, reserved, surplus, overcommit;
};

/* ---- All of it ---------------------------------------------------------------------------------------------------- */

/** khugepaged: its settings, and what it did since boot. */
struct vm_khugepaged {
	uint64_t pages_to_scan, scan_sleep_ms, alloc_sleep_ms;
	uint64_t max_none, max_swap, max_shared;   /* max_ptes_*: of the entries of one page table */
	uint64_t defrag;           /* 1: reclaims and compacts to get a huge page */
	uint64_t collapsed, full_scans;
};

/** Bytes, from meminfo. */
struct vm_huge_memory {
	uint64_t total, free;
	uint64_t anon, shmem, shmem_mapped, file, file_mapped;   /* AnonHugePages ShmemHugePages ShmemPmdMapped FileHuge..., FilePmd... */
	uint64_t hugetlb;
	uint64_t direct_4k, direct_2m, direct_1g;                /* DirectMap*: how the kernel maps all memory for itself */
	/** In free blocks that hold a page of pmd_bytes or more (buddyinfo).  What isn't in one piece needs compaction. */
	uint64_t free_blocks;
};

struct vm_hugesys {
	/** What one entry of the second level maps (hpage_pmd_size): 2M on x86-64; 0: not known, or no transparent huge pages. */
	uint64_t pmd_bytes;
	enum vm_huge_word enabled, defrag, shmem;
	uint64_t zero_page, shrink_underused;      /* use_zero_page, shrink_underused: 0 or 1 */
	struct vm_khugepaged khugepaged;
	/** Ascending. */
	VM_VEC(struct vm_huge_size) sizes;
	/** By size; of each the machine first, then its nodes. */
	VM_VEC(struct vm_huge_pool) pools;
	uint64_t count[VM_HUGE_COUNTS];
	struct vm_huge_memory memory;
	/** CLOCK_MONOTONIC of the reading. */
	uint64_t taken_ns;
};

void vm_hugesys_free(struct vm_hugesys *h);

/** The size of so many bytes, or NULL. */
const struct vm_huge_size *vm_hugesys_size(const struct vm_hugesys *h, uint64_t bytes);

/** What holds for anonymous memory of a size, "inherit" resolved: NEVER, MADVISE, ALWAYS or UNKNOWN, ABSENT. */
enum vm_huge_word vm_hugesys_anon(const struct vm_hugesys *h, uint64_t bytes);

/**
 * What holds for shared anonymous memory and memfd of a size, "inherit" resolved: DENY, NEVER, ADVISE, WITHIN_SIZE, ALWAYS,
 * FORCE or UNKNOWN, ABSENT.  Files of a mounted tmpfs follow the mount instead (shmem_allowable_huge_orders() in mm/shmem.c).
 */
enum vm_huge_word vm_hugesys_shmem(const struct vm_hugesys *h, uint64_t bytes);

/** Increase a second of a counter that was `from` and is `to`; NAN where it isn't known. */
double vm_huge_rate(uint64_t from, uint64_t to, uint64_t ns);

#endif
