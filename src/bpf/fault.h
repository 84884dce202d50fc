/** What fault.bpf.c and core/source/faults_ebpf.c share. */
#ifndef VM_BPF_FAULT_H
#define VM_BPF_FAULT_H

#include "core/model/fault_kinds.h"

enum {
	VM_FT_HISTO_BUCKETS = 528,     /* VM_HISTO_BUCKETS */
	VM_FT_COMM = 16,
	VM_FT_STACK_DEPTH = 127,
	/** Bytes of the names on the way from a file up to the root, innermost first, each ended by NUL. */
	VM_FT_PATH = 1024, VM_FT_NAME = 256,
};

/** Of an address space; as user space numbers them (then the low 12 bits are 0) or a CPU (its number and one). */
enum { VM_FT_SPACE_SHIFT = 12 };

enum { VM_FT_CHOSEN, VM_FT_CGROUP, VM_FT_ALL };

/** Counting; only those that were going on when counting stopped are told from those after it. */
enum { VM_FT_OFF, VM_FT_ON, VM_FT_DRAINING };

struct vm_ft_control {
	unsigned enabled;          /* VM_FT_OFF ... */
	unsigned whom;             /* VM_FT_CHOSEN ... */
	unsigned own_tgid;         /* never counted */
	unsigned children, stacks, events, block_shift;
	unsigned levels;           /* of page tables; 0: they aren't read */
	unsigned long long base, max_pa;
	unsigned long long zero_pfn;
	unsigned long long cgroup_id;
	unsigned cgroup_level;
	/** There are threads in the hash. */
	unsigned crowded;
	/** One executed what has privileges: of itself and those it makes, only events of CPUs tell. */
	unsigned unheard;
	/** Huge pages are given: never, where madvise asked for them, always (transparent_hugepage/enabled). */
	unsigned thp;
	/** Each first write to a shared page is counted as major, whether something was read or not (before Linux 6.0). */
	unsigned shared_retries;
	/** Types of swap entries that are none; struct vm_swap_types. */
	unsigned swap_first, marker, migration, migration_n, device, device_n;
};

enum { VM_FT_THP_NEVER, VM_FT_THP_MADVISE, VM_FT_THP_ALWAYS };

struct vm_ft_count {
	unsigned long long count, kernel, major, bytes, ns, max_ns, timed;
};

struct vm_ft_histo {
	unsigned long long count[VM_FT_HISTO_BUCKETS];
};

struct vm_ft_lost {
	unsigned long long events, groups, stacks, threads, notes, unmatched;
};

/** One row of counts: a CPU's own, so that no two write to it. */
struct vm_ft_key {
	unsigned long long ip, mapping;
	unsigned space;
	int stack;                 /* negative: none */
	unsigned char kind, kernel;
	unsigned short cpu;
	unsigned reserved;
};

struct vm_ft_group {
	unsigned long long count, ns, max_ns;
};

struct vm_ft_block {
	unsigned long long address;
	unsigned space, cpu;
};

/** The mapping that a thread's last fault was in. */
struct vm_ft_vma {
	unsigned long long start, end, flags, pgoff, ino, file, vma;
	unsigned dev, seq;
	unsigned char backing, known, stamped;
	unsigned char reserved[5];
};

/** A fault that has begun and not ended. */
struct vm_ft_open {
	unsigned long long at;     /* 0: none */
	unsigned long long address, ip, kernel_ip, old, entry_at;
	unsigned error;
	unsigned char level, walked, kernel, had_vma;
};

enum { VM_FT_WAITS = 1, VM_FT_BASED = 2, VM_FT_BUSY = 4 };

/** Neighbours that have everything in common are counted here first, and go into the table of groups together. */
struct vm_ft_run {
	struct vm_ft_key key;
	struct vm_ft_group sum;    /* count 0: none */
};

/**
 * A thread.  It has the slot that its number modulo VM_FT_SLOTS says, which takes a nanosecond to find; one whose slot is
 * another's is in a hash.
 */
struct vm_ft_task {
	unsigned tid;              /* 0: the slot is free */
	unsigned tgid, space;
	unsigned flags;            /* VM_FT_WAITS ... */
	unsigned long long mm, pgd;
	/** The address space that its last execve() made. */
	unsigned long long exec_mm;
	struct vm_ft_vma vma;
	/** The second one: a fault of the kernel's while the first is handled. */
	struct vm_ft_open open[2];
	unsigned long long minor, major, invalid, unresolved, ns;
	/** The kernel's own counters when it was first seen, and after its last fault. */
	unsigned long long base_minor, base_major, last_minor, last_major, base_cpu;
	/** Faults since counting stopped, and all that the kernel had counted by then. */
	unsigned long long late, late_at;
	struct vm_ft_run run;
};

enum { VM_FT_SLOTS = 16384 };

struct vm_ft_target {
	unsigned space, reserved;
};

/** Mappings that were told of. */
struct vm_ft_mapping_key {
	unsigned long long start;
	unsigned space, reserved;
};
struct vm_ft_mapping_seen {
	unsigned long long end, file, flags;
};

enum { VM_FT_EV_FAULT, VM_FT_EV_MAPPING, VM_FT_EV_SPACE, VM_FT_EV_THREAD_END, VM_FT_EV_PROCESS_END, VM_FT_EV_COMM };

struct vm_ft_ev_fault {
	unsigned char type, kind, kernel, major;
	unsigned tid, tgid, space, error;
	int stack;
	unsigned long long at, ns, address, ip, kernel_ip, mapping, old_entry, new_entry;
};

struct vm_ft_ev_mapping {
	unsigned char type, backing, heap, stack;
	unsigned space, dev, length;          /* length of path */
	unsigned long long start, end, flags, pgoff, ino;
	unsigned char deleted, reserved[7];
	/** Names, innermost first, each ended by NUL. */
	char path[VM_FT_PATH];
};

struct vm_ft_ev_space {
	unsigned char type, exec, reserved[2];
	unsigned space, from;                 /* from: raw number, 0: none or not known */
	unsigned tgid, parent;
	char comm[VM_FT_COMM];
};

struct vm_ft_ev_thread_end {
	unsigned char type, last, own_known, reserved;
	unsigned tid, tgid, space;
	char comm[VM_FT_COMM];
	unsigned long long minor, major, invalid, unresolved, ns, own_minor, own_major, cpu_ns;
};

#endif
