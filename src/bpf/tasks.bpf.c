/**
 * One pass over all tasks: what stat, status and statm tell of their processes, from the kernel's own structures.
 *
 * iter/task holds nothing but RCU.  Counters of memory are percpu_counters (Linux 6.2), whose parts are added up here,
 * as the kernel does for status.  One pass takes a fraction of a microsecond a process.
 */
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "tasks.h"
#include "verified.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct vm_tasks_control control;
struct vm_task now;
struct vm_task_thread thread;

/* Linux 5.18; libbpf 1.1 names it, its types of the map don't matter. */
static void *(*lookup_percpu)(void *map, const void *key, __u32 cpu) = (void *)195;

/* Nested, these loops load in a sixth of the time that one of all CPUs takes. */
enum { CPUS_AT_ONCE = 32 };

GLOBAL int learn_some(__u32 first, __u64 base)
{
	__u32 zero = 0;
	for (__u32 i = 0; i < CPUS_AT_ONCE; i++) {
		__u32 cpu = first + i;
		if (cpu >= control.cpus || cpu >= VM_TASK_CPUS)
			break;
		void *there = lookup_percpu(&per_cpu, &zero, cpu);
		if (!there)
			return 1;
		/* Through memory: pointers can't be subtracted, numbers can. */
		*(volatile __u64 *)&control.scratch = (__u64)there;
		__u64 at = cpu;
		INDEX(at, VM_TASK_CPUS);
		control.offset[at] = *(volatile __u64 *)&control.scratch - base;
	}
	return 0;
}

/**
 * How far each CPU's copy of a percpu variable is from the address that the kernel keeps of it: seen on a percpu map
 * of ours, since no symbol tells it.
 */
GLOBAL int learn_offsets(__u32 unused)
{
	(void)unused;
	*(volatile __u64 *)&control.scratch = (__u64)&per_cpu;
	__u64 array = *(volatile __u64 *)&control.scratch;
	__u64 base = 0;
	if (bpf_probe_read_kernel(&base, sizeof(base),
				  (void *)(array + bpf_core_field_offset(struct bpf_array, pptrs))))
		return 1;
	for (__u32 first = 0; first < VM_TASK_CPUS && first < control.cpus; first += CPUS_AT_ONCE)
		if (learn_some(first, base))
			return 1;
	control.ready = 1;
	return 0;
}

GLOBAL long long add_some(__u64 counters, __u32 first)
{
	long long sum = 0;
	for (__u32 i = 0; i < CPUS_AT_ONCE; i++) {
		__u32 cpu = first + i;
		__s32 part = 0;
		if (cpu >= control.cpus || cpu >= VM_TASK_CPUS)
			break;
		__u64 at = cpu;
		INDEX(at, VM_TASK_CPUS);
		bpf_probe_read_kernel(&part, sizeof(part), (void *)(counters + control.offset[at]));
		sum += part;
	}
	return sum;
}

/** The parts of a percpu_counter that the CPUs have not yet given to its sum. */
GLOBAL long long add_parts(__u64 counters)
{
	long long sum = 0;
	for (__u32 first = 0; first < VM_TASK_CPUS && first < control.cpus; first += CPUS_AT_ONCE)
		sum += add_some(counters, first);
	return sum;
}

static __always_inline long long not_negative(long long v)
{
	return v < 0 ? 0 : v;
}

/** percpu_counter_sum_positive(), as get_mm_counter_sum() in include/linux/mm.h. */
#define SUM_OF(mm, i) \
	not_negative(BPF_CORE_READ(mm, rss_stat[i].count) + add_parts((__u64)BPF_CORE_READ(mm, rss_stat[i].counters)))
#define COUNT_OF(mm, i) not_negative(BPF_CORE_READ((struct mm_struct___6_1 *)(mm), rss_stat.count[i].counter))

static __always_inline void take_counters(struct mm_struct *mm)
{
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		now.rss[0] = COUNT_OF(mm, 0);
		now.rss[1] = COUNT_OF(mm, 1);
		now.rss[2] = COUNT_OF(mm, 2);
		now.rss[3] = COUNT_OF(mm, 3);
	} else {
		now.rss[0] = SUM_OF(mm, 0);
		now.rss[1] = SUM_OF(mm, 1);
		now.rss[2] = SUM_OF(mm, 2);
		now.rss[3] = SUM_OF(mm, 3);
	}
}

