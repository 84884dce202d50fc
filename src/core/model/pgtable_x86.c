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

enum { PTE = 1 << VM_PT_PTE, HUGE = 1 << VM_PT_PMD | 1 << VM_PT_PUD, PAGES = PTE | HUGE, TABLES = 0x1e };
/** DEVMAP left bit 58 to the saved dirty bit with Linux 6.6, and is gone with 6.17. */
enum { SAVED_DIRTY_SINCE = 606, NO_DEVMAP_SINCE = 617 };

static uint64_t frame_mask(unsigned level)
{
	return level == VM_PT_PTE ? FRAME : FRAME & ~(BIT(12 + 9 * level) - 1);
}

static uint64_t plain_page(unsigned level)
{
	return P | US | NX | (level == VM_PT_PTE ? 0 : PS);
}

/** What pages of both kinds tell, valid for the CPU or not. */
static uint32_t state_of(const struct vm_pt_geometry *g, uint64_t e)
{
	const bool saved = !g->version || g->version >= SAVED_DIRTY_SINCE;
	return VM_PG(PRESENT) | (e & RW ? VM_PG(WRITE) : 0) | (e & NX ? 0 : VM_PG(EXEC)) |
	       (e & A ? VM_PG(ACCESSED) : 0) | (e & (saved ? D | SAVED_DIRTY : D) ? VM_PG(DIRTY) : 0) |
	       (e & SPECIAL ? VM_PG(SPECIAL) : 0) | (e & UFFD_WP ? VM_PG(UFFD_WP) : 0) |
	       (e & SOFT_DIRTY ? VM_PG(SOFT_DIRTY) : 0);
}

static bool decode_present(const struct vm_pt_geometry *g, struct vm_pte *p)
{
	const uint64_t e = p->raw;
	const bool leaf = p->level == VM_PT_PTE || (e & PS);
	/* Some CPUs set A or D in an entry that is none (_PAGE_KNL_ERRATUM_MASK). */
	if (!(e & ~(A | D))) {
		p->kind = VM_PTE_EMPTY;
		return true;
	}
	/* A huge page that is being split or changed keeps PS alone (pmd_present()), one of PROT_NONE has G. */
	if (!(e & P) && !(e & GLOBAL) && !(p->level > VM_PT_PTE && (e & PS)))
		return false;
	if ((e & P) && !leaf) {
		p->pfn = (e & FRAME) >> 12;
		p->kind = vm_table_kind(g, p->pfn);
		return true;
	}
	/* Without P the frame is kept inverted, so that no speculation can use it (pgtable-invert.h). */
	p->kind = e & P ? VM_PTE_PAGE : VM_PTE_NONE;
	p->pfn = ((e & P ? e : ~e) & frame_mask(p->level)) >> 12;
	p->state = e & P ? state_of(g, e) : vm_invalid_state(state_of(g, e));
	p->pkey = (uint8_t)(e >> 59 & 15);
	/* PS is reserved above the PUD. */
	if (p->level > VM_PT_PUD || vm_pfn_is_impossible(g, p->pfn))
		p->kind = VM_PTE_BAD;
	return true;
}

static const struct vm_pte_bit bits[] = {
	{ 0, 1, PAGES, TABLES, 0, 0, "P", "present", "the CPU may use the entry; without it the rest is the kernel's own" },
	{ 1, 1, PAGES, TABLES, 0, 0, "RW", "writable", "writes are allowed; clear in a page: the first write faults "
	  "(copy-on-write, dirty tracking)" },
	{ 2, 1, PAGES, TABLES, 0, 0, "US", "user", "user mode may use it" },
	{ 3, 1, PAGES, TABLES, 0, 0, "PWT", "write-through", "page-level write-through: part of the cache attribute" },
	{ 4, 1, PAGES, TABLES, 0, 0, "PCD", "cache disable", "page-level cache disable: part of the cache attribute" },
	{ 5, 1, PAGES, TABLES, 0, 0, "A", "accessed", "the CPU has used the entry since somebody cleared the bit" },
	{ 6, 1, PAGES, TABLES, 0, 0, "D", "dirty", "the CPU has written through the entry since somebody cleared the bit; "
	  "means nothing where a table is named" },
	{ 7, 1, PTE, 0, 0, 0, "PAT", "attribute", "third bit of the cache attribute" },
	{ 7, 1, HUGE, 0, 0, 0, "PS", "page size", "the entry maps 2M or 1G itself and names no table" },
	{ 8, 1, PAGES, 0, 0, 0, "G", "global", "kept in the TLB when another address space is loaded" },
	{ 9, 1, PAGES, 0, 0, 0, "SPECIAL", "special", "software: the page isn't counted (page of zeros, device memory, vvar)" },
	{ 10, 1, PAGES, 0, 0, 0, "UFFD_WP", "userfaultfd", "software: write-protected by userfaultfd" },
	{ 11, 1, PAGES, 0, 0, 0, "SOFT_DIRTY", "soft-dirty", "software: written since soft-dirty bits were cleared "
	  "(kernels with CONFIG_MEM_SOFT_DIRTY)" },
	{ 12, 1, HUGE, 0, 0, 0, "PAT", "attribute", "third bit of the cache attribute, out of the way of PS" },
	{ 57, 1, PAGES, 0, SAVED_DIRTY_SINCE, NO_DEVMAP_SINCE, "DEVMAP", "device", "software: memory of a device, as of DAX" },
	{ 58, 1, PAGES, 0, 0, SAVED_DIRTY_SINCE, "DEVMAP", "device", "software: memory of a device, as of DAX" },
	{ 58, 1, PAGES, 0, SAVED_DIRTY_SINCE, 0, "SAVED_DIRTY", "saved dirty", "software: dirty, while D must be clear because "
	  "the page is write-protected (shadow stacks, Linux 6.6)" },
	{ 59, 4, PAGES, 0, 0, 0, "PKEY", "protection key", "which of 16 keys in PKRU decides about user access" },
	{ 63, 1, PAGES, TABLES, 0, 0, "NX", "no execute", "instructions can't be fetched from it" },
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
