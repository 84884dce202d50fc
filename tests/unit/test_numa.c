/** Memory nodes: policies, what is misplaced, numa_maps, files of nodes. */
#include "core/model/numa.h"

#include <errno.h>
#include <math.h>

#include "core/source/nodes.h"
#include "core/source/numamaps.h"

#include "unit.h"

static struct vm_nodes machine(void)
{
	struct vm_nodes n = { .told = true };
	for (unsigned id = 0; id < 3; id++) {
		/* Numbers may have gaps. */
		struct vm_node node = { .id = id * 2, .cpus = "", .has_memory = true };
		ck_assert(vm_vec_push(&n.nodes, node));
	}
	return n;
}

static struct vm_policy policy(const char *text)
{
	struct vm_policy p;
	vm_policy_parse(text, strlen(text), &p);
	return p;
}

static void check_words(const char *kernel, const char *words)
{
	struct vm_policy p = policy(kernel);
	struct vm_buf b = { 0 };
	vm_policy_put(&b, &p);
	ck_assert_str_eq(vm_buf_str(&b), words);
	vm_buf_free(&b);
}

START_TEST(policies)
{
	check_words("default", "default");
	check_words("local", "local");
	check_words("prefer:1", "preferred 1");
	check_words("prefer", "local");
	check_words("prefer (many):0,3", "preferred-many 0,3");
	check_words("bind:0-3", "bind 0-3");
	check_words("bind=static:0", "bind 0 static");
	check_words("interleave=relative:0-1,7", "interleave 0-1,7 relative");
	check_words("weighted interleave:0-1", "weighted-interleave 0-1");
	check_words("bind=static|balancing:5", "bind 5 static balancing");
	check_words("interleave=balancing:1023", "interleave 1023 balancing");
	check_words("unheard of:0", "unknown 0");
	check_words("bind:0-1024", "unknown");
	check_words("bind:", "unknown");
	check_words("bind:0,", "unknown 0");
	check_words("", "unknown");
	check_words("bin", "unknown");
	check_words("default ", "unknown");
}
END_TEST

#define MISPLACED(p, rules, ...) vm_numa_misplaced(p, rules, (const struct vm_node_pages[]){ __VA_ARGS__ }, \
	sizeof((const struct vm_node_pages[]){ __VA_ARGS__ }) / sizeof(struct vm_node_pages), 1)

START_TEST(misplaced)
{
	struct vm_nodes n = machine();
	struct vm_numa_rules rules = { .nodes = &n };
	struct vm_policy p = policy("bind:0,4");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 5 }, { 2, 7 }, { 4, 9 }), 7);
	p = policy("prefer:2");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 5 }, { 2, 7 }), 5);
	p = policy("interleave:0,2");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 5 }, { 2, 5 }), 0);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 5 }, { 2, 6 }), 0);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }, { 2, 8 }), 2);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }, { 2, 4 }, { 4, 8 }), 8);
	/* Of huge pages the last round may be anywhere. */
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 1024 }, { 2, 512 }), 0);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 2048 }, { 2, 0 }), 1024);
	/* Without weights nothing is known. */
	p = policy("weighted interleave:0,2");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 6 }, { 2, 2 }), VM_NODE_UNKNOWN);
	for (size_t i = 0; i < 2; i++) {
		n.nodes.v[i].have |= UINT64_C(1) << VM_N_WEIGHT;
		n.nodes.v[i].q[VM_N_WEIGHT] = i ? 1 : 3;
	}
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 6 }, { 2, 2 }), 0);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }, { 2, 4 }), 2);
	/* Whoever may run anywhere can have touched a page anywhere. */
	p = policy("default");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }), VM_NODE_UNKNOWN);
	vm_nodemask_add(&rules.may_run, 2);
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }, { 2, 1 }), 4);
	p = policy("nonsense");
	ck_u64_eq(MISPLACED(&p, &rules, { 0, 4 }), VM_NODE_UNKNOWN);
	vm_nodes_free(&n);
}
END_TEST

START_TEST(expected)
{
	struct vm_nodes n = machine();
	struct vm_numa_rules rules = { .nodes = &n };
	struct vm_policy p = policy("interleave:0,4");
	double e[3];
	ck_assert(vm_numa_expected(&p, &rules, 100, e));
	ck_assert(e[0] == 50 && e[1] == 0 && e[2] == 50);
	p = policy("bind:2");
	ck_assert(vm_numa_expected(&p, &rules, 100, e) && e[1] == 100);
	p = policy("bind:0,2");
	ck_assert(!vm_numa_expected(&p, &rules, 100, e));
	p = policy("default");
	ck_assert(!vm_numa_expected(&p, &rules, 100, e));
	vm_nodemask_add(&rules.may_run, 4);
	ck_assert(vm_numa_expected(&p, &rules, 100, e) && e[2] == 100);
	vm_nodes_free(&n);
}
END_TEST

