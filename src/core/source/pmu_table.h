/**
 * Which events CPUs have for address translation, and what the kernel's generic events mean on them: data only.
 *
 * Numbers: perf's tables (tools/perf/pmu-events/arch in the kernel's tree), libpfm4's, and the manuals that both are made
 * from: Intel 64 and IA-32 SDM volume 3B and its event files, AMD's Processor Programming References, Arm's technical
 * reference manuals.  Generic events: arch/x86/events/intel/core.c (*_hw_cache_event_ids), arch/x86/events/amd/core.c,
 * drivers/perf/arm_pmuv3.c.
 */
#ifndef VM_SOURCE_PMU_TABLE_H
#define VM_SOURCE_PMU_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vm_pmu_vendor { VM_PMU_OTHER, VM_PMU_INTEL, VM_PMU_AMD, VM_PMU_ARM };

/** An event of a family of CPUs. */
struct vm_pmu_row {
	uint16_t what;             /* vm_tc_what(), VM_TC_CYCLES ... */
	bool precise;
	uint64_t config, config1;
	const char *name;          /* as libpfm4 writes it, without its PMU; "EVENT:UMASK" */
	bool not_pfm;              /* libpfm4 doesn't know it by that name */
	const char *note;
};

/** A generic event, as it is meant on a family: index into vm_pmu_generic_names[]. */
struct vm_pmu_generic {
	uint8_t name;
	uint16_t what;             /* VM_TC_NONE: the kernel has none, or its meaning isn't known */
	const char *note;
};

enum { VM_PMU_PFM_NAMES = 4, VM_PMU_KERNEL_NAMES = 3 };

/** CPUs with the same events. */
struct vm_pmu_family {
	const char *name;          /* "Golden Cove": for people */
	const char *pfm[VM_PMU_PFM_NAMES];         /* libpfm4's PMUs of these */
	const char *kernel[VM_PMU_KERNEL_NAMES];   /* caps/pmu_name */
	enum vm_pmu_vendor vendor;
	const struct vm_pmu_row *row;
	size_t n;
	const struct vm_pmu_generic *generic;
	size_t ngeneric;
};

/** What CPUID, or MIDR_EL1, says of a CPU.  core: 0, or 1 for the small ones of a hybrid. */
const struct vm_pmu_family *vm_pmu_family_of(enum vm_pmu_vendor vendor, unsigned family, unsigned model, unsigned core);

/** By what the kernel calls it; NULL. */
const struct vm_pmu_family *vm_pmu_family_called(const char *kernel_name);

/** All of them, for tests; ended by NULL. */
extern const struct vm_pmu_family *const vm_pmu_families[];

/** Of a CPU that no family is known for: by vendor. */
const struct vm_pmu_family *vm_pmu_family_unknown(enum vm_pmu_vendor vendor);

/** A generic event of the kernel, by perf's name. */
struct vm_pmu_generic_name {
	const char *name;          /* "dTLB-load-misses" */
	uint64_t config;           /* PERF_TYPE_HW_CACHE */
};

enum {
	VM_PMU_DTLB_LOADS, VM_PMU_DTLB_LOAD_MISSES, VM_PMU_DTLB_STORES, VM_PMU_DTLB_STORE_MISSES, VM_PMU_ITLB_LOADS,
	VM_PMU_ITLB_LOAD_MISSES, VM_PMU_GENERICS
};
extern const struct vm_pmu_generic_name vm_pmu_generic_names[VM_PMU_GENERICS];

#endif
