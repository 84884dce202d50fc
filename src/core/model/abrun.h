/** Runs of a program with huge pages off and on: plain figures. */
#ifndef VM_MODEL_ABRUN_H
#define VM_MODEL_ABRUN_H

#include <stdbool.h>
#include <stdint.h>

/** Under which rule a run was made. */
enum vm_ab_side {
	VM_AB_OFF, VM_AB_ON,
	VM_AB_AS_IS,               /* as the program is started anyway: the first run, which isn't counted */
	VM_AB_SIDES,
};

/** What is measured of a run; times in ns, memory in bytes.  The comment says where it comes from. */
enum vm_ab_measure {
	VM_AB_WALL,                /* CLOCK_MONOTONIC, from before its execve(2) to its end */
	VM_AB_CPU,                 /* wait4(2): user and system time of it and of what it waited for, down the tree */
	VM_AB_USER, VM_AB_SYSTEM,  /* the two parts: where the kernel counts ticks, split as these fell */
	VM_AB_MINOR, VM_AB_MAJOR,  /* wait4(2): page faults */
	VM_AB_RSS,                 /* wait4(2): the most that one of its processes had resident */
	VM_AB_HUGE,                /* the most huge pages that were seen mapped at once, over the tree */
	VM_AB_MEASURES,
};

/** What samples of the tree showed: the most of each, seldom at the same moment.  Pages that processes share count once for
    each of them. */
struct vm_ab_seen {
	unsigned samples;          /* 0: it ended before the first; nothing below is known */
	uint64_t huge_bytes;       /* the three together, at one moment */
	uint64_t anon_huge_bytes, shmem_huge_bytes, file_huge_bytes;
	uint64_t hugetlb_bytes;    /* of the machine's pool: huge whatever the rule is */
	uint64_t rss_bytes, anon_bytes;
	uint64_t cost_ns;          /* CPU time that looking took */
	bool denied;               /* of some process the kernel doesn't tell us */
};

/** One run. */
struct vm_ab_run {
	enum vm_ab_side side;
	unsigned pair;             /* from 1; 0: not counted */
	double v[VM_AB_MEASURES];  /* NAN: not known */
	struct vm_ab_seen seen;
	/** What the machine made meanwhile, for whomsoever: see struct vm_thp_counts.  UINT64_MAX: not known. */
	uint64_t machine_made, machine_refused, machine_small_bytes;
	int status;                /* as a shell tells it */
	/** Not counted, though it has a pair: it had no huge pages where other runs like it do.  See VM_AB_TUNABLE. */
	bool deaf;
	bool left_some;            /* processes that it had started went on when it ended */
};

#endif
