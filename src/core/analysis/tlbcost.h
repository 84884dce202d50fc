/**
 * From counts to what translation costs.
 *
 * Ratios are made of events that mean the same side, and within their group, so that both ran at the same times; across
 * groups only where each ran at least a quarter of the time.  NAN is what isn't known.
 *
 * Walk-active cycles overlap with other work: their share of all cycles is the most that fewer walks could save, and
 * 1 / (1 - share) the most that it could speed up.  Papers that use it: Karakostas et al. (ISCA 2015), Panwar et al.
 * (HawkEye, ASPLOS 2019).  It isn't a forecast.
 */
#ifndef VM_ANALYSIS_TLBCOST_H
#define VM_ANALYSIS_TLBCOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlbcount.h"

/** Translations of one side on one kind of core. */
struct vm_tlb_side_row {
	enum vm_tc_side side;
	unsigned core;
	const char *core_name;     /* of hybrids: "cpu_core"; else NULL */
	/** As many as there would have been in all of the time: vm_tc_scaled(). */
	double accesses, l1_misses, stlb_hits, walks, walks_started, walk_cycles;
	double l1_miss_ratio;      /* of accesses: not in the first level */
	double walk_ratio;         /* of accesses: needed a page walk */
	double walks_per_kinst;    /* per 1000 instructions */
	double cycles_per_walk;    /* walk-active cycles per walk */
	double cycle_share;        /* walk-active cycles of all cycles, 0 to 1 */
	double counted;            /* the least share of the time that any of them was counted, 0 to 1 */
};

/** Page walks by the size of the page that they found. */
struct vm_tlb_size_row {
	enum vm_tc_side side;
	unsigned core;
	const char *core_name;
	uint64_t page_bytes;       /* 4096, 2 MiB, 1 GiB */
	double walks, share;       /* of the sizes that are told apart, 0 to 1 */
};

enum { VM_TLB_CORES_MAX = 2, VM_TLB_SIDE_ROWS = VM_TC_SIDES * VM_TLB_CORES_MAX, VM_TLB_SIZE_ROWS = 6 * VM_TLB_CORES_MAX };

struct vm_tlb_cost_view {
	struct vm_tlb_side_row side[VM_TLB_SIDE_ROWS];
	size_t nsides;
	struct vm_tlb_size_row size[VM_TLB_SIZE_ROWS];
	size_t nsizes;
	double cycles, instructions, ipc;
	double ceiling;            /* S: the most that could be saved, share of all cycles, 0 to 1 */
	double speedup;            /* 1 / (1 - S); INFINITY if S is 1 */
	bool ceiling_partial;      /* a side whose walks are counted has no walk-active cycles in it */
};

/** `cores`: how many kinds there are, with their names. */
void vm_tlb_cost_of(const struct vm_tc_set *set, const char *const *cores, size_t ncores, struct vm_tlb_cost_view *out);

/** An event by itself, as it was asked for by name. */
struct vm_tlb_event_row {
	const char *name, *note;
	unsigned what;
	double count, rate;        /* scaled; per second */
	double per_kinst, ratio;   /* per 1000 instructions; of the accesses of its side */
	double counted;            /* share of the time; NAN: not at all */
	uint64_t raw, enabled_ns, running_ns;
	unsigned group;
	bool opened;
	int why;
};

/** At most VM_TC_ENTRIES_MAX rows.  How many. */
size_t vm_tlb_event_rows(const struct vm_tc_set *set, struct vm_tlb_event_row *out);

/** One line of a series: of all sides and kinds of cores. */
struct vm_tlb_sample_row {
	double time_s;             /* at its end, since the beginning */
	double seconds;            /* its length */
	double cycles, instructions, ipc;                       /* per second; ratio */
	double load_walks, store_walks, data_walks, fetch_walks;   /* per second; data: of CPUs that don't tell them apart */
	double walks_per_kinst;
	double data_share, fetch_share;   /* walk-active cycles of all cycles: loads and stores; fetches */
	double counted;
	double cpus;               /* CPU time per time: 1 is one CPU */
	double faults, minor, major, switches, migrations;      /* per second */
};

void vm_tlb_sample_of(const struct vm_tc_set *part, const struct vm_tlb_cost_view *cost, uint64_t since_begin_ns,
		      struct vm_tlb_sample_row *out);

#endif
