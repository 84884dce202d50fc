/** x86-64: Intel SDM vol. 3 ch. 4.5; Linux's use of the bits that the CPU leaves free: pgtable_types.h. */

#include "core/model/pgtable_arch.h"

#define BIT(n) (UINT64_C(1) << (n))

#define P BIT(0)
#define RW BIT(1)
#define US BIT(2)
#define A BIT(5)
#define D BIT(6)
#define PS BIT(7)
#define GLOBAL BIT(8)         /* of an entry that isn't present: PROT_NONE */
#define SPECIAL BIT(9)
#define UFFD_WP BIT(10)
#define SOFT_DIRTY BIT(11)
#define SAVED_DIRTY BIT(58)
#define NX BIT(63)
/** 52 physical bits at most. */
#define FRAME UINT64_C(0x000ffffffffff000)

enum { PTE = 1 << VM_PT_PTE, HUGE = 1 << VM_PT_PMD | 1 << VM_PT_PUD, TABLES = 0x1e, ALL = 0x1f };

static uint64_t frame_mask(unsigned level)
{
	return level == VM_PT_PTE ? FRAME : FRAME & ~(BIT(12 + 9 * level) - 1);
}

static uint64_t plain_page(unsigned level)
{
	return P | US | NX | (level == VM_PT_PTE ? 0 : PS);
}

/** What pages of both kinds tell, valid for the CPU or not. */
static uint32_t state_of(uint64_t e)
{
	return VM_PG(PRESENT) | (e & RW ? VM_PG(WRITE) : 0) | (e & NX ? 0 : VM_PG(EXEC)) |
	       (e & A ? VM_PG(ACCESSED) : 0) | (e & (D | SAVED_DIRTY) ? VM_PG(DIRTY) : 0) |
	       (e & SPECIAL ? VM_PG(SPECIAL) : 0) | (e & UFFD_WP ? VM_PG(UFFD_WP) : 0) |
	       (e & SOFT_DIRTY ? VM_PG(SOFT_DIRTY) : 0);
}

static bool beyond_memory(const struct vm_pt_geometry *g, uint64_t pfn)
{
	return g->max_pfn && pfn >= g->max_pfn;
}

static void decode_table(const struct vm_pt_geometry *g, struct vm_pte *p)
{
	p->kind = VM_PTE_TABLE;
	p->pfn = (p->raw & FRAME) >> 12;
	if (beyond_memory(g, p->pfn))
		p->kind = VM_PTE_BAD;
}

static bool decode_present(const struct vm_pt_geometry *g, struct vm_pte *p)
{
	const uint64_t e = p->raw;
	/* PROT_NONE keeps the frame inverted, so that no speculation can use it (pgtable-invert.h). */
	if (!(e & P) && !(e & GLOBAL))
		return false;
	bool leaf = p->level == VM_PT_PTE || (e & PS);
	if ((e & P) && !leaf) {
		decode_table(g, p);
		return true;
	}
	p->kind = e & P ? VM_PTE_PAGE : VM_PTE_NONE;
	p->pfn = ((e & P ? e : ~e) & frame_mask(p->level)) >> 12;
	p->state = state_of(e) | (e & P ? 0 : VM_PG(NONE));
	p->pkey = (uint8_t)(e >> 59 & 15);
	/* PS is reserved above the PUD.  Device memory may lie above all RAM, and its pages are special. */
	if (p->level > VM_PT_PUD || (beyond_memory(g, p->pfn) && !(e & SPECIAL)))
		p->kind = VM_PTE_BAD;
	return true;
}

static const struct vm_pte_bit bits[] = {
	{ 0, 1, ALL, "P", "present", "the CPU may use the entry; without it the rest is the kernel's own" },
	{ 1, 1, ALL, "RW", "writable", "writes are allowed; clear in a page: the first write faults (copy-on-write, "
	  "dirty tracking)" },
	{ 2, 1, ALL, "US", "user", "user mode may use it" },
	{ 3, 1, ALL, "PWT", "write-through", "page-level write-through: part of the cache attribute" },
	{ 4, 1, ALL, "PCD", "cache disable", "page-level cache disable: part of the cache attribute" },
	{ 5, 1, ALL, "A", "accessed", "the CPU has used the entry since somebody cleared the bit" },
	{ 6, 1, PTE | HUGE, "D", "dirty", "the CPU has written through the entry since somebody cleared the bit" },
	{ 7, 1, PTE, "PAT", "attribute", "third bit of the cache attribute" },
	{ 7, 1, HUGE, "PS", "page size", "the entry maps 2M or 1G itself and names no table" },
	{ 8, 1, PTE | HUGE, "G", "global", "kept in the TLB when another address space is loaded" },
	{ 9, 1, PTE | HUGE, "SPECIAL", "special", "software: the page isn't counted (page of zeros, device memory, vvar)" },
	{ 10, 1, PTE | HUGE, "UFFD_WP", "userfaultfd", "software: write-protected by userfaultfd" },
	{ 11, 1, PTE | HUGE, "SOFT_DIRTY", "soft-dirty", "software: written since soft-dirty bits were cleared "
	  "(kernels with CONFIG_MEM_SOFT_DIRTY)" },
	{ 58, 1, PTE | HUGE, "SAVED_DIRTY", "saved dirty", "software: dirty, while D must be clear because the page is "
	  "write-protected (shadow stacks, Linux 6.6)" },
	{ 59, 4, PTE | HUGE, "PKEY", "protection key", "which of 16 keys in PKRU decides about user access" },
	{ 63, 1, ALL, "NX", "no execute", "instructions can't be fetched from it" },
	{ .name = NULL },
};

const struct vm_pt_arch vm_pt_x86_64 = {
	.name = "x86-64", .frame_mask = frame_mask, .plain_page = plain_page, .decode_present = decode_present,
	.swap = { .type_shift = 59, .type_bits = 5, .offset_shift = 9, .offset_bits = 50, .inverted = true,
		  .pfn_bits = 46 - 12, .pfn_bits_5 = 52 - 12,
		  .exclusive = BIT(3), .uffd_wp = BIT(2), .soft_dirty = BIT(1) },
	.bits = bits,
	.known = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(SOFT_DIRTY) | VM_PG(UFFD_WP) | VM_PG(GUARD) | VM_PG(WRITE) |
		 VM_PG(EXEC) | VM_PG(ACCESSED) | VM_PG(DIRTY) | VM_PG(NONE) | VM_PG(SPECIAL) | VM_PG(MIGRATION) |
		 VM_PG(HWPOISON) | VM_PG(DEVICE) | VM_PG(MARKER),
};
