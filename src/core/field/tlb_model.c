#include "core/field/tlb_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/field/define.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static struct vm_value ns_or_absent(double ns)
{
	return isnan(ns) ? VM_ABSENT : VM_U64((uint64_t)(ns + 0.5));
}

static struct vm_value number_or_absent(double v)
{
	return isfinite(v) ? VM_F64(v) : VM_ABSENT;
}

static struct vm_value ratio(double part, double of)
{
	return of > 0 && !isnan(part) ? VM_F64(part / of) : VM_ABSENT;
}

/* ---- By policy ---------------------------------------------------------------------------------------------------- */

#define POLICY vm_tlb_policy_row

static double accesses(const struct POLICY *row)
{
	return (double)row->loads + (double)row->stores;
}

PLAIN(policy_name, POLICY, VM_STR(vm_tlb_policy_name(row->policy)))
PLAIN(policy_key, POLICY, VM_STR(vm_tlb_policy_key(row->policy)))
PLAIN(policy_instructions, POLICY, VM_U64(row->instructions))
PLAIN(policy_accesses, POLICY, VM_U64(row->loads + row->stores))
PLAIN(policy_loads, POLICY, VM_U64(row->loads))
PLAIN(policy_stores, POLICY, VM_U64(row->stores))
PLAIN(policy_l1, POLICY, VM_U64(row->data.l1))
PLAIN(policy_stlb, POLICY, VM_U64(row->data.l1 - row->data.walks))
PLAIN(policy_walks, POLICY, VM_U64(row->data.walks))
PLAIN(policy_walks_2m, POLICY, VM_U64(row->data.walks_2m))
PLAIN(policy_near, POLICY, VM_U64(row->data.near))
PLAIN(policy_refs, POLICY, VM_U64(row->data.refs))
PLAIN(policy_per_1000, POLICY, ratio(1000 * (double)row->data.walks, accesses(row)))
PLAIN(policy_l1_share, POLICY, ratio((double)row->data.l1, accesses(row)))
PLAIN(policy_mpki, POLICY, ratio(1000 * (double)row->data.walks, (double)row->instructions))
PLAIN(policy_code_l1, POLICY, VM_U64(row->code.l1))
PLAIN(policy_code_walks, POLICY, VM_U64(row->code.walks))
PLAIN(policy_ns, POLICY, ratio(row->data_ns, accesses(row)))
PLAIN(policy_cost, POLICY, ns_or_absent(row->data_ns + row->code_ns))
PLAIN(policy_data_cost, POLICY, ns_or_absent(row->data_ns))
PLAIN(policy_code_cost, POLICY, ns_or_absent(row->code_ns))
PLAIN(policy_saved, POLICY, number_or_absent(row->saved))

#define TRACE "the program's accesses"
#define MODEL "simulated TLBs"
#define PRICE "simulated TLBs; costs by vmtlb --probe"

