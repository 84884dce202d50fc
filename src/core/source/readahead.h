/**
 * Read a descriptor while a second thread works on what came before.
 *
 * The kernel takes about a microsecond to write a mapping into smaps, and we take a third of that to
 * parse it: with 10^4 mappings it pays to do both at once.  Not for small files: a thread costs more.
 * Reading is the longer part, so it stays where the process runs.
 */
#ifndef VM_SOURCE_READAHEAD_H
#define VM_SOURCE_READAHEAD_H

#include <stddef.h>

/** Room in front of each piece, for what the consumer has left over from the one before. */
enum { VM_READAHEAD_ROOM = 24 * 1024 };

/**
 * Read `fd` to its end; take(ctx, data, len) is called for each piece, in order, in the second thread, and
 * may write VM_READAHEAD_ROOM bytes before it.  Returns when all were taken: 0, or the negative errno of
 * read(2); -EAGAIN if there is no memory or no thread to be had, and then nothing was read.
 */
int vm_read_ahead(int fd, void (*take)(void *ctx, char *data, size_t len), void *ctx);

#endif
