/** What works on a machine and what doesn't: checks, and what they found.  Plain data, filled by core/source/doctor.h. */
#ifndef VM_MODEL_DOCTOR_H
#define VM_MODEL_DOCTOR_H

#include <stdint.h>

enum vm_verdict {
	VM_VERDICT_FACT,           /* nothing that could fail: how the machine is */
	VM_VERDICT_WORKS,          /* it was done, and did what it should */
	VM_VERDICT_PARTLY,
	VM_VERDICT_DENIED,         /* a permission is missing */
	VM_VERDICT_ABSENT,         /* not on this machine, in this kernel or build: root doesn't help */
	VM_VERDICT_UNTRIED,        /* of a captured tree */
	VM_VERDICT_NR,
};

/** "fact", "works", "partly", "denied", "absent", "untried". */
extern const char *const vm_verdict_name[VM_VERDICT_NR];

/** What is checked, and what of the suite hangs on it.  Static texts; one clause each, "" if there is nothing to say. */
struct vm_check_info {
	const char *name;          /* "pagemap-pfn": one word */
	const char *what;          /* "frames of pages (PFN) in pagemap" */
	const char *how;           /* how it is tried */
	const char *used_by;       /* commands that want it */
	const char *instead;       /* what they use where it isn't to be had */
};

struct vm_finding {
	enum vm_verdict verdict;
	char found[160];           /* in short: what was seen, or what is missing */
	char why[480];             /* in a sentence; "" where `found` says it all */
	char fix[360];             /* what would give it; "": nothing */
};

struct vm_check_row {
	const struct vm_check_info *check;
	struct vm_finding finding;
	uint64_t took_ns;
};

#endif
