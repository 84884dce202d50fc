#include "core/model/hugesys.h"

#include <math.h>
#include <string.h>

static const char *const words[VM_HUGE_WORDS] = {
	[VM_HUGE_NEVER] = "never", [VM_HUGE_MADVISE] = "madvise", [VM_HUGE_ALWAYS] = "always", [VM_HUGE_INHERIT] = "inherit",
	[VM_HUGE_ADVISE] = "advise", [VM_HUGE_WITHIN_SIZE] = "within_size", [VM_HUGE_DENY] = "deny", [VM_HUGE_FORCE] = "force",
	[VM_HUGE_DEFER] = "defer", [VM_HUGE_DEFER_MADVISE] = "defer+madvise",
};

const char *vm_huge_word(enum vm_huge_word w)
{
	return words[w];
}

enum vm_huge_word vm_huge_parse_word(const char *text)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	if (!close)
		return VM_HUGE_WORD_UNKNOWN;
	const size_t n = (size_t)(close - open - 1);
	for (unsigned w = 0; w < VM_HUGE_WORDS; w++)
		if (words[w] && strlen(words[w]) == n && memcmp(open + 1, words[w], n) == 0)
			return (enum vm_huge_word)w;
	return VM_HUGE_WORD_UNKNOWN;
}

const char *const vm_huge_stat_names[VM_HUGE_STATS] = {
	[VM_HUGE_FAULT_ALLOC] = "anon_fault_alloc", [VM_HUGE_FAULT_FALLBACK] = "anon_fault_fallback",
	[VM_HUGE_FAULT_CHARGE] = "anon_fault_fallback_charge", [VM_HUGE_COLLAPSE] = "collapse_alloc",
	[VM_HUGE_COLLAPSE_FAILED] = "collapse_alloc_failed", [VM_HUGE_SHMEM_ALLOC] = "shmem_alloc",
	[VM_HUGE_SHMEM_FALLBACK] = "shmem_fallback", [VM_HUGE_SHMEM_CHARGE] = "shmem_fallback_charge",
	[VM_HUGE_SPLIT] = "split", [VM_HUGE_SPLIT_FAILED] = "split_failed", [VM_HUGE_SPLIT_DEFERRED] = "split_deferred",
	[VM_HUGE_SWPOUT] = "swpout", [VM_HUGE_SWPOUT_FALLBACK] = "swpout_fallback", [VM_HUGE_ZSWPOUT] = "zswpout",
	[VM_HUGE_SWPIN] = "swpin", [VM_HUGE_SWPIN_FALLBACK] = "swpin_fallback",
	[VM_HUGE_NR_ANON] = "nr_anon", [VM_HUGE_NR_PARTIAL] = "nr_anon_partially_mapped",
};

