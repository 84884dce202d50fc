/** The files of the machine's figures as sources, for --sources: each is read once. */

#include <errno.h>

#include "core/base/err.h"
#include "core/source/machine.h"
#include "core/source/machine_walks.h"
#include "core/source/session.h"
#include "core/source/source.h"

static int probe_part(struct vm_session *s, enum vm_machpart part, const char *what, struct vm_err *err)
{
	struct vm_machine m = { 0 };
	int r = vm_machine_read(s, UINT32_C(1) << part, &m, err);
	if (r == 0 && (m.unmet >> part & 1))
		r = vm_fail_os(err, m.why[part], "cannot read %s", what);
	vm_machine_free(&m);
	return r;
}

#define PROBE(name_, part_, file_) \
	static int probe_##name_(struct vm_session *s, struct vm_err *err) { return probe_part(s, VM_MACH_##part_, file_, err); }
PROBE(meminfo, MEMINFO, "/proc/meminfo")
PROBE(vmstat, VMSTAT, "/proc/vmstat")
PROBE(psi, PSI, "/proc/pressure/memory")
PROBE(shootdowns, SHOOTDOWNS, "the line TLB of /proc/interrupts")
PROBE(thp, THP, "khugepaged's files in /sys")
PROBE(ksm, KSM, "KSM's files in /sys")

static int probe_walks(struct vm_session *s, struct vm_err *err)
{
	struct vm_machine_walks *w = NULL;
	const int r = vm_machine_walks_open(s, &w, err);
	vm_machine_walks_close(w);
	return r;
}

static const struct vm_source
	meminfo = { .name = "meminfo", .help = "/proc/meminfo: what memory is used for", .probe = probe_meminfo },
	vmstat = { .name = "vmstat", .help = "/proc/vmstat: faults, reclaim, swap, compaction, nodes", .probe = probe_vmstat },
	psi = { .name = "psi", .help = "/proc/pressure: time lost by waiting", .probe = probe_psi },
	shootdowns = { .name = "interrupts", .help = "/proc/interrupts: TLB shootdowns (x86)", .probe = probe_shootdowns },
	thp = { .name = "khugepaged", .help = "/sys/kernel/mm/transparent_hugepage: khugepaged, smaller huge pages",
		 .probe = probe_thp },
	ksm = { .name = "ksm", .help = "/sys/kernel/mm/ksm: what KSM saves", .probe = probe_ksm },
	walks = { .name = "perf-walks", .help = "the CPUs' counters: page walks of the machine", .flags = VM_SRC_LIVE,
		 .probe = probe_walks };

const struct vm_source *const vm_machine_sources[] = { &meminfo, &vmstat, &psi, &shootdowns, &thp, &ksm, &walks, NULL };
