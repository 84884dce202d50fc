/** Swap areas (/proc/swaps). */
#ifndef VM_SOURCE_SWAPS_H
#define VM_SOURCE_SWAPS_H

#include <stdbool.h>
#include <stddef.h>

struct vm_session;

/**
 * Name of the area with this number, as it stands in swap entries; false if there is none, or it can't be read, or the
 * numbers have gaps that show: areas that were switched off are not listed, and the file tells no numbers.
 */
bool vm_swap_area_name(struct vm_session *s, unsigned type, char *name, size_t size);

/** The same from the file's text. */
bool vm_swaps_find(const char *text, unsigned type, char *name, size_t size);

#endif
