/** core/model/faultset, core/analysis/faultview: faults folded into rows. */
#include "core/analysis/faultview.h"

#include <math.h>

#include "unit.h"

static void add_space(struct vm_faultset *f, pid_t pid, uint32_t from)
{
	struct vm_fault_space s = { .pid = pid, .from = from };
	snprintf(s.comm, sizeof(s.comm), "p%d", pid);
	ck_assert(vm_vec_push(&f->space, s));
}

static void add_mapping(struct vm_faultset *f, uint32_t space, uint64_t start, uint64_t end, const char *name, uint8_t prot,
			uint64_t inode)
{
	const struct vm_fault_mapping m = {
		.space = space, .start = start, .end = end, .name = name, .prot = prot, .inode = inode,
		.backing = inode ? VM_FAULT_B_FILE : VM_FAULT_B_ANON,
	};
	ck_assert(vm_faultset_insert(f, &m));
}

static void add_group(struct vm_faultset *f, uint32_t space, unsigned kind, uint64_t mapping, uint64_t ip, uint64_t count)
{
	const struct vm_fault_group g = {
		.space = space, .kind = (uint8_t)kind, .mapping = mapping, .ip = ip, .stack = VM_FAULT_NONE, .count = count,
		.ns = count * 1000, .max_ns = 1500,
	};
	ck_assert(vm_vec_push(&f->group, g));
	f->kind[kind].count += count;
	f->kind[kind].timed += count;
	f->kind[kind].ns += count * 1000;
	f->kind[kind].max_ns = 1500;
	f->histo[kind].count[vm_histo_bucket(1000)] += count;
}

static const struct vm_fault_place_row *find(const struct vm_fault_places *p, pid_t pid, uint64_t start)
{
	for (size_t i = 0; i < p->row.n; i++)
		if (p->row.v[i].pid == pid && p->row.v[i].start == start)
			return &p->row.v[i];
	return NULL;
}

START_TEST(mappings_are_found)
{
	struct vm_faultset f = { 0 };
	add_space(&f, 1, VM_FAULT_NONE);
	add_space(&f, 2, 0);
	add_mapping(&f, 0, 0x5000, 0x7000, "b", 3, 0);
	add_mapping(&f, 0, 0x1000, 0x3000, "a", 3, 0);
	add_mapping(&f, 1, 0x5000, 0x6000, "mine", 3, 0);
	ck_assert_str_eq(vm_faultset_mapping(&f, 0, 0x2fff)->name, "a");
	ck_assert_ptr_null(vm_faultset_mapping(&f, 0, 0x3000));
	ck_assert_ptr_null(vm_faultset_mapping(&f, 0, 0xfff));
	ck_assert_str_eq(vm_faultset_mapping(&f, 0, 0x5000)->name, "b");
	/* A child has what it was forked with, unless it has told otherwise. */
	ck_assert_str_eq(vm_faultset_mapping(&f, 1, 0x1000)->name, "a");
	ck_assert_str_eq(vm_faultset_mapping(&f, 1, 0x5000)->name, "mine");
	ck_assert_str_eq(vm_faultset_mapping(&f, 1, 0x6800)->name, "b");
	ck_assert_ptr_null(vm_faultset_mapping(&f, VM_FAULT_NONE, 0x5000));
	/* What is mapped in its place takes its place. */
	add_mapping(&f, 0, 0x5000, 0x5800, "new", 1, 9);
	ck_assert_uint_eq(f.mapping.n, 3);
	ck_assert_str_eq(vm_faultset_mapping(&f, 0, 0x5000)->name, "new");
	ck_assert_ptr_null(vm_faultset_mapping(&f, 0, 0x5800));
	vm_faultset_free(&f);
}
END_TEST

START_TEST(sorting_is_inserting)
{
	struct vm_faultset f = { 0 };
	add_space(&f, 1, VM_FAULT_NONE);
	for (uint64_t i = 0; i < 100; i++) {
		const struct vm_fault_mapping m = { .start = (i * 37 % 100) << 12, .end = ((i * 37 % 100) + 1) << 12, .name = "" };
		ck_assert(vm_vec_push(&f.mapping, m));
	}
	vm_faultset_sort(&f);
	for (uint64_t i = 0; i < 100; i++)
		ck_assert_uint_eq(vm_faultset_mapping(&f, 0, (i << 12) + 5)->start, i << 12);
	vm_faultset_free(&f);
}
END_TEST

