#include "core/model/aspace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/model/kind.h"

void vm_aspace_free(struct vm_aspace *as)
{
	if (!as)
		return;
	free(as->map);
	vm_vec_free(&as->objects);
	vm_vec_free(&as->threads);
	vm_arena_free(&as->arena);
	vm_arena_free(&as->texts);
	free(as);
}

/** From how many mappings on, and how many at a time. */
enum { POPULATE_FROM = 2048, POPULATE_STEP = 1024 };

/**
 * 10^4 mappings fill megabytes.  A fault for each of their pages would cost as much as parsing what goes
 * there: ask for some at once.  Where the kernel can't (before Linux 5.14), they come one by one.
 */
static void populate(struct vm_aspace *as)
{
#ifdef MADV_POPULATE_WRITE
	const uintptr_t page = 4096;
	size_t to = as->nmaps + POPULATE_STEP < as->cap ? as->nmaps + POPULATE_STEP : as->cap;
	uintptr_t from = ((uintptr_t)&as->map[as->nmaps] + page - 1) & -page;
	uintptr_t end = (uintptr_t)&as->map[to] & -page;
	if (end > from)
		(void)madvise((void *)from, end - from, MADV_POPULATE_WRITE);
	as->populated = to;
#endif
}

struct vm_mapping *vm_aspace_add(struct vm_aspace *as)
{
	if (as->nmaps >= POPULATE_FROM && as->nmaps >= as->populated && as->nmaps < as->cap)
		populate(as);
	if (!vm_vec_grow_((void **)&as->map, &as->cap, as->nmaps + 1, sizeof(*as->map)))
		return NULL;
	struct vm_mapping *m = &as->map[as->nmaps++];
	memset(m, 0, sizeof(*m));
	m->count = 1;
	m->pid = as->proc.pid;
	m->name = "";
	return m;
}

void vm_aspace_clear(struct vm_aspace *as)
{
	as->nmaps = 0;
	as->objects.n = 0;
	as->threads.n = 0;
	vm_arena_reset(&as->arena);
}

size_t vm_aspace_find(const struct vm_aspace *as, uint64_t addr)
{
	size_t lo = 0, hi = as->nmaps;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (as->map[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct vm_mapping *vm_aspace_at(const struct vm_aspace *as, uint64_t addr)
{
	size_t i = vm_aspace_find(as, addr);
	return i < as->nmaps && as->map[i].start <= addr ? &as->map[i] : NULL;
}

void vm_mapping_add(struct vm_mapping *sum, const struct vm_mapping *m)
{
	if (sum->count == 0) {
		*sum = *m;
		return;
	}
	sum->count += m->count;
	sum->kind = (uint8_t)vm_kind_join(sum->kind, m->kind);
	if (sum->prot != m->prot || sum->shared != m->shared)
		sum->differs |= VM_DIFFERS_PERM;
	if (sum->inode != m->inode || sum->dev_major != m->dev_major || sum->dev_minor != m->dev_minor)
		sum->differs |= VM_DIFFERS_FILE;
	sum->differs |= m->differs;
	uint32_t comparable = sum->have & m->have & ~(VM_HAVE(VM_Q_SUMS) - 1);
	for (unsigned q = VM_Q_SUMS; q < VM_Q_NR; q++)
		if (sum->q[q] != m->q[q])
			comparable &= ~VM_HAVE(q);
	sum->have = (sum->have & m->have & (VM_HAVE(VM_Q_SUMS) - 1)) | comparable;
	for (unsigned q = 0; q < VM_Q_SUMS; q++)
		sum->q[q] += m->q[q];
}

void vm_mapping_derive(struct vm_mapping *m)
{
	const uint32_t private = VM_HAVE(VM_Q_PRIVATE_CLEAN) | VM_HAVE(VM_Q_PRIVATE_DIRTY);
	const uint32_t dirty = VM_HAVE(VM_Q_SHARED_DIRTY) | VM_HAVE(VM_Q_PRIVATE_DIRTY);
	m->q[VM_Q_SIZE] = m->end - m->start;
	m->have |= VM_HAVE(VM_Q_SIZE);
	if ((m->have & private) == private) {
		m->q[VM_Q_USS] = m->q[VM_Q_PRIVATE_CLEAN] + m->q[VM_Q_PRIVATE_DIRTY];
		if (m->have & VM_HAVE(VM_Q_PRIVATE_HUGETLB))
			m->q[VM_Q_USS] += m->q[VM_Q_PRIVATE_HUGETLB];
		m->have |= VM_HAVE(VM_Q_USS);
	}
	if ((m->have & dirty) == dirty) {
		m->q[VM_Q_DIRTY] = m->q[VM_Q_SHARED_DIRTY] + m->q[VM_Q_PRIVATE_DIRTY];
		m->have |= VM_HAVE(VM_Q_DIRTY);
	}
}

static const struct { enum vm_qty from; enum vm_pqty to; } sums[] = {
	{ VM_Q_PSS, VM_P_PSS },
	{ VM_Q_PSS_DIRTY, VM_P_PSS_DIRTY },
	{ VM_Q_USS, VM_P_USS },
	{ VM_Q_SHARED_CLEAN, VM_P_SHARED_CLEAN },
	{ VM_Q_SHARED_DIRTY, VM_P_SHARED_DIRTY },
	{ VM_Q_PRIVATE_CLEAN, VM_P_PRIVATE_CLEAN },
	{ VM_Q_PRIVATE_DIRTY, VM_P_PRIVATE_DIRTY },
	{ VM_Q_REFERENCED, VM_P_REFERENCED },
	{ VM_Q_ANON, VM_P_ANONYMOUS },
	{ VM_Q_KSM, VM_P_KSM },
	{ VM_Q_LAZYFREE, VM_P_LAZYFREE },
	{ VM_Q_THP, VM_P_THP },
	{ VM_Q_SHMEM_THP, VM_P_SHMEM_THP },
	{ VM_Q_FILE_THP, VM_P_FILE_THP },
	{ VM_Q_SHARED_HUGETLB, VM_P_SHARED_HUGETLB },
	{ VM_Q_PRIVATE_HUGETLB, VM_P_PRIVATE_HUGETLB },
	{ VM_Q_SWAP_PSS, VM_P_SWAP_PSS },
	{ VM_Q_LOCKED, VM_P_LOCKED_PSS },
};

void vm_aspace_sum_to_proc(struct vm_aspace *as)
{
	struct vm_mapping total = { 0 };
	for (size_t i = 0; i < as->nmaps; i++)
		vm_mapping_add(&total, &as->map[i]);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		if (total.have & VM_HAVE(sums[i].from))
			vm_proc_set(&as->proc, sums[i].to, total.q[sums[i].from]);
	as->proc.rollup_ns = as->taken_ns;
}