START_TEST(local_share)
{
	struct vm_nodes n = machine();
	struct vm_arena a = { 0 };
	struct vm_numa_sum *s = vm_numa_sum_new(&a, &n);
	const uint64_t bytes[] = { 300, 100, 0 };
	ck_assert(isnan(vm_numa_local_share(s, bytes)));
	s->have_threads = true;
	ck_assert(isnan(vm_numa_local_share(s, bytes)));
	s->threads[0] = 1;
	ck_assert(fabs(vm_numa_local_share(s, bytes) - 0.75) < 1e-9);
	/* By what the threads did: one that has used all of the time counts for all. */
	s->threads[1] = 1;
	ck_assert(fabs(vm_numa_local_share(s, bytes) - 0.5) < 1e-9);
	s->ticks[1] = 1000000;
	ck_assert(fabs(vm_numa_local_share(s, bytes) - 0.25) < 1e-3);
	struct vm_arena other = { 0 };
	struct vm_numa_sum *copy = vm_numa_sum_copy(&other, s);
	vm_arena_free(&a);
	ck_u64_eq(copy->ticks[1], 1000000);
	ck_assert_uint_eq(copy->ids[2], 4);
	vm_arena_free(&other);
	vm_nodes_free(&n);
}
END_TEST

struct lines {
	size_t n;
	struct vm_numa_map m[8];
	char policy[8][40];
	struct vm_node_pages on[8][4];
	size_t non[8];
};

static int keep(void *ctx, const struct vm_numa_line *l)
{
	struct lines *to = ctx;
	if (to->n == 8)
		return -E2BIG;
	to->m[to->n] = l->m;
	snprintf(to->policy[to->n], sizeof(to->policy[0]), "%.*s", (int)l->policy_len, l->policy);
	to->non[to->n] = l->non;
	memcpy(to->on[to->n], l->on, (l->non < 4 ? l->non : 4) * sizeof(l->on[0]));
	to->n++;
	return 0;
}

START_TEST(numa_maps)
{
	static const char text[] =
		"00400000 default file=/opt/we\\040ird\\075N9=9 mapped=4 mapmax=9 active=2 N0=1 N3=3 kernelpagesize_kB=4\n"
		"00500000 default heap anon=7 dirty=7 N0=7 kernelpagesize_kB=4\n"
		"7f0000000000 weighted interleave=static:0-1 anon=2 huge N0=1 N1=1 kernelpagesize_kB=2048\n"
		"7f0000200000 prefer (many):0,2\n"
		"7f0000100000 bind:0 anon=9 N0=9 kernelpagesize_kB=4\n"
		"nonsense\n"
		"7f0000300000 default file=/memfd:x\\040(deleted) dirty=1 N0=1 N1= Nx=5 N1=99999999999999999999 N2000=1 kernelpagesize_kB=4\n"
		"7ffffffde000 default stack anon=3 dirty=3 swapcache=1 writeback=2 N0=3 kernelpagesize_kB=4";
	static struct vm_numa_parser p;
	struct lines l = { 0 };
	vm_numa_begin(&p, keep, &l);
	size_t used = vm_numa_feed(&p, text, sizeof(text) - 1, false);
	used += vm_numa_feed(&p, text + used, sizeof(text) - 1 - used, true);
	ck_assert_uint_eq(used, sizeof(text) - 1);
	ck_assert_uint_eq(l.n, 6);
	ck_assert_uint_eq(l.m[0].class, VM_NUMA_FILE);
	ck_u64_eq(l.m[0].pages, 4);
	ck_u64_eq(l.m[0].mapmax, 9);
	ck_assert(l.m[0].has_active && l.m[0].active == 2);
	ck_assert_uint_eq(l.on[0][1].node, 3);
	ck_assert_uint_eq(l.m[1].class, VM_NUMA_HEAP);
	ck_assert(!l.m[1].has_active);
	ck_assert_str_eq(l.policy[2], "weighted interleave=static:0-1");
	ck_assert_uint_eq(l.m[2].class, VM_NUMA_HUGE);
	ck_u64_eq(l.m[2].page_bytes, 2097152);
	ck_assert_str_eq(l.policy[3], "prefer (many):0,2");
	ck_u64_eq(l.m[3].pages, 0);
	ck_assert_uint_eq(l.m[4].class, VM_NUMA_SHMEM);
	ck_assert_uint_eq(l.non[4], 1);
	ck_assert_uint_eq(l.m[5].class, VM_NUMA_STACK);
	ck_u64_eq(l.m[5].writeback, 2);
}
END_TEST

