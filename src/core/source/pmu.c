#include "core/source/pmu.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/kernel.h"
#include "core/source/perf_event.h"
#include "core/source/pmu_encode.h"
#include "core/source/session.h"

#define DEVICES "sys/bus/event_source/devices"

/* ---- What the kernel shows ---------------------------------------------------------------------------------------- */

static bool read_number(struct vm_session *s, uint64_t *out, const char *path)
{
	if (vm_session_slurp(s, &s->scratch, "%s", path) <= 0)
		return false;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	return vm_parse_u64(s->scratch.s, out) == 0;
}

/** The first line of a file, cut to what `to` holds; "" if there is none. */
static void read_word(struct vm_session *s, char *to, size_t size, const char *path)
{
	to[0] = '\0';
	if (vm_session_slurp(s, &s->scratch, "%s", path) > 0)
		snprintf(to, size, "%.*s", (int)strcspn(s->scratch.s, "\n"), s->scratch.s);
}

static bool add_device(struct vm_session *s, struct vm_pmu *p, const char *name)
{
	char path[128];
	uint64_t type;
	snprintf(path, sizeof(path), DEVICES "/%s/type", name);
	if (p->ncores == VM_PMU_CORES_MAX || !read_number(s, &type, path))
		return false;
	struct vm_pmu_core *c = &p->core[p->ncores++];
	c->type = (uint32_t)type;
	snprintf(c->device, sizeof(c->device), "%s", name);
	snprintf(path, sizeof(path), DEVICES "/%s/caps/pmu_name", name);
	read_word(s, c->kernel_name, sizeof(c->kernel_name), path);
	return true;
}

static void find_devices(struct vm_session *s, struct vm_pmu *p)
{
	static const char *const names[] = {
		"cpu", "cpu_core", "cpu_atom", "armv8_pmuv3", "armv8_pmuv3_0", "armv8_pmuv3_1", "armv8_neoverse_n1",
		"armv8_neoverse_n2", "armv8_neoverse_v1", "armv8_neoverse_v2", "armv8_cortex_a72", "armv8_cortex_a53",
	};
	vm_auto_close int fd = vm_session_open_file(s, O_PATH, DEVICES);
	p->devices_shown = fd >= 0;
	for (size_t i = 0; i < vm_countof(names); i++)
		add_device(s, p, names[i]);
}

/** "key : value" of /proc/cpuinfo, from the first CPU that has it. */
static const char *cpuinfo(const char *text, const char *key, size_t *len)
{
	const size_t n = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, key, n) != 0)
			continue;
		const char *colon = line + n + strspn(line + n, " \t");
		if (*colon != ':')
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		*len = strcspn(colon, "\n");
		return colon;
	}
	return NULL;
}

static unsigned cpuinfo_number(const char *text, const char *key)
{
	size_t len;
	const char *v = cpuinfo(text, key, &len);
	return v ? (unsigned)strtoul(v, NULL, 0) : 0;
}

static bool has_flag(const char *text, const char *flag)
{
	size_t len;
	const size_t n = strlen(flag);
	const char *v = cpuinfo(text, "flags", &len);
	for (const char *p = v; p && p < v + len; p += strcspn(p, " \n"), p += *p == ' ')
		if (strncmp(p, flag, n) == 0 && (p[n] == ' ' || p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

static void identify_cpu(struct vm_session *s, struct vm_pmu_cpu *cpu, struct vm_pmu *p)
{
	size_t len;
	*cpu = (struct vm_pmu_cpu){ .vendor = VM_PMU_OTHER };
	if (vm_session_slurp(s, &s->scratch, "proc/cpuinfo") <= 0)
		return;
	const char *text = s->scratch.s, *vendor = cpuinfo(text, "vendor_id", &len);
	if (vendor) {
		cpu->vendor = strncmp(vendor, "GenuineIntel", len) == 0 ? VM_PMU_INTEL :
			      strncmp(vendor, "AuthenticAMD", len) == 0 || strncmp(vendor, "HygonGenuine", len) == 0 ? VM_PMU_AMD :
			      VM_PMU_OTHER;
		cpu->family = cpuinfo_number(text, "cpu family");
		cpu->model = cpuinfo_number(text, "model");
		p->hypervisor = has_flag(text, "hypervisor");
		/* No CPU before Golden Cove has these. */
		cpu->newer = has_flag(text, "amx_tile") || has_flag(text, "avx512_fp16");
	} else if (cpuinfo(text, "CPU implementer", &len)) {
		cpu->vendor = VM_PMU_ARM;
		cpu->family = cpuinfo_number(text, "CPU implementer");
		cpu->model = cpuinfo_number(text, "CPU part");
	}
}

/** What decides who may count. */
static void read_limits(struct vm_session *s, struct vm_pmu *p)
{
	char word[64];
	read_word(s, word, sizeof(word), "proc/sys/kernel/perf_event_paranoid");
	p->paranoid = word[0] ? (int)strtol(word, NULL, 10) : VM_PMU_PARANOID_UNKNOWN;
	if (vm_session_slurp(s, &s->scratch, "proc/self/status") > 0) {
		const char *line = strstr(s->scratch.s, "\nSeccomp:");
		p->seccomp = line && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
	}
	/* The first namespace maps everyone to themselves. */
	unsigned inside, outside, n;
	read_word(s, word, sizeof(word), "proc/self/uid_map");
	p->user_namespace = sscanf(word, "%u %u %u", &inside, &outside, &n) == 3 && (inside || outside || n != UINT32_MAX);
	p->perfmon = vm_kernel_permits(VM_CAP(PERFMON));
	read_word(s, word, sizeof(word), "proc/sys/kernel/nmi_watchdog");
	p->watchdog = word[0] == '1';
}

/* ---- Trying ------------------------------------------------------------------------------------------------------- */

static int try_attr(struct perf_event_attr *attr)
{
	attr->disabled = 1;
	vm_auto_close int fd = vm_perf_event_open(attr, 0, -1, 0);
	return fd < 0 ? fd : 0;
}

static int try_software(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1, .exclude_hv = 1,
	};
	return try_attr(&attr);
}

static int try_cycles(const struct vm_pmu *p, bool user_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .exclude_kernel = user_only, .exclude_hv = 1,
		.config = vm_pmu_extended(p, 0, PERF_COUNT_HW_CPU_CYCLES),
	};
	return try_attr(&attr);
}

static bool is_forbidden(int r)
{
	return r == -EACCES || r == -EPERM;
}

/** May kernel mode be counted?  A software event shows it as well. */
static bool sees_user_only(const struct vm_pmu *p)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY };
	return is_forbidden(try_attr(&attr)) || (p->hardware == 0 && is_forbidden(try_cycles(p, false)));
}

