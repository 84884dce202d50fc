/** Columns of sampled page walks: by site, by mapping, by stack; and of the events that were sampled. */

#include "core/field/tlb_sample.h"

#include <math.h>
#include <stdio.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

/* ---- Places ------------------------------------------------------------------------------------------------------- */

#define PLACE vm_walk_row

/** Whole events: a sample stands for many. */
static struct vm_value whole(double n)
{
	return n >= 0 && n < 0x1p64 ? VM_U64((uint64_t)(n + 0.5)) : VM_ABSENT;
}

static struct vm_value perm_text(const struct PLACE *row, struct vm_scratch *tmp)
{
	if (!row->m)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "%c%c%c%c", row->m->prot & 1 ? 'r' : '-', row->m->prot & 2 ? 'w' : '-',
		 row->m->prot & 4 ? 'x' : '-', row->m->shared ? 's' : 'p');
	return VM_STR(tmp->text);
}

PLAIN(place_samples, PLACE, VM_U64(row->samples))
PLAIN(place_share, PLACE, VM_F64(row->share))
PLAIN(place_events, PLACE, whole(row->events))
PLAIN(place_kernel, PLACE, VM_U64(row->kernel))
PLAIN(place_loads, PLACE, VM_U64(row->side[VM_TC_LOAD]))
PLAIN(place_stores, PLACE, VM_U64(row->side[VM_TC_STORE]))
PLAIN(place_fetches, PLACE, VM_U64(row->side[VM_TC_FETCH]))
PLAIN(place_huge, PLACE, row->sized ? VM_F64((double)row->huge / (double)row->sized) : VM_ABSENT)
PLAIN(place_pid, PLACE, row->pid ? VM_U64((uint64_t)row->pid) : VM_ABSENT)
PLAIN(place_comm, PLACE, row->comm ? VM_STR(row->comm) : VM_ABSENT)
PLAIN(place_start, PLACE, row->m && !row->merged ? VM_U64(row->start) : VM_ABSENT)
PLAIN(place_end, PLACE, row->m && !row->merged ? VM_U64(row->end) : VM_ABSENT)
PLAIN(place_perm, PLACE, perm_text(row, tmp))
PLAIN(place_name, PLACE, row->place ? VM_STR(row->place) : VM_ABSENT)
PLAIN(place_ip, PLACE, row->ip ? VM_U64(row->ip) : VM_ABSENT)

GETTER(mapping_name)
{
	ROW(PLACE);
	/* There was one, or nothing would have been translated. */
	if (!row->m)
		return row->place ? VM_STR(row->place) : VM_ABSENT;
	return !row->m->name ? VM_ABSENT : VM_STR(*row->m->name ? row->m->name : "[anon]");
}

GETTER(place_source)
{
	ROW(PLACE);
	if (!row->source)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), row->line ? "%.200s:%u" : "%.200s", row->source, row->line);
	return VM_STR(tmp->text);
}

#define SAMPLED "perf_event_open: PERF_RECORD_SAMPLE"

#define F_SAMPLES { .name = "SAMPLES", .key = "samples", .help = "samples that were taken there", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_samples, .source = SAMPLED }
#define F_SHARE { .name = "%", .key = "share", .help = "share of all that are sampled, in per cent (JSON: 0 to 1)", \
	.type = VM_T_F64, .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = place_share, .source = SAMPLED }
#define F_EVENTS { .name = "EVENTS", .key = "events", .help = "page walks, or other events, that the samples stand for: an estimate", \
	.type = VM_T_U64, .unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_events, \
	.source = "count of the event, by PERF_SAMPLE_PERIOD" }
#define F_LOADS { .name = "LOADS", .key = "load_samples", .help = "of the samples, those of loads", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_loads, .source = SAMPLED }
#define F_STORES { .name = "STORES", .key = "store_samples", .help = "of the samples, those of stores", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_stores, .source = SAMPLED }
#define F_FETCHES { .name = "FETCHES", .key = "fetch_samples", .help = "of the samples, those of fetches of code", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_fetches, .source = SAMPLED }
#define F_KERNEL { .name = "KERNEL", .key = "kernel_samples", .help = "of the samples, those from kernel mode", .type = VM_T_U64, \
	.unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_kernel, .source = SAMPLED }
