/**
 * Who shares how much with whom: sets of frames of many processes, intersected exactly.
 *
 * All sets are gone through together, a chunk of 4096 frames at a time, so that what is known of the frames themselves
 * (map counts, flags) is read once and never kept.  Processes with the same piece of a chunk are one for the work of it,
 * and for pairs only frames that two of them have count.
 */
#ifndef VM_ANALYSIS_SHAREGROUP_H
#define VM_ANALYSIS_SHAREGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/model/frameset.h"
#include "core/model/share.h"

/** Of a member, or of all; bytes. */
struct vm_group_sum {
	/** Pages as often as it maps them. */
	struct vm_share_sum sum;
	/** Frames, each once: those that another member maps too, and those that another of its cluster maps. */
	uint64_t shared[VM_SK_NR], cluster[VM_SK_NR];
	/** Frames of which all mappings are known to be by members: what would be free if all of them ended. */
	uint64_t ours;
	/** Frames, each once. */
	uint64_t frames[VM_SK_NR];
	/** Frames that the kernel says are mapped once, and two members map: they have one address space between them
	    (CLONE_VM), or the page went from one to the other meanwhile. */
	uint64_t twins;
};

struct vm_group_member {
	struct vm_frames_mapped mapped;
	/** Members of a cluster (siblings, say) have the same number, below vm_sharegroup.clusters; VM_NO_CLUSTER: none. */
	uint32_t cluster;
	struct vm_group_sum sum;
};
#define VM_NO_CLUSTER UINT32_MAX

/** More members have no matrix: it would take 200M. */
enum { VM_GROUP_PAIRS_MOST = 4096 };

/** Zeroed it is empty. */
struct vm_sharegroup {
	struct vm_framepool pool;
	struct vm_framebuild build;
	VM_VEC(struct vm_group_member) members;
	uint32_t clusters;
	/** Result: pages that members a < b both map, by kind, at vm_pair_index(); NULL: there are too many members. */
	uint32_t (*pairs)[VM_SK_NR];
	/** All frames, each once. */
	struct vm_group_sum all;
};

static inline size_t vm_pair_index(size_t a, size_t b)
{
	return a < b ? b * (b - 1) / 2 + a : a * (a - 1) / 2 + b;
}

/** Flags and map counts of `n` frames from `pfn` on; frames that don't exist have none.  0 or a negative errno. */
typedef int vm_frame_facts(void *ctx, uint64_t pfn, size_t n, uint64_t *flags, uint64_t *count);

/** What was added to g->build becomes a member; its index or -ENOMEM. */
long vm_sharegroup_member(struct vm_sharegroup *g);

/** Compare all members.  0, -ENOMEM, or what facts() returned. */
int vm_sharegroup_compare(struct vm_sharegroup *g, vm_frame_facts *facts, void *ctx);

/** Bytes that two members share, of one kind or (VM_SK_NR) of all. */
uint64_t vm_sharegroup_pair(const struct vm_sharegroup *g, size_t a, size_t b, unsigned kind);

void vm_sharegroup_free(struct vm_sharegroup *g);

#endif
