/** Columns of the machine's memory nodes. */

#include <math.h>
#include <stdio.h>

#include "core/field/numa.h"

#define GETTER(name) static struct vm_value name(const struct vm_field *f, const void *row_, struct vm_scratch *tmp)
#define ROW const struct vm_node_row *row = row_; const struct vm_node *node = &row->nodes->nodes.v[row->at]; \
	(void)f; (void)tmp; (void)node

GETTER(get_id)
{
	ROW;
	return VM_U64(node->id);
}

GETTER(get_cpus)
{
	ROW;
	return !node->cpus ? VM_ABSENT : VM_STR(node->cpus[0] ? node->cpus : "none");
}

GETTER(get_cpu_count)
{
	ROW;
	return node->cpus ? VM_U64(node->ncpus) : VM_ABSENT;
}

GETTER(get_kind)
{
	ROW;
	return VM_STR(!node->has_memory ? "CPUs only" : node->ncpus || !node->cpus ? "memory and CPUs" : "memory only");
}

GETTER(get_qty)
{
	ROW;
	return vm_node_has(node, f->arg) ? VM_U64(node->q[f->arg]) : VM_ABSENT;
}

GETTER(get_used_share)
{
	ROW;
	return vm_node_has(node, VM_N_USED) && vm_node_has(node, VM_N_TOTAL) && node->q[VM_N_TOTAL]
		? VM_F64((double)node->q[VM_N_USED] / (double)node->q[VM_N_TOTAL]) : VM_ABSENT;
}

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

GETTER(get_rate)
{
	ROW;
	return row->prev ? number(vm_node_rate(row->nodes, row->prev, row->at, f->arg)) : VM_ABSENT;
}

/** Of what was allocated there, what was by CPUs of the same node. */
GETTER(get_local_share)
{
	ROW;
	if (!vm_node_has(node, VM_N_LOCAL) || !vm_node_has(node, VM_N_OTHER))
		return VM_ABSENT;
	const double local = (double)node->q[VM_N_LOCAL], all = local + (double)node->q[VM_N_OTHER];
	return all > 0 ? VM_F64(local / all) : VM_ABSENT;
}

GETTER(get_distances)
{
	ROW;
	size_t n = 0;
	tmp->text[0] = '\0';
	for (size_t i = 0; node->distance && i < row->nodes->nodes.n && n + 12 < sizeof(tmp->text); i++)
		n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, node->distance[i] ? "%s%u" : "%s?", i ? " " : "",
				      node->distance[i]);
	return VM_LIST(tmp->text);
}

#define D (VM_F_DEFAULT | VM_F_MACHINE)
#define M VM_F_MACHINE
#define BYTES(name_, key_, q_, flags_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, \
	  .flags = (flags_) | VM_F_SUM | VM_F_DESC, .arg = q_, .get = get_qty, .source = "nodeN/meminfo: " source_ }
#define PAGES(name_, key_, q_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_AMOUNT, \
	  .flags = M | VM_F_SUM | VM_F_DESC, .arg = q_, .get = get_qty, .source = source_ }, \
	{ .name = name_ "/S", .key = key_ "_per_second", .help = "the same a second", .type = VM_T_F64, .unit = VM_U_PERSEC, \
	  .flags = M | VM_F_SUM | VM_F_DESC | VM_F_RATE, .arg = q_, .get = get_rate, .source = source_ }
#define NUMBER(name_, key_, q_, unit_, flags_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = unit_, .flags = flags_, .arg = q_, \
	  .get = get_qty, .source = source_ }

