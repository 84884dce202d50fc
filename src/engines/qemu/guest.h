// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The program's memory, as the process of its emulator shows it: mappings, sizes of pages, and system calls that change
 * them.  Mappings of the emulator itself are told as well, but never accessed by the program.
 */
#ifndef VM_ENGINES_QEMU_GUEST_H
#define VM_ENGINES_QEMU_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engines/tlbtrace.h"

/** System calls by what they do to memory. */
enum vm_guest_call {
	VM_GUEST_NOTHING,
	VM_GUEST_MAP, VM_GUEST_MAP_OLD, VM_GUEST_UNMAP, VM_GUEST_MOVE, VM_GUEST_BRK, VM_GUEST_PROTECT, VM_GUEST_ADVISE,
	VM_GUEST_ATTACH, VM_GUEST_DETACH, VM_GUEST_EXEC
};

struct vm_guest_mapping {
	uint64_t start, end;       /* of the emulator's address space */
	uint64_t offset, inode, key;
	uint32_t dev_major, dev_minor;
	bool read, write, exec, shared;
	uint32_t name;             /* where it begins in names */
};

/** Of smaps, in KiB. */
struct vm_guest_smap {
	uint64_t start, end;
	uint64_t page, huge, resident;
};

struct vm_guest {
	/** Added to the program's addresses. */
	uint64_t base;
	bool narrow;               /* its addresses have 32 bits */
	const struct vm_guest_numbers *numbers;   /* NULL: its system calls aren't known */
	/** Mappings as they were read last, by address. */
	struct vm_guest_mapping *map;
	size_t nmaps, maps_cap;
	char *names;
	size_t names_n, names_cap;
	bool stale;
	/** Addresses by which the stack and the heap are known; 0: not yet. */
	uint64_t stack_at, heap_start, heap_end;
	/** The kernel tells the size of single pages (PAGEMAP_SCAN, Linux 6.7). */
	bool scans;
	/** Else: smaps as they were read last, when that was (0: never), and how long it took. */
	struct vm_guest_smap *smap;
	size_t nsmaps, smaps_cap;
	uint64_t smaps_ns, smaps_took_ns;
};

/** A guest of that machine, as QEMU calls it. */
void vm_guest_init(struct vm_guest *g, const char *machine);

/** What a system call does. */
enum vm_guest_call vm_guest_call(const struct vm_guest *g, int64_t number);

/** The mapping of an address; as vm_tlbtrace_ops.place. */
bool vm_guest_place(struct vm_guest *g, uint64_t addr, struct vm_tlbtrace_place *out);

/** The mapping of an address of the emulator, as they were read last; or NULL. */
const struct vm_guest_mapping *vm_guest_find(const struct vm_guest *g, uint64_t at);

/** Room for `n` elements.  false: out of memory, nothing has changed. */
bool vm_guest_reserve(void **v, size_t *cap, size_t n, size_t each);

/**
 * The size of the page of an address; *anew: what was said of others may have changed meanwhile.  4K where the emulator has moved the program by what isn't
 * a multiple of 2M (32-bit programs): its blocks of 2M aren't the kernel's then.
 */
enum vm_tlb_size vm_guest_page_size(struct vm_guest *g, uint64_t addr, bool *anew);

/** How sizes are known: "scan", "smaps" or "assumed". */
const char *vm_guest_sizes(const struct vm_guest *g);

/** A range in which something changed; gone: it isn't mapped any more as it was. */
struct vm_guest_change {
	uint64_t from, to;
	bool gone;
};

/**
 * What a call has changed, when it returned: up to 2 ranges, or none.  Calls of madvise(2) for or against huge pages, which
 * QEMU keeps to itself, are repeated so that the kernel hears of them.
 */
unsigned vm_guest_changes(struct vm_guest *g, enum vm_guest_call call, const uint64_t arg[4], int64_t result,
			  struct vm_guest_change out[2]);

/** In the child of a fork. */
void vm_guest_forked(struct vm_guest *g);

#endif
