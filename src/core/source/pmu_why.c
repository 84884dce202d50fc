/** Why hardware isn't counted, in words: one sentence for each cause, and what would help. */

#include "core/source/pmu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/source/pmu_encode.h"

#define SUDO "run vmtlb with sudo; or setcap cap_perfmon+ep on its file"
#define DEVICES "/sys/bus/event_source/devices"
#define UNSEEN "whether this machine has TLB counters cannot be seen without that permission"

static const char *error_name(int code)
{
	const char *name = strerrorname_np(code < 0 ? -code : code);
	return name ? name : "?";
}

static bool put(struct vm_pmu_reason *r, const char *key, const char *fix)
{
	r->key = key;
	snprintf(r->fix, sizeof(r->fix), "%s", fix);
	return true;
}

static bool no_pmu(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	const char *where = p->hypervisor ? "its hypervisor gives none to this virtual machine" : "the kernel drives none";
	if (p->devices_shown)
		snprintf(r->what, sizeof(r->what), "this machine has no hardware counters (no cpu PMU in " DEVICES "): %s; being root "
			 "does not change it", where);
	else
		snprintf(r->what, sizeof(r->what), "this machine has no hardware counters (%s for CPU cycles): %s; being root does "
			 "not change it", error_name(p->hardware), where);
	return put(r, "no_pmu", "");
}

/** EACCES: a sysctl, where it isn't a namespace. */
static bool forbidden(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	if (p->user_namespace && p->perfmon) {
		snprintf(r->what, sizeof(r->what), "the kernel refuses performance events (EACCES, kernel.perf_event_paranoid = %d): the "
			 "capabilities of a user namespace don't count for them; " UNSEEN, p->paranoid);
		return put(r, "user_namespace", "run vmtlb outside of the user namespace (rootless container), as root; or sysctl "
			   "kernel.perf_event_paranoid=2 there");
	}
	if (p->paranoid > 2 && !p->perfmon) {
		snprintf(r->what, sizeof(r->what), "the kernel refuses all performance events to this user (EACCES, "
			 "kernel.perf_event_paranoid = %d, as Debian and Ubuntu have it); " UNSEEN, p->paranoid);
		return put(r, "paranoid", SUDO "; or sysctl kernel.perf_event_paranoid=2");
	}
	snprintf(r->what, sizeof(r->what), "a security module refuses performance events (EACCES, though "
		 "kernel.perf_event_paranoid is %d); " UNSEEN, p->paranoid);
	return put(r, "security_module", "allow perf_event_open in its policy, or run vmtlb outside of it");
}

static bool filtered(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	const char *name = error_name(p->software ? p->software : p->hardware);
	if (p->seccomp) {
		snprintf(r->what, sizeof(r->what), "perf_event_open is blocked (%s, and \"Seccomp: 2\" in /proc/self/status: a filter, as "
			 "containers have; kernel.perf_event_paranoid would give EACCES); " UNSEEN, name);
		return put(r, "seccomp", "run vmtlb on the host; or Docker: --cap-add PERFMON and a seccomp profile that allows "
			   "perf_event_open");
	}
	snprintf(r->what, sizeof(r->what), "perf_event_open is blocked (%s) by a security module or the kernel's lockdown; " UNSEEN, name);
	return put(r, "security_module", "allow it in the module's policy; lockdown ends with the next boot without it");
}

static bool user_only(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	snprintf(r->what, sizeof(r->what), "counting user mode only (kernel.perf_event_paranoid = %d, %s): what the kernel does for "
		 "the target is not included", p->paranoid,
		 !p->perfmon ? "no CAP_PERFMON" : p->user_namespace ? "and a user namespace's capabilities don't count" :
		 "in spite of CAP_PERFMON");
	return put(r, "user_only", SUDO "; or sysctl kernel.perf_event_paranoid=1");
}

bool vm_pmu_reason(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	*r = (struct vm_pmu_reason){ .key = NULL };
	switch (p->state) {
	case VM_PMU_READY:
		return p->user_only && user_only(p, r);
	case VM_PMU_NONE:
		return no_pmu(p, r);
	case VM_PMU_FORBIDDEN:
		return forbidden(p, r);
	case VM_PMU_FILTERED:
		return filtered(p, r);
	case VM_PMU_NO_PERF:
		snprintf(r->what, sizeof(r->what), "this kernel has no performance events at all (CONFIG_PERF_EVENTS is not set)");
		return put(r, "no_perf", "");
	case VM_PMU_FAILED:
		break;
	}
	snprintf(r->what, sizeof(r->what), "the kernel refuses to count CPU cycles (%s: %s)", error_name(p->hardware),
		 strerror(-p->hardware));
	if (p->hardware == -EBUSY)
		return put(r, "busy", "end the other tool that has reserved the counters (a profiler, or a virtual machine that uses them)");
	return put(r, "failed", p->hardware == -EMFILE || p->hardware == -ENFILE ? "raise the limit of open files (ulimit -n)" : "");
}

bool vm_pmu_software_reason(const struct vm_pmu *p, struct vm_pmu_reason *r)
{
	*r = (struct vm_pmu_reason){ .key = NULL };
	const enum vm_pmu_state who = vm_pmu_refused(p, p->software);
	if (who == VM_PMU_READY)
		return false;
	(void)(who == VM_PMU_FORBIDDEN ? forbidden(p, r) : filtered(p, r));
	/* Here they aren't the question. */
	char *end = strstr(r->what, "; " UNSEEN);
	if (end)
		*end = '\0';
	return true;
}
