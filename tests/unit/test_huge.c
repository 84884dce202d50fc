/** core/model/hugesys, hugespace, core/source/hugesys, hugefs: what the kernel says of huge pages. */
#include "core/source/hugesys.h"

#include <math.h>

#include "core/model/vmflags.h"
#include "core/source/hugefs.h"
#include "core/source/hugefolio.h"

#include "space.h"

#define M2 UINT64_C(0x200000)

START_TEST(words)
{
	ck_assert_int_eq(vm_huge_parse_word("always [madvise] never\n"), VM_HUGE_MADVISE);
	ck_assert_int_eq(vm_huge_parse_word("always defer [defer+madvise] madvise never"), VM_HUGE_DEFER_MADVISE);
	ck_assert_int_eq(vm_huge_parse_word("always within_size advise never deny [force]"), VM_HUGE_FORCE);
	ck_assert_int_eq(vm_huge_parse_word("always [inherit] madvise never"), VM_HUGE_INHERIT);
	ck_assert_int_eq(vm_huge_parse_word("[sometimes]"), VM_HUGE_WORD_UNKNOWN);
	ck_assert_int_eq(vm_huge_parse_word("[always"), VM_HUGE_WORD_UNKNOWN);
	ck_assert_int_eq(vm_huge_parse_word("always"), VM_HUGE_WORD_UNKNOWN);
	ck_assert_int_eq(vm_huge_parse_word(""), VM_HUGE_WORD_UNKNOWN);
	ck_assert_ptr_null(vm_huge_word(VM_HUGE_WORD_UNKNOWN));
	ck_assert_ptr_null(vm_huge_word(VM_HUGE_WORD_ABSENT));
	ck_assert_str_eq(vm_huge_word(VM_HUGE_DEFER_MADVISE), "defer+madvise");
}
END_TEST

START_TEST(counts)
{
	const char *vmstat = "nr_free_pages 12\nthp_fault_alloc 7\nthp_fault_alloc_x 8\nthp_file_alloc 18446744073709551616\nthp_swpout x\n"
			     "thp_split_pmd 3";
	ck_u64_eq(vm_huge_parse_count(vmstat, "thp_fault_alloc"), 7);
	ck_u64_eq(vm_huge_parse_count(vmstat, "thp_split_pmd"), 3);
	ck_u64_eq(vm_huge_parse_count(vmstat, "thp_fault"), VM_HUGE_UNKNOWN);
	ck_u64_eq(vm_huge_parse_count(vmstat, "thp_file_alloc"), VM_HUGE_UNKNOWN);
	ck_u64_eq(vm_huge_parse_count(vmstat, "thp_swpout"), VM_HUGE_UNKNOWN);
	ck_u64_eq(vm_huge_parse_count("", "thp_swpout"), VM_HUGE_UNKNOWN);
	const char *meminfo = "MemTotal:       24683656 kB\nAnonHugePages:     2048 kB\nHugePages_Total:       4\nDirectMap4k: 8 kB\n";
	ck_u64_eq(vm_huge_parse_memory(meminfo, "AnonHugePages"), M2);
	ck_u64_eq(vm_huge_parse_memory(meminfo, "DirectMap4k"), 8192);
	ck_u64_eq(vm_huge_parse_memory(meminfo, "HugePages_Total"), VM_HUGE_UNKNOWN);
	ck_u64_eq(vm_huge_parse_memory(meminfo, "Anon"), VM_HUGE_UNKNOWN);
	for (unsigned i = 0; i < VM_HUGE_COUNTS; i++)
		ck_assert(vm_huge_count_info[i].name && vm_huge_count_info[i].words);
	for (unsigned i = 0; i < VM_HUGE_STATS; i++)
		ck_assert_ptr_nonnull(vm_huge_stat_names[i]);
}
END_TEST

START_TEST(rates)
{
	ck_assert_double_eq(vm_huge_rate(10, 30, 2000000000), 10);
	ck_assert(isnan(vm_huge_rate(30, 10, 1000)));
	ck_assert(isnan(vm_huge_rate(VM_HUGE_UNKNOWN, 10, 1000)));
	ck_assert(isnan(vm_huge_rate(1, 10, 0)));
}
END_TEST

