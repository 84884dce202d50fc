/**
 * VmFlags of /proc/PID/smaps: two letters, a bit, a sentence.
 *
 * Source: show_smap_vma_flags() in fs/proc/task_mmu.c and enum of VM_* in include/linux/mm.h,
 * Linux 5.10 to 7.x; meanings from Documentation/filesystems/proc.rst and the mm headers.
 */
#ifndef VM_MODEL_VMFLAGS_H
#define VM_MODEL_VMFLAGS_H

#include <stddef.h>
#include <stdint.h>

/** Our own bit numbers, in the order in which the kernel prints the flags. */
enum vm_vmf {
	VM_VMF_RD, VM_VMF_WR, VM_VMF_EX, VM_VMF_SH, VM_VMF_MR, VM_VMF_MW, VM_VMF_ME, VM_VMF_MS,
	VM_VMF_GD, VM_VMF_UM, VM_VMF_PF, VM_VMF_DW, VM_VMF_GU, VM_VMF_UW, VM_VMF_LO, VM_VMF_IO,
	VM_VMF_SR, VM_VMF_RR, VM_VMF_DC, VM_VMF_DE, VM_VMF_LF, VM_VMF_AC, VM_VMF_NR, VM_VMF_HT,
	VM_VMF_SF, VM_VMF_AR, VM_VMF_WF, VM_VMF_DD, VM_VMF_BT, VM_VMF_SD, VM_VMF_MM, VM_VMF_HG,
	VM_VMF_NH, VM_VMF_MG, VM_VMF_MP, VM_VMF_MT, VM_VMF_UI, VM_VMF_SS, VM_VMF_DP, VM_VMF_SL,
	/** The kernel's own "??", or two letters that this table doesn't know. */
	VM_VMF_UNKNOWN,
	VM_VMF_COUNT,
};
#define VM_VMF(x) (UINT64_C(1) << VM_VMF_##x)

struct vm_vmflag {
	char code[3];          /* "hg" */
	const char *name;      /* "VM_HUGEPAGE" */
	const char *words;     /* "huge pages wanted" */
	const char *sentence;  /* "madvise(MADV_HUGEPAGE) was called" */
};
extern const struct vm_vmflag vm_vmflags[VM_VMF_COUNT];

/** Bit number of two letters, VM_VMF_UNKNOWN if there is none. */
enum vm_vmf vm_vmflag_find(const char code[static 2]);

/** The letters of `flags`, separated by blanks: "rd wr mr".  Returns buf. */
const char *vm_vmflags_text(uint64_t flags, char *buf, size_t size);

#endif
