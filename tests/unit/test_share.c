/** core/model/share, core/analysis/sharefamily: what pages count as, who is of a family, what copy-on-write broke. */
#include "core/model/share.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "core/analysis/sharefamily.h"
#include "core/field/share.h"
#include "core/model/aspace.h"
#include "core/model/page.h"
#include "core/model/pageflags.h"
#include "core/model/process.h"
#include "unit.h"

/* ---- Pages -------------------------------------------------------------------------------------------------------- */

START_TEST(classes_have_no_gaps)
{
	for (uint64_t n = 0; n < 2000; n++) {
		const struct vm_share_class *c = &vm_share_classes[vm_share_class_of(n)];
		ck_assert(c->least <= n && n <= c->most);
	}
	for (unsigned i = 1; i < VM_SHARE_CLASSES; i++)
		ck_u64_eq(vm_share_classes[i].least, vm_share_classes[i - 1].most + 1);
	ck_assert_uint_eq(vm_share_class_of(UINT64_MAX), VM_SHARE_CLASSES - 1);
}
END_TEST

/** The kernel's own sums of whole KiB, from three pages that three processes map and one that seven do. */
START_TEST(pss_is_rounded_as_the_kernel_does)
{
	struct vm_share_sum s = { .once = 0 };
	vm_share_sum_count(&s, VM_SK_ANON, 3, 3);
	vm_share_sum_count(&s, VM_SK_FILE, 7, 1);
	const uint64_t fixed = 3 * ((4096u << 12) / 3) + (4096u << 12) / 7;
	ck_u64_eq(vm_share_sum_pss(&s), fixed >> 12);
	ck_u64_eq(vm_share_rss(&s), 4 * 4096);
	vm_share_sum_count(&s, VM_SK_HUGETLB, 2, 512);
	ck_u64_eq(vm_share_rss(&s), 4 * 4096);
	ck_u64_eq(s.kind[VM_SK_HUGETLB], 512 * 4096);
	vm_share_sum_count(&s, VM_SK_ANON, 0, 1);
	ck_u64_eq(s.once, 4096);
	ck_u64_eq(s.most, 7);
}
END_TEST

static uint64_t risk(uint8_t prot, bool shared, uint32_t state, uint64_t flags, uint64_t count, bool counted)
{
	const struct vm_mapping m = { .prot = prot, .shared = shared, .count = 1, .name = "" };
	const struct vm_share_piece p = {
		.m = &m, .start = 0, .end = 8192, .state = state, .known = VM_PG(EXCLUSIVE) | VM_PG(FILE), .flags = flags, .count = count,
		.counted = counted,
	};
	return vm_share_piece_risk(&p);
}

START_TEST(what_a_write_copies)
{
	const uint8_t rw = PROT_READ | PROT_WRITE;
	const uint32_t there = VM_PG(PRESENT);
	ck_u64_eq(risk(rw, false, there, VM_KPF(ANON), 1, true), 0);
	ck_u64_eq(risk(rw, false, there, VM_KPF(ANON), 2, true), 8192);
	ck_u64_eq(risk(PROT_READ, false, there, VM_KPF(ANON), 2, true), 0);
	ck_u64_eq(risk(rw, true, there, VM_KPF(SWAPBACKED), 2, true), 0);
	ck_u64_eq(risk(rw, false, there, VM_KPF(LRU), 1, true), 8192);
	ck_u64_eq(risk(rw, false, there, VM_KPF(ANON) | VM_KPF(KSM), 1, true), 8192);
	ck_u64_eq(risk(rw, false, there | VM_PG(ZERO), 0, 0, false), 0);
	ck_u64_eq(risk(rw, false, VM_PG(SWAP), 0, 0, false), 0);
	/* Without frames: the exclusive bit, and whether it is a file's. */
	ck_u64_eq(risk(rw, false, there | VM_PG(EXCLUSIVE), 0, 0, false), 0);
	ck_u64_eq(risk(rw, false, there, 0, 0, false), 8192);
	ck_u64_eq(risk(rw, false, there | VM_PG(FILE) | VM_PG(EXCLUSIVE), 0, 0, false), 8192);
}
END_TEST

START_TEST(pieces_add_up)
{
	const struct vm_mapping m = { .prot = PROT_READ | PROT_WRITE, .count = 1, .name = "" };
	struct vm_share_piece p = { .m = &m, .start = 4096, .end = 4096 * 4, .state = VM_PG(PRESENT), .known = VM_PG(EXCLUSIVE) };
	struct vm_share_sum s = { .once = 0 }, twice = { .once = 0 };
	vm_share_sum_add(&s, &p);
	ck_u64_eq(s.many, 3 * 4096);
	ck_u64_eq(s.uncounted, 3 * 4096);
	p.known = 0;
	vm_share_sum_add(&s, &p);
	ck_u64_eq(s.unknown, 3 * 4096);
	p.known = VM_PG(SPECIAL);
	p.state |= VM_PG(SPECIAL);
	vm_share_sum_add(&s, &p);
	p.state = VM_PG(PRESENT) | VM_PG(ZERO);
	vm_share_sum_add(&s, &p);
	p.state = VM_PG(SWAP);
	vm_share_sum_add(&s, &p);
	ck_u64_eq(vm_share_rss(&s), 6 * 4096);
	ck_u64_eq(s.zero, 3 * 4096);
	ck_u64_eq(s.swap, 3 * 4096);
	vm_share_sum_join(&twice, &s);
	vm_share_sum_join(&twice, &s);
	ck_u64_eq(vm_share_rss(&twice), 12 * 4096);
	ck_u64_eq(twice.kind[VM_SK_ANON], 2 * s.kind[VM_SK_ANON]);
}
END_TEST

