/** Columns of sharing. */

#include "core/field/share.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/need.h"
#include "core/model/page.h"
#include "core/model/process.h"

enum {
	D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE, LABEL = VM_F_LABEL,
	/** What is read for these rows whatever is wanted of them is no need; what more a column wants is. */
	KIND_NEEDS = VM_NEED_KIND,
};

#define FIELD(name_, key_, type_, unit_, flags_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, .unit = unit_, .flags = flags_, .get = get_, .source = source_ }
#define TEXT(name_, key_, flags_, get_, source_, help_) FIELD(name_, key_, VM_T_STR, VM_U_NONE, flags_, get_, source_, help_)
#define NUMBER(name_, key_, flags_, get_, source_, help_) FIELD(name_, key_, VM_T_U64, VM_U_COUNT, flags_, get_, source_, help_)
#define ADDR(name_, key_, flags_, get_, source_, help_) FIELD(name_, key_, VM_T_U64, VM_U_ADDR, flags_, get_, source_, help_)
#define BYTES(name_, key_, flags_, get_, source_, help_) \
	FIELD(name_, key_, VM_T_U64, VM_U_BYTES, (flags_) | VM_F_SUM | VM_F_DESC, get_, source_, help_)
/** Not to be added up: rows have them in common. */
#define AMOUNT(name_, key_, flags_, get_, source_, help_) \
	FIELD(name_, key_, VM_T_U64, VM_U_BYTES, (flags_) | VM_F_DESC, get_, source_, help_)

#define PAGES "pagemap or page tables"
#define COUNTS PAGES ", kpagecount"
#define ALL_FRAMES "frames of all processes, kpagecount"
#define FRAMES_ "frames of all processes that are looked at, kpageflags"

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

static struct vm_value amount(double v)
{
	return isnan(v) ? VM_ABSENT : VM_U64((uint64_t)(v + 0.5));
}

static uint64_t all_kinds(const uint64_t *kind)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < VM_SK_NR; i++)
		n += kind[i];
	return n;
}

const char *vm_share_class_text(uint64_t least, uint64_t most, struct vm_scratch *tmp)
{
	if (most == UINT64_MAX)
		snprintf(tmp->text, sizeof(tmp->text), ">%llu", (unsigned long long)least - 1);
	else if (least == most)
		snprintf(tmp->text, sizeof(tmp->text), "%llu", (unsigned long long)least);
	else
		snprintf(tmp->text, sizeof(tmp->text), "%llu-%llu", (unsigned long long)least, (unsigned long long)most);
	return tmp->text;
}

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

static struct vm_value figure(const struct vm_mapping *m, enum vm_qty q)
{
	return m->have & VM_HAVE(q) ? VM_U64(m->q[q]) : VM_ABSENT;
}

/** Of the pages that were looked at. */
#define OF_SUM(name, type, expr) PLAIN(name, type, row->sum ? VM_U64(expr) : VM_ABSENT)
#define OF_COUNTS(name, type, expr) PLAIN(name, type, row->sum && row->counted ? VM_U64(expr) : VM_ABSENT)

PLAIN(map_start, vm_share_mapping_row, row->m->differs & VM_DIFFERS_RANGE ? VM_ABSENT : VM_U64(row->m->start))
PLAIN(map_end, vm_share_mapping_row, row->m->differs & VM_DIFFERS_RANGE ? VM_ABSENT : VM_U64(row->m->end))
PLAIN(map_size, vm_share_mapping_row, VM_U64(vm_mapping_size(row->m)))
PLAIN(map_rss, vm_share_mapping_row, figure(row->m, VM_Q_RSS))
PLAIN(map_pss, vm_share_mapping_row, figure(row->m, VM_Q_PSS))
PLAIN(map_uss, vm_share_mapping_row, figure(row->m, VM_Q_USS))
PLAIN(map_shclean, vm_share_mapping_row, figure(row->m, VM_Q_SHARED_CLEAN))
PLAIN(map_shdirty, vm_share_mapping_row, figure(row->m, VM_Q_SHARED_DIRTY))
PLAIN(map_prclean, vm_share_mapping_row, figure(row->m, VM_Q_PRIVATE_CLEAN))
PLAIN(map_prdirty, vm_share_mapping_row, figure(row->m, VM_Q_PRIVATE_DIRTY))
PLAIN(map_swap, vm_share_mapping_row, figure(row->m, VM_Q_SWAP))
PLAIN(map_perm, vm_share_mapping_row, VM_STR(row->m->differs & VM_DIFFERS_PERM ? "" : vm_mapping_perm(row->m)))
PLAIN(map_kind, vm_share_mapping_row, VM_STR(vm_kinds[row->m->kind].name))
PLAIN(map_name, vm_share_mapping_row, VM_STR(row->m->name))
PLAIN(map_pid, vm_share_mapping_row, VM_U64((uint64_t)row->m->pid))
PLAIN(map_zero, vm_share_mapping_row, row->sum ? VM_U64(row->sum->zero) : VM_ABSENT)
OF_SUM(map_once, vm_share_mapping_row, row->sum->once)
OF_SUM(map_many, vm_share_mapping_row, row->sum->many)
OF_SUM(map_risk, vm_share_mapping_row, row->sum->risk)
OF_COUNTS(map_counted_pss, vm_share_mapping_row, vm_share_sum_pss(row->sum))
OF_COUNTS(map_most, vm_share_mapping_row, row->sum->most)
OF_COUNTS(map_anon, vm_share_mapping_row, row->sum->kind[VM_SK_ANON])
PLAIN(map_ksm, vm_share_mapping_row,
      row->sum && row->counted && !row->merged_hidden ? VM_U64(row->sum->kind[VM_SK_KSM]) : VM_ABSENT)
