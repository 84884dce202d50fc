#include "core/source/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"

#define NODES "sys/devices/system/node"
#define TIERS "sys/devices/virtual/memory_tiering"

/** More CPUs than any kernel is built for; a captured tree may say anything. */
enum { CPUS_MAX = 1 << 16 };

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** Blanks and a decimal number; NULL if there is none. */
static const char *take_number(const char *s, uint64_t *v)
{
	s += strspn(s, " \t");
	if (*s < '0' || *s > '9')
		return NULL;
	uint64_t x = 0;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(x, (uint64_t)10, &x) || __builtin_add_overflow(x, (uint64_t)(*s - '0'), &x))
			return NULL;
	*v = x;
	return s;
}

static const char *next_line(const char *s)
{
	s = strchr(s, '\n');
	return s ? s + 1 : NULL;
}

static void set(struct vm_node *node, enum vm_nodeqty q, uint64_t v)
{
	node->have |= UINT64_C(1) << q;
	node->q[q] = v;
}

/** The row of a name, where it most likely is: the kernel prints the same lines in the same order for each node. */
static struct vm_node_item *find_item(struct vm_nodes *n, const char *name, size_t len, size_t *at)
{
	for (size_t k = 0; k < n->items.n; k++) {
		struct vm_node_item *item = &n->items.v[(*at + k) % n->items.n];
		if (strncmp(item->name, name, len) == 0 && item->name[len] == '\0') {
			*at = (*at + k + 1) % n->items.n;
			return item;
		}
	}
	return NULL;
}

/** A node has about 40; what a made-up tree has more is left out. */
enum { ITEMS_MAX = 256, NAME_MAX_LEN = 64 };

static struct vm_node_item *add_item(struct vm_nodes *n, const char *name, size_t len, bool count)
{
	struct vm_node_item item = { .name = vm_arena_strndup(&n->arena, name, len), .count = count };
	item.v = vm_arena_alloc(&n->arena, n->nodes.n * sizeof(*item.v));
	if (!item.name || !item.v || !vm_vec_push(&n->items, item))
		return NULL;
	for (size_t i = 0; i < n->nodes.n; i++)
		item.v[i] = VM_NODE_UNKNOWN;
	return &n->items.v[n->items.n - 1];
}

static void keep_figure(struct vm_node *node, const char *name, size_t len, uint64_t bytes)
{
	static const struct { const char *name; enum vm_nodeqty q; } known[] = {
		{ "MemTotal", VM_N_TOTAL }, { "MemFree", VM_N_FREE }, { "MemUsed", VM_N_USED }, { "Active", VM_N_ACTIVE },
		{ "Inactive", VM_N_INACTIVE }, { "FilePages", VM_N_FILE }, { "Mapped", VM_N_MAPPED }, { "AnonPages", VM_N_ANON },
		{ "Shmem", VM_N_SHMEM }, { "Slab", VM_N_SLAB }, { "PageTables", VM_N_PAGE_TABLES },
		{ "AnonHugePages", VM_N_ANON_HUGE }, { "Dirty", VM_N_DIRTY }, { "Unevictable", VM_N_UNEVICTABLE },
	};
	for (size_t i = 0; i < vm_countof(known); i++)
		if (strncmp(known[i].name, name, len) == 0 && known[i].name[len] == '\0')
			set(node, known[i].q, bytes);
}

/** "Node 0 MemTotal:       14640928 kB" */
int vm_parse_node_meminfo(const char *text, struct vm_nodes *n, size_t at)
{
	size_t row = 0;
	for (const char *s = text; s && *s; s = next_line(s)) {
		uint64_t v;
		if (strncmp(s, "Node ", 5) != 0)
			continue;
		const char *name = take_number(s + 5, &v);
		if (!name)
			continue;
		name += strspn(name, " ");
		const size_t len = strcspn(name, ": \n");
		if (!len || len > NAME_MAX_LEN || name[len] != ':')
			continue;
		const char *end = take_number(name + len + 1, &v);
		const bool kib = end && strncmp(end, " kB", 3) == 0;
		if (!end || (kib && __builtin_mul_overflow(v, (uint64_t)1024, &v)))
			continue;
		struct vm_node_item *item = find_item(n, name, len, &row);
		if (!item && n->items.n < ITEMS_MAX && !(item = add_item(n, name, len, !kib)))
			return -ENOMEM;
		if (item && item->count == !kib)
			item->v[at] = v;
		if (kib)
			keep_figure(&n->nodes.v[at], name, len, v);
	}
	return 0;
}

