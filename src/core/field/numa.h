/** Columns of memory nodes, and of processes and mappings by node. */
#ifndef VM_FIELD_NUMA_H
#define VM_FIELD_NUMA_H

#include "core/field/field.h"
#include "core/model/numa.h"

struct vm_proc;
struct vm_mapping;

/** A node of the machine.  `prev`: the sample before, for rates; or NULL. */
struct vm_node_row {
	const struct vm_nodes *nodes, *prev;
	size_t at;
};

/** What rows with a column for each node begin with: bytes by node index (VM_NODE_UNKNOWN: not known); NULL: none is known. */
struct vm_node_cells {
	const uint64_t *on;
	/** Where the policy wants them; NULL: on any, or not known. */
	const double *expected;
	const struct vm_nodes *nodes;
};

/** A line of the nodes' meminfo. */
struct vm_node_item_row {
	struct vm_node_cells cells;
	const char *name;
};

/** What a process has of one kind of memory; `name` NULL: of all. */
struct vm_numa_class_row {
	struct vm_node_cells cells;
	const char *name;
	/** Share that is local to its threads; NAN: not known. */
	double local;
};

struct vm_numa_process_row {
	struct vm_node_cells cells;
	const struct vm_proc *proc;
	double local;
};

struct vm_numa_mapping_row {
	struct vm_node_cells cells;
	const struct vm_mapping *map;
	/** Its line of numa_maps; NULL: there was none. */
	const struct vm_numa_map *numa;
	const struct vm_policy *policy;
	/** Bytes on all nodes, and those that are elsewhere than the policy says; VM_NODE_UNKNOWN. */
	uint64_t bytes, misplaced;
	double local;
	/** Looked at by move_pages(2), where the row comes from samples; 0: counted. */
	uint64_t samples;
};

/** Pages side by side of which the same is known, by move_pages(2). */
struct vm_numa_run_row {
	uint64_t start, end;
	/** Number of the node, or a negative errno. */
	int status;
};

extern const struct vm_fieldset vm_node_fields, vm_numa_run_fields;

/** Without the columns of nodes: vm_numa_columns() adds them behind the column NODES. */
extern const struct vm_fieldset vm_node_item_fields, vm_numa_class_fields, vm_numa_process_fields, vm_numa_mapping_fields;

/** So many nodes have columns of their own; NODES tells of all. */
enum { VM_NODE_COLUMNS = 32 };

/**
 * `base` (one of those above, or vm_process_fields) with a column for each node of the machine: N0, N1 ..., and for mappings
 * E0, E1 ..., where they are expected.
 * In `a`; NULL when memory is out.
 */
const struct vm_fieldset *vm_numa_columns(const struct vm_fieldset *base, const struct vm_nodes *nodes, struct vm_arena *a);

struct vm_aspace;

/** What placement in a process is judged by. */
struct vm_numa_rules vm_numa_rules_of(const struct vm_nodes *nodes, const struct vm_proc *p);

/** A row of which only the mapping is known. */
void vm_numa_row_unknown(struct vm_numa_mapping_row *row, const struct vm_nodes *nodes, const struct vm_mapping *m);

/** Nothing of it is in memory, and no policy of its own: lists for people leave it out. */
bool vm_numa_row_is_plain(const struct vm_numa_mapping_row *row);

/**
 * Rows of all mappings, rows[as->nmaps]; what they point to is in `as`, `nodes` and `a`.  `page_bytes`: the machine's base page.
 * 0 or -ENOMEM.
 */
int vm_numa_rows(const struct vm_aspace *as, const struct vm_nodes *nodes, uint64_t page_bytes, struct vm_arena *a,
		 struct vm_numa_mapping_row *rows);

/**
 * Rows of the kinds of memory that a process has some of (`empty`: of all), and of their sum; how many.  0 when memory is out.
 * `nodes` are those of the sum.
 */
size_t vm_numa_class_rows(const struct vm_numa_sum *sum, const struct vm_nodes *nodes, bool empty, struct vm_arena *a,
			  struct vm_numa_class_row rows[static VM_NUMA_CLASSES + 1]);

/** "0:12.3M 1:4.0M": nodes that have some, into tmp->text. */
struct vm_value vm_numa_nodes_list(const struct vm_numa_sum *s, struct vm_scratch *tmp);

/** What a status of move_pages(2) says: "not there", "zero page or nothing mapped"; NULL for a node. */
const char *vm_numa_status_word(int status);

#endif
