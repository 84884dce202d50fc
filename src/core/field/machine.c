/** Columns of the machine: levels, rates, shares of time. */

#include "core/field/machine.h"

#include <math.h>

#include "core/field/define.h"

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

GETTER(get_level)
{
	ROW(vm_machine_row);
	return vm_machine_has(row->m, f->arg) ? VM_U64(row->m->q[f->arg]) : VM_ABSENT;
}

GETTER(get_rate)
{
	ROW(vm_machine_row);
	return number(row->rates->a_second[f->arg]);
}

/** Nanoseconds a second. */
GETTER(get_time_share)
{
	ROW(vm_machine_row);
	return number(row->rates->a_second[f->arg] / 1e9);
}

static struct vm_value share_of(const struct vm_machine *m, enum vm_machqty part, enum vm_machqty whole)
{
	return vm_machine_has(m, part) && vm_machine_has(m, whole) && m->q[whole] ?
	       VM_F64((double)m->q[part] / (double)m->q[whole]) : VM_ABSENT;
}

PLAIN(get_used_share, vm_machine_row, share_of(row->m, VM_M_USED, VM_M_TOTAL))
PLAIN(get_swap_share, vm_machine_row, share_of(row->m, VM_M_SWAP, VM_M_SWAP_TOTAL))
PLAIN(get_limit_share, vm_machine_row, share_of(row->m, VM_M_COMMITTED, VM_M_COMMIT_LIMIT))
PLAIN(get_elapsed, vm_machine_row, row->rates->elapsed_ns ? VM_F64((double)row->rates->elapsed_ns / 1e9) : VM_ABSENT)
PLAIN(get_since_boot, vm_machine_row, VM_BOOL(row->rates->since_boot))
PLAIN(get_time, vm_machine_row, row->time ? VM_STR(row->time) : VM_ABSENT)
PLAIN(get_some10, vm_machine_row, number(row->m->psi_mem_some.of10))
PLAIN(get_some60, vm_machine_row, number(row->m->psi_mem_some.of60))
PLAIN(get_some300, vm_machine_row, number(row->m->psi_mem_some.of300))
PLAIN(get_full10, vm_machine_row, number(row->m->psi_mem_full.of10))

/** Of memory and swap space together. */
GETTER(get_commit_share)
{
	ROW(vm_machine_row);
	const struct vm_machine *m = row->m;
	const double all = (double)m->q[VM_M_TOTAL] + (double)m->q[VM_M_SWAP_TOTAL];
	const bool known = vm_machine_has(m, VM_M_COMMITTED) && vm_machine_has(m, VM_M_TOTAL) && vm_machine_has(m, VM_M_SWAP_TOTAL);
	return known && all > 0 ? VM_F64((double)m->q[VM_M_COMMITTED] / all) : VM_ABSENT;
}

/** Of what two counters grew by meanwhile. */
static struct vm_value share_of_rates(const struct vm_machine_rates *r, enum vm_machqty part, enum vm_machqty whole)
{
	return r->a_second[whole] > 0 ? number(r->a_second[part] / r->a_second[whole]) : VM_ABSENT;
}

PLAIN(get_efficiency, vm_machine_row, share_of_rates(row->rates, VM_M_PGSTEAL, VM_M_PGSCAN))
PLAIN(get_walk_share, vm_machine_row, share_of_rates(row->rates, VM_M_WALK_CYCLES, VM_M_CYCLES))

GETTER(get_rest)
{
	ROW(vm_machine_row);
	uint64_t part[VM_PART_NR];
	return vm_machine_parts(row->m, part) ? VM_U64(part[VM_PART_REST]) : VM_ABSENT;
}

#define M VM_F_MACHINE
#define D (VM_F_DEFAULT | VM_F_MACHINE)
#define BYTES(name_, key_, q_, flags_, part_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = (flags_) | M | VM_F_DESC, \
	  .needs = VM_MACH(part_), .arg = q_, .get = get_level, .source = source_ }
#define INFO(name_, key_, q_, flags_, source_, help_) BYTES(name_, key_, q_, flags_, MEMINFO, "meminfo: " source_, help_)
#define RATE(name_, key_, q_, unit_, flags_, part_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_F64, .unit = unit_, \
	  .flags = (flags_) | VM_F_RATE | VM_F_DESC, .needs = VM_MACH(part_), .arg = q_, .get = get_rate, .source = source_ }
#define STAT(name_, key_, q_, flags_, source_, help_) \
	RATE(name_, key_ "_per_second", q_, VM_U_PERSEC, (flags_) | M, VMSTAT, "vmstat: " source_, help_)
#define FLOW(name_, key_, q_, flags_, source_, help_) \
	RATE(name_, key_ "_bytes_per_second", q_, VM_U_BYTES_PERSEC, (flags_) | M, VMSTAT, "vmstat: " source_, help_)
