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
	bool written;              /* the result of the first process is complete */
	/** Programs that took the place of others; they ran without the engine. */
	unsigned execs;
};

/** A descriptor to inherit, close-on-exec as it is; or a negative errno. */
int vm_tlbimage_open(struct vm_err *err);

/**
 * When the first process has ended: how; and its result file in `directory`, if it couldn't write that itself.  0, or a negative errno if the image can't be read.
 */
int vm_tlbimage_end(int fd, const char *directory, struct vm_tlbimage_end *out, struct vm_err *err);

#endif
