/** What areas.bpf.c and core/source/areas.c share: records that the iterator writes, one after the other. */
#ifndef VM_BPF_AREAS_H
#define VM_BPF_AREAS_H

/** A vm_area_struct. */
struct vm_task_vma {
	unsigned long long start, end;
	unsigned long long flags;      /* vm_flags */
	unsigned long long pgoff;      /* vm_pgoff, pages */
	unsigned has_anon_vma;
	int tgid;
};

struct vm_areas_control {
	int tgid;                   /* of the process whose mappings are wanted; 0: the iterator was told */
};

#endif
