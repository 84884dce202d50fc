#include "core/model/accessed.h"

#include <stdlib.h>

#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

/** include/linux/mm.h; so since Linux 2.6.20. */
#define VM_HUGETLB UINT64_C(0x00400000)

bool vm_accessed_is_told(const struct vm_mapping *m)
{
	return m->kind != VM_KIND_HUGETLB && !(m->have_flags && (m->flags & VM_VMF(HT))) &&
	       !(m->area && (m->area->flags & VM_HUGETLB));
}

void vm_accessed_window_free(struct vm_accessed_window *w)
{
	free(w->v);
	*w = (struct vm_accessed_window){ 0 };
}
