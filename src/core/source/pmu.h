/**
 * The CPU's performance counters: are there any, may we use them, and which events mean what.
 *
 * Encodings come from libpfm4 where it knows the CPU and the kernel agrees that it is that one, else from a table of our
 * own (pmu_table.c), else from the kernel's generic events, which mean different things by vendor.
 */
#ifndef VM_SOURCE_PMU_H
#define VM_SOURCE_PMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/tlbcount.h"

struct perf_event_attr;
struct vm_err;
struct vm_pmu_family;
struct vm_session;

/** May hardware counters be used? */
enum vm_pmu_state {
	VM_PMU_READY,
	VM_PMU_NONE,               /* there are none: being root doesn't help */
	VM_PMU_FORBIDDEN,          /* the kernel refuses; whether there are any can't be seen */
	VM_PMU_FILTERED,           /* a seccomp filter or a security module is in the way; likewise */
	VM_PMU_NO_PERF,            /* a kernel without perf events */
	VM_PMU_FAILED,             /* something else: see hardware */
};

/** Where encodings are from. */
enum vm_pmu_by { VM_PMU_BY_LIBPFM, VM_PMU_BY_TABLE, VM_PMU_BY_GENERIC };

/** An event as the kernel takes it. */
struct vm_pmu_event {
	uint16_t what;             /* vm_tc_what(), VM_TC_CYCLES ...; VM_TC_NONE: named by the user */
	uint32_t type;             /* PERF_TYPE_*, or that of a device */
	uint64_t config, config1, config2;
	/** The address of the sampled instruction can be had exactly (precise_ip), and with it the address of the data. */
	bool precise;
	char name[160];            /* "spr::DTLB_LOAD_MISSES:WALK_COMPLETED", "dTLB-load-misses" */
	/** What it counts on this CPU, where its name alone would mislead; or NULL. */
	const char *note;
};

enum { VM_PMU_EVENTS_MAX = 48, VM_PMU_CORES_MAX = 2, VM_PMU_PARANOID_UNKNOWN = -100 };

/** A kind of core: machines have one, hybrid ones two. */
struct vm_pmu_core {
	char device[32];           /* "cpu", "cpu_core", "cpu_atom", "armv8_pmuv3_0" */
	char kernel_name[32];      /* what the kernel calls it (caps/pmu_name): "sapphire_rapids"; or "" */
	char table[32];            /* whose events: "spr", "amd64_fam19h_zen4", "neoverse_n1", "generic Intel" */
	enum vm_pmu_by by;
	const struct vm_pmu_family *family;   /* of pmu_table.h; NULL: not yet looked for */
	uint32_t type;             /* perf's number of the device */
	/** Events that mean something here, each meaning once at most. */
	struct vm_pmu_event event[VM_PMU_EVENTS_MAX];
	size_t n;
};

struct vm_pmu {
	enum vm_pmu_state state;
	struct vm_pmu_core core[VM_PMU_CORES_MAX];
	size_t ncores;             /* 0: no device of a CPU is shown; what is then counted is nothing */
	/** Kernel mode may not be counted: attr.exclude_kernel must be set. */
	bool user_only;
	/** 0, or the negative errno that even software events are refused with. */
	int software;
	/** 0, or the negative errno that an event of cycles was refused with. */
	int hardware;
	bool hypervisor;           /* we are in a virtual machine */
	bool devices_shown;        /* sysfs says which PMUs there are */
	/** The CPU's number says one thing and its features another: as hypervisors that hide the model have it. */
	bool masked;
	/** libpfm takes the CPU for another one than we do: its name for it, or "". */
	char mistaken[32];
	/** kernel.perf_event_paranoid, or VM_PMU_PARANOID_UNKNOWN. */
	int paranoid;
	bool seccomp, user_namespace, perfmon;   /* a filter is on us; we aren't in the first namespace; we have CAP_PERFMON */
	bool watchdog;             /* the NMI watchdog takes a counter */
};

/** As far as files tell, without opening anything: all but state, user_only, software and hardware.  0 or -ENOMEM. */
int vm_pmu_identify(struct vm_session *s, struct vm_pmu *out, struct vm_err *err);

/** Find out.  What isn't there or isn't permitted is no failure: see state.  0 or -ENOMEM. */
int vm_pmu_probe(struct vm_session *s, struct vm_pmu *out, struct vm_err *err);

/** The event of a kind of core that has this meaning; NULL: it has none, or the kernel refuses it. */
const struct vm_pmu_event *vm_pmu_event(const struct vm_pmu_core *c, unsigned what);

/**
 * What to sample for page walks of one side: the precise event of instructions that needed one (WALKS_RETIRED) if there
 * is one, else completed walks, whose samples skid, else those of loads and stores together.  NULL: nothing.
 */
const struct vm_pmu_event *vm_pmu_event_to_sample(const struct vm_pmu_core *c, enum vm_tc_side side);

/** type, size, config*, exclude_* of a counter that counts what we may; all else is zero. */
void vm_pmu_attr(const struct vm_pmu *p, const struct vm_pmu_event *e, struct perf_event_attr *attr);

/**
 * An event by name: perf's dTLB-loads, dTLB-load-misses, dTLB-stores, dTLB-store-misses, iTLB-loads, iTLB-load-misses, cycles,
 * instructions, its software events, rNNNN (hexadecimal), and all that libpfm4 knows ("EVENT:UMASK" of this CPU, or
 * "pmu::EVENT:UMASK").  Of hybrids: of the core's first kind.  0; -EINVAL: no such event, with the nearest name.
 */
int vm_pmu_encode(const struct vm_pmu *p, const char *name, struct vm_pmu_event *out, struct vm_err *err);

/** Why there is nothing to count, and what would help: sentences for people. */
struct vm_pmu_reason {
	const char *key;           /* "no_pmu", "paranoid", "seccomp", "user_namespace", ...: for programs */
	char what[400], fix[400];  /* fix: "" where nothing helps */
};

/** Of a state other than VM_PMU_READY, or, if that, of what is left out (user_only); false: nothing to say. */
bool vm_pmu_reason(const struct vm_pmu *p, struct vm_pmu_reason *out);

/** Why even software events are refused; false: they aren't. */
bool vm_pmu_software_reason(const struct vm_pmu *p, struct vm_pmu_reason *out);

#endif
