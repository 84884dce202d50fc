/** Commands that watch a workload. */
#ifndef VM_WORKLOADS_WATCH_H
#define VM_WORKLOADS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct vm_err;

enum { VM_WATCH_WORDS = 64 };

/** A command line, split into words. */
struct vm_watch {
	char *text;                            /* owns the words */
	char *word[VM_WATCH_WORDS];
	size_t words;
	bool interactive;                      /* it owns the terminal until it ends */
	bool many;                             /* it takes several processes */
	bool placed;                           /* a word holds {}, which becomes the pid */
};

/**
 * Split as a shell would, with quotes and backslashes but no expansion.  0, or -EINVAL for an open
 * quote, nothing at all or too much.
 */
int vm_watch_parse(struct vm_watch *w, const char *line, struct vm_err *err);
void vm_watch_free(struct vm_watch *w);

/**
 * Start it on those processes (the first is the workload itself).  The command is looked for beside
 * our own executable, then in PATH.  A line that says what is run goes to `out` first, unless the
 * command is interactive.  Returns its pid or a negative errno.
 */
pid_t vm_watch_start(const struct vm_watch *w, const pid_t *pids, size_t npids, FILE *out,
                     struct vm_err *err);

#endif
