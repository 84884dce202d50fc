/** Columns of page faults: by kind, by mapping, by site, by stack, by thread. */

#include "core/field/fault.h"

#include <stdio.h>
#include <string.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };
enum { TOTAL = VM_FAULT_KIND_NR };

static struct vm_value time_or_absent(bool known, uint64_t ns)
{
	return known && ns != UINT64_MAX ? VM_U64(ns) : VM_ABSENT;
}

/* ---- By kind ------------------------------------------------------------------------------------------------------ */

#define KIND vm_fault_kind_row

PLAIN(kind_name, KIND, row->kind == TOTAL ? VM_ABSENT : VM_STR(vm_fault_kinds[row->kind].name))
PLAIN(kind_key, KIND, row->kind == TOTAL ? VM_ABSENT : VM_STR(vm_fault_kinds[row->kind].key))
PLAIN(kind_count, KIND, VM_U64(row->c.count))
PLAIN(kind_share, KIND, VM_F64(row->share))
PLAIN(kind_mean, KIND, time_or_absent(row->c.timed, row->c.timed ? row->c.ns / row->c.timed : 0))
PLAIN(kind_p50, KIND, time_or_absent(row->c.timed, row->p50_ns))
PLAIN(kind_p90, KIND, time_or_absent(row->c.timed, row->p90_ns))
PLAIN(kind_p99, KIND, time_or_absent(row->c.timed, row->p99_ns))
PLAIN(kind_max, KIND, time_or_absent(row->c.timed, row->c.max_ns))
PLAIN(kind_time, KIND, time_or_absent(row->c.timed, row->c.ns))
PLAIN(kind_time_share, KIND, VM_F64(row->time_share))
PLAIN(kind_bytes, KIND, row->bytes_known ? VM_U64(row->c.bytes) : VM_ABSENT)
PLAIN(kind_kernel, KIND, row->mode_known ? VM_U64(row->c.kernel) : VM_ABSENT)
PLAIN(kind_major, KIND, VM_U64(row->c.major))
PLAIN(kind_sentence, KIND, row->kind == TOTAL ? VM_ABSENT : VM_STR(vm_fault_kinds[row->kind].sentence))

#define FAULT_EVENTS "exceptions:page_fault_*, PERF_COUNT_SW_PAGE_FAULTS_MIN, _MAJ"

static const struct vm_field kind_fields[] = {
	{ .name = "KIND", .key = "name", .help = "what kind of fault", .type = VM_T_STR, .flags = VM_F_DEFAULT,
	  .get = kind_name, .source = "error code, mapping, page-table entry before and after" },
	{ .name = "KEY", .key = "kind", .help = "the kind as a word for programs", .type = VM_T_STR, .flags = M | VM_F_LABEL,
	  .get = kind_key, .source = "as KIND" },
	{ .name = "COUNT", .key = "count", .help = "page faults of this kind", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = kind_count, .source = FAULT_EVENTS },
	{ .name = "%", .key = "share", .help = "share of all faults, in per cent (JSON: 0 to 1)", .type = VM_T_F64,
	  .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = kind_share, .source = FAULT_EVENTS },
	{ .name = "MEAN", .key = "mean_ns", .help = "mean time from the exception to the page", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = D | VM_F_DESC, .get = kind_mean, .source = FAULT_EVENTS },
	{ .name = "P50", .key = "p50_ns", .help = "half of them took no longer (right to 1/16)", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = D | VM_F_DESC, .get = kind_p50, .source = FAULT_EVENTS },
	{ .name = "P90", .key = "p90_ns", .help = "nine of ten took no longer", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = M | VM_F_DESC, .get = kind_p90, .source = FAULT_EVENTS },
	{ .name = "P99", .key = "p99_ns", .help = "99 of a hundred took no longer", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = D | VM_F_DESC, .get = kind_p99, .source = FAULT_EVENTS },
	{ .name = "MAX", .key = "max_ns", .help = "the longest", .type = VM_T_U64, .unit = VM_U_NS, .flags = D | VM_F_DESC,
	  .get = kind_max, .source = FAULT_EVENTS },
	{ .name = "BYTES", .key = "bytes", .help = "memory of the pages that were asked for; what came along isn't in it",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_SUM | VM_F_DESC, .get = kind_bytes,
	  .source = "level of the page-table entry" },
	{ .name = "TIME", .key = "time_ns", .help = "time that they took together", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = kind_time, .source = FAULT_EVENTS },
	{ .name = "TIME%", .key = "time_share", .help = "share of the time of all faults, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = kind_time_share, .source = FAULT_EVENTS },
	{ .name = "KERNEL", .key = "kernel_count", .help = "of these, met by the kernel itself (copy_to_user and the like)",
	  .type = VM_T_U64, .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = kind_kernel,
	  .source = "exceptions:page_fault_kernel" },
	{ .name = "MAJOR", .key = "major_count", .help = "of these, with a read from disk", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = kind_major, .source = "PERF_COUNT_SW_PAGE_FAULTS_MAJ" },
	{ .name = "MEANING", .key = "meaning", .help = "what happens in such a fault", .type = VM_T_STR, .flags = VM_F_TRUNC,
	  .get = kind_sentence, .source = "mm/memory.c" },
};
FIELDS(vm_fault_kind_fields, "kind of fault", "kinds", kind_fields);

/* ---- By place ----------------------------------------------------------------------------------------------------- */

#define PLACE vm_fault_place_row

static struct vm_value perm_text(const struct PLACE *row, struct vm_scratch *tmp)
{
	if (!row->m)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "%c%c%c%c", row->m->prot & 1 ? 'r' : '-', row->m->prot & 2 ? 'w' : '-',
		 row->m->prot & 4 ? 'x' : '-', row->m->shared ? 's' : 'p');
	return VM_STR(tmp->text);
}

