/**
 * One process's address space at one instant.
 *
 * Plain data: sources fill it, analyses read it, views print it.  Nothing in this header opens a
 * file.  All sizes are bytes and all addresses are user virtual addresses, whatever unit the kernel
 * used.
 */
#ifndef VM_MODEL_ASPACE_H
#define VM_MODEL_ASPACE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/model/process.h"

/** Per-mapping quantities; index into vm_mapping.q and bit in vm_mapping.have. */
enum vm_qty {
	VM_Q_SIZE, VM_Q_RSS, VM_Q_PSS, VM_Q_PSS_DIRTY, VM_Q_SHARED_CLEAN, VM_Q_SHARED_DIRTY,
	VM_Q_PRIVATE_CLEAN, VM_Q_PRIVATE_DIRTY, VM_Q_REFERENCED, VM_Q_ANON, VM_Q_KSM, VM_Q_LAZYFREE,
	VM_Q_THP, VM_Q_SHMEM_THP, VM_Q_FILE_THP, VM_Q_SHARED_HUGETLB, VM_Q_PRIVATE_HUGETLB,
	VM_Q_SWAP, VM_Q_SWAP_PSS, VM_Q_LOCKED,
	/* Derived when the mapping is read. */
	VM_Q_USS,          /* Private_Clean + Private_Dirty + Private_Hugetlb */
	VM_Q_DIRTY,        /* Shared_Dirty + Private_Dirty */
	/* From here on a sum has no meaning. */
	VM_Q_KPAGE, VM_Q_MMUPAGE, VM_Q_THP_ELIGIBLE, VM_Q_PKEY,
	VM_Q_NR,
};
enum { VM_Q_SUMS = VM_Q_KPAGE };
#define VM_HAVE(q) (UINT32_C(1) << (q))

/** Of a vm_area_struct (include/linux/mm_types.h), what maps and smaps don't tell. */
struct vm_area {
	uint64_t flags;            /* vm_flags, the kernel's own bits: they differ between kernels from bit 32 on */
	uint64_t pgoff;            /* vm_pgoff, pages: offset in the file, or the address at which it was made */
	bool has_anon_vma;         /* some page of it is, or was, anonymous memory */
};

enum { VM_DIFFERS_PERM = 1, VM_DIFFERS_FILE = 2, VM_DIFFERS_RANGE = 4 };

/** 88 bytes: with tens of thousands of them, memory is what a snapshot costs. */
struct vm_mapping {
	/** [start, end), page aligned; mappings of one space never overlap. */
	uint64_t start, end;
	/** Offset of `start` in the backing object. */
	uint64_t offset;
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	/** PROT_READ | PROT_WRITE | PROT_EXEC, as in mmap(2). */
	uint8_t prot;
	uint8_t kind;              /* enum vm_kind */
	/** VM_DIFFERS_* bits: what the members of a sum don't have in common, or it isn't to show. */
	uint8_t differs;
	bool shared : 1;
	/** The kernel says that the file was unlinked (" (deleted)" at the end of the name). */
	bool deleted : 1;
	bool have_flags : 1;
	/** The process that it belongs to. */
	pid_t pid;
	/** 1; more where the row is the sum of several mappings (then it has no range). */
	uint32_t count;
	/** Bit q is set iff q[q] was measured.  An unset bit isn't a zero. */
	uint32_t have;
	/** Backing name as the kernel shows it, newlines restored; "" if none.  Owned by the space. */
	const char *name;
	/** VM_VMF() bits; meaningful if have_flags. */
	uint64_t flags;
	/** Figures, VM_Q_NR of them; all zero, and shared by all, where none was read.  Owned by the space
	    or the sum: who copies a mapping borrows them.  SIZE is in here for sums only. */
	const uint64_t *q;
	/** NULL: not read, or a sum of several.  Owned by the space. */
	const struct vm_area *area;
};
static_assert(sizeof(struct vm_mapping) <= 88, "vm_mapping is small");
static_assert(VM_Q_NR <= 32, "vm_mapping.have has 32 bits");

