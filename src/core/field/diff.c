/** Columns of mappings of two moments: each figure before (.A), after (.B), and its growth (+). */

#include "core/field/diff.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/analysis/spacediff.h"
#include "core/base/str.h"
#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

/** What names the row: how it is now, else how it was. */
static const struct vm_mapping *named(const struct vm_diff_row *row)
{
	return row->b ? row->b : row->a;
}

static bool has_range(const struct vm_mapping *m)
{
	return m && !(m->differs & VM_DIFFERS_RANGE);
}

/* ---- Figures ----------------------------------------------------------------------------------------------------- */

/** Figures that are no quantities of smaps. */
enum { OF_SIZE = VM_Q_NR, OF_COUNT, OF_ABSENT, OF_MEMORY };

/** What isn't there has none of it.  Pages of hugetlb pools are in no RSS. */
static bool figure(const struct vm_mapping *m, unsigned of, uint64_t *v)
{
	*v = 0;
	if (!m)
		return true;
	switch (of) {
	case OF_SIZE:
		*v = vm_mapping_size(m);
		return true;
	case OF_COUNT:
		*v = m->count;
		return true;
	case OF_MEMORY:
		return vm_mapping_in_use(m, v);
	case OF_ABSENT: {
		const uint64_t there = m->q[VM_Q_RSS] + m->q[VM_Q_PRIVATE_HUGETLB] + m->q[VM_Q_SHARED_HUGETLB];
		const uint64_t size = vm_mapping_size(m);
		*v = size > there ? size - there : 0;
		return m->have & VM_HAVE(VM_Q_RSS);
	}
	default:
		*v = m->q[of];
		return m->have & VM_HAVE(of);
	}
}

static bool growth(const struct vm_diff_row *row, unsigned of, int64_t *v)
{
	uint64_t before, after;
	const bool known = figure(row->a, of, &before);
	const bool both = figure(row->b, of, &after) && known;
	*v = (int64_t)(after - before);
	return both;
}

GETTER(get_before)
{
	ROW(vm_diff_row);
	uint64_t v;
	return figure(row->a, f->arg, &v) ? VM_U64(v) : VM_ABSENT;
}

GETTER(get_after)
{
	ROW(vm_diff_row);
	uint64_t v;
	return figure(row->b, f->arg, &v) ? VM_U64(v) : VM_ABSENT;
}

GETTER(get_growth)
{
	ROW(vm_diff_row);
	int64_t v;
	return growth(row, f->arg, &v) ? VM_I64(v) : VM_ABSENT;
}

PLAIN(get_memory_growth, vm_diff_row, row->has_growth ? VM_I64(row->growth) : VM_ABSENT)
PLAIN(get_rate, vm_diff_row, row->has_growth && row->seconds > 0 ? VM_F64((double)row->growth / row->seconds) : VM_ABSENT)

/* ---- What happened ------------------------------------------------------------------------------------------------ */

PLAIN(get_state, vm_diff_row, VM_STR(vm_diff_state_words[row->state]))

GETTER(get_how)
{
	ROW(vm_diff_row);
	size_t n = 0;
	tmp->text[0] = '\0';
	for (unsigned i = 0; i < VM_DIFF_HOWS; i++)
		if (row->how >> i & 1)
			n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%s", n ? " " : "", vm_diff_how_words[i]);
	return VM_LIST(tmp->text);
}

/** "+lo -hg" */
GETTER(get_flag_changes)
{
	ROW(vm_diff_row);
	if (!row->a || !row->b || !row->a->have_flags || !row->b->have_flags || row->a->count > 1 || row->b->count > 1)
		return VM_ABSENT;
	const uint64_t differ = row->a->flags ^ row->b->flags;
	size_t n = 0;
	tmp->text[0] = '\0';
	for (unsigned i = 0; i < VM_VMF_COUNT; i++)
		if (differ >> i & 1)
			n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%c%s", n ? " " : "",
					      row->b->flags >> i & 1 ? '+' : '-', vm_vmflags[i].code);
	return VM_LIST(tmp->text);
}

/* ---- What it is ----------------------------------------------------------------------------------------------------- */

