/** The picture of an address space: blocks and gaps to scale, the highest address first. */
#ifndef VM_CLI_LAYOUT_H
#define VM_CLI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct vm_block;

/** More blocks than that are too many for a picture: pass it to vm_layout_blocks(). */
enum { VM_LAYOUT_BLOCKS = 48 };

struct vm_layout_style {
	bool utf8, color;
	/** End of the user half, where what lies above it is to be drawn too (x86-64); 0: not known. */
	uint64_t user_end;
};

/** Append the picture of `n` blocks by ascending address. */
void vm_layout_put(struct vm_buf *out, const struct vm_block *b, size_t n, const struct vm_layout_style *style);

/** Append what the block is called. */
void vm_layout_label(struct vm_buf *out, const struct vm_block *b);

#endif
