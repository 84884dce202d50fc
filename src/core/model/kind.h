/** What a mapping is for, as far as the kernel lets us tell. */
#ifndef VM_MODEL_KIND_H
#define VM_MODEL_KIND_H

#include <stdint.h>

struct vm_aspace;
struct vm_mapping;

enum vm_kind {
	/** Not classified: nobody asked for it. */
	VM_KIND_UNKNOWN,
	VM_KIND_ANON,
	VM_KIND_TEXT, VM_KIND_RODATA, VM_KIND_DATA, VM_KIND_BSS,
	VM_KIND_LIBTEXT, VM_KIND_LIBRODATA, VM_KIND_LIBDATA, VM_KIND_LIBBSS,
	VM_KIND_HEAP, VM_KIND_STACK, VM_KIND_TSTACK,
	VM_KIND_FILE, VM_KIND_SHMEM, VM_KIND_SYSV, VM_KIND_MEMFD, VM_KIND_HUGETLB, VM_KIND_DEVICE,
	VM_KIND_VDSO, VM_KIND_VVAR, VM_KIND_VSYSCALL, VM_KIND_SPECIAL,
	VM_KIND_GUARD, VM_KIND_RESERVE,
	/* Of sums only. */
	VM_KIND_PROGRAM, VM_KIND_LIBRARY, VM_KIND_MIXED,
	VM_KIND_NR,
};

struct vm_kind_info {
	const char *name;   /* "libtext" */
	const char *help;   /* one line, lower case, no period */
};
extern const struct vm_kind_info vm_kinds[VM_KIND_NR];

/**
 * Set the kind of every mapping.
 *
 * Uses names, permissions and VmFlags; the segments in as->objects, where they were read, to tell
 * text, read-only data, data and bss; the stack pointers in as->threads for thread stacks.  Where
 * objects or threads were not read it falls back on permissions and neighbours: a writable private
 * mapping right behind an inaccessible one is then taken for a thread stack if the process has threads.
 */
void vm_aspace_classify(struct vm_aspace *as);

/** The kind of a sum of mappings of these kinds. */
enum vm_kind vm_kind_join(enum vm_kind a, enum vm_kind b);

/** An inaccessible anonymous mapping up to this size is a guard; a larger one is reserved space. */
#define VM_GUARD_MAX (UINT64_C(1) << 20)

#endif
