/** A stream cut into lines, however its pieces are cut and however long its lines are. */
#ifndef VM_BASE_LINECUT_H
#define VM_BASE_LINECUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

/** Zero-initialised it is at the beginning of a stream. */
struct vm_linecut {
	struct vm_buf rest;        /* the beginning of the line that isn't whole yet */
};

/** What a line is cut to. */
enum { VM_LINE_MAX = 1024 };

/**
 * Call take() for each line that this piece ends, without the newline and NUL-terminated, of long ones with their first
 * VM_LINE_MAX bytes.  take() may change the line.  What follows the last newline waits for the next piece.
 */
void vm_linecut_feed(struct vm_linecut *c, const char *data, size_t len, void (*take)(void *ctx, char *line, size_t len),
		     void *ctx);
void vm_linecut_free(struct vm_linecut *c);

#endif
