/** Parts of vmfault: what its files share. */
#ifndef VM_CLI_VMFAULT_VMFAULT_H
#define VM_CLI_VMFAULT_VMFAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/common.h"
#include "cli/launch.h"
#include "cli/outfile.h"
#include "cli/sitenames.h"
#include "cli/target.h"
#include "core/field/fault.h"
#include "core/source/faults.h"

struct vm_err;
struct vm_session;

enum vmfault_by { VMFAULT_BY_KIND, VMFAULT_BY_MAPPING, VMFAULT_BY_FILE, VMFAULT_BY_SITE, VMFAULT_BY_STACK, VMFAULT_BY_THREAD };

struct vmfault_options {
	struct vm_target_options target;
	const char *svg, *output;
	bool no_children, stacks, folded, inlines, trace, heat, histogram, explain;
	int by;                    /* enum vmfault_by; -1: the overview */
	int via;                   /* 0: the best; else index into vm_fault_backends[] and one */
	int weight;                /* of stacks: 0 faults, 1 time */
	uint64_t interval_ns, duration_ns, top, block_bytes;
};

/** A block of addresses over time. */
struct vmfault_block {
	uint32_t space;
	uint64_t address, before;
	uint32_t *count;           /* VMFAULT_STEPS */
};

/** Counts over time: equal steps, which double when there are too many. */
enum { VMFAULT_STEPS = 512 };
struct vmfault_series {
	uint64_t began_ns, step_ns, next_ns;
	size_t n;
	uint64_t faults[VMFAULT_STEPS];
	uint64_t last;             /* all so far */
	/** By latency bucket, for --heat: VM_HISTO_BUCKETS a step. */
	struct vm_histo *latency, before;
	/** By block of addresses: (space, address) to a row; rows of VMFAULT_STEPS counts. */
	struct vm_map blocks;
	VM_VEC(struct vmfault_block) block;
};

/** One run of vmfault. */
struct vmfault {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmfault_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	struct vm_report report;   /* open while one is shown */
	FILE *out;
	struct vm_outfile file;    /* --output */
	struct vm_fault_ask ask;
	struct vm_faults *faults;
	struct vm_sitenames names;
	/** Texts of what was found. */
	struct vm_arena texts;
	struct vmfault_series series;
	/** The program that was started, if any. */
	struct vm_launch child;
	uint64_t began_ns;
	unsigned reports;
	/** Events shown by --trace so far, and room for one line. */
	uint64_t events;
	struct vm_buf line;
	/** errno of the write that failed, or 0. */
	int unwritten;
};

/* The command line: check.c */

/** What can be known to be wrong before anything is started; `targets`: processes are named by options.  -EINVAL, -ESRCH
    or what makes a file unwritable. */
int vmfault_check(const struct vmfault *v, bool targets, int argc, char **argv, struct vm_err *err);
/** Once v->faults is open: -EOPNOTSUPP if it can't tell at all what was asked for. */
int vmfault_check_source(const struct vmfault *v, struct vm_err *err);

/* Targets and the run: vmfault.c, run.c */

/** Watch until it is over, reporting meanwhile where an interval was asked for. */
int vmfault_watch(struct vmfault *v, uint64_t interval_ns, uint64_t count, struct vm_err *err);

/* Names: names.c */

bool vmfault_by_stack(struct vmfault *v, const struct vm_faultset *f, struct vm_fault_places *p);
/** Stacks as folded lines or a picture. */
int vmfault_flame(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err);

/* Reports: show.c, json.c, time.c, trace.c, verdict.c */

int vmfault_show(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err);
/** The columns that -o, -s and --filter speak of: `by` is enum vmfault_by, or -1. */
const struct vm_fieldset *vmfault_fields(int by);
/** Rows by a place, what costs most first. */
bool vmfault_places(struct vmfault *v, const struct vm_faultset *f, enum vmfault_by by, struct vm_fault_places *p);
int vmfault_json(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err);

/** Faults that the kernel counted and no event told of: get_user_pages(), by name. */
struct vmfault_unseen { bool known; uint64_t minor, major; };
struct vmfault_unseen vmfault_unseen(const struct vm_faultset *f);

/** What is worth saying, most important first: sentences into v->texts, at most `max`.  How many. */
struct vmfault_finding { const char *key; const char *text, *evidence; };
size_t vmfault_verdict(struct vmfault *v, const struct vm_faultset *f, struct vmfault_finding *out, size_t max);

/** Note what has come since the last step, if it is time. */
int vmfault_series_step(struct vmfault *v, struct vm_err *err);
/** From now on, for the next report. */
void vmfault_series_restart(struct vmfault *v, const struct vm_faultset *f);
void vmfault_series_free(struct vmfault *v);
void vmfault_say_series(struct vmfault *v);
void vmfault_say_heat(struct vmfault *v, const struct vm_faultset *f);
void vmfault_say_histogram(struct vmfault *v, const struct vm_faultset *f);

int vmfault_trace_event(void *ctx, const struct vm_faultset *now, const struct vm_fault_event *e);
/** As vm_faults_poll(), and write what it told. */
int vmfault_trace_poll(struct vmfault *v, struct vm_err *err);
void vmfault_trace_heading(struct vmfault *v);

/** Block "man-fault-kinds" of the manual; false: there is no such one. */
bool vmfault_print_doc(const char *kind, FILE *out);

#endif
