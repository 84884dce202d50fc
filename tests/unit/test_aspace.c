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
	uint64_t q[VM_Q_NR] = { 0 };
	struct vm_mapping m = { .start = 0x1000, .end = 0x5000, .count = 1, .q = q };
	vm_mapping_derive(&m, q);
	ck_assert_uint_eq(m.have, 0);
	ck_u64_eq(vm_mapping_size(&m), 0x4000);

	/* One half alone gives no sum. */
	q[VM_Q_PRIVATE_CLEAN] = 4096;
	m.have |= VM_HAVE(VM_Q_PRIVATE_CLEAN);
	vm_mapping_derive(&m, q);
	ck_assert(!(m.have & VM_HAVE(VM_Q_USS)));
	ck_assert(!(m.have & VM_HAVE(VM_Q_DIRTY)));

	q[VM_Q_PRIVATE_DIRTY] = 8192;
	m.have |= VM_HAVE(VM_Q_PRIVATE_DIRTY);
	vm_mapping_derive(&m, q);
	ck_assert(m.have & VM_HAVE(VM_Q_USS));
	ck_u64_eq(m.q[VM_Q_USS], 12288);
	ck_assert(!(m.have & VM_HAVE(VM_Q_DIRTY)));

	q[VM_Q_SHARED_DIRTY] = 100;
	q[VM_Q_PRIVATE_HUGETLB] = 2097152;
	m.have |= VM_HAVE(VM_Q_SHARED_DIRTY) | VM_HAVE(VM_Q_PRIVATE_HUGETLB);
	vm_mapping_derive(&m, q);
	ck_u64_eq(m.q[VM_Q_USS], 12288 + 2097152);
	ck_u64_eq(m.q[VM_Q_DIRTY], 8292);
}
END_TEST

/* Where nothing was read there is nothing to write to either, and still zeros to read. */
START_TEST(figures_only_where_read)
{
	struct vm_aspace *as = space_of("1000-2000 r--p 0 00:00 0 \n2000-4000 r--p 0 00:00 0 \n");
	ck_assert_ptr_eq(as->map[0].q, vm_no_figures);
	ck_u64_eq(as->map[1].q[VM_Q_RSS], 0);
	ck_u64_eq(vm_mapping_size(&as->map[1]), 0x2000);
	uint64_t *q = vm_aspace_add_figures(as, &as->map[0]);
	ck_assert_ptr_eq(as->map[0].q, q);
	ck_u64_eq(q[VM_Q_PKEY], 0);
	vm_aspace_free(as);
}
END_TEST

START_TEST(add_sums_what_both_know)
{
	uint64_t aq[VM_Q_NR] = { [VM_Q_RSS] = 10, [VM_Q_KSM] = 5, [VM_Q_KPAGE] = 4096, [VM_Q_PKEY] = 1 };
	uint64_t bq[VM_Q_NR] = { [VM_Q_RSS] = 20, [VM_Q_KPAGE] = 4096, [VM_Q_PKEY] = 2 };
	struct vm_mapping a = {
		.start = 0x1000, .end = 0x2000, .count = 1, .q = aq,
		.have = VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KSM) | VM_HAVE(VM_Q_KPAGE) | VM_HAVE(VM_Q_PKEY),
	};
	struct vm_mapping b = {
		.start = 0x2000, .end = 0x4000, .count = 1, .q = bq,
		.have = VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KPAGE) | VM_HAVE(VM_Q_PKEY),
	};
	struct vm_sum sum = { 0 };
	vm_sum_add(&sum, &a);
	ck_assert_uint_eq(sum.m.count, 1);
	ck_assert_uint_eq(sum.m.have, a.have);
	ck_assert_ptr_eq(sum.m.q, sum.q);
	ck_u64_eq(vm_mapping_size(&sum.m), 4096);
	vm_sum_add(&sum, &b);
	ck_assert_uint_eq(sum.m.count, 2);
	ck_u64_eq(vm_mapping_size(&sum.m), 12288);
	ck_u64_eq(sum.q[VM_Q_RSS], 30);
	/* b doesn't know KSM: the sum doesn't either.  Page sizes agree, protection keys don't. */
	ck_assert_uint_eq(sum.m.have, VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_KPAGE));
	ck_u64_eq(sum.q[VM_Q_KPAGE], 4096);
	/* and stays unknown, also where the next one knows it again */
	vm_sum_add(&sum, &a);
	ck_assert_uint_eq(sum.m.count, 3);
	ck_assert(!(sum.m.have & VM_HAVE(VM_Q_KSM)));
	ck_assert(!(sum.m.have & VM_HAVE(VM_Q_PKEY)));
	ck_u64_eq(sum.q[VM_Q_RSS], 40);
	/* A copy shows its own figures once it is settled. */
	struct vm_sum copy = sum;
	vm_sum_settle(&copy);
	sum.q[VM_Q_RSS] = 0;
	ck_u64_eq(copy.m.q[VM_Q_RSS], 40);
}
END_TEST

START_TEST(add_of_sums_counts_all)
{
	struct vm_mapping m = { .end = 0x1000, .count = 1, .q = vm_no_figures };
	struct vm_sum a = { 0 }, b = { 0 };
	for (int i = 0; i < 3; i++)
		vm_sum_add(&a, &m);
	for (int i = 0; i < 4; i++)
		vm_sum_add(&b, &m);
	vm_sum_add(&a, &b.m);
	ck_assert_uint_eq(a.m.count, 7);
	ck_u64_eq(vm_mapping_size(&a.m), 7 * 0x1000);
}
END_TEST

/* What was the same in all stays; what differed is marked, so that no one shows the first one's. */
START_TEST(add_marks_what_differs)
{
	struct vm_mapping a = {
		.count = 1, .kind = VM_KIND_TEXT, .prot = PROT_READ, .inode = 5, .name = "/a", .q = vm_no_figures,
	}, b = a;
	struct vm_sum sum = { 0 };
	vm_sum_add(&sum, &a);
	vm_sum_add(&sum, &b);
	ck_assert_uint_eq(sum.m.differs, VM_DIFFERS_RANGE);
	ck_assert_int_eq(sum.m.kind, VM_KIND_TEXT);
	b.prot = PROT_READ | PROT_WRITE;
	b.kind = VM_KIND_DATA;
	vm_sum_add(&sum, &b);
	ck_assert_uint_eq(sum.m.differs, VM_DIFFERS_PERM | VM_DIFFERS_RANGE);
	ck_assert_int_eq(sum.m.kind, VM_KIND_PROGRAM);
	b.inode = 6;
	b.kind = VM_KIND_LIBTEXT;
	vm_sum_add(&sum, &b);
	ck_assert_uint_eq(sum.m.differs, VM_DIFFERS_PERM | VM_DIFFERS_FILE | VM_DIFFERS_RANGE);
	ck_assert_int_eq(sum.m.kind, VM_KIND_MIXED);
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

UNIT_MAIN("aspace", find_and_at, add_gives_a_cleared_mapping, derive, figures_only_where_read, add_sums_what_both_know,
	  add_of_sums_counts_all, add_marks_what_differs, sums_of_the_process)
