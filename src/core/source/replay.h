/** Between session.c and replay.c: files of a recording's moment, from memory. */
#ifndef VM_SOURCE_REPLAY_H
#define VM_SOURCE_REPLAY_H

#include <stddef.h>

struct vm_buf;
struct vm_replay;

/** A descriptor of a copy of the file (memfd_create(2)), to be read only; or a negative errno.  Directories have none. */
int vm_replay_open(const struct vm_replay *rp, const char *path, int flags);

/** The file behind what `to` holds, and a NUL behind that; its length or a negative errno. */
long vm_replay_slurp(const struct vm_replay *rp, const char *path, struct vm_buf *to);

/** As vm_session_list(). */
int vm_replay_list(const struct vm_replay *rp, const char *path, struct vm_buf *names);

/** As vm_session_readlink(). */
long vm_replay_readlink(const struct vm_replay *rp, const char *path, char *buf, size_t size);

#endif
