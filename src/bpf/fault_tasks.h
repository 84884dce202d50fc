/** The processes and threads whose faults are counted: found in a nanosecond, since every fault asks for one. */
#ifndef VM_BPF_FAULT_TASKS_H
#define VM_BPF_FAULT_TASKS_H

#include "fault_maps.h"

/** A number for a new address space: this CPU's, so that no two CPUs give the same one. */
static __always_inline __u32 new_space(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&spaces, &zero);
	if (!n)
		return 0;
	return (__u32)(++*n << VM_FT_SPACE_SHIFT) | (bpf_get_smp_processor_id() + 1);
}

#define TASK(task, member) FIELD((__u64)(task), struct task_struct, member)
#define MM(mm, member) FIELD(mm, struct mm_struct, member)

static __always_inline void read_own(struct task_struct *task, __u64 *minor, __u64 *major)
{
	*minor = TASK(task, min_flt);
	*major = TASK(task, maj_flt);
}

/* include/linux/mm_types.h and include/linux/sched/coredump.h. */
enum { MMF_DUMPABLE = 3, SUID_DUMP_USER = 1 };

/** The lowest of mm->flags; the word is the first one of a bitmap on new kernels. */
static __always_inline __u64 flags_of(__u64 mm)
{
	if (bpf_core_field_exists(((struct mm_struct___bits *)0)->flags))
		return BPF_CORE_READ((struct mm_struct___bits *)mm, flags.__mm_flags[0]);
	if (bpf_core_field_exists(((struct mm_struct___word *)0)->flags))
		return BPF_CORE_READ((struct mm_struct___word *)mm, flags);
	return SUID_DUMP_USER;
}

static __always_inline void set_base(struct vm_ft_task *t, struct task_struct *task)
{
	read_own(task, &t->base_minor, &t->base_major);
	t->last_minor = t->base_minor;
	t->last_major = t->base_major;
	t->base_cpu = BPF_CORE_READ(task, se.sum_exec_runtime);
	t->flags |= VM_FT_BASED;
}

static __always_inline void tell_space(__u32 space, __u32 from, struct task_struct *task, __u32 parent, bool exec)
{
	struct vm_ft_ev_space e = { .type = VM_FT_EV_SPACE, .exec = exec, .space = space, .from = from, .parent = parent };
	e.tgid = (__u32)BPF_CORE_READ(task, tgid);
	BPF_CORE_READ_STR_INTO(&e.comm, task, comm);
	note(&e, sizeof(e));
}

/** The target that this process is, or becomes now. */
static __always_inline struct vm_ft_target *target_of(__u32 tgid, __u32 from, struct task_struct *task, __u32 parent)
{
	struct vm_ft_target *known = bpf_map_lookup_elem(&targets, &tgid);
	if (known)
		return known;
	struct vm_ft_target t = { .space = new_space() };
	if (bpf_map_update_elem(&targets, &tgid, &t, BPF_NOEXIST) == 0)
		tell_space(t.space, from, task, parent, false);
	return bpf_map_lookup_elem(&targets, &tgid);
}

/** The thread, if it is counted. */
static __always_inline struct vm_ft_task *task_by(__u32 tid)
{
	__u32 at = tid % VM_FT_SLOTS;
	struct vm_ft_task *t = bpf_map_lookup_elem(&slots, &at);
	if (t && t->tid == tid)
		return t;
	return control.crowded ? bpf_map_lookup_elem(&crowd, &tid) : 0;
}

static __always_inline struct vm_ft_task *add_task(__u32 tid, __u32 tgid, __u32 space, struct task_struct *task)
{
	__u32 zero = 0, at = tid % VM_FT_SLOTS;
	struct vm_ft_task *blank_ = bpf_map_lookup_elem(&blank, &zero), *t = bpf_map_lookup_elem(&slots, &at);
	if (!blank_ || !t)
		return 0;
	/* Who is first has the slot; both agree, whatever CPUs they are on. */
	if (bpf_map_update_elem(&owners, &at, &tid, BPF_NOEXIST) == 0) {
		__builtin_memcpy(t, blank_, sizeof(*t));
	} else {
		__u32 *owner = bpf_map_lookup_elem(&owners, &at);
		if (owner && *owner == tid)
			return t;
		control.crowded = 1;
		const bool is_new = bpf_map_update_elem(&crowd, &tid, blank_, BPF_NOEXIST) == 0;
		t = bpf_map_lookup_elem(&crowd, &tid);
		if (!t)
			LOST(threads);
		if (!t || !is_new)
			return t;
	}
	t->tgid = tgid;
	t->space = space;
	set_base(t, task);
	t->tid = tid;
	return t;
}

static __always_inline void remove_task(struct vm_ft_task *t)
{
	__u32 tid = t->tid, at = tid % VM_FT_SLOTS, *owner = bpf_map_lookup_elem(&owners, &at);
	if (owner && *owner == tid) {
		t->tid = 0;
		bpf_map_delete_elem(&owners, &at);
	} else {
		bpf_map_delete_elem(&crowd, &tid);
	}
}

/** Before Linux 6.1 by the cgroup itself: the helper isn't for programs like these on all such kernels. */
static __always_inline bool in_cgroup(struct task_struct *task)
{
	if (!bpf_core_field_exists(((struct cgroup___ids *)0)->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id((int)control.cgroup_level) == control.cgroup_id;
	struct cgroup___ids *own = (void *)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	const __u64 ids = (__u64)own + bpf_core_field_offset(struct cgroup___ids, ancestor_ids);
	const __u32 level = control.cgroup_level;
	return level <= (__u32)BPF_CORE_READ(own, level) && load(ids + 8ULL * level) == control.cgroup_id;
}

/** A thread's first fault where all threads, or those of a cgroup, are counted. */
static __always_inline struct vm_ft_task *admit(__u64 id)
{
	const __u32 tgid = id >> 32;
	struct task_struct *task = (void *)bpf_get_current_task();
	if (tgid == control.own_tgid || (control.whom == VM_FT_CGROUP && !in_cgroup(task)))
		return 0;
	struct vm_ft_target *target = target_of(tgid, 0, task, (__u32)BPF_CORE_READ(task, real_parent, tgid));
	return target ? add_task((__u32)id, tgid, target->space, task) : 0;
}

#endif
