/** What the machine says of huge pages: /sys/kernel/mm, nodes, vmstat, meminfo, buddyinfo. */
#ifndef VM_SOURCE_HUGESYS_H
#define VM_SOURCE_HUGESYS_H

#include "core/model/hugesys.h"

struct vm_err;
struct vm_session;
struct vm_source;

/** Read all of it; what can't be read stays unknown.  0, or -ENOMEM.  Free with vm_hugesys_free(). */
int vm_hugesys_read(struct vm_session *s, struct vm_hugesys *out, struct vm_err *err);

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