START_TEST(buddyinfo)
{
	const char *text = "Node 0, zone      DMA      1      0      0      0      0      0      0      0      1      1      3 \n"
			   "Node 1, zone   Normal    100     50      0      0      0      0      0      0      0      2      5 \n"
			   "nonsense\n";
	/* Orders 9 and 10: 1 + 2 blocks of 2M, 3 + 5 of 4M. */
	ck_u64_eq(vm_huge_parse_buddyinfo(text, 4096, M2), 3 * M2 + 8 * 2 * M2);
	ck_u64_eq(vm_huge_parse_buddyinfo(text, 4096, 4096), 101 * 4096 + 50 * 8192 + (UINT64_C(1) << 20) + 3 * M2 + 8 * 2 * M2);
	ck_u64_eq(vm_huge_parse_buddyinfo("nonsense\n", 4096, M2), VM_HUGE_UNKNOWN);
	ck_u64_eq(vm_huge_parse_buddyinfo("", 4096, M2), VM_HUGE_UNKNOWN);
}
END_TEST

static struct vm_huge_size size_of(uint64_t bytes, enum vm_huge_word anon, enum vm_huge_word shmem, uint64_t nr_anon)
{
	struct vm_huge_size z = { .bytes = bytes, .anon = anon, .shmem = shmem };
	z.stat[VM_HUGE_NR_ANON] = nr_anon;
	return z;
}