START_TEST(kinds_have_shares)
{
	static struct vm_faultset f;
	struct vm_fault_kind_row rows[VM_FAULT_KIND_NR];
	add_space(&f, 1, VM_FAULT_NONE);
	f.have_times = true;
	add_group(&f, 0, VM_FAULT_ANON_FIRST, 0, 1, 30);
	add_group(&f, 0, VM_FAULT_UNMAPPED, UINT64_MAX, 1, 10);
	ck_assert_uint_eq(vm_fault_kind_rows(&f, false, rows), 2);
	ck_assert_double_eq_tol(rows[0].share, 0.75, 1e-9);
	ck_assert_double_eq_tol(rows[1].time_share, 0.25, 1e-9);
	ck_assert_uint_le(rows[0].p99_ns, 1500);
	ck_assert_uint_eq(vm_fault_kind_rows(&f, true, rows), VM_FAULT_KIND_NR);
	ck_assert_uint_eq(rows[VM_FAULT_COW].p50_ns, UINT64_MAX);
	const struct vm_fault_kind_row all = vm_fault_total_row(&f);
	ck_assert_uint_eq(all.c.count, 40);
	ck_assert_uint_eq(vm_faultset_resolved(&f).count, 30);
	/* Page tables weren't read, nor is it known who met them. */
	ck_assert(!all.bytes_known && !all.mode_known && vm_faultset_knows_invalid(&f));
	f.have_groups = f.have_kinds = true;
	ck_assert(vm_fault_total_row(&f).bytes_known && vm_fault_total_row(&f).mode_known);
	f.user_only = true;
	ck_assert(!vm_fault_total_row(&f).mode_known);
	ck_assert_uint_eq(vm_faultset_invalid(&f), 10);
	vm_faultset_free(&f);
}
END_TEST

START_TEST(a_mapping_that_grew_is_one)
{
	static struct vm_faultset f;
	struct vm_fault_places p = { 0 };
	memset(&f, 0, sizeof(f));
	f.have_times = true;
	add_space(&f, 7, VM_FAULT_NONE);
	/* A stack that was told of three times, each time reaching lower. */
	add_mapping(&f, 0, 0x9000, 0xa000, "[stack]", 3, 0);
	add_mapping(&f, 0, 0x8000, 0xa000, "[stack]", 3, 0);
	add_mapping(&f, 0, 0x7000, 0xa000, "[stack]", 3, 0);
	/* Neighbours that are something else. */
	add_mapping(&f, 0, 0xa000, 0xb000, "lib", 1, 5);
	add_mapping(&f, 0, 0xb000, 0xc000, "lib", 5, 5);
	add_group(&f, 0, VM_FAULT_ANON_FIRST, 0x9000, 1, 1);
	add_group(&f, 0, VM_FAULT_STACK_GROWTH, 0x8000, 1, 2);
	add_group(&f, 0, VM_FAULT_STACK_GROWTH, 0x7000, 1, 4);
	add_group(&f, 0, VM_FAULT_FILE_CACHE, 0xa000, 1, 8);
	add_group(&f, 0, VM_FAULT_FILE_CACHE, 0xb000, 1, 16);
	add_group(&f, 0, VM_FAULT_UNMAPPED, UINT64_MAX, 1, 32);
	ck_assert(vm_fault_by_mapping(&f, &p));
	ck_assert_uint_eq(p.row.n, 4);
	const struct vm_fault_place_row *stack = find(&p, 7, 0x7000);
	ck_assert_ptr_nonnull(stack);
	ck_assert_uint_eq(stack->end, 0xa000);
	ck_assert_uint_eq(stack->count, 7);
	ck_assert_uint_eq(stack->kinds[VM_FAULT_STACK_GROWTH], 6);
	ck_assert_uint_eq(vm_fault_place_kind(stack), VM_FAULT_STACK_GROWTH);
	ck_assert_uint_eq(find(&p, 7, 0xb000)->count, 16);
	ck_assert_double_eq_tol(find(&p, 7, 0xb000)->share, 16.0 / 63, 1e-9);
	vm_fault_places_free(&p);
	vm_faultset_free(&f);
}
END_TEST

START_TEST(a_file_is_one_over_processes)
{
	static struct vm_faultset f;
	struct vm_fault_places p = { 0 };
	memset(&f, 0, sizeof(f));
	add_space(&f, 7, VM_FAULT_NONE);
	add_space(&f, 8, VM_FAULT_NONE);
	add_mapping(&f, 0, 0x1000, 0x2000, "lib", 5, 5);
	add_mapping(&f, 1, 0x3000, 0x4000, "lib", 5, 5);
	add_mapping(&f, 1, 0x5000, 0x6000, "lib", 1, 5);
	add_group(&f, 0, VM_FAULT_FILE_CACHE, 0x1000, 1, 1);
	add_group(&f, 1, VM_FAULT_FILE_CACHE, 0x3000, 1, 2);
	add_group(&f, 1, VM_FAULT_FILE_CACHE, 0x5000, 1, 4);
	ck_assert(vm_fault_by_file(&f, &p));
	ck_assert_uint_eq(p.row.n, 2);
	ck_assert_uint_eq(p.row.v[0].count, 3);
	ck_assert_int_eq(p.row.v[0].pid, 0);
	ck_assert(p.row.v[0].merged);
	ck_assert_int_eq(p.row.v[1].pid, 8);
	vm_fault_places_free(&p);
	vm_faultset_free(&f);
}
END_TEST

