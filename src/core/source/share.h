/** Pages of a process with the map counts and flags of their frames; and its frames as a set. */
#ifndef VM_SOURCE_SHARE_H
#define VM_SOURCE_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include "core/model/share.h"

struct vm_aspace;
struct vm_err;
struct vm_framebuild;
struct vm_frames;
struct vm_pages_info;
struct vm_session;

/** Ascending; a value other than 0 ends the scan and is returned. */
typedef int vm_share_take(void *ctx, const struct vm_share_piece *pieces, size_t n);

/**
 * Pages of [from, to) (0, 0: all) of a process whose mappings were read.  With `frames` pieces end where map count or
 * kind of the frames changes; without, or where frames are withheld (info->frames_withheld), they have the exclusive bit
 * of pagemap alone.  What neither is in memory nor in swap is left out.  Returns as vm_pages_scan().
 */
int vm_share_pieces(struct vm_session *s, const struct vm_aspace *as, struct vm_frames *frames, uint64_t from, uint64_t to,
		    vm_share_take *take, void *ctx, struct vm_pages_info *info, struct vm_err *err);

/**
 * All frames that it maps in [from, to), as the kernel counts them (not the page of zeros, not what has no struct page),
 * into a set: quicker than by pieces.  As vm_pages_scan(); -EPERM: frames are withheld.
 */
int vm_share_frames(struct vm_session *s, const struct vm_aspace *as, uint64_t from, uint64_t to, struct vm_framebuild *into,
		    struct vm_err *err);

/** Flags and map counts of `n` frames, zeros for those that don't exist: what vm_sharegroup_compare() asks; `frames` is a
    struct vm_frames. */
int vm_share_facts(void *frames, uint64_t pfn, size_t n, uint64_t *flags, uint64_t *count);

#endif
