/**
 * Page frames of the machine: flags, map counts, cgroups (fs/proc/page.c), zones and nodes.
 *
 * Needs CAP_SYS_ADMIN.  Reads are batched: one read(2) for thousands of frames.
 */
#ifndef VM_SOURCE_FRAMES_H
#define VM_SOURCE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/source/zones.h"

struct vm_err;
struct vm_session;
struct vm_frames;

enum vm_frame_fact { VM_FRAME_FLAGS, VM_FRAME_COUNT, VM_FRAME_CGROUP, VM_FRAME_NR };

/** 0, or a negative errno (-EACCES, -ENOENT, -EOPNOTSUPP on a captured tree) with *err. */
int vm_frames_open(struct vm_session *s, struct vm_frames **out, struct vm_err *err);
void vm_frames_close(struct vm_frames *f);

/**
 * One fact of `n` frames from `pfn` on into out[].  Returns how many there were (fewer at the end of memory, 0
 * beyond it, also where no file reaches), or a negative errno with *err: -ENOENT if this kernel doesn't have the fact
 * (kpagecgroup).
 */
long vm_frames_read(struct vm_frames *f, enum vm_frame_fact fact, uint64_t pfn, size_t n, uint64_t *out,
		    struct vm_err *err);

/**
 * Whether merged pages can't be told from other anonymous ones: where the kernel has the flag KSM on all of these (Linux 6.10
 * to 6.17, stable_page_flags() in fs/proc/page.c) no frame has it here.
 */
bool vm_frames_hide_merged(const struct vm_frames *f);

/** First frame that doesn't exist, by the zones.  0: unknown. */
uint64_t vm_frames_end(struct vm_frames *f);

/** Ranges of frames that exist (zones, without holes between nodes), ascending; the array lives as long as f. */
size_t vm_frames_zones(struct vm_frames *f, const struct vm_zone **out);
/** The zone of a frame, or NULL. */
const struct vm_zone *vm_frames_zone(struct vm_frames *f, uint64_t pfn);

/**
 * Path of a memory cgroup below the cgroup mount, by the inode that kpagecgroup gives; "/" for the root, NULL if
 * it isn't there (any more).  Lives as long as f.
 */
const char *vm_frames_cgroup(struct vm_frames *f, uint64_t inode);

#endif
