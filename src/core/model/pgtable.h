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

/** Where special swap types begin: it depends on the kernel's version and configuration. */
struct vm_swap_types {
	uint8_t hwpoison;                  /* first type that isn't a swap device; 32: none */
	uint8_t migration, migration_n;    /* 2 before Linux 5.19, 3 since */
	uint8_t device, device_n;
	uint8_t marker;                    /* 0: the kernel has none (before 5.19) */
};

/** The usual configuration (Debian's: migration, memory failure, device memory) of a kernel version. */
void vm_swap_types_of(unsigned major, unsigned minor, struct vm_swap_types *out);

struct vm_pt_arch;

struct vm_pt_geometry {
	const struct vm_pt_arch *arch;
	/** 4 or 5 on x86-64; tables have 512 entries of 8 bytes. */
	unsigned levels;
	struct vm_swap_types swap;
	/** Frames from here on don't exist: an entry that names one is garbage. */
	uint64_t max_pfn;
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
/** Bits of an address within its half: 47 or 56; 48 on arm64. */
unsigned vm_pt_half_bits(const struct vm_pt_geometry *g);
/** Which part of the address space holds it: the bits above those of a half must be equal. */
enum vm_addr_half vm_pt_half(const struct vm_pt_geometry *g, uint64_t addr);

enum vm_pte_kind {
	VM_PTE_EMPTY,          /* zero: nothing */
	VM_PTE_TABLE,          /* names the table of the next level */
	VM_PTE_PAGE,           /* maps memory */
	VM_PTE_NONE,           /* holds a frame, but isn't valid for the CPU: PROT_NONE or NUMA hint */
	VM_PTE_SWAP, VM_PTE_MIGRATION, VM_PTE_HWPOISON, VM_PTE_DEVICE,
	VM_PTE_GUARD,          /* marker: MADV_GUARD_INSTALL */
	VM_PTE_MARKER,         /* another marker */
	VM_PTE_BAD,            /* impossible: reserved bits, a frame beyond max_pfn */
};

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
	/** Levels at which it has this meaning: bit n for level n. */
	uint8_t levels;
	const char *name;       /* "RW" */
	const char *words;      /* "writable" */
	const char *sentence;
};
/** Ended by a NULL name. */
const struct vm_pte_bit *vm_pt_bits(const struct vm_pt_arch *arch);

/** An entry that maps frame 0 for users, read-only, with no other bit set: what a bit adds shows against it. */
uint64_t vm_pt_plain_page(const struct vm_pt_geometry *g, unsigned level);

/** Bits of an entry of this level that are the frame (as a mask of the raw entry). */
uint64_t vm_pt_frame_mask(const struct vm_pt_geometry *g, unsigned level);

#endif