/**
 * A sum of mappings: a row like theirs, with figures of its own.  Zeroed it is empty (count 0).  When it was
 * copied or moved, vm_sum_settle() makes m.q point to its own figures again.
 */
struct vm_sum {
	struct vm_mapping m;
	uint64_t q[VM_Q_NR];
};

/** A loadable segment of an ELF file (Elf64_Phdr of type PT_LOAD). */
struct vm_segment {
	uint64_t vaddr, offset, filesz, memsz;
	uint8_t prot;
};

/** A mapped ELF file. */
struct vm_object {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	bool executable;           /* the program itself or its interpreter-less main object */
	uint32_t nsegs;
	const struct vm_segment *seg;
};

/** A thread and its stack pointer at the moment of reading. */
struct vm_thread {
	pid_t tid;
	uint64_t sp;
};

struct vm_numa_maps;

struct vm_aspace {
	struct vm_proc proc;
	/** CLOCK_MONOTONIC at which reading began, and how long it took.  The kernel gives no atomic
	    snapshot: a long `took` means blurred numbers. */
	uint64_t taken_ns, took_ns;
	/** Sorted by address. */
	struct vm_mapping *map;
	size_t nmaps, cap;
	/** End of the last mapping named [heap]; 0: there is none. */
	uint64_t heap_end;
	/** Sum of all that have figures, made while they were read: before they were classified, so its kind
	    says nothing. */
	struct vm_sum total;
	VM_VEC(struct vm_object) objects;
	VM_VEC(struct vm_thread) threads;
	/** Policies and nodes of the mappings; NULL: not read. */
	struct vm_numa_maps *numa;
	/** Names and segments of the mappings; texts of the process. */
	struct vm_arena arena, texts;
};

/** Free everything the space owns; NULL is fine. */
void vm_aspace_free(struct vm_aspace *as);

/** A cleared mapping behind the last one, or NULL when memory is out. */
struct vm_mapping *vm_aspace_add(struct vm_aspace *as);

/** Drop all mappings (before a second try), keeping the memory. */
void vm_aspace_clear(struct vm_aspace *as);

/** Index of the mapping that holds `addr`, else of the first one above it (nmaps: none).  O(log n). */
size_t vm_aspace_find(const struct vm_aspace *as, uint64_t addr);

/** The mapping that holds `addr`, or NULL. */
const struct vm_mapping *vm_aspace_at(const struct vm_aspace *as, uint64_t addr);

/** What m->q is where nothing was read. */
extern const uint64_t vm_no_figures[VM_Q_NR];

/** Cleared figures for a mapping of this space, which m->q then shows; NULL when memory is out. */
uint64_t *vm_aspace_add_figures(struct vm_aspace *as, struct vm_mapping *m);

/** Compute VM_Q_USS and VM_Q_DIRTY in `q`, the figures of m, from what was read. */
void vm_mapping_derive(struct vm_mapping *m, uint64_t *q);

/** "rw-p", as in maps. */
const char *vm_mapping_perm(const struct vm_mapping *m);

/** Bytes of the address range, or of all ranges of a sum. */
static inline uint64_t vm_mapping_size(const struct vm_mapping *m)
{
	return m->count == 1 && !(m->differs & VM_DIFFERS_RANGE) ? m->end - m->start : m->q[VM_Q_SIZE];
}

/**
 * Add `m` to `sum`: quantities that both know are added; a quantity that one of them lacks is unknown
 * in the sum.  An empty sum takes over what m is.
 */
void vm_sum_add(struct vm_sum *sum, const struct vm_mapping *m);

static inline void vm_sum_settle(struct vm_sum *sum)
{
	sum->m.q = sum->q;
}

/**
 * Set the process's sums of smaps from its mappings.  The kernel rounds each mapping's PSS down to
 * KiB (show_smap in fs/proc/task_mmu.c), so sums of PSS are low by up to 1 KiB a mapping.
 */
void vm_aspace_sum_to_proc(struct vm_aspace *as);

#endif