OF_COUNTS(map_shmem, vm_share_mapping_row, row->sum->kind[VM_SK_SHMEM])
OF_COUNTS(map_file, vm_share_mapping_row, row->sum->kind[VM_SK_FILE])
OF_COUNTS(map_hugetlb, vm_share_mapping_row, row->sum->kind[VM_SK_HUGETLB])

/** "1:12 2:340 5-8:7": pages by how often they are mapped. */
GETTER(map_counts)
{
	ROW(vm_share_mapping_row);
	struct vm_scratch one;
	size_t n = 0;
	if (!row->sum || !row->counted)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (unsigned i = 0; i < VM_SHARE_CLASSES && n + 40 < sizeof(tmp->text); i++)
		if (row->sum->class_bytes[i])
			n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%s:%llu", n ? " " : "",
					      vm_share_class_text(vm_share_classes[i].least, vm_share_classes[i].most, &one),
					      (unsigned long long)row->sum->class_bytes[i] / 4096);
	return VM_LIST(tmp->text);
}

PLAIN(map_sharers, vm_share_mapping_row, row->with ? VM_U64(row->with->all) : VM_ABSENT)

/** Their numbers, as many as there is room for. */
GETTER(map_with)
{
	ROW(vm_share_mapping_row);
	size_t n = 0;
	if (!row->with)
		return VM_ABSENT;
	tmp->text[0] = '\0';
	for (size_t i = 0; i < row->with->most.n && n + 16 < sizeof(tmp->text); i++)
		n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%d", n ? " " : "", row->who[row->with->most.v[i].process].pid);
	return VM_LIST(tmp->text);
}

