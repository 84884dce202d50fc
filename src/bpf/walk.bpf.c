/**
 * Copies page tables of one process, whole, from the top down; see core/source/walker.h.
 *
 * One table is scanned at a time, the lowest that isn't a PTE table.  A step looks at up to SKIP of its entries and
 * goes down into the first that names a table, which is copied into the next slot; at the table's end it goes up.
 * The loops are bounded and call global functions, each of which is verified once: this loads in little time and on
 * kernels from 5.10 on, which have neither bpf_loop() nor open-coded iterators.
 *
 * Nothing is locked.  Page tables are freed after an RCU grace period, and an iterator's program runs inside an RCU
 * read section; the entry that names a table is read again after the table was copied, and the copy counts only if
 * it still says the same.  If the task has the same mm at the end, that was alive all along.
 */
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "walk.h"
#include "verified.h"

enum { SKIP = 32, ROUNDS = 64, STEPS = 64 };

struct table {
	__u64 e[VM_WALK_ENTRIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VM_WALK_TABLES);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VM_WALK_TABLES);
	__type(key, __u32);
	__type(value, struct vm_walk_meta);
} metas SEC(".maps");

struct vm_walk_control control;


/** Copy the table at `pa` into the next slot.  0; 1: it can't be read; 2: no slot is free. */
GLOBAL int copy_table(__u64 pa, __u64 start, __u32 level)
{
	__u32 n = control.n;
	struct table *t = bpf_map_lookup_elem(&tables, &n);
	struct vm_walk_meta *m = bpf_map_lookup_elem(&metas, &n);
	if (!t || !m)
		return 2;
	if (pa >= control.g.max_pa || bpf_probe_read_kernel(t, sizeof(*t), (void *)(control.g.base + pa))) {
		control.errors++;
		return 1;
	}
	m->start = start;
	m->pa = pa;
	m->level = level;
	return 0;
}

/** Read one entry as it is now.  0, or 1: it can't be read. */
GLOBAL int entry_changed(__u64 table_pa, __u32 index, __u64 was)
{
	__u64 now = 0;
	if (bpf_probe_read_kernel(&now, sizeof(now), (void *)(control.g.base + table_pa + index * 8ULL)))
		return 1;
	return ((now ^ was) & ~control.g.volatile_mask) != 0;
}

/** The table that `level` is scanned in was copied into this slot. */
static __always_inline void enter(__u32 level)
{
	control.level = level;
	control.slot[level & 7] = control.n;
	control.n++;
}

/** One step; 0: go on, 1: this run ends. */
GLOBAL int step(__u32 unused)
{
	(void)unused;
	__u32 level = control.level & 7, slot = control.slot[level];
	struct table *t = bpf_map_lookup_elem(&tables, &slot);
	struct vm_walk_meta *m = bpf_map_lookup_elem(&metas, &slot);
	__u64 cur = control.cur;
	if (!t || !m || level == 0 || level >= VM_WALK_LEVELS)
		return 1;
	__u32 shift = 12 + 9 * level;
	__u64 bytes = 1ULL << shift;
	if ((cur ^ m->start) >> shift >> 9) {
		/* Several tables ended at once: this one too. */
		if (level + 1 >= control.g.levels) {
			control.done = 1;
			return 1;
		}
		control.level = level + 1;
		return 0;
	}
	__u64 from = cur >> shift & 511, i = from, e = 0;
	int hit = 0;
	for (int k = 0; k < SKIP; k++) {
		__u64 at = i;
		INDEX(at, VM_WALK_ENTRIES);
		e = t->e[at];
		if ((e & control.g.table_mask) == control.g.table_value) {
			hit = 1;
			break;
		}
		i++;
		if (i == VM_WALK_ENTRIES)
			break;
	}
	if (i != from) {
		cur = (cur & ~(bytes - 1)) + (i - from) * bytes;
		control.cur = cur;
	}
	if (cur >= control.end) {
		control.done = 1;
		return 1;
	}
	if (i == VM_WALK_ENTRIES) {
		/* `cur` is at the beginning of the next table now: up to the entry that names it. */
		if (level + 1 >= control.g.levels) {
			control.done = 1;
			return 1;
		}
		control.level = level + 1;
		return 0;
	}
	if (!hit)
		return 0;
	int r = copy_table(e & control.g.frame_mask, cur & ~(bytes - 1), level - 1);
	if (r == 2)
		return 1;
	if (entry_changed(m->pa, (__u32)i, e)) {
		/* Look again: the copy of the entry takes the new value. */
		__u64 now = 0;
		bpf_probe_read_kernel(&now, sizeof(now), (void *)(control.g.base + m->pa + (i & 511) * 8ULL));
		__u64 at = i;
		INDEX(at, VM_WALK_ENTRIES);
		t->e[at] = now;
		control.retried++;
		return 0;
	}
	if (r == 0 && level > 1) {
		enter(level - 1);
		return 0;
	}
	if (r == 0)
		control.n++;
	cur = (cur & ~(bytes - 1)) + bytes;
	control.cur = cur;
	if (cur >= control.end) {
		control.done = 1;
		return 1;
	}
	if ((cur >> shift & 511) == 0) {
		if (level + 1 >= control.g.levels) {
			control.done = 1;
			return 1;
		}
		control.level = level + 1;
	}
	return 0;
}

