/** A source as a row of --sources. */
#ifndef VM_FIELD_SOURCE_ROW_H
#define VM_FIELD_SOURCE_ROW_H

#include <stdbool.h>
#include <stdint.h>

struct vm_source_row {
	const char *name, *help;
	uint32_t provides;         /* VM_NEED() bits */
	uint32_t chosen;           /* those for which it is the first that works */
	bool usable;
	char why[160];             /* why it isn't usable; "" */
};

#endif
