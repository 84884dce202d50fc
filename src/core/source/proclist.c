/** The list of processes. */

#include <errno.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"
#include "core/source/source.h"

int vm_list_numbers(struct vm_session *s, struct vm_pids *out, struct vm_err *err, const char *path)
{
	struct vm_buf names = { 0 };
	int r = vm_session_list(s, &names, "%s", path);
	if (r < 0)
		vm_fail_os(err, -r, "cannot open the directory %s", path);
	for (const char *name = NULL; r == 0 && (name = vm_next_name(&names, name));) {
		uint64_t pid;
		if (name[0] < '1' || name[0] > '9' || vm_parse_u64(name, &pid) != 0 || pid > INT32_MAX)
			continue;
		if (!vm_vec_push(out, (pid_t)pid))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	vm_buf_free(&names);
	return r;
}

static int compare(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

void vm_pids_sort(struct vm_pids *pids)
{
	if (pids->n)
		qsort(pids->v, pids->n, sizeof(*pids->v), compare);
}

int vm_proc_list_dir(struct vm_session *s, struct vm_pids *out, struct vm_err *err)
{
	out->n = 0;
	int r = vm_list_numbers(s, out, err, "proc");
	if (r == 0)
		vm_pids_sort(out);
	return r;
}
