/**
 * The machine's memory nodes at one instant: what each has, how far they are from one another, what was allocated there.
 *
 * Plain data, filled by core/source/nodes.h.  A machine without NUMA has one node.
 */
#ifndef VM_MODEL_NODES_H
#define VM_MODEL_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/answer.h"
#include "core/base/arena.h"
#include "core/base/vec.h"

/** MAX_NUMNODES of the largest configurations (NODES_SHIFT 10). */
enum { VM_NODES_MAX = 1024 };

/** Quantities of a node; the comment says the kernel's file. */
enum vm_nodeqty {
	/* nodeN/meminfo, bytes */
	VM_N_TOTAL, VM_N_FREE, VM_N_USED, VM_N_ACTIVE, VM_N_INACTIVE, VM_N_FILE, VM_N_MAPPED, VM_N_ANON, VM_N_SHMEM,
	VM_N_SLAB, VM_N_PAGE_TABLES, VM_N_ANON_HUGE, VM_N_DIRTY, VM_N_UNEVICTABLE,
	/* nodeN/numastat, pages since boot */
	VM_N_HIT, VM_N_MISS, VM_N_FOREIGN, VM_N_INTERLEAVE, VM_N_LOCAL, VM_N_OTHER,
	/* nodeN/vmstat, pages since boot: between memory tiers */
	VM_N_PROMOTED, VM_N_DEMOTED,
	/* memory_tiering, mempolicy/weighted_interleave */
	VM_N_TIER, VM_N_WEIGHT,
	/* nodeN/access0/initiators: MB/s, ns, from the nearest CPUs */
	VM_N_READ_MBPS, VM_N_WRITE_MBPS, VM_N_READ_NS, VM_N_WRITE_NS,
	VM_N_NR,
};
enum { VM_N_COUNTERS = VM_N_HIT, VM_N_COUNTERS_END = VM_N_DEMOTED + 1 };

/** Counters of the whole machine since boot, in /proc/vmstat: balancing of nodes, and pages that moved. */
enum vm_numacounter {
	VM_NC_PTE_UPDATES,         /* numa_pte_updates: entries made to fault, to learn who uses them */
	VM_NC_HUGE_PTE_UPDATES,    /* numa_huge_pte_updates */
	VM_NC_HINT_FAULTS,         /* numa_hint_faults: such faults */
	VM_NC_HINT_FAULTS_LOCAL,   /* numa_hint_faults_local: of them, on the node where the page was */
	VM_NC_PAGES_MIGRATED,      /* numa_pages_migrated: pages that moved to who uses them */
	VM_NC_MIGRATE_SUCCESS,     /* pgmigrate_success: pages moved, for whatever reason */
	VM_NC_MIGRATE_FAIL,        /* pgmigrate_fail */
	VM_NC_NR,
};

struct vm_node {
	unsigned id;
	/** CPUs as the kernel lists them, "0-3,8"; "" for a node without CPUs; NULL: not known. */
	const char *cpus;
	unsigned ncpus;
	bool has_memory;
	/** Bit set: q[] is known. */
	uint64_t have;
	uint64_t q[VM_N_NR];
	/** Distance to each node of the machine, in its order; 10 is the node itself, 0: not known. */
	const unsigned *distance;
};

static inline bool vm_node_has(const struct vm_node *n, enum vm_nodeqty q)
{
	return n->have >> q & 1;
}

/** A line of nodeN/meminfo: bytes by node, in the order of vm_nodes.nodes; VM_NODE_UNKNOWN where there is none. */
struct vm_node_item {
	const char *name;          /* "MemFree" */
	/** The kernel tells a number of huge pages (HugePages_Total), which became bytes when the size was known. */
	bool count;
	uint64_t *v;
};
#define VM_NODE_UNKNOWN UINT64_MAX

struct vm_nodes {
	/** The kernel tells of nodes; if not, there is one, made of what it tells of the machine. */
	bool told;
	/** Online nodes, ascending. */
	VM_VEC(struct vm_node) nodes;
	/** Which node a CPU belongs to, by index into nodes; UINT16_MAX: none that is known. */
	VM_VEC(uint16_t) node_of_cpu;
	VM_VEC(struct vm_node_item) items;
	/** Bit set: counter[] is known. */
	uint32_t have;
	uint64_t counter[VM_NC_NR];
	/** Sysctl numa_balancing: bit 0 between nodes, bit 1 between tiers; -1: not known, or not built in. */
	int balancing;
	/** Pages are moved to slower memory instead of being swapped out (numa/demotion_enabled). */
	enum vm_answer demotion;
	/** A node is reclaimed before memory of another is used (vm.zone_reclaim_mode); -1: not known. */
	int zone_reclaim;
	/** CLOCK_MONOTONIC of the reading. */
	uint64_t taken_ns;
	struct vm_arena arena;
};

static inline bool vm_nodes_has(const struct vm_nodes *n, enum vm_numacounter c)
{
	return n->have >> c & 1;
}

void vm_nodes_free(struct vm_nodes *n);

/** Index of the node with this number, or -1. */
long vm_nodes_index(const struct vm_nodes *n, unsigned id);

/** Index of the node that a CPU belongs to, or -1. */
long vm_nodes_of_cpu(const struct vm_nodes *n, unsigned cpu);

/** How many have CPUs, and how many have memory. */
size_t vm_nodes_with_cpus(const struct vm_nodes *n);
size_t vm_nodes_with_memory(const struct vm_nodes *n);

/** Sum of a quantity over all nodes; VM_NODE_UNKNOWN if one with memory doesn't tell it. */
uint64_t vm_nodes_sum(const struct vm_nodes *n, enum vm_nodeqty q);

/** One node in place of all: sums of what adds up, into *out; valid as long as `n`. */
void vm_nodes_total(const struct vm_nodes *n, struct vm_node *out);

/** Increase a second of a counter of a node (VM_N_COUNTERS on), or of the machine; NAN where it isn't known or no time passed. */
double vm_node_rate(const struct vm_nodes *cur, const struct vm_nodes *prev, size_t node, enum vm_nodeqty q);
double vm_nodes_rate(const struct vm_nodes *cur, const struct vm_nodes *prev, enum vm_numacounter c);

#endif
