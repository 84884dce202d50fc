/** Columns of processes and mappings by memory node; those of the nodes themselves are made for each machine. */

#include "core/field/numa.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

static struct vm_value amount(uint64_t v)
{
	return v == VM_NODE_UNKNOWN ? VM_ABSENT : VM_U64(v);
}

/** What the buffer holds, as far as the scratch has room. */
static struct vm_value buf_text(struct vm_buf *b, struct vm_scratch *tmp)
{
	snprintf(tmp->text, sizeof(tmp->text), "%s", vm_buf_str(b));
	vm_buf_free(b);
	return VM_STR(tmp->text);
}

/* ---- Columns of nodes --------------------------------------------------------------------------------------------- */

GETTER(get_on)
{
	ROW(vm_node_cells);
	return row->on ? amount(row->on[f->arg]) : VM_ABSENT;
}

GETTER(get_expected)
{
	ROW(vm_node_cells);
	return row->expected ? VM_U64((uint64_t)(row->expected[f->arg] + 0.5)) : VM_ABSENT;
}

/** Appends "ID:SIZE"; false if there is no more room. */
static bool put_node(struct vm_scratch *tmp, size_t *n, unsigned id, uint64_t bytes)
{
	char size[VM_NUMBUF];
	if (*n + 24 > sizeof(tmp->text))
		return false;
	*n += (size_t)snprintf(tmp->text + *n, sizeof(tmp->text) - *n, "%s%u:%s", *n ? " " : "", id, vm_format_size(bytes, size));
	return true;
}

GETTER(get_nodes)
{
	ROW(vm_node_cells);
	size_t n = 0;
	if (!row->on)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (size_t i = 0; i < row->nodes->nodes.n; i++)
		if (row->on[i] && row->on[i] != VM_NODE_UNKNOWN && !put_node(tmp, &n, row->nodes->nodes.v[i].id, row->on[i]))
			break;
	return VM_LIST(tmp->text);
}

struct vm_value vm_numa_nodes_list(const struct vm_numa_sum *s, struct vm_scratch *tmp)
{
	size_t n = 0;
	if (!s || !s->have_pages)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (unsigned i = 0; i < s->nnodes; i++) {
		const uint64_t bytes = vm_numa_sum_node(s, i);
		if (bytes && !put_node(tmp, &n, s->ids[i], bytes))
			break;
	}
	return VM_LIST(tmp->text);
}

/** A column's texts, kept with it. */
struct texts {
	char name[12], key[40], help[64];
};

static void name_column(struct vm_field *f, struct texts *t, const struct vm_node *node, bool expected)
{
	snprintf(t->name, sizeof(t->name), "%c%u", expected ? 'E' : 'N', node->id);
	snprintf(t->key, sizeof(t->key), "node%u_%sbytes", node->id, expected ? "expected_" : "");
	snprintf(t->help, sizeof(t->help), expected ? "where the policy wants them: on node %u" : "on node %u", node->id);
	f->name = t->name;
	f->key = t->key;
	f->help = t->help;
}

/** Of rows that are processes, among many other columns. */
GETTER(get_process_node)
{
	(void)tmp;
	const struct vm_numa_sum *s = ((const struct vm_proc *)row_)->numa;
	return s && s->have_pages && f->arg < s->nnodes ? VM_U64(vm_numa_sum_node(s, f->arg)) : VM_ABSENT;
}

static struct vm_field node_field(const struct vm_fieldset *base, bool few)
{
	if (base == &vm_process_fields)
		return (struct vm_field){
			.flags = VM_F_DEAR | VM_F_DESC | VM_F_SUM, .needs = VM_NEED(NUMA), .get = get_process_node,
		};
	return (struct vm_field){ .flags = VM_F_MACHINE | VM_F_DESC | VM_F_SUM | (few ? VM_F_DEFAULT : 0u), .get = get_on };
}

