/** What tasks.bpf.c and core/source/tasks.c share: records that the iterators write, one after the other. */
#ifndef VM_BPF_TASKS_H
#define VM_BPF_TASKS_H

enum {
	VM_TASK_CPUS = 1024,        /* a power of two: possible CPUs whose parts of a counter are added */
	VM_TASK_COMM = 16,          /* TASK_COMM_LEN in include/linux/sched.h */
	VM_TASK_KNOWS_USER = 1, VM_TASK_KNOWS_UCOUNTS = 2,   /* bits of knows_charges */
};

/** A thread that isn't the first of its process: what /proc/PID/stat adds up over threads. */
struct vm_task_thread {
	int tgid;
	int tid;                    /* differs from tgid: that is how the record is told from struct vm_task */
	unsigned threads;           /* of the process, as it was seen from here */
	unsigned reserved;
	unsigned long long min_flt, maj_flt, runtime_ns;
	unsigned long long gone_flt;   /* faults of threads that have ended, as it was seen from here */
};

/** A process, from its first thread; units as in the kernel's structures. */
struct vm_task {
	int tgid;
	int tid;                    /* the same */
	unsigned threads;
	int ppid;
	unsigned long long min_flt, maj_flt, runtime_ns;
	unsigned long long gone_min_flt, gone_maj_flt, gone_runtime_ns;   /* of threads that have ended */
	unsigned long long child_min_flt, child_maj_flt;
	unsigned long long start_ns;       /* since boot */
	unsigned long long rss_limit;
	unsigned state, exit_state, flags, uid;
	char comm[VM_TASK_COMM];
	/* mm_struct; has_mm 0: there is none. */
	unsigned has_mm;
	unsigned map_count;
	int mm_users, mm_count;
	unsigned long long def_flags;
	unsigned long long total_vm, locked_vm, pinned_vm, data_vm, exec_vm, stack_vm;   /* pages */
	unsigned long long hiwater_vm, hiwater_rss;                                      /* pages */
	unsigned long long page_tables, hugetlb;                                         /* bytes; pages */
	unsigned long long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long long arg_start, arg_end, env_start, env_end;
	long long rss[4];           /* pages: file, anonymous, swapped, shared memory (include/linux/mm_types_task.h) */
	unsigned long long caps;       /* effective ones, a bit each */
	unsigned user_ns_level;        /* 0: the first user namespace */
	/* Of its user, and so of all of the user's processes; pages. */
	unsigned knows_charges;
	long long user_charged;        /* user_struct.locked_vm, and .perf_mlock where there is one */
	long long user_shm_locked;     /* ucounts.rlimit[UCOUNT_RLIMIT_MEMLOCK]: shmctl(2) with SHM_LOCK, and the like */
};

struct vm_tasks_control {
	int tgid;                   /* of the process that is wanted; 0: the iterator was told */
	unsigned cpus;              /* possible CPUs */
	unsigned ready;             /* offset[] is known */
	unsigned reserved;
	unsigned long long scratch;
	unsigned long long offset[VM_TASK_CPUS];
};

#endif
