/**
 * What a TLB model's misses would cost on this machine, by what its probe timed (core/model/tlb.h), and rows to show.
 *
 * An estimate: the probe's loads wait for each other.  Where a program's don't, walks overlap, and cost less.
 */
#ifndef VM_ANALYSIS_TLBESTIMATE_H
#define VM_ANALYSIS_TLBESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/tlb.h"
#include "core/model/tlbresult.h"

/** What one miss costs in one program under one policy; NAN: not known. */
struct vm_tlb_prices {
	double stlb_hit_ns;
	/** Of a walk, to 4K and to larger pages: page tables nearby, and anywhere in the program's footprint. */
	double near_ns[2], far_ns[2];
};

/** Memory that the pages cover that a program touched, by the sizes of a policy. */
struct vm_tlb_footprint {
	uint64_t bytes[2];         /* of 4K pages; of 2M pages */
};

/** Sums over the mappings of one program. */
struct vm_tlb_footprint vm_tlb_footprint(const struct vm_tlb_result *r, size_t program, enum vm_tlb_policy policy);

/**
 * What a walk to anywhere in so many bytes costs.  The probe's curve is of accesses at random: of N pages and S entries of
 * the second level 1 - S/N of them are walks, which cost what the others (second-level hits) don't explain.  Up to twice
 * the reach, where that says little, it is the cost of a walk with page tables in the caches.
 */
double vm_tlb_walk_ns(const struct vm_tlb_known *k, uint64_t bytes, bool pages_2m);

struct vm_tlb_prices vm_tlb_prices(const struct vm_tlb_known *k, const struct vm_tlb_footprint *f, enum vm_tlb_policy policy);

/** What these misses cost together; NAN: not known.  No misses cost nothing, whatever is known. */
double vm_tlb_cost(const struct vm_tlb_prices *p, const struct vm_tlb_tally *t);

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

/** All programs under one policy. */
struct vm_tlb_policy_row {
	enum vm_tlb_policy policy;
	uint64_t instructions, loads, stores;
	struct vm_tlb_tally data, code;
	double data_ns, code_ns;   /* what misses cost; NAN: not known */
	double saved;              /* share of what they cost as pages are; NAN: not known */
};

/** Into rows[VM_TLB_POLICIES]; how many. */
size_t vm_tlb_policy_rows(const struct vm_tlb_result *r, const struct vm_tlb_known *k, struct vm_tlb_policy_row *rows);

/** Misses that have a place in common: a mapping, or an instruction. */
struct vm_tlb_place_row {
	pid_t pid;                 /* 0: of several */
	bool used;                 /* something was added */
	const struct vm_tlb_mapping *m;   /* one of them; NULL: not known */
	const char *place, *source;       /* what an instruction is called; NULL: not known */
	unsigned line;
	uint64_t ip;
	bool code;                 /* an instruction whose fetches missed */
	bool merged;               /* of several mappings: no range */
	unsigned policies;
	struct vm_tlb_tallies misses;
	double ns[VM_TLB_POLICIES];
	uint64_t pages;            /* 4K pages that were touched */
	uint64_t regions_2m, regions_huge;
	double share;              /* of all walks as pages are */
};

struct vm_tlb_places {
	VM_VEC(struct vm_tlb_place_row) row;
	struct vm_map by_key;
	struct vm_arena arena;     /* for texts of rows */
	struct vm_tlb_prices *prices;   /* of each program, VM_TLB_POLICIES */
	const struct vm_tlb_result *result;
};

/** Begin: nothing in it.  false: out of memory.  Freed by vm_tlb_places_free() in any case. */
bool vm_tlb_places_open(struct vm_tlb_places *p, const struct vm_tlb_result *r, const struct vm_tlb_known *k);
void vm_tlb_places_free(struct vm_tlb_places *p);

/** The row with that key, new or not; NULL: out of memory. */
struct vm_tlb_place_row *vm_tlb_place(struct vm_tlb_places *p, uint64_t key, bool *is_new);

/** Misses of `program` go to a row. */
void vm_tlb_place_add(struct vm_tlb_places *p, struct vm_tlb_place_row *row, size_t program, const struct vm_tlb_tallies *t);

/** All mappings with misses: files' are one row for each name and protection, others are alone.  false: out of memory. */
bool vm_tlb_places_by_mapping(struct vm_tlb_places *p);

/** Shares, and what costs most first. */
void vm_tlb_places_finish(struct vm_tlb_places *p);

/** FNV-1a, for keys. */
uint64_t vm_tlb_place_hash(const char *text, uint64_t more);

#endif
