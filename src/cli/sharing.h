/** Sharing, read and added up: what vmshare shows, and vmtop of a process. */
#ifndef VM_CLI_SHARING_H
#define VM_CLI_SHARING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/field/share.h"
#include "core/model/procset.h"

struct vm_aspace;
struct vm_session;

/** Part of the address space; 0, 0: all of it. */
struct vm_sharing_range {
	uint64_t from, to;
};

/** One process, mapping by mapping. */
struct vm_sharing {
	struct vm_aspace *as;
	/** By mapping; NULL: the pages couldn't be looked at, and why_pages says why. */
	struct vm_share_sum *of;
	struct vm_share_mapping_row *rows;   /* as->nmaps of them */
	struct vm_share_sum total;
	/** Map counts are known; else why_frames says why they aren't. */
	bool counted;
	/** vm_frames_hide_merged() */
	bool merged_hidden;
	struct vm_err why_pages, why_frames;
};

/**
 * Read a process with the needs of its columns.  0, also where the pages can't be looked at; -ESRCH; -EACCES or -EPERM: not
 * even its mappings may be read.  Free with vm_sharing_free(), on failure too.
 */
int vm_sharing_read(struct vm_session *s, pid_t pid, uint32_t needs, struct vm_sharing_range range, struct vm_sharing *out,
		    struct vm_err *err);
void vm_sharing_free(struct vm_sharing *x);

/** Who else maps the pages of a process that was read. */
struct vm_sharing_who {
	struct vm_who of;
	/** Processes that were looked through, and those that couldn't be: why the first of them wasn't. */
	unsigned looked, failed;
	struct vm_err why;
	/** Time was out before all had been looked through. */
	bool cut;
};

/**
 * Look through all processes for the shared pages of `x` in a range, for most_ns at most (0: until it is done), and let its
 * rows point to what was found.  0, or a negative errno: -EPERM, -EACCES and so on where frames aren't to be had.  Free
 * with vm_sharing_who_free() in either case.
 */
int vm_sharing_who_read(struct vm_session *s, struct vm_sharing *x, struct vm_sharing_range range, uint64_t most_ns,
			struct vm_sharing_who *out, struct vm_err *err);
void vm_sharing_who_free(struct vm_sharing_who *w);

/** Rows of one mapping (its index), or of all (SIZE_MAX), most first within a mapping; to be freed.  NULL: out of memory. */
struct vm_share_sharer_row *vm_sharing_who_rows(const struct vm_sharing *x, size_t mapping, size_t *n);

/** Rows of map counts that a sum has, at most VM_SHARE_CLASSES; how many.  Not counted: those of once and several times. */
size_t vm_sharing_counts(const struct vm_share_sum *sum, bool counted, struct vm_share_count_row rows[static VM_SHARE_CLASSES]);

/** A fork family, compared. */
struct vm_sharing_family {
	struct vm_procset all;
	struct vm_family kin;
	struct vm_proc *proc;
	struct vm_share_sum *sum;
	/** Rows in the order of the tree, kin.n of them. */
	struct vm_share_member_row *rows;
	struct vm_sharegroup group;
	struct vm_arena texts;
	/** Frames are known, so members were compared; else why says why not. */
	bool compared;
	/** vm_frames_hide_merged() */
	bool merged_hidden;
	struct vm_err why;
	/** CLOCK_MONOTONIC at which reading began. */
	uint64_t taken_ns;
};

/**
 * The fork family of a process.  0, also where members couldn't be looked at; -ESRCH: there is no such process.  Members whose
 * resident memory adds up to more than `most_bytes` (0: no limit) aren't looked at, which would take too long.  Free with
 * vm_sharing_family_free(), on failure too.
 */
int vm_sharing_family_read(struct vm_session *s, pid_t pid, struct vm_sharing_range range, uint64_t most_bytes,
			   struct vm_sharing_family *out, struct vm_err *err);
void vm_sharing_family_free(struct vm_sharing_family *f);

/** Rates of `cur` since `prev`, an earlier look at the same family, which has its own of the time before. */
void vm_sharing_family_rates(struct vm_sharing_family *cur, const struct vm_sharing_family *prev);

/** What of a member's memory could still break: anonymous bytes that its parent maps too, else what it has at risk. */
uint64_t vm_sharing_breakable(const struct vm_share_member_row *row);

/** Processes side by side. */
struct vm_sharing_group {
	struct vm_sharegroup group;
	struct vm_proc *proc;
	struct vm_share_process_row *rows;
	/** Index of the row's member of `group`; -1: its frames couldn't be read. */
	long *member;
	size_t n;
	struct vm_arena texts;
	/** Frames were read and compared; else why says why not. */
	bool compared;
	/** vm_frames_hide_merged() */
	bool merged_hidden;
	struct vm_err why;
	/** Of those asked for: the first that couldn't be read at all, and why; 0: none. */
	int missing;
	struct vm_err why_missing;
};

/**
 * Compare processes pids[0..n).  `needs`: of columns.  Those that are gone, or have no memory, are left out.  0 or a negative
 * errno.  Free with vm_sharing_group_free(), on failure too.
 */
int vm_sharing_group_read(struct vm_session *s, const pid_t *pids, size_t n, uint32_t needs, struct vm_sharing_range range,
			  struct vm_sharing_group *out, struct vm_err *err);
void vm_sharing_group_free(struct vm_sharing_group *g);

#endif
