/**
 * Would the kernel lock this, and if not, why: mlock(2), mlock2(2) and mlockall(2) tried on paper.
 *
 * Follows do_mlock(), apply_vma_lock_flags() and __mm_populate() in mm/mlock.c and mm/gup.c, Linux 5.10 to 7.x, in their
 * order.  Pure: facts in, verdict out.
 */
#ifndef VM_ANALYSIS_LOCKRULE_H
#define VM_ANALYSIS_LOCKRULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/memlock.h"

struct vm_aspace;
struct vm_mapping;

enum vm_lock_call {
	VM_LOCK_NOW,         /* mlock(2) */
	VM_LOCK_ONFAULT,     /* mlock2(2) with MLOCK_ONFAULT */
	VM_LOCK_CURRENT,     /* mlockall(2) with MCL_CURRENT */
	VM_LOCK_FUTURE,      /* mlockall(2) with MCL_FUTURE alone */
};

struct vm_lock_ask {
	enum vm_lock_call call;
	/** Bytes, and where they begin, unless it is a mapping that isn't there yet; of mlock(2) and mlock2(2) only. */
	uint64_t size, start;
	bool placed;
};

/** What is in the way within a range that is there; bytes. */
struct vm_lock_range {
	uint64_t unmapped, first_unmapped;      /* how much, and the first address */
	uint64_t locked;                        /* counted already */
	uint64_t passed_over;                   /* hugetlb, devices: never locked, though filled if they can be */
	uint64_t forbidden, first_forbidden;    /* PROT_NONE, which can't be filled */
	uint64_t beyond, first_beyond;          /* pages behind the end of a file, which can't either */
	/** At most so much isn't there yet, or has to be copied first. */
	uint64_t to_fill;
	/** Mappings that have to be split, in the worst case, and if neighbours can be joined. */
	unsigned most_splits, least_splits;
	/** Some of it is of files, whose ends aren't known, or of a hugetlb pool, which may be empty. */
	bool doubtful;
};

/** What the verdict rests on.  `have`: which are known. */
enum {
	VM_LF_LIMIT = 1 << 0, VM_LF_LOCKED = 1 << 1, VM_LF_VSZ = 1 << 2, VM_LF_MAPS = 1 << 3, VM_LF_MAX_MAPS = 1 << 4,
	VM_LF_AVAILABLE = 1 << 5, VM_LF_CGROUP = 1 << 6, VM_LF_RANGE = 1 << 7,
};
struct vm_lock_facts {
	unsigned have;
	uint64_t page;                /* bytes */
	enum vm_answer capable;       /* vm_proc_lock_capable() */
	uint64_t limit;               /* soft RLIMIT_MEMLOCK, bytes; UINT64_MAX: none */
	uint64_t locked, vsz;         /* bytes */
	uint64_t maps, max_maps;
	uint64_t available;           /* memory and swap that could be had, bytes */
	uint64_t cgroup_room;         /* the same of the tightest control group above it */
	struct vm_lock_range range;
};

/** In the kernel's order. */
enum vm_lock_test {
	VM_LT_PERMISSION,    /* EPERM: no capability, and the limit is 0 */
	VM_LT_LIMIT,         /* ENOMEM: beyond RLIMIT_MEMLOCK */
	VM_LT_MAPPED,        /* ENOMEM: nothing is mapped at a part of it */
	VM_LT_SPLITS,        /* ENOMEM: beyond vm.max_map_count */
	VM_LT_ACCESS,        /* ENOMEM: locked, but can't be filled */
	VM_LT_MEMORY,        /* EAGAIN: locked, but there is no memory to fill it; or the OOM killer comes */
	VM_LT_NR,
};
extern const char *const vm_lock_test_names[VM_LT_NR];   /* "permission" */

struct vm_lock_result {
	bool asked;                /* the call looks at this */
	enum vm_answer passed;
	/** What is wanted, and how much there is; UINT64_MAX: no bound, or not known.  Bytes; mappings for SPLITS. */
	uint64_t wanted, there;
};

struct vm_lock_verdict {
	/** The range as the kernel rounds it to pages, and what of it would newly count against the limit. */
	uint64_t start, bytes, counted;
	struct vm_lock_result test[VM_LT_NR];
	enum vm_answer succeeds;
	/** The first test that fails, and its errno; VM_LT_NR and 0: none. */
	enum vm_lock_test fails;
	int error;
	/** A range of this size that doesn't begin at a page can have one page more, which is beyond the limit. */
	bool only_if_aligned;
	/** The limit that would do, in bytes, for test[VM_LT_LIMIT]. */
	uint64_t limit_wanted;
};

/** The most that an address space holds: larger sizes make no sense to ask for. */
#define VM_LOCK_SIZE_MAX (UINT64_C(1) << 57)

void vm_lock_judge(const struct vm_lock_ask *ask, const struct vm_lock_facts *f, struct vm_lock_verdict *out);

/** What is in [start, end), of which smaps and VmFlags were read; page aligned. */
void vm_lock_look(const struct vm_aspace *as, uint64_t start, uint64_t end, enum vm_lock_call call,
		  struct vm_lock_range *out);

/** The range that the kernel makes of what is asked: page aligned.  False: it goes beyond the last address. */
bool vm_lock_round(const struct vm_lock_ask *ask, uint64_t page, uint64_t *start, uint64_t *end);

/** One of the files in the range is so long: vm_lock_look() left this open.  `m` overlaps [start, end). */
void vm_lock_file_end(const struct vm_mapping *m, uint64_t start, uint64_t end, uint64_t file_bytes, uint64_t page,
		      struct vm_lock_range *range);

/** Whether VM_LOCKED can be set on it at all: not on devices, hugetlb and the like. */
bool vm_lock_possible(const struct vm_mapping *m);

/** Set VM_P_LOCKED_* of the process from its mappings with VM_LOCKED; they stay unknown where smaps wasn't read. */
void vm_lock_sum_to_proc(struct vm_aspace *as);

#endif
