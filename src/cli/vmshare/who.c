/** vmshare --who: who else maps the pages of a process, mapping by mapping. */

#include <errno.h>
#include <stdlib.h>

#include "cli/vmshare/vmshare.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

static int find(struct vmshare *v, struct vm_sharing *x, struct vm_sharing_who *out, struct vm_err *err)
{
	/* A kernel thread, or a zombie: nobody has anything of it. */
	if (!x->as->nmaps)
		return 0;
	int r = vm_sharing_who_read(v->s, x, v->range, 0, out, err);
	if (r == 0 && out->failed)
		fprintf(stderr, "vmshare: %u process%s couldn't be looked through: %s\n", out->failed, out->failed == 1 ? "" : "es",
			out->why.what);
	return r;
}

int vmshare_find_sharers(struct vmshare *v, struct vm_sharing *x, struct vm_sharing_who *out, struct vm_err *err)
{
	int r = find(v, x, out, err);
	if (r == 0 || r == -ENOMEM || r == -ESRCH)
		return r;
	vm_session_note(v->s, VM_NEED_BIT_FRAMES, -r, x->as->proc.pid);
	return 0;
}

/** How many that are, and how many are left out of the rows. */
static void say_who(struct vmshare *v, const struct vm_sharing *x, const struct vm_sharing_who *who)
{
	char many[VMSHARE_TEXT];
	vmshare_title(v, &x->as->proc);
	if (!x->as->nmaps) {
		vm_report_say(&v->report, "%s\n", v->o->range ? "it maps nothing there" : "it has no user memory");
		return;
	}
	vm_report_say(&v->report, "%s of it are mapped more than once; %zu of %u other processes map pages of it\n",
		      vmshare_size(v, x->total.many, many), who->of.processes.n, who->looked);
}

static void say_left_out(struct vmshare *v, const struct vm_sharing_who *who)
{
	size_t left = 0;
	for (size_t i = 0; i < who->of.mappings; i++)
		left += who->of.sharers[i].all - who->of.sharers[i].most.n;
	if (left)
		vm_report_say(&v->report, "%zu more rows are left out: of a mapping at most %d processes are shown\n", left,
			      VM_SHARERS_KEPT);
}

static int put_rows(struct vmshare *v, const struct vm_sharing *x, const struct vm_sharing_who *who, struct vm_err *err)
{
	const bool talks = v->style.headings && !vm_report_is_machine(&v->report);
	size_t n;
	struct vm_share_sharer_row *rows = vm_sharing_who_rows(x, SIZE_MAX, &n);
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	if (talks) {
		say_who(v, x, who);
		vm_report_say(&v->report, "%s", n ? "\n" : "");
	}
	int r = n || !talks ? vmshare_list(v, &vm_share_sharer_fields, true, NULL, rows, n, sizeof(rows[0]), 0, err) : 0;
	if (r == 0 && talks)
		say_left_out(v, who);
	free(rows);
	return r;
}

static int show(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing x;
	struct vm_sharing_who who = { .looked = 0 };
	int r = vm_sharing_read(v->s, v->pids.v[0], v->choice.needs | VM_NEED(CMDLINE), v->range, &x, err);
	if (r == 0)
		r = find(v, &x, &who, err);
	if (r == 0)
		r = put_rows(v, &x, &who, err);
	vm_sharing_who_free(&who);
	vm_sharing_free(&x);
	return r;
}

const struct vmshare_mode vmshare_who = { .name = "who", .set = &vm_share_sharer_fields, .show = show };
