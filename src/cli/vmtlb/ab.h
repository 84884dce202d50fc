/** vmtlb --ab: what its files share. */
#ifndef VM_CLI_VMTLB_AB_H
#define VM_CLI_VMTLB_AB_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/vmtlb/vmtlb.h"
#include "core/analysis/pairs.h"
#include "core/base/buf.h"
#include "core/base/vec.h"
#include "core/model/abrun.h"
#include "core/source/abrun.h"
#include "core/source/spool.h"
#include "core/source/thp.h"

/** What is asked for, and the least that a verdict is given with: five pairs reach it. */
#define VMTLB_AB_CONFIDENCE 0.95
#define VMTLB_AB_LEAST 0.93

/** Looking at a run takes one part in so many of its time, or little more: a smaller difference may be our doing. */
enum { VMTLB_AB_SHARE = 400 };

struct vmtlb_ab {
	struct vmtlb *v;
	struct vm_thp thp;
	/** The value of GLIBC_TUNABLES of ON; empty: nothing is changed, as it asks already, or needn't, or can't. */
	struct vm_buf tunables;
	bool asks_itself;          /* the user's own GLIBC_TUNABLES speaks of huge pages */
	struct vm_spool in;
	VM_VEC(struct vm_ab_run) run;   /* in their order; the first isn't counted */
	size_t counted;            /* of these, without those that don't count */
	size_t pairs;              /* that are whole and went well */
	unsigned deaf;             /* in a row, the last ones */
	bool heard;                /* some run had huge pages */
	struct vm_ab_program program;
	bool told;                 /* to end, before all was done */
	bool changed;              /* the machine's policy, meanwhile */
	struct vm_pairs of[VM_AB_MEASURES];
};

/** There was one. */
static inline const struct vm_ab_run *vmtlb_ab_last(const struct vmtlb_ab *ab)
{
	return &ab->run.v[ab->run.n - 1];
}

const char *vmtlb_ab_side(enum vm_ab_side side);

/** ab_show.c: the report.  0 or a negative errno. */
int vmtlb_ab_show(struct vmtlb_ab *ab, struct vm_err *err);

/* ---- ab_verdict.c ------------------------------------------------------------------------------------------- */

/** Did ON have huge pages? */
enum vmtlb_ab_reach { VMTLB_AB_NONE, VMTLB_AB_UNSEEN, VMTLB_AB_REACHED };
enum vmtlb_ab_reach vmtlb_ab_reached(const struct vmtlb_ab *ab);

/** Of the runs under a rule the most that was seen; false: none of them was seen. */
bool vmtlb_ab_most(const struct vmtlb_ab *ab, enum vm_ab_side side, struct vm_ab_seen *out);

/** "helps", "hurts", "same", "undecided"; with "no_huge_pages", whatever the figures are. */
const char *vmtlb_ab_word(const struct vmtlb_ab *ab, enum vm_ab_measure m);

/** A sentence, with a word for programs, and a heading. */
struct vmtlb_ab_finding {
	const char *key, *heading;
	char text[400];
};

enum { VMTLB_AB_FINDINGS = 16 };
size_t vmtlb_ab_findings(const struct vmtlb_ab *ab, struct vmtlb_ab_finding out[static VMTLB_AB_FINDINGS]);

#endif
