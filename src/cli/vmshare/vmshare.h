/** Parts of vmshare: what its files share. */
#ifndef VM_CLI_VMSHARE_VMSHARE_H
#define VM_CLI_VMSHARE_VMSHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/common.h"
#include "cli/sharing.h"
#include "cli/target.h"
#include "core/source/source.h"

struct vmshare_options {
	struct vm_target_options target;
	bool family, watch, runs, pairs, pfn, who, zeros;
	const char *range;
};

struct vmshare {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmshare_options *o;
	const struct vm_sink *sink;
	struct vm_style style;
	FILE *out;
	struct vm_report report;
	struct vm_choice choice;       /* what -o, -s and --filter speak of */
	/** The processes that were named or found, ascending, each once. */
	struct vm_pids pids;
	bool named;                    /* by number: they must be there */
	struct vm_sharing_range range;
	uint64_t *pfn;                 /* of --pfn, ascending */
	size_t npfn;
	uint64_t interval_ns, count;   /* of --watch */
	uint64_t began_ns;
};

/** A way to look; `set` is what -o and its kin speak of. */
struct vmshare_mode {
	const char *name;
	const struct vm_fieldset *set;
	/** Writes documents of its own: several, a line each. */
	bool lines;
	int (*show)(struct vmshare *v, struct vm_err *err);
};
extern const struct vmshare_mode vmshare_process, vmshare_group, vmshare_pairs, vmshare_family, vmshare_watch, vmshare_runs,
	vmshare_pfn, vmshare_who;

/** Rows as the user chose (`chosen`), or with the set's defaults.  `sort`: where -s wasn't given; NULL: as they are.  `most`: only
    so many of them; 0: all. */
int vmshare_list(struct vmshare *v, const struct vm_fieldset *set, bool chosen, const char *sort, const void *rows, size_t n,
		 size_t size, size_t most, struct vm_err *err);

/** A size as the user wants it. */
enum { VMSHARE_TEXT = 32 };
const char *vmshare_size(const struct vmshare *v, uint64_t bytes, char text[static VMSHARE_TEXT]);

/** Its number, and command line or name, no longer than a line. */
void vmshare_title(struct vmshare *v, const struct vm_proc *p);

/** Text of any length, in lines. */
void vmshare_wrap(struct vmshare *v, const char *text);

/** The family of a process: below what was told of it, nothing if it is alone; on its own; with what happened since a sample
    before.  JSON: "family". */
enum vmshare_place { VMSHARE_BELOW, VMSHARE_ALONE, VMSHARE_WATCHED };
int vmshare_put_family(struct vmshare *v, const struct vm_sharing_family *f, enum vmshare_place place, struct vm_err *err);

/** Find out who else maps its pages; what is missing is said.  0 also where that can't be told (-EPERM and so on are noted);
    out->of.sharers NULL: it can't. */
int vmshare_find_sharers(struct vmshare *v, struct vm_sharing *x, struct vm_sharing_who *out, struct vm_err *err);

/** JSON: sums of what frames hold, an object; merged pages null where they are hidden among the anonymous ones. */
void vmshare_json_kinds(struct vmshare *v, const char *key, const uint64_t *kind, bool merged_hidden);

#endif
