#include "core/model/faultfold.h"

#include <string.h>

static bool same_group(const struct vm_fault_group *a, const struct vm_fault_group *b)
{
	return a->ip == b->ip && a->mapping == b->mapping && a->space == b->space && a->stack == b->stack &&
	       a->kind == b->kind && a->kernel == b->kernel;
}

/** Keys are sums over all members: two that differ may have the same, and then the later one moves on. */
static bool count_group(struct vm_fault_fold *f, const struct vm_fault_group *g)
{
	uint64_t key = vm_mix64(g->ip ^ vm_mix64(g->mapping ^ vm_mix64((uint64_t)g->space << 32 | g->stack)));
	uint32_t at;
	for (key ^= (uint64_t)g->kind << 1 | g->kernel; vm_map_get(&f->groups, key, &at); key++) {
		if (!same_group(&f->set->group.v[at], g))
			continue;
		f->set->group.v[at].count++;
		return true;
	}
	struct vm_fault_group first = *g;
	first.count = 1;
	return vm_vec_push(&f->set->group, first) && vm_map_put(&f->groups, key, (uint32_t)f->set->group.n - 1);
}

static bool count_block(struct vm_fault_fold *f, uint32_t space, uint64_t address)
{
	struct vm_fault_block b = { .space = space, .address = address >> f->set->block_shift << f->set->block_shift, .count = 1 };
	uint64_t key = vm_mix64(b.address ^ vm_mix64(space));
	uint32_t at;
	for (; vm_map_get(&f->blocks, key, &at); key++) {
		if (f->set->block.v[at].space != space || f->set->block.v[at].address != b.address)
			continue;
		f->set->block.v[at].count++;
		return true;
	}
	return vm_vec_push(&f->set->block, b) && vm_map_put(&f->blocks, key, (uint32_t)f->set->block.n - 1);
}

bool vm_fault_fold(struct vm_fault_fold *f, const struct vm_fault_group *g, bool major, uint64_t address, uint64_t bytes)
{
	struct vm_fault_count *c = &f->set->kind[g->kind];
	c->count++;
	c->kernel += g->kernel;
	c->major += major;
	c->bytes += bytes;
	return count_group(f, g) && (!f->set->block_shift || count_block(f, g->space, address));
}

uint32_t vm_fault_fold_stack(struct vm_fault_fold *f, const uint64_t *ip, unsigned n)
{
	uint64_t key = n;
	uint32_t at;
	for (unsigned i = 0; i < n; i++)
		key = vm_mix64(key ^ ip[i]);
	for (; n && vm_map_get(&f->stacks, key, &at); key++) {
		const struct vm_fault_stack *s = &f->set->stack.v[at];
		if (s->n == n && memcmp(s->ip, ip, n * sizeof(*ip)) == 0)
			return at;
	}
	uint64_t *kept = n ? vm_arena_alloc(&f->set->arena, n * sizeof(*ip)) : NULL;
	if (!kept) {
		f->set->lost.stacks += n != 0;
		return VM_FAULT_NONE;
	}
	memcpy(kept, ip, n * sizeof(*ip));
	if (vm_vec_push(&f->set->stack, ((struct vm_fault_stack){ .ip = kept, .n = n })) &&
	    vm_map_put(&f->stacks, key, (uint32_t)f->set->stack.n - 1))
		return (uint32_t)f->set->stack.n - 1;
	f->set->lost.stacks++;
	return VM_FAULT_NONE;
}

void vm_fault_fold_free(struct vm_fault_fold *f)
{
	vm_map_free(&f->groups);
	vm_map_free(&f->stacks);
	vm_map_free(&f->blocks);
}
