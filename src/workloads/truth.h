/** The writer behind vm_truth_*(): one line of JSON for programs, sentences for people. */
#ifndef VM_WORKLOADS_TRUTH_H
#define VM_WORKLOADS_TRUTH_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/json.h"

struct vm_truth {
	struct vm_json json;   /* collects in memory, so that a failed make() prints nothing */
	const char *workload;
	FILE *out;             /* borrowed; NULL: lines are thrown away */
	bool quiet;            /* no sentences */
};

/** Open the line and state the workload, this process and the step. */
void vm_truth_line_begin(struct vm_truth *t, unsigned step);

/** Close the line and write it out.  Returns 0 or a negative errno. */
int vm_truth_line_end(struct vm_truth *t);

/** Forget an unfinished line. */
void vm_truth_line_drop(struct vm_truth *t);

#endif
