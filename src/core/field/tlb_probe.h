/** Rows of vmtlb --probe: a buffer, a footprint, a point of a curve. */
#ifndef VM_FIELD_TLB_PROBE_H
#define VM_FIELD_TLB_PROBE_H

#include "core/field/field.h"
#include "core/model/tlb.h"
#include "core/model/tlbfit.h"

/** A buffer. */
struct vm_tlb_level_row {
	const char *key, *name;    /* "stlb", "STLB" */
	struct vm_tlb_knee knee;   /* entries; at 0: not known */
	struct vm_tlb_shape near;  /* the nearest known size, a hint; 0 sets: none */
	double ns;                 /* what its hit takes or, if `adds`, adds; NAN: not known */
	bool adds;
	uint64_t page_bytes;       /* of the pages that were counted */
	uint64_t reach_bytes, reach_2m_bytes;   /* 0: not known */
};

/** A footprint. */
struct vm_tlb_cost_row {
	struct vm_tlb_cost cost;
};

/** A point of a curve. */
struct vm_tlb_point_row {
	const char *curve;         /* "data", "code" */
	struct vm_tlb_point point;
};

extern const struct vm_fieldset vm_tlb_level_fields, vm_tlb_cost_fields, vm_tlb_point_fields;

#endif
