/**
 * Watching page faults as they happen.
 *
 * Back ends, best first: eBPF (kinds, times, sites, stacks, every event), perf software events (addresses and sites,
 * minor or major), the kernel's counters (how many).  Each says why a better one isn't used.
 */
#ifndef VM_SOURCE_FAULTS_H
#define VM_SOURCE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/faultset.h"
#include "core/model/whom.h"

struct vm_err;
struct vm_session;
struct vm_source;
struct vm_faults;

/** One fault, for --trace. */
struct vm_fault_event {
	uint64_t at_ns;            /* CLOCK_MONOTONIC, when it began */
	uint64_t ns;               /* how long it took; VM_FAULT_NO_TIME: not known */
	uint64_t address, ip;
	uint64_t kernel_ip;        /* from kernel mode: where; else 0 */
	uint64_t mapping;          /* as in vm_fault_group */
	/** NULL: none, or not known. */
	const struct vm_fault_mapping *where;
	uint64_t old_entry, new_entry;   /* page-table entries before and after; meaningful if have_entries */
	pid_t tid, pid;
	uint32_t space;            /* as in vm_fault_group */
	uint32_t error;            /* x86 error code; meaningful if have_error */
	uint32_t stack;            /* as in vm_fault_group; VM_FAULT_NONE without stacks */
	uint8_t kind;
	bool kernel, major, have_error, have_entries;
};
#define VM_FAULT_NO_TIME UINT64_MAX

/** What is wanted. */
struct vm_fault_ask {
	enum vm_whom whom;
	const pid_t *pids;         /* OF_PIDS; OF_COMMAND: one, stopped before its execve(2) */
	size_t npids;
	const char *cgroup;        /* OF_CGROUP: path below the cgroup file system, as in /proc/PID/cgroup */
	bool children;             /* processes that they fork, too */
	bool stacks;
	/** Count by blocks of addresses of 1 << shift bytes; 0: don't. */
	unsigned block_shift;
	/** Called from vm_faults_poll() for each, in the order of their ends; NULL: not wanted.  Another value than 0 ends
	    the poll, which returns it. */
	int (*event)(void *ctx, const struct vm_faultset *now, const struct vm_fault_event *e);
	/** Called for each mapping of code that is met for the first time, while its process most likely lives.  May be NULL. */
	void (*code)(void *ctx, const struct vm_faultset *now, const struct vm_fault_mapping *m);
	void *ctx;
	/** Only this back end: a name of vm_fault_backends[]; NULL: the best one. */
	const char *backend;
};

struct vm_fault_backend {
	const char *name;          /* "ebpf", "perf", "counters" */
	const char *help;          /* one line */
	bool events;               /* it can tell single faults */
	const char *lacks;         /* what it can't see, one line; NULL: nothing */
	const char *costs;         /* what it costs those that are watched, one line */
	/** 0, or why not, tried on ourselves: for --sources. */
	int (*probe)(struct vm_session *s, struct vm_err *err);
	/** Attach and begin.  *state on success. */
	int (*open)(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err);
	/** The set is kept by the back end: update it (event() is called from here).  Cheap: called often.  0, event()'s
	    value or a negative errno. */
	int (*poll)(void *state, struct vm_err *err);
	/** Bring all of the set up to date. */
	int (*read)(void *state, struct vm_err *err);
	/** Stop counting; what was counted so far stays readable by read(). */
	void (*stop)(void *state);
	struct vm_faultset *(*set)(void *state);
	void (*close)(void *state);
};

/** Best first, ended by NULL. */
extern const struct vm_fault_backend *const vm_fault_backends[];
extern const struct vm_fault_backend vm_faults_ebpf, vm_faults_perf, vm_faults_counters;

/** The same for --sources. */
extern const struct vm_source *const vm_fault_sources[];

/**
 * Begin to watch with the best back end that works.  -ESRCH: none of the processes is there; -EPERM, -EACCES: not
 * even the counters may be read.  `ask` must outlive *out.
 */
int vm_faults_open(struct vm_session *s, const struct vm_fault_ask *ask, struct vm_faults **out, struct vm_err *err);
void vm_faults_close(struct vm_faults *f);

/** Which one it is, and in one line why no better one; "" if there is none better. */
const struct vm_fault_backend *vm_faults_backend(const struct vm_faults *f);
const char *vm_faults_why_not(const struct vm_faults *f);

/** Can it tell single faults?  The counters can't. */
bool vm_faults_tells_events(const struct vm_faults *f);

/** Look at what has come; to be called at least every 50 ms or so, with events every few. */
int vm_faults_poll(struct vm_faults *f, struct vm_err *err);

/** All up to date; the set lives as long as `f`, and changes with the next call. */
int vm_faults_read(struct vm_faults *f, const struct vm_faultset **out, struct vm_err *err);

/** The set as it was last brought up to date: sums by kind with every poll, the rest when it was read. */
const struct vm_faultset *vm_faults_set(const struct vm_faults *f);

/** Count no more; the processes are told apart no more, but what was counted can still be read. */
void vm_faults_stop(struct vm_faults *f);

#endif