/** "numa_hit 572605683", of numastat and of vmstat; what goes to other tiers is told by who sent it. */
void vm_parse_node_counters(const char *text, struct vm_node *node)
{
	static const struct { const char *name; enum vm_nodeqty q; } known[] = {
		{ "numa_hit ", VM_N_HIT }, { "numa_miss ", VM_N_MISS }, { "numa_foreign ", VM_N_FOREIGN },
		{ "interleave_hit ", VM_N_INTERLEAVE }, { "local_node ", VM_N_LOCAL }, { "other_node ", VM_N_OTHER },
		{ "pgpromote_success ", VM_N_PROMOTED }, { "pgdemote_kswapd ", VM_N_DEMOTED },
		{ "pgdemote_direct ", VM_N_DEMOTED }, { "pgdemote_khugepaged ", VM_N_DEMOTED },
		{ "pgdemote_proactive ", VM_N_DEMOTED },
	};
	uint64_t demoted = 0, v;
	for (const char *s = text; s && *s; s = next_line(s))
		for (size_t i = 0; i < vm_countof(known); i++) {
			const size_t len = strlen(known[i].name);
			if (*s != known[i].name[0] || strncmp(s, known[i].name, len) != 0 || !take_number(s + len, &v))
				continue;
			if (known[i].q == VM_N_DEMOTED)
				v = demoted += v;
			set(node, known[i].q, v);
			break;
		}
}

void vm_parse_numa_vmstat(const char *text, struct vm_nodes *n)
{
	static const char *const names[VM_NC_NR] = {
		[VM_NC_PTE_UPDATES] = "numa_pte_updates ", [VM_NC_HUGE_PTE_UPDATES] = "numa_huge_pte_updates ",
		[VM_NC_HINT_FAULTS] = "numa_hint_faults ", [VM_NC_HINT_FAULTS_LOCAL] = "numa_hint_faults_local ",
		[VM_NC_PAGES_MIGRATED] = "numa_pages_migrated ", [VM_NC_MIGRATE_SUCCESS] = "pgmigrate_success ",
		[VM_NC_MIGRATE_FAIL] = "pgmigrate_fail ",
	};
	uint64_t v;
	for (const char *s = text; s && *s; s = next_line(s)) {
		if (*s != 'n' && *s != 'p')
			continue;
		for (unsigned c = 0; c < VM_NC_NR; c++) {
			const size_t len = strlen(names[c]);
			if (strncmp(s, names[c], len) == 0 && take_number(s + len, &v)) {
				n->counter[c] = v;
				n->have |= UINT32_C(1) << c;
			}
		}
	}
}

int vm_parse_node_cpus(const char *text, struct vm_nodes *n, size_t at)
{
	unsigned first, last;
	struct vm_node *node = &n->nodes.v[at];
	node->ncpus = 0;
	node->cpus = "";
	for (const char *s = text; *s && (s = vm_parse_list(s, &first, &last)) && last < CPUS_MAX;) {
		if (n->node_of_cpu.n <= last) {
			const size_t from = n->node_of_cpu.n;
			if (!vm_vec_reserve(&n->node_of_cpu, last + 1 - from))
				return -ENOMEM;
			n->node_of_cpu.n = last + 1;
			for (size_t i = from; i <= last; i++)
				n->node_of_cpu.v[i] = UINT16_MAX;
		}
		for (unsigned cpu = first; cpu <= last; cpu++)
			n->node_of_cpu.v[cpu] = (uint16_t)at;
		node->ncpus += last - first + 1;
	}
	if (node->ncpus)
		node->cpus = vm_arena_strndup(&n->arena, text, strcspn(text, "\n"));
	return node->cpus ? 0 : -ENOMEM;
}

/* ---- Files -------------------------------------------------------------------------------------------------------- */

/** A number in a file; false if it isn't there or is none. */
static bool read_number(struct vm_session *s, uint64_t *v, const char *path)
{
	return vm_session_slurp(s, &s->scratch, "%s", path) >= 0 && take_number(s->scratch.s, v);
}

/** A list of nodes, such as "0-1,4", into take(). */
static void each_of(const char *list, void (*take)(void *ctx, unsigned id), void *ctx)
{
	unsigned first, last;
	for (const char *p = list; *p && (p = vm_parse_list(p, &first, &last)) && last < VM_NODES_MAX;)
		for (unsigned id = first; id <= last; id++)
			take(ctx, id);
}

static void take_node(void *ctx, unsigned id)
{
	struct vm_nodes *n = ctx;
	/* In order, and each once. */
	if (n->nodes.n == 0 || n->nodes.v[n->nodes.n - 1].id < id)
		(void)vm_vec_push(&n->nodes, (struct vm_node){ .id = id, .cpus = "" });
}

