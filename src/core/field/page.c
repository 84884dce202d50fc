/** Columns of pages: states, runs, sums by mapping, page tables, translations. */

#include "core/field/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/field/define.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/pageflags.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

/** Text in the scratch, from a buffer of its own. */
static struct vm_value buf_text(struct vm_buf *b, struct vm_scratch *tmp, enum vm_type type)
{
	size_t n = b->n < sizeof(tmp->text) - 1 ? b->n : sizeof(tmp->text) - 1;
	if (n)
		memcpy(tmp->text, b->s, n);
	tmp->text[n] = '\0';
	vm_buf_free(b);
	return type == VM_T_LIST ? VM_LIST(tmp->text) : VM_STR(tmp->text);
}

/** Names of what is set and known, separated by blanks. */
static struct vm_value state_names(uint32_t state, struct vm_scratch *tmp)
{
	struct vm_buf b = { 0 };
	for (unsigned i = 0; i < VM_PG_BIT_NR; i++)
		if (state >> i & 1)
			vm_buf_addf(&b, "%s%s", b.n ? " " : "", vm_pg_info[i].name);
	return buf_text(&b, tmp, VM_T_LIST);
}

static struct vm_value flag_names(uint64_t flags, struct vm_scratch *tmp)
{
	struct vm_buf b = { 0 };
	vm_kpf_put_names(&b, flags, ' ');
	return buf_text(&b, tmp, VM_T_LIST);
}

static struct vm_value hex_text(uint64_t v, struct vm_scratch *tmp)
{
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)v);
	return VM_STR(tmp->text);
}

