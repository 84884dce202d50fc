/** Standard input for several runs of a program, the same for each. */
#ifndef VM_SOURCE_SPOOL_H
#define VM_SOURCE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;

enum vm_spool_kind {
	VM_SPOOL_SHARED,           /* a terminal, /dev/null and the like: each run gets it as it is */
	VM_SPOOL_FILE,             /* a file: each run begins where we did */
	VM_SPOOL_COPY,             /* what came through a pipe or socket, kept in memory */
};

struct vm_spool {
	enum vm_spool_kind kind;
	int fd;                    /* what a run is given; ours to close only if it's a copy */
	off_t start;
	uint64_t bytes;            /* of a copy */
};

/**
 * What `fd` is.  A pipe or socket is read to its end, which may take for ever: `waits` is called, once, when it has been
 * silent for a second.  0 or a negative errno.
 */
int vm_spool_open(struct vm_spool *sp, int fd, void (*waits)(void *ctx), void *ctx, struct vm_err *err);

/** Before each run: to the beginning. */
void vm_spool_rewind(const struct vm_spool *sp);
void vm_spool_close(struct vm_spool *sp);

#endif
