/**
 * On which memory nodes the pages of a process are, under which policies, and where its threads run.
 *
 * Plain data, filled by core/source/numamaps.h and numa.c; nodes are indexes into vm_nodes.nodes.
 */
#ifndef VM_MODEL_NUMA_H
#define VM_MODEL_NUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/vec.h"
#include "core/model/nodes.h"

/* ---- Policies ----------------------------------------------------------------------------------------------------- */

/** set_mempolicy(2), mbind(2); the order is that of the words below. */
enum vm_mpol {
	VM_MPOL_UNKNOWN, VM_MPOL_DEFAULT, VM_MPOL_LOCAL, VM_MPOL_PREFERRED, VM_MPOL_PREFERRED_MANY, VM_MPOL_BIND,
	VM_MPOL_INTERLEAVE, VM_MPOL_WEIGHTED, VM_MPOL_NR,
};

/** "bind", "weighted-interleave": one word each. */
extern const char *const vm_mpol_words[VM_MPOL_NR + 1];

enum vm_mpol_flag { VM_MPOL_STATIC = 1, VM_MPOL_RELATIVE = 2, VM_MPOL_BALANCING = 4 };

struct vm_nodemask {
	uint64_t w[VM_NODES_MAX / 64];
};

static inline bool vm_nodemask_has(const struct vm_nodemask *m, unsigned id)
{
	return id < VM_NODES_MAX && m->w[id / 64] >> (id % 64) & 1;
}

static inline void vm_nodemask_add(struct vm_nodemask *m, unsigned id)
{
	if (id < VM_NODES_MAX)
		m->w[id / 64] |= UINT64_C(1) << (id % 64);
}

unsigned vm_nodemask_count(const struct vm_nodemask *m);
bool vm_nodemask_empty(const struct vm_nodemask *m);

/** "0-1,4" to a mask, as the kernel writes it; false if it is anything else, or empty. */
bool vm_nodemask_parse(const char *text, size_t len, struct vm_nodemask *out);

/** "0-1,4"; nothing of an empty one. */
void vm_nodemask_put(struct vm_buf *b, const struct vm_nodemask *m);

/** A policy; nodes are numbers of nodes, not indexes. */
struct vm_policy {
	enum vm_mpol mode;
	unsigned flags;            /* VM_MPOL_STATIC ... */
	struct vm_nodemask nodes;
};

/** "interleave=static:0-1" of numa_maps; names with blanks too.  VM_MPOL_UNKNOWN: a mode that isn't known. */
void vm_policy_parse(const char *text, size_t len, struct vm_policy *out);

/** "bind 0", "weighted-interleave 0-1 static", "default". */
void vm_policy_put(struct vm_buf *b, const struct vm_policy *p);

/** A sentence: what it means for where pages go. */
void vm_policy_explain(struct vm_buf *b, const struct vm_policy *p, const struct vm_nodes *nodes);

/* ---- Pages -------------------------------------------------------------------------------------------------------- */

/** What a mapping holds, as numastat and we tell them apart; index into the sums. */
enum vm_numa_class {
	VM_NUMA_HUGE,      /* pages of hugetlb pools */
	VM_NUMA_HEAP, VM_NUMA_STACK,
	VM_NUMA_ANON,      /* no file behind it */
	VM_NUMA_SHMEM,     /* shared memory, memfd, tmpfs below /dev/shm */
	VM_NUMA_FILE,
	VM_NUMA_CLASSES,
};
extern const char *const vm_numa_class_words[VM_NUMA_CLASSES + 1];

/** Pages of a mapping on a node. */
struct vm_node_pages {
	uint16_t node;             /* its number */
	uint64_t pages;
};

