/**
 * Giving events to every thread of processes that run: an event of a thread is inherited by those that it makes later, and
 * by no other, so each that is there needs events of its own.
 */
#ifndef VM_SOURCE_PERF_THREADS_H
#define VM_SOURCE_PERF_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/map.h"

struct vm_session;

/** Open events for a thread.  0; -ESRCH: it has ended; another negative errno stops all. */
typedef int vm_perf_attach(void *ctx, pid_t pid, pid_t tid);

/** Set `s`, `attach`, `ctx` and perhaps `every`, zero the rest. */
struct vm_perf_threads {
	struct vm_session *s;
	vm_perf_attach *attach;
	void *ctx;
	/** Threads that were tried. */
	struct vm_map tried;
	/** Later, too, take every thread: the caller sees what is told twice. */
	bool every;
	/** The youngest thread of the machine before the first one was attached to; 0: not known. */
	pid_t youngest;
};

/**
 * Threads of these processes that weren't tried before.  At the first call all; afterwards only those that were there
 * before that, and had been missed while the list was read: younger ones most likely have the events of the thread that
 * made them, and would count twice.
 * How many were attached to; -ESRCH: none of the processes is there; or what attach() returned.
 */
int vm_perf_threads_attach(struct vm_perf_threads *t, const pid_t *pids, size_t n);

void vm_perf_threads_free(struct vm_perf_threads *t);

#endif
