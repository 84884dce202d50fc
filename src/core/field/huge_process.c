/** Columns of huge pages in processes: by mapping, by size, by range, by process. */

#include "core/field/huge_process.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/analysis/tlbreach.h"
#include "core/base/str.h"
#include "core/field/define.h"
#include "core/model/aspace.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static const char *text_of(uint32_t bits, const char *const *names, unsigned n, char *buf, size_t size)
{
	size_t at = 0;
	buf[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		if (bits >> i & 1 && at + strlen(names[i]) + 2 < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? " " : "", names[i]);
	return buf;
}

const char *vm_why_text(uint32_t why, char *buf, size_t size)
{
	return text_of(why, vm_why_names, VM_WHY_NR, buf, size);
}

const char *vm_do_text(uint32_t what, char *buf, size_t size)
{
	return text_of(what, vm_do_names, VM_DO_NR, buf, size);
}

static struct vm_value share(uint64_t part, uint64_t all)
{
	return all ? VM_F64((double)part / (double)all) : VM_ABSENT;
}

static struct vm_value words(uint32_t why, struct vm_scratch *tmp)
{
	return VM_LIST(vm_why_text(why, tmp->text, sizeof(tmp->text)));
}

#define BYTES(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = (flags_) | VM_F_DESC, .get = get_, \
	  .source = source_ }
#define COUNT(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_COUNT, .flags = (flags_) | VM_F_DESC, .get = get_, \
	  .source = source_ }
#define SHARE(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_ ", in per cent (JSON: 0 to 1)", .type = VM_T_F64, .unit = VM_U_RATIO, \
	  .flags = (flags_) | VM_F_DESC, .get = get_, .source = source_ }
#define ADDR(name_, key_, help_, flags_, get_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_ADDR, .flags = flags_, .get = get_, .source = "maps" }
#define TEXT(name_, key_, help_, flags_, get_, source_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_STR, .flags = flags_, .get = get_, .source = source_ }
#define WORDS(name_, key_, help_, flags_, get_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_LIST, .flags = flags_, .get = get_, \
	  .source = "the rules of mm/huge_memory.c and mm/khugepaged.c" }

#define PAGES "page tables or pagemap"
#define FOLIOS PAGES ", kpageflags"

/* ---- By mapping --------------------------------------------------------------------------------------------------- */

#define MAPPING vm_huge_mapping_row
#define MAP (&row->space->map[row->at])
#define VMA (&row->space->as->map[row->at])

static const char *const backing_names[] = {
	[VM_HUGE_B_ANON] = "anon", [VM_HUGE_B_SHMEM] = "shmem", [VM_HUGE_B_TMPFS] = "tmpfs", [VM_HUGE_B_FILE] = "file",
	[VM_HUGE_B_HUGETLB] = "hugetlb", [VM_HUGE_B_SPECIAL] = "special",
};

static struct vm_why_group groups_of(const struct vm_huge_mapping_row *row)
{
	struct vm_why_group sum = { 0 };
	for (size_t k = row->why ? row->why->from[row->at] : 0; row->why && k < row->why->from[row->at + 1]; k++) {
		const struct vm_why_group *g = &row->why->of_mapping.v[k];
		sum.why |= g->why;
		sum.now |= g->now;
		sum.later |= g->later;
		sum.could_bytes += g->later & VM_DO(ALIGN) ? 0 : g->could_bytes;
		sum.costs_bytes += g->costs_bytes;
	}
	return sum;
}

static struct vm_value of_why(const struct vm_huge_mapping_row *row, uint64_t v)
{
	return row->why && row->space->read.ranges_known ? VM_U64(v) : VM_ABSENT;
}

static struct vm_value of_folios(const struct vm_huge_space *h, uint64_t v)
{
	return h->read.sizes_known ? VM_U64(v) : VM_ABSENT;
}

