/**
 * Pages of a process, as runs, from the best back end that works.
 *
 * | back end | tells | needs | cost |
 * |---|---|---|---|
 * | page-tables | everything but EXCLUSIVE and FILE | BPF; see walker.h | 1-2 ns a page, no lock |
 * | pagemap | frames, EXCLUSIVE, FILE, soft-dirty, uffd-wp, guard | ptrace access; frames CAP_SYS_ADMIN | 25-30 ns |
 * | pagemap-scan | present, swap, file, zero, huge, written, guard | Linux 6.7 | 5-26 ns a populated page |
 * | mincore | residency of our own pages | ourselves | - |
 *
 * Memory is bounded whatever the size of the space: runs are handed over in batches, ascending, and pages without
 * anything (neither memory, swap nor a marker) are left out.
 */
#ifndef VM_SOURCE_PAGES_H
#define VM_SOURCE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/page.h"

struct vm_aspace;
struct vm_err;
struct vm_session;
struct vm_source;

enum vm_pages_via { VM_VIA_AUTO, VM_VIA_TABLES, VM_VIA_PAGEMAP, VM_VIA_SCAN, VM_VIA_MINCORE, VM_VIA_NR };
/** "page-tables", "pagemap", "pagemap-scan", "mincore"; ended by NULL, first "auto". */
extern const char *const vm_via_names[];

/**
 * `pages` pages of what `of` describes, somewhere in [of->start, of->end), which lies in one mapping and in one aligned
 * piece of 128M, and for page tables of 2M; the run's frame and slot say nothing.
 */
typedef int vm_pages_count(void *ctx, const struct vm_page_run *of, uint64_t pages);

/** Frames of pages that follow each other, one by one: 0 where there is none, or only the page of zeros. */
typedef int vm_pages_list(void *ctx, const uint64_t *pfn, size_t n);

struct vm_pages_query {
	/** Page aligned [from, to); 0, 0: all of the user half. */
	uint64_t from, to;
	/** VM_PG() bits that are wanted: the back end is chosen by them, and only they and VM_PG_KIND are known of a run. */
	uint32_t want;
	/** Frames are wanted: runs end where they don't follow each other. */
	bool frames;
	/** Raw entries are wanted: runs end where any bit differs.  Page tables only. */
	bool raw;
	/** Pages are only counted: back ends may do so themselves where runs are short, which is many times as quick.
	    NULL, or with frames or raw: runs only. */
	vm_pages_count *count;
	/** Frames alone are wanted, with `frames`: a back end may hand over lists of them in place of runs, which is many times as
	    quick where runs are short.  NULL: runs only. */
	vm_pages_list *list;
	/** A back end to use, or AUTO. */
	enum vm_pages_via via;
	/** Mappings of the process: pagemap's back ends read these ranges only, and no run crosses a border.  May be
	    NULL for page tables, which then can't tell FILE and EXCLUSIVE. */
	const struct vm_aspace *as;
};

struct vm_pages_info {
	enum vm_pages_via via;
	/** VM_PG() bits that were wanted, and that the back end can't tell. */
	uint32_t unknown;
	/** Frames were wanted and are withheld (pagemap without CAP_SYS_ADMIN). */
	bool frames_withheld;
	/** The address space changed or went away meanwhile: what was handed over is right, but not all. */
	bool partial;
	/** Time that reading took, and how much of it the target's memory-map lock was held, as far as we know. */
	uint64_t took_ns;
	bool holds_lock;
	/** Page tables: the longest run of the program; grace periods of RCU wait for it, the process doesn't.  0: none ran. */
	uint64_t longest_run_ns;
	/** Page tables: bottom level first; tables[0].tables == 0 and via != TABLES: unknown. */
	struct vm_table_level tables[VM_PT_LEVELS];
	unsigned levels;
	/** Why a better back end wasn't used; "" if the best one was. */
	char why_not[160];
};

/** Ascending runs of one batch; a value other than 0 ends the scan and is returned. */
typedef int vm_pages_take(void *ctx, const struct vm_page_run *runs, size_t n);

/**
 * Scan the pages of a process.  0; what take() returned; -ESRCH: the process is gone, and nothing was handed
 * over; -EACCES or -EPERM: not permitted; -EOPNOTSUPP: a captured tree, or the asked back end doesn't work here.
 */
int vm_pages_scan(struct vm_session *s, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take, void *ctx,
		  struct vm_pages_info *info, struct vm_err *err);

/** What the back ends and core/source/frames.h are as sources, for --sources; the list is ended by NULL. */
extern const struct vm_source vm_src_tables, vm_src_pagemap, vm_src_pagemap_frames, vm_src_scan, vm_src_mincore, vm_src_kpageflags,
	vm_src_kpagecount, vm_src_kpagecgroup;
extern const struct vm_source *const vm_page_sources[];

/* ---- Back ends: one file each (pages_walk.c, pages_map.c, pages_scan.c, pages_core.c) --------------------------- */

struct vm_pages_backend {
	enum vm_pages_via via;
	/** VM_PG() bits that it can tell at all. */
	uint32_t tells;
	bool tells_frames;
	/** As vm_pages_scan(); -EOPNOTSUPP with *err: doesn't work here. */
	int (*scan)(struct vm_session *s, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take, void *ctx,
		    struct vm_pages_info *info, struct vm_err *err);
};
extern const struct vm_pages_backend vm_pages_by_tables, vm_pages_by_pagemap, vm_pages_by_scan, vm_pages_by_mincore;

#endif
