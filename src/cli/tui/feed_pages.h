/** Pages of the open process: what the tab Pages gets from the sources (src/cli/vmtop/pages.c). */
#ifndef VM_TUI_FEED_PAGES_H
#define VM_TUI_FEED_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct vm_aspace;
struct vm_buf;
struct vm_err;
struct vm_page_run;

struct vm_pages_ask {
	const struct vm_aspace *as;
	uint64_t from, to;         /* page aligned */
	uint32_t want;             /* VM_PG() bits */
	bool nodes;
	/** So long it may take; what is left is for the next time. */
	uint64_t most_ns;
	/** Runs, ascending; `node`: -1: not known. */
	void (*take)(void *ctx, const struct vm_page_run *r, int node);
	void *ctx;
};

struct vm_pages_got {
	/** All before it was read; it is past ask->from even where time was short. */
	uint64_t upto;
	uint64_t cost_ns;          /* what it took */
	uint64_t shown_ns;         /* the same, to be told; 0: it would tell nothing */
	const char *via;           /* "pagemap" */
	bool holds_lock;           /* the process's memory map was locked meanwhile, at least for a part */
	uint32_t unknown;          /* VM_PG() bits that couldn't be told */
	bool nodes_unknown;
	/** Why it wasn't read in a better way; "" if there is none. */
	char why_not[160];
};

struct vm_pages_feed {
	void *ctx;
	/** 0; -ESRCH; or why nothing can be read, with *err. */
	int (*scan)(void *ctx, const struct vm_pages_ask *ask, struct vm_pages_got *got, struct vm_err *err);
	/** All that is known of the page that holds an address, as vmpage says it, in lines of `width` columns. */
	int (*page)(void *ctx, const struct vm_aspace *as, uint64_t addr, unsigned width, bool utf8, struct vm_buf *out,
		    struct vm_err *err);
};

#endif
