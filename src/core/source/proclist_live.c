/** The list of processes of this machine, by libproc2: apart, so that only who lists them links it. */

#include <errno.h>
#include <libproc2/pids.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

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
			r = vm_fail(err, ENOMEM, "out of memory");
	procps_pids_unref(&info);
	return r < 0 ? r : 0;
}

int vm_proc_list(struct vm_session *s, struct vm_pids *out, struct vm_err *err)
{
	if (!s->live)
		return vm_proc_list_dir(s, out, err);
	out->n = 0;
	int r = list_live(out, err);
	if (r == 0)
		vm_pids_sort(out);
	return r;
}
