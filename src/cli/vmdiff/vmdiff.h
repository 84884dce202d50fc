/** Parts of vmdiff: what its modes share. */
#ifndef VM_CLI_VMDIFF_VMDIFF_H
#define VM_CLI_VMDIFF_VMDIFF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "core/base/str.h"
#include "core/source/session.h"

struct vm_aspace;
struct vm_err;

/** Something has grown, and --fail-on-growth was given. */
enum { VMDIFF_EXIT_GROWN = 6 };

struct vmdiff_options {
	int by;                    /* index into the words of --by; -1: mapping by mapping */
	bool all, fail_on_growth;
	uint64_t wait_ns, every_ns, tolerate;
};

enum vmdiff_from { VMDIFF_LIVE, VMDIFF_CAPTURE, VMDIFF_RECORDING };

/** One process at one time. */
struct vmdiff_moment {
	const char *text;          /* as typed */
	enum vmdiff_from from;
	char *path;                /* of a capture or recording */
	/** The machine that it is of; `own`: opened for this moment. */
	struct vm_session *s;
	bool own;
	pid_t pid;                 /* 0: not said */
	struct vm_aspace *as;      /* NULL: not read yet */
	uint64_t time_ns;          /* Unix time; 0: not known */
	uint64_t boot;             /* vm_session_read_boot() */
};

/** One run of vmdiff. */
struct vmdiff {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmdiff_options *o;
	struct vm_choice choice;   /* what -o, -s and --filter speak of: changed mappings, or trends */
	struct vm_view process_view;
	uint32_t needs;
	struct vm_report report;
	uint64_t began_ns;
	bool grown;                /* what --fail-on-growth asks for */
	/** What could not be read of all captures that are closed. */
	struct vm_unmet unmet[VM_NEED_NR];
};

/**
 * What a word on the command line means: a process, a capture, a recording's moment.  0, or -EINVAL, or why it can't be
 * opened.  Free with vmdiff_moment_close() either way.
 */
int vmdiff_moment_open(struct vmdiff *v, const char *text, struct vmdiff_moment *m, struct vm_err *err);

/** Whether a word names a whole recording, all of its moments: FILE, FILE:PID, or PID with --replay. */
bool vmdiff_is_recording(const struct vmdiff *v, const char *text);

/** The process of a moment that names none: the only one that is there, or `like`, if it isn't 0 and is there. */
int vmdiff_moment_settle(struct vmdiff_moment *m, pid_t like, struct vm_err *err);

/** Photograph it, as v->needs says.  What is missed is for the caller to note: once, however often it is read. */
int vmdiff_moment_read(struct vmdiff *v, struct vmdiff_moment *m, struct vm_err *err);
void vmdiff_moment_close(struct vmdiff *v, struct vmdiff_moment *m);

/** Both are one process: number and start time are the same, and the run of the machine, where that is known. */
bool vmdiff_same_process(const struct vmdiff_moment *a, const struct vmdiff_moment *b);

/** "now", "capture before, 2026-11-28 04:22:31 UTC" */
void vmdiff_moment_put(const struct vmdiff_moment *m, struct vm_buf *out);

/** As a member of the open document. */
void vmdiff_moment_json(struct vmdiff *v, const char *key, const struct vmdiff_moment *m);

/** "12s", "3h 12m", "12d 3h" */
const char *vmdiff_span(double seconds, char text[static VM_NUMBUF]);

/** Seconds from a to b of one process; NAN: not known. */
double vmdiff_seconds(const struct vmdiff_moment *a, const struct vmdiff_moment *b);

/** SIGINT and its like end the time early: *told.  0 or a negative errno. */
int vmdiff_sleep_until(uint64_t deadline_ns, bool *told, struct vm_err *err);

/** Whether something of it could not be read. */
bool vmdiff_has_unmet(const struct vm_session *s);

/** Trends: of one live process, looked at every o->every_ns; of three moments or more.  Each writes its report. */
int vmdiff_watch(struct vm_ctx *ctx, struct vmdiff *v, int argc, char **argv, struct vm_err *err);
int vmdiff_many(struct vm_ctx *ctx, struct vmdiff *v, int argc, char **argv, struct vm_err *err);

/** The same of the moments of a recording, from --at on, at least o->every_ns apart; `count` of them, or all if it is 0. */
int vmdiff_recording(struct vm_ctx *ctx, struct vmdiff *v, const char *text, uint64_t count, struct vm_err *err);

/** What changed from one to the other. */
int vmdiff_pair(struct vmdiff *v, const struct vmdiff_moment *a, const struct vmdiff_moment *b, struct vm_err *err);

#endif
