/** Columns of a process, the fields of the --mm view, and columns of a process that may lock memory. */

#include <math.h>
#include <stdio.h>

#include "core/analysis/tlbreach.h"
#include "core/field/field.h"
#include "core/field/numa.h"
#include "core/model/container.h"
#include "core/model/memlock.h"
#include "core/model/process.h"

#define GETTER(name) \
	static struct vm_value name(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
#define UNUSED(x) ((void)(x))

GETTER(get_qty)
{
	UNUSED(tmp);
	const struct vm_proc *p = row;
	return vm_proc_has(p, f->arg) ? VM_U64(p->q[f->arg]) : VM_ABSENT;
}

GETTER(get_pid)
{
	UNUSED(f), UNUSED(tmp);
	return VM_U64((uint64_t)((const struct vm_proc *)row)->pid);
}

GETTER(get_ppid)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->state ? VM_U64((uint64_t)p->ppid) : VM_ABSENT;
}

GETTER(get_start)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->state ? VM_U64(p->start) : VM_ABSENT;
}

GETTER(get_uid)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->has_uid ? VM_U64(p->uid) : VM_ABSENT;
}

GETTER(get_user)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->user ? VM_STR(p->user) : VM_ABSENT;
}

GETTER(get_state)
{
	UNUSED(f);
	const struct vm_proc *p = row;
	if (!p->state)
		return VM_ABSENT;
	tmp->text[0] = p->state;
	tmp->text[1] = '\0';
	return VM_STR(tmp->text);
}

GETTER(get_comm)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->comm[0] || p->state ? VM_STR(p->comm) : VM_ABSENT;
}

GETTER(get_cmdline)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->cmdline ? VM_STR(p->cmdline) : VM_ABSENT;
}

GETTER(get_command)
{
	const struct vm_proc *p = row;
	return p->cmdline && p->cmdline[0] ? VM_STR(p->cmdline) : get_comm(f, row, tmp);
}

GETTER(get_cgroup)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return p->cgroup ? VM_STR(p->cgroup) : VM_ABSENT;
}

/** The kernel tells mm->exec_vm in two parts (task_mem() in fs/proc/task_mmu.c). */
GETTER(get_exec_vm)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return vm_proc_has(p, VM_P_EXE) && vm_proc_has(p, VM_P_LIB) ? VM_U64(p->q[VM_P_EXE] + p->q[VM_P_LIB])
								     : VM_ABSENT;
}

static struct vm_value number(double v)
{
	return isnan(v) ? VM_ABSENT : VM_F64(v);
}

GETTER(get_minflt_rate)
{
	UNUSED(f), UNUSED(tmp);
	return number(((const struct vm_proc *)row)->minflt_rate);
}

GETTER(get_majflt_rate)
{
	UNUSED(f), UNUSED(tmp);
	return number(((const struct vm_proc *)row)->majflt_rate);
}

GETTER(get_rss_rate)
{
	UNUSED(f), UNUSED(tmp);
	return number(((const struct vm_proc *)row)->rss_rate);
}

GETTER(get_cpu_share)
{
	UNUSED(f), UNUSED(tmp);
	return number(((const struct vm_proc *)row)->cpu_share);
}

GETTER(get_fault_share)
{
	UNUSED(f), UNUSED(tmp);
	return number(((const struct vm_proc *)row)->fault_share);
}

GETTER(get_mem_share)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	if (!p->mem_total || !vm_proc_has(p, VM_P_RSS))
		return VM_ABSENT;
	return VM_F64((double)p->q[VM_P_RSS] / (double)p->mem_total);
}

GETTER(get_age)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	if (!p->rollup_ns)
		return VM_ABSENT;
	/* The row is read first, its sums of smaps a moment later. */
	return VM_U64(p->taken_ns > p->rollup_ns ? p->taken_ns - p->rollup_ns : 0);
}

GETTER(get_headroom)
{
	UNUSED(f), UNUSED(tmp);
	uint64_t bytes;
	return vm_proc_lock_headroom(row, &bytes) ? VM_U64(bytes) : VM_ABSENT;
}

GETTER(get_ipc_lock)
{
	UNUSED(f), UNUSED(tmp);
	const enum vm_answer capable = vm_proc_lock_capable(row);
	return capable == VM_UNSURE ? VM_ABSENT : VM_BOOL(capable == VM_YES);
}

