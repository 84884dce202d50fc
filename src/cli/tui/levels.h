/** From which value on a figure is worth a look: what is coloured by it. */
#ifndef VM_TUI_LEVELS_H
#define VM_TUI_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/vec.h"
#include "core/field/field.h"

enum vm_level { VM_LEVEL_NONE, VM_LEVEL_WARM, VM_LEVEL_HOT };

/** Of one column. */
struct vm_threshold {
	char column[24];
	double warm, hot;
	/** Of bytes: shares of the machine's memory, instead of bytes. */
	bool of_memory;
};

/** Those that differ from the usual ones; zeroed there are none. */
struct vm_levels {
	VM_VEC(struct vm_threshold) own;
	uint64_t mem_total;        /* 0: not known */
};

/** The threshold of a column; NULL: it has none. */
const struct vm_threshold *vm_levels_find(const struct vm_levels *l, const char *column);

/** Of a value in a column with this threshold (NULL: it has none). */
enum vm_level vm_level_of(const struct vm_levels *l, const struct vm_threshold *t, struct vm_value v);

/** Set one from "10% 30%" or "1G 4G" or "none".  False: it is none of these, or memory is out. */
bool vm_levels_set(struct vm_levels *l, const char *column, const char *text);

/** The usual ones, in a table that ends with an empty name. */
extern const struct vm_threshold vm_usual_levels[];

void vm_levels_free(struct vm_levels *l);

#endif
