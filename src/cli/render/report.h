/**
 * Output sinks: rows in, text out.
 *
 * A command says what it shows (sections of fields, columns and rows, and facts about them) and never
 * how.  Each sink is one file with one vm_sink; none of them knows what a mapping is.
 */
#ifndef VM_RENDER_REPORT_H
#define VM_RENDER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/field/field.h"

struct vm_err;
struct vm_report;

/** What is shown of rows of one kind. */
struct vm_view {
	const struct vm_fieldset *set;
	struct vm_columns cols;
	const char *name;        /* JSON: name of the array ("mappings"); OpenMetrics: part of the names */
	/** What tells the rows of a sum from one another: a label in OpenMetrics.  NULL: the set's labels do. */
	const struct vm_field *key;
};

/** How; the user's choice. */
struct vm_style {
	bool exact;              /* -b: bytes, not 12.0M */
	bool headings;
	unsigned width;          /* columns of the terminal; 0: unlimited */
	bool color;
	bool utf8;
};

struct vm_sink {
	const char *name;        /* "table", "json", "csv", "ndjson", "openmetrics": --format */
	const char *help;
	/** Programs read it: default columns are VM_F_MACHINE, numbers are exact. */
	bool machine;
	/** Rows carry all VM_F_LABEL fields, chosen or not. */
	bool labels;
	/** Sections of one document nest in its object: json, ndjson. */
	bool document;
	int (*begin)(struct vm_report *r);
	/** A list of rows, of which r->view is shown.  `total`: a row that sums them up, or NULL; what it knows, all
	    rows know. */
	int (*list)(struct vm_report *r, const void *const *rows, size_t n, const void *total);
	/** Flush; write errors are found by the caller. */
	int (*end)(struct vm_report *r);
};

/** All formats, ended by NULL.  The one list to edit when adding one. */
extern const struct vm_sink *const vm_sinks[];

struct vm_report {
	const struct vm_sink *sink;
	struct vm_style style;
	FILE *out;
	/** The document, where the sink makes one: commands write scalars through it. */
	struct vm_json json;
	/** Lines for people, and for CSV and OpenMetrics: flushed when full and at the end. */
	struct vm_buf text;
	const struct vm_view *view;
	void *priv;              /* the sink's own, from list to list */
	unsigned lists;          /* how many lists were begun */
	int error;               /* errno of the first write that failed, or 0 */
};

int vm_report_open(struct vm_report *r, const struct vm_sink *sink, const struct vm_style *style, FILE *out);

static inline bool vm_report_is_document(const struct vm_report *r)
{
	return r->sink->document;
}
static inline bool vm_report_is_machine(const struct vm_report *r)
{
	return r->sink->machine;
}

/** Free text for people; not written by machine sinks. */
__attribute__((format(printf, 2, 3)))
void vm_report_say(struct vm_report *r, const char *fmt, ...);

/** The same of any length, such as a picture. */
void vm_report_put(struct vm_report *r, const char *text, size_t n);

/** The same in lines of at most `width` columns, behind a heading of `margin` columns. */
void vm_report_wrap(struct vm_report *r, int margin, const char *heading, const char *text, size_t width);

/** Rows of one list.  `total` may be NULL; a sum that it knows must be known in every row.  0 or a negative errno. */
int vm_report_list(struct vm_report *r, const struct vm_view *view, const void *const *rows, size_t n,
		   const void *total);

/** One row as members of the open JSON object (keys and values, no braces). */
void vm_report_members(struct vm_report *r, const struct vm_view *view, const void *row);

/** Write all to the stream.  0, or the negative errno of memory or writing. */
int vm_report_close(struct vm_report *r, struct vm_err *err);

#endif
