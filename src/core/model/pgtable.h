/**
 * Page tables as data: geometry, and the meaning of the bits of an entry, per architecture.
 *
 * x86-64 with 4 and 5 levels; arm64 with 4K pages and 48-bit addresses, described from the kernel's sources and
 * unproven on hardware.  Pure functions on numbers: the tables themselves come from core/source/walker.h, or
 * from a test.  Levels count from the bottom: 0 is the PTE, as in the kernel's names from the top down.
 *
 * Sources: Intel SDM vol. 3 ch. 4; arch/x86/include/asm/pgtable_types.h, pgtable_64.h (swap entries, inverted
 * frames of PROT_NONE: pgtable-invert.h); arch/arm64/include/asm/pgtable-hwdef.h, pgtable-prot.h;
 * include/linux/swapops.h, swap.h (special swap types).
 */
#ifndef VM_MODEL_PGTABLE_H
#define VM_MODEL_PGTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/page.h"

struct vm_buf;

enum { VM_PT_PTE, VM_PT_PMD, VM_PT_PUD, VM_PT_P4D, VM_PT_PGD };

enum vm_pte_kind {
	VM_PTE_EMPTY,          /* zero: nothing */
	VM_PTE_TABLE,          /* names the table of the next level */
	VM_PTE_PAGE,           /* maps memory */
	VM_PTE_NONE,           /* holds a frame, but isn't valid for the CPU: PROT_NONE or NUMA hint, and a huge page
				  while it is split or changed */
	VM_PTE_SWAP, VM_PTE_MIGRATION, VM_PTE_HWPOISON, VM_PTE_DEVICE,
	VM_PTE_GUARD,          /* marker: MADV_GUARD_INSTALL */
	VM_PTE_MARKER,         /* another marker */
	VM_PTE_BAD,            /* impossible: reserved bits, a frame that can't be */
};

/** Swap types that aren't swap areas: which they are depends on the kernel's version and configuration. */
struct vm_swap_types {
	/** All from here on. */
	uint8_t first;
	uint8_t hwpoison;                  /* 0: the kernel has none (CONFIG_MEMORY_FAILURE) */
	uint8_t migration, migration_n;    /* 2 before Linux 5.19, 3 since */
	uint8_t device, device_n;          /* 0: none (CONFIG_DEVICE_PRIVATE) */
	uint8_t marker;                    /* 0: none (before Linux 5.19) */
	uint8_t swap_error;                /* 0: none (only Linux 5.19 to 6.1 had it; later a marker) */
};

/** Types below are swap areas with every kernel. */
enum { VM_SWAP_AREAS_LEAST = 22 };

/** What a kernel may be configured without. */
enum { VM_LACKS_HWPOISON = 1, VM_LACKS_DEVICE = 2 };

/** Of a version (major * 100 + minor), configured with all but `lacks`. */
void vm_swap_types_of(unsigned version, unsigned lacks, struct vm_swap_types *out);

/** What an entry of this type is; SWAP for those of swap areas. */
enum vm_pte_kind vm_swap_kind(const struct vm_swap_types *t, unsigned type);

/** What a marker is, by its offset: VM_PG() bits, either GUARD or MARKER and perhaps UFFD_WP or HWPOISON. */
uint32_t vm_marker_state(const struct vm_swap_types *t, unsigned type, uint64_t offset);

struct vm_pt_arch;

struct vm_pt_geometry {
	const struct vm_pt_arch *arch;
	/** 4 or 5 on x86-64; tables have 512 entries of 8 bytes. */
	unsigned levels;
	/** Linux's, major * 100 + minor; 0: the newest. */
	unsigned version;
	struct vm_swap_types swap;
	/** End of memory: a table further up is garbage.  0: unknown. */
	uint64_t max_pfn;
	/** Bits of a physical address, of memory or of a device: a page further up is garbage.  0: unknown. */
	unsigned phys_bits;
};

extern const struct vm_pt_arch vm_pt_x86_64, vm_pt_arm64;

const char *vm_pt_arch_name(const struct vm_pt_arch *arch);

/** "PGD", "P4D", "PUD", "PMD", "PTE".  With 4 levels the top one is the PGD: index 3. */
const char *vm_pt_level_name(const struct vm_pt_geometry *g, unsigned level);

/** log2 of the bytes that one entry of this level covers: 12, 21, 30, 39, 48. */
unsigned vm_pt_shift(const struct vm_pt_geometry *g, unsigned level);

/** Index into the table of this level. */
unsigned vm_pt_index(const struct vm_pt_geometry *g, unsigned level, uint64_t addr);

enum vm_addr_half { VM_ADDR_USER, VM_ADDR_KERNEL, VM_ADDR_NONCANONICAL };
/** Which part of the address space holds it: bits from vm_pt_user_bits() on are equal. */
enum vm_addr_half vm_pt_half(const struct vm_pt_geometry *g, uint64_t addr);

/** log2 of the size of the user half: 47 or 56 on x86-64, 48 on arm64. */
unsigned vm_pt_user_bits(const struct vm_pt_geometry *g);

/** Does a process's top table hold the kernel's half too?  arm64 has tables of its own for that (TTBR1). */
bool vm_pt_has_kernel(const struct vm_pt_geometry *g);

struct vm_pte {
	uint64_t raw;
	enum vm_pte_kind kind;
	unsigned level;
	/** Next table, page, or page on its way (migration, device, hwpoison); VM_PFN_NONE: no frame. */
	uint64_t pfn;
	uint8_t swap_type;
	uint64_t swap_offset;
	/** VM_PG() bits that the entry tells; ZERO and FILE can't be told from it. */
	uint32_t state;
	uint8_t pkey;
};

void vm_pte_decode(const struct vm_pt_geometry *g, unsigned level, uint64_t raw, struct vm_pte *out);

/** VM_PG() bits that an entry of this architecture tells (x86-64 kernels without soft-dirty: see known.) */
uint32_t vm_pt_known(const struct vm_pt_geometry *g);

/** The entry's bits: "P RW US A D NX", "swap type 0 offset 0x1234 exclusive".  Names of the SDM. */
void vm_pte_put_bits(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out);

/** The same for programs: only names of what is set, separated by blanks; "" if nothing is, or the entry is impossible. */
void vm_pte_put_names(const struct vm_pt_geometry *g, const struct vm_pte *p, struct vm_buf *out);

/** One bit or field, for a legend. */
struct vm_pte_bit {
	uint8_t from, bits;
	/** Levels at which it has this meaning, in entries that hold pages and in those that name tables: bit n for
	    level n. */
	uint8_t pages, tables;
	/** Versions in which it has it: [since, before); 0: no limit. */
	uint16_t since, before;
	const char *name;       /* "RW" */
	const char *words;      /* "writable" */
	const char *sentence;
};
/** Ended by a NULL name. */
const struct vm_pte_bit *vm_pt_bits(const struct vm_pt_arch *arch);

/** Is it set in the entry, and does it have this meaning there?  Only of tables and of what holds a frame. */
bool vm_pte_has_bit(const struct vm_pt_geometry *g, const struct vm_pte *p, const struct vm_pte_bit *b);

/** An entry that maps frame 0 for users, read-only, with no other bit set: what a bit adds shows against it. */
uint64_t vm_pt_plain_page(const struct vm_pt_geometry *g, unsigned level);

/** Bits of an entry of this level that are the frame (as a mask of the raw entry). */
uint64_t vm_pt_frame_mask(const struct vm_pt_geometry *g, unsigned level);

#endif
