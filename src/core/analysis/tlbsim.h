/**
 * TLBs and page-walk caches, simulated: strict LRU, exact, as fast as a loop over the ways of a set.
 *
 * Freestanding: no library, no allocation (the caller brings memory), so that engines which run inside of other programs
 * can use it.  Not for several threads at once.
 *
 * Sets are searched four ways at a time and without branches.
 */
#ifndef VM_ANALYSIS_TLBSIM_H
#define VM_ANALYSIS_TLBSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlb.h"

/** Levels of page tables above the last one cover 2M, 1G and 512G an entry (x86-64, arm64 with 4K granule). */
enum { VM_TLBSIM_PMD_SHIFT = 21, VM_TLBSIM_PUD_SHIFT = 30, VM_TLBSIM_PGD_SHIFT = 39 };

/*
 * A set is words: one of order, the low halves of the keys, which are compared four at a time, the keys; in sets of more
 * than 16 ways between them when each was used, as halves.
 * Order: up to 16 ways, all of them from the latest to the oldest, 4 bits each; else how often the set was used.
 */
enum { VM_TLBSIM_QUICK_WAYS = 16, VM_TLBSIM_LANES = 4 };

typedef uint32_t vm_tlbsim_lanes __attribute__((vector_size(16), aligned(8), may_alias));
typedef int32_t vm_tlbsim_signed __attribute__((vector_size(16), aligned(8), may_alias));
typedef uint32_t vm_tlbsim_half __attribute__((may_alias));

#define VM_TLBSIM_ONES UINT64_C(0x1111111111111111)

/** One buffer. */
struct vm_tlbsim_table {
	uint64_t *set;             /* the first one */
	uint64_t mask;             /* sets - 1 */
	unsigned ways;             /* 0: there is none, nothing is ever found */
	unsigned fold;             /* set = (number ^ number >> fold) & mask; 63: by the lowest bits */
	unsigned halves;           /* of keys, with those that stay 0 */
	unsigned stride;           /* words of a set */
};

enum { VM_TLBSIM_KIND_BITS = 3, VM_TLBSIM_512G = VM_TLB_SIZES };

/** log2 of the bytes of a page of each size, and of what an entry of the uppermost table covers. */
static const unsigned vm_tlbsim_shift[] = { 12, VM_TLBSIM_PMD_SHIFT, VM_TLBSIM_PUD_SHIFT, VM_TLBSIM_PGD_SHIFT };

/** A key is never 0, and tells pages of different sizes apart; entries of upper tables count as pages of what they cover. */
static inline uint64_t vm_tlbsim_key(uint64_t number, unsigned size)
{
	return number << VM_TLBSIM_KIND_BITS | ((uint64_t)size + 1);
}

static inline unsigned vm_tlbsim_halves(unsigned ways)
{
	return ways <= 2 * VM_TLBSIM_LANES ? 2 * VM_TLBSIM_LANES : (ways + 4 * VM_TLBSIM_LANES - 1) & ~(4 * VM_TLBSIM_LANES - 1U);
}

/** Words of memory that it needs, zeroed. */
static inline size_t vm_tlbsim_table_words(struct vm_tlb_shape shape)
{
	const unsigned halves = vm_tlbsim_halves(shape.ways);
	return (size_t)shape.sets * (1 + halves / 2 * (shape.ways > VM_TLBSIM_QUICK_WAYS ? 2 : 1) + shape.ways);
}

/** Forget all. */
static inline void vm_tlbsim_table_clear(const struct vm_tlbsim_table *t)
{
	for (uint64_t i = 0; t->ways && i < (t->mask + 1) * t->stride; i++)
		t->set[i] = t->ways <= VM_TLBSIM_QUICK_WAYS && i % t->stride == 0 ? UINT64_C(0xfedcba9876543210) : 0;
}

