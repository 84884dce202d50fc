/** Columns of a mapping, and of a sum of mappings. */

#include <stdio.h>
#include <string.h>

#include "core/field/field.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

#define GETTER(name) \
	static struct vm_value name(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
#define UNUSED(x) ((void)(x))

static bool has_range(const struct vm_mapping *m)
{
	return !(m->differs & VM_DIFFERS_RANGE);
}

/** Is the text in the scratch made from this already?  The caller makes it if it isn't, and always if it is 0. */
static bool is_made(struct vm_scratch *tmp, uint64_t key)
{
	bool made = key && tmp->key == key;
	tmp->key = key;
	return made;
}

GETTER(get_qty)
{
	UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->have & VM_HAVE(f->arg) ? VM_U64(m->q[f->arg]) : VM_ABSENT;
}

GETTER(get_size)
{
	UNUSED(f), UNUSED(tmp);
	return VM_U64(vm_mapping_size(row));
}

GETTER(get_start)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return has_range(m) ? VM_U64(m->start) : VM_ABSENT;
}

GETTER(get_end)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return has_range(m) ? VM_U64(m->end) : VM_ABSENT;
}

GETTER(get_range)
{
	UNUSED(f);
	const struct vm_mapping *m = row;
	if (!has_range(m))
		return VM_ABSENT;
	const unsigned digits = m->end >> 48 ? 16 : 12;
	size_t n = vm_put_hex(tmp->text, m->start, digits);
	tmp->text[n++] = '-';
	n += vm_put_hex(tmp->text + n, m->end, digits);
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

GETTER(get_perm)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	if (m->differs & VM_DIFFERS_PERM)
		return VM_ABSENT;
	return VM_STR(vm_mapping_perm(m));
}

GETTER(get_kind)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->kind == VM_KIND_UNKNOWN ? VM_ABSENT : VM_STR(vm_kinds[m->kind].name);
}

GETTER(get_name)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return VM_STR(m->name);
}

GETTER(get_offset)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return has_range(m) ? VM_U64(m->offset) : VM_ABSENT;
}

GETTER(get_device)
{
	UNUSED(f);
	const struct vm_mapping *m = row;
	if (m->differs & VM_DIFFERS_FILE)
		return VM_ABSENT;
	if (is_made(tmp, ~((uint64_t)m->dev_major << 32 | m->dev_minor)))
		return VM_STR(tmp->text);
	size_t n = vm_put_hex(tmp->text, m->dev_major, 2);
	tmp->text[n++] = ':';
	n += vm_put_hex(tmp->text + n, m->dev_minor, 2);
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

GETTER(get_inode)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->differs & VM_DIFFERS_FILE ? VM_ABSENT : VM_U64(m->inode);
}

GETTER(get_deleted)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->differs & VM_DIFFERS_FILE ? VM_ABSENT : VM_BOOL(m->deleted);
}

GETTER(get_pid)
{
	UNUSED(f), UNUSED(tmp);
	return VM_U64((uint64_t)((const struct vm_mapping *)row)->pid);
}

GETTER(get_count)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return VM_U64(m->count);
}

GETTER(get_flags)
{
	UNUSED(f);
	const struct vm_mapping *m = row;
	if (!m->have_flags)
		return VM_ABSENT;
	if (!is_made(tmp, ~m->flags))
		vm_vmflags_text(m->flags, tmp->text, sizeof(tmp->text));
	return VM_LIST(tmp->text);
}

GETTER(get_raw_flags)
{
	UNUSED(f);
	const struct vm_mapping *m = row;
	if (!m->area)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)m->area->flags);
	return VM_STR(tmp->text);
}

GETTER(get_pgoff)
{
	UNUSED(f);
	const struct vm_mapping *m = row;
	if (!m->area)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)m->area->pgoff);
	return VM_STR(tmp->text);
}

GETTER(get_anon_vma)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->area ? VM_BOOL(m->area->has_anon_vma) : VM_ABSENT;
}

