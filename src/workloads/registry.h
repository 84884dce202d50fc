/** Every workload, so that the list in workload.c can name them. */
#ifndef VM_WORKLOADS_REGISTRY_H
#define VM_WORKLOADS_REGISTRY_H

#include "workloads/workload.h"

extern const struct vm_workload vm_workload_anon, vm_workload_mmap, vm_workload_zero_page;
extern const struct vm_workload vm_workload_file_private, vm_workload_file_shared;
extern const struct vm_workload vm_workload_shm, vm_workload_memfd;
extern const struct vm_workload vm_workload_brk, vm_workload_malloc_threshold;
extern const struct vm_workload vm_workload_leak, vm_workload_sawtooth;
extern const struct vm_workload vm_workload_stack_growth, vm_workload_thread_stacks;
extern const struct vm_workload vm_workload_cow, vm_workload_fork_family;
extern const struct vm_workload vm_workload_mlock, vm_workload_mlock_onfault, vm_workload_mlockall;
extern const struct vm_workload vm_workload_mlock_limit;
extern const struct vm_workload vm_workload_many_mappings, vm_workload_sparse;
extern const struct vm_workload vm_workload_page_pattern, vm_workload_soft_dirty;
extern const struct vm_workload vm_workload_guard, vm_workload_prot_none, vm_workload_pkey;
extern const struct vm_workload vm_workload_mremap;
extern const struct vm_workload vm_workload_working_set;
extern const struct vm_workload vm_workload_thp, vm_workload_hugetlb, vm_workload_swap, vm_workload_ksm;
extern const struct vm_workload vm_workload_mthp, vm_workload_huge_holes, vm_workload_fragment;
extern const struct vm_workload vm_workload_chaos;
extern const struct vm_workload vm_workload_fault_storm, vm_workload_threads_faults;
extern const struct vm_workload vm_workload_zero_then_write, vm_workload_kernel_fault, vm_workload_gup_faults;
extern const struct vm_workload vm_workload_cow_faults, vm_workload_children;
extern const struct vm_workload vm_workload_major_faults, vm_workload_file_mkwrite, vm_workload_shm_faults;
extern const struct vm_workload vm_workload_swap_in, vm_workload_huge_fault, vm_workload_stack_growth_faults;
extern const struct vm_workload vm_workload_invalid, vm_workload_uffd;
extern const struct vm_workload vm_workload_tlb_stride, vm_workload_tlb_random, vm_workload_tlb_chase;
extern const struct vm_workload vm_workload_tlb_itlb;
extern const struct vm_workload vm_workload_numa_bind, vm_workload_numa_interleave, vm_workload_numa_weighted;
extern const struct vm_workload vm_workload_numa_preferred, vm_workload_numa_local, vm_workload_numa_misplaced;
extern const struct vm_workload vm_workload_numa_migrate;

#endif