GETTER(get_mlockall)
{
	static const char *const words[] = {
		[VM_MLOCKALL_NO] = "no", [VM_MLOCKALL_FUTURE] = "future", [VM_MLOCKALL_ONFAULT] = "onfault",
	};
	UNUSED(f), UNUSED(tmp);
	const enum vm_mlockall state = vm_proc_mlockall(row);
	return state == VM_MLOCKALL_UNKNOWN ? VM_ABSENT : VM_STR(words[state]);
}

GETTER(get_maps_share)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	if (!p->max_map_count || !vm_proc_has(p, VM_P_MAP_COUNT))
		return VM_ABSENT;
	return VM_F64((double)p->q[VM_P_MAP_COUNT] / (double)p->max_map_count);
}

/** Kernels without one kind of huge pages have none of it, and q[] is 0. */
static uint64_t thp_of(const struct vm_proc *p)
{
	return p->q[VM_P_THP] + p->q[VM_P_SHMEM_THP] + p->q[VM_P_FILE_THP];
}

GETTER(get_thp_disabled)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	return vm_proc_has(p, VM_P_THP_ENABLED) ? VM_BOOL(!p->q[VM_P_THP_ENABLED]) : VM_ABSENT;
}

GETTER(get_tlb_reach)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	struct vm_tlb_resident r;
	return vm_tlb_resident_of(p, &r) ? number(vm_tlb_reach_share(&p->tlb, &r)) : VM_ABSENT;
}

GETTER(get_thp_share)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_proc *p = row;
	if (!vm_proc_has(p, VM_P_RSS) || !vm_proc_has(p, VM_P_THP) || !p->q[VM_P_RSS])
		return VM_ABSENT;
	/* The two weren't read at the same moment. */
	return VM_F64(fmin((double)thp_of(p) / (double)p->q[VM_P_RSS], 1));
}

GETTER(get_container)
{
	UNUSED(f);
	const struct vm_proc *p = row;
	return p->cgroup && vm_container_of(p->cgroup, tmp->text, sizeof(tmp->text)) ? VM_STR(tmp->text) : VM_ABSENT;
}

GETTER(get_nodes)
{
	UNUSED(f);
	return vm_numa_nodes_list(((const struct vm_proc *)row)->numa, tmp);
}

GETTER(get_local)
{
	UNUSED(f), UNUSED(tmp);
	const struct vm_numa_sum *s = ((const struct vm_proc *)row)->numa;
	uint64_t bytes[VM_NODE_COLUMNS];
	if (!s || !s->have_pages || s->nnodes > VM_NODE_COLUMNS)
		return VM_ABSENT;
	for (unsigned i = 0; i < s->nnodes; i++)
		bytes[i] = vm_numa_sum_node(s, i);
	return number(vm_numa_local_share(s, bytes));
}

#define NEED_STAT VM_NEED(STAT)
#define FIELD(name_, key_, type_, unit_, flags_, needs_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, .unit = unit_, .flags = flags_, \
	  .needs = needs_, .get = get_, .source = source_ }
#define QTY(name_, key_, q_, unit_, flags_, needs_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = unit_, \
	  .flags = (flags_) | VM_F_SUM | VM_F_DESC, .needs = VM_NEED(needs_), .arg = q_, \
	  .get = get_qty, .source = source_ }
#define STATUS_BYTES(name_, key_, q_, flags_, source_, help_) \
	QTY(name_, key_, q_, VM_U_BYTES, flags_, STATUS, "status: " source_, help_)
#define ROLLUP_BYTES(name_, key_, q_, flags_, source_, help_) \
	QTY(name_, key_, q_, VM_U_BYTES, (flags_) | VM_F_DEAR, ROLLUP, "smaps_rollup: " source_, help_)
#define NEED_LIMIT (VM_NEED(LIMITS) | VM_NEED(STATUS) | VM_NEED(CAPS))
/* Columns that both kinds of rows have; `flags_` differ. */
#define LOCKED_FIELD(flags_) \
	STATUS_BYTES("LOCKED", "locked_bytes", VM_P_LOCKED, flags_, "VmLck", "size of the mappings locked with mlock(2)")
#define PINNED_FIELD(flags_) \
	STATUS_BYTES("PINNED", "pinned_bytes", VM_P_PINNED, flags_, "VmPin", "memory pinned for devices")
#define MEMLOCK_FIELD(flags_) \
	QTY("MEMLOCK", "memlock_limit_bytes", VM_P_MEMLOCK_SOFT, VM_U_BYTES, flags_, LIMITS, \
	    "limits: Max locked memory", "how much it may lock (soft limit)")
