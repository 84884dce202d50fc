/** Where the frames of a recording are. */
#ifndef VM_SOURCE_RECBLOCKS_H
#define VM_SOURCE_RECBLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

struct vm_buf;
struct vm_err;
struct vm_packer;

/** A frame's place and time: docs/recording.md; an element of the index. */
struct vm_rec_moment {
	uint64_t offset;           /* of its block in the file */
	int64_t real_ns;           /* CLOCK_REALTIME when its reading began */
	uint64_t boot_ns;          /* CLOCK_BOOTTIME then */
	bool key;
};

struct vm_rec_blocks {
	VM_VEC(struct vm_rec_moment) moments;
	/** Behind the last complete frame. */
	uint64_t end;
	/** Bytes within and behind the frames that are none: what was torn or broken. */
	uint64_t lost;
	bool indexed;              /* by an index at its end; else every block was looked at */
};

/**
 * Find the frames.  0; -EBADMSG: this is no recording; -ENOTSUP: it is of a newer version; another negative errno.
 * Free out->moments.
 */
int vm_rec_blocks_find(int fd, const char *name, struct vm_rec_blocks *out, struct vm_err *err);

/** Both parts of a block behind its head, into payload.  -EBADMSG: it is broken. */
struct vm_rec_block;
int vm_rec_read_block(int fd, uint64_t offset, struct vm_rec_block *b, struct vm_buf *payload);

/** The index as it stands in its block, packed. */
int vm_rec_put_index(struct vm_packer *p, struct vm_buf *to, const struct vm_rec_moment *m, size_t n, struct vm_rec_block *b);

#endif
