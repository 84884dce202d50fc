/**
 * Pages of an address space: what is known of each, as runs of equal neighbours.
 *
 * Plain data between the back ends that read it (page tables, pagemap, PAGEMAP_SCAN, mincore) and everything
 * that shows or counts it.  What a back end can't tell is unknown, not false: each run says what it knows.
 */
#ifndef VM_MODEL_PAGE_H
#define VM_MODEL_PAGE_H

#include <stdbool.h>
#include <stdint.h>

enum vm_pg_bit {
	/* What /proc/PID/pagemap tells too. */
	VM_PG_BIT_PRESENT,     /* pte_present(): a frame is mapped, PROT_NONE and NUMA hints included */
	VM_PG_BIT_SWAP,        /* in swap: swap_type and swap_offset */
	VM_PG_BIT_FILE,        /* page of a file or of shared memory */
	VM_PG_BIT_EXCLUSIVE,   /* mapped once on the whole machine */
	VM_PG_BIT_SOFT_DIRTY,  /* written since clear_refs 4; a new mapping counts as written */
	VM_PG_BIT_UFFD_WP,     /* write-protected by userfaultfd */
	VM_PG_BIT_GUARD,       /* MADV_GUARD_INSTALL: any access is a SIGSEGV */
	/* PAGEMAP_SCAN and page tables. */
	VM_PG_BIT_ZERO,        /* the shared page of zeros, 4K or huge */
	VM_PG_BIT_WRITTEN,     /* PAGEMAP_SCAN's PAGE_IS_WRITTEN: since write protection by userfaultfd */
	/* Page tables only. */
	VM_PG_BIT_WRITE,       /* may be written without a fault */
	VM_PG_BIT_EXEC,        /* may be executed */
	VM_PG_BIT_ACCESSED,    /* used since somebody cleared the bit last */
	VM_PG_BIT_DIRTY,       /* written since it was last clean; x86's saved dirty bit counts */
	VM_PG_BIT_NONE,        /* present for the kernel, not for the CPU: PROT_NONE or a NUMA hint */
	VM_PG_BIT_SPECIAL,     /* no struct page is counted: zero page, device memory, vvar */
	VM_PG_BIT_MIGRATION,   /* on its way to another frame */
	VM_PG_BIT_HWPOISON,    /* memory error: an access is a SIGBUS */
	VM_PG_BIT_DEVICE,      /* memory of a device (HMM) */
	VM_PG_BIT_MARKER,      /* a marker without memory: userfaultfd's, or poisoned by it */
	VM_PG_BIT_NR,
};
#define VM_PG(x) (UINT32_C(1) << VM_PG_BIT_##x)

/** Nothing of a page is in memory or swap unless one of these is set. */
#define VM_PG_POPULATED (VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(MIGRATION) | VM_PG(HWPOISON) | VM_PG(DEVICE))

#define VM_PFN_NONE UINT64_MAX

/** What decides the kind of an entry: runs never mix it, whatever is wanted of them. */
#define VM_PG_KIND (VM_PG_POPULATED | VM_PG(GUARD) | VM_PG(MARKER) | VM_PG(NONE) | VM_PG(SPECIAL))

/**
 * Neighbouring pages that have everything below in common; frames and swap slots follow each other, but for the page
 * of zeros, which is the same frame everywhere.
 */
struct vm_page_run {
	/** [start, end): bytes. */
	uint64_t start, end;
	/** Frame (in units of the base page size) of `start`; VM_PFN_NONE: none, unknown or not asked for. */
	uint64_t pfn;
	/** The page-table entry without its frame; meaningful if raw. */
	uint64_t entry;
	/** Slot of `start`, if state has SWAP; 0: not known, and neither is swap_type. */
	uint64_t swap_offset;
	/** VM_PG() bits; a bit outside `known` says nothing. */
	uint32_t state, known;
	uint8_t swap_type;
	/** Protection key; 0 where there are none.  Page tables tell it, and those alone know NONE. */
	uint8_t pkey;
	/** Size of the entry that maps it: 12, 16, 21, 30 ...; 0: unknown. */
	uint8_t shift;
	uint8_t raw;
};

/** Does `b` go on where `a` ends, so that both are one run?  `frames`: frames and swap slots must follow each other. */
static inline bool vm_page_run_follows(const struct vm_page_run *a, const struct vm_page_run *b, bool frames)
{
	uint64_t pages = (a->end - a->start) / 4096;
	if (a->end != b->start || a->state != b->state || a->known != b->known || a->shift != b->shift ||
	    a->pkey != b->pkey || a->raw != b->raw || a->entry != b->entry)
		return false;
	if (a->state & VM_PG(SWAP))
		return a->swap_type == b->swap_type &&
		       (!frames || (a->swap_offset ? a->swap_offset + pages : 0) == b->swap_offset);
	if (!frames || a->pfn == VM_PFN_NONE)
		return !frames || b->pfn == VM_PFN_NONE;
	return b->pfn == (a->state & VM_PG(ZERO) ? a->pfn : a->pfn + pages);
}

struct vm_pg_info {
	const char *name;       /* "soft-dirty": in --filter, JSON and CSV */
	char letter;            /* 'd': in --runs */
	const char *sentence;
};
/** By enum vm_pg_bit. */
extern const struct vm_pg_info vm_pg_info[VM_PG_BIT_NR];

/** Page tables of one level. */
struct vm_table_level {
	uint64_t tables;        /* pages that hold such a table */
	uint64_t used;          /* entries in them that aren't zero */
	uint64_t leaves;        /* of these: entries that map memory or hold swap themselves */
};
enum { VM_PT_LEVELS = 5 };

#endif