const struct vm_fieldset *vm_numa_columns(const struct vm_fieldset *base, const struct vm_nodes *nodes, struct vm_arena *a)
{
	const size_t count = nodes->nodes.n < VM_NODE_COLUMNS ? nodes->nodes.n : VM_NODE_COLUMNS;
	const bool expected = base == &vm_numa_mapping_fields;
	/* A screen has room for eight; beyond, the list of those that have some. */
	const bool few = count <= 8;
	const size_t more = count * (expected ? 2 : 1);
	struct vm_fieldset *set = vm_arena_alloc(a, sizeof(*set));
	struct vm_field *v = vm_arena_alloc(a, (base->n + more) * sizeof(*v));
	struct texts *t = vm_arena_alloc(a, more * sizeof(*t));
	if (!set || !v || !t)
		return NULL;
	size_t n = 0, from = 0;
	for (size_t i = 0; i < base->n; i++) {
		v[n++] = base->v[i];
		if (strcmp(base->v[i].name, "NODES") != 0)
			continue;
		if (!few && base != &vm_process_fields)
			v[n - 1].flags |= VM_F_DEFAULT;
		for (; from < more; from++, n++) {
			const bool wanted = from >= count;
			v[n] = wanted ? (struct vm_field){ .flags = VM_F_MACHINE | VM_F_DESC, .get = get_expected } :
					node_field(base, few);
			v[n].type = VM_T_U64;
			v[n].unit = VM_U_BYTES;
			v[n].arg = (uint16_t)(wanted ? from - count : from);
			v[n].source = "numa_maps: N0, N1 ...";
			name_column(&v[n], &t[from], &nodes->nodes.v[v[n].arg], wanted);
		}
	}
	*set = *base;
	set->v = v;
	set->n = n;
	return set;
}

#define D (VM_F_DEFAULT | VM_F_MACHINE)
#define M VM_F_MACHINE
#define LABEL VM_F_LABEL
/** Of processes: what is read for a column. */
#define NEEDING(needs_, name_, key_, flags_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_STR, .flags = flags_, .needs = needs_, .get = get_, \
	  .source = source_ }
#define FIELD(name_, key_, type_, unit_, flags_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, .unit = unit_, .flags = flags_, .get = get_, .source = source_ }
#define TEXT(name_, key_, flags_, get_, source_, help_) FIELD(name_, key_, VM_T_STR, VM_U_NONE, flags_, get_, source_, help_)
#define BYTES(name_, key_, flags_, get_, source_, help_) \
	FIELD(name_, key_, VM_T_U64, VM_U_BYTES, (flags_) | VM_F_SUM | VM_F_DESC, get_, source_, help_)
#define SHARE(name_, key_, flags_, get_, source_, help_) \
	FIELD(name_, key_, VM_T_F64, VM_U_RATIO, (flags_) | VM_F_DESC, get_, source_, help_)
#define NODES(source_) \
	FIELD("NODES", "nodes", VM_T_LIST, VM_U_NONE, 0, get_nodes, source_, \
	      "the same as a list of nodes that have some; a column N0, N1 ... for each node of the machine follows")

/** Of cells that are all known. */
static struct vm_value sum_of(const struct vm_node_cells *c)
{
	uint64_t sum = 0;
	for (size_t i = 0; c->on && i < c->nodes->nodes.n; i++) {
		if (c->on[i] == VM_NODE_UNKNOWN)
			return VM_ABSENT;
		sum += c->on[i];
	}
	return c->on ? VM_U64(sum) : VM_ABSENT;
}

/* ---- Lines of meminfo --------------------------------------------------------------------------------------------- */

PLAIN(item_name, vm_node_item_row, VM_STR(row->name))
PLAIN(item_total, vm_node_item_row, sum_of(&row->cells))

static const struct vm_field item_fields[] = {
	TEXT("ITEM", "item", D | LABEL, item_name, "nodeN/meminfo", "the kernel's name of the figure"),
	NODES("nodeN/meminfo"),
	FIELD("TOTAL", "bytes", VM_T_U64, VM_U_BYTES, D | VM_F_DESC, item_total, "nodeN/meminfo", "on all nodes"),
};
FIELDS(vm_node_item_fields, "line of meminfo", "items", item_fields);

/* ---- Kinds of memory of a process --------------------------------------------------------------------------------- */

