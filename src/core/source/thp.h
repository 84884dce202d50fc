/** Transparent huge pages: what the machine gives, and what it has given. */
#ifndef VM_SOURCE_THP_H
#define VM_SOURCE_THP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_err;
struct vm_session;

/** Who gets them, from nobody to all.  Ordered. */
enum vm_thp_policy {
	VM_THP_UNKNOWN,            /* the files can't be read, as in some containers */
	VM_THP_ABSENT,             /* a kernel without them */
	VM_THP_NEVER, VM_THP_MADVISE, VM_THP_ALWAYS,
};

/** What /sys/kernel/mm/transparent_hugepage says. */
struct vm_thp {
	/** "enabled" of all sizes together: what "inherit" means, and what the C library looks at. */
	enum vm_thp_policy global;
	/** What holds for anonymous memory and pages of page_bytes, those that one entry of the second level maps
	    (hugepages-*kB/enabled, Linux 6.8; before, global). */
	enum vm_thp_policy huge;
	/** The most generous one of the sizes below that (mTHP): NEVER if there are none. */
	enum vm_thp_policy small;
	uint64_t page_bytes;       /* 0: not known */
};

void vm_thp_read(struct vm_session *s, struct vm_thp *out);

/** Can a program get any, if it asks?  -EOPNOTSUPP with the setting that forbids it; what isn't known counts as yes. */
int vm_thp_permitted(const struct vm_thp *t, struct vm_err *err);

/** "always", "madvise", "never", NULL for what isn't known or not there. */
const char *vm_thp_word(enum vm_thp_policy p);

/** Counts since boot, of the whole machine.  UINT64_MAX: not known. */
struct vm_thp_counts {
	/** Huge pages made: thp_fault_alloc, thp_collapse_alloc and thp_file_alloc of /proc/vmstat. */
	uint64_t made;
	/** Faults that would have had one, but there was no memory for it in one piece: thp_fault_fallback, thp_file_fallback. */
	uint64_t refused;
	/** Pages of smaller sizes made by faults (hugepages-N/stats/anon_fault_alloc, Linux 6.10), in bytes. */
	uint64_t small_bytes;
};

void vm_thp_count(struct vm_session *s, struct vm_thp_counts *out);

/** small_bytes alone. */
uint64_t vm_thp_small_bytes(struct vm_session *s);

/** What came since: *from taken from *to, member by member; not known where one of the two isn't. */
struct vm_thp_counts vm_thp_since(const struct vm_thp_counts *from, const struct vm_thp_counts *to);

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** "always inherit [madvise] never": the word in brackets; `inherited` is what "inherit" stands for. */
enum vm_thp_policy vm_thp_parse_policy(const char *text, enum vm_thp_policy inherited);

/** The sum of the lines of vmstat with these names; UINT64_MAX: it has none of them. */
uint64_t vm_thp_parse_sum(const char *vmstat, const char *const *names, size_t n);

#endif