#define SHARE(name_, key_, flags_, part_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_F64, .unit = VM_U_RATIO, .flags = (flags_) | VM_F_DESC, \
	  .needs = VM_MACH(part_), .get = get_, .source = source_ }
#define PRESSURE(name_, key_, q_, flags_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_F64, .unit = VM_U_RATIO, \
	  .flags = (flags_) | M | VM_F_RATE | VM_F_DESC, .needs = VM_MACH(PSI), .arg = q_, .get = get_time_share, \
	  .source = "pressure/" source_ }

static const struct vm_field fields[] = {
	{ .name = "TIME", .key = "time", .help = "when the line was made; -t puts it first", .type = VM_T_STR, .flags = M,
	  .get = get_time, .source = "clock_gettime(2): CLOCK_REALTIME" },
	{ .name = "SECS", .key = "elapsed_seconds", .help = "of what time the rates are, suspension included", .type = VM_T_F64,
	  .unit = VM_U_FINE, .flags = M, .get = get_elapsed, .source = "clock_gettime(2): CLOCK_BOOTTIME; uptime" },
	{ .name = "BOOT", .key = "since_boot", .help = "whether that is the time since boot", .type = VM_T_BOOL, .flags = M,
	  .get = get_since_boot, .source = "the first line" },

	/* mem */
	INFO("TOTAL", "total_bytes", VM_M_TOTAL, 0, "MemTotal", "memory that the kernel manages"),
	INFO("FREE", "free_bytes", VM_M_FREE, VM_F_DEFAULT, "MemFree", "memory that nothing uses"),
	INFO("AVAIL", "available_bytes", VM_M_AVAILABLE, 0, "MemAvailable", "what programs could get without swapping, about"),
	INFO("USED", "used_bytes", VM_M_USED, 0, "MemTotal - MemAvailable", "the rest: what can't be had without swapping"),
	SHARE("USED%", "used_share", M, MEMINFO, get_used_share, "meminfo: MemAvailable, MemTotal", "that as a share of the memory"),
	INFO("BUFF", "buffers_bytes", VM_M_BUFFERS, 0, "Buffers", "page cache of block devices"),
	INFO("CACHED", "cached_bytes", VM_M_CACHED, 0, "Cached", "page cache of files, shared memory included"),
	INFO("FILE", "file_bytes", VM_M_FILE, VM_F_DEFAULT, "Cached + Buffers - Shmem", "page cache that a file or device is behind"),
	INFO("ANON", "anon_bytes", VM_M_ANON, VM_F_DEFAULT, "AnonPages", "anonymous memory of processes"),
	INFO("SHMEM", "shmem_bytes", VM_M_SHMEM, 0, "Shmem", "shared memory and tmpfs"),
	INFO("MAPPED", "mapped_bytes", VM_M_MAPPED, 0, "Mapped", "pages of files and shared memory that a process maps"),
	INFO("SLAB", "slab_bytes", VM_M_SLAB, 0, "Slab", "the kernel's own objects"),
	INFO("SLABREC", "slab_reclaimable_bytes", VM_M_SLAB_RECLAIMABLE, 0, "SReclaimable", "of them, what can be reclaimed"),
	INFO("PTE", "page_tables_bytes", VM_M_PAGE_TABLES, 0, "PageTables", "page tables of processes"),
	INFO("PTE2", "secondary_page_tables_bytes", VM_M_SEC_PAGE_TABLES, 0, "SecPageTables",
	     "page tables of virtual machines and devices"),
	INFO("KSTACK", "kernel_stack_bytes", VM_M_KERNEL_STACK, 0, "KernelStack", "stacks of tasks in the kernel"),
	INFO("VMALLOC", "vmalloc_bytes", VM_M_VMALLOC, 0, "VmallocUsed", "memory that the kernel mapped page by page"),
	INFO("PERCPU", "percpu_bytes", VM_M_PERCPU, 0, "Percpu", "memory of which each CPU has its own"),
	{ .name = "UNEXPL", .key = "unexplained_bytes", .help = "what no figure tells: taken page by page by drivers and the kernel",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = M | VM_F_DESC, .needs = VM_MACH(MEMINFO) | VM_MACH(VMSTAT), .get = get_rest,
	  .source = "meminfo: MemTotal less all parts" },
	INFO("ACTIVE", "active_bytes", VM_M_ACTIVE, 0, "Active", "pages on active lists: reclaimed last"),
	INFO("INACTIVE", "inactive_bytes", VM_M_INACTIVE, 0, "Inactive", "pages on inactive lists"),
	INFO("AANON", "active_anon_bytes", VM_M_ACTIVE_ANON, 0, "Active(anon)", "of them, anonymous and shared memory"),
	INFO("IANON", "inactive_anon_bytes", VM_M_INACTIVE_ANON, 0, "Inactive(anon)", "the same, inactive"),
	INFO("AFILE", "active_file_bytes", VM_M_ACTIVE_FILE, 0, "Active(file)", "of files, active"),
	INFO("IFILE", "inactive_file_bytes", VM_M_INACTIVE_FILE, 0, "Inactive(file)", "of files, inactive"),
	INFO("UNEVICT", "unevictable_bytes", VM_M_UNEVICTABLE, 0, "Unevictable", "pages that can't be reclaimed"),
	INFO("LOCKED", "locked_bytes", VM_M_MLOCKED, 0, "Mlocked", "pages that mlock(2) locked"),
	BYTES("PINNED", "pinned_bytes", VM_M_PINNED, 0, VMSTAT, "vmstat: nr_foll_pin_acquired - nr_foll_pin_released",
	      "pages pinned for devices, as often as they are"),
	INFO("DIRTY", "dirty_bytes", VM_M_DIRTY, 0, "Dirty", "pages that are to be written to disk"),
	INFO("WBACK", "writeback_bytes", VM_M_WRITEBACK, 0, "Writeback", "pages that are being written"),
	INFO("COMMIT", "committed_bytes", VM_M_COMMITTED, 0, "Committed_AS", "memory that processes were promised"),
	SHARE("COMMIT%", "committed_share", M, MEMINFO, get_commit_share, "meminfo: Committed_AS, MemTotal, SwapTotal",
	      "that as a share of memory and swap space"),
	SHARE("LIMIT%", "committed_limit_share", M, MEMINFO, get_limit_share, "meminfo: Committed_AS, CommitLimit",
	      "that as a share of what may be promised where vm.overcommit_memory is 2"),
	BYTES("KSM", "ksm_sharing_bytes", VM_M_KSM_SHARING, 0, KSM, "ksm/pages_sharing", "memory that KSM saves"),
	INFO("BADMEM", "hardware_corrupted_bytes", VM_M_CORRUPTED, 0, "HardwareCorrupted", "pages with memory errors, taken out of use"),
	INFO("BALLOON", "balloon_bytes", VM_M_BALLOON, 0, "Balloon", "memory that was given back to the hypervisor"),

	/* fault */
	STAT("FLT/S", "page_faults", VM_M_PGFAULT, VM_F_DEFAULT, "pgfault", "page faults a second"),
	STAT("MAJ/S", "major_faults", VM_M_PGMAJFAULT, VM_F_DEFAULT, "pgmajfault", "of them, those that had to read from a disk"),
	FLOW("IN/S", "paged_in", VM_M_PGPGIN, 0, "pgpgin", "read from block devices, of files and swap"),
	FLOW("OUT/S", "paged_out", VM_M_PGPGOUT, 0, "pgpgout", "written to block devices"),
	STAT("ALLOC/S", "pages_allocated", VM_M_PGALLOC, 0, "pgalloc_*", "pages allocated, for whatever"),
	STAT("PFREE/S", "pages_freed", VM_M_PGFREE, 0, "pgfree", "pages freed"),
	STAT("REUSE/S", "pages_reused", VM_M_PGREUSE, 0, "pgreuse", "write faults that didn't have to copy (Linux 4.19)"),
	STAT("KSMCOW/S", "ksm_copies", VM_M_COW_KSM, 0, "cow_ksm", "write faults that copied a page merged by KSM (Linux 5.16)"),
	STAT("LAZY/S", "lazily_freed_pages", VM_M_PGLAZYFREE, 0, "pglazyfree", "pages given back with MADV_FREE"),
	STAT("LAZYGONE/S", "lazily_freed_pages_taken", VM_M_PGLAZYFREED, 0, "pglazyfreed", "of such, those that were taken"),

	/* swap */
	INFO("SWAP", "swap_bytes", VM_M_SWAP, VM_F_DEFAULT, "SwapTotal - SwapFree", "swap space in use"),
	INFO("SWTOTAL", "swap_total_bytes", VM_M_SWAP_TOTAL, 0, "SwapTotal", "swap space"),
	INFO("SWFREE", "swap_free_bytes", VM_M_SWAP_FREE, 0, "SwapFree", "swap space that is free"),
	SHARE("SWAP%", "swap_share", M, MEMINFO, get_swap_share, "meminfo: SwapFree, SwapTotal", "used part of the swap space"),
	INFO("SWCACHE", "swap_cached_bytes", VM_M_SWAP_CACHED, 0, "SwapCached", "in memory and in swap space at once"),
	FLOW("SI/S", "swapped_in", VM_M_PSWPIN, 0, "pswpin", "read from swap space"),
	FLOW("SO/S", "swapped_out", VM_M_PSWPOUT, 0, "pswpout", "written to swap space"),
	STAT("SWRA/S", "swap_readahead_pages", VM_M_SWAP_RA, 0, "swap_ra", "pages read from swap space ahead of their fault"),
	STAT("SWRAHIT/S", "swap_readahead_hits", VM_M_SWAP_RA_HIT, 0, "swap_ra_hit", "faults that found such a page"),
	STAT("ZEROIN/S", "swapped_in_zero_pages", VM_M_SWPIN_ZERO, 0, "swpin_zero",
	     "pages of zeros that came back without a read (Linux 6.12)"),
	STAT("ZEROOUT/S", "swapped_out_zero_pages", VM_M_SWPOUT_ZERO, 0, "swpout_zero", "pages of zeros that left without a write"),
	INFO("ZSWAP", "zswap_bytes", VM_M_ZSWAP, 0, "Zswap", "memory of zswap (Linux 5.19)"),
	INFO("ZSWAPPED", "zswapped_bytes", VM_M_ZSWAPPED, 0, "Zswapped", "what it holds, uncompressed"),
	BYTES("ZSPAGES", "zsmalloc_bytes", VM_M_ZSPAGES, 0, VMSTAT, "vmstat: nr_zspages",
	     "memory of zsmalloc, which zram and zswap use"),
	STAT("ZIN/S", "zswap_in", VM_M_ZSWPIN, 0, "zswpin", "pages that zswap gave back"),
	STAT("ZOUT/S", "zswap_out", VM_M_ZSWPOUT, 0, "zswpout", "pages that zswap took"),
	STAT("ZWB/S", "zswap_written_back", VM_M_ZSWPWB, 0, "zswpwb", "pages that zswap wrote to swap space"),
	STAT("THPSO/S", "huge_pages_swapped_out", VM_M_THP_SWPOUT, 0, "thp_swpout", "huge pages swapped out whole"),
	STAT("THPSOF/S", "huge_pages_swap_split", VM_M_THP_SWPOUT_FALLBACK, 0, "thp_swpout_fallback",
	     "huge pages split to be swapped out"),

	/* reclaim */
	STAT("SCAN/S", "pages_scanned", VM_M_PGSCAN, VM_F_DEFAULT, "pgscan_kswapd, direct, khugepaged, proactive",
	     "pages looked at to be reclaimed"),
	STAT("SCANK/S", "pages_scanned_by_kswapd", VM_M_PGSCAN_KSWAPD, 0, "pgscan_kswapd", "of them, by kswapd"),
	STAT("SCAND/S", "pages_scanned_directly", VM_M_PGSCAN_DIRECT, 0, "pgscan_direct", "of them, by who wanted memory"),
	STAT("SCANX/S", "pages_scanned_by_others", VM_M_PGSCAN_OTHER, 0, "pgscan_khugepaged, pgscan_proactive",
	     "of them, by khugepaged and by memory.reclaim"),
	STAT("STEAL/S", "pages_reclaimed", VM_M_PGSTEAL, VM_F_DEFAULT, "pgsteal_kswapd, direct, khugepaged, proactive",
	     "pages reclaimed"),
	STAT("STEALK/S", "pages_reclaimed_by_kswapd", VM_M_PGSTEAL_KSWAPD, 0, "pgsteal_kswapd", "of them, by kswapd"),
	STAT("STEALD/S", "pages_reclaimed_directly", VM_M_PGSTEAL_DIRECT, 0, "pgsteal_direct", "of them, by who wanted memory"),
	STAT("STEALX/S", "pages_reclaimed_by_others", VM_M_PGSTEAL_OTHER, 0, "pgsteal_khugepaged, pgsteal_proactive",
	     "of them, by khugepaged and by memory.reclaim"),
	STAT("STEALA/S", "anon_pages_reclaimed", VM_M_PGSTEAL_ANON, 0, "pgsteal_anon", "of them, anonymous (Linux 5.8)"),
	STAT("STEALF/S", "file_pages_reclaimed", VM_M_PGSTEAL_FILE, 0, "pgsteal_file", "of them, of files"),
	SHARE("EFF%", "reclaimed_share", M | VM_F_RATE, VMSTAT, get_efficiency, "vmstat: pgsteal_*, pgscan_*",
	      "pages reclaimed of those looked at (sar's %vmeff)"),
	STAT("STALL/S", "direct_reclaims", VM_M_ALLOCSTALL, 0, "allocstall_*", "allocations that had to reclaim first"),
	STAT("REFA/S", "anon_refaults", VM_M_REFAULT_ANON, 0, "workingset_refault_anon",
	     "anonymous pages that came back soon (Linux 5.9)"),
	STAT("REFF/S", "file_refaults", VM_M_REFAULT_FILE, 0, "workingset_refault_file",
	     "pages of files that came back soon: too little memory"),
	STAT("RESTORE/S", "workingset_restores", VM_M_RESTORE, 0, "workingset_restore_*", "pages that came back and had been active"),
	STAT("REFILL/S", "pages_refilled", VM_M_PGREFILL, 0, "pgrefill", "pages looked at on active lists"),
	STAT("ACT/S", "pages_activated", VM_M_PGACTIVATE, 0, "pgactivate", "pages made active"),
	STAT("DEACT/S", "pages_deactivated", VM_M_PGDEACTIVATE, 0, "pgdeactivate", "pages made inactive"),
	STAT("ROTATE/S", "pages_rotated", VM_M_PGROTATED, 0, "pgrotated", "pages written and put up for reclaim"),
	STAT("KSWAPD/S", "kswapd_runs", VM_M_PAGEOUTRUN, 0, "pageoutrun", "runs of kswapd"),
	STAT("SLABSCAN/S", "slab_objects_scanned", VM_M_SLABS_SCANNED, 0, "slabs_scanned", "objects of the kernel looked at"),
	STAT("INODE/S", "inode_pages_reclaimed", VM_M_INODESTEAL, 0, "pginodesteal, kswapd_inodesteal", "pages freed with their inode"),
	STAT("VMWRITE/S", "pages_written_by_reclaim", VM_M_VMSCAN_WRITE, 0, "nr_vmscan_write", "pages that reclaim had to write"),
	STAT("DIRTIED/S", "pages_dirtied", VM_M_DIRTIED, 0, "nr_dirtied", "pages that became dirty"),
	STAT("WRITTEN/S", "pages_written", VM_M_WRITTEN, 0, "nr_written", "pages written"),
	STAT("OOM/S", "oom_kills", VM_M_OOM_KILL, 0, "oom_kill", "processes killed for want of memory (Linux 4.13)"),

	/* thp */
	INFO("THP", "thp_bytes", VM_M_ANON_HUGE, 0, "AnonHugePages", "anonymous memory in huge pages"),
	INFO("SHMEMTHP", "shmem_thp_bytes", VM_M_SHMEM_HUGE, 0, "ShmemHugePages", "shared memory in huge pages"),
	INFO("FILETHP", "file_thp_bytes", VM_M_FILE_HUGE, 0, "FileHugePages", "page cache in huge pages (Linux 5.4)"),
	STAT("THP/S", "huge_page_faults", VM_M_THP_FAULT_ALLOC, VM_F_DEFAULT, "thp_fault_alloc", "page faults that got a huge page"),
	STAT("THPFAIL/S", "huge_page_fault_fallbacks", VM_M_THP_FAULT_FALLBACK, 0, "thp_fault_fallback",
	     "page faults that should have got one"),
	STAT("COLL/S", "huge_page_collapses", VM_M_THP_COLLAPSE, 0, "thp_collapse_alloc",
	     "huge pages made of small ones, by khugepaged"),
	STAT("COLLFAIL/S", "huge_page_collapse_failures", VM_M_THP_COLLAPSE_FAILED, 0, "thp_collapse_alloc_failed",
	     "the same that found no memory in one piece"),
	STAT("SPLIT/S", "huge_page_splits", VM_M_THP_SPLIT_PAGE, 0, "thp_split_page", "huge pages split into small ones"),
	STAT("SPLITMAP/S", "huge_mapping_splits", VM_M_THP_SPLIT_PMD, 0, "thp_split_pmd",
	     "huge pages of which a process came to map the parts"),
	STAT("SPLITFAIL/S", "huge_page_split_failures", VM_M_THP_SPLIT_FAILED, 0, "thp_split_page_failed",
	     "huge pages that couldn't be split"),
	STAT("DEFER/S", "huge_page_deferred_splits", VM_M_THP_DEFERRED, 0, "thp_deferred_split_page",
	     "huge pages partly unmapped, to be split"),
	STAT("UNDERUSED/S", "huge_page_underused_splits", VM_M_THP_UNDERUSED, 0, "thp_underused_split_page",
	     "huge pages split for they were mostly zeros (Linux 6.12)"),
	STAT("FTHP/S", "file_huge_pages", VM_M_THP_FILE_ALLOC, 0, "thp_file_alloc", "huge pages for shared memory and files"),
	STAT("FTHPFAIL/S", "file_huge_page_fallbacks", VM_M_THP_FILE_FALLBACK, 0, "thp_file_fallback", "the same that failed"),
	RATE("MTHP/S", "mthp_bytes_per_second", VM_M_MTHP_BYTES, VM_U_BYTES_PERSEC, M, THP,
	     "transparent_hugepage/hugepages-*/stats/anon_fault_alloc", "memory in smaller huge pages that faults got (Linux 6.10)"),
	RATE("KHUGE/S", "khugepaged_scans_per_second", VM_M_KHUGEPAGED_SCANS, VM_U_PERSEC, M, THP,
	     "transparent_hugepage/khugepaged/full_scans", "rounds of khugepaged"),

	/* pool */
	INFO("HUGETLB", "hugetlb_bytes", VM_M_HUGETLB, 0, "Hugetlb", "huge pages in pools of all sizes"),
	INFO("POOL", "pool_bytes", VM_M_POOL, 0, "HugePages_Total * Hugepagesize", "the pool of the default size"),
	INFO("POOLFREE", "pool_free_bytes", VM_M_POOL_FREE, 0, "HugePages_Free * Hugepagesize", "of it, what nothing uses"),
	INFO("POOLRSVD", "pool_reserved_bytes", VM_M_POOL_RESERVED, 0, "HugePages_Rsvd * Hugepagesize",
	     "of that, what is promised to mappings"),
	INFO("POOLSURP", "pool_surplus_bytes", VM_M_POOL_SURPLUS, 0, "HugePages_Surp * Hugepagesize", "what was added above its size"),
	STAT("POOL/S", "pool_pages_allocated", VM_M_HTLB_ALLOC, 0, "htlb_buddy_alloc_success", "huge pages made for pools"),
	STAT("POOLFAIL/S", "pool_page_failures", VM_M_HTLB_FAIL, 0, "htlb_buddy_alloc_fail", "the same that failed"),

	/* compact */
	STAT("CMP/S", "compact_stalls", VM_M_COMPACT_STALL, VM_F_DEFAULT, "compact_stall",
	     "allocations that had to compact memory first"),
	STAT("CMPOK/S", "compact_successes", VM_M_COMPACT_SUCCESS, 0, "compact_success", "of them, those that got what they wanted"),
	STAT("CMPFAIL/S", "compact_failures", VM_M_COMPACT_FAIL, 0, "compact_fail", "of them, those that did not"),
	STAT("CMPWAKE/S", "compact_wakeups", VM_M_COMPACT_WAKE, 0, "compact_daemon_wake", "wakeups of kcompactd"),
	STAT("CMPSCAN/S", "compact_pages_scanned", VM_M_COMPACT_MIGRATE_SCANNED, 0, "compact_migrate_scanned",
	     "pages looked at to be moved"),
	STAT("CMPFREE/S", "compact_free_pages_scanned", VM_M_COMPACT_FREE_SCANNED, 0, "compact_free_scanned",
	     "pages looked at for a free place"),
	STAT("CMPISO/S", "compact_pages_isolated", VM_M_COMPACT_ISOLATED, 0, "compact_isolated", "pages taken for that"),
	STAT("MOVE/S", "pages_migrated", VM_M_MIGRATE_SUCCESS, 0, "pgmigrate_success", "pages moved, for whatever reason"),
	STAT("MOVEFAIL/S", "page_migration_failures", VM_M_MIGRATE_FAIL, 0, "pgmigrate_fail", "pages that couldn't be moved"),

	/* numa */
	STAT("HIT/S", "numa_hits", VM_M_NUMA_HIT, 0, "numa_hit", "pages allocated on the node where they were wanted"),
	STAT("MISS/S", "numa_misses", VM_M_NUMA_MISS, VM_F_DEFAULT, "numa_miss", "pages allocated on another node than wanted"),
	STAT("INTERLV/S", "numa_interleaved", VM_M_NUMA_INTERLEAVE, 0, "numa_interleave", "pages allocated as interleaving had it"),
	STAT("LOCAL/S", "numa_local", VM_M_NUMA_LOCAL, 0, "numa_local", "pages allocated on the node of the CPU"),
	STAT("OTHER/S", "numa_other", VM_M_NUMA_OTHER, 0, "numa_other", "pages allocated on another node than that of the CPU"),
	STAT("HINT/S", "numa_hint_faults", VM_M_NUMA_HINT_FAULTS, 0, "numa_hint_faults", "page faults made to learn who uses memory"),
	STAT("HINTLOC/S", "numa_hint_faults_local", VM_M_NUMA_HINT_LOCAL, 0, "numa_hint_faults_local",
	     "of them, on the page's own node"),
	STAT("NUMAPTE/S", "numa_entries_marked", VM_M_NUMA_PTE_UPDATES, 0, "numa_pte_updates", "entries marked for that"),
	STAT("NUMAMOVE/S", "numa_pages_migrated", VM_M_NUMA_MIGRATED, 0, "numa_pages_migrated", "pages moved to who uses them"),
	STAT("PROMO/S", "pages_promoted", VM_M_PROMOTED, 0, "pgpromote_success", "pages moved to faster memory"),
	STAT("DEMO/S", "pages_demoted", VM_M_DEMOTED, 0, "pgdemote_*", "pages moved to slower memory"),

	/* psi */
	PRESSURE("PSI%", "memory_pressure_share", VM_M_PSI_MEM_SOME, VM_F_DEFAULT, "memory: some total",
		 "share of the time in which some task waited for memory"),
	PRESSURE("PSIFULL%", "memory_pressure_full_share", VM_M_PSI_MEM_FULL, 0, "memory: full total",
		 "the same, and no other did anything useful"),
	PRESSURE("PSIIO%", "io_pressure_share", VM_M_PSI_IO_SOME, 0, "io: some total",
	     "share of the time in which some task waited for a disk"),
	PRESSURE("PSIIOFULL%", "io_pressure_full_share", VM_M_PSI_IO_FULL, 0, "io: full total",
	     "the same, and no other did anything useful"),
	PRESSURE("PSICPU%", "cpu_pressure_share", VM_M_PSI_CPU_SOME, 0, "cpu: some total",
	     "share of the time in which some task waited for a CPU"),
	SHARE("PSI10%", "memory_pressure_avg10_share", M, PSI, get_some10, "pressure/memory: some avg10",
	     "PSI% of 10 seconds, by the kernel"),
	SHARE("PSI60%", "memory_pressure_avg60_share", M, PSI, get_some60, "pressure/memory: some avg60", "of a minute"),
	SHARE("PSI300%", "memory_pressure_avg300_share", M, PSI, get_some300, "pressure/memory: some avg300", "of five minutes"),
	SHARE("FULL10%", "memory_pressure_full_avg10_share", M, PSI, get_full10, "pressure/memory: full avg10",
	     "PSIFULL% of 10 seconds"),

	/* tlb */
	RATE("SHOOT/S", "tlb_shootdowns_per_second", VM_M_SHOOTDOWNS, VM_U_PERSEC, M, SHOOTDOWNS, "interrupts: TLB",
	     "interrupts that make a CPU forget translations (x86)"),
	STAT("FLUSH/S", "tlb_local_flushes", VM_M_TLB_LOCAL_FLUSH, 0,
	     "nr_tlb_local_flush_all, nr_tlb_local_flush_one (CONFIG_DEBUG_TLBFLUSH)",
	     "flushes of a CPU's own TLB"),
	RATE("WALK/S", "page_walks_per_second", VM_M_WALKS, VM_U_PERSEC, 0, WALKS, "perf: page walks of all CPUs",
	     "page walks of all CPUs"),
	SHARE("WALK%", "page_walk_cycle_share", VM_F_RATE, WALKS, get_walk_share, "perf: cycles in page walks, cycles",
	      "cycles in page walks, as a share of all"),
	STAT("DSPLIT/S", "direct_map_splits", VM_M_DIRECT_SPLITS, 0, "direct_map_level*_splits",
	     "huge pages of the kernel's own map that were split"),
	INFO("MAP4K", "direct_map_4k_bytes", VM_M_DIRECT_4K, 0, "DirectMap4k", "memory that the kernel maps by pages of 4K (x86)"),
	INFO("MAP2M", "direct_map_2m_bytes", VM_M_DIRECT_2M, 0, "DirectMap2M, DirectMap4M", "by pages of 2M, or 4M"),
	INFO("MAP1G", "direct_map_1g_bytes", VM_M_DIRECT_1G, 0, "DirectMap1G", "by pages of 1G"),
};
_Static_assert(sizeof(fields) / sizeof(fields[0]) <= VM_COLUMNS_MAX, "-o all shows them all");

