/** core/model/faultfold: single faults to sums. */
#include "core/model/faultfold.h"

#include "unit.h"

static void add(struct vm_fault_fold *f, unsigned kind, uint32_t space, uint64_t ip, uint64_t address)
{
	const struct vm_fault_group g = {
		.space = space, .kind = (uint8_t)kind, .mapping = address & ~UINT64_C(0xffff), .ip = ip, .stack = VM_FAULT_NONE,
		.count = 99,
	};
	ck_assert(vm_fault_fold(f, &g, kind == VM_FAULT_FILE_DISK, address, 4096));
}

START_TEST(counts)
{
	struct vm_faultset set = { .block_shift = 16 };
	struct vm_fault_fold f = { .set = &set };
	for (unsigned i = 0; i < 1000; i++)
		add(&f, i % 10 ? VM_FAULT_MINOR_ANON : VM_FAULT_FILE_DISK, i % 2, i % 4, (uint64_t)i << 12);
	ck_u64_eq(set.kind[VM_FAULT_MINOR_ANON].count, 900);
	ck_u64_eq(set.kind[VM_FAULT_FILE_DISK].count, 100);
	ck_u64_eq(set.kind[VM_FAULT_FILE_DISK].major, 100);
	ck_u64_eq(set.kind[VM_FAULT_MINOR_ANON].major, 0);
	ck_u64_eq(set.kind[VM_FAULT_MINOR_ANON].bytes, 900 * 4096);
	uint64_t groups = 0, blocks = 0;
	for (size_t i = 0; i < set.group.n; i++) {
		const struct vm_fault_group *a = &set.group.v[i];
		groups += a->count;
		for (size_t k = 0; k < i; k++) {
			const struct vm_fault_group *b = &set.group.v[k];
			ck_assert(a->space != b->space || a->kind != b->kind || a->ip != b->ip || a->mapping != b->mapping);
		}
	}
	for (size_t i = 0; i < set.block.n; i++)
		blocks += set.block.v[i].count;
	ck_u64_eq(groups, 1000);
	ck_u64_eq(blocks, 1000);
	/* 63 blocks of 16 pages, each touched by both spaces. */
	ck_assert_uint_eq(set.block.n, 126);
	vm_fault_fold_free(&f);
	vm_faultset_free(&set);
}
END_TEST

START_TEST(stacks)
{
	struct vm_faultset set = { 0 };
	struct vm_fault_fold f = { .set = &set };
	uint64_t ip[3] = { 1, 2, 3 };
	ck_assert_uint_eq(vm_fault_fold_stack(&f, ip, 0), VM_FAULT_NONE);
	ck_assert_uint_eq(vm_fault_fold_stack(&f, NULL, 0), VM_FAULT_NONE);
	const uint32_t a = vm_fault_fold_stack(&f, ip, 3), b = vm_fault_fold_stack(&f, ip, 2);
	ck_assert(a != VM_FAULT_NONE && b != VM_FAULT_NONE && a != b);
	ip[2] = 4;
	ck_assert_uint_eq(vm_fault_fold_stack(&f, ip, 2), b);
	const uint32_t c = vm_fault_fold_stack(&f, ip, 3);
	ck_assert(c != a && c != b);
	ck_assert_uint_eq(set.stack.n, 3);
	ck_u64_eq(set.stack.v[a].ip[2], 3);
	ck_u64_eq(set.lost.stacks, 0);
	/* Blocks aren't asked for. */
	add(&f, VM_FAULT_MINOR, 0, 1, 5);
	ck_assert_uint_eq(set.block.n, 0);
	vm_fault_fold_free(&f);
	vm_faultset_free(&set);
}
END_TEST

UNIT_MAIN("faultfold", counts, stacks)
