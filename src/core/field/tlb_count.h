/** Columns of counted translations: rows are those of core/analysis/tlbcost.h. */
#ifndef VM_FIELD_TLB_COUNT_H
#define VM_FIELD_TLB_COUNT_H

#include "core/analysis/tlbcost.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_tlb_side_fields, vm_tlb_size_fields, vm_tlb_event_fields, vm_tlb_sample_fields;

#endif
