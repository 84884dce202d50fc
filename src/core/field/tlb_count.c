/** Columns of counted translations: by side, by page size, by event, by sample. */

#include "core/field/tlb_count.h"

#include <math.h>
#include <stdio.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

/** A count that may have been scaled. */
static struct vm_value whole(double n)
{
	return isnan(n) || n < 0 || n >= 0x1p63 ? VM_ABSENT : VM_U64((uint64_t)llround(n));
}

static struct vm_value number(double n)
{
	return isfinite(n) ? VM_F64(n) : VM_ABSENT;
}

static const char *const side_keys[VM_TC_SIDES] = { "load", "store", "data", "fetch" };
static const char *const side_names[VM_TC_SIDES] = { "dTLB load", "dTLB store", "dTLB", "iTLB" };

/* ---- By side ------------------------------------------------------------------------------------------------------ */

#define SIDE vm_tlb_side_row

PLAIN(side_name, SIDE, VM_STR(side_names[row->side]))
PLAIN(side_key, SIDE, VM_STR(side_keys[row->side]))
PLAIN(side_core, SIDE, row->core_name ? VM_STR(row->core_name) : VM_ABSENT)
PLAIN(side_accesses, SIDE, whole(row->accesses))
PLAIN(side_l1_misses, SIDE, whole(row->l1_misses))
PLAIN(side_l1_ratio, SIDE, number(row->l1_miss_ratio))
PLAIN(side_stlb_hits, SIDE, whole(row->stlb_hits))
PLAIN(side_walks, SIDE, whole(row->walks))
PLAIN(side_started, SIDE, whole(row->walks_started))
PLAIN(side_walk_ratio, SIDE, number(row->walk_ratio))
PLAIN(side_kinst, SIDE, number(row->walks_per_kinst))
PLAIN(side_cycles, SIDE, whole(row->walk_cycles))
PLAIN(side_per_walk, SIDE, number(row->cycles_per_walk))
PLAIN(side_cycle_share, SIDE, number(row->cycle_share))
PLAIN(side_counted, SIDE, number(row->counted))

#define AMOUNT(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_AMOUNT, .flags = (flags_) | VM_F_DESC, .get = get_, \
	  .source = source_ }
#define SHARE(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_ ", in per cent (JSON: 0 to 1)", .type = VM_T_F64, .unit = VM_U_RATIO, \
	  .flags = (flags_) | VM_F_DESC, .get = get_, .source = source_ }
#define FINE(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_F64, .unit = VM_U_FINE, .flags = (flags_) | VM_F_DESC, .get = get_, \
	  .source = source_ }

#define TIMES "perf_event_open(2): time enabled, time running"

static const struct vm_field side_fields[] = {
	{ .name = "TLB", .key = "name", .help = "what was translated for", .type = VM_T_STR, .flags = VM_F_DEFAULT, .get = side_name,
	  .source = "the CPU's events" },
	{ .name = "SIDE", .key = "side", .help = "the same as a word: load, store, data (loads and stores together), fetch",
	  .type = VM_T_STR, .flags = M | VM_F_LABEL, .get = side_key, .source = "the CPU's events" },
	{ .name = "CORE", .key = "core", .help = "kind of core, on hybrids", .type = VM_T_STR, .flags = D | VM_F_LABEL,
	  .get = side_core, .source = "event_source/devices" },
	AMOUNT("ACCESSES", "accesses", "loads, stores, fetches; which ones, the CPU decides", D, side_accesses,
	       "MEM_INST_RETIRED, ls_dispatch, L1D_TLB"),
	AMOUNT("L1-MISSES", "l1_misses", "not found in the first level", M, side_l1_misses, "STLB-HITS + WALKS, L1D_TLB_REFILL"),
	SHARE("L1-MISS%", "l1_miss_ratio", "of the accesses: not found in the first level", M, side_l1_ratio, "L1-MISSES / ACCESSES"),
	AMOUNT("STLB-HITS", "stlb_hits", "not in the first level, but in the second", D, side_stlb_hits,
	       "DTLB_LOAD_MISSES.STLB_HIT, L1_DTLB_MISS *_L2_HIT"),
	AMOUNT("WALKS", "walks", "page walks that came to their end", D, side_walks, "*.WALK_COMPLETED, *_L2_MISS, DTLB_WALK"),
	AMOUNT("BEGUN", "walks_started", "page walks that were begun", D, side_started, "*.MISS_CAUSES_A_WALK"),
	SHARE("WALK%", "walk_ratio", "of the accesses: needed a page walk", M, side_walk_ratio, "WALKS / ACCESSES"),
	FINE("/KINST", "walks_per_kinst", "page walks for 1000 instructions", D, side_kinst, "WALKS / instructions"),
	AMOUNT("WALKCYC", "walk_cycles", "cycles in which at least one page walker was at work", M, side_cycles,
	       "*.WALK_ACTIVE, WALK_DURATION with cmask=1"),
	FINE("CYC/WALK", "cycles_per_walk", "such cycles for each page walk", D, side_per_walk, "WALKCYC / WALKS"),
	SHARE("%CYCLES", "cycle_share", "such cycles of all cycles", D, side_cycle_share, "WALKCYC / cycles"),
	SHARE("COUNTED", "counted_share", "how much of the time the least counted of these events ran", D, side_counted, TIMES),
};
FIELDS(vm_tlb_side_fields, "TLB side", "sides", side_fields);

