/**
 * What CPUs count of address translation, by meaning: the events of vendors have other names, and generic events of one
 * name mean different things (core/source/pmu_table.c).
 */
#ifndef VM_MODEL_TLBCOUNT_H
#define VM_MODEL_TLBCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is translated for.  DATA: loads and stores in one number, where the CPU doesn't tell them apart. */
enum vm_tc_side { VM_TC_LOAD, VM_TC_STORE, VM_TC_DATA, VM_TC_FETCH, VM_TC_SIDES };

enum vm_tc_of {
	VM_TC_ACCESSES,            /* loads, stores, fetches that were translated */
	VM_TC_L1_MISSES,           /* not found in the first level, wherever else */
	VM_TC_STLB_HITS,           /* not found in the first level, but in the second one */
	VM_TC_WALKS_STARTED,       /* page walks, also those that were given up */
	VM_TC_WALKS,               /* page walks that came to their end, also on the wrong path */
	VM_TC_WALKS_4K, VM_TC_WALKS_2M, VM_TC_WALKS_1G,   /* of these, by the size of the page that was found */
	VM_TC_WALK_CYCLES,         /* cycles in which at least one page walker was at work for this side */
	VM_TC_WALKS_RETIRED,       /* instructions of the right path that needed a walk: what can be sampled precisely */
	VM_TC_OFS
};

/** What an event counts: one number for all that has a meaning here. */
enum {
	VM_TC_CYCLES = VM_TC_SIDES * VM_TC_OFS,   /* of the core, not halted */
	VM_TC_INSTRUCTIONS,        /* retired */
	VM_TC_NONE,                /* something else: chosen by the user */
	VM_TC_WHATS
};

static inline unsigned vm_tc_what(enum vm_tc_side side, enum vm_tc_of of)
{
	return (unsigned)side * VM_TC_OFS + (unsigned)of;
}

/** The same as a constant: vm_tc_what_of(LOAD, WALKS). */
#define vm_tc_what_of(side, of) (VM_TC_##side * (unsigned)VM_TC_OFS + VM_TC_##of)

/** "page walks for loads": for people.  Static. */
const char *vm_tc_name(unsigned what);
/** The same in one word: "load_walks".  Static. */
const char *vm_tc_key(unsigned what);

/** A count, as the kernel gives it: perf_event_open(2), "Reading results". */
struct vm_tc_count {
	uint64_t raw;
	uint64_t enabled_ns, running_ns;   /* running < enabled: it had no counter of the CPU for a part of the time */
	uint8_t group;             /* events of one group ran at the same times */
	bool opened;               /* false: the CPU can't count it, or the kernel refuses */
};

/** Did it run at all?  What didn't is not counted, which is not zero. */
static inline bool vm_tc_counted(const struct vm_tc_count *c)
{
	return c->opened && c->running_ns > 0;
}

/** Share of the time in which it was counted, 0 to 1. */
static inline double vm_tc_share(const struct vm_tc_count *c)
{
	return c->enabled_ns ? (double)c->running_ns / (double)c->enabled_ns : 0;
}

/** What the kernel counts itself, on every machine. */
enum vm_tc_software {
	VM_TC_PAGE_FAULTS, VM_TC_MINOR_FAULTS, VM_TC_MAJOR_FAULTS, VM_TC_CONTEXT_SWITCHES, VM_TC_MIGRATIONS,
	VM_TC_TASK_CLOCK,          /* ns on a CPU; not opened for all processes: idling would count */
	VM_TC_SOFTWARE
};

/** An event that was to be counted. */
struct vm_tc_entry {
	const char *name;          /* as the kernel, perf or libpfm4 call it; lives as long as the counters */
	const char *note;          /* what it counts, where the name misleads; or NULL */
	uint16_t what;             /* vm_tc_what() ... */
	uint8_t core;              /* kind of core, on hybrids */
	struct vm_tc_count c;
	int why;                   /* negative errno, of what isn't opened */
};

enum { VM_TC_ENTRIES_MAX = 128 };

/** All that was counted, from the beginning or in an interval. */
struct vm_tc_set {
	struct vm_tc_entry v[VM_TC_ENTRIES_MAX];
	size_t n;
	struct vm_tc_count software[VM_TC_SOFTWARE];
	uint64_t wall_ns;          /* how long */
};

/** Of what was counted by `now`, what came since `before`: a reading of the same counters. */
void vm_tc_since(const struct vm_tc_set *now, const struct vm_tc_set *before, struct vm_tc_set *out);

/** As many as there would have been in all of the time: raw * enabled / running.  NAN: not counted. */
double vm_tc_scaled(const struct vm_tc_count *c);

#endif
