/** Hand-made address spaces for unit tests: from text, as the kernel would write it. */
#ifndef VM_TESTS_UNIT_SPACE_H
#define VM_TESTS_UNIT_SPACE_H

#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/maps.h"

#include "unit.h"

static inline struct vm_aspace *space_new(void)
{
	struct vm_aspace *as = calloc(1, sizeof(*as));
	vm_proc_init(&as->proc, 42);
	return as;
}

/** The space that `text` (maps or smaps) describes, not classified. */
static inline struct vm_aspace *space_of(const char *text)
{
	struct vm_aspace *as = space_new();
	struct vm_maps_parser p;
	size_t len = strlen(text);
	vm_maps_begin(&p, as);
	ck_assert_uint_eq(vm_maps_feed(&p, text, len, true), len);
	ck_assert_int_eq(vm_maps_end(&p), 0);
	return as;
}

#endif
