/**
 * TLBs and page-walk caches, simulated: strict LRU, exact, as fast as a loop over the ways of a set.
 *
 * Freestanding: no library, no allocation (the caller brings memory), so that engines which run inside of other programs
 * can use it.  Not for several threads at once.
 *
 * A set is an array from the most to the least recently used translation: finding, renewing and replacing are one loop
 * that moves what it passes back by a place, and what falls off the end is the least recently used.
 */
#ifndef VM_ANALYSIS_TLBSIM_H
#define VM_ANALYSIS_TLBSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlb.h"

/** Levels of page tables above the last one cover 2M, 1G and 512G an entry (x86-64, arm64 with 4K granule). */
enum { VM_TLBSIM_PMD_SHIFT = 21, VM_TLBSIM_PUD_SHIFT = 30, VM_TLBSIM_PGD_SHIFT = 39 };

/** One buffer. */
struct vm_tlbsim_table {
	uint64_t *way;             /* sets x ways keys; 0: empty */
	uint64_t mask;             /* sets - 1 */
	unsigned ways;             /* 0: there is none, nothing is ever found */
	unsigned fold;             /* set = (number ^ number >> fold) & mask; 63: by the lowest bits */
};

enum { VM_TLBSIM_KIND_BITS = 3, VM_TLBSIM_512G = VM_TLB_SIZES };

/** A key is never 0, and tells pages of different sizes apart; entries of upper tables count as pages of what they cover. */
static inline uint64_t vm_tlbsim_key(uint64_t number, unsigned size)
{
	return number << VM_TLBSIM_KIND_BITS | ((uint64_t)size + 1);
}

/** Was it there?  It is now, as the most recently used of its set. */
static inline bool vm_tlbsim_touch(const struct vm_tlbsim_table *t, uint64_t number, uint64_t key)
{
	uint64_t *set = t->way + ((number ^ number >> t->fold) & t->mask) * t->ways;
	uint64_t moved = key;
	for (unsigned i = 0; i < t->ways; i++) {
		const uint64_t was = set[i];
		set[i] = moved;
		if (was == key)
			return true;
		moved = was;
	}
	return false;
}

/** Forget what translates addresses of [from, to). */
static inline void vm_tlbsim_table_forget(const struct vm_tlbsim_table *t, uint64_t from, uint64_t to)
{
	static const unsigned shift[] = { 12, VM_TLBSIM_PMD_SHIFT, VM_TLBSIM_PUD_SHIFT, VM_TLBSIM_PGD_SHIFT };
	for (uint64_t s = 0; t->ways && s <= t->mask; s++) {
		uint64_t *set = t->way + s * t->ways;
		unsigned kept = 0;
		for (unsigned i = 0; i < t->ways && set[i]; i++) {
			const unsigned bits = shift[(set[i] & ((1 << VM_TLBSIM_KIND_BITS) - 1)) - 1];
			const uint64_t start = set[i] >> VM_TLBSIM_KIND_BITS << bits;
			if (start + (UINT64_C(1) << bits) <= from || start >= to)
				set[kept++] = set[i];
		}
		for (; kept < t->ways && set[kept]; kept++)
			set[kept] = 0;
	}
}

/* ---- TLBs --------------------------------------------------------------------------------------------------------- */

/** One thread's TLBs. */
struct vm_tlbsim {
	struct vm_tlbsim_table l1d[VM_TLB_SIZES], l1i[VM_TLB_SIZES], stlb, stlb_1g;
	uint64_t *memory;
	size_t words;
	/** 2M and 1G pages are translated in pieces of 4K. */
	bool split;
};

/** Where a translation was found. */
enum vm_tlbsim_where { VM_TLBSIM_L1, VM_TLBSIM_STLB, VM_TLBSIM_WALK };

static inline size_t vm_tlbsim_words(const struct vm_tlb_geometry *g)
{
	size_t n = vm_tlb_entries(g->stlb) + vm_tlb_entries(g->stlb_1g);
	for (int i = 0; i < VM_TLB_SIZES; i++)
		n += vm_tlb_entries(g->l1d[i]) + vm_tlb_entries(g->l1i[i]);
	return n;
}

static inline struct vm_tlbsim_table vm_tlbsim_cut(struct vm_tlb_shape shape, uint64_t **memory)
{
	struct vm_tlbsim_table t = { .way = *memory, .fold = 63 };
	if (!vm_tlb_entries(shape))
		return t;
	t.mask = shape.sets - 1;
	t.ways = shape.ways;
	if (shape.hashed && shape.sets > 1)
		t.fold = (unsigned)__builtin_ctz(shape.sets);
	*memory += vm_tlb_entries(shape);
	return t;
}

/**
 * Empty TLBs in `memory`, vm_tlbsim_words(g) zeroed words that stay the caller's.  A size without a first-level buffer
 * of its own shares that of 4K pages, an entry for each page, as where one buffer holds all sizes (AMD Zen, Arm Neoverse).
 */
