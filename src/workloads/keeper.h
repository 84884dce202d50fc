/** Settings of the machine that a workload borrows: put back whatever the workload dies of. */
#ifndef VM_WORKLOADS_KEEPER_H
#define VM_WORKLOADS_KEEPER_H

#include <sys/types.h>

struct vm_err;

/** A child process that changes something, and puts it back when we end or die.  Zero-initialised: none. */
struct vm_keeper {
	pid_t pid;
	int to;
};

struct vm_kept {
	/** Make the change.  0 or a negative errno; put_back() is called in either case. */
	int (*set)(void *arg, struct vm_err *err);
	/** Undo what set() did, and no more. */
	void (*put_back)(void *arg);
};

/**
 * Both functions run in the child and on its copy of *arg.  0, or what set() failed with.  To be called before there is
 * memory whose pages must not be shared.
 */
int vm_keeper_start(struct vm_keeper *k, const struct vm_kept *what, void *arg, struct vm_err *err);
/** Have it put back, and wait until it is; harmless when there is none. */
void vm_keeper_end(struct vm_keeper *k);

/** A number in a file of /sys.  0 or a negative errno. */
int vm_setting_read(const char *path, unsigned long long *v);
int vm_setting_write(const char *path, unsigned long long v);

#endif
