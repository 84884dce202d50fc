/** A directory of our own, for files that nobody else needs: it goes away when we do, whatever ends us. */
#ifndef VM_SOURCE_SCRATCHDIR_H
#define VM_SOURCE_SCRATCHDIR_H

#include <sys/types.h>

struct vm_err;

struct vm_scratch_dir {
	int fd;                    /* O_PATH; -1: none */
	/** A process of ours waits for our end to remove it; the end of this pipe tells it. */
	pid_t keeper;
	int keeper_fd;
	char path[300];
};

/** Make it below `place`, named after `name`, for this user only.  0 or a negative errno; then d->fd is -1. */
int vm_scratch_dir_open(struct vm_scratch_dir *d, const char *place, const char *name, struct vm_err *err);

/** Remove it with all that is in it.  If there is none, nothing happens. */
void vm_scratch_dir_close(struct vm_scratch_dir *d);

/** Remove all that is below a directory; links are not followed. */
void vm_remove_below(int dir_fd);

#endif