PLAIN(map_pid, MAPPING, VM_U64((uint64_t)VMA->pid))
PLAIN(map_start, MAPPING, VM_U64(VMA->start))
PLAIN(map_end, MAPPING, VM_U64(VMA->end))
PLAIN(map_size, MAPPING, VM_U64(VMA->end - VMA->start))
PLAIN(map_resident, MAPPING, VM_U64(MAP->resident))
PLAIN(map_huge, MAPPING, VM_U64(MAP->huge))
PLAIN(map_share, MAPPING, share(MAP->huge, MAP->resident))
PLAIN(map_large, MAPPING, of_folios(row->space, MAP->large))
PLAIN(map_partly, MAPPING, of_folios(row->space, MAP->partly))
PLAIN(map_edges, MAPPING, row->space->read.ranges_known ? VM_U64(MAP->edges) : VM_ABSENT)
PLAIN(map_swapped, MAPPING, VM_U64(MAP->swapped))
PLAIN(map_could, MAPPING, of_why(row, groups_of(row).could_bytes))
PLAIN(map_costs, MAPPING, of_why(row, groups_of(row).costs_bytes))
PLAIN(map_perm, MAPPING, VM_STR(vm_mapping_perm(VMA)))
PLAIN(map_backing, MAPPING, VM_STR(backing_names[MAP->backing]))
PLAIN(map_why, MAPPING, row->why ? words(groups_of(row).why, tmp) : VM_ABSENT)
PLAIN(map_name, MAPPING, VM_STR(VMA->name))

static uint64_t in_order(const struct vm_huge_mapping_row *row, unsigned order, bool unaligned_only)
{
	const struct vm_huge_cell *c = row->space->cells.v + MAP->cell;
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < MAP->ncells; i++)
		bytes += c[i].order == order && c[i].how != VM_HUGE_PARTLY && (!unaligned_only || c[i].how == VM_HUGE_UNALIGNED)
			? c[i].bytes : 0;
	return bytes;
}

PLAIN(map_in_order, MAPPING, of_folios(row->space, in_order(row, (unsigned)f->arg, false)))

GETTER(map_unaligned)
{
	ROW(MAPPING);
	uint64_t bytes = 0;
	for (unsigned order = 0; order < VM_HUGE_ORDERS; order++)
		bytes += in_order(row, order, true);
	return of_folios(row->space, bytes);
}

GETTER(map_sizes)
{
	ROW(MAPPING);
	char num[2][VM_NUMBUF];
	size_t at = 0;
	if (!row->space->read.sizes_known)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (unsigned order = 0; order <= VM_HUGE_ORDERS && at < sizeof(tmp->text); order++) {
		const bool partly = order == VM_HUGE_ORDERS;
		const uint64_t bytes = partly ? MAP->partly : in_order(row, order, false);
		if (bytes)
			at += (size_t)snprintf(tmp->text + at, sizeof(tmp->text) - at, "%s%s:%s", at ? " " : "",
					       partly ? "part" : vm_format_size(row->space->page_bytes << order, num[0]),
					       vm_format_size(bytes, num[1]));
	}
	return VM_LIST(tmp->text);
}

/** Adjacent ranges of addresses have the end where people expect it. */
GETTER(map_range)
{
	ROW(MAPPING);
	snprintf(tmp->text, sizeof(tmp->text), "%012llx-%012llx", (unsigned long long)VMA->start, (unsigned long long)VMA->end);
	return VM_STR(tmp->text);
}

#define IN_PAGES(name_, key_, order_) \
	{ .name = "IN" name_, .key = "in_" key_ "_bytes", .help = "in whole pages (folios) of " name_ ", whatever maps them", \
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = VM_F_DESC, .arg = order_, .get = map_in_order, .source = FOLIOS }

