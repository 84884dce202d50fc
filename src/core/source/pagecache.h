/** Which pages of a file are in memory. */
#ifndef VM_SOURCE_PAGECACHE_H
#define VM_SOURCE_PAGECACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/page.h"

struct vm_err;
struct vm_frames;

struct vm_cached_file {
	uint64_t bytes;            /* of the file */
	uint64_t device, inode;
	/** Bytes in the page cache, from mincore(2). */
	uint64_t cached;
	/** From cachestat(2), Linux 6.5. */
	bool have_stat;
	uint64_t dirty, writeback, evicted, recently_evicted;
};

/** Neighbouring pages in memory that are alike. */
struct vm_cached_run {
	uint64_t offset, bytes;
	uint64_t pfn;              /* of the first, the others follow; VM_PFN_NONE: not known */
	uint64_t flags, mapped;    /* if have_flags; our own mapping isn't counted */
	bool have_flags;
};

/**
 * Find what of a file is in memory, without reading any of it from disk: mincore(2) on a mapping without access.
 *
 * `frames` (or NULL): to tell frames and flags too, pages that are in memory are mapped for a moment with MADV_RANDOM,
 * so that neither read-ahead nor their place in the LRU lists changes.  A page that is evicted in just that moment is
 * read in again.
 * 0, take()'s value, or a negative errno: -EACCES also where the kernel tells nothing of files that one neither owns
 * nor may write (it would say that all of it is in memory).
 */
int vm_file_cached(const char *path, struct vm_frames *frames, struct vm_cached_file *out,
		   int (*take)(void *ctx, const struct vm_cached_run *run), void *ctx, struct vm_err *err);

#endif
