/**
 * Fields: what can be said about a row, in one table per kind of row.
 *
 * A table of vm_field drives the column list of -o, the table, JSON, CSV, OpenMetrics, sorting,
 * filters, totals, --help, the man page and the shell completions.  To add a column, add one entry.
 */
#ifndef VM_FIELD_FIELD_H
#define VM_FIELD_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct vm_err;

enum vm_unit {
	VM_U_NONE, VM_U_ADDR, VM_U_BYTES, VM_U_BYTES_PERSEC, VM_U_COUNT, VM_U_PERSEC, VM_U_RATIO,
	VM_U_NS,
	VM_U_AMOUNT,     /* a count that people see as 9.81G, in powers of 1000 */
	VM_U_FINE,       /* a number of which hundredths count */
};

/** VM_T_I64: a change, which people see with its sign; VM_T_LIST: words separated by blanks, an array in JSON. */
enum vm_type { VM_T_ABSENT, VM_T_U64, VM_T_I64, VM_T_F64, VM_T_BOOL, VM_T_STR, VM_T_LIST };

/** A typed cell.  VM_T_ABSENT means "not known": "-" in tables, null in JSON. */
struct vm_value {
	enum vm_type type;
	union {
		uint64_t u64;
		int64_t i64;
		double f64;
		bool b;
		/** Borrowed from the row, or in the scratch; what is elsewhere doesn't change while there are rows. */
		const char *str;
	};
};
#define VM_ABSENT    ((struct vm_value){ .type = VM_T_ABSENT })
#define VM_U64(x)    ((struct vm_value){ .type = VM_T_U64, .u64 = (x) })
#define VM_I64(x)    ((struct vm_value){ .type = VM_T_I64, .i64 = (x) })
#define VM_F64(x)    ((struct vm_value){ .type = VM_T_F64, .f64 = (x) })
#define VM_BOOL(x)   ((struct vm_value){ .type = VM_T_BOOL, .b = (x) })
#define VM_STR(x)    ((struct vm_value){ .type = VM_T_STR, .str = (x) })
#define VM_LIST(x)   ((struct vm_value){ .type = VM_T_LIST, .str = (x) })

/**
 * Room for a getter that makes its text; valid until the next get with the same scratch.  A caller that
 * keeps one for each column, zeroed at first, lets the getter find the text of the row before there.
 */
struct vm_scratch {
	/** What `text` was made from, if the getter says so: any value of the getter's, but 0, that no other text
	    of its has. */
	uint64_t key;
	char text[248];
};

enum vm_field_flag {
	VM_F_DEFAULT = 1 << 0,   /* shown without -o */
	VM_F_SUM     = 1 << 1,   /* has a meaningful total */
	VM_F_DESC    = 1 << 2,   /* biggest first when sorted by it */
	VM_F_TRUNC   = 1 << 3,   /* may be cut on a narrow terminal */
	VM_F_MACHINE = 1 << 4,   /* in JSON and CSV without -o */
	VM_F_DEAR    = 1 << 5,   /* costs the target: vmtop reads it within its budget */
	VM_F_LABEL   = 1 << 6,   /* names the row: a label in OpenMetrics */
	VM_F_RATE    = 1 << 7,   /* of what happened since the sample before */
	/** The name of a file, which says most at its end: what is cut is its beginning. */
	VM_F_PATH    = 1 << 8 | VM_F_TRUNC,
};

struct vm_field {
	const char *name;    /* "PSS": heading, -o argument */
	const char *key;     /* "pss_bytes": JSON and CSV key, says its unit */
	const char *help;    /* one line, lower case, no period */
	enum vm_type type;
	enum vm_unit unit;
	unsigned flags;      /* VM_F_* */
	uint32_t needs;      /* VM_NEED(): only these are read */
	uint16_t arg;        /* for get(): which quantity */
	struct vm_value (*get)(const struct vm_field *f, const void *row, struct vm_scratch *tmp);
	const char *source;  /* "smaps: Pss": file and field of the kernel it comes from */
};

