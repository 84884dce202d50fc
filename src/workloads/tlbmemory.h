/** Memory of the workloads of translation: pages in the order in which they are accessed, huge ones if wanted. */
#ifndef VM_WORKLOADS_TLBMEMORY_H
#define VM_WORKLOADS_TLBMEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/tlbform.h"
#include "workloads/workload.h"

#define VM_TLB_HUGE_PARAM                                                                                            \
	{ "huge", "what the kernel is told of huge pages: not to, nothing, to use them", VM_P_WORD, .def = "never",  \
	  .words = vm_tlb_huge_words }
#define VM_TLB_ACCESSES_PARAM(def_, what)                                                                            \
	{ "accesses", what " with each step", VM_P_U64, .def = def_, .min = 1, .max = UINT64_C(1) << 40 }
#define VM_TLB_STEPS_PARAM                                                                                           \
	{ "rounds", "how many steps there are", VM_P_U64, .def = "4", .min = 1, .max = UINT64_C(1) << 40 }

extern const char *const vm_tlb_huge_words[];
enum vm_tlb_huge_word { VM_TLB_NEVER, VM_TLB_DEFAULT, VM_TLB_ADVISE };

struct vm_tlb_block;

/** Zero-initialised means none. */
struct vm_tlb_memory {
	const struct vm_lab *lab;
	char *p;                   /* begins where a huge page may */
	uint64_t size;             /* bytes, whole pages */
	/** Numbers of the base pages that are accessed, in that order. */
	uint64_t *page;
	size_t n;
	struct vm_tlb_block *block;   /* of 2 MiB each */
	size_t nblocks;
	char *outer;
	uint64_t outer_size;
};

/**
 * Map `size` bytes, rounded up to whole pages, without pages as yet, none of them in m->page.  0, -EINVAL, -ENOMEM, or
 * -ENOSYS if huge pages are wanted where there are none.
 */
int vm_tlb_memory_map(struct vm_tlb_memory *m, const struct vm_lab *lab, uint64_t size, enum vm_tlb_huge_word huge,
                      struct vm_err *err);
void vm_tlb_memory_free(struct vm_tlb_memory *m);

/** Every page of it once, in ascending order. */
void vm_tlb_order_all(struct vm_tlb_memory *m);
/** The same in an order that depends on the seed alone (Fisher-Yates); page 0 stays the first. */
void vm_tlb_order_mixed(struct vm_tlb_memory *m, uint64_t seed);

/** To be called after the first access to each page of m->page, in that order: did the kernel give a huge page? */
void vm_tlb_memory_note(struct vm_tlb_memory *m, uint64_t page);
/** After all: what isn't huge stays so. */
void vm_tlb_memory_settle(const struct vm_tlb_memory *m);

/** "mappings", "pages", "bytes" (what is translated) and "huge_bytes". */
void vm_truth_tlb_memory(struct vm_truth *t, const struct vm_tlb_memory *m, const char *perm);

/** The next number of a sequence, splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. */
static inline uint64_t vm_tlb_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/** One of [0, n), each alike but for n / 2^32: the upper half of a product, without a division. */
static inline uint64_t vm_tlb_random_below(uint64_t *state, uint64_t n)
{
	return ((vm_tlb_random(state) >> 32) * n) >> 32;
}

#endif