static void add_thread(struct vm_faultset *f, pid_t tid, uint64_t minor, bool ended)
{
	const struct vm_fault_thread t = {
		.tid = tid, .pid = 7, .minor = minor, .own_minor = minor, .own_known = true, .ended = ended, .cpu_ns = minor * 10,
	};
	ck_assert(vm_vec_push(&f->thread, t));
}

START_TEST(since_a_mark_only_what_is_new)
{
	static struct vm_faultset f, since;
	static struct vm_fault_mark mark;
	memset(&f, 0, sizeof(f));
	add_space(&f, 7, VM_FAULT_NONE);
	add_group(&f, 0, VM_FAULT_ANON_FIRST, 0x1000, 1, 10);
	add_group(&f, 0, VM_FAULT_COW, 0x1000, 1, 5);
	add_thread(&f, 7, 10, false);
	add_thread(&f, 8, 5, true);
	f.own_minor = 15;
	f.cpu_ns = 150;
	f.now_ns = 100;
	ck_assert(vm_fault_mark_set(&mark, &f));
	f.group.v[0].count += 3;
	f.group.v[0].ns += 9000;
	f.kind[VM_FAULT_ANON_FIRST].count += 3;
	f.kind[VM_FAULT_ANON_FIRST].ns += 9000;
	f.kind[VM_FAULT_ANON_FIRST].timed += 3;
	f.kind[VM_FAULT_ANON_FIRST].max_ns = 90000;
	f.histo[VM_FAULT_ANON_FIRST].count[vm_histo_bucket(3000)] += 3;
	add_group(&f, 0, VM_FAULT_ZERO_PAGE, 0x2000, 2, 4);
	f.thread.v[0].minor = f.thread.v[0].own_minor = 17;
	/* The number of the thread that had ended was given again. */
	add_thread(&f, 9, 2, false);
	f.own_minor = 24;
	f.cpu_ns = 240;
	f.now_ns = 300;
	ck_assert(vm_fault_since(&f, &mark, &since));
	ck_assert_uint_eq(since.began_ns, 100);
	ck_assert_uint_eq(since.own_minor, 9);
	ck_assert_uint_eq(since.cpu_ns, 90);
	ck_assert_uint_eq(since.kind[VM_FAULT_ANON_FIRST].count, 3);
	ck_assert_uint_eq(since.kind[VM_FAULT_COW].count, 0);
	/* The longest of all may have been before: no longer than its bucket's end. */
	ck_assert_uint_eq(since.kind[VM_FAULT_ANON_FIRST].max_ns, vm_histo_high(vm_histo_bucket(3000)));
	ck_assert_uint_eq(since.group.n, 2);
	ck_assert_uint_eq(since.group.v[0].count, 3);
	ck_assert_uint_eq(since.group.v[0].ns, 9000);
	ck_assert_uint_eq(since.group.v[1].count, 4);
	ck_assert_uint_eq(since.thread.n, 2);
	ck_assert_uint_eq(since.thread.v[0].minor, 7);
	ck_assert_uint_eq(since.thread.v[1].minor, 2);
	vm_fault_since_free(&since);
	vm_fault_mark_free(&mark);
	vm_faultset_free(&f);
}
END_TEST

START_TEST(threads_are_rows)
{
	static struct vm_faultset f;
	struct vm_fault_places p = { 0 };
	memset(&f, 0, sizeof(f));
	add_space(&f, 7, VM_FAULT_NONE);
	f.kind[VM_FAULT_ANON_FIRST].count = 15;
	add_thread(&f, 7, 10, false);
	add_thread(&f, 8, 5, true);
	ck_assert(vm_fault_by_thread(&f, &p));
	ck_assert_uint_eq(p.row.n, 2);
	ck_assert_uint_eq(p.row.v[1].count, 5);
	ck_assert_double_eq_tol(p.row.v[0].share, 10.0 / 15, 1e-9);
	ck_assert(isnan(p.row.v[0].time_share));
	vm_fault_places_free(&p);
	vm_faultset_free(&f);
}
END_TEST

UNIT_MAIN("faultview", mappings_are_found, sorting_is_inserting, kinds_have_shares, a_mapping_that_grew_is_one,
	  a_file_is_one_over_processes, since_a_mark_only_what_is_new, threads_are_rows)