/* ---- Families ------------------------------------------------------------------------------------------------------ */

static struct vm_proc process(pid_t pid, pid_t ppid, uint64_t start, bool forked, uint64_t place)
{
	struct vm_proc p;
	vm_proc_init(&p, pid);
	p.ppid = ppid;
	p.start = start;
	p.forked = forked;
	p.state = 'S';
	if (place) {
		vm_proc_set(&p, VM_P_START_CODE, place);
		vm_proc_set(&p, VM_P_START_STACK, place + 1);
	}
	return p;
}

/** Numbers in the order of the tree, each with its depth. */
static void same_family(const struct vm_proc *p, size_t n, pid_t of, size_t nwant, const int (*want)[2])
{
	struct vm_family f = { .n = 0 };
	ck_assert_int_eq(vm_family_find(p, n, of, &f), 0);
	ck_assert_uint_eq(f.n, nwant);
	for (size_t i = 0; i < nwant; i++) {
		ck_assert_int_eq(f.v[i].proc->pid, want[i][0]);
		ck_assert_uint_eq(f.v[i].depth, (unsigned)want[i][1]);
		ck_assert(f.v[i].parent == SIZE_MAX || f.v[f.v[i].parent].proc->pid == f.v[i].proc->ppid);
		ck_assert(f.v[i].orphan == (i && f.v[i].parent == SIZE_MAX));
	}
	vm_vec_free(&f);
}

START_TEST(a_tree)
{
	const struct vm_proc p[] = {
		process(1, 0, 1, false, 10), process(50, 1, 50, false, 20), process(60, 50, 60, true, 20), process(61, 50, 61, true, 20),
		process(62, 60, 62, true, 20), process(63, 50, 63, false, 30), process(64, 63, 64, true, 30),
	};
	const int want[][2] = { { 50, 0 }, { 60, 1 }, { 62, 2 }, { 61, 1 } };
	for (size_t i = 0; i < 4; i++)
		same_family(p, 7, want[i][0], 4, want);
	/* Whoever has executed a program begins a family of its own. */
	same_family(p, 7, 63, 2, (const int[][2]){ { 63, 0 }, { 64, 1 } });
	same_family(p, 7, 1, 1, (const int[][2]){ { 1, 0 } });
	struct vm_family f = { .n = 0 };
	ck_assert_int_eq(vm_family_find(p, 7, 99, &f), -ESRCH);
	vm_vec_free(&f);
}
END_TEST

START_TEST(parents_end)
{
	/* 60's parent has ended, and init has taken it in; 61 too, whose own child lives. */
	const struct vm_proc p[] = {
		process(1, 0, 1, false, 10), process(50, 1, 50, false, 20), process(60, 1, 60, true, 20), process(61, 1, 61, true, 20),
		process(62, 61, 62, true, 20), process(70, 1, 70, true, 40),
	};
	const int want[][2] = { { 50, 0 }, { 60, 1 }, { 61, 1 }, { 62, 2 } };
	same_family(p, 6, 62, 4, want);
	same_family(p, 6, 50, 4, want);
	/* The first one has ended as well. */
	same_family(p + 2, 4, 62, 3, (const int[][2]){ { 61, 0 }, { 62, 1 }, { 60, 1 } });
	same_family(p, 6, 70, 1, (const int[][2]){ { 70, 0 } });
}
END_TEST

START_TEST(places_that_are_withheld)
{
	/* By parents alone; and nobody is init's who was only taken in by it, as far as can be known. */
	const struct vm_proc p[] = { process(50, 1, 50, false, 0), process(60, 50, 60, true, 0), process(61, 60, 61, true, 0) };
	same_family(p, 3, 61, 3, (const int[][2]){ { 50, 0 }, { 60, 1 }, { 61, 2 } });
}
END_TEST

START_TEST(parents_in_a_circle)
{
	/* No kernel says so, a captured tree may. */
	const struct vm_proc p[] = { process(5, 6, 9, true, 3), process(6, 5, 9, true, 3), process(7, 7, 9, true, 3) };
	struct vm_family f = { .n = 0 };
	for (pid_t pid = 5; pid <= 7; pid++) {
		ck_assert_int_eq(vm_family_find(p, 3, pid, &f), 0);
		ck_assert_uint_le(f.n, 2 * 3);
	}
	vm_vec_free(&f);
}
END_TEST

/* ---- Copy-on-write --------------------------------------------------------------------------------------------------- */

