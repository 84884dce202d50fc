/**
 * Sets of page frames, made for hundreds of processes that map the same memory.
 *
 * Frames are kept in chunks of 4096 (16M with 4K pages); what a process has of a chunk is a piece: runs, a list or a bit
 * for each frame, whichever is the smallest (the containers of Roaring bitmaps: Lemire et al., "Roaring bitmaps:
 * implementation of an optimized software library", 2018).  Equal pieces are kept once in a pool, so that a process
 * that maps what another one maps costs eight bytes a chunk; a piece has a bit for each frame of the chunk at most.
 * Pieces of a few frames aren't worth that: the set keeps them itself, in 8 bytes and 2 for each frame.
 */
#ifndef VM_MODEL_FRAMESET_H
#define VM_MODEL_FRAMESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"

enum {
	VM_CHUNK_SHIFT = 12,
	VM_CHUNK_FRAMES = 1 << VM_CHUNK_SHIFT,
	VM_CHUNK_WORDS = VM_CHUNK_FRAMES / 64,
	/** A process may map a frame several times: so often it is kept as a set of its own. */
	VM_FRAME_LAYERS = 4,
};
/** Frames beyond don't exist: physical addresses have 52 bits on x86 and ARM. */
#define VM_FRAMES_MOST (UINT64_C(1) << 40)

/** A bit for each frame of a chunk. */
struct vm_chunk_bits {
	uint64_t w[VM_CHUNK_WORDS];
};

/** What a set has of one chunk: `piece` is the pool's number of it, or with VM_PIECE_SMALL the place in the set's own list. */
struct vm_frame_chunk {
	uint32_t chunk, piece;
};
#define VM_PIECE_SMALL (UINT32_C(1) << 31)

/** Ascending by chunk; zeroed it is empty. */
struct vm_frameset {
	VM_VEC(struct vm_frame_chunk) chunks;
	/** Pieces of a few frames: how many, and these. */
	VM_VEC(uint16_t) small;
	uint64_t frames;
};

struct vm_frame_piece {
	const uint16_t *data;      /* in the pool's arena */
	uint16_t n;                /* numbers in it */
	uint16_t form;             /* see frameset.c */
	uint16_t frames;           /* 1 to VM_CHUNK_FRAMES */
};

/** Zeroed it is empty. */
struct vm_framepool {
	struct vm_arena arena;
	VM_VEC(struct vm_frame_piece) pieces;
	struct vm_map by_hash;
};

struct vm_frame_more {
	uint64_t pfn, times;
};

/** What one process maps: frames that it maps at least once, twice ..., and how often beyond that. */
struct vm_frames_mapped {
	struct vm_frameset layer[VM_FRAME_LAYERS];
	struct { struct vm_frame_more *v; size_t n, cap; } more;   /* ascending */
};

/** A set in the making; zeroed it is empty. */
struct vm_framebuild {
	struct vm_framelayer {
		struct vm_map at;
		VM_VEC(struct vm_chunk_bits) bits;
		VM_VEC(uint32_t) chunk;
		uint32_t last_chunk, last;   /* index of that chunk + 1; 0: none */
	} layer[VM_FRAME_LAYERS];
	/** Of the first layer: where chunks are that were met lately, by their last bits; NULL: none were. */
	struct vm_frame_near { uint32_t chunk, at; } *near;   /* index + 1; 0: none */
	VM_VEC(uint64_t) more;     /* frames found once more than there are layers */
};

/** Add `n` frames from `pfn` on, which are mapped once more.  0, -ENOMEM; those that can't exist are left out. */
int vm_framebuild_add(struct vm_framebuild *b, uint64_t pfn, uint64_t n);

/** The same for a list of frames; those that are 0 are left out. */
int vm_framebuild_list(struct vm_framebuild *b, const uint64_t *pfn, size_t n);

/** The set; `b` is empty again, and keeps its memory.  0 or -ENOMEM. */
int vm_framebuild_end(struct vm_framebuild *b, struct vm_framepool *pool, struct vm_frames_mapped *out);
void vm_framebuild_free(struct vm_framebuild *b);

void vm_framepool_free(struct vm_framepool *pool);
void vm_frames_mapped_free(struct vm_frames_mapped *m);

/** The frames that a set has of a chunk, which is one of set->chunks, as bits. */
void vm_frameset_bits(const struct vm_framepool *pool, const struct vm_frameset *set, const struct vm_frame_chunk *c,
		      struct vm_chunk_bits *out);

/** Does the process map that frame, and how often? */
uint64_t vm_frames_times(const struct vm_framepool *pool, const struct vm_frames_mapped *m, uint64_t pfn);

/** Bytes that they hold. */
size_t vm_framepool_bytes(const struct vm_framepool *pool);
size_t vm_frames_mapped_bytes(const struct vm_frames_mapped *m);

#endif
