/** Packing of parts of recordings (libzstd). */
#ifndef VM_SOURCE_RECPACK_H
#define VM_SOURCE_RECPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/source/recformat.h"

struct vm_err;
struct vm_packer;

/** How this build packs. */
enum vm_rec_packing vm_pack_usual(void);

/** NULL when memory is out. */
struct vm_packer *vm_packer_new(void);
void vm_packer_free(struct vm_packer *p);

/**
 * from[0..len) packed, behind what `to` holds.  `before` is what the reader will have, too, and what is like it costs
 * next to nothing: zstd's dictionary by reference to a prefix (zstd.h: ZSTD_CCtx_refPrefix()).  0 or a negative errno.
 */
int vm_pack(struct vm_packer *p, struct vm_buf *to, const char *from, size_t len, const char *before, size_t before_len);

/**
 * The other way round; `len` is the length that it must come to.  -EBADMSG: it doesn't; -ENOTSUP: this build can't unpack
 * it.
 */
int vm_unpack(struct vm_packer *p, enum vm_rec_packing packing, struct vm_buf *to, size_t len, const char *from,
	      size_t packed, const char *before, size_t before_len);

#endif