/** An empty one in the memory at *memory, which then is behind it. */
static inline struct vm_tlbsim_table vm_tlbsim_table(struct vm_tlb_shape shape, uint64_t **memory)
{
	struct vm_tlbsim_table t = { .set = *memory, .fold = 63 };
	if (!vm_tlb_entries(shape))
		return t;
	t.mask = shape.sets - 1;
	t.ways = shape.ways;
	t.halves = vm_tlbsim_halves(shape.ways);
	t.stride = (unsigned)(vm_tlbsim_table_words(shape) / shape.sets);
	if (shape.hashed && shape.sets > 1)
		t.fold = (unsigned)__builtin_ctz(shape.sets);
	vm_tlbsim_table_clear(&t);
	*memory += vm_tlbsim_table_words(shape);
	return t;
}

/** A bit for each of 8 or 16 ways whose half of the key is that of `key`. */
static inline unsigned vm_tlbsim_alike(const void *half, unsigned halves, uint64_t key)
{
	const vm_tlbsim_lanes *v = half;
	const uint32_t k = (uint32_t)key;
	const vm_tlbsim_lanes want = { k, k, k, k };
	vm_tlbsim_lanes bits = ((vm_tlbsim_lanes)(v[0] == want) & (vm_tlbsim_lanes){ 0x1, 0x2, 0x4, 0x8 }) |
			       ((vm_tlbsim_lanes)(v[1] == want) & (vm_tlbsim_lanes){ 0x10, 0x20, 0x40, 0x80 });
	if (halves > 2 * VM_TLBSIM_LANES)
		bits |= ((vm_tlbsim_lanes)(v[2] == want) & (vm_tlbsim_lanes){ 0x100, 0x200, 0x400, 0x800 }) |
			((vm_tlbsim_lanes)(v[3] == want) & (vm_tlbsim_lanes){ 0x1000, 0x2000, 0x4000, 0x8000 });
	return bits[0] | bits[1] | bits[2] | bits[3];
}

/** Way `way`, found at bit `at` of the order, becomes the latest. */
static inline uint64_t vm_tlbsim_renewed(uint64_t order, unsigned at, uint64_t way)
{
	const uint64_t later = (UINT64_C(1) << at) - 1;
	return (order & ~(later << 4 | 15)) | (order & later) << 4 | way;
}

static inline bool vm_tlbsim_touch_quick(const struct vm_tlbsim_table *t, uint64_t *set, uint64_t key)
{
	uint64_t *keys = set + 1 + t->halves / 2;
	const uint64_t latest = *set & 15, second = *set >> 4 & 15;
	/* Mostly it is one of these. */
	if (keys[latest] == key)
		return true;
	if (second < t->ways && keys[second] == key) {
		*set = (*set & ~UINT64_C(0xff)) | latest << 4 | second;
		return true;
	}
	unsigned alike = vm_tlbsim_alike(set + 1, t->halves, key) & ((1U << t->ways) - 1);
	for (; alike; alike &= alike - 1) {
		const unsigned way = (unsigned)__builtin_ctz(alike);
		if (__builtin_expect(keys[way] != key, 0))
			continue;
		/* The lowest nibble that equals way: the lowest that borrows from its top bit. */
		const uint64_t x = *set ^ way * VM_TLBSIM_ONES;
		const uint64_t zero = (x - VM_TLBSIM_ONES) & ~x & VM_TLBSIM_ONES << 3;
		*set = vm_tlbsim_renewed(*set, (unsigned)__builtin_ctzll(zero) & ~3U, way);
		return true;
	}
	const unsigned at = 4 * (t->ways - 1);
	const uint64_t oldest = *set >> at & 15;
	*set = vm_tlbsim_renewed(*set, at, oldest);
	keys[oldest] = key;
	((vm_tlbsim_half *)(set + 1))[oldest] = (uint32_t)key;
	return false;
}