static const struct vm_field mapping_fields[] = {
	ADDR("START", "start", D | LABEL, map_start, "maps", "first byte"),
	ADDR("END", "end", M, map_end, "maps", "first byte behind it"),
	NUMBER("PID", "pid", LABEL, map_pid, "proc", "process that it belongs to"),
	BYTES("SIZE", "size_bytes", M, map_size, "maps", "size of the address range"),
	BYTES("RSS", "rss_bytes", D, map_rss, "smaps: Rss", "resident: pages in memory, shared ones counted in full"),
	BYTES("PSS", "pss_bytes", D, map_pss, "smaps: Pss", "proportional: each resident page divided by the number of its mappings"),
	BYTES("COUNTEDPSS", "counted_pss_bytes", M, map_counted_pss, COUNTS,
	      "the same, added up from the map count of each page"),
	BYTES("USS", "uss_bytes", M, map_uss, "smaps: Private_Clean + Private_Dirty + Private_Hugetlb",
	      "unique: resident pages that nobody else maps"),
	BYTES("PRCLEAN", "private_clean_bytes", D, map_prclean, "smaps: Private_Clean", "clean pages mapped once"),
	BYTES("PRDIRTY", "private_dirty_bytes", D, map_prdirty, "smaps: Private_Dirty", "dirty pages mapped once"),
	BYTES("SHCLEAN", "shared_clean_bytes", D, map_shclean, "smaps: Shared_Clean", "clean pages mapped more than once"),
	BYTES("SHDIRTY", "shared_dirty_bytes", D, map_shdirty, "smaps: Shared_Dirty", "dirty pages mapped more than once"),
	BYTES("ONCE", "once_bytes", M, map_once, PAGES ", kpagecount or the exclusive bit", "pages mapped once on the whole machine"),
	BYTES("MANY", "many_bytes", M, map_many, PAGES ", kpagecount or the exclusive bit", "pages mapped more than once"),
	BYTES("RISK", "at_risk_bytes", D, map_risk, PAGES ", kpagecount or the exclusive bit",
	      "what a write to all of a writable private mapping would copy: pages that others map, that belong to a file, or are merged"),
	NUMBER("MOST", "most_mapped", D | VM_F_DESC, map_most, COUNTS, "the highest map count of its pages"),
	FIELD("COUNTS", "counts", VM_T_LIST, VM_U_NONE, M, map_counts, COUNTS, "pages by how often they are mapped, MAPPED:PAGES"),
	BYTES("ANON", "anon_bytes", M, map_anon, PAGES ", kpageflags", "anonymous pages that aren't merged"),
	BYTES("KSM", "ksm_bytes", M, map_ksm, PAGES ", kpageflags", "pages merged with equal ones by KSM"),
	BYTES("SHMEM", "shmem_bytes", M, map_shmem, PAGES ", kpageflags", "pages of shared memory and tmpfs"),
	BYTES("FILE", "file_bytes", M, map_file, PAGES ", kpageflags", "pages of files"),
	BYTES("HUGETLB", "hugetlb_bytes", M, map_hugetlb, PAGES ", kpageflags", "pages from pools of huge pages; not part of RSS or PSS"),
	BYTES("ZERO", "zero_bytes", M, map_zero, PAGES, "pages that were only read: the one page of zeros; not part of RSS"),
	BYTES("SWAP", "swap_bytes", M, map_swap, "smaps: Swap", "swapped out"),
	{ .name = "SHARERS", .key = "sharers", .help = "how many other processes map pages of it", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = VM_F_DESC, .needs = VM_NEED(FRAMES), .get = map_sharers, .source = ALL_FRAMES },
	{ .name = "WITH", .key = "shared_with", .help = "these processes, those that have most of it first, as many as have room",
	  .type = VM_T_LIST, .flags = VM_F_TRUNC, .needs = VM_NEED(FRAMES), .get = map_with, .source = ALL_FRAMES },
	TEXT("PERM", "perm", D, map_perm, "maps", "read, write, execute; p private or s shared"),
	{ .name = "KIND", .key = "kind", .help = "what the mapping is for", .type = VM_T_STR, .flags = M | LABEL, .needs = KIND_NEEDS,
	  .get = map_kind, .source = "maps, ELF headers of the files, stack pointers of the threads" },
	TEXT("MAPPING", "name", D | VM_F_PATH | LABEL, map_name, "maps", "file or other name as the kernel shows it"),
};
FIELDS(vm_share_mapping_fields, "mapping", "mappings", mapping_fields);

/* ---- Who shares mappings ------------------------------------------------------------------------------------------ */

PLAIN(sharer_start, vm_share_sharer_row, VM_U64(row->m->start))
PLAIN(sharer_end, vm_share_sharer_row, VM_U64(row->m->end))
PLAIN(sharer_many, vm_share_sharer_row, row->sum ? VM_U64(row->sum->many) : VM_ABSENT)
PLAIN(sharer_bytes, vm_share_sharer_row, VM_U64(row->bytes))
PLAIN(sharer_share, vm_share_sharer_row,
      row->sum && vm_share_rss(row->sum) ? VM_F64((double)row->bytes / (double)vm_share_rss(row->sum)) : VM_ABSENT)
PLAIN(sharer_pid, vm_share_sharer_row, VM_U64((uint64_t)row->who->pid))
PLAIN(sharer_ticks, vm_share_sharer_row, VM_U64(row->who->start))
PLAIN(sharer_comm, vm_share_sharer_row, VM_STR(row->who->comm))
PLAIN(sharer_perm, vm_share_sharer_row, VM_STR(vm_mapping_perm(row->m)))
PLAIN(sharer_name, vm_share_sharer_row, VM_STR(row->m->name))

