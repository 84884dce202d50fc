/** What an engine of the TLB model told: programs, their mappings, and what missed where. */
#ifndef VM_MODEL_TLBRESULT_H
#define VM_MODEL_TLBRESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/model/tlbmodel.h"

/** One program that a process was, between fork, exec and its end. */
struct vm_tlb_program {
	pid_t pid;
	const char *name;          /* as the engine was told: any bytes */
	uint64_t instructions, loads, stores;
	struct vm_tlb_tallies data, code;
	size_t mapping, mappings;  /* its mappings: the first one, and how many follow each other */
};

/** One of its mappings, as far as it ever reached. */
struct vm_tlb_mapping {
	size_t program;            /* index */
	uint64_t id;               /* the engine's number of it, among those of the program */
	uint64_t start, end, offset;
	uint8_t prot;              /* PROT_READ ... */
	bool shared;
	bool can_2m;               /* 2M pages could be here */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *name;          /* any bytes; "" for anonymous memory */
	uint64_t pages;            /* 4K pages that were touched */
	/** Aligned blocks of 2M that were touched and could be 2M pages, and pages touched in them; the same of those that
	    are huge pages. */
	uint64_t regions_2m, pages_2m, regions_huge, pages_huge;
	struct vm_tlb_tallies data, code;
};

/** An instruction with misses. */
struct vm_tlb_site {
	size_t program;
	size_t mapping;            /* that holds the instruction; SIZE_MAX: not known */
	uint64_t ip;
	bool code;                 /* of fetching it; else of what it accesses */
	struct vm_tlb_tallies misses;
};

/** How an engine knows the sizes of pages. */
enum vm_tlb_sizes_by {
	VM_TLB_SIZES_ASSUMED,      /* it doesn't: all are taken for 4K */
	VM_TLB_SIZES_SMAPS,        /* by the majority in each mapping */
	VM_TLB_SIZES_SCAN,         /* each, by PAGEMAP_SCAN */
};

/** All that was told.  Zeroed it is empty. */
struct vm_tlb_result {
	char engine[64];           /* "valgrind-3.19.0" */
	enum vm_tlb_sizes_by sizes_by;
	unsigned policies;         /* how many of enum vm_tlb_policy were modelled */
	/** Programs that ended without telling: killed, or their results made no sense. */
	unsigned lost;
	/** Programs that took the place of others (execve), and that the engine couldn't follow. */
	unsigned not_followed;
	VM_VEC(struct vm_tlb_program) program;
	VM_VEC(struct vm_tlb_mapping) mapping;
	VM_VEC(struct vm_tlb_site) site;
	struct vm_arena texts;
};

void vm_tlb_result_free(struct vm_tlb_result *r);

/** "pages as they are": for people; "as_is": for programs. */
const char *vm_tlb_policy_name(enum vm_tlb_policy p);
const char *vm_tlb_policy_key(enum vm_tlb_policy p);

/** to += what */
void vm_tlb_tallies_add(struct vm_tlb_tallies *to, const struct vm_tlb_tallies *what);

#endif