#define MEMLOCKMAX_FIELD(flags_) \
	QTY("MEMLOCKMAX", "memlock_limit_max_bytes", VM_P_MEMLOCK_HARD, VM_U_BYTES, flags_, LIMITS, \
	    "limits: Max locked memory, hard", "how far it may raise that limit")
#define HEADROOM_FIELD(flags_) \
	FIELD("HEADROOM", "memlock_headroom_bytes", VM_T_U64, VM_U_BYTES, (flags_) | VM_F_DESC, NEED_LIMIT, get_headroom, \
	      "limits: Max locked memory; status: VmLck, CapEff; ns/user", "how much more it may lock now")
#define IPCLOCK_FIELD(flags_) \
	FIELD("IPCLOCK", "cap_ipc_lock", VM_T_BOOL, VM_U_NONE, flags_, VM_NEED(CAPS), get_ipc_lock, \
	      "status: CapEff; ns/user, else uid_map", "whether CAP_IPC_LOCK frees it from the limit")
#define MLOCKALL_FIELD(flags_) \
	FIELD("MLOCKALL", "mlockall", VM_T_STR, VM_U_NONE, flags_, VM_NEED(MM), get_mlockall, "mm_struct: def_flags", \
	      "whether new mappings are locked: no, future, onfault")
#define MAPS_FIELD(flags_) \
	QTY("MAPS", "map_count", VM_P_MAP_COUNT, VM_U_COUNT, flags_, MAPCOUNT, "mm_struct: map_count, else maps", \
	    "number of mappings")
#define MAPS_SHARE_FIELD(flags_) \
	FIELD("MAPS%", "map_count_share", VM_T_F64, VM_U_RATIO, (flags_) | VM_F_DESC, VM_NEED(MAPCOUNT), get_maps_share, \
	      "maps; sys/vm/max_map_count", "that number as a share of vm.max_map_count")
#define M VM_F_MACHINE
#define D VM_F_DEFAULT
#define RATE (VM_F_RATE | VM_F_DESC | VM_F_SUM)