START_TEST(address_by_address)
{
	struct vm_cow_runs a = { .n = 0 }, b = { .n = 0 };
	struct vm_cow c;
	/* Pages 0-9 from frame 100 on; the other has 2-4 itself, nothing at 8, and more behind. */
	ck_assert(vm_cow_runs_add(&a, 0, 4 * 4096, 100) && vm_cow_runs_add(&a, 4 * 4096, 10 * 4096, 104));
	ck_assert_uint_eq(a.n, 1);
	ck_assert(vm_cow_runs_add(&b, 0, 2 * 4096, 100) && vm_cow_runs_add(&b, 2 * 4096, 5 * 4096, 500) &&
		  vm_cow_runs_add(&b, 5 * 4096, 8 * 4096, 105) && vm_cow_runs_add(&b, 9 * 4096, 12 * 4096, 109));
	vm_cow_compare(&a, &b, &c);
	ck_u64_eq(c.same, 6 * 4096);
	ck_u64_eq(c.broken, 3 * 4096);
	ck_u64_eq(c.lost, 1 * 4096);
	ck_u64_eq(c.fresh, 2 * 4096);
	vm_cow_compare(&b, &a, &c);
	ck_u64_eq(c.lost, 2 * 4096);
	ck_u64_eq(c.fresh, 1 * 4096);
	vm_vec_free(&a);
	vm_cow_compare(&a, &b, &c);
	ck_u64_eq(c.fresh, 11 * 4096);
	vm_vec_free(&b);
	vm_cow_compare(&a, &b, &c);
	ck_u64_eq(c.same + c.broken + c.fresh + c.lost, 0);
}
END_TEST

START_TEST(outlooks)
{
	struct vm_cow_outlook o;
	vm_cow_predict(1000, 500, 100, NAN, 1, &o);
	ck_assert(o.seconds == 10 && o.most == 1500 && o.likely == 1500 && !o.slowing);
	vm_cow_predict(1000, 500, 0, 100, 1, &o);
	ck_assert(isnan(o.seconds) && isnan(o.likely) && o.most == 1500);
	vm_cow_predict(1000, 500, NAN, NAN, 1, &o);
	ck_assert(isnan(o.likely));
	/* Half of it each time: 100, 50, 25 ... */
	vm_cow_predict(1000, 500, 100, 200, 1, &o);
	ck_assert(o.slowing && fabs(o.likely - 600) < 1e-9);
	/* No more than there is. */
	vm_cow_predict(50, 500, 100, 110, 1, &o);
	ck_assert(o.slowing && o.likely == 550);
}
END_TEST

/* ---- Columns ------------------------------------------------------------------------------------------------------ */

static struct vm_value value(const struct vm_fieldset *set, const char *name, const void *row)
{
	struct vm_scratch tmp;
	const int at = vm_field_find(set, name, strlen(name));
	ck_assert_int_ge(at, 0);
	return set->v[at].get(&set->v[at], row, &tmp);
}

static void check_columns(const struct vm_fieldset *set, const void *row, bool hidden)
{
	const struct vm_value ksm = value(set, "KSM", row), anon = value(set, "ANON", row);
	ck_assert_int_eq(ksm.type, hidden ? VM_T_ABSENT : VM_T_U64);
	ck_assert(hidden || ksm.u64 == 8192);
	ck_assert_int_eq(anon.type, VM_T_U64);
	ck_assert_uint_eq(anon.u64, 4096);
}

/** Where the kernel marks all anonymous pages as merged, which are isn't known: no column says 0. */
START_TEST(hidden_merged_pages_are_unknown)
{
	const struct vm_share_sum sum = { .kind = { [VM_SK_ANON] = 4096, [VM_SK_KSM] = 8192 } };
	const struct vm_group_sum group = { .shared = { [VM_SK_ANON] = 4096, [VM_SK_KSM] = 8192 } };
	const struct vm_mapping m = { .start = 4096, .end = 8192 };
	const struct vm_proc p = { .pid = 1 };
	const struct vm_kin kin = { .proc = &p };
	for (int hidden = 0; hidden < 2; hidden++) {
		check_columns(&vm_share_mapping_fields, &(struct vm_share_mapping_row){
			.m = &m, .sum = &sum, .counted = true, .merged_hidden = hidden }, hidden);
		check_columns(&vm_share_member_fields, &(struct vm_share_member_row){
			.kin = &kin, .proc = &p, .sum = &sum, .counted = true, .merged_hidden = hidden }, hidden);
		check_columns(&vm_share_process_fields, &(struct vm_share_process_row){
			.proc = &p, .group = &group, .merged_hidden = hidden }, hidden);
		check_columns(&vm_share_pair_fields, &(struct vm_share_pair_row){
			.a = &p, .b = &p, .bytes = { [VM_SK_ANON] = 4096, [VM_SK_KSM] = 8192 }, .merged_hidden = hidden }, hidden);
	}
}
END_TEST

UNIT_MAIN("share", classes_have_no_gaps, pss_is_rounded_as_the_kernel_does, what_a_write_copies, pieces_add_up, a_tree, parents_end,
	  places_that_are_withheld, parents_in_a_circle, address_by_address, outlooks, hidden_merged_pages_are_unknown)
