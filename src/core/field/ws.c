#include "core/field/ws.h"

#include <math.h>

#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

enum {
	D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE, SUM = VM_F_SUM | VM_F_DESC,
};

static struct vm_value rate(double x)
{
	return isnan(x) ? VM_ABSENT : VM_U64((uint64_t)(x + 0.5));
}

static struct vm_value share(double x)
{
	return isnan(x) ? VM_ABSENT : VM_F64(x);
}

static struct vm_value ratio(uint64_t part, uint64_t all)
{
	return all ? VM_F64((double)part / (double)all) : VM_ABSENT;
}

static struct vm_value known(uint64_t n)
{
	return n == VM_WS_UNKNOWN ? VM_ABSENT : VM_U64(n);
}

#define BITS "page tables: accessed bits; page_idle; DAMON; smaps: Referenced"
#define WRITES "page tables: dirty and soft-dirty bits; PAGEMAP_SCAN"
#define COL(n_, k_, h_, t_, u_, f_, g_, s_) \
	{ .name = n_, .key = k_, .help = h_, .type = t_, .unit = u_, .flags = f_, .get = g_, .source = s_ }
#define BYTES(n_, k_, h_, f_, g_, s_) COL(n_, k_, h_, VM_T_U64, VM_U_BYTES, (f_) | SUM, g_, s_)

/* ---- Mappings and processes ---------------------------------------------------------------------------------------- */

PLAIN(get_start, vm_ws_row, row->m ? VM_U64(row->m->start) : VM_ABSENT)
PLAIN(get_end, vm_ws_row, row->m ? VM_U64(row->m->end) : VM_ABSENT)
PLAIN(get_resident, vm_ws_row, VM_U64(row->resident_bytes))
PLAIN(get_used, vm_ws_row, VM_U64(row->used.low))
PLAIN(get_used_most, vm_ws_row, VM_U64(row->used.high))
PLAIN(get_used_share, vm_ws_row, ratio(row->used.low, row->resident_bytes))
PLAIN(get_hot, vm_ws_row, VM_U64(row->hot_bytes))
PLAIN(get_warm, vm_ws_row, VM_U64(row->warm_bytes))
PLAIN(get_cold, vm_ws_row, VM_U64(row->cold_bytes))
PLAIN(get_unsure, vm_ws_row, VM_U64(row->unsure_bytes))
PLAIN(get_written, vm_ws_row, row->writes ? VM_U64(row->written.low) : VM_ABSENT)
PLAIN(get_written_most, vm_ws_row, row->writes ? VM_U64(row->written.high) : VM_ABSENT)
PLAIN(get_rate, vm_ws_row, rate(row->written_per_s))
PLAIN(get_rate_most, vm_ws_row, rate(row->written_per_s_most))
PLAIN(get_perm, vm_ws_row, row->m ? VM_STR(vm_mapping_perm(row->m)) : VM_ABSENT)
PLAIN(get_kind, vm_ws_row, row->m ? VM_STR(vm_kinds[row->m->kind].name) : VM_ABSENT)
PLAIN(get_name, vm_ws_row, row->m ? VM_STR(*row->m->name ? row->m->name : "[anon]") : VM_ABSENT)

#define HELP_RSS "memory that is there; not the page of zeros, nor memory of devices"
#define HELP_USED "used while it was looked at, at least"
#define HELP_USED_MAX "used while it was looked at, at most"
#define HELP_HOT "used a short time before the last look (--hot)"
#define HELP_WARM "used before that (--warm)"
#define HELP_COLD "not used for that long"
#define HELP_UNSURE "cold or not: the bits don't say"
#define HELP_WRITTEN "written while it was looked at, at least"
#define HELP_WRITTEN_MAX "written while it was looked at, at most"
#define HELP_RATE "written a second, each page once in a round: at least"
#define HELP_RATE_MAX "the same, at most"

