/** Parts of the TLB probe: what its files share. */
#ifndef VM_SOURCE_TLBPROBE_PART_H
#define VM_SOURCE_TLBPROBE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/source/tlbprobe.h"

/* ---- Samples: tlbprobe_sample.c ----------------------------------------------------------------------------------- */

enum { VM_TLB_REPEATS = 12 };

/** Repeats of one point, in ns an access; NAN: we were interrupted. */
struct vm_tlb_series {
	unsigned pages;
	unsigned n;
	double ns[VM_TLB_REPEATS];
};

struct vm_tlb_set {
	struct vm_tlb_series v[VM_TLB_POINTS_MAX];
	size_t n;
};

/** The curve of medians and quartiles; points without a sample are left out. */
void vm_tlb_set_curve(const struct vm_tlb_set *set, struct vm_tlb_curve *out);

/** That of the repeat `r` alone; where it has no sample, the median stands in. */
void vm_tlb_set_repeat(const struct vm_tlb_set *set, unsigned r, struct vm_tlb_curve *out);

/** Random numbers that are the same each time: xorshift64*. */
uint32_t vm_tlb_random(uint64_t *state, uint32_t below);

/** What disturbs: watched by the samples of one run. */
struct vm_tlb_watch {
	uint64_t clock_ns;         /* what reading the clock takes */
	uint64_t deadline_ns;      /* CLOCK_MONOTONIC at which no further sample is begun */
	uint64_t random;
	unsigned samples, interrupted;
};

void vm_tlb_watch_begin(struct vm_tlb_watch *w, uint64_t deadline_ns);

static inline bool vm_tlb_watch_over(const struct vm_tlb_watch *w, uint64_t now_ns)
{
	return now_ns >= w->deadline_ns;
}

/* ---- Chains of loads: tlbprobe_chain.c ---------------------------------------------------------------------------- */

/** What pages are behind the addresses. */
enum vm_tlb_memory {
	VM_TLB_ALIAS,              /* 64 pages, mapped again and again: data stay in the L1 cache */
	VM_TLB_SMALL,              /* as many, none of them huge */
	VM_TLB_HUGE,               /* as many, in transparent huge pages if they are to be had */
};

struct vm_tlb_area {
	char *base;                /* aligned to 2 MiB; NULL: none */
	size_t bytes;              /* usable */
	size_t populated;          /* there is memory up to here */
	enum vm_tlb_memory memory;
	void *map;
	size_t map_bytes;
	int fd;                    /* of aliased pages, or -1 */
};

/** Reserve addresses.  0 or a negative errno. */
int vm_tlb_area_open(struct vm_tlb_area *a, enum vm_tlb_memory memory, size_t bytes);
/** Have memory up to `bytes` from its beginning.  0; -ETIME: not until then; or a negative errno. */
int vm_tlb_area_populate(struct vm_tlb_area *a, size_t bytes, uint64_t until_ns);
/** The same memory, from now on mapped by base pages. */
void vm_tlb_area_split(struct vm_tlb_area *a);
void vm_tlb_area_close(struct vm_tlb_area *a);

/** Offsets in the order of accesses, with room for `most` of them. */
struct vm_tlb_order {
	uint32_t *at;
	size_t most, bytes;
};
int vm_tlb_order_open(struct vm_tlb_order *o, size_t most);
void vm_tlb_order_close(struct vm_tlb_order *o);

/** One access to each of `pages` pages of `page` bytes, in random order; lines rotate over the sets of caches. */
void vm_tlb_order_spread(struct vm_tlb_order *o, size_t pages, size_t page, uint64_t *random);
/** The same order, but the lines lie next to each other. */
void vm_tlb_order_pack(struct vm_tlb_order *o, size_t n, size_t page);

/** ns an access of a chain through the first `n` offsets, at least `accesses` of them, warmed up; NAN: interrupted. */
double vm_tlb_chain_ns(struct vm_tlb_watch *w, const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t n,
		       size_t accesses);

/** The same of large ones: once through n offsets from the place `from` on; warmed up by vm_tlb_chain_touch(). */
double vm_tlb_chain_once_ns(struct vm_tlb_watch *w, const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t from,
			    size_t n);
void vm_tlb_chain_touch(const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t n);

/* ---- Curves and costs: tlbprobe_curve.c, tlbprobe_cost.c ---------------------------------------------------------- */

/** What memory may be taken, and why no more than that; "": there is no use for more. */
size_t vm_tlb_memory_limit(struct vm_session *s, char why[VM_TLB_REASON]);

/** Loads: the curve, and its knees and levels.  0 or a negative errno of memory. */
int vm_tlb_measure_data(struct vm_tlb_watch *w, size_t most_bytes, struct vm_tlb_probe *p);
/** Jumps: likewise; the reason why not is in p->no_code. */
void vm_tlb_measure_code(struct vm_tlb_watch *w, struct vm_tlb_probe *p);

/** known.cost[], and whether huge pages are split; those come first, until huge_until_ns. */
void vm_tlb_measure_costs(struct vm_session *s, struct vm_tlb_watch *w, size_t most_bytes, uint64_t huge_until_ns,
			  struct vm_tlb_probe *p);

/* ---- Chains of jumps: tlbprobe_code.c ----------------------------------------------------------------------------- */

/** ns a jump from page to page.  0; -EOPNOTSUPP on other architectures; -EACCES: no executable memory may be made. */
int vm_tlb_code_measure(struct vm_tlb_watch *w, struct vm_tlb_set *out, unsigned repeats);

/* ---- The CPU: tlbprobe_cpu.c -------------------------------------------------------------------------------------- */

/** Names of CPU and hypervisor. */
struct vm_tlb_cpu {
	char model[64];            /* "GenuineIntel family 6 model 167 stepping 1"; "": not known */
	char hypervisor[32];       /* "KVM", "unnamed"; "": none that shows itself */
	bool virtual;
};

void vm_tlb_cpu_read(struct vm_session *s, struct vm_tlb_cpu *out);

/** What the CPU says of its TLBs by itself.  false: nothing. */
bool vm_tlb_cpu_geometry(struct vm_tlb_geometry *g);

/* ---- The cache: tlbprobe_cache.c ---------------------------------------------------------------------------------- */

/** What it holds of this machine since its boot.  0 or a negative errno. */
int vm_tlb_cache_read(struct vm_session *s, struct vm_tlb_probe *out);
/** 0 or a negative errno; nothing depends on it. */
int vm_tlb_cache_write(struct vm_session *s, const struct vm_tlb_probe *p);

/** The text of the cache, and back: false if it isn't one of this key, or makes no sense. */
void vm_tlb_cache_put(struct vm_buf *b, const char *key, const struct vm_tlb_probe *p);
bool vm_tlb_cache_parse(const char *text, size_t n, const char *key, struct vm_tlb_probe *out);

#endif
