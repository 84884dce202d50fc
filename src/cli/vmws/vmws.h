/** Parts of vmws: what its files share. */
#ifndef VM_CLI_VMWS_VMWS_H
#define VM_CLI_VMWS_VMWS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "cli/launch.h"
#include "cli/target.h"
#include "core/analysis/wset.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/wsothers.h"
#include "core/source/wsread.h"

struct vmws_options {
	struct vm_target_options target;
	bool clear_refs, page_idle, damon, written, heat, rounds;
	uint64_t window_ns, duration_ns, interval_ns, hot_ns, warm_ns, top;
	int flush;
};

struct vmws_heat;

/** A process that is looked at. */
struct vmws_process {
	pid_t pid;
	char comm[80];
	struct vm_wsread *read;
	const struct vm_ws_facts *facts;
	struct vm_wset set;
	/** Its mappings, as they were at as_ns, which took as_took_ns. */
	struct vm_aspace *as;
	uint64_t as_ns, as_took_ns;
	/** The round under way: since when, and what it took so far. */
	uint64_t round_ns;
	struct vm_ws_round cost;
	struct vmws_heat *heat;    /* with --heat, once there was a round */
	/** It was seen; it has ended; it isn't looked at any more, for that or for a failure. */
	bool begun, ended, over;
	/** Why nothing of it could be read, or no more. */
	struct vm_err failure;
};

struct vmws {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmws_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	FILE *out;
	struct vm_report report;
	struct vm_target target;
	char **argv;               /* a command to start; NULL: none */
	struct vm_launch child;
	enum vm_ws_method method;
	uint64_t interval_ns, count, duration_ns, window_ns;
	uint64_t began_ns, report_ns;
	uint64_t reports;
	uint64_t tlb_bytes;        /* what the TLB of a CPU translates; 0: not known */
	/** As the report began. */
	struct vm_ws_others others;
	struct vm_signals signals;
	bool told;
	VM_VEC(struct vmws_process) process;
	int status;                /* -1: our own */
};

/** Look until it is over, and report.  0 or a negative errno. */
int vmws_run(struct vmws *v, struct vm_err *err);

/** A report of what was seen since the one before. */
int vmws_show(struct vmws *v, struct vm_err *err);

/** Rows as the columns' options say, if `chosen`; of tables for people no more than --top. */
int vmws_list(struct vmws *v, const struct vm_fieldset *set, bool chosen, const void *rows, size_t n, size_t size, const void *total,
	      struct vm_err *err);

/** Who else clears accessed bits, as the report ends. */
struct vmws_others {
	struct vm_buf damon;       /* names of the kernel's monitors; empty: none */
	uint64_t scanned_pages;    /* that reclaim has looked at since the report began; UINT64_MAX: not known */
};

/** What a document says of one process. */
int vmws_json_process(struct vmws *v, struct vmws_process *p, struct vm_ws_sum *sum, struct vmws_others *others,
		      struct vm_err *err);

/** --heat: keep what the round that has just ended saw; draw it; free what was kept. */
int vmws_heat_add(struct vmws_process *p, uint64_t round_ns, struct vm_err *err);
void vmws_heat_show(struct vmws *v, const struct vmws_process *p);
void vmws_heat_free(struct vmws_heat *h);

#endif
