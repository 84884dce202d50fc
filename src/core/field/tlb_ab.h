/** Columns of a comparison of runs with huge pages off and on: a row is a measure. */
#ifndef VM_FIELD_TLB_AB_H
#define VM_FIELD_TLB_AB_H

#include <stdbool.h>

#include "core/analysis/pairs.h"
#include "core/field/field.h"
#include "core/model/abrun.h"

struct vm_ab_row {
	enum vm_ab_measure measure;
	struct vm_pairs pairs;     /* a is OFF, b is ON */
	/** Figures come as texts with their units, for people: each row has another.  Else, and where rows are sorted and
	    filtered, as numbers. */
	bool texts;
	bool exact;                /* texts hold plain numbers (-b) */
};

extern const struct vm_fieldset vm_ab_fields;

/** What a measure is called, by people and by programs: "wall time", "wall_ns". */
const char *vm_ab_name(enum vm_ab_measure m);
const char *vm_ab_key(enum vm_ab_measure m);

/** A figure of that measure: "1.3s", "12.0M", "65536"; with `sign`, "+" where it isn't negative.  Returns buf. */
const char *vm_ab_text(enum vm_ab_measure m, double v, bool sign, bool exact, char *buf, size_t size);

#endif