/* ---- By page size ------------------------------------------------------------------------------------------------- */

#define SIZE vm_tlb_size_row

PLAIN(size_side, SIZE, VM_STR(side_keys[row->side]))
PLAIN(size_core, SIZE, row->core_name ? VM_STR(row->core_name) : VM_ABSENT)
PLAIN(size_page, SIZE, VM_U64(row->page_bytes))
PLAIN(size_walks, SIZE, whole(row->walks))
PLAIN(size_share, SIZE, number(row->share))

static const struct vm_field size_fields[] = {
	{ .name = "SIDE", .key = "side", .help = "load, or data (loads and stores together)", .type = VM_T_STR, .flags = D | VM_F_LABEL,
	  .get = size_side, .source = "the CPU's events" },
	{ .name = "CORE", .key = "core", .help = "kind of core, on hybrids", .type = VM_T_STR, .flags = D | VM_F_LABEL,
	  .get = size_core, .source = "event_source/devices" },
	{ .name = "PAGE", .key = "page_bytes", .help = "size of the page that was found", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_LABEL, .get = size_page, .source = "the CPU's events" },
	AMOUNT("WALKS", "walks", "page walks", D, size_walks, "*.WALK_COMPLETED_4K, _2M_4M, _1G"),
	SHARE("%", "share", "of the walks whose page size is told", D, size_share, "WALKS"),
};
FIELDS(vm_tlb_size_fields, "TLB page size", "page_sizes", size_fields, .fixed = true);

/* ---- By event ----------------------------------------------------------------------------------------------------- */

#define EVENT vm_tlb_event_row

GETTER(event_note)
{
	ROW(EVENT);
	const char *error = row->why ? strerrorname_np(-row->why) : NULL;
	if (row->why)
		snprintf(tmp->text, sizeof(tmp->text), "not supported here (%s)", error ? error : "?");
	else if (!row->running_ns)
		snprintf(tmp->text, sizeof(tmp->text), row->enabled_ns ? "not counted: no counter was free" :
			 "not counted: the target didn't run");
	else if (!isnan(row->ratio))
		snprintf(tmp->text, sizeof(tmp->text), "%.2f%% of accesses%s%s", 100 * row->ratio, row->note ? "; " : "",
			 row->note ? row->note : "");
	else
		return row->note ? VM_STR(row->note) : row->what < VM_TC_NONE ? VM_STR(vm_tc_name(row->what)) : VM_ABSENT;
	return VM_STR(tmp->text);
}

PLAIN(event_name, EVENT, VM_STR(row->name))
PLAIN(event_what, EVENT, row->what < VM_TC_NONE ? VM_STR(vm_tc_key(row->what)) : VM_ABSENT)
PLAIN(event_count, EVENT, whole(row->count))
PLAIN(event_rate, EVENT, whole(row->rate))
PLAIN(event_kinst, EVENT, number(row->per_kinst))
PLAIN(event_ratio, EVENT, number(row->ratio))
PLAIN(event_counted, EVENT, number(row->counted))
PLAIN(event_raw, EVENT, row->opened ? VM_U64(row->raw) : VM_ABSENT)
PLAIN(event_enabled, EVENT, row->opened ? VM_U64(row->enabled_ns) : VM_ABSENT)
PLAIN(event_running, EVENT, row->opened ? VM_U64(row->running_ns) : VM_ABSENT)
PLAIN(event_group, EVENT, row->opened ? VM_U64(row->group) : VM_ABSENT)

static const struct vm_field event_fields[] = {
	{ .name = "EVENT", .key = "event", .help = "name of the event", .type = VM_T_STR, .flags = D | VM_F_LABEL, .get = event_name,
	  .source = "libpfm4, perf's names" },
	{ .name = "MEANS", .key = "means", .help = "what it counts, as a word", .type = VM_T_STR, .flags = M, .get = event_what,
	  .source = "the CPU's events" },
	{ .name = "COUNT", .key = "count", .help = "how many; scaled where it wasn't counted all of the time", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = event_count, .source = "read(2) of the event" },
	AMOUNT("RATE/s", "rate", "per second", D, event_rate, "COUNT / time"),
	FINE("/KINST", "per_kinst", "for 1000 instructions, if these are counted too", M, event_kinst, "COUNT / instructions"),
	SHARE("OF-ACC%", "access_ratio", "of the accesses of its side, if these are counted too", M, event_ratio, "COUNT / accesses"),
	SHARE("COUNTED", "counted_share", "share of the time that it had a counter", D, event_counted, TIMES),
	{ .name = "RAW", .key = "raw", .help = "how many were counted", .type = VM_T_U64, .unit = VM_U_COUNT, .flags = M | VM_F_DESC,
	  .get = event_raw, .source = "read(2) of the event" },
	{ .name = "ENABLED", .key = "enabled_ns", .help = "time that it was to be counted, of all threads", .type = VM_T_U64,
	  .unit = VM_U_NS, .flags = M | VM_F_DESC, .get = event_enabled, .source = TIMES },
	{ .name = "RUNNING", .key = "running_ns", .help = "time that it was counted", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = M | VM_F_DESC, .get = event_running, .source = TIMES },
	{ .name = "GROUP", .key = "group", .help = "events of one group are counted at the same times", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M, .get = event_group, .source = "vmtlb" },
	{ .name = "NOTE", .key = "note", .help = "what it means on this CPU; why it wasn't counted", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC, .get = event_note, .source = "vmtlb" },
};
FIELDS(vm_tlb_event_fields, "TLB event", "events", event_fields);