static const struct vm_field mapping_fields[] = {
	COL("START", "start", "first address", VM_T_U64, VM_U_ADDR, D | VM_F_LABEL, get_start, "maps"),
	COL("END", "end", "address behind the last one", VM_T_U64, VM_U_ADDR, M, get_end, "maps"),
	BYTES("RSS", "resident_bytes", HELP_RSS, D, get_resident, "page tables; smaps: Rss"),
	BYTES("USED", "used_bytes", HELP_USED, D, get_used, BITS),
	BYTES("USED-MAX", "used_bytes_max", HELP_USED_MAX, D, get_used_most, BITS),
	COL("USED%", "used_share", "USED of RSS, in per cent (JSON: 0 to 1)", VM_T_F64, VM_U_RATIO, VM_F_DESC, get_used_share, BITS),
	BYTES("HOT", "hot_bytes", HELP_HOT, D, get_hot, BITS),
	BYTES("WARM", "warm_bytes", HELP_WARM, D, get_warm, BITS),
	BYTES("COLD", "cold_bytes", HELP_COLD, D, get_cold, BITS),
	BYTES("UNSURE", "unsure_bytes", HELP_UNSURE, M, get_unsure, BITS),
	BYTES("WRITTEN", "written_bytes", HELP_WRITTEN, M, get_written, WRITES),
	BYTES("WRITTEN-MAX", "written_bytes_max", HELP_WRITTEN_MAX, M, get_written_most, WRITES),
	COL("WRITE/S", "written_bytes_per_s", HELP_RATE, VM_T_U64, VM_U_BYTES_PERSEC, M | SUM | VM_F_RATE, get_rate, WRITES),
	COL("WRITE/S-MAX", "written_bytes_per_s_max", HELP_RATE_MAX, VM_T_U64, VM_U_BYTES_PERSEC, M | SUM | VM_F_RATE, get_rate_most, WRITES),
	COL("PERM", "perm", "permissions, as in maps", VM_T_STR, VM_U_NONE, M, get_perm, "maps"),
	COL("KIND", "kind", "what the mapping is for", VM_T_STR, VM_U_NONE, M, get_kind, "maps"),
	COL("MAPPING", "name", "what is mapped", VM_T_STR, VM_U_NONE, D | VM_F_PATH, get_name, "maps"),
};
FIELDS(vm_ws_mapping_fields, "mapping", "mappings", mapping_fields, .fixed = false);

PLAIN(get_pid, vm_ws_process, VM_U64((uint64_t)row->pid))
PLAIN(get_comm, vm_ws_process, row->comm ? VM_STR(row->comm) : VM_ABSENT)
PLAIN(get_all_resident, vm_ws_process, VM_U64(row->total->resident_bytes))
PLAIN(get_all_used, vm_ws_process, VM_U64(row->total->used.low))
PLAIN(get_all_used_most, vm_ws_process, VM_U64(row->total->used.high))
PLAIN(get_all_share, vm_ws_process, ratio(row->total->used.low, row->total->resident_bytes))
PLAIN(get_all_hot, vm_ws_process, VM_U64(row->total->hot_bytes))
PLAIN(get_all_warm, vm_ws_process, VM_U64(row->total->warm_bytes))
PLAIN(get_all_cold, vm_ws_process, VM_U64(row->total->cold_bytes))
PLAIN(get_all_unsure, vm_ws_process, VM_U64(row->total->unsure_bytes))
PLAIN(get_all_written, vm_ws_process, row->total->writes ? VM_U64(row->total->written.low) : VM_ABSENT)
PLAIN(get_all_written_most, vm_ws_process, row->total->writes ? VM_U64(row->total->written.high) : VM_ABSENT)
PLAIN(get_all_rate, vm_ws_process, rate(row->total->written_per_s))
PLAIN(get_all_rate_most, vm_ws_process, rate(row->total->written_per_s_most))
PLAIN(get_all_cleared, vm_ws_process, share(row->cleared_share))
PLAIN(get_all_cost, vm_ws_process, VM_U64(row->cost_ns))

