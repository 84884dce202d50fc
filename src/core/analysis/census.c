#include "core/analysis/census.h"

const struct vm_census_info vm_census_info[VM_C_NR] = {
	[VM_C_PRESENT] = { "present", "in memory; what follows, up to swapped, is part", VM_PG(PRESENT) },
	[VM_C_ANON] = { "anon", "of no file: heap, stacks, copies of file pages", VM_PG(FILE) | VM_PG(ZERO) },
	[VM_C_FILE] = { "file", "page cache of files, and shared memory", VM_PG(FILE) },
	[VM_C_ZERO] = { "zero", "only read so far: one shared page of zeros", VM_PG(ZERO) },
	[VM_C_EXCLUSIVE] = { "exclusive", "mapped here only", VM_PG(EXCLUSIVE) },
	[VM_C_SHARED] = { "shared", "mapped more than once, by others or here", VM_PG(EXCLUSIVE) },
	[VM_C_KSM] = { "ksm", "merged with equal pages by KSM", 0 },
	[VM_C_4K] = { "4K pages", "mapped by entries of the lowest table", 0 },
	[VM_C_2M] = { "2M pages", "mapped by PMD entries: THP or hugetlb", 0 },
	[VM_C_1G] = { "1G pages", "mapped by PUD entries: hugetlb", 0 },
	[VM_C_WRITE] = { "writable", "a write doesn't fault", VM_PG(WRITE) },
	[VM_C_EXEC] = { "executable", "may be executed", VM_PG(EXEC) },
	[VM_C_ACCESSED] = { "accessed", "used since the kernel last cleared the bit", VM_PG(ACCESSED) },
	[VM_C_DIRTY] = { "dirty", "written since it was last clean", VM_PG(DIRTY) },
	[VM_C_SOFT_DIRTY] = { "soft-dirty", "written since clear_refs, or never cleared", VM_PG(SOFT_DIRTY) },
	[VM_C_UFFD_WP] = { "uffd-wp", "write-protected by userfaultfd", VM_PG(UFFD_WP) },
	[VM_C_NONE] = { "prot-none", "any access faults: PROT_NONE or NUMA hint", VM_PG(NONE) },
	[VM_C_SPECIAL] = { "special", "not counted in RSS: zeros, vvar, devices", VM_PG(SPECIAL) },
	[VM_C_SWAP] = { "swapped", "in swap: a touch reads it back", VM_PG(SWAP) },
	[VM_C_GUARD] = { "guard", "MADV_GUARD_INSTALL: an access is a SIGSEGV", VM_PG(GUARD) },
	[VM_C_MARKER] = { "marker", "markers of userfaultfd, without memory", VM_PG(MARKER) },
	[VM_C_MIGRATION] = { "migration", "on its way to another frame", VM_PG(MIGRATION) },
	[VM_C_HWPOISON] = { "hwpoison", "its memory failed: an access is a SIGBUS", VM_PG(HWPOISON) },
	[VM_C_DEVICE] = { "device", "in the memory of a device", VM_PG(DEVICE) },
	[VM_C_UNTOUCHED] = { "untouched", "mapped, and nothing there: yet, or any more", VM_PG(PRESENT) | VM_PG(SWAP) },
};

/** States of present pages that are a bit each. */
static const struct { uint32_t state; enum vm_census_bit c; } parts[] = {
	{ VM_PG(FILE), VM_C_FILE }, { VM_PG(ZERO), VM_C_ZERO }, { VM_PG(EXCLUSIVE), VM_C_EXCLUSIVE },
	{ VM_PG(WRITE), VM_C_WRITE }, { VM_PG(EXEC), VM_C_EXEC }, { VM_PG(ACCESSED), VM_C_ACCESSED },
	{ VM_PG(DIRTY), VM_C_DIRTY }, { VM_PG(SOFT_DIRTY), VM_C_SOFT_DIRTY }, { VM_PG(UFFD_WP), VM_C_UFFD_WP },
	{ VM_PG(NONE), VM_C_NONE }, { VM_PG(SPECIAL), VM_C_SPECIAL },
};
static const struct { uint32_t state; enum vm_census_bit c; } others[] = {
	{ VM_PG(SWAP), VM_C_SWAP }, { VM_PG(GUARD), VM_C_GUARD }, { VM_PG(MARKER), VM_C_MARKER },
	{ VM_PG(MIGRATION), VM_C_MIGRATION }, { VM_PG(HWPOISON), VM_C_HWPOISON }, { VM_PG(DEVICE), VM_C_DEVICE },
	{ VM_PG(UFFD_WP), VM_C_UFFD_WP }, { VM_PG(SOFT_DIRTY), VM_C_SOFT_DIRTY },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define C(x) (UINT32_C(1) << (x))

static void add_present(struct vm_page_sum *s, const struct vm_page_run *r, uint64_t bytes)
{
	s->bytes[VM_C_PRESENT] += bytes;
	for (unsigned i = 0; i < COUNT(parts); i++) {
		if (r->state & r->known & parts[i].state)
			s->bytes[parts[i].c] += bytes;
		s->unknown |= r->known & parts[i].state ? 0 : C(parts[i].c);
	}
	const uint32_t kind = VM_PG(FILE) | VM_PG(ZERO) | VM_PG(SPECIAL);
	if (!(r->known & VM_PG(FILE)))
		s->unknown |= C(VM_C_ANON);
	else if (!(r->state & kind))
		s->bytes[VM_C_ANON] += bytes;
	if (!(r->known & VM_PG(EXCLUSIVE)))
		s->unknown |= C(VM_C_SHARED);
	else if (!(r->state & (VM_PG(EXCLUSIVE) | VM_PG(ZERO) | VM_PG(SPECIAL))))
		s->bytes[VM_C_SHARED] += bytes;
	if (r->shift == 0)
		s->unknown |= C(VM_C_4K) | C(VM_C_2M) | C(VM_C_1G);
	else
		s->bytes[r->shift >= 30 ? VM_C_1G : r->shift >= 21 ? VM_C_2M : VM_C_4K] += bytes;
}

void vm_page_sum_add(struct vm_page_sum *s, const struct vm_page_run *r, uint64_t bytes)
{
	s->seen += bytes;
	if (r->state & VM_PG(PRESENT)) {
		add_present(s, r, bytes);
		return;
	}
	for (unsigned i = 0; i < COUNT(others); i++)
		if (r->state & r->known & others[i].state)
			s->bytes[others[i].c] += bytes;
}

void vm_page_sum_end(struct vm_page_sum *s)
{
	/* A space that changed meanwhile may have had more pages than mappings. */
	s->bytes[VM_C_UNTOUCHED] = s->mapped > s->seen ? s->mapped - s->seen : 0;
}

void vm_page_sum_join(struct vm_page_sum *to, const struct vm_page_sum *from)
{
	to->mapped += from->mapped;
	to->count += from->count;
	to->seen += from->seen;
	to->unknown |= from->unknown;
	for (unsigned i = 0; i < VM_C_NR; i++)
		to->bytes[i] += from->bytes[i];
}
