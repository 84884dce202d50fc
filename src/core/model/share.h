/**
 * Sharing of pages: how often each is mapped on the whole machine, what it holds, and what writing to it would copy.
 *
 * A map count is the kernel's: page-table entries that map the page, of all processes (/proc/kpagecount).  A process that
 * maps a page twice counts twice, as it does in PSS.  Of pages of large folios a kernel built with
 * CONFIG_NO_PAGE_MAPCOUNT (Linux 6.15) knows the folio's average only, in kpagecount and in PSS alike.
 */
#ifndef VM_MODEL_SHARE_H
#define VM_MODEL_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_mapping;

/** What a page frame holds, by its flags (include/uapi/linux/kernel-page-flags.h). */
enum vm_share_kind {
	VM_SK_ANON,                /* anonymous memory: shared by fork() */
	VM_SK_KSM,                 /* equal anonymous pages, merged by the kernel */
	VM_SK_SHMEM,               /* shared memory and tmpfs */
	VM_SK_FILE,                /* files, and what the kernel maps itself, such as [vdso] */
	VM_SK_HUGETLB,             /* from the pools of huge pages: in no RSS and no PSS */
	VM_SK_NR,
};
extern const char *const vm_share_kinds[VM_SK_NR];   /* "anon", "ksm", "shmem", "file", "hugetlb" */
enum vm_share_kind vm_share_kind(uint64_t kpageflags);

/** Classes of map counts: 0, 1, 2, 3, 4, 5-8, 9-16 ... 129-256, more. */
enum { VM_SHARE_CLASSES = 12 };
struct vm_share_class {
	uint64_t least, most;      /* most UINT64_MAX: no limit */
};
extern const struct vm_share_class vm_share_classes[VM_SHARE_CLASSES];
unsigned vm_share_class_of(uint64_t count);

/**
 * PSS is added up with 12 binary places: each page is 4096 * 2^12 divided by its map count, rounded down, as
 * smaps_account() in fs/proc/task_mmu.c does; so the sum is the kernel's, but for its rounding down to KiB.
 */
enum { VM_PSS_SHIFT = 12 };
static inline uint64_t vm_share_pss(uint64_t count)
{
	return (UINT64_C(4096) << VM_PSS_SHIFT) / (count > 1 ? count : 1);
}

/** Pages side by side of one mapping of which the same is known. */
struct vm_share_piece {
	/** The mapping, its index, and [start, end) in it. */
	const struct vm_mapping *m;
	size_t mapping;
	uint64_t start, end;
	uint64_t pfn;              /* of start; VM_PFN_NONE: withheld, or no memory */
	uint64_t count;            /* map count; meaningful if counted */
	uint64_t flags;            /* of the frame; meaningful if counted */
	uint32_t state, known;     /* VM_PG() bits */
	uint8_t shift;             /* size of the entry that maps it; 0: unknown */
	bool counted;
};

enum vm_share_kind vm_share_piece_kind(const struct vm_share_piece *p);

/** Mapped by others too: by its count, or else by the exclusive bit of pagemap (Linux 4.2).  -1: not known. */
int vm_share_piece_shared(const struct vm_share_piece *p);

/** Bytes of a mapping, of a process, of whatever was added up.  Zeroed it is empty. */
struct vm_share_sum {
	uint64_t kind[VM_SK_NR];   /* present; all but hugetlb are in RSS */
	uint64_t once, many;       /* of RSS: mapped once, several times */
	uint64_t unknown;          /* of RSS: neither is known */
	uint64_t zero;             /* page of zeros: in no RSS */
	uint64_t swap;
	uint64_t risk;             /* a write to all that may be written would copy so much */
	uint64_t class_bytes[VM_SHARE_CLASSES];
	uint64_t class_pss[VM_SHARE_CLASSES];   /* with VM_PSS_SHIFT */
	uint64_t most;             /* the highest map count */
	uint64_t uncounted;        /* of RSS: the map count isn't known, so neither is PSS */
};

/** Resident bytes as the kernel counts them in smaps. */
static inline uint64_t vm_share_rss(const struct vm_share_sum *s)
{
	return s->once + s->many + s->unknown;
}

/** Sum of size / map count, in bytes; meaningful if uncounted is 0. */
uint64_t vm_share_sum_pss(const struct vm_share_sum *s);

/** Add `pages` of a kind that are mapped `count` times. */
void vm_share_sum_count(struct vm_share_sum *s, enum vm_share_kind kind, uint64_t count, uint64_t pages);
void vm_share_sum_add(struct vm_share_sum *s, const struct vm_share_piece *p);
void vm_share_sum_join(struct vm_share_sum *to, const struct vm_share_sum *from);

/** What a write to this piece would copy: bytes. */
uint64_t vm_share_piece_risk(const struct vm_share_piece *p);

#endif
