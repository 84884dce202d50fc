/**
 * Who else maps the pages of a process, mapping by mapping: its frames as sets, against the frames of one process after
 * the other.  What is kept is bounded: sets of the one process, those of the process that is compared, and for each mapping
 * the processes that have the most in common with it.
 */
#ifndef VM_ANALYSIS_SHAREWHO_H
#define VM_ANALYSIS_SHAREWHO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/frameset.h"
#include "core/model/process.h"

/** A process that maps something of it. */
struct vm_who_process {
	pid_t pid;
	uint64_t start;            /* in ticks since boot */
	char comm[VM_COMM_MAX + 1];
};

/** So many are kept of a mapping. */
enum { VM_SHARERS_KEPT = 64 };
struct vm_sharer {
	uint32_t process;          /* index into vm_who.processes */
	uint64_t bytes;            /* of the mapping's frames, each once */
};
struct vm_sharers {
	/** Those with the most in common, most first, when vm_who_end() has been called. */
	VM_VEC(struct vm_sharer) most;
	/** How many there are, those that aren't kept included. */
	size_t all;
};

/** Where a chunk of a mapping's frames is. */
struct vm_who_chunk {
	uint32_t chunk, mapping, at;
};

/** Zeroed it is empty. */
struct vm_who {
	struct vm_framepool pool;
	struct vm_framebuild build;
	/** By mapping: its frames. */
	struct vm_frames_mapped *of;
	size_t mappings, building;
	VM_VEC(struct vm_who_chunk) chunks;
	/** Of the process that is compared: bytes by mapping. */
	uint64_t *bytes;
	VM_VEC(struct vm_who_process) processes;
	/** Result, by mapping. */
	struct vm_sharers *sharers;
};

/** So many mappings.  0 or -ENOMEM; vm_who_free() in either case. */
int vm_who_begin(struct vm_who *w, size_t mappings);

/** `n` frames of a mapping; mappings come in ascending order.  0 or -ENOMEM. */
int vm_who_add(struct vm_who *w, size_t mapping, uint64_t pfn, uint64_t n);

/** All frames have been added.  0 or -ENOMEM. */
int vm_who_ready(struct vm_who *w);

/** Another process and what it maps.  0 or -ENOMEM. */
int vm_who_compare(struct vm_who *w, const struct vm_who_process *p, const struct vm_framepool *pool,
		   const struct vm_frames_mapped *mapped);

/** All processes have been compared. */
void vm_who_end(struct vm_who *w);
void vm_who_free(struct vm_who *w);

#endif