static const struct vm_field sharer_fields[] = {
	ADDR("START", "start", D | LABEL, sharer_start, "maps", "first byte of the mapping"),
	ADDR("END", "end", M, sharer_end, "maps", "first byte behind it"),
	AMOUNT("MANY", "many_bytes", M, sharer_many, COUNTS, "its pages that are mapped more than once"),
	AMOUNT("BOTH", "shared_bytes", D, sharer_bytes, ALL_FRAMES, "page frames of it that the other process maps too, each once"),
	FIELD("OF%", "share", VM_T_F64, VM_U_RATIO, D | VM_F_DESC, sharer_share, ALL_FRAMES,
	      "the same as a share of the mapping's RSS in per cent (JSON: 0 to 1)"),
	NUMBER("PID", "pid", D | LABEL, sharer_pid, "stat", "the other process"),
	NUMBER("STARTTIME", "start_ticks", M, sharer_ticks, "stat", "when it started, in ticks since boot"),
	TEXT("COMM", "comm", D, sharer_comm, "stat", "its name"),
	TEXT("PERM", "perm", M, sharer_perm, "maps", "of the mapping: read, write, execute; p private or s shared"),
	TEXT("MAPPING", "name", D | VM_F_PATH | LABEL, sharer_name, "maps", "file or other name as the kernel shows it"),
};
FIELDS(vm_share_sharer_fields, "sharer", "sharers", sharer_fields);

/* ---- Map counts --------------------------------------------------------------------------------------------------- */

PLAIN(count_mapped, vm_share_count_row, VM_STR(vm_share_class_text(row->least, row->most, tmp)))
PLAIN(count_least, vm_share_count_row, VM_U64(row->least))
PLAIN(count_most, vm_share_count_row, row->most == UINT64_MAX ? VM_ABSENT : VM_U64(row->most))
PLAIN(count_pages, vm_share_count_row, VM_U64(row->bytes / 4096))
PLAIN(count_bytes, vm_share_count_row, VM_U64(row->bytes))
PLAIN(count_pss, vm_share_count_row, amount(row->pss))
PLAIN(count_share, vm_share_count_row, number(row->share))

static const struct vm_field count_fields[] = {
	TEXT("MAPPED", "mapped", VM_F_DEFAULT | LABEL, count_mapped, COUNTS,
	     "how often these pages are mapped, by all processes together"),
	NUMBER("LEAST", "mapped_least", M, count_least, COUNTS, "the same as a number, or the first of a range"),
	NUMBER("MOST", "mapped_most", M, count_most, COUNTS, "the last of the range; none: no limit"),
	FIELD("PAGES", "pages", VM_T_U64, VM_U_COUNT, D | VM_F_SUM | VM_F_DESC, count_pages, COUNTS, "how many there are, of 4K"),
	BYTES("BYTES", "bytes", D, count_bytes, COUNTS, "their memory"),
	FIELD("SHARE%", "share", VM_T_F64, VM_U_RATIO, D | VM_F_DESC, count_share, COUNTS,
	      "their share of RSS in per cent (JSON: 0 to 1)"),
	BYTES("PSS", "pss_bytes", D, count_pss, COUNTS, "what they add to PSS: each divided by its map count"),
};
FIELDS(vm_share_count_fields, "map count", "counts", count_fields, .fixed = true);

/* ---- Members of a family -------------------------------------------------------------------------------------------- */

#define PROC(p, which) (vm_proc_has(p, which) ? VM_U64((p)->q[which]) : VM_ABSENT)
#define ANON_OF(kind_) ((kind_)[VM_SK_ANON])

PLAIN(member_pid, vm_share_member_row, VM_U64((uint64_t)row->proc->pid))
PLAIN(member_parent, vm_share_member_row, row->parent ? VM_U64((uint64_t)row->parent) : VM_ABSENT)
PLAIN(member_orphan, vm_share_member_row, VM_BOOL(row->kin->orphan))
/** By smaps if it was read, else by stat. */
static struct vm_value kernel_rss(const struct vm_proc *p)
{
	uint64_t rss;
	return vm_proc_smaps_rss(p, &rss) ? VM_U64(rss) : PROC(p, VM_P_RSS);
}

