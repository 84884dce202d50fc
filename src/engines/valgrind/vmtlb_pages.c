// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/valgrind/vmtlb_pages.h"

#include "pub_tool_basics.h"
#include "pub_tool_aspacemgr.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_machine.h"
#include "pub_tool_vki.h"
#include "pub_tool_vkiscnums.h"

#include "core/source/uapi.h"
#include "engines/tlbtrace.h"

/* Of Valgrind's core; for tools it declares neither. */
extern SysRes VG_(do_syscall)(UWord number, RegWord, RegWord, RegWord, RegWord, RegWord, RegWord);
extern Int VG_(safe_fd)(Int fd);

static bool scan_is_huge(const struct vmtlb_pages *p, Addr page, bool *huge)
{
	struct vm_page_region region = { 0 };
	struct vm_pm_scan arg = {
		.size = sizeof(arg), .start = page, .end = page + VKI_PAGE_SIZE, .vec = (Addr)&region, .vec_len = 1,
		.category_mask = VM_PAGE_IS_HUGE, .return_mask = VM_PAGE_IS_HUGE,
	};
	const SysRes r = VG_(do_syscall)(__NR_ioctl, (RegWord)(p->pagemap - 1), VM_PAGEMAP_SCAN, (RegWord)&arg, 0, 0, 0);
	*huge = !sr_isError(r) && sr_Res(r) > 0;
	return !sr_isError(r);
}

void vmtlb_pages_open(struct vmtlb_pages *p)
{
	bool huge;
	if (p->pagemap)
		VG_(close)(p->pagemap - 1);
	const Int fd = VG_(fd_open)("/proc/self/pagemap", VKI_O_RDONLY, 0);
	p->pagemap = fd >= 0 ? VG_(safe_fd)(fd) + 1 : 0;
	p->scan = p->pagemap && !p->no_scan && scan_is_huge(p, 0, &huge);
	/* Of before a fork, everything may have changed. */
	p->smaps.n = p->smaps.read_ms = 0;
}

const char *vmtlb_pages_source(const struct vmtlb_pages *p)
{
	return p->scan ? "scan" : "smaps";
}

enum vm_tlb_size vmtlb_pages_size(struct vmtlb_pages *p, uint64_t addr, bool *anew)
{
	bool huge;
	*anew = false;
	if (!p->scan) {
		*anew = vmtlb_smaps_refresh(&p->smaps);
		return vmtlb_smaps_size(&p->smaps, addr);
	}
	if (!scan_is_huge(p, addr & ~(uint64_t)(VKI_PAGE_SIZE - 1), &huge) || !huge)
		return VM_TLB_4K;
	/* 1G pages are those of hugetlbfs, in mappings of that size. */
	const NSegment *s = VG_(am_find_nsegment)(addr);
	if (!s || s->end - s->start < (UINT64_C(1) << 30) - 1)
		return VM_TLB_2M;
	if (!vmtlb_smaps_find(&p->smaps, addr))
		vmtlb_smaps_refresh(&p->smaps);
	return vmtlb_smaps_size(&p->smaps, addr) == VM_TLB_1G ? VM_TLB_1G : VM_TLB_2M;
}

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
	return VG_(strncmp)(text, with, VG_(strlen)(with)) == 0;
}

/** Files of memory, by the names that the kernel gives them or where they are usually mounted. */
static bool is_shmem(const char *name)
{
	return begins(name, "/memfd:") || begins(name, "/dev/shm/") || begins(name, "/SYSV") || begins(name, "/dev/zero");
}

static bool holds(const NSegment *s, uint64_t addr)
{
	return s->kind == SkAnonC && s->start <= addr && addr <= s->end;
}

bool vmtlb_pages_place(const struct vmtlb_pages *p, uint64_t addr, struct vm_tlbtrace_place *out)
{
	const NSegment *s = VG_(am_find_nsegment)(addr);
	if (!s || !(s->kind & (SkAnonC | SkFileC | SkShmC)))
		return false;
	const bool stack = holds(s, VG_(thread_get_stack_max)(1)), heap = p->program_break && holds(s, p->program_break - 1);
	const HChar *name = s->kind == SkFileC ? VG_(am_get_filename)(s) : heap ? "[heap]" : stack ? "[stack]" : "";
	*out = (struct vm_tlbtrace_place){
		.start = s->start, .end = s->end + 1, .offset = (uint64_t)s->offset, .key = stack ? s->end + 1 : s->start,
		.read = s->hasR, .write = s->hasW, .exec = s->hasX, .shared = s->kind == SkShmC,
		.can_2m = s->kind != SkFileC || (name && is_shmem(name)),
		/* As the kernel packs them for user space (new_encode_dev()). */
		.dev_major = (uint32_t)(s->dev >> 8 & 0xfff), .dev_minor = (uint32_t)((s->dev & 0xff) | (s->dev >> 12 & 0xfff00)),
		.inode = s->ino, .name = name ? name : "",
	};
	return true;
}
