/** Memory on nodes: under each policy, and where the policy isn't followed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/numanodes.h"
#include "workloads/registry.h"

enum { SIZE, NODE };
enum { LIST = 224, POLICY = 256 };

struct numa {
	const struct vm_lab *lab;
	struct vm_region r[2];
	struct vm_lab_nodes nodes;
	cpu_set_t before;          /* CPUs to go back to, if `moved` */
	bool moved;
	unsigned from, to;         /* of numa-migrate */
	unsigned steps;
};

/* ---- Truth -------------------------------------------------------------------------------------------------------- */

/** What is stated of a mapping: its policy as vmnuma words it, bytes by node, and how many are misplaced. */
struct fact {
	const char *label;
	const struct vm_region *r;
	char policy[POLICY];
	const struct vm_lab_nodes *nodes;
	uint64_t bytes[VM_LAB_NODES];
	uint64_t misplaced;
};

static void truth(struct vm_truth *t, const struct fact *f, size_t n)
{
	vm_truth_array_begin(t, "mappings");
	for (size_t i = 0; i < n; i++)
		vm_truth_anon_mapping(t, f[i].label, f[i].r, "rw-p", f[i].r->size);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "numa");
	for (size_t i = 0; i < n; i++) {
		vm_truth_mapping_begin(t, f[i].label, f[i].r->p, f[i].r->size);
		vm_truth_str(t, "policy", f[i].policy);
		vm_truth_u64(t, "misplaced_bytes", f[i].misplaced);
		vm_truth_array_begin(t, "nodes");
		for (unsigned k = 0; k < f[i].nodes->n; k++) {
			vm_truth_object_begin(t);
			vm_truth_u64(t, "node", f[i].nodes->id[k]);
			vm_truth_u64(t, "bytes", f[i].bytes[k]);
			vm_truth_object_end(t);
		}
		vm_truth_array_end(t);
		vm_truth_object_end(t);
	}
	vm_truth_array_end(t);
}

static void all_on(struct fact *f, unsigned node)
{
	for (unsigned i = 0; i < f->nodes->n; i++)
		f->bytes[i] = f->nodes->id[i] == node ? f->r->size : 0;
}

/* ---- Making ------------------------------------------------------------------------------------------------------- */

static int begin(const struct vm_lab *lab, void **state, struct numa **out, struct vm_err *err)
{
	struct numa *s = *state = *out = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	return vm_lab_nodes_find(&s->nodes, err);
}

static int map(struct numa *s, unsigned at, uint64_t size, struct vm_err *err)
{
	return vm_region_map(&s->r[at], s->lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
}

static struct vm_lab_nodes just(unsigned node)
{
	return (struct vm_lab_nodes){ .id = { node }, .n = 1 };
}

/** Run on the CPUs of that node from now on. */
static int run_on(struct numa *s, unsigned node, struct vm_err *err)
{
	cpu_set_t cpus;
	if (!vm_lab_node_cpus(node, &cpus))
		return vm_fail(err, ENOSYS, "node %u has no CPU to run on", node);
	if (!s->moved && sched_getaffinity(0, sizeof(s->before), &s->before) != 0)
		return vm_fail_os(err, errno, "cannot ask for the CPUs");
	s->moved = true;
	return sched_setaffinity(0, sizeof(cpus), &cpus) == 0 ? 0 : vm_fail_os(err, errno, "cannot change the CPUs");
}

static void done(void *state)
{
	struct numa *s = state;
	for (size_t i = 0; i < 2; i++)
		vm_region_unmap(&s->r[i]);
	if (s->moved)
		sched_setaffinity(0, sizeof(s->before), &s->before);
	free(s);
}

/** One mapping under one policy, on one node. */
static int make_single(const struct vm_lab *lab, struct vm_truth *t, void **state, int mode, const char *word, bool many,
		       struct vm_err *err)
{
	struct numa *s;
	struct fact f = { .label = word };
	char nodes[LIST];
	unsigned node;
	int r = begin(lab, state, &s, err);
	if (r == 0)
		r = vm_lab_node_choose(&s->nodes, lab->arg[NODE].text, &node, err);
	if (r == 0)
		r = map(s, 0, lab->arg[SIZE].u64, err);
	if (r < 0)
		return r;
	const struct vm_lab_nodes of = just(node);
	r = vm_lab_bind(&s->r[0], mode, &of, err);
	if (r < 0)
		return r;
	vm_touch(lab, s->r[0].p, s->r[0].size);
	f.r = &s->r[0];
	f.nodes = &s->nodes;
	vm_lab_nodes_text(&of, nodes, sizeof(nodes));
	snprintf(f.policy, sizeof(f.policy), "%s%s %s%s", word, many ? "-many" : "", nodes, mode & VM_LAB_STATIC ? " static" : "");
	all_on(&f, node);
	truth(t, &f, 1);
	vm_truth_say(t, "all of it is on node %u, as the policy says: %s", node, f.policy);
	return 0;
}

/** The last node, whatever it is. */
#define NODE_PARAM { "node", "a number, first or last: of nodes that have memory", VM_P_TEXT, .def = "last" }
#define SIZE_PARAM(d) { "size", "bytes to map and write to", VM_P_SIZE, .def = d, .min = 1 }

/* ---- numa-bind ---------------------------------------------------------------------------------------------------- */

enum { BIND_FLAGS = 2 };
static const char *const bind_words[] = { "none", "static", NULL };
static const struct vm_param bind_params[] = {
	SIZE_PARAM("8M"), NODE_PARAM,
	{ "flags", "static: the nodes stay, whatever becomes of the cpuset", VM_P_WORD, .def = "none", bind_words },
	{ .name = NULL }
};

static int bind_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	return make_single(lab, t, state, VM_LAB_BIND | (lab->arg[BIND_FLAGS].u64 ? VM_LAB_STATIC : 0), "bind", false, err);
}

