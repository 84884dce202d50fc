#include "core/model/numa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const vm_numa_class_words[VM_NUMA_CLASSES + 1] = {
	"huge", "heap", "stack", "anon", "shmem", "file", NULL,
};

void vm_numa_maps_free(struct vm_numa_maps *m)
{
	vm_vec_free(&m->maps);
	vm_vec_free(&m->on);
	vm_vec_free(&m->policies);
}

const struct vm_numa_map *vm_numa_maps_at(const struct vm_numa_maps *m, uint64_t start)
{
	size_t lo = 0, hi = m->maps.n;
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		if (m->maps.v[mid].start < start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->maps.n && m->maps.v[lo].start == start ? &m->maps.v[lo] : NULL;
}

/* ---- Where policies want pages ------------------------------------------------------------------------------------ */

/** Pages of 2M hold so many of 4K; where huge pages are interleaved, whole ones are. */
enum { HUGE = 512 };

static uint64_t weight_of(const struct vm_policy *p, const struct vm_nodes *nodes, unsigned id)
{
	const long at = vm_nodes_index(nodes, id);
	if (p->mode != VM_MPOL_WEIGHTED)
		return 1;
	return at >= 0 && vm_node_has(&nodes->nodes.v[at], VM_N_WEIGHT) ? nodes->nodes.v[at].q[VM_N_WEIGHT] : 0;
}

/** Of all nodes of the policy; 0: a weight isn't known. */
static uint64_t weights_of(const struct vm_policy *p, const struct vm_nodes *nodes)
{
	uint64_t sum = 0;
	for (unsigned id = 0; id < VM_NODES_MAX; id++) {
		if (!vm_nodemask_has(&p->nodes, id))
			continue;
		const uint64_t w = weight_of(p, nodes, id);
		if (!w)
			return 0;
		sum += w;
	}
	return sum;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t beyond_share(const struct vm_policy *p, const struct vm_nodes *nodes, const struct vm_node_pages *on, size_t n,
			     uint64_t base_pages_each)
{
	const uint64_t all = weights_of(p, nodes);
	uint64_t total = 0, misplaced = 0;
	for (size_t i = 0; i < n; i++)
		total += on[i].pages;
	if (!all)
		return VM_NODE_UNKNOWN;
	const uint64_t unit = base_pages_each == 1 && total >= HUGE ? HUGE : 1;
	const uint64_t rounds = total / (all * unit), rest = (total % (all * unit) + unit - 1) / unit;
	for (size_t i = 0; i < n; i++) {
		const uint64_t w = vm_nodemask_has(&p->nodes, on[i].node) ? weight_of(p, nodes, on[i].node) : 0;
		const uint64_t share = (rounds * w + least(w, rest)) * unit;
		misplaced += on[i].pages > share ? on[i].pages - share : 0;
	}
	return misplaced;
}

static uint64_t outside(const struct vm_nodemask *m, const struct vm_node_pages *on, size_t n)
{
	uint64_t pages = 0;
	for (size_t i = 0; i < n; i++)
		pages += vm_nodemask_has(m, on[i].node) ? 0 : on[i].pages;
	return pages;
}

uint64_t vm_numa_misplaced(const struct vm_policy *p, const struct vm_numa_rules *rules, const struct vm_node_pages *on,
			   size_t n, uint64_t base_pages_each)
{
	switch (p->mode) {
	case VM_MPOL_BIND:
	case VM_MPOL_PREFERRED:
	case VM_MPOL_PREFERRED_MANY:
		return vm_nodemask_empty(&p->nodes) ? VM_NODE_UNKNOWN : outside(&p->nodes, on, n);
	case VM_MPOL_INTERLEAVE:
	case VM_MPOL_WEIGHTED:
		return beyond_share(p, rules->nodes, on, n, base_pages_each);
	case VM_MPOL_DEFAULT:
	case VM_MPOL_LOCAL:
		return vm_nodemask_empty(&rules->may_run) ? VM_NODE_UNKNOWN : outside(&rules->may_run, on, n);
	default:
		return VM_NODE_UNKNOWN;
	}
}

/** The only node of a mask, by index; -1: there are others, or none. */
static long only_node(const struct vm_nodemask *m, const struct vm_nodes *nodes)
{
	if (vm_nodemask_count(m) != 1)
		return -1;
	for (size_t i = 0; i < nodes->nodes.n; i++)
		if (vm_nodemask_has(m, nodes->nodes.v[i].id))
			return (long)i;
	return -1;
}

bool vm_numa_expected(const struct vm_policy *p, const struct vm_numa_rules *rules, double pages, double *expected)
{
	const struct vm_nodes *nodes = rules->nodes;
	const bool shares = p->mode == VM_MPOL_INTERLEAVE || p->mode == VM_MPOL_WEIGHTED;
	const bool by_thread = p->mode == VM_MPOL_DEFAULT || p->mode == VM_MPOL_LOCAL;
	for (size_t i = 0; i < nodes->nodes.n; i++)
		expected[i] = 0;
	if (shares) {
		const uint64_t all = weights_of(p, nodes);
		for (size_t i = 0; all && i < nodes->nodes.n; i++)
			if (vm_nodemask_has(&p->nodes, nodes->nodes.v[i].id))
				expected[i] = pages * (double)weight_of(p, nodes, nodes->nodes.v[i].id) / (double)all;
		return all > 0;
	}
	const long only = p->mode == VM_MPOL_UNKNOWN ? -1 : only_node(by_thread ? &rules->may_run : &p->nodes, nodes);
	if (only >= 0)
		expected[only] = pages;
	return only >= 0;
}

/* ---- Sums --------------------------------------------------------------------------------------------------------- */

static struct vm_numa_sum *new_sum(struct vm_arena *a, size_t nnodes)
{
	const size_t words = nnodes * (VM_NUMA_CLASSES + 2);
	const size_t size = sizeof(struct vm_numa_sum) + words * sizeof(uint64_t) + nnodes * sizeof(uint16_t);
	struct vm_numa_sum *s = vm_arena_alloc(a, size);
	if (!s)
		return NULL;
	memset(s, 0, size);
	s->nnodes = (unsigned)nnodes;
	s->bytes = (uint64_t *)(s + 1);
	s->threads = s->bytes + nnodes * VM_NUMA_CLASSES;
	s->ticks = s->threads + nnodes;
	s->ids = (uint16_t *)(s->ticks + nnodes);
	return s;
}

struct vm_numa_sum *vm_numa_sum_new(struct vm_arena *a, const struct vm_nodes *nodes)
{
	struct vm_numa_sum *s = new_sum(a, nodes->nodes.n);
	for (size_t i = 0; s && i < nodes->nodes.n; i++)
		s->ids[i] = (uint16_t)nodes->nodes.v[i].id;
	return s;
}

struct vm_numa_sum *vm_numa_sum_copy(struct vm_arena *a, const struct vm_numa_sum *from)
{
	struct vm_numa_sum *s = from ? new_sum(a, from->nnodes) : NULL;
	if (!s)
		return NULL;
	struct vm_numa_sum own = *s;
	*s = *from;
	s->bytes = memcpy(own.bytes, from->bytes, from->nnodes * VM_NUMA_CLASSES * sizeof(*own.bytes));
	s->threads = memcpy(own.threads, from->threads, from->nnodes * sizeof(*own.threads));
	s->ticks = memcpy(own.ticks, from->ticks, from->nnodes * sizeof(*own.ticks));
	s->ids = memcpy(own.ids, from->ids, from->nnodes * sizeof(*own.ids));
	return s;
}

uint64_t vm_numa_sum_node(const struct vm_numa_sum *s, size_t node)
{
	uint64_t sum = 0;
	for (unsigned c = 0; c < VM_NUMA_CLASSES; c++)
		sum += s->bytes[c * s->nnodes + node];
	return sum;
}

uint64_t vm_numa_sum_total(const struct vm_numa_sum *s)
{
	uint64_t sum = s->elsewhere;
	for (unsigned i = 0; i < s->nnodes; i++)
		sum += vm_numa_sum_node(s, i);
	return sum;
}

double vm_numa_local_share(const struct vm_numa_sum *s, const uint64_t *bytes)
{
	double weights = 0, total = 0, local = 0;
	if (!s->have_threads)
		return NAN;
	for (unsigned i = 0; i < s->nnodes; i++) {
		/* A tick each, so that threads count that have done nothing yet. */
		const double weight = (double)(s->ticks[i] + s->threads[i]);
		weights += weight;
		total += (double)bytes[i];
		local += weight * (double)bytes[i];
	}
	return weights > 0 && total > 0 ? local / weights / total : NAN;
}