static const struct vm_field mapping_fields[] = {
	{ .name = "PID", .key = "pid", .help = "process", .type = VM_T_U64, .unit = VM_U_NONE, .flags = VM_F_LABEL, .get = map_pid,
	  .source = "the operand" },
	TEXT("ADDRESS", "range", "first address, and the one behind the last", VM_F_DEFAULT, map_range, "maps"),
	ADDR("START", "start", "first address", M | VM_F_LABEL, map_start),
	ADDR("END", "end", "address behind the last", M, map_end),
	BYTES("SIZE", "size_bytes", "size of the address range", M, map_size, "maps"),
	BYTES("RSS", "resident_bytes", "in memory, hugetlb pages included, pages of zeros not", D, map_resident, PAGES),
	BYTES("HUGE", "huge_bytes", "of it: mapped by entries of 2M or more", D, map_huge, PAGES),
	SHARE("HUGE%", "huge_share", "the same as a share of RSS", D, map_share, "HUGE / RSS"),
	BYTES("LARGE", "large_bytes", "in larger pages than base pages (folios) that entries of base pages map", M, map_large, FOLIOS),
	BYTES("PARTLY", "partly_bytes", "parts of such pages, the rest of which isn't mapped here", M, map_partly, FOLIOS),
	IN_PAGES("4K", "4k", 0), IN_PAGES("8K", "8k", 1), IN_PAGES("16K", "16k", 2), IN_PAGES("32K", "32k", 3), IN_PAGES("64K", "64k", 4),
	IN_PAGES("128K", "128k", 5), IN_PAGES("256K", "256k", 6), IN_PAGES("512K", "512k", 7), IN_PAGES("1M", "1m", 8),
	IN_PAGES("2M", "2m", 9), IN_PAGES("1G", "1g", 18),
	BYTES("UNALIGNED", "unaligned_bytes", "of these: at no multiple of their size", 0, map_unaligned, FOLIOS),
	{ .name = "SIZES", .key = "sizes", .help = "all of it by size of pages; what is in part of one last", .type = VM_T_LIST, .flags = 0,
	  .get = map_sizes, .source = FOLIOS },
	BYTES("EDGES", "edge_bytes", "outside of ranges that an entry of 2M could map", M, map_edges, PAGES),
	BYTES("SWAP", "swap_bytes", "swapped out", M, map_swapped, PAGES),
	BYTES("COULD", "could_bytes", "in memory, not huge, and would be if what the reasons say is done", D, map_could, "WHY"),
	BYTES("COSTS", "costs_bytes", "memory that this takes beyond RSS, at most", M, map_costs, "WHY"),
	TEXT("PERM", "perm", "permissions", M, map_perm, "maps"),
	TEXT("OF", "backing", "anon, shmem (the kernel's own mount), tmpfs, file, hugetlb, special", M, map_backing, "maps, mountinfo"),
	WORDS("WHY", "why", "reasons why not all of it is huge", D, map_why),
	TEXT("MAPPING", "name", "what is mapped", D | VM_F_PATH, map_name, "maps"),
};
FIELDS(vm_huge_mapping_fields, "mapping", "mappings", mapping_fields);

/* ---- By size ------------------------------------------------------------------------------------------------------ */

#define COVER vm_huge_cover_row

static const char *const how_names[VM_HUGE_HOWS] = { "small", "entry", "aligned", "unaligned", "partly" };
static const char *const how_words[VM_HUGE_HOWS] = { "", "one entry", "base, aligned", "base, unaligned", "base, in part" };

static uint64_t cover_sum(const struct vm_huge_cover_row *row)
{
	uint64_t sum = 0;
	for (unsigned w = 0; w < VM_HUGE_WHATS; w++)
		sum += row->bytes[w];
	return sum;
}

PLAIN(cover_page, COVER, row->page_bytes ? VM_U64(row->page_bytes) : VM_ABSENT)
PLAIN(cover_how, COVER, VM_STR(how_names[row->how]))
PLAIN(cover_words, COVER, VM_STR(how_words[row->how]))
PLAIN(cover_what, COVER, VM_U64(row->bytes[f->arg]))
PLAIN(cover_total, COVER, VM_U64(cover_sum(row)))
PLAIN(cover_share, COVER, share(cover_sum(row), row->resident))

#define WHAT(name_, key_, help_, which_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_DESC, .get = cover_what, \
	  .arg = which_, .source = FOLIOS }

static const struct vm_field cover_fields[] = {
	{ .name = "PAGES", .key = "page_bytes", .help = "size of the pages; - for parts of larger ones", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D | VM_F_LABEL, .get = cover_page, .source = FOLIOS },
	TEXT("MAPPED", "mapped", "by which entries, and where", VM_F_DEFAULT, cover_words, FOLIOS),
	TEXT("HOW", "how", "the same as a word: entry (one maps it), aligned, unaligned, partly, small", M | VM_F_LABEL, cover_how, FOLIOS),
	WHAT("ANON", "anon_bytes", "anonymous memory", VM_HUGE_ANON),
	WHAT("FILE", "file_bytes", "of files", VM_HUGE_FILE),
	WHAT("SHMEM", "shmem_bytes", "shared memory and tmpfs", VM_HUGE_SHMEM),
	WHAT("HUGETLB", "hugetlb_bytes", "of the hugetlb pool", VM_HUGE_HUGETLB),
	BYTES("TOTAL", "total_bytes", "all of these", D, cover_total, FOLIOS),
	SHARE("%", "share", "of what is resident", D, cover_share, FOLIOS),
};
FIELDS(vm_huge_cover_fields, "page size", "sizes", cover_fields);

/* ---- By range ----------------------------------------------------------------------------------------------------- */

#define RANGE vm_huge_range_row

