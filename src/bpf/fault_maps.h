/** Maps of fault.bpf.c, what is lost, and what is told through the ring. */
#ifndef VM_BPF_FAULT_MAPS_H
#define VM_BPF_FAULT_MAPS_H

#include "fault.h"
#include "load.h"

#define MAP(kind, keytype, valuetype, entries, name) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries); \
		__type(key, keytype); \
		__type(value, valuetype); \
	} name SEC(".maps")

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VM_FT_SLOTS);
	__type(key, __u32);
	__type(value, struct vm_ft_task);
} slots SEC(".maps");

/* User space sets the sizes of most. */
MAP(HASH, __u32, struct vm_ft_task, 1024, crowd);
MAP(HASH, __u32, __u32, VM_FT_SLOTS, owners);
MAP(HASH, __u32, struct vm_ft_target, 1024, targets);
MAP(HASH, struct vm_ft_key, struct vm_ft_group, 1024, groups);
MAP(LRU_HASH, struct vm_ft_mapping_key, struct vm_ft_mapping_seen, 1024, mappings);
MAP(HASH, struct vm_ft_block, __u64, 1, blocks);
MAP(PERCPU_ARRAY, __u32, struct vm_ft_count, VM_FAULT_KIND_NR, kinds);
MAP(PERCPU_ARRAY, __u32, struct vm_ft_histo, VM_FAULT_KIND_NR, histos);
MAP(PERCPU_ARRAY, __u32, struct vm_ft_lost, 1, losses);
MAP(PERCPU_ARRAY, __u32, __u64, 1, spaces);
MAP(PERCPU_ARRAY, __u32, struct vm_ft_ev_mapping, 1, scratch);
MAP(PERCPU_ARRAY, __u32, struct vm_ft_task, 1, blank);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, VM_FT_STACK_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct vm_ft_control control;

/* Linux 5.15; told apart by the kernel's own list of helpers. */
enum bpf_func_id___x { BPF_FUNC_task_pt_regs___x = 175, BPF_FUNC_get_current_task_btf___x = 158 };
static void *(*current_task)(void) = (void *)158;
static struct pt_regs *(*user_registers)(void *task) = (void *)175;

static __always_inline struct vm_ft_lost *lost(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&losses, &zero);
}

#define LOST(what) \
	do { \
		struct vm_ft_lost *lost_ = lost(); \
		if (lost_) \
			lost_->what++; \
	} while (0)

/** Put into the ring without waking anybody: user space looks at it every few milliseconds. */
static __always_inline void note(void *record, __u64 size)
{
	if (bpf_ringbuf_output(&ring, record, size, BPF_RB_NO_WAKEUP))
		LOST(notes);
}

static __always_inline __u32 tid_of(__u64 task)
{
	return can_cast ? FIELD32(task, struct task_struct, pid) : (__u32)bpf_get_current_pid_tgid();
}

#endif
