/**
 * Where the screens get their data: the one thing between cli/tui and the sources.  src/cli/vmtop/vmtop.c
 * implements it; tests feed rows of their own.
 */
#ifndef VM_TUI_FEED_H
#define VM_TUI_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/analysis/whysay.h"
#include "core/base/err.h"
#include "core/model/need.h"
#include "core/model/procset.h"
#include "core/model/system.h"

struct vm_aspace;
struct vm_buf;
struct vm_columns;
struct vm_fieldset;
struct vm_huge_space;
struct vm_hugesys;
struct vm_machine;
struct vm_machine_rates;
struct vm_nodes;
struct vm_pages_feed;
struct vm_faults_feed;
struct vm_tlb_feed;
struct vm_shared_feed;
struct vm_why_group;
struct vm_why_space;

enum { VM_SIGHT_MAX = 256 };

/** What the screen shows, and so what has to be read. */
struct vm_want {
	uint32_t needs;            /* of all processes; 0: leave them as they are */
	bool kernel;               /* of kernel threads too; else what stat tells will do */
	pid_t sight[VM_SIGHT_MAX]; /* rows in sight */
	size_t nsight;
	pid_t pid;                 /* the process that is open; 0: none */
	uint64_t start;
	uint32_t space_needs;
	bool huge;                 /* of the open process: sizes of its pages */
	uint32_t machine;          /* VM_MACH() bits: of the machine's figures; 0: none */
	bool machine_whole;        /* its nodes, and pools and policies of huge pages, too */
	uint64_t interval_ns;
	/** Share of one CPU that dear figures may take. */
	double budget;
	size_t moment;             /* of a recording */
};

/** What was read; owned by the feed and valid until the next refresh. */
struct vm_frame {
	const struct vm_procset *procs;
	/** Set by the screens: it was read just now, not only looked at again. */
	bool fresh;
	struct vm_system sys, sys_before;
	/** The open process; NULL: not read yet.  It stays as it was last when the process ends. */
	const struct vm_aspace *space;
	/** Its totals, which may be newer than the space; NULL: not read yet. */
	const struct vm_proc *totals;
	/** CPU time that we have used so far; 0: not told. */
	uint64_t own_cpu_ns;
	/** 0; ESRCH when the process ended; else why it can't be read. */
	int space_error;
	/** The open process by sizes of pages, and why they aren't larger; NULL: not wanted, or why it can't be read. */
	const struct vm_huge_space *huge;
	const struct vm_why_space *huge_why;
	struct vm_err huge_trouble;
	/** The machine's figures, and how fast they change; NULL: not wanted, or not read. */
	const struct vm_machine *machine;
	const struct vm_machine_rates *rates;
	/** The same of its nodes, and what it says of huge pages. */
	const struct vm_nodes *nodes;
	const struct vm_hugesys *hugesys;
};

/** A moment of a recording. */
struct vm_when {
	char text[48];             /* local date and time */
	int64_t since_first_ns;
};

/** What the machine was in a moment; valid for this call. */
typedef void vm_feed_past(void *ctx, size_t moment, const struct vm_machine *m, const struct vm_machine_rates *rates);

struct vm_feed {
	void *ctx;
	/** The machine's memory nodes, and its base page in bytes; NULL: not known. */
	const struct vm_nodes *nodes;
	uint64_t page_bytes;
	/** Of a recording: how many moments it has, and which one is to be shown first.  0: this machine, now. */
	size_t moments, moment;
	void (*when)(void *ctx, size_t moment, struct vm_when *out);
	/** The moment that a text means, as of --at.  0 or a negative errno. */
	int (*find)(void *ctx, const char *text, size_t *moment, struct vm_err *err);
	/** Take the machine's figures of a recording's moments from `from` on, before `to`.  NULL: there are no moments. */
	void (*look_back)(void *ctx, size_t from, size_t to, uint32_t machine, vm_feed_past *take, void *take_ctx);
	/** 0, or a negative errno: then the screen says so and goes on with what it has. */
	int (*refresh)(void *ctx, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err);
	/** All that is to be said of memory in frame->huge_why, line by line. */
	void (*explain_huge)(void *ctx, const struct vm_why_group *g, vm_huge_say *say, void *say_ctx);
	/** Pages of the open process (feed_pages.h).  NULL: they can't be read here. */
	const struct vm_pages_feed *pages;
	/** Its page faults, while somebody looks (feed_faults.h).  NULL: they can't be watched here. */
	const struct vm_faults_feed *faults;
	/** What translating its addresses costs (feed_tlb.h). */
	const struct vm_tlb_feed *tlb;
	/** Sharing of the open process (feed_shared.h); NULL: there is no such thing. */
	const struct vm_shared_feed *shared;
	/** Write the file of settings, and say its name.  NULL: there is no such file. */
	int (*save)(void *ctx, const char *text, size_t len, char *name, size_t size, struct vm_err *err);
	/** Append a picture of the space.  NULL: there is no such thing. */
	int (*picture)(void *ctx, const struct vm_aspace *as, bool utf8, struct vm_buf *out, struct vm_err *err);
	/** Write rows to a new file and say its name.  NULL: there is no such thing. */
	int (*export)(void *ctx, const struct vm_fieldset *set, const struct vm_columns *cols,
		      const void *const *rows, size_t n, char *name, size_t size, struct vm_err *err);
};

#endif