PLAIN(member_rss, vm_share_member_row, row->sum ? VM_U64(vm_share_rss(row->sum)) : kernel_rss(row->proc))
PLAIN(member_pss, vm_share_member_row, row->sum && row->counted ? VM_U64(vm_share_sum_pss(row->sum)) : PROC(row->proc, VM_P_PSS))
PLAIN(member_uss, vm_share_member_row, row->sum ? VM_U64(row->sum->once) : PROC(row->proc, VM_P_USS))
OF_SUM(member_anon, vm_share_member_row, ANON_OF(row->sum->kind))
OF_SUM(member_risk, vm_share_member_row, row->sum->risk)
OF_SUM(member_many, vm_share_member_row, row->sum->many)
PLAIN(member_shared_parent, vm_share_member_row, row->with_parent ? VM_U64(row->parent_bytes) : VM_ABSENT)
PLAIN(member_siblings, vm_share_member_row, row->group && row->parent ? VM_U64(ANON_OF(row->group->cluster)) : VM_ABSENT)
PLAIN(member_family, vm_share_member_row, row->group ? VM_U64(ANON_OF(row->group->shared)) : VM_ABSENT)
PLAIN(member_ksm, vm_share_member_row,
      row->sum && row->counted && !row->merged_hidden ? VM_U64(row->sum->kind[VM_SK_KSM]) : VM_ABSENT)
PLAIN(member_same, vm_share_member_row, row->with_parent ? VM_U64(row->cow.same) : VM_ABSENT)
PLAIN(member_broken, vm_share_member_row, row->with_parent ? VM_U64(row->cow.broken) : VM_ABSENT)
PLAIN(member_fresh, vm_share_member_row, row->with_parent ? VM_U64(row->cow.fresh) : VM_ABSENT)
PLAIN(member_rate, vm_share_member_row, number(row->rate))
PLAIN(member_peak, vm_share_member_row, amount(row->peak))
PLAIN(member_comm, vm_share_member_row, VM_STR(row->proc->comm))
PLAIN(member_start, vm_share_member_row, VM_U64(row->proc->start))

/** The number, as deep as the member is. */
GETTER(member_tree)
{
	ROW(vm_share_member_row);
	const unsigned depth = row->kin->depth < 20 ? row->kin->depth : 20;
	snprintf(tmp->text, sizeof(tmp->text), "%*s%d%s", (int)(2 * depth), "", row->proc->pid, row->kin->orphan ? "?" : "");
	return VM_STR(tmp->text);
}

GETTER(member_command)
{
	ROW(vm_share_member_row);
	return VM_STR(row->proc->cmdline && row->proc->cmdline[0] ? row->proc->cmdline : row->proc->comm);
}

static const struct vm_field member_fields[] = {
	TEXT("MEMBER", "member", VM_F_DEFAULT, member_tree, "stat",
	     "process, below the one that it was forked from; with ? that has ended"),
	NUMBER("PID", "pid", M | LABEL, member_pid, "stat", "process"),
	NUMBER("PARENT", "parent_pid", M, member_parent, "stat", "the member that it was forked from"),
	NUMBER("STARTTIME", "start_ticks", M, member_start, "stat", "when it started, in ticks since boot"),
	FIELD("ORPHAN", "orphan", VM_T_BOOL, VM_U_NONE, M, member_orphan, "stat", "whether its parent has ended"),
	BYTES("RSS", "rss_bytes", D, member_rss, PAGES "; else smaps_rollup or stat", "resident memory"),
	BYTES("PSS", "pss_bytes", D, member_pss, COUNTS "; else smaps_rollup: Pss",
	      "proportional share of resident memory"),
	BYTES("USS", "uss_bytes", D, member_uss, PAGES ", kpagecount or the exclusive bit",
	      "unique: resident pages that nobody else maps"),
	BYTES("ANON", "anon_bytes", M, member_anon, PAGES, "anonymous memory"),
	BYTES("MANY", "many_bytes", M, member_many, PAGES ", kpagecount or the exclusive bit", "pages mapped more than once"),
	BYTES("WITHPARENT", "shared_with_parent_bytes", D, member_shared_parent, FRAMES_, "anonymous memory that its parent maps too"),
	BYTES("SIBLINGS", "shared_with_siblings_bytes", D, member_siblings, FRAMES_,
	      "anonymous memory that another child of the same parent maps too"),
	BYTES("FAMILY", "shared_with_family_bytes", M, member_family, FRAMES_, "anonymous memory that any other member maps too"),
	BYTES("SAME", "same_as_parent_bytes", M, member_same, PAGES,
	      "private mappings: pages that are its parent's at the same address, those of files included"),
	BYTES("BROKEN", "broken_bytes", D, member_broken, PAGES,
	      "private mappings: pages that aren't its parent's at the same address: copied on a write by one of them, or first "
	      "touched by both after the fork"),
	BYTES("FRESH", "fresh_bytes", M, member_fresh, PAGES, "private mappings: pages where its parent has none"),
	BYTES("RISK", "at_risk_bytes", D, member_risk, PAGES ", kpagecount or the exclusive bit",
	      "what a write to all of its writable private memory would copy"),
	BYTES("KSM", "ksm_bytes", M, member_ksm, PAGES ", kpageflags", "pages merged with equal ones by KSM"),
	FIELD("BREAKING", "breaking_bytes_per_second", VM_T_F64, VM_U_BYTES_PERSEC, M | VM_F_DESC | VM_F_RATE, member_rate, PAGES,
	      "shared anonymous memory that was copied since the look before, a second: with --watch, and in vmtop"),
	AMOUNT("PEAK", "predicted_peak_bytes", M | VM_F_RATE, member_peak, PAGES,
	       "what it will have copied in the end, if it goes on like that: with --watch, and in vmtop"),
	TEXT("COMM", "comm", M, member_comm, "stat", "name"),
	TEXT("COMMAND", "cmdline", VM_F_DEFAULT | VM_F_TRUNC, member_command, "cmdline", "command line, or name"),
};
FIELDS(vm_share_member_fields, "member of the family", "family", member_fields);

