/**
 * Page faults of chosen threads: what each was, how long it took, where it came from; see core/source/faults.h.
 *
 * A fault begins at the tracepoint page_fault_user or page_fault_kernel and ends at the software event
 * PERF_COUNT_SW_PAGE_FAULTS_MIN or _MAJ, which the kernel counts when it is done (mm_account_fault() in mm/memory.c), or
 * in a signal.  None of that needs a kprobe.  Faults of get_user_pages() raise no event and are told from the kernel's own
 * counters.  Counts are kept per CPU or per thread: interrupts are off at both ends, so nothing is counted twice or lost.
 */
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "fault.h"
#include "fault_kind.h"
#include "load.h"
#include "vma.h"
#include "verified.h"

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

/* ---- Processes and threads --------------------------------------------------------------------------------------- */

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
		if (bpf_map_update_elem(&crowd, &tid, blank_, BPF_NOEXIST)) {
			LOST(threads);
			return 0;
		}
		t = bpf_map_lookup_elem(&crowd, &tid);
		if (!t)
			return 0;
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

SEC("tp_btf/sched_process_fork")
int forked(__u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0];
	struct task_struct *child = (void *)ctx[1];
	if (control.enabled != VM_FT_ON)
		return 0;
	__u32 ptgid = (__u32)BPF_CORE_READ(parent, tgid);
	__u32 tid = (__u32)BPF_CORE_READ(child, pid), tgid = (__u32)BPF_CORE_READ(child, tgid);
	struct vm_ft_target *from = bpf_map_lookup_elem(&targets, &ptgid);
	if (!from || (tgid != ptgid && control.whom == VM_FT_CHOSEN && !control.children))
		return 0;
	__u32 space = from->space;
	if (tgid != ptgid) {
		struct vm_ft_target *target = target_of(tgid, space, child, ptgid);
		if (!target)
			return 0;
		space = target->space;
	}
	add_task(tid, tgid, space, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int executed(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const int old_pid = (int)ctx[1];
	const __u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id, tgid = id >> 32, old = (__u32)old_pid;
	struct vm_ft_target *target = bpf_map_lookup_elem(&targets, &tgid);
	if (control.enabled != VM_FT_ON || !target)
		return 0;
	struct vm_ft_task *t = task_by(tid);
	if (old != tid) {
		/* Another thread than the first one did it, and has its number now. */
		struct vm_ft_task *gone = task_by(old);
		if (gone)
			remove_task(gone);
	}
	if (!t)
		t = add_task(tid, tgid, target->space, task);
	if (!t)
		return 0;
	if (t->flags & VM_FT_WAITS) {
		t->flags &= ~VM_FT_WAITS;
		set_base(t, task);
	}
	target->space = t->space = new_space();
	t->open[0].at = t->open[1].at = 0;
	t->vma.known = 0;
	tell_space(t->space, 0, task, (__u32)BPF_CORE_READ(task, real_parent, tgid), true);
	return 0;
}

/** It was given up: a signal came first, or the kernel may not wait here and does without. */
static __always_inline void give_up(struct vm_ft_task *t, struct vm_ft_open *o)
{
	__u32 kind = VM_FAULT_UNRESOLVED;
	struct vm_ft_count *c = bpf_map_lookup_elem(&kinds, &kind);
	o->at = 0;
	t->unresolved++;
	if (c) {
		c->count++;
		c->kernel += o->kernel;
	}
}

static __always_inline void settle(struct vm_ft_task *t);

SEC("tp_btf/sched_process_exit")
int ended(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id, tgid = id >> 32;
	struct vm_ft_task *t = task_by(tid);
	const bool last = BPF_CORE_READ(task, signal, live.counter) == 0;
	if (control.enabled == VM_FT_OFF)
		return 0;
	if (t) {
		/* What it never came back from. */
		if (t->open[0].at)
			give_up(t, &t->open[0]);
		if (t->open[1].at)
			give_up(t, &t->open[1]);
		struct vm_ft_ev_thread_end e = {
			.type = VM_FT_EV_THREAD_END, .last = last, .tid = tid, .tgid = tgid, .space = t->space,
			.minor = t->minor, .major = t->major, .invalid = t->invalid, .ns = t->ns,
			.unresolved = t->unresolved, .own_known = !!(t->flags & VM_FT_BASED),
		};
		read_own(task, &e.own_minor, &e.own_major);
		e.own_minor -= t->base_minor;
		e.own_major -= t->base_major;
		e.cpu_ns = BPF_CORE_READ(task, se.sum_exec_runtime) - t->base_cpu;
		BPF_CORE_READ_STR_INTO(&e.comm, task, comm);
		settle(t);
		if (!(t->flags & VM_FT_WAITS))
			note(&e, sizeof(e));
		remove_task(t);
	}
	if (last && bpf_map_delete_elem(&targets, &tgid) == 0 && !t) {
		struct vm_ft_ev_thread_end e = { .type = VM_FT_EV_PROCESS_END, .last = 1, .tid = tid, .tgid = tgid };
		note(&e, sizeof(e));
	}
	return 0;
}

/* ---- Page tables ------------------------------------------------------------------------------------------------- */

struct walked {
	__u64 entry, at;               /* and where it is, for a second look */
	__u32 level;
	bool ok;
};

static __always_inline bool is_table(__u64 e)
{
	return (e & (VM_PTE_P | VM_PTE_PSE)) == VM_PTE_P;
}

static __always_inline void walk(struct walked *w, __u64 pgd, __u64 addr)
{
	__u64 table = pgd, e = 0;
	w->ok = false;
#pragma unroll
	for (int k = 4; k >= 0; k--) {
		if (k >= (int)control.levels)
			continue;
		w->at = table + (addr >> (12 + 9 * k) & 511) * 8;
		w->entry = e = load(w->at);
		w->level = (__u32)k;
		if (k == 0 || !is_table(e))
			break;
		if ((e & VM_PTE_FRAME) >= control.max_pa)
			return;
		table = control.base + (e & VM_PTE_FRAME);
	}
	w->ok = true;
}

/** After the fault: the entry that was a page's is most likely one still. */
static __always_inline void walk_again(struct walked *w, const struct vm_ft_task *t, const struct vm_ft_open *o, __u64 addr)
{
	if (o->level == 0) {
		w->at = o->entry_at;
		w->level = 0;
		w->entry = load(w->at);
		w->ok = true;
		if (w->entry)
			return;
	}
	walk(w, t->pgd, addr);
}

/* ---- Mappings ---------------------------------------------------------------------------------------------------- */

enum { TMPFS_MAGIC = 0x01021994 };

static __always_inline __u8 backing_of(__u64 vma, struct vm_ft_vma *to)
{
	const __u64 inode = to->file ? FIELD(to->file, struct file, f_inode) : 0;
	const __u64 sb = inode ? FIELD(inode, struct inode, i_sb) : 0;
	to->ino = inode ? FIELD(inode, struct inode, i_ino) : 0;
	to->dev = sb ? FIELD32(sb, struct super_block, s_dev) : 0;
	if (to->flags & VM_VMA_HUGETLB)
		return VM_BACK_HUGETLB;
	if (to->flags & (VM_VMA_PFNMAP | VM_VMA_MIXEDMAP))
		return VM_BACK_DEVICE;
	if (!VMA(vma, vm_ops))
		return VM_BACK_ANON;
	if (!sb)
		return VM_BACK_DEVICE;
	return FIELD(sb, struct super_block, s_magic) == TMPFS_MAGIC ? VM_BACK_SHMEM : VM_BACK_FILE;
}

static __always_inline bool read_vma(struct vm_ft_vma *to, __u64 mm, __u64 addr)
{
	const __u64 v = vm_find_vma(mm, addr);
	to->known = 0;
	if (!v)
		return false;
	to->vma = v;
	to->file = VMA(v, vm_file);
	to->start = VMA(v, vm_start);
	to->end = VMA(v, vm_end);
	to->flags = VMA(v, vm_flags);
	to->pgoff = VMA(v, vm_pgoff);
	to->backing = backing_of(v, to);
	/* It was freed and became another one meanwhile. */
	to->known = to->start <= addr && addr < to->end;
	return to->known;
}

/** t->vma becomes the mapping of `addr`; false: there is none. */
static __always_inline bool look_up(struct vm_ft_task *t, __u64 addr)
{
	__u32 seq = 0;
	const bool stamped = vm_layout_stamp(t->mm, &seq);
	if (t->vma.known && t->vma.stamped && stamped && seq == t->vma.seq && t->vma.start <= addr && addr < t->vma.end)
		return true;
	if (!read_vma(&t->vma, t->mm, addr))
		return false;
	t->vma.seq = seq;
	t->vma.stamped = stamped;
	return true;
}

/* ---- Where files are --------------------------------------------------------------------------------------------- */

enum { PATH_STEPS = 48 };

struct climb {
	__u64 dentry, mount;
	__u32 at;
	__u32 done;
};

MAP(PERCPU_ARRAY, __u32, struct climb, 1, climbs);

/** Append the name of one dentry to the scratch event and go up.  1: that was the root. */
GLOBAL int climb_step(__u32 unused)
{
	__u32 zero = 0;
	(void)unused;
	struct climb *c = bpf_map_lookup_elem(&climbs, &zero);
	struct vm_ft_ev_mapping *e = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || !e)
		return 1;
	struct dentry *d = (void *)c->dentry;
	struct mount *m = (void *)c->mount;
	struct dentry *parent = BPF_CORE_READ(d, d_parent);
	if (d == BPF_CORE_READ(m, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(m, mnt_parent);
		if (above == m || !above) {
			/* What was never mounted, as memfds, is its own root. */
			if (c->at || !parent)
				return 1;
		} else {
			c->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
			c->mount = (__u64)above;
			return 0;
		}
	}
	__u64 at = c->at;
	if (at >= VM_FT_PATH - VM_FT_NAME)
		return 1;
	INDEX(at, VM_FT_PATH);
	if (at >= VM_FT_PATH - VM_FT_NAME)
		return 1;
	long n = bpf_probe_read_kernel_str(e->path + at, VM_FT_NAME, BPF_CORE_READ(d, d_name.name));
	if (n <= 0)
		return 1;
	c->at = (__u32)at + (__u32)n;
	if (parent == d || !parent)
		return 1;
	c->dentry = (__u64)parent;
	return 0;
}

static __always_inline void read_path(struct vm_ft_ev_mapping *e, struct file *file)
{
	__u32 zero = 0;
	struct climb *c = bpf_map_lookup_elem(&climbs, &zero);
	if (!c)
		return;
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry);
	c->dentry = (__u64)d;
	c->mount = (__u64)BPF_CORE_READ(file, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	c->at = 0;
	e->deleted = !BPF_CORE_READ(d, d_hash.pprev);
	for (int i = 0; i < PATH_STEPS; i++)
		if (climb_step(0))
			break;
	e->length = c->at;
}

/** Tell user space of a mapping, once. */
static __always_inline void tell_mapping(const struct vm_ft_vma *v, __u32 space, __u64 mm_)
{
	__u32 zero = 0;
	struct vm_ft_mapping_key key = { .start = v->start, .space = space };
	struct vm_ft_mapping_seen *seen = bpf_map_lookup_elem(&mappings, &key);
	if (seen && seen->end == v->end && seen->file == v->file && seen->flags == v->flags)
		return;
	struct vm_ft_mapping_seen now = { .end = v->end, .file = v->file, .flags = v->flags };
	bpf_map_update_elem(&mappings, &key, &now, BPF_ANY);
	struct vm_ft_ev_mapping *e = bpf_map_lookup_elem(&scratch, &zero);
	struct mm_struct *mm = (void *)mm_;
	if (!e)
		return;
	e->type = VM_FT_EV_MAPPING;
	e->backing = v->backing;
	e->space = space;
	e->dev = v->dev;
	e->start = v->start;
	e->end = v->end;
	e->flags = v->flags;
	e->pgoff = v->pgoff;
	e->ino = v->ino;
	/* As vma_is_initial_heap() and vma_is_initial_stack() in include/linux/mm.h. */
	const __u64 brk0 = BPF_CORE_READ(mm, start_brk), brk = BPF_CORE_READ(mm, brk), sp = BPF_CORE_READ(mm, start_stack);
	e->heap = v->backing == VM_BACK_ANON && !v->file && v->start < brk && v->end > brk0;
	e->stack = v->start <= sp && v->end >= sp;
	e->length = e->deleted = 0;
	if (v->file)
		read_path(e, (void *)v->file);
	__u64 size = sizeof(*e) - VM_FT_PATH + (e->length & (VM_FT_PATH - 1));
	if (bpf_ringbuf_output(&ring, e, size & 2047, BPF_RB_NO_WAKEUP))
		LOST(notes);
}

/* ---- A fault begins ---------------------------------------------------------------------------------------------- */

static __always_inline __u64 user_ip(void)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id___x, BPF_FUNC_task_pt_regs___x))
		return 0;
	struct pt_regs *r = user_registers(current_task());
	return r ? r->ip : 0;
}

