/**
 * Filters: 'RSS > 1M and KIND == anon' over any fieldset.
 *
 * Grammar: or, and, not, parentheses; == != < <= > >= on every column; =~ and !~ for text (POSIX extended
 * regular expression); a bare column is true if it is known and neither 0 nor empty.  Sizes take K M G T,
 * times ns us ms s, shares %.  Texts may stand in single or double quotes.  A comparison with a cell that
 * isn't known is false, and so is its negation by !=; `not` of it is true.
 */
#ifndef VM_FIELD_FILTER_H
#define VM_FIELD_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct vm_err;
struct vm_field;
struct vm_fieldset;
struct vm_filter;

/**
 * Compile.  -EINVAL says what was expected, where, and the nearest column name.  NULL or "" gives a NULL
 * filter, which accepts every row.
 */
int vm_filter_parse(const struct vm_fieldset *set, const char *text, struct vm_filter **out,
		    struct vm_err *err);
void vm_filter_free(struct vm_filter *f);

/** Does the row pass?  A NULL filter accepts all. */
bool vm_filter_accepts(const struct vm_filter *f, const void *row);

/** Does it ask for the column? */
bool vm_filter_uses(const struct vm_filter *f, const struct vm_field *field);

/** What the columns in the filter need. */
uint32_t vm_filter_needs(const struct vm_filter *f);

#endif
