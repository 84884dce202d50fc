/**
 * What was seen of page faults: counts by kind and by where they came from.
 *
 * Plain data, cumulative since the measurement began: sources fill it (core/source/faults.h), analyses fold it
 * (core/analysis/faultview.h).  Times are nanoseconds, addresses are those of the process.
 */
#ifndef VM_MODEL_FAULTSET_H
#define VM_MODEL_FAULTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/model/fault.h"
#include "core/model/histo.h"

/** One kind's counts. */
struct vm_fault_count {
	uint64_t count;
	/** Of these: from kernel mode (copy_to_user() and the like); major. */
	uint64_t kernel, major;
	/** Bytes of the pages that were asked for: what came along (fault-around, 64K folios) isn't in it. */
	uint64_t bytes;
	/** Time from the exception to the page, summed up, and the longest; those that were timed. */
	uint64_t ns, max_ns, timed;
};

/**
 * An address space: a process from one execve(2) to the next.  What a space is called by (vm_fault_group.space ...) is its
 * index in vm_faultset.space.
 */
struct vm_fault_space {
	pid_t pid, parent;
	char comm[16];
	/** The process ended, or executed another program. */
	bool ended;
	/** Index of the space that it was forked from, whose mappings it began with; VM_FAULT_NONE: not known. */
	uint32_t from;
};
enum { VM_FAULT_NONE = UINT32_MAX };

/** What a mapping is, as far as faults go. */
enum vm_fault_backing {
	VM_FAULT_B_NONE,        /* no mapping, or not known */
	VM_FAULT_B_ANON, VM_FAULT_B_FILE, VM_FAULT_B_SHMEM, VM_FAULT_B_HUGETLB, VM_FAULT_B_DEVICE,
};

/** A mapping in which faults happened, or code that met them. */
struct vm_fault_mapping {
	uint32_t space;
	uint8_t backing;           /* enum vm_fault_backing */
	uint8_t prot;              /* PROT_* */
	bool shared;
	uint64_t start, end;
	uint64_t offset;           /* bytes, of `start` in the file */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	/** As in maps: a path, "[heap]", "" for anonymous memory; NULL: not known. */
	const char *name;
};

/** Faults that have everything in common but their addresses. */
struct vm_fault_group {
	uint32_t space;
	uint8_t kind;
	bool kernel;
	/** Start of the mapping when it was first seen; UINT64_MAX: none held the address. */
	uint64_t mapping;
	/** User-space instruction; from kernel mode, the one that made the system call.  0: not known. */
	uint64_t ip;
	/** Index in vm_faultset.stack; VM_FAULT_NONE: not asked for, or lost. */
	uint32_t stack;
	uint64_t count, ns, max_ns;
};

/** Return addresses, innermost first; of user space. */
struct vm_fault_stack {
	const uint64_t *ip;
	unsigned n;
};

struct vm_fault_thread {
	uint32_t space;            /* at its end, or now */
	pid_t tid, pid;
	char comm[16];
	bool ended;
	uint64_t minor, major, invalid, unresolved, ns;
	/** The kernel's own counters of this thread (task_struct.min_flt, maj_flt) since it was first seen. */
	bool own_known;
	uint64_t own_minor, own_major;
	/** CPU time meanwhile; UINT64_MAX: not known. */
	uint64_t cpu_ns;
};

/** Faults by block of addresses, for pictures of addresses over time. */
struct vm_fault_block {
	uint32_t space;
	uint64_t address;          /* multiple of 1 << vm_faultset.block_shift */
	uint64_t count;
};

/** What was lost, each 0 normally. */
struct vm_fault_lost {
	uint64_t events;           /* --trace: no room in the ring */
	uint64_t groups;           /* counted by kind only: too many different ones */
	uint64_t stacks;           /* stacks that could not be kept */
	uint64_t threads;          /* faults of threads for which there was no room */
	uint64_t notes;            /* ends of threads, new mappings: no room in the ring */
	uint64_t unmatched;        /* resolved, but the entry was not seen: counted, without time and kind */
};

struct vm_faultset {
	/** CLOCK_MONOTONIC. */
	uint64_t began_ns, now_ns;
	struct vm_fault_count kind[VM_FAULT_KIND_NR];
	struct vm_histo histo[VM_FAULT_KIND_NR];
	VM_VEC(struct vm_fault_space) space;
	VM_VEC(struct vm_fault_mapping) mapping;      /* by space and start, once vm_faultset_sort() was called */
	VM_VEC(struct vm_fault_group) group;
	VM_VEC(struct vm_fault_stack) stack;
	VM_VEC(struct vm_fault_thread) thread;
	VM_VEC(struct vm_fault_block) block;
	unsigned block_shift;
	struct vm_fault_lost lost;
	/** What the source can tell: kinds (more than minor and major), times, where, from user space only. */
	bool have_kinds, have_times, have_groups, user_only;
	/** Sums over all targets from the kernel's own counters; where not known, own_known is false. */
	bool own_known;
	uint64_t own_minor, own_major;
	/** CPU time of the targets; UINT64_MAX: not known. */
	uint64_t cpu_ns;
	/** Texts and stacks. */
	struct vm_arena arena;
};

void vm_faultset_free(struct vm_faultset *f);

/** By space and start; called by the source when it has read all. */
void vm_faultset_sort(struct vm_faultset *f);

/** Put a mapping where it belongs; one of the same space and start is replaced.  Needs sorting before.  False: out of memory. */
bool vm_faultset_insert(struct vm_faultset *f, const struct vm_fault_mapping *m);

/** The mapping that held `addr` of the space, or of the one it was forked from; NULL: not known.  Needs sorting. */
const struct vm_fault_mapping *vm_faultset_mapping(const struct vm_faultset *f, uint32_t space, uint64_t addr);

/** The index of the mapping that vm_fault_group.mapping names in a space, f->mapping.n: none.  Needs sorting. */
size_t vm_faultset_mapping_index(const struct vm_faultset *f, uint32_t space, uint64_t key);

/**
 * Mappings that are one in time: it grew, shrank or was merged with a neighbour, and was told of again.  For each of
 * f->mapping the index of the first one that it is one with; the caller frees them.  NULL: out of memory.  Needs sorting.
 */
uint32_t *vm_faultset_unite(const struct vm_faultset *f);

/** Whether faults of kernel mode are seen, and told from others. */
bool vm_faultset_knows_mode(const struct vm_faultset *f);
/** Whether faults that end in a signal, or in nothing, are seen. */
bool vm_faultset_knows_invalid(const struct vm_faultset *f);
/** Whether the size of the pages is known: else a huge one counts as a small one. */
bool vm_faultset_knows_bytes(const struct vm_faultset *f);

/** Sums over all kinds that ended in a page. */
struct vm_fault_count vm_faultset_resolved(const struct vm_faultset *f);
/** And of those that ended in a signal. */
uint64_t vm_faultset_invalid(const struct vm_faultset *f);

#endif
