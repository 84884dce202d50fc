/**
 * The core of engines that watch a program's memory accesses: several page-size policies in one pass, per-thread TLBs,
 * what missed by mapping and by instruction, and the result as text.
 *
 * Freestanding; what it needs of the process, the engine gives by functions (struct vm_tlbtrace_ops).  Accesses that can't
 * change anything, since their page was the latest in its set under each policy, are told inline and cost a few
 * instructions.  Threads may run at once if the engine gives a lock.
 *
 *	core.ops = ..., vm_tlbtrace_init(&core, OPTION, ctx)        once
 *	thread = vm_tlbtrace_thread(&core)                          for each thread; vm_tlbtrace_thread_ended()
 *	site = vm_tlbtrace_site(&core, ip, code)                    when code is translated
 *	thread->instructions, loads, stores += n                    the engine counts, exactly
 *	vm_tlbtrace_fetch(), vm_tlbtrace_data()                     each access
 *	vm_tlbtrace_changed()                                       system calls that map, unmap, or advise
 *	vm_tlbtrace_write()                                         at exec and at the end; may be repeated
 *	vm_tlbtrace_forked()                                        in the child of a fork
 */
#ifndef VM_ENGINES_TLBTRACE_H
#define VM_ENGINES_TLBTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/analysis/tlbsim.h"
#include "core/model/tlbmodel.h"

enum {
	VM_TLBTRACE_FILTER = 64,   /* sets of a filter at most */
	VM_TLBTRACE_NEAR = 64,     /* regions, and places of pages, that a thread has at hand */
	VM_TLBTRACE_PAGES = 256,   /* pages likewise */
	VM_TLBTRACE_SLAB = 128,    /* records allocated at once */
	VM_TLBTRACE_BUCKETS = 1024,
	VM_TLBTRACE_REFRESH = 1 << 22,   /* slow accesses after which page sizes are asked again, for khugepaged's sake */
};

/* ---- What an engine gives ----------------------------------------------------------------------------------------- */

/** A mapping of the process, as its engine knows it. */
struct vm_tlbtrace_place {
	uint64_t start, end, offset;
	/** Mappings with the same key, name and offset are one, however they grow: the start, or the end of a stack. */
	uint64_t key;
	bool read, write, exec, shared;
	/** Anonymous or shared memory: 2M pages could be here. */
	bool can_2m;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *name;          /* any bytes; "" for anonymous memory; valid until the next call */
};

struct vm_tlbtrace_ops {
	/** Zeroed memory; it doesn't return where there is none. */
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *memory);
	/** The mapping of an address at this moment.  false: it isn't known. */
	bool (*place)(void *ctx, uint64_t addr, struct vm_tlbtrace_place *out);
	/** The size of the page that maps an address, which was accessed a moment ago, as the kernel has it. */
	enum vm_tlb_size (*page_size)(void *ctx, uint64_t addr);
	/** A part of the result. */
	void (*write)(void *ctx, const char *bytes, size_t n);
	/** NULL: threads don't run at once. */
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);
};

/* ---- Records ------------------------------------------------------------------------------------------------------ */

struct vm_tlbtrace_mapping {
	struct vm_tlbtrace_place place;
	struct vm_tlbtrace_mapping *next, *alike;   /* of all; of those with the same hash of the key */
	unsigned id;
	uint64_t pages;            /* 4K pages that were touched */
	/** At the end: regions of 2M that were touched and could be, or are, huge pages; and pages touched in them. */
	uint64_t regions_2m, pages_2m, regions_huge, pages_huge;
	struct vm_tlb_tallies data, code;
};

/** An instruction. */
struct vm_tlbtrace_site {
	uint64_t ip;
	bool code;                 /* misses of fetching it, not of its accesses */
	struct vm_tlbtrace_mapping *mapping;   /* of the instruction; NULL: not known */
	struct vm_tlbtrace_site *next;
	struct vm_tlb_tallies misses;
};

/** An aligned block of 2M of the address space, of which something was touched. */
struct vm_tlbtrace_region {
	uint64_t number;
	struct vm_tlbtrace_region *next;
	/** The mapping that holds all of it; NULL: there are several. */
	struct vm_tlbtrace_mapping *mapping;
	uint64_t touched[8];       /* a bit for each page */
	unsigned epoch;            /* when size was asked */
	bool known;                /* mapping and can_2m are as of now */
	bool can_2m;
	enum vm_tlb_size size;     /* as it is */
};

/** A page of which all is known that an access must know. */
struct vm_tlbtrace_page {
	uint64_t number;
	struct vm_tlbtrace_region *region;
	unsigned epoch;            /* of vm_tlbtrace; 0: none */
	uint8_t size[VM_TLB_POLICIES];   /* enum vm_tlb_size */
};

/** Pages that were the latest of their set. */
struct vm_tlbtrace_filter {
	uint64_t page_mask, region_mask;
	uint64_t page[VM_TLBTRACE_FILTER], region[VM_TLBTRACE_FILTER];
};

struct vm_tlbtrace_thread {
	struct vm_tlbtrace_filter data, code;
	/** Counted by the engine. */
	uint64_t instructions, loads, stores;
	/** Policies that have met the same sizes so far have the same TLBs: those of tlb_of[], walk_of[]. */
	struct vm_tlbsim tlb[VM_TLB_POLICIES];
	struct vm_tlbwalk walk[VM_TLB_POLICIES];
	enum vm_tlb_policy tlb_of[VM_TLB_POLICIES], walk_of[VM_TLB_POLICIES];
	enum vm_tlb_policy own[VM_TLB_POLICIES];   /* those with TLBs of their own */
	unsigned owns;
	struct vm_tlbtrace_page page[VM_TLBTRACE_PAGES];
	struct vm_tlbtrace_region *near[VM_TLBTRACE_NEAR];
	struct { uint64_t page; struct vm_tlbtrace_mapping *mapping; } place[VM_TLBTRACE_NEAR];
	struct vm_tlbtrace_thread *next;
	bool ended;                /* it can be taken for another one */
};

/** Records of one size, in slabs: they stay where they are. */
struct vm_tlbtrace_pool {
	char *slab;
	unsigned left;
};

struct vm_tlbtrace {
	const struct vm_tlbtrace_ops *ops;
	void *ctx;
	struct vm_tlb_geometry geometry;
	bool split;                /* the host splits huge pages */
	unsigned policies;         /* how many of enum vm_tlb_policy are modelled */
	unsigned epoch;
	uint64_t slow;             /* accesses that weren't told inline */
	struct vm_tlbtrace_thread *threads;
	struct vm_tlbtrace_mapping *mappings, *by_key[VM_TLBTRACE_BUCKETS];
	unsigned nmappings;
	struct vm_tlbtrace_region **region;   /* buckets */
	struct vm_tlbtrace_site **site;
	size_t region_buckets, site_buckets, nregions, nsites;
	struct vm_tlbtrace_pool region_pool, site_pool;
	struct vm_tlb_tallies data, code;
};

#include "engines/tlbtrace_core.h"
#include "engines/tlbtrace_text.h"

#endif
