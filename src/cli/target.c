#include "cli/target.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "cli/common.h"
#include "core/base/err.h"
#include "core/source/cgroupfs.h"
#include "core/source/session.h"
#include "core/source/source.h"

static int check_cgroup(struct vm_session *s, const char *path, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	int r = vm_cgroup_pids(s, path, &pids, err);
	vm_vec_free(&pids);
	return r == -ENOENT ? vm_fail(err, ESRCH, "there is no cgroup '%s'", path) : r;
}

int vm_target_check(struct vm_session *s, const struct vm_target_options *o, struct vm_err *err)
{
	if (o->name && !*o->name)
		return vm_fail(err, EINVAL, "--name: '' is no name");
	if (o->cgroup && !*o->cgroup)
		return vm_fail(err, EINVAL, "--cgroup: '' is no path; that of the whole machine is /");
	return o->cgroup && s->live ? check_cgroup(s, o->cgroup, err) : 0;
}

int vm_target_find(struct vm_session *s, const struct vm_target_options *o, struct vm_target *out, struct vm_err *err)
{
	*out = (struct vm_target){
		.whom = o->all ? VM_OF_ALL : o->cgroup ? VM_OF_CGROUP : VM_OF_PIDS, .cgroup = o->cgroup,
	};
	if (o->pids)
		return vm_parse_pids(o->pids, &out->pids, &out->npids, err);
	if (!o->name)
		return 0;
	struct vm_pids found = { 0 };
	int r = vm_proc_find(s, o->name, &found, err);
	out->pids = found.v;
	out->npids = found.n;
	return r;
}

int vm_target_operands(struct vm_session *s, const struct vm_target_options *o, int argc, char **argv, struct vm_target *out,
		       uint64_t *interval_ns, uint64_t *count, struct vm_err *err)
{
	if (!vm_target_given(o)) {
		*out = (struct vm_target){ .whom = VM_OF_COMMAND };
		return 0;
	}
	int r = argc ? vm_parse_interval(argc, argv, interval_ns, count, err) : 0;
	return r == 0 ? vm_target_find(s, o, out, err) : r;
}

void vm_target_free(struct vm_target *t)
{
	free(t->pids);
	t->pids = NULL;
}

bool vm_target_gone(enum vm_whom whom, const pid_t *pids, size_t n)
{
	if (whom != VM_OF_PIDS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], 0) == 0 || errno != ESRCH)
			return false;
	return true;
}
