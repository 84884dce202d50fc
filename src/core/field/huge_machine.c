/** Columns of the machine's huge pages: by size, by pool, by counter, by sample. */

#include "core/field/huge_machine.h"

#include <math.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static struct vm_value count(uint64_t n)
{
	return n == VM_HUGE_UNKNOWN ? VM_ABSENT : VM_U64(n);
}

static struct vm_value bytes(uint64_t n, uint64_t each)
{
	return n == VM_HUGE_UNKNOWN || n > UINT64_MAX / each ? VM_ABSENT : VM_U64(n * each);
}

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

static struct vm_value word(enum vm_huge_word w)
{
	const char *text = vm_huge_word(w);
	return text ? VM_STR(text) : VM_ABSENT;
}

/* ---- By size ------------------------------------------------------------------------------------------------------ */

#define SIZE vm_huge_size_row
#define STATS "hugepages-NkB/stats/"

PLAIN(size_bytes, SIZE, VM_U64(row->size->bytes))
PLAIN(size_anon, SIZE, word(row->anon))
PLAIN(size_anon_set, SIZE, word(row->size->anon))
PLAIN(size_shmem, SIZE, word(row->shmem))
PLAIN(size_shmem_set, SIZE, word(row->size->shmem))
PLAIN(size_now, SIZE, bytes(row->size->stat[f->arg], row->size->bytes))
PLAIN(size_stat, SIZE, count(row->size->stat[f->arg]))
PLAIN(size_rate, SIZE, row->before ? number(vm_huge_rate(row->before->stat[f->arg], row->size->stat[f->arg], row->ns)) : VM_ABSENT)

#define WORD(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_STR, .flags = flags_, .get = get_, .source = source_ }
#define STAT(name_, key_, help_, flags_, which_, file_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_COUNT, .flags = (flags_) | VM_F_DESC, \
	  .get = size_stat, .arg = which_, .source = STATS file_ }
#define STAT_RATE(name_, key_, help_, which_, file_) \
	{ .name = name_, .key = key_, .help = help_ ", a second", .type = VM_T_F64, .unit = VM_U_PERSEC, \
	  .flags = M | VM_F_DESC | VM_F_RATE, .get = size_rate, .arg = which_, .source = STATS file_ }
#define STAT_NOW(name_, key_, help_, flags_, which_, file_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = (flags_) | VM_F_DESC, \
	  .get = size_now, .arg = which_, .source = STATS file_ }

