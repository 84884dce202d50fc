/** What the machine says of huge pages: /sys/kernel/mm, nodes, vmstat, meminfo, buddyinfo. */
#ifndef VM_SOURCE_HUGESYS_H
#define VM_SOURCE_HUGESYS_H

#include "core/model/hugesys.h"

struct vm_err;
struct vm_session;
struct vm_source;

/**
 * Read all of it, or without `counters` what decides over huge pages, and which sizes are in use; what can't be read stays
 * unknown.  0, or -ENOMEM.  Free with vm_hugesys_free().
 */
int vm_hugesys_read(struct vm_session *s, bool counters, struct vm_hugesys *out, struct vm_err *err);

/** Files that decide, for advice: "/sys/kernel/mm/transparent_hugepage/enabled". */
enum vm_huge_setting {
	VM_HUGE_SET_ANON,          /* of a size, or of all if the size inherits */
	VM_HUGE_SET_SIZE,          /* of a size */
	VM_HUGE_SET_SHMEM,         /* the same of shared memory */
	VM_HUGE_SET_SHMEM_ALL, VM_HUGE_SET_MAX_NONE, VM_HUGE_SET_MAX_SWAP, VM_HUGE_SET_MAX_SHARED,
};
/** Returns buf. */
const char *vm_hugesys_path(const struct vm_hugesys *h, enum vm_huge_setting which, uint64_t bytes, char *buf, size_t size);

/** Does this kernel have MADV_COLLAPSE (Linux 6.1)?  0; -EINVAL; -EOPNOTSUPP: a captured tree doesn't tell. */
int vm_hugesys_collapses(const struct vm_session *s);

/** Where it comes from, for --sources; ended by NULL. */
extern const struct vm_source *const vm_huge_sources[];

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** The value of a line "name value" of vmstat; VM_HUGE_UNKNOWN if there is none. */
uint64_t vm_huge_parse_count(const char *vmstat, const char *name);

/** The value of a line "Name:  123 kB" of meminfo in bytes; VM_HUGE_UNKNOWN if there is none. */
uint64_t vm_huge_parse_memory(const char *meminfo, const char *name);

/** Bytes in free blocks of at least `least` bytes, by buddyinfo; VM_HUGE_UNKNOWN: makes no sense. */
uint64_t vm_huge_parse_buddyinfo(const char *buddyinfo, uint64_t page_bytes, uint64_t least);

#endif