#define F_HUGE(flags_) { .name = "HUGE%", .key = "huge_share", .help = "share of samples in pages larger than base pages, where their " \
	"size is known (JSON: 0 to 1)", .type = VM_T_F64, .unit = VM_U_RATIO, .flags = (flags_) | VM_F_DESC, .get = place_huge, \
	.source = "PERF_SAMPLE_DATA_PAGE_SIZE" }
#define F_PID(flags_) { .name = "PID", .key = "pid", .help = "process; - where several are added up", .type = VM_T_U64, \
	.flags = flags_, .get = place_pid, .source = "task_struct.tgid" }
#define F_COMM { .name = "COMMAND", .key = "comm", .help = "name of the process", .type = VM_T_STR, .flags = M, .get = place_comm, \
	.source = "task_struct.comm" }

static const struct vm_field site_fields[] = {
	F_SAMPLES, F_SHARE, F_EVENTS, F_LOADS, F_STORES, F_FETCHES, F_KERNEL, F_HUGE(M),
	{ .name = "IP", .key = "ip", .help = "address of the instruction, in the first process that met it", .type = VM_T_U64,
	  .unit = VM_U_ADDR, .flags = M, .get = place_ip, .source = "PERF_SAMPLE_IP" },
	F_PID(M), F_COMM,
	{ .name = "SITE", .key = "site", .help = "function and offset of the instruction, and its file", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC | VM_F_LABEL, .get = place_name, .source = "ELF symbols, DWARF, perf-PID.map, kallsyms" },
	{ .name = "SOURCE", .key = "source", .help = "source file and line", .type = VM_T_STR, .flags = M | VM_F_PATH,
	  .get = place_source, .source = "DWARF" },
};
FIELDS(vm_walk_site_fields, "site of page walks", "sites", site_fields);

static const struct vm_field mapping_fields[] = {
	F_PID(D | VM_F_LABEL), F_COMM,
	{ .name = "START", .key = "start", .help = "where the mapping begins", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M | VM_F_LABEL, .get = place_start, .source = "vm_area_struct" },
	{ .name = "END", .key = "end", .help = "where it ends, as far as it ever reached", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M, .get = place_end, .source = "vm_area_struct" },
	F_SAMPLES, F_SHARE, F_EVENTS, F_LOADS, F_STORES, F_FETCHES, F_KERNEL, F_HUGE(D),
	{ .name = "PERM", .key = "perm", .help = "permissions, p private, s shared", .type = VM_T_STR, .flags = D,
	  .get = place_perm, .source = "vm_area_struct" },
	{ .name = "MAPPING", .key = "name", .help = "file or name of the mapping that holds the data; [kernel]: its own", .type = VM_T_STR,
	  .flags = D | VM_F_PATH, .get = mapping_name, .source = "vm_area_struct, maps" },
};
FIELDS(vm_walk_mapping_fields, "mapping of page walks", "mappings", mapping_fields);

static const struct vm_field stack_fields[] = {
	F_SAMPLES, F_SHARE, F_EVENTS, F_LOADS, F_STORES, F_FETCHES, F_KERNEL, F_HUGE(M),
	{ .name = "STACK", .key = "stack", .help = "functions, the outermost first", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC | VM_F_LABEL, .get = place_name, .source = "frame pointers" },
};
FIELDS(vm_walk_stack_fields, "stack of page walks", "stacks", stack_fields);

/* ---- Events ------------------------------------------------------------------------------------------------------- */

#define EVENT vm_walk_event

static const char *const sides[] = {
	[VM_TC_LOAD] = "load", [VM_TC_STORE] = "store", [VM_TC_DATA] = "data", [VM_TC_FETCH] = "fetch", [VM_TC_SIDES] = NULL,
};
static const char *const skids[] = {
	[VM_WALK_SKID_NONE] = "none", [VM_WALK_SKID_CONSTANT] = "constant", [VM_WALK_SKID_ANY] = "any",
};