static const struct vm_field fields[] = {
	FIELD("PID", "pid", VM_T_U64, VM_U_COUNT, D | M | VM_F_LABEL, NEED_STAT, get_pid, "proc",
	      "process ID"),
	FIELD("PPID", "ppid", VM_T_U64, VM_U_COUNT, 0, NEED_STAT, get_ppid, "stat: ppid", "its parent"),
	FIELD("START", "start_ticks", VM_T_U64, VM_U_COUNT, M, NEED_STAT, get_start, "stat: starttime",
	      "when it started, in clock ticks since boot"),
	FIELD("UID", "uid", VM_T_U64, VM_U_COUNT, M, VM_NEED(STATUS), get_uid, "status: Uid",
	      "real user ID"),
	FIELD("USER", "user", VM_T_STR, VM_U_NONE, D, VM_NEED(USER), get_user, "status: Uid",
	      "name of that user"),
	FIELD("S", "state", VM_T_STR, VM_U_NONE, D | M, NEED_STAT, get_state, "stat: state",
	      "state: R running, S sleeping, D waiting, Z zombie, T stopped, I idle"),
	QTY("THREADS", "threads", VM_P_THREADS, VM_U_COUNT, 0, STAT, "stat: num_threads",
	    "number of threads"),
	QTY("VSZ", "vsz_bytes", VM_P_VSZ, VM_U_BYTES, D | M, STAT, "stat: vsize",
	    "size of the address space"),
	QTY("RSS", "rss_bytes", VM_P_RSS, VM_U_BYTES, D | M, STAT, "stat: rss; status: VmRSS",
	    "resident: pages in memory, shared ones counted in full"),
	FIELD("MEM%", "rss_share", VM_T_F64, VM_U_RATIO, VM_F_DESC, NEED_STAT, get_mem_share,
	      "stat: rss; meminfo: MemTotal", "RSS as a share of the machine's memory"),
	ROLLUP_BYTES("PSS", "pss_bytes", VM_P_PSS, D | M, "Pss",
		     "proportional: each resident page divided by the number of its mappings"),
	ROLLUP_BYTES("USS", "uss_bytes", VM_P_USS, D | M, "Private_Clean + Private_Dirty + Private_Hugetlb",
		     "unique: what would be freed if it ended now"),
	STATUS_BYTES("SWAP", "swap_bytes", VM_P_SWAP, D | M, "VmSwap",
		     "swapped out anonymous memory; shared memory isn't counted"),
	ROLLUP_BYTES("SWAPPSS", "swap_pss_bytes", VM_P_SWAP_PSS, M, "SwapPss",
		     "proportional share of swapped memory"),
	STATUS_BYTES("ANON", "anon_bytes", VM_P_ANON, M, "RssAnon", "resident anonymous memory"),
	STATUS_BYTES("FILE", "file_bytes", VM_P_FILE, M, "RssFile", "resident pages of files"),
	STATUS_BYTES("SHMEM", "shmem_bytes", VM_P_SHMEM, M, "RssShmem", "resident shared memory"),
	LOCKED_FIELD(M),
	PINNED_FIELD(0),
	STATUS_BYTES("PTE", "page_tables_bytes", VM_P_PAGE_TABLES, M, "VmPTE", "page tables"),
	STATUS_BYTES("DATA", "data_bytes", VM_P_DATA, 0, "VmData",
		     "size of private writable mappings other than stacks"),
	STATUS_BYTES("STACK", "stack_bytes", VM_P_STACK, 0, "VmStk", "size of the stack mapping"),
	STATUS_BYTES("EXE", "exe_bytes", VM_P_EXE, 0, "VmExe", "size of the program's code"),
	STATUS_BYTES("LIB", "lib_bytes", VM_P_LIB, 0, "VmLib",
		     "size of the code of everything but the program itself"),
	STATUS_BYTES("PEAK", "vsz_peak_bytes", VM_P_PEAK, 0, "VmPeak", "highest VSZ so far"),
	STATUS_BYTES("HWM", "rss_peak_bytes", VM_P_HWM, 0, "VmHWM", "highest RSS so far (high-water mark)"),
	QTY("SHARED", "shared_bytes", VM_P_SHARED, VM_U_BYTES, 0, STATM, "statm: shared",
	    "resident pages of files and shared memory (top's SHR)"),
	ROLLUP_BYTES("THP", "thp_bytes", VM_P_THP, M, "AnonHugePages",
		     "anonymous memory mapped by transparent huge pages of PMD size"),
	STATUS_BYTES("HUGETLB", "hugetlb_bytes", VM_P_HUGETLB, M, "HugetlbPages",
		     "pages of hugetlb pools; not part of RSS"),
	ROLLUP_BYTES("SHMEMTHP", "shmem_thp_bytes", VM_P_SHMEM_THP, 0, "ShmemPmdMapped",
		     "shared memory mapped by huge pages of PMD size"),
	ROLLUP_BYTES("FILETHP", "file_thp_bytes", VM_P_FILE_THP, 0, "FilePmdMapped",
		     "files mapped by huge pages of PMD size"),
	FIELD("THP%", "thp_share", VM_T_F64, VM_U_RATIO, VM_F_DESC | VM_F_DEAR, NEED_STAT | VM_NEED(ROLLUP), get_thp_share,
	      "smaps_rollup: AnonHugePages, ShmemPmdMapped, FilePmdMapped; stat: rss",
	      "share of RSS that is mapped by transparent huge pages of PMD size"),
	FIELD("THPOFF", "thp_disabled", VM_T_BOOL, VM_U_NONE, 0, VM_NEED(STATUS), get_thp_disabled, "status: THP_enabled",
	      "transparent huge pages are switched off for it: prctl(PR_SET_THP_DISABLE) holds"),
	FIELD("REACH%", "tlb_reach_share", VM_T_F64, VM_U_RATIO, VM_F_DESC | VM_F_DEAR,
	      NEED_STAT | VM_NEED(STATUS) | VM_NEED(ROLLUP) | VM_NEED(TLB), get_tlb_reach,
	      "stat: rss; smaps_rollup, status: huge pages; vmtlb --probe",
	      "estimated share of resident memory that the second-level TLB translates at once"),
	FIELD("NODES", "nodes", VM_T_LIST, VM_U_NONE, VM_F_DEAR, VM_NEED(NUMA), get_nodes, "numa_maps: N0, N1 ...",
	      "memory by memory node; columns N0, N1 ... give that of each (vmnuma)"),
	FIELD("LOCAL%", "local_share", VM_T_F64, VM_U_RATIO, VM_F_DESC | VM_F_DEAR, VM_NEED(NUMA) | VM_NEED(CPUS), get_local,
	      "numa_maps; task/TID/stat: processor",
	      "share of its memory on the nodes where its threads ran last (vmnuma)"),
	ROLLUP_BYTES("PSSDIRTY", "pss_dirty_bytes", VM_P_PSS_DIRTY, 0, "Pss_Dirty (Linux 6.0)",
		     "proportional share of dirty pages"),
	ROLLUP_BYTES("PSSANON", "pss_anon_bytes", VM_P_PSS_ANON, 0, "Pss_Anon", "PSS of anonymous memory"),
	ROLLUP_BYTES("PSSFILE", "pss_file_bytes", VM_P_PSS_FILE, 0, "Pss_File", "PSS of files"),
	ROLLUP_BYTES("PSSSHMEM", "pss_shmem_bytes", VM_P_PSS_SHMEM, 0, "Pss_Shmem", "PSS of shared memory"),
	ROLLUP_BYTES("SHCLEAN", "shared_clean_bytes", VM_P_SHARED_CLEAN, 0, "Shared_Clean",
		     "clean pages mapped more than once"),
	ROLLUP_BYTES("SHDIRTY", "shared_dirty_bytes", VM_P_SHARED_DIRTY, 0, "Shared_Dirty",
		     "dirty pages mapped more than once"),
	ROLLUP_BYTES("PRCLEAN", "private_clean_bytes", VM_P_PRIVATE_CLEAN, 0, "Private_Clean",
		     "clean pages mapped once"),
	ROLLUP_BYTES("PRDIRTY", "private_dirty_bytes", VM_P_PRIVATE_DIRTY, 0, "Private_Dirty",
		     "dirty pages mapped once"),
	ROLLUP_BYTES("REFD", "referenced_bytes", VM_P_REFERENCED, 0, "Referenced",
		     "pages marked as accessed since that mark was last cleared"),
	ROLLUP_BYTES("KSM", "ksm_bytes", VM_P_KSM, 0, "KSM (Linux 6.7)", "pages merged with equal ones by KSM"),
	ROLLUP_BYTES("LAZYFREE", "lazyfree_bytes", VM_P_LAZYFREE, 0, "LazyFree",
		     "pages given back with MADV_FREE and not yet taken"),
	QTY("MINFLT", "minor_faults", VM_P_MINFLT, VM_U_COUNT, M, STAT, "stat: minflt",
	    "page faults served without reading from a disk"),
	QTY("MAJFLT", "major_faults", VM_P_MAJFLT, VM_U_COUNT, M, STAT, "stat: majflt",
	    "page faults that had to read from a disk"),
	FIELD("MINFLT/S", "minor_faults_per_second", VM_T_F64, VM_U_PERSEC, RATE, NEED_STAT,
	      get_minflt_rate, "stat: minflt", "minor faults a second"),
	FIELD("MAJFLT/S", "major_faults_per_second", VM_T_F64, VM_U_PERSEC, RATE, NEED_STAT,
	      get_majflt_rate, "stat: majflt", "major faults a second"),
	FIELD("FAULT%", "fault_time_share", VM_T_F64, VM_U_RATIO, RATE, VM_NEED(FAULTTIME),
	      get_fault_share, "eBPF: page_fault_user, page_fault_kernel to perf's page-fault events",
	      "time in page faults, waiting included, as a share of one thread's time"),
	FIELD("RSS/S", "rss_growth_bytes_per_second", VM_T_F64, VM_U_BYTES_PERSEC, RATE, NEED_STAT,
	      get_rss_rate, "stat: rss", "growth of RSS a second"),
	FIELD("CPU%", "cpu_share", VM_T_F64, VM_U_RATIO, RATE, NEED_STAT, get_cpu_share,
	      "stat: utime + stime", "CPU time as a share of one CPU"),
	MEMLOCK_FIELD(0),
	MEMLOCKMAX_FIELD(0),
	HEADROOM_FIELD(0),
	IPCLOCK_FIELD(0),
	MLOCKALL_FIELD(0),
	MAPS_FIELD(0),
	MAPS_SHARE_FIELD(0),
	FIELD("AGE", "pss_age_ns", VM_T_U64, VM_U_NS, VM_F_DESC, VM_NEED(ROLLUP), get_age, "smaps_rollup",
	      "how old PSS, USS and their kin are in the live view"),
	FIELD("CGROUP", "cgroup", VM_T_STR, VM_U_NONE, VM_F_PATH, VM_NEED(CGROUP), get_cgroup, "cgroup",
	      "control group"),
	FIELD("CONTAINER", "container", VM_T_STR, VM_U_NONE, VM_F_TRUNC, VM_NEED(CGROUP), get_container, "cgroup",
	      "container, as its control group is named: short ID, or name"),
	FIELD("COMM", "comm", VM_T_STR, VM_U_NONE, M | VM_F_LABEL, NEED_STAT, get_comm, "stat: comm",
	      "name of the program"),
	FIELD("CMDLINE", "cmdline", VM_T_STR, VM_U_NONE, M | VM_F_TRUNC, VM_NEED(CMDLINE), get_cmdline,
	      "cmdline", "command line; empty for kernel threads"),
	FIELD("COMMAND", "command", VM_T_STR, VM_U_NONE, D | VM_F_TRUNC, NEED_STAT | VM_NEED(CMDLINE),
	      get_command, "cmdline, else stat: comm", "command line, else the program's name"),
};