PLAIN(class_name, vm_numa_class_row, VM_STR(row->name ? row->name : "total"))
PLAIN(class_total, vm_numa_class_row, sum_of(&row->cells))
PLAIN(class_local, vm_numa_class_row, number(row->local))

static const struct vm_field class_fields[] = {
	TEXT("CLASS", "class", D | LABEL, class_name, "numa_maps: file, heap, stack, huge",
	     "what the memory is: huge (pools of hugetlb), heap, stack, anon, shmem, file"),
	NODES("numa_maps: N0, N1 ..."),
	BYTES("TOTAL", "bytes", D, class_total, "numa_maps: N0, N1 ...", "on all nodes"),
	SHARE("LOCAL%", "local_share", D, class_local, "numa_maps; task/TID/stat: processor",
	      "share on the nodes where its threads ran last, in per cent (JSON: 0 to 1)"),
};
FIELDS(vm_numa_class_fields, "kind of memory", "classes", class_fields);

/* ---- Processes ---------------------------------------------------------------------------------------------------- */

#define SUM row->proc->numa
#define HAS_PAGES (SUM && SUM->have_pages)
#define HAS_THREADS (SUM && SUM->have_threads)

PLAIN(process_pid, vm_numa_process_row, VM_U64((uint64_t)row->proc->pid))
PLAIN(process_start, vm_numa_process_row, row->proc->state ? VM_U64(row->proc->start) : VM_ABSENT)
PLAIN(process_comm, vm_numa_process_row, VM_STR(row->proc->comm))
PLAIN(process_total, vm_numa_process_row, HAS_PAGES ? VM_U64(vm_numa_sum_total(SUM)) : VM_ABSENT)
PLAIN(process_local, vm_numa_process_row, number(row->local))
PLAIN(process_misplaced, vm_numa_process_row, HAS_PAGES && SUM->judged ? VM_U64(SUM->misplaced) : VM_ABSENT)
PLAIN(process_judged, vm_numa_process_row, HAS_PAGES ? VM_U64(SUM->judged) : VM_ABSENT)
PLAIN(process_misplaced_share, vm_numa_process_row,
      HAS_PAGES && SUM->judged ? VM_F64((double)SUM->misplaced / (double)SUM->judged) : VM_ABSENT)
PLAIN(process_command, vm_numa_process_row,
      VM_STR(row->proc->cmdline && row->proc->cmdline[0] ? row->proc->cmdline : row->proc->comm))

static struct vm_value class_bytes(const struct vm_numa_process_row *row, enum vm_numa_class c)
{
	uint64_t sum = 0;
	if (!HAS_PAGES)
		return VM_ABSENT;
	for (unsigned i = 0; i < SUM->nnodes; i++)
		sum += SUM->bytes[c * SUM->nnodes + i];
	return VM_U64(sum);
}
PLAIN(process_huge, vm_numa_process_row, class_bytes(row, VM_NUMA_HUGE))
PLAIN(process_heap, vm_numa_process_row, class_bytes(row, VM_NUMA_HEAP))
PLAIN(process_stack, vm_numa_process_row, class_bytes(row, VM_NUMA_STACK))
PLAIN(process_anon, vm_numa_process_row, class_bytes(row, VM_NUMA_ANON))
PLAIN(process_shmem, vm_numa_process_row, class_bytes(row, VM_NUMA_SHMEM))
PLAIN(process_file, vm_numa_process_row, class_bytes(row, VM_NUMA_FILE))

GETTER(process_threads)
{
	ROW(vm_numa_process_row);
	uint64_t n = 0;
	for (unsigned i = 0; HAS_THREADS && i < SUM->nnodes; i++)
		n += SUM->threads[i];
	return HAS_THREADS ? VM_U64(n) : VM_ABSENT;
}

/** "0:3 1:1": threads by the node that they ran on last. */
GETTER(process_ran)
{
	ROW(vm_numa_process_row);
	size_t n = 0;
	if (!HAS_THREADS)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (unsigned i = 0; i < SUM->nnodes && n + 28 < sizeof(tmp->text); i++)
		if (SUM->threads[i])
			n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%u:%llu", n ? " " : "", SUM->ids[i],
					      (unsigned long long)SUM->threads[i]);
	return VM_LIST(tmp->text);
}