static const struct vm_field process_fields[] = {
	COL("PID", "pid", "process", VM_T_U64, VM_U_NONE, D | VM_F_LABEL, get_pid, "proc"),
	BYTES("RSS", "resident_bytes", HELP_RSS, D, get_all_resident, "page tables; smaps: Rss"),
	BYTES("USED", "used_bytes", HELP_USED, D, get_all_used, BITS),
	BYTES("USED-MAX", "used_bytes_max", HELP_USED_MAX, D, get_all_used_most, BITS),
	COL("USED%", "used_share", "USED of RSS, in per cent (JSON: 0 to 1)", VM_T_F64, VM_U_RATIO, VM_F_DESC, get_all_share, BITS),
	BYTES("HOT", "hot_bytes", HELP_HOT, D, get_all_hot, BITS),
	BYTES("WARM", "warm_bytes", HELP_WARM, D, get_all_warm, BITS),
	BYTES("COLD", "cold_bytes", HELP_COLD, D, get_all_cold, BITS),
	BYTES("UNSURE", "unsure_bytes", HELP_UNSURE, M, get_all_unsure, BITS),
	BYTES("WRITTEN", "written_bytes", HELP_WRITTEN, M, get_all_written, WRITES),
	BYTES("WRITTEN-MAX", "written_bytes_max", HELP_WRITTEN_MAX, M, get_all_written_most, WRITES),
	COL("WRITE/S", "written_bytes_per_s", HELP_RATE, VM_T_U64, VM_U_BYTES_PERSEC, M | SUM | VM_F_RATE, get_all_rate, WRITES),
	COL("WRITE/S-MAX", "written_bytes_per_s_max", HELP_RATE_MAX, VM_T_U64, VM_U_BYTES_PERSEC, M | SUM | VM_F_RATE, get_all_rate_most, WRITES),
	COL("CLEARED%", "cleared_share", "of the bits that were set, those that somebody else cleared, in per cent (JSON: 0 to 1)",
	    VM_T_F64, VM_U_RATIO, M | VM_F_DESC, get_all_cleared, BITS),
	COL("COST", "cost_ns", "what looking cost the process, about", VM_T_U64, VM_U_NS, M | SUM, get_all_cost, "clock"),
	COL("COMMAND", "comm", "command name", VM_T_STR, VM_U_NONE, D | VM_F_TRUNC, get_comm, "stat"),
};
FIELDS(vm_ws_process_fields, "process", "processes", process_fields, .fixed = false);

/* ---- Windows ------------------------------------------------------------------------------------------------------- */

PLAIN(get_window, vm_ws_window, VM_U64(row->ns))
PLAIN(get_window_used, vm_ws_window, VM_U64(row->used.low))
PLAIN(get_window_most, vm_ws_window, VM_U64(row->used.high))
PLAIN(get_window_share, vm_ws_window, ratio(row->used.low, row->resident_bytes))
PLAIN(get_window_least, vm_ws_window, VM_U64(row->used_least))
PLAIN(get_window_extreme, vm_ws_window, VM_U64(row->used_most))
PLAIN(get_window_written, vm_ws_window, row->writes ? VM_U64(row->written.low) : VM_ABSENT)
PLAIN(get_window_written_most, vm_ws_window, row->writes ? VM_U64(row->written.high) : VM_ABSENT)
PLAIN(get_window_n, vm_ws_window, VM_U64(row->windows))

static const struct vm_field window_fields[] = {
	COL("WINDOW", "window_ns", "length of the window", VM_T_U64, VM_U_NS, D | VM_F_LABEL, get_window, "clock"),
	BYTES("USED", "used_bytes", "used within such a window, at least: the mean of all windows", D, get_window_used, BITS),
	BYTES("USED-MAX", "used_bytes_max", "the same, at most", D, get_window_most, BITS),
	COL("USED%", "used_share", "USED of RSS, in per cent (JSON: 0 to 1)", VM_T_F64, VM_U_RATIO, D | VM_F_DESC, get_window_share, BITS),
	BYTES("LEAST", "used_bytes_least", "the least of USED in any of the windows", D, get_window_least, BITS),
	BYTES("MOST", "used_bytes_most", "the most of USED-MAX in any of the windows", D, get_window_extreme, BITS),
	BYTES("WRITTEN", "written_bytes", "written within such a window, at least: what a copy of that duration takes twice", D,
	      get_window_written, WRITES),
	BYTES("WRITTEN-MAX", "written_bytes_max", "the same, at most", D, get_window_written_most, WRITES),
	COL("WINDOWS", "windows", "how many there were", VM_T_U64, VM_U_COUNT, D, get_window_n, "clock"),
};
FIELDS(vm_ws_window_fields, "window", "curve", window_fields, .fixed = true);