/* ---- By sample ---------------------------------------------------------------------------------------------------- */

#define SAMPLE vm_tlb_sample_row

PLAIN(sample_time, SAMPLE, number(row->time_s))
PLAIN(sample_seconds, SAMPLE, number(row->seconds))
PLAIN(sample_cycles, SAMPLE, whole(row->cycles))
PLAIN(sample_instructions, SAMPLE, whole(row->instructions))
PLAIN(sample_ipc, SAMPLE, number(row->ipc))
PLAIN(sample_load, SAMPLE, whole(row->load_walks))
PLAIN(sample_store, SAMPLE, whole(row->store_walks))
PLAIN(sample_data, SAMPLE, whole(row->data_walks))
PLAIN(sample_fetch, SAMPLE, whole(row->fetch_walks))
PLAIN(sample_kinst, SAMPLE, number(row->walks_per_kinst))
PLAIN(sample_data_share, SAMPLE, number(row->data_share))
PLAIN(sample_fetch_share, SAMPLE, number(row->fetch_share))
PLAIN(sample_counted, SAMPLE, number(row->counted))
PLAIN(sample_cpus, SAMPLE, number(row->cpus))
PLAIN(sample_faults, SAMPLE, whole(row->faults))
PLAIN(sample_minor, SAMPLE, whole(row->minor))
PLAIN(sample_major, SAMPLE, whole(row->major))
PLAIN(sample_switches, SAMPLE, whole(row->switches))
PLAIN(sample_migrations, SAMPLE, whole(row->migrations))

#define SW "PERF_COUNT_SW_"

static const struct vm_field sample_fields[] = {
	FINE("TIME", "time_s", "seconds since the beginning", D, sample_time, "CLOCK_MONOTONIC"),
	FINE("SECONDS", "interval_s", "length of the sample", M, sample_seconds, "CLOCK_MONOTONIC"),
	FINE("CPUS", "cpus", "CPU time for each second: 1 is one CPU", D, sample_cpus, SW "TASK_CLOCK"),
	AMOUNT("CYCLES", "cycles_per_s", "cycles per second", D, sample_cycles, "cycles"),
	AMOUNT("INSTR", "instructions_per_s", "instructions per second", M, sample_instructions, "instructions"),
	FINE("IPC", "ipc", "instructions for each cycle", D, sample_ipc, "instructions / cycles"),
	AMOUNT("LDWALKS", "load_walks_per_s", "page walks for loads, per second", D, sample_load, "as WALKS"),
	AMOUNT("STWALKS", "store_walks_per_s", "page walks for stores, per second", D, sample_store, "as WALKS"),
	AMOUNT("DWALKS", "data_walks_per_s", "page walks for both, where they aren't told apart, per second", D, sample_data, "as WALKS"),
	AMOUNT("IWALKS", "fetch_walks_per_s", "page walks for fetches, per second", D, sample_fetch, "as WALKS"),
	FINE("/KINST", "walks_per_kinst", "page walks for 1000 instructions", D, sample_kinst, "WALKS / instructions"),
	SHARE("DTLB%", "data_cycle_share", "cycles with page walks for loads and stores, of all", D, sample_data_share, "as %CYCLES"),
	SHARE("ITLB%", "fetch_cycle_share", "cycles with page walks for fetches, of all", D, sample_fetch_share, "as %CYCLES"),
	SHARE("COUNTED", "counted_share", "how much of the time the least counted event ran", M, sample_counted, TIMES),
	AMOUNT("FAULTS", "faults_per_s", "page faults per second", D, sample_faults, SW "PAGE_FAULTS"),
	AMOUNT("MINOR", "minor_faults_per_s", "of these, without a read from disk", M, sample_minor, SW "PAGE_FAULTS_MIN"),
	AMOUNT("MAJOR", "major_faults_per_s", "with a read from disk", D, sample_major, SW "PAGE_FAULTS_MAJ"),
	AMOUNT("SWITCH", "context_switches_per_s", "context switches per second", M, sample_switches, SW "CONTEXT_SWITCHES"),
	AMOUNT("MIGRATE", "migrations_per_s", "moves to another CPU per second", M, sample_migrations, SW "CPU_MIGRATIONS"),
};
FIELDS(vm_tlb_sample_fields, "TLB sample", "samples", sample_fields);
