/** The list of processes. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"
#include "core/source/source.h"

int vm_list_numbers(struct vm_session *s, struct vm_pids *out, struct vm_err *err, const char *path)
{
	int fd = vm_session_open_file(s, O_RDONLY | O_DIRECTORY, "%s", path);
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open the directory %s", path);
	vm_auto_dir DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	for (const struct dirent *e; (e = readdir(dir));) {
		uint64_t pid;
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || vm_parse_u64(e->d_name, &pid) != 0 ||
		    pid > INT32_MAX)
			continue;
		if (!vm_vec_push(out, (pid_t)pid))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
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