GETTER(process_may_run)
{
	ROW(vm_numa_process_row);
	struct vm_buf b = { 0 };
	if (!HAS_THREADS || vm_nodemask_empty(&SUM->may_run))
		return VM_ABSENT;
	vm_nodemask_put(&b, &SUM->may_run);
	return buf_text(&b, tmp);
}

#define NUMA_MAPS "numa_maps: N0, N1 ..."
#define STAT "task/TID/stat: processor"

static const struct vm_field process_fields[] = {
	FIELD("PID", "pid", VM_T_U64, VM_U_COUNT, D | LABEL, process_pid, "proc", "process ID"),
	FIELD("START", "start_ticks", VM_T_U64, VM_U_COUNT, M, process_start, "stat: starttime",
	      "when it started, in clock ticks since boot"),
	BYTES("TOTAL", "bytes", D, process_total, NUMA_MAPS, "its pages on all nodes; shared ones counted in full"),
	NODES(NUMA_MAPS),
	SHARE("LOCAL%", "local_share", D, process_local, "numa_maps; " STAT,
	      "share on the nodes where its threads ran last, in per cent (JSON: 0 to 1)"),
	SHARE("MISPL%", "misplaced_share", D, process_misplaced_share, "numa_maps",
	      "of the pages that a policy speaks of, those on other nodes than it says, in per cent (JSON: 0 to 1)"),
	BYTES("MISPL", "misplaced_bytes", M, process_misplaced, "numa_maps", "the same in bytes"),
	BYTES("JUDGED", "judged_bytes", M, process_judged, "numa_maps", "pages that a policy speaks of"),
	BYTES("HUGE", "hugetlb_bytes", M, process_huge, "numa_maps: huge", "pages of hugetlb pools"),
	BYTES("HEAP", "heap_bytes", M, process_heap, "numa_maps: heap", "pages of the heap that brk(2) makes"),
	BYTES("STACK", "stack_bytes", M, process_stack, "numa_maps: stack", "pages of the first thread's stack"),
	BYTES("ANON", "anon_bytes", M, process_anon, "numa_maps", "pages of other mappings without a file"),
	BYTES("SHMEM", "shmem_bytes", M, process_shmem, "numa_maps: file", "pages of shared memory"),
	BYTES("FILE", "file_bytes", M, process_file, "numa_maps: file", "pages of mappings of files"),
	FIELD("THREADS", "threads", VM_T_U64, VM_U_COUNT, M | VM_F_DESC, process_threads, "proc/PID/task",
	      "threads whose last CPU is known"),
	FIELD("RAN", "ran_on", VM_T_LIST, VM_U_NONE, D, process_ran, STAT, "threads by the node that they ran on last"),
	TEXT("MAYRUN", "may_run_on", M, process_may_run, "sched_getaffinity(2); status: Cpus_allowed_list",
	     "nodes with CPUs that its threads may run on"),
	NEEDING(VM_NEED(CMDLINE), "COMMAND", "command", VM_F_TRUNC, process_command, "cmdline, else stat: comm",
		"command line, else the program's name"),
	TEXT("COMM", "comm", D | LABEL | VM_F_TRUNC, process_comm, "stat: comm", "name of the program"),
};
FIELDS(vm_numa_process_fields, "process by node", "processes", process_fields);

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

/** Before policies are read there is none. */
#define NUMA(member) (row->numa ? VM_U64(row->numa->member) : VM_ABSENT)

PLAIN(mapping_pid, vm_numa_mapping_row, VM_U64((uint64_t)row->map->pid))
PLAIN(mapping_start, vm_numa_mapping_row, VM_U64(row->map->start))
PLAIN(mapping_end, vm_numa_mapping_row, VM_U64(row->map->end))
PLAIN(mapping_size, vm_numa_mapping_row, VM_U64(row->map->end - row->map->start))
PLAIN(mapping_bytes, vm_numa_mapping_row, amount(row->bytes))
PLAIN(mapping_misplaced, vm_numa_mapping_row, amount(row->misplaced))
PLAIN(mapping_misplaced_share, vm_numa_mapping_row,
      row->misplaced != VM_NODE_UNKNOWN && row->bytes ? VM_F64((double)row->misplaced / (double)row->bytes) : VM_ABSENT)
