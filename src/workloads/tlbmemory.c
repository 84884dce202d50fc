#include "workloads/tlbmemory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"

const char *const vm_tlb_huge_words[] = { "never", "default", "advise", NULL };

/** Whether the kernel backs these 2 MiB with one page, seen with the first access to them. */
struct vm_tlb_block {
	bool seen, huge;
	uint64_t pages;            /* base pages of it that were accessed */
};

/** Addresses of our own around it, so that it stays a mapping of its own; the whole begins where a huge page may. */
static int reserve(struct vm_tlb_memory *m, uint64_t size, struct vm_err *err)
{
	char text[VM_NUMBUF];
	/* Page numbers are multiplied as 32 bits (vm_tlb_random_below()). */
	if (size > m->lab->page << 32)
		return vm_fail(err, EINVAL, "--size: at most %s", vm_format_size(m->lab->page << 32, text));
	m->size = vm_pages_up(m->lab, size);
	m->outer_size = m->size + 2 * VM_TLB_HUGE + m->lab->page;
	void *p = mmap(NULL, m->outer_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s", vm_format_size(size, text));
	m->outer = p;
	m->p = m->outer + 2 * VM_TLB_HUGE - (uintptr_t)m->outer % VM_TLB_HUGE;
	if (mmap(m->p, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s", vm_format_size(size, text));
	return 0;
}

int vm_tlb_memory_map(struct vm_tlb_memory *m, const struct vm_lab *lab, uint64_t size, enum vm_tlb_huge_word huge,
                      struct vm_err *err)
{
	*m = (struct vm_tlb_memory){ .lab = lab };
	int r = reserve(m, size, err);
	if (r < 0)
		return r;
	if (huge == VM_TLB_NEVER)
		madvise(m->p, m->size, MADV_NOHUGEPAGE);   /* refused where there are none anyway */
	if (huge == VM_TLB_ADVISE && madvise(m->p, m->size, MADV_HUGEPAGE) < 0)
		return vm_fail(err, ENOSYS, "this kernel has no transparent huge pages");
	m->nblocks = (m->size + VM_TLB_HUGE - 1) / VM_TLB_HUGE;
	m->page = malloc(m->size / lab->page * sizeof(*m->page));
	m->block = calloc(m->nblocks, sizeof(*m->block));
	return m->page && m->block ? 0 : vm_fail_os(err, ENOMEM, "cannot keep the state");
}

void vm_tlb_memory_free(struct vm_tlb_memory *m)
{
	if (m->outer)
		munmap(m->outer, m->outer_size);
	free(m->page);
	free(m->block);
	*m = (struct vm_tlb_memory){ 0 };
}

void vm_tlb_order_all(struct vm_tlb_memory *m)
{
	m->n = m->size / m->lab->page;
	for (size_t i = 0; i < m->n; i++)
		m->page[i] = i;
}

void vm_tlb_order_mixed(struct vm_tlb_memory *m, uint64_t seed)
{
	vm_tlb_order_all(m);
	for (size_t i = m->n; i-- > 2; ) {
		const size_t j = 1 + vm_tlb_random_below(&seed, i);
		const uint64_t kept = m->page[i];
		m->page[i] = m->page[j];
		m->page[j] = kept;
	}
}

void vm_tlb_memory_note(struct vm_tlb_memory *m, uint64_t page)
{
	struct vm_tlb_block *b = &m->block[page * m->lab->page / VM_TLB_HUGE];
	const uint64_t pages = VM_TLB_HUGE / m->lab->page;
	const uint64_t begin = page / (pages ? pages : 1) * VM_TLB_HUGE;
	b->pages++;
	if (b->seen)
		return;
	b->seen = true;
	/* One access, and all of them are there. */
	b->huge = pages > 1 && begin + VM_TLB_HUGE <= m->size &&
		  vm_own_pages(m->lab, m->p + begin, pages, VM_OWN_PRESENT) == (long)pages;
}

static uint64_t huge_bytes(const struct vm_tlb_memory *m)
{
	uint64_t n = 0;
	for (size_t i = 0; i < m->nblocks; i++)
		n += m->block[i].huge ? VM_TLB_HUGE : 0;
	return n;
}

void vm_tlb_memory_settle(const struct vm_tlb_memory *m)
{
	const uint64_t huge = huge_bytes(m);
	/* khugepaged would mend it; where all is huge there is nothing to mend. */
	if (huge && huge < m->size / VM_TLB_HUGE * VM_TLB_HUGE)
		madvise(m->p, m->size, MADV_NOHUGEPAGE);
}

void vm_truth_tlb_memory(struct vm_truth *t, const struct vm_tlb_memory *m, const char *perm)
{
	const uint64_t huge = huge_bytes(m);
	uint64_t small = 0;
	for (size_t i = 0; i < m->nblocks; i++)
		small += m->block[i].huge ? 0 : m->block[i].pages * m->lab->page;
	vm_truth_u64(t, "touched_pages", m->n);
	vm_truth_u64(t, "bytes", m->n * m->lab->page);
	vm_truth_u64(t, "huge_bytes", huge);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "translated", m->p, m->size);
	vm_truth_str(t, "perm", perm);
	vm_truth_u64(t, "rss_bytes", huge + small);
	vm_truth_u64(t, "anon_bytes", huge + small);
	vm_truth_u64(t, "thp_bytes", huge);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
}