/** A line of numa_maps.  Pages are of page_bytes each. */
struct vm_numa_map {
	uint64_t start;
	uint32_t policy;           /* index into vm_numa_maps.policies */
	uint32_t first, n;         /* its entries of vm_numa_maps.on */
	uint8_t class;             /* enum vm_numa_class */
	uint64_t page_bytes;
	uint64_t pages;            /* on all nodes */
	uint64_t anon, dirty, mapped, mapmax, swapcache, active, writeback;
	bool has_active;           /* else all of them are active */
};

/** All lines of one process, in order of addresses. */
struct vm_numa_maps {
	VM_VEC(struct vm_numa_map) maps;
	VM_VEC(struct vm_node_pages) on;
	VM_VEC(struct vm_policy) policies;
};

void vm_numa_maps_free(struct vm_numa_maps *m);

/** The line that begins at `start`, or NULL.  O(log n). */
const struct vm_numa_map *vm_numa_maps_at(const struct vm_numa_maps *m, uint64_t start);

/* ---- Where policies want them ------------------------------------------------------------------------------------- */

/** What placement is judged by. */
struct vm_numa_rules {
	const struct vm_nodes *nodes;
	/** Numbers of nodes that have a CPU on which a thread of the process may run; empty: not known. */
	struct vm_nodemask may_run;
};

/** Policies say nothing of pages that somebody else placed: those of the page cache. */
static inline bool vm_numa_governed(const struct vm_numa_map *m)
{
	return m->class != VM_NUMA_FILE || m->anon == m->pages;
}

/**
 * How many of a mapping's pages are on another node than its policy would choose; VM_NODE_UNKNOWN: can't be told.
 *
 * - bind, preferred, preferred-many: pages outside of these nodes.
 * - interleave, weighted: pages outside, and what a node has beyond its share; of the last round (of huge pages, where there
 *   are as many) any node may have its part or not.
 * - default, local: pages on nodes where no thread of it may run.
 */
uint64_t vm_numa_misplaced(const struct vm_policy *p, const struct vm_numa_rules *rules, const struct vm_node_pages *on,
			   size_t n, uint64_t base_pages_each);

/** Where a policy wants `pages`, by node index into expected[], of rules->nodes->nodes.n.  False: on any of several nodes, or not known. */
bool vm_numa_expected(const struct vm_policy *p, const struct vm_numa_rules *rules, double pages, double *expected);

/* ---- Sums of a process -------------------------------------------------------------------------------------------- */

/** Of one process; nodes are indexes.  Allocated with its arrays, see vm_numa_sum_new(). */
struct vm_numa_sum {
	unsigned nnodes;
	/** Their numbers. */
	uint16_t *ids;
	bool have_pages;           /* bytes[], judged, misplaced */
	bool have_threads;         /* threads[], ticks[], may_run */
	/** Bytes by class and node: bytes[class * nnodes + node]. */
	uint64_t *bytes;
	/** On nodes that aren't among the machine's. */
	uint64_t elsewhere;
	/** Bytes of which a policy says where they belong, and of them those that are elsewhere. */
	uint64_t judged, misplaced;
	/** How many of its threads ran last on a CPU of that node, and the CPU time that these have used. */
	uint64_t *threads, *ticks;
	struct vm_nodemask may_run;
};

/** A cleared sum; NULL when memory is out. */
struct vm_numa_sum *vm_numa_sum_new(struct vm_arena *a, const struct vm_nodes *nodes);

/** A copy in another arena; NULL when memory is out, or of NULL. */
struct vm_numa_sum *vm_numa_sum_copy(struct vm_arena *a, const struct vm_numa_sum *from);

/** Bytes on a node, of all classes; on all nodes. */
uint64_t vm_numa_sum_node(const struct vm_numa_sum *s, size_t node);
uint64_t vm_numa_sum_total(const struct vm_numa_sum *s);

/** Of memory on nodes, bytes[nnodes] of it, the share that is local to its threads: the mean over them by the CPU time each
    has used; NAN: not known, or no memory. */
double vm_numa_local_share(const struct vm_numa_sum *s, const uint64_t *bytes);

#endif