/** The next moment of a large set; before moments run out, those of a billion uses ago become alike. */
static inline int32_t vm_tlbsim_tick(uint64_t *set, vm_tlbsim_half *used, unsigned halves)
{
	const uint32_t keep = 1U << 30, shift = INT32_MAX - keep;
	if (__builtin_expect(*set == INT32_MAX, 0)) {
		for (unsigned i = 0; i < halves; i++)
			used[i] = used[i] > shift ? used[i] - shift : 0;
		*set = keep;
	}
	return (int32_t)++*set;
}

/** The way whose last use is longest ago. */
static inline unsigned vm_tlbsim_oldest(const vm_tlbsim_half *used, unsigned ways)
{
	const vm_tlbsim_lanes *v = (const vm_tlbsim_lanes *)used;
	vm_tlbsim_signed low = (vm_tlbsim_signed)v[0];
	/* Lanes behind the last way are left out: they would always be the oldest. */
	for (unsigned i = 1; i < ways / VM_TLBSIM_LANES; i++) {
		const vm_tlbsim_signed next = (vm_tlbsim_signed)v[i], less = next < low;
		low = (next & less) | (low & ~less);
	}
	int32_t least = low[0];
	for (int i = 1; i < VM_TLBSIM_LANES; i++)
		least = low[i] < least ? low[i] : least;
	unsigned oldest = ways;
	for (unsigned i = ways & ~(VM_TLBSIM_LANES - 1U); i < ways; i++)
		if ((int32_t)used[i] < least) {
			least = (int32_t)used[i];
			oldest = i;
		}
	for (unsigned i = 0; oldest == ways; i += 4 * VM_TLBSIM_LANES) {
		const unsigned found = vm_tlbsim_alike(used + i, 4 * VM_TLBSIM_LANES, (uint32_t)least);
		oldest = found ? i + (unsigned)__builtin_ctz(found) : ways;
	}
	return oldest;
}

static inline bool vm_tlbsim_touch_large(const struct vm_tlbsim_table *t, uint64_t *set, uint64_t key)
{
	vm_tlbsim_half *half = (vm_tlbsim_half *)(set + 1), *used = half + t->halves;
	uint64_t *keys = set + 1 + t->halves;
	for (unsigned i = 0; i < t->ways; i += 4 * VM_TLBSIM_LANES)
		for (unsigned alike = vm_tlbsim_alike(set + 1 + i / 2, 4 * VM_TLBSIM_LANES, key); alike; alike &= alike - 1) {
			const unsigned way = i + (unsigned)__builtin_ctz(alike);
			if (way >= t->ways || keys[way] != key)
				continue;
			used[way] = (uint32_t)vm_tlbsim_tick(set, used, t->halves);
			return true;
		}
	const unsigned way = vm_tlbsim_oldest(used, t->ways);
	half[way] = (uint32_t)key;
	used[way] = (uint32_t)vm_tlbsim_tick(set, used, t->halves);
	keys[way] = key;
	return false;
}

/** Was it there?  It is now, as the most recently used of its set. */
static inline bool vm_tlbsim_touch(const struct vm_tlbsim_table *t, uint64_t number, uint64_t key)
{
	if (!t->ways)
		return false;
	uint64_t *set = t->set + ((number ^ number >> t->fold) & t->mask) * t->stride;
	return t->ways <= VM_TLBSIM_QUICK_WAYS ? vm_tlbsim_touch_quick(t, set, key) : vm_tlbsim_touch_large(t, set, key);
}

static inline bool vm_tlbsim_key_within(uint64_t key, uint64_t from, uint64_t to)
{
	const unsigned bits = vm_tlbsim_shift[(key & ((1 << VM_TLBSIM_KIND_BITS) - 1)) - 1];
	const uint64_t start = key >> VM_TLBSIM_KIND_BITS << bits;
	return start < to && start + (UINT64_C(1) << bits) > from;
}

