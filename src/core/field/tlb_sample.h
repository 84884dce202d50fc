/** Columns of sampled page walks: rows are those of core/analysis/walkview.h, and struct vm_walk_event. */
#ifndef VM_FIELD_TLB_SAMPLE_H
#define VM_FIELD_TLB_SAMPLE_H

#include "core/analysis/walkview.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_walk_site_fields, vm_walk_mapping_fields, vm_walk_stack_fields, vm_walk_event_fields;

#endif