static const struct vm_field_group groups[] = {
	{ "mem", "what memory is used for", "FREE,AVAIL,BUFF,CACHED,ANON,SHMEM,MAPPED,SLAB,PTE,DIRTY" },
	{ "fault", "page faults, pages read and written, allocated and freed", "FLT/S,MAJ/S,IN/S,OUT/S,ALLOC/S,PFREE/S,REUSE/S" },
	{ "swap", "swap space, and what goes there", "SWAP,SWFREE,SWCACHE,SI/S,SO/S,SWRA/S,SWRAHIT/S" },
	{ "reclaim", "taking memory back", "SCANK/S,SCAND/S,STEAL/S,EFF%,STALL/S,REFA/S,REFF/S,OOM/S" },
	{ "thp", "transparent huge pages", "THP,THP/S,THPFAIL/S,MTHP/S,COLL/S,SPLIT/S,SPLITMAP/S" },
	{ "pool", "pools of huge pages (hugetlb)", "HUGETLB,POOL,POOLFREE,POOLRSVD,POOLSURP" },
	{ "compact", "compaction, and pages that move", "CMP/S,CMPOK/S,CMPFAIL/S,CMPSCAN/S,CMPISO/S,MOVE/S,MOVEFAIL/S" },
	{ "numa", "memory nodes", "HIT/S,MISS/S,LOCAL/S,OTHER/S,HINT/S,NUMAMOVE/S,PROMO/S,DEMO/S" },
	{ "psi", "pressure: time lost by waiting", "PSI%,PSIFULL%,PSIIO%,PSIIOFULL%,PSICPU%,PSI10%,PSI60%,PSI300%" },
	{ "tlb", "address translation", "SHOOT/S,WALK/S,WALK%,DSPLIT/S" },
	{ NULL, NULL, NULL },
};