static const struct vm_field policy_fields[] = {
	{ .name = "POLICY", .key = "name", .help = "what page sizes are assumed", .type = VM_T_STR, .flags = VM_F_DEFAULT,
	  .get = policy_name, .source = "pagemap: PAGEMAP_SCAN; smaps" },
	{ .name = "KEY", .key = "policy", .help = "the policy as a word for programs: as_is, all_4k, all_2m, all_2m_not_split",
	  .type = VM_T_STR, .flags = M | VM_F_LABEL, .get = policy_key, .source = "as POLICY" },
	{ .name = "INSTRUCTIONS", .key = "instructions", .help = "instructions that were executed", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = policy_instructions, .source = TRACE },
	{ .name = "ACCESSES", .key = "accesses", .help = "loads and stores", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_DESC, .get = policy_accesses, .source = TRACE },
	{ .name = "LOADS", .key = "loads", .help = "loads", .type = VM_T_U64, .unit = VM_U_COUNT, .flags = M | VM_F_DESC,
	  .get = policy_loads, .source = TRACE },
	{ .name = "STORES", .key = "stores", .help = "stores", .type = VM_T_U64, .unit = VM_U_COUNT, .flags = M | VM_F_DESC,
	  .get = policy_stores, .source = TRACE },
	{ .name = "L1MISS", .key = "l1_misses", .help = "misses of the first-level data TLB, in a page each", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = policy_l1, .source = MODEL },
	{ .name = "L1MISS%", .key = "l1_miss_share", .help = "these as share of accesses, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = policy_l1_share, .source = MODEL },
	{ .name = "STLBHIT", .key = "stlb_hits", .help = "of these, hits of the second level", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = policy_stlb, .source = MODEL },
	{ .name = "WALKS", .key = "walks", .help = "the others: page walks for data", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_DESC, .get = policy_walks, .source = MODEL },
	{ .name = "WALKS2M", .key = "walks_2m", .help = "of these, to pages of 2M or 1G", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_DESC, .get = policy_walks_2m, .source = MODEL },
	{ .name = "NEAR", .key = "near_walks",
	  .help = "walks to an entry in one of the 16 lines of page tables that were read last", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = policy_near, .source = MODEL },
	{ .name = "REFS", .key = "walk_refs", .help = "entries of page tables that walks read", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = policy_refs, .source = MODEL },
	{ .name = "/1000", .key = "walks_per_1000", .help = "walks per 1000 accesses", .type = VM_T_F64, .flags = D | VM_F_DESC,
	  .get = policy_per_1000, .source = MODEL },
	{ .name = "WPKI", .key = "walks_per_1000_instructions", .help = "walks per 1000 instructions", .type = VM_T_F64,
	  .flags = M | VM_F_DESC, .get = policy_mpki, .source = MODEL },
	{ .name = "CODEMISS", .key = "code_l1_misses", .help = "misses of the first-level instruction TLB", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = policy_code_l1, .source = MODEL },
	{ .name = "CODEWALKS", .key = "code_walks", .help = "page walks for instructions", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_DESC, .get = policy_code_walks, .source = MODEL },
	{ .name = "NS/ACC", .key = "ns_per_access", .help = "what translation adds to an access, estimated, in ns",
	  .type = VM_T_F64, .flags = D | VM_F_DESC, .get = policy_ns, .source = PRICE },
	{ .name = "COST", .key = "cost_ns", .help = "what misses cost together, estimated: at most, where accesses overlap",
	  .type = VM_T_U64, .unit = VM_U_NS, .flags = D | VM_F_DESC, .get = policy_cost, .source = PRICE },
	{ .name = "DATACOST", .key = "data_cost_ns", .help = "of this, for data", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = M | VM_F_DESC, .get = policy_data_cost, .source = PRICE },
	{ .name = "CODECOST", .key = "code_cost_ns", .help = "of this, for instructions", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = M | VM_F_DESC, .get = policy_code_cost, .source = PRICE },
	{ .name = "SAVED", .key = "saved_share", .help = "share of the cost, with pages as they are, that it saves, in per cent "
	  "(JSON: 0 to 1)", .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = policy_saved, .source = PRICE },
};
FIELDS(vm_tlb_policy_fields, "page-size policy", "policies", policy_fields);

/* ---- By place ----------------------------------------------------------------------------------------------------- */

#define PLACE vm_tlb_place_row

static struct vm_value perm_text(const struct PLACE *row, struct vm_scratch *tmp)
{
	if (!row->m)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "%c%c%c%c", row->m->prot & PROT_READ ? 'r' : '-', row->m->prot & PROT_WRITE ? 'w' : '-',
		 row->m->prot & PROT_EXEC ? 'x' : '-', row->m->shared ? 's' : 'p');
	return VM_STR(tmp->text);
}

/** What 2M pages save here by the model; where they are split, that is what this machine would see. */
static struct vm_value saved_ns(const struct PLACE *row)
{
	const double saved = row->ns[VM_TLB_AS_IS] - row->ns[VM_TLB_ALL_2M];
	return isnan(saved) ? VM_ABSENT : VM_F64(saved);
}

/** f->arg: the policy. */
PLAIN(place_l1, PLACE, VM_U64(row->misses.policy[f->arg].l1))
PLAIN(place_walks, PLACE, f->arg < row->policies ? VM_U64(row->misses.policy[f->arg].walks) : VM_ABSENT)
PLAIN(place_cost, PLACE, f->arg < row->policies ? ns_or_absent(row->ns[f->arg]) : VM_ABSENT)
PLAIN(place_saved, PLACE, saved_ns(row))
PLAIN(place_share, PLACE, number_or_absent(row->share))
PLAIN(place_pid, PLACE, row->pid ? VM_U64((uint64_t)row->pid) : VM_ABSENT)
PLAIN(place_start, PLACE, row->m && !row->merged ? VM_U64(row->m->start) : VM_ABSENT)
PLAIN(place_end, PLACE, row->m && !row->merged ? VM_U64(row->m->end) : VM_ABSENT)
PLAIN(place_perm, PLACE, perm_text(row, tmp))
PLAIN(place_touched, PLACE, VM_U64(row->pages << 12))
PLAIN(place_can_2m, PLACE, VM_U64(row->regions_2m << 21))
PLAIN(place_huge, PLACE, VM_U64(row->regions_huge << 21))
PLAIN(place_mapping, PLACE, !row->m ? VM_ABSENT : VM_STR(*row->m->name ? row->m->name : "[anon]"))
PLAIN(place_what, PLACE, VM_STR(row->code ? "fetch" : "data"))
PLAIN(place_ip, PLACE, VM_U64(row->ip))
PLAIN(place_name, PLACE, row->place ? VM_STR(row->place) : VM_ABSENT)

GETTER(place_source)
{
	ROW(PLACE);
	if (!row->source)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), row->line ? "%.200s:%u" : "%.200s", row->source, row->line);
	return VM_STR(tmp->text);
}

#define F_PID { .name = "PID", .key = "pid", .help = "process; - where several are added up", .type = VM_T_U64, \
	.flags = M | VM_F_LABEL, .get = place_pid, .source = "the engine's process" }