static const struct vm_field size_fields[] = {
	{ .name = "SIZE", .key = "page_bytes", .help = "size of the pages", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_LABEL, .get = size_bytes, .source = "hugepages-NkB" },
	WORD("ANON", "anon", "who gets them as anonymous memory: always, madvise (who asks), never", D, size_anon,
	     "hugepages-NkB/enabled, enabled"),
	WORD("ANON-SET", "anon_set", "the same as it is set: inherit takes what is set for all sizes", M, size_anon_set,
	     "hugepages-NkB/enabled"),
	WORD("SHMEM", "shmem", "who gets them as shared memory", D, size_shmem, "hugepages-NkB/shmem_enabled, shmem_enabled"),
	WORD("SHMEM-SET", "shmem_set", "the same as it is set", M, size_shmem_set, "hugepages-NkB/shmem_enabled"),
	STAT_NOW("NOW", "anon_bytes", "anonymous memory in such pages now", D, VM_HUGE_NR_ANON, "nr_anon"),
	STAT_NOW("PARTLY", "anon_partial_bytes", "of these, pages that are only partly mapped", M, VM_HUGE_NR_PARTIAL,
		 "nr_anon_partially_mapped"),
	STAT("FAULTS", "anon_faults", "given at a page fault since boot", D, VM_HUGE_FAULT_ALLOC, "anon_fault_alloc"),
	STAT("FALLBACK", "anon_fallbacks", "faults that wanted one and got something smaller", D, VM_HUGE_FAULT_FALLBACK,
	     "anon_fault_fallback"),
	STAT("CHARGE", "anon_charge_fallbacks", "of these: the cgroup's limit forbade it", 0, VM_HUGE_FAULT_CHARGE,
	     "anon_fault_fallback_charge"),
	STAT("COLLAPSED", "collapses", "made of smaller pages by khugepaged (Linux 7.2)", M, VM_HUGE_COLLAPSE, "collapse_alloc"),
	STAT("COLLAPSE-FAIL", "collapse_failures", "the same failed for want of memory in one piece", 0, VM_HUGE_COLLAPSE_FAILED,
	     "collapse_alloc_failed"),
	STAT("SHM-ALLOC", "shmem_allocs", "made for shared memory since boot", D, VM_HUGE_SHMEM_ALLOC, "shmem_alloc"),
	STAT("SHM-FALLBACK", "shmem_fallbacks", "the same: something smaller instead", M, VM_HUGE_SHMEM_FALLBACK, "shmem_fallback"),
	STAT("SHM-CHARGE", "shmem_charge_fallbacks", "of these: the cgroup's limit forbade it", 0, VM_HUGE_SHMEM_CHARGE,
	     "shmem_fallback_charge"),
	STAT("SPLIT", "splits", "split into smaller pages since boot", D, VM_HUGE_SPLIT, "split"),
	STAT("SPLIT-FAIL", "split_failures", "the same failed: somebody held a page", 0, VM_HUGE_SPLIT_FAILED, "split_failed"),
	STAT("DEFERRED", "split_deferred", "partly unmapped, to be split when memory is short", 0, VM_HUGE_SPLIT_DEFERRED,
	     "split_deferred"),
	STAT("SWPOUT", "swapouts", "swapped out in one piece", D, VM_HUGE_SWPOUT, "swpout"),
	STAT("SWPOUT-SPLIT", "swapout_fallbacks", "split before they were swapped out", 0, VM_HUGE_SWPOUT_FALLBACK,
	     "swpout_fallback"),
	STAT("ZSWPOUT", "zswapouts", "moved to zswap in one piece", 0, VM_HUGE_ZSWPOUT, "zswpout"),
	STAT("SWPIN", "swapins", "swapped in in one piece", 0, VM_HUGE_SWPIN, "swpin"),
	STAT("SWPIN-FALLBACK", "swapin_fallbacks", "the same: something smaller instead", 0, VM_HUGE_SWPIN_FALLBACK, "swpin_fallback"),
	STAT_RATE("FAULT/S", "anon_faults_per_second", "given at a page fault", VM_HUGE_FAULT_ALLOC, "anon_fault_alloc"),
	STAT_RATE("FALLBACK/S", "anon_fallbacks_per_second", "faults that wanted one and got something smaller", VM_HUGE_FAULT_FALLBACK,
		  "anon_fault_fallback"),
	STAT_RATE("SHM/S", "shmem_allocs_per_second", "made for shared memory", VM_HUGE_SHMEM_ALLOC, "shmem_alloc"),
	STAT_RATE("SPLIT/S", "splits_per_second", "split into smaller pages", VM_HUGE_SPLIT, "split"),
};
FIELDS(vm_huge_size_fields, "thp size", "sizes", size_fields);

/* ---- By pool ------------------------------------------------------------------------------------------------------ */

#define POOL vm_huge_pool_row
#define HUGETLB "hugepages/hugepages-NkB/"

PLAIN(pool_bytes, POOL, VM_U64(row->pool->page_bytes))
PLAIN(pool_node, POOL, row->pool->node < 0 ? VM_ABSENT : VM_U64((uint64_t)row->pool->node))
PLAIN(pool_total, POOL, count(row->pool->total))
PLAIN(pool_free, POOL, count(row->pool->free))
PLAIN(pool_reserved, POOL, count(row->pool->reserved))
PLAIN(pool_surplus, POOL, count(row->pool->surplus))
PLAIN(pool_overcommit, POOL, count(row->pool->overcommit))
PLAIN(pool_size, POOL, bytes(row->pool->total, row->pool->page_bytes))

GETTER(pool_where)
{
	ROW(POOL);
	return row->pool->node < 0 ? VM_STR("all") : pool_node(f, row_, tmp);
}

GETTER(pool_used)
{
	ROW(POOL);
	const struct vm_huge_pool *p = row->pool;
	return p->total == VM_HUGE_UNKNOWN || p->free == VM_HUGE_UNKNOWN || p->free > p->total
		? VM_ABSENT : bytes(p->total - p->free, p->page_bytes);
}

#define PAGES(name_, key_, help_, flags_, get_, file_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_COUNT, .flags = (flags_) | VM_F_DESC, .get = get_, \
	  .source = HUGETLB file_ }