static __always_inline int begin(__u64 addr, __u64 ip, __u64 error, bool kernel)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (control.enabled != VM_FT_ON)
		return 0;
	struct vm_ft_task *t = task_by(tid_of((__u64)task));
	if (!t && control.whom != VM_FT_CHOSEN)
		t = admit(bpf_get_current_pid_tgid());
	if (!t || (t->flags & (VM_FT_WAITS | VM_FT_BUSY)) || (kernel && addr >> 63))
		return 0;
	if (!(t->flags & VM_FT_BASED))
		set_base(t, task);
	const __u64 mm = TASK(task, mm);
	if (mm != t->mm) {
		t->mm = mm;
		t->vma.known = 0;
		t->pgd = mm ? MM(mm, pgd) : 0;
	}
	if (!mm)
		return 0;
	struct vm_ft_open *o = &t->open[0];
	if (o->at && kernel)
		o = &t->open[1];
	if (o->at)
		give_up(t, o);
	o->address = addr;
	o->error = (__u32)error;
	o->kernel = kernel;
	o->kernel_ip = kernel ? ip : 0;
	o->ip = kernel ? user_ip() : ip;
	o->had_vma = look_up(t, addr);
	o->walked = 0;
	if (control.levels) {
		struct walked w;
		walk(&w, t->pgd, addr);
		o->walked = w.ok;
		o->old = w.entry;
		o->entry_at = w.at;
		o->level = (__u8)w.level;
	}
	o->at = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/page_fault_user")
