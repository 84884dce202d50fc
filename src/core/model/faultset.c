#include "core/model/faultset.h"

#include <stdlib.h>
#include <string.h>

void vm_faultset_free(struct vm_faultset *f)
{
	vm_vec_free(&f->space);
	vm_vec_free(&f->mapping);
	vm_vec_free(&f->group);
	vm_vec_free(&f->stack);
	vm_vec_free(&f->thread);
	vm_vec_free(&f->block);
	vm_arena_free(&f->arena);
}

static int by_place(const void *a_, const void *b_)
{
	const struct vm_fault_mapping *a = a_, *b = b_;
	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

void vm_faultset_sort(struct vm_faultset *f)
{
	if (f->mapping.n)
		qsort(f->mapping.v, f->mapping.n, sizeof(*f->mapping.v), by_place);
}

/** How many mappings begin below or at `addr` of the space, or are of a lower one. */
static size_t count_up_to(const struct vm_faultset *f, uint32_t space, uint64_t addr)
{
	size_t lo = 0, hi = f->mapping.n;
	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		const struct vm_fault_mapping *m = &f->mapping.v[mid];
		if (m->space < space || (m->space == space && m->start <= addr))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool vm_faultset_insert(struct vm_faultset *f, const struct vm_fault_mapping *m)
{
	const size_t at = count_up_to(f, m->space, m->start);
	if (at > 0 && f->mapping.v[at - 1].space == m->space && f->mapping.v[at - 1].start == m->start) {
		f->mapping.v[at - 1] = *m;
		return true;
	}
	if (!vm_vec_reserve(&f->mapping, 1))
		return false;
	memmove(&f->mapping.v[at + 1], &f->mapping.v[at], (f->mapping.n - at) * sizeof(*m));
	f->mapping.v[at] = *m;
	f->mapping.n++;
	return true;
}

/** Mappings come and go: of those that begin below, the nearest one that reaches so far. */
static const struct vm_fault_mapping *find_in(const struct vm_faultset *f, uint32_t space, uint64_t addr)
{
	for (size_t n = count_up_to(f, space, addr); n > 0 && f->mapping.v[n - 1].space == space; n--)
		if (addr < f->mapping.v[n - 1].end)
			return &f->mapping.v[n - 1];
	return NULL;
}

const struct vm_fault_mapping *vm_faultset_mapping(const struct vm_faultset *f, uint32_t space, uint64_t addr)
{
	const struct vm_fault_mapping *m = NULL;
	/* Parents come before their children, so this ends. */
	while (!m && space < f->space.n) {
		m = find_in(f, space, addr);
		const uint32_t from = f->space.v[space].from;
		space = from < space ? from : VM_FAULT_NONE;
	}
	return m;
}

size_t vm_faultset_mapping_index(const struct vm_faultset *f, uint32_t space, uint64_t key)
{
	const struct vm_fault_mapping *m = key == UINT64_MAX ? NULL : vm_faultset_mapping(f, space, key);
	return m ? (size_t)(m - f->mapping.v) : f->mapping.n;
}

static bool same_object(const struct vm_fault_mapping *a, const struct vm_fault_mapping *b)
{
	return a->backing == b->backing && a->prot == b->prot && a->shared == b->shared && a->inode == b->inode &&
	       a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

uint32_t *vm_faultset_unite(const struct vm_faultset *f)
{
	uint32_t *into = calloc(f->mapping.n + 1, sizeof(*into));
	for (size_t i = 0; into && i < f->mapping.n; i++) {
		const struct vm_fault_mapping *m = &f->mapping.v[i];
		into[i] = (uint32_t)i;
		/* Sorted by space and start: only the one before can reach so far, or its first one. */
		const struct vm_fault_mapping *before = i ? &f->mapping.v[i - 1] : NULL;
		if (before && before->space == m->space && before->end >= m->start && same_object(before, m))
			into[i] = into[i - 1];
	}
	return into;
}

bool vm_faultset_knows_mode(const struct vm_faultset *f)
{
	return f->have_groups && !f->user_only;
}

bool vm_faultset_knows_invalid(const struct vm_faultset *f)
{
	/* Events tell of faults that the kernel accounts; who times them sees how they end. */
	return f->have_times;
}

bool vm_faultset_knows_bytes(const struct vm_faultset *f)
{
	return f->have_kinds;
}

struct vm_fault_count vm_faultset_resolved(const struct vm_faultset *f)
{
	struct vm_fault_count sum = { 0 };
	for (unsigned k = 0; k < VM_FAULT_FIRST_INVALID; k++) {
		const struct vm_fault_count *c = &f->kind[k];
		sum.count += c->count;
		sum.kernel += c->kernel;
		sum.major += c->major;
		sum.bytes += c->bytes;
		sum.ns += c->ns;
		sum.timed += c->timed;
		sum.max_ns = c->max_ns > sum.max_ns ? c->max_ns : sum.max_ns;
	}
	return sum;
}

uint64_t vm_faultset_invalid(const struct vm_faultset *f)
{
	uint64_t n = 0;
	for (unsigned k = VM_FAULT_FIRST_INVALID; k < VM_FAULT_KIND_NR; k++)
		n += vm_fault_is_invalid(k) ? f->kind[k].count : 0;
	return n;
}
