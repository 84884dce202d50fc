/**
 * The machine's virtual memory: what it holds at one instant, and what happened between two.
 *
 * Plain data, filled by core/source/machine.h.  Sizes are bytes; counters are as the kernel counts, since boot.
 */
#ifndef VM_MODEL_MACHINE_H
#define VM_MODEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

/** Where quantities come from: struct vm_field.needs of the machine's columns, and what couldn't be read. */
enum vm_machpart {
	VM_MACH_MEMINFO,       /* /proc/meminfo */
	VM_MACH_VMSTAT,        /* /proc/vmstat */
	VM_MACH_PSI,           /* /proc/pressure */
	VM_MACH_SHOOTDOWNS,    /* /proc/interrupts, its line TLB */
	VM_MACH_THP,           /* /sys/kernel/mm/transparent_hugepage: khugepaged, stats of the sizes */
	VM_MACH_KSM,           /* /sys/kernel/mm/ksm */
	VM_MACH_WALKS,         /* the CPUs' counters; see vm_machine_walks_open() */
	VM_MACH_PARTS,
};
#define VM_MACH(x) (UINT32_C(1) << VM_MACH_##x)
#define VM_MACH_FILES (VM_MACH(MEMINFO) | VM_MACH(VMSTAT) | VM_MACH(PSI) | VM_MACH(SHOOTDOWNS) | VM_MACH(THP) | VM_MACH(KSM))

/** Levels first, then counters; the comment says the kernel's file, and names where they differ. */
enum vm_machqty {
	/* meminfo, bytes */
	VM_M_TOTAL, VM_M_FREE, VM_M_AVAILABLE, VM_M_BUFFERS, VM_M_CACHED, VM_M_SWAP_CACHED, VM_M_ACTIVE, VM_M_INACTIVE,
	VM_M_ACTIVE_ANON, VM_M_INACTIVE_ANON, VM_M_ACTIVE_FILE, VM_M_INACTIVE_FILE, VM_M_UNEVICTABLE, VM_M_MLOCKED,
	VM_M_SWAP_TOTAL, VM_M_SWAP_FREE, VM_M_ZSWAP, VM_M_ZSWAPPED, VM_M_DIRTY, VM_M_WRITEBACK, VM_M_ANON, VM_M_MAPPED,
	VM_M_SHMEM, VM_M_SLAB, VM_M_SLAB_RECLAIMABLE, VM_M_SLAB_UNRECLAIMABLE, VM_M_KERNEL_STACK, VM_M_PAGE_TABLES,
	VM_M_SEC_PAGE_TABLES, VM_M_COMMIT_LIMIT, VM_M_COMMITTED, VM_M_VMALLOC, VM_M_PERCPU, VM_M_CORRUPTED, VM_M_ANON_HUGE,
	VM_M_SHMEM_HUGE, VM_M_FILE_HUGE, VM_M_BALLOON, VM_M_UNACCEPTED,
	VM_M_HUGETLB,                                  /* all pools of all sizes */
	VM_M_POOL, VM_M_POOL_FREE, VM_M_POOL_RESERVED, VM_M_POOL_SURPLUS,   /* that of the default size: HugePages_* */
	VM_M_DIRECT_4K, VM_M_DIRECT_2M, VM_M_DIRECT_1G,    /* DirectMap4k, 2M or 4M, 1G */
	/* made of these: MemTotal - MemAvailable; Cached + Buffers - Shmem; SwapTotal - SwapFree */
	VM_M_USED, VM_M_FILE, VM_M_SWAP,
	/* vmstat: nr_zspages, and nr_foll_pin_acquired - nr_foll_pin_released, in bytes */
	VM_M_ZSPAGES, VM_M_PINNED,
	/* ksm: pages_sharing, pages_shared, in bytes */
	VM_M_KSM_SHARING, VM_M_KSM_SHARED,