GLOBAL int steps(__u32 unused)
{
	for (int i = 0; i < STEPS; i++)
		if (step(unused))
			return 1;
	return 0;
}

SEC("iter/task")
int walk(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (!task || control.served || (control.tgid && task->tgid != control.tgid))
		return 0;
	__u64 mm = (__u64)BPF_CORE_READ(task, mm);
	if (!mm)
		return 0;
	control.served = 1;
	if (control.mm && control.mm != mm) {
		control.gone = 1;
		return 0;
	}
	control.mm = mm;
	__u64 pgd = (__u64)BPF_CORE_READ(task, mm, pgd);
	__u32 top = control.g.levels - 1;
	if (copy_table(pgd - control.g.base, 0, top))
		return 0;
	enter(top);
	for (int i = 0; i < ROUNDS; i++)
		if (steps(0))
			break;
	if ((__u64)BPF_CORE_READ(task, mm) != mm)
		control.gone = 1;
	return 0;
}

/** Does `base` lead from `pgd` to the page that holds the cookie?  1: yes. */
GLOBAL int try_base(__u64 base)
{
	__u64 pa = control.pgd - base, e = 0;
	unsigned char found[VM_WALK_COOKIE];
	for (int k = VM_WALK_LEVELS - 1; k >= 0; k--) {
		if (k >= (int)control.g.levels)
			continue;
		__u64 index = control.probe >> (12 + 9 * k) & 511;
		if (pa >= control.g.max_pa || bpf_probe_read_kernel(&e, sizeof(e), (void *)(base + pa + index * 8)))
			return 0;
		if (k > 0 && (e & control.g.table_mask) != control.g.table_value)
			return 0;
		pa = e & control.g.frame_mask;
	}
	pa += control.probe & 4095;
	if (pa >= control.g.max_pa || bpf_probe_read_kernel(found, sizeof(found), (void *)(base + pa)))
		return 0;
	for (int i = 0; i < VM_WALK_COOKIE; i++)
		if (found[i] != control.cookie[i])
			return 0;
	control.g.base = base;
	return 1;
}

GLOBAL int try_bases(__u64 first)
{
	for (int i = 0; i < STEPS; i++) {
		control.tries++;
		if (try_base(first - ((__u64)i << 30)))
			return 1;
	}
	return 0;
}

/**
 * The direct map begins at a multiple of 1 GiB below our top-level table, which is in it: go down from there.
 * control.cur: the first candidate; where the next run goes on.
 */
SEC("iter/task")
int calibrate(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	if (!task || control.served || (control.tgid && task->tgid != control.tgid))
		return 0;
	__u64 pgd = (__u64)BPF_CORE_READ(task, mm, pgd);
	if (!pgd)
		return 0;
	control.served = 1;
	control.pgd = pgd;
	/* The first run only tells where the table is. */
	for (int i = 0; control.cur && i < STEPS; i++) {
		if (try_bases(control.cur)) {
			control.done = 1;
			break;
		}
		control.cur -= (__u64)STEPS << 30;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
