/** What the figures of the machine were at the last refreshes, for the graphs of the Machine screen. */
#ifndef VM_TUI_TRENDS_H
#define VM_TUI_TRENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/tui/canvas.h"

struct vm_field;
struct vm_machine_row;

enum { VM_TRENDS_MAX = 40, VM_TREND_LENGTH = 600 };

/** A figure of the machine that is followed. */
struct vm_trend {
	/** "reclaim", "scanned". */
	const char *group, *name;
	/** Its column in vm_machine_fields. */
	const char *column;
	enum vm_tint tint;
	/** Bytes out of these (enum vm_machqty): the graph is full where all of it is reached.  0: the highest fills it. */
	uint16_t whole;
};

extern const struct vm_trend vm_trends[];
extern const size_t vm_trends_n;

/** A ring of readings.  Zero-initialised is empty; vm_trends_free() it. */
struct vm_trends {
	const struct vm_field *field[VM_TRENDS_MAX];
	/** By trend, then by place in the ring; NAN: not known. */
	float (*v)[VM_TREND_LENGTH];
	/** When each was read, and in which moment of a recording. */
	uint64_t at_ns[VM_TREND_LENGTH];
	size_t moment[VM_TREND_LENGTH];
	size_t n, next;
};

/** Find the columns.  0 or -ENOMEM. */
int vm_trends_init(struct vm_trends *t);
void vm_trends_free(struct vm_trends *t);

/** One more reading, made at `at_ns`. */
void vm_trends_add(struct vm_trends *t, const struct vm_machine_row *row, uint64_t at_ns, size_t moment);

/** A recording's moment comes next: what isn't before it, or doesn't lead to it, is forgotten. */
void vm_trends_go_to(struct vm_trends *t, size_t moment);

/** The last `n` values of a trend, oldest first; those that there are none of are NAN. */
void vm_trends_get(const struct vm_trends *t, size_t trend, float *to, size_t n);

/** How long ago the oldest of the last `n` values was; 0: not known. */
uint64_t vm_trends_span(const struct vm_trends *t, size_t n);

#endif