PLAIN(place_pid, PLACE, row->pid ? VM_U64((uint64_t)row->pid) : VM_ABSENT)
PLAIN(place_tid, PLACE, row->tid ? VM_U64((uint64_t)row->tid) : VM_ABSENT)
PLAIN(place_comm, PLACE, row->comm ? VM_STR(row->comm) : VM_ABSENT)
PLAIN(place_start, PLACE, row->m && !row->merged ? VM_U64(row->start) : VM_ABSENT)
PLAIN(place_end, PLACE, row->m && !row->merged ? VM_U64(row->end) : VM_ABSENT)
PLAIN(place_perm, PLACE, perm_text(row, tmp))
PLAIN(place_count, PLACE, VM_U64(row->count))
PLAIN(place_share, PLACE, VM_F64(row->share))
PLAIN(place_kernel, PLACE, row->mode_known ? VM_U64(row->kernel) : VM_ABSENT)
PLAIN(place_time, PLACE, time_or_absent(row->timed, row->ns))
PLAIN(place_time_share, PLACE, VM_F64(row->time_share))
PLAIN(place_mean, PLACE, time_or_absent(row->timed && row->count, row->count ? row->ns / row->count : 0))
PLAIN(place_max, PLACE, time_or_absent(row->timed, row->max_ns))
PLAIN(place_kind, PLACE, row->is_thread ? VM_ABSENT : VM_STR(vm_fault_kinds[vm_fault_place_kind(row)].name))
PLAIN(place_name, PLACE, row->place ? VM_STR(row->place) : VM_ABSENT)
PLAIN(place_ip, PLACE, row->ip ? VM_U64(row->ip) : VM_ABSENT)
PLAIN(place_minor, PLACE, VM_U64(row->minor))
PLAIN(place_major, PLACE, VM_U64(row->major))
PLAIN(place_invalid, PLACE, row->invalid_known ? VM_U64(row->invalid) : VM_ABSENT)
PLAIN(place_cpu, PLACE, time_or_absent(true, row->cpu_ns))
PLAIN(place_own_minor, PLACE, row->own_known ? VM_U64(row->own_minor) : VM_ABSENT)
PLAIN(place_own_major, PLACE, row->own_known ? VM_U64(row->own_major) : VM_ABSENT)

GETTER(mapping_name)
{
	ROW(PLACE);
	return !row->m ? VM_STR("(no mapping)") : !row->m->name ? VM_ABSENT : VM_STR(*row->m->name ? row->m->name : "[anon]");
}

GETTER(place_source)
{
	ROW(PLACE);
	if (!row->source)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), row->line ? "%.200s:%u" : "%.200s", row->source, row->line);
	return VM_STR(tmp->text);
}

#define F_PID { .name = "PID", .key = "pid", .help = "process; - where several are added up", .type = VM_T_U64, \
	.flags = D | VM_F_LABEL, .get = place_pid, .source = "task_struct.tgid" }
#define F_COMM(flags_) { .name = "COMMAND", .key = "comm", .help = "name of the process or thread", .type = VM_T_STR, \
	.flags = flags_, .get = place_comm, .source = "task_struct.comm" }
#define F_COUNT { .name = "FAULTS", .key = "faults", .help = "page faults", .type = VM_T_U64, .unit = VM_U_COUNT, \
	.flags = D | VM_F_SUM | VM_F_DESC, .get = place_count, .source = FAULT_EVENTS }
#define F_SHARE { .name = "%", .key = "share", .help = "share of all faults, in per cent (JSON: 0 to 1)", .type = VM_T_F64, \
	.unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = place_share, .source = FAULT_EVENTS }
#define F_TIME { .name = "TIME", .key = "time_ns", .help = "time that they took together", .type = VM_T_U64, .unit = VM_U_NS, \
	.flags = D | VM_F_SUM | VM_F_DESC, .get = place_time, .source = FAULT_EVENTS }
#define F_TIME_SHARE { .name = "TIME%", .key = "time_share", .help = "share of the time of all faults, in per cent (JSON: 0 to 1)", \
	.type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = place_time_share, .source = FAULT_EVENTS }