/* From one column to another, as the table has them. */
static const struct vm_field_group wide_groups[] = {
	{ "mem", "what memory is used for", "TOTAL-BALLOON" },
	{ "fault", "page faults, pages read and written, allocated and freed", "FLT/S-LAZYGONE/S" },
	{ "swap", "swap space, and what goes there", "SWAP-THPSOF/S" },
	{ "reclaim", "taking memory back", "SCAN/S-OOM/S" },
	{ "thp", "transparent huge pages", "THP-KHUGE/S" },
	{ "pool", "pools of huge pages (hugetlb)", "HUGETLB-POOLFAIL/S" },
	{ "compact", "compaction, and pages that move", "CMP/S-MOVEFAIL/S" },
	{ "numa", "memory nodes", "HIT/S-DEMO/S" },
	{ "psi", "pressure: time lost by waiting", "PSI%-FULL10%" },
	{ "tlb", "address translation", "SHOOT/S-MAP1G" },
	{ NULL, NULL, NULL },
};

FIELDS(vm_machine_fields, "machine", "machine", fields, .groups = groups);
FIELDS(vm_machine_wide_fields, "machine", "machine", fields, .groups = wide_groups);

/* ---- Each figure as a row ----------------------------------------------------------------------------------------- */

bool vm_machine_is_figure(const struct vm_field *f)
{
	return f->get == get_level || f->get == get_rate || f->get == get_time_share;
}

