/** A build without BPF: tasks are looked at through /proc. */

#include "core/source/tasks.h"

#include <errno.h>

#include "core/base/err.h"

int vm_tasks_get(struct vm_session *s, struct vm_tasks **out, struct vm_err *err)
{
	(void)s;
	*out = NULL;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

int vm_tasks_pass(struct vm_tasks *t, struct vm_err *err)
{
	(void)t;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

const struct vm_task_entry *vm_tasks_found(const struct vm_tasks *t, size_t *n)
{
	(void)t;
	*n = 0;
	return NULL;
}

const struct vm_task_entry *vm_tasks_find(const struct vm_tasks *t, pid_t pid)
{
	(void)t, (void)pid;
	return NULL;
}

int vm_tasks_one(struct vm_tasks *t, pid_t pid, struct vm_task_entry *out, struct vm_err *err)
{
	(void)t, (void)pid, (void)out;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}
