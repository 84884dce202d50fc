/** /proc/PID/numa_maps in pieces of any length, policies, and files of memory nodes. */
#include "core/model/numa.h"
#include "core/source/nodes.h"
#include "core/source/numamaps.h"

#include "fuzz.h"

struct seen {
	size_t lines, nodes;
	uint64_t pages, last;
	struct vm_nodes *all;
};

static int take(void *ctx, const struct vm_numa_line *l)
{
	struct seen *s = ctx;
	struct vm_policy p;
	struct vm_buf words = { 0 };
	HOLDS(s->lines == 0 || l->m.start > s->last);
	HOLDS(l->m.class < VM_NUMA_CLASSES && l->non <= VM_NODES_MAX && l->policy_len > 0);
	uint64_t pages = 0;
	for (size_t i = 0; i < l->non; i++) {
		HOLDS(l->on[i].node < VM_NODES_MAX);
		pages += l->on[i].pages;
	}
	HOLDS(pages == l->m.pages);
	vm_policy_parse(l->policy, l->policy_len, &p);
	HOLDS(p.mode < VM_MPOL_NR);
	vm_policy_put(&words, &p);
	vm_policy_explain(&words, &p, s->all);
	HOLDS(words.n > 0 && words.n < 100000);
	const struct vm_numa_rules rules = { .nodes = s->all, .may_run = p.nodes };
	const uint64_t misplaced = vm_numa_misplaced(&p, &rules, l->on, l->non, 1);
	HOLDS(misplaced == VM_NODE_UNKNOWN || misplaced <= pages);
	vm_buf_free(&words);
	s->last = l->m.start;
	s->lines++;
	s->nodes += l->non;
	s->pages += pages;
	return 0;
}

/** What is told of the text mustn't depend on how it was cut; each byte more of `step` is another way to cut it. */
static struct seen read_in_pieces(const char *text, size_t size, size_t step, struct vm_nodes *all)
{
	static struct vm_numa_parser p;
	struct seen s = { .all = all };
	char *rest = malloc(size + 1);
	size_t have = 0;
	if (!rest)
		exit(0);
	vm_numa_begin(&p, take, &s);
	for (size_t at = 0; at < size; at += step) {
		const size_t n = size - at < step ? size - at : step;
		memcpy(rest + have, text + at, n);
		have += n;
		const size_t used = vm_numa_feed(&p, rest, have, at + n == size);
		HOLDS(used <= have);
		have -= used;
		memmove(rest, rest + used, have);
	}
	free(rest);
	return s;
}

static void read_nodes(const char *text, struct vm_nodes *all)
{
	for (unsigned id = 0; id < 2; id++) {
		struct vm_node node = { .id = id * 3, .cpus = "" };
		HOLDS(vm_vec_push(&all->nodes, node));
	}
	for (size_t i = 0; i < all->nodes.n; i++) {
		vm_parse_node_meminfo(text, all, i);
		vm_parse_node_counters(text, &all->nodes.v[i]);
		vm_parse_node_cpus(text, all, i);
	}
	vm_parse_numa_vmstat(text, all);
	HOLDS(all->node_of_cpu.n <= 1 << 16);
	for (unsigned cpu = 0; cpu < 70; cpu++)
		HOLDS(vm_nodes_of_cpu(all, cpu) < (long)all->nodes.n);
	vm_nodes_sum(all, VM_N_FREE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_nodes all = { .told = true };
	char *text = fuzz_text(data, size);
	read_nodes(text, &all);
	const struct seen whole = read_in_pieces(text, size, size ? size : 1, &all);
	const struct seen cut = read_in_pieces(text, size, size / 7 + 1, &all);
	HOLDS(whole.lines == cut.lines && whole.nodes == cut.nodes && whole.pages == cut.pages);
	vm_nodes_free(&all);
	free(text);
	return 0;
}
