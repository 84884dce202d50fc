#include "core/analysis/translate.h"

#include <sys/mman.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/pageflags.h"

void vm_say_half(const struct vm_pt_geometry *g, uint64_t addr, struct vm_buf *out)
{
	const unsigned bits = vm_pt_user_bits(g);
	switch (vm_pt_half(g, addr)) {
	case VM_ADDR_USER:
		vm_buf_addf(out, "user half: below 2^%u", vm_pt_user_bits(g));
		break;
	case VM_ADDR_KERNEL:
		vm_buf_addf(out, "kernel half: the same in every process, and a SIGSEGV in user mode");
		break;
	default:
		if (!vm_pt_has_kernel(g))
			vm_buf_addf(out, "in neither half: bits %u to 63 must all be equal; a use is a SIGSEGV (the highest 8 "
				    "of user addresses may hold a tag)", bits);
		else
			vm_buf_addf(out, "non-canonical: bits %u to 63 must all be equal; a use is a general protection fault "
				    "(SIGSEGV)", bits);
	}
}

/** What a touch does where nothing is mapped. */
static void say_touch(const struct vm_mapping *m, struct vm_buf *out)
{
	if (!m)
		vm_buf_add_str(out, "no mapping holds the address: a touch is a SIGSEGV");
	else if (!(m->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		vm_buf_add_str(out, "the mapping allows no access: a touch is a SIGSEGV");
	else if (m->kind == VM_KIND_VSYSCALL)
		vm_buf_add_str(out, "calls of it are emulated by the kernel, anything else is a SIGSEGV");
	else if (m->kind == VM_KIND_HUGETLB)
		vm_buf_add_str(out, "a touch takes a page from the hugetlb pool (SIGBUS if it is empty)");
	else if (m->inode && !m->shared)
		vm_buf_add_str(out, "a read maps the file's page (from disk if it isn't cached), a write a copy of it");
	else if (m->inode || m->shared)
		vm_buf_add_str(out, "a touch maps the page of the file or shared memory, read or made if it isn't there");
	else
		vm_buf_addf(out, "a read maps the page of zeros%s", m->prot & PROT_WRITE ? ", a write a new page" : "");
}

static void say_swap(const char *area, unsigned type, uint64_t slot, struct vm_buf *out)
{
	if (!slot) {
		vm_buf_add_str(out, "in swap; a touch reads it back");
		return;
	}
	vm_buf_addf(out, "in swap: area %u", type);
	if (area)
		vm_buf_addf(out, " (%s)", area);
	vm_buf_addf(out, ", slot 0x%llx; a touch reads it back", (unsigned long long)slot);
}

static void say_page(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	char size[VM_NUMBUF];
	vm_buf_addf(out, "a page of %s, ", vm_format_size(UINT64_C(1) << vm_pt_shift(g, p->level), size));
	vm_buf_add_str(out, p->state & VM_PG(WRITE) ? "writable" : "read-only");
	vm_buf_add_str(out, p->state & VM_PG(EXEC) ? ", executable" : "");
	vm_buf_add_str(out, p->state & VM_PG(DIRTY) ? ", dirty" : ", clean");
	vm_buf_add_str(out, p->state & VM_PG(ACCESSED) ? ", accessed" : ", not accessed since the bit was cleared");
	if (p->state & VM_PG(UFFD_WP))
		vm_buf_add_str(out, ", write-protected by userfaultfd");
	if (p->pkey)
		vm_buf_addf(out, ", protection key %u", p->pkey);
}

void vm_say_leaf(const struct vm_pt_geometry *g, const struct vm_pte *p, const struct vm_mapping *m,
		 const char *swap_area, struct vm_buf *out)
{
	switch (p->kind) {
	case VM_PTE_EMPTY:
		vm_buf_addf(out, "nothing: the %s entry is empty", vm_pt_level_name(g, p->level));
		vm_buf_add_str(out, p->level ? ", there are no tables below it; " : "; ");
		say_touch(m, out);
		break;
	case VM_PTE_TABLE:
		vm_buf_add_str(out, "the table below went away while it was read");
		break;
	case VM_PTE_PAGE:
		say_page(g, p, out);
		break;
	case VM_PTE_NONE:
		vm_buf_add_str(out, m && !(m->prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
			? "in memory, but PROT_NONE: a touch is a SIGSEGV"
			: "in memory, but not for the CPU: a NUMA hint, or PROT_NONE; a touch faults");
		break;
	case VM_PTE_SWAP:
		say_swap(swap_area, p->swap_type, p->swap_offset, out);
		break;
	case VM_PTE_MIGRATION:
		vm_buf_add_str(out, "on its way to another frame: a touch waits for it");
		break;
	case VM_PTE_HWPOISON:
		vm_buf_add_str(out, "its memory failed: a touch is a SIGBUS");
		break;
	case VM_PTE_DEVICE:
		vm_buf_add_str(out, "in the memory of a device: a touch by the CPU brings it back");
		break;
	case VM_PTE_GUARD:
		vm_buf_add_str(out, "a guard page (MADV_GUARD_INSTALL): a touch is a SIGSEGV");
		break;
	case VM_PTE_MARKER:
		vm_buf_add_str(out, p->state & VM_PG(HWPOISON) ? "poisoned by userfaultfd: a touch is a SIGBUS"
							      : "no memory, but a mark of userfaultfd (write protection)");
		break;
	case VM_PTE_BAD:
		vm_buf_add_str(out, "an entry that can't be: it changed while it was read, or the kernel's format is new");
	}
}

void vm_say_state(uint32_t state, const struct vm_mapping *m, const char *swap_area, unsigned type, uint64_t slot,
		  struct vm_buf *out)
{
	if (state & VM_PG(GUARD))
		vm_buf_add_str(out, "a guard page (MADV_GUARD_INSTALL): a touch is a SIGSEGV");
	else if (state & VM_PG(SWAP))
		say_swap(swap_area, type, slot, out);
	else if (state & VM_PG(ZERO))
		vm_buf_add_str(out, "the page of zeros: only read so far");
	else if (state & VM_PG(PRESENT))
		vm_buf_addf(out, "in memory%s%s", state & VM_PG(FILE) ? ", a page of a file or shared memory" : ", anonymous",
			    state & VM_PG(EXCLUSIVE) ? ", mapped here only" : "");
	else if (state & VM_PG(MIGRATION))
		vm_buf_add_str(out, "on its way to another frame");
	else if (state & VM_PG(MARKER))
		vm_buf_add_str(out, "no memory, but a mark of userfaultfd (write protection)");
	else {
		vm_buf_add_str(out, "nothing; ");
		say_touch(m, out);
	}
}

#define HAS(x) (flags & VM_KPF(x))

void vm_say_frame(uint64_t flags, uint64_t count, bool have_count, struct vm_buf *out)
{
	vm_buf_add_str(out, HAS(ZERO_PAGE) ? "page of zeros" : HAS(KSM) ? "merged by KSM" : HAS(ANON) ? "anonymous"
		: HAS(PGTABLE) ? "page table" : HAS(SLAB) ? "kernel objects" : HAS(BUDDY) ? "free" : HAS(NOPAGE) ? "no memory"
		: HAS(SWAPBACKED) ? "shared memory" : HAS(LRU) || HAS(MMAP) ? "page of a file" : "the kernel's");
	if (HAS(HUGE))
		vm_buf_add_str(out, ", hugetlb");
	else if (HAS(THP))
		vm_buf_add_str(out, ", part of a transparent huge page");
	else if (HAS(COMPOUND_HEAD) || HAS(COMPOUND_TAIL))
		vm_buf_add_str(out, ", part of a large folio");
	if (have_count && count == 1)
		vm_buf_add_str(out, ", mapped once");
	else if (have_count && count)
		vm_buf_addf(out, ", mapped %llu times", (unsigned long long)count);
	if (HAS(UNEVICTABLE))
		vm_buf_addf(out, ", unevictable%s", HAS(MLOCKED) ? " (mlock)" : "");
	else if (HAS(LRU))
		vm_buf_add_str(out, HAS(ACTIVE) ? ", on the active LRU list" : ", on the inactive LRU list");
	if (HAS(WRITEBACK))
		vm_buf_add_str(out, ", being written out");
	if (HAS(SWAPCACHE) && HAS(SWAPBACKED))
		vm_buf_add_str(out, ", also in swap");
	if (HAS(HWPOISON))
		vm_buf_add_str(out, ", its memory failed");
}

static void add_words(struct vm_buf *out, const char *words)
{
	vm_buf_addf(out, "%s%s", out->n ? "; " : "", words);
}

static const char *kind_words(enum vm_pte_kind kind)
{
	static const char *const words[] = {
		[VM_PTE_EMPTY] = "nothing is there any more", [VM_PTE_TABLE] = "a table is there", [VM_PTE_PAGE] = "mapped",
		[VM_PTE_NONE] = "no access any more: PROT_NONE or a NUMA hint", [VM_PTE_SWAP] = "went to swap",
		[VM_PTE_MIGRATION] = "is being migrated", [VM_PTE_HWPOISON] = "its memory failed",
		[VM_PTE_DEVICE] = "went to a device", [VM_PTE_GUARD] = "became a guard page",
		[VM_PTE_MARKER] = "became a marker of userfaultfd", [VM_PTE_BAD] = "can't be read",
	};
	return words[kind];
}

void vm_say_change(const struct vm_pte *was, const struct vm_pte *is, struct vm_buf *out)
{
	static const struct { uint32_t state; const char *on, *off; } bits[] = {
		{ VM_PG(WRITE), "may be written", "write-protected: fork, KSM, dirty tracking or mprotect" },
		{ VM_PG(DIRTY), "written", "clean again" },
		{ VM_PG(ACCESSED), "accessed", "accessed bit cleared" },
		{ VM_PG(EXEC), "may be executed", "no execution any more" },
		{ VM_PG(SOFT_DIRTY), "soft-dirty", "soft-dirty bit cleared" },
		{ VM_PG(EXCLUSIVE), "mapped here only", "mapped elsewhere too: fork, or merged by KSM" },
		{ VM_PG(UFFD_WP), "protected by userfaultfd", "userfaultfd's protection is gone" },
	};
	if (was->kind != is->kind)
		add_words(out, is->kind == VM_PTE_PAGE && was->kind == VM_PTE_SWAP ? "read back from swap" : kind_words(is->kind));
	if (is->kind == VM_PTE_PAGE && was->kind == VM_PTE_PAGE) {
		if (was->level < is->level)
			add_words(out, "collapsed into a huge page");
		else if (was->level > is->level)
			add_words(out, "the huge page was split");
		else if (was->pfn != is->pfn)
			add_words(out, !(was->state & VM_PG(WRITE)) && (is->state & VM_PG(WRITE))
				? "another frame: copied on write" : "another frame: migrated, or mapped anew");
	}
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((was->state ^ is->state) & bits[i].state && is->kind == VM_PTE_PAGE)
			add_words(out, is->state & bits[i].state ? bits[i].on : bits[i].off);
	if (was->pkey != is->pkey && is->kind == VM_PTE_PAGE)
		add_words(out, "another protection key");
	if (!out->n && was->raw != is->raw)
		add_words(out, "other bits changed");
}