int begin_user(__u64 *ctx)
{
	const unsigned long addr = (unsigned long)ctx[0];
	struct pt_regs *regs = (void *)ctx[1];
	const unsigned long error = (unsigned long)ctx[2];
	return begin(addr, regs->ip, error, false);
}

SEC("tp_btf/page_fault_kernel")
int begin_kernel(__u64 *ctx)
{
	const unsigned long addr = (unsigned long)ctx[0];
	struct pt_regs *regs = (void *)ctx[1];
	const unsigned long error = (unsigned long)ctx[2];
	return begin(addr, regs->ip, error, true);
}

/* ---- And ends ---------------------------------------------------------------------------------------------------- */

/** As vm_histo_bucket() in core/model/histo.c. */
static __always_inline __u32 bucket_of(__u64 v)
{
	enum { PARTS_LOG = 4, TOP = 36 };
	__u32 log = 0;
	if (v < 1 << PARTS_LOG)
		return (__u32)v;
	if (v >> TOP)
		return VM_FT_HISTO_BUCKETS - 1;
	__u64 x = v;
	if (x >> 32) { x >>= 32; log += 32; }
	if (x >> 16) { x >>= 16; log += 16; }
	if (x >> 8) { x >>= 8; log += 8; }
	if (x >> 4) { x >>= 4; log += 4; }
	if (x >> 2) { x >>= 2; log += 2; }
	log += x >> 1 & 1;
	const __u32 shift = log - PARTS_LOG;
	return (shift << PARTS_LOG) + (__u32)(v >> shift);
}

