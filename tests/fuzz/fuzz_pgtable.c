/**
 * Page-table entries of both architectures at all levels, and addresses: what is said of an entry doesn't contradict
 * itself, what is told of two of them has words, and an address is the sum of its parts.
 */
#include "core/analysis/translate.h"
#include "core/base/buf.h"
#include "core/model/aspace.h"
#include "core/model/pgtable.h"

#include "fuzz.h"

#define FRAMED(kind) \
	((kind) == VM_PTE_TABLE || (kind) == VM_PTE_PAGE || (kind) == VM_PTE_NONE || (kind) == VM_PTE_MIGRATION || \
	 (kind) == VM_PTE_HWPOISON || (kind) == VM_PTE_DEVICE)

static struct vm_pt_geometry geometry_of(const uint8_t *b)
{
	static const unsigned versions[] = { 0, 510, 515, 519, 601, 602, 606, 612, 615, 617, 618, 702 };
	struct vm_pt_geometry g = {
		.arch = b[0] & 1 ? &vm_pt_arm64 : &vm_pt_x86_64, .levels = (b[0] & 3) == 2 ? 5 : 4,
		.version = versions[b[1] % 12], .max_pfn = b[2] ? (uint64_t)b[2] << 16 : 0, .phys_bits = b[3] % 53,
	};
	vm_swap_types_of(g.version, b[0] >> 2 & 3, &g.swap);
	return g;
}

static void check_state(const struct vm_pte *p)
{
	HOLDS(!(p->state >> VM_PG_BIT_NR));
	HOLDS((p->state & VM_PG(PRESENT)) ? p->kind == VM_PTE_PAGE || p->kind == VM_PTE_NONE : 1);
	switch (p->kind) {
	case VM_PTE_EMPTY:
	case VM_PTE_TABLE:
	case VM_PTE_BAD:
		HOLDS(p->state == 0);
		break;
	case VM_PTE_PAGE:
		HOLDS((p->state & (VM_PG(PRESENT) | VM_PG(NONE))) == VM_PG(PRESENT));
		break;
	case VM_PTE_NONE:
		HOLDS((p->state & (VM_PG(PRESENT) | VM_PG(NONE))) == (VM_PG(PRESENT) | VM_PG(NONE)));
		HOLDS(!(p->state & (VM_PG(WRITE) | VM_PG(EXEC))));
		break;
	case VM_PTE_SWAP:
		HOLDS(p->state & VM_PG(SWAP));
		HOLDS(p->swap_offset < UINT64_C(1) << 50);
		break;
	case VM_PTE_MIGRATION:
		HOLDS(p->state & VM_PG(MIGRATION));
		break;
	case VM_PTE_HWPOISON:
		HOLDS(p->state == VM_PG(HWPOISON));
		break;
	case VM_PTE_DEVICE:
		HOLDS(p->state & VM_PG(DEVICE));
		break;
	case VM_PTE_GUARD:
		HOLDS(p->state == VM_PG(GUARD));
		break;
	case VM_PTE_MARKER:
		HOLDS(p->state & VM_PG(MARKER));
	}
}

static void check_frame(const struct vm_pt_geometry *g, const struct vm_pte *p)
{
	HOLDS(FRAMED(p->kind) ? p->pfn != VM_PFN_NONE : p->kind == VM_PTE_BAD || p->pfn == VM_PFN_NONE);
	if (p->kind == VM_PTE_TABLE)
		HOLDS(p->level > 0 && (!g->max_pfn || p->pfn < g->max_pfn));
	else if (FRAMED(p->kind) && g->phys_bits > 12)
		HOLDS(p->pfn >> (g->phys_bits - 12) == 0);
	if (p->kind != VM_PTE_PAGE)
		return;
	const uint64_t frame = vm_pt_frame_mask(g, p->level);
	HOLDS(p->level <= VM_PT_PUD);
	HOLDS((p->raw & frame) / 4096 == p->pfn);
	/* The same page in another frame is the same but for that. */
	struct vm_pte other;
	const uint64_t near = UINT64_C(1) << vm_pt_shift(g, p->level);
	vm_pte_decode(g, p->level, p->raw ^ (frame & near), &other);
	if (other.kind != VM_PTE_BAD)
		HOLDS(other.kind == p->kind && other.state == p->state && other.pkey == p->pkey &&
		      other.pfn == (p->pfn ^ near / 4096));
}

static void check_words(const struct vm_pt_geometry *g, const struct vm_pte *p, const struct vm_pte *was)
{
	static const struct vm_mapping m = { .start = 0x1000, .end = 0x2000, .count = 1, .name = "/a" };
	struct vm_buf b = { 0 };
	vm_pte_put_bits(g, p, &b);
	HOLDS(b.n || FRAMED(p->kind));
	b.n = 0;
	vm_say_leaf(g, p, p->raw & 1 ? &m : NULL, p->raw & 2 ? "/dev/sda2" : NULL, &b);
	HOLDS(b.n);
	b.n = 0;
	vm_say_change(was, p, &b);
	HOLDS(b.n || was->raw == p->raw);
	vm_buf_free(&b);
	for (const struct vm_pte_bit *bit = vm_pt_bits(g->arch); bit->name; bit++)
		HOLDS(!vm_pte_has_bit(g, p, bit) || p->kind == VM_PTE_TABLE || p->kind == VM_PTE_PAGE || p->kind == VM_PTE_NONE);
}

static void check_address(const struct vm_pt_geometry *g, uint64_t addr)
{
	struct vm_buf b = { 0 };
	uint64_t sum = addr & 4095;
	for (unsigned l = 0; l < g->levels; l++) {
		HOLDS(vm_pt_index(g, l, addr) < 512);
		sum += (uint64_t)vm_pt_index(g, l, addr) << vm_pt_shift(g, l);
	}
	HOLDS(sum == (addr & ((UINT64_C(1) << (12 + 9 * g->levels)) - 1)));
	const enum vm_addr_half half = vm_pt_half(g, addr);
	HOLDS(half != VM_ADDR_USER || sum == addr);
	HOLDS((half == VM_ADDR_USER) == (addr >> vm_pt_user_bits(g) == 0));
	HOLDS(half != VM_ADDR_KERNEL || addr >> 63);
	HOLDS(vm_pt_half(g, ~addr) == (half == VM_ADDR_USER ? VM_ADDR_KERNEL : half == VM_ADDR_KERNEL ? VM_ADDR_USER : half));
	vm_say_half(g, addr, &b);
	HOLDS(b.n);
	vm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 12)
		return 0;
	const struct vm_pt_geometry g = geometry_of(data);
	struct vm_pte was = { .pfn = VM_PFN_NONE };
	for (size_t at = 4; size - at >= 8; at += 8) {
		uint64_t raw;
		memcpy(&raw, data + at, sizeof(raw));
		for (unsigned level = 0; level < g.levels; level++) {
			struct vm_pte p;
			vm_pte_decode(&g, level, raw, &p);
			HOLDS(p.raw == raw && p.level == level && p.kind <= VM_PTE_BAD && p.swap_type < 32 && p.pkey < 16);
			check_state(&p);
			check_frame(&g, &p);
			check_words(&g, &p, &was);
			was = p;
		}
		check_address(&g, raw);
	}
	return 0;
}
