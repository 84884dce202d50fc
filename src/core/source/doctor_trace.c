/** Counters, pressure, eBPF, perf. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/doctor_part.h"
#include "core/source/faults.h"
#include "core/source/machine.h"
#include "core/source/pmu.h"
#include "core/source/session.h"
#include "core/source/tasks.h"

#define BPF "CAP_BPF, CAP_PERFMON"

/* ---- Pressure ----------------------------------------------------------------------------------------------------- */

static void check_psi(struct vm_session *s, struct vm_finding *f)
{
	struct vm_machine m = { 0 };
	if (vm_machine_read(s, VM_MACH(PSI), &m, NULL) == 0 && vm_machine_has(&m, VM_M_PSI_MEM_SOME))
		vm_found(f, VM_VERDICT_WORKS, "%s", vm_machine_has(&m, VM_M_PSI_MEM_FULL) ? "some and full" : "some");
	else if (m.why[VM_MACH_PSI] == EACCES || m.why[VM_MACH_PSI] == EPERM)
		vm_found(f, VM_VERDICT_DENIED, "needs to be root");
	else
		vm_found(f, VM_VERDICT_ABSENT, "%s", s->live ? "no CONFIG_PSI, or booted without psi=1" : vm_session_lacks(s));
	vm_machine_free(&m);
}

const struct vm_check vm_check_psi = {
	.info = { "psi", "pressure: time lost waiting for memory", "reading /proc/pressure/memory", "vmrep, vmtop",
		 "page faults and reclaim" },
	.run = check_psi,
};

/* ---- eBPF --------------------------------------------------------------------------------------------------------- */

static void check_btf(struct vm_session *s, struct vm_finding *f)
{
	unsigned char magic[2] = { 0 };
	vm_auto_close int fd = vm_session_open_file(s, 0, "sys/kernel/btf/vmlinux");
	if (fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) && (magic[0] | magic[1] << 8) == 0xeb9f) {
		vm_found(f, VM_VERDICT_WORKS, "the kernel tells its types");
		return;
	}
	vm_found(f, fd == -EACCES ? VM_VERDICT_DENIED : VM_VERDICT_ABSENT,
		 fd == -EACCES ? "needs to be root" : "no CONFIG_DEBUG_INFO_BTF");
	vm_found_why(f, "programs can't find the kernel's structures without /sys/kernel/btf/vmlinux");
}

const struct vm_check vm_check_btf = {
	.info = { "btf", "types of the kernel, for eBPF", "reading the head of /sys/kernel/btf/vmlinux", "all that uses eBPF", "/proc" },
	.live = true, .run = check_btf,
};

static void check_iterators(struct vm_session *s, struct vm_finding *f)
{
	struct vm_tasks *t;
	struct vm_task_entry self;
	struct vm_err err = { 0 };
	if (!vm_found_bpf(f))
		return;
	int r = vm_tasks_get(s, &t, &err);
	if (r == 0)
		r = vm_tasks_one(t, getpid(), &self, &err);
	vm_found_result(f, r, &err, BPF);
	if (r == 0)
		vm_found(f, VM_VERDICT_WORKS, "one found us among all tasks");
}

const struct vm_check vm_check_iterators = {
	.info = { "bpf-iterators", "all processes in one pass, by eBPF", "loading a program that finds us among the tasks",
		 "vmtop, vmmap --mm", "/proc/PID" },
	.live = true, .run = check_iterators,
};

static void check_fault_programs(struct vm_session *s, struct vm_finding *f)
{
	struct vm_err err = { 0 };
	if (!vm_found_bpf(f))
		return;
	const int r = vm_faults_ebpf.probe(s, &err);
	vm_found_result(f, r, &err, BPF);
	if (r == 0)
		vm_found(f, VM_VERDICT_WORKS, "attached to page faults and off again");
}

const struct vm_check vm_check_fault_programs = {
	.info = { "bpf-faults", "every page fault, by eBPF (tp_btf)", "attaching programs to page faults, of nobody",
		 "vmfault, FAULT% of vmtop",
		  "perf, else counters" },
	.live = true, .run = check_fault_programs,
};

/* ---- perf --------------------------------------------------------------------------------------------------------- */

static void check_perf(struct vm_session *s, struct vm_finding *f)
{
	struct vm_pmu p;
	struct vm_pmu_reason why;
	if (vm_pmu_probe(s, &p, NULL) < 0)
		return;
	if (vm_pmu_software_reason(&p, &why)) {
		vm_found(f, p.software == -ENOSYS && !p.seccomp ? VM_VERDICT_ABSENT : VM_VERDICT_DENIED, "refused: %s", why.key);
		vm_found_why(f, "%s", why.what);
		vm_found_fix(f, "%s", why.fix);
	} else if (p.user_only) {
		vm_found(f, VM_VERDICT_PARTLY, "user mode of own processes (paranoid %d)", p.paranoid);
		vm_found_why(f, "kernel.perf_event_paranoid keeps kernel mode and other users from who has no CAP_PERFMON");
		vm_found_fix(f, "run with sudo; or sysctl kernel.perf_event_paranoid=-1");
	} else {
		vm_found(f, VM_VERDICT_WORKS, "software events of user and kernel mode");
	}
}

const struct vm_check vm_check_perf = {
	.info = { "perf", "perf's software events: page faults", "opening one of ours", "vmfault, vmtlb", "counters" },
	.live = true, .run = check_perf,
};

static void check_pmu(struct vm_session *s, struct vm_finding *f)
{
	static const struct { const char *key, *brief; } briefs[] = {
		{ "no_pmu", "none" }, { "paranoid", "refused: kernel.perf_event_paranoid" }, { "seccomp", "refused: a seccomp filter" },
		{ "user_namespace", "refused: in a user namespace" }, { "security_module", "refused: a security module" },
		{ "no_perf", "no CONFIG_PERF_EVENTS" }, { "busy", "taken by somebody else" },
	};
	struct vm_pmu p;
	struct vm_pmu_reason why;
	if (vm_pmu_probe(s, &p, NULL) < 0)
		return;
	if (p.state == VM_PMU_READY) {
		vm_found(f, p.user_only || !p.core[0].n ? VM_VERDICT_PARTLY : VM_VERDICT_WORKS, "%s, %zu events of translation%s",
			 p.core[0].table, p.core[0].n, p.user_only ? ", user mode only" : "");
		if (vm_pmu_reason(&p, &why)) {
			vm_found_why(f, "%s", why.what);
			vm_found_fix(f, "%s", why.fix);
		}
		return;
	}
	const char *brief = "refused";
	vm_pmu_reason(&p, &why);
	for (size_t i = 0; i < vm_countof(briefs); i++)
		brief = strcmp(briefs[i].key, why.key) == 0 ? briefs[i].brief : brief;
	const bool denied = p.state == VM_PMU_FORBIDDEN || p.state == VM_PMU_FILTERED;
	vm_found(f, denied ? VM_VERDICT_DENIED : VM_VERDICT_ABSENT, "%s%s", brief, p.state != VM_PMU_NONE ? "" : p.hypervisor
		 ? " in this virtual machine" : ": the kernel drives none");
	vm_found_why(f, "%s", why.what);
	vm_found_fix(f, "%s", why.fix);
}

const struct vm_check vm_check_pmu = {
	.info = { "pmu", "the CPU's counters: TLB misses, page walks", "opening an event of cycles", "vmtlb, vmrep -o tlb",
		  "vmtlb --probe, --model" },
	.live = true, .run = check_pmu,
};