/* ---- Processes ------------------------------------------------------------------------------------------------------ */

#define OF_GROUP(name, expr) PLAIN(name, vm_share_process_row, row->group ? VM_U64(expr) : VM_ABSENT)

PLAIN(proc_pid, vm_share_process_row, VM_U64((uint64_t)row->proc->pid))
PLAIN(proc_start, vm_share_process_row, VM_U64(row->proc->start))
PLAIN(proc_rss, vm_share_process_row, row->group ? VM_U64(vm_share_rss(&row->group->sum)) : kernel_rss(row->proc))
PLAIN(proc_pss, vm_share_process_row, row->group ? VM_U64(vm_share_sum_pss(&row->group->sum)) : PROC(row->proc, VM_P_PSS))
PLAIN(proc_uss, vm_share_process_row, row->group ? VM_U64(row->group->sum.once) : PROC(row->proc, VM_P_USS))
GETTER(proc_kernel_rss)
{
	ROW(vm_share_process_row);
	uint64_t rss;
	return vm_proc_smaps_rss(row->proc, &rss) ? VM_U64(rss) : VM_ABSENT;
}

PLAIN(proc_kernel_pss, vm_share_process_row, PROC(row->proc, VM_P_PSS))
PLAIN(proc_kernel_uss, vm_share_process_row, PROC(row->proc, VM_P_USS))
PLAIN(proc_comm, vm_share_process_row, VM_STR(row->proc->comm))
OF_GROUP(proc_many, row->group->sum.many)
OF_GROUP(proc_shared, all_kinds(row->group->shared))
OF_GROUP(proc_ours, row->group->ours)
OF_GROUP(proc_frames, all_kinds(row->group->frames))
OF_GROUP(proc_twins, row->group->twins)
PLAIN(proc_kind, vm_share_process_row,
      row->group && (!row->merged_hidden || f->arg != VM_SK_KSM) ? VM_U64(row->group->shared[f->arg]) : VM_ABSENT)

GETTER(proc_command)
{
	ROW(vm_share_process_row);
	return VM_STR(row->proc->cmdline && row->proc->cmdline[0] ? row->proc->cmdline : row->proc->comm);
}

#define SHARED_KIND(name_, key_, kind_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_DESC, .arg = kind_, \
	  .get = proc_kind, .source = FRAMES_ }

/** Has the kernel walk its page tables once more: only if it is asked for. */
#define KERNEL(name_, key_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = VM_F_SUM | VM_F_DESC, \
	  .needs = VM_NEED(ROLLUP), .get = get_, .source = source_ }

