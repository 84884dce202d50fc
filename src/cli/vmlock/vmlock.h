/** Parts of vmlock: what its modes share. */
#ifndef VM_CLI_VMLOCK_VMLOCK_H
#define VM_CLI_VMLOCK_VMLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "core/analysis/lockrule.h"
#include "core/model/process.h"
#include "core/model/system.h"
#include "core/source/source.h"

struct vm_aspace;
struct vm_err;
struct vm_session;

struct vmlock_options {
	const char *pids, *explain, *address;
	bool mappings, onfault;
};

/** One run of vmlock. */
struct vmlock {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmlock_options *o;
	struct vm_choice choice;   /* what -o, -s and --filter speak of: processes, or mappings */
	struct vm_view locked_view;   /* the locked mappings of one process */
	struct vm_pids pids;       /* ascending; none: all */
	struct vm_system sys;
	struct vm_lock_ask ask;
	struct vm_report report;
	uint64_t began_ns;
	int status;                /* of the command, if it isn't a failure; -1: 0 */
};

/** A size as the user wants it. */
enum { VMLOCK_TEXT = 32 };
const char *vmlock_size(const struct vmlock *v, uint64_t bytes, char text[static VMLOCK_TEXT]);

/**
 * Photograph a process with what is locked in it: its row has VM_P_LOCKED_*.  Where the mappings may not be read
 * they are missing, which is noted.  0 or a negative errno.
 */
int vmlock_look(struct vmlock *v, pid_t pid, uint32_t needs, struct vm_aspace **out, struct vm_err *err);

/** Its number, and name or command line, for headings: no longer than a line, safe for terminals. */
void vmlock_title(const struct vmlock *v, const struct vm_proc *p, struct vm_buf *out);

/** The document's "machine". */
void vmlock_machine(struct vmlock *v);

/**
 * Call fn for one process after the other, within the document's array.  One that fails doesn't keep the others from
 * being shown; the first failure is returned.
 */
int vmlock_each(struct vmlock *v, const pid_t *pids, size_t n,
		int (*fn)(struct vmlock *v, pid_t pid, bool first, struct vm_err *err), struct vm_err *err);

/** Each process that was named, in words or as JSON. */
int vmlock_show_all(struct vmlock *v, struct vm_err *err);

/** --explain: read and check what is asked, before anything else; answer it for each process. */
int vmlock_explain_parse(struct vmlock *v, struct vm_err *err);
int vmlock_explain_all(struct vmlock *v, struct vm_err *err);

/** What would help against what the verdict says: words and, where there is one, a command. */
struct vmlock_fix {
	char what[200];
	char command[120];         /* "" if none */
};
enum { VMLOCK_FIXES = 8 };
size_t vmlock_fixes(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		    const struct vm_lock_verdict *verdict, struct vmlock_fix fix[static VMLOCK_FIXES]);

/** Why a test passes or fails, in a sentence. */
void vmlock_reason(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		   const struct vm_lock_verdict *verdict, enum vm_lock_test t, struct vm_buf *out);

#endif
