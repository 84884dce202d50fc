/** Sharing of the open process: what the tab Shared gets from the sources (src/cli/vmtop/shared.c). */
#ifndef VM_TUI_FEED_SHARED_H
#define VM_TUI_FEED_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/field/share.h"

/** What was seen last; owned by the feed, until it looks again or forgets. */
struct vm_shared {
	const struct vm_proc *proc;
	/** Its mappings, ascending. */
	const struct vm_share_mapping_row *rows;
	size_t n;
	/** Of all of them; NULL: the pages couldn't be looked at, see why_pages. */
	const struct vm_share_sum *total;
	/** Map counts are known; else see why_frames. */
	bool counted;
	const struct vm_err *why_pages, *why_frames;
	/** Its fork family, as a tree; empty if it couldn't be found. */
	const struct vm_share_member_row *family;
	size_t members;
	/** They were compared with each other; else see why_family. */
	bool compared;
	const struct vm_err *why_family;
	/** How old that is; 0: what was captured has no age. */
	uint64_t age_ns;
};

struct vm_shared_ask {
	pid_t pid;
	uint64_t start;
	uint32_t needs;            /* of the columns that are shown of mappings */
	double budget;             /* share of one CPU that looking may take */
};

/** Who else maps the pages of one mapping. */
struct vm_shared_who {
	const struct vm_share_sharer_row *rows;   /* most first, VM_SHARERS_KEPT at most; until the next look */
	size_t n, all;
	unsigned looked, failed;   /* processes that were looked through, and that couldn't be */
	bool cut;                  /* time was out before all had been */
};

struct vm_shared_feed {
	void *ctx;
	/** The process, looked at again if it is time.  NULL: it can't be, and *err says why.  Of one that has ended, what was
	    seen last, or NULL. */
	const struct vm_shared *(*look)(void *ctx, const struct vm_shared_ask *ask, struct vm_err *err);
	/** Look through all other processes for the mapping rows[at] of the last look.  0 or a negative errno. */
	int (*who)(void *ctx, size_t at, struct vm_shared_who *out, struct vm_err *err);
	/** Nobody looks any more. */
	void (*forget)(void *ctx);
};

#endif