static struct vm_value range_text(uint64_t start, uint64_t end, struct vm_scratch *tmp)
{
	const unsigned digits = end >> 48 ? 16 : 12;
	size_t n = vm_put_hex(tmp->text, start, digits);
	tmp->text[n++] = '-';
	n += vm_put_hex(tmp->text + n, end, digits);
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

static struct vm_value kind_text(const struct vm_mapping *m)
{
	return m->kind == VM_KIND_UNKNOWN ? VM_ABSENT : VM_STR(vm_kinds[m->kind].name);
}

/* ---- States ------------------------------------------------------------------------------------------------------ */

PLAIN(state_name, vm_state_row, VM_STR(row->name))
PLAIN(state_bytes, vm_state_row, row->known ? VM_U64(row->bytes) : VM_ABSENT)
PLAIN(state_pages, vm_state_row, row->known ? VM_U64(row->bytes / 4096) : VM_ABSENT)
PLAIN(state_share, vm_state_row, row->known && !isnan(row->share) ? VM_F64(row->share) : VM_ABSENT)
PLAIN(state_help, vm_state_row, VM_STR(row->help))

static const struct vm_field state_fields[] = {
	{ .name = "STATE", .key = "state", .help = "state of pages; a page may be in several", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = state_name, .source = "page tables, pagemap" },
	{ .name = "SIZE", .key = "bytes", .help = "memory in this state", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_DESC, .get = state_bytes, .source = "page tables, pagemap" },
	{ .name = "PAGES", .key = "pages", .help = "the same in pages of 4K", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_DESC, .get = state_pages, .source = "page tables, pagemap" },
	{ .name = "SHARE%", .key = "share", .help = "share of what is in memory", .type = VM_T_F64, .unit = VM_U_RATIO,
	  .flags = D | VM_F_DESC, .get = state_share, .source = "vmpage" },
	{ .name = "MEANING", .key = "meaning", .help = "what the state means", .type = VM_T_STR,
	  .flags = VM_F_DEFAULT | VM_F_TRUNC, .get = state_help, .source = "vmpage" },
};
FIELDS(vm_state_fields, "state", "states", state_fields);

/* ---- Page tables ------------------------------------------------------------------------------------------------- */

PLAIN(level_name, vm_level_row, VM_STR(row->name))
PLAIN(level_tables, vm_level_row, VM_U64(row->t.tables))
PLAIN(level_bytes, vm_level_row, VM_U64(row->t.tables * 4096))
PLAIN(level_used, vm_level_row, VM_U64(row->t.used))
PLAIN(level_leaves, vm_level_row, VM_U64(row->t.leaves))
PLAIN(level_fill, vm_level_row, row->t.tables ? VM_F64((double)row->t.used / (double)(row->t.tables * 512)) : VM_ABSENT)

static const struct vm_field level_fields[] = {
	{ .name = "LEVEL", .key = "level", .help = "level of page tables, the top one first", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = level_name, .source = "page tables" },
	{ .name = "TABLES", .key = "pages", .help = "pages that hold tables of this level", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = level_tables, .source = "page tables" },
	{ .name = "SIZE", .key = "bytes", .help = "memory of these tables", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = level_bytes, .source = "page tables" },
	{ .name = "ENTRIES", .key = "entries", .help = "entries in use", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = level_used, .source = "page tables" },
	{ .name = "LEAVES", .key = "leaves", .help = "of these: entries that are pages or swap themselves", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = D | VM_F_SUM | VM_F_DESC, .get = level_leaves, .source = "page tables" },
	{ .name = "FILL%", .key = "fill", .help = "share of their 512 entries each that is in use", .type = VM_T_F64,
	  .unit = VM_U_RATIO, .flags = D | VM_F_DESC, .get = level_fill, .source = "page tables" },
};
const struct vm_fieldset vm_level_fields = {
	.row = "table level", .rows = "tables", .v = level_fields, .n = sizeof(level_fields) / sizeof(level_fields[0]),
	.fixed = true,
};

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

static bool has_slot(const struct vm_page_run *r)
{
	return (r->state & VM_PG(SWAP)) && r->swap_offset;
}

PLAIN(run_range, vm_run_row, range_text(row->run.start, row->run.end, tmp))
PLAIN(run_start, vm_run_row, VM_U64(row->run.start))
PLAIN(run_end, vm_run_row, VM_U64(row->run.end))
PLAIN(run_size, vm_run_row, VM_U64(row->run.end - row->run.start))
PLAIN(run_pages, vm_run_row, VM_U64((row->run.end - row->run.start) / 4096))
PLAIN(run_page, vm_run_row, row->run.shift ? VM_U64(UINT64_C(1) << row->run.shift) : VM_ABSENT)
PLAIN(run_state, vm_run_row, state_names(row->run.state & row->run.known, tmp))
PLAIN(run_kind, vm_run_row, row->m ? kind_text(row->m) : VM_ABSENT)
PLAIN(run_perm, vm_run_row, row->m ? VM_STR(vm_mapping_perm(row->m)) : VM_ABSENT)
PLAIN(run_name, vm_run_row, row->m ? VM_STR(row->m->name) : VM_ABSENT)
PLAIN(run_pfn, vm_run_row, row->run.pfn == VM_PFN_NONE ? VM_ABSENT : hex_text(row->run.pfn, tmp))
PLAIN(run_entry, vm_run_row, row->run.raw ? hex_text(row->run.entry, tmp) : VM_ABSENT)
PLAIN(run_pkey, vm_run_row, row->run.state & VM_PG(PRESENT) && row->run.known & VM_PG(NONE) ? VM_U64(row->run.pkey) : VM_ABSENT)
PLAIN(run_swap_type, vm_run_row, has_slot(&row->run) ? VM_U64(row->run.swap_type) : VM_ABSENT)
PLAIN(run_swap_offset, vm_run_row, has_slot(&row->run) ? hex_text(row->run.swap_offset, tmp) : VM_ABSENT)
PLAIN(run_flags, vm_run_row, row->have_flags ? flag_names(row->flags, tmp) : VM_ABSENT)

GETTER(run_letters)
{
	ROW(vm_run_row);
	size_t n = 0;
	for (unsigned i = 0; i < VM_PG_BIT_NR; i++) {
		if (row->run.state & row->run.known & UINT32_C(1) << i)
			tmp->text[n++] = vm_pg_info[i].letter;
	}
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

static const struct vm_field run_fields[] = {
	{ .name = "ADDRESS", .key = "range", .help = "addresses of the run", .type = VM_T_STR, .unit = VM_U_ADDR,
	  .flags = VM_F_DEFAULT, .get = run_range, .source = "page tables, pagemap" },
	{ .name = "START", .key = "start", .help = "first address", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M | VM_F_LABEL, .get = run_start, .source = "page tables, pagemap" },
	{ .name = "END", .key = "end", .help = "address behind the last one", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M, .get = run_end, .source = "page tables, pagemap" },
	{ .name = "SIZE", .key = "bytes", .help = "length of the run", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = run_size, .source = "page tables, pagemap" },
	{ .name = "PAGES", .key = "pages", .help = "the same in pages of 4K", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = run_pages, .source = "page tables, pagemap" },
	{ .name = "PAGE", .key = "page_bytes", .help = "size of the pages that map it", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_DESC, .get = run_page, .source = "page tables" },
	{ .name = "PFN", .key = "pfn", .help = "frame of the first page; the others follow", .type = VM_T_STR,
	  .flags = D, .get = run_pfn, .source = "page tables, pagemap" },
	{ .name = "LETTERS", .key = "letters", .help = "the states as letters", .type = VM_T_STR,
	  .flags = VM_F_DEFAULT, .get = run_letters, .source = "page tables, pagemap" },
	{ .name = "ENTRY", .key = "entry", .help = "raw page-table entry without its frame", .type = VM_T_STR,
	  .flags = 0, .get = run_entry, .source = "page tables" },
	{ .name = "PKEY", .key = "pkey", .help = "protection key", .type = VM_T_U64, .unit = VM_U_NONE,
	  .flags = 0, .get = run_pkey, .source = "page tables" },
	{ .name = "SWAPTYPE", .key = "swap_type", .help = "number of the swap area, as in /proc/swaps from 0 on",
	  .type = VM_T_U64, .flags = 0, .get = run_swap_type, .source = "page tables, pagemap" },
	{ .name = "SLOT", .key = "swap_offset", .help = "slot of the first page in the swap area", .type = VM_T_STR,
	  .flags = 0, .get = run_swap_offset, .source = "page tables, pagemap" },
	{ .name = "FLAGS", .key = "flags", .help = "flags of the frames", .type = VM_T_LIST,
	  .flags = 0, .get = run_flags, .source = "kpageflags" },
	{ .name = "PERM", .key = "perm", .help = "permissions of the mapping", .type = VM_T_STR,
	  .flags = 0, .get = run_perm, .source = "maps" },
	{ .name = "KIND", .key = "kind", .help = "what the mapping is for", .type = VM_T_STR,
	  .flags = 0, .get = run_kind, .source = "vmmap" },
	{ .name = "STATE", .key = "state", .help = "what is known to be true of these pages", .type = VM_T_LIST,
	  .flags = M, .get = run_state, .source = "page tables, pagemap" },
	{ .name = "MAPPING", .key = "name", .help = "file or name of the mapping", .type = VM_T_STR,
	  .flags = D | VM_F_PATH, .get = run_name, .source = "maps" },
};
FIELDS(vm_run_fields, "run", "runs", run_fields);

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

PLAIN(sum_range, vm_page_sum, row->m ? range_text(row->m->start, row->m->end, tmp) : VM_ABSENT)
PLAIN(sum_start, vm_page_sum, row->m ? VM_U64(row->m->start) : VM_ABSENT)
PLAIN(sum_end, vm_page_sum, row->m ? VM_U64(row->m->end) : VM_ABSENT)
PLAIN(sum_perm, vm_page_sum, row->m ? VM_STR(vm_mapping_perm(row->m)) : VM_ABSENT)
PLAIN(sum_kind, vm_page_sum, row->m ? kind_text(row->m) : VM_ABSENT)
PLAIN(sum_mapped, vm_page_sum, row->mapped ? VM_U64(row->mapped) : VM_ABSENT)
PLAIN(sum_count, vm_page_sum, row->count ? VM_U64(row->count) : VM_ABSENT)
PLAIN(sum_name, vm_page_sum, row->m ? VM_STR(row->m->name) : row->name ? VM_STR(row->name) : VM_ABSENT)

PLAIN(sum_group, vm_page_sum, row->name ? VM_STR(row->name) : VM_ABSENT)

GETTER(sum_bytes)
{
	ROW(vm_page_sum);
	return row->unknown >> f->arg & 1 ? VM_ABSENT : VM_U64(row->bytes[f->arg]);
}

#define SUM(name_, key_, c, flags_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, \
	  .flags = (flags_) | VM_F_SUM | VM_F_DESC, .arg = (c), .get = sum_bytes, .source = "page tables, pagemap" }

static const struct vm_field sum_fields[] = {
	{ .name = "ADDRESS", .key = "range", .help = "addresses of the mapping", .type = VM_T_STR, .unit = VM_U_ADDR,
	  .flags = 0, .get = sum_range, .source = "maps" },
	{ .name = "START", .key = "start", .help = "first address of the mapping", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = D | VM_F_LABEL, .get = sum_start, .source = "maps" },
	{ .name = "END", .key = "end", .help = "address behind the mapping", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M, .get = sum_end, .source = "maps" },
	{ .name = "COUNT", .key = "count", .help = "mappings, or pages' runs, in the group", .type = VM_T_U64,
	  .unit = VM_U_COUNT, .flags = M | VM_F_SUM | VM_F_DESC, .get = sum_count, .source = "vmpage" },
	{ .name = "SIZE", .key = "size_bytes", .help = "address space", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = sum_mapped, .source = "maps" },
	SUM("RSS", "rss_bytes", VM_C_PRESENT, D, "in memory"),
	SUM("ANON", "anon_bytes", VM_C_ANON, D, "anonymous pages"),
	SUM("FILE", "file_bytes", VM_C_FILE, M, "pages of files and shared memory"),
	SUM("ZERO", "zero_bytes", VM_C_ZERO, M, "only read: the page of zeros"),
	SUM("EXCL", "exclusive_bytes", VM_C_EXCLUSIVE, D, "mapped here only"),
	SUM("SHARED", "shared_bytes", VM_C_SHARED, M, "mapped more than once"),
	SUM("WRITABLE", "writable_bytes", VM_C_WRITE, M, "a write doesn't fault"),
	SUM("EXEC", "executable_bytes", VM_C_EXEC, M, "may be executed"),
	SUM("DIRTY", "dirty_bytes", VM_C_DIRTY, M, "written since it was last clean"),
	SUM("ACCESSED", "accessed_bytes", VM_C_ACCESSED, M, "used since the kernel cleared the bit last"),
	SUM("SOFTDIRTY", "soft_dirty_bytes", VM_C_SOFT_DIRTY, M, "written since clear_refs, or never cleared"),
	SUM("UFFDWP", "uffd_wp_bytes", VM_C_UFFD_WP, M, "write-protected by userfaultfd"),
	SUM("PROTNONE", "prot_none_bytes", VM_C_NONE, M, "in memory, but any access faults"),
	SUM("SPECIAL", "special_bytes", VM_C_SPECIAL, M, "not counted as pages"),
	SUM("4K", "pages_4k_bytes", VM_C_4K, M, "mapped by pages of 4K"),
	SUM("2M", "pages_2m_bytes", VM_C_2M, D, "mapped by pages of 2M"),
	SUM("1G", "pages_1g_bytes", VM_C_1G, M, "mapped by pages of 1G"),
	SUM("SWAP", "swap_bytes", VM_C_SWAP, D, "in swap"),
	SUM("GUARD", "guard_bytes", VM_C_GUARD, M, "guard pages"),
	SUM("MARKER", "marker_bytes", VM_C_MARKER, M, "markers of userfaultfd"),
	SUM("MIGRATION", "migration_bytes", VM_C_MIGRATION, M, "on its way to another frame"),
	SUM("HWPOISON", "hwpoison_bytes", VM_C_HWPOISON, M, "its memory failed"),
	SUM("UNTOUCHED", "untouched_bytes", VM_C_UNTOUCHED, 0, "mapped, and nothing there"),
	SUM("DEVICEMEM", "device_bytes", VM_C_DEVICE, M, "in the memory of a device"),
	{ .name = "PERM", .key = "perm", .help = "permissions of the mapping", .type = VM_T_STR,
	  .flags = M, .get = sum_perm, .source = "maps" },
	{ .name = "KIND", .key = "kind", .help = "what the mapping is for", .type = VM_T_STR,
	  .flags = D, .get = sum_kind, .source = "vmmap" },
	{ .name = "GROUP", .key = "group", .help = "what the members of the group have in common", .type = VM_T_STR,
	  .flags = 0, .get = sum_group, .source = "vmpage" },
	{ .name = "MAPPING", .key = "name", .help = "file or name of the mapping, or what the group has in common",
	  .type = VM_T_STR, .flags = D | VM_F_PATH | VM_F_LABEL, .get = sum_name, .source = "maps" },
};
FIELDS(vm_page_sum_fields, "group", "groups", sum_fields);

/* ---- Translations ------------------------------------------------------------------------------------------------ */

PLAIN(step_level, vm_step_row, VM_STR(row->level))
PLAIN(step_address, vm_step_row, VM_U64(row->address))
PLAIN(step_index, vm_step_row, VM_U64(row->index))
PLAIN(step_table, vm_step_row, row->have_entry ? hex_text(row->table, tmp) : VM_ABSENT)
PLAIN(step_next, vm_step_row, row->have_entry && row->pte.pfn != VM_PFN_NONE ? hex_text(row->pte.pfn, tmp) : VM_ABSENT)
PLAIN(step_bits, vm_step_row, row->have_entry ? VM_LIST(row->bits) : VM_ABSENT)

GETTER(step_entry)
{
	ROW(vm_step_row);
	if (!row->have_entry)
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "0x%016llx", (unsigned long long)row->entry);
	return VM_STR(tmp->text);
}

