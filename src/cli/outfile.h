/** A file that output goes into instead of standard output. */
#ifndef VM_CLI_OUTFILE_H
#define VM_CLI_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

struct vm_err;

/** Zeroed: none. */
struct vm_outfile {
	FILE *out;
	int fd;
	bool emptied;
};

/**
 * Open it, so that it can be written.  It keeps what it has until something is written: what fails before loses nothing.
 * `f` must stay where it is until vm_outfile_close().  0 or a negative errno.
 */
int vm_outfile_open(struct vm_outfile *f, const char *path, struct vm_err *err);

/** `whole`: what was written is all that there is, even if that is nothing. */
void vm_outfile_close(struct vm_outfile *f, bool whole);

#endif
