/** Parts of the doctor: what its files share. */
#ifndef VM_SOURCE_DOCTOR_PART_H
#define VM_SOURCE_DOCTOR_PART_H

#include "core/base/err.h"
#include "core/source/doctor.h"

struct vm_source;

/** The verdict, and what was found in short; why that is so; what would help.  All printf-style. */
__attribute__((format(printf, 3, 4)))
void vm_found(struct vm_finding *f, enum vm_verdict verdict, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void vm_found_why(struct vm_finding *f, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void vm_found_fix(struct vm_finding *f, const char *fmt, ...);

/**
 * What a try gave: 0, or a negative errno with its reason in *err.  EACCES and EPERM are a matter of permission, of
 * which `needs` is the missing one; all else isn't to be had here.
 */
void vm_found_result(struct vm_finding *f, int r, const struct vm_err *err, const char *needs);

/** Whether this build has eBPF at all: without, that is all there is to say, and is said. */
bool vm_found_bpf(struct vm_finding *f);

/** As vm_found_result(), of a source's own probe. */
void vm_found_source(struct vm_session *s, const struct vm_source *src, const char *needs, struct vm_finding *f);

/** The source of that name in a list; NULL: there is none. */
const struct vm_source *vm_source_named(const struct vm_source *const *list, const char *name);

/* doctor_machine.c */
extern const struct vm_check vm_check_kernel, vm_check_paging, vm_check_direct_map, vm_check_tlb, vm_check_hugetlb, vm_check_thp,
	vm_check_numa;
/* doctor_limits.c */
extern const struct vm_check vm_check_capabilities, vm_check_ptrace, vm_check_container, vm_check_lockdown, vm_check_memlock;
/* doctor_pages.c, doctor_bits.c */
extern const struct vm_check vm_check_procmap, vm_check_pagemap, vm_check_pfn, vm_check_scan, vm_check_tables, vm_check_kpage,
	vm_check_others, vm_check_soft_dirty, vm_check_accessed, vm_check_idle, vm_check_damon;
/* doctor_trace.c */
extern const struct vm_check vm_check_psi, vm_check_btf, vm_check_iterators, vm_check_fault_programs, vm_check_perf, vm_check_pmu;

#endif
