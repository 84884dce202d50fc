/** The parts of the eBPF back end of faults.h: faults_ebpf.c loads, chooses and listens,
    faults_ebpf_attach.c attaches, faults_ebpf_read.c adds up. */
#ifndef VM_SOURCE_FAULTS_EBPF_H
#define VM_SOURCE_FAULTS_EBPF_H

#include "bpf/fault.h"
#include "core/base/map.h"
#include "core/source/faults.h"
#include "core/source/perf_event.h"

struct fault_bpf;
struct ring_buffer;

/** A thread that was there before us: the kernel's own counters at that moment. */
struct vm_fe_initial {
	pid_t tid;
	uint64_t minor, major, cpu_ns;
};

struct vm_fe {
	struct vm_session *s;
	const struct vm_fault_ask *ask;
	struct fault_bpf *obj;
	struct ring_buffer *ring;
	struct vm_perf_cpus minor, major;   /* none: those of threads suffice */
	/** Events of threads, and of which. */
	VM_VEC(int) heard;
	struct vm_map heard_tids;
	/** Those of the CPUs go on until threads that are being made can be found. */
	bool bridge;
	/** All VM_FT_SLOTS of them, shared with the program. */
	struct vm_ft_task *slots;
	unsigned cpus;             /* possible ones: copies of a per-CPU value */
	struct vm_faultset set;
	/** From the program's numbers of spaces to ours. */
	struct vm_map spaces;
	/** Threads of the set that have ended come first, and this many. */
	size_t ended_threads;
	/** Processes that have ended since their groups were last taken out of the map. */
	unsigned ended_spaces;
	/** What was taken out. */
	VM_VEC(struct vm_fault_group) kept;
	/** From ids of the stack map to indexes of the set. */
	struct vm_map stacks;
	VM_VEC(struct vm_fe_initial) initial;
	struct vm_map by_tid;      /* into initial */
	/** Numbers of spaces that we have given. */
	uint32_t given;
	/** Room for per-CPU values. */
	void *copies;
	/** When counts by kind were last read. */
	uint64_t kinds_ns;
	bool stopped;
	/** First failure while events were taken. */
	int failed;
};

/** Attach all programs; faults of all processes end in them from now on. */
int vm_fe_attach(struct vm_fe *f, struct vm_err *err);
/** Let only those of the chosen processes do, as soon as that misses none: where they are few. */
void vm_fe_hear(struct vm_fe *f);
/** To be called now and then. */
int vm_fe_keep_hearing(struct vm_fe *f, uint64_t now_ns, struct vm_err *err);
void vm_fe_detach(struct vm_fe *f);

/** Index of the stack; VM_FAULT_NONE: there is none. */
uint32_t vm_fe_stack(struct vm_fe *f, int id);

/** Index of the space that the program calls `raw`; one that wasn't told of is made up. */
uint32_t vm_fe_space(struct vm_fe *f, uint32_t raw, pid_t pid);

/** Sums, groups, threads and losses as they are now.  0 or a negative errno. */
int vm_fe_read(struct vm_fe *f, struct vm_err *err);

/** Counts by kind alone. */
int vm_fe_read_kinds(struct vm_fe *f);

/** Take the groups of processes that have ended out of the map, where those alone can be many. */
int vm_fe_take_ended(struct vm_fe *f);

/** The kernel's own counters of a thread; false: it is gone. */
bool vm_fe_own(struct vm_session *s, pid_t pid, pid_t tid, struct vm_fe_initial *out);

#endif