/** A word of -o that stands for several columns; in lower case, unlike names of columns. */
struct vm_field_group {
	const char *name, *help;
	/** "A,B,C": those; "A-C": from A to C in the order of the set. */
	const char *columns;
};

struct vm_fieldset {
	const char *row;             /* "mapping" */
	const char *rows;            /* "mappings": name of the array in JSON */
	const struct vm_field *v;
	size_t n;
	bool fixed;                  /* -o doesn't choose among them */
	const struct vm_field_group *groups;   /* ended by a NULL name; or NULL */
};

static inline bool vm_field_is_path(const struct vm_field *f)
{
	return (f->flags & VM_F_PATH) == VM_F_PATH;
}

/** The scratch may have served other fields, and needs no initialisation; f->get() is for one that serves f alone. */
static inline struct vm_value vm_field_get(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
{
	tmp->key = 0;
	return f->get(f, row, tmp);
}

/** By name or JSON key, case-insensitive; -1 if there is none. */
int vm_field_find(const struct vm_fieldset *set, const char *name, size_t len);

/** The field whose name is nearest to a misspelt one, or NULL if none is near. */
const char *vm_field_suggest(const struct vm_fieldset *set, const char *name);

enum { VM_COLUMNS_MAX = 192 };

/** Indexes into a fieldset. */
struct vm_columns {
	uint8_t at[VM_COLUMNS_MAX];
	size_t n;
};

/**
 * Choose columns: NULL or "" gives the defaults, which are the fields that have `default_flag`
 * (VM_F_DEFAULT for people, VM_F_MACHINE for programs); "A,B" gives those, "+A,B" the defaults and
 * those, "all" everything, the name of a group those of the group; "-A" in a list takes one away.  -EINVAL names the wrong word and the
 * nearest right one.
 */
int vm_columns_parse(const struct vm_fieldset *set, const char *spec, unsigned default_flag,
		     struct vm_columns *out, struct vm_err *err);

/** The union of what the columns need: pass it to the sources. */
uint32_t vm_columns_needs(const struct vm_fieldset *set, const struct vm_columns *cols);

/**
 * Append the cell as text for people: "12.0M", "+12.0M" (a change), "7f1c...", "-".  With `exact`, plain numbers.
 * Control characters and bytes that aren't UTF-8 come out as \ooo, so that no name can drive a
 * terminal.
 */
void vm_value_put(struct vm_buf *out, struct vm_value v, enum vm_unit unit, bool exact);

/** Length in bytes of what vm_value_put() appends; also its width in columns, unless it is a text. */
size_t vm_value_length(struct vm_value v, enum vm_unit unit, bool exact);

/** As vm_value_put(), into a fixed buffer; always terminated, cut where needed.  Returns buf. */
const char *vm_value_text(struct vm_value v, enum vm_unit unit, bool exact, char *buf, size_t size);

/** Only printable ASCII: shown as it is, a column a byte.  *len is the length up to the first other byte. */
bool vm_text_is_plain(const char *s, size_t *len);

/** Append text with control characters, and bytes that aren't UTF-8, as \ooo. */
void vm_text_put(struct vm_buf *out, const char *s);

/** <0, 0, >0 as `a` sorts before, with or after `b`; absent cells come last. */
int vm_value_compare(struct vm_value a, struct vm_value b);

/** Sort key and direction: "RSS", "-RSS" (reversed). */
struct vm_sort {
	const struct vm_field *field;   /* NULL: leave the order alone */
	bool reverse;
};
int vm_sort_parse(const struct vm_fieldset *set, const char *spec, struct vm_sort *out, struct vm_err *err);

/** Stable sort of an array of pointers to rows; biggest first for VM_F_DESC.  0 or -ENOMEM. */
int vm_sort_rows(const struct vm_sort *sort, const void **rows, size_t n);

/** The row kinds. */
extern const struct vm_fieldset vm_mapping_fields;
extern const struct vm_fieldset vm_process_fields;
extern const struct vm_fieldset vm_mm_fields;
extern const struct vm_fieldset vm_lock_fields;      /* of a struct vm_proc */
extern const struct vm_fieldset vm_source_fields;

#endif
