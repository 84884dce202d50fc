/** The machine's memory at one instant. */
#ifndef VM_MODEL_SYSTEM_H
#define VM_MODEL_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes, or counts since boot; the comment says the kernel's name. */
enum vm_sysqty {
	/* /proc/meminfo */
	VM_S_MEM_TOTAL, VM_S_MEM_FREE, VM_S_MEM_AVAILABLE, VM_S_BUFFERS, VM_S_CACHED, VM_S_SHMEM,
	VM_S_SLAB, VM_S_PAGE_TABLES, VM_S_SWAP_TOTAL, VM_S_SWAP_FREE, VM_S_ANON_PAGES,
	VM_S_ANON_HUGE, VM_S_HUGETLB, VM_S_MLOCKED, VM_S_UNEVICTABLE, VM_S_COMMITTED,
	/* /proc/vmstat */
	VM_S_PGFAULT, VM_S_PGMAJFAULT, VM_S_PSWPIN, VM_S_PSWPOUT,
	/* /proc/sys/vm/max_map_count: mappings that a process may have */
	VM_S_MAX_MAP_COUNT,
	VM_S_NR,
};

struct vm_system {
	/** /proc/sys/kernel/hostname and osrelease; "" if not known. */
	char host[72], kernel[72];
	/** Bit set: q[] is known. */
	uint64_t have;
	uint64_t q[VM_S_NR];
	/** Pressure: percentage of the last 10 s in which some task waited for memory; NAN: unknown. */
	double psi_some10;
	/** CLOCK_MONOTONIC of the reading. */
	uint64_t taken_ns;
};

static inline bool vm_system_has(const struct vm_system *s, enum vm_sysqty q)
{
	return s->have >> q & 1;
}

/** Increase a second of a counter from `prev` to `cur`; NAN where it isn't known. */
double vm_system_rate(const struct vm_system *cur, const struct vm_system *prev, enum vm_sysqty q);

#endif
