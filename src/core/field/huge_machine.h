/** Rows of vmhuge's view of the machine: a size, a pool, a counter, a sample. */
#ifndef VM_FIELD_HUGE_MACHINE_H
#define VM_FIELD_HUGE_MACHINE_H

#include "core/field/field.h"
#include "core/model/hugesys.h"

/** A size of transparent huge pages; `before`: the same in the sample before, or NULL. */
struct vm_huge_size_row {
	const struct vm_huge_size *size, *before;
	uint64_t ns;               /* between the two */
	enum vm_huge_word anon, shmem;   /* what holds, "inherit" resolved */
};

/** Pages of the hugetlb pool. */
struct vm_huge_pool_row {
	const struct vm_huge_pool *pool;
};

/** A counter. */
struct vm_huge_count_row {
	enum vm_huge_count which;
	uint64_t count, before;    /* VM_HUGE_UNKNOWN: not told; no sample before */
	uint64_t ns;
};

/** What happened between two samples; `before` NULL: since boot, without rates. */
struct vm_huge_sample_row {
	const struct vm_hugesys *now, *before;
	uint64_t since_ns;         /* since the first one */
};

extern const struct vm_fieldset vm_huge_size_fields, vm_huge_pool_fields, vm_huge_count_fields, vm_huge_sample_fields;

#endif