static const struct vm_field step_fields[] = {
	{ .name = "LEVEL", .key = "level", .help = "level of page tables, the top one first", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = step_level, .source = "page tables" },
	{ .name = "ADDRESS", .key = "address", .help = "the address that is translated", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = VM_F_LABEL, .get = step_address, .source = "vmpage" },
	{ .name = "TABLE", .key = "table_frame", .help = "frame of the table", .type = VM_T_STR,
	  .flags = D, .get = step_table, .source = "page tables" },
	{ .name = "INDEX", .key = "index", .help = "index into it: nine bits of the address", .type = VM_T_U64,
	  .flags = D, .get = step_index, .source = "vmpage" },
	{ .name = "ENTRY", .key = "entry", .help = "the raw entry", .type = VM_T_STR,
	  .flags = D, .get = step_entry, .source = "page tables" },
	{ .name = "NEXT", .key = "next_frame", .help = "frame that it names: the next table, or the page", .type = VM_T_STR,
	  .flags = D, .get = step_next, .source = "page tables" },
	{ .name = "BITS", .key = "bits", .help = "bits of the entry that are set", .type = VM_T_LIST,
	  .flags = D, .get = step_bits, .source = "page tables" },
};
FIELDS(vm_step_fields, "step of a translation", "levels", step_fields);