static const struct vm_field process_fields[] = {
	NUMBER("PID", "pid", D | LABEL, proc_pid, "stat", "process"),
	NUMBER("STARTTIME", "start_ticks", M, proc_start, "stat", "when it started, in ticks since boot"),
	BYTES("RSS", "rss_bytes", D, proc_rss, PAGES "; else smaps_rollup or stat", "resident memory"),
	BYTES("PSS", "pss_bytes", D, proc_pss, COUNTS "; else smaps_rollup: Pss",
	      "proportional: each page divided by its map count, which the kernel does likewise"),
	BYTES("USS", "uss_bytes", D, proc_uss, COUNTS "; else smaps_rollup: Private_Clean + Private_Dirty",
	      "unique: resident pages that nobody else maps"),
	KERNEL("KERNELRSS", "kernel_rss_bytes", proc_kernel_rss, "smaps_rollup: Rss", "the kernel's own sum: resident memory"),
	KERNEL("KERNELPSS", "kernel_pss_bytes", proc_kernel_pss, "smaps_rollup: Pss", "the kernel's own sum: proportional share"),
	KERNEL("KERNELUSS", "kernel_uss_bytes", proc_kernel_uss, "smaps_rollup: Private_Clean + Private_Dirty",
	       "the kernel's own sum: unique pages, those of hugetlb too"),
	BYTES("MANY", "many_bytes", M, proc_many, COUNTS, "pages mapped more than once"),
	AMOUNT("FRAMES", "frames_bytes", M, proc_frames, FRAMES_, "page frames that it maps, each once, those of hugetlb too"),
	AMOUNT("SHARED", "shared_bytes", D, proc_shared, FRAMES_, "of these: what another process of those shown maps too"),
	SHARED_KIND("FILE", "shared_file_bytes", VM_SK_FILE, "the same: pages of files"),
	SHARED_KIND("SHMEM", "shared_shmem_bytes", VM_SK_SHMEM, "the same: shared memory and tmpfs"),
	SHARED_KIND("ANON", "shared_anon_bytes", VM_SK_ANON, "the same: anonymous memory since a fork"),
	SHARED_KIND("KSM", "shared_ksm_bytes", VM_SK_KSM, "the same: equal pages that KSM merged"),
	{ .name = "HUGETLB", .key = "shared_hugetlb_bytes", .help = "the same: pools of huge pages", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = M | VM_F_DESC, .arg = VM_SK_HUGETLB, .get = proc_kind, .source = FRAMES_ },
	AMOUNT("OURS", "only_shown_bytes", M, proc_ours, FRAMES_ ", kpagecount",
	       "what nobody maps but processes of those shown: free when all of them have ended"),
	AMOUNT("TWINS", "same_space_bytes", M, proc_twins, FRAMES_ ", kpagecount",
	       "mapped once, and by two of those shown: they have one address space between them, or it moved meanwhile"),
	TEXT("COMM", "comm", M, proc_comm, "stat", "name"),
	{ .name = "COMMAND", .key = "cmdline", .help = "command line, or name", .type = VM_T_STR, .flags = VM_F_DEFAULT | VM_F_TRUNC,
	  .needs = VM_NEED(CMDLINE), .get = proc_command, .source = "cmdline" },
};
FIELDS(vm_share_process_fields, "process", "processes", process_fields);

/* ---- Pairs ---------------------------------------------------------------------------------------------------------- */

PLAIN(pair_a, vm_share_pair_row, VM_U64((uint64_t)row->a->pid))
PLAIN(pair_b, vm_share_pair_row, VM_U64((uint64_t)row->b->pid))
PLAIN(pair_a_comm, vm_share_pair_row, VM_STR(row->a->comm))
PLAIN(pair_b_comm, vm_share_pair_row, VM_STR(row->b->comm))
PLAIN(pair_bytes, vm_share_pair_row, VM_U64(all_kinds(row->bytes)))
PLAIN(pair_kind, vm_share_pair_row,
      !row->merged_hidden || f->arg != VM_SK_KSM ? VM_U64(row->bytes[f->arg]) : VM_ABSENT)
PLAIN(pair_a_share, vm_share_pair_row, row->a_bytes ? VM_F64((double)all_kinds(row->bytes) / (double)row->a_bytes) : VM_ABSENT)
PLAIN(pair_b_share, vm_share_pair_row, row->b_bytes ? VM_F64((double)all_kinds(row->bytes) / (double)row->b_bytes) : VM_ABSENT)

#define PAIR_KIND(name_, key_, kind_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = D | VM_F_DESC, .arg = kind_, \
	  .get = pair_kind, .source = FRAMES_ }

