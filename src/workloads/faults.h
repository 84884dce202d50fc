/** Page faults as workloads state them: kind, place and number, by construction; and what the kernel counted. */
#ifndef VM_WORKLOADS_FAULTS_H
#define VM_WORKLOADS_FAULTS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "workloads/kit.h"
#include "workloads/workload.h"

/** Faults of one kind in one range, since the truth line before (or since there is the range). */
struct vm_faults_fact {
	const char *label;
	const void *p;
	uint64_t size;           /* bytes; the range may have no mapping, for faults that are invalid */
	const char *name;        /* the range is a part of the mapping of that name, which moves; NULL: see p and size */
	const char *kind;        /* key of core/model/fault.c, or "" for any */
	const char *from;        /* "kernel", "gup" (get_user_pages: no exception, no event), NULL: "user" */
	uint64_t count;
	uint64_t most;           /* not 0: between `count` and this, as the kernel likes */
	pid_t pid;               /* 0: this process */
	uint64_t processes;      /* not 0: so many child processes, each with this range, together */
};

/** The range of a fact, as it is in struct vm_faults_fact. */
#define VM_FAULTS_IN(region) .p = (region)->p, .size = (region)->size

/** A whole object of the array "faults"; nothing where there is none. */
void vm_truth_fault(struct vm_truth *t, const struct vm_faults_fact *f);

/** Faults of the whole process, as getrusage(2) counts them. */
struct vm_meter {
	uint64_t minor, major;
};

/** RUSAGE_SELF, RUSAGE_THREAD or RUSAGE_CHILDREN. */
void vm_meter_begin(struct vm_meter *m, int who);
/** From here on *m holds what came since. */
void vm_meter_end(struct vm_meter *m, int who);
/** "minor_faults" and "major_faults". */
void vm_truth_meter(struct vm_truth *t, const struct vm_meter *m);

/** Each of these workloads makes its faults again with each step. */
#define VM_ROUNDS_PARAM                                                                                              \
	{ "rounds", "how often, the first time included: once with each step", VM_P_U64, .def = "4", .min = 2,       \
	  .max = UINT64_C(1) << 40 }

/** Read one page of each whole window of fault-around (do_fault_around(): 64 KiB, aligned); how many there are. */
uint64_t vm_peek_windows(const struct vm_lab *lab, const struct vm_region *r);

/** No pages, as after mmap(2).  0 or a negative errno. */
int vm_region_drop(const struct vm_region *r, struct vm_err *err);

/**
 * Stay on this CPU, so that each frame's references are in this CPU's lists, where the kernel finds them
 * (lru_add_drain() in do_wp_page()).  *old is for vm_unpin().
 */
void vm_pin(cpu_set_t *old);
void vm_unpin(const cpu_set_t *old);

#endif