const struct vm_fieldset vm_process_fields = {
	.row = "process", .rows = "processes", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};

GETTER(get_def_flags)
{
	UNUSED(f);
	const struct vm_proc *p = row;
	if (!vm_proc_has(p, VM_P_DEF_FLAGS))
		return VM_ABSENT;
	snprintf(tmp->text, sizeof(tmp->text), "0x%llx", (unsigned long long)p->q[VM_P_DEF_FLAGS]);
	return VM_STR(tmp->text);
}

#define MM(name_, key_, q_, unit_, need_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = unit_, \
	  .flags = D | M, .needs = VM_NEED(need_), .arg = q_, .get = get_qty, .source = source_ }
#define MM_ADDR(name_, q_, need_, source_, help_) \
	MM(name_, name_, q_, VM_U_ADDR, need_, source_, help_)

static const struct vm_field mm_fields[] = {
	{ .name = "pid", .key = "pid", .help = "process ID", .type = VM_T_U64, .unit = VM_U_COUNT,
	  .flags = VM_F_LABEL, .needs = NEED_STAT, .get = get_pid, .source = "proc" },
	MM_ADDR("start_code", VM_P_START_CODE, MMADDR, "stat: startcode", "code of the program"),
	MM_ADDR("end_code", VM_P_END_CODE, MMADDR, "stat: endcode", "end of the code"),
	MM_ADDR("start_data", VM_P_START_DATA, MMADDR, "stat: start_data", "initialised data and bss"),
	MM_ADDR("end_data", VM_P_END_DATA, MMADDR, "stat: end_data", "end of the data"),
	MM_ADDR("start_brk", VM_P_START_BRK, MMADDR, "stat: start_brk", "start of the brk heap"),
	MM_ADDR("brk", VM_P_BRK, LAYOUT, "mm_struct: brk, else maps: end of [heap]", "end of the heap"),
	MM_ADDR("start_stack", VM_P_START_STACK, MMADDR, "stat: startstack", "bottom of the stack"),
	MM_ADDR("arg_start", VM_P_ARG_START, MMADDR, "stat: arg_start", "arguments of the program"),
	MM_ADDR("arg_end", VM_P_ARG_END, MMADDR, "stat: arg_end", "end of the arguments"),
	MM_ADDR("env_start", VM_P_ENV_START, MMADDR, "stat: env_start", "environment of the program"),
	MM_ADDR("env_end", VM_P_ENV_END, MMADDR, "stat: env_end", "end of the environment"),
	MM_ADDR("entry", VM_P_ENTRY, AUXV, "auxv: AT_ENTRY", "first instruction of the program"),
	MM_ADDR("interpreter", VM_P_BASE, AUXV, "auxv: AT_BASE", "where the dynamic loader was mapped"),
	MM_ADDR("program_headers", VM_P_PHDR, AUXV, "auxv: AT_PHDR", "program headers in memory"),
	MM_ADDR("vdso", VM_P_VDSO, AUXV, "auxv: AT_SYSINFO_EHDR", "the vdso"),
	MM("total_vm", "total_vm_bytes", VM_P_VSZ, VM_U_BYTES, STAT, "stat: vsize", "all mappings"),
	MM("hiwater_vm", "hiwater_vm_bytes", VM_P_PEAK, VM_U_BYTES, STATUS, "status: VmPeak",
	   "highest total_vm so far"),
	MM("locked_vm", "locked_vm_bytes", VM_P_LOCKED, VM_U_BYTES, STATUS, "status: VmLck",
	   "mappings locked with mlock(2)"),
	MM("pinned_vm", "pinned_vm_bytes", VM_P_PINNED, VM_U_BYTES, STATUS, "status: VmPin",
	   "memory pinned for devices"),
	MM("data_vm", "data_vm_bytes", VM_P_DATA, VM_U_BYTES, STATUS, "status: VmData",
	   "private writable mappings other than stacks"),
	{ .name = "exec_vm", .key = "exec_vm_bytes", .help = "executable mappings", .type = VM_T_U64,
	  .unit = VM_U_BYTES, .flags = D | M, .needs = VM_NEED(STATUS), .get = get_exec_vm,
	  .source = "status: VmExe + VmLib" },
	MM("lib_vm", "lib_vm_bytes", VM_P_LIB, VM_U_BYTES, STATUS, "status: VmLib",
	   "those of them that are not the program's code: libraries"),
	MM("stack_vm", "stack_vm_bytes", VM_P_STACK, VM_U_BYTES, STATUS, "status: VmStk", "the stack"),
	MM("rss", "rss_bytes", VM_P_RSS, VM_U_BYTES, STAT, "stat: rss; status: VmRSS", "resident pages"),
	MM("hiwater_rss", "hiwater_rss_bytes", VM_P_HWM, VM_U_BYTES, STATUS, "status: VmHWM",
	   "highest rss so far"),
	MM("rss_anon", "rss_anon_bytes", VM_P_ANON, VM_U_BYTES, STATUS, "status: RssAnon",
	   "resident anonymous pages"),
	MM("rss_file", "rss_file_bytes", VM_P_FILE, VM_U_BYTES, STATUS, "status: RssFile",
	   "resident file pages"),
	MM("rss_shmem", "rss_shmem_bytes", VM_P_SHMEM, VM_U_BYTES, STATUS, "status: RssShmem",
	   "resident shared-memory pages"),
	MM("swap", "swap_bytes", VM_P_SWAP, VM_U_BYTES, STATUS, "status: VmSwap", "swapped out pages"),
	MM("hugetlb", "hugetlb_bytes", VM_P_HUGETLB, VM_U_BYTES, STATUS, "status: HugetlbPages",
	   "hugetlb pages"),
	MM("page_tables", "page_tables_bytes", VM_P_PAGE_TABLES, VM_U_BYTES, STATUS, "status: VmPTE",
	   "memory of the page tables"),
	MM("map_count", "map_count", VM_P_MAP_COUNT, VM_U_COUNT, LAYOUT,
	   "maps: number of lines, [vsyscall] left out", "mappings"),
	MM("rss_limit", "rss_limit_bytes", VM_P_RSSLIM, VM_U_BYTES, STAT, "stat: rsslim",
	   "RLIMIT_RSS (not enforced since Linux 2.4)"),
	MM("memlock_limit", "memlock_limit_bytes", VM_P_MEMLOCK_SOFT, VM_U_BYTES, LIMITS,
	   "limits: Max locked memory, soft", "how much it may lock"),
	MM("memlock_limit_max", "memlock_limit_max_bytes", VM_P_MEMLOCK_HARD, VM_U_BYTES, LIMITS,
	   "limits: Max locked memory, hard", "how far it may raise that"),
	MM("stack_limit", "stack_limit_bytes", VM_P_STACK_SOFT, VM_U_BYTES, LIMITS,
	   "limits: Max stack size, soft", "how far the stack may grow"),
	MM("data_limit", "data_limit_bytes", VM_P_DATA_SOFT, VM_U_BYTES, LIMITS,
	   "limits: Max data size, soft", "how far data_vm may grow"),
	MM("as_limit", "as_limit_bytes", VM_P_AS_SOFT, VM_U_BYTES, LIMITS,
	   "limits: Max address space, soft", "how far total_vm may grow"),
	MM("page_size", "page_size_bytes", VM_P_PAGE_BYTES, VM_U_BYTES, AUXV, "auxv: AT_PAGESZ",
	   "size of a base page"),
	MM("mm_users", "mm_users", VM_P_MM_USERS, VM_U_COUNT, MM, "mm_struct: mm_users",
	   "tasks and others that use the address space"),
	MM("mm_count", "mm_count", VM_P_MM_COUNT, VM_U_COUNT, MM, "mm_struct: mm_count",
	   "references to the mm_struct itself; all users count as one"),
	{ .name = "def_flags", .key = "def_flags", .help = "flags of new mappings: mlockall(MCL_FUTURE) and the like",
	  .type = VM_T_STR, .flags = D | M, .needs = VM_NEED(MM), .get = get_def_flags, .source = "mm_struct: def_flags" },
};