PLAIN(range_start, RANGE, VM_U64(row->range->start))
PLAIN(range_present, RANGE, VM_U64(row->range->present))
PLAIN(range_zero, RANGE, VM_U64(row->range->zero))
PLAIN(range_swapped, RANGE, VM_U64(row->range->swapped))
PLAIN(range_shared, RANGE, row->space->read.shared_known ? VM_U64(row->range->shared) : VM_ABSENT)
PLAIN(range_merged, RANGE, row->space->read.sizes_known ? VM_U64(row->range->merged) : VM_ABSENT)
PLAIN(range_anon, RANGE, VM_U64(row->range->anon))
PLAIN(range_huge, RANGE, row->space->read.entries_known ? VM_BOOL(row->range->flags & VM_HUGE_R_HUGE) : VM_ABSENT)
PLAIN(range_folio, RANGE, row->space->read.sizes_known || (row->range->flags & VM_HUGE_R_HUGE)
	? VM_U64(row->space->page_bytes << row->range->order) : VM_ABSENT)
PLAIN(range_could, RANGE, VM_U64(row->why.could_bytes))
PLAIN(range_costs, RANGE, VM_U64(row->why.costs_bytes))
PLAIN(range_why, RANGE, words(row->why.why, tmp))
PLAIN(range_name, RANGE, VM_STR(row->space->as->map[row->range->mapping].name))

GETTER(range_now)
{
	ROW(RANGE);
	return VM_LIST(vm_do_text(row->why.now, tmp->text, sizeof(tmp->text)));
}

GETTER(range_later)
{
	ROW(RANGE);
	return VM_LIST(vm_do_text(row->why.later, tmp->text, sizeof(tmp->text)));
}

static const struct vm_field range_fields[] = {
	ADDR("ADDRESS", "start", "first address of the range", D | VM_F_LABEL, range_start),
	COUNT("PAGES", "present_pages", "base pages in memory, pages of zeros not counted", D, range_present, PAGES),
	COUNT("ZERO", "zero_pages", "pages of zeros", M, range_zero, PAGES),
	COUNT("SWAP", "swap_pages", "pages swapped out", D, range_swapped, PAGES),
	COUNT("SHARED", "shared_pages", "of PAGES: mapped elsewhere too", D, range_shared, "page tables, pagemap"),
	COUNT("MERGED", "merged_pages", "of PAGES: merged with equal ones by KSM", M, range_merged, "kpageflags"),
	COUNT("ANON", "anon_pages", "of PAGES: anonymous, which in a mapping of a file are private copies", M, range_anon, PAGES),
	{ .name = "HUGE", .key = "huge", .help = "one entry maps it", .type = VM_T_BOOL, .flags = D, .get = range_huge, .source = PAGES },
	BYTES("FOLIO", "folio_bytes", "largest page that begins in it", D, range_folio, FOLIOS),
	BYTES("COULD", "could_bytes", "in memory, not huge, and would be if that is done", D, range_could, "WHY"),
	BYTES("COSTS", "costs_bytes", "memory that this takes beyond, at most", M, range_costs, "WHY"),
	WORDS("WHY", "why", "reasons why it isn't huge", D, range_why),
	WORDS("NOW", "now", "what makes it huge at once", M, range_now),
	WORDS("LATER", "later", "what lets khugepaged do it, or gives memory touched later huge pages", M, range_later),
	TEXT("MAPPING", "name", "what is mapped there", D | VM_F_PATH, range_name, "maps"),
};
FIELDS(vm_huge_range_fields, "range", "ranges", range_fields);

/* ---- By process --------------------------------------------------------------------------------------------------- */

#define PROCESS vm_huge_process_row

