/**
 * One process's totals at one instant.
 *
 * Plain data: sources fill it, analyses read it, views print it.  All sizes are bytes.
 */
#ifndef VM_MODEL_PROCESS_H
#define VM_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/need.h"
#include "core/model/tlb.h"

/** Quantities of a process: index into q[]; the comment says the kernel's name and file. */
enum vm_pqty {
	/* stat */
	VM_P_VSZ, VM_P_RSS, VM_P_MINFLT, VM_P_MAJFLT, VM_P_CMINFLT, VM_P_CMAJFLT, VM_P_THREADS,
	VM_P_RSSLIM,
	VM_P_START_CODE, VM_P_END_CODE, VM_P_START_DATA, VM_P_END_DATA, VM_P_START_BRK,
	VM_P_START_STACK, VM_P_ARG_START, VM_P_ARG_END, VM_P_ENV_START, VM_P_ENV_END,
	/* status: VmPeak VmHWM RssAnon RssFile RssShmem VmData VmStk VmExe VmLib VmPTE VmSwap VmLck VmPin
	   HugetlbPages */
	VM_P_PEAK, VM_P_HWM, VM_P_ANON, VM_P_FILE, VM_P_SHMEM, VM_P_DATA, VM_P_STACK, VM_P_EXE,
	VM_P_LIB, VM_P_PAGE_TABLES, VM_P_SWAP, VM_P_LOCKED, VM_P_PINNED, VM_P_HUGETLB,
	/* statm, fields 3 and 6 */
	VM_P_SHARED, VM_P_DATA_STACK,
	/* smaps_rollup, or the sum of smaps */
	VM_P_PSS, VM_P_PSS_DIRTY, VM_P_PSS_ANON, VM_P_PSS_FILE, VM_P_PSS_SHMEM, VM_P_USS,
	VM_P_SHARED_CLEAN, VM_P_SHARED_DIRTY, VM_P_PRIVATE_CLEAN, VM_P_PRIVATE_DIRTY,
	VM_P_REFERENCED, VM_P_ANONYMOUS, VM_P_KSM, VM_P_LAZYFREE, VM_P_THP, VM_P_SHMEM_THP,
	VM_P_FILE_THP, VM_P_SHARED_HUGETLB, VM_P_PRIVATE_HUGETLB, VM_P_SWAP_PSS, VM_P_LOCKED_PSS,
	/* maps, or the mm_struct */
	VM_P_MAP_COUNT, VM_P_BRK,
	/* limits: soft and hard; UINT64_MAX is unlimited */
	VM_P_MEMLOCK_SOFT, VM_P_MEMLOCK_HARD, VM_P_STACK_SOFT, VM_P_DATA_SOFT, VM_P_AS_SOFT,
	/* the soft RLIMIT_MEMLOCK in whole pages, which is what mlock(2) compares */
	VM_P_MEMLOCK_PAGES,
	/* status: CapEff, a bit each.  ns/user, uid_map: 1: the first user namespace, 0: another */
	VM_P_CAPS, VM_P_FIRST_USER_NS,
	/* auxv: AT_PAGESZ AT_PHDR AT_BASE AT_ENTRY AT_SYSINFO_EHDR */
	VM_P_PAGE_BYTES, VM_P_PHDR, VM_P_BASE, VM_P_ENTRY, VM_P_VDSO,
	/* eBPF, see core/source/faulttime.h: ns in page faults since they are timed */
	VM_P_FAULT_NS,
	/* mm_struct: mm_users, mm_count, def_flags */
	VM_P_MM_USERS, VM_P_MM_COUNT, VM_P_DEF_FLAGS,
	/* eBPF, of the user and all of its processes: user_struct.locked_vm; ucounts.rlimit[RLIMIT_MEMLOCK] */
	VM_P_USER_CHARGED, VM_P_USER_SHM_LOCKED,
	/* smaps of the mappings with VM_LOCKED, by core/analysis/locked.h: how many; resident; not resident; with
	   VM_LOCKONFAULT */
	VM_P_LOCKED_MAPS, VM_P_LOCKED_RSS, VM_P_LOCKED_ABSENT, VM_P_LOCKED_ONFAULT,
	/* status THP_enabled: 0: prctl(PR_SET_THP_DISABLE) holds */
	VM_P_THP_ENABLED,
	VM_P_NR,
};

