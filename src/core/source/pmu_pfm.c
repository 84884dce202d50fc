/** libpfm4's part.  It is a state of the process's: what it is told comes from the environment, read once. */

#include "core/source/pmu_encode.h"

#include <errno.h>
#include <string.h>

#include "core/base/err.h"

#if VM_HAVE_PFM

#include <linux/perf_event.h>
#include <perfmon/pfmlib.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"

/** It encodes for PMUs that aren't here only if told so when it starts; programs that we start aren't to hear of it. */
static bool ready(void)
{
	static const char name[] = "LIBPFM_ENCODE_INACTIVE";
	const bool set = getenv(name) != NULL;
	if (!set)
		setenv(name, "1", 0);
	const bool ok = pfm_initialize() == PFM_SUCCESS;
	if (!set)
		unsetenv(name);
	return ok;
}

static bool pmu_info(int pmu, pfm_pmu_info_t *info)
{
	*info = (pfm_pmu_info_t){ .size = sizeof(*info) };
	return pfm_get_pmu_info((pfm_pmu_t)pmu, info) == PFM_SUCCESS;
}

static bool is_core(const pfm_pmu_info_t *info)
{
	/* The architectural events of Intel's are a core's too, but no CPU's name. */
	return info->type == PFM_PMU_TYPE_CORE && info->pmu != PFM_PMU_INTEL_X86_ARCH;
}

bool vm_pmu_pfm_detected(char *name, size_t size)
{
	pfm_pmu_info_t info;
	if (!ready())
		return false;
	for (int i = 0; i < PFM_PMU_MAX; i++)
		if (pmu_info(i, &info) && info.is_present && is_core(&info)) {
			snprintf(name, size, "%s", info.name);
			return true;
		}
	return false;
}

bool vm_pmu_pfm_knows(const char *pmu)
{
	pfm_pmu_info_t info;
	if (!ready())
		return false;
	for (int i = 0; i < PFM_PMU_MAX; i++)
		if (pmu_info(i, &info) && strcmp(info.name, pmu) == 0)
			return true;
	return false;
}

/** Can it be sampled precisely: the event, or the unit masks that were chosen? */
static bool is_precise(int event, const char *name)
{
	pfm_event_info_t info = { .size = sizeof(info) };
	if (pfm_get_event_info(event, PFM_OS_PERF_EVENT, &info) != PFM_SUCCESS)
		return false;
	for (int a = 0; a < info.nattrs; a++) {
		pfm_event_attr_info_t attr = { .size = sizeof(attr) };
		const char *at;
		if (pfm_get_event_attr_info(event, a, PFM_OS_PERF_EVENT, &attr) != PFM_SUCCESS || attr.type != PFM_ATTR_UMASK ||
		    !attr.is_precise || !(at = strcasestr(name, attr.name)) || at[-1] != ':')
			continue;
		const char end = at[strlen(attr.name)];
		if (end == ':' || end == '\0')
			return true;
	}
	return info.is_precise && info.nattrs == 0;
}

/** What its refusal means: which part of the name, and what would be right. */
static int refuse(const char *name, int code, struct vm_err *err)
{
	switch (code) {
	case PFM_ERR_NOTFOUND:
		return vm_fail(err, EINVAL, "libpfm4 knows no event '%s'", name);
	case PFM_ERR_UMASK:
		return vm_fail(err, EINVAL, "event '%s': unit mask missing or wrong (libpfm4)", name);
	case PFM_ERR_ATTR:
		return vm_fail(err, EINVAL, "event '%s': libpfm4 knows the event, but not what follows it", name);
	default:
		return vm_fail(err, EINVAL, "event '%s': %s (libpfm4)", name, pfm_strerror(code));
	}
}

int vm_pmu_pfm_encode(const char *name, struct vm_pmu_event *out, struct vm_err *err)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	pfm_perf_encode_arg_t arg = { .size = sizeof(arg), .attr = &attr };
	if (!ready())
		return vm_fail(err, EOPNOTSUPP, "libpfm4 doesn't work here");
	const int code = pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &arg);
	if (code != PFM_SUCCESS)
		return refuse(name, code, err);
	*out = (struct vm_pmu_event){
		.what = VM_TC_NONE, .type = attr.type, .config = attr.config, .config1 = attr.config1, .config2 = attr.config2,
		.precise = is_precise(arg.idx, name),
	};
	snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

/* ---- The nearest name --------------------------------------------------------------------------------------------- */

struct nearest {
	const char *name;
	char *out;
	size_t size;
	unsigned best;
};

static void consider(struct nearest *n, const char *event, const char *mask)
{
	char text[160];
	snprintf(text, sizeof(text), "%s%s%s", event, mask ? ":" : "", mask ? mask : "");
	const unsigned d = vm_edit_distance(n->name, text);
	if (d < n->best) {
		n->best = d;
		snprintf(n->out, n->size, "%s", text);
	}
}

static void consider_event(struct nearest *n, int event)
{
	pfm_event_info_t info = { .size = sizeof(info) };
	if (pfm_get_event_info(event, PFM_OS_PERF_EVENT, &info) != PFM_SUCCESS)
		return;
	bool masks = false;
	for (int a = 0; a < info.nattrs; a++) {
		pfm_event_attr_info_t attr = { .size = sizeof(attr) };
		if (pfm_get_event_attr_info(event, a, PFM_OS_PERF_EVENT, &attr) == PFM_SUCCESS && attr.type == PFM_ATTR_UMASK) {
			consider(n, info.name, attr.name);
			masks = true;
		}
	}
	if (!masks)
		consider(n, info.name, NULL);
}

bool vm_pmu_pfm_suggest(const char *name, const char *pmu, char *out, size_t size)
{
	const char *bare = strstr(name, "::");
	struct nearest n = { .name = bare ? bare + 2 : name, .out = out, .size = size };
	/* A third of the letters may be wrong. */
	const unsigned limit = (unsigned)strlen(n.name) / 3 + 1;
	n.best = limit;
	pfm_pmu_info_t info;
	if (!ready())
		return false;
	for (int i = 0; i < PFM_PMU_MAX; i++) {
		if (!pmu_info(i, &info))
			continue;
		const bool asked = bare && strncmp(info.name, name, (size_t)(bare - name)) == 0 &&
				   info.name[bare - name] == '\0';
		if (!asked && (bare || (!info.is_present && !(pmu && strcmp(info.name, pmu) == 0))))
			continue;
		for (int e = info.first_event; e != -1; e = pfm_get_event_next(e))
			consider_event(&n, e);
	}
	return n.best < limit;
}

#else

bool vm_pmu_pfm_detected(char *name, size_t size)
{
	(void)name;
	(void)size;
	return false;
}

bool vm_pmu_pfm_knows(const char *pmu)
{
	(void)pmu;
	return false;
}

int vm_pmu_pfm_encode(const char *name, struct vm_pmu_event *out, struct vm_err *err)
{
	(void)out;
	return vm_fail(err, EOPNOTSUPP, "'%s' is no event that is known without libpfm4", name);
}

bool vm_pmu_pfm_suggest(const char *name, const char *pmu, char *out, size_t size)
{
	(void)name;
	(void)pmu;
	(void)out;
	(void)size;
	return false;
}

#endif