static const struct vm_field pair_fields[] = {
	NUMBER("PID1", "pid1", D | LABEL, pair_a, "stat", "one process"),
	NUMBER("PID2", "pid2", D | LABEL, pair_b, "stat", "the other one"),
	AMOUNT("BOTH", "shared_bytes", D, pair_bytes, FRAMES_, "page frames that both map, each once"),
	PAIR_KIND("FILE", "file_bytes", VM_SK_FILE, "of these: pages of files"),
	PAIR_KIND("SHMEM", "shmem_bytes", VM_SK_SHMEM, "of these: shared memory and tmpfs"),
	PAIR_KIND("ANON", "anon_bytes", VM_SK_ANON, "of these: anonymous memory since a fork"),
	PAIR_KIND("KSM", "ksm_bytes", VM_SK_KSM, "of these: equal pages that KSM merged"),
	{ .name = "HUGETLB", .key = "hugetlb_bytes", .help = "of these: pools of huge pages", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = M | VM_F_DESC, .arg = VM_SK_HUGETLB, .get = pair_kind, .source = FRAMES_ },
	FIELD("OF1%", "share1", VM_T_F64, VM_U_RATIO, D | VM_F_DESC, pair_a_share, FRAMES_,
	      "share of what the first one maps, in per cent (JSON: 0 to 1)"),
	FIELD("OF2%", "share2", VM_T_F64, VM_U_RATIO, D | VM_F_DESC, pair_b_share, FRAMES_, "share of what the other one maps"),
	TEXT("COMM1", "comm1", D | VM_F_TRUNC, pair_a_comm, "stat", "name of the first one"),
	TEXT("COMM2", "comm2", D | VM_F_TRUNC, pair_b_comm, "stat", "name of the other one"),
};
FIELDS(vm_share_pair_fields, "pair", "pairs", pair_fields);

/* ---- Runs ----------------------------------------------------------------------------------------------------------- */

PLAIN(run_start, vm_share_run_row, VM_U64(row->piece.start))
PLAIN(run_end, vm_share_run_row, VM_U64(row->piece.end))
PLAIN(run_bytes, vm_share_run_row, VM_U64(row->piece.end - row->piece.start))
PLAIN(run_pages, vm_share_run_row, VM_U64((row->piece.end - row->piece.start) / 4096))
PLAIN(run_count, vm_share_run_row, row->piece.counted ? VM_U64(row->piece.count) : VM_ABSENT)
PLAIN(run_risk, vm_share_run_row, VM_U64(vm_share_piece_risk(&row->piece)))
PLAIN(run_perm, vm_share_run_row, VM_STR(vm_mapping_perm(row->piece.m)))
PLAIN(run_name, vm_share_run_row, VM_STR(row->piece.m->name))

GETTER(run_pfn)
{
	ROW(vm_share_run_row);
	if (row->piece.pfn == VM_PFN_NONE)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)row->piece.pfn);
	return VM_STR(tmp->text);
}

GETTER(run_shared)
{
	ROW(vm_share_run_row);
	const int shared = vm_share_piece_shared(&row->piece);
	return !(row->piece.state & VM_PG(PRESENT)) || row->piece.state & VM_PG(ZERO) || shared < 0 ? VM_ABSENT : VM_BOOL(shared);
}

GETTER(run_kind)
{
	ROW(vm_share_run_row);
	const struct vm_share_piece *p = &row->piece;
	return VM_STR(p->state & VM_PG(ZERO) ? "zero" : p->state & VM_PG(PRESENT) ? vm_share_kinds[vm_share_piece_kind(p)] :
		      p->state & VM_PG(SWAP) ? "swap" : "other");
}

static const struct vm_field run_fields[] = {
	ADDR("START", "start", D | LABEL, run_start, "maps", "first byte"),
	ADDR("END", "end", M, run_end, "maps", "first byte behind it"),
	BYTES("BYTES", "bytes", D, run_bytes, PAGES, "memory of the run"),
	FIELD("PAGES", "pages", VM_T_U64, VM_U_COUNT, M | VM_F_SUM | VM_F_DESC, run_pages, PAGES, "the same in pages of 4K"),
	TEXT("PFN", "pfn", D, run_pfn, PAGES, "frame of the first page; the others follow it"),
	NUMBER("MAPPED", "map_count", D | VM_F_DESC, run_count, COUNTS, "how often each page is mapped, by all processes together"),
	FIELD("SHARED", "shared", VM_T_BOOL, VM_U_NONE, D, run_shared, PAGES ", kpagecount or the exclusive bit",
	      "whether it is mapped more than once"),
	TEXT("HOLDS", "holds", D, run_kind, PAGES ", kpageflags", "what it holds: anon, ksm, shmem, file, hugetlb, zero, swap"),
	BYTES("RISK", "at_risk_bytes", D, run_risk, PAGES ", kpagecount or the exclusive bit", "what a write to it would copy"),
	TEXT("PERM", "perm", D, run_perm, "maps", "of the mapping: read, write, execute; p private or s shared"),
	TEXT("MAPPING", "name", D | VM_F_PATH, run_name, "maps", "file or other name of the mapping"),
};
FIELDS(vm_share_run_fields, "run", "runs", run_fields);
