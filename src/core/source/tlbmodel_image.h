/**
 * Memory in which the QEMU engine of the TLB model counts: it outlives the process, so that what was counted isn't lost
 * with a program that a signal ends, or that becomes another one by execve(2).
 */
#ifndef VM_SOURCE_TLBMODEL_IMAGE_H
#define VM_SOURCE_TLBMODEL_IMAGE_H

#include <stdbool.h>

struct vm_err;

/** How processes of an engine ended. */
struct vm_tlbimage_end {
	bool began;                /* false: the emulator ended before it ran the program */
	bool written;              /* the result file holds all that the first process counted */
	/** Processes that forked off, and those of them whose counts are lost, since a signal ended them. */
	unsigned forked, lost;
	/** Programs that took the place of others; they ran without the engine. */
	unsigned execs;
};

/** A descriptor to inherit, close-on-exec as it is; or a negative errno. */
int vm_tlbimage_open(struct vm_err *err);

/**
 * When the processes have ended: how, and the result file at `path` of the first one, if it couldn't write all of it
 * itself.  0, or a negative errno if the image can't be read.
 */
int vm_tlbimage_end(int fd, const char *path, struct vm_tlbimage_end *out, struct vm_err *err);

#endif