/* ---- Parts of an address ----------------------------------------------------------------------------------------- */

PLAIN(split_address, vm_split_row, VM_U64(row->address))
PLAIN(split_levels, vm_split_row, VM_U64(row->levels))
PLAIN(split_part, vm_split_row, VM_STR(row->part))
PLAIN(split_value, vm_split_row, VM_U64(row->value))
PLAIN(split_base, vm_split_row, VM_U64(row->base))
PLAIN(split_covers, vm_split_row, VM_U64(row->covers))

GETTER(split_bits)
{
	ROW(vm_split_row);
	snprintf(tmp->text, sizeof(tmp->text), "%u-%u", row->high, row->low);
	return VM_STR(tmp->text);
}

GETTER(split_binary)
{
	ROW(vm_split_row);
	size_t n = 0;
	for (unsigned b = row->high + 1; b-- > row->low;)
		tmp->text[n++] = row->address >> b & 1 ? '1' : '0';
	tmp->text[n] = '\0';
	return VM_STR(tmp->text);
}

static const struct vm_field split_fields[] = {
	{ .name = "ADDRESS", .key = "address", .help = "the address", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = M | VM_F_LABEL, .get = split_address, .source = "vmpage" },
	{ .name = "LEVELS", .key = "levels", .help = "levels of page tables", .type = VM_T_U64,
	  .flags = M | VM_F_LABEL, .get = split_levels, .source = "vmpage" },
	{ .name = "PART", .key = "part", .help = "table that this part of the address is an index into", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = split_part, .source = "vmpage" },
	{ .name = "BITS", .key = "bits", .help = "the part's bits of the address, from the highest", .type = VM_T_STR,
	  .flags = D, .get = split_bits, .source = "vmpage" },
	{ .name = "BINARY", .key = "binary", .help = "the part in base 2", .type = VM_T_STR,
	  .flags = D, .get = split_binary, .source = "vmpage" },
	{ .name = "INDEX", .key = "index", .help = "the part in base 10", .type = VM_T_U64,
	  .flags = D, .get = split_value, .source = "vmpage" },
	{ .name = "COVERS", .key = "covers_bytes", .help = "what one entry there covers", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D, .get = split_covers, .source = "vmpage" },
	{ .name = "FROM", .key = "base", .help = "where that begins", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = D, .get = split_base, .source = "vmpage" },
};
FIELDS(vm_split_fields, "part of an address", "parts", split_fields);