static __always_inline void count_kind(__u32 kind, bool kernel, bool major, __u64 bytes, __u64 ns, bool timed)
{
	struct vm_ft_count *c = bpf_map_lookup_elem(&kinds, &kind);
	if (!c)
		return;
	c->count++;
	c->kernel += kernel;
	c->major += major;
	c->bytes += bytes;
	if (!timed)
		return;
	c->timed++;
	c->ns += ns;
	if (ns > c->max_ns)
		c->max_ns = ns;
	struct vm_ft_histo *h = bpf_map_lookup_elem(&histos, &kind);
	__u32 b = bucket_of(ns);
	if (h && b < VM_FT_HISTO_BUCKETS)
		h->count[b]++;
}

static __always_inline void tell_code(struct vm_ft_task *t, __u64 ip)
{
	struct vm_ft_vma code = { 0 };
	if (ip && read_vma(&code, t->mm, ip))
		tell_mapping(&code, t->space, t->mm);
}

/** Put what was counted in a row into the table. */
static __always_inline void settle(struct vm_ft_task *t)
{
	struct vm_ft_run *run = &t->run;
	if (!run->sum.count)
		return;
	run->key.cpu = (__u16)bpf_get_smp_processor_id();
	struct vm_ft_group *g = bpf_map_lookup_elem(&groups, &run->key);
	if (g) {
		g->count += run->sum.count;
		g->ns += run->sum.ns;
		if (run->sum.max_ns > g->max_ns)
			g->max_ns = run->sum.max_ns;
	} else if (bpf_map_update_elem(&groups, &run->key, &run->sum, BPF_NOEXIST)) {
		LOST(groups);
	}
	run->sum.count = 0;
}

