/** Parts of vmhuge: what its files share. */
#ifndef VM_CLI_VMHUGE_VMHUGE_H
#define VM_CLI_VMHUGE_VMHUGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/common.h"

struct vm_err;
struct vm_session;

struct vmhuge_options {
	bool all, machine, ranges, rates;
	const char *range, *collapse;
	uint64_t interval_ns, count, top;
	int via;
};

/** One run of vmhuge. */
struct vmhuge {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmhuge_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	struct vm_report report;   /* open while one is shown */
	FILE *out;
	pid_t *pids;
	size_t npids;
	/** --range or --collapse; 0, 0: all. */
	uint64_t from, to;
	uint64_t interval_ns, count;   /* 0: once; for ever */
	uint64_t began_ns;
	int exit_status;           /* -1, or one's own */
};

/** What vmhuge does in one of its ways: 0 or a negative errno. */
int vmhuge_machine(struct vmhuge *v, struct vm_err *err);
int vmhuge_processes(struct vmhuge *v, struct vm_err *err);
int vmhuge_samples(struct vmhuge *v, struct vm_err *err);
int vmhuge_all(struct vmhuge *v, struct vm_err *err);
int vmhuge_collapse(struct vmhuge *v, struct vm_err *err);

/** Blocks of --print-doc: reasons and remedies. */
bool vmhuge_print_doc(const char *kind, FILE *out);

/* ---- Shared ------------------------------------------------------------------------------------------------------- */

/** Open a report; of a document the envelope is begun, with "mode". */
int vmhuge_report_begin(struct vmhuge *v, const char *mode, struct vm_err *err);
int vmhuge_report_end(struct vmhuge *v, struct vm_err *err);

/**
 * A list of rows as the user chose; `chosen`: the options -o, -s and --filter speak of it.  `columns`: what is shown to people who
 * chose nothing, or NULL.  At most --top of them, for people.
 */
int vmhuge_list(struct vmhuge *v, const struct vm_fieldset *set, bool chosen, const char *columns, const void *rows, size_t n,
		size_t size, const void *total, struct vm_err *err);

/** Shows a sample; `since_ns`: since the first one.  0, VMHUGE_OVER: there won't be another, or a negative errno. */
enum { VMHUGE_OVER = 1 };
typedef int vmhuge_sample(void *ctx, unsigned nth, uint64_t since_ns, struct vm_err *err);

/** Call it every interval until the count is reached or somebody interrupts; once without an interval. */
int vmhuge_repeat(struct vmhuge *v, vmhuge_sample *sample, void *ctx, struct vm_err *err);

/** Lines of samples: a heading every so often, and a line for each row that the filter accepts. */
struct vmhuge_lines {
	struct vm_choice choice;
	unsigned lines;
};
int vmhuge_lines_begin(struct vmhuge *v, const struct vm_fieldset *set, const char *columns, struct vmhuge_lines *l,
		       struct vm_err *err);
int vmhuge_lines_put(struct vmhuge *v, struct vmhuge_lines *l, const void *row);
void vmhuge_lines_end(struct vmhuge_lines *l);

#endif
