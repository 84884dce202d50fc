/** bpf/fault_kind.h, core/model/fault: which fault was which. */
#include "bpf/fault_kind.h"

#include "core/model/fault.h"
#include "core/model/pgtable.h"

#include "unit.h"

#define FRAME(n) ((unsigned long long)(n) << 12)
#define PRESENT(n) (FRAME(n) | VM_PTE_P | 0x24)
#define WRITABLE(n) (PRESENT(n) | VM_PTE_RW)
#define HUGE(n) ((WRITABLE(n) & ~0x1ff000ULL) | VM_PTE_PSE)
#define SWAP(type) ((unsigned long long)(type) << 59 | 0x1000)

enum { R = 0, W = VM_PF_WRITE, NONE = VM_BACK_NONE, ANON = VM_BACK_ANON, FILE_ = VM_BACK_FILE, SHMEM = VM_BACK_SHMEM,
       HUGETLB = VM_BACK_HUGETLB, DEVICE = VM_BACK_DEVICE, ZERO = 77 };

static const struct {
	unsigned kind;
	unsigned error;
	int backing;
	unsigned long long before, after, flags;
	unsigned before_level, after_level, major, grew, huge_allowed;
} cases[] = {
	/* Nothing was there. */
	{ VM_FAULT_ANON_FIRST, W, ANON, 0, WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_ZERO_PAGE, R, ANON, 0, PRESENT(ZERO) | VM_PTE_SPECIAL, 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_ZERO_PAGE, R, ANON, 0, PRESENT(ZERO), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_ANON_FIRST, R, ANON, 0, PRESENT(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_THP_ANON, W, ANON, 0, HUGE(512), 0, 1, 1, 0, 0, 1 },
	{ VM_FAULT_THP_ZERO, R, ANON, 0, HUGE(512) & ~VM_PTE_RW, 0, 1, 1, 0, 0, 1 },
	{ VM_FAULT_THP_FALLBACK, W, ANON, 0, WRITABLE(5), 0, 1, 0, 0, 0, 1 },
	{ VM_FAULT_ANON_FIRST, W, ANON, 0, WRITABLE(5), 0, 1, 0, 0, 0, 0 },
	{ VM_FAULT_ANON_FIRST, W, ANON, 0, WRITABLE(5), 0, 0, 0, 0, 0, 1 },
	{ VM_FAULT_FILE_CACHE, R, FILE_, 0, PRESENT(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_FILE_DISK, R, FILE_, 0, PRESENT(5), 0, 0, 0, 1, 0, 0 },
	{ VM_FAULT_FILE_DISK, W, FILE_, 0, WRITABLE(5), VM_VMA_SHARED, 0, 0, 1, 0, 0 },
	{ VM_FAULT_FILE_MKWRITE, W, FILE_, 0, WRITABLE(5), VM_VMA_SHARED, 0, 0, 0, 0, 0 },
	{ VM_FAULT_COW, W, FILE_, 0, WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_THP_FILE, R, FILE_, 0, HUGE(512), 0, 1, 1, 0, 0, 0 },
	{ VM_FAULT_SHMEM, W, SHMEM, 0, WRITABLE(5), VM_VMA_SHARED, 0, 0, 0, 0, 0 },
	{ VM_FAULT_SWAP_IN, W, SHMEM, 0, WRITABLE(5), VM_VMA_SHARED, 0, 0, 1, 0, 0 },
	{ VM_FAULT_COW, W, SHMEM, 0, WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_THP_FILE, W, SHMEM, 0, HUGE(512), VM_VMA_SHARED, 1, 1, 0, 0, 0 },
	{ VM_FAULT_HUGETLB, W, HUGETLB, 0, HUGE(512), VM_VMA_HUGETLB, 1, 1, 0, 0, 0 },
	{ VM_FAULT_DEVICE, R, DEVICE, 0, PRESENT(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_UFFD, W, ANON, 0, WRITABLE(5), VM_VMA_UFFD_MISSING, 0, 0, 0, 0, 0 },
	{ VM_FAULT_UNKNOWN, W, NONE, 0, WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_MAJOR, W, NONE, 0, WRITABLE(5), 0, 0, 0, 1, 0, 0 },
	{ VM_FAULT_STACK_GROWTH, W, ANON, 0, WRITABLE(5), VM_VMA_GROWSDOWN, 0, 0, 0, 1, 0 },
	/* It was there, and read-only. */
	{ VM_FAULT_COW, W, ANON, PRESENT(5), WRITABLE(6), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_COW_REUSE, W, ANON, PRESENT(5), WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_SOFT_DIRTY, W, ANON, PRESENT(5), WRITABLE(5) | VM_PTE_SOFT, 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_COW_REUSE, W, ANON, PRESENT(5) | VM_PTE_SOFT, WRITABLE(5) | VM_PTE_SOFT, 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_ZERO_WRITE, W, ANON, PRESENT(ZERO), WRITABLE(6), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_ZERO_WRITE, W, ANON, PRESENT(9) | VM_PTE_SPECIAL, WRITABLE(6), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_UFFD, W, ANON, PRESENT(5) | VM_PTE_UFFD, WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_FILE_MKWRITE, W, FILE_, PRESENT(5), WRITABLE(5), VM_VMA_SHARED, 0, 0, 0, 0, 0 },
	{ VM_FAULT_SHMEM, W, SHMEM, PRESENT(5), WRITABLE(5), VM_VMA_SHARED, 0, 0, 0, 0, 0 },
	{ VM_FAULT_COW, W, FILE_, PRESENT(5), WRITABLE(6), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_THP_COW, W, ANON, HUGE(512) & ~VM_PTE_RW, WRITABLE(6), 0, 1, 0, 0, 0, 0 },
	{ VM_FAULT_DEVICE, W, DEVICE, PRESENT(5), WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	/* It was there, and permitted it. */
	{ VM_FAULT_SPURIOUS, W, ANON, WRITABLE(5), WRITABLE(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_SPURIOUS, R, FILE_, PRESENT(5), PRESENT(5), 0, 0, 0, 0, 0, 0 },
	/* Something else than a page was there. */
	{ VM_FAULT_NUMA_HINT, R, ANON, (~FRAME(5) & VM_PTE_FRAME) | VM_PTE_PROTNONE, PRESENT(5), 0, 0, 0, 0, 0, 0 },
	{ VM_FAULT_SWAP_IN, R, ANON, SWAP(1), PRESENT(5), 0, 0, 0, 1, 0, 0 },
	{ VM_FAULT_SWAP_CACHE, R, ANON, SWAP(1), PRESENT(5), 0, 0, 0, 0, 0, 0 },
};

static struct vm_fault_facts facts_of(size_t i)
{
	struct vm_swap_types t;
	vm_swap_types_of(618, 0, &t);
	return (struct vm_fault_facts){
		.before = cases[i].before, .after = cases[i].after, .vma_flags = cases[i].flags, .zero_pfn = ZERO,
		.error = cases[i].error, .before_level = (unsigned char)cases[i].before_level,
		.after_level = (unsigned char)cases[i].after_level, .walked = 1, .walked_after = 1,
		.backing = (unsigned char)cases[i].backing, .major = (unsigned char)cases[i].major,
		.grew = (unsigned char)cases[i].grew, .huge_allowed = (unsigned char)cases[i].huge_allowed,
		.swap_first = t.first, .marker = t.marker, .migration = t.migration, .migration_n = t.migration_n,
		.device = t.device, .device_n = t.device_n,
	};
}

START_TEST(kinds_follow_from_facts)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vm_fault_facts f = facts_of(i);
		const unsigned got = vm_fault_kind_of(&f);
		ck_assert_msg(got == cases[i].kind, "case %zu: %s instead of %s", i, vm_fault_kinds[got].key,
			      vm_fault_kinds[cases[i].kind].key);
	}
}
END_TEST

START_TEST(writes_handled_twice_read_nothing)
{
	struct vm_fault_facts f = {
		.after = WRITABLE(5), .vma_flags = VM_VMA_SHARED, .error = W, .walked = 1, .walked_after = 1, .backing = SHMEM,
		.major = 1, .shared_retries = 1,
	};
	ck_assert_uint_eq(vm_fault_kind_of(&f), VM_FAULT_SHMEM);
	f.backing = FILE_;
	ck_assert_uint_eq(vm_fault_kind_of(&f), VM_FAULT_FILE_MKWRITE);
	f.error = R;
	ck_assert_uint_eq(vm_fault_kind_of(&f), VM_FAULT_FILE_DISK);
	f.error = W;
	f.vma_flags = 0;
	ck_assert_uint_eq(vm_fault_kind_of(&f), VM_FAULT_FILE_DISK);
}
END_TEST

START_TEST(special_swap_types_are_no_swap)
{
	static const unsigned versions[] = { 510, 601, 612, 618, 702 };
	for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
		struct vm_swap_types t;
		vm_swap_types_of(versions[v], 0, &t);
		struct vm_fault_facts f = facts_of(0);
		f.marker = t.marker;
		f.migration = t.migration;
		f.migration_n = t.migration_n;
		f.device = t.device;
		f.device_n = t.device_n;
		for (unsigned type = 0; type < 32; type++) {
			f.before = SWAP(type);
			const unsigned kind = vm_fault_kind_of(&f);
			const bool migrates = type >= t.migration && type < t.migration + (unsigned)t.migration_n;
			const bool device = t.device_n && type >= t.device && type < t.device + (unsigned)t.device_n;
			ck_assert_uint_eq(kind == VM_FAULT_MIGRATION, migrates);
			ck_assert_uint_eq(kind == VM_FAULT_DEVICE, device);
			ck_assert_uint_eq(kind == VM_FAULT_UFFD, t.marker && type == t.marker);
			if (type < VM_SWAP_AREAS_LEAST)
				ck_assert_uint_eq(kind, VM_FAULT_SWAP_CACHE);
		}
	}
}
END_TEST

START_TEST(without_page_tables_less_is_known)
{
	static const struct { int backing; unsigned major, kind; } want[] = {
		{ ANON, 0, VM_FAULT_MINOR_ANON }, { FILE_, 0, VM_FAULT_MINOR_FILE }, { SHMEM, 0, VM_FAULT_MINOR_SHMEM },
		{ NONE, 0, VM_FAULT_MINOR }, { ANON, 1, VM_FAULT_SWAP_IN }, { FILE_, 1, VM_FAULT_FILE_DISK },
		{ SHMEM, 1, VM_FAULT_SWAP_IN }, { NONE, 1, VM_FAULT_MAJOR }, { HUGETLB, 0, VM_FAULT_HUGETLB },
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct vm_fault_facts f = { .backing = (unsigned char)want[i].backing, .major = (unsigned char)want[i].major };
		ck_assert_uint_eq(vm_fault_kind_of(&f), want[i].kind);
	}
}
END_TEST

START_TEST(signals_tell_what_was_wrong)
{
	/* A guard: the marker of kind 4, whose offset is kept inverted. */
	const unsigned long long guard = 31ULL << 59 | (~(4ULL << 14) >> 5 & ((1ULL << 59) - 1) & ~0x1ffULL);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 1, 0, 1, 31), VM_FAULT_UNMAPPED);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 2, 0, 1, 31), VM_FAULT_PERMISSION);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 4, PRESENT(5), 1, 31), VM_FAULT_PKEY);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 1, guard, 1, 31), VM_FAULT_GUARD);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 1, guard, 0, 31), VM_FAULT_UNMAPPED);
	ck_assert_uint_eq(vm_fault_kind_signal(11, 128, 0, 1, 31), VM_FAULT_INVALID);
	ck_assert_uint_eq(vm_fault_kind_signal(7, 2, 0, 1, 31), VM_FAULT_BEYOND_EOF);
	ck_assert_uint_eq(vm_fault_kind_signal(7, 4, 0, 1, 31), VM_FAULT_HWPOISON);
	ck_assert_uint_eq(vm_fault_kind_signal(7, 3, 0, 1, 31), VM_FAULT_INVALID);
}
END_TEST

