/** Columns of mappings by how much they keep the page walker busy: rows of core/analysis/tlbhot.h. */
#ifndef VM_FIELD_TLB_HOT_H
#define VM_FIELD_TLB_HOT_H

#include "core/analysis/tlbhot.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_tlb_hot_fields;

#endif
