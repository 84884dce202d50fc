/** Columns of sharing: mappings, map counts, fork families, processes side by side, pairs of them, runs of pages. */
#ifndef VM_FIELD_SHARE_H
#define VM_FIELD_SHARE_H

#include <sys/types.h>

#include "core/analysis/sharefamily.h"
#include "core/analysis/sharegroup.h"
#include "core/analysis/sharewho.h"
#include "core/field/field.h"
#include "core/model/share.h"

struct vm_mapping;
struct vm_proc;

/** A mapping; `sum` NULL: its pages couldn't be looked at. */
struct vm_share_mapping_row {
	const struct vm_mapping *m;
	const struct vm_share_sum *sum;
	bool counted;              /* map counts were read */
	bool merged_hidden;        /* merged pages are among the anonymous ones: vm_frames_hide_merged() */
	/** Who else maps its pages, and these processes; NULL: not looked for, or not known. */
	const struct vm_sharers *with;
	const struct vm_who_process *who;
};

/** Another process that maps pages of a mapping. */
struct vm_share_sharer_row {
	const struct vm_mapping *m;
	const struct vm_share_sum *sum;
	const struct vm_who_process *who;
	uint64_t bytes;
};

/** Pages that are mapped equally often. */
struct vm_share_count_row {
	/** [least, most] mappings; most UINT64_MAX: no limit. */
	uint64_t least, most;
	uint64_t bytes;
	double pss;                /* NAN: not known */
	double share;              /* of all bytes; NAN: there are none */
};

/** A member of a fork family. */
struct vm_share_member_row {
	const struct vm_kin *kin;
	/** The parent's number, if that is a member; 0: none. */
	pid_t parent;
	/** Its kernel figures. */
	const struct vm_proc *proc;
	/** NULL: its pages couldn't be looked at. */
	const struct vm_share_sum *sum;
	bool counted, merged_hidden;
	/** NULL: frames are withheld. */
	const struct vm_group_sum *group;
	/** Anonymous bytes that its parent maps too, and how they differ address by address; with_parent false: no parent, or
	    not known. */
	bool with_parent;
	uint64_t parent_bytes;
	struct vm_cow cow;
	/** Bytes that broke each second since the sample before, and what it will have copied in the end; NAN: not known. */
	double rate, peak;
};

/** A process among others. */
struct vm_share_process_row {
	const struct vm_proc *proc;
	/** NULL: its frames couldn't be read. */
	const struct vm_group_sum *group;
	bool merged_hidden;
};

struct vm_share_pair_row {
	const struct vm_proc *a, *b;
	uint64_t bytes[VM_SK_NR];
	bool merged_hidden;
	/** What each of them maps, each frame once. */
	uint64_t a_bytes, b_bytes;
};

/** Pages side by side; its mapping's name is beyond. */
struct vm_share_run_row {
	struct vm_share_piece piece;
};

extern const struct vm_fieldset vm_share_mapping_fields, vm_share_count_fields, vm_share_member_fields, vm_share_process_fields,
	vm_share_pair_fields, vm_share_run_fields, vm_share_sharer_fields;

/** Name of a class of map counts: "1", "5-8", ">256". */
const char *vm_share_class_text(uint64_t least, uint64_t most, struct vm_scratch *tmp);

#endif