/** Pages of hugetlb pools are in no RSS. */
GETTER(get_absent)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	if (!(m->have & VM_HAVE(VM_Q_RSS)))
		return VM_ABSENT;
	const uint64_t size = vm_mapping_size(m);
	const uint64_t there = m->q[VM_Q_RSS] + m->q[VM_Q_PRIVATE_HUGETLB] + m->q[VM_Q_SHARED_HUGETLB];
	return VM_U64(size > there ? size - there : 0);
}

GETTER(get_lock)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	if (!m->have_flags)
		return VM_ABSENT;
	return VM_STR(!(m->flags & VM_VMF(LO)) ? "no" : m->flags & VM_VMF(LF) ? "onfault" : "yes");
}

GETTER(get_eligible)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_mapping *m = row;
	return m->have & VM_HAVE(VM_Q_THP_ELIGIBLE) ? VM_BOOL(m->q[VM_Q_THP_ELIGIBLE] != 0) : VM_ABSENT;
}

#define LAYOUT VM_NEED(LAYOUT)
#define BYTES(name_, key_, q_, flags_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, \
	  .flags = (flags_) | VM_F_MACHINE | VM_F_SUM | VM_F_DESC, .needs = VM_NEED(SMAPS), .arg = q_, .get = get_qty, \
	  .source = source_ }

