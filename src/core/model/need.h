/**
 * Needs: the vocabulary between what is wanted (columns, filters, analyses) and what can be read
 * (sources).  A mask of them is computed before anything is read, so that cost follows columns.
 */
#ifndef VM_MODEL_NEED_H
#define VM_MODEL_NEED_H

#include <stdint.h>

enum vm_need_bit {
	VM_NEED_BIT_LAYOUT,   /* mappings: range, permissions, offset, device, inode, name */
	VM_NEED_BIT_SMAPS,    /* per mapping: resident, proportional, swapped ... */
	VM_NEED_BIT_FLAGS,    /* per mapping: VmFlags */
	VM_NEED_BIT_OBJECTS,  /* segments of the executable and its libraries: data, bss, text */
	VM_NEED_BIT_THREADS,  /* stack pointers of threads: which mapping is whose stack */
	VM_NEED_BIT_STAT,     /* state, parent, faults, VSZ, RSS, threads, start time */
	VM_NEED_BIT_MMADDR,   /* start and end of code, data, brk, stack, args, env */
	VM_NEED_BIT_STATUS,   /* uid, anon/file/shmem parts, peaks, locked, pinned, page tables */
	VM_NEED_BIT_STATM,    /* shared and data pages */
	VM_NEED_BIT_ROLLUP,   /* PSS, USS and all other sums of smaps */
	VM_NEED_BIT_CMDLINE,  /* the command line */
	VM_NEED_BIT_LIMITS,   /* resource limits */
	VM_NEED_BIT_AUXV,     /* auxiliary vector: page size, interpreter, vdso */
	VM_NEED_BIT_CGROUP,   /* the control group */
	VM_NEED_BIT_USER,     /* name of the user */
	VM_NEED_BIT_MM,       /* of the mm_struct, what no file tells: users, references, default flags, charges of the user */
	VM_NEED_BIT_AREAS,    /* per mapping: vm_flags, vm_pgoff and anon_vma of the vm_area_struct */
	VM_NEED_BIT_FAULTTIME, /* time in page faults, which all processes pay for while it is wanted */
	VM_NEED_BIT_TLB,      /* how many entries the machine's second-level TLB has */
	VM_NEED_BIT_CAPS,     /* effective capabilities, and whether the user namespace is the first one */
	VM_NEED_BIT_MAPCOUNT, /* how many mappings there are, without reading of each */
	VM_NEED_BIT_CPUS,     /* which CPUs its threads ran on last, and may run on */
	VM_NEED_BIT_NUMA,     /* pages by memory node, and policies */
	/* Read by core/source/pages.h and frames.h, by no source of a snapshot. */
	VM_NEED_BIT_PAGES,    /* states of pages */
	VM_NEED_BIT_TABLES,   /* page tables and their entries */
	VM_NEED_BIT_FRAMES,   /* frames of pages */
	VM_NEED_BIT_KPAGEFLAGS, VM_NEED_BIT_KPAGECOUNT, VM_NEED_BIT_KPAGECGROUP,   /* of frames */
	VM_NEED_BIT_HUGE,     /* policies, pools and counters of huge pages: core/source/hugesys.h */
	VM_NEED_NR,
};

#define VM_NEED(x) (UINT32_C(1) << VM_NEED_BIT_##x)

/** What holds the target's mmap lock while the kernel goes through its pages: vmtop reads them within its budget. */
#define VM_NEEDS_DEAR (VM_NEED(ROLLUP) | VM_NEED(NUMA) | VM_NEED(CPUS))

/** What the kinds of mappings are told from; VmFlags for hugetlb files, growing stacks and devices. */
#define VM_NEED_KIND \
	(VM_NEED(LAYOUT) | VM_NEED(FLAGS) | VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(MMADDR))

struct vm_need_info {
	const char *name;    /* "smaps": in --sources and in JSON "unmet" */
	const char *what;    /* "PSS, RSS and all other figures of the mappings" */
	const char *remedy;  /* what gives it to a user who may not read it */
};
extern const struct vm_need_info vm_need_info[VM_NEED_NR];

#endif
