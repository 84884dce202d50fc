#include "core/model/fault.h"

#include <stdio.h>
#include <string.h>

#define KIND(id, k, n, g, s) [VM_FAULT_##id] = { .key = (k), .name = (n), .class = VM_FAULT_C_##g, .sentence = (s) }

const struct vm_fault_kind_info vm_fault_kinds[VM_FAULT_KIND_NR] = {
	KIND(UNKNOWN, "unknown", "not told", OTHER, "a page was provided; what kind of fault it was could not be told"),
	KIND(ANON_FIRST, "anon-first", "anonymous, first", FIRST,
	     "private memory is written for the first time: a page is allocated and filled with zeros"),
	KIND(ZERO_PAGE, "zero-page", "zero page", FIRST,
	     "private memory is read before it was ever written: the one page of zeros is mapped, read-only"),
	KIND(ZERO_WRITE, "zero-write", "zero page, written", FIRST,
	     "memory that was only read so far is written: a page takes the place of the page of zeros"),
	KIND(COW, "cow", "copy-on-write", COPY,
	     "a page that others have too (after fork, or a file's in a private mapping) is written: it is copied"),
	KIND(COW_REUSE, "cow-reuse", "copy-on-write, reused", COPY,
	     "a write-protected page is written that nobody else has any more: it becomes writable without a copy"),
	KIND(FILE_CACHE, "file-cache", "file, in cache", FILE,
	     "a file's page that is in the page cache is mapped, with up to 15 neighbours (fault-around)"),
	KIND(FILE_DISK, "file-disk", "file, from disk", FILE, "a file's page must be read from disk first: a major fault"),
	KIND(FILE_MKWRITE, "file-mkwrite", "file, made writable", FILE,
	     "a shared file's page is written: the file system is told (page_mkwrite) and the page becomes dirty"),
	KIND(SHMEM, "shmem", "shared memory", FIRST, "a page of shared memory (tmpfs, memfd, SysV) is mapped or made"),
	KIND(SWAP_IN, "swap-in", "swap-in, from disk", SWAP, "a page is read from swap: a major fault"),
	KIND(SWAP_CACHE, "swap-cache", "swap-in, cached", SWAP,
	     "a page was on its way to or from swap and still in memory, or in zram read at once: no waiting"),
	KIND(THP_ANON, "thp-anon", "huge page, anonymous", HUGE, "a huge page is allocated and filled with zeros"),
	KIND(THP_ZERO, "thp-zero", "huge zero page", HUGE, "memory is read before it was written: the huge page of zeros"),
	KIND(THP_COW, "thp-cow", "huge page, copied or split", HUGE,
	     "a shared huge page, or the huge page of zeros, is written: it is copied, or split and a part copied"),
	KIND(THP_FILE, "thp-file", "huge page, file", HUGE, "a huge page of a file or of shared memory is mapped"),
	KIND(THP_FALLBACK, "thp-fallback", "huge page, fallback", HUGE,
	     "a huge page was allowed here, but none was free: a small one came"),
	KIND(HUGETLB, "hugetlb", "huge page, hugetlb", HUGE, "a page of the hugetlb pool is mapped"),
	KIND(STACK_GROWTH, "stack-growth", "stack growth", FIRST, "the access was below the stack, which was extended"),
	KIND(UFFD, "uffd", "userfaultfd", TRACKING, "a user-space handler was asked (userfaultfd), and gave or allowed the page"),
	KIND(NUMA_HINT, "numa-hint", "NUMA hint", TRACKING,
	     "NUMA balancing had made the page inaccessible to see who uses it, and may have moved it"),
	KIND(SOFT_DIRTY, "soft-dirty", "soft-dirty tracking", TRACKING,
	     "the first write since the soft-dirty bits were cleared (clear_refs)"),
	KIND(MIGRATION, "migration", "waited for migration", OTHER, "the page was just being moved to another frame"),
	KIND(DEVICE, "device", "device or special", OTHER, "a page of a device or of a special mapping is mapped"),
	KIND(SPURIOUS, "spurious", "spurious", OTHER,
	     "the page table allowed the access already: another thread was faster, or only its flags were missing"),
	KIND(MINOR_ANON, "minor-anon", "minor, anonymous", OTHER, "a minor fault in anonymous memory; more isn't known"),
	KIND(MINOR_FILE, "minor-file", "minor, file", OTHER, "a minor fault in a mapped file; more isn't known"),
	KIND(MINOR_SHMEM, "minor-shmem", "minor, shared memory", OTHER, "a minor fault in shared memory; more isn't known"),
	KIND(MINOR, "minor", "minor", OTHER, "a minor fault; more isn't known"),
	KIND(MAJOR, "major", "major", OTHER, "a major fault: something was read from disk; more isn't known"),
	KIND(UNMAPPED, "invalid-unmapped", "invalid: unmapped", INVALID, "nothing is mapped there: SIGSEGV, SEGV_MAPERR"),
	KIND(PERMISSION, "invalid-permission", "invalid: permission", INVALID,
	     "the mapping doesn't permit it (read-only, PROT_NONE, not executable): SIGSEGV, SEGV_ACCERR"),
	KIND(PKEY, "invalid-pkey", "invalid: protection key", INVALID, "the protection key forbids it: SIGSEGV, SEGV_PKUERR"),
	KIND(GUARD, "invalid-guard", "invalid: guard page", INVALID, "a guard marker (MADV_GUARD_INSTALL): SIGSEGV"),
	KIND(BEYOND_EOF, "invalid-eof", "invalid: beyond end of file", INVALID,
	     "the file ends before this page: SIGBUS, BUS_ADRERR"),
	KIND(HWPOISON, "invalid-hwpoison", "invalid: bad memory", INVALID, "the frame is broken: SIGBUS, BUS_MCEERR_AR"),
	KIND(INVALID, "invalid-other", "invalid: other", INVALID, "another signal"),
	KIND(UNRESOLVED, "unresolved", "unresolved, kernel mode", OTHER,
	     "the kernel itself met it and went on without the page: EFAULT, or it tried again where it may sleep"),
};

int vm_fault_kind_find(const char *key)
{
	for (int i = 0; i < VM_FAULT_KIND_NR; i++)
		if (strcmp(vm_fault_kinds[i].key, key) == 0)
			return i;
	return -1;
}

bool vm_fault_is_invalid(unsigned kind)
{
	return kind >= VM_FAULT_FIRST_INVALID && kind < VM_FAULT_UNRESOLVED;
}

const char *vm_fault_error_words(uint32_t ec, char *buf, size_t size)
{
	/* X86_PF_PROT, WRITE, USER, RSVD, INSTR, PK, SHSTK, SGX. */
	snprintf(buf, size, "%s %s %s%s%s%s%s", ec & 4 ? "user" : "kernel",
		 ec & 16 ? "fetch" : ec & 2 ? "write" : "read", ec & 1 ? "protected" : "absent", ec & 8 ? " reserved-bits" : "",
		 ec & 32 ? " pkey" : "", ec & 64 ? " shadow-stack" : "", ec & (1u << 15) ? " sgx" : "");
	return buf;
}
