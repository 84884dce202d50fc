/** What all commands share: common options, targets, the envelope of a document. */
#ifndef VM_CLI_COMMON_H
#define VM_CLI_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/command.h"
#include "cli/render/report.h"
#include "core/field/filter.h"

struct vm_err;
struct vm_outfile;
struct vm_session;

/** Options of every command, and those of commands with columns; ended by VM_OPT_END. */
extern const struct vm_opt vm_general_opts[];
extern const struct vm_opt vm_output_opts[];

/** The sink that -J, --csv or --format chose; the table if none. */
const struct vm_sink *vm_common_sink(const struct vm_common *c);

/** The same where there will be several documents: they are written one a line. */
const struct vm_sink *vm_common_sink_of_lines(const struct vm_common *c);

/** Terminal width, colour and character set of `out`, as the options and the environment say. */
void vm_common_style(const struct vm_common *c, FILE *out, struct vm_style *style);

/**
 * Where it is written: into the file `path`, opened as *file, or to `usual` if that is NULL; with its style.  0 or a negative
 * errno.
 */
int vm_common_output(const struct vm_common *c, const char *path, FILE *usual, struct vm_outfile *file, FILE **out,
		     struct vm_style *style, struct vm_err *err);

/** Columns, sort key and filter of one kind of rows, parsed from the options. */
struct vm_choice {
	struct vm_view view;
	struct vm_sort sort;
	struct vm_filter *filter;
	/** Everything that must be read for them. */
	uint32_t needs;
};

/** 0, or -EINVAL with the wrong word and the nearest right one.  Free with vm_choice_free(). */
int vm_choice_parse(const struct vm_common *c, const struct vm_fieldset *set, struct vm_choice *out,
		    struct vm_err *err);
void vm_choice_free(struct vm_choice *c);

/**
 * The rows that pass the filter, in order: pointers into rows[], in a new array (free it).
 * NULL when memory is out.
 */
const void **vm_choice_apply(const struct vm_choice *c, const void *rows, size_t n, size_t size, size_t *kept);

/** A list of a report: rows of one kind, as the columns' options say. */
struct vm_listing {
	const struct vm_fieldset *set;
	bool chosen;               /* -o, -s and --filter speak of it; of several tables, only of one */
	const char *columns, *sort; /* where these options say nothing; NULL: what the fields say */
	const void *rows, *total;  /* total: NULL, or a row for the sum of all; it isn't shown if a filter left some out */
	size_t n, size;            /* rows, and bytes of each */
	size_t most;               /* rows to show; 0: all */
	const char *more;          /* what begins the line that tells how many there would be more; NULL: no such line */
};

/** Write it.  0, -EINVAL for an option's wrong word, or the negative errno of a failed write. */
int vm_list_rows(struct vm_report *r, const struct vm_common *c, const struct vm_listing *l, struct vm_err *err);

/** "4242" or "self" to a process number; -EINVAL names the text. */
int vm_parse_pid(const char *text, pid_t *pid, struct vm_err *err);

/** "12,34 self" to a list that the caller frees. */
int vm_parse_pids(const char *text, pid_t **pids, size_t *n, struct vm_err *err);

/** [INTERVAL [COUNT]] as in vmstat; *interval_ns is 0 without them, *count 0 means for ever. */
int vm_parse_interval(int argc, char **argv, uint64_t *interval_ns, uint64_t *count, struct vm_err *err);

/** Begin a document: {"schema": "vmmap/1", "host": ..., "kernel": ..., "time": ... */
void vm_document_begin(struct vm_report *r, struct vm_session *s, const char *schema);

/** What the session could not read, as a member "unmet" of the open object. */
void vm_document_unmet(struct vm_report *r, const struct vm_session *s);

/** End it: "unmet": {...}, "took_ns": ... }.  took_ns is null for a captured tree. */
void vm_document_end(struct vm_report *r, const struct vm_session *s, uint64_t took_ns);

/** One line on standard error for everything that was wanted and could not be read. */
void vm_print_unmet(const struct vm_session *s, const char *command);

#endif