/** The way becomes empty, and the oldest. */
static inline void vm_tlbsim_drop_quick(const struct vm_tlbsim_table *t, uint64_t *set, unsigned way)
{
	const unsigned last = 4 * (t->ways - 1);
	unsigned at = 0;
	set[1 + t->halves / 2 + way] = 0;
	((vm_tlbsim_half *)(set + 1))[way] = 0;
	while ((*set >> at & 15) != way)
		at += 4;
	for (; at < last; at += 4)
		*set = (*set & ~(UINT64_C(0xff) << at)) | (*set >> (at + 4) & 15) << at | (uint64_t)way << (at + 4);
}

static inline void vm_tlbsim_drop_large(const struct vm_tlbsim_table *t, uint64_t *set, unsigned way)
{
	vm_tlbsim_half *half = (vm_tlbsim_half *)(set + 1);
	half[way] = half[t->halves + way] = 0;
	set[1 + t->halves + way] = 0;
}

/** Forget what translates addresses of [from, to). */
static inline void vm_tlbsim_table_forget(const struct vm_tlbsim_table *t, uint64_t from, uint64_t to)
{
	for (uint64_t s = 0; t->ways && s <= t->mask; s++) {
		uint64_t *set = t->set + s * t->stride, *keys = set + t->stride - t->ways;
		for (unsigned i = t->ways; i-- > 0;)
			if (keys[i] && vm_tlbsim_key_within(keys[i], from, to)) {
				if (t->ways <= VM_TLBSIM_QUICK_WAYS)
					vm_tlbsim_drop_quick(t, set, i);
				else
					vm_tlbsim_drop_large(t, set, i);
			}
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
	size_t n = vm_tlbsim_table_words(g->stlb) + vm_tlbsim_table_words(g->stlb_1g);
	for (int i = 0; i < VM_TLB_SIZES; i++)
		n += vm_tlbsim_table_words(g->l1d[i]) + vm_tlbsim_table_words(g->l1i[i]);
	return n;
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
		t->l1d[i] = i && !vm_tlb_entries(g->l1d[i]) ? t->l1d[VM_TLB_4K] : vm_tlbsim_table(g->l1d[i], &memory);
		t->l1i[i] = i && !vm_tlb_entries(g->l1i[i]) ? t->l1i[VM_TLB_4K] : vm_tlbsim_table(g->l1i[i], &memory);
	}
	t->stlb = vm_tlbsim_table(g->stlb, &memory);
	t->stlb_1g = vm_tlbsim_table(g->stlb_1g, &memory);
}

/** Empty again. */
static inline void vm_tlbsim_clear(const struct vm_tlbsim *t)
{
	for (int i = 0; i < VM_TLB_SIZES; i++) {
		vm_tlbsim_table_clear(&t->l1d[i]);
		vm_tlbsim_table_clear(&t->l1i[i]);
	}
	vm_tlbsim_table_clear(&t->stlb);
	vm_tlbsim_table_clear(&t->stlb_1g);
}

/** The first level: does it know the page, of that size, of an address, of data or (code) of instructions? */
static inline bool vm_tlbsim_first(const struct vm_tlbsim *t, bool code, uint64_t addr, enum vm_tlb_size size)
{
	const enum vm_tlb_size as = t->split ? VM_TLB_4K : size;
	const uint64_t number = addr >> vm_tlbsim_shift[as];
	return vm_tlbsim_touch(code ? &t->l1i[as] : &t->l1d[as], number, vm_tlbsim_key(number, as));
}

/** The second one, when the first doesn't. */
static inline bool vm_tlbsim_second(const struct vm_tlbsim *t, uint64_t addr, enum vm_tlb_size size)
{
	const enum vm_tlb_size as = t->split ? VM_TLB_4K : size;
	const uint64_t number = addr >> vm_tlbsim_shift[as];
	return vm_tlbsim_touch(as == VM_TLB_1G ? &t->stlb_1g : &t->stlb, number, vm_tlbsim_key(number, as));
}

