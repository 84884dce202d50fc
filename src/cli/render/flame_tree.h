/** The merged tree of a flame graph, as its writers see it. */
#ifndef VM_RENDER_FLAME_TREE_H
#define VM_RENDER_FLAME_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/render/flame.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/vec.h"

/** A frame as called from the frames above it.  Nodes are numbers; the root, which is no frame, is 0. */
struct vm_flame_node {
	uint64_t total, self;      /* weight of the stacks through it; of those that end in it */
	uint32_t frame;            /* index into frames */
	uint32_t parent, child, next;  /* 0: none */
	uint32_t depth;            /* the root's is 0 */
};

struct vm_flame_stack {
	size_t first;              /* of its frames in path */
	uint32_t n;
	uint64_t weight;
};

struct vm_flame {
	VM_VEC(struct vm_flame_frame) frames;  /* each once */
	uint32_t *slot;            /* hash table of frames, open addressing: 1 + index, 0: free */
	size_t slots;              /* a power of two, or 0 */
	struct vm_arena arena;     /* the names' bytes */
	VM_VEC(uint32_t) path;     /* indices into frames, stack after stack */
	VM_VEC(struct vm_flame_stack) stacks;
	uint64_t total;
	/** Made of the above by vm_flame_build(). */
	VM_VEC(struct vm_flame_node) nodes;
	uint32_t deepest;
};

/**
 * Make the tree of all stacks that were added until now; children are in order of their weight, the biggest first, and
 * equal ones by name.  0 or -ENOMEM.
 */
int vm_flame_build(struct vm_flame *f);

/** The node after `i` in an outline, parents before children, or the one after all that is below `i`.  0: the end. */
uint32_t vm_flame_next(const struct vm_flame *f, uint32_t i);
uint32_t vm_flame_skip(const struct vm_flame *f, uint32_t i);

/** Write what the buffer holds if that is a lot, or `all`.  0 or a negative errno. */
int vm_flame_flush(struct vm_buf *b, FILE *out, bool all);

/** The picture's style sheet and script, which go into CDATA sections. */
extern const char vm_flame_css[], vm_flame_script[];

#endif
