/** vmfault: what is wrong with a command line is told before anything is started or watched. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"

static int check_target(const struct vmfault *v, bool targets, int argc, char **argv, struct vm_err *err)
{
	uint64_t interval_ns, count;
	const struct vmfault_options *o = v->o;
	if (targets || (argc == 0 && o->explain))
		return 0;
	/* "vmfault 5": a program of such a name can be started as ./5. */
	if (argc > 0 && vm_parse_interval(argc, argv, &interval_ns, &count, NULL) != 0)
		return 0;
	vm_fail(err, EINVAL, "name what to watch");
	vm_hint(err, "-p PID, -n NAME, -g CGROUP, -a, or -- COMMAND; --help tells more");
	return -EINVAL;
}

static int check_form(const struct vmfault *v, bool targets, int argc, struct vm_err *err)
{
	const struct vmfault_options *o = v->o;
	if (o->trace && (o->interval_ns || (targets && argc == 2) || o->by >= 0 || o->svg))
		return vm_fail(err, EINVAL, "--trace goes with neither intervals, --by nor --svg");
	if (o->folded && (o->by >= 0 || v->sink->machine))
		return vm_fail(err, EINVAL, "--folded is a form of its own: it goes with neither --by, --json, --csv nor --format");
	if (o->explain && !targets && argc == 0 && v->sink->machine)
		return vm_fail(err, EINVAL, "--explain without a target is text only: it goes with neither --json, --csv nor --format");
	return 0;
}

static int check_columns(const struct vmfault *v, struct vm_err *err)
{
	struct vm_choice c;
	int r = vm_choice_parse(v->common, vmfault_fields(v->o->by), &c, err);
	if (r == 0)
		vm_choice_free(&c);
	return r;
}

/** A picture that can't be written would be known only after the program's end. */
static int check_svg(const char *path, struct vm_err *err)
{
	const bool is_new = access(path, F_OK) != 0;
	FILE *f = fopen(path, "ae");
	if (!f)
		return vm_fail_os(err, errno, "cannot write %s", path);
	fclose(f);
	if (is_new)
		unlink(path);
	return 0;
}

int vmfault_check(const struct vmfault *v, bool targets, int argc, char **argv, struct vm_err *err)
{
	int r = check_target(v, targets, argc, argv, err);
	if (r == 0)
		r = check_form(v, targets, argc, err);
	if (r == 0)
		r = check_columns(v, err);
	if (r == 0)
		r = vm_target_check(v->s, &v->o->target, err);
	if (r == 0 && v->o->svg)
		r = check_svg(v->o->svg, err);
	return r;
}

/** What was asked for and can't be had by the way that is left. */
static const char *out_of_reach(const struct vmfault *v)
{
	const struct vmfault_options *o = v->o;
	const struct vm_faultset *f = vm_faults_set(v->faults);
	if (o->trace && !vm_faults_tells_events(v->faults))
		return "single faults";
	if (!f->have_groups && (o->folded || o->svg || o->by == VMFAULT_BY_STACK))
		return "stacks";
	if (!f->have_groups && o->by != VMFAULT_BY_THREAD && o->by > VMFAULT_BY_KIND)
		return "where faults come from";
	if (!f->have_groups && o->heat)
		return "addresses of faults";
	return o->histogram && !f->have_times ? "how long faults take" : NULL;
}

int vmfault_check_source(const struct vmfault *v, struct vm_err *err)
{
	const char *what = out_of_reach(v), *why = vm_faults_why_not(v->faults);
	if (!what)
		return 0;
	return vm_fail(err, EOPNOTSUPP, "%s can't be told by %s%s%s", what, vm_faults_backend(v->faults)->name,
		       *why ? "; not by " : "", why);
}