static struct vm_value range_text(const struct vm_mapping *m, struct vm_scratch *tmp)
{
	if (!has_range(m))
		return VM_ABSENT;
	const unsigned digits = m->end >> 48 ? 16 : 12;
	size_t n = vm_put_hex(tmp->text, m->start, digits);
	tmp->text[n++] = '-';
	n += vm_put_hex(tmp->text + n, m->end, digits);
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

static struct vm_value perm_text(const struct vm_mapping *m)
{
	return m && !(m->differs & VM_DIFFERS_PERM) ? VM_STR(vm_mapping_perm(m)) : VM_ABSENT;
}

static struct vm_value flags_text(const struct vm_mapping *m, struct vm_scratch *tmp)
{
	if (!m || !m->have_flags || m->count > 1)
		return VM_ABSENT;
	vm_vmflags_text(m->flags, tmp->text, sizeof(tmp->text));
	return VM_LIST(tmp->text);
}

static struct vm_value kind_text(const struct vm_mapping *m)
{
	return m->kind == VM_KIND_UNKNOWN ? VM_ABSENT : VM_STR(vm_kinds[m->kind].name);
}

static struct vm_value device_text(const struct vm_mapping *m, struct vm_scratch *tmp)
{
	if (m->differs & VM_DIFFERS_FILE)
		return VM_ABSENT;
	size_t n = vm_put_hex(tmp->text, m->dev_major, 2);
	tmp->text[n++] = ':';
	n += vm_put_hex(tmp->text + n, m->dev_minor, 2);
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

/** A row that stands for several on one side is nowhere. */
static const struct vm_mapping *placed(const struct vm_diff_row *row)
{
	return (row->a && !has_range(row->a)) || (row->b && !has_range(row->b)) ? NULL : named(row);
}

PLAIN(get_range, vm_diff_row, range_text(placed(row), tmp))
PLAIN(get_start, vm_diff_row, placed(row) ? VM_U64(placed(row)->start) : VM_ABSENT)
PLAIN(get_start_a, vm_diff_row, has_range(row->a) ? VM_U64(row->a->start) : VM_ABSENT)
PLAIN(get_end_a, vm_diff_row, has_range(row->a) ? VM_U64(row->a->end) : VM_ABSENT)
PLAIN(get_start_b, vm_diff_row, has_range(row->b) ? VM_U64(row->b->start) : VM_ABSENT)
PLAIN(get_end_b, vm_diff_row, has_range(row->b) ? VM_U64(row->b->end) : VM_ABSENT)
PLAIN(get_perm, vm_diff_row, perm_text(named(row)))
PLAIN(get_perm_a, vm_diff_row, perm_text(row->a))
PLAIN(get_perm_b, vm_diff_row, perm_text(row->b))
PLAIN(get_flags_a, vm_diff_row, flags_text(row->a, tmp))
PLAIN(get_flags_b, vm_diff_row, flags_text(row->b, tmp))
PLAIN(get_kind, vm_diff_row, kind_text(named(row)))
PLAIN(get_offset, vm_diff_row, placed(row) ? VM_U64(placed(row)->offset) : VM_ABSENT)
PLAIN(get_device, vm_diff_row, device_text(named(row), tmp))
PLAIN(get_inode, vm_diff_row, named(row)->differs & VM_DIFFERS_FILE ? VM_ABSENT : VM_U64(named(row)->inode))
PLAIN(get_page, vm_diff_row, named(row)->have & VM_HAVE(VM_Q_KPAGE) ? VM_U64(named(row)->q[VM_Q_KPAGE]) : VM_ABSENT)
PLAIN(get_name, vm_diff_row, VM_STR(named(row)->name))

#define D VM_F_DEFAULT
#define M VM_F_MACHINE
#define LAYOUT VM_NEED(LAYOUT)
#define FIELD(name_, key_, type_, unit_, flags_, needs_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, .unit = unit_, .flags = flags_, .needs = needs_, \
	  .get = get_, .source = source_ }
/** A figure at both moments and its growth; of the latter's `flags_`. */
#define TRIPLE(name_, key_, end_, unit_, of_, flags_, needs_, source_) \
	GROWING(name_, key_, end_, unit_, of_, flags_, needs_, get_growth, source_)
#define GROWING(name_, key_, end_, unit_, of_, flags_, needs_, growth_, source_) \
	{ .name = name_ ".A", .key = key_ "_before" end_, .help = name_ " at A", .type = VM_T_U64, .unit = unit_, \
	  .flags = M | VM_F_SUM | VM_F_DESC, .needs = needs_, .arg = of_, .get = get_before, .source = source_ }, \
	{ .name = name_ ".B", .key = key_ "_after" end_, .help = name_ " at B", .type = VM_T_U64, .unit = unit_, \
	  .flags = M | VM_F_SUM | VM_F_DESC, .needs = needs_, .arg = of_, .get = get_after, .source = source_ }, \
	{ .name = name_ "+", .key = key_ "_growth" end_, .help = "growth of " name_, .type = VM_T_I64, .unit = unit_, \
	  .flags = (flags_) | M | VM_F_SUM | VM_F_DESC, .needs = needs_, .arg = of_, .get = growth_, .source = source_ }
#define BYTES(name_, key_, q_, flags_, source_) \
	TRIPLE(name_, key_, "_bytes", VM_U_BYTES, q_, flags_, VM_NEED(SMAPS), "smaps: " source_)

static const struct vm_field fields[] = {
	FIELD("STATE", "state", VM_T_STR, VM_U_NONE, D | M | VM_F_LABEL, LAYOUT | VM_NEED(SMAPS), get_state, "vmdiff",
	      "new, gone, grown, shrunk, changed, or same"),
	FIELD("ADDRESS", "address", VM_T_STR, VM_U_NONE, 0, LAYOUT, get_range, "maps", "range at B; of what is gone, at A"),
	FIELD("START", "start", VM_T_U64, VM_U_ADDR, D | VM_F_LABEL, LAYOUT, get_start, "maps", "first byte at B; of what is gone, at A"),
	FIELD("START.A", "start_before", VM_T_U64, VM_U_ADDR, M, LAYOUT, get_start_a, "maps", "first byte at A"),
	FIELD("END.A", "end_before", VM_T_U64, VM_U_ADDR, M, LAYOUT, get_end_a, "maps", "first byte behind it at A"),
	FIELD("START.B", "start_after", VM_T_U64, VM_U_ADDR, M, LAYOUT, get_start_b, "maps", "first byte at B"),
	FIELD("END.B", "end_after", VM_T_U64, VM_U_ADDR, M, LAYOUT, get_end_b, "maps", "first byte behind it at B"),
	TRIPLE("COUNT", "count", "", VM_U_COUNT, OF_COUNT, 0, LAYOUT, "maps"),
	GROWING("MEM", "memory", "_bytes", VM_U_BYTES, OF_MEMORY, D, VM_NEED(SMAPS), get_memory_growth,
		"smaps: Rss + Swap + Shared_Hugetlb + Private_Hugetlb"),
	FIELD("RATE", "growth_bytes_per_second", VM_T_F64, VM_U_BYTES_PERSEC, M | VM_F_SUM | VM_F_DESC, VM_NEED(SMAPS), get_rate,
	      "vmdiff", "growth of MEM a second, where the time between is known"),
	TRIPLE("SIZE", "size", "_bytes", VM_U_BYTES, OF_SIZE, D, LAYOUT, "maps"),
	BYTES("RSS", "rss", VM_Q_RSS, D, "Rss"),
	BYTES("PSS", "pss", VM_Q_PSS, D, "Pss"),
	BYTES("USS", "uss", VM_Q_USS, 0, "Private_Clean + Private_Dirty + Private_Hugetlb"),
	BYTES("DIRTY", "dirty", VM_Q_DIRTY, 0, "Shared_Dirty + Private_Dirty"),
	BYTES("PSSDIRTY", "pss_dirty", VM_Q_PSS_DIRTY, 0, "Pss_Dirty (Linux 6.0)"),
	BYTES("SHCLEAN", "shared_clean", VM_Q_SHARED_CLEAN, 0, "Shared_Clean"),
	BYTES("SHDIRTY", "shared_dirty", VM_Q_SHARED_DIRTY, 0, "Shared_Dirty"),
	BYTES("PRCLEAN", "private_clean", VM_Q_PRIVATE_CLEAN, 0, "Private_Clean"),
	BYTES("PRDIRTY", "private_dirty", VM_Q_PRIVATE_DIRTY, 0, "Private_Dirty"),
	BYTES("REFD", "referenced", VM_Q_REFERENCED, 0, "Referenced"),
	BYTES("ANON", "anon", VM_Q_ANON, 0, "Anonymous"),
	BYTES("KSM", "ksm", VM_Q_KSM, 0, "KSM (Linux 6.7)"),
	BYTES("LAZYFREE", "lazyfree", VM_Q_LAZYFREE, 0, "LazyFree"),
	BYTES("THP", "thp", VM_Q_THP, 0, "AnonHugePages"),
	BYTES("SHMEMTHP", "shmem_thp", VM_Q_SHMEM_THP, 0, "ShmemPmdMapped"),
	BYTES("FILETHP", "file_thp", VM_Q_FILE_THP, 0, "FilePmdMapped"),
	BYTES("SHHUGETLB", "shared_hugetlb", VM_Q_SHARED_HUGETLB, 0, "Shared_Hugetlb"),
	BYTES("PRHUGETLB", "private_hugetlb", VM_Q_PRIVATE_HUGETLB, 0, "Private_Hugetlb"),
	BYTES("SWAP", "swap", VM_Q_SWAP, 0, "Swap"),
	BYTES("SWAPPSS", "swap_pss", VM_Q_SWAP_PSS, 0, "SwapPss"),
	BYTES("LOCKED", "locked", VM_Q_LOCKED, 0, "Locked"),
	TRIPLE("ABSENT", "absent", "_bytes", VM_U_BYTES, OF_ABSENT, 0, LAYOUT | VM_NEED(SMAPS), "smaps: Size - Rss - hugetlb pages"),
	FIELD("PERM", "perm", VM_T_STR, VM_U_NONE, D, LAYOUT, get_perm, "maps",
	      "read, write, execute; p private or s shared: at B; of what is gone, at A"),
	FIELD("PERM.A", "perm_before", VM_T_STR, VM_U_NONE, M, LAYOUT, get_perm_a, "maps", "the same at A"),
	FIELD("PERM.B", "perm_after", VM_T_STR, VM_U_NONE, M, LAYOUT, get_perm_b, "maps", "the same at B"),
	FIELD("HOW", "how", VM_T_LIST, VM_U_NONE, D | M, LAYOUT | VM_NEED(SMAPS) | VM_NEED(FLAGS), get_how, "vmdiff",
	      "what else happened: split, merged, moved, perm, flags, renamed, offset, content"),
	FIELD("VMFLAGS.A", "vm_flags_before", VM_T_LIST, VM_U_NONE, M, VM_NEED(FLAGS), get_flags_a, "smaps: VmFlags",
	      "the kernel's flags of the mapping at A"),
	FIELD("VMFLAGS.B", "vm_flags_after", VM_T_LIST, VM_U_NONE, M, VM_NEED(FLAGS), get_flags_b, "smaps: VmFlags",
	      "the same at B"),
	FIELD("VMFLAGS+", "vm_flags_changes", VM_T_LIST, VM_U_NONE, 0, VM_NEED(FLAGS), get_flag_changes, "smaps: VmFlags",
	      "those that came (+lo) or went (-hg)"),
	FIELD("KIND", "kind", VM_T_STR, VM_U_NONE, D | M | VM_F_LABEL, VM_NEED_KIND, get_kind,
	      "maps, ELF headers of the files, stack pointers of the threads", "what the mapping is for"),
	FIELD("PAGE", "page_bytes", VM_T_U64, VM_U_BYTES, M, VM_NEED(SMAPS), get_page, "smaps: KernelPageSize",
	      "page size of the mapping's backing"),
	FIELD("OFFSET", "offset_bytes", VM_T_U64, VM_U_BYTES, M, LAYOUT, get_offset, "maps", "offset in the file"),
	FIELD("DEVICE", "device", VM_T_STR, VM_U_NONE, M, LAYOUT, get_device, "maps", "device of the file, major:minor in hex"),
	FIELD("INODE", "inode", VM_T_U64, VM_U_COUNT, M, LAYOUT, get_inode, "maps", "inode of the file"),
	FIELD("MAPPING", "name", VM_T_STR, VM_U_NONE, D | M | VM_F_LABEL | VM_F_PATH, LAYOUT, get_name, "maps",
	      "file or other name as the kernel shows it"),
};
FIELDS(vm_diff_fields, "changed mapping", "mappings", fields);

/* ---- Processes ------------------------------------------------------------------------------------------------------- */

static bool process_figure(const struct vm_proc *p, unsigned q, uint64_t *v)
{
	*v = p->q[q];
	return vm_proc_has(p, q);
}

GETTER(get_total)
{
	ROW(vm_diff_process_row);
	uint64_t before, after;
	const bool a = process_figure(row->a, f->arg, &before), b = process_figure(row->b, f->arg, &after);
	switch (row->side) {
	case VM_DIFF_BEFORE:
		return a ? VM_U64(before) : VM_ABSENT;
	case VM_DIFF_AFTER:
		return b ? VM_U64(after) : VM_ABSENT;
	default:
		return a && b ? VM_I64((int64_t)(after - before)) : VM_ABSENT;
	}
}

GETTER(get_moment)
{
	static const char *const words[] = { [VM_DIFF_BEFORE] = "A", [VM_DIFF_AFTER] = "B", [VM_DIFF_CHANGE] = "growth" };
	ROW(vm_diff_process_row);
	return VM_STR(words[row->side]);
}

#define TOTAL(name_, key_, q_, unit_, flags_, needs_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = unit_, .flags = (flags_) | M, \
	  .needs = needs_, .arg = q_, .get = get_total, .source = source_ }
