/**
 * The mapping of an address, found without a lock: by the maple tree (Linux 6.1) or the red-black tree before it.
 *
 * bpf_find_vma() would take the mmap lock, and costs an interrupt to ourselves wherever interrupts are off.  Nodes and
 * mappings are freed after an RCU grace period or reused as such; what was found is looked at again.
 */
#ifndef VM_BPF_VMA_H
#define VM_BPF_VMA_H

#include "load.h"
#include "verified.h"

/* include/linux/maple_tree.h: nodes of 256 bytes, the type in bits 3 to 6 of the pointer; a parent, pivots, slots. */
enum { VM_MT_LEAF_64 = 1, VM_MT_ARANGE_64 = 3, VM_MT_RANGE_PIVOTS = 15, VM_MT_ARANGE_PIVOTS = 9, VM_MT_DEPTH = 6 };

/** Number of the slot of a node that holds `addr`; its pivots are read to the stack. */
static __always_inline unsigned vm_mt_slot(const __u64 *words, unsigned pivots, __u64 addr)
{
	unsigned at = pivots;
#pragma unroll
	for (int i = VM_MT_RANGE_PIVOTS - 1; i >= 0; i--) {
		const __u64 p = words[1 + i];
		if ((unsigned)i < pivots && ((p == 0 && i > 0) || addr <= p))
			at = (unsigned)i;
	}
	return at;
}

static __always_inline bool vm_mt_read(__u64 *words, __u64 node)
{
	if (!can_cast)
		return bpf_probe_read_kernel(words, (1 + VM_MT_RANGE_PIVOTS) * sizeof(*words), (void *)node) == 0;
#pragma unroll
	for (int i = 1; i <= VM_MT_RANGE_PIVOTS; i++)
		words[i] = load(node + 8 * i);
	return true;
}

GLOBAL __u64 vm_find_in_maple(__u64 root, __u64 addr)
{
	__u64 e = root;
	if ((e & 3) != 2)
		return 0;
	for (int depth = 0; depth < VM_MT_DEPTH; depth++) {
		__u64 words[1 + VM_MT_RANGE_PIVOTS];
		const __u64 node = e & ~255ULL;
		const unsigned type = e >> 3 & 15;
		const unsigned pivots = type == VM_MT_ARANGE_64 ? VM_MT_ARANGE_PIVOTS : VM_MT_RANGE_PIVOTS;
		if (!vm_mt_read(words, node))
			return 0;
		e = load(node + 8 + 8ULL * (pivots + vm_mt_slot(words, pivots, addr)));
		if (type <= VM_MT_LEAF_64)
			return e;
	}
	return 0;
}

#define VMA(address, member) FIELD(address, struct vm_area_struct, member)

GLOBAL __u64 vm_find_in_rb(__u64 root, __u64 addr)
{
	__u64 n = root;
	/* Before Linux 6.8 functions are verified that nobody calls. */
	if (!bpf_core_field_exists(((struct vm_area_struct *)0)->vm_rb))
		return 0;
	for (int depth = 0; depth < 40 && n; depth++) {
		const __u64 v = n - bpf_core_field_offset(struct vm_area_struct, vm_rb);
		if (addr < VMA(v, vm_start))
			n = FIELD(n, struct rb_node, rb_left);
		else if (addr >= VMA(v, vm_end))
			n = FIELD(n, struct rb_node, rb_right);
		else
			return v;
	}
	return 0;
}

static __always_inline __u64 vm_find_once(__u64 mm, __u64 addr)
{
	__u64 v;
	if (bpf_core_field_exists(((struct mm_struct *)0)->mm_mt))
		v = vm_find_in_maple(FIELD(mm, struct mm_struct, mm_mt.ma_root), addr);
	else
		v = vm_find_in_rb(FIELD(mm, struct mm_struct, mm_rb.rb_node), addr);
	return v >= 4096 && VMA(v, vm_start) <= addr && addr < VMA(v, vm_end) && VMA(v, vm_mm) == mm ? v : 0;
}

/** Address of the vm_area_struct that holds `addr`; 0: there is none, or the tree was being changed. */
static __always_inline __u64 vm_find_vma(__u64 mm, __u64 addr)
{
	const __u64 v = vm_find_once(mm, addr);
	return v ? v : vm_find_once(mm, addr);
}

/** A number that changes with the layout; false: this kernel has none, or the layout is just being changed. */
static __always_inline bool vm_layout_stamp(__u64 mm, __u32 *seq)
{
	if (bpf_core_field_exists(((struct mm_struct___seq *)0)->mm_lock_seq)) {
		*seq = FIELD32(mm, struct mm_struct___seq, mm_lock_seq.sequence);
		return !(*seq & 1);
	}
	if (bpf_core_field_exists(((struct mm_struct___int *)0)->mm_lock_seq)) {
		*seq = FIELD32(mm, struct mm_struct___int, mm_lock_seq);
		return true;
	}
	return false;
}

#endif