/** Both. */
static inline enum vm_tlbsim_where vm_tlbsim_access(const struct vm_tlbsim *t, bool code, uint64_t addr, enum vm_tlb_size size)
{
	return vm_tlbsim_first(t, code, addr, size) ? VM_TLBSIM_L1 : vm_tlbsim_second(t, addr, size) ? VM_TLBSIM_STLB : VM_TLBSIM_WALK;
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

/** The page-walk caches of one thread: upper entries of page tables, LRU. */
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

/** How their sets are made isn't documented: as few as give sets of up to 16 ways. */
static inline struct vm_tlb_shape vm_tlbwalk_shape(unsigned entries)
{
	struct vm_tlb_shape s = { .sets = 1 };
	while (entries / s.sets > VM_TLBSIM_QUICK_WAYS)
		s.sets *= 2;
	s.ways = entries / s.sets;
	return s;
}

static inline size_t vm_tlbwalk_words(const struct vm_tlb_geometry *g)
{
	return vm_tlbsim_table_words(vm_tlbwalk_shape(g->pmd_cache)) + vm_tlbsim_table_words(vm_tlbwalk_shape(g->pud_cache)) +
	       vm_tlbsim_table_words(vm_tlbwalk_shape(g->pgd_cache)) + vm_tlbsim_table_words(vm_tlbwalk_shape(VM_TLBWALK_LINES));
}

/** Memory as for vm_tlbsim_init(). */
static inline void vm_tlbwalk_init(struct vm_tlbwalk *w, const struct vm_tlb_geometry *g, uint64_t *memory)
{
	w->memory = memory;
	w->words = vm_tlbwalk_words(g);
	w->pmd = vm_tlbsim_table(vm_tlbwalk_shape(g->pmd_cache), &memory);
	w->pud = vm_tlbsim_table(vm_tlbwalk_shape(g->pud_cache), &memory);
	w->pgd = vm_tlbsim_table(vm_tlbwalk_shape(g->pgd_cache), &memory);
	w->line = vm_tlbsim_table(vm_tlbwalk_shape(VM_TLBWALK_LINES), &memory);
}

/** Empty again. */
static inline void vm_tlbwalk_clear(const struct vm_tlbwalk *w)
{
	vm_tlbsim_table_clear(&w->pmd);
	vm_tlbsim_table_clear(&w->pud);
	vm_tlbsim_table_clear(&w->pgd);
	vm_tlbsim_table_clear(&w->line);
}

static inline bool vm_tlbwalk_touch(const struct vm_tlbsim_table *t, uint64_t number, unsigned covers)
{
	return vm_tlbsim_touch(t, number, vm_tlbsim_key(number, covers));
}

/** Walk the tables to a page of that size: from the lowest entry that is cached down to the page's own. */
static inline struct vm_tlbwalk_cost vm_tlbwalk(const struct vm_tlbwalk *w, uint64_t addr, enum vm_tlb_size size)
{
	struct vm_tlbwalk_cost cost = { .refs = 1 };
	if (size != VM_TLB_4K || !vm_tlbwalk_touch(&w->pmd, addr >> VM_TLBSIM_PMD_SHIFT, VM_TLB_2M)) {
		cost.refs += size == VM_TLB_4K;
		if (size == VM_TLB_1G || !vm_tlbwalk_touch(&w->pud, addr >> VM_TLBSIM_PUD_SHIFT, VM_TLB_1G)) {
			cost.refs += size != VM_TLB_1G;
			cost.refs += !vm_tlbwalk_touch(&w->pgd, addr >> VM_TLBSIM_PGD_SHIFT, VM_TLBSIM_512G);
		}
	}
	cost.near = vm_tlbwalk_touch(&w->line, addr >> (vm_tlbsim_shift[size] + 3), size);
	return cost;
}

#endif
