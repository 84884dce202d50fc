/**
 * The few members of kernel structures that our programs read; CO-RE finds where they are in the running kernel.
 *
 * No generated vmlinux.h: this builds where there is no BTF, and what is read can be read here.
 */
#ifndef VM_BPF_KERNEL_TYPES_H
#define VM_BPF_KERNEL_TYPES_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

/* What bpf_helper_defs.h and the maps name; include/uapi/linux/bpf.h. */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_TASK_STORAGE = 29 };
enum { BPF_F_NO_PREALLOC = 1 << 0, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_NOEXIST = 1 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };

typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { long long counter; } atomic64_t;

struct percpu_counter {
	long long count;
	__s32 *counters;
} __attribute__((preserve_access_index));

struct mm_struct {
	void *pgd;
	int map_count;
	atomic_t mm_users, mm_count;
	unsigned long def_flags;
	unsigned long total_vm, locked_vm, data_vm, exec_vm, stack_vm, hiwater_vm, hiwater_rss;
	atomic64_t pinned_vm;
	atomic_long_t pgtables_bytes, hugetlb_usage;
	unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	struct percpu_counter rss_stat[4];
} __attribute__((preserve_access_index));

/** Before Linux 6.2 the counters are one number each. */
struct mm_rss_stat {
	atomic_long_t count[4];
} __attribute__((preserve_access_index));

struct mm_struct___6_1 {
	struct mm_rss_stat rss_stat;
} __attribute__((preserve_access_index));

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	void *anon_vma;
} __attribute__((preserve_access_index));

struct rlimit {
	unsigned long rlim_cur;
} __attribute__((preserve_access_index));

struct signal_struct {
	atomic_t live;
	int nr_threads;
	unsigned long min_flt, maj_flt, cmin_flt, cmaj_flt;
	unsigned long long sum_sched_runtime;
	struct rlimit rlim[16];
} __attribute__((preserve_access_index));

typedef struct { unsigned val; } kuid_t;

struct cred {
	kuid_t uid;
} __attribute__((preserve_access_index));

struct sched_entity {
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

enum { PF_KTHREAD = 0x00200000 };

struct task_struct {
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct task_struct *real_parent;
	const struct cred *real_cred;
	struct sched_entity se;
	unsigned __state;
	int exit_state;
	unsigned flags;
	__u64 start_boottime;
	unsigned long min_flt, maj_flt;
	char comm[16];
} __attribute__((preserve_access_index));

struct bpf_array {
	void *pptrs[1];
} __attribute__((preserve_access_index));

/** include/uapi/linux/bpf_perf_event.h, with the registers of x86-64 (arch/x86/include/uapi/asm/ptrace.h). */
struct bpf_perf_event_data {
	__u64 regs[21];
	__u64 sample_period;
	__u64 addr;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
} __attribute__((preserve_access_index));

#endif
