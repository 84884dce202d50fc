/**
 * Page faults of chosen threads: what each was, how long it took, where it came from; see core/source/faults.h.
 *
 * A fault begins at the tracepoint page_fault_user or page_fault_kernel and ends at the software event
 * PERF_COUNT_SW_PAGE_FAULTS_MIN or _MAJ, which the kernel counts when it is done (mm_account_fault() in mm/memory.c), or
 * in a signal.  None of that needs a kprobe.  Faults of get_user_pages() raise no event and are told from the kernel's own
 * counters.  Counts are kept per CPU or per thread: interrupts are off at both ends, so nothing is counted twice or lost.
 */
#include "fault_where.h"

/* ---- Processes and threads come and go ---------------------------------------------------------------------------- */

/*
 * Where another task may take the CPU from a tracepoint's program (Linux 7.2), the kernel leaves that one program out for
 * the other task (__bpf_trace_run() in kernel/trace/bpf_trace.c).  So there are two of each, and what the first one has
 * done the second one finds done.
 */
#define TWICE(name, event, body) \
	SEC("tp_btf/" event) \
	int name(__u64 *ctx) \
	{ \
		return body(ctx); \
	} \
	SEC("tp_btf/" event) \
	int name##_again(__u64 *ctx) \
	{ \
		return body(ctx); \
	}

static __always_inline int on_fork(__u64 *ctx)
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

TWICE(forked, "sched_process_fork", on_fork)

static __always_inline int on_exec(__u64 *ctx)
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
	const __u64 mm = TASK(task, mm);
	if (!t || t->exec_mm == mm)
		return 0;
	t->exec_mm = mm;
	if (t->flags & VM_FT_WAITS) {
		t->flags &= ~VM_FT_WAITS;
		set_base(t, task);
	}
	/* perf_event_exit_task() in begin_new_exec(): what it was told by is gone. */
	if ((flags_of((__u64)BPF_CORE_READ(task, mm)) & MMF_DUMPABLE) != SUID_DUMP_USER)
		control.unheard = 1;
	target->space = t->space = new_space();
	t->open[0].at = t->open[1].at = 0;
	t->vma.known = 0;
	tell_space(t->space, 0, task, (__u32)BPF_CORE_READ(task, real_parent, tgid), true);
	return 0;
}

TWICE(executed, "sched_process_exec", on_exec)

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

/** It ended, but nobody told: before those of the CPUs do after control.unheard. */
static __always_inline bool has_ended(struct vm_ft_task *t, struct task_struct *task)
{
	__u64 minor, major;
	if (!control.unheard)
		return false;
	read_own(task, &minor, &major);
	if (minor == t->last_minor && major == t->last_major)
		return false;
	const bool was_major = major != t->last_major;
	t->last_minor = minor;
	t->last_major = major;
	if (was_major)
		t->major++;
	else
		t->minor++;
	LOST(unmatched);
	count_kind(VM_FAULT_UNKNOWN, 0, was_major, 4096, 0, false);
	return true;
}

/** It was given up: a signal came first, or the kernel may not wait here and does without. */
static __always_inline void give_up(struct vm_ft_task *t, struct vm_ft_open *o, struct task_struct *task)
{
	o->at = 0;
	if (has_ended(t, task))
		return;
	t->unresolved++;
	count_kind(VM_FAULT_UNRESOLVED, o->kernel, false, 0, 0, false);
}

static __always_inline void settle(struct vm_ft_task *t);

static __always_inline int on_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id, tgid = id >> 32;
	struct vm_ft_task *t = task_by(tid);
	const bool last = BPF_CORE_READ(task, signal, live.counter) == 0;
	/* Counts of those that end later are read where they are. */
	if (control.enabled != VM_FT_ON)
		return 0;
	if (t) {
		/* What it never came back from. */
		if (t->open[0].at)
			give_up(t, &t->open[0], task);
		if (t->open[1].at)
			give_up(t, &t->open[1], task);
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

TWICE(ended, "sched_process_exit", on_exit)

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
	/* The kernel's own faults don't nest: what it met before was given up. */
	if (o->at && kernel && !o->kernel)
		o = &t->open[1];
	if (o->at)
		give_up(t, o, task);
	/* Nothing of the kernel's is left to come back to where a program runs. */
	if (!kernel && t->open[1].at)
		give_up(t, &t->open[1], task);
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
	const __u64 huge = 1ULL << 21, start = addr & ~(huge - 1);
	if (control.thp == VM_FT_THP_NEVER || (t->vma.flags & VM_VMA_NOHUGEPAGE) || start < t->vma.start ||
	    start + huge > t->vma.end || (control.thp == VM_FT_THP_MADVISE && !(t->vma.flags & VM_VMA_HUGEPAGE)))
		return false;
	/* MMF_DISABLE_THP, prctl(PR_SET_THP_DISABLE). */
	return !(flags_of(t->mm) >> 24 & 1);
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

/** A thread that on_fork() was left out for, both times (see TWICE): that it inherited an event tells that it is counted. */
static __always_inline struct vm_ft_task *missed(struct task_struct *task)
{
	if (control.enabled != VM_FT_ON || control.whom != VM_FT_CHOSEN || control.unheard)
		return 0;
	__u32 tgid = (__u32)BPF_CORE_READ(task, tgid), ptgid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
	struct vm_ft_target *target = bpf_map_lookup_elem(&targets, &tgid);
	if (!target && control.children) {
		struct vm_ft_target *from = bpf_map_lookup_elem(&targets, &ptgid);
		target = from ? target_of(tgid, from->space, task, ptgid) : 0;
	}
	struct vm_ft_task *t = target ? add_task((__u32)BPF_CORE_READ(task, pid), tgid, target->space, task) : 0;
	/* This is its first fault, and is counted: the kernel begins at 0 for each thread. */
	if (t && t->base_minor + t->base_major == 1)
		t->base_minor = t->base_major = t->last_minor = t->last_major = 0;
	return t;
}

static __always_inline int end(struct bpf_perf_event_data *ctx, bool major)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	if (!control.enabled)
		return 0;
	struct vm_ft_task *t = task_by(tid_of((__u64)task));
	if (!t)
		t = missed(task);
	if (!t || (t->flags & VM_FT_WAITS))
		return 0;
	const __u64 now = bpf_ktime_get_ns(), addr = ctx->addr;
	__u64 own_minor, own_major;
	read_own(task, &own_minor, &own_major);
	/* Told by an event of the thread and by one of the CPU. */
	if (own_minor == t->last_minor && own_major == t->last_major)
		return 0;
	if (control.enabled == VM_FT_DRAINING) {
		t->late += own_minor + own_major != t->late_at;
		t->late_at = own_minor + own_major;
		return 0;
	}
	if (!(t->flags & VM_FT_BASED)) {
		set_base(t, task);
		return 0;
	}
	t->last_minor = own_minor;
	t->last_major = own_major;
	struct vm_ft_open *o = &t->open[0];
	if (!o->at || o->address != addr)
		o = &t->open[1];
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
		.shared_retries = control.shared_retries,
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
