/** Files that processes map, opened as the very files that they are. */
#ifndef VM_SOURCE_MAPPED_H
#define VM_SOURCE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_session;

/** A mapping of a file, as /proc/PID/maps tells it. */
struct vm_mapped {
	pid_t pid;
	bool alive;                /* else only the path is left */
	uint64_t start, end;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *path;          /* as the process sees it */
};

/**
 * The mapped file, opened for reading without side effects: by its path in the process's root, else by the kernel's
 * link /proc/PID/map_files (which leads to deleted files as well, and takes CAP_CHECKPOINT_RESTORE), else by its path
 * in the session's root.  A file that isn't the mapped one isn't opened: device and inode are compared, devices not
 * where either is an anonymous one (major 0: overlayfs, btrfs and others tell different ones by maps and by stat(2)).
 * In a captured tree any regular file of that path will do.
 *
 * `from` becomes the path below the session's root that led there.  A descriptor or a negative errno; -ESTALE: the
 * path names another file by now.
 */
int vm_open_mapped(struct vm_session *s, const struct vm_mapped *m, char *from, size_t size);

#endif