const struct vm_workload vm_workload_numa_bind = {
	.name = "numa-bind", .help = "memory that must be on one node", .shows = "vmnuma",
	.lesson = "mbind() with MPOL_BIND says where pages go when they are first touched: on that node or nowhere.  "
		  "numa_maps shows the policy of each mapping and how many of its pages are on which node.",
	.params = bind_params, .make = bind_make, .done = done,
};

/* ---- numa-preferred ----------------------------------------------------------------------------------------------- */

enum { PREFERRED_WAY = 2 };
static const char *const preferred_words[] = { "one", "many", NULL };
static const struct vm_param preferred_params[] = {
	SIZE_PARAM("8M"), NODE_PARAM,
	{ "way", "one: MPOL_PREFERRED; many: MPOL_PREFERRED_MANY (Linux 5.15), here of one node", VM_P_WORD, .def = "one",
	  preferred_words },
	{ .name = NULL }
};

static int preferred_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const bool many = lab->arg[PREFERRED_WAY].u64;
	return make_single(lab, t, state, many ? VM_LAB_MANY : VM_LAB_PREFERRED, "preferred", many, err);
}

const struct vm_workload vm_workload_numa_preferred = {
	.name = "numa-preferred", .help = "memory that should be on one node", .shows = "vmnuma",
	.lesson = "As numa-bind, but when the node is full the pages come from others: then vmnuma shows a share of them as "
		  "misplaced.",
	.params = preferred_params, .make = preferred_make, .done = done,
};

/* ---- numa-interleave, numa-weighted ------------------------------------------------------------------------------- */

static const struct vm_param shared_params[] = { SIZE_PARAM("8M"), { .name = NULL } };

static int make_shared(const struct vm_lab *lab, struct vm_truth *t, void **state, bool weighted, struct vm_err *err)
{
	struct numa *s;
	struct fact f = { .label = weighted ? "weighted" : "interleave" };
	char nodes[LIST];
	uint64_t weight[VM_LAB_NODES], all = 0;
	int r = begin(lab, state, &s, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < s->nodes.n; i++)
		all += weight[i] = weighted ? vm_lab_node_weight(s->nodes.id[i]) : 1;
	/* Whole rounds, so that every node has exactly its share. */
	const uint64_t round = all * lab->page, rounds = (lab->arg[SIZE].u64 + round - 1) / round;
	r = map(s, 0, rounds * round, err);
	if (r == 0)
		r = vm_lab_bind(&s->r[0], weighted ? VM_LAB_WEIGHTED : VM_LAB_INTERLEAVE, &s->nodes, err);
	if (r < 0)
		return r;
	vm_touch(lab, s->r[0].p, s->r[0].size);
	f.r = &s->r[0];
	f.nodes = &s->nodes;
	for (unsigned i = 0; i < s->nodes.n; i++)
		f.bytes[i] = rounds * weight[i] * lab->page;
	vm_lab_nodes_text(&s->nodes, nodes, sizeof(nodes));
	snprintf(f.policy, sizeof(f.policy), "%s %s", weighted ? "weighted-interleave" : "interleave", nodes);
	truth(t, &f, 1);
	vm_truth_say(t, "%s: %llu rounds of %llu pages", f.policy, (unsigned long long)rounds, (unsigned long long)all);
	return 0;
}

