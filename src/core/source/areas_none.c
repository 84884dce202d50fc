/** A build without BPF: nobody sees the kernel's areas. */

#include "core/source/areas.h"

#include <errno.h>

#include "core/base/err.h"

int vm_areas_get(struct vm_session *s, struct vm_areas **out, struct vm_err *err)
{
	(void)s;
	*out = NULL;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

int vm_areas_read(struct vm_areas *a, pid_t pid, const struct vm_task_vma **out, size_t *n, struct vm_err *err)
{
	(void)a, (void)pid, (void)out, (void)n;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}
