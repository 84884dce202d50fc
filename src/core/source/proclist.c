/** The list of processes. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libproc2/pids.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"
#include "core/source/source.h"

static int out_of_memory(struct vm_err *err)
{
	return vm_fail(err, ENOMEM, "out of memory");
}

/** libproc2 has "/proc" built in, so it serves the live machine only; it is asked for numbers alone. */
static int list_live(struct vm_pids *out, struct vm_err *err)
{
	enum pids_item items[] = { PIDS_ID_PID };
	struct pids_info *info = NULL;
	int r = procps_pids_new(&info, items, 1);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot list processes");
	struct pids_fetch *all = procps_pids_reap(info, PIDS_FETCH_TASKS_ONLY);
	if (!all)
		r = vm_fail_os(err, errno, "cannot list processes");
	for (int i = 0; all && i < all->counts->total; i++)
		if (!vm_vec_push(out, PIDS_VAL(0, s_int, all->stacks[i], info)))
			r = out_of_memory(err);
	procps_pids_unref(&info);
	return r < 0 ? r : 0;
}

static int list_directory(struct vm_session *s, struct vm_pids *out, struct vm_err *err)
{
	int fd = vm_session_open_file(s, O_RDONLY | O_DIRECTORY, "proc");
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open the directory proc");
	vm_auto_dir DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return out_of_memory(err);
	}
	for (const struct dirent *e; (e = readdir(dir));) {
		uint64_t pid;
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || vm_parse_u64(e->d_name, &pid) != 0 ||
		    pid > INT32_MAX)
			continue;
		if (!vm_vec_push(out, (pid_t)pid))
			return out_of_memory(err);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static int sorted(struct vm_pids *out, int r)
{
	if (r == 0 && out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare);
	return r;
}

int vm_proc_list_dir(struct vm_session *s, struct vm_pids *out, struct vm_err *err)
{
	out->n = 0;
	return sorted(out, list_directory(s, out, err));
}

int vm_proc_list(struct vm_session *s, struct vm_pids *out, struct vm_err *err)
{
	out->n = 0;
	return sorted(out, s->live ? list_live(out, err) : list_directory(s, out, err));
}