static void take_memory(void *ctx, unsigned id)
{
	struct vm_nodes *n = ctx;
	const long at = vm_nodes_index(n, id);
	if (at >= 0)
		n->nodes.v[at].has_memory = true;
}

static int read_distances(struct vm_session *s, struct vm_nodes *n, size_t at)
{
	unsigned *d = vm_arena_alloc(&n->arena, n->nodes.n * sizeof(*d));
	if (!d)
		return -ENOMEM;
	memset(d, 0, n->nodes.n * sizeof(*d));
	n->nodes.v[at].distance = d;
	if (vm_session_slurp(s, &s->scratch, NODES "/node%u/distance", n->nodes.v[at].id) < 0)
		return 0;
	const char *p = s->scratch.s;
	uint64_t v;
	for (size_t i = 0; i < n->nodes.n && (p = take_number(p, &v)); i++)
		d[i] = v > UINT16_MAX ? 0 : (unsigned)v;
	return 0;
}

static void read_access(struct vm_session *s, struct vm_node *node)
{
	static const struct { const char *file; enum vm_nodeqty q; } known[] = {
		{ "read_bandwidth", VM_N_READ_MBPS }, { "write_bandwidth", VM_N_WRITE_MBPS },
		{ "read_latency", VM_N_READ_NS }, { "write_latency", VM_N_WRITE_NS },
	};
	char path[96];
	uint64_t v;
	for (size_t i = 0; i < vm_countof(known); i++) {
		snprintf(path, sizeof(path), NODES "/node%u/access0/initiators/%s", node->id, known[i].file);
		/* 0: the firmware doesn't tell. */
		if (read_number(s, &v, path) && v)
			set(node, known[i].q, v);
		else if (i == 0)
			break;
	}
}

/** Figures that change. */
static int read_figures(struct vm_session *s, struct vm_nodes *n, size_t at)
{
	struct vm_node *node = &n->nodes.v[at];
	if (vm_session_slurp(s, &s->scratch, NODES "/node%u/numastat", node->id) >= 0)
		vm_parse_node_counters(s->scratch.s, node);
	if (vm_session_slurp(s, &s->scratch, NODES "/node%u/vmstat", node->id) >= 0)
		vm_parse_node_counters(s->scratch.s, node);
	if (vm_session_slurp(s, &s->scratch, NODES "/node%u/meminfo", node->id) < 0)
		return 0;
	return vm_parse_node_meminfo(s->scratch.s, n, at);
}

static int read_structure(struct vm_session *s, struct vm_nodes *n, size_t at)
{
	struct vm_node *node = &n->nodes.v[at];
	char path[96];
	uint64_t v;
	int r = read_distances(s, n, at);
	if (r == 0 && vm_session_slurp(s, &s->scratch, NODES "/node%u/cpulist", node->id) >= 0)
		r = vm_parse_node_cpus(s->scratch.s, n, at);
	snprintf(path, sizeof(path), "sys/kernel/mm/mempolicy/weighted_interleave/node%u", node->id);
	if (read_number(s, &v, path))
		set(node, VM_N_WEIGHT, v);
	return r;
}

struct tier {
	struct vm_nodes *n;
	uint64_t tier;
};

static void take_tier(void *ctx, unsigned id)
{
	const struct tier *t = ctx;
	const long at = vm_nodes_index(t->n, id);
	if (at >= 0)
		set(&t->n->nodes.v[at], VM_N_TIER, t->tier);
}

/** "memory_tier4/nodelist": smaller numbers are faster. */
static void read_tiers(struct vm_session *s, struct vm_nodes *n)
{
	struct vm_buf names = { 0 };
	int r = vm_session_list(s, &names, TIERS);
	for (const char *name = NULL; r == 0 && (name = vm_next_name(&names, name));) {
		struct tier t = { .n = n };
		if (strncmp(name, "memory_tier", 11) != 0 || vm_parse_u64(name + 11, &t.tier) != 0)
			continue;
		if (vm_session_slurp(s, &s->scratch, TIERS "/memory_tier%llu/nodelist", (unsigned long long)t.tier) >= 0)
			each_of(s->scratch.s, take_tier, &t);
	}
	vm_buf_free(&names);
}

