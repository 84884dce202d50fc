/** Columns of figures that were looked at again and again. */
#ifndef VM_FIELD_TREND_H
#define VM_FIELD_TREND_H

#include "core/analysis/growth.h"
#include "core/field/field.h"

struct vm_mapping;

struct vm_trend_row {
	const char *figure;              /* "memory", "VSZ" */
	/** The mappings that it is of, with their key in kind, prot or name; NULL: the whole process. */
	const struct vm_mapping *group;
	bool count;                      /* it counts, and isn't bytes */
	/** Counts stand as texts beside sizes, for people. */
	bool people;
	struct vm_growth growth;         /* over seconds */
	size_t samples;
};
extern const struct vm_fieldset vm_trend_fields;

/** A limit that a figure comes near to. */
struct vm_limit_row {
	const char *name;                /* "memory.max of /system.slice/a.service" */
	const struct vm_trend_row *of;   /* the figure; NULL: it isn't known */
	uint64_t room;                   /* that is left */
	/** Seconds until it is used up at the figure's rate, and at the ends of its interval; INFINITY: never at that rate;
	    NAN: the figure doesn't keep growing. */
	double seconds, soonest, latest;
};
extern const struct vm_fieldset vm_limit_fields;

#endif
