/**
 * What was sampled of page walks, or of other events of the CPU: how many samples, and where they came from.
 *
 * Plain data, cumulative: sources fill it (core/source/walksamples.h), analyses fold it (core/analysis/walkview.h).
 */
#ifndef VM_MODEL_WALKSET_H
#define VM_MODEL_WALKSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultset.h"
#include "core/model/tlbcount.h"

/** How far from the instruction that caused it a sample may be taken (perf_event_open(2), precise_ip). */
enum vm_walk_skid {
	VM_WALK_SKID_NONE,         /* it is that instruction, by the CPU's own record of it, or by an exception */
	VM_WALK_SKID_CONSTANT,     /* always the same distance, usually the instruction behind it */
	VM_WALK_SKID_ANY,          /* wherever the CPU was when the interrupt came */
	VM_WALK_SKIDS
};

/** An event that is sampled. */
struct vm_walk_event {
	char name[160];
	const char *note;          /* what it counts on this CPU, where the name misleads; or NULL.  Static. */
	/** What is translated for; VM_TC_SIDES: the event says nothing of translation. */
	enum vm_tc_side side;
	enum vm_walk_skid skid;
	/** It samples all accesses, of which those count that say of themselves that they needed a walk. */
	bool filtered;
	/** A sample each so many events; 0: so many samples a second and CPU. */
	uint64_t period, frequency;
	uint64_t samples;          /* that count */
	uint64_t with_address;     /* of these: the address of the data is known */
	/** Events that the samples stand for: of those that count, and of all. */
	uint64_t weight, all_weight;
	/** As it was counted meanwhile, whatever became of samples. */
	struct vm_tc_count count;
	/** Events that a weight of 1 stands for, from what was counted and sampled since the very beginning; 0: not known. */
	double scale;
};

/** An event that was to be sampled, and wasn't. */
struct vm_walk_refused {
	char name[160];
	int code;                  /* negative errno of perf_event_open(2) */
};

/** Data of the kernel, as vm_walk_group.mapping. */
#define VM_WALK_KERNEL (UINT64_MAX - 1)

/** Samples that have everything in common but their addresses. */
struct vm_walk_group {
	uint32_t space;
	uint8_t event;
	bool kernel;
	/** Of the data, or of the code where code was fetched: as in vm_fault_group; UINT64_MAX: none held the address; or
	    VM_WALK_KERNEL. */
	uint64_t mapping;
	/** The address is known, and so `mapping` says something. */
	bool addressed;
	uint64_t ip;               /* in the kernel's space if `kernel` */
	uint32_t stack;            /* index in who.stack; VM_FAULT_NONE: not asked for, or lost */
	uint64_t samples, weight;
	/** Of these samples: the size of the page is known, and is more than that of a base page. */
	uint64_t sized, huge;
};

enum { VM_WALK_EVENTS = 8 };

/** Zeroed it is empty and valid. */
struct vm_walkset {
	/** Whose they are and where: spaces, threads, mappings and stacks.  It holds no faults. */
	struct vm_faultset who;
	struct vm_walk_event event[VM_WALK_EVENTS];
	size_t nevents;
	struct vm_walk_refused refused[VM_WALK_EVENTS];
	size_t nrefused;
	VM_VEC(struct vm_walk_group) group;
	/** Indices of groups by what identifies each. */
	struct vm_map groups;
	/** CLOCK_MONOTONIC. */
	uint64_t began_ns, now_ns;
	uint64_t lost;             /* samples for which there was no room */
	uint64_t throttled;        /* times that the kernel held an event back, since it came too often */
	bool user_only;            /* kernel mode may not be looked at */
};

/**
 * Count a sample of g->event, which stands for g->weight events (g->samples and the like are ignored).  `page_bytes` of the
 * page at the address, 0: not known; `base_bytes` of a base page.  False when memory is out.
 */
bool vm_walkset_add(struct vm_walkset *w, const struct vm_walk_group *g, uint64_t page_bytes, uint64_t base_bytes);

/** A sample of `filtered` events that doesn't count. */
void vm_walkset_pass(struct vm_walkset *w, size_t event, uint64_t weight);

/** Set the scale: so many events, of which samples of `weight` came; a count of NAN is none. */
void vm_walkset_scale(struct vm_walkset *w, size_t event, double counted, uint64_t weight);

/** Forget the samples, not whose they were: for a new interval. */
void vm_walkset_clear(struct vm_walkset *w);
void vm_walkset_free(struct vm_walkset *w);

/** Samples of all events. */
uint64_t vm_walkset_samples(const struct vm_walkset *w);

/**
 * Events that a weight of this event's samples stands for: its share of what was counted, of `filtered` events the same
 * share of all that was sampled.  Where nothing was counted, the weight itself.
 */
double vm_walkset_events(const struct vm_walkset *w, size_t event, uint64_t weight);

#endif
