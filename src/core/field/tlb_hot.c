#include "core/field/tlb_hot.h"

#include <math.h>

#include "core/model/aspace.h"
#include "core/model/kind.h"

#define ROW vm_tlb_hot_row
#define PLAIN(name, expr) \
	static struct vm_value name(const struct vm_field *f, const void *row_, struct vm_scratch *tmp) \
	{ \
		const struct ROW *row = row_; \
		(void)f, (void)tmp; \
		return expr; \
	}

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static struct vm_value count(uint64_t n)
{
	return n == VM_ACCESSED_UNKNOWN ? VM_ABSENT : VM_U64(n);
}

static struct vm_value number(double x)
{
	return isnan(x) ? VM_ABSENT : VM_F64(x);
}

static struct vm_value word(const char *s)
{
	return s ? VM_STR(s) : VM_ABSENT;
}

/** People see whole walks. */
static struct vm_value whole(double x)
{
	return isnan(x) ? VM_ABSENT : VM_U64((uint64_t)(x + 0.5));
}

PLAIN(get_start, row->m ? VM_U64(row->m->start) : VM_ABSENT)
PLAIN(get_end, row->m ? VM_U64(row->m->end) : VM_ABSENT)
PLAIN(get_resident, count(row->resident_bytes))
PLAIN(get_used, count(row->used_bytes))
PLAIN(get_walked, count(row->walked_bytes))
PLAIN(get_huge, count(row->huge_bytes))
PLAIN(get_share, number(row->walked_share))
PLAIN(get_used_entries, count(row->used_entries))
PLAIN(get_walked_entries, count(row->walked_entries))
PLAIN(get_per_ms, number(row->walked_per_ms))
PLAIN(get_walks, whole(row->walks_per_s))
PLAIN(get_stlb, number(row->stlb_times))
PLAIN(get_time, number(row->time_share))
PLAIN(get_blocks, count(row->blocks))
PLAIN(get_density, number(row->density))
PLAIN(get_order, word(vm_tlb_order_words[row->order]))
PLAIN(get_verdict, word(vm_tlb_verdict_words[row->verdict]))
PLAIN(get_perm, row->m ? VM_STR(vm_mapping_perm(row->m)) : VM_ABSENT)
PLAIN(get_kind, row->m ? VM_STR(vm_kinds[row->m->kind].name) : VM_ABSENT)
PLAIN(get_name, row->m ? VM_STR(*row->m->name ? row->m->name : "[anon]") : VM_ABSENT)

#define BITS "page tables: accessed bits"

static const struct vm_field fields[] = {
	{ .name = "START", .key = "start", .help = "first address", .type = VM_T_U64, .unit = VM_U_ADDR, .flags = D | VM_F_LABEL,
	  .get = get_start, .source = "maps" },
	{ .name = "END", .key = "end", .help = "address behind the last one", .type = VM_T_U64, .unit = VM_U_ADDR, .flags = M,
	  .get = get_end, .source = "maps" },
	{ .name = "RSS", .key = "resident_bytes", .help = "memory that is there; not the page of zeros, nor memory of devices",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = M | VM_F_SUM | VM_F_DESC, .get = get_resident,
	  .source = "page tables; smaps: Rss" },
	{ .name = "USED", .key = "used_bytes", .help = "pages used within a window: TLBs were flushed before, or at least they were walked", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D | VM_F_SUM | VM_F_DESC, .get = get_used, .source = BITS "; smaps: Referenced" },
	{ .name = "WALKED", .key = "walked_bytes", .help = "pages walked within a window: TLBs were left alone",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_SUM | VM_F_DESC, .get = get_walked,
	  .source = BITS "; smaps: Referenced" },
	{ .name = "WALK%", .key = "walked_share", .help = "of the entries used, those walked, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = get_share, .source = BITS },
	{ .name = "HUGE", .key = "huge_bytes", .help = "of USED, by entries of huge pages", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = get_huge, .source = BITS },
	{ .name = "ENTRIES", .key = "used_entries", .help = "page-table entries used; a huge page is one", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = get_used_entries, .source = BITS },
	{ .name = "WENTRIES", .key = "walked_entries", .help = "page-table entries walked", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = get_walked_entries, .source = BITS },
	{ .name = "PER-MS", .key = "walked_entries_per_ms", .help = "entries walked in a millisecond of a window", .type = VM_T_F64,
	  .flags = M | VM_F_DESC, .get = get_per_ms, .source = BITS },
	{ .name = "WALKS/S", .key = "walks_per_second_min", .help = "page walks a second, at least", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_DESC, .get = get_walks, .source = BITS },
	{ .name = "TIME%", .key = "time_share_min", .help = "of the time that it ran, in these walks, unless it works meanwhile; "
	  "in per cent (JSON: 0 to 1)", .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = get_time,
	  .source = BITS ", at the cost that --probe measured" },
	{ .name = "xSTLB", .key = "stlb_times", .help = "entries used (or else walked), against those of the second-level TLB", .type = VM_T_F64,
	  .flags = D | VM_F_DESC, .get = get_stlb, .source = BITS ", and the TLB as --probe measured it" },
	{ .name = "BLOCKS", .key = "blocks_2m", .help = "blocks of 2M that hold used pages of 4K: entries that huge pages would take", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_DESC, .get = get_blocks, .source = BITS },
	{ .name = "DENSE%", .key = "block_density", .help = "of the blocks of 2M that hold pages of 4K, what is there, in per cent (JSON: 0 to 1)",
	  .type = VM_T_F64, .unit = VM_U_RATIO, .flags = M | VM_F_DESC, .get = get_density, .source = BITS },
	{ .name = "ORDER", .key = "order", .help = "in-order or scattered: where pages are walked within a short window",
	  .type = VM_T_STR, .flags = D, .get = get_order, .source = BITS },
	{ .name = "VERDICT", .key = "verdict", .help = "idle, fits, rare, in-order, split, walks or unknown", .type = VM_T_STR,
	  .flags = D, .get = get_verdict, .source = BITS },
	{ .name = "PERM", .key = "perm", .help = "permissions, as in maps", .type = VM_T_STR, .flags = M, .get = get_perm,
	  .source = "maps" },
	{ .name = "KIND", .key = "kind", .help = "what the mapping is for", .type = VM_T_STR, .flags = M, .get = get_kind,
	  .source = "maps" },
	{ .name = "MAPPING", .key = "name", .help = "what is mapped", .type = VM_T_STR, .flags = D | VM_F_PATH, .get = get_name,
	  .source = "maps" },
};
const struct vm_fieldset vm_tlb_hot_fields = {
	.row = "mapping in use", .rows = "mappings", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};
