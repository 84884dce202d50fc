/** Rows of mappings by memory node, from what was read of a process. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/field/numa.h"
#include "core/model/aspace.h"

struct vm_numa_rules vm_numa_rules_of(const struct vm_nodes *nodes, const struct vm_proc *p)
{
	return (struct vm_numa_rules){
		.nodes = nodes,
		.may_run = p->numa && p->numa->have_threads ? p->numa->may_run : (struct vm_nodemask){ .w = { 0 } },
	};
}

void vm_numa_row_unknown(struct vm_numa_mapping_row *row, const struct vm_nodes *nodes, const struct vm_mapping *m)
{
	*row = (struct vm_numa_mapping_row){
		.cells = { .nodes = nodes }, .map = m, .bytes = VM_NODE_UNKNOWN, .misplaced = VM_NODE_UNKNOWN, .local = NAN,
	};
}

bool vm_numa_row_is_plain(const struct vm_numa_mapping_row *row)
{
	return row->bytes == VM_NODE_UNKNOWN || (row->bytes == 0 && (!row->policy || row->policy->mode == VM_MPOL_DEFAULT));
}

/** Bytes by node, and what the policy says to them. */
static bool count_nodes(const struct vm_aspace *as, const struct vm_numa_rules *rules, uint64_t page_bytes, struct vm_arena *a,
			struct vm_numa_mapping_row *row)
{
	const struct vm_numa_map *m = row->numa;
	const struct vm_node_pages *pages = as->numa->on.v + m->first;
	const size_t n = rules->nodes->nodes.n;
	uint64_t *on = vm_arena_alloc(a, n * sizeof(*on));
	double *expected = vm_arena_alloc(a, n * sizeof(*expected));
	if (!on || !expected)
		return false;
	memset(on, 0, n * sizeof(*on));
	for (size_t i = 0; i < m->n; i++) {
		const long at = vm_nodes_index(rules->nodes, pages[i].node);
		if (at >= 0)
			on[at] += pages[i].pages * m->page_bytes;
	}
	row->cells.on = on;
	row->bytes = m->pages * m->page_bytes;
	if (as->proc.numa && as->proc.numa->nnodes == n)
		row->local = vm_numa_local_share(as->proc.numa, on);
	if (!vm_numa_governed(m))
		return true;
	const uint64_t misplaced = vm_numa_misplaced(row->policy, rules, pages, m->n, m->page_bytes / page_bytes);
	row->misplaced = misplaced == VM_NODE_UNKNOWN ? misplaced : misplaced * m->page_bytes;
	if (vm_numa_expected(row->policy, rules, (double)row->bytes, expected))
		row->cells.expected = expected;
	return true;
}

int vm_numa_rows(const struct vm_aspace *as, const struct vm_nodes *nodes, uint64_t page_bytes, struct vm_arena *a,
		 struct vm_numa_mapping_row *rows)
{
	const struct vm_numa_rules rules = vm_numa_rules_of(nodes, &as->proc);
	for (size_t i = 0; i < as->nmaps; i++) {
		struct vm_numa_mapping_row *row = &rows[i];
		vm_numa_row_unknown(row, nodes, &as->map[i]);
		row->numa = as->numa ? vm_numa_maps_at(as->numa, as->map[i].start) : NULL;
		if (!row->numa)
			continue;
		row->policy = &as->numa->policies.v[row->numa->policy];
		if (!count_nodes(as, &rules, page_bytes, a, row))
			return -ENOMEM;
	}
	return 0;
}

size_t vm_numa_class_rows(const struct vm_numa_sum *sum, const struct vm_nodes *nodes, bool empty, struct vm_arena *a,
			  struct vm_numa_class_row rows[static VM_NUMA_CLASSES + 1])
{
	uint64_t *all = vm_arena_alloc(a, sum->nnodes * sizeof(*all));
	size_t n = 0;
	for (unsigned i = 0; all && i < sum->nnodes; i++)
		all[i] = vm_numa_sum_node(sum, i);
	for (unsigned c = 0; all && c <= VM_NUMA_CLASSES; c++) {
		const uint64_t *on = c < VM_NUMA_CLASSES ? sum->bytes + (size_t)c * sum->nnodes : all;
		bool some = empty || c == VM_NUMA_CLASSES;
		for (unsigned i = 0; i < sum->nnodes; i++)
			some = some || on[i];
		if (!some)
			continue;
		rows[n++] = (struct vm_numa_class_row){
			.cells = { .on = on, .nodes = nodes }, .name = c < VM_NUMA_CLASSES ? vm_numa_class_words[c] : NULL,
			.local = vm_numa_local_share(sum, on),
		};
	}
	return n;
}