/* ---- Rounds -------------------------------------------------------------------------------------------------------- */

PLAIN(get_number, vm_ws_round, VM_U64(row->number))
PLAIN(get_at, vm_ws_round, VM_U64(row->at_ns))
PLAIN(get_length, vm_ws_round, VM_U64(row->ns))
PLAIN(get_round_resident, vm_ws_round, VM_U64(row->resident_bytes))
PLAIN(get_round_used, vm_ws_round, known(row->used_bytes))
PLAIN(get_round_most, vm_ws_round, known(row->used_most_bytes))
PLAIN(get_round_written, vm_ws_round, known(row->written_bytes))
PLAIN(get_round_written_most, vm_ws_round, known(row->written_most_bytes))
PLAIN(get_round_cleared, vm_ws_round, VM_U64(row->cleared_bytes))
PLAIN(get_clear, vm_ws_round, VM_U64(row->clear_ns))
PLAIN(get_read, vm_ws_round, VM_U64(row->read_ns))
PLAIN(get_locked, vm_ws_round, VM_U64(row->locked_ns))
PLAIN(get_again, vm_ws_round, VM_U64(row->set_again))
PLAIN(get_cost, vm_ws_round, VM_U64(row->cost_ns))

static const struct vm_field round_fields[] = {
	COL("ROUND", "round", "number of the round", VM_T_U64, VM_U_NONE, D | VM_F_LABEL, get_number, "clock"),
	COL("AT", "at_ns", "its end, since the first look", VM_T_U64, VM_U_NS, D, get_at, "clock"),
	COL("LENGTH", "length_ns", "its length", VM_T_U64, VM_U_NS, M, get_length, "clock"),
	COL("RSS", "resident_bytes", HELP_RSS, VM_T_U64, VM_U_BYTES, D, get_round_resident, "page tables; smaps: Rss"),
	COL("USED", "used_bytes", "used within the round, at least", VM_T_U64, VM_U_BYTES, D, get_round_used, BITS),
	COL("USED-MAX", "used_bytes_max", "used within the round, at most", VM_T_U64, VM_U_BYTES, D, get_round_most, BITS),
	COL("WRITTEN", "written_bytes", "written within the round, at least", VM_T_U64, VM_U_BYTES, D, get_round_written, WRITES),
	COL("WRITTEN-MAX", "written_bytes_max", "written within the round, at most", VM_T_U64, VM_U_BYTES, D, get_round_written_most, WRITES),
	COL("CLEARED", "cleared_bytes", "whose bits were set in the look before, and were cleared by somebody else", VM_T_U64, VM_U_BYTES, D,
	    get_round_cleared, BITS),
	COL("CLEAR", "clear_ns", "what clearing took", VM_T_U64, VM_U_NS, M, get_clear, "clock"),
	COL("READ", "read_ns", "what reading took", VM_T_U64, VM_U_NS, M, get_read, "clock"),
	COL("LOCK", "locked_ns", "for how long its memory map was held", VM_T_U64, VM_U_NS, M, get_locked, "clock"),
	COL("SET", "set_again", "entries whose bits its CPUs set again", VM_T_U64, VM_U_COUNT, M, get_again, BITS),
	COL("COST", "cost_ns", "what the round cost the process, about: the lock, and setting bits again", VM_T_U64, VM_U_NS, D, get_cost, "clock"),
};
FIELDS(vm_ws_round_fields, "round", "rounds", round_fields, .fixed = true);