const struct vm_huge_count_info vm_huge_count_info[VM_HUGE_COUNTS] = {
	[VM_HUGE_C_FAULT_ALLOC] = { "thp_fault_alloc", "given at a page fault" },
	[VM_HUGE_C_FAULT_FALLBACK] = { "thp_fault_fallback", "faults that got base pages instead" },
	[VM_HUGE_C_FAULT_CHARGE] = { "thp_fault_fallback_charge", "of these: forbidden by a cgroup's limit" },
	[VM_HUGE_C_COLLAPSE] = { "thp_collapse_alloc", "made of base pages (khugepaged, MADV_COLLAPSE)" },
	[VM_HUGE_C_COLLAPSE_FAILED] = { "thp_collapse_alloc_failed", "not made of them: no memory in one piece" },
	[VM_HUGE_C_SCAN_NONE] = { "thp_scan_exceed_none_pte", "ranges left alone: holes > max_ptes_none" },
	[VM_HUGE_C_SCAN_SWAP] = { "thp_scan_exceed_swap_pte", "ranges left alone: swapped > max_ptes_swap" },
	[VM_HUGE_C_SCAN_SHARED] = { "thp_scan_exceed_share_pte", "ranges left alone: shared > max_ptes_shared" },
	[VM_HUGE_C_FILE_ALLOC] = { "thp_file_alloc", "made for shared memory" },
	[VM_HUGE_C_FILE_FALLBACK] = { "thp_file_fallback", "shared memory that got base pages instead" },
	[VM_HUGE_C_FILE_CHARGE] = { "thp_file_fallback_charge", "of these: forbidden by a cgroup's limit" },
	[VM_HUGE_C_FILE_MAPPED] = { "thp_file_mapped", "files and shared memory mapped by one entry" },
	[VM_HUGE_C_SPLIT_PAGE] = { "thp_split_page", "split into base pages" },
	[VM_HUGE_C_SPLIT_FAILED] = { "thp_split_page_failed", "not split, as somebody held a page" },
	[VM_HUGE_C_SPLIT_DEFERRED] = { "thp_deferred_split_page", "partly unmapped, to be split if need be" },
	[VM_HUGE_C_SPLIT_UNDERUSED] = { "thp_underused_split_page", "split, as they were mostly zeros" },
	[VM_HUGE_C_SPLIT_PMD] = { "thp_split_pmd", "entries split; their pages stay huge" },
	[VM_HUGE_C_SPLIT_PUD] = { "thp_split_pud", "entries of 1G split" },
	[VM_HUGE_C_ZERO_ALLOC] = { "thp_zero_page_alloc", "huge pages of zeros made" },
	[VM_HUGE_C_ZERO_FAILED] = { "thp_zero_page_alloc_failed", "huge pages of zeros not made" },
	[VM_HUGE_C_SWPOUT] = { "thp_swpout", "swapped out in one piece" },
	[VM_HUGE_C_SWPOUT_FALLBACK] = { "thp_swpout_fallback", "split before they were swapped out" },
	[VM_HUGE_C_MIGRATED] = { "thp_migration_success", "moved to another place in memory" },
	[VM_HUGE_C_MIGRATE_FAILED] = { "thp_migration_fail", "not moved" },
	[VM_HUGE_C_MIGRATE_SPLIT] = { "thp_migration_split", "split to be moved" },
	[VM_HUGE_C_COMPACT_STALL] = { "compact_stall", "tasks that waited for compaction" },
	[VM_HUGE_C_COMPACT_SUCCESS] = { "compact_success", "compaction made a block" },
	[VM_HUGE_C_COMPACT_FAIL] = { "compact_fail", "compaction made none" },
	[VM_HUGE_C_POOL_ALLOC] = { "htlb_buddy_alloc_success", "pages added to the hugetlb pool" },
	[VM_HUGE_C_POOL_FAILED] = { "htlb_buddy_alloc_fail", "pages not added to the hugetlb pool" },
	[VM_HUGE_C_DIRECT_SPLIT_2M] = { "direct_map_level2_splits", "2M entries of the direct map split" },
	[VM_HUGE_C_DIRECT_SPLIT_1G] = { "direct_map_level3_splits", "1G entries of the direct map split" },
	[VM_HUGE_C_DIRECT_JOIN_2M] = { "direct_map_level2_collapses", "2M entries of the direct map joined again" },
	[VM_HUGE_C_DIRECT_JOIN_1G] = { "direct_map_level3_collapses", "1G entries of the direct map joined again" },
};

void vm_hugesys_free(struct vm_hugesys *h)
{
	vm_vec_free(&h->sizes);
	vm_vec_free(&h->pools);
}

const struct vm_huge_size *vm_hugesys_size(const struct vm_hugesys *h, uint64_t bytes)
{
	for (size_t i = 0; i < h->sizes.n; i++)
		if (h->sizes.v[i].bytes == bytes)
			return &h->sizes.v[i];
	return NULL;
}

enum vm_huge_word vm_hugesys_anon(const struct vm_hugesys *h, uint64_t bytes)
{
	const struct vm_huge_size *z = vm_hugesys_size(h, bytes);
	return !z ? VM_HUGE_WORD_ABSENT : z->anon == VM_HUGE_INHERIT ? h->enabled : z->anon;
}

enum vm_huge_word vm_hugesys_shmem(const struct vm_hugesys *h, uint64_t bytes)
{
	const struct vm_huge_size *z = vm_hugesys_size(h, bytes);
	if (h->shmem == VM_HUGE_DENY || !z)
		return z ? VM_HUGE_DENY : VM_HUGE_WORD_ABSENT;
	if (z->shmem == VM_HUGE_INHERIT || z->shmem == VM_HUGE_WORD_ABSENT)
		return h->shmem;
	/* "force" lets only those sizes through that inherit it. */
	return h->shmem == VM_HUGE_FORCE ? VM_HUGE_NEVER : z->shmem;
}

double vm_huge_rate(uint64_t from, uint64_t to, uint64_t ns)
{
	if (from == VM_HUGE_UNKNOWN || to == VM_HUGE_UNKNOWN || to < from || !ns)
		return (double)NAN;
	return (double)(to - from) * 1e9 / (double)ns;
}
