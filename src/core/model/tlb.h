/**
 * What is known of a machine's translation lookaside buffers (TLBs): their shape, and what misses cost.
 *
 * Known by timing (core/source/tlbprobe.h), by what the user says (--geometry), or by what the CPU says of itself.
 * A TLB of 16 sets and 6 ways holds 96 translations; the set of a page is chosen by the lowest bits of its number, or by
 * those XORed with the next ones (Gras et al., "Translation Leak-aside Buffer", USENIX Security 2018).
 */
#ifndef VM_MODEL_TLB_H
#define VM_MODEL_TLB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_buf;
struct vm_err;

/** The largest that is understood. */
enum { VM_TLB_SETS_MAX = 1 << 16, VM_TLB_WAYS_MAX = 1 << 10 };

/** One buffer.  0 sets: there is none, or it isn't known. */
struct vm_tlb_shape {
	unsigned sets, ways;       /* sets: a power of two */
	bool hashed;               /* set = low bits XOR the next ones */
};

static inline unsigned vm_tlb_entries(struct vm_tlb_shape t)
{
	return t.sets * t.ways;
}

/** Page sizes that hardware of x86-64 and arm64 (4K granule) translates. */
enum vm_tlb_size { VM_TLB_4K, VM_TLB_2M, VM_TLB_1G, VM_TLB_SIZES };

/** log2 of its bytes: 12, 21, 30. */
unsigned vm_tlb_size_shift(enum vm_tlb_size size);

struct vm_tlb_geometry {
	struct vm_tlb_shape l1d[VM_TLB_SIZES], l1i[VM_TLB_SIZES];
	/** Second level; 4K and 2M share the first one.  1G: of its own, or none. */
	struct vm_tlb_shape stlb, stlb_1g;
	/** Entries of the page-walk caches, by the level whose entries they hold: PMD (PDE), PUD (PDPTE), P4D/PGD (PML4E). */
	unsigned pmd_cache, pud_cache, pgd_cache;
};

/**
 * "l1d=16x6,l1d-2m=8x4,l1d-1g=1x4,l1i=32x8,l1i-2m=1x8,stlb=128x16h,stlb-1g=8x2,pmd=32,pud=8,pgd=4": SETSxWAYS, h for
 * hashed, 0 for none (of l1d and l1i there is one); what isn't named keeps what *g has.  -EINVAL names the wrong part.
 */
int vm_tlb_geometry_parse(const char *text, struct vm_tlb_geometry *g, struct vm_err *err);

/** The same text, whole. */
void vm_tlb_geometry_put(struct vm_buf *b, const struct vm_tlb_geometry *g);

/** A plain recent x86-64 core, for models of machines of which nothing is known; vm_tlb_known.by says so. */
struct vm_tlb_geometry vm_tlb_geometry_default(void);

/** What a translation costs, besides the access itself, when so many bytes are touched at random. */
struct vm_tlb_cost {
	uint64_t bytes;
	double ns_4k, ns_2m;       /* NAN: not measured */
};

enum { VM_TLB_COSTS_MAX = 16 };

/** How it is known. */
enum vm_tlb_by { VM_TLB_BY_DEFAULT, VM_TLB_BY_CPU, VM_TLB_BY_PROBE, VM_TLB_BY_USER };

enum vm_tlb_split { VM_TLB_SPLIT_UNKNOWN, VM_TLB_SPLIT_NO, VM_TLB_SPLIT_YES };

struct vm_tlb_known {
	enum vm_tlb_by by;
	struct vm_tlb_geometry geometry;
	/** As timed: how many pages are translated without a miss; 0: not known.  Near what geometry says, not the same. */
	unsigned dtlb_entries, stlb_entries, itlb_entries;
	double hit_ns;             /* a load that hits the L1 dTLB and the L1 cache; NAN: not known */
	double stlb_hit_ns;        /* what a second-level hit adds */
	double walk_ns;            /* what a page walk adds, page tables in the caches */
	/** Does a 2M page take entries for 4K pages, because the host has no 2M page below it? */
	enum vm_tlb_split huge_pages_split;
	struct vm_tlb_cost cost[VM_TLB_COSTS_MAX];   /* ascending by bytes */
	size_t ncosts;
	/** Repeats agreed well enough to be trusted. */
	bool trusted;
};

/** Added ns of an access at random to `bytes` of pages of that size: cost[] interpolated over log2(bytes), the ends
    kept beyond them.  NAN: not known. */
double vm_tlb_cost_ns(const struct vm_tlb_known *k, uint64_t bytes, bool pages_2m);

/** What the second level holds, for estimates of reach.  0 entries: not known. */
struct vm_tlb_capacity {
	unsigned entries, entries_1g;   /* for pages of 4K and 2M; for those of 1G */
	bool split;                /* larger pages take entries for 4K ones */
};

struct vm_tlb_capacity vm_tlb_capacity_of(const struct vm_tlb_known *k);

#endif
