#include "core/model/pgtable.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/model/pgtable_arch.h"

enum { PAGE_BITS = 12, INDEX_BITS = 9, SWAP_TYPES = 32 };

/* PTE_MARKER_* in include/linux/swapops.h: bits of the marker's offset. */
enum { MARKER_UFFD_WP = 1, MARKER_POISONED = 2, MARKER_GUARD = 4 };

void vm_swap_types_of(unsigned version, unsigned lacks, struct vm_swap_types *out)
{
	/* From the top down (include/linux/swap.h): swap errors from 5.19 to 6.1, PTE markers since 5.19; device private
	   read and write, device exclusive read and write from 5.14 on, one since 6.15; migration read and write, and
	   read exclusive since 5.19; hwpoison. */
	unsigned at = SWAP_TYPES;
	memset(out, 0, sizeof(*out));
	if (version >= 519 && version < 602)
		out->swap_error = (uint8_t)(at -= 1);
	if (version >= 519)
		out->marker = (uint8_t)(at -= 1);
	out->device_n = lacks & VM_LACKS_DEVICE ? 0 : version >= 615 ? 3 : version >= 514 ? 4 : 2;
	out->device = (uint8_t)(at -= out->device_n);
	out->migration_n = version >= 519 ? 3 : 2;
	out->migration = (uint8_t)(at -= out->migration_n);
	if (!(lacks & VM_LACKS_HWPOISON))
		out->hwpoison = (uint8_t)(at -= 1);
	out->first = (uint8_t)at;
}

enum vm_pte_kind vm_swap_kind(const struct vm_swap_types *t, unsigned type)
{
	if (!t->first || type < t->first)
		return VM_PTE_SWAP;
	if ((t->marker && type == t->marker) || (t->swap_error && type == t->swap_error))
		return VM_PTE_MARKER;
	if (t->device_n && type >= t->device)
		return VM_PTE_DEVICE;
	return type >= t->migration ? VM_PTE_MIGRATION : VM_PTE_HWPOISON;
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

enum vm_addr_half vm_pt_half(const struct vm_pt_geometry *g, uint64_t addr)
{
	const uint64_t top = addr >> vm_pt_user_bits(g), ones = UINT64_MAX >> vm_pt_user_bits(g);
	return top == 0 ? VM_ADDR_USER : top == ones ? VM_ADDR_KERNEL : VM_ADDR_NONCANONICAL;
}

unsigned vm_pt_user_bits(const struct vm_pt_geometry *g)
{
	/* Where both halves share a table, the highest bit that is translated tells them apart. */
	return PAGE_BITS + INDEX_BITS * g->levels - (g->arch->user_only ? 0 : 1);
}

bool vm_pt_has_kernel(const struct vm_pt_geometry *g)
{
	return !g->arch->user_only;
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

uint32_t vm_marker_state(const struct vm_swap_types *t, unsigned type, uint64_t offset)
{
	if (t->swap_error && type == t->swap_error)
		return VM_PG(MARKER) | VM_PG(HWPOISON);
	if (offset & MARKER_GUARD)
		return VM_PG(GUARD);
	return VM_PG(MARKER) | (offset & MARKER_UFFD_WP ? VM_PG(UFFD_WP) : 0) |
	       (offset & MARKER_POISONED ? VM_PG(HWPOISON) : 0);
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
	p->kind = vm_swap_kind(t, p->swap_type);
	switch (p->kind) {
	case VM_PTE_MARKER:
		p->state = vm_marker_state(t, p->swap_type, p->swap_offset);
		if (p->state & VM_PG(GUARD))
			p->kind = VM_PTE_GUARD;
		return;
	case VM_PTE_SWAP:
		p->state = VM_PG(SWAP) | bits;
		return;
	case VM_PTE_DEVICE:
		p->state = VM_PG(DEVICE) | bits;
		break;
	case VM_PTE_MIGRATION:
		p->state = VM_PG(MIGRATION) | bits;
		break;
	default:
		p->state = VM_PG(HWPOISON);
	}
	/* Instead of a slot they name the frame; above it the accessed and dirty bits of a page that migrates. */
	p->pfn = p->swap_offset & ((UINT64_C(1) << (g->levels == 5 ? l->pfn_bits_5 : l->pfn_bits)) - 1);
	if (vm_pfn_is_impossible(g, p->pfn))
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
		vm_buf_addf(out, "marker%s%s", p->state & VM_PG(UFFD_WP) ? " uffd-wp" : "",
			    p->state & VM_PG(HWPOISON) ? " poisoned" : "");
		return;
	}
	if (p->state & VM_PG(UFFD_WP))
		vm_buf_add_str(out, " uffd-wp");
	if (p->state & VM_PG(SOFT_DIRTY))
		vm_buf_add_str(out, " soft-dirty");
}

static uint64_t bit_value(const struct vm_pte *p, const struct vm_pte_bit *b)
{
	return p->raw >> b->from & ((UINT64_C(1) << b->bits) - 1);
}

bool vm_pte_has_bit(const struct vm_pt_geometry *g, const struct vm_pte *p, const struct vm_pte_bit *b)
{
	const bool holds = p->kind == VM_PTE_TABLE || p->kind == VM_PTE_PAGE || p->kind == VM_PTE_NONE;
	const unsigned version = g->version ? g->version : UINT16_MAX;
	const uint8_t levels = p->kind == VM_PTE_TABLE ? b->tables : b->pages;
	return holds && (levels >> p->level & 1) && version >= b->since && (!b->before || version < b->before) &&
	       bit_value(p, b);
}

static void put_bits(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	size_t from = out->n;
	for (const struct vm_pte_bit *b = g->arch->bits; b->name; b++) {
		if (!vm_pte_has_bit(g, p, b))
			continue;
		vm_buf_addf(out, "%s%s", out->n > from ? " " : "", b->name);
		if (b->bits > 1)
			vm_buf_addf(out, "=%llu", (unsigned long long)bit_value(p, b));
	}
}

void vm_pte_put_names(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out)
{
	static const struct { uint32_t state; const char *name; } names[] = {
		{ VM_PG(UFFD_WP), "uffd-wp" }, { VM_PG(SOFT_DIRTY), "soft-dirty" },
	};
	if (p->kind == VM_PTE_TABLE || p->kind == VM_PTE_PAGE || p->kind == VM_PTE_NONE) {
		put_bits(g, p, out);
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
		put_bits(g, p, out);
		break;
	case VM_PTE_NONE:
		vm_buf_add_str(out, "PROT_NONE or NUMA hint: ");
		put_bits(g, p, out);
		break;
	case VM_PTE_BAD:
		vm_buf_add_str(out, "impossible");
		break;
	default:
		put_swap_words(g, p, out);
	}
}
