/**
 * The form of a recording on disk: docs/recording.md.  A head, then blocks: each a frame (what was read at one moment, or
 * what of that differs from the frame before), or the index behind the last one.
 */
#ifndef VM_SOURCE_RECFORMAT_H
#define VM_SOURCE_RECFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
	VM_REC_VERSION = 1,
	VM_REC_HEAD = 16,          /* bytes of the file's head */
	VM_REC_BLOCK = 64,         /* bytes of a block's head */
	VM_REC_TAIL = 16,          /* bytes behind the index */
	/** No block's part is longer, unpacked. */
	VM_REC_PART_MAX = 256 * 1024 * 1024,
};

enum vm_rec_block_type {
	VM_REC_KEY = 1,            /* all that is there */
	VM_REC_DELTA = 2,          /* what differs from the frame before */
	VM_REC_INDEX = 3,          /* where the frames are */
};

enum vm_rec_packing {
	VM_REC_PLAIN = 0,
	VM_REC_ZSTD = 1,
};

/** A block's head.  Each part of what follows is packed by itself: the ops, then the data. */
struct vm_rec_block {
	uint8_t type;              /* enum vm_rec_block_type */
	uint8_t packing;           /* enum vm_rec_packing */
	uint64_t number;           /* of the frame; the index: how many there are */
	int64_t real_ns;           /* CLOCK_REALTIME when its reading began */
	uint64_t boot_ns;          /* CLOCK_BOOTTIME then: intervals, across suspend and set clocks */
	uint32_t ops, ops_packed, data, data_packed;   /* bytes */
	uint32_t crc;              /* of both parts as they are in the file */
};

/** Bytes of the block with its head. */
static inline uint64_t vm_rec_block_size(const struct vm_rec_block *b)
{
	return VM_REC_BLOCK + (uint64_t)b->ops_packed + b->data_packed;
}

void vm_rec_put_head(uint8_t to[static VM_REC_HEAD]);

/** 0; -EBADMSG: this is no recording; -ENOTSUP: of the version *version, which is newer. */
int vm_rec_take_head(const uint8_t from[static VM_REC_HEAD], uint32_t *version);

void vm_rec_put_block(uint8_t to[static VM_REC_BLOCK], const struct vm_rec_block *b);

/** False: there is no block, or a broken one. */
bool vm_rec_take_block(const uint8_t from[static VM_REC_BLOCK], struct vm_rec_block *b);

/** The last bytes of a file that was closed: where its index begins. */
void vm_rec_put_tail(uint8_t to[static VM_REC_TAIL], uint64_t index);
bool vm_rec_take_tail(const uint8_t from[static VM_REC_TAIL], uint64_t *index);

/**
 * What a frame says of a file.  A file has a number, in the order in which files came since the last whole frame: a whole
 * frame's own are 0, 1, 2 ...
 */
enum vm_rec_kind_of_op {
	VM_REC_OP_NEW,             /* a path that has no number yet; its bytes are in the data */
	VM_REC_OP_NEW_LINK,        /* the same of a symbolic link: the data is its target */
	VM_REC_OP_WHOLE,           /* its bytes are in the data */
	VM_REC_OP_LINK,            /* it is a symbolic link now, or leads elsewhere */
	VM_REC_OP_CHANGED,         /* how it differs from what it was: core/base/textdelta.h */
	VM_REC_OP_GONE,            /* it is there no more */
	VM_REC_OP_NR,
};

struct vm_rec_op {
	enum vm_rec_kind_of_op kind;
	uint32_t number;           /* of the file; NEW: not used */
	const char *path;          /* NEW: within what was taken apart; no NUL behind it */
	size_t path_len;
	size_t len;                /* bytes of data; CHANGED: of the delta */
	const char *delta;         /* CHANGED: within what was taken apart */
};

/** Add it to the row of a frame; `last` is the number of the op before, 0 at first. */
void vm_rec_put_op(struct vm_buf *ops, uint32_t *last, const struct vm_rec_op *op);

/**
 * The op at ops[*at..len), and *at behind it.  False: nonsense, also a path that leads out of the tree: each part of
 * it is there, and none is "." or "..".
 */
bool vm_rec_take_op(const char *ops, size_t len, size_t *at, uint32_t *last, struct vm_rec_op *op);

#endif
