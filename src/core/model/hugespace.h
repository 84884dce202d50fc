/**
 * An address space by the sizes of its pages: what each mapping is backed by, and what lies in each range that a huge page
 * could map.
 *
 * A folio is memory that the kernel allocated in one piece, 2^order base pages at a frame that is a multiple of that
 * (include/linux/mm_types.h).  It is mapped by one entry of a higher page table, or by an entry for each base page: then it may
 * lie at an address that is no multiple of its size, and only a part of it may be mapped.
 */
#ifndef VM_MODEL_HUGESPACE_H
#define VM_MODEL_HUGESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"

struct vm_aspace;
struct vm_mapping;

/** What a mapping is of. */
enum vm_huge_backing {
	VM_HUGE_B_ANON,
	VM_HUGE_B_SHMEM,           /* on the kernel's own mount: shared anonymous, memfd, SysV */
	VM_HUGE_B_TMPFS,           /* a file of a mounted tmpfs */
	VM_HUGE_B_FILE,
	VM_HUGE_B_HUGETLB,
	VM_HUGE_B_SPECIAL,         /* of devices and the kernel's own, which are no memory to choose a page size for */
};

/** Whose memory it is. */
enum vm_huge_what { VM_HUGE_ANON, VM_HUGE_FILE, VM_HUGE_SHMEM, VM_HUGE_HUGETLB, VM_HUGE_WHATS };
/** "anon", "file", "shmem", "hugetlb". */
extern const char *const vm_huge_what_names[VM_HUGE_WHATS];

/** How it is mapped. */
enum vm_huge_how {
	VM_HUGE_SMALL,             /* base pages that are folios of their own (order 0), or whose folio isn't known */
	VM_HUGE_ENTRY,             /* by one entry of a higher page table: order 9 or 18 of 4K pages */
	VM_HUGE_ALIGNED,           /* a whole folio by entries of base pages, at a multiple of its size */
	VM_HUGE_UNALIGNED,         /* the same elsewhere */
	VM_HUGE_PARTLY,            /* parts of folios: their order isn't told */
	VM_HUGE_HOWS,
};

/** Orders of folios: 2^30 bytes in pages of 4K are order 18. */
enum { VM_HUGE_ORDERS = 19 };

/** Resident bytes that have this in common. */
struct vm_huge_cell {
	uint8_t what, how, order;
	uint64_t bytes;
};

enum vm_huge_range_flag {
	VM_HUGE_R_HUGE = 1,        /* one entry maps all of it: memory, or the huge page of zeros */
	VM_HUGE_R_WHOLE = 2,       /* its memory is one folio of this size, mapped by base pages */
	VM_HUGE_R_PART = 4,        /* some of its memory is part of a folio that isn't mapped as a whole */
	VM_HUGE_R_GUARD = 8,       /* holds guard pages or other markers */
	VM_HUGE_R_WP = 16,         /* holds pages that a userfaultfd protects */
	VM_HUGE_R_WRITABLE = 32,   /* an entry of it may be written without a fault; meaningful if writes_known */
};

/** A range that one entry of the second level could map (2M, aligned), whole within one mapping; of its base pages: */
struct vm_huge_range {
	uint64_t start;
	uint32_t mapping;          /* index into as->map */
	uint16_t present;          /* with memory of their own */
	uint16_t zero;             /* showing the page of zeros */
	uint16_t swapped;
	uint16_t shared;           /* of the present ones: mapped elsewhere too; meaningful if shared_known */
	uint16_t merged;           /* of the present ones: by KSM; meaningful if sizes_known */
	uint16_t anon;             /* of the present ones: anonymous, in a mapping of a file its private copies */
	uint8_t flags;             /* VM_HUGE_R_* */
	uint8_t order;             /* of the largest folio that begins in it; 0 if there are none or it isn't known */
};

/** Of one mapping; bytes. */
struct vm_huge_map {
	uint32_t cell, ncells;     /* its cells, neighbours */
	uint32_t range, nranges;   /* its ranges in which there is something, ascending */
	uint8_t backing;           /* enum vm_huge_backing */
	uint8_t mount;             /* of a tmpfs: its option huge=, enum vm_huge_word */
	uint64_t resident;         /* with memory, hugetlb included, pages of zeros not */
	uint64_t huge;             /* of it: mapped by entries of higher page tables */
	uint64_t large;            /* of it: in folios of more than a base page, mapped whole by base pages */
	uint64_t partly;           /* of it: parts of folios */
	uint64_t edges;            /* of it: outside of whole ranges */
	uint64_t swapped;
};

/** How it was read. */
struct vm_huge_read {
	const char *via;           /* "page-tables, kpageflags", "smaps" ... */
	bool sizes_known;          /* sizes of folios that base pages map */
	bool entries_known;        /* which ranges one entry maps; else by smaps, only how much of a mapping */
	bool ranges_known;         /* what lies in the ranges at all */
	bool shared_known;
	bool writes_known;         /* which entries may be written */
	bool partial;              /* the space changed meanwhile: not all of it */
	uint64_t took_ns;
	char why_not[160];         /* why it wasn't read in a better way; "": it was */
};

struct vm_huge_space {
	const struct vm_aspace *as;      /* borrowed */
	uint64_t page_bytes, range_bytes;
	struct vm_huge_map *map;         /* as->nmaps of them */
	VM_VEC(struct vm_huge_cell) cells;
	VM_VEC(struct vm_huge_range) ranges;
	struct vm_huge_map total;        /* without cells and ranges */
	/** The same cells, added up. */
	uint64_t sum[VM_HUGE_WHATS][VM_HUGE_HOWS][VM_HUGE_ORDERS];
	struct vm_huge_read read;
};

/** For as many mappings as the space has.  0 or -ENOMEM; free in either case. */
int vm_huge_space_begin(struct vm_huge_space *h, const struct vm_aspace *as, uint64_t page_bytes, uint64_t range_bytes);
void vm_huge_space_free(struct vm_huge_space *h);

/** Add to the cells of mapping `m`, which is the last one that has any, or a later one.  False when memory is out. */
bool vm_huge_space_add(struct vm_huge_space *h, size_t m, enum vm_huge_what what, enum vm_huge_how how, unsigned order,
		       uint64_t bytes);

/** The range of mapping `m` that holds the address, made if it isn't there; ascending.  NULL: none fits into the mapping around
    it, or memory is out. */
struct vm_huge_range *vm_huge_space_range(struct vm_huge_space *h, size_t m, uint64_t addr, bool *no_memory);

/**
 * Which ranges of mapping `m`, the last one with cells, one entry maps isn't known, but that `bytes` of it are (smaps): take its
 * first ranges that are a whole folio for them, or if `sizes_known` is false the first full ones.  False when memory is out.
 */
bool vm_huge_space_guess(struct vm_huge_space *h, size_t m, uint64_t bytes, bool sizes_known);

/** All is in: sums of the cells into maps and total. */
void vm_huge_space_end(struct vm_huge_space *h);

/** Flags of the mapping that matter here as VM_VMF() bits, from smaps or from the vm_area_struct; false: they aren't known. */
bool vm_mapping_huge_flags(const struct vm_mapping *m, uint64_t *flags);

/** Bytes of the first whole range of [start, end), and of the last one's end; the same if none fits. */
void vm_huge_whole(uint64_t start, uint64_t end, uint64_t range_bytes, uint64_t *from, uint64_t *to);

#endif
