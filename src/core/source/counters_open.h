/** What the parts of the counters share. */
#ifndef VM_SOURCE_COUNTERS_OPEN_H
#define VM_SOURCE_COUNTERS_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/vec.h"
#include "core/source/counters.h"
#include "core/source/counters_plan.h"
#include "core/source/perf_threads.h"

/** An open event of one thread or CPU. */
struct vm_counter {
	int fd;
	uint16_t slot;             /* of the plan */
	bool leads;
};

struct vm_counters {
	struct vm_session *s;
	const struct vm_pmu *pmu;
	struct vm_plan plan;
	enum vm_whom whom;
	bool children, inherit_thread;
	VM_VEC(struct vm_counter) event;
	struct vm_perf_threads threads;
	VM_VEC(pid_t) process;     /* that were there */
	/** The one whose events were refused. */
	pid_t refused;
	uint64_t began_ns, ended_ns;
	bool of_threads;           /* threads have events, not CPUs */
};

/** Open the plan for whom was asked for.  As vm_counters_open(). */
int vm_counters_open_all(struct vm_counters *c, const struct vm_counters_ask *ask, struct vm_err *err);

/** Threads that the first reading of the lists missed.  0 or a negative errno. */
int vm_counters_list_again(struct vm_counters *c, struct vm_err *err);

/** Say what an open that failed with `code` means for this target, and what would help. */
int vm_counters_fail(const struct vm_counters *c, enum vm_whom whom, int code, struct vm_err *err);

#endif