static const struct vm_field pool_fields[] = {
	{ .name = "POOL", .key = "page_bytes", .help = "size of the pages", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_LABEL, .get = pool_bytes, .source = "hugepages-NkB" },
	{ .name = "NODE", .key = "where", .help = "node of the memory; all: the machine", .type = VM_T_STR, .flags = VM_F_DEFAULT,
	  .get = pool_where, .source = "node/nodeN" },
	{ .name = "NODE#", .key = "node", .help = "the same as a number; - for the machine", .type = VM_T_U64, .flags = M | VM_F_LABEL,
	  .get = pool_node, .source = "node/nodeN" },
	PAGES("TOTAL", "total_pages", "pages in the pool, surplus ones included", D, pool_total, "nr_hugepages"),
	PAGES("FREE", "free_pages", "pages that nobody uses, reserved ones included", D, pool_free, "free_hugepages"),
	PAGES("RESERVED", "reserved_pages", "free pages that a mapping has a right to", D, pool_reserved, "resv_hugepages"),
	PAGES("SURPLUS", "surplus_pages", "pages beyond the size that was set, given back when freed", D, pool_surplus,
	      "surplus_hugepages"),
	PAGES("OVERCOMMIT", "overcommit_pages", "so many surplus pages may be made on demand", D, pool_overcommit,
	      "nr_overcommit_hugepages"),
	{ .name = "SIZE", .key = "total_bytes", .help = "memory set aside for the pool", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_DESC, .get = pool_size, .source = HUGETLB "nr_hugepages" },
	{ .name = "USED", .key = "used_bytes", .help = "of this: in use", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_DESC, .get = pool_used, .source = HUGETLB "nr_hugepages, free_hugepages" },
};
FIELDS(vm_huge_pool_fields, "hugetlb pool", "pools", pool_fields);

/* ---- By counter --------------------------------------------------------------------------------------------------- */

#define COUNT vm_huge_count_row

PLAIN(count_name, COUNT, VM_STR(vm_huge_count_info[row->which].name))
PLAIN(count_words, COUNT, VM_STR(vm_huge_count_info[row->which].words))
PLAIN(count_value, COUNT, count(row->count))
PLAIN(count_rate, COUNT, number(vm_huge_rate(row->before, row->count, row->ns)))

static const struct vm_field count_fields[] = {
	{ .name = "COUNT", .key = "count", .help = "how often since boot", .type = VM_T_U64, .unit = VM_U_COUNT, .flags = D | VM_F_DESC,
	  .get = count_value, .source = "vmstat" },
	{ .name = "RATE", .key = "per_second", .help = "how often a second, since the sample before", .type = VM_T_F64, .unit = VM_U_PERSEC,
	  .flags = M | VM_F_DESC | VM_F_RATE, .get = count_rate, .source = "vmstat" },
	{ .name = "COUNTER", .key = "name", .help = "the kernel's name", .type = VM_T_STR, .flags = D | VM_F_LABEL, .get = count_name,
	  .source = "vmstat" },
	{ .name = "WHAT", .key = "what", .help = "what happened", .type = VM_T_STR, .flags = D | VM_F_TRUNC, .get = count_words,
	  .source = "the counter's name" },
};
FIELDS(vm_huge_count_fields, "huge counter", "counters", count_fields);

/* ---- By sample ---------------------------------------------------------------------------------------------------- */

#define SAMPLE vm_huge_sample_row

PLAIN(sample_since, SAMPLE, VM_U64(row->since_ns))
PLAIN(sample_rate, SAMPLE, row->before
	? number(vm_huge_rate(row->before->count[f->arg], row->now->count[f->arg], row->now->taken_ns - row->before->taken_ns))
	: VM_ABSENT)
PLAIN(sample_anon, SAMPLE, count(row->now->memory.anon))
PLAIN(sample_shmem, SAMPLE, count(row->now->memory.shmem))
PLAIN(sample_file, SAMPLE, count(row->now->memory.file))
PLAIN(sample_blocks, SAMPLE, count(row->now->memory.free_blocks))
PLAIN(sample_scans, SAMPLE, count(row->now->khugepaged.full_scans))

