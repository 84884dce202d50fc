/** Columns of page faults: rows are those of core/analysis/faultview.h. */
#ifndef VM_FIELD_FAULT_H
#define VM_FIELD_FAULT_H

#include "core/analysis/faultview.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_fault_kind_fields, vm_fault_mapping_fields, vm_fault_site_fields, vm_fault_stack_fields,
	vm_fault_thread_fields;

#endif