#define TOTAL_BYTES(name_, key_, q_, flags_, needs_, source_, help_) \
	TOTAL(name_, key_ "_bytes", q_, VM_U_BYTES, flags_, needs_, source_, help_)

static const struct vm_field process_fields[] = {
	FIELD("MOMENT", "moment", VM_T_STR, VM_U_NONE, D, VM_NEED(STAT), get_moment, "vmdiff", "A, B, or growth from A to B"),
	TOTAL_BYTES("VSZ", "vsz", VM_P_VSZ, D, VM_NEED(STAT), "stat: vsize", "size of the address space"),
	TOTAL_BYTES("RSS", "rss", VM_P_RSS, D, VM_NEED(STAT), "stat: rss; status: VmRSS", "resident pages"),
	TOTAL_BYTES("PSS", "pss", VM_P_PSS, D, VM_NEED(ROLLUP), "smaps_rollup: Pss", "its proportional share of resident pages"),
	TOTAL_BYTES("USS", "uss", VM_P_USS, D, VM_NEED(ROLLUP), "smaps_rollup: Private_Clean + Private_Dirty + Private_Hugetlb",
		    "resident pages that nobody else maps"),
	TOTAL_BYTES("SWAP", "swap", VM_P_SWAP, D, VM_NEED(STATUS), "status: VmSwap", "swapped out anonymous memory"),
	TOTAL_BYTES("SWAPPSS", "swap_pss", VM_P_SWAP_PSS, 0, VM_NEED(ROLLUP), "smaps_rollup: SwapPss", "its share of swapped memory"),
	TOTAL_BYTES("ANON", "anon", VM_P_ANON, D, VM_NEED(STATUS), "status: RssAnon", "resident anonymous memory"),
	TOTAL_BYTES("FILE", "file", VM_P_FILE, 0, VM_NEED(STATUS), "status: RssFile", "resident pages of files"),
	TOTAL_BYTES("SHMEM", "shmem", VM_P_SHMEM, 0, VM_NEED(STATUS), "status: RssShmem", "resident shared memory"),
	TOTAL_BYTES("THP", "thp", VM_P_THP, 0, VM_NEED(ROLLUP), "smaps_rollup: AnonHugePages", "transparent huge pages of PMD size"),
	TOTAL_BYTES("HUGETLB", "hugetlb", VM_P_HUGETLB, 0, VM_NEED(STATUS), "status: HugetlbPages", "pages of hugetlb pools"),
	TOTAL_BYTES("LOCKED", "locked", VM_P_LOCKED, 0, VM_NEED(STATUS), "status: VmLck", "mappings locked with mlock(2)"),
	TOTAL_BYTES("PTE", "page_tables", VM_P_PAGE_TABLES, D, VM_NEED(STATUS), "status: VmPTE", "page tables"),
	TOTAL_BYTES("DATA", "data", VM_P_DATA, 0, VM_NEED(STATUS), "status: VmData", "private writable mappings other than stacks"),
	TOTAL("MAPS", "map_count", VM_P_MAP_COUNT, VM_U_COUNT, D, LAYOUT, "maps", "number of mappings"),
	TOTAL("THREADS", "threads", VM_P_THREADS, VM_U_COUNT, D, VM_NEED(STAT), "stat: num_threads", "number of threads"),
	TOTAL("MINFLT", "minor_faults", VM_P_MINFLT, VM_U_COUNT, 0, VM_NEED(STAT), "stat: minflt", "page faults without a disk"),
	TOTAL("MAJFLT", "major_faults", VM_P_MAJFLT, VM_U_COUNT, 0, VM_NEED(STAT), "stat: majflt", "page faults that read from a disk"),
};
FIELDS(vm_diff_process_fields, "process at a moment", "totals", process_fields, .fixed = true);
