#include "core/field/tlb_probe.h"

#include <math.h>
#include <stdio.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static struct vm_value number(double v)
{
	return isfinite(v) ? VM_F64(v) : VM_ABSENT;
}

static struct vm_value entries(double v)
{
	return v > 0 ? VM_U64((uint64_t)lround(v)) : VM_ABSENT;
}

static struct vm_value bytes(uint64_t v)
{
	return v ? VM_U64(v) : VM_ABSENT;
}

/* ---- Buffers ------------------------------------------------------------------------------------------------------ */

#define LEVEL vm_tlb_level_row

PLAIN(level_name, LEVEL, VM_STR(row->name))
PLAIN(level_key, LEVEL, VM_STR(row->key))
PLAIN(level_entries, LEVEL, entries(row->knee.at))
PLAIN(level_low, LEVEL, entries(row->knee.low))
PLAIN(level_high, LEVEL, entries(row->knee.high))
PLAIN(level_near, LEVEL, entries(vm_tlb_entries(row->near)))
PLAIN(level_ns, LEVEL, number(row->ns))
/** An access takes some time; what hits or misses further away adds to it. */
GETTER(level_cost)
{
	const struct LEVEL *row = row_;
	(void)f;
	if (!isfinite(row->ns))
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), row->adds ? "+%.1f ns" : "%.1f ns", row->ns);
	return VM_STR(tmp->text);
}

PLAIN(level_page, LEVEL, bytes(row->page_bytes))
PLAIN(level_reach, LEVEL, bytes(row->reach_bytes))
PLAIN(level_reach_2m, LEVEL, bytes(row->reach_2m_bytes))

#define TIMED "loads and jumps, timed"

static const struct vm_field level_fields[] = {
	{ .name = "BUFFER", .key = "name", .help = "which translation lookaside buffer", .type = VM_T_STR, .flags = VM_F_DEFAULT,
	  .get = level_name, .source = TIMED },
	{ .name = "KEY", .key = "buffer", .help = "the same as a word for programs", .type = VM_T_STR, .flags = M | VM_F_LABEL,
	  .get = level_key, .source = TIMED },
	{ .name = "ENTRIES", .key = "entries", .help = "pages that it translates, as timed: near its size, not the same",
	  .type = VM_T_U64, .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = level_entries, .source = TIMED },
	{ .name = "LOW", .key = "entries_low", .help = "a quarter of the repeats found fewer", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = level_low, .source = TIMED },
	{ .name = "HIGH", .key = "entries_high", .help = "a quarter of the repeats found more", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = level_high, .source = TIMED },
	{ .name = "NEAR", .key = "near_entries", .help = "the nearest size that CPUs are known to have: a hint", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = level_near, .source = "manuals of Intel, AMD and Arm" },
	{ .name = "REACH", .key = "reach_bytes", .help = "memory that it translates with base pages", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D | VM_F_DESC, .get = level_reach, .source = TIMED },
	{ .name = "REACH-2M", .key = "reach_2m_bytes", .help = "the same with huge pages of 2M, which a host may split",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_DESC, .get = level_reach_2m, .source = TIMED },
	{ .name = "COST", .key = "cost", .help = "of an access that hits the first level; what others add to that",
	  .type = VM_T_STR, .flags = VM_F_DEFAULT, .get = level_cost, .source = TIMED },
	{ .name = "NS", .key = "ns", .help = "the same as a number: ns that it takes, or adds",
	  .type = VM_T_F64, .flags = M | VM_F_DESC, .get = level_ns, .source = TIMED },
	{ .name = "PAGE", .key = "page_bytes", .help = "size of a base page", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = M, .get = level_page, .source = "sysconf(_SC_PAGESIZE)" },
};
FIELDS(vm_tlb_level_fields, "buffer", "levels", level_fields);

/* ---- Footprints --------------------------------------------------------------------------------------------------- */

#define COST vm_tlb_cost_row

PLAIN(cost_bytes, COST, VM_U64(row->cost.bytes))
PLAIN(cost_4k, COST, number(row->cost.ns_4k))
PLAIN(cost_2m, COST, number(row->cost.ns_2m))
PLAIN(cost_saved, COST, number(vm_tlb_cost_saved(&row->cost)))

static const struct vm_field cost_fields[] = {
	{ .name = "FOOTPRINT", .key = "bytes", .help = "memory that is touched at random", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_LABEL, .get = cost_bytes, .source = TIMED },
	{ .name = "NS-4K", .key = "ns_4k", .help = "ns that translation adds to an access, with base pages", .type = VM_T_F64,
	  .flags = D | VM_F_DESC, .get = cost_4k, .source = TIMED },
	{ .name = "NS-2M", .key = "ns_2m", .help = "the same with transparent huge pages", .type = VM_T_F64,
	  .flags = D | VM_F_DESC, .get = cost_2m, .source = TIMED },
	{ .name = "SAVED", .key = "saved_share", .type = VM_T_F64,
	  .help = "share of that which huge pages save, in per cent (JSON: 0 to 1); - below 3 ns",
	  .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = cost_saved, .source = TIMED },
};
FIELDS(vm_tlb_cost_fields, "footprint", "costs", cost_fields);

/* ---- Curves ------------------------------------------------------------------------------------------------------- */

#define POINT vm_tlb_point_row

PLAIN(point_curve, POINT, VM_STR(row->curve))
PLAIN(point_pages, POINT, VM_U64(row->point.pages))
PLAIN(point_ns, POINT, number(row->point.ns))
PLAIN(point_low, POINT, number(row->point.low))
PLAIN(point_high, POINT, number(row->point.high))

static const struct vm_field point_fields[] = {
	{ .name = "CURVE", .key = "curve", .help = "data: loads; code: jumps", .type = VM_T_STR, .flags = D | VM_F_LABEL,
	  .get = point_curve, .source = TIMED },
	{ .name = "PAGES", .key = "pages", .help = "pages that are touched in turn", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_LABEL, .get = point_pages, .source = TIMED },
	{ .name = "NS", .key = "ns", .help = "ns an access: median of the repeats", .type = VM_T_F64, .flags = D | VM_F_DESC,
	  .get = point_ns, .source = TIMED },
	{ .name = "NS-LOW", .key = "ns_low", .help = "a quarter of the repeats took less", .type = VM_T_F64,
	  .flags = D | VM_F_DESC, .get = point_low, .source = TIMED },
	{ .name = "NS-HIGH", .key = "ns_high", .help = "a quarter of the repeats took more", .type = VM_T_F64,
	  .flags = D | VM_F_DESC, .get = point_high, .source = TIMED },
};
FIELDS(vm_tlb_point_fields, "point", "curve", point_fields);
