/** From frames back to processes: who maps them, and where. */
#ifndef VM_SOURCE_RMAP_H
#define VM_SOURCE_RMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/page.h"

struct vm_aspace;
struct vm_err;
struct vm_mapping;
struct vm_session;

/** A frame that was found; what is pointed to lives until the callback returns. */
struct vm_rmap_hit {
	uint64_t pfn, address;
	pid_t pid;
	const char *comm;
	const struct vm_mapping *m;        /* or NULL */
	const struct vm_page_run *run;
};

struct vm_rmap_info {
	/** Processes looked through, and those that could not be. */
	unsigned looked, failed;
	struct vm_err *first;              /* why the first of them could not be; may be NULL */
};

/**
 * Look through the pages of all processes for frames of the ascending list pfn[].  take() is called for each hit;
 * another value than 0 ends it.  0, take()'s value, or a negative errno: -EPERM if frames are withheld.
 */
int vm_rmap(struct vm_session *s, const uint64_t *pfn, size_t n,
	    int (*take)(void *ctx, const struct vm_rmap_hit *hit), void *ctx, struct vm_rmap_info *info, struct vm_err *err);

#endif