START_TEST(node_files)
{
	struct vm_nodes n = machine();
	ck_assert_int_eq(vm_parse_node_meminfo("Node 0 MemTotal:  100 kB\nNode 0 MemFree:  40 kB\nNode 0 HugePages_Total:  3\n"
					       "Node x y\nMemFree: 7 kB\nNode 0 Big: 99999999999999999999 kB\n", &n, 0), 0);
	ck_assert_int_eq(vm_parse_node_meminfo("Node 2 MemFree:  8 kB\nNode 2 MemTotal:  9 kB\nNode 2 New:  1 kB\n", &n, 1), 0);
	ck_assert_uint_eq(n.items.n, 4);
	ck_u64_eq(n.nodes.v[0].q[VM_N_TOTAL], 102400);
	ck_u64_eq(n.nodes.v[1].q[VM_N_FREE], 8192);
	ck_assert(n.items.v[2].count && n.items.v[2].v[0] == 3 && n.items.v[2].v[1] == VM_NODE_UNKNOWN);
	ck_u64_eq(vm_nodes_sum(&n, VM_N_FREE), VM_NODE_UNKNOWN);
	n.nodes.v[2].has_memory = false;
	ck_u64_eq(vm_nodes_sum(&n, VM_N_FREE), 49152);
	vm_parse_node_counters("numa_hit 5\npgdemote_kswapd 3\npgdemote_direct 4\nnuma_miss x\n", &n.nodes.v[0]);
	ck_u64_eq(n.nodes.v[0].q[VM_N_HIT], 5);
	ck_u64_eq(n.nodes.v[0].q[VM_N_DEMOTED], 7);
	ck_assert(!vm_node_has(&n.nodes.v[0], VM_N_MISS));
	ck_assert_int_eq(vm_parse_node_cpus("0-1,5\n", &n, 0), 0);
	ck_assert_int_eq(vm_parse_node_cpus("2-3\n", &n, 1), 0);
	ck_assert_int_eq(vm_parse_node_cpus("\n", &n, 2), 0);
	ck_assert_str_eq(n.nodes.v[0].cpus, "0-1,5");
	ck_assert_uint_eq(n.nodes.v[0].ncpus, 3);
	ck_assert_int_eq(vm_nodes_of_cpu(&n, 5), 0);
	ck_assert_int_eq(vm_nodes_of_cpu(&n, 3), 1);
	ck_assert_int_eq(vm_nodes_of_cpu(&n, 4), -1);
	ck_assert_uint_eq(vm_nodes_with_cpus(&n), 2);
	ck_assert_int_eq(vm_nodes_index(&n, 4), 2);
	ck_assert_int_eq(vm_nodes_index(&n, 1), -1);
	vm_parse_numa_vmstat("nr_free_pages 3\nnuma_hint_faults 11\nnuma_hint_faults_local 4\npgmigrate_fail 2", &n);
	ck_u64_eq(n.counter[VM_NC_HINT_FAULTS], 11);
	ck_u64_eq(n.counter[VM_NC_MIGRATE_FAIL], 2);
	ck_assert(!vm_nodes_has(&n, VM_NC_PTE_UPDATES));
	vm_nodes_free(&n);
}
END_TEST

START_TEST(rates)
{
	struct vm_nodes a = machine(), b = machine();
	vm_parse_node_counters("numa_hit 100\n", &a.nodes.v[1]);
	vm_parse_node_counters("numa_hit 150\nnuma_miss 1\n", &b.nodes.v[1]);
	b.taken_ns = 500000000;
	ck_assert(fabs(vm_node_rate(&b, &a, 1, VM_N_HIT) - 100) < 1e-9);
	ck_assert(isnan(vm_node_rate(&b, &a, 1, VM_N_MISS)));
	ck_assert(isnan(vm_node_rate(&b, &a, 0, VM_N_HIT)));
	ck_assert(isnan(vm_nodes_rate(&b, &a, VM_NC_HINT_FAULTS)));
	vm_nodes_free(&a);
	vm_nodes_free(&b);
}
END_TEST

UNIT_MAIN("numa", policies, misplaced, expected, local_share, numa_maps, node_files, rates)
