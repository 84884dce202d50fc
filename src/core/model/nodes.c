#include "core/model/nodes.h"

#include <math.h>

void vm_nodes_free(struct vm_nodes *n)
{
	vm_vec_free(&n->nodes);
	vm_vec_free(&n->node_of_cpu);
	vm_vec_free(&n->items);
	vm_arena_free(&n->arena);
	*n = (struct vm_nodes){ 0 };
}

long vm_nodes_index(const struct vm_nodes *n, unsigned id)
{
	/* Most machines number their nodes without gaps. */
	if (id < n->nodes.n && n->nodes.v[id].id == id)
		return (long)id;
	for (size_t i = 0; i < n->nodes.n; i++)
		if (n->nodes.v[i].id == id)
			return (long)i;
	return -1;
}

long vm_nodes_of_cpu(const struct vm_nodes *n, unsigned cpu)
{
	/* Where there are no nodes all CPUs are of the one. */
	if (!n->told && n->nodes.n)
		return 0;
	return cpu < n->node_of_cpu.n && n->node_of_cpu.v[cpu] != UINT16_MAX ? (long)n->node_of_cpu.v[cpu] : -1;
}

size_t vm_nodes_with_cpus(const struct vm_nodes *n)
{
	size_t with = 0;
	for (size_t i = 0; i < n->nodes.n; i++)
		with += n->nodes.v[i].ncpus > 0 || !n->nodes.v[i].cpus;
	return with;
}

size_t vm_nodes_with_memory(const struct vm_nodes *n)
{
	size_t with = 0;
	for (size_t i = 0; i < n->nodes.n; i++)
		with += n->nodes.v[i].has_memory;
	return with;
}

uint64_t vm_nodes_sum(const struct vm_nodes *n, enum vm_nodeqty q)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n->nodes.n; i++) {
		const struct vm_node *node = &n->nodes.v[i];
		if (vm_node_has(node, q))
			sum += node->q[q];
		else if (node->has_memory)
			return VM_NODE_UNKNOWN;
	}
	return sum;
}

void vm_nodes_total(const struct vm_nodes *n, struct vm_node *out)
{
	*out = (struct vm_node){ .cpus = "", .has_memory = true };
	for (size_t i = 0; i < n->nodes.n; i++)
		out->ncpus += n->nodes.v[i].ncpus;
	for (unsigned q = 0; q < VM_N_TIER; q++) {
		const uint64_t sum = vm_nodes_sum(n, q);
		if (sum == VM_NODE_UNKNOWN)
			continue;
		out->q[q] = sum;
		/* Zero of nodes that all lack it isn't known to be zero. */
		for (size_t i = 0; i < n->nodes.n; i++)
			out->have |= n->nodes.v[i].have & UINT64_C(1) << q;
	}
}

static double rate(uint64_t from, uint64_t to, uint64_t ns)
{
	return ns && to >= from ? (double)(to - from) * 1e9 / (double)ns : NAN;
}

double vm_node_rate(const struct vm_nodes *cur, const struct vm_nodes *prev, size_t node, enum vm_nodeqty q)
{
	const struct vm_node *now = &cur->nodes.v[node];
	const long at = vm_nodes_index(prev, now->id);
	if (at < 0 || !vm_node_has(now, q) || !vm_node_has(&prev->nodes.v[at], q))
		return NAN;
	return rate(prev->nodes.v[at].q[q], now->q[q], cur->taken_ns - prev->taken_ns);
}

double vm_nodes_rate(const struct vm_nodes *cur, const struct vm_nodes *prev, enum vm_numacounter c)
{
	if (!vm_nodes_has(cur, c) || !vm_nodes_has(prev, c))
		return NAN;
	return rate(prev->counter[c], cur->counter[c], cur->taken_ns - prev->taken_ns);
}