static __always_inline bool same_group(const struct vm_ft_key *a, const struct vm_ft_key *b)
{
	return a->ip == b->ip && a->mapping == b->mapping && a->space == b->space && a->stack == b->stack &&
	       a->kind == b->kind && a->kernel == b->kernel;
}

static __always_inline void count_group(struct vm_ft_task *t, const struct vm_ft_key *key, __u64 ns)
{
	struct vm_ft_run *run = &t->run;
	if (!run->sum.count || !same_group(&run->key, key)) {
		settle(t);
		run->key = *key;
		run->sum = (struct vm_ft_group){ 0 };
		/* It is told of once, when it is new. */
		if (!bpf_map_lookup_elem(&groups, key)) {
			if (t->vma.known && key->mapping == t->vma.start)
				tell_mapping(&t->vma, t->space, t->mm);
			tell_code(t, key->ip);
		}
	}
	run->sum.count++;
	run->sum.ns += ns;
	if (ns > run->sum.max_ns)
		run->sum.max_ns = ns;
}

static __always_inline void count_block(__u32 space, __u64 addr)
{
	struct vm_ft_block key = {
		.address = addr >> control.block_shift << control.block_shift, .space = space, .cpu = bpf_get_smp_processor_id(),
	};
	__u64 one = 1, *n = bpf_map_lookup_elem(&blocks, &key);
	if (n)
		++*n;
	else if (bpf_map_update_elem(&blocks, &key, &one, BPF_NOEXIST))
		LOST(groups);
}

