#include "core/model/pgtable.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/model/pgtable_arch.h"

enum { PAGE_BITS = 12, INDEX_BITS = 9, SWAP_TYPES = 32 };

/* PTE_MARKER_* in include/linux/swapops.h: bits of the marker's offset. */
enum { MARKER_UFFD_WP = 1, MARKER_POISONED = 2, MARKER_GUARD = 4 };

void vm_swap_types_of(unsigned major, unsigned minor, struct vm_swap_types *out)
{
	const unsigned version = major * 100 + minor;
	/* From the top down (include/linux/swap.h): PTE markers since 5.19; device private read and write, device
	   exclusive read and write from 5.14 on, one since 6.15; migration read and write, and read exclusive since
	   5.19; hwpoison. */
	unsigned at = SWAP_TYPES;
	memset(out, 0, sizeof(*out));
	if (version >= 519)
		out->marker = (uint8_t)(at -= 1);
	out->device_n = version >= 615 ? 3 : version >= 514 ? 4 : 2;
	out->device = (uint8_t)(at -= out->device_n);
	out->migration_n = version >= 519 ? 3 : 2;
	out->migration = (uint8_t)(at -= out->migration_n);
	out->hwpoison = (uint8_t)(at - 1);
}

const char *vm_pt_arch_name(const struct vm_pt_arch *arch)
{
	return arch->name;
}

const char *vm_pt_level_name(const struct vm_pt_geometry *g, unsigned level)
{
	static const char *const names[] = { "PTE", "PMD", "PUD", "P4D", "PGD" };
	return level + 1 == g->levels ? "PGD" : names[level];
}

unsigned vm_pt_shift(const struct vm_pt_geometry *g, unsigned level)
{
	(void)g;
	return PAGE_BITS + INDEX_BITS * level;
}

unsigned vm_pt_index(const struct vm_pt_geometry *g, unsigned level, uint64_t addr)
{
	return addr >> vm_pt_shift(g, level) & ((1u << INDEX_BITS) - 1);
}

unsigned vm_pt_half_bits(const struct vm_pt_geometry *g)
{
	return PAGE_BITS + INDEX_BITS * g->levels - !g->arch->own_tables;
}

enum vm_addr_half vm_pt_half(const struct vm_pt_geometry *g, uint64_t addr)
{
	const uint64_t top = addr >> vm_pt_half_bits(g), ones = UINT64_MAX >> vm_pt_half_bits(g);
	return top == 0 ? VM_ADDR_USER : top == ones ? VM_ADDR_KERNEL : VM_ADDR_NONCANONICAL;
}

uint32_t vm_pt_known(const struct vm_pt_geometry *g)
{
	return g->arch->known;
}

uint64_t vm_pt_frame_mask(const struct vm_pt_geometry *g, unsigned level)
{
	return g->arch->frame_mask(level);
}

uint64_t vm_pt_plain_page(const struct vm_pt_geometry *g, unsigned level)
{
	return g->arch->plain_page(level);
}

const struct vm_pte_bit *vm_pt_bits(const struct vm_pt_arch *arch)
{
	return arch->bits;
}

static void decode_marker(struct vm_pte *p)
{
	p->kind = VM_PTE_MARKER;
	p->state = p->swap_offset & MARKER_UFFD_WP ? VM_PG(MARKER) | VM_PG(UFFD_WP) : VM_PG(MARKER);
	if (p->swap_offset & MARKER_GUARD) {
		p->kind = VM_PTE_GUARD;
		p->state = VM_PG(GUARD);
	} else if (p->swap_offset & MARKER_POISONED) {
		p->state |= VM_PG(HWPOISON);
	}
}

/** Swap entries, and what the kernel keeps in their form: markers, and pages that can't be used at the moment. */
static void decode_swap(const struct vm_pt_geometry *g, struct vm_pte *p)
{
	const struct vm_pt_swap_layout *l = &g->arch->swap;
	const struct vm_swap_types *t = &g->swap;
	uint64_t stored = l->inverted ? ~p->raw : p->raw;
	p->swap_type = (uint8_t)(p->raw >> l->type_shift & ((1u << l->type_bits) - 1));
	p->swap_offset = stored >> l->offset_shift & ((UINT64_C(1) << l->offset_bits) - 1);
	uint32_t bits = (p->raw & l->uffd_wp ? VM_PG(UFFD_WP) : 0) | (p->raw & l->soft_dirty ? VM_PG(SOFT_DIRTY) : 0);
	if (t->marker && p->swap_type == t->marker) {
		decode_marker(p);
		return;
	}
	if (t->device_n && p->swap_type >= t->device) {
		p->kind = VM_PTE_DEVICE;
		p->state = VM_PG(DEVICE) | bits;
	} else if (t->migration_n && p->swap_type >= t->migration) {
		p->kind = VM_PTE_MIGRATION;
		p->state = VM_PG(MIGRATION) | bits;
	} else if (t->hwpoison && p->swap_type >= t->hwpoison) {
		p->kind = VM_PTE_HWPOISON;
		p->state = VM_PG(HWPOISON);
	} else {
		p->kind = VM_PTE_SWAP;
		p->state = VM_PG(SWAP) | bits;
		return;
	}
	/* Instead of a slot they name the frame; above it the accessed and dirty bits of a page that migrates. */
	p->pfn = p->swap_offset & ((UINT64_C(1) << (g->levels == 5 ? l->pfn_bits_5 : l->pfn_bits)) - 1);
	if (g->max_pfn && p->pfn >= g->max_pfn && p->kind != VM_PTE_DEVICE)
		p->kind = VM_PTE_BAD;
}

