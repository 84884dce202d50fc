// SPDX-License-Identifier: GPL-2.0-or-later
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
#define VM_TLBIMAGE_LEAST (UINT64_C(64) << 20)

/**
 * Accesses of a thread that are to be modelled.  They wait until there are many: between them the program's own loads
 * overlap, as they do without us, instead of waiting for memory one after the other.
 */
enum { VM_TLBIMAGE_QUEUE = 512 };

struct vm_tlbimage_queue {
	struct vm_tlbimage_queue *next;
	struct vm_tlbtrace_thread *thread;
	uint32_t n;
	struct {
		uint64_t addr;
		struct vm_tlbtrace_site *site;
	} v[VM_TLBIMAGE_QUEUE];
};

static inline void vm_tlbimage_drain(struct vm_tlbtrace *core, struct vm_tlbimage_queue *q)
{
	for (unsigned i = 0; i < q->n && i < VM_TLBIMAGE_QUEUE; i++)
		vm_tlbtrace_slow(core, q->thread, q->v[i].site, q->v[i].addr);
	q->n = 0;
}

/** Was anything of the program executed? */
static inline bool vm_tlbimage_ran(const struct vm_tlbtrace *core)
{
	const struct vm_tlbtrace_thread *t = core->threads;
	while (t && !t->instructions)
		t = t->next;
	return t;
}

/** Where it is mapped, if it can be: far from where kernels, emulators and sanitizers put things by themselves. */
#define VM_TLBIMAGE_HINT UINT64_C(0x380000000000)

struct vm_tlbimage {
	uint64_t magic;            /* set last */
	uint64_t base, bytes;      /* where it is mapped */
	uint64_t used;             /* bytes from the beginning */
	/** All that was counted is in the result file. */
	uint32_t written;
	/** Something that is needed lies elsewhere. */
	uint32_t broken;
	/** The result is the file PID-NUMBER. */
	uint32_t pid, number;
	/** Of all processes: programs that took the place of others by execve(2). */
	uint32_t execs;
	struct vm_tlbimage_queue *queues;
	char engine[64], sizes[16], program[256];
	struct vm_tlbtrace core;
};

/** The first page, which processes that fork off go on to share. */
enum { VM_TLBIMAGE_HEAD = 4096 };
_Static_assert(offsetof(struct vm_tlbimage, core) < VM_TLBIMAGE_HEAD, "what processes count together lies on the first page");

#endif
