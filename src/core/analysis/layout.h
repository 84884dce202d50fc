/** An address space as a short list of blocks and gaps, for a picture of it. */
#ifndef VM_ANALYSIS_LAYOUT_H
#define VM_ANALYSIS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_aspace;

enum vm_block_class {
	VM_BLOCK_PROGRAM,     /* text, rodata, data, bss: a block for each */
	VM_BLOCK_HEAP, VM_BLOCK_STACK,
	VM_BLOCK_LIBS, VM_BLOCK_FILES, VM_BLOCK_ANON, VM_BLOCK_SHARED, VM_BLOCK_TSTACKS, VM_BLOCK_KERNEL,
	VM_BLOCK_RESERVE,
	VM_BLOCK_MIXED,       /* neighbours of several classes, where there are too many to show */
};

struct vm_block {
	uint64_t start, end;      /* of the first and the last mapping */
	uint64_t mapped;          /* bytes mapped in between; less than end - start if there are holes */
	uint64_t rss, swap;       /* rss: with the pages of hugetlb pools, which RSS leaves out */
	bool have_rss;
	enum vm_block_class class;
	uint8_t kind;             /* of its first mapping */
	uint32_t mappings, files; /* how many mappings; how many different file names in a row */
	const char *name;         /* of its first named mapping; owned by the space */
};

/**
 * Blocks of the space by ascending address, at most `most` where merging neighbours allows it: parts of a
 * library come together, then neighbours of a class, then neighbours of all classes with ever larger
 * gaps between.  The program's own segments, heap and stack stay apart.
 * Returns their number and *out (free it), or -ENOMEM.
 */
long vm_layout_blocks(const struct vm_aspace *as, size_t most, struct vm_block **out);

/** Lines that a block or gap of `bytes` takes in a picture: 1 below 128K, one more for each factor 32. */
unsigned vm_layout_lines(uint64_t bytes);

/** First address beyond the user half: 2^47, or 2^56 with 5-level paging (Documentation/arch/x86/x86_64/mm.rst). */
static inline uint64_t vm_user_end(bool five_levels)
{
	return UINT64_C(1) << (five_levels ? 56 : 47);
}

/** What an address is on x86-64, apart from mappings. */
enum vm_half { VM_HALF_USER, VM_HALF_NONE, VM_HALF_KERNEL };
enum vm_half vm_address_half(uint64_t addr, bool five_levels);

#endif