/** PF_KTHREAD in include/linux/sched.h: the process is part of the kernel and has no user memory. */
#define VM_PF_KTHREAD 0x00200000u
/** PF_FORKNOEXEC: it was forked, and has not executed a program of its own since. */
#define VM_PF_FORKNOEXEC 0x00000040u

/** TASK_COMM_LEN is 16, but the kernel shows up to 64 bytes for its workers (fs/proc/array.c). */
enum { VM_COMM_MAX = 64 };

struct vm_arena;
struct vm_numa_sum;

struct vm_proc {
	pid_t pid;
	pid_t ppid;
	/** Ticks since boot at which it started: pid and start identify a process, pid alone doesn't. */
	uint64_t start;
	char state;                /* 'R', 'S', ...; 0: not known */
	bool kthread;
	bool forked;               /* and runs what its parent ran: PF_FORKNOEXEC */
	bool has_uid;
	uid_t uid;                 /* real user */
	const char *user;          /* its name, or number where it has none; NULL: not read */
	char comm[VM_COMM_MAX + 1];
	/** The CPU that its first thread ran on last; -1: not known. */
	int cpu;
	/** Where its pages are and its threads run, by memory node; NULL: not read.  In the reader's arena. */
	struct vm_numa_sum *numa;
	/** Arguments separated by blanks; NULL: not read; "" for kernel threads and zombies.
	    Owned by the arena that the reader was given. */
	const char *cmdline;
	const char *cgroup;        /* path in the hierarchy of the memory controller, else of v2; NULL: not read */
	/** stat said 1 in place of addresses: they are for those who may ptrace. */
	bool addresses_withheld;
	/** Bit set: q[] was measured.  An unset bit isn't a zero. */
	uint64_t have[2];
	uint64_t q[VM_P_NR];
	/** Rates per second since the sample before, and shares of that time, which several threads bring beyond 1; filled
	    by vm_proc_rates(); NAN: not known. */
	double minflt_rate, majflt_rate, rss_rate, cpu_share, fault_share;
	/** User and system CPU time in ns, since the process started. */
	uint64_t cpu_ns;
	/** The same of children that it waited for, and theirs; stat alone tells it, else 0. */
	uint64_t children_cpu_ns;
	/** CLOCK_MONOTONIC at which the dear figures were read, sums of smaps and pages by node; 0: never. */
	uint64_t rollup_ns;
	/** Total memory of the machine in bytes, and sysctl vm.max_map_count, for shares; 0: not known. */
	uint64_t mem_total, max_map_count;
	/** The machine's TLB, for shares. */
	struct vm_tlb_capacity tlb;
	/** CLOCK_MONOTONIC at which the row was read. */
	uint64_t taken_ns;
	/** VM_NEED bits that were wanted and could not be read, and the errno of each. */
	uint32_t unmet;
	int16_t why[VM_NEED_NR];
};

static inline bool vm_proc_has(const struct vm_proc *p, enum vm_pqty q)
{
	return p->have[q / 64] >> (q % 64) & 1;
}

static inline void vm_proc_set(struct vm_proc *p, enum vm_pqty q, uint64_t v)
{
	p->have[q / 64] |= UINT64_C(1) << (q % 64);
	p->q[q] = v;
}

/** Resident bytes as smaps counts them, page by page: what stat tells is a sum of counters of each CPU, and late.  False: smaps
    wasn't read. */
bool vm_proc_smaps_rss(const struct vm_proc *p, uint64_t *bytes);

/** An empty row: nothing known. */
void vm_proc_init(struct vm_proc *p, pid_t pid);

/**
 * Rates from `prev` to `cur`, rows of the same process (pid and start).  Rates stay NAN where a
 * counter is missing or no time passed; counters that went backwards (never in a live kernel) too.
 */
void vm_proc_rates(struct vm_proc *cur, const struct vm_proc *prev);

/** Take over what smaps_rollup had told of `prev` (same process), with its age. */
void vm_proc_keep_rollup(struct vm_proc *cur, const struct vm_proc *prev);

/** The same of pages by node and CPUs of threads, which are copied into `texts`. */
void vm_proc_keep_numa(struct vm_proc *cur, const struct vm_proc *prev, struct vm_arena *texts);

/** First and last of the quantities that come from smaps_rollup. */
enum { VM_P_ROLLUP_FIRST = VM_P_PSS, VM_P_ROLLUP_LAST = VM_P_LOCKED_PSS };

#endif