#define F_MISSES \
	{ .name = "L1MISS", .key = "l1_misses", .help = "misses of the first-level TLB, with pages as they are", .type = VM_T_U64, \
	  .unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_l1, .arg = VM_TLB_AS_IS, .source = MODEL }, \
	{ .name = "WALKS", .key = "walks", .help = "page walks, with pages as they are", .type = VM_T_U64, .unit = VM_U_COUNT, \
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = place_walks, .arg = VM_TLB_AS_IS, .source = MODEL }, \
	{ .name = "%", .key = "share", .help = "share of all page walks, in per cent (JSON: 0 to 1)", .type = VM_T_F64, \
	  .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = place_share, .source = MODEL }, \
	{ .name = "4K-WALKS", .key = "walks_all_4k", .help = "page walks, if all pages were of 4K", .type = VM_T_U64, \
	  .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_walks, .arg = VM_TLB_ALL_4K, .source = MODEL }, \
	{ .name = "2M-WALKS", .key = "walks_all_2m", .help = "page walks, if pages were of 2M where that is possible", \
	  .type = VM_T_U64, .unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_walks, .arg = VM_TLB_ALL_2M, \
	  .source = MODEL }, \
	{ .name = "WHOLE-WALKS", .key = "walks_all_2m_not_split", \
	  .help = "the same where no host splits them; - where none does", .type = VM_T_U64, .unit = VM_U_COUNT, \
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = place_walks, .arg = VM_TLB_ALL_2M_WHOLE, .source = MODEL }, \
	{ .name = "COST", .key = "cost_ns", .help = "what misses cost, with pages as they are, estimated", .type = VM_T_U64, \
	  .unit = VM_U_NS, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_cost, .arg = VM_TLB_AS_IS, .source = PRICE }, \
	{ .name = "2M-COST", .key = "cost_all_2m_ns", .help = "the same with pages of 2M where that is possible", \
	  .type = VM_T_U64, .unit = VM_U_NS, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_cost, .arg = VM_TLB_ALL_2M, \
	  .source = PRICE }, \
	{ .name = "2M-SAVE", .key = "saved_all_2m_ns", .help = "what pages of 2M would save, estimated, in ns", .type = VM_T_F64, \
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = place_saved, .source = PRICE }

static const struct vm_field mapping_fields[] = {
	F_PID,
	{ .name = "START", .key = "start", .help = "first address; - where several are added up", .type = VM_T_U64,
	  .unit = VM_U_ADDR, .flags = D | VM_F_LABEL, .get = place_start, .source = "the engine's mappings" },
	{ .name = "END", .key = "end", .help = "address behind the last one", .type = VM_T_U64, .unit = VM_U_ADDR, .flags = M,
	  .get = place_end, .source = "the engine's mappings" },
	{ .name = "TOUCHED", .key = "touched_bytes", .help = "memory of the 4K pages that were touched", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D | VM_F_SUM | VM_F_DESC, .get = place_touched, .source = TRACE },
	{ .name = "2M-ABLE", .key = "possible_2m_bytes",
	  .help = "aligned blocks of 2M, inside of this one mapping, of which something was touched", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_can_2m, .source = TRACE },
	{ .name = "HUGE", .key = "huge_bytes", .help = "of these, mapped by huge pages when it was last looked", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = M | VM_F_SUM | VM_F_DESC, .get = place_huge, .source = "pagemap: PAGEMAP_SCAN; smaps" },
	F_MISSES,
	{ .name = "PERM", .key = "perm", .help = "permissions", .type = VM_T_STR, .flags = D | VM_F_LABEL, .get = place_perm,
	  .source = "the engine's mappings" },
	{ .name = "MAPPING", .key = "name", .help = "file, or what the memory is for", .type = VM_T_STR,
	  .flags = D | VM_F_PATH | VM_F_LABEL, .get = place_mapping, .source = "the engine's mappings" },
};
FIELDS(vm_tlb_model_mapping_fields, "mapping", "mappings", mapping_fields);

static const struct vm_field site_fields[] = {
	F_PID,
	{ .name = "IP", .key = "ip", .help = "address of the instruction; one of them where several are added up",
	  .type = VM_T_U64, .unit = VM_U_ADDR, .flags = M | VM_F_LABEL, .get = place_ip, .source = TRACE },
	{ .name = "WHAT", .key = "what", .help = "data: what it accesses; fetch: the instruction itself", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = place_what, .source = TRACE },
	F_MISSES,
	{ .name = "SITE", .key = "site", .help = "function and offset, and the file that holds it", .type = VM_T_STR,
	  .flags = D | VM_F_TRUNC, .get = place_name, .source = "symbols of the file" },
	{ .name = "LINE", .key = "source", .help = "source file and line, where there is debug information", .type = VM_T_STR,
	  .flags = M | VM_F_PATH, .get = place_source, .source = "DWARF" },
};
FIELDS(vm_tlb_model_site_fields, "site", "sites", site_fields);
