/** Where a fault was: the page-table entry, the mapping, the path of its file. */
#ifndef VM_BPF_FAULT_WHERE_H
#define VM_BPF_FAULT_WHERE_H

#include "fault_kind.h"
#include "fault_tasks.h"
#include "vma.h"
#include "verified.h"

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

#endif