static void read_settings(struct vm_session *s, struct vm_nodes *n)
{
	uint64_t v;
	n->balancing = read_number(s, &v, "proc/sys/kernel/numa_balancing") && v < 256 ? (int)v : -1;
	n->zone_reclaim = read_number(s, &v, "proc/sys/vm/zone_reclaim_mode") && v < 256 ? (int)v : -1;
	n->demotion = VM_UNSURE;
	if (vm_session_slurp(s, &s->scratch, "sys/kernel/mm/numa/demotion_enabled") > 0)
		n->demotion = s->scratch.s[0] == 't' || s->scratch.s[0] == '1' ? VM_YES : VM_NO;
	if (vm_session_slurp(s, &s->scratch, "proc/vmstat") >= 0)
		vm_parse_numa_vmstat(s->scratch.s, n);
}

/** "MemTotal:       14640928 kB" of /proc/meminfo. */
static bool meminfo_value(const char *text, const char *name, uint64_t *bytes)
{
	const size_t len = strlen(name);
	uint64_t v;
	for (const char *s = text; s && *s; s = next_line(s))
		if (strncmp(s, name, len) == 0 && s[len] == ':' && take_number(s + len + 1, &v))
			return !__builtin_mul_overflow(v, (uint64_t)1024, bytes);
	return false;
}

/** Numbers of huge pages to bytes: they are of the usual size, which the machine's meminfo tells. */
static void size_huge_pages(struct vm_session *s, struct vm_nodes *n)
{
	uint64_t bytes;
	const bool known = vm_session_slurp(s, &s->scratch, "proc/meminfo") >= 0 &&
			   meminfo_value(s->scratch.s, "Hugepagesize", &bytes);
	for (size_t i = 0; i < n->items.n; i++)
		for (size_t k = 0; n->items.v[i].count && k < n->nodes.n; k++) {
			uint64_t *v = &n->items.v[i].v[k];
			if (!known || *v == VM_NODE_UNKNOWN || __builtin_mul_overflow(*v, bytes, v))
				*v = VM_NODE_UNKNOWN;
		}
}

/** Of a kernel without NUMA, or a tree that holds none of it. */
static int make_one(struct vm_session *s, struct vm_nodes *n)
{
	take_node(n, 0);
	if (n->nodes.n == 0)
		return -ENOMEM;
	struct vm_node *node = &n->nodes.v[0];
	unsigned *d = vm_arena_alloc(&n->arena, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = 10;
	node->distance = d;
	uint64_t total, free;
	if (vm_session_slurp(s, &s->scratch, "proc/meminfo") >= 0 && meminfo_value(s->scratch.s, "MemTotal", &total)) {
		node->has_memory = true;
		set(node, VM_N_TOTAL, total);
		if (meminfo_value(s->scratch.s, "MemFree", &free) && free <= total) {
			set(node, VM_N_FREE, free);
			set(node, VM_N_USED, total - free);
		}
	}
	if (vm_session_slurp(s, &s->scratch, "sys/devices/system/cpu/online") >= 0)
		return vm_parse_node_cpus(s->scratch.s, n, 0);
	node->cpus = NULL;
	return 0;
}

/** Which there are, and what doesn't change by itself. */
static int read_nodes(struct vm_session *s, struct vm_nodes *n)
{
	if (vm_session_slurp(s, &s->scratch, NODES "/online") >= 0)
		each_of(s->scratch.s, take_node, n);
	n->told = n->nodes.n > 0;
	if (!n->told)
		return make_one(s, n);
	if (vm_session_slurp(s, &s->scratch, NODES "/has_memory") >= 0)
		each_of(s->scratch.s, take_memory, n);
	int r = 0;
	for (size_t i = 0; r == 0 && i < n->nodes.n; i++)
		r = read_structure(s, n, i);
	return r;
}

int vm_nodes_read(struct vm_session *s, struct vm_nodes *out, struct vm_err *err)
{
	*out = (struct vm_nodes){ .taken_ns = vm_session_clock(s) };
	int r = read_nodes(s, out);
	for (size_t i = 0; r == 0 && out->told && i < out->nodes.n; i++) {
		r = read_figures(s, out, i);
		read_access(s, &out->nodes.v[i]);
		if (vm_node_has(&out->nodes.v[i], VM_N_TOTAL) && out->nodes.v[i].q[VM_N_TOTAL])
			out->nodes.v[i].has_memory = true;
	}
	size_huge_pages(s, out);
	read_tiers(s, out);
	read_settings(s, out);
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

const struct vm_nodes *vm_nodes_known(struct vm_session *s)
{
	if (s->nodes)
		return s->nodes;
	struct vm_nodes n = { 0 };
	if (read_nodes(s, &n) < 0 || !(s->nodes = malloc(sizeof(*s->nodes)))) {
		vm_nodes_free(&n);
		return NULL;
	}
	*s->nodes = n;
	return s->nodes;
}
