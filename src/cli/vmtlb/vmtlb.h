/** Parts of vmtlb: what its files share. */
#ifndef VM_CLI_VMTLB_VMTLB_H
#define VM_CLI_VMTLB_VMTLB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/common.h"
#include "cli/launch.h"
#include "cli/outfile.h"
#include "cli/target.h"

struct vm_err;
struct vm_session;

struct vmtlb_options {
	struct vm_target_options target;
	/* What to do; none: count. */
	bool probe, model, hot, ab;
	/* Counting. */
	bool no_children, sites, stacks, folded;
	const char *event;
	uint64_t interval_ns, duration_ns, period, frequency;
	/* Without counters. */
	bool fresh, clear_refs;
	const char *geometry;
	int engine;                /* of the model: 0: the best; else index into the words of --engine */
	uint64_t window_ns, pairs, top, samples;
	int flush;                 /* of --hot: enum vm_flush */
	const char *output;
};

/** One run of vmtlb. */
struct vmtlb {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmtlb_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	struct vm_report report;   /* open while one is shown */
	FILE *out;
	struct vm_outfile file;    /* --output */
	/** Whom; of a command, whom is VM_OF_COMMAND and argv what to start. */
	struct vm_target target;
	char **argv;
	struct vm_launch child;
	uint64_t interval_ns, duration_ns, count;
	uint64_t began_ns;
	unsigned reports;
	/** The exit status, if it is to be another than our own: of the program that was measured. */
	int status;
};

/** What vmtlb does in one of its ways. */
struct vmtlb_mode {
	const char *name;          /* "count": "mode" in JSON */
	const struct vm_fieldset *fields;   /* what -o, -s and --filter speak of */
	/** What is wrong with the command line, before anything is started.  0 or -EINVAL.  May be NULL. */
	int (*check)(const struct vmtlb *v, struct vm_err *err);
	int (*run)(struct vmtlb *v, struct vm_err *err);
	bool targets, command;     /* it measures processes; a command */
};

/* count.c, sites.c, probe.c, model.c, hot.c, ab.c */
extern const struct vmtlb_mode vmtlb_count, vmtlb_count_lines, vmtlb_count_events, vmtlb_sites, vmtlb_stacks, vmtlb_probe,
	vmtlb_model, vmtlb_hot, vmtlb_ab;

/** Begin a report: for programs the document with "mode".  0 or a negative errno. */
int vmtlb_report_begin(struct vmtlb *v, const struct vmtlb_mode *mode);
/** End it.  0 or the negative errno of memory or writing. */
int vmtlb_report_end(struct vmtlb *v, struct vm_err *err);

/**
 * Rows as a table or a list of the document; --top says how many people see.  -o, -s and --filter speak of those that are
 * `chosen`, which are also all that formats without a document have: one kind in a report.
 */
int vmtlb_list(struct vmtlb *v, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size,
	       const void *total, struct vm_err *err);

/** Of one object a line, if there are to be several. */
void vmtlb_choose_lines(struct vmtlb *v);

/** Whom it is of: for people, and as members of the document. */
void vmtlb_say_whom(struct vmtlb *v);
void vmtlb_put_target(const struct vmtlb *v, struct vm_json *j);

/** On standard error: what isn't measured and why, what would help, and what can be done instead ("": nothing). */
void vmtlb_complain(const char *what, const char *fix, const char *instead);

#endif
