/** Fold mappings that have something in common into rows with sums. */
#ifndef VM_ANALYSIS_GROUP_H
#define VM_ANALYSIS_GROUP_H

#include <stddef.h>
#include <stdint.h>

struct vm_mapping;
struct vm_sum;

enum vm_group_by {
	VM_BY_KIND,   /* what they are for */
	VM_BY_FILE,   /* the file; what has none is folded by kind */
	VM_BY_PERM,   /* the permissions */
	VM_BY_NAME,   /* the name exactly as the kernel shows it, anonymous names included */
	VM_BY_PAGE,   /* the page size of the backing */
};

/**
 * Groups of the `n` mappings, in the order in which each first appears.  A group is a sum with the key in
 * `kind`, `prot` or `name` (borrowed from the members).
 * Returns their number and *out (free it), or -ENOMEM.
 */
long vm_group_mappings(const struct vm_mapping *const *maps, size_t n, enum vm_group_by by,
		       struct vm_sum **out);

/** The number of each mapping's group into of[n]; returns how many groups there are, or -ENOMEM. */
long vm_group_assign(const struct vm_mapping *const *maps, size_t n, enum vm_group_by by, uint32_t *of);

/** The sum of all; count 0 if there is none. */
void vm_sum_mappings(const struct vm_mapping *const *maps, size_t n, struct vm_sum *sum);

#endif
