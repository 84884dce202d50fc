/** Parts of vmtop: what its table and its screens share. */
#ifndef VM_CLI_VMTOP_VMTOP_H
#define VM_CLI_VMTOP_VMTOP_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "core/model/procset.h"
#include "core/model/system.h"
#include "core/source/sweep.h"

struct vm_buf;
struct vm_err;
struct vm_session;

struct vmtop_options {
	const char *pids, *name, *user, *budget, *script;
	uint64_t delay_ns;
	bool once, kernel, read_only;
};

/** One run of vmtop. */
struct vmtop {
	struct vm_ctx *ctx;
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmtop_options *o;
	/** What is known of processes on this machine, in `arena`. */
	const struct vm_fieldset *fields;
	struct vm_arena arena;
	struct vm_choice choice;   /* columns, order and filter of the processes */
	struct vm_procset set;
	struct vm_system sys;
	/* Which processes: -p, -n, -u, -k. */
	pid_t *pids;               /* ascending */
	size_t npids;
	regex_t name;
	bool have_name;
	uid_t uid;
	bool have_uid;
	double budget;             /* share of one CPU, and time between refreshes; 0: not given */
	uint64_t interval_ns;
};

/** The part of a sweep that the options decide: whose figures are read. */
struct vm_sweep vmtop_sweep(struct vmtop *v, uint32_t needs);

/** Write rows (NULL-terminated name of schema in vmtop/1) as one report.  0 or a negative errno. */
int vmtop_report(struct vmtop *v, const struct vm_sink *sink, FILE *out, const struct vm_view *view,
		 const void *const *rows, size_t n, struct vm_err *err);

/** $XDG_CONFIG_HOME/vmtop/config, or ~/.config/vmtop/config.  False: neither is known. */
bool vmtop_config_path(char *path, size_t size);

/** All of it; nothing, and 0, where there is no such file. */
int vmtop_config_read(const char *path, struct vm_buf *out, struct vm_err *err);

/** Replace it at once, links to it kept; its directories are made.  0 or a negative errno. */
int vmtop_config_save(const char *path, const char *text, size_t len, struct vm_err *err);

/** Blocks of the manual that come from the screens: "man-keys", "man-settings". */
bool vmtop_print_doc(const char *kind, FILE *out);

/** Show the screens until the user leaves.  -ENOTTY: there is no screen here, *err says why. */
int vmtop_live(struct vmtop *v, struct vm_err *err);

#endif
