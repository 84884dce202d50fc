/**
 * Where the screens get their data: the one thing between cli/tui and the sources.  src/cli/vmtop.c
 * implements it; tests feed rows of their own.
 */
#ifndef VM_TUI_FEED_H
#define VM_TUI_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/model/need.h"
#include "core/model/procset.h"
#include "core/model/system.h"

struct vm_aspace;
struct vm_columns;
struct vm_fieldset;

/** What the screen shows, and so what has to be read. */
struct vm_want {
	uint32_t needs;            /* of all processes; 0: leave them as they are */
	bool kernel;               /* of kernel threads too; else what stat tells will do */
	const pid_t *sight;        /* rows in sight */
	size_t nsight;
	pid_t pid;                 /* the process that is open; 0: none */
	uint64_t start;
	uint32_t space_needs;
	uint64_t interval_ns;
	size_t moment;             /* of a recording */
};

/** What was read; owned by the feed and valid until the next refresh. */
struct vm_frame {
	const struct vm_procset *procs;
	struct vm_system sys, sys_before;
	/** The open process; NULL: not read yet.  It stays as it was last when the process ends. */
	const struct vm_aspace *space;
	/** Its totals, which may be newer than the space; NULL: not read yet. */
	const struct vm_proc *totals;
	/** 0; ESRCH when the process ended; else why it can't be read. */
	int space_error;
};

/** A moment of a recording. */
struct vm_when {
	char text[48];             /* local date and time */
	int64_t since_first_ns;
};

struct vm_feed {
	void *ctx;
	/** Of a recording: how many moments it has, and which one is to be shown first.  0: this machine, now. */
	size_t moments, moment;
	void (*when)(void *ctx, size_t moment, struct vm_when *out);
	/** The moment that a text means, as of --at.  0 or a negative errno. */
	int (*find)(void *ctx, const char *text, size_t *moment, struct vm_err *err);
	/** 0, or a negative errno: then the screen says so and goes on with what it has. */
	int (*refresh)(void *ctx, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err);
	/** Write rows to a new file and say its name.  NULL: there is no such thing. */
	int (*export)(void *ctx, const struct vm_fieldset *set, const struct vm_columns *cols,
		      const void *const *rows, size_t n, char *name, size_t size, struct vm_err *err);
};

#endif
