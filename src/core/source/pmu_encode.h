/** Events of a CPU that is known: by libpfm4, by our own table, by the kernel's generic names. */
#ifndef VM_SOURCE_PMU_ENCODE_H
#define VM_SOURCE_PMU_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/source/pmu.h"
#include "core/source/pmu_table.h"

/** What /proc/cpuinfo says. */
struct vm_pmu_cpu {
	enum vm_pmu_vendor vendor;
	unsigned family, model;    /* Arm: implementer, part */
	bool newer;                /* it has what no Intel CPU before Golden Cove has */
};

/** Find the events of p->core[core], whose device and kernel_name are set; sets table, by, event[], p->masked, mistaken. */
void vm_pmu_fill(struct vm_pmu *p, unsigned core, const struct vm_pmu_cpu *cpu);

/** The kernel's number of a generic event, which on hybrids names the device in its upper half (Linux 5.13). */
uint64_t vm_pmu_extended(const struct vm_pmu *p, unsigned core, uint64_t config);

/** Who refuses with that negative errno: the kernel (FORBIDDEN), a filter or module (FILTERED), nobody (READY). */
enum vm_pmu_state vm_pmu_refused(const struct vm_pmu *p, int code);

/* libpfm4: pmu_pfm.c */

/** Its name of the core PMU that it believes to be here; false: none, or built without it. */
bool vm_pmu_pfm_detected(char *name, size_t size);

/** Does this build of it know that PMU? */
bool vm_pmu_pfm_knows(const char *pmu);

/** "pmu::EVENT:UMASK", or without a PMU, to *out: type, config*, name, precise.  0; -EINVAL in words; -EOPNOTSUPP: built
    without it. */
int vm_pmu_pfm_encode(const char *name, struct vm_pmu_event *out, struct vm_err *err);

/** Of its events, those here and those of `pmu` (or NULL), the one with the nearest name; false: none is near. */
bool vm_pmu_pfm_suggest(const char *name, const char *pmu, char *out, size_t size);

#endif