void vm_pte_decode(const struct vm_pt_geometry *g, unsigned level, uint64_t raw, struct vm_pte *out)
{
	*out = (struct vm_pte){ .raw = raw, .level = level, .pfn = VM_PFN_NONE };
	if (raw == 0)
		out->kind = VM_PTE_EMPTY;
	else if (!g->arch->decode_present(g, out))
		decode_swap(g, out);
	if (out->kind == VM_PTE_BAD)
		out->state = 0;
}

static void put_swap_words(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	static const char *const migration[] = { "read", "read, exclusive", "write" };
	const struct vm_swap_types *t = &g->swap;
	unsigned n;
	switch (p->kind) {
	case VM_PTE_SWAP:
		vm_buf_addf(out, "swap type %u offset 0x%llx", p->swap_type, (unsigned long long)p->swap_offset);
		if (p->raw & g->arch->swap.exclusive)
			vm_buf_add_str(out, " exclusive");
		break;
	case VM_PTE_MIGRATION:
		n = p->swap_type - t->migration;
		vm_buf_addf(out, "migration (%s)", migration[t->migration_n == 2 && n ? 2 : n]);
		break;
	case VM_PTE_HWPOISON:
		vm_buf_add_str(out, "hwpoison");
		break;
	case VM_PTE_DEVICE:
		vm_buf_addf(out, "device type %u", p->swap_type);
		break;
	case VM_PTE_GUARD:
		vm_buf_add_str(out, "guard marker");
		break;
	default:
		vm_buf_addf(out, "marker%s%s", p->swap_offset & MARKER_UFFD_WP ? " uffd-wp" : "",
			    p->swap_offset & MARKER_POISONED ? " poisoned" : "");
		return;
	}
	if (p->state & VM_PG(UFFD_WP))
		vm_buf_add_str(out, " uffd-wp");
	if (p->state & VM_PG(SOFT_DIRTY))
		vm_buf_add_str(out, " soft-dirty");
}

static void put_bits(const struct vm_pte_bit *b, const struct vm_pte *p, struct vm_buf *out)
{
	size_t from = out->n;
	for (; b->name; b++) {
		uint64_t v = p->raw >> b->from & ((UINT64_C(1) << b->bits) - 1);
		if (!(b->levels >> p->level & 1) || !v)
			continue;
		vm_buf_addf(out, "%s%s", out->n > from ? " " : "", b->name);
		if (b->bits > 1)
			vm_buf_addf(out, "=%llu", (unsigned long long)v);
	}
}

void vm_pte_put_names(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	static const struct { uint32_t state; const char *name; } names[] = {
		{ VM_PG(UFFD_WP), "uffd-wp" }, { VM_PG(SOFT_DIRTY), "soft-dirty" },
	};
	if (p->kind == VM_PTE_TABLE || p->kind == VM_PTE_PAGE || p->kind == VM_PTE_NONE) {
		put_bits(g->arch->bits, p, out);
		return;
	}
	size_t from = out->n;
	if (p->kind == VM_PTE_SWAP && (p->raw & g->arch->swap.exclusive))
		vm_buf_add_str(out, "exclusive");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (p->state & names[i].state)
			vm_buf_addf(out, "%s%s", out->n > from ? " " : "", names[i].name);
}

void vm_pte_put_bits(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	switch (p->kind) {
	case VM_PTE_EMPTY:
		vm_buf_add_str(out, "empty");
		break;
	case VM_PTE_TABLE:
	case VM_PTE_PAGE:
		put_bits(g->arch->bits, p, out);
		break;
	case VM_PTE_NONE:
		vm_buf_add_str(out, "PROT_NONE or NUMA hint: ");
		put_bits(g->arch->bits, p, out);
		break;
	case VM_PTE_BAD:
		vm_buf_add_str(out, "impossible");
		break;
	default:
		put_swap_words(g, p, out);
	}
}
