/** Columns of the TLB model: page-size policies, mappings, sites.  Rows are those of core/analysis/tlbestimate.h. */
#ifndef VM_FIELD_TLB_MODEL_H
#define VM_FIELD_TLB_MODEL_H

#include "core/analysis/tlbestimate.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_tlb_policy_fields, vm_tlb_model_mapping_fields, vm_tlb_model_site_fields;

#endif