/** The level, or the count behind the rate. */
static struct vm_value figure_of(const struct vm_machine_total_row *row)
{
	const struct vm_machine *m = row->row->m;
	return vm_machine_has(m, row->of->arg) ? VM_U64(m->q[row->of->arg]) : VM_ABSENT;
}

static enum vm_unit unit_of(const struct vm_field *f)
{
	if (f->get == get_time_share)
		return VM_U_NS;
	return f->unit == VM_U_BYTES || f->unit == VM_U_BYTES_PERSEC ? VM_U_BYTES : VM_U_COUNT;
}

GETTER(total_shown)
{
	ROW(vm_machine_total_row);
	const struct vm_value v = figure_of(row);
	if (v.type == VM_T_ABSENT)
		return v;
	return VM_STR(vm_value_text(v, unit_of(row->of), false, tmp->text, sizeof(tmp->text)));
}

GETTER(total_unit)
{
	ROW(vm_machine_total_row);
	const enum vm_unit unit = unit_of(row->of);
	return VM_STR(unit == VM_U_BYTES ? "bytes" : unit == VM_U_NS ? "ns" : "count");
}

PLAIN(total_name, vm_machine_total_row, VM_STR(row->of->name))
PLAIN(total_value, vm_machine_total_row, figure_of(row))
PLAIN(total_since_boot, vm_machine_total_row, VM_BOOL(row->of->get != get_level))
PLAIN(total_rate, vm_machine_total_row, number(row->row->rates->a_second[row->of->arg]))
PLAIN(total_source, vm_machine_total_row, VM_STR(row->of->source))
PLAIN(total_help, vm_machine_total_row, VM_STR(row->of->help))

