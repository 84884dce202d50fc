/** Columns of the machine: rows are struct vm_machine_row; `needs` are VM_MACH() bits, not those of processes. */
#ifndef VM_FIELD_MACHINE_H
#define VM_FIELD_MACHINE_H

#include "core/field/field.h"
#include "core/model/machine.h"

/** Their groups (mem, fault, swap ...) name the usual columns of each. */
extern const struct vm_fieldset vm_machine_fields;

/** The same columns in groups that leave none out. */
extern const struct vm_fieldset vm_machine_wide_fields;

/** One of them as a row: its level, or the count since boot behind its rate. */
struct vm_machine_total_row {
	const struct vm_field *of;     /* one for which vm_machine_is_figure() */
	const struct vm_machine_row *row;
};
extern const struct vm_fieldset vm_machine_total_fields;

/** Whether a column of the machine shows one quantity, not something made of several. */
bool vm_machine_is_figure(const struct vm_field *f);

#endif