static struct vm_value counted(const struct EVENT *e)
{
	const double n = vm_tc_scaled(&e->count);
	/* Never on a CPU meanwhile: then there was nothing to count. */
	if (e->count.opened && !e->count.enabled_ns)
		return VM_U64(0);
	return isnan(n) ? VM_ABSENT : whole(n);
}

PLAIN(event_name, EVENT, VM_STR(row->name))
PLAIN(event_note, EVENT, row->note ? VM_STR(row->note) : VM_ABSENT)
PLAIN(event_side, EVENT, sides[row->side] ? VM_STR(sides[row->side]) : VM_ABSENT)
PLAIN(event_skid, EVENT, VM_STR(skids[row->skid]))
PLAIN(event_samples, EVENT, VM_U64(row->samples))
PLAIN(event_addresses, EVENT, VM_U64(row->with_address))
PLAIN(event_counted, EVENT, counted(row))
PLAIN(event_each, EVENT, row->samples ? VM_U64(row->all_weight / row->samples) : VM_ABSENT)
PLAIN(event_period, EVENT, row->period ? VM_U64(row->period) : VM_ABSENT)
PLAIN(event_frequency, EVENT, row->frequency ? VM_U64(row->frequency) : VM_ABSENT)
PLAIN(event_share, EVENT, vm_tc_counted(&row->count) ? VM_F64(vm_tc_share(&row->count)) : VM_ABSENT)
PLAIN(event_filtered, EVENT, VM_BOOL(row->filtered))

static const struct vm_field event_fields[] = {
	{ .name = "EVENT", .key = "event", .help = "what is sampled", .type = VM_T_STR, .flags = D | VM_F_TRUNC | VM_F_LABEL,
	  .get = event_name, .source = "libpfm4, perf" },
	{ .name = "SIDE", .key = "side", .help = "what is translated for: load, store, data (both), fetch", .type = VM_T_STR,
	  .flags = D, .get = event_side, .source = "as EVENT" },
	{ .name = "SAMPLES", .key = "samples", .help = "samples that were taken", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = event_samples, .source = SAMPLED },
	{ .name = "ADDRESSED", .key = "addressed_samples", .help = "of these, those that tell the address of the data",
	  .type = VM_T_U64, .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = event_addresses,
	  .source = "PERF_SAMPLE_ADDR" },
	{ .name = "EACH", .key = "events_per_sample", .help = "events that a sample stands for, on average", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = event_each, .source = "PERF_SAMPLE_PERIOD" },
	{ .name = "COUNTED", .key = "events_counted", .help = "how often the event happened", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = event_counted, .source = "read(2) of the events" },
	{ .name = "COUNTED%", .key = "counted_share", .help = "share of the time in which the CPU had a counter for it (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = event_share,
	  .source = "PERF_FORMAT_TOTAL_TIME_RUNNING" },
	{ .name = "PERIOD", .key = "period", .help = "a sample each so many events; -: by frequency", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M, .get = event_period, .source = "perf_event_attr.sample_period" },
	{ .name = "FREQUENCY", .key = "frequency_hz", .help = "samples a second that were asked for; -: by period", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M, .get = event_frequency, .source = "perf_event_attr.sample_freq" },
	{ .name = "SKID", .key = "skid", .help = "how far from its cause a sample may be: none, constant, any", .type = VM_T_STR,
	  .flags = D, .get = event_skid, .source = "perf_event_attr.precise_ip" },
	{ .name = "FILTERED", .key = "filtered", .help = "samples are of all accesses, and those that needed a walk count",
	  .type = VM_T_BOOL, .flags = M, .get = event_filtered, .source = "PERF_SAMPLE_DATA_SRC" },
	{ .name = "NOTE", .key = "note", .help = "what the event counts on this CPU", .type = VM_T_STR, .flags = M | VM_F_TRUNC,
	  .get = event_note, .source = "pmu_table.c" },
};
FIELDS(vm_walk_event_fields, "sampled event", "events", event_fields);