enum vm_pmu_state vm_pmu_refused(const struct vm_pmu *p, int code)
{
	/* The kernel itself lets everyone count their own user mode up to level 2. */
	if (code == -EACCES)
		return p->seccomp && p->paranoid <= 2 ? VM_PMU_FILTERED : VM_PMU_FORBIDDEN;
	return code == -EPERM || code == -ENOSYS ? VM_PMU_FILTERED : VM_PMU_READY;
}

static enum vm_pmu_state state_of(const struct vm_pmu *p)
{
	if (p->hardware == 0)
		return VM_PMU_READY;
	if (p->software == -ENOSYS && !p->seccomp)
		return VM_PMU_NO_PERF;
	/* What sysfs shows nobody has to be asked for. */
	if (p->devices_shown && !p->ncores)
		return VM_PMU_NONE;
	const enum vm_pmu_state refused = vm_pmu_refused(p, p->software ? p->software : p->hardware);
	if (refused != VM_PMU_READY)
		return refused;
	return p->hardware == -ENOENT || p->hardware == -EOPNOTSUPP || p->hardware == -ENODEV ? VM_PMU_NONE : VM_PMU_FAILED;
}

/** Of what the table has, what this kernel takes. */
static void keep_what_opens(const struct vm_pmu *p, struct vm_pmu_core *c)
{
	size_t to = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct perf_event_attr attr;
		vm_pmu_attr(p, &c->event[i], &attr);
		const int r = try_attr(&attr);
		/* Too many descriptors, or a counter that is taken, says nothing about the event. */
		if (r != -ENOENT && r != -EINVAL && r != -EOPNOTSUPP && r != -ENODEV)
			c->event[to++] = c->event[i];
	}
	c->n = to;
}

int vm_pmu_identify(struct vm_session *s, struct vm_pmu *out, struct vm_err *err)
{
	struct vm_pmu_cpu cpu;
	*out = (struct vm_pmu){ .software = -ENOENT, .hardware = -ENOENT };
	find_devices(s, out);
	identify_cpu(s, &cpu, out);
	read_limits(s, out);
	for (unsigned i = 0; i < out->ncores; i++)
		vm_pmu_fill(out, i, &cpu);
	(void)err;
	return 0;
}

int vm_pmu_probe(struct vm_session *s, struct vm_pmu *out, struct vm_err *err)
{
	struct vm_pmu_cpu cpu;
	int r = vm_pmu_identify(s, out, err);
	if (r < 0)
		return r;
	out->software = try_software();
	out->hardware = try_cycles(out, true);
	/* Counters that a hidden /sys doesn't show. */
	if (out->hardware == 0 && !out->ncores) {
		identify_cpu(s, &cpu, out);
		out->core[out->ncores++] = (struct vm_pmu_core){ .device = "cpu", .type = PERF_TYPE_RAW };
		vm_pmu_fill(out, 0, &cpu);
	}
	out->user_only = out->software == 0 && sees_user_only(out);
	out->state = state_of(out);
	for (unsigned i = 0; out->state == VM_PMU_READY && i < out->ncores; i++)
		keep_what_opens(out, &out->core[i]);
	return 0;
}

/* ---- Events ------------------------------------------------------------------------------------------------------- */

const struct vm_pmu_event *vm_pmu_event(const struct vm_pmu_core *c, unsigned what)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->event[i].what == what)
			return &c->event[i];
	return NULL;
}

const struct vm_pmu_event *vm_pmu_event_to_sample(const struct vm_pmu_core *c, enum vm_tc_side side)
{
	const enum vm_tc_side of[] = { side, side == VM_TC_FETCH ? VM_TC_FETCH : VM_TC_DATA };
	static const enum vm_tc_of order[] = { VM_TC_WALKS_RETIRED, VM_TC_WALKS, VM_TC_WALKS_STARTED };
	for (size_t s = 0; s < vm_countof(of); s++)
		for (size_t i = 0; i < vm_countof(order); i++) {
			const struct vm_pmu_event *e = vm_pmu_event(c, vm_tc_what(of[s], order[i]));
			if (e)
				return e;
		}
	return NULL;
}

void vm_pmu_attr(const struct vm_pmu *p, const struct vm_pmu_event *e, struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){
		.type = e->type, .size = sizeof(*attr), .config = e->config, .config1 = e->config1, .config2 = e->config2,
		.exclude_kernel = p->user_only, .exclude_hv = 1, .exclude_guest = e->type != PERF_TYPE_SOFTWARE,
	};
}
