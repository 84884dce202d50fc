/**
 * arm64 with 4K pages and 48-bit addresses: Arm ARM D8.3 (VMSAv8-64 descriptors); Linux's software bits:
 * arch/arm64/include/asm/pgtable-prot.h, pgtable.h.  Unproven on hardware.
 */

#include "core/model/pgtable_arch.h"

#define BIT(n) (UINT64_C(1) << (n))

#define VALID BIT(0)
#define TABLE_OR_PAGE BIT(1)
#define USER BIT(6)
#define RDONLY BIT(7)
#define AF BIT(10)
#define DBM BIT(51)
#define PXN BIT(53)
#define UXN BIT(54)
#define DIRTY BIT(55)
#define SPECIAL BIT(56)
/** Of an entry that isn't valid (PTE_PRESENT_INVALID, shares its place with nG). */
#define PRESENT_INVALID BIT(11)
#define FRAME UINT64_C(0x0000fffffffff000)

enum { PTE = 1 << VM_PT_PTE, BLOCK = 1 << VM_PT_PMD | 1 << VM_PT_PUD, TABLES = 0x1e, ALL = 0x1f };

static uint64_t frame_mask(unsigned level)
{
	return level == VM_PT_PTE ? FRAME : FRAME & ~(BIT(12 + 9 * level) - 1);
}

static uint64_t plain_page(unsigned level)
{
	return VALID | USER | RDONLY | UXN | (level == VM_PT_PTE ? TABLE_OR_PAGE : 0);
}

static uint32_t state_of(uint64_t e)
{
	/* With hardware dirty bits a writable page is DBM, and read-only until it is written. */
	bool write = e & DBM || !(e & RDONLY), dirty = e & DIRTY || (e & DBM && !(e & RDONLY));
	return VM_PG(PRESENT) | (write ? VM_PG(WRITE) : 0) | (e & UXN ? 0 : VM_PG(EXEC)) |
	       (e & AF ? VM_PG(ACCESSED) : 0) | (dirty ? VM_PG(DIRTY) : 0) | (e & SPECIAL ? VM_PG(SPECIAL) : 0);
}

static bool decode_present(const struct vm_pt_geometry *g, struct vm_pte *p)
{
	const uint64_t e = p->raw;
	if (!(e & VALID) && !(e & PRESENT_INVALID))
		return false;
	if (p->level > VM_PT_PTE && (e & VALID) && (e & TABLE_OR_PAGE)) {
		p->kind = VM_PTE_TABLE;
		p->pfn = (e & FRAME) >> 12;
		if (g->max_pfn && p->pfn >= g->max_pfn)
			p->kind = VM_PTE_BAD;
		return true;
	}
	p->kind = e & VALID ? VM_PTE_PAGE : VM_PTE_NONE;
	p->pfn = (e & frame_mask(p->level)) >> 12;
	p->state = state_of(e) | (e & VALID ? 0 : VM_PG(NONE));
	bool reserved = (p->level == VM_PT_PTE && (e & VALID) && !(e & TABLE_OR_PAGE)) || p->level > VM_PT_PUD;
	if (reserved || (g->max_pfn && p->pfn >= g->max_pfn && !(e & SPECIAL)))
		p->kind = VM_PTE_BAD;
	return true;
}

static const struct vm_pte_bit bits[] = {
	{ 0, 1, ALL, "VALID", "valid", "the CPU may use the entry" },
	{ 1, 1, TABLES, "TABLE", "table", "the entry names a table; without it, it maps a block itself" },
	{ 1, 1, PTE, "PAGE", "page", "always set in the lowest table" },
	{ 2, 3, PTE | BLOCK, "ATTR", "attribute index", "memory type, by index into MAIR_EL1" },
	{ 6, 1, PTE | BLOCK, "USER", "user", "AP[1]: user mode may use it" },
	{ 7, 1, PTE | BLOCK, "RDONLY", "read-only", "AP[2]: writes fault (or set dirty, with DBM)" },
	{ 8, 2, PTE | BLOCK, "SH", "shareability", "3: inner shareable" },
	{ 10, 1, PTE | BLOCK, "AF", "access flag", "used since somebody cleared it" },
	{ 11, 1, PTE | BLOCK, "NG", "not global", "belongs to one address space identifier" },
	{ 50, 1, PTE | BLOCK, "GP", "guarded", "branches must land on BTI" },
	{ 51, 1, PTE | BLOCK, "DBM", "dirty bit modifier", "writable; hardware clears RDONLY at the first write" },
	{ 52, 1, PTE | BLOCK, "CONT", "contiguous", "one of 16 entries that the TLB may hold as one" },
	{ 53, 1, PTE | BLOCK, "PXN", "privileged no execute", "the kernel can't execute it" },
	{ 54, 1, PTE | BLOCK, "UXN", "user no execute", "user mode can't execute it" },
	{ 55, 1, PTE | BLOCK, "DIRTY", "dirty", "software: written" },
	{ 56, 1, PTE | BLOCK, "SPECIAL", "special", "software: the page isn't counted" },
	{ .name = NULL },
};

const struct vm_pt_arch vm_pt_arm64 = {
	.name = "arm64", .frame_mask = frame_mask, .plain_page = plain_page, .decode_present = decode_present,
	.swap = { .type_shift = 6, .type_bits = 5, .offset_shift = 12, .offset_bits = 50, .pfn_bits = 48 - 12,
		  .pfn_bits_5 = 52 - 12, .exclusive = BIT(2),
		  .uffd_wp = BIT(3) },
	.bits = bits,
	.own_tables = true,
	.known = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(GUARD) | VM_PG(WRITE) | VM_PG(EXEC) | VM_PG(ACCESSED) |
		 VM_PG(DIRTY) | VM_PG(NONE) | VM_PG(SPECIAL) | VM_PG(MIGRATION) | VM_PG(HWPOISON) | VM_PG(DEVICE) |
		 VM_PG(MARKER),
};