	/* vmstat; pgpgin, pgpgout, pswpin and pswpout in bytes, else as it counts */
	VM_M_PGPGIN, VM_M_PGPGOUT, VM_M_PSWPIN, VM_M_PSWPOUT,
	VM_M_PGFAULT, VM_M_PGMAJFAULT, VM_M_PGREUSE, VM_M_PGALLOC /* sum of zones */, VM_M_PGFREE, VM_M_PGACTIVATE,
	VM_M_PGDEACTIVATE, VM_M_PGLAZYFREE, VM_M_PGLAZYFREED, VM_M_COW_KSM,
	VM_M_SWAP_RA, VM_M_SWAP_RA_HIT, VM_M_SWPIN_ZERO, VM_M_SWPOUT_ZERO, VM_M_ZSWPIN, VM_M_ZSWPOUT, VM_M_ZSWPWB, VM_M_THP_SWPOUT,
	VM_M_THP_SWPOUT_FALLBACK,
	VM_M_PGSCAN_KSWAPD, VM_M_PGSCAN_DIRECT, VM_M_PGSCAN_OTHER /* khugepaged, proactive */, VM_M_PGSCAN_ANON, VM_M_PGSCAN_FILE,
	VM_M_PGSTEAL_KSWAPD, VM_M_PGSTEAL_DIRECT, VM_M_PGSTEAL_OTHER, VM_M_PGSTEAL_ANON, VM_M_PGSTEAL_FILE,
	VM_M_PGSCAN, VM_M_PGSTEAL,                     /* by whomever */
	VM_M_ALLOCSTALL /* sum of zones */, VM_M_PGREFILL, VM_M_PAGEOUTRUN, VM_M_PGROTATED, VM_M_SLABS_SCANNED, VM_M_INODESTEAL,
	VM_M_REFAULT_ANON, VM_M_REFAULT_FILE, VM_M_RESTORE /* workingset_restore_* */, VM_M_VMSCAN_WRITE, VM_M_DIRTIED, VM_M_WRITTEN,
	VM_M_OOM_KILL, VM_M_DROP_PAGECACHE, VM_M_DROP_SLAB,
	VM_M_THP_FAULT_ALLOC, VM_M_THP_FAULT_FALLBACK, VM_M_THP_COLLAPSE, VM_M_THP_COLLAPSE_FAILED, VM_M_THP_FILE_ALLOC,
	VM_M_THP_FILE_FALLBACK, VM_M_THP_FILE_MAPPED, VM_M_THP_SPLIT_PAGE, VM_M_THP_SPLIT_FAILED, VM_M_THP_SPLIT_PMD,
	VM_M_THP_DEFERRED, VM_M_THP_UNDERUSED, VM_M_THP_ZERO, VM_M_HTLB_ALLOC, VM_M_HTLB_FAIL,
	VM_M_COMPACT_STALL, VM_M_COMPACT_FAIL, VM_M_COMPACT_SUCCESS, VM_M_COMPACT_MIGRATE_SCANNED, VM_M_COMPACT_FREE_SCANNED,
	VM_M_COMPACT_ISOLATED, VM_M_COMPACT_WAKE, VM_M_MIGRATE_SUCCESS, VM_M_MIGRATE_FAIL,
	VM_M_NUMA_HIT, VM_M_NUMA_MISS, VM_M_NUMA_FOREIGN, VM_M_NUMA_INTERLEAVE, VM_M_NUMA_LOCAL, VM_M_NUMA_OTHER,
	VM_M_NUMA_PTE_UPDATES, VM_M_NUMA_HINT_FAULTS, VM_M_NUMA_HINT_LOCAL, VM_M_NUMA_MIGRATED, VM_M_PROMOTED,
	VM_M_DEMOTED /* pgdemote_* */,
	VM_M_DIRECT_SPLITS /* direct_map_level*_splits */, VM_M_TLB_LOCAL_FLUSH /* nr_tlb_local_flush_*, CONFIG_DEBUG_TLBFLUSH */,
	/* khugepaged: full_scans; stats of the sizes below that of huge pages: bytes of anon_fault_alloc */
	VM_M_KHUGEPAGED_SCANS, VM_M_MTHP_BYTES,
	/* pressure: ns in which some tasks waited, and all that weren't idle did ("total=") */
	VM_M_PSI_MEM_SOME, VM_M_PSI_MEM_FULL, VM_M_PSI_IO_SOME, VM_M_PSI_IO_FULL, VM_M_PSI_CPU_SOME,
	/* interrupts, and the CPUs' counters: see vm_machine.shootdowns */
	VM_M_SHOOTDOWNS, VM_M_WALKS, VM_M_WALK_CYCLES, VM_M_CYCLES,
	VM_M_NR,
};
enum { VM_M_COUNTERS = VM_M_PGPGIN, VM_M_WORDS = (VM_M_NR + 63) / 64 };

/** Averages of pressure, of 10, 60 and 300 seconds, shares from 0 to 1; NAN: not known. */
struct vm_psi_average { double of10, of60, of300; };

/** How often a CPU was interrupted so that its TLB forgets something: by other CPUs ("TLB shootdowns"). */
struct vm_cpu_count { unsigned cpu; uint64_t n; };