#define F_MEAN { .name = "MEAN", .key = "mean_ns", .help = "mean time of one", .type = VM_T_U64, .unit = VM_U_NS, \
	.flags = D | VM_F_DESC, .get = place_mean, .source = FAULT_EVENTS }
#define F_MAX(flags_) { .name = "MAX", .key = "max_ns", .help = "the longest", .type = VM_T_U64, .unit = VM_U_NS, \
	.flags = flags_ | VM_F_DESC, .get = place_max, .source = FAULT_EVENTS }
#define F_KERNEL { .name = "KERNEL", .key = "kernel_faults", .help = "of these, met by the kernel itself", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_kernel, .source = "exceptions:page_fault_kernel" }
#define F_KIND { .name = "MOSTLY", .key = "mostly", .help = "the kind that most of them are", .type = VM_T_STR, .flags = VM_F_DEFAULT, \
	.get = place_kind, .source = "as KIND" }

static const struct vm_field mapping_fields[] = {
	F_PID, F_COMM(M),
	{ .name = "START", .key = "start", .help = "where the mapping begins", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = D | VM_F_LABEL, .get = place_start, .source = "vm_area_struct" },
	{ .name = "END", .key = "end", .help = "where it ends, as far as it ever reached", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M, .get = place_end, .source = "vm_area_struct" },
	F_COUNT, F_SHARE, F_TIME, F_TIME_SHARE, F_MEAN, F_MAX(M), F_KERNEL, F_KIND,
	{ .name = "PERM", .key = "perm", .help = "permissions, p private, s shared", .type = VM_T_STR, .flags = D,
	  .get = place_perm, .source = "vm_area_struct" },
	{ .name = "MAPPING", .key = "name", .help = "file or name of the mapping", .type = VM_T_STR, .flags = D | VM_F_PATH,
	  .get = mapping_name, .source = "vm_area_struct, maps" },
};
FIELDS(vm_fault_mapping_fields, "mapping with faults", "mappings", mapping_fields);

static const struct vm_field site_fields[] = {
	F_COUNT, F_SHARE, F_TIME, F_TIME_SHARE, F_MEAN, F_MAX(M), F_KERNEL, F_KIND,
	{ .name = "IP", .key = "ip", .help = "address of the instruction, in the first process that met it", .type = VM_T_U64,
	  .unit = VM_U_ADDR, .flags = M, .get = place_ip, .source = "pt_regs" },
	{ .name = "PID", .key = "pid", .help = "process; - where several are added up", .type = VM_T_U64,
	  .flags = M, .get = place_pid, .source = "task_struct.tgid" },
	F_COMM(M),
	{ .name = "SITE", .key = "site", .help = "function and offset of the instruction, and its file", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC | VM_F_LABEL, .get = place_name, .source = "ELF symbols, DWARF, perf-PID.map" },
	{ .name = "SOURCE", .key = "source", .help = "source file and line", .type = VM_T_STR, .flags = M | VM_F_PATH,
	  .get = place_source, .source = "DWARF" },
};
FIELDS(vm_fault_site_fields, "site", "sites", site_fields);

static const struct vm_field stack_fields[] = {
	F_COUNT, F_SHARE, F_TIME, F_TIME_SHARE, F_MEAN, F_MAX(M), F_KERNEL, F_KIND,
	{ .name = "STACK", .key = "stack", .help = "functions, the outermost first", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC | VM_F_LABEL, .get = place_name, .source = "frame pointers" },
};
FIELDS(vm_fault_stack_fields, "stack", "stacks", stack_fields);

static const struct vm_field thread_fields[] = {
	F_PID,
	{ .name = "TID", .key = "tid", .help = "thread", .type = VM_T_U64, .flags = D | VM_F_LABEL, .get = place_tid,
	  .source = "task_struct.pid" },
	F_COUNT, F_SHARE,
	{ .name = "MINOR", .key = "minor_faults", .help = "resolved without a read from disk", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = place_minor, .source = "PERF_COUNT_SW_PAGE_FAULTS_MIN" },
	{ .name = "MAJOR", .key = "major_faults", .help = "with a read from disk", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = place_major, .source = "PERF_COUNT_SW_PAGE_FAULTS_MAJ" },
	{ .name = "INVALID", .key = "invalid_faults", .help = "ended in a signal", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = place_invalid, .source = "signal:signal_generate" },
	F_TIME, F_MEAN,
	{ .name = "CPU", .key = "cpu_ns", .help = "CPU time of the thread meanwhile", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = place_cpu, .source = "task_struct.se.sum_exec_runtime" },
	{ .name = "OWNMIN", .key = "own_minor_faults", .help = "the kernel's own counter of minor faults meanwhile", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_own_minor, .source = "task_struct.min_flt" },
	{ .name = "OWNMAJ", .key = "own_major_faults", .help = "the kernel's own counter of major faults meanwhile", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_own_major, .source = "task_struct.maj_flt" },
	F_COMM(D | VM_F_TRUNC),
};
FIELDS(vm_fault_thread_fields, "thread", "threads", thread_fields);