/** A huge page could have been given: thp_vma_allowable_order() in mm/huge_memory.c, as far as it can be told. */
static __always_inline bool huge_allowed(const struct vm_ft_task *t, __u64 addr)
{
	const __u64 huge = 1ULL << 21, start = addr & ~(huge - 1), mm = t->mm;
	__u64 flags = 0;
	if (control.thp == VM_FT_THP_NEVER || (t->vma.flags & VM_VMA_NOHUGEPAGE) || start < t->vma.start ||
	    start + huge > t->vma.end || (control.thp == VM_FT_THP_MADVISE && !(t->vma.flags & VM_VMA_HUGEPAGE)))
		return false;
	/* MMF_DISABLE_THP, prctl(PR_SET_THP_DISABLE); the word is the first one of a bitmap on new kernels. */
	if (bpf_core_field_exists(((struct mm_struct___bits *)0)->flags))
		flags = BPF_CORE_READ((struct mm_struct___bits *)mm, flags.__mm_flags[0]);
	else if (bpf_core_field_exists(((struct mm_struct___word *)0)->flags))
		flags = BPF_CORE_READ((struct mm_struct___word *)mm, flags);
	return !(flags >> 24 & 1);
}

static __always_inline int stack_of(void *ctx, struct vm_ft_task *t)
{
	/* What it meets of pages that aren't there is no fault of the target's. */
	t->flags |= VM_FT_BUSY;
	int id = (int)bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	t->flags &= ~VM_FT_BUSY;
	if (id < 0)
		LOST(stacks);
	return id;
}

static __always_inline void tell_event(const struct vm_ft_task *t, const struct vm_ft_open *o, const struct vm_ft_key *key,
				       __u64 ns, bool major, __u64 after)
{
	struct vm_ft_ev_fault *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		LOST(events);
		return;
	}
	e->type = VM_FT_EV_FAULT;
	e->kind = key->kind;
	e->kernel = key->kernel;
	e->major = major;
	e->tid = (__u32)bpf_get_current_pid_tgid();
	e->tgid = t->tgid;
	e->space = t->space;
	e->error = o->error;
	e->stack = key->stack;
	e->at = o->at;
	e->ns = ns;
	e->address = o->address;
	e->ip = o->ip;
	e->kernel_ip = o->kernel_ip;
	e->mapping = key->mapping;
	e->old_entry = o->walked ? o->old : ~0ULL;
	e->new_entry = after;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/** What all ends have in common: counts by group, block and event. */
static __always_inline void record(void *ctx, struct vm_ft_task *t, const struct vm_ft_open *o, __u32 kind, __u64 ns, bool major,
				   bool have_vma, __u64 after)
{
	struct vm_ft_key key = {
		.ip = o->ip, .mapping = have_vma ? t->vma.start : ~0ULL, .space = t->space, .stack = -1, .kind = (__u8)kind,
		.kernel = o->kernel, .cpu = (__u16)bpf_get_smp_processor_id(),
	};
	if (control.stacks)
		key.stack = stack_of(ctx, t);
	count_group(t, &key, ns);
	if (control.block_shift)
		count_block(t->space, o->address);
	if (control.events)
		tell_event(t, o, &key, ns, major, after);
}

/** The mapping, if it was there before; else what was made meanwhile: a stack grew. */
static __always_inline bool mapping_after(struct vm_ft_task *t, const struct vm_ft_open *o, bool *grew)
{
	const bool same = t->vma.known && t->vma.start <= o->address && o->address < t->vma.end;
	*grew = false;
	if (o->had_vma && same)
		return true;
	if (!look_up(t, o->address))
		return false;
	*grew = !o->had_vma && (t->vma.flags & VM_VMA_GROWSDOWN);
	return true;
}

