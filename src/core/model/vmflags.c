#include "core/model/vmflags.h"

#include <string.h>

#define FLAG(X, code, name, words, sentence) [VM_VMF_##X] = { code, name, words, sentence }

const struct vm_vmflag vm_vmflags[VM_VMF_COUNT] = {
	FLAG(RD, "rd", "VM_READ", "readable", "pages may be read now"),
	FLAG(WR, "wr", "VM_WRITE", "writable", "pages may be written now"),
	FLAG(EX, "ex", "VM_EXEC", "executable", "pages may be executed now"),
	FLAG(SH, "sh", "VM_SHARED", "shared", "writes are seen by everyone who maps the same object"),
	FLAG(MR, "mr", "VM_MAYREAD", "may be read", "mprotect(2) may add PROT_READ"),
	FLAG(MW, "mw", "VM_MAYWRITE", "may be written", "mprotect(2) may add PROT_WRITE"),
	FLAG(ME, "me", "VM_MAYEXEC", "may be executed", "mprotect(2) may add PROT_EXEC"),
	FLAG(MS, "ms", "VM_MAYSHARE", "may be shared", "mapped with MAP_SHARED, also where the file is read-only"),
	FLAG(GD, "gd", "VM_GROWSDOWN", "grows down", "a stack: a fault just below extends it, up to RLIMIT_STACK"),
	FLAG(UM, "um", "VM_UFFD_MISSING", "userfaultfd missing", "a userfaultfd handler supplies missing pages"),
	FLAG(PF, "pf", "VM_PFNMAP", "bare frames", "maps page frames without struct page (device memory, vvar)"),
	FLAG(DW, "dw", "VM_DENYWRITE", "write denied", "the file can't be written elsewhere while mapped (before Linux 5.15)"),
	FLAG(GU, "gu", "VM_MAYBE_GUARD", "may hold guards", "may contain guard regions of MADV_GUARD_INSTALL (Linux 6.19)"),
	FLAG(UW, "uw", "VM_UFFD_WP", "userfaultfd write-protect", "a userfaultfd handler tracks writes"),
	FLAG(LO, "lo", "VM_LOCKED", "locked", "mlock(2) or MAP_LOCKED: pages stay in memory"),
	FLAG(IO, "io", "VM_IO", "device memory", "memory-mapped I/O: not dumped, not read by ptrace"),
	FLAG(SR, "sr", "VM_SEQ_READ", "sequential advice", "MADV_SEQUENTIAL: read ahead far, drop behind"),
	FLAG(RR, "rr", "VM_RAND_READ", "random advice", "MADV_RANDOM: no read-ahead"),
	FLAG(DC, "dc", "VM_DONTCOPY", "not inherited", "MADV_DONTFORK: a child doesn't get it"),
	FLAG(DE, "de", "VM_DONTEXPAND", "can't grow", "mremap(2) may not enlarge it"),
	FLAG(LF, "lf", "VM_LOCKONFAULT", "locked on fault", "MLOCK_ONFAULT: a page is locked when first touched"),
	FLAG(AC, "ac", "VM_ACCOUNT", "accounted", "counts against the commit limit (Committed_AS)"),
	FLAG(NR, "nr", "VM_NORESERVE", "no reserve", "MAP_NORESERVE: no swap space is reserved for it"),
	FLAG(HT, "ht", "VM_HUGETLB", "hugetlb", "backed by pages of a hugetlb pool"),
	FLAG(SF, "sf", "VM_SYNC", "synchronous faults", "MAP_SYNC: file metadata is on stable storage before a page is writable (DAX)"),
	FLAG(AR, "ar", "VM_ARCH_1", "architecture flag", "x86: PAT-reserved range; powerpc: strong access ordering"),
	FLAG(WF, "wf", "VM_WIPEONFORK", "wiped on fork", "MADV_WIPEONFORK: a child sees zeros"),
	FLAG(DD, "dd", "VM_DONTDUMP", "not dumped", "MADV_DONTDUMP: left out of core dumps"),
	FLAG(BT, "bt", "VM_ARM64_BTI", "guarded branches", "arm64 branch target identification"),
	FLAG(SD, "sd", "VM_SOFTDIRTY", "soft-dirty", "new or written since soft-dirty bits were cleared"),
	FLAG(MM, "mm", "VM_MIXEDMAP", "mixed frames", "holds both struct-page and bare frames"),
	FLAG(HG, "hg", "VM_HUGEPAGE", "huge pages wanted", "madvise(MADV_HUGEPAGE) was called"),
	FLAG(NH, "nh", "VM_NOHUGEPAGE", "huge pages refused", "madvise(MADV_NOHUGEPAGE), or MAP_STACK since Linux 6.7"),
	FLAG(MG, "mg", "VM_MERGEABLE", "mergeable", "MADV_MERGEABLE: KSM may merge equal pages"),
	FLAG(MP, "mp", "VM_MPX", "MPX bounds", "bounds tables of the former Intel MPX (before Linux 5.6)"),
	FLAG(MT, "mt", "VM_MTE", "memory tags", "arm64 memory tagging is enabled"),
	FLAG(UI, "ui", "VM_UFFD_MINOR", "userfaultfd minor", "a userfaultfd handler sees minor faults"),
	FLAG(SS, "ss", "VM_SHADOW_STACK", "shadow stack", "hardware-protected return addresses (x86 CET, arm64 GCS)"),
	FLAG(DP, "dp", "VM_DROPPABLE", "droppable", "MAP_DROPPABLE: the kernel may drop pages under pressure"),
	FLAG(SL, "sl", "VM_SEALED", "sealed", "mseal(2): can't be unmapped, moved or re-protected"),
	FLAG(UNKNOWN, "??", "?", "unknown", "a flag that this version of the program doesn't know"),
};

enum vm_vmf vm_vmflag_find(const char code[static 2])
{
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++)
		if (vm_vmflags[i].code[0] == code[0] && vm_vmflags[i].code[1] == code[1])
			return (enum vm_vmf)i;
	return VM_VMF_UNKNOWN;
}

const char *vm_vmflags_text(uint64_t flags, char *buf, size_t size)
{
	size_t n = 0;
	flags &= (UINT64_C(1) << VM_VMF_COUNT) - 1;
	for (; flags && n + 4 <= size; flags &= flags - 1) {
		memcpy(buf + n, vm_vmflags[__builtin_ctzll(flags)].code, 2);
		buf[n + 2] = ' ';
		n += 3;
	}
	buf[n ? n - 1 : 0] = '\0';
	return buf;
}
