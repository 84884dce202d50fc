/** A build without BPF: page faults aren't timed. */

#include "core/source/faulttime.h"

#include <errno.h>
#include <stddef.h>

#include "core/base/err.h"

int vm_faulttime_get(struct vm_session *s, struct vm_faulttime **out, struct vm_err *err)
{
	(void)s;
	*out = NULL;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

void vm_faulttime_drop(struct vm_session *s)
{
	(void)s;
}

int vm_faulttime_read(const struct vm_faulttime *ft, pid_t pid, struct vm_fault_time *out, struct vm_err *err)
{
	(void)ft, (void)pid, (void)out;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}