const struct vm_fieldset vm_mm_fields = {
	.row = "mm_struct", .rows = "mm", .v = mm_fields, .n = sizeof(mm_fields) / sizeof(mm_fields[0]),
	.fixed = true,
};

#define LOCKED_MAPS(name_, key_, q_, unit_, flags_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = unit_, \
	  .flags = (flags_) | M | VM_F_SUM | VM_F_DESC, .needs = VM_NEED(STATUS) | VM_NEED(SMAPS) | VM_NEED(FLAGS), \
	  .arg = q_, .get = get_qty, .source = source_ }
#define CHARGE(name_, key_, q_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_U64, .unit = VM_U_BYTES, .flags = M | VM_F_DESC, \
	  .needs = VM_NEED(MM), .arg = q_, .get = get_qty, .source = source_ }

static const struct vm_field lock_fields[] = {
	FIELD("PID", "pid", VM_T_U64, VM_U_COUNT, D | M | VM_F_LABEL, NEED_STAT, get_pid, "proc", "process ID"),
	FIELD("START", "start_ticks", VM_T_U64, VM_U_COUNT, M, NEED_STAT, get_start, "stat: starttime",
	      "when it started, in clock ticks since boot"),
	FIELD("UID", "uid", VM_T_U64, VM_U_COUNT, M, VM_NEED(STATUS), get_uid, "status: Uid", "real user ID"),
	FIELD("USER", "user", VM_T_STR, VM_U_NONE, D, VM_NEED(USER), get_user, "status: Uid", "name of that user"),
	LOCKED_FIELD(D | M),
	LOCKED_MAPS("ABSENT", "locked_absent_bytes", VM_P_LOCKED_ABSENT, VM_U_BYTES, D, "smaps: Size - Rss where VmFlags has lo",
		    "what of the locked mappings isn't resident"),
	LOCKED_MAPS("ONFAULT", "on_fault_bytes", VM_P_LOCKED_ONFAULT, VM_U_BYTES, 0, "smaps: Size where VmFlags has lf",
		    "size of those whose pages are locked when first touched (MLOCK_ONFAULT)"),
	LOCKED_MAPS("LOCKEDRSS", "locked_rss_bytes", VM_P_LOCKED_RSS, VM_U_BYTES, 0, "smaps: Rss where VmFlags has lo",
		    "what of the locked mappings is resident"),
	LOCKED_MAPS("NLOCKED", "locked_mappings", VM_P_LOCKED_MAPS, VM_U_COUNT, 0, "smaps: VmFlags has lo",
		    "how many mappings are locked"),
	PINNED_FIELD(D | M),
	MEMLOCK_FIELD(D | M),
	MEMLOCKMAX_FIELD(M),
	HEADROOM_FIELD(D | M),
	IPCLOCK_FIELD(M),
	MLOCKALL_FIELD(D | M),
	CHARGE("CHARGED", "user_charged_bytes", VM_P_USER_CHARGED, "user_struct: locked_vm, perf_mlock",
	       "what its user is charged for io_uring, perf and others, by all processes"),
	CHARGE("SHMLOCKED", "user_shm_locked_bytes", VM_P_USER_SHM_LOCKED, "ucounts: rlimit (Linux 6.0)",
	       "shared memory that its user has locked with shmctl(2)"),
	MAPS_FIELD(M),
	MAPS_SHARE_FIELD(D | M),
	FIELD("CGROUP", "cgroup", VM_T_STR, VM_U_NONE, VM_F_PATH, VM_NEED(CGROUP), get_cgroup, "cgroup", "control group"),
	FIELD("COMM", "comm", VM_T_STR, VM_U_NONE, M | VM_F_LABEL, NEED_STAT, get_comm, "stat: comm", "name of the program"),
	FIELD("CMDLINE", "cmdline", VM_T_STR, VM_U_NONE, M | VM_F_TRUNC, VM_NEED(CMDLINE), get_cmdline, "cmdline",
	      "command line"),
	FIELD("COMMAND", "command", VM_T_STR, VM_U_NONE, D | VM_F_TRUNC, NEED_STAT | VM_NEED(CMDLINE), get_command,
	      "cmdline, else stat: comm", "command line, else the program's name"),
};

const struct vm_fieldset vm_lock_fields = {
	.row = "process", .rows = "processes", .v = lock_fields, .n = sizeof(lock_fields) / sizeof(lock_fields[0]),
};
