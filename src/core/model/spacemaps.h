/**
 * The mappings of many address spaces as they come and go, told by whoever makes them.
 *
 * Spaces that were forked share what they have until one of them changes it.  A mapping that grows, or loses a part to
 * another one, stays the same mapping: it is called by the address at which it began when it was first hit.  Nobody is
 * told of munmap(2): what isn't there any more isn't hit.
 */
#ifndef VM_MODEL_SPACEMAPS_H
#define VM_MODEL_SPACEMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/intern.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultset.h"

struct vm_space_layout;

/** Zeroed it is empty and valid. */
struct vm_spacemaps {
	struct vm_arena arena;
	/** By space; NULL: nothing is known. */
	VM_VEC(struct vm_space_layout *) layout;
	/** Those that were hit, in no order; their indices by space and key. */
	VM_VEC(struct vm_space_map *) hit;
	struct vm_map by_key;
	struct vm_intern names;
};

/** m->space now has this mapping, in place of what was there; m->name is copied.  False when memory is out. */
bool vm_spacemaps_map(struct vm_spacemaps *s, const struct vm_fault_mapping *m);

/** `space`, which has none yet, begins with the mappings of another one.  False when memory is out. */
bool vm_spacemaps_fork(struct vm_spacemaps *s, uint32_t space, uint32_t from);

/** The space is no more: it isn't asked for again.  What was hit in it stays known. */
void vm_spacemaps_end(struct vm_spacemaps *s, uint32_t space);

/**
 * The mapping that holds `address`, with *key the address by which it goes (vm_fault_group.mapping); its space is the one
 * that made it, and its range what is known of it so far.  NULL: none, or without memory.  It lives as long as `s`.
 */
const struct vm_fault_mapping *vm_spacemaps_hit(struct vm_spacemaps *s, uint32_t space, uint64_t address, uint64_t *key);

/** Make `set` hold the mappings that were hit, sorted; their names are those of `s`.  False when memory is out. */
bool vm_spacemaps_put(const struct vm_spacemaps *s, struct vm_faultset *set);

void vm_spacemaps_free(struct vm_spacemaps *s);

#endif
