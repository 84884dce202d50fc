/** One address of a process, for vmpage and vmtop: what is read of it, and what is said of it. */
#ifndef VM_CLI_PAGEPLACE_H
#define VM_CLI_PAGEPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/field/page.h"
#include "core/model/page.h"
#include "core/model/pgtable.h"
#include "core/source/walker.h"

struct vm_aspace;
struct vm_buf;
struct vm_frames;
struct vm_mapping;
struct vm_report;
struct vm_session;

/** All that is known of one address. */
struct vm_place {
	uint64_t addr;
	struct vm_pt_geometry g;
	const struct vm_mapping *m;
	struct vm_walk_path path;
	bool have_path, have_run, have_flags, have_count, have_cgroup;
	struct vm_pte leaf;
	struct vm_page_run run;    /* as pagemap has it */
	uint64_t pfn;              /* of the base page at addr; VM_PFN_NONE: unknown, or none */
	uint64_t flags, count, cgroup;
	char swap[256];
	/** Why there is no path; why there is no frame. */
	struct vm_err why, why_frame;
};

/**
 * Read the page of p->addr of the process that `as` is of, the way `via` (enum vm_pages_via) says.  `f`: frames of the machine,
 * or NULL.  0; what can't be had is told in p->why and p->why_frame.  -ESRCH and others: nothing can.
 */
int vm_place_look(struct vm_session *s, struct vm_place *p, const struct vm_aspace *as, int via, struct vm_frames *f,
		  struct vm_err *err);

/**
 * The way through the page tables: rows[VM_PT_LEVELS], whose texts are in bits[VM_PT_LEVELS], which the caller frees.
 * `names`: bits by name only, for programs.  How many there are.
 */
size_t vm_place_steps(const struct vm_place *p, bool names, struct vm_step_row *rows, struct vm_buf *bits);

/** Lines for people: which address that is; what is there; what isn't known, and what would help; what bits and flags mean. */
void vm_place_say_mapping(struct vm_report *r, const struct vm_place *p, const struct vm_aspace *as);
void vm_place_say_page(struct vm_report *r, const struct vm_place *p, struct vm_frames *f);
void vm_place_say_missing(struct vm_report *r, const struct vm_place *p, const struct vm_err *why_frames);
void vm_place_say_legend(struct vm_report *r, const struct vm_place *p);

/** What these flags of frames mean, a line each. */
void vm_place_say_flags(struct vm_report *r, uint64_t flags);

#endif