START_TEST(inheriting)
{
	struct vm_hugesys h = { .enabled = VM_HUGE_MADVISE, .shmem = VM_HUGE_ADVISE, .pmd_bytes = M2 };
	ck_assert(vm_vec_push(&h.sizes, size_of(65536, VM_HUGE_NEVER, VM_HUGE_ALWAYS, 0)));
	ck_assert(vm_vec_push(&h.sizes, size_of(M2, VM_HUGE_INHERIT, VM_HUGE_INHERIT, 3)));
	ck_assert_int_eq(vm_hugesys_anon(&h, M2), VM_HUGE_MADVISE);
	ck_assert_int_eq(vm_hugesys_anon(&h, 65536), VM_HUGE_NEVER);
	ck_assert_int_eq(vm_hugesys_anon(&h, 4096), VM_HUGE_WORD_ABSENT);
	ck_assert_int_eq(vm_hugesys_shmem(&h, M2), VM_HUGE_ADVISE);
	ck_assert_int_eq(vm_hugesys_shmem(&h, 65536), VM_HUGE_ALWAYS);
	h.shmem = VM_HUGE_DENY;
	ck_assert_int_eq(vm_hugesys_shmem(&h, 65536), VM_HUGE_DENY);
	h.shmem = VM_HUGE_FORCE;
	ck_assert_int_eq(vm_hugesys_shmem(&h, M2), VM_HUGE_FORCE);
	ck_assert_int_eq(vm_hugesys_shmem(&h, 65536), VM_HUGE_NEVER);
	char path[128];
	ck_assert_str_eq(vm_hugesys_path(&h, VM_HUGE_SET_ANON, M2, path, sizeof(path)), "/sys/kernel/mm/transparent_hugepage/enabled");
	ck_assert_str_eq(vm_hugesys_path(&h, VM_HUGE_SET_ANON, 65536, path, sizeof(path)),
			 "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled");
	ck_assert_str_eq(vm_hugesys_path(&h, VM_HUGE_SET_SHMEM_ALL, 65536, path, sizeof(path)),
			 "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	/* Which sizes anonymous memory has: one look settles a block of the smallest. */
	ck_u64_eq(vm_folios_orders(&h, 4096), 1 << 9);
	h.sizes.v[0].stat[VM_HUGE_NR_ANON] = 1;
	ck_u64_eq(vm_folios_orders(&h, 4096), 1 << 9 | 1 << 4);
	h.sizes.v[0].stat[VM_HUGE_NR_ANON] = VM_HUGE_UNKNOWN;
	ck_u64_eq(vm_folios_orders(&h, 4096), VM_FOLIOS_ALL);
	/* A size that only shared memory can have. */
	h.sizes.v[0].anon = VM_HUGE_WORD_ABSENT;
	ck_u64_eq(vm_folios_orders(&h, 4096), 1 << 9);
	vm_hugesys_free(&h);
	ck_u64_eq(vm_folios_orders(&(struct vm_hugesys){ 0 }, 4096), VM_FOLIOS_ALL);
}
END_TEST

START_TEST(mounts)
{
	static const char text[] =
		"21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
		"22 21 0:30 / /dev/shm rw,nosuid master:4 shared:2 - tmpfs tmpfs rw,size=1024k\n"
		"23 21 0:31 / /mnt rw - tmpfs none rw,huge=within_size,size=4k\n"
		"24 21 0:32 / /odd rw - tmpfs none rw,huge=alwaysx,nohuge=advise\n"
		"25 21 0:33 / /dev/hugepages rw - hugetlbfs none rw,pagesize=2M\n"
		"26 21 0:34\nshort\n\n"
		"27 21 x:y / /bad rw - tmpfs none rw\n";
	struct vm_hugefs f = { 0 };
	ck_assert_int_eq(vm_hugefs_parse(text, &f), 0);
	ck_assert_uint_eq(f.mounts.n, 5);
	ck_assert_int_eq(f.mounts.v[0].backing, VM_HUGE_B_FILE);
	ck_assert_str_eq(f.mounts.v[0].type, "ext4");
	ck_assert_int_eq(f.mounts.v[1].backing, VM_HUGE_B_TMPFS);
	ck_assert_int_eq(f.mounts.v[1].huge, VM_HUGE_NEVER);
	ck_assert_str_eq(f.mounts.v[1].at, "/dev/shm");
	ck_assert_int_eq(f.mounts.v[2].huge, VM_HUGE_WITHIN_SIZE);
	ck_assert_int_eq(f.mounts.v[3].huge, VM_HUGE_NEVER);
	ck_assert_int_eq(f.mounts.v[4].backing, VM_HUGE_B_HUGETLB);

	struct vm_aspace *as = space_of("10000000-10001000 rw-p 00000000 00:00 0 [heap]\n"
					"20000000-20001000 r-xp 00000000 08:01 5 /bin/x\n"
					"30000000-30001000 rw-s 00000000 00:1f 6 /mnt/f\n"
					"40000000-40001000 rw-s 00000000 00:01 7 /memfd:a (deleted)\n"
					"50000000-50001000 rw-s 00000000 00:01 8 /dev/zero (deleted)\n"
					"60000000-60001000 rw-p 00000000 00:05 9 /dev/zero\n"
					"70000000-70001000 rw-s 00000000 00:21 9 /dev/hugepages/a\n"
					"80000000-80001000 r--p 00000000 00:00 0 [vvar]\n"
					"90000000-90001000 rw-s 00000000 00:06 9 /dev/dri/card0\n");
	static const enum vm_huge_backing want[] = {
		VM_HUGE_B_ANON, VM_HUGE_B_FILE, VM_HUGE_B_TMPFS, VM_HUGE_B_SHMEM, VM_HUGE_B_SHMEM, VM_HUGE_B_ANON, VM_HUGE_B_HUGETLB,
		VM_HUGE_B_SPECIAL, VM_HUGE_B_SPECIAL,
	};
	struct vm_huge_space h;
	ck_assert_int_eq(vm_huge_space_begin(&h, as, 4096, M2), 0);
	vm_hugefs_classify(&f, &h);
	for (size_t i = 0; i < as->nmaps; i++)
		ck_assert_int_eq(h.map[i].backing, want[i]);
	ck_assert_int_eq(h.map[2].mount, VM_HUGE_WITHIN_SIZE);
	ck_assert_ptr_eq(vm_hugefs_of(&f, &as->map[2]), &f.mounts.v[2]);
	ck_assert_ptr_null(vm_hugefs_of(&f, &as->map[0]));
	vm_huge_space_free(&h);
	vm_aspace_free(as);
	vm_hugefs_free(&f);
}
END_TEST

START_TEST(raw_flags)
{
	struct vm_mapping m = { 0 };
	struct vm_area area = { .flags = UINT64_C(1) << 29 | UINT64_C(1) << 8 | UINT64_C(1) << 13 | 3 };
	uint64_t flags;
	ck_assert(!vm_mapping_huge_flags(&m, &flags));
	m.area = &area;
	ck_assert(vm_mapping_huge_flags(&m, &flags));
	ck_u64_eq(flags, VM_VMF(HG) | VM_VMF(GD) | VM_VMF(LO));
	/* What smaps said goes before it. */
	m.have_flags = true;
	m.flags = VM_VMF(NH);
	ck_assert(vm_mapping_huge_flags(&m, &flags));
	ck_u64_eq(flags, VM_VMF(NH));
}
END_TEST

START_TEST(whole_ranges)
{
	static const struct { uint64_t start, end, from, to; } t[] = {
		{ 0, M2, 0, M2 }, { 1, M2, M2, M2 }, { M2 + 4096, 5 * M2 - 4096, 2 * M2, 4 * M2 }, { 4096, 3 * M2 / 2, 3 * M2 / 2, 3 * M2 / 2 },
		{ 4096, 8192, 8192, 8192 }, { UINT64_MAX - 4095, UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t from, to;
		vm_huge_whole(t[i].start, t[i].end, M2, &from, &to);
		ck_u64_eq(to - from, t[i].to - t[i].from);
		if (from != to)
			ck_u64_eq(from, t[i].from);
	}
}
END_TEST

START_TEST(spaces)
{
	struct vm_aspace *as = space_of("10000000-10600000 rw-p 00000000 00:00 0 \n20001000-20301000 rw-p 00000000 00:00 0 \n");
	struct vm_huge_space h;
	bool no_memory;
	ck_assert_int_eq(vm_huge_space_begin(&h, as, 4096, M2), 0);
	ck_assert(vm_huge_space_add(&h, 0, VM_HUGE_ANON, VM_HUGE_ENTRY, 9, M2));
	ck_assert(vm_huge_space_add(&h, 0, VM_HUGE_ANON, VM_HUGE_SMALL, 0, 4096));
	ck_assert(vm_huge_space_add(&h, 0, VM_HUGE_ANON, VM_HUGE_ENTRY, 9, M2));
	ck_assert(vm_huge_space_add(&h, 1, VM_HUGE_SHMEM, VM_HUGE_UNALIGNED, 4, 65536));
	ck_assert(vm_huge_space_add(&h, 1, VM_HUGE_SHMEM, VM_HUGE_PARTLY, 0, 8192));
	/* Equal ones are one; ranges that don't lie whole in the mapping are none. */
	ck_assert_uint_eq(h.map[0].ncells, 2);
	ck_assert_ptr_nonnull(vm_huge_space_range(&h, 0, 0x10200123, &no_memory));
	ck_assert_ptr_eq(vm_huge_space_range(&h, 0, 0x103ff000, &no_memory), &h.ranges.v[0]);
	ck_assert_ptr_nonnull(vm_huge_space_range(&h, 0, 0x10400000, &no_memory));
	ck_assert_ptr_null(vm_huge_space_range(&h, 1, 0x20001000, &no_memory));
	ck_assert_ptr_null(vm_huge_space_range(&h, 1, 0x20200000, &no_memory));
	ck_assert(!no_memory);
	vm_huge_space_end(&h);
	ck_u64_eq(h.map[0].resident, 2 * M2 + 4096);
	ck_u64_eq(h.map[0].huge, 2 * M2);
	ck_u64_eq(h.map[1].large, 65536);
	ck_u64_eq(h.map[1].partly, 8192);
	ck_u64_eq(h.total.resident, 2 * M2 + 4096 + 65536 + 8192);
	ck_u64_eq(h.sum[VM_HUGE_ANON][VM_HUGE_ENTRY][9], 2 * M2);
	ck_assert_uint_eq(h.map[0].nranges, 2);
	vm_huge_space_free(&h);
	vm_aspace_free(as);
}
END_TEST

START_TEST(guesses)
{
	struct vm_aspace *as = space_of("10000000-10800000 rw-p 00000000 00:00 0 \n");
	for (unsigned sizes = 0; sizes < 2; sizes++) {
		struct vm_huge_space h;
		ck_assert_int_eq(vm_huge_space_begin(&h, as, 4096, M2), 0);
		/* Of four ranges the first isn't full; smaps says that two are huge. */
		for (unsigned i = 0; i < 4; i++) {
			bool no_memory;
			struct vm_huge_range *r = vm_huge_space_range(&h, 0, 0x10000000 + i * M2, &no_memory);
			r->present = i ? 512 : 511;
			r->flags = i > 1 ? VM_HUGE_R_WHOLE : 0;
			ck_assert(vm_huge_space_add(&h, 0, VM_HUGE_ANON, i > 1 && sizes ? VM_HUGE_ALIGNED : VM_HUGE_SMALL,
						    i > 1 && sizes ? 9 : 0, r->present * UINT64_C(4096)));
		}
		ck_assert(vm_huge_space_guess(&h, 0, 2 * M2, sizes));
		vm_huge_space_end(&h);
		ck_u64_eq(h.map[0].huge, 2 * M2);
		ck_u64_eq(h.map[0].resident, 4 * M2 - 4096);
		for (unsigned i = 0; i < 4; i++)
			ck_assert_int_eq(h.ranges.v[i].flags & VM_HUGE_R_HUGE, sizes ? i > 1 : i == 1 || i == 2);
		vm_huge_space_free(&h);
	}
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("huge", words, counts, rates, buddyinfo, inheriting, mounts, raw_flags, whole_ranges, spaces, guesses)