/** Whatever is found, the answer is a kind. */
START_TEST(any_facts_give_a_kind)
{
	uint64_t x = 88172645463325252;
	for (unsigned i = 0; i < 200000; i++) {
		struct vm_fault_facts f;
		for (size_t k = 0; k < sizeof(f); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			((unsigned char *)&f)[k] = (unsigned char)x;
		}
		f.before_level %= 5;
		f.after_level %= 5;
		ck_assert_uint_lt(vm_fault_kind_of(&f), VM_FAULT_FIRST_INVALID);
	}
}
END_TEST

START_TEST(kinds_have_words)
{
	for (unsigned i = 0; i < VM_FAULT_KIND_NR; i++) {
		const struct vm_fault_kind_info *k = &vm_fault_kinds[i];
		ck_assert_ptr_nonnull(k->key);
		ck_assert_ptr_nonnull(k->name);
		ck_assert_ptr_nonnull(k->sentence);
		ck_assert_uint_le(strlen(k->name), 28);
		ck_assert_uint_le(strlen(k->key), 18);
		ck_assert_int_eq(vm_fault_kind_find(k->key), (int)i);
	}
	ck_assert_int_eq(vm_fault_kind_find("nonsense"), -1);
	ck_assert(!vm_fault_is_invalid(VM_FAULT_MAJOR));
	ck_assert(vm_fault_is_invalid(VM_FAULT_UNMAPPED));
	ck_assert(!vm_fault_is_invalid(VM_FAULT_UNRESOLVED));
}
END_TEST

START_TEST(error_codes_in_words)
{
	char buf[96];
	ck_assert_str_eq(vm_fault_error_words(6, buf, sizeof(buf)), "user write absent");
	ck_assert_str_eq(vm_fault_error_words(0, buf, sizeof(buf)), "kernel read absent");
	ck_assert_str_eq(vm_fault_error_words(0x15, buf, sizeof(buf)), "user fetch protected");
	ck_assert_str_eq(vm_fault_error_words(0x27, buf, sizeof(buf)), "user write protected pkey");
	ck_assert_str_eq(vm_fault_error_words(0xd, buf, sizeof(buf)), "user read protected reserved-bits");
}
END_TEST

UNIT_MAIN("fault_kind", kinds_follow_from_facts, writes_handled_twice_read_nothing, special_swap_types_are_no_swap,
	  without_page_tables_less_is_known, signals_tell_what_was_wrong, any_facts_give_a_kind, kinds_have_words, error_codes_in_words)