PLAIN(proc_since, PROCESS, VM_U64(row->since_ns))
PLAIN(proc_pid, PROCESS, VM_U64((uint64_t)row->proc.pid))
PLAIN(proc_comm, PROCESS, VM_STR(row->proc.comm))
PLAIN(proc_resident, PROCESS, VM_U64(row->total.resident))
PLAIN(proc_huge, PROCESS, VM_U64(row->total.huge))
PLAIN(proc_share, PROCESS, share(row->total.huge, row->total.resident))
PLAIN(proc_large, PROCESS, row->sizes_known ? VM_U64(row->total.large) : VM_ABSENT)
PLAIN(proc_partly, PROCESS, row->sizes_known ? VM_U64(row->total.partly) : VM_ABSENT)
PLAIN(proc_swapped, PROCESS, VM_U64(row->total.swapped))
PLAIN(proc_could, PROCESS, row->could_known ? VM_U64(row->could_bytes) : VM_ABSENT)
PLAIN(proc_now, PROCESS, row->could_known ? VM_U64(row->now_bytes) : VM_ABSENT)
PLAIN(proc_costs, PROCESS, row->could_known ? VM_U64(row->costs_bytes) : VM_ABSENT)
PLAIN(proc_aligned, PROCESS, row->could_known ? VM_U64(row->aligned_bytes) : VM_ABSENT)
PLAIN(proc_why, PROCESS, words(row->why, tmp))
PLAIN(proc_off, PROCESS, vm_proc_has(&row->proc, VM_P_THP_ENABLED) ? VM_BOOL(!row->proc.q[VM_P_THP_ENABLED]) : VM_ABSENT)

/** What the TLB reaches; `could`: if all were done that can be. */
static struct vm_value reach(const struct vm_huge_process_row *row, bool could)
{
	struct vm_tlb_resident r = {
		.bytes = { [VM_TLB_4K] = row->by_entry[0], [VM_TLB_2M] = row->by_entry[1], [VM_TLB_1G] = row->by_entry[2] },
	};
	if (could) {
		const uint64_t more = row->could_bytes < r.bytes[VM_TLB_4K] ? row->could_bytes : r.bytes[VM_TLB_4K];
		r.bytes[VM_TLB_4K] -= more;
		r.bytes[VM_TLB_2M] += more;
	}
	const double v = vm_tlb_reach_share(&row->proc.tlb, &r);
	return isnan(v) || (could && !row->could_known) ? VM_ABSENT : VM_F64(v);
}

PLAIN(proc_reach, PROCESS, reach(row, false))
PLAIN(proc_reach_could, PROCESS, reach(row, true))

#define REACH "vmtlb --probe"

static const struct vm_field process_fields[] = {
	{ .name = "SINCE", .key = "since_ns", .help = "with an interval: time since the first sample", .type = VM_T_U64, .unit = VM_U_NS,
	  .flags = 0, .get = proc_since, .source = "CLOCK_MONOTONIC" },
	{ .name = "PID", .key = "pid", .help = "process", .type = VM_T_U64, .unit = VM_U_NONE, .flags = D | VM_F_LABEL, .get = proc_pid,
	  .source = "stat" },
	BYTES("RSS", "resident_bytes", "in memory, hugetlb pages included, pages of zeros not", D, proc_resident, PAGES),
	BYTES("HUGE", "huge_bytes", "of it: mapped by entries of 2M or more", D, proc_huge, PAGES),
	SHARE("HUGE%", "huge_share", "the same as a share of RSS", D, proc_share, "HUGE / RSS"),
	BYTES("LARGE", "large_bytes", "in larger pages than base pages (folios) that entries of base pages map", M, proc_large, FOLIOS),
	BYTES("PARTLY", "partly_bytes", "parts of such pages", M, proc_partly, FOLIOS),
	BYTES("SWAP", "swap_bytes", "swapped out", M, proc_swapped, PAGES),
	BYTES("COULD", "could_bytes", "in memory, not huge, and could be: vmhuge PID says how", D, proc_could, "WHY"),
	BYTES("NOW", "now_bytes", "of COULD: by MADV_COLLAPSE, at once", M, proc_now, "WHY"),
	BYTES("COSTS", "costs_bytes", "memory that this takes beyond RSS, at most", D, proc_costs, "WHY"),
	BYTES("ALIGNED", "aligned_bytes", "what would be huge besides if its mappings began at multiples of 2M", M, proc_aligned, "WHY"),
	SHARE("REACH%", "tlb_reach_share", "memory that the second-level TLB translates at once, at best", D, proc_reach, REACH),
	SHARE("THEN%", "tlb_reach_could_share", "the same if all were done that COULD counts", M, proc_reach_could, REACH),
	{ .name = "OFF", .key = "thp_disabled", .help = "prctl(PR_SET_THP_DISABLE) holds", .type = VM_T_BOOL, .flags = M, .get = proc_off,
	  .source = "status: THP_enabled" },
	WORDS("WHY", "why", "reasons of most of what isn't huge", D, proc_why),
	TEXT("COMM", "comm", "name of the command", D | VM_F_TRUNC, proc_comm, "stat"),
};
FIELDS(vm_huge_process_fields, "process", "processes", process_fields);
