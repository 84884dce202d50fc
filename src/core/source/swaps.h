/** Swap areas (/proc/swaps). */
#ifndef VM_SOURCE_SWAPS_H
#define VM_SOURCE_SWAPS_H

#include <stdbool.h>
#include <stddef.h>

struct vm_session;

/** Name of the area with this number, as it stands in swap entries; false if there is none, or it can't be read. */
bool vm_swap_area_name(struct vm_session *s, unsigned type, char *name, size_t size);

#endif
