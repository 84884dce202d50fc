/** What the rates of rows were at the last refreshes, for sparklines. */
#ifndef VM_TUI_HISTORY_H
#define VM_TUI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/base/vec.h"

struct vm_columns;
struct vm_field;
struct vm_fieldset;

enum { VM_HISTORY_FIELDS = 6, VM_HISTORY_LENGTH = 8 };

/** Of one row; oldest first, NAN: not known. */
struct vm_past {
	float v[VM_HISTORY_FIELDS][VM_HISTORY_LENGTH];
};

/** Zeroed it is empty. */
struct vm_history {
	/** Rates among the columns that are shown, as far as there is room. */
	const struct vm_field *field[VM_HISTORY_FIELDS];
	size_t nfields;
	/** Rows of this refresh and of the one before, by their key. */
	struct vm_generation {
		struct vm_map at;
		VM_VEC(struct vm_past) past;
	} gen[2];
	unsigned now;
};

void vm_history_free(struct vm_history *h);

/** A new refresh: one more value of each rate that is among the columns, of all `n` rows of `size` bytes each. */
void vm_history_add(struct vm_history *h, const struct vm_fieldset *set, const struct vm_columns *cols, const void *rows, size_t n,
		    size_t size, uint64_t (*key)(const void *row));

/** Does it hold the field? */
bool vm_history_has(const struct vm_history *h, const struct vm_field *f);

/** VM_HISTORY_LENGTH values; NULL: none of that row. */
const float *vm_history_get(const struct vm_history *h, const struct vm_field *f, uint64_t key);

#endif
