/** Columns of checks: rows are struct vm_check_row. */
#ifndef VM_FIELD_DOCTOR_H
#define VM_FIELD_DOCTOR_H

#include "core/field/field.h"
#include "core/model/doctor.h"

extern const struct vm_fieldset vm_check_fields;

#endif
