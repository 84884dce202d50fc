/** Blocks of vmhuge's manual that its tables tell: reasons, remedies. */

#include <string.h>

#include "cli/help.h"
#include "cli/hugelook.h"
#include "cli/vmhuge/vmhuge.h"

static const char *const reasons[VM_WHY_NR] = {
	[VM_WHY_NO_THP] = "the kernel has no transparent huge pages",
	[VM_WHY_SPECIAL] = "memory of a device, or of the kernel's own",
	[VM_WHY_REFUSED] = "MADV_NOHUGEPAGE was called, or MAP_STACK set, as for threads' stacks (Linux 6.7)",
	[VM_WHY_DISABLED] = "prctl(PR_SET_THP_DISABLE) holds for the process; children and programs that it starts inherit it",
	[VM_WHY_SMALL] = "the mapping is smaller than a huge page",
	[VM_WHY_EDGE] = "the beginning or the end of a mapping, which lies in no whole range",
	[VM_WHY_OFFSET] = "of a file: the place of an address within a range must be that of its offset",
	[VM_WHY_NEVER] = "the policy is never",
	[VM_WHY_UNASKED] = "the policy is madvise, and nobody called it",
	[VM_WHY_SHMEM_DENY] = "shared memory is denied huge pages, on all mounts",
	[VM_WHY_SHMEM_NEVER] = "the policy for shared memory is never",
	[VM_WHY_SHMEM_UNASKED] = "the policy for shared memory is advise, and nobody called madvise(2)",
	[VM_WHY_TMPFS_NEVER] = "the tmpfs was mounted without huge=",
	[VM_WHY_TMPFS_UNASKED] = "the tmpfs was mounted with huge=advise, and nobody called madvise(2)",
	[VM_WHY_FILE] = "a page of a file is as large as the page cache holds it",
	[VM_WHY_COPY] = "private copies of a file's pages, which are never collapsed",
	[VM_WHY_UNKNOWN] = "what decides could not be read: policy, flags or pages",
	[VM_WHY_GUARD] = "guard pages or other markers lie in the range",
	[VM_WHY_PROTECTED] = "pages of it are write-protected by a userfaultfd",
	[VM_WHY_UFFD_HOLES] = "pages are missing, and a userfaultfd is to hear of each",
	[VM_WHY_READONLY] = "no page may be written as it is, and the kernel collapses only where one may (seen up to Linux 6.12)",
	[VM_WHY_HOLES] = "more pages are missing than khugepaged fills (max_ptes_none)",
	[VM_WHY_SWAPPED] = "more pages are in swap than khugepaged reads (max_ptes_swap)",
	[VM_WHY_SHARED] = "more pages are shared, by fork(2) or KSM, than khugepaged copies (max_ptes_shared)",
	[VM_WHY_SPLIT] = "the memory is a huge page already, but its entry was split",
	[VM_WHY_WAIT] = "nothing is in the way: khugepaged hasn't come by, or wasn't told of the process",
};

static const char *const remedies[VM_DO_NR] = {
	[VM_DO_PRCTL] = "the process calls prctl(PR_SET_THP_DISABLE, 0)",
	[VM_DO_ENABLE] = "madvise is written to enabled, of the size or of all sizes",
	[VM_DO_SHMEM] = "advise is written to shmem_enabled",
	[VM_DO_REMOUNT] = "the tmpfs is remounted with huge=advise",
	[VM_DO_SMALLER] = "madvise is written to enabled of a smaller size, 64K: memory that is touched from then on has such pages",
	[VM_DO_ALIGN] = "the program maps it at a multiple of the huge page's size",
	[VM_DO_ADVISE] = "the process calls madvise(MADV_HUGEPAGE)",
	[VM_DO_COLLAPSE] = "MADV_COLLAPSE: by --collapse, or by the process itself",
	[VM_DO_MAX_NONE] = "khugepaged's limit max_ptes_none is raised",
	[VM_DO_MAX_SWAP] = "its limit max_ptes_swap is",
	[VM_DO_MAX_SHARED] = "its limit max_ptes_shared is",
	[VM_DO_REREAD] = "the process calls madvise(MADV_HUGEPAGE) before the file's pages are read from the disk",
};

static void list(const char *width, const char *const *names, const char *const *texts, unsigned n, FILE *out)
{
	fprintf(out, ".Bl -tag -width \"%s\" -compact\n", width);
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, ".It Li \"%s\"\n", names[i]);
		vm_man_sentence(texts[i], out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

bool vmhuge_print_doc(const char *kind, FILE *out)
{
	if (strcmp(kind, "man-reasons") == 0)
		list("shmem-unasked", vm_why_names, reasons, VM_WHY_NR, out);
	else if (strcmp(kind, "man-remedies") == 0)
		list("max-shared", vm_do_names, remedies, VM_DO_NR, out);
	else
		return false;
	return true;
}
