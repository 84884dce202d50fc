/** A command as data; src/cli/main.c does the rest. */
#ifndef VM_CLI_COMMAND_H
#define VM_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/opt.h"

struct vm_err;
struct vm_fieldset;
struct vm_session;
struct vm_source;

enum { VM_EXIT_OK, VM_EXIT_FAILED, VM_EXIT_USAGE, VM_EXIT_GONE, VM_EXIT_DENIED, VM_EXIT_PARTIAL };

struct vm_example { const char *cmd, *what; };

enum vm_color { VM_COLOR_AUTO, VM_COLOR_ALWAYS, VM_COLOR_NEVER };

/** Options that every command has, and those of commands that show rows; see cli/common.c. */
struct vm_common {
	const char *root;          /* --root, "/" */
	const char *replay;        /* --replay; NULL: live, or the tree at `root` */
	const char *at;            /* --at */
	bool json, csv;            /* -J, --csv */
	int format;                /* --format: index into vm_sinks[] */
	const char *columns;       /* -o */
	const char *sort;          /* -s */
	const char *filter;        /* --filter */
	bool bytes;                /* -b */
	bool no_headings;
	int color;                 /* enum vm_color */
	bool strict;
	bool sources;              /* --sources */
	bool help, version;
	const char *print_doc;     /* --print-doc */
};

/** What a run of a command works with. */
struct vm_ctx {
	struct vm_session *s;          /* NULL for commands with no_session */
	const struct vm_common *common;
	FILE *out;
	/** Set to end with a status of one's own (a measured program's, 77 of vmlab); else -1. */
	int exit_status;
};

struct vm_command {
	const char *name;              /* "vmmap" */
	const char *brief;             /* NAME section, first line of --help */
	const char *operands;          /* "PID..." */
	const struct vm_opt *opts;     /* own options; the common ones are added */
	/** Row kinds with columns, ended by NULL: the first is what -o, -s and --filter speak of. */
	const struct vm_fieldset *const *fields;
	const struct vm_example *examples;   /* ended by a NULL cmd */
	size_t opts_size;              /* of the options struct */
	const void *defaults;          /* its initial contents */
	/** 0, or a negative errno with *err filled: -ESRCH, -EACCES, -EPERM and -EINVAL have exit
	    statuses of their own.  What could not be read is noted in the session, not a failure. */
	int (*run)(struct vm_ctx *ctx, const void *opts, int argc, char **argv, struct vm_err *err);
	/** Blocks of --print-doc that only this command has, "man-keys"; false: there is no such one.  May be NULL. */
	bool (*print_doc)(const char *kind, FILE *out);
	/** Sources of its own besides vm_sources[], for --sources; ended by NULL.  NULL: none. */
	const struct vm_source *const *sources;
	bool no_session;               /* reads no process: --root, --replay and --sources make no sense */
	bool stop_at_operand;          /* what follows the first operand isn't ours to parse */
};

/** Defined once in each src/cli/vmXXX.c. */
extern const struct vm_command vm_command;

#endif
