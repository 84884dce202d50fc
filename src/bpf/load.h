/**
 * Reading kernel memory in programs that run with every fault.
 *
 * bpf_rdonly_cast() (Linux 6.2) makes a plain load of it, bpf_probe_read_kernel() takes thirty times as long where calls
 * are guarded against speculation.  What can't be read is 0 either way.
 */
#ifndef VM_BPF_LOAD_H
#define VM_BPF_LOAD_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/** A structure of every kernel that begins with a number of 64 bits. */
struct timespec64 {
	long long tv_sec;
} __attribute__((preserve_access_index));

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/** The kernel has it; set by user space before the program is loaded. */
const volatile _Bool can_cast;

static __always_inline __u64 load(__u64 address)
{
	__u64 value = 0;
	if (can_cast) {
		const struct timespec64 *p = bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct timespec64));
		return (__u64)p->tv_sec;
	}
	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

/** A member of 64 bits, or the first of two of 32; `address` is that of the structure. */
#define FIELD(address, type, member) load((address) + bpf_core_field_offset(type, member))
#define FIELD32(address, type, member) ((__u32)FIELD(address, type, member))

#endif
