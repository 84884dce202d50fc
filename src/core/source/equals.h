/** The end of a run of equal entries, of page tables and of pagemap. */
#ifndef VM_SOURCE_EQUALS_H
#define VM_SOURCE_EQUALS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Two entries at a time: every processor has registers for that. */
typedef uint64_t vm_pair __attribute__((vector_size(16)));

static inline vm_pair vm_load_pair(const uint64_t *entry)
{
	vm_pair p;
	memcpy(&p, entry, sizeof(p));
	return p;
}

/**
 * End of the entries from `from` on that differ from `e`, which grows by `step` with each, in no bit of `mask`.
 * Most tables are full of the same: eight are compared at once.
 */
static inline size_t vm_end_of_equals(const uint64_t *entry, size_t from, size_t to, uint64_t e, uint64_t step,
				      uint64_t mask)
{
	size_t j = from;
	const vm_pair two = { step * 2, step * 2 }, eight = two * 4;
	for (vm_pair a = { e, e + step }, b = a + two, c = b + two, d = c + two; to - j >= 8; j += 8) {
		vm_pair differs = (vm_load_pair(entry + j) ^ a) | (vm_load_pair(entry + j + 2) ^ b) |
			       (vm_load_pair(entry + j + 4) ^ c) | (vm_load_pair(entry + j + 6) ^ d);
		if ((differs[0] | differs[1]) & mask)
			break;
		a += eight;
		b += eight;
		c += eight;
		d += eight;
	}
	e += step * (j - from);
	while (j < to && ((entry[j] ^ e) & mask) == 0) {
		j++;
		e += step;
	}
	return j;
}

#endif
