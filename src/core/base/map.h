/** From a 64-bit key to a 32-bit number, usually an index: a hash table that only grows. */
#ifndef VM_BASE_MAP_H
#define VM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_map_slot {
	uint64_t key;
	uint32_t value;
	bool used;
};

/** Zeroed it is empty. */
struct vm_map {
	struct vm_map_slot *slot;
	size_t n, size;            /* in use, and all: a power of two, or 0 */
};

/** Set the value of `key`.  False when memory is out. */
bool vm_map_put(struct vm_map *m, uint64_t key, uint32_t value);

/** Its value; false if there is none. */
bool vm_map_get(const struct vm_map *m, uint64_t key, uint32_t *value);

/** Forget all, keeping the memory. */
void vm_map_clear(struct vm_map *m);
void vm_map_free(struct vm_map *m);

/** Bits of all of `x` in all of the result (the finalizer of SplitMix64, Steele et al. 2014). */
static inline uint64_t vm_mix64(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/** What vm_fnv1a() begins with. */
#define VM_FNV1A_BASIS UINT64_C(0xcbf29ce484222325)

/**
 * Go on from `h` with the bytes of data[0..len): FNV-1a of 64 bits (Fowler, Noll, Vo: www.isthe.com/chongo/tech/comp/fnv).
 * Its lower bits are good for tables, not its upper ones: who needs those mixes it.
 */
static inline uint64_t vm_fnv1a(uint64_t h, const void *data, size_t len)
{
	const unsigned char *const s = data;
	for (size_t i = 0; i < len; i++)
		h = (h ^ s[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
