#include "core/model/aspace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/model/kind.h"
#include "core/model/numa.h"

void vm_aspace_free(struct vm_aspace *as)
{
	if (!as)
		return;
	free(as->map);
	if (as->numa)
		vm_numa_maps_free(as->numa);
	free(as->numa);
	vm_vec_free(&as->objects);
	vm_vec_free(&as->threads);
	vm_arena_free(&as->arena);
	vm_arena_free(&as->texts);
	free(as);
}

const uint64_t vm_no_figures[VM_Q_NR];

struct vm_mapping *vm_aspace_add(struct vm_aspace *as)
{
	if (!vm_vec_grow_((void **)&as->map, &as->cap, as->nmaps + 1, sizeof(*as->map)))
		return NULL;
	struct vm_mapping *m = &as->map[as->nmaps++];
	memset(m, 0, sizeof(*m));
	m->count = 1;
	m->pid = as->proc.pid;
	m->name = "";
	m->q = vm_no_figures;
	return m;
}

uint64_t *vm_aspace_add_figures(struct vm_aspace *as, struct vm_mapping *m)
{
	uint64_t *q = vm_arena_alloc(&as->arena, VM_Q_NR * sizeof(*q));
	if (q) {
		memset(q, 0, VM_Q_NR * sizeof(*q));
		m->q = q;
	}
	return q;
}

void vm_aspace_clear(struct vm_aspace *as)
{
	as->nmaps = 0;
	as->heap_end = 0;
	as->total = (struct vm_sum){ 0 };
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

const char *vm_mapping_perm(const struct vm_mapping *m)
{
	static_assert(PROT_READ == 1 && PROT_WRITE == 2 && PROT_EXEC == 4, "the bits index the table");
	static const char perm[2][8][5] = {
		{ "---p", "r--p", "-w-p", "rw-p", "--xp", "r-xp", "-wxp", "rwxp" },
		{ "---s", "r--s", "-w-s", "rw-s", "--xs", "r-xs", "-wxs", "rwxs" },
	};
	return perm[m->shared][m->prot & 7];
}

void vm_sum_add(struct vm_sum *sum, const struct vm_mapping *m)
{
	struct vm_mapping *to = &sum->m;
	if (to->count == 0) {
		*to = *m;
		memcpy(sum->q, m->q, sizeof(sum->q));
		sum->q[VM_Q_SIZE] = vm_mapping_size(m);
		vm_sum_settle(sum);
		return;
	}
	uint64_t size = sum->q[VM_Q_SIZE] + vm_mapping_size(m);
	to->differs |= VM_DIFFERS_RANGE;
	to->area = NULL;
	to->count += m->count;
	to->kind = (uint8_t)vm_kind_join(to->kind, m->kind);
	if (to->prot != m->prot || to->shared != m->shared)
		to->differs |= VM_DIFFERS_PERM;
	if (to->inode != m->inode || to->dev_major != m->dev_major || to->dev_minor != m->dev_minor)
		to->differs |= VM_DIFFERS_FILE;
	to->differs |= m->differs;
	uint32_t comparable = to->have & m->have & ~(VM_HAVE(VM_Q_SUMS) - 1);
	for (unsigned q = VM_Q_SUMS; q < VM_Q_NR; q++)
		if (sum->q[q] != m->q[q])
			comparable &= ~VM_HAVE(q);
	to->have = (to->have & m->have & (VM_HAVE(VM_Q_SUMS) - 1)) | comparable;
	for (unsigned q = 0; q < VM_Q_SUMS; q++)
		sum->q[q] += m->q[q];
	sum->q[VM_Q_SIZE] = size;
}

void vm_mapping_derive(struct vm_mapping *m, uint64_t *q)
{
	const uint32_t private = VM_HAVE(VM_Q_PRIVATE_CLEAN) | VM_HAVE(VM_Q_PRIVATE_DIRTY);
	const uint32_t dirty = VM_HAVE(VM_Q_SHARED_DIRTY) | VM_HAVE(VM_Q_PRIVATE_DIRTY);
	if ((m->have & private) == private) {
		q[VM_Q_USS] = q[VM_Q_PRIVATE_CLEAN] + q[VM_Q_PRIVATE_DIRTY];
		if (m->have & VM_HAVE(VM_Q_PRIVATE_HUGETLB))
			q[VM_Q_USS] += q[VM_Q_PRIVATE_HUGETLB];
		m->have |= VM_HAVE(VM_Q_USS);
	}
	if ((m->have & dirty) == dirty) {
		q[VM_Q_DIRTY] = q[VM_Q_SHARED_DIRTY] + q[VM_Q_PRIVATE_DIRTY];
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
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		if (as->total.m.have & VM_HAVE(sums[i].from))
			vm_proc_set(&as->proc, sums[i].to, as->total.q[sums[i].from]);
	as->proc.rollup_ns = as->taken_ns;
}
