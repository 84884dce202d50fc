/** Flags of page frames as /proc/kpageflags gives them (include/uapi/linux/kernel-page-flags.h, fs/proc/page.c). */
#ifndef VM_MODEL_PAGEFLAGS_H
#define VM_MODEL_PAGEFLAGS_H

#include <stdbool.h>
#include <stdint.h>

struct vm_buf;
struct vm_err;

/** Bits 0 to 26 are stable; from 32 on they are for developers and depend on the kernel's version. */
enum vm_kpf {
	VM_KPF_LOCKED, VM_KPF_ERROR, VM_KPF_REFERENCED, VM_KPF_UPTODATE, VM_KPF_DIRTY, VM_KPF_LRU, VM_KPF_ACTIVE,
	VM_KPF_SLAB, VM_KPF_WRITEBACK, VM_KPF_RECLAIM, VM_KPF_BUDDY, VM_KPF_MMAP, VM_KPF_ANON, VM_KPF_SWAPCACHE,
	VM_KPF_SWAPBACKED, VM_KPF_COMPOUND_HEAD, VM_KPF_COMPOUND_TAIL, VM_KPF_HUGE, VM_KPF_UNEVICTABLE,
	VM_KPF_HWPOISON, VM_KPF_NOPAGE, VM_KPF_KSM, VM_KPF_THP, VM_KPF_OFFLINE, VM_KPF_ZERO_PAGE, VM_KPF_IDLE,
	VM_KPF_PGTABLE,
	VM_KPF_RESERVED = 32, VM_KPF_MLOCKED, VM_KPF_OWNER_2, VM_KPF_PRIVATE, VM_KPF_PRIVATE_2, VM_KPF_OWNER_PRIVATE,
	VM_KPF_ARCH, VM_KPF_UNCACHED, VM_KPF_SOFTDIRTY, VM_KPF_ARCH_2, VM_KPF_ARCH_3,
};
#define VM_KPF(x) (UINT64_C(1) << VM_KPF_##x)

struct vm_kpf_info {
	const char *name;      /* "uptodate", as page-types has it; NULL: no such bit */
	char letter;           /* 'U', page-types' */
	const char *sentence;
};
/** By bit number, 64 of them. */
extern const struct vm_kpf_info vm_kpf_info[64];

/** Names of the flags, separated by `between`; bits without a name as "bit43". */
void vm_kpf_put_names(struct vm_buf *out, uint64_t flags, char between);

/** page-types' letters, '_' for each that isn't set. */
void vm_kpf_put_letters(struct vm_buf *out, uint64_t flags);

/**
 * A condition on flags, written as page-types -b takes it: "lru,mmap": one of them is set; "lru,~active": lru is set
 * and active isn't; "lru,active=lru": of the two only lru; "=lru,mmap": exactly these; 0x... for several bits at once.
 */
struct vm_kpf_match {
	uint64_t mask, bits;
	bool any;
};
static inline bool vm_kpf_matches(const struct vm_kpf_match *m, uint64_t flags)
{
	return m->any ? (flags & m->mask) != 0 : (flags & m->mask) == m->bits;
}
/** 0, or -EINVAL with the wrong word and the nearest right one. */
int vm_kpf_match_parse(const char *spec, struct vm_kpf_match *out, struct vm_err *err);

#endif
