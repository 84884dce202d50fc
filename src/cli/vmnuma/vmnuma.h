/** Parts of vmnuma: what its files share. */
#ifndef VM_CLI_VMNUMA_VMNUMA_H
#define VM_CLI_VMNUMA_VMNUMA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "cli/target.h"
#include "core/field/numa.h"
#include "core/model/aspace.h"
#include "core/source/source.h"

struct vmnuma_options {
	struct vm_target_options target;
	bool memory, counters, zeros;
	const char *address, *migrate;
	uint64_t sample;
	uint64_t interval_ns, count;
};

struct vmnuma {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmnuma_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	FILE *out;
	struct vm_report report;
	const char *migrate_to;        /* TO of --migrate */
	/** The processes that were named; not with --all. */
	struct vm_pids pids;
	uint64_t interval_ns, count;   /* 0: once */
	uint64_t reports;
	/** The machine's nodes now, and in the sample before (valid if `again`). */
	struct vm_nodes nodes, prev;
	bool again;
	/** CLOCK_MONOTONIC at which reading of this sample began. */
	uint64_t began_ns;
	/** Lives as long as a sample. */
	struct vm_arena arena;
};

/** A way to look: what -o and its kin speak of, and one sample of it. */
struct vmnuma_mode {
	const char *name;          /* "machine": in documents */
	/** NULL after vmnuma_set() means no memory. */
	const struct vm_fieldset *set;
	/** Rates alone are shown with an interval: the first sample is only what they begin from. */
	bool rates;
	int (*show)(struct vmnuma *v, struct vm_err *err);
};

extern const struct vmnuma_mode vmnuma_machine, vmnuma_memory, vmnuma_counters, vmnuma_processes, vmnuma_details, vmnuma_pages,
	vmnuma_migrate;

/** Rows of a table; `spec` stands in for -o where that wasn't given (NULL: the set's defaults).  `chosen`: -o, -s and --filter
    speak of this one. */
int vmnuma_list(struct vmnuma *v, const struct vm_fieldset *set, bool chosen, const char *spec, const void *rows, size_t n,
		size_t size, const void *total, struct vm_err *err);

/** "2 nodes", or one; what the machine's one node means for whoever asks. */
void vmnuma_say_single(struct vmnuma *v);

/** Numbers of nodes and "all" (those that have memory): "0-1,4".  -EINVAL names the text. */
int vmnuma_parse_nodes(const struct vmnuma *v, const char *text, struct vm_nodemask *out, struct vm_err *err);

#endif
