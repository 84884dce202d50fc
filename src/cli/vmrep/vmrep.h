/** Parts of vmrep: what its files share. */
#ifndef VM_CLI_VMREP_VMREP_H
#define VM_CLI_VMREP_VMREP_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/common.h"
#include "cli/render/lines.h"
#include "cli/target.h"

struct vmrep_options {
	struct vm_target_options target;
	bool no_first, timestamp, utc, wide, totals;
};

/** "2026-11-28T04:25:02.123+01:00" */
enum { VMREP_TIME = 40 };

struct vmrep {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmrep_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	FILE *out;
	struct vm_report report;
	struct vm_choice choice;
	/** What the choice is made from; with targets, processes with a column for the time. */
	const struct vm_fieldset *set;
	struct vm_lines lines;
	uint64_t interval_ns, count;   /* 0: one line */
	/** Of a recording: the first line isn't since boot, but since the moment before. */
	bool has_before;
	/** Lines, or blocks of lines, that were written. */
	uint64_t reports;
	uint64_t began_ns;
	char time[VMREP_TIME];
	void *priv;                    /* the mode's own */
};

/** A way to look: at the machine, at processes. */
struct vmrep_mode {
	/** Set v->set and v->priv up; v->choice isn't parsed yet. */
	int (*open)(struct vmrep *v, struct vm_err *err);
	/** Read the next sample; the first one is of all the time there was. */
	int (*read)(struct vmrep *v, struct vm_err *err);
	/** Write it into v->report.  *empty: there was nothing that a filter let pass. */
	int (*show)(struct vmrep *v, bool *empty, struct vm_err *err);
	void (*close)(struct vmrep *v);
};

extern const struct vmrep_mode vmrep_machine, vmrep_totals, vmrep_processes;

/** v->time, from nanoseconds since 1970; "" for 0. */
void vmrep_set_time(struct vmrep *v, uint64_t real_ns);

/** A line of a table that goes on. */
void vmrep_put_line(struct vmrep *v, const void *row);

#endif