static int interleave_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	return make_shared(lab, t, state, false, err);
}

const struct vm_workload vm_workload_numa_interleave = {
	.name = "numa-interleave", .help = "memory page by page in turn on all nodes", .shows = "vmnuma",
	.lesson = "Interleaving trades latency for bandwidth: no access is always near, but all nodes serve.  Each node has the "
		  "same number of pages.",
	.params = shared_params, .make = interleave_make, .done = done,
};

static int weighted_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	return make_shared(lab, t, state, true, err);
}

const struct vm_workload vm_workload_numa_weighted = {
	.name = "numa-weighted", .help = "memory in turn on all nodes, by the machine's weights", .shows = "vmnuma",
	.lesson = "Weighted interleaving (Linux 6.9) gives each node as many pages in a round as "
		  "/sys/kernel/mm/mempolicy/weighted_interleave says: more to memory of more bandwidth.",
	.params = shared_params, .make = weighted_make, .done = done,
};

/* ---- numa-local --------------------------------------------------------------------------------------------------- */

static int local_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct numa *s;
	struct fact f = { .label = "local" };
	unsigned node = 0;
	int r = begin(lab, state, &s, err);
	if (r == 0)
		r = vm_lab_node_choose(&s->nodes, lab->arg[NODE].text, &node, err);
	if (r == 0)
		r = run_on(s, node, err);
	if (r == 0)
		r = map(s, 0, lab->arg[SIZE].u64, err);
	if (r == 0)
		r = vm_lab_bind(&s->r[0], VM_LAB_LOCAL, NULL, err);
	if (r < 0)
		return r;
	vm_touch(lab, s->r[0].p, s->r[0].size);
	f.r = &s->r[0];
	f.nodes = &s->nodes;
	snprintf(f.policy, sizeof(f.policy), "local");
	all_on(&f, node);
	truth(t, &f, 1);
	vm_truth_u64(t, "runs_on_node", node);
	vm_truth_say(t, "runs on node %u, and so is its memory", node);
	return 0;
}

static const struct vm_param local_params[] = {
	SIZE_PARAM("8M"),
	{ "node", "where it runs: a number, first or last, of nodes that have memory and CPUs", VM_P_TEXT, .def = "first" },
	{ .name = NULL }
};

const struct vm_workload vm_workload_numa_local = {
	.name = "numa-local", .help = "memory on the node of the CPU that touches it", .shows = "vmnuma",
	.lesson = "Without a policy, and with MPOL_LOCAL whatever the task's policy is, a page goes to the node of the CPU that "
		  "touches it first.  As long as the thread stays there all of its memory is near.",
	.params = local_params, .make = local_make, .done = done,
};

/* ---- numa-misplaced ----------------------------------------------------------------------------------------------- */

/** Two nodes: memory goes to *there, and it runs on *here. */
static int two_nodes(const struct numa *s, unsigned *here, unsigned *there, struct vm_err *err)
{
	const long run = vm_lab_node_with_cpus(-1);
	for (unsigned i = s->nodes.n; run >= 0 && i-- > 0;)
		if ((long)s->nodes.id[i] != run) {
			*here = (unsigned)run;
			*there = s->nodes.id[i];
			return 0;
		}
	return vm_fail(err, ENOSYS, "this machine has one memory node");
}

