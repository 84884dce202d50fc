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
enum { false, true };

/* What bpf_helper_defs.h and the maps name; include/uapi/linux/bpf.h. */
enum {
	BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_RINGBUF = 27, BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_F_NO_PREALLOC = 1 << 0, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_F_USER_STACK = 1 << 8 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0 };
enum { BPF_RB_NO_WAKEUP = 1 };

typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { long long counter; } atomic64_t;

struct percpu_counter {
	long long count;
	__s32 *counters;
} __attribute__((preserve_access_index));

struct maple_tree {
	void *ma_root;
} __attribute__((preserve_access_index));

struct rb_node {
	struct rb_node *rb_right, *rb_left;
} __attribute__((preserve_access_index));

struct rb_root {
	struct rb_node *rb_node;
} __attribute__((preserve_access_index));

typedef struct seqcount {
	unsigned sequence;
} seqcount_t;

struct mm_struct {
	void *pgd;
	struct maple_tree mm_mt;       /* Linux 6.1 */
	struct rb_root mm_rb;          /* before */
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

/** Changes whenever the mmap lock is taken for writing (Linux 6.12), or given back (since 6.4). */
struct mm_struct___seq {
	seqcount_t mm_lock_seq;
} __attribute__((preserve_access_index));

struct mm_struct___int {
	int mm_lock_seq;
} __attribute__((preserve_access_index));

/** Flags of the address space: a number, and on new kernels a bitmap. */
struct mm_struct___word {
	unsigned long flags;
} __attribute__((preserve_access_index));

typedef struct {
	unsigned long __mm_flags[1];
} mm_flags_t;

struct mm_struct___bits {
	mm_flags_t flags;
} __attribute__((preserve_access_index));

struct super_block {
	unsigned s_dev;
	unsigned long s_magic;
} __attribute__((preserve_access_index));

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} __attribute__((preserve_access_index));

struct qstr {
	const unsigned char *name;
} __attribute__((preserve_access_index));

struct hlist_bl_node {
	void **pprev;
} __attribute__((preserve_access_index));

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
} __attribute__((preserve_access_index));

struct vfsmount {
	struct dentry *mnt_root;
} __attribute__((preserve_access_index));

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} __attribute__((preserve_access_index));

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} __attribute__((preserve_access_index));

struct file {
	struct path f_path;
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct rb_node vm_rb;          /* before Linux 6.1 */
	struct file *vm_file;
	const void *vm_ops;
	void *anon_vma;
} __attribute__((preserve_access_index));

struct pt_regs {
	unsigned long ip;
} __attribute__((preserve_access_index));

/** What perf_event programs are given (include/uapi/linux/bpf_perf_event.h): x86-64's registers. */
struct bpf_perf_event_data {
	unsigned long regs[21];
	__u64 sample_period;
	__u64 addr;
};

struct kernel_siginfo {
	int si_code;
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

/** Only where something is built in that charges users: io_uring, perf, BPF ... */
struct user_struct {
	atomic_long_t locked_vm;
} __attribute__((preserve_access_index));

/** Of enum rlimit_type in include/linux/user_namespace.h. */
enum { UCOUNT_RLIMIT_MEMLOCK = 3 };

struct ucounts {
	atomic_long_t rlimit[UCOUNT_RLIMIT_MEMLOCK + 1];
} __attribute__((preserve_access_index));

struct user_namespace {
	int level;                     /* 0: the first one */
} __attribute__((preserve_access_index));

/** One number, and before Linux 6.3 two halves of it, lower one first. */
typedef struct { __u64 val; } kernel_cap_t;

struct cred {
	kuid_t uid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
	struct user_struct *user;
	struct ucounts *ucounts;
} __attribute__((preserve_access_index));

struct sched_entity {
	__u64 sum_exec_runtime;
} __attribute__((preserve_access_index));

/** Ids of the cgroup and of those above it, by level; before Linux 6.1. */
struct cgroup___ids {
	int level;
	__u64 ancestor_ids[1];
} __attribute__((preserve_access_index));

struct cgroup;

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

enum { PF_KTHREAD = 0x00200000 };

struct task_struct {
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct task_struct *real_parent;
	const struct cred *real_cred;
	struct css_set *cgroups;
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