/** Zero-initialised is empty and valid; vm_machine_free() it. */
struct vm_machine {
	/** Bit set: q[] is known. */
	uint64_t have[VM_M_WORDS];
	uint64_t q[VM_M_NR];
	struct vm_psi_average psi_mem_some, psi_mem_full;
	/**
	 * By CPU, since the kernel shows those that are online only: their sum, which is in q[VM_M_SHOOTDOWNS], is smaller once
	 * one has left.
	 */
	VM_VEC(struct vm_cpu_count) shootdowns;
	uint64_t page_bytes;
	/** Size of the default pool's pages; 0: not known. */
	uint64_t pool_page_bytes;
	/** The kernel's words have 32 bits, so that counters begin again behind that. */
	bool words32;
	/** How long the machine has been up, suspended or not; 0: not known. */
	uint64_t uptime_ns;
	/**
	 * When it was read: CLOCK_BOOTTIME, which goes on while the machine is suspended as CLOCK_MONOTONIC does not, so that what
	 * is said to happen in a second happened in a second of the clock on the wall; and the date, CLOCK_REALTIME.  0 on
	 * a captured tree; of a recording the date isn't told here.
	 */
	uint64_t boot_ns, real_ns;
	/** Which run of the machine it is: another number once counters began anew.  0: not known. */
	uint64_t boot;
	/** VM_MACH() bits that were wanted and could not be read, and the errno of each. */
	uint32_t unmet;
	int why[VM_MACH_PARTS];
};

static inline bool vm_machine_has(const struct vm_machine *m, enum vm_machqty q)
{
	return m->have[q / 64] >> (q % 64) & 1;
}

static inline void vm_machine_set(struct vm_machine *m, enum vm_machqty q, uint64_t v)
{
	m->have[q / 64] |= UINT64_C(1) << (q % 64);
	m->q[q] = v;
}

void vm_machine_free(struct vm_machine *m);

enum vm_machine_from { VM_FROM_LIVE, VM_FROM_TREE, VM_FROM_RECORDING };

/** Why a part couldn't be read, in words: `code` is an errno, m->why[part]. */
const char *vm_machine_reason(enum vm_machpart part, int code, enum vm_machine_from from);

/** Figures that are made of others: sums and differences.  Call it once all are read. */
void vm_machine_derive(struct vm_machine *m);

/* ---- Between two instants ----------------------------------------------------------------------------------------- */

/** Rates of the counters.  Zero-initialised is valid; vm_machine_rates_free() it. */
struct vm_machine_rates {
	/** Increase a second; NAN: not known.  Of pressure: ns a second. */
	double a_second[VM_M_NR];
	/** Of what time they are, by CLOCK_BOOTTIME; 0: none has passed. */
	uint64_t elapsed_ns;
	bool since_boot;
	/** What they are counted from: the last reading that made sense of each. */
	struct vm_machine_base { uint64_t from, at_ns; bool known, behind; } base[VM_M_NR];
	VM_VEC(struct vm_cpu_count) shootdowns;
	uint64_t at_ns, boot;
};

/** From boot to `m`; what comes next is counted from there.  0 or -ENOMEM. */
int vm_machine_rates_begin(struct vm_machine_rates *r, const struct vm_machine *m);

/**
 * From the reading before to `m`.
 * - A counter of 32 bits that began again is continued; a sum of several, of which one did, has no rate this once.
 * - One that went backwards, as a sum over CPUs may for a moment while one leaves, has no rate; the next one is of all the
 *   time since it was last known, so that nothing is counted twice.  If it is still behind then, it was set back, and is
 *   counted from there.
 * - Of shootdowns those CPUs count that are in both readings.
 * - Where the machine was started again in between, as in recordings, it is from boot to `m`.
 */
int vm_machine_rates_next(struct vm_machine_rates *r, const struct vm_machine *m);
void vm_machine_rates_free(struct vm_machine_rates *r);

/** Increase from one reading of a counter to the next; UINT64_MAX: it went backwards.  Pure. */
uint64_t vm_counter_increase(uint64_t from, uint64_t to, bool words32);

/** A line of vmrep, or what vmtop's Machine screen shows: what the machine's columns speak of. */
struct vm_machine_row {
	const struct vm_machine *m;
	const struct vm_machine_rates *rates;
	const char *time;          /* the date as a text; or NULL */
};

/* ---- What it is made of ------------------------------------------------------------------------------------------- */

/** Parts that don't overlap, and add up to MemTotal. */
enum vm_mempart {
	VM_PART_ANON,          /* AnonPages */
	VM_PART_FILE,          /* Cached + Buffers - Shmem: page cache of files and block devices */
	VM_PART_SHMEM,
	VM_PART_SLAB,
	VM_PART_PAGE_TABLES,   /* PageTables + SecPageTables */
	VM_PART_KERNEL,        /* VmallocUsed, KernelStack where that isn't a part of it, Percpu, zspages, Balloon */
	VM_PART_POOLS,         /* Hugetlb */
	VM_PART_FREE,
	VM_PART_REST,          /* MemTotal less all of these: what drivers and the kernel took page by page */
	VM_PART_NR,
};
extern const char *const vm_mempart_name[VM_PART_NR];

/** Bytes of each.  What isn't known is 0 and ends up in the rest.  false: MemTotal isn't known. */
bool vm_machine_parts(const struct vm_machine *m, uint64_t part[VM_PART_NR]);

/** Bit set: something is known of that part; the rest always is. */
uint32_t vm_machine_parts_known(const struct vm_machine *m);

#endif
