/** Targets of measuring commands: -p, -n, -g, -a, or a command behind "--". */
#ifndef VM_CLI_TARGET_H
#define VM_CLI_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/opt.h"
#include "core/model/whom.h"

struct vm_err;
struct vm_session;

/** What was typed. */
struct vm_target_options {
	const char *pids, *name, *cgroup;
	bool all;
};

/** The four options of a table whose options struct has a struct vm_target_options at `base`; at most one may be given. */
#define VM_TARGET_OPTS(base, opt_group) \
	{ .short_name = 'p', .name = "pid", .arg = "PID[,PID...]", .type = VM_OPT_STRING, \
	  .at = (base) + offsetof(struct vm_target_options, pids), .group = (opt_group), \
	  .help = "these processes, with all their threads" }, \
	{ .short_name = 'n', .name = "name", .arg = "NAME", .type = VM_OPT_STRING, \
	  .at = (base) + offsetof(struct vm_target_options, name), .group = (opt_group), \
	  .help = "processes whose command name matches this, as pgrep", \
	  .man = "An extended regular expression; those that are there when it begins." }, \
	{ .short_name = 'g', .name = "cgroup", .arg = "PATH", .type = VM_OPT_STRING, \
	  .at = (base) + offsetof(struct vm_target_options, cgroup), .group = (opt_group), \
	  .help = "all processes of this cgroup, and of those below it", \
	  .man = "The path below /sys/fs/cgroup, as /proc/PID/cgroup shows it." }, \
	{ .short_name = 'a', .name = "all", .type = VM_OPT_FLAG, .at = (base) + offsetof(struct vm_target_options, all), \
	  .group = (opt_group), .help = "all processes", .man = "But this one, where it can be left out: not of what CPUs count." }

/** What it means.  A command is no part of it: the caller sets whom to VM_OF_COMMAND and pids to its child. */
struct vm_target {
	enum vm_whom whom;
	pid_t *pids;               /* OF_PIDS; freed by vm_target_free() */
	size_t npids;
	const char *cgroup;        /* OF_CGROUP */
};

static inline bool vm_target_given(const struct vm_target_options *o)
{
	return o->pids || o->name || o->cgroup || o->all;
}

/** Texts that can't name anything, and a cgroup that isn't there.  0, -EINVAL, -ESRCH. */
int vm_target_check(struct vm_session *s, const struct vm_target_options *o, struct vm_err *err);

/** 0, -EINVAL, or -ESRCH if no process has that name. */
int vm_target_find(struct vm_session *s, const struct vm_target_options *o, struct vm_target *out, struct vm_err *err);
void vm_target_free(struct vm_target *t);

/**
 * Operands: behind targets how often and how many times (vm_parse_interval(); *interval_ns stays without one), else a
 * command, which is left to the caller: VM_OF_COMMAND.  0, -EINVAL or -ESRCH.
 */
int vm_target_operands(struct vm_session *s, const struct vm_target_options *o, int argc, char **argv, struct vm_target *out,
		       uint64_t *interval_ns, uint64_t *count, struct vm_err *err);

/** The processes that were named have all ended. */
bool vm_target_gone(enum vm_whom whom, const pid_t *pids, size_t n);

#endif
