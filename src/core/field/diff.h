/** Columns of what changed between two moments. */
#ifndef VM_FIELD_DIFF_H
#define VM_FIELD_DIFF_H

#include "core/field/field.h"

struct vm_proc;

/** Rows are struct vm_diff_row of core/analysis/spacediff.h. */
extern const struct vm_fieldset vm_diff_fields;

enum vm_diff_side { VM_DIFF_BEFORE, VM_DIFF_AFTER, VM_DIFF_CHANGE };

/** A process before, after, or the difference of both. */
struct vm_diff_process_row {
	const struct vm_proc *a, *b;
	enum vm_diff_side side;
};
extern const struct vm_fieldset vm_diff_process_fields;

#endif
