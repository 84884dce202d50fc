/** Columns of page frames: how many have which flags, who maps one, what of a file is cached. */

#include <stdio.h>
#include <string.h>

#include "core/field/define.h"
#include "core/field/page.h"
#include "core/model/pageflags.h"

enum { D = VM_F_DEFAULT | VM_F_MACHINE, M = VM_F_MACHINE };

static struct vm_value hex_text(uint64_t v, struct vm_scratch *tmp)
{
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)v);
	return VM_STR(tmp->text);
}

static struct vm_value flag_text(uint64_t flags, bool letters, struct vm_scratch *tmp)
{
	struct vm_buf b = { 0 };
	if (letters)
		vm_kpf_put_letters(&b, flags);
	else
		vm_kpf_put_names(&b, flags, ' ');
	size_t n = b.n < sizeof(tmp->text) - 1 ? b.n : sizeof(tmp->text) - 1;
	if (n)
		memcpy(tmp->text, b.s, n);
	tmp->text[n] = '\0';
	vm_buf_free(&b);
	return letters ? VM_STR(tmp->text) : VM_LIST(tmp->text);
}

PLAIN(frames_flags, vm_frames_row, row->name ? VM_ABSENT : hex_text(row->flags, tmp))
PLAIN(frames_count, vm_frames_row, VM_U64(row->frames))
PLAIN(frames_bytes, vm_frames_row, VM_U64(row->frames * 4096))
PLAIN(frames_letters, vm_frames_row, row->name ? VM_ABSENT : flag_text(row->flags, true, tmp))
PLAIN(frames_names, vm_frames_row, row->name ? VM_ABSENT : flag_text(row->flags, false, tmp))
PLAIN(frames_name, vm_frames_row, row->name ? VM_STR(row->name) : VM_ABSENT)

static const struct vm_field frames_fields[] = {
	{ .name = "FLAGS", .key = "flags", .help = "flags of these frames, as a number", .type = VM_T_STR,
	  .flags = D | VM_F_LABEL, .get = frames_flags, .source = "kpageflags" },
	{ .name = "FRAMES", .key = "frames", .help = "number of page frames", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = frames_count, .source = "kpageflags" },
	{ .name = "SIZE", .key = "bytes", .help = "their memory", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = frames_bytes, .source = "kpageflags" },
	{ .name = "LETTERS", .key = "letters", .help = "the flags as page-types' letters", .type = VM_T_STR,
	  .flags = VM_F_DEFAULT, .get = frames_letters, .source = "kpageflags" },
	{ .name = "NAMES", .key = "names", .help = "the flags by name", .type = VM_T_LIST,
	  .flags = D | VM_F_TRUNC, .get = frames_names, .source = "kpageflags" },
	{ .name = "GROUP", .key = "group", .help = "cgroup or zone of these frames", .type = VM_T_STR,
	  .flags = VM_F_LABEL, .get = frames_name, .source = "kpagecgroup, zoneinfo" },
};
FIELDS(vm_frames_fields, "kind of frame", "frames", frames_fields);

PLAIN(rmap_pfn, vm_rmap_row, hex_text(row->pfn, tmp))
PLAIN(rmap_pid, vm_rmap_row, VM_U64((uint64_t)row->pid))
PLAIN(rmap_comm, vm_rmap_row, VM_STR(row->comm))
PLAIN(rmap_address, vm_rmap_row, VM_U64(row->address))
PLAIN(rmap_page, vm_rmap_row, row->shift ? VM_U64(UINT64_C(1) << row->shift) : VM_ABSENT)
PLAIN(rmap_write, vm_rmap_row, row->known & VM_PG(WRITE) ? VM_BOOL(row->state & VM_PG(WRITE)) : VM_ABSENT)
PLAIN(rmap_mapping, vm_rmap_row, VM_STR(row->mapping))

static const struct vm_field rmap_fields[] = {
	{ .name = "PFN", .key = "pfn", .help = "the page frame", .type = VM_T_STR, .flags = M | VM_F_LABEL,
	  .get = rmap_pfn, .source = "page tables, pagemap" },
	{ .name = "PID", .key = "pid", .help = "process that maps it", .type = VM_T_U64, .flags = D | VM_F_LABEL,
	  .get = rmap_pid, .source = "page tables, pagemap" },
	{ .name = "ADDRESS", .key = "address", .help = "where", .type = VM_T_U64, .unit = VM_U_ADDR, .flags = D | VM_F_LABEL,
	  .get = rmap_address, .source = "page tables, pagemap" },
	{ .name = "PAGE", .key = "page_bytes", .help = "size of the page that maps it", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D, .get = rmap_page, .source = "page tables" },
	{ .name = "WRITABLE", .key = "writable", .help = "whether a write there faults not", .type = VM_T_BOOL, .flags = D,
	  .get = rmap_write, .source = "page tables" },
	{ .name = "COMMAND", .key = "comm", .help = "name of the process", .type = VM_T_STR, .flags = D,
	  .get = rmap_comm, .source = "stat" },
	{ .name = "MAPPING", .key = "name", .help = "file or name of the mapping", .type = VM_T_STR,
	  .flags = D | VM_F_PATH, .get = rmap_mapping, .source = "maps" },
};
FIELDS(vm_rmap_fields, "mapping of a frame", "mappings", rmap_fields);

PLAIN(cached_file, vm_cached_row, VM_STR(row->file))
PLAIN(cached_offset, vm_cached_row, VM_U64(row->offset))
PLAIN(cached_bytes, vm_cached_row, VM_U64(row->bytes))
PLAIN(cached_pages, vm_cached_row, VM_U64((row->bytes + 4095) / 4096))
PLAIN(cached_pfn, vm_cached_row, row->pfn == VM_PFN_NONE ? VM_ABSENT : hex_text(row->pfn, tmp))
PLAIN(cached_flags, vm_cached_row, row->have_flags ? flag_text(row->flags, false, tmp) : VM_ABSENT)
PLAIN(cached_mapped, vm_cached_row, row->have_flags ? VM_U64(row->mapped) : VM_ABSENT)

static const struct vm_field cached_fields[] = {
	{ .name = "OFFSET", .key = "offset", .help = "offset in the file", .type = VM_T_U64, .unit = VM_U_ADDR,
	  .flags = D | VM_F_LABEL, .get = cached_offset, .source = "mincore" },
	{ .name = "SIZE", .key = "bytes", .help = "length of the run that is in memory", .type = VM_T_U64, .unit = VM_U_BYTES,
	  .flags = D | VM_F_SUM | VM_F_DESC, .get = cached_bytes, .source = "mincore" },
	{ .name = "PAGES", .key = "pages", .help = "the same in pages of 4K", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = M | VM_F_SUM | VM_F_DESC, .get = cached_pages, .source = "mincore" },
	{ .name = "PFN", .key = "pfn", .help = "frame of the first page", .type = VM_T_STR, .flags = D,
	  .get = cached_pfn, .source = "pagemap" },
	{ .name = "MAPPED", .key = "map_count", .help = "how often each page is mapped", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = D, .get = cached_mapped, .source = "kpagecount" },
	{ .name = "FLAGS", .key = "flags", .help = "flags of the frames", .type = VM_T_LIST, .flags = D,
	  .get = cached_flags, .source = "kpageflags" },
	{ .name = "FILE", .key = "file", .help = "the file", .type = VM_T_STR, .flags = VM_F_LABEL | VM_F_PATH,
	  .get = cached_file, .source = "vmpage" },
};
FIELDS(vm_cached_fields, "cached run", "cached", cached_fields);