PLAIN(mapping_local, vm_numa_mapping_row, number(row->local))
PLAIN(mapping_page, vm_numa_mapping_row, row->numa && row->numa->page_bytes ? VM_U64(row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_anon, vm_numa_mapping_row, row->numa ? VM_U64(row->numa->anon * row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_dirty, vm_numa_mapping_row, row->numa ? VM_U64(row->numa->dirty * row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_active, vm_numa_mapping_row,
      row->numa ? VM_U64((row->numa->has_active ? row->numa->active : row->numa->pages) * row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_swapcache, vm_numa_mapping_row, row->numa ? VM_U64(row->numa->swapcache * row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_writeback, vm_numa_mapping_row, row->numa ? VM_U64(row->numa->writeback * row->numa->page_bytes) : VM_ABSENT)
PLAIN(mapping_mapmax, vm_numa_mapping_row,
      row->numa && row->numa->pages ? VM_U64(row->numa->mapmax ? row->numa->mapmax : 1) : VM_ABSENT)
PLAIN(mapping_class, vm_numa_mapping_row, row->numa ? VM_STR(vm_numa_class_words[row->numa->class]) : VM_ABSENT)
PLAIN(mapping_perm, vm_numa_mapping_row, VM_STR(vm_mapping_perm(row->map)))
PLAIN(mapping_name, vm_numa_mapping_row, VM_STR(row->map->name[0] ? row->map->name : "[anon]"))
PLAIN(mapping_samples, vm_numa_mapping_row, row->samples ? VM_U64(row->samples) : VM_ABSENT)

GETTER(mapping_policy)
{
	ROW(vm_numa_mapping_row);
	struct vm_buf b = { 0 };
	if (!row->policy)
		return VM_ABSENT;
	vm_policy_put(&b, row->policy);
	return buf_text(&b, tmp);
}

GETTER(mapping_mode)
{
	ROW(vm_numa_mapping_row);
	return row->policy ? VM_STR(vm_mpol_words[row->policy->mode]) : VM_ABSENT;
}

GETTER(mapping_policy_nodes)
{
	ROW(vm_numa_mapping_row);
	struct vm_buf b = { 0 };
	if (!row->policy || vm_nodemask_empty(&row->policy->nodes))
		return VM_ABSENT;
	vm_nodemask_put(&b, &row->policy->nodes);
	return buf_text(&b, tmp);
}

GETTER(mapping_meaning)
{
	ROW(vm_numa_mapping_row);
	struct vm_buf b = { 0 };
	if (!row->policy)
		return VM_ABSENT;
	vm_policy_explain(&b, row->policy, row->cells.nodes);
	return buf_text(&b, tmp);
}

static const struct vm_field mapping_fields[] = {
	FIELD("PID", "pid", VM_T_U64, VM_U_COUNT, LABEL, mapping_pid, "proc", "process ID"),
	FIELD("START", "start", VM_T_U64, VM_U_ADDR, D | LABEL, mapping_start, "maps", "first address"),
	FIELD("END", "end", VM_T_U64, VM_U_ADDR, M, mapping_end, "maps", "address behind the last one"),
	BYTES("SIZE", "size_bytes", D, mapping_size, "maps", "size of the address range"),
	BYTES("TOTAL", "bytes", D, mapping_bytes, NUMA_MAPS, "its pages on all nodes"),
	NODES(NUMA_MAPS),
	SHARE("LOCAL%", "local_share", M, mapping_local, "numa_maps; " STAT,
	      "share on the nodes where the threads ran last, in per cent (JSON: 0 to 1)"),
	SHARE("MISPL%", "misplaced_share", D, mapping_misplaced_share, "numa_maps",
	      "share on other nodes than the policy says, in per cent (JSON: 0 to 1)"),
	BYTES("MISPL", "misplaced_bytes", M, mapping_misplaced, "numa_maps", "the same in bytes"),
	FIELD("SAMPLES", "samples", VM_T_U64, VM_U_COUNT, M | VM_F_DESC, mapping_samples, "move_pages(2)",
	      "pages looked at, with --sample"),
	FIELD("PAGE", "page_bytes", VM_T_U64, VM_U_BYTES, M, mapping_page, "numa_maps: kernelpagesize_kB",
	      "size of a page of the mapping"),
	BYTES("ANONYM", "anon_bytes", M, mapping_anon, "numa_maps: anon", "anonymous pages"),
	BYTES("DIRTY", "dirty_bytes", M, mapping_dirty, "numa_maps: dirty", "written pages"),
	BYTES("ACTIVE", "active_bytes", M, mapping_active, "numa_maps: active", "pages on active lists"),
	BYTES("SWAPCACHE", "swapcache_bytes", M, mapping_swapcache, "numa_maps: swapcache", "pages in swap cache"),
	BYTES("WRITEBACK", "writeback_bytes", M, mapping_writeback, "numa_maps: writeback", "pages that are being written out"),
	FIELD("MAPMAX", "mapped_max_count", VM_T_U64, VM_U_COUNT, M | VM_F_DESC, mapping_mapmax, "numa_maps: mapmax",
	      "how often the page is mapped that is mapped most"),
	TEXT("CLASS", "class", M, mapping_class, "numa_maps: file, heap, stack, huge",
	     "what it is: huge, heap, stack, anon, shmem, file"),
	TEXT("PERM", "perm", M, mapping_perm, "maps", "permissions, as in maps"),
	TEXT("MODE", "policy_mode", M, mapping_mode, "numa_maps", "mode of the policy"),
	TEXT("PNODES", "policy_nodes", M, mapping_policy_nodes, "numa_maps", "nodes of the policy"),
	TEXT("POLICY", "policy", D, mapping_policy, "numa_maps", "the policy that holds for it: mode, nodes, flags"),
	TEXT("MEANING", "policy_meaning", M, mapping_meaning, "numa_maps", "what that means for where pages go"),
	TEXT("MAPPING", "name", D | VM_F_PATH, mapping_name, "maps", "what is mapped"),
};
FIELDS(vm_numa_mapping_fields, "mapping by node", "mappings", mapping_fields);

/* ---- Single pages ------------------------------------------------------------------------------------------------- */

const char *vm_numa_status_word(int status)
{
	if (status >= 0)
		return NULL;
	return status == -ENOENT ? "not in memory" : status == -EFAULT ? "zero page, or nothing mapped" :
	       status == -EACCES ? "mapped by several processes" : strerror(-status);
}

PLAIN(run_start, vm_numa_run_row, VM_U64(row->start))
PLAIN(run_end, vm_numa_run_row, VM_U64(row->end))
PLAIN(run_size, vm_numa_run_row, VM_U64(row->end - row->start))
PLAIN(run_node, vm_numa_run_row, row->status >= 0 ? VM_U64((uint64_t)row->status) : VM_ABSENT)
PLAIN(run_state, vm_numa_run_row, VM_STR(row->status >= 0 ? "in memory" : vm_numa_status_word(row->status)))

static const struct vm_field run_fields[] = {
	FIELD("START", "start", VM_T_U64, VM_U_ADDR, D | LABEL, run_start, "vmnuma", "first address"),
	FIELD("END", "end", VM_T_U64, VM_U_ADDR, D, run_end, "vmnuma", "address behind the last one"),
	BYTES("SIZE", "size_bytes", D, run_size, "vmnuma", "size of the run"),
	FIELD("NODE", "node", VM_T_U64, VM_U_COUNT, D, run_node, "move_pages(2)", "node that its pages are on"),
	TEXT("STATE", "state", D, run_state, "move_pages(2)", "in memory, or why there is no node"),
};
FIELDS(vm_numa_run_fields, "run of pages", "runs", run_fields);
