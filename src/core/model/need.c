#include "core/model/need.h"

#define SAME_USER "needs CAP_SYS_PTRACE or the same user; run with sudo"
#define FRAME "needs CAP_SYS_ADMIN; run with sudo"
#define BPF "needs CAP_BPF, CAP_PERFMON and Linux 5.18 with BTF; run with sudo"
#define TIMED "needs CAP_BPF, CAP_PERFMON and Linux 5.17 with BTF; run with sudo"

const struct vm_need_info vm_need_info[VM_NEED_NR] = {
	[VM_NEED_BIT_LAYOUT] = { "layout", "the mappings", SAME_USER },
	[VM_NEED_BIT_SMAPS] = { "smaps", "RSS, PSS and the other figures of the mappings", SAME_USER },
	[VM_NEED_BIT_FLAGS] = { "flags", "VmFlags of the mappings", SAME_USER },
	[VM_NEED_BIT_OBJECTS] = { "objects", "segments of the mapped programs (data told from bss)",
				  SAME_USER },
	[VM_NEED_BIT_THREADS] = { "threads", "stack pointers of the threads (thread stacks)", SAME_USER },
	[VM_NEED_BIT_STAT] = { "stat", "faults, VSZ, RSS and start time", SAME_USER },
	[VM_NEED_BIT_MMADDR] = { "mmaddr", "addresses of code, data, heap, stack, args and env", SAME_USER },
	[VM_NEED_BIT_STATUS] = { "status", "RSS by type, peaks, locked bytes and page tables", SAME_USER },
	[VM_NEED_BIT_STATM] = { "statm", "shared and data sizes", SAME_USER },
	[VM_NEED_BIT_ROLLUP] = { "rollup", "PSS, USS and the other sums", SAME_USER },
	[VM_NEED_BIT_CMDLINE] = { "cmdline", "the command line", SAME_USER },
	[VM_NEED_BIT_LIMITS] = { "limits", "resource limits", SAME_USER },
	[VM_NEED_BIT_AUXV] = { "auxv", "the auxiliary vector", SAME_USER },
	[VM_NEED_BIT_CGROUP] = { "cgroup", "the control group", SAME_USER },
	[VM_NEED_BIT_USER] = { "user", "names of users", SAME_USER },
	[VM_NEED_BIT_MM] = { "mm", "default flags (mlockall), users and references of the mm_struct, charges of the user", BPF },
	[VM_NEED_BIT_CAPS] = { "caps", "capabilities and their user namespace", SAME_USER },
	[VM_NEED_BIT_MAPCOUNT] = { "mapcount", "the number of mappings", SAME_USER },
	[VM_NEED_BIT_AREAS] = { "areas", "raw flags, page offset and anon_vma of the mappings", BPF },
	[VM_NEED_BIT_FAULTTIME] = { "faulttime", "time in page faults", TIMED },
	[VM_NEED_BIT_TLB] = { "tlb", "the size of this machine's TLB", "run vmtlb --probe, which times it" },
	[VM_NEED_BIT_CPUS] = { "cpus", "the CPUs that threads ran on and may run on", SAME_USER },
	[VM_NEED_BIT_NUMA] = { "numa", "pages by memory node, and policies", SAME_USER },
	[VM_NEED_BIT_PAGES] = { "pages", "the states of pages", SAME_USER },
	[VM_NEED_BIT_TABLES] = { "tables", "page tables", BPF },
	[VM_NEED_BIT_KPAGEFLAGS] = { "kpageflags", "flags of page frames", FRAME },
	[VM_NEED_BIT_KPAGECOUNT] = { "kpagecount", "map counts of page frames", FRAME },
	[VM_NEED_BIT_KPAGECGROUP] = { "kpagecgroup", "memory cgroups of page frames", FRAME },
	[VM_NEED_BIT_HUGE] = { "huge", "policies, pools and counters of huge pages", "its files may be hidden from a container" },
	[VM_NEED_BIT_FRAMES] = { "frames", "page frames", FRAME },
};
