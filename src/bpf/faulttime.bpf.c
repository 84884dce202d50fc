/**
 * How long page faults take, added up for each process.
 *
 * A fault begins at a tracepoint and ends with the software event that perf counts as soon as it is served
 * (mm_account_fault() in mm/memory.c): retries and waiting for a disk or a lock are within.  One that can't be served,
 * which ends in a signal, and what get_user_pages() does without a fault, emit no event.
 */
#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "faulttime.h"

/** The fault that a thread is in; serving one from user mode may run into another one in kernel mode. */
enum { FROM_USER, FROM_KERNEL, MODES };

struct pending {
	__u64 since[MODES];
	__u64 address[MODES];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pending);
} threads SEC(".maps");

/* Allocated beforehand: nothing is while a fault is served. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct vm_fault_time);
} processes SEC(".maps");

struct vm_fault_time_state state;

static __always_inline int begin(__u64 address, int mode)
{
	struct pending *p = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!p)
		return 0;
	p->address[mode] = address;
	p->since[mode] = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/page_fault_user")
int user_fault(__u64 *ctx)
{
	return begin(ctx[0], FROM_USER);
}

SEC("tp_btf/page_fault_kernel")
int kernel_fault(__u64 *ctx)
{
	return begin(ctx[0], FROM_KERNEL);
}

/** How long the fault at this address took; 0: its beginning wasn't seen. */
static __always_inline __u64 elapsed(__u64 address)
{
	struct pending *p = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, 0);
	if (!p)
		return 0;
	const int mode = p->since[FROM_KERNEL] && p->address[FROM_KERNEL] == address ? FROM_KERNEL : FROM_USER;
	const __u64 since = p->since[mode];
	if (!since || p->address[mode] != address)
		return 0;
	p->since[mode] = 0;
	return bpf_ktime_get_ns() - since;
}

static __always_inline struct vm_fault_time *of_process(void)
{
	static const struct vm_fault_time nothing;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct vm_fault_time *t = bpf_map_lookup_elem(&processes, &tgid);
	if (t)
		return t;
	/* Another thread may be as far as this one. */
	bpf_map_update_elem(&processes, &tgid, &nothing, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&processes, &tgid);
	if (!t)
		state.full = 1;
	return t;
}

SEC("perf_event")
int minor_done(struct bpf_perf_event_data *ctx)
{
	const __u64 ns = elapsed(ctx->addr);
	struct vm_fault_time *t = of_process();
	if (t) {
		__sync_fetch_and_add(&t->ns, ns);
		__sync_fetch_and_add(&t->minor, 1);
	}
	return 0;
}

SEC("perf_event")
int major_done(struct bpf_perf_event_data *ctx)
{
	const __u64 ns = elapsed(ctx->addr);
	struct vm_fault_time *t = of_process();
	if (t) {
		__sync_fetch_and_add(&t->ns, ns);
		__sync_fetch_and_add(&t->major, 1);
	}
	return 0;
}

SEC("tp_btf/sched_process_exit")
int ended(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u32 tgid = (__u32)task->tgid;
	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
