/** Parts of vmpage: what its modes share. */
#ifndef VM_CLI_VMPAGE_VMPAGE_H
#define VM_CLI_VMPAGE_VMPAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/common.h"
#include "core/field/page.h"
#include "core/model/pageflags.h"
#include "core/source/pages.h"

struct vm_aspace;
struct vm_err;
struct vm_frames;
struct vm_session;

struct vmpage_options {
	bool explain, runs, grid, pfn, system, watch, legend;
	int by;                    /* index into by_words[]; -1: not grouped */
	int via;                   /* enum vm_pages_via */
	const char *file, *range, *bits, *cgroup, *arch;
	uint64_t interval_ns, count;
};

/** What groups have in common. */
enum vmpage_by { VMPAGE_BY_MAPPING, VMPAGE_BY_KIND, VMPAGE_BY_FILE, VMPAGE_BY_SIZE, VMPAGE_BY_FLAGS, VMPAGE_BY_CGROUP, VMPAGE_BY_ZONE };

/** One run of vmpage. */
struct vmpage {
	struct vm_session *s;
	const struct vm_common *common;
	const struct vmpage_options *o;
	struct vm_report report;
	uint64_t began;
	/** From --range, --bits. */
	uint64_t from, to;
	bool have_bits;
	struct vm_kpf_match bits;
};

/**
 * The view of a list with the columns that the user chose, or the usual ones; in CSV with `label` ("+FILE", or NULL)
 * too, for there all lists are one.  -EINVAL names what is wrong.
 */
int vmpage_choose(struct vmpage *v, const struct vm_fieldset *set, const char *name, const char *label,
		  struct vm_choice *out, struct vm_err *err);

/** Rows through the choice's filter and order.  0 or a negative errno. */
int vmpage_list(struct vmpage *v, const struct vm_choice *c, const void *rows, size_t n, size_t size, const void *total,
		struct vm_err *err);

/** Text in lines of 80 columns, behind a heading of `margin` columns. */
void vmpage_wrap(struct vmpage *v, int margin, const char *heading, const char *text);

/** Words in lines of 80 columns: adds `between` and `word` to the line, which is said first if there is no room. */
void vmpage_fill(struct vmpage *v, struct vm_buf *line, const char *between, const char *word);
/** Say the rest of it, and free. */
void vmpage_filled(struct vmpage *v, struct vm_buf *line);

/** Whose pages, how they were read, what that cost and whether it is all: lines for people, or a document's begin. */
void vmpage_heading(struct vmpage *v, const struct vm_aspace *as, const struct vm_pages_info *info);

/** The mappings of a process, classified as far as maps and the files' headers allow. */
int vmpage_mappings(struct vmpage *v, pid_t pid, uint64_t from, uint64_t to, struct vm_aspace **as, struct vm_err *err);

/** Names by enum vm_addr_half. */
extern const char *const vmpage_half_names[];

/** Addresses of a process, or alone. */
int vmpage_entries(struct vmpage *v, pid_t pid, const uint64_t *addr, size_t n, struct vm_err *err);
int vmpage_explain(struct vmpage *v, const uint64_t *addr, size_t n, struct vm_err *err);
int vmpage_watch(struct vmpage *v, pid_t pid, uint64_t addr, struct vm_err *err);

/** The whole space: states and page tables, groups, runs; a picture. */
int vmpage_space(struct vmpage *v, pid_t pid, struct vm_err *err);
int vmpage_grid(struct vmpage *v, pid_t pid, struct vm_err *err);

/** Frames of the machine, and pages of files. */
int vmpage_pfns(struct vmpage *v, const uint64_t *pfn, size_t n, struct vm_err *err);
int vmpage_system(struct vmpage *v, struct vm_err *err);
int vmpage_files(struct vmpage *v, char **path, size_t n, struct vm_err *err);

/** Blocks of the manual: man-states, man-letters, man-flags, man-bits-x86-64, man-bits-arm64. */
bool vmpage_print_doc(const char *kind, FILE *out);

#endif
