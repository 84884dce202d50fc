/** How a workload is run: make it, state its truth, hold it or step it, undo it. */
#ifndef VM_WORKLOADS_FRAME_H
#define VM_WORKLOADS_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "workloads/workload.h"

struct vm_frame_opts {
	const char *dir;       /* for temporary files; NULL: $TMPDIR, /tmp or /var/tmp */
	uint64_t step_ns;      /* time between automatic steps; 0: none */
	uint64_t steps;        /* steps to make at once; with `watch` no more than these, 0: all */
	bool exit;             /* undo it at once instead of holding it */
	bool quiet;            /* no sentences for people */
	bool truth;            /* truth lines even with `watch` */
	const char *watch;     /* a command and its words to run on the workload; or NULL */
};

/** Exit status for "cannot be made on this machine or by this user". */
enum { VM_EXIT_SKIP = 77 };

/**
 * Run the workload until it is told to end: by SIGTERM, SIGINT, SIGHUP, by the end of the parent
 * process, or because there is nothing more to do (`exit`, `watch`).  Each truth is one line on
 * `out`.  Always undone when this returns.  Signals that it uses stay blocked afterwards.
 *
 * Returns 0 or a negative errno; *status is set to VM_EXIT_SKIP when the workload can't be made
 * here, to that of a failed watched command, and is else left alone.
 */
int vm_frame_run(const struct vm_workload *w, const struct vm_arg *arg,
                 const struct vm_frame_opts *opts, FILE *out, int *status, struct vm_err *err);

#endif
