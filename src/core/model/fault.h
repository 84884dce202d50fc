/**
 * Page faults as data: their kinds, and what is counted of them.
 *
 * Kinds follow the decisions of handle_mm_fault() (mm/memory.c), do_user_addr_fault() (arch/x86/mm/fault.c) and
 * filemap_fault() (mm/filemap.c); how they are told apart from outside is in src/bpf/fault_kind.h.
 */
#ifndef VM_MODEL_FAULT_H
#define VM_MODEL_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/fault_kinds.h"

/** Which cost or cure a kind belongs to: what a verdict speaks of. */
enum vm_fault_class {
	VM_FAULT_C_FIRST,       /* memory is used for the first time */
	VM_FAULT_C_COPY,        /* shared until somebody writes */
	VM_FAULT_C_FILE,        /* pages of files */
	VM_FAULT_C_SWAP,
	VM_FAULT_C_HUGE,
	VM_FAULT_C_TRACKING,    /* the kernel or a tool wants to know of the access */
	VM_FAULT_C_INVALID,     /* ends in a signal */
	VM_FAULT_C_OTHER,
};

struct vm_fault_kind_info {
	const char *key;        /* "anon-first": JSON, --filter */
	const char *name;       /* "anonymous, first": tables */
	enum vm_fault_class class;
	const char *sentence;   /* what happens in it; for --explain and the manual */
};
extern const struct vm_fault_kind_info vm_fault_kinds[VM_FAULT_KIND_NR];

/** By key; -1 if there is none. */
int vm_fault_kind_find(const char *key);

/** It ended in a signal (or, from kernel mode, in -EFAULT), not in a page. */
bool vm_fault_is_invalid(unsigned kind);

/** "user write protected", "kernel read absent": the bits of x86's page-fault error code
    (arch/x86/include/asm/trap_pf.h).  Into buf; returns it. */
const char *vm_fault_error_words(uint32_t error_code, char *buf, size_t size);

#endif
