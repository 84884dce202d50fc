/** What tables of fields are written with: getters of a row's cells, and sets.  Included by field/X.c alone. */
#ifndef VM_FIELD_DEFINE_H
#define VM_FIELD_DEFINE_H

#include "core/field/field.h"

#define GETTER(name) \
	static struct vm_value name(const struct vm_field *f, const void *row_, struct vm_scratch *tmp)
/** First line of a getter: `row` is one of this type. */
#define ROW(type) const struct type *row = row_; (void)f; (void)tmp
/** A getter that is an expression of `row`. */
#define PLAIN(name, type, expr) GETTER(name) { ROW(type); return expr; }
/** Further members may follow, such as .fixed = true. */
#define FIELDS(set, row_, rows_, v_, ...) \
	const struct vm_fieldset set = { .row = row_, .rows = rows_, .v = v_, .n = sizeof(v_) / sizeof((v_)[0]), __VA_ARGS__ }

#endif
