/**
 * Memory of an engine that outlives its process: whatever ends that, even SIGKILL, who started it can still write the
 * result.
 *
 * A memfd that vmtlb makes and the plugin maps, shared; it begins with a struct vm_tlbimage, and everything that the core
 * of the engine allocates comes from behind it.  Pointers hold at the address where it was mapped, so vmtlb maps it there.
 */
#ifndef VM_ENGINES_QEMU_IMAGE_H
#define VM_ENGINES_QEMU_IMAGE_H

#include <stdint.h>

#include "engines/tlbtrace.h"

#define VM_TLBIMAGE_MAGIC UINT64_C(0x31676d69626c746d)   /* "mtlbimg1" */

/** How much of the address space is taken; pages are used as they are needed. */
#define VM_TLBIMAGE_BYTES (UINT64_C(4) << 30)

struct vm_tlbimage {
	uint64_t magic;
	uint64_t base;             /* where it is mapped */
	uint64_t used;             /* bytes from the beginning */
	/** All of it is written to the result file by the process itself, and nothing was counted since. */
	uint32_t written;
	/** Something that is needed lies elsewhere. */
	uint32_t broken;
	/** Processes that forked off, and how many of them wrote what they counted when they ended. */
	uint32_t forked, forked_written;
	uint32_t pid;
	/** The program called execve(2), and its calls returned so many times. */
	uint32_t execs, execs_failed;
	char engine[128], sizes[16], program[256];
	struct vm_tlbtrace core;
};

#endif