static int misplaced_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct numa *s;
	struct fact f[2] = { { .label = "default" }, { .label = "bind" } };
	char nodes[LIST];
	unsigned here = 0, there = 0;
	int r = begin(lab, state, &s, err);
	if (r == 0)
		r = two_nodes(s, &here, &there, err);
	const struct vm_lab_nodes far = just(there), near = just(here);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		r = map(s, i, lab->arg[SIZE].u64, err);
		if (r == 0)
			r = vm_lab_bind(&s->r[i], VM_LAB_BIND, &far, err);
		if (r == 0)
			vm_touch(lab, s->r[i].p, s->r[i].size);
	}
	/* Pages that are there stay where they are. */
	if (r == 0)
		r = vm_lab_bind(&s->r[0], VM_LAB_DEFAULT, NULL, err);
	if (r == 0)
		r = vm_lab_bind(&s->r[1], VM_LAB_BIND, &near, err);
	if (r == 0)
		r = run_on(s, here, err);
	if (r < 0)
		return r;
	vm_lab_nodes_text(&near, nodes, sizeof(nodes));
	snprintf(f[0].policy, sizeof(f[0].policy), "default");
	snprintf(f[1].policy, sizeof(f[1].policy), "bind %s", nodes);
	for (unsigned i = 0; i < 2; i++) {
		f[i].r = &s->r[i];
		f[i].nodes = &s->nodes;
		f[i].misplaced = s->r[i].size;
		all_on(&f[i], there);
	}
	truth(t, f, 2);
	vm_truth_u64(t, "runs_on_node", here);
	vm_truth_say(t, "runs on node %u, its memory is on node %u; one mapping is even bound to node %u", here, there, here);
	return 0;
}

const struct vm_workload vm_workload_numa_misplaced = {
	.name = "numa-misplaced", .help = "memory on another node than its policy says, and than its thread runs on",
	.shows = "vmnuma",
	.lesson = "A policy speaks of pages that are still to come: those that are there stay where they are.  So a thread that was "
		  "moved to another node's CPUs, and a mapping that is bound after it was filled, work on far memory; "
		  "numa_maps shows it to whoever does the sum.  vmnuma --migrate brings it home.",
	.params = shared_params, .make = misplaced_make, .done = done,
};

/* ---- numa-migrate ------------------------------------------------------------------------------------------------- */

enum { MIGRATE_STEPS = 4 };

static void migrate_truth(struct numa *s, struct vm_truth *t, unsigned node)
{
	struct fact f = { .label = "migrate", .r = &s->r[0], .nodes = &s->nodes, .policy = "default" };
	all_on(&f, node);
	/* It may run anywhere: no node with CPUs is wrong. */
	cpu_set_t cpus;
	f.misplaced = vm_lab_node_cpus(node, &cpus) ? 0 : f.r->size;
	truth(t, &f, 1);
	vm_truth_say(t, "all of it is on node %u now", node);
}

static int migrate_to(struct numa *s, unsigned node, struct vm_err *err)
{
	const long there = vm_lab_move(s->lab, &s->r[0], node, err);
	if (there < 0)
		return (int)there;
	const long pages = (long)(s->r[0].size / s->lab->page);
	return there == pages ? 0 : vm_fail(err, ENOMEM, "only %ld of %ld pages moved to node %u", there, pages, node);
}

static int migrate_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct numa *s;
	int r = begin(lab, state, &s, err);
	if (r == 0 && s->nodes.n < 2)
		r = vm_fail(err, ENOSYS, "this machine has one memory node");
	if (r == 0)
		r = map(s, 0, lab->arg[SIZE].u64, err);
	if (r < 0)
		return r;
	s->from = s->nodes.id[0];
	s->to = s->nodes.id[s->nodes.n - 1];
	vm_touch(lab, s->r[0].p, s->r[0].size);
	r = migrate_to(s, s->from, err);
	if (r == 0)
		migrate_truth(s, t, s->from);
	return r;
}

static int migrate_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct numa *s = state;
	const unsigned node = s->steps++ % 2 ? s->from : s->to;
	int r = migrate_to(s, node, err);
	if (r < 0)
		return r;
	migrate_truth(s, t, node);
	return s->steps < MIGRATE_STEPS;
}

const struct vm_workload vm_workload_numa_migrate = {
	.name = "numa-migrate", .help = "memory that moves between two nodes, there and back", .shows = "vmnuma",
	.lesson = "move_pages() copies each page to a frame of another node and changes the entry: the address stays, the frame "
		  "doesn't.  A step moves all of it; vmstat's pgmigrate_success counts each page.",
	.params = shared_params, .make = migrate_make, .step = migrate_step, .done = done,
};
