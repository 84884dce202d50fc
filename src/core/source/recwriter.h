/** Writes recordings: frames behind frames, each complete or not there. */
#ifndef VM_SOURCE_RECWRITER_H
#define VM_SOURCE_RECWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/source/rectree.h"

struct vm_err;
struct vm_rec_writer;

/**
 * Begin a recording, or go on with one: what isn't a complete frame at its end is cut off, and *cut, the bytes of that,
 * tells it (the index, which every recording that was closed ends with, doesn't count).  -EEXIST: the file holds
 * something else; -EBUSY: another vmrec writes it; -ENOTSUP: it is of a newer version.
 */
int vm_rec_writer_open(const char *path, struct vm_rec_writer **out, uint64_t *cut, struct vm_err *err);

/**
 * Write the index and close.  What was put since the last frame is dropped; a new file without a frame is removed.  NULL is
 * fine.
 */
int vm_rec_writer_close(struct vm_rec_writer *w, struct vm_err *err);

/** What the frame that is being made holds already, or took over from the one before.  Don't change it. */
struct vm_rec_tree *vm_rec_writer_tree(struct vm_rec_writer *w);

/** Put a file into the frame that is being made; one that was put already stays as it is.  0 or -ENOMEM. */
int vm_rec_put(struct vm_rec_writer *w, const char *path, enum vm_rec_kind kind, const void *data, size_t len);

/** The file is there no more; if it never was, nothing happens. */
void vm_rec_drop(struct vm_rec_writer *w, const char *path);

/**
 * Write the frame, of the moment at which its reading began.  0, or a negative errno: then the file ends with the frame
 * before.
 */
int vm_rec_commit(struct vm_rec_writer *w, int64_t real_ns, uint64_t boot_ns, struct vm_err *err);

/** Bytes of the frames that are in the file, with its head. */
uint64_t vm_rec_writer_bytes(const struct vm_rec_writer *w);

#endif
