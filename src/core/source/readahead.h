/**
 * Read a descriptor in a second thread, while the first one works on what came before.
 *
 * The kernel takes about a microsecond to write a mapping into smaps, and we take a third of that to
 * read it: with 10^4 mappings it pays to do both at once.  Not for small files: a thread costs more.
 */
#ifndef VM_SOURCE_READAHEAD_H
#define VM_SOURCE_READAHEAD_H

#include <stddef.h>

struct vm_readahead;

/** Begin to read `fd` to its end.  NULL if there is no memory or no thread to be had. */
struct vm_readahead *vm_readahead_start(int fd);

/** Room in front of each piece, for what the consumer has left over from the one before. */
enum { VM_READAHEAD_ROOM = 24 * 1024 };

/**
 * The next piece, valid until the next call; VM_READAHEAD_ROOM bytes before it may be written.  Returns its
 * length, 0 at the end, or the negative errno of read(2).
 */
long vm_readahead_next(struct vm_readahead *ra, char **data);

/** End the thread, also before the end of the file; NULL is fine.  `fd` remains open. */
void vm_readahead_stop(struct vm_readahead *ra);

#endif
