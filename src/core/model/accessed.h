/**
 * Pages of a process that were accessed within a window of time, by mapping: what the accessed bits of its page-table
 * entries said.
 *
 * The CPU sets the bit when it walks the page tables, not when it finds the translation in a TLB.  So of pages whose bit
 * was cleared while TLBs kept their translations only those get it back that are *walked*; if TLBs were flushed too, all
 * that are *used* do.
 */
#ifndef VM_MODEL_ACCESSED_H
#define VM_MODEL_ACCESSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_mapping;

/** What a window is to tell.  BRIEF is as WALKED, and short: in which order, and how fast at least. */
enum vm_accessed_kind { VM_ACCESSED_BRIEF, VM_ACCESSED_WALKED, VM_ACCESSED_USED, VM_ACCESSED_KINDS };

/** Not known. */
#define VM_ACCESSED_UNKNOWN UINT64_MAX

/** Of one mapping.  What isn't known is VM_ACCESSED_UNKNOWN. */
struct vm_accessed_count {
	/** Of pages that are there, and of those whose bit is set.  Neither counts the page of zeros and memory of devices,
	    whose bits the kernel never clears. */
	uint64_t resident_bytes, bytes;
	/** Of `bytes`: by entries above the lowest level. */
	uint64_t huge_bytes;
	/** Entries whose bit is set; a huge page is one. */
	uint64_t entries;
	/** Runs of neighbours among those of the lowest level, and blocks of 2M that hold any. */
	uint64_t runs, blocks;
	/** Pages of the lowest level that are there, and blocks of 2M that hold any. */
	uint64_t small_bytes, resident_blocks;
	/** The lowest address whose bit is set; 0: none, or not known. */
	uint64_t first;
};

struct vm_accessed_window {
	enum vm_accessed_kind kind;
	/** From the clearing of a page's bit to its reading, on average. */
	uint64_t ns;
	uint64_t clear_ns, read_ns;
	/** CPU time of the target meanwhile, and how often one of its threads was put onto a CPU, which may flush what it
	    had there. */
	uint64_t cpu_ns, switches;
	/** By mapping of the address space that it was read with, and of all others. */
	struct vm_accessed_count *v;
	size_t n;
	struct vm_accessed_count elsewhere;
};

/** clear_refs takes no notice of hugetlb pages: their bits say nothing. */
bool vm_accessed_is_told(const struct vm_mapping *m);

/** Frees what it owns. */
void vm_accessed_window_free(struct vm_accessed_window *w);

#endif
