/** core/model/aspace: finding, adding, deriving; unknown is not zero. */
#include "core/model/aspace.h"

#include <sys/mman.h>

#include "space.h"

static struct vm_aspace *three(void)
{
	return space_of("1000-3000 rw-p 00000000 00:00 0 \n"
			"3000-4000 r--p 00000000 00:00 0 \n"
			"8000-9000 rw-p 00000000 00:00 0 \n");
}

START_TEST(find_and_at)
{
	struct vm_aspace *as = three();
	static const struct { uint64_t addr; size_t index; bool in; } tab[] = {
		{ 0, 0, false }, { 0xfff, 0, false }, { 0x1000, 0, true }, { 0x2fff, 0, true },
		{ 0x3000, 1, true }, { 0x3fff, 1, true }, { 0x4000, 2, false }, { 0x7fff, 2, false },
		{ 0x8000, 2, true }, { 0x8fff, 2, true }, { 0x9000, 3, false }, { UINT64_MAX, 3, false },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		ck_assert_uint_eq(vm_aspace_find(as, tab[i].addr), tab[i].index);
		ck_assert_ptr_eq(vm_aspace_at(as, tab[i].addr), tab[i].in ? &as->map[tab[i].index] : NULL);
	}
	vm_aspace_free(as);
	as = space_new();
	ck_assert_uint_eq(vm_aspace_find(as, 5), 0);
	ck_assert_ptr_null(vm_aspace_at(as, 5));
	vm_aspace_free(as);
	vm_aspace_free(NULL);
}
END_TEST

START_TEST(add_gives_a_cleared_mapping)
{
	struct vm_aspace *as = space_new();
	for (int i = 0; i < 100; i++) {
		struct vm_mapping *m = vm_aspace_add(as);
		ck_assert_uint_eq(m->count, 1);
		ck_assert_str_eq(m->name, "");
		ck_assert_uint_eq(m->have, 0);
		ck_assert(!m->have_flags);
		memset(m, 0xff, sizeof(*m));
	}
	ck_assert_uint_eq(as->nmaps, 100);
	vm_aspace_clear(as);
	ck_assert_uint_eq(as->nmaps, 0);
	ck_assert_uint_eq(vm_aspace_add(as)->have, 0);
	vm_aspace_free(as);
}
END_TEST

START_TEST(derive)
{
	struct vm_mapping m = { .start = 0x1000, .end = 0x5000, .count = 1 };
	vm_mapping_derive(&m);
	ck_assert_uint_eq(m.have, VM_HAVE(VM_Q_SIZE));
	ck_u64_eq(m.q[VM_Q_SIZE], 0x4000);

	/* One half alone gives no sum. */
	m.q[VM_Q_PRIVATE_CLEAN] = 4096;
	m.have |= VM_HAVE(VM_Q_PRIVATE_CLEAN);
	vm_mapping_derive(&m);
	ck_assert(!(m.have & VM_HAVE(VM_Q_USS)));
	ck_assert(!(m.have & VM_HAVE(VM_Q_DIRTY)));

	m.q[VM_Q_PRIVATE_DIRTY] = 8192;
	m.have |= VM_HAVE(VM_Q_PRIVATE_DIRTY);
	vm_mapping_derive(&m);
	ck_assert(m.have & VM_HAVE(VM_Q_USS));
	ck_u64_eq(m.q[VM_Q_USS], 12288);
	ck_assert(!(m.have & VM_HAVE(VM_Q_DIRTY)));

	m.q[VM_Q_SHARED_DIRTY] = 100;
	m.q[VM_Q_PRIVATE_HUGETLB] = 2097152;
	m.have |= VM_HAVE(VM_Q_SHARED_DIRTY) | VM_HAVE(VM_Q_PRIVATE_HUGETLB);
	vm_mapping_derive(&m);
	ck_u64_eq(m.q[VM_Q_USS], 12288 + 2097152);
	ck_u64_eq(m.q[VM_Q_DIRTY], 8292);
}
END_TEST

START_TEST(add_sums_what_both_know)
{
	struct vm_mapping a = { .start = 0x1000, .end = 0x2000, .count = 1 }, b = a, sum = { 0 };
	a.have = VM_HAVE(VM_Q_SIZE) | VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KSM) | VM_HAVE(VM_Q_KPAGE) | VM_HAVE(VM_Q_PKEY);
	a.q[VM_Q_SIZE] = 4096;
	a.q[VM_Q_RSS] = 10;
	a.q[VM_Q_KSM] = 5;
	a.q[VM_Q_KPAGE] = 4096;
	a.q[VM_Q_PKEY] = 1;
	b.have = VM_HAVE(VM_Q_SIZE) | VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KPAGE) | VM_HAVE(VM_Q_PKEY);
	b.q[VM_Q_SIZE] = 8192;
	b.q[VM_Q_RSS] = 20;
	b.q[VM_Q_KPAGE] = 4096;
	b.q[VM_Q_PKEY] = 2;
	vm_mapping_add(&sum, &a);
	ck_assert_mem_eq(&sum, &a, sizeof(a));
	vm_mapping_add(&sum, &b);
	ck_assert_uint_eq(sum.count, 2);
	ck_u64_eq(sum.q[VM_Q_SIZE], 12288);
	ck_u64_eq(sum.q[VM_Q_RSS], 30);
	/* b doesn't know KSM: the sum doesn't either.  Page sizes agree, protection keys don't. */
	ck_assert_uint_eq(sum.have, VM_HAVE(VM_Q_SIZE) | VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KPAGE));
	ck_u64_eq(sum.q[VM_Q_KPAGE], 4096);
	/* and stays unknown, also where the next one knows it again */
	vm_mapping_add(&sum, &a);
	ck_assert_uint_eq(sum.count, 3);
	ck_assert(!(sum.have & VM_HAVE(VM_Q_KSM)));
	ck_assert(!(sum.have & VM_HAVE(VM_Q_PKEY)));
	ck_u64_eq(sum.q[VM_Q_RSS], 40);
}
END_TEST