static const struct vm_field fields[] = {
	{ .name = "ADDRESS", .key = "address", .help = "range: first byte and first byte behind it",
	  .type = VM_T_STR, .unit = VM_U_ADDR, .flags = VM_F_DEFAULT, .needs = LAYOUT, .get = get_range, .source = "maps" },
	{ .name = "START", .key = "start", .help = "first byte", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = VM_F_MACHINE | VM_F_LABEL, .needs = LAYOUT, .get = get_start, .source = "maps" },
	{ .name = "END", .key = "end", .help = "first byte behind it", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = VM_F_MACHINE, .needs = LAYOUT, .get = get_end, .source = "maps" },
	{ .name = "PID", .key = "pid", .help = "process that it belongs to", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = VM_F_LABEL, .needs = LAYOUT, .get = get_pid, .source = "proc" },
	{ .name = "COUNT", .key = "count", .help = "mappings that the row sums up", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = VM_F_MACHINE | VM_F_SUM | VM_F_DESC, .needs = LAYOUT, .get = get_count,
	  .source = "maps" },
	{ .name = "SIZE", .key = "size_bytes", .help = "size of the address range", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = VM_F_MACHINE | VM_F_DEFAULT | VM_F_SUM | VM_F_DESC, .needs = LAYOUT,
	  .get = get_size, .source = "maps" },
	BYTES("RSS", "rss_bytes", VM_Q_RSS, VM_F_DEFAULT, "smaps: Rss",
	      "resident: pages in memory, shared ones counted in full"),
	BYTES("PSS", "pss_bytes", VM_Q_PSS, VM_F_DEFAULT, "smaps: Pss",
	      "proportional: each resident page divided by the number of its mappings"),
	BYTES("USS", "uss_bytes", VM_Q_USS, 0, "smaps: Private_Clean + Private_Dirty + Private_Hugetlb",
	      "unique: resident pages that nobody else maps"),
	BYTES("DIRTY", "dirty_bytes", VM_Q_DIRTY, VM_F_DEFAULT, "smaps: Shared_Dirty + Private_Dirty",
	      "resident pages written since they were read or last written back"),
	BYTES("PSSDIRTY", "pss_dirty_bytes", VM_Q_PSS_DIRTY, 0, "smaps: Pss_Dirty (Linux 6.0)",
	      "proportional share of dirty pages"),
	BYTES("SHCLEAN", "shared_clean_bytes", VM_Q_SHARED_CLEAN, 0, "smaps: Shared_Clean",
	      "clean pages mapped more than once"),
	BYTES("SHDIRTY", "shared_dirty_bytes", VM_Q_SHARED_DIRTY, 0, "smaps: Shared_Dirty",
	      "dirty pages mapped more than once"),
	BYTES("PRCLEAN", "private_clean_bytes", VM_Q_PRIVATE_CLEAN, 0, "smaps: Private_Clean",
	      "clean pages mapped once"),
	BYTES("PRDIRTY", "private_dirty_bytes", VM_Q_PRIVATE_DIRTY, 0, "smaps: Private_Dirty",
	      "dirty pages mapped once"),
	BYTES("REFD", "referenced_bytes", VM_Q_REFERENCED, 0, "smaps: Referenced",
	      "pages marked as accessed since that mark was last cleared"),
	BYTES("ANON", "anon_bytes", VM_Q_ANON, 0, "smaps: Anonymous",
	      "pages that belong to no file, copies made on write included"),
	BYTES("KSM", "ksm_bytes", VM_Q_KSM, 0, "smaps: KSM (Linux 6.7)",
	      "pages merged with equal ones by KSM"),
	BYTES("LAZYFREE", "lazyfree_bytes", VM_Q_LAZYFREE, 0, "smaps: LazyFree",
	      "pages given back with MADV_FREE and not yet taken"),
	BYTES("THP", "thp_bytes", VM_Q_THP, VM_F_DEFAULT, "smaps: AnonHugePages",
	      "anonymous memory mapped by transparent huge pages of PMD size"),
	BYTES("SHMEMTHP", "shmem_thp_bytes", VM_Q_SHMEM_THP, 0, "smaps: ShmemPmdMapped",
	      "shared memory mapped by huge pages of PMD size"),
	BYTES("FILETHP", "file_thp_bytes", VM_Q_FILE_THP, 0, "smaps: FilePmdMapped",
	      "files mapped by huge pages of PMD size"),
	BYTES("SHHUGETLB", "shared_hugetlb_bytes", VM_Q_SHARED_HUGETLB, 0, "smaps: Shared_Hugetlb",
	      "hugetlb pages mapped more than once; not part of RSS or PSS"),
	BYTES("PRHUGETLB", "private_hugetlb_bytes", VM_Q_PRIVATE_HUGETLB, 0, "smaps: Private_Hugetlb",
	      "hugetlb pages mapped once; not part of RSS or PSS"),
	BYTES("SWAP", "swap_bytes", VM_Q_SWAP, 0, "smaps: Swap", "swapped out, shared memory included"),
	BYTES("SWAPPSS", "swap_pss_bytes", VM_Q_SWAP_PSS, 0, "smaps: SwapPss",
	      "proportional share of swapped anonymous pages"),
	BYTES("LOCKED", "locked_bytes", VM_Q_LOCKED, 0, "smaps: Locked",
	      "proportional share of pages that mlock(2) keeps in memory"),
	{ .name = "ABSENT", .key = "absent_bytes", .help = "what of it isn't resident: never touched, dropped, or swapped out",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = VM_F_SUM | VM_F_DESC, .needs = LAYOUT | VM_NEED(SMAPS),
	  .get = get_absent, .source = "smaps: Size - Rss - hugetlb pages" },
	{ .name = "LOCK", .key = "lock", .help = "whether it is locked: no, yes, onfault (each page when first touched)",
	  .type = VM_T_STR, .needs = VM_NEED(FLAGS), .get = get_lock, .source = "smaps: lo and lf of VmFlags" },
	{ .name = "PAGE", .key = "page_bytes", .help = "page size of the mapping's backing", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = VM_F_MACHINE, .needs = VM_NEED(SMAPS), .arg = VM_Q_KPAGE, .get = get_qty,
	  .source = "smaps: KernelPageSize" },
	{ .name = "MMUPAGE", .key = "mmu_page_bytes", .help = "page size that the MMU uses for it",
	  .type = VM_T_U64, .unit = VM_U_BYTES, .flags = VM_F_MACHINE, .needs = VM_NEED(SMAPS), .arg = VM_Q_MMUPAGE,
	  .get = get_qty, .source = "smaps: MMUPageSize" },
	{ .name = "ELIGIBLE", .key = "thp_eligible",
	  .help = "whether transparent huge pages may back it", .type = VM_T_BOOL,
	  .flags = VM_F_MACHINE, .needs = VM_NEED(SMAPS), .get = get_eligible, .source = "smaps: THPeligible" },
	{ .name = "PKEY", .key = "protection_key", .help = "protection key (pkeys(7))", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = VM_F_MACHINE, .needs = VM_NEED(SMAPS), .arg = VM_Q_PKEY, .get = get_qty,
	  .source = "smaps: ProtectionKey" },
	{ .name = "PERM", .key = "perm", .help = "read, write, execute; p private or s shared",
	  .type = VM_T_STR, .flags = VM_F_DEFAULT | VM_F_MACHINE, .needs = LAYOUT, .get = get_perm,
	  .source = "maps" },
	{ .name = "KIND", .key = "kind", .help = "what the mapping is for", .type = VM_T_STR,
	  .flags = VM_F_DEFAULT | VM_F_MACHINE | VM_F_LABEL, .needs = VM_NEED_KIND, .get = get_kind,
	  .source = "maps, ELF headers of the files, stack pointers of the threads" },
	{ .name = "OFFSET", .key = "offset_bytes", .help = "offset in the file", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = VM_F_MACHINE, .needs = LAYOUT, .get = get_offset, .source = "maps" },
	{ .name = "DEVICE", .key = "device", .help = "device of the file, major:minor in hex",
	  .type = VM_T_STR, .flags = VM_F_MACHINE, .needs = LAYOUT, .get = get_device, .source = "maps" },
	{ .name = "INODE", .key = "inode", .help = "inode of the file", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = VM_F_MACHINE, .needs = LAYOUT, .get = get_inode, .source = "maps" },
	{ .name = "DELETED", .key = "deleted", .help = "whether the file was unlinked", .type = VM_T_BOOL,
	  .flags = VM_F_MACHINE, .needs = LAYOUT, .get = get_deleted, .source = "maps" },
	{ .name = "VMFLAGS", .key = "vm_flags", .help = "the kernel's flags of the mapping, two letters each",
	  .type = VM_T_LIST, .flags = VM_F_MACHINE, .needs = VM_NEED(FLAGS), .get = get_flags, .source = "smaps: VmFlags" },
	{ .name = "RAWFLAGS", .key = "raw_vm_flags", .help = "vm_flags of the kernel's vm_area_struct", .type = VM_T_STR,
	  .needs = LAYOUT | VM_NEED(AREAS), .get = get_raw_flags, .source = "vm_area_struct: vm_flags" },
	{ .name = "PGOFF", .key = "vm_pgoff", .help = "vm_pgoff: page of the file or, of anonymous memory, of its first address",
	  .type = VM_T_STR, .needs = LAYOUT | VM_NEED(AREAS), .get = get_pgoff, .source = "vm_area_struct: vm_pgoff" },
	{ .name = "ANONVMA", .key = "has_anon_vma", .help = "whether it has an anon_vma: anonymous pages, now or once",
	  .type = VM_T_BOOL, .needs = LAYOUT | VM_NEED(AREAS), .get = get_anon_vma, .source = "vm_area_struct: anon_vma" },
	{ .name = "MAPPING", .key = "name", .help = "file or other name as the kernel shows it",
	  .type = VM_T_STR, .flags = VM_F_DEFAULT | VM_F_PATH | VM_F_MACHINE | VM_F_LABEL, .needs = LAYOUT,
	  .get = get_name, .source = "maps" },
};

const struct vm_fieldset vm_mapping_fields = {
	.row = "mapping", .rows = "mappings", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};
