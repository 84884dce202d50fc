/** Parts of vmmap: what its modes share. */
#ifndef VM_CLI_VMMAP_VMMAP_H
#define VM_CLI_VMMAP_VMMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/common.h"
#include "core/model/aspace.h"

struct vm_err;
struct vm_session;

struct vmmap_options {
	int by;                    /* index into by_words[]; -1: not grouped */
	bool layout, mm, flags;
	uint64_t address, before, after;
	bool have_address;
	const char *address_text;
	const char *capture;
};

/** One run of vmmap. */
struct vmmap {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmmap_options *o;
	struct vm_choice choice;   /* columns of the mappings */
	struct vm_view group_view, total_view, process_view, mm_view;
	uint32_t needs;
	bool five_levels;
	bool have_levels;          /* whether that is known */
	char arch[24];             /* "x86_64"; "" if not known */
	struct vm_report report;
};

/** The picture of the address space. */
int vmmap_layout(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err);

/** The mm_struct and its vm_area_structs; what they need. */
int vmmap_mm(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err);
uint32_t vmmap_mm_needs(const struct vmmap *v);

/** One address: what holds it, or what lies around it. */
void vmmap_say_address(struct vmmap *v, const struct vm_aspace *as, uint64_t addr);

#endif