static __always_inline int end(struct bpf_perf_event_data *ctx, bool major)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct vm_ft_task *t = control.enabled ? task_by(tid_of((__u64)task)) : 0;
	if (!t || (t->flags & VM_FT_WAITS) || !(t->flags & VM_FT_BASED))
		return 0;
	const __u64 now = bpf_ktime_get_ns(), addr = ctx->addr;
	if (control.enabled == VM_FT_DRAINING) {
		t->late++;
		return 0;
	}
	struct vm_ft_open *o = &t->open[0];
	if (!o->at || o->address != addr)
		o = &t->open[1];
	read_own(task, &t->last_minor, &t->last_major);
	if (major)
		t->major++;
	else
		t->minor++;
	if (!o->at || o->address != addr) {
		LOST(unmatched);
		count_kind(VM_FAULT_UNKNOWN, 0, major, 4096, 0, false);
		return 0;
	}
	const __u64 ns = now - o->at;
	bool grew = false;
	const bool have_vma = mapping_after(t, o, &grew);
	struct walked w = { 0 };
	if (o->walked)
		walk_again(&w, t, o, addr);
	struct vm_fault_facts f = {
		.before = o->old, .after = w.entry, .before_level = o->level, .after_level = (__u8)w.level, .walked = o->walked,
		.walked_after = w.ok, .vma_flags = have_vma ? t->vma.flags : 0, .zero_pfn = control.zero_pfn, .error = o->error,
		.backing = have_vma ? t->vma.backing : VM_BACK_NONE, .major = major, .grew = grew,
		.swap_first = control.swap_first, .marker = control.marker, .migration = control.migration,
		.migration_n = control.migration_n, .device = control.device, .device_n = control.device_n,
	};
	if (have_vma && f.backing == VM_BACK_ANON && o->level > 0 && control.thp && w.ok && w.level == 0 && !o->old)
		f.huge_allowed = huge_allowed(t, addr);
	const __u32 kind = vm_fault_kind_of(&f);
	o->at = 0;
	t->ns += ns;
	count_kind(kind, o->kernel, major, 4096ULL << (9 * (w.ok && (w.entry & VM_PTE_P) ? w.level & 3 : 0)), ns, true);
	/* o->at is told as part of the event. */
	struct vm_ft_open done = *o;
	done.at = now - ns;
	record(ctx, t, &done, kind, ns, major, have_vma, w.ok ? w.entry : ~0ULL);
	return 0;
}

SEC("perf_event")
int end_minor(struct bpf_perf_event_data *ctx)
{
	return end(ctx, false);
}

SEC("perf_event")
int end_major(struct bpf_perf_event_data *ctx)
{
	return end(ctx, true);
}

/** A fault that ends in a signal to the thread itself. */
SEC("tp_btf/signal_generate")
int signalled(__u64 *ctx)
{
	const int sig = (int)ctx[0];
	struct kernel_siginfo *info = (void *)ctx[1];
	struct task_struct *to = (void *)ctx[2];
	const __u64 now = bpf_ktime_get_ns();
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	int code = 0;
	if ((sig != 11 && sig != 7) || control.enabled != VM_FT_ON)
		return 0;
	struct vm_ft_task *t = task_by(tid);
	if (!t || !t->open[0].at || (__u32)BPF_CORE_READ(to, pid) != tid)
		return 0;
	/* Signals of kill(2) have codes up to 0; of those that have none, the pointer is 0 or 1. */
	code = BPF_CORE_READ(info, si_code);
	struct vm_ft_open *o = &t->open[0];
	if (code <= 0)
		return 0;
	struct vm_ft_open done = *o;
	o->at = 0;
	const __u32 kind = vm_fault_kind_signal(sig, code, done.old, done.walked, control.marker);
	const __u64 ns = now - done.at;
	t->invalid++;
	t->ns += ns;
	count_kind(kind, done.kernel, false, 0, ns, true);
	record(ctx, t, &done, kind, ns, false, done.had_vma && t->vma.known, ~0ULL);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