static __always_inline void take_mm(struct mm_struct *mm)
{
	now.map_count = (__u32)mm->map_count;
	now.mm_users = mm->mm_users.counter;
	now.mm_count = mm->mm_count.counter;
	now.def_flags = mm->def_flags;
	now.total_vm = mm->total_vm;
	now.locked_vm = mm->locked_vm;
	now.pinned_vm = (__u64)mm->pinned_vm.counter;
	now.data_vm = mm->data_vm;
	now.exec_vm = mm->exec_vm;
	now.stack_vm = mm->stack_vm;
	now.hiwater_vm = mm->hiwater_vm;
	now.hiwater_rss = mm->hiwater_rss;
	now.page_tables = (__u64)mm->pgtables_bytes.counter;
	now.hugetlb = bpf_core_field_exists(mm->hugetlb_usage) ? (__u64)mm->hugetlb_usage.counter : 0;
	now.start_code = mm->start_code;
	now.end_code = mm->end_code;
	now.start_data = mm->start_data;
	now.end_data = mm->end_data;
	now.start_brk = mm->start_brk;
	now.brk = mm->brk;
	now.start_stack = mm->start_stack;
	now.arg_start = mm->arg_start;
	now.arg_end = mm->arg_end;
	now.env_start = mm->env_start;
	now.env_end = mm->env_end;
	take_counters(mm);
}

/** Rights, and charges of the user; kernels without any of those who charge one have no such counter. */
static __always_inline void take_cred(struct task_struct *task)
{
	const struct cred *cred = task->real_cred;
	now.uid = cred->uid.val;
	BPF_CORE_READ_INTO(&now.caps, cred, cap_effective);
	now.user_ns_level = (__u32)cred->user_ns->level;
	now.knows_charges = 0;
	if (bpf_core_field_exists(((struct user_struct *)0)->locked_vm)) {
		now.user_charged = cred->user->locked_vm.counter;
		if (bpf_core_field_exists(((struct user_struct *)0)->perf_mlock))
			now.user_charged += cred->user->perf_mlock.counter;
		now.knows_charges |= VM_TASK_KNOWS_USER;
	}
	/* An array of its own since Linux 6.0. */
	if (bpf_core_field_exists(((struct ucounts *)0)->rlimit)) {
		struct ucounts *counts = cred->ucounts;
		now.user_shm_locked = BPF_CORE_READ(counts, rlimit[UCOUNT_RLIMIT_MEMLOCK].counter);
		now.knows_charges |= VM_TASK_KNOWS_UCOUNTS;
	}
}

static __always_inline void take_process(struct task_struct *task, struct signal_struct *signal)
{
	now.tgid = task->tgid;
	now.tid = task->pid;
	now.threads = (__u32)signal->nr_threads;
	now.ppid = task->real_parent->tgid;
	now.min_flt = task->min_flt;
	now.maj_flt = task->maj_flt;
	now.runtime_ns = task->se.sum_exec_runtime;
	now.gone_min_flt = signal->min_flt;
	now.gone_maj_flt = signal->maj_flt;
	now.gone_runtime_ns = signal->sum_sched_runtime;
	now.child_min_flt = signal->cmin_flt;
	now.child_maj_flt = signal->cmaj_flt;
	now.start_ns = task->start_boottime;
	now.rss_limit = BPF_CORE_READ(signal, rlim[5].rlim_cur);
	now.state = (__u32)task->__state;
	now.exit_state = (__u32)task->exit_state;
	now.flags = task->flags;
	BPF_CORE_READ_STR_INTO(&now.comm, task, comm);
	struct mm_struct *mm = task->mm;
	/* A kernel thread only borrows one (kthread_use_mm()). */
	now.has_mm = mm && !(now.flags & PF_KTHREAD);
	if (now.has_mm && mm)
		take_mm(mm);
	take_cred(task);
}

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	if (!task || (control.tgid && task->tgid != control.tgid))
		return 0;
	if (!control.ready && learn_offsets(0))
		return 0;
	struct signal_struct *signal = task->signal;
	if (task->pid == task->tgid) {
		take_process(task, signal);
		bpf_seq_write(seq, &now, sizeof(now));
		return 0;
	}
	thread.tgid = task->tgid;
	thread.tid = task->pid;
	thread.threads = (__u32)signal->nr_threads;
	thread.min_flt = task->min_flt;
	thread.maj_flt = task->maj_flt;
	thread.runtime_ns = task->se.sum_exec_runtime;
	thread.gone_flt = signal->min_flt + signal->maj_flt;
	bpf_seq_write(seq, &thread, sizeof(thread));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