/** Pages of sizes below that of a PMD, given at faults. */
GETTER(sample_small)
{
	ROW(SAMPLE);
	uint64_t from = 0, to = 0;
	if (!row->before)
		return VM_ABSENT;
	for (size_t i = 0; i < row->now->sizes.n; i++) {
		const struct vm_huge_size *z = &row->now->sizes.v[i], *b = vm_hugesys_size(row->before, z->bytes);
		if (z->bytes == row->now->pmd_bytes || z->stat[VM_HUGE_FAULT_ALLOC] == VM_HUGE_UNKNOWN || !b)
			continue;
		to += z->stat[VM_HUGE_FAULT_ALLOC] * z->bytes;
		from += b->stat[VM_HUGE_FAULT_ALLOC] * z->bytes;
	}
	return row->now->sizes.n > 1 ? number(vm_huge_rate(from, to, row->now->taken_ns - row->before->taken_ns)) : VM_ABSENT;
}

/** Free pages of the hugetlb pool, in bytes. */
GETTER(sample_pool)
{
	ROW(SAMPLE);
	uint64_t sum = 0;
	for (size_t i = 0; i < row->now->pools.n; i++) {
		const struct vm_huge_pool *p = &row->now->pools.v[i];
		if (p->node < 0 && p->free != VM_HUGE_UNKNOWN)
			sum += p->free * p->page_bytes;
	}
	return row->now->pools.n ? VM_U64(sum) : VM_ABSENT;
}

#define RATE(name_, key_, help_, flags_, which_, counter_) \
	{ .name = name_, .key = key_, .help = help_ ", a second", .type = VM_T_F64, .unit = VM_U_PERSEC, \
	  .flags = (flags_) | VM_F_RATE, .get = sample_rate, .arg = which_, .source = "vmstat: " counter_ }
#define BYTES(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = flags_, .get = get_, \
	  .source = source_ }

static const struct vm_field sample_fields[] = {
	{ .name = "SINCE", .key = "since_ns", .help = "time since the first sample", .type = VM_T_U64, .unit = VM_U_NS, .flags = D,
	  .get = sample_since, .source = "CLOCK_MONOTONIC" },
	RATE("FAULT/S", "faults_per_second", "huge pages given at a page fault", D, VM_HUGE_C_FAULT_ALLOC, "thp_fault_alloc"),
	RATE("FALLBK/S", "fallbacks_per_second", "faults that wanted one and got base pages", D, VM_HUGE_C_FAULT_FALLBACK,
	     "thp_fault_fallback"),
	{ .name = "SMALL/S", .key = "small_bytes_per_second", .help = "memory given in pages of smaller sizes (mTHP), a second",
	  .type = VM_T_F64, .unit = VM_U_BYTES_PERSEC, .flags = D | VM_F_RATE, .get = sample_small, .source = STATS "anon_fault_alloc" },
	RATE("COLL/S", "collapses_per_second", "huge pages made of base pages", D, VM_HUGE_C_COLLAPSE, "thp_collapse_alloc"),
	RATE("COLLFAIL/S", "collapse_failures_per_second", "the same failed", M, VM_HUGE_C_COLLAPSE_FAILED, "thp_collapse_alloc_failed"),
	RATE("SPLIT/S", "splits_per_second", "huge pages split into base pages", D, VM_HUGE_C_SPLIT_PAGE, "thp_split_page"),
	RATE("SPLITPMD/S", "split_entries_per_second", "entries split into page tables", M, VM_HUGE_C_SPLIT_PMD, "thp_split_pmd"),
	RATE("SWPOUT/S", "swapouts_per_second", "swapped out in one piece", M, VM_HUGE_C_SWPOUT, "thp_swpout"),
	RATE("STALL/S", "compact_stalls_per_second", "tasks that waited for compaction", D, VM_HUGE_C_COMPACT_STALL, "compact_stall"),
	BYTES("ANON", "anon_bytes", "anonymous memory in huge pages", D, sample_anon, "meminfo: AnonHugePages"),
	BYTES("SHMEM", "shmem_bytes", "shared memory in huge pages", D, sample_shmem, "meminfo: ShmemHugePages"),
	BYTES("FILE", "file_bytes", "file memory in huge pages", M, sample_file, "meminfo: FileHugePages"),
	BYTES("POOL", "pool_free_bytes", "free pages of the hugetlb pool", M, sample_pool, HUGETLB "free_hugepages"),
	BYTES("BLOCKS", "free_blocks_bytes", "free memory in blocks of a huge page or more", D, sample_blocks, "buddyinfo"),
	{ .name = "SCANS", .key = "full_scans", .help = "khugepaged's passes over all memory since boot", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M, .get = sample_scans, .source = "khugepaged/full_scans" },
};
FIELDS(vm_huge_sample_fields, "huge sample", "samples", sample_fields);