static inline void vm_tlbsim_init(struct vm_tlbsim *t, const struct vm_tlb_geometry *g, bool split, uint64_t *memory)
{
	t->memory = memory;
	t->words = vm_tlbsim_words(g);
	t->split = split;
	for (int i = 0; i < VM_TLB_SIZES; i++) {
		t->l1d[i] = i && !vm_tlb_entries(g->l1d[i]) ? t->l1d[VM_TLB_4K] : vm_tlbsim_cut(g->l1d[i], &memory);
		t->l1i[i] = i && !vm_tlb_entries(g->l1i[i]) ? t->l1i[VM_TLB_4K] : vm_tlbsim_cut(g->l1i[i], &memory);
	}
	t->stlb = vm_tlbsim_cut(g->stlb, &memory);
	t->stlb_1g = vm_tlbsim_cut(g->stlb_1g, &memory);
}

/** Translate an address of a page of that size, for data or (code) instructions. */
static inline enum vm_tlbsim_where vm_tlbsim_access(const struct vm_tlbsim *t, bool code, uint64_t addr, enum vm_tlb_size size)
{
	const enum vm_tlb_size as = t->split ? VM_TLB_4K : size;
	const uint64_t number = addr >> (as == VM_TLB_4K ? 12 : as == VM_TLB_2M ? VM_TLBSIM_PMD_SHIFT : VM_TLBSIM_PUD_SHIFT);
	const uint64_t key = vm_tlbsim_key(number, as);
	if (vm_tlbsim_touch(code ? &t->l1i[as] : &t->l1d[as], number, key))
		return VM_TLBSIM_L1;
	return vm_tlbsim_touch(as == VM_TLB_1G ? &t->stlb_1g : &t->stlb, number, key) ? VM_TLBSIM_STLB : VM_TLBSIM_WALK;
}

/** Forget translations of [from, to), as when the kernel has unmapped it. */
static inline void vm_tlbsim_forget(const struct vm_tlbsim *t, uint64_t from, uint64_t to)
{
	for (int i = 0; i < VM_TLB_SIZES; i++) {
		vm_tlbsim_table_forget(&t->l1d[i], from, to);
		vm_tlbsim_table_forget(&t->l1i[i], from, to);
	}
	vm_tlbsim_table_forget(&t->stlb, from, to);
	vm_tlbsim_table_forget(&t->stlb_1g, from, to);
}

/* ---- Page walks --------------------------------------------------------------------------------------------------- */

/** How many lines of page tables are remembered, to tell walks that stay nearby. */
enum { VM_TLBWALK_LINES = 16 };

/** The page-walk caches of one thread: upper entries of page tables, any place for each, LRU. */
struct vm_tlbwalk {
	struct vm_tlbsim_table pmd, pud, pgd;
	/** Cache lines that last entries were read from: 8 entries each. */
	struct vm_tlbsim_table line;
	uint64_t *memory;
	size_t words;
};

struct vm_tlbwalk_cost {
	unsigned refs;             /* entries read from page tables: 1 to 4 */
	bool near;                 /* the last one from a line of the VM_TLBWALK_LINES latest */
};

static inline size_t vm_tlbwalk_words(const struct vm_tlb_geometry *g)
{
	return (size_t)g->pmd_cache + g->pud_cache + g->pgd_cache + VM_TLBWALK_LINES;
}

/** Memory as for vm_tlbsim_init(). */
static inline void vm_tlbwalk_init(struct vm_tlbwalk *w, const struct vm_tlb_geometry *g, uint64_t *memory)
{
	w->memory = memory;
	w->words = vm_tlbwalk_words(g);
	w->pmd = vm_tlbsim_cut((struct vm_tlb_shape){ .sets = 1, .ways = g->pmd_cache }, &memory);
	w->pud = vm_tlbsim_cut((struct vm_tlb_shape){ .sets = 1, .ways = g->pud_cache }, &memory);
	w->pgd = vm_tlbsim_cut((struct vm_tlb_shape){ .sets = 1, .ways = g->pgd_cache }, &memory);
	w->line = vm_tlbsim_cut((struct vm_tlb_shape){ .sets = 1, .ways = VM_TLBWALK_LINES }, &memory);
}

static inline bool vm_tlbwalk_touch(const struct vm_tlbsim_table *t, uint64_t number, unsigned covers)
{
	return vm_tlbsim_touch(t, 0, vm_tlbsim_key(number, covers));
}

/** Walk the tables to a page of that size: from the lowest entry that is cached down to the page's own. */
static inline struct vm_tlbwalk_cost vm_tlbwalk(const struct vm_tlbwalk *w, uint64_t addr, enum vm_tlb_size size)
{
	static const unsigned shift[] = { 12, VM_TLBSIM_PMD_SHIFT, VM_TLBSIM_PUD_SHIFT };
	struct vm_tlbwalk_cost cost = { .refs = 1 };
	if (size != VM_TLB_4K || !vm_tlbwalk_touch(&w->pmd, addr >> VM_TLBSIM_PMD_SHIFT, VM_TLB_2M)) {
		cost.refs += size == VM_TLB_4K;
		if (size == VM_TLB_1G || !vm_tlbwalk_touch(&w->pud, addr >> VM_TLBSIM_PUD_SHIFT, VM_TLB_1G)) {
			cost.refs += size != VM_TLB_1G;
			cost.refs += !vm_tlbwalk_touch(&w->pgd, addr >> VM_TLBSIM_PGD_SHIFT, VM_TLBSIM_512G);
		}
	}
	cost.near = vm_tlbwalk_touch(&w->line, addr >> (shift[size] + 3), size);
	return cost;
}

#endif