START_TEST(add_of_sums_counts_all)
{
	struct vm_mapping a = { .count = 3 }, b = { .count = 4 };
	vm_mapping_add(&a, &b);
	ck_assert_uint_eq(a.count, 7);
}
END_TEST

/* What was the same in all stays; what differed is marked, so that no one shows the first one's. */
START_TEST(add_marks_what_differs)
{
	struct vm_mapping a = { .count = 1, .kind = VM_KIND_TEXT, .prot = PROT_READ, .inode = 5, .name = "/a" }, b = a;
	struct vm_mapping sum = { 0 };
	vm_mapping_add(&sum, &a);
	vm_mapping_add(&sum, &b);
	ck_assert_uint_eq(sum.differs, 0);
	ck_assert_int_eq(sum.kind, VM_KIND_TEXT);
	b.prot = PROT_READ | PROT_WRITE;
	b.kind = VM_KIND_DATA;
	vm_mapping_add(&sum, &b);
	ck_assert_uint_eq(sum.differs, VM_DIFFERS_PERM);
	ck_assert_int_eq(sum.kind, VM_KIND_PROGRAM);
	b.inode = 6;
	b.kind = VM_KIND_LIBTEXT;
	vm_mapping_add(&sum, &b);
	ck_assert_uint_eq(sum.differs, VM_DIFFERS_PERM | VM_DIFFERS_FILE);
	ck_assert_int_eq(sum.kind, VM_KIND_MIXED);
}
END_TEST

static const char two_smaps[] =
	"1000-3000 rw-p 00000000 00:00 0 \n"
	"Rss:                   8 kB\nPss:                   6 kB\nShared_Clean:          1 kB\n"
	"Shared_Dirty:          2 kB\nPrivate_Clean:         3 kB\nPrivate_Dirty:         4 kB\n"
	"Anonymous:             5 kB\nSwapPss:               7 kB\nLocked:                9 kB\n"
	"3000-4000 r--p 00000000 00:00 0 \n"
	"Rss:                   4 kB\nPss:                   1 kB\nShared_Clean:         10 kB\n"
	"Shared_Dirty:         20 kB\nPrivate_Clean:        30 kB\nPrivate_Dirty:        40 kB\n"
	"Anonymous:            50 kB\nSwapPss:              70 kB\n";

START_TEST(sums_of_the_process)
{
	struct vm_aspace *as = space_of(two_smaps);
	as->taken_ns = 77;
	vm_aspace_sum_to_proc(as);
	const struct vm_proc *p = &as->proc;
	ck_u64_eq(p->q[VM_P_PSS], 7 * 1024);
	ck_u64_eq(p->q[VM_P_USS], 77 * 1024);
	ck_u64_eq(p->q[VM_P_SHARED_CLEAN], 11 * 1024);
	ck_u64_eq(p->q[VM_P_SHARED_DIRTY], 22 * 1024);
	ck_u64_eq(p->q[VM_P_PRIVATE_CLEAN], 33 * 1024);
	ck_u64_eq(p->q[VM_P_PRIVATE_DIRTY], 44 * 1024);
	ck_u64_eq(p->q[VM_P_ANONYMOUS], 55 * 1024);
	ck_u64_eq(p->q[VM_P_SWAP_PSS], 77 * 1024);
	ck_assert(vm_proc_has(p, VM_P_PSS));
	ck_assert(vm_proc_has(p, VM_P_USS));
	/* Locked stands in one of them only, Pss_Dirty and KSM in none. */
	ck_assert(!vm_proc_has(p, VM_P_LOCKED_PSS));
	ck_assert(!vm_proc_has(p, VM_P_PSS_DIRTY));
	ck_assert(!vm_proc_has(p, VM_P_KSM));
	/* The process's own RSS comes from elsewhere. */
	ck_assert(!vm_proc_has(p, VM_P_RSS));
	ck_u64_eq(p->rollup_ns, 77);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("aspace", find_and_at, add_gives_a_cleared_mapping, derive, add_sums_what_both_know,
	  add_of_sums_counts_all, add_marks_what_differs, sums_of_the_process)