static const struct vm_field fields[] = {
	{ .name = "NODE", .key = "node", .help = "number of the node", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_LABEL, .get = get_id, .source = "node/online" },
	{ .name = "KIND", .key = "kind", .help = "what it has: memory and CPUs, memory only, CPUs only", .type = VM_T_STR,
	  .flags = M, .get = get_kind, .source = "node/has_memory, nodeN/cpulist" },
	{ .name = "NCPUS", .key = "cpu_count", .help = "how many CPUs it has", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = get_cpu_count, .source = "nodeN/cpulist" },
	BYTES("SIZE", "size_bytes", VM_N_TOTAL, D, "MemTotal", "memory that the kernel manages there"),
	BYTES("FREE", "free_bytes", VM_N_FREE, D, "MemFree", "memory that nothing uses"),
	BYTES("USED", "used_bytes", VM_N_USED, D, "MemUsed", "the rest, caches included"),
	{ .name = "USED%", .key = "used_share", .help = "used part, in per cent (JSON: 0 to 1)", .type = VM_T_F64,
	  .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = get_used_share, .source = "nodeN/meminfo: MemUsed, MemTotal" },
	BYTES("FILE", "file_bytes", VM_N_FILE, D, "FilePages", "page cache, shared memory included"),
	BYTES("ANON", "anon_bytes", VM_N_ANON, D, "AnonPages", "anonymous memory of processes"),
	BYTES("SHMEM", "shmem_bytes", VM_N_SHMEM, M, "Shmem", "shared memory and tmpfs"),
	BYTES("SLAB", "slab_bytes", VM_N_SLAB, M, "Slab", "the kernel's own objects"),
	BYTES("PTE", "page_tables_bytes", VM_N_PAGE_TABLES, M, "PageTables", "page tables"),
	BYTES("THP", "thp_bytes", VM_N_ANON_HUGE, M, "AnonHugePages", "anonymous huge pages"),
	BYTES("MAPPED", "mapped_bytes", VM_N_MAPPED, M, "Mapped", "pages of files that some process maps"),
	BYTES("ACTIVE", "active_bytes", VM_N_ACTIVE, M, "Active", "pages on active lists"),
	BYTES("INACTIVE", "inactive_bytes", VM_N_INACTIVE, M, "Inactive", "pages on inactive lists"),
	BYTES("DIRTY", "dirty_bytes", VM_N_DIRTY, M, "Dirty", "pages that are to be written to disk"),
	BYTES("UNEVICT", "unevictable_bytes", VM_N_UNEVICTABLE, M, "Unevictable", "pages that can't be reclaimed"),
	PAGES("HIT", "numa_hit_pages", VM_N_HIT, "nodeN/numastat: numa_hit",
	      "pages allocated there that were wanted there"),
	PAGES("MISS", "numa_miss_pages", VM_N_MISS, "nodeN/numastat: numa_miss",
	      "pages allocated there that were wanted on another node"),
	PAGES("FOREIGN", "numa_foreign_pages", VM_N_FOREIGN, "nodeN/numastat: numa_foreign",
	      "pages wanted there that another node had to give"),
	PAGES("INTERLV", "interleave_hit_pages", VM_N_INTERLEAVE, "nodeN/numastat: interleave_hit",
	      "pages allocated there as interleaving had it"),
	PAGES("LOCAL", "local_node_pages", VM_N_LOCAL, "nodeN/numastat: local_node",
	      "pages allocated there by CPUs of the node"),
	PAGES("OTHER", "other_node_pages", VM_N_OTHER, "nodeN/numastat: other_node",
	      "pages allocated there by CPUs of other nodes"),
	{ .name = "LOCAL%", .key = "local_share", .help = "LOCAL of LOCAL and OTHER, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = get_local_share,
	  .source = "nodeN/numastat: local_node, other_node" },
	PAGES("PROMOTED", "promoted_pages", VM_N_PROMOTED, "nodeN/vmstat: pgpromote_success",
	      "pages that came there from slower memory"),
	PAGES("DEMOTED", "demoted_pages", VM_N_DEMOTED, "nodeN/vmstat: pgdemote_*",
	      "pages that reclaim moved from there to slower memory"),
	NUMBER("TIER", "tier", VM_N_TIER, VM_U_COUNT, M, "memory_tierN/nodelist", "memory tier; smaller is faster"),
	NUMBER("WEIGHT", "interleave_weight", VM_N_WEIGHT, VM_U_COUNT, M, "weighted_interleave/nodeN",
	       "share of it in weighted interleaving"),
	NUMBER("READ-MB", "read_megabytes_per_second", VM_N_READ_MBPS, VM_U_COUNT, M, "nodeN/access0: read_bandwidth",
	       "bandwidth of reading from the nearest CPUs, as the firmware tells it"),
	NUMBER("WRITE-MB", "write_megabytes_per_second", VM_N_WRITE_MBPS, VM_U_COUNT, M, "nodeN/access0: write_bandwidth",
	       "the same of writing"),
	NUMBER("READ-NS", "read_latency_ns", VM_N_READ_NS, VM_U_COUNT, M, "nodeN/access0: read_latency",
	       "latency of reading from the nearest CPUs, as the firmware tells it"),
	NUMBER("WRITE-NS", "write_latency_ns", VM_N_WRITE_NS, VM_U_COUNT, M, "nodeN/access0: write_latency",
	       "the same of writing"),
	{ .name = "DISTANCES", .key = "distances", .help = "distance to each node, in the order of the rows; 10 is itself",
	  .type = VM_T_LIST, .flags = M, .get = get_distances, .source = "nodeN/distance" },
	{ .name = "CPUS", .key = "cpus", .help = "its CPUs", .type = VM_T_STR, .flags = D | VM_F_TRUNC, .get = get_cpus,
	  .source = "nodeN/cpulist" },
};

const struct vm_fieldset vm_node_fields = {
	.row = "node", .rows = "nodes", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};