static const struct vm_field total_fields[] = {
	{ .name = "FIGURE", .key = "name", .help = "the column of lines that shows it", .type = VM_T_STR, .flags = D | VM_F_LABEL,
	  .get = total_name, .source = "of the machine's columns" },
	{ .name = "VALUE", .key = "shown", .help = "now, or since boot", .type = VM_T_U64, .flags = VM_F_DEFAULT, .get = total_shown,
	  .source = "as SOURCE says" },
	{ .name = "NUMBER", .key = "value", .help = "the same as a number", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_DESC, .get = total_value, .source = "as SOURCE says" },
	{ .name = "UNIT", .key = "unit", .help = "bytes, count, ns", .type = VM_T_STR, .flags = M | VM_F_LABEL, .get = total_unit,
	  .source = "of the column" },
	{ .name = "COUNTER", .key = "counter", .help = "whether it is counted since boot", .type = VM_T_BOOL, .flags = M,
	  .get = total_since_boot, .source = "of the column" },
	{ .name = "RATE", .key = "per_second", .help = "a second, on the average since boot", .type = VM_T_F64, .unit = VM_U_PERSEC,
	  .flags = M | VM_F_DESC, .get = total_rate, .source = "uptime" },
	{ .name = "SOURCE", .key = "source", .help = "where the kernel tells it", .type = VM_T_STR, .flags = D, .get = total_source,
	  .source = "of the column" },
	{ .name = "MEANING", .key = "meaning", .help = "what it is", .type = VM_T_STR, .flags = M, .get = total_help,
	  .source = "of the column" },
};
FIELDS(vm_machine_total_fields, "machine figure", "totals", total_fields);
