/** A curve of access times over pages, for the terminal. */
#ifndef VM_CLI_VMTLB_PICTURE_H
#define VM_CLI_VMTLB_PICTURE_H

#include <stddef.h>

#include "core/model/tlbfit.h"

struct vm_buf;
struct vm_style;

/** A place on the axis of pages. */
struct vmtlb_mark {
	double pages;              /* 0: it isn't drawn */
	const char *name;          /* ASCII */
};

/**
 * Append the curve as a filled shape of `lines` lines, no wider than the style's width (80 if it has none) and at most 100
 * columns: pages to the right by their logarithm, ns upwards from 0; marks below.  Of fewer than two points, nothing.
 */
void vmtlb_picture_put(struct vm_buf *out, const struct vm_tlb_curve *c, const struct vmtlb_mark *mark, size_t marks,
		       unsigned lines, const struct vm_style *style);

#endif
